//! One writes, all others of the room read: deliveries a second, how long each takes, and what they cost the server;
//! against servers that only pass frames on.
//!
//! What is sent was signed and sealed by the client core before the clock starts. The baselines pass on the very frames
//! that the server has sent.

use std::time::Instant;

use bytes::Bytes;
use secure_chat_shared::codec;
use secure_chat_shared::protocol::{Append, Event, ServerFrame, SignedIn, Stored};
use serde::Serialize;

use crate::Result;
use crate::baseline::Kind;
use crate::cores::Cores;
use crate::person::{self, Person};
use crate::plot::{Axis, Plot, Series};
use crate::receivers::{Received, Receivers};
use crate::report::{Options, Report, median, percentile};
use crate::sender::{self, Pace, Plain};
use crate::server::{Baseline, Process, Server};

/// Bytes of text in a message.
pub const TEXT: usize = 1024;
/// Name of the server's rows.
const OURS: &str = "secure-chat";
const BASELINES: [Kind; 3] = [Kind::Bare, Kind::Axum, Kind::Probe];

/// How much is done.
struct Plan {
    sizes: &'static [usize],
    paces: [(Pace, usize); 2],
}

impl Plan {
    fn of(options: &Options) -> Self {
        if options.quick {
            Self {
                sizes: &[2, 20],
                paces: [(Pace::Flood, 200), (Pace::Paced(10), 10)],
            }
        } else {
            Self {
                sizes: &[2, 10, 100, 500],
                paces: [(Pace::Flood, 200), (Pace::Paced(10), 100)],
            }
        }
    }
}

/// One row of the table.
#[derive(Serialize)]
struct Row {
    server: &'static str,
    /// Readers online, the sender among them.
    members: usize,
    pace: &'static str,
    deliveries_per_s: f64,
    /// From when the message is handed to the sender's socket to when a receiver has read it.
    p50_ms: f64,
    p99_ms: f64,
    p999_ms: f64,
    /// Processor time of the server.
    cpu_s_per_1000: f64,
}

pub async fn run(options: &Options) -> Result {
    let plan = Plan::of(options);
    let cores = Cores::find();
    let server = Server::start(&options.server, &cores).await?;
    let most = plan.sizes.iter().copied().max().unwrap_or(2);
    eprintln!("registering {most} people");
    let sessions = person::register_many(server.address, "member", most - 1)?;
    let mut alice = Person::register(server.address, "alice", 0).await?;
    cores.keep_to_ours().await?;

    let mut report = Report::new("fanout", &cores);
    let mut rows = Vec::new();
    for &size in plan.sizes {
        for (pace, messages) in plan.paces {
            eprintln!("{size} members, {}", pace.name());
            let mut runs: Vec<Vec<Run>> = Vec::new();
            for _ in 0..options.runs() {
                let room = Room {
                    server: &server,
                    cores: &cores,
                    sessions: &sessions[..size - 1],
                };
                runs.push(room.run(&mut alice, pace, messages).await?);
            }
            for target in 0..=BASELINES.len() {
                let runs = runs.iter().map(|run| &run[target]);
                rows.push(row(runs.collect(), size, pace));
            }
        }
    }
    for row in &rows {
        report.row(row)?;
    }
    plots(&mut report, &rows);
    let rate = |server| {
        let rows = rows.iter().rev();
        let mut rows = rows.filter(|row| row.pace == Pace::Flood.name());
        rows.find(|row| row.server == server)
            .map_or(f64::NAN, |row| row.deliveries_per_s)
    };
    report.ratio(
        "deliveries a second in the largest room, of the probe's",
        rate(OURS) / rate(Kind::Probe.name()),
    );
    report.finish(options)
}

/// A room of one size.
struct Room<'a> {
    server: &'a Server,
    cores: &'a Cores,
    /// Of all but the sender.
    sessions: &'a [SignedIn],
}

/// What one run came to.
struct Run {
    server: &'static str,
    deliveries: usize,
    seconds: f64,
    cpu: f64,
    /// Milliseconds, sorted.
    latencies: Vec<f64>,
}

impl Room<'_> {
    /// Once through the server and all baselines, one after the other, so that they see the same machine.
    async fn run(&self, alice: &mut Person, pace: Pace, messages: usize) -> Result<Vec<Run>> {
        let names: Vec<String> = (1..=self.sessions.len())
            .map(|n| format!("member{n}"))
            .collect();
        let conversation = alice.begins(&names).await?;
        let entries = alice.seals(conversation, messages, TEXT).await?;
        let (ours, frames) = self.through_the_server(alice, &entries, pace).await?;
        let mut runs = vec![ours];
        for kind in BASELINES {
            runs.push(self.through_a_baseline(kind, &frames, pace).await?);
        }
        Ok(runs)
    }

    async fn through_the_server(
        &self,
        alice: &Person,
        entries: &[Append],
        pace: Pace,
    ) -> Result<(Run, Vec<Bytes>)> {
        let receivers = Receivers::resume(self.server.address, self.sessions).await?;
        receivers.expect(entries.len()).await;
        self.server.rest().await?;
        let before = self.server.cpu()?;
        let sent = sender::append(alice.socket(), entries, pace).await?;
        let received = receivers.all().await?;
        let cpu = self.server.cpu()?.since(&before);
        must_be(&received.frames, entries)?;
        let run = Run::new(OURS, cpu, &sent, &received);
        Ok((run, received.frames))
    }

    async fn through_a_baseline(&self, kind: Kind, frames: &[Bytes], pace: Pace) -> Result<Run> {
        // Everybody has just left it.
        self.server.rest().await?;
        let baseline = Baseline::start(kind, self.cores).await?;
        let process: &Process = &baseline;
        let receivers = Receivers::plain(process.address, self.sessions.len()).await?;
        let mut sender = Plain::connect(process.address).await?;
        receivers.expect(frames.len()).await;
        let before = process.cpu()?;
        let sent = sender.send(frames, pace).await?;
        let received = receivers.all().await?;
        let cpu = process.cpu()?.since(&before);
        if received.frames != frames {
            return Err("the baseline has passed on something else".into());
        }
        Ok(Run::new(kind.name(), cpu, &sent, &received))
    }
}

/// Whether exactly what was sent has come, in its order.
fn must_be(frames: &[Bytes], entries: &[Append]) -> Result {
    let same = |(frame, sent): (&Bytes, &Append)| {
        matches!(
            codec::decode(frame),
            Ok(ServerFrame::Event(Event::Entry { conversation, entry }))
                if conversation == sent.conversation && entry.entry == Stored::Whole(sent.entry.clone())
        )
    };
    if frames.len() == entries.len() && frames.iter().zip(entries).all(same) {
        Ok(())
    } else {
        Err("what came is not what was sent".into())
    }
}

impl Run {
    fn new(server: &'static str, cpu: f64, sent: &[Instant], received: &Received) -> Self {
        let mut latencies: Vec<f64> = received
            .arrivals
            .iter()
            .flat_map(|arrivals| arrivals.iter().zip(sent))
            .map(|(arrived, sent)| arrived.duration_since(*sent).as_secs_f64() * 1e3)
            .collect();
        latencies.sort_by(f64::total_cmp);
        let last = received
            .arrivals
            .iter()
            .filter_map(|times| times.last())
            .max();
        let seconds = sent.first().zip(last).map(|(first, last)| *last - *first);
        Self {
            server,
            deliveries: latencies.len(),
            seconds: seconds.map_or(f64::NAN, |time| time.as_secs_f64()),
            cpu,
            latencies,
        }
    }
}

fn row(runs: Vec<&Run>, members: usize, pace: Pace) -> Row {
    let of = |figure: &dyn Fn(&Run) -> f64| median(runs.iter().map(|run| figure(run)).collect());
    let below = |percent: f64| of(&|run| percentile(&run.latencies, percent));
    Row {
        server: runs.first().map_or("", |run| run.server),
        members,
        pace: pace.name(),
        deliveries_per_s: of(&|run| run.deliveries as f64 / run.seconds),
        p50_ms: below(50.0),
        p99_ms: below(99.0),
        p999_ms: below(99.9),
        cpu_s_per_1000: of(&|run| run.cpu * 1e3 / run.deliveries as f64),
    }
}

fn plots(report: &mut Report, rows: &[Row]) {
    const MEMBERS: Axis = Axis::log("members online");
    let curves = |pace: &str, figure: &dyn Fn(&Row) -> f64, suffix: &str| -> Vec<Series> {
        let servers = [OURS].into_iter().chain(BASELINES.map(Kind::name));
        let curve = |server: &'static str| Series {
            name: format!("{server}{suffix}"),
            points: rows
                .iter()
                .filter(|row| row.server == server && row.pace == pace)
                .map(|row| [row.members as f64, figure(row)])
                .collect(),
        };
        servers.map(curve).collect()
    };
    report.plot(Plot {
        file: "fanout-rate".into(),
        title: "Deliveries a second, messages as fast as they go".into(),
        x: MEMBERS,
        y: Axis::log("deliveries/s"),
        series: curves("flood", &|row| row.deliveries_per_s, ""),
    });
    for (file, title, pace) in [
        (
            "fanout-cpu-flood",
            "Server CPU, messages as fast as they go",
            "flood",
        ),
        (
            "fanout-cpu-paced",
            "Server CPU, ten messages a second",
            "paced",
        ),
    ] {
        report.plot(Plot {
            file: file.into(),
            title: title.into(),
            x: MEMBERS,
            y: Axis::log("CPU s per 1,000 deliveries"),
            series: curves(pace, &|row| row.cpu_s_per_1000, ""),
        });
    }
    let mut latencies = curves("paced", &|row| row.p50_ms, ", p50");
    latencies.extend(curves("paced", &|row| row.p99_ms, ", p99"));
    report.plot(Plot {
        file: "fanout-latency".into(),
        title: "From send to receipt, ten messages a second".into(),
        x: MEMBERS,
        y: Axis::log("ms"),
        series: latencies,
    });
}
