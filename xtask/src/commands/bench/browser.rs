//! The benchmarks in a browser: by Playwright, and of DSA alone by the browser's test runner.

use std::path::Path;

use crate::process::{program, run, run_keeping_output, which};
use crate::tools::{self, Tool};
use crate::{Result, debian, playwright};

/// What people wait for; `e2e/bench/browser.ts`.
pub fn whole(server: &Path, loadtest: &Path, json: Option<&Path>) -> Result {
    debian::ensure()?;
    let dsa = dsa()?;
    by_playwright("browser.ts", server, loadtest, json, &[("BENCH_DSA", &dsa)])
}

/// Groups of growing size; `e2e/bench/rekey.ts`.
pub fn rekey(server: &Path, loadtest: &Path, json: Option<&Path>) -> Result {
    debian::ensure()?;
    by_playwright("rekey.ts", server, loadtest, json, &[])
}

fn by_playwright(
    file: &str,
    server: &Path,
    loadtest: &Path,
    json: Option<&Path>,
    more: &[(&str, &str)],
) -> Result {
    playwright::install()?;
    let mut command = playwright::test();
    command
        .arg(file)
        .env("PROJECT", "bench")
        .env("SECURE_CHAT_BIN", server)
        .env("LOADTEST_BIN", loadtest)
        .envs(more.iter().copied());
    if let Some(file) = json {
        command.env("BENCH_JSON", file);
    }
    run(&mut command)
}

/// Milliseconds of one verification in WebAssembly: ours, and the `dsa` crate's, with a comma between.
fn dsa() -> Result<String> {
    tools::ensure_wasm_target()?;
    tools::ensure(&[Tool::WasmBindgen, Tool::WasmPack])?;
    let chromedriver = which("chromedriver").ok_or("chromedriver is missing")?;
    let (ok, output) = run_keeping_output(
        program("wasm-pack")
            .args(["test", "--headless", "--chrome", "--chromedriver"])
            .arg(chromedriver)
            .args(["frontend", "--profile", "web", "--test", "dsa_speed"])
            .args(["--", "--include-ignored", "--nocapture"])
            .env("WASM_BINDGEN_TEST_TIMEOUT", "300"),
    )?;
    let figures = output
        .lines()
        .find_map(|line| line.split_once("DSA verification, ms: "));
    match figures {
        Some((_, figures)) if ok => Ok(figures.trim().to_owned()),
        _ => Err("the DSA benchmark told no figures".into()),
    }
}
