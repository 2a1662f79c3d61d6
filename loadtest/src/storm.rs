//! Everybody comes back at once, as after a restart of the server: how fast sessions are resumed by their tokens;
//! against the connect rate of bare axum.

use std::time::Instant;

use serde::Serialize;

use crate::Result;
use crate::baseline::Kind;
use crate::cores::Cores;
use crate::person;
use crate::receivers::Receivers;
use crate::report::{Options, Report, median};
use crate::server::{Baseline, Process, Server, raise_limits};

/// Name of the server's row.
const OURS: &str = "secure-chat";

/// One row of the table.
#[derive(Serialize)]
struct Row {
    server: &'static str,
    sessions: usize,
    sessions_per_s: f64,
    /// Until the last one is back.
    all_back_ms: f64,
    cpu_ms_per_session: f64,
}

/// What one run came to.
struct Run {
    seconds: f64,
    cpu: f64,
}

pub async fn run(options: &Options) -> Result {
    let (count, accounts) = if options.quick {
        (200, 10)
    } else {
        (1_000, 200)
    };
    raise_limits()?;
    let cores = Cores::find();
    let server = Server::start(&options.server, &cores).await?;
    eprintln!("registering {accounts} people");
    let sessions = person::register_many(server.address, "member", accounts)?;
    let sessions: Vec<_> = sessions.iter().cycle().take(count).cloned().collect();
    cores.keep_to_ours().await?;

    let (mut ours, mut axum) = (Vec::new(), Vec::new());
    for _ in 0..options.runs() {
        let back = Receivers::resume(server.address, &sessions);
        ours.push(measure(&server, back).await?);
        // Everybody has just left it.
        server.rest().await?;
        let baseline = Baseline::start(Kind::Axum, &cores).await?;
        let back = Receivers::answered(baseline.address, count);
        axum.push(measure(&baseline, back).await?);
    }
    let mut report = Report::new("storm", &cores);
    let (ours, axum) = (
        row(OURS, count, &ours),
        row(Kind::Axum.name(), count, &axum),
    );
    report.row(&ours)?;
    report.row(&axum)?;
    report.ratio(
        "sessions resumed a second, of the connect rate of bare axum",
        ours.sessions_per_s / axum.sessions_per_s,
    );
    report.finish(options)
}

async fn measure(process: &Process, back: impl Future<Output = Result<Receivers>>) -> Result<Run> {
    process.rest().await?;
    let before = process.cpu()?;
    let begun = Instant::now();
    let receivers = back.await?;
    let run = Run {
        seconds: begun.elapsed().as_secs_f64(),
        cpu: process.cpu()?.since(&before),
    };
    receivers.must_be_open()?;
    Ok(run)
}

fn row(server: &'static str, sessions: usize, runs: &[Run]) -> Row {
    let seconds = median(runs.iter().map(|run| run.seconds).collect());
    let cpu = median(runs.iter().map(|run| run.cpu).collect());
    Row {
        server,
        sessions,
        sessions_per_s: sessions as f64 / seconds,
        all_back_ms: seconds * 1e3,
        cpu_ms_per_session: cpu * 1e3 / sessions as f64,
    }
}
