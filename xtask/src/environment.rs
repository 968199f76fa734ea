//! Python environments in which the real frameworks answer.
//!
//! Each is made once for each user, in the cache folder, by uv and from pinned requirements, and is
//! never changed after: stored answers say which framework gave them, and that has to stay true. What
//! uv downloads is kept beside the environments, so that one that was interrupted goes on where it
//! was. Deleting the folder `mapcheck` in the cache deletes all of it.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::cache;

/// One environment: what it needs, and for which engine.
struct Recipe {
    engine: &'static str,
    python: &'static str,
    /// For whoever waits.
    size: &'static str,
    requirements: &'static str,
    stand_ins: Option<StandIns>,
}

/// Libraries that are named by those of a framework, but of which a run on a CPU calls nothing.
///
/// Each becomes a link to a library that is loaded anyway, which is all that the loader asks for: the
/// functions are looked up when they are called (`torch_worker.py` sees to that).
struct StandIns {
    folder: &'static str,
    target: &'static str,
    names: &'static [&'static str],
}

const RECIPES: [Recipe; 5] = [
    Recipe {
        engine: "torch-1.8.1",
        python: "3.9",
        size: "0.8 GB to download, 1.7 GB on disk",
        requirements: include_str!("../workers/requirements/torch-1.8.1.txt"),
        stand_ins: None,
    },
    Recipe {
        engine: "torch-2.13.0",
        python: "3.11",
        size: "0.6 GB to download, 1.3 GB on disk",
        requirements: include_str!("../workers/requirements/torch-2.13.0.txt"),
        stand_ins: Some(StandIns {
            folder: "lib/python3.11/site-packages/nvidia/cu13/lib",
            target: "../../../torch/lib/libtorch_global_deps.so",
            names: &[
                "libcublas.so.13",
                "libcublasLt.so.13",
                "libcudnn.so.9",
                "libcufft.so.12",
                "libcufile.so.0",
                "libcurand.so.10",
                "libcusparse.so.12",
                "libcusparseLt.so.0",
                "libnccl.so.2",
                "libnvrtc.so.13",
            ],
        }),
    },
    Recipe {
        engine: "mindspore-2.0.0",
        python: "3.9",
        size: "1.0 GB to download, 2.6 GB on disk",
        requirements: include_str!("../workers/requirements/mindspore-2.0.0.txt"),
        stand_ins: None,
    },
    Recipe {
        engine: "mindspore-2.7.0",
        python: "3.11",
        size: "0.8 GB to download, 2.5 GB on disk",
        requirements: include_str!("../workers/requirements/mindspore-2.7.0.txt"),
        stand_ins: None,
    },
    Recipe {
        engine: "mindspore-2.10.0",
        python: "3.11",
        size: "0.9 GB to download, 2.7 GB on disk",
        requirements: include_str!("../workers/requirements/mindspore-2.10.0.txt"),
        stand_ins: None,
    },
];

/// Taken where no uv is found.
const UV: &str = "0.13.9";

/// The requirements that an environment was made from, in its folder.
const MADE_FROM: &str = "requirements.txt";

/// The engines that there is an environment for.
pub fn engines() -> impl Iterator<Item = &'static str> {
    RECIPES.iter().map(|recipe| recipe.engine)
}

/// A whole environment, of the requirements of now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    folder: PathBuf,
}

impl Environment {
    /// The environment of an engine, where it has been made.
    pub fn find(engine: &str) -> Result<Option<Self>> {
        let environment = Self { folder: environments()?.join(engine) };
        Ok(environment.is_of(recipe(engine)?).then_some(environment))
    }

    /// The environment of an engine. Where there is none it is made: gigabytes, and minutes.
    pub fn prepare(engine: &str) -> Result<Self> {
        match Self::find(engine)? {
            Some(environment) => Ok(environment),
            None => make(recipe(engine)?).with_context(|| format!("cannot make the Python environment of {engine}")),
        }
    }

    /// A command that runs a Python script, in nothing but this environment.
    pub fn python(&self, script: &Path) -> Command {
        let mut python = Command::new(interpreter_in(&self.folder));
        // Bytecode stays out of the workspace.
        python.arg("-X").arg(with_equals("pycache_prefix", &self.folder.join("bytecode"))).arg(script);
        // `cargo run` puts live libtorch into LD_LIBRARY_PATH, which is not to be mixed up with a wheel's.
        for meddling in ["LD_BIND_NOW", "LD_LIBRARY_PATH", "LD_PRELOAD"] {
            python.env_remove(meddling);
        }
        for meddling in ["PYTHONDONTWRITEBYTECODE", "PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP"] {
            python.env_remove(meddling);
        }
        python.env("PYTHONNOUSERSITE", "1");
        python
    }

    fn is_of(&self, recipe: &Recipe) -> bool {
        let made_from = fs::read_to_string(self.folder.join(MADE_FROM));
        // The interpreter is a link, and what it leads to may be gone.
        made_from.is_ok_and(|text| text == recipe.requirements) && interpreter_in(&self.folder).is_file()
    }
}

fn with_equals(name: &str, value: &Path) -> OsString {
    let mut text = OsString::from(name);
    text.push("=");
    text.push(value);
    text
}

fn interpreter_in(environment: &Path) -> PathBuf {
    environment.join("bin/python")
}

fn recipe(engine: &str) -> Result<&'static Recipe> {
    let known =
        || format!("there is no environment for `{engine}`, only for {}", engines().collect::<Vec<_>>().join(", "));
    RECIPES.iter().find(|recipe| recipe.engine == engine).with_context(known)
}

fn environments() -> Result<PathBuf> {
    Ok(cache::folder()?.join("environments"))
}

/// Makes an environment beside its place and renames it: it is whole or is not there.
fn make(recipe: &Recipe) -> Result<Environment> {
    ensure!(cfg!(unix), "the environments of the frameworks are made on Linux and macOS only");
    let environments = environments()?;
    fs::create_dir_all(&environments).with_context(|| format!("cannot make {}", environments.display()))?;
    cache::remove_stale(&environments, cache::UNFINISHED);
    let temp = tempfile::Builder::new()
        .prefix(cache::UNFINISHED)
        .tempdir_in(&environments)
        .with_context(|| format!("cannot write to {}", environments.display()))?;
    eprintln!("Making the Python environment of {} ({}, once)", recipe.engine, recipe.size);

    let uv = uv()?;
    let new = Environment { folder: temp.path().join(recipe.engine) };
    let wanted = interpreter(recipe.python);
    let mut venv = command(&uv)?;
    venv.args(["venv", "--quiet", "--no-project", "--python"]).arg(&wanted).arg(&new.folder);
    run(&mut venv).with_context(|| {
        let version = recipe.python;
        format!("{} needs CPython {version}: install it, by pyenv or by your system's packages", recipe.engine)
    })?;
    let requirements = new.folder.join(MADE_FROM);
    fs::write(&requirements, recipe.requirements)?;
    let mut install = command(&uv)?;
    install.args(["pip", "install", "--no-deps", "--only-binary", ":all:", "--python"]);
    run(install.arg(interpreter_in(&new.folder)).arg("-r").arg(&requirements))?;
    link_stand_ins(recipe, &new.folder)?;
    check(recipe, &new)?;

    let environment = Environment { folder: environments.join(recipe.engine) };
    // One of other requirements may stand there; another run may have been quicker.
    if environment.folder.exists() && !environment.is_of(recipe) {
        drop(fs::rename(&environment.folder, temp.path().join("replaced")));
    }
    match fs::rename(&new.folder, &environment.folder) {
        Err(_) if environment.is_of(recipe) => {}
        renamed => renamed.with_context(|| format!("cannot move it to {}", environment.folder.display()))?,
    }
    Ok(environment)
}

fn link_stand_ins(recipe: &Recipe, environment: &Path) -> Result<()> {
    // Elsewhere the wheels are built for a CPU.
    let Some(stand_ins) = recipe.stand_ins.as_ref().filter(|_| cfg!(all(target_os = "linux", target_arch = "x86_64")))
    else {
        return Ok(());
    };
    for name in stand_ins.names {
        let link = environment.join(stand_ins.folder).join(name);
        cache::symlink(stand_ins.target.as_ref(), &link).with_context(|| format!("cannot make {}", link.display()))?;
    }
    Ok(())
}

/// The framework must say hello before its environment counts as made.
fn check(recipe: &Recipe, environment: &Environment) -> Result<()> {
    eprintln!("Importing {} for the first time", recipe.engine);
    let script = crate::worker::script(recipe.engine)?;
    let output = environment
        .python(&script)
        // Its bytecode would carry the name of a temporary folder.
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(environment.folder.parent().unwrap_or(Path::new(".")))
        .stdin(Stdio::null())
        .output()
        .context("its Python cannot be started")?;
    let said = String::from_utf8_lossy(&output.stderr);
    let tail: Vec<&str> = said.lines().rev().take(20).collect();
    let tail = tail.into_iter().rev().map(|line| format!("\n  {line}")).collect::<String>();
    ensure!(output.status.success() && !output.stdout.is_empty(), "it does not work ({}):{tail}", output.status);
    Ok(())
}

/// The interpreter for a version as uv is asked for it: that of pyenv, or whatever uv finds or fetches.
fn interpreter(version: &str) -> OsString {
    let pyenv = env::var_os("PYENV_ROOT").map(PathBuf::from);
    let pyenv = pyenv.or_else(|| Some(dirs::home_dir()?.join(".pyenv")));
    let of_pyenv = pyenv.and_then(|pyenv| newest(&pyenv.join("versions"), version));
    of_pyenv.map_or_else(|| version.into(), PathBuf::into_os_string)
}

/// The interpreter of the newest `3.9.*` in pyenv's folder.
fn newest(versions: &Path, version: &str) -> Option<PathBuf> {
    let patch = |name: &OsStr| name.to_str()?.strip_prefix(version)?.strip_prefix('.')?.parse::<u32>().ok();
    let found = fs::read_dir(versions).into_iter().flatten().flatten();
    let found = found.filter_map(|entry| Some((patch(&entry.file_name())?, interpreter_in(&entry.path()))));
    found.filter(|(_, python)| python.is_file()).max().map(|(_, python)| python)
}

/// uv on the PATH, or else one of our own.
fn uv() -> Result<PathBuf> {
    let on_path = PathBuf::from("uv");
    if works(&on_path) {
        return Ok(on_path);
    }
    let cache = cache::folder()?;
    let own = cache.join(format!("uv-{UV}"));
    let uv = own.join("bin/uv");
    if works(&uv) {
        return Ok(uv);
    }
    eprintln!("Fetching uv {UV}, as there is none on the PATH");
    let temp = tempfile::Builder::new().prefix(cache::UNFINISHED).tempdir_in(environments()?)?;
    let new = temp.path().join("uv");
    let missing = "there is no `uv`, and no `python3` with venv and pip to get it with: install one of them \
                   (the packages python3, python3-venv and python3-pip of most systems)";
    run(Command::new("python3").args(["-m", "venv"]).arg(&new)).context(missing)?;
    let mut pip = Command::new(interpreter_in(&new));
    pip.args(["-m", "pip", "install", "--quiet", "--only-binary=:all:", "--disable-pip-version-check"]);
    run(pip.arg(format!("uv=={UV}"))).context(missing)?;
    match fs::rename(&new, &own) {
        Err(_) if works(&uv) => {}
        renamed => renamed.with_context(|| format!("cannot move uv to {}", own.display()))?,
    }
    Ok(uv)
}

/// Whether it is there and no empty shim.
fn works(uv: &Path) -> bool {
    let output = Command::new(uv).arg("--version").stdin(Stdio::null()).output();
    output.is_ok_and(|output| output.status.success())
}

/// uv, with its downloads beside the environments: on one file system, so that nothing is there twice.
fn command(uv: &Path) -> Result<Command> {
    let mut command = Command::new(uv);
    if env::var_os("UV_CACHE_DIR").is_none() {
        command.env("UV_CACHE_DIR", cache::folder()?.join("uv"));
    }
    command.env_remove("VIRTUAL_ENV").env_remove("PYTHONPATH").env_remove("PYTHONHOME");
    Ok(command)
}

/// Runs a tool whose messages the user sees.
fn run(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.stdin(Stdio::null()).stdout(io::stderr()).status();
    match status.with_context(|| format!("cannot start {name}"))? {
        status if status.success() => Ok(()),
        status => bail!("{name} failed ({status}); its message is above"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_requirement_is_pinned() {
        for recipe in &RECIPES {
            let lines = recipe.requirements.lines().filter(|line| !line.starts_with('#'));
            let loose: Vec<&str> = lines.filter(|line| !line.contains("==")).collect();
            assert!(loose.is_empty(), "{}: {loose:?}", recipe.engine);
            let (framework, version) = recipe.engine.split_once('-').unwrap();
            assert!(recipe.requirements.contains(&format!("\n{framework}=={version}\n")), "{}", recipe.engine);
            assert!(recipe.requirements.starts_with(&format!("# CPython {}.", recipe.python)), "{}", recipe.engine);
        }
    }

    #[test]
    fn an_engine_without_environment_is_refused() {
        let error = Environment::find("torch-9.9").unwrap_err().to_string();
        assert!(error.contains("`torch-9.9`") && error.contains("torch-1.8.1, torch-2.13.0"), "{error}");
    }

    #[test]
    fn the_newest_patch_of_a_version_is_taken() -> Result<()> {
        let versions = tempfile::tempdir()?;
        for name in ["3.9.2", "3.9.18", "3.10.13", "3.90.1", "3.9.x", "pypy3.9-7"] {
            let bin = versions.path().join(name).join("bin");
            fs::create_dir_all(&bin)?;
            fs::write(bin.join("python"), "")?;
        }
        fs::create_dir_all(versions.path().join("3.9.20"))?; // no interpreter
        assert_eq!(newest(versions.path(), "3.9"), Some(versions.path().join("3.9.18/bin/python")));
        assert_eq!(newest(versions.path(), "3.8"), None);
        assert_eq!(newest(&versions.path().join("none"), "3.9"), None);
        Ok(())
    }

    #[test]
    fn an_environment_of_other_requirements_does_not_count() -> Result<()> {
        let temp = tempfile::tempdir()?;
        let environment = Environment { folder: temp.path().to_owned() };
        let recipe = &RECIPES[0];
        assert!(!environment.is_of(recipe));
        fs::create_dir(temp.path().join("bin"))?;
        fs::write(interpreter_in(temp.path()), "")?;
        fs::write(temp.path().join(MADE_FROM), RECIPES[1].requirements)?;
        assert!(!environment.is_of(recipe));
        fs::write(temp.path().join(MADE_FROM), recipe.requirements)?;
        assert!(environment.is_of(recipe));
        Ok(())
    }
}
