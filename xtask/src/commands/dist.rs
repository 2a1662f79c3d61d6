//! `cargo xtask dist`: the one release binary, and what others need to judge it.

use std::fs;
use std::path::{Path, PathBuf};

use super::Command;
use crate::process::{cargo, run as run_program, say};
use crate::product::{self, Profile};
use crate::tools::{self, Tool};
use crate::{Result, manifest, place};

/// `cargo xtask dist`.
pub const COMMAND: Command = Command {
    name: "dist",
    about: "the one release binary, its web client's manifest (--sign KEY.pem: signed), its bills of materials; the folder of \
            these files is the last line printed",
    run,
};

/// The packages that a release is made of, each with what it is built for.
const SHIPPED: &[(&str, &str, Option<&str>)] = &[
    ("secure-chat", "backend", None),
    (
        "secure-chat-frontend",
        "frontend",
        Some("wasm32-unknown-unknown"),
    ),
];

fn run(args: &[String]) -> Result {
    let key = match args {
        [] => None,
        [option, key] if option == "--sign" => Some(Path::new(key)),
        _ => return Err("only `--sign KEY.pem` can be said".into()),
    };
    let folder = make(key)?;
    println!("\n{}", folder.display());
    Ok(())
}

/// Builds and writes everything; where it is.
pub fn make(key: Option<&Path>) -> Result<PathBuf> {
    let binary = product::build(Profile::Release)?;
    let folder = place::target().join("dist");
    fs::create_dir_all(&folder)?;
    fs::copy(&binary, folder.join(place::exe("secure-chat")))?;
    let manifest = manifest::of(&binary, &product::client_folder(Profile::Release))?;
    fs::write(folder.join("client-manifest.json"), &manifest)?;
    let envelope = folder.join("client-manifest.dsse.json");
    match key {
        Some(key) => fs::write(envelope, manifest::sign(&manifest, key, &folder)?)?,
        // An older one is of another client.
        None if envelope.exists() => fs::remove_file(envelope)?,
        None => {}
    }
    bills_of_materials(&folder)?;
    Ok(folder)
}

/// CycloneDX, one for each package that is shipped: every crate in it, with version, licence and digest.
fn bills_of_materials(folder: &Path) -> Result {
    tools::ensure(&[Tool::CargoCyclonedx])?;
    say("Writing the bills of materials");
    for (package, source, target) in SHIPPED {
        let source = place::root().join(source);
        let mut command = cargo();
        command
            .args([
                "cyclonedx",
                "--quiet",
                "--format",
                "json",
                "--spec-version",
                "1.5",
            ])
            .args([
                "--override-filename",
                "bill-of-materials",
                "--manifest-path",
            ])
            .arg(source.join("Cargo.toml"));
        if let Some(target) = target {
            command.args(["--target", target]);
        }
        run_program(&mut command)?;
        // The tool writes beside the manifests, and nowhere else.
        let written = source.join("bill-of-materials.json");
        let bill = fs::read_to_string(&written)
            .map_err(|error| format!("{}: {error}", written.display()))?;
        if !bill.contains("\"CycloneDX\"") || !bill.contains("pkg:cargo/rsa@") {
            return Err(format!("the bill of materials of {package} names no crates").into());
        }
        fs::write(folder.join(format!("{package}.cdx.json")), bill)?;
    }
    remove_written_bills()
}

/// It writes one for each member of the workspace that the package needs.
fn remove_written_bills() -> Result {
    for entry in fs::read_dir(place::root())? {
        let bill = entry?.path().join("bill-of-materials.json");
        if bill.exists() {
            fs::remove_file(bill)?;
        }
    }
    Ok(())
}
