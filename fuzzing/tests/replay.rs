//! Every input that was kept, through its target: real traffic, and whatever once made one panic.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests

use std::fs;
use std::path::{Path, PathBuf};

use secure_chat_fuzzing::TARGETS;

fn inputs(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target);
    let files =
        fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = files.map(|file| file.unwrap().path());
    paths
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect()
}

#[test]
fn every_corpus_replays() {
    for (name, target) in TARGETS {
        let inputs = inputs(name);
        assert!(!inputs.is_empty(), "{name} has no corpus");
        for (path, input) in inputs {
            let result = std::panic::catch_unwind(|| target(&input));
            assert!(result.is_ok(), "{}", path.display());
        }
    }
}

/// A little of what the fuzzer does, without it: each input cut short, and with each of its bytes altered.
#[test]
fn what_is_near_the_corpus_holds_too() {
    for (name, target) in TARGETS {
        for (path, input) in inputs(name) {
            for place in (0..input.len()).step_by(input.len().div_ceil(12).max(1)) {
                let mut altered = input.clone();
                altered[place] ^= 1 << (place % 8);
                let result = std::panic::catch_unwind(|| {
                    target(&altered);
                    target(&input[..place]);
                });
                assert!(result.is_ok(), "{} altered at {place}", path.display());
            }
        }
    }
}
