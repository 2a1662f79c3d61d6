//! `cargo xtask schema`: holds sockets that were written down against the protocol's schema.

use std::path::Path;
use std::process::Command as Program;

use super::Command;
use crate::Result;
use crate::process::{cargo, run as run_program, run_keeping_output};

/// `cargo xtask schema`.
pub const COMMAND: Command = Command {
    name: "schema",
    about: "holds sockets written down against shared/protocol.cddl: FOLDER|FILE...",
    run,
};

fn run(args: &[String]) -> Result {
    if args.is_empty() {
        return Err("name folders or files that end in .frames".into());
    }
    let here = std::env::current_dir()?;
    run_program(checker().args(args.iter().map(|arg| here.join(arg))))
}

/// Whether everything written down in a folder is inside the schema, and its count, or what is outside.
pub fn check(folder: &Path) -> Result<(bool, String)> {
    let (ok, output) = run_keeping_output(checker().arg(folder))?;
    let last = output.lines().last();
    Ok((ok, last.unwrap_or("the schema was not checked").into()))
}

fn checker() -> Program {
    let mut command = cargo();
    command.args([
        "run",
        "--quiet",
        "--locked",
        "--package",
        "secure-chat-schema",
        "--",
    ]);
    command
}
