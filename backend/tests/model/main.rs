//! Random schedules over many simulated clients: the real client core against the real server.
//!
//! A seed decides everything: who does what, which of several clients is served next, which request or answer is lost,
//! when somebody hears of what. In the end everybody comes online, and what each page shows and each device holds is
//! compared with the server's own logs: nothing undecryptable, nothing lost, no two histories, no key of an epoch that
//! its holder may not read, nobody stuck. `cargo xtask model` runs as many schedules as one likes.
//!
//! - [`schedule`]: a plan from its seed, carried out and checked; [`acts`]: what somebody does next
//! - [`world`]: everybody's [`browser`]s around one server, moved one request at a time; [`device`]: what they run on;
//!   [`news`]: what the server tells of what it took; [`losses`]: wraps that it does not find
//! - [`check`]: what must hold, against [`reference`]: the server's logs; [`doctored`]: that it would be noticed
//! - [`template`]: accounts and a server's data, made once; [`runs`]: many schedules, and the least of one that fails

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests

mod acts;
mod browser;
mod check;
mod device;
mod doctored;
mod figures;
mod losses;
mod news;
#[path = "../people/page.rs"]
mod page;
mod reference;
mod rng;
mod runs;
mod schedule;
#[path = "../people/socket.rs"]
mod socket;
mod template;
mod words;
mod world;

use runs::{attempt, run};
use schedule::Plan;

/// How many schedules run where nobody says how many.
const SCHEDULES: u64 = 300;

/// The first seed where nobody says which; the others follow it.
const SEED: u64 = 1;

#[test]
fn random_schedules_end_well() {
    let number = |name: &str, otherwise| match std::env::var(name) {
        Ok(text) => text.parse().expect("a number"),
        Err(_) => otherwise,
    };
    let failures = run(
        number("MODEL_SCHEDULES", SCHEDULES),
        number("MODEL_SEED", SEED),
    );
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn a_seed_replays() {
    for seed in [4, 25, 46] {
        let plan = Plan::new(seed);
        let (first, again) = (attempt(&plan), attempt(&plan));
        let lines = || first.lines.iter().zip(&again.lines);
        let differs = lines().position(|(one, other)| one != other);
        if let Some(place) = differs {
            let before: Vec<_> = first.lines[..=place].iter().rev().take(12).collect();
            panic!("seed {seed}: {:?} after {before:#?}", again.lines[place]);
        }
        assert_eq!(first.lines.len(), again.lines.len());
        assert!(first.lines.len() > 50, "{:#?}", first.lines);
    }
}
