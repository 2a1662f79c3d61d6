//! `shared/vectors/`: what is frozen is what the code makes, and goes through it the other way. `cargo xtask vectors` runs
//! this; the browser's tests read the same files.

#![allow(clippy::unwrap_used)] // helpers of tests

use std::fs;
use std::path::PathBuf;

use secure_chat_shared::vectors::FILES;

/// Has files written that do not exist yet. An existing one is never written.
const WRITE: &str = "SECURE_CHAT_WRITE_VECTORS";

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

#[test]
fn every_file_is_what_the_code_makes_and_reads() {
    for file in FILES {
        let path = folder().join(file.name);
        if !path.exists() {
            assert!(
                std::env::var_os(WRITE).is_some(),
                "{} is missing: `cargo xtask vectors` writes it",
                file.name
            );
            fs::write(&path, file.make()).unwrap();
        }
        let text = fs::read_to_string(&path).unwrap();
        file.compare(&text)
            .unwrap_or_else(|error| panic!("{error}"));
        file.read(&text);
    }
    nothing_else_lies_there();
}

fn nothing_else_lies_there() {
    let mut found: Vec<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "README.md")
        .collect();
    found.sort();
    let mut known: Vec<&str> = FILES.iter().map(|file| file.name).collect();
    known.sort_unstable();
    assert_eq!(found, known);
}

#[test]
fn a_difference_is_told_and_nothing_is_overwritten() {
    let file = FILES.iter().find(|file| file.name == "label.json").unwrap();
    let path = folder().join(file.name);
    let frozen = fs::read_to_string(&path).unwrap();
    assert_eq!(file.compare(&frozen), Ok(()));
    let other = frozen.replace("7469746c65", "7469746c66");
    let told = file.compare(&other).unwrap_err().to_string();
    assert!(
        told.contains("label.json") && told.contains("another version"),
        "{told}"
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), frozen);
}

/// The rules' own text says which reasons there are: each has an entry that is refused for it.
#[test]
fn every_reason_to_refuse_has_an_entry() {
    let log = fs::read_to_string(folder().join("log.json")).unwrap();
    let (judge, enact) = (
        include_str!("../src/log/judge.rs"),
        include_str!("../src/log/enact.rs"),
    );
    let sentences = [judge, enact].into_iter().flat_map(|source| {
        let after = source.split("Refusal::Invalid(").skip(1);
        after.filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next())
    });
    let named = judge.split("pub enum Refusal {").nth(1).unwrap();
    let named = named.split("\n}").next().unwrap();
    let attributes = named.split("#[error(\"").skip(1);
    let fixed = attributes.filter_map(|rest| rest.split('"').next().filter(|text| *text != "{0}"));
    let reasons: Vec<&str> = sentences.chain(fixed).collect();
    assert!(reasons.len() > 30, "{reasons:?}");
    for reason in reasons {
        assert!(
            log.contains(&format!("\"because\": \"{reason}\"")),
            "{reason}"
        );
    }
}
