//! The table of commands. A new one is a file here and a line in [`COMMANDS`].

mod bench;
mod client;
mod dev;
pub mod dist;
mod fuzz;
mod model;
mod schema;
mod start;
mod test;
mod vectors;

use crate::Result;

/// One `cargo xtask` command.
pub struct Command {
    /// As typed.
    pub name: &'static str,
    /// One line for `--help`.
    pub about: &'static str,
    /// Gets what follows the name.
    pub run: fn(&[String]) -> Result,
}

/// Every command, in the order of `--help`.
pub const COMMANDS: &[Command] = &[
    start::COMMAND,
    dev::COMMAND,
    test::COMMAND,
    vectors::COMMAND,
    model::COMMAND,
    schema::COMMAND,
    fuzz::COMMAND,
    bench::COMMAND,
    client::COMMAND,
    dist::COMMAND,
];
