//! System packages that the tests need: installed on Debian, named elsewhere.

use std::path::Path;

use crate::Result;
use crate::process::{output, program, run, say, which};

/// A browser and its driver, and a font for every script that a message may hold.
const PACKAGES: &[&str] = &[
    "chromium",
    "chromium-driver",
    "fonts-noto-core",
    "fonts-noto-color-emoji",
    // The native tests hold our keys and signatures against it.
    "openssl",
    // libFuzzer is written in C++.
    "g++",
];

/// Makes sure that the tests find what they need of the system.
pub fn ensure() -> Result {
    if Path::new("/etc/debian_version").exists() && which("apt-get").is_some() {
        return install();
    }
    let missing: Vec<&str> = [
        ("chromedriver", "chromedriver (for wasm-pack)"),
        ("openssl", "openssl"),
        ("c++", "c++ (for libFuzzer)"),
    ]
    .into_iter()
    .filter(|(name, _)| which(name).is_none())
    .map(|(_, what)| what)
    .chain(
        chromium()
            .is_none()
            .then_some("Chromium (CHROMIUM names another path)"),
    )
    .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(format!(
            "missing on this system: {}; install them and try again",
            missing.join(", ")
        )
        .into())
    }
}

/// The browser that the tests drive.
fn chromium() -> Option<std::path::PathBuf> {
    match std::env::var_os("CHROMIUM") {
        Some(path) => Some(path.into()),
        None => which("chromium"),
    }
}

fn install() -> Result {
    let missing: Vec<&str> = PACKAGES
        .iter()
        .copied()
        .filter(|package| !is_installed(package))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    if output(program("id").arg("-u")).as_deref().map(str::trim) != Some("0") {
        return Err(
            format!("missing: {list}; run `sudo apt-get install {list}` and try again").into(),
        );
    }
    say(&format!("Installing Debian packages: {list}"));
    run(program("apt-get").args(["update", "-qq"]))?;
    run(program("apt-get")
        .args(["install", "-y", "-qq", "--no-install-recommends"])
        .args(&missing)
        .env("DEBIAN_FRONTEND", "noninteractive"))
}

fn is_installed(package: &str) -> bool {
    output(program("dpkg-query").args(["-W", "-f=${Status}", package]))
        .is_some_and(|status| status == "install ok installed")
}
