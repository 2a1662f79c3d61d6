//! `secure-chat-schema FOLDER|FILE...`: holds written-down sockets against the protocol's schema.

use std::env;
use std::path::Path;
use std::process::ExitCode;

use secure_chat_schema::traffic::Report;

fn main() -> ExitCode {
    let mut report = Report::default();
    for path in env::args_os().skip(1) {
        if let Err(error) = report.add(Path::new(&path)) {
            eprintln!("{}: {error}", Path::new(&path).display());
            return ExitCode::FAILURE;
        }
    }
    println!("{report}");
    // What saw nothing shows nothing.
    if report.frames > 0 && report.outside.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
