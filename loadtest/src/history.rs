//! Reading where much was written: pages out of the middle of logs of growing length, the start of the server on that
//! database, and catching up; against the same page out of a short log.

use std::time::Instant;

use secure_chat_shared::client::platform::Socket;
use secure_chat_shared::crypto::random;
use secure_chat_shared::ids::ConversationId;
use secure_chat_shared::protocol::{Entries, GetEntries, MAX_PAGE, Resume};
use serde::Serialize;

use crate::Result;
use crate::cores::Cores;
use crate::person::Person;
use crate::plot::{Axis, Plot, Series};
use crate::report::{Options, Report, median, percentile};
use crate::sender::{self, Pace};
use crate::server::{Process, Server};
use crate::socket::LoadSocket;
use crate::stored;

/// Entries of a page.
const PAGE: u32 = 50;
/// Bytes of text in a message: a short one, in the smallest size class.
const TEXT: usize = 200;

/// A log of one length.
#[derive(Serialize)]
struct PageRow {
    log_entries: u64,
    /// From the request to the page of 50, from random places.
    page_p50_ms: f64,
    page_p99_ms: f64,
    cpu_ms_per_page: f64,
}

/// A start of the server.
#[derive(Serialize)]
struct StartRow {
    database_entries: u64,
    database_mib: f64,
    /// Until it takes connections.
    start_ms: f64,
}

/// Catching up, page after page.
#[derive(Serialize)]
struct CatchUpRow {
    caught_up_messages: u64,
    seconds: f64,
    messages_per_s: f64,
    cpu_ms_per_1000: f64,
}

pub async fn run(options: &Options) -> Result {
    let (lengths, pages, missed): (&[u64], usize, u64) = if options.quick {
        (&[1_000, 20_000], 200, 1_000)
    } else {
        (&[1_000, 10_000, 100_000, 1_000_000], 1_000, 10_000)
    };
    let cores = Cores::find();
    let server = Server::start(&options.server, &cores).await?;
    Person::register(server.address, "peer", 1).await?;
    let mut alice = Person::register(server.address, "alice", 0).await?;
    let mut messages = Vec::new();
    for _ in lengths {
        let conversation = alice.begins(&["peer".into()]).await?;
        messages.extend(alice.seals(conversation, 1, TEXT).await?);
    }
    // The one that is appended in the end, to see that the log is one.
    let longest = messages.last().ok_or("no lengths")?.conversation;
    let last = alice.seals(longest, 1, TEXT).await?;
    let token = alice.session()?.token;

    let mut report = Report::new("history", &cores);
    let mut data = server.stop().await?;
    let mut starts = Vec::new();
    let mut entries = 0;
    for grown in [false, true] {
        if grown {
            for (message, &length) in messages.iter().zip(lengths) {
                eprintln!("writing a log of {length} entries");
                stored::grow(&data.path().join(Server::DATABASE), message, length)?;
                entries += length;
            }
        }
        let mut times = Vec::new();
        let mut size = 0;
        for _ in 0..options.runs() {
            let begun = Instant::now();
            let server = Server::on(&options.server, &cores, data).await?;
            times.push(begun.elapsed().as_secs_f64() * 1e3);
            size = server.database().metadata()?.len();
            data = server.stop().await?;
        }
        starts.push(StartRow {
            database_entries: if grown {
                entries
            } else {
                2 * lengths.len() as u64
            },
            database_mib: size as f64 / 1024.0 / 1024.0,
            start_ms: median(times),
        });
    }
    let server = Server::on(&options.server, &cores, data).await?;
    cores.keep_to_ours().await?;
    let (socket, _events) = LoadSocket::connect(server.address).await?;
    socket.request(&Resume { token }).await?;

    let mut runs: Vec<Vec<PageRow>> = Vec::new();
    for _ in 0..options.runs() {
        let mut run = Vec::new();
        for (message, &length) in messages.iter().zip(lengths) {
            run.push(read_pages(&server, &socket, message.conversation, length, pages).await?);
        }
        runs.push(run);
    }
    let rows: Vec<PageRow> = (0..lengths.len())
        .map(|length| page_row(runs.iter().map(|run| &run[length]).collect()))
        .collect();
    for row in &rows {
        report.row(row)?;
    }
    for row in &starts {
        report.row(row)?;
    }
    let end = lengths.last().copied().unwrap_or(0);
    report.row(&catch_up(&server, &socket, longest, end - missed, end).await?)?;
    // The server goes on where the rows end.
    sender::append(&socket, &last, Pace::Flood).await?;
    if page(&socket, longest, end, PAGE).await?.size != end + 1 {
        return Err("the log has not gone on".into());
    }

    let curve = |name: &str, figure: fn(&PageRow) -> f64| Series {
        name: name.into(),
        points: rows
            .iter()
            .map(|row| [row.log_entries as f64, figure(row)])
            .collect(),
    };
    report.plot(Plot {
        file: "history-page".into(),
        title: "A page of 50 out of the middle of a log".into(),
        x: Axis::log("entries in the log"),
        y: Axis::linear("ms"),
        series: vec![
            curve("p50", |row| row.page_p50_ms),
            curve("p99", |row| row.page_p99_ms),
            curve("server CPU", |row| row.cpu_ms_per_page),
        ],
    });
    if let (Some(short), Some(long)) = (rows.first(), rows.last()) {
        report.ratio(
            "p99 of a page out of the longest log, of one out of the shortest",
            long.page_p99_ms / short.page_p99_ms,
        );
    }
    report.finish(options)
}

async fn page(
    socket: &LoadSocket,
    conversation: ConversationId,
    from: u64,
    limit: u32,
) -> Result<Entries> {
    let request = GetEntries {
        conversation,
        from,
        limit,
    };
    Ok(socket.request(&request).await?)
}

/// Reads so many pages from random places, one after the other.
async fn read_pages(
    server: &Process,
    socket: &LoadSocket,
    conversation: ConversationId,
    length: u64,
    pages: usize,
) -> Result<PageRow> {
    let mut times = Vec::new();
    let before = server.cpu()?;
    for _ in 0..pages {
        let from = u64::from_le_bytes(random::bytes()) % (length - u64::from(PAGE));
        let begun = Instant::now();
        let page = page(socket, conversation, from, PAGE).await?;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
        let right = page.entries.len() == PAGE as usize
            && page.size == length
            && page
                .entries
                .iter()
                .zip(from..)
                .all(|(entry, number)| entry.number == number);
        if !right {
            return Err("a page is not what was asked for".into());
        }
    }
    let cpu = server.cpu()?.since(&before);
    times.sort_by(f64::total_cmp);
    Ok(PageRow {
        log_entries: length,
        page_p50_ms: percentile(&times, 50.0),
        page_p99_ms: percentile(&times, 99.0),
        cpu_ms_per_page: cpu * 1e3 / pages as f64,
    })
}

fn page_row(runs: Vec<&PageRow>) -> PageRow {
    let of = |figure: fn(&PageRow) -> f64| median(runs.iter().map(|row| figure(row)).collect());
    PageRow {
        log_entries: runs.first().map_or(0, |row| row.log_entries),
        page_p50_ms: of(|row| row.page_p50_ms),
        page_p99_ms: of(|row| row.page_p99_ms),
        cpu_ms_per_page: of(|row| row.cpu_ms_per_page),
    }
}

/// Reads the log's end as somebody does who was away.
async fn catch_up(
    server: &Process,
    socket: &LoadSocket,
    conversation: ConversationId,
    from: u64,
    end: u64,
) -> Result<CatchUpRow> {
    let before = server.cpu()?;
    let begun = Instant::now();
    let mut next = from;
    while next < end {
        let page = page(socket, conversation, next, MAX_PAGE).await?;
        if page.entries.is_empty() {
            return Err("the log ends too early".into());
        }
        next += page.entries.len() as u64;
    }
    let seconds = begun.elapsed().as_secs_f64();
    let messages = end - from;
    Ok(CatchUpRow {
        caught_up_messages: messages,
        seconds,
        messages_per_s: messages as f64 / seconds,
        cpu_ms_per_1000: server.cpu()?.since(&before) * 1e6 / messages as f64,
    })
}
