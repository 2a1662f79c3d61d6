//! Running other programs.

use std::env;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{Result, place};

/// A program, run in the workspace's folder with the cached tools first on its PATH.
pub fn program(name: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(name);
    command
        .current_dir(place::root())
        .env("PATH", path())
        .stdin(Stdio::null());
    // What cargo told us about ourselves is no news for others: it names the clone's path, and build scripts that
    // watch it (ring's) would be run, and all above them compiled, again in every clone.
    for (name, _) in env::vars_os() {
        let about_us = [
            "CARGO_MANIFEST_",
            "CARGO_PKG_",
            "CARGO_BIN_",
            "CARGO_CRATE_",
            "CARGO_PRIMARY_",
        ];
        if name
            .to_str()
            .is_some_and(|name| about_us.iter().any(|prefix| name.starts_with(prefix)))
        {
            command.env_remove(name);
        }
    }
    command
}

/// The cargo that runs us.
pub fn cargo() -> Command {
    program(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Says what is done, above the output of the programs that do it.
pub fn say(text: &str) {
    println!("\n==> {text}");
    // A broken pipe ends us at the next println; nothing to do about it here.
    let _ = std::io::stdout().flush();
}

/// Runs to the end, output going where ours goes.
pub fn run(command: &mut Command) -> Result {
    let status = command
        .status()
        .map_err(|error| not_started(command, &error))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{} failed ({status})", shown(command)).into())
    }
}

/// Runs to the end, showing its standard output while keeping it. Whether it succeeded, and what it printed.
pub fn run_keeping_output(command: &mut Command) -> Result<(bool, String)> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| not_started(command, &error))?;
    let mut kept = String::new();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).split(b'\n') {
            let line = String::from_utf8_lossy(&line?).into_owned();
            println!("{line}");
            kept.push_str(&line);
            kept.push('\n');
        }
    }
    Ok((child.wait()?.success(), kept))
}

/// Runs silently; its standard output, or `None` where it is missing or fails.
pub fn output(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Where a program is on the PATH.
pub fn which(name: &str) -> Option<PathBuf> {
    let file = place::exe(name);
    env::split_paths(&path())
        .map(|folder| folder.join(&file))
        .find(|path| is_program(path))
}

fn is_program(path: &Path) -> bool {
    path.is_file()
}

fn path() -> std::ffi::OsString {
    let old = env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(place::tools_bin()).chain(env::split_paths(&old));
    // A folder with a separator in its name cannot be on a PATH; the old one is then the best there is.
    env::join_paths(folders).unwrap_or(old)
}

fn shown(command: &Command) -> String {
    let mut text = Path::new(command.get_program())
        .file_name()
        .unwrap_or(command.get_program())
        .to_string_lossy()
        .into_owned();
    for arg in command.get_args() {
        text.push(' ');
        text.push_str(&arg.to_string_lossy());
    }
    text
}

fn not_started(command: &Command, error: &std::io::Error) -> String {
    format!("{} could not be started: {error}", shown(command))
}
