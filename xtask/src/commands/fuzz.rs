//! `cargo xtask fuzz`: libFuzzer on every target of `fuzz/`, for so many seconds each.

use std::fs;
use std::path::{Path, PathBuf};

use super::Command;
use crate::process::{cargo, output, program, run as run_program, say};
use crate::tools::{self, Tool};
use crate::{Result, place};

/// `cargo xtask fuzz`.
pub const COMMAND: Command = Command {
    name: "fuzz",
    about: "fuzzes: --seconds N (60) for each [TARGET...], all of them where none is named",
    run,
};

/// How a run went.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Fuzzed {
    /// How many inputs were run.
    pub executions: u64,
    /// How many targets.
    pub targets: usize,
    /// Inputs that made a target panic, hang or eat all memory, as small as they could be made.
    pub crashes: Vec<PathBuf>,
}

impl std::fmt::Display for Fuzzed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (executions, targets) = (self.executions, self.targets);
        let crashes = self.crashes.len();
        write!(
            f,
            "{executions} executions of {targets} targets, {crashes} crashes"
        )
    }
}

fn run(args: &[String]) -> Result {
    let Options { seconds, targets } = options(args)?;
    let fuzzed = fuzz(seconds, &targets)?;
    say(&fuzzed.to_string());
    if fuzzed.crashes.is_empty() {
        return Ok(());
    }
    for crash in &fuzzed.crashes {
        println!("{}", crash.display());
    }
    Err(
        "mend what these inputs show, and keep them in fuzzing/corpus/TARGET: the replay runs them"
            .into(),
    )
}

#[derive(Debug, PartialEq, Eq)]
struct Options {
    seconds: u64,
    targets: Vec<String>,
}

fn options(args: &[String]) -> Result<Options> {
    let mut options = Options {
        seconds: 60,
        targets: Vec::new(),
    };
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if arg == "--seconds" {
            let value = args.next().and_then(|text| text.parse().ok());
            options.seconds = value.ok_or("--seconds takes a number")?;
        } else if arg.starts_with('-') {
            return Err(format!("there is no option `{arg}`").into());
        } else {
            options.targets.push(arg.clone());
        }
    }
    Ok(options)
}

/// Runs each target for so many seconds, from what is in its corpus and what earlier runs have found.
pub fn fuzz(seconds: u64, wanted: &[String]) -> Result<Fuzzed> {
    let all = targets()?;
    if let Some(unknown) = wanted.iter().find(|name| !all.contains(name)) {
        return Err(format!("there is no target `{unknown}`, but {}", all.join(", ")).into());
    }
    let targets = if wanted.is_empty() { &all } else { wanted };
    tools::ensure(&[Tool::CargoFuzz])?;
    let binaries = build()?;
    let mut fuzzed = Fuzzed::default();
    for target in targets {
        say(&format!("{target}, {seconds} s"));
        run_target(
            target,
            &binaries.join(place::exe(target)),
            seconds,
            &mut fuzzed,
        )?;
        fuzzed.targets += 1;
    }
    Ok(fuzzed)
}

/// A file each.
fn targets() -> Result<Vec<String>> {
    let files: std::io::Result<Vec<_>> = fs::read_dir(folder().join("fuzz_targets"))?.collect();
    let paths = files?.into_iter().map(|file| file.path());
    let mut names: Vec<String> = paths
        .filter_map(|path| path.file_stem()?.to_str().map(str::to_owned))
        .collect();
    names.sort();
    Ok(names)
}

/// Builds all of them, in a folder of their own: what coverage asks of the compiler is asked of every dependency. No sanitizer,
/// which needs a nightly compiler and finds little where there is no unsafe code; no `cfg(fuzzing)`, so that the code is the
/// product's. Where they are.
fn build() -> Result<PathBuf> {
    let products = cache().join("target");
    // What the product is built of, not what is newest: cargo adds libFuzzer's own package to it.
    fs::copy(
        place::root().join("Cargo.lock"),
        folder().join("Cargo.lock"),
    )?;
    run_program(
        cargo()
            .args(["fuzz", "build", "--fuzz-dir"])
            .arg(folder())
            .args([
                "--sanitizer",
                "none",
                "--no-cfg-fuzzing",
                "--codegen-units",
                "16",
            ])
            .arg("--target-dir")
            .arg(&products)
            .env_remove("RUSTFLAGS"),
    )?;
    let version = output(program("rustc").arg("-vV")).ok_or("rustc is missing")?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.ok_or("rustc does not name its host")?;
    Ok(products.join(host).join("release"))
}

fn run_target(target: &str, binary: &Path, seconds: u64, fuzzed: &mut Fuzzed) -> Result {
    let found = cache().join("corpus").join(target);
    let crashes = cache().join("crashes").join(target);
    fs::create_dir_all(&found)?;
    fs::create_dir_all(&crashes)?;
    let before = files(&crashes)?;
    let done = program(binary)
        .arg(&found)
        .arg(place::root().join("fuzzing/corpus").join(target))
        .args([
            format!("-max_total_time={seconds}"),
            format!("-artifact_prefix={}/", crashes.display()),
        ])
        .args(["-print_final_stats=1", "-timeout=60", "-rss_limit_mb=4096"])
        .output()?;
    let told = String::from_utf8_lossy(&done.stderr);
    let executions = executions(&told).ok_or_else(|| format!("{target} did not run:\n{told}"))?;
    println!("{executions} executions");
    fuzzed.executions += executions;
    if done.status.success() {
        return Ok(());
    }
    let lines: Vec<&str> = told.lines().collect();
    eprintln!("{}", lines[lines.len().saturating_sub(40)..].join("\n"));
    for crash in files(&crashes)? {
        if !before.contains(&crash) {
            fuzzed.crashes.push(minimised(binary, crash)?);
        }
    }
    // Without an input to show, it is no finding.
    if fuzzed.crashes.is_empty() {
        return Err(format!("{target} failed").into());
    }
    Ok(())
}

/// The same failure by a smaller input, as far as ten seconds get.
fn minimised(binary: &Path, crash: PathBuf) -> Result<PathBuf> {
    let smaller = crash.with_extension("min");
    program(binary)
        .args(["-minimize_crash=1", "-max_total_time=10"])
        .arg(format!("-exact_artifact_path={}", smaller.display()))
        .arg(&crash)
        .output()?;
    Ok(if smaller.is_file() { smaller } else { crash })
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let files: std::io::Result<Vec<_>> = fs::read_dir(folder)?.collect();
    Ok(files?.into_iter().map(|file| file.path()).collect())
}

/// In what libFuzzer says at the end.
fn executions(told: &str) -> Option<u64> {
    let mut lines = told.lines();
    let count = lines.find_map(|line| line.strip_prefix("stat::number_of_executed_units:"))?;
    count.trim().parse().ok()
}

fn folder() -> PathBuf {
    place::root().join("fuzz")
}

fn cache() -> PathBuf {
    place::cache().join("fuzz")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<Options> {
        let args: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        options(&args).ok()
    }

    #[test]
    fn options_are_seconds_and_targets() {
        let of = |seconds, targets: &[&str]| Options {
            seconds,
            targets: targets.iter().map(|name| (*name).to_owned()).collect(),
        };
        assert_eq!(parsed(""), Some(of(60, &[])));
        assert_eq!(parsed("--seconds 5 log"), Some(of(5, &["log"])));
        assert_eq!(parsed("log state"), Some(of(60, &["log", "state"])));
        assert_eq!(parsed("--seconds x"), None);
        assert_eq!(parsed("--minutes 5"), None);
    }

    #[test]
    fn executions_are_read() {
        let told = "Done 7 runs in 1 second(s)\nstat::number_of_executed_units: 1234\nstat::x: 5\n";
        assert_eq!(executions(told), Some(1234));
        assert_eq!(executions("panicked"), None);
    }

    #[test]
    fn every_target_has_a_corpus() {
        let targets = targets().unwrap_or_default();
        assert!(targets.len() >= 7, "{targets:?}");
        for target in targets {
            assert!(place::root().join("fuzzing/corpus").join(target).is_dir());
        }
    }
}
