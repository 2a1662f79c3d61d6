//! The server's binary, as its operator runs it.

use std::path::Path;
use std::process::{Command, Output};

/// Runs a command on a data folder that succeeds; what it prints.
pub async fn runs(data: &Path, command: &[&str]) -> String {
    let output = run(data, command).await;
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{command:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a command on a data folder that fails; what it says.
pub async fn fails(data: &Path, command: &[&str]) -> String {
    let output = run(data, command).await;
    assert!(!output.status.success(), "{command:?} did not fail");
    String::from_utf8(output.stderr).unwrap()
}

async fn run(data: &Path, command: &[&str]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_secure-chat"));
    program.args(command).arg("--data").arg(data);
    program.env_remove("DATABASE_URL");
    // The server of the test runs on this thread.
    let running = tokio::task::spawn_blocking(move || program.output());
    running.await.unwrap().unwrap()
}
