//! Many schedules, one after the other on each core; and the least part of a failing one that still fails.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::figures::Figures;
use crate::schedule::{self, Lines, Plan};
use crate::template;
use crate::world::Wrong;

/// After so many failures there is enough to look at.
const ENOUGH: usize = 5;

/// So often something is said in a long run.
const SAID: u64 = 100;

/// What came of a schedule.
pub struct Attempt {
    pub ended: Result<Figures, Wrong>,
    /// What happened.
    pub lines: Vec<String>,
}

/// Runs so many schedules from a first seed on; the seeds that fail, and why.
pub fn run(schedules: u64, first: u64) -> Vec<(u64, Wrong)> {
    let begun = Instant::now();
    let next = AtomicU64::new(0);
    let done = Mutex::new((Figures::default(), Vec::new()));
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= schedules || done.lock().unwrap().1.len() >= ENOUGH {
                return;
            }
            let seed = first.wrapping_add(number);
            let plan = Plan::new(seed);
            let Attempt { ended, lines } = attempt(&plan);
            if let Err(wrong) = &ended {
                println!("{}\n\nseed {seed}: {wrong}", lines.join("\n"));
                println!("replay: cargo xtask model --schedules 1 --seed {seed}\n");
                if schedules == 1 {
                    shrink(&plan);
                }
            }
            let mut done = done.lock().unwrap();
            match ended {
                Ok(figures) => done.0 += figures,
                Err(wrong) => done.1.push((seed, wrong)),
            }
            if done.0.schedules % SAID == 0 {
                println!("{} schedules: {}", done.0.schedules, done.0);
            }
        }
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(work);
        }
    });
    let (figures, failures) = done.into_inner().unwrap();
    println!(
        "{} schedules from seed {first}, {} failures: {figures}; {:.0} s",
        figures.schedules + failures.len() as u64,
        failures.len(),
        begun.elapsed().as_secs_f64()
    );
    failures
}

/// Carries a plan out.
pub fn attempt(plan: &Plan) -> Attempt {
    let lines = Lines::default();
    let said = Rc::clone(&lines);
    let running =
        AssertUnwindSafe(|| template::block_on(schedule::run(plan, said, async |_| Ok(()))));
    let ended = catch_unwind(running).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(format!("a panic: {}", text.unwrap_or_default()))
    });
    Attempt {
        ended,
        lines: RefCell::take(&lines),
    }
}

/// Leaves steps out for as long as what is left still fails, and says what is left.
fn shrink(plan: &Plan) {
    let mut least = plan.clone();
    let mut shown = None;
    let mut size = least.steps.len().div_ceil(2);
    while size > 0 {
        let mut from = 0;
        while from < least.steps.len() {
            let mut smaller = least.clone();
            let to = (from + size).min(smaller.steps.len());
            smaller.steps.drain(from..to);
            let Attempt { ended, lines } = attempt(&smaller);
            match ended {
                Err(wrong) => {
                    least = smaller;
                    shown = Some((wrong, lines));
                }
                Ok(_) => from += size,
            }
        }
        size /= 2;
    }
    if let Some((wrong, lines)) = shown {
        let (left, all) = (least.steps.len(), plan.steps.len());
        println!(
            "{}\n\n{left} of {all} steps are enough: {wrong}\n",
            lines.join("\n")
        );
    }
}
