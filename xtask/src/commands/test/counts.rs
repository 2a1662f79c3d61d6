//! Reading which tests held in what their runners print.

use std::fmt;
use std::ops::AddAssign;

/// Tests by how they ended.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Held.
    pub passed: u32,
    /// Did not.
    pub failed: u32,
}

impl Counts {
    /// Reads the closing lines of `cargo test` and of the browser runner of `wasm-bindgen`, which print the same.
    pub fn of_cargo(output: &str) -> Self {
        let mut counts = Self::default();
        for line in output.lines().map(plain) {
            if let Some(rest) = line.trim().strip_prefix("test result: ") {
                counts.passed += number_before(rest, " passed");
                counts.failed += number_before(rest, " failed");
            }
        }
        counts
    }

    /// Reads Playwright's closing lines: `  12 passed (1.2m)`, `  1 failed`, `  1 flaky`, `  3 did not run`.
    pub fn of_playwright(output: &str) -> Self {
        let mut counts = Self::default();
        for line in output.lines().map(plain) {
            let Some((number, what)) = line.trim().split_once(' ') else {
                continue;
            };
            let Ok(number) = number.parse::<u32>() else {
                continue;
            };
            // Its whole line, so that no test's own output counts.
            match what.split(" (").next().unwrap_or(what) {
                "passed" => counts.passed += number,
                // A test that fails now and then is a bug, and one that did not run shows nothing.
                "failed" | "flaky" | "interrupted" | "did not run" => counts.failed += number,
                _ => {}
            }
        }
        counts
    }

    /// One check that held.
    pub const ONE: Self = Self {
        passed: 1,
        failed: 0,
    };

    /// One that did not.
    pub const FAILED: Self = Self {
        passed: 0,
        failed: 1,
    };

    /// A failure that no test shows (it did not compile) counts as one.
    pub fn with_step(mut self, ok: bool) -> Self {
        if !ok && self.failed == 0 {
            self.failed = 1;
        }
        self
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

/// The tests that failed, as `cargo test`, the browser runner of `wasm-bindgen` and Playwright name them, each once.
pub fn failures(output: &str) -> Vec<String> {
    let mut names = Vec::new();
    for line in output.lines().map(plain) {
        let line = line.trim();
        let of_cargo = line
            .strip_prefix("test ")
            .and_then(|rest| rest.split_once(" ... FAIL"))
            .map(|(name, _)| name);
        let of_playwright = line
            .strip_prefix(['\u{2718}', 'x'])
            .and_then(|rest| rest.trim_start().split_once(' '))
            .filter(|(number, _)| number.parse::<u32>().is_ok())
            .map(|(_, name)| name.trim_start());
        let Some(name) = of_cargo.or(of_playwright).map(str::to_owned) else {
            continue;
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn number_before(text: &str, word: &str) -> u32 {
    let Some(end) = text.find(word) else { return 0 };
    let head = &text[..end];
    let start = head
        .rfind(|c: char| !c.is_ascii_digit())
        .map_or(0, |place| place + 1);
    head[start..].parse().unwrap_or(0)
}

/// Without the colours of a terminal.
fn plain(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            // A sequence ends with its first letter.
            chars.by_ref().find(char::is_ascii_alphabetic);
        } else {
            text.push(c);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_results_add_up() {
        let output = "running 2 tests\ntest result: ok. 2 passed; 0 failed; 1 ignored; 0 measured\n\n\
                      test result: \u{1b}[31mFAILED\u{1b}[0m. 10 passed; 3 failed; 0 ignored\n";
        assert_eq!(
            Counts::of_cargo(output),
            Counts {
                passed: 12,
                failed: 3
            }
        );
    }

    #[test]
    fn playwright_results_add_up() {
        let output = "Running 5 tests\n  ok 1 sends 4 passed ones (1s)\n\n  1 failed\n    a.spec.ts:1\n  1 flaky\n  \
                      2 did not run\n  12 passed (1.2m)\n";
        assert_eq!(
            Counts::of_playwright(output),
            Counts {
                passed: 12,
                failed: 4
            }
        );
    }

    #[test]
    fn failures_are_named() {
        let output = "test log::holds ... ok\ntest log::tears ... FAILED\n\nfailures:\n    log::tears\n\
                      test two::same ... FAIL\n  \u{2713}   1 [e2e] \u{203a} tests/a.spec.ts:5:1 \u{203a} talks (2s)\n  \
                      \u{1b}[31m\u{2718}  16 [e2e] \u{203a} tests/b.spec.ts:5:1 \u{203a} links (33.0s)\u{1b}[0m\n";
        assert_eq!(
            failures(output),
            [
                "log::tears",
                "two::same",
                "[e2e] \u{203a} tests/b.spec.ts:5:1 \u{203a} links (33.0s)"
            ]
        );
        assert_eq!(failures("x-ray 1\nxs of 5 tests"), Vec::<String>::new());
    }

    #[test]
    fn no_failure_goes_uncounted() {
        let passed = Counts {
            passed: 4,
            failed: 0,
        };
        assert_eq!(passed.with_step(true), passed);
        assert_eq!(
            passed.with_step(false),
            Counts {
                passed: 4,
                failed: 1
            }
        );
        let failed = Counts {
            passed: 4,
            failed: 2,
        };
        assert_eq!(failed.with_step(false), failed);
    }
}
