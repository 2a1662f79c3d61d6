//! `cargo xtask start`: from a fresh clone to a served page.

use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use super::Command;
use crate::process::{program, say};
use crate::product::{self, Profile};
use crate::{Result, place};

/// `cargo xtask start`.
pub const COMMAND: Command = Command {
    name: "start",
    about: "build everything for release and serve it on http://localhost:8080, data in ./data",
    run,
};

/// Where the server listens: only on this machine, where browsers allow cryptography without TLS.
pub const LISTEN: &str = "127.0.0.1:8080";

fn run(args: &[String]) -> Result {
    let binary = product::build(Profile::Release)?;
    let data = place::root().join("data");
    say(&format!("Starting the server; data in {}", data.display()));
    let mut server = program(binary)
        .args(["serve", "--listen", LISTEN, "--data"])
        .arg(&data)
        .args(args)
        .spawn()?;

    let address: SocketAddr = LISTEN.parse()?;
    // Only to say the address at the right moment: the server itself is waited for below.
    while TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_err() {
        if let Some(status) = server.try_wait()? {
            return Err(format!("the server ended ({status})").into());
        }
        thread::sleep(Duration::from_millis(50));
    }
    say("Secure Chat is at http://localhost:8080 (Ctrl+C stops it)");
    let status = server.wait()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("the server ended ({status})").into())
    }
}
