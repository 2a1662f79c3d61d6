//! One member of a room reads nothing any more: what the others notice of it, what it costs the server in memory, and
//! whether he has everything in the end; against the same room with everybody reading.

use std::time::{Duration, Instant};

use futures::StreamExt;
use secure_chat_shared::client::platform::Socket;
use secure_chat_shared::codec::{self, Bytes};
use secure_chat_shared::ids::ConversationId;
use secure_chat_shared::protocol::{
    Append, EntryAt, Event, GetEntries, MAX_PAGE, Resume, ServerFrame, SignedIn, Stored, close_code,
};
use serde::Serialize;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::Result;
use crate::cores::Cores;
use crate::fanout::TEXT;
use crate::person::{self, Person};
use crate::receivers::{self, Receivers};
use crate::report::{Options, Report, median, percentile};
use crate::sender::{self, Pace};
use crate::server::{Process, Server};
use crate::socket::LoadSocket;

/// Messages a second.
const PACE: u32 = 200;
/// Between two looks at the server's memory.
const LOOK: Duration = Duration::from_millis(20);
/// Nothing has come for so long: the stalled socket holds nothing more.
const QUIET: Duration = Duration::from_millis(500);

/// One row of the table.
#[derive(Serialize)]
struct Row {
    room: &'static str,
    members: usize,
    messages: usize,
    /// Of all receivers that read.
    p50_ms: f64,
    p99_ms: f64,
    /// The most that the server had resident above what it had before.
    rss_growth_mib: f64,
    /// Whether the server has closed the stalled socket.
    closed: bool,
    /// Messages that the stalled one found in his socket, and those that he caught up with.
    found: usize,
    caught_up: usize,
}

pub async fn run(options: &Options) -> Result {
    let (members, messages) = if options.quick {
        (20, 400)
    } else {
        (100, 4_000)
    };
    let cores = Cores::find();
    let server = Server::start(&options.server, &cores).await?;
    eprintln!("registering {members} people");
    let sessions = person::register_many(server.address, "member", members - 1)?;
    let mut alice = Person::register(server.address, "alice", 0).await?;
    cores.keep_to_ours().await?;

    let names: Vec<String> = (1..members).map(|n| format!("member{n}")).collect();
    let mut runs = [Vec::new(), Vec::new()];
    for _ in 0..options.runs() {
        for (stalls, runs) in [false, true].into_iter().zip(&mut runs) {
            eprintln!("{}", name(stalls));
            let conversation = alice.begins(&names).await?;
            let entries = alice.seals(conversation, messages, TEXT).await?;
            runs.push(measure(&server, &alice, &sessions, &entries, stalls).await?);
        }
    }
    let rows = runs.map(|runs| row(&runs, members, messages));
    let mut report = Report::new("stalled", &cores);
    for row in &rows {
        report.row(row)?;
    }
    let [reading, stalled] = &rows;
    report.ratio(
        "p99 of the others with one reader stalled, of p99 with none",
        stalled.p99_ms / reading.p99_ms,
    );
    report.finish(options)
}

fn name(stalls: bool) -> &'static str {
    if stalls { "one stalled" } else { "all read" }
}

/// What one run came to.
struct Run {
    stalls: bool,
    /// Milliseconds, sorted.
    latencies: Vec<f64>,
    rss_growth_kib: u64,
    closed: bool,
    found: usize,
    caught_up: usize,
}

async fn measure(
    server: &Process,
    alice: &Person,
    sessions: &[SignedIn],
    entries: &[Append],
    stalls: bool,
) -> Result<Run> {
    let (last, others) = sessions.split_last().ok_or("a room of one")?;
    let reading = if stalls { others } else { sessions };
    let receivers = Receivers::resume(server.address, reading).await?;
    let stalled = match stalls {
        true => Some(receivers::resumed(server.address, last).await?),
        false => None,
    };
    receivers.expect(entries.len()).await;
    server.rest().await?;
    let at_first = server.rss_kib()?;
    let mut most = at_first;
    let looking = async {
        loop {
            most = most.max(server.rss_kib()?);
            tokio::time::sleep(LOOK).await;
        }
        // Names the type of what this never comes to.
        #[allow(unreachable_code)]
        Result::Ok(())
    };
    let sending = async {
        let sent = sender::append(alice.socket(), entries, Pace::Paced(PACE)).await?;
        Ok::<_, Box<dyn std::error::Error>>((sent, receivers.all().await?))
    };
    let (sent, received) = tokio::select! {
        sent = sending => sent?,
        looked = looking => return Err(looked.err().unwrap_or_else(|| "nobody looks".into())),
    };
    let mut latencies: Vec<f64> = received
        .arrivals
        .iter()
        .flat_map(|arrivals| arrivals.iter().zip(&sent))
        .map(|(arrived, sent): (&Instant, &Instant)| (*arrived - *sent).as_secs_f64() * 1e3)
        .collect();
    latencies.sort_by(f64::total_cmp);
    let (closed, found, caught_up) = match stalled {
        Some(socket) => comes_back(server, socket, last, entries).await?,
        None => (false, 0, 0),
    };
    Ok(Run {
        stalls,
        latencies,
        rss_growth_kib: most - at_first,
        closed,
        found,
        caught_up,
    })
}

/// The stalled one reads what his socket still holds, and the rest as every client does that was away. Whether his
/// socket was closed, how many he found in it, and how many he caught up with; fails if anything is missing.
async fn comes_back(
    server: &Process,
    mut socket: WebSocketStream<TcpStream>,
    session: &SignedIn,
    entries: &[Append],
) -> Result<(bool, usize, usize)> {
    let conversation = entries.first().ok_or("no entries")?.conversation;
    let mut got = Vec::new();
    let mut closed = false;
    while let Ok(Some(Ok(frame))) = tokio::time::timeout(QUIET, socket.next()).await {
        match frame {
            Message::Binary(frame) => got.extend(entry_in(&frame, conversation)?),
            Message::Close(Some(close)) => closed = u16::from(close.code) == close_code::SLOW,
            _ => {}
        }
    }
    let found = got.len();
    let (socket, _events) = LoadSocket::connect(server.address).await?;
    let token = session.token.clone();
    socket.request(&Resume { token }).await?;
    // Without any he would ask from the beginning; the first message follows `create` and `invite`.
    let mut from = got.last().map_or(2, |entry| entry.number + 1);
    loop {
        let request = GetEntries {
            conversation,
            from,
            limit: MAX_PAGE,
        };
        let page = socket.request(&request).await?;
        from += page.entries.len() as u64;
        if page.entries.is_empty() {
            break;
        }
        got.extend(page.entries);
    }
    let whole = |entry: &Bytes| Stored::Whole(entry.clone());
    let same = got.len() == entries.len()
        && got
            .iter()
            .zip(entries)
            .all(|(got, sent)| got.entry == whole(&sent.entry));
    if !same {
        return Err("the stalled one has not got what was sent".into());
    }
    Ok((closed, found, got.len() - found))
}

/// The entry that a frame brings, if it brings one of this log.
fn entry_in(frame: &[u8], log: ConversationId) -> Result<Option<EntryAt>> {
    Ok(match codec::decode(frame)? {
        ServerFrame::Event(Event::Entry {
            conversation,
            entry,
        }) if conversation == log => Some(entry),
        _ => None,
    })
}

fn row(runs: &[Run], members: usize, messages: usize) -> Row {
    let of = |figure: &dyn Fn(&Run) -> f64| median(runs.iter().map(figure).collect());
    let last = runs.last();
    Row {
        room: last.map_or("", |run| name(run.stalls)),
        members,
        messages,
        p50_ms: of(&|run| percentile(&run.latencies, 50.0)),
        p99_ms: of(&|run| percentile(&run.latencies, 99.0)),
        rss_growth_mib: of(&|run| run.rss_growth_kib as f64 / 1024.0),
        closed: last.is_some_and(|run| run.closed),
        found: last.map_or(0, |run| run.found),
        caught_up: last.map_or(0, |run| run.caught_up),
    }
}
