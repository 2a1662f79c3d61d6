//! How many messages a second are acknowledged, each of them on disk, over many conversations; against the same rows
//! inserted by a bare loop.
//!
//! The loop commits as many rows together as the server can have: all that its clients may have unanswered, up to what
//! its writer takes at once.

use std::time::Instant;

use futures::future::try_join_all;
use secure_chat_shared::protocol::{Append, MAX_IN_FLIGHT};
use serde::Serialize;

use crate::Result;
use crate::baseline::MAX_BATCH;
use crate::baseline::rows::{self, Written};
use crate::cores::Cores;
use crate::fanout::TEXT;
use crate::person::Person;
use crate::plot::{Axis, Plot, Series};
use crate::report::{Options, Report, median};
use crate::sender::{self, Pace};
use crate::server::Server;

/// Conversations of each sender.
const CONVERSATIONS: usize = 5;

/// One row of the table.
#[derive(Serialize)]
struct Row {
    /// People who send at once, each with as many unanswered as a client may have.
    senders: usize,
    conversations: usize,
    /// Acknowledged.
    messages_per_s: f64,
    cpu_ms_per_message: f64,
    /// Rows that the loop commits together.
    loop_group: usize,
    loop_rows_per_s: f64,
    loop_cpu_ms_per_row: f64,
    ratio: f64,
}

pub async fn run(options: &Options) -> Result {
    let (loads, messages): (&[usize], usize) = if options.quick {
        (&[4], 1_000)
    } else {
        (&[1, 4, 20], 5_000)
    };
    let cores = Cores::find();
    let server = Server::start(&options.server, &cores).await?;
    let most = loads.iter().copied().max().unwrap_or(1);
    eprintln!("registering {} people", most + 1);
    Person::register(server.address, "peer", 1).await?;
    let mut senders = Vec::new();
    for n in 0..most {
        // All of them sign by RSA-PSS: their messages are of one size.
        senders.push(Person::register(server.address, &format!("sender{n}"), 2 * n).await?);
    }
    cores.keep_to_ours().await?;

    let mut report = Report::new("ingest", &cores);
    let mut rows = Vec::new();
    for &load in loads {
        let mut runs = Vec::new();
        for run in 0..options.runs() {
            eprintln!("{load} senders, run {}", run + 1);
            runs.push(measure(&server, &cores, &mut senders[..load], messages).await?);
        }
        let row = row(load, &runs);
        report.row(&row)?;
        rows.push(row);
    }
    let curve = |name: &str, figure: fn(&Row) -> f64| Series {
        name: name.into(),
        points: rows
            .iter()
            .map(|row| [row.senders as f64, figure(row)])
            .collect(),
    };
    report.plot(Plot {
        file: "ingest".into(),
        title: "Messages acknowledged, each on disk".into(),
        x: Axis::log("people who send at once"),
        y: Axis::linear("messages/s"),
        series: vec![
            curve("secure-chat", |row| row.messages_per_s),
            curve("the same rows by rusqlite", |row| row.loop_rows_per_s),
        ],
    });
    if let Some(last) = rows.last() {
        report.ratio(
            "messages a second, of the rows a second of a bare loop",
            last.ratio,
        );
    }
    report.finish(options)
}

/// What one run came to.
struct Run {
    messages: usize,
    seconds: f64,
    cpu: f64,
    by_loop: Written,
}

async fn measure(
    server: &Server,
    cores: &Cores,
    senders: &mut [Person],
    messages: usize,
) -> Result<Run> {
    let each = messages / senders.len() / CONVERSATIONS;
    let mut work: Vec<Vec<Append>> = Vec::new();
    for sender in senders.iter_mut() {
        let mut entries = Vec::new();
        for _ in 0..CONVERSATIONS {
            let conversation = sender.begins(&["peer".into()]).await?;
            entries.push(sender.seals(conversation, each, TEXT).await?.into_iter());
        }
        // One of each conversation in turn.
        let in_turn = (0..each).flat_map(|_| {
            entries
                .iter_mut()
                .filter_map(Iterator::next)
                .collect::<Vec<_>>()
        });
        work.push(in_turn.collect());
    }
    let after = rows::last_row(&server.database())?;
    let before = server.cpu()?;
    let begun = Instant::now();
    let sending = senders
        .iter()
        .zip(&work)
        .map(|(sender, entries)| sender::append(sender.socket(), entries, Pace::Flood));
    try_join_all(sending).await?;
    let seconds = begun.elapsed().as_secs_f64();
    let cpu = server.cpu()?.since(&before);
    let group = group(senders.len());
    server.rest().await?;
    let by_loop = rows::measure(cores, &server.database(), after, group).await?;
    let messages = work.iter().map(Vec::len).sum();
    if by_loop.rows != messages {
        let rows = by_loop.rows;
        return Err(format!("{messages} messages were acknowledged, {rows} are stored").into());
    }
    Ok(Run {
        messages,
        seconds,
        cpu,
        by_loop,
    })
}

/// Rows that can have been committed together.
fn group(senders: usize) -> usize {
    MAX_BATCH.min(senders * MAX_IN_FLIGHT)
}

fn row(senders: usize, runs: &[Run]) -> Row {
    let of = |figure: &dyn Fn(&Run) -> f64| median(runs.iter().map(figure).collect());
    let messages_per_s = of(&|run| run.messages as f64 / run.seconds);
    let loop_rows_per_s = of(&|run| run.by_loop.rows as f64 / run.by_loop.seconds);
    Row {
        senders,
        conversations: senders * CONVERSATIONS,
        messages_per_s,
        cpu_ms_per_message: of(&|run| run.cpu * 1e3 / run.messages as f64),
        loop_group: group(senders),
        loop_rows_per_s,
        loop_cpu_ms_per_row: of(&|run| run.by_loop.cpu * 1e3 / run.by_loop.rows as f64),
        ratio: messages_per_s / loop_rows_per_s,
    }
}
