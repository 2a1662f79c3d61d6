//! What a change of readers costs, by the size of the group; against the RSA-OAEP wraps alone.

use std::time::{Duration, Instant};

use secure_chat_shared::client::native::test_keys;
use secure_chat_shared::crypto::epoch::EpochKey;
use secure_chat_shared::crypto::wrap;
use serde::Serialize;

use crate::Result;
use crate::cores::Cores;
use crate::person::{self, Person};
use crate::plot::{Axis, Plot, Series};
use crate::report::{Options, Report};
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

pub async fn run(options: &Options) -> Result {
    let sizes: &[usize] = if options.quick {
        &[2, 20]
    } else {
        &[2, 10, 100, 500]
    };
    let cores = Cores::find();
    let server = Server::start(&options.server, &cores).await?;
    let most = sizes.iter().copied().max().unwrap_or(2);
    eprintln!("registering {most} people");
    person::register_many(server.address, "member", most - 1)?;
    let mut alice = Person::register(server.address, "alice", 0).await?;
    let names: Vec<String> = (1..most).map(|n| format!("member{n}")).collect();
    cores.keep_to_ours().await?;
    let mut report = Report::new("rekey", &cores);
    let mut rows = Vec::new();
    for size in sizes {
        let row = measure(&server, &mut alice, &names[..size - 1]).await?;
        report.row(&row)?;
        rows.push(row);
    }
    let curve = |name: &str, figure: fn(&Row) -> f64| Series {
        name: name.into(),
        points: rows
            .iter()
            .map(|row| [row.members as f64, figure(row)])
            .collect(),
    };
    report.plot(Plot {
        file: "rekey".into(),
        title: "A fresh key for a group, natively".into(),
        x: Axis::log("readers"),
        y: Axis::log("ms"),
        series: vec![
            curve("fresh key and message", |row| row.rekey_ms),
            curve("of it the server's CPU", |row| row.rekey_server_ms),
            curve("RSA-OAEP wraps alone", |row| row.wraps_ms),
        ],
    });
    if let Some(last) = rows.last() {
        report.ratio(
            "time for a fresh key of the largest group, of the wraps alone",
            last.rekey_ms / last.wraps_ms,
        );
    }
    report.finish(options)
}

async fn measure(server: &Server, alice: &mut Person, names: &[String]) -> Result<Row> {
    let members = names.len() + 1;
    let (cpu, sent, begun) = (server.cpu()?, alice.sent(), Instant::now());
    let id = alice.begins(names).await?;
    let create_ms = millis(begun);
    let create_server_ms = server.cpu()?.since(&cpu) * 1e3;
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
        rekey_server_ms: per_time(server.cpu()?.since(&cpu) * 1e3),
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
