//! `cargo xtask dist`: the one release binary.

use super::Command;
use crate::Result;
use crate::product::{self, Profile};

/// `cargo xtask dist`.
pub const COMMAND: Command = Command {
    name: "dist",
    about: "build the one release binary, the client inside; its path is the last line printed",
    run,
};

fn run(_args: &[String]) -> Result {
    let binary = product::build(Profile::Release)?;
    println!("\n{}", binary.display());
    Ok(())
}
