//! `cargo xtask test`: everything that must hold, in order, with a table of what took how long.

mod counts;
mod steps;

use std::time::{Duration, Instant};

use self::counts::Counts;
use self::steps::STEPS;
use super::Command;
use crate::Result;
use crate::process::say;

/// `cargo xtask test`.
pub const COMMAND: Command = Command {
    name: "test",
    about: "every check and test, or only the steps named; `test --help` lists them",
    run,
};

/// One thing that must hold.
struct Step {
    /// As typed.
    name: &'static str,
    /// One line for `--help`.
    about: &'static str,
    /// Steps without which it makes no sense; skipped where one of them failed.
    needs: &'static [&'static str],
    run: fn(&[String]) -> Result<Outcome>,
}

/// How a step went.
#[derive(Debug, Default)]
struct Outcome {
    /// Whether everything in it held.
    ok: bool,
    /// Tests that ran; none for a step that is a check by itself.
    tests: Counts,
    /// For the closing table: what people must know beside ok or not.
    notes: Vec<String>,
}

impl Outcome {
    /// A check that is one program.
    fn held() -> Self {
        Self {
            ok: true,
            tests: Counts::ONE,
            notes: Vec::new(),
        }
    }

    /// Something made, nothing checked.
    fn done() -> Self {
        Self {
            ok: true,
            ..Self::default()
        }
    }

    /// What a runner of tests printed, who ended well or not. One that ran nothing shows nothing.
    fn of_tests(ok: bool, tests: Counts, output: &str) -> Self {
        Self {
            ok: ok && tests.passed > 0,
            tests,
            notes: counts::failures(output),
        }
    }
}

/// A line of the closing table.
struct Line {
    name: &'static str,
    ok: bool,
    tests: Counts,
    took: Duration,
    notes: Vec<String>,
}

fn run(args: &[String]) -> Result {
    let (names, rest) = match args.iter().position(|arg| arg == "--") {
        Some(place) => (&args[..place], &args[place + 1..]),
        None => (args, &[][..]),
    };
    if names
        .iter()
        .any(|name| matches!(name.as_str(), "--help" | "-h"))
    {
        print_help();
        return Ok(());
    }
    if let Some(name) = names
        .iter()
        .find(|name| STEPS.iter().all(|step| step.name != **name))
    {
        print_help();
        return Err(format!("there is no step `{name}`").into());
    }
    let wanted = |step: &&Step| names.is_empty() || names.iter().any(|name| name == step.name);

    let begun = Instant::now();
    let mut lines: Vec<Line> = Vec::new();
    for step in STEPS.iter().filter(wanted) {
        lines.push(run_step(step, rest, &lines));
    }
    print_table(&lines, begun.elapsed());

    let failed: Vec<&str> = lines
        .iter()
        .filter(|line| !line.ok)
        .map(|line| line.name)
        .collect();
    if failed.is_empty() {
        Ok(())
    } else {
        Err(format!("failed: {}", failed.join(", ")).into())
    }
}

fn run_step(step: &'static Step, args: &[String], before: &[Line]) -> Line {
    let failed = |name: &&&str| before.iter().any(|line| line.name == **name && !line.ok);
    if let Some(needed) = step.needs.iter().find(failed) {
        return Line {
            name: step.name,
            ok: false,
            tests: Counts::default(),
            took: Duration::ZERO,
            notes: vec![format!("not run: {needed} failed")],
        };
    }
    say(&format!("{}: {}", step.name, step.about));
    let begun = Instant::now();
    let outcome = (step.run)(args).unwrap_or_else(|error| {
        eprintln!("{}: {error}", step.name);
        Outcome {
            notes: vec![error.to_string()],
            ..Outcome::default()
        }
    });
    let Outcome { ok, tests, notes } = outcome;
    Line {
        name: step.name,
        ok,
        tests,
        took: begun.elapsed(),
        notes,
    }
}

fn print_table(lines: &[Line], took: Duration) {
    println!("\n{:-<60}", "");
    let mut total = Counts::default();
    for Line {
        name,
        ok,
        tests,
        took,
        notes,
    } in lines
    {
        let state = if *ok { "ok" } else { "FAILED" };
        let counted = if *tests == Counts::default() {
            String::new()
        } else {
            tests.to_string()
        };
        println!("{name:14} {state:7} {:>8}  {counted}", clock(*took));
        for note in notes {
            println!("{:14} ! {}", "", note.lines().next().unwrap_or_default());
        }
        total += tests.with_step(*ok);
    }
    println!("{:14} {:7} {:>8}", "everything", "", clock(took));
    println!("{:-<60}\n{total}", "");
}

fn clock(took: Duration) -> String {
    let seconds = took.as_secs();
    if seconds < 60 {
        format!("{:.1} s", took.as_secs_f64())
    } else {
        format!("{} m {:02} s", seconds / 60, seconds % 60)
    }
}

fn print_help() {
    println!("cargo xtask test [STEP...] [-- ARGS FOR THE STEP'S PROGRAM]\n");
    for Step { name, about, .. } in STEPS {
        println!("  {name:14} {about}");
    }
    println!();
}
