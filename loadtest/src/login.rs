//! What an attempt to log in costs the server, against verifying a password by Argon2id there.

use std::fs;
use std::path::Path;

use argon2::{Algorithm, Argon2, Params, Version};
use secure_chat_shared::client::platform::{CallError, Socket};
use secure_chat_shared::codec::Bytes;
use secure_chat_shared::crypto::opaque::{ClientLogin, LANES, MEMORY_KIB, PASSES};
use secure_chat_shared::crypto::random;
use secure_chat_shared::ids::UserName;
use secure_chat_shared::protocol::{ErrorCode, LoginFinish, LoginStart};
use serde::Serialize;

use crate::Result;
use crate::person::{PASSWORD, Person};
use crate::server::{Server, cpu_of};
use crate::socket::LoadSocket;

/// Attempts with a wrong password: enough for a clock that ticks a hundred times a second.
const WRONG: u32 = 3_000;
/// Attempts with the right one, each of which costs this side an Argon2id.
const RIGHT: u32 = 300;
/// Verifications by Argon2id.
const VERIFIED: u32 = 20;
/// Bytes of a KE3.
const KE3: usize = 64;

/// One row of the table.
#[derive(Serialize)]
struct Row {
    what: &'static str,
    /// Milliseconds of processor time for each.
    cpu_ms: f64,
    /// How many of these cost as much as one verification by Argon2id.
    per_argon2: f64,
}

pub async fn run(binary: &Path, json: Option<&Path>) -> Result {
    let server = Server::start(binary).await?;
    Person::register(server.address, "alice", 0).await?;
    let alice = UserName::parse("alice")?;
    let nobody = UserName::parse("nobody")?;

    let argon2 = argon2id()?;
    let wrong = per_attempt(&server, WRONG, guess(&server, &alice, WRONG)).await?;
    let unknown = per_attempt(&server, WRONG, guess(&server, &nobody, WRONG)).await?;
    let right = per_attempt(&server, RIGHT, sign_in(&server, &alice, RIGHT)).await?;
    let rows = [
        ("Argon2id verification", argon2),
        ("wrong password", wrong),
        ("unknown name", unknown),
        ("right password, new socket", right),
    ]
    .map(|(what, cpu_ms)| Row {
        what,
        cpu_ms,
        per_argon2: argon2 / cpu_ms,
    });
    println!(
        "{:28}  {:>8}  {:>12}",
        "on the server", "CPU ms", "for Argon2id"
    );
    for row in &rows {
        println!(
            "{:28}  {:8.3}  {:12.1}",
            row.what, row.cpu_ms, row.per_argon2
        );
    }
    if let Some(file) = json {
        fs::write(file, serde_json::to_string_pretty(&rows)?)?;
    }
    Ok(())
}

/// Milliseconds of the server's processor time for each of so many attempts.
async fn per_attempt(
    server: &Server,
    attempts: u32,
    made: impl Future<Output = Result>,
) -> Result<f64> {
    let before = server.cpu()?;
    made.await?;
    Ok((server.cpu()? - before) * 1e3 / f64::from(attempts))
}

/// Attempts on one socket whose proof is none: what somebody who guesses sends.
async fn guess(server: &Server, name: &UserName, attempts: u32) -> Result {
    let (socket, _events) = LoadSocket::connect(server.address).await?;
    for _ in 0..attempts {
        let (_, ke1) = ClientLogin::start("a wrong guess")?;
        let ke1 = Bytes(ke1);
        let name = name.clone();
        socket.request(&LoginStart { name, ke1 }).await?;
        let finish = LoginFinish {
            ke3: Bytes(vec![7; KE3]),
            browser: String::new(),
            continues: None,
        };
        match socket.request(&finish).await {
            Err(CallError::Refused(error)) if error.code == ErrorCode::WrongCredentials => {}
            _ => return Err("a wrong password was not refused as such".into()),
        }
    }
    Ok(())
}

/// Attempts that succeed, on a socket each.
async fn sign_in(server: &Server, name: &UserName, attempts: u32) -> Result {
    for _ in 0..attempts {
        let (socket, _events) = LoadSocket::connect(server.address).await?;
        let (login, ke1) = ClientLogin::start(PASSWORD)?;
        let ke1 = Bytes(ke1);
        let name = name.clone();
        let started = socket.request(&LoginStart { name, ke1 }).await?;
        let (ke3, _) = login.finish(PASSWORD, &started.ke2)?;
        let finish = LoginFinish {
            ke3: Bytes(ke3),
            browser: "Load test".into(),
            continues: None,
        };
        socket.request(&finish).await?;
        socket.hang_up();
    }
    Ok(())
}

/// Milliseconds of processor time that a server would need to verify a password by Argon2id with the parameters that
/// clients stretch theirs with.
fn argon2id() -> Result<f64> {
    let parameters = Params::new(MEMORY_KIB, PASSES, LANES, Some(32))?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters);
    let salt: [u8; 16] = random::bytes();
    let hash = || -> Result<[u8; 32]> {
        let mut hash = [0; 32];
        argon2.hash_password_into(PASSWORD.as_bytes(), &salt, &mut hash)?;
        Ok(hash)
    };
    let kept = hash()?;
    let before = cpu_of(std::process::id())?;
    for _ in 0..VERIFIED {
        if hash()? != kept {
            return Err("Argon2id does not give the same twice".into());
        }
    }
    Ok((cpu_of(std::process::id())? - before) * 1e3 / f64::from(VERIFIED))
}
