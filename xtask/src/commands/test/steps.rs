//! The steps of `cargo xtask test`, in their order: cheap ones first.

use std::process::Command;

use super::counts::Counts;
use super::{Outcome, Step};
use crate::commands::{bench, dist, fuzz, schema};
use crate::process::{cargo, output, program, run, run_keeping_output, say, which};
use crate::product::{self, Profile};
use crate::size::Weighed;
use crate::tools::{self, Tool};
use crate::{Result, debian, playwright, reproduce};

const FRONTEND: &str = "secure-chat-frontend";
const WASM: &str = "wasm32-unknown-unknown";

/// Every step.
pub const STEPS: &[Step] = &[
    Step {
        name: "tools",
        about: "what the other steps need, installed where it is missing",
        needs: &[],
        run: install_tools,
    },
    Step {
        name: "fmt",
        about: "formatting",
        needs: &[],
        run: fmt,
    },
    Step {
        name: "clippy",
        about: "lints of the native packages",
        needs: &[],
        run: clippy,
    },
    Step {
        name: "clippy-web",
        about: "lints of the browser client",
        needs: &[],
        run: clippy_web,
    },
    Step {
        name: "server-alone",
        about: "the server builds without users' private-key operations",
        needs: &[],
        run: server_alone,
    },
    Step {
        name: "native",
        about: "native tests",
        needs: &[],
        run: native,
    },
    Step {
        name: "fuzz",
        about: "every fuzzing target for a few seconds (libFuzzer)",
        needs: &["native"],
        run: fuzz,
    },
    Step {
        name: "browser",
        about: "the frontend's tests in Chromium",
        needs: &[],
        run: browser,
    },
    Step {
        name: "dist",
        about: "the release binary, the manifest of its web client, its bills of materials",
        needs: &[],
        run: dist,
    },
    Step {
        name: "size",
        about: "what that web client weighs, against its budget",
        needs: &["dist"],
        run: size,
    },
    Step {
        name: "reproducible",
        about: "the web client built again in another folder: the same bytes",
        needs: &["dist"],
        run: reproducible,
    },
    Step {
        name: "e2e",
        about: "people in real browsers against the release binary (Playwright)",
        needs: &["dist"],
        run: e2e,
    },
    Step {
        name: "guard",
        about: "benchmarks of the server, small: not many times slower than baselines of the same run",
        needs: &["dist"],
        run: guard,
    },
    Step {
        name: "deny",
        about: "licences, sources, advisories (cargo-deny)",
        needs: &[],
        run: deny,
    },
];

/// All at once, because what their dependencies share is then compiled once.
fn install_tools(_args: &[String]) -> Result<Outcome> {
    debian::ensure()?;
    tools::ensure_wasm_target()?;
    tools::ensure(tools::ALL)?;
    Ok(Outcome::done())
}

fn fmt(args: &[String]) -> Result<Outcome> {
    tools::ensure_component("rustfmt")?;
    check(cargo().args(["fmt", "--all", "--check"]).args(args))
}

fn clippy(args: &[String]) -> Result<Outcome> {
    tools::ensure_component("clippy")?;
    check(
        cargo()
            .args(["clippy", "--locked", "--all-targets"])
            .args(args)
            .args(["--", "-D", "warnings"]),
    )
}

fn clippy_web(args: &[String]) -> Result<Outcome> {
    tools::ensure_component("clippy")?;
    tools::ensure_wasm_target()?;
    check(
        cargo()
            .args([
                "clippy",
                "--locked",
                "--all-targets",
                "--package",
                FRONTEND,
                "--target",
                WASM,
            ])
            .args(args)
            .args(["--", "-D", "warnings"]),
    )
}

/// With its tests the server is built with the client core; what is shipped must not be able to name it.
fn server_alone(args: &[String]) -> Result<Outcome> {
    run(cargo()
        .args(["check", "--locked", "--package", "secure-chat"])
        .args(args))?;
    let tree = output(cargo().args([
        "tree",
        "--locked",
        "--package",
        "secure-chat",
        "--edges",
        "features,normal",
        "--prefix",
        "none",
    ]))
    .ok_or("cargo tree failed")?;
    if !tree.contains("secure-chat-shared v") {
        return Err(
            "cargo tree does not show secure-chat-shared: this check checks nothing".into(),
        );
    }
    if tree.contains("secure-chat-shared feature \"client\"") {
        return Err("the server is built with the feature `client` of secure-chat-shared".into());
    }
    Ok(Outcome::held())
}

fn native(args: &[String]) -> Result<Outcome> {
    // The frontend is no default member, for it is built for the browser; its reducer's tests need none.
    let mut all = cargo_test(
        cargo()
            .args(["test", "--locked", "--no-fail-fast"])
            .args(args),
    )?;
    let frontend = cargo_test(
        cargo()
            .args([
                "test",
                "--locked",
                "--no-fail-fast",
                "--package",
                FRONTEND,
                "--lib",
            ])
            .args(args),
    )?;
    all.ok &= frontend.ok;
    all.tests += frontend.tests;
    all.notes.extend(frontend.notes);
    Ok(all)
}

fn fuzz(_args: &[String]) -> Result<Outcome> {
    const SECONDS: u64 = 5;
    let fuzzed = fuzz::fuzz(SECONDS, &[])?;
    let ok = fuzzed.crashes.is_empty();
    let mut notes = vec![fuzzed.to_string()];
    let crashes = fuzzed.crashes.iter();
    notes.extend(crashes.map(|path| path.display().to_string()));
    Ok(Outcome {
        ok,
        tests: if ok { Counts::ONE } else { Counts::FAILED },
        notes,
    })
}

fn browser(args: &[String]) -> Result<Outcome> {
    debian::ensure()?;
    tools::ensure_wasm_target()?;
    tools::ensure(&[Tool::WasmBindgen, Tool::WasmPack])?;
    let chromedriver = which("chromedriver").ok_or("chromedriver is missing")?;
    cargo_test(
        program("wasm-pack")
            .args(["test", "--headless", "--chrome", "--chromedriver"])
            .arg(chromedriver)
            .arg("frontend")
            .args(args)
            // Key making in a browser on a busy machine; the runner's own limit is 20 s for everything.
            .env("WASM_BINDGEN_TEST_TIMEOUT", "300"),
    )
}

fn dist(_args: &[String]) -> Result<Outcome> {
    dist::make(None)?;
    Ok(Outcome::done())
}

fn size(_args: &[String]) -> Result<Outcome> {
    let weighed = Weighed::new(&product::client_folder(Profile::Release))?;
    weighed.print();
    let notes = weighed.excesses();
    Ok(Outcome {
        ok: notes.is_empty(),
        notes,
        ..Outcome::held()
    })
}

fn reproducible(_args: &[String]) -> Result<Outcome> {
    let notes = reproduce::differences()?;
    Ok(Outcome {
        ok: notes.is_empty(),
        notes,
        ..Outcome::held()
    })
}

fn e2e(args: &[String]) -> Result<Outcome> {
    debian::ensure()?;
    playwright::install()?;
    run(playwright::npx().args(["tsc", "--noEmit"]))?;
    let binary = product::built()?;
    let (ok, output) =
        run_keeping_output(playwright::test().args(args).env("SECURE_CHAT_BIN", binary))?;
    let mut outcome = Outcome::of_tests(ok, Counts::of_playwright(&output), &output);
    say("Holding every frame of it against the protocol's schema");
    let (inside, note) = schema::check(&playwright::results())?;
    outcome.ok &= inside;
    outcome.tests += if inside { Counts::ONE } else { Counts::FAILED };
    outcome.notes.push(note);
    Ok(outcome)
}

fn guard(_args: &[String]) -> Result<Outcome> {
    let notes = bench::guard(product::built()?)?;
    Ok(Outcome {
        ok: notes.is_empty(),
        notes,
        ..Outcome::held()
    })
}

fn deny(_args: &[String]) -> Result<Outcome> {
    tools::ensure(&[Tool::CargoDeny])?;
    run(program("cargo-deny").args([
        "--locked",
        "check",
        // Which of a crate's two generations comes from where, `cargo tree --invert` says.
        "--hide-inclusion-graph",
        "licenses",
        "bans",
        "sources",
    ]))?;
    // The advisories are not in any package registry: a closed network does not reach them.
    let fetched = run(program("cargo-deny").args(["--locked", "fetch", "db"])).is_ok();
    if !fetched {
        say("ATTENTION: ADVISORIES WERE NOT CHECKED: the advisory database could not be fetched.");
        let note = "advisories NOT checked: the database could not be fetched";
        return Ok(Outcome {
            notes: vec![note.into()],
            ..Outcome::held()
        });
    }
    check(program("cargo-deny").args(["--locked", "check", "--disable-fetch", "advisories"]))
}

/// A step that is one program.
fn check(command: &mut Command) -> Result<Outcome> {
    run(command)?;
    Ok(Outcome::held())
}

fn cargo_test(command: &mut Command) -> Result<Outcome> {
    let (ok, output) = run_keeping_output(command)?;
    let tests = Counts::of_cargo(&output);
    Ok(Outcome::of_tests(ok, tests, &output))
}
