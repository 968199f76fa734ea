//! The real frameworks as engines: a Python process each, which is asked call after call.
//!
//! A framework can die, or hang, at any call. The process is then given up with an error that names
//! the check, and the next call is asked of a new one.

mod protocol;

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use mapcheck::call::{Call, Outcome};
use mapcheck::signature::Signature;
pub use protocol::Hello;
use tempfile::TempDir;

use crate::cache;
use crate::environment::Environment;

/// How long a worker may take.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// To import its framework.
    start: Duration,
    /// To answer one call.
    call: Duration,
}

const LIMITS: Limits = Limits { start: Duration::from_secs(180), call: Duration::from_secs(60) };

/// Marks the folders in which workers run.
const RUNS: &str = "mapcheck-worker-";

/// Lines of standard error that are kept, to be shown where a worker dies.
const LAST_LINES: usize = 20;

/// A framework that answers calls.
pub struct Worker {
    engine: String,
    command: Box<dyn Fn() -> Command + Send>,
    limits: Limits,
    hello: Hello,
    process: Option<Process>,
    /// Why there will be no process any more.
    lost: Option<String>,
}

impl Worker {
    /// Starts the framework of an engine (`torch-1.8.1`), in its environment.
    pub fn start(engine: &str) -> Result<Self> {
        let environment = Environment::prepare(engine)?;
        let script = script(engine)?;
        let command = move || {
            let mut command = environment.python(&script);
            // One thread sums in one order; MindSpore keeps its own stack traces to itself.
            command.env("OMP_NUM_THREADS", "1").env("MKL_NUM_THREADS", "1").env("GLOG_v", "4");
            command.env("CUDA_VISIBLE_DEVICES", "");
            command
        };
        let worker = Self::with(engine, Box::new(command), LIMITS)?;
        let version = worker.hello.version.split('+').next().unwrap_or_default();
        let answers = format!("{}-{version}", worker.hello.framework);
        ensure!(answers == engine, "the environment of {engine} holds {answers}");
        Ok(worker)
    }

    fn with(engine: &str, command: Box<dyn Fn() -> Command + Send>, limits: Limits) -> Result<Self> {
        let (process, hello) = Process::start(&command, limits).with_context(|| format!("cannot start {engine}"))?;
        Ok(Self { engine: engine.to_owned(), command, limits, hello, process: Some(process), lost: None })
    }

    /// Who answers.
    pub fn hello(&self) -> &Hello {
        &self.hello
    }

    /// Asks a call, and where `print` is set what `print` of its output shows. `id` is the name of the check,
    /// and in every error.
    ///
    /// An error is about this call only: after it, a new process answers the next.
    pub fn ask(&mut self, id: &str, call: &Call, print: bool) -> Result<Outcome> {
        let request = protocol::request(id, call, print)?;
        let outcome = self.exchange(request, |line| protocol::outcome(id, line));
        outcome.with_context(|| format!("{} did not answer {id}", self.engine))
    }

    /// Asks for the signature of the module.
    pub fn signature(&mut self) -> Result<Signature> {
        let signature = self.exchange(protocol::SIGNATURE.to_owned(), protocol::signature);
        signature.with_context(|| format!("{} did not give its signature", self.engine))
    }

    /// Sends a line and reads the one that comes back. Where anything is wrong the process is given up.
    fn exchange<T>(&mut self, request: String, read: impl FnOnce(&str) -> Result<T>) -> Result<T> {
        let mut process = match self.process.take_if(|process| process.is_running()) {
            Some(process) => process,
            None => self.again()?,
        };
        process.send(request);
        let reply = read(&process.receive(self.limits.call)?)?;
        self.process = Some(process);
        Ok(reply)
    }

    /// A new process in place of one that was given up.
    fn again(&mut self) -> Result<Process> {
        if let Some(why) = &self.lost {
            bail!("{why}");
        }
        let start = || {
            let (process, hello) = Process::start(&self.command, self.limits)?;
            ensure!(hello == self.hello, "it is {hello:?} now, and was {:?}", self.hello);
            Ok(process)
        };
        let again = start().context("it cannot be started again");
        // Not to wait as long for each call that follows.
        self.lost = again.as_ref().err().map(|error| format!("{error:#}"));
        again
    }
}

/// The script that asks the framework of an engine.
pub fn script(engine: &str) -> Result<PathBuf> {
    let framework = engine.split('-').next().unwrap_or_default();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("workers").join(format!("{framework}_worker.py"));
    ensure!(script.is_file(), "{} is not there: has the workspace been moved since it was built?", script.display());
    Ok(script)
}

/// A running process, one line to it for each line from it.
struct Process {
    child: Child,
    requests: Sender<String>,
    replies: Receiver<String>,
    said: Arc<Mutex<VecDeque<String>>>,
    listener: Option<JoinHandle<()>>,
    /// Where it runs: MindSpore leaves files behind.
    _folder: TempDir,
}

impl Process {
    /// Starts it and waits for its first line.
    fn start(command: &dyn Fn() -> Command, limits: Limits) -> Result<(Self, Hello)> {
        cache::remove_stale(&std::env::temp_dir(), RUNS);
        let folder = tempfile::Builder::new().prefix(RUNS).tempdir();
        let folder = folder.context("there is no temporary folder to run in")?;
        let mut command = command();
        command.current_dir(&folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let name = command.get_program().to_string_lossy().into_owned();
        let mut child = command.spawn().with_context(|| format!("{name} cannot be run"))?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let said = Arc::default();
        let (requests, to_send) = channel();
        let (received, replies) = channel();
        if let Some(stdin) = stdin {
            std::thread::spawn(move || write_lines(stdin, &to_send));
        }
        if let Some(stdout) = stdout {
            // Where it dies, its last line may be half a line: that is no answer.
            std::thread::spawn(move || lines(stdout, |line, whole| whole && received.send(line).is_ok()));
        }
        let listener = stderr.map(|stderr| {
            let said = Arc::clone(&said);
            std::thread::spawn(move || lines(stderr, |line, _| keep(&said, line)))
        });
        let mut process = Self { child, requests, replies, said, listener, _folder: folder };
        let line = process.receive(limits.start)?;
        let hello = serde_json::from_str(&line).with_context(|| format!("it did not say who it is, but: {line}"))?;
        Ok((process, hello))
    }

    fn is_running(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_none())
    }

    fn send(&self, request: String) {
        // What it says from now on is about this request.
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clear();
        // Where it is dead, there will be no reply: that is where it is told.
        let _ = self.requests.send(request);
    }

    /// The next line; a process that gives none is ended.
    fn receive(&mut self, limit: Duration) -> Result<String> {
        let problem = match self.replies.recv_timeout(limit) {
            Ok(line) => return Ok(line),
            Err(RecvTimeoutError::Timeout) => {
                let _ = self.child.kill();
                self.end();
                format!("it gave no answer within {limit:?}")
            }
            Err(RecvTimeoutError::Disconnected) => {
                let status = self.end().map_or_else(String::new, |status| format!(" ({status})"));
                format!("it died{status}")
            }
        };
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let said: String = said.iter().map(|line| format!("\n  {line}")).collect();
        if said.is_empty() {
            bail!("{problem}, and said nothing");
        }
        bail!("{problem}; the last that it said:{said}")
    }

    /// Waits until it has ended and all that it said is there.
    fn end(&mut self) -> Option<ExitStatus> {
        // It is ending by itself, and its own status says more than that it was killed.
        if !patiently(|| self.child.try_wait().is_ok_and(|status| status.is_some())) {
            let _ = self.child.kill();
        }
        let status = self.child.wait().ok();
        // Not for ever: a child of its own may hold standard error open.
        patiently(|| self.listener.as_ref().is_none_or(JoinHandle::is_finished));
        status
    }
}

/// Waits a moment for something; whether it came.
fn patiently(mut is_there: impl FnMut() -> bool) -> bool {
    (0..500).any(|_| {
        let there = is_there();
        if !there {
            std::thread::sleep(Duration::from_millis(10));
        }
        there
    })
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// In a thread of its own: a pipe is full where the other end does not read.
fn write_lines(mut to: ChildStdin, lines: &Receiver<String>) {
    while let Ok(line) = lines.recv() {
        if to.write_all(line.as_bytes()).and_then(|()| to.flush()).is_err() {
            break;
        }
    }
}

/// Hands on line after line, and whether it is a whole one, while `take` wants more.
fn lines(from: impl Read, mut take: impl FnMut(String, bool) -> bool) {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        if !take(text, line.ends_with(b"\n")) {
            break;
        }
        line.clear();
    }
}

fn keep(said: &Mutex<VecDeque<String>>, line: String) -> bool {
    let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
    if !line.is_empty() {
        said.push_back(line);
    }
    if said.len() > LAST_LINES {
        said.pop_front();
    }
    true
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use mapcheck::tensor::{DType, Tensor};

    const HELLO: &str = r#"{"framework":"torch","version":"0","python":"3","numpy":"1","platform":"p"}"#;
    const ANSWER: &str = r#"{"id":"eps/a","rejected":"ValueError","message":"no"}"#;

    /// A worker that is a shell script. `$MARK` is a file that is not there.
    fn shell(script: &str) -> Result<(Worker, TempDir)> {
        shell_within(script, LIMITS)
    }

    fn shell_within(script: &str, limits: Limits) -> Result<(Worker, TempDir)> {
        let folder = tempfile::tempdir()?;
        let mark = folder.path().join("mark");
        let script = script.to_owned();
        let command = move || {
            let mut command = Command::new("sh");
            command.arg("-c").arg(&script).env("HELLO", HELLO).env("ANSWER", ANSWER).env("MARK", &mark);
            command
        };
        Ok((Worker::with("torch-0", Box::new(command), limits)?, folder))
    }

    fn call(elements: usize) -> Call {
        let input = Tensor::from_f64(DType::F32, &[elements], &vec![1.0; elements]).unwrap();
        Call { arguments: Vec::new(), fill: Vec::new(), input: ("x".to_owned(), input), backward: None }
    }

    fn error<T>(result: Result<T>) -> String {
        format!("{:#}", result.err().expect("an error"))
    }

    #[test]
    fn a_worker_that_died_is_replaced() -> Result<()> {
        let dies = r#"echo "$HELLO"; read -r line; if [ -e "$MARK" ]; then echo "$ANSWER"; read -r line
            else touch "$MARK"; echo first >&2; printf second >&2; printf "half a line"; exit 3; fi"#;
        let (mut worker, _folder) = shell(dies)?;
        assert_eq!(worker.hello().python, "3");
        let told = error(worker.ask("eps/a", &call(1), false));
        for part in ["torch-0 did not answer eps/a", "it died", "exit status: 3", "\n  first\n  second"] {
            assert!(told.contains(part), "{told}");
        }
        assert!(matches!(worker.ask("eps/a", &call(1), false)?, Outcome::Rejected(_)));
        Ok(())
    }

    #[test]
    fn a_worker_that_ended_after_its_answer_is_replaced_unnoticed() -> Result<()> {
        let (mut worker, _folder) = shell(r#"echo "$HELLO"; read -r line; echo "$ANSWER""#)?;
        for _ in 0..3 {
            worker.ask("eps/a", &call(1), false)?;
            worker.process.as_mut().expect("it answered").child.wait()?;
        }
        Ok(())
    }

    #[test]
    fn a_worker_that_hangs_is_ended() -> Result<()> {
        // It does not read on either, and the request is larger than a pipe.
        let hangs = r#"echo "$HELLO"; head -c 1 >&2; echo sleepy >&2; exec sleep 600"#;
        let (mut worker, _folder) = shell_within(hangs, Limits { call: Duration::from_secs(1), ..LIMITS })?;
        let told = error(worker.ask("eps/a", &call(1 << 18), false));
        assert!(told.contains("no answer within 1s"), "{told}");
        Ok(())
    }

    #[test]
    fn one_that_is_out_of_step_is_given_up() -> Result<()> {
        let (mut worker, _folder) = shell(r#"echo "$HELLO"; while read -r line; do echo "$ANSWER"; done"#)?;
        let told = error(worker.ask("eps/b", &call(1), false));
        assert!(told.contains("did not answer eps/b") && told.contains("instead"), "{told}");
        assert!(worker.process.is_none());
        worker.ask("eps/a", &call(1), false)?;
        Ok(())
    }

    #[test]
    fn one_that_cannot_be_started_says_why() -> Result<()> {
        let told = error(shell("echo no such module >&2; exit 1"));
        assert!(told.contains("cannot start torch-0") && told.contains("no such module"), "{told}");
        assert!(error(shell("echo hello")).contains("did not say who it is, but: hello"));

        let (mut worker, _folder) = shell(r#"[ -e "$MARK" ] && exit 4; touch "$MARK"; echo "$HELLO"; read -r line"#)?;
        assert!(error(worker.ask("eps/a", &call(1), false)).contains("it died"));
        for _ in 0..2 {
            let told = error(worker.ask("eps/a", &call(1), false));
            assert!(told.contains("cannot be started again") && told.contains("exit status: 4"), "{told}");
        }
        Ok(())
    }
}
