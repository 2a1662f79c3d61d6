//! The product: the web client by trunk, and the server binary that carries it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::process::{cargo, program, run, say};
use crate::tools::{self, FOR_CLIENT};
use crate::{Result, integrity, place};

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
    let dist = client_folder(profile);
    build_client_into(profile, &dist)?;
    Ok(dist)
}

/// Builds the web client into a folder.
fn build_client_into(profile: Profile, dist: &Path) -> Result {
    tools::ensure_wasm_target()?;
    tools::ensure(FOR_CLIENT)?;
    fetch()?;
    say(&format!("Building the web client into {}", dist.display()));
    let options: &[&str] = match profile {
        Profile::Dev => &["--cargo-profile", "dev"],
        Profile::Release => &["--release"],
    };
    let mut trunk = program("trunk");
    trunk
        .arg("build")
        .args(options)
        // The tools are there and the crates are fetched: whatever it still wanted to load would not be pinned.
        .arg("--offline")
        .arg("--dist")
        .arg(dist)
        // trunk wants true or false where others set 1.
        .env_remove("NO_COLOR");
    if profile == Profile::Release {
        trunk.env("CARGO_ENCODED_RUSTFLAGS", place_independent()?);
    }
    run(&mut trunk)?;
    integrity::seal(dist)
}

/// Flags by which the compiler writes no folder of this machine into the WebAssembly (panics name their place): the
/// same sources give the same bytes wherever they lie.
fn place_independent() -> Result<String> {
    let mut from_to = vec![
        (place::root(), "/secure-chat".to_owned()),
        (place::target(), "/target".to_owned()),
    ];
    // The last one that matches counts, so that these come after a home folder in which all else may lie.
    let sources = place::cargo_home().join("registry").join("src");
    for registry in
        fs::read_dir(&sources).map_err(|error| format!("{}: {error}", sources.display()))?
    {
        from_to.push((registry?.path(), "/crates".to_owned()));
    }
    let flags = from_to
        .iter()
        .map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()));
    Ok(flags.collect::<Vec<_>>().join("\x1f"))
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
    Ok(binary_in(folder))
}

/// The server binary that was built last to be shipped.
pub fn built() -> Result<PathBuf> {
    let binary = binary_in("release");
    match binary.is_file() {
        true => Ok(binary),
        false => Err(format!("{} is missing; the step `dist` builds it", binary.display()).into()),
    }
}

fn binary_in(folder: &str) -> PathBuf {
    place::target().join(folder).join(place::exe("secure-chat"))
}

/// Loads the crates of the lock file, so that what follows can be offline.
fn fetch() -> Result {
    run(cargo().args(["fetch", "--locked", "--quiet"]))
}

/// SHA-256 of each file in a folder, in hexadecimal, by its path in it with `/` between the parts.
pub fn digests(folder: &Path) -> Result<BTreeMap<String, String>> {
    let mut digests = BTreeMap::new();
    let mut folders = vec![(folder.to_path_buf(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        let entries =
            fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            let last = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let name = format!("{prefix}{last}");
            if path.is_dir() {
                folders.push((path, format!("{name}/")));
            } else {
                let digest = Sha256::digest(fs::read(&path)?);
                let hex = digest.iter().map(|byte| format!("{byte:02x}")).collect();
                digests.insert(name, hex);
            }
        }
    }
    if digests.is_empty() {
        return Err(format!("{} is empty", folder.display()).into());
    }
    Ok(digests)
}
