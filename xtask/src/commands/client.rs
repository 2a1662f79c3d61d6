//! `cargo xtask client`: the web client alone, for whoever compares it with what a server hands out.

use super::Command;
use crate::Result;
use crate::product::{self, Profile};

/// `cargo xtask client`.
pub const COMMAND: Command = Command {
    name: "client",
    about: "build the web client alone; its files' SHA-256, as `secure-chat --version --verbose` prints them",
    run,
};

fn run(_args: &[String]) -> Result {
    let folder = product::build_client(Profile::Release)?;
    println!();
    for (name, digest) in product::digests(&folder)? {
        println!("{digest}  {name}");
    }
    println!("\n{}", folder.display());
    Ok(())
}
