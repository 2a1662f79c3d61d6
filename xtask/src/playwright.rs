//! Playwright, in `e2e/`.

use std::path::PathBuf;
use std::process::Command;

use crate::process::{program, run, say, which};
use crate::{Result, place};

/// Runs tests with it.
pub fn test() -> Command {
    let mut command = npx();
    command.args(["playwright", "test"]);
    command
}

/// Only what is installed: npx must not load a package of that name.
pub fn npx() -> Command {
    let mut command = program("npx");
    command.arg("--no-install").current_dir(folder());
    command
}

/// Installs the npm packages where they are missing or older than the lock file.
pub fn install() -> Result {
    // npm leaves this copy of the lock file; it is older where the lock file changed since.
    let modified = |name: &str| {
        folder()
            .join(name)
            .metadata()
            .and_then(|file| file.modified())
            .ok()
    };
    let installed = modified("node_modules/.package-lock.json");
    if installed.is_some() && installed >= modified("package-lock.json") {
        return Ok(());
    }
    if which("npm").is_none() {
        return Err("npm is missing; install Node.js 20 or later".into());
    }
    say("Installing the npm packages of the browser tests");
    run(program("npm")
        .args([
            "ci",
            "--prefer-offline",
            "--no-audit",
            "--no-fund",
            "--loglevel=error",
        ])
        .current_dir(folder())
        // The system's Chromium is used.
        .env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1"))
}

/// What the last run left: a folder each test.
pub fn results() -> PathBuf {
    folder().join("test-results")
}

fn folder() -> PathBuf {
    place::root().join("e2e")
}
