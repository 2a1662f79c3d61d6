//! `cargo xtask bench`: what things cost, each against a baseline of the same run.

mod browser;

use std::path::{Path, PathBuf};

use super::Command;
use crate::process::{cargo, program, run as run_program, say};
use crate::product::{self, Profile};
use crate::{Result, place};

/// `cargo xtask bench`.
pub const COMMAND: Command = Command {
    name: "bench",
    about: "[NAME ...] [--json FILE] [-- --quick ...]: measure, and draw; every benchmark without names",
    run,
};

/// One benchmark.
struct Bench {
    name: &'static str,
    about: &'static str,
    run: fn(&Product, &Bench, Option<&Path>) -> Result,
}

const BENCHES: &[Bench] = &[
    Bench {
        name: "fanout",
        about: "messages to rooms of 2 to 500, against servers that only pass frames on",
        run: load,
    },
    Bench {
        name: "ingest",
        about: "messages acknowledged and on disk, against the same rows by bare SQLite",
        run: load,
    },
    Bench {
        name: "idle",
        about: "memory with 1,000 to 10,000 idle sessions, against bare servers",
        run: load,
    },
    Bench {
        name: "history",
        about: "pages, start and catching up with logs of up to 1,000,000 messages",
        run: load,
    },
    Bench {
        name: "stalled",
        about: "a room of 100 in which one reads nothing any more",
        run: load,
    },
    Bench {
        name: "storm",
        about: "1,000 sessions that all come back at once, against bare axum",
        run: load,
    },
    Bench {
        name: "rekey",
        about: "creating and re-keying groups of 2 to 500, natively",
        run: load,
    },
    Bench {
        name: "login",
        about: "an attempt to log in on the server, against Argon2id there",
        run: load,
    },
    Bench {
        name: "micro",
        about: "signatures, wraps, seals and trees on their own, natively (criterion)",
        run: |_, _, _| {
            run_program(cargo().args([
                "bench",
                "--package",
                "secure-chat-shared",
                "--bench",
                "parts",
            ]))
        },
    },
    Bench {
        name: "rekey-browser",
        about: "groups of 2 to 500 in the browser",
        run: |product, _, json| browser::rekey(&product.server, &product.loadtest, json),
    },
    Bench {
        name: "browser",
        about: "what people wait for in a browser, and what the client weighs there",
        run: |product, _, json| browser::whole(&product.server, &product.loadtest, json),
    },
];

/// Benchmarks that tests run, small and once, and how much of its baseline each must reach: far less than it does, so
/// that a busy machine does not matter and a mistake that makes something many times slower does.
const GUARDS: &[(&str, &str)] = &[("fanout", "0.1"), ("ingest", "0.1")];

/// What is measured, and what measures it.
struct Product {
    server: PathBuf,
    loadtest: PathBuf,
    /// For the load generator: what stood behind `--`.
    options: Vec<String>,
}

fn run(args: &[String]) -> Result {
    let mut names = Vec::new();
    let mut json = None;
    let mut options = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if arg == "--json" {
            json = Some(PathBuf::from(args.next().ok_or("--json takes a file")?));
        } else if arg == "--" {
            options = args.by_ref().cloned().collect();
        } else {
            let known = BENCHES.iter().find(|bench| bench.name == *arg);
            names.push(known.ok_or_else(|| unknown(arg))?.name);
        }
    }
    let json = json.map(std::path::absolute).transpose()?;
    let product = Product {
        server: product::build(Profile::Release)?,
        loadtest: load_generator()?,
        options,
    };
    for bench in BENCHES {
        if names.is_empty() || names.contains(&bench.name) {
            say(&format!("{}: {}", bench.name, bench.about));
            (bench.run)(&product, bench, json.as_deref())?;
        }
    }
    match &json {
        Some(file) => run_program(program(&product.loadtest).arg("plot").arg(file)),
        None => Ok(()),
    }
}

/// Runs what has a guard, small and once, on a server that is built. Gives those that failed, and why.
pub fn guard(server: PathBuf) -> Result<Vec<String>> {
    let mut product = Product {
        server,
        loadtest: load_generator()?,
        options: Vec::new(),
    };
    let mut broken = Vec::new();
    for (name, least) in GUARDS {
        let bench = BENCHES.iter().find(|bench| bench.name == *name);
        let bench = bench.ok_or_else(|| unknown(name))?;
        product.options = ["--quick", "--at-least", least].map(str::to_owned).into();
        if let Err(error) = (bench.run)(&product, bench, None) {
            broken.push(format!("{name}: {error}"));
        }
    }
    Ok(broken)
}

/// Built on its own, so that the server is built without the client core.
fn load_generator() -> Result<PathBuf> {
    run_program(
        cargo()
            .args(["build", "--locked", "--release"])
            .args(["--package", "secure-chat-loadtest"]),
    )?;
    let binary = place::exe("secure-chat-loadtest");
    Ok(place::target().join("release").join(binary))
}

fn unknown(name: &str) -> String {
    let names: Vec<&str> = BENCHES.iter().map(|bench| bench.name).collect();
    format!("there is no benchmark `{name}`, only {}", names.join(", "))
}

/// A benchmark of the load generator.
fn load(product: &Product, bench: &Bench, json: Option<&Path>) -> Result {
    let mut command = program(&product.loadtest);
    command
        .arg(bench.name)
        .arg("--server")
        .arg(&product.server)
        .args(&product.options);
    if let Some(file) = json {
        command.arg("--json").arg(file);
    }
    run_program(&mut command)
}
