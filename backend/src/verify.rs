//! `secure-chat verify`: whether an exported conversation holds. Needs no server and no database.

use std::fs::File;
use std::io::{self, Read, Write};
use std::process::ExitCode;

use secure_chat_shared::export::{self, ContainerError, MAX_BYTES, Report};

use crate::config::VerifyArgs;

/// Why a file could not be checked.
#[derive(Debug, thiserror::Error)]
enum VerifyError {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Read(#[from] io::Error),
    /// It is no export.
    #[error("it is no export: {0}")]
    Container(#[from] ContainerError),
}

/// Checks a file, says what was found, and fails unless everything holds.
pub fn run(args: &VerifyArgs) -> ExitCode {
    let report = match check(args) {
        Ok(report) => report,
        Err(error) => {
            eprintln!("{}: {}", args.file.display(), printable(&error.to_string()));
            return ExitCode::FAILURE;
        }
    };
    // Whoever has closed the pipe does not want to read on; the code says how it went.
    let _ = say(&report, args.quiet);
    if report.faults.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn check(args: &VerifyArgs) -> Result<Report, VerifyError> {
    let mut bytes = Vec::new();
    // One byte more shows that it is too large.
    let mut file = File::open(&args.file)?.take(MAX_BYTES as u64 + 1);
    file.read_to_end(&mut bytes)?;
    Ok(export::check(&bytes)?)
}

fn say(report: &Report, quiet: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for line in report.lines.iter().filter(|_| !quiet) {
        writeln!(out, "{}", printable(line))?;
    }
    for fault in &report.faults {
        let (place, why) = (printable(&fault.place), printable(&fault.why));
        writeln!(out, "FAILS  {place}: {why}")?;
    }
    writeln!(out, "{}", report.summary())?;
    if report.faults.is_empty() {
        let hint = "The long numbers after the names are fingerprints: compare them with what these people say theirs are.";
        writeln!(out, "{hint}")?;
    }
    Ok(())
}

/// Names in a file from anywhere may hold what a terminal would obey.
fn printable(text: &str) -> String {
    let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(shown).collect()
}
