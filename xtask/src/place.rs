//! Where things are.

use std::env;
use std::path::{Path, PathBuf};

/// The workspace's folder.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Cargo's build products.
pub fn target() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => root().join("target"),
    }
}

/// What outlives a clone: tools, and in CI the build products.
pub fn cache() -> PathBuf {
    if let Some(folder) = env::var_os("SECURE_CHAT_CACHE") {
        return folder.into();
    }
    let base = match env::var_os("XDG_CACHE_HOME").filter(|folder| !folder.is_empty()) {
        Some(folder) => PathBuf::from(folder),
        None => env::home_dir().unwrap_or_else(root).join(".cache"),
    };
    base.join("secure-chat")
}

/// Where cargo keeps the crates' sources.
pub fn cargo_home() -> PathBuf {
    match env::var_os("CARGO_HOME") {
        Some(folder) => folder.into(),
        None => env::home_dir().unwrap_or_else(root).join(".cargo"),
    }
}

/// Root of the installed tools, as `cargo install --root` takes it.
pub fn tools() -> PathBuf {
    cache().join("tools")
}

/// The tools themselves; first on the PATH of every program that is run.
pub fn tools_bin() -> PathBuf {
    tools().join("bin")
}

/// A program's file name on this system.
pub fn exe(name: &str) -> String {
    format!("{name}{}", env::consts::EXE_SUFFIX)
}
