//! Prints what a fork-join of two equal tasks takes, in thread pools of two threads, beyond the time of one task. Who
//! does both tasks one after the other takes the time of one task more.

use std::hint::spin_loop;
use std::num::NonZero;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

/// How long a task is.
const TASKS: [Duration; 4] =
    [Duration::from_micros(5), Duration::from_micros(20), Duration::from_micros(100), Duration::from_micros(500)];

/// How long the caller does something else before each fork.
const BEFORE: [Duration; 4] =
    [Duration::ZERO, Duration::from_micros(10), Duration::from_micros(50), Duration::from_millis(1)];

/// How often each is measured: so long in all, but at least so many times and no more than so many.
const IN_ALL: Duration = Duration::from_millis(50);
const AT_LEAST: u32 = 50;
const AT_MOST: u32 = 2000;

static FORTE: forte::ThreadPool = const { forte::ThreadPool::new() };

fn main() -> Result<()> {
    println!("| pool | between the forks | {} |", TASKS.map(|task| format!("tasks of {task:?}")).join(" | "));
    println!("|:---|---:|{}", "---:|".repeat(TASKS.len()));
    let rayon = rayon::ThreadPoolBuilder::new().num_threads(2).build()?;
    // A caller of rayon, and of forte, is one of the pool's threads; chili's comes to those of the pool.
    rayon.install(|| {
        rows("rayon", |task| {
            rayon::join(|| work(task), || work(task));
        });
    });
    let config = chili::Config { thread_count: NonZero::new(1), ..chili::Config::default() };
    let chili = chili::ThreadPool::with_config(config);
    let mut scope = chili.scope();
    rows("chili", |task| {
        scope.join_with_heartbeat_every::<1, _, _, _, _>(|_| work(task), |_| work(task));
    });
    ensure!(FORTE.resize_to(2) == 2, "forte has no two threads");
    FORTE.with_worker(|_| {
        rows("forte", |task| {
            FORTE.join(|_| work(task), |_| work(task));
        });
    });
    Ok(())
}

/// A line for each time between the forks: the medians.
fn rows(pool: &str, mut fork: impl FnMut(Duration)) {
    for before in BEFORE {
        let cells = TASKS.map(|task| format!("{:.1} us", median(before, task, &mut fork)));
        println!("| {pool} | {before:?} | {} |", cells.join(" | "));
    }
}

/// What a fork takes beyond one task, in microseconds.
fn median(before: Duration, task: Duration, fork: &mut impl FnMut(Duration)) -> f64 {
    let count = (IN_ALL.as_nanos() / (before + task).as_nanos()) as u32;
    let mut times: Vec<f64> = (0..count.clamp(AT_LEAST, AT_MOST))
        .map(|_| {
            work(before);
            let started = Instant::now();
            fork(task);
            (started.elapsed().as_secs_f64() - task.as_secs_f64()) * 1e6
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Keeps a thread busy.
fn work(time: Duration) {
    let started = Instant::now();
    while started.elapsed() < time {
        spin_loop();
    }
}
