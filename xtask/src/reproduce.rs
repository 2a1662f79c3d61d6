//! Whether the web client is the same, byte for byte, where its sources and its build products lie in other folders.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::process::{cargo, output, program, run};
use crate::product::{self, Profile};
use crate::{Result, place};

/// Builds the client a second time, from a copy of the sources; what differs from the first, for people.
pub fn differences() -> Result<Vec<String>> {
    let first = product::digests(&product::client_folder(Profile::Release))?;
    let folder = place::target().join("reproduce");
    let sources = folder.join("sources");
    copy_sources(&sources)?;
    // Build products of its own, kept for the next time: crates of others do not change.
    let target = folder.join("target");
    run(cargo()
        .args(["xtask", "client"])
        .current_dir(&sources)
        .env("CARGO_TARGET_DIR", &target))?;
    let second = product::digests(&target.join("client"))?;
    fs::remove_dir_all(&sources)?;
    Ok(compare(&first, &second))
}

/// All files but those that git ignores, as they are now.
fn copy_sources(to: &Path) -> Result {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    let listed = output(program("git").args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]))
    .ok_or("git ls-files failed")?;
    for name in listed.split_terminator('\0') {
        let (from, to) = (place::root().join(name), to.join(name));
        // Deleted, and git not yet told.
        if !from.exists() {
            continue;
        }
        fs::create_dir_all(to.parent().unwrap_or(&to))?;
        fs::copy(from, to)?;
    }
    Ok(())
}

fn compare(first: &BTreeMap<String, String>, second: &BTreeMap<String, String>) -> Vec<String> {
    let names = first
        .keys()
        .chain(second.keys().filter(|name| !first.contains_key(*name)));
    names
        .filter(|name| first.get(*name) != second.get(*name))
        .map(|name| match (first.get(name), second.get(name)) {
            (Some(_), Some(_)) => format!("{name} differs"),
            (Some(_), None) => format!("{name} is only in the first"),
            _ => format!("{name} is only in the second"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_difference_is_told() {
        let files = |text: &str| -> BTreeMap<String, String> {
            let pairs = text
                .split_whitespace()
                .filter_map(|pair| pair.split_once('='));
            pairs
                .map(|(name, digest)| (name.to_owned(), digest.to_owned()))
                .collect()
        };
        let first = files("a=1 b=2 c=3");
        assert!(compare(&first, &first).is_empty());
        assert_eq!(
            compare(&first, &files("b=3 c=3 d=4")),
            [
                "a is only in the first",
                "b differs",
                "d is only in the second"
            ]
        );
    }
}
