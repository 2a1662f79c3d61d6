//! What a change of readers costs, by the size of the group; against the RSA-OAEP wraps alone.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use secure_chat_shared::client::api::{Action, Answer};
use secure_chat_shared::client::native::test_keys;
use secure_chat_shared::crypto::epoch::EpochKey;
use secure_chat_shared::crypto::wrap;
use serde::Serialize;

use crate::Result;
use crate::person::Person;
use crate::server::Server;

/// Re-keyings of one group: the median of them is told.
const TIMES: usize = 5;
/// After so long a key is old.
const OLD: Duration = Duration::from_secs(8 * 24 * 3600);

/// One row of the table.
#[derive(Serialize)]
struct Row {
    /// Readers.
    members: usize,
    /// Milliseconds until a new group is on the server's disk and in its creator's store.
    create_ms: f64,
    /// Of processor time on the server.
    create_server_ms: f64,
    /// Bytes sent for it.
    create_bytes: usize,
    /// Milliseconds until a fresh key and the message under it are there.
    rekey_ms: f64,
    /// Of processor time on the server.
    rekey_server_ms: f64,
    /// Bytes sent for the key alone.
    rekey_bytes: usize,
    /// Milliseconds of as many wraps by the `rsa` crate: the baseline.
    wraps_ms: f64,
}

pub async fn run(binary: &Path, sizes: &[usize], json: Option<&Path>) -> Result {
    let server = Server::start(binary).await?;
    let most = sizes.iter().copied().max().unwrap_or(2);
    eprintln!("registering {most} people");
    let mut alice = Person::register(server.address, "alice", 0).await?;
    let names: Vec<String> = (1..most).map(|n| format!("member{n}")).collect();
    for (n, name) in names.iter().enumerate() {
        Person::register(server.address, name, n).await?;
    }
    let mut rows = Vec::new();
    println!(
        "members  create ms  server ms  kB     rekey ms  server ms  B/reader  wraps ms  ratio"
    );
    for size in sizes {
        let row = measure(&server, &mut alice, &names[..size - 1]).await?;
        println!(
            "{:7}  {:9.1}  {:9.1}  {:5}  {:8.1}  {:9.1}  {:8}  {:8.1}  {:5.2}",
            row.members,
            row.create_ms,
            row.create_server_ms,
            row.create_bytes / 1000,
            row.rekey_ms,
            row.rekey_server_ms,
            row.rekey_bytes / row.members,
            row.wraps_ms,
            row.rekey_ms / row.wraps_ms,
        );
        rows.push(row);
    }
    if let Some(file) = json {
        fs::write(file, serde_json::to_string_pretty(&rows)?)?;
    }
    Ok(())
}

async fn measure(server: &Server, alice: &mut Person, names: &[String]) -> Result<Row> {
    let members = names.len() + 1;
    let create = Action::CreateConversation {
        people: names.to_vec(),
        title: "measured".into(),
        managed: false,
    };
    let (cpu, sent, begun) = (server.cpu()?, alice.sent(), Instant::now());
    let Answer::Conversation(id) = alice.does(create).await? else {
        return Err("no conversation".into());
    };
    let create_ms = millis(begun);
    let create_server_ms = (server.cpu()? - cpu) * 1e3;
    let create_bytes = alice.sent() - sent;
    alice.writes(id).await?;
    let sent = alice.sent();
    alice.writes(id).await?;
    let message_bytes = alice.sent() - sent;

    let (cpu, sent) = (server.cpu()?, alice.sent());
    let mut times = Vec::new();
    alice.is_ahead(OLD);
    for _ in 0..TIMES {
        alice.catches_up().await;
        let begun = Instant::now();
        alice.writes(id).await?;
        times.push(millis(begun));
    }
    alice.is_ahead(Duration::ZERO);
    times.sort_by(f64::total_cmp);
    let per_time = |total: f64| total / TIMES as f64;
    Ok(Row {
        members,
        create_ms,
        create_server_ms,
        create_bytes,
        rekey_ms: times[TIMES / 2],
        rekey_server_ms: per_time((server.cpu()? - cpu) * 1e3),
        rekey_bytes: (alice.sent() - sent) / TIMES - message_bytes,
        wraps_ms: wraps(members)?,
    })
}

/// So many wraps, and nothing else.
fn wraps(count: usize) -> Result<f64> {
    let spki = test_keys::set(0)?.encryption.spki()?;
    let key = EpochKey::make();
    let begun = Instant::now();
    for _ in 0..count {
        wrap::wrap(&spki, &key, b"label")?;
    }
    Ok(millis(begun))
}

fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}
