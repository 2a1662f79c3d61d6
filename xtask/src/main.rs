//! The commands of the README: `cargo xtask start | dev | test | vectors | model | schema | fuzz | bench | client | dist`.
//!
//! One file a command in `commands/`; what they share beside it: [`place`] (folders), [`process`] (running programs),
//! [`tools`] (pinned build tools in a cache), [`debian`] (system packages), [`playwright`], [`product`] (client and server builds).

mod commands;
mod debian;
mod integrity;
mod manifest;
mod place;
mod playwright;
mod process;
mod product;
mod reproduce;
mod size;
mod tools;

use std::env;
use std::process::ExitCode;

use commands::{COMMANDS, Command};

/// What a command ends with. The text is for people: what happened and what to do.
pub type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let mut args = env::args().skip(1);
    let name = args.next().unwrap_or_else(|| "--help".into());
    let rest: Vec<String> = args.collect();

    if matches!(name.as_str(), "--help" | "-h" | "help") {
        print_help();
        return ExitCode::SUCCESS;
    }
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        eprintln!("There is no command `{name}`.\n");
        print_help();
        return ExitCode::from(2);
    };
    match (command.run)(&rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\n{name}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn print_help() {
    println!("cargo xtask COMMAND\n");
    for Command { name, about, .. } in COMMANDS {
        println!("  {name:8} {about}");
    }
    println!(
        "\nTools are kept in {} (SECURE_CHAT_CACHE moves it).",
        place::cache().display()
    );
}
