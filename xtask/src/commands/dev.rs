//! `cargo xtask dev`: rebuild and restart on change.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::thread;
use std::time::Duration;

use super::Command;
use super::start::LISTEN;
use crate::process::{program, say};
use crate::product::{self, Profile};
use crate::{Result, place};

/// `cargo xtask dev`.
pub const COMMAND: Command = Command {
    name: "dev",
    about: "quick build, served on http://localhost:8080, built again and restarted on every change",
    run,
};

/// What goes into the client, and what into the server.
const CLIENT: &[&str] = &[
    "Cargo.toml",
    "Trunk.toml",
    "index.html",
    "shared",
    "frontend",
];
const SERVER: &[&str] = &["Cargo.toml", "shared", "backend", "migrations"];

fn run(args: &[String]) -> Result {
    let client = product::client_folder(Profile::Dev);
    let mut binary: Option<PathBuf> = None;
    let mut server: Option<Child> = None;
    let (mut client_seen, mut server_seen) = (None, None);
    loop {
        let mut built = false;
        let now = Some(fingerprint(CLIENT));
        if client_seen != now {
            client_seen = now;
            built |= shown(product::build_client(Profile::Dev)).is_some();
        }
        let now = Some(fingerprint(SERVER));
        if server_seen != now {
            server_seen = now;
            let new = shown(product::build_server(Profile::Dev, None));
            built |= new.is_some();
            binary = new.or(binary);
        }
        // The server reads the client's files when it starts.
        if let Some(binary) = binary.as_ref().filter(|_| built) {
            stop(server.take());
            server = Some(
                program(binary)
                    .args(["serve", "--listen", LISTEN, "--data"])
                    .arg(place::root().join("data"))
                    .arg("--client")
                    .arg(&client)
                    .args(args)
                    .spawn()?,
            );
            say("Secure Chat is at http://localhost:8080; waiting for changes (Ctrl+C ends)");
        }
        thread::sleep(Duration::from_millis(500));
    }
}

/// A mistake is shown, and what ran before goes on until it is mended.
fn shown<T>(built: Result<T>) -> Option<T> {
    built
        .map_err(|error| say(&format!("{error}; waiting for changes")))
        .ok()
}

fn stop(server: Option<Child>) {
    if let Some(mut server) = server {
        // It must survive this anyway: what it acknowledged is on disk.
        let _ = server.kill();
        let _ = server.wait();
    }
}

/// Changes when a file below any of these changes, comes or goes.
fn fingerprint(paths: &[&str]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for path in paths {
        visit(&place::root().join(path), &mut hasher);
    }
    hasher.finish()
}

fn visit(path: &Path, hasher: &mut DefaultHasher) {
    let Ok(metadata) = fs::metadata(path) else {
        return;
    };
    path.hash(hasher);
    if !metadata.is_dir() {
        metadata.modified().ok().hash(hasher);
        return;
    }
    let Ok(entries) = fs::read_dir(path) else {
        return;
    };
    let mut entries: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for entry in entries {
        let name = entry.file_name().unwrap_or_default();
        // Build products and editors' files.
        if name != "target" && name != "dist" && !name.to_string_lossy().starts_with('.') {
            visit(&entry, hasher);
        }
    }
}
