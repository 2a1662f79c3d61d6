//! `cargo xtask vectors`: the frozen formats in `shared/vectors/`, made and compared.

use super::Command;
use crate::Result;
use crate::process::{cargo, run, say};

/// `cargo xtask vectors`.
pub const COMMAND: Command = Command {
    name: "vectors",
    about: "write missing test vectors and compare all; --check only compares",
    run: vectors,
};

/// What is there is never written: a difference is an error, since it would be another version of the protocol.
fn vectors(args: &[String]) -> Result {
    let check = match args {
        [] => false,
        [check] if check == "--check" => true,
        _ => return Err("vectors takes nothing or --check".into()),
    };
    say("comparing shared/vectors with what the code makes");
    let mut test = cargo();
    test.args(["test", "--locked", "--package", "secure-chat-shared"])
        .args(["--features", "vectors", "--test", "vectors"])
        // One after the other: some read what another one writes.
        .args(["--", "--test-threads", "1"])
        .env_remove("SECURE_CHAT_WRITE_VECTORS");
    if !check {
        test.env("SECURE_CHAT_WRITE_VECTORS", "1");
    }
    run(&mut test)
}
