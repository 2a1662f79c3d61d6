//! `cargo xtask model`: random schedules over many simulated clients, against the real server.

use std::time::SystemTime;

use super::Command;
use crate::Result;
use crate::process::{cargo, run as run_program, say};

/// `cargo xtask model`.
pub const COMMAND: Command = Command {
    name: "model",
    about: "random schedules: --schedules N (1000) [--seed S], which replays a failing one",
    run,
};

/// The test that carries them out; without these variables it runs a few of the same.
const TEST: &str = "random_schedules_end_well";

fn run(args: &[String]) -> Result {
    let Options { schedules, seed } = options(args)?;
    say(&format!("{schedules} schedules from seed {seed}"));
    run_program(
        cargo()
            .args(["test", "--release", "--locked", "--package", "secure-chat"])
            .args(["--test", "model", "--", "--exact", TEST, "--nocapture"])
            .env("MODEL_SCHEDULES", schedules.to_string())
            .env("MODEL_SEED", seed.to_string()),
    )
}

#[derive(Debug, PartialEq, Eq)]
struct Options {
    schedules: u64,
    /// The first one's; the others follow it.
    seed: u64,
}

fn options(args: &[String]) -> Result<Options> {
    let mut options = Options {
        schedules: 1000,
        seed: any_seed(),
    };
    let mut args = args.iter();
    while let Some(name) = args.next() {
        let place = match name.as_str() {
            "--schedules" => &mut options.schedules,
            "--seed" => &mut options.seed,
            other => return Err(format!("there is no option `{other}`").into()),
        };
        let value = args.next().and_then(|text| text.parse().ok());
        *place = value.ok_or_else(|| format!("{name} takes a number"))?;
    }
    Ok(options)
}

/// Another one every time; it is printed.
fn any_seed() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<Options> {
        let args: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        options(&args).ok()
    }

    #[test]
    fn options_are_numbers() {
        let (schedules, seed) = (5, 7);
        let both = Some(Options { schedules, seed });
        assert_eq!(parsed("--schedules 5 --seed 7"), both);
        assert_eq!(parsed("--seed 7 --schedules 5"), both);
        assert_eq!(
            parsed("--seed 7").map(|options| options.schedules),
            Some(1000)
        );
        for wrong in ["--seed", "--seed x", "--schedules -1", "7"] {
            assert_eq!(parsed(wrong), None, "{wrong}");
        }
    }
}
