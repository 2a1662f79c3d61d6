//! The product: the web client by trunk, and the server binary that carries it.

use std::path::{Path, PathBuf};

use crate::process::{cargo, program, run, say};
use crate::tools::{self, FOR_CLIENT};
use crate::{Result, place};

/// How much the compiler is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Quick to build.
    Dev,
    /// What is shipped.
    Release,
}

/// Builds everything; the server binary with the client inside.
pub fn build(profile: Profile) -> Result<PathBuf> {
    let client = build_client(profile)?;
    build_server(profile, Some(&client))
}

/// Where the web client's files go. Not inside the clone: a clone's files are sources.
pub fn client_folder(profile: Profile) -> PathBuf {
    place::target().join(match profile {
        Profile::Dev => "client-dev",
        Profile::Release => "client",
    })
}

/// Builds the web client; the folder of its files.
pub fn build_client(profile: Profile) -> Result<PathBuf> {
    tools::ensure_wasm_target()?;
    tools::ensure(FOR_CLIENT)?;
    fetch()?;
    let dist = client_folder(profile);
    say(&format!("Building the web client into {}", dist.display()));
    let options: &[&str] = match profile {
        Profile::Dev => &["--cargo-profile", "dev"],
        Profile::Release => &["--release"],
    };
    run(program("trunk")
        .arg("build")
        .args(options)
        // The tools are there and the crates are fetched: whatever it still wanted to load would not be pinned.
        .arg("--offline")
        .arg("--dist")
        .arg(&dist)
        // trunk wants true or false where others set 1.
        .env_remove("NO_COLOR"))?;
    Ok(dist)
}

/// Builds the server, with the client's files inside if a folder of them is given; its binary.
pub fn build_server(profile: Profile, client: Option<&Path>) -> Result<PathBuf> {
    say("Building the server");
    let (folder, release) = match profile {
        Profile::Dev => ("debug", None),
        Profile::Release => ("release", Some("--release")),
    };
    let mut command = cargo();
    command
        .args(["build", "--locked", "--package", "secure-chat"])
        .args(release);
    if let Some(folder) = client {
        command.env("SECURE_CHAT_CLIENT_DIR", folder);
    }
    run(&mut command)?;
    Ok(place::target().join(folder).join(place::exe("secure-chat")))
}

/// Loads the crates of the lock file, so that what follows can be offline.
fn fetch() -> Result {
    run(cargo().args(["fetch", "--locked", "--quiet"]))
}
