//! What a signed-in session costs in memory while it does nothing, and the server itself with nobody there; against
//! servers whose sockets do nothing either.

use std::time::Duration;

use secure_chat_shared::protocol::SignedIn;
use serde::Serialize;

use crate::Result;
use crate::baseline::Kind;
use crate::cores::Cores;
use crate::person;
use crate::plot::{Axis, Plot, Series};
use crate::receivers::Receivers;
use crate::report::{Options, Report};
use crate::server::{Baseline, Process, Server, raise_limits};

/// Accounts, each with many sessions' sockets.
const ACCOUNTS: usize = 200;
/// Name of the server's rows.
const OURS: &str = "secure-chat";
/// Between two looks at the memory: once they give the same, nothing is under way any more.
const SETTLE: Duration = Duration::from_millis(500);

/// One row of the table.
#[derive(Serialize)]
struct Row {
    server: &'static str,
    sessions: usize,
    rss_mib: f64,
    /// Of what came with the sessions; none where there are none.
    kib_per_session: Option<f64>,
}

pub async fn run(options: &Options) -> Result {
    let (steps, accounts): (&[usize], usize) = if options.quick {
        (&[500], 10)
    } else {
        (&[1_000, 5_000, 10_000], ACCOUNTS)
    };
    // For our sockets, and for the servers, which inherit it.
    raise_limits()?;
    let cores = Cores::find();
    let server = Server::start(&options.server, &cores).await?;
    eprintln!("registering {accounts} people");
    let sessions = person::register_many(server.address, "member", accounts)?;
    // Registering has left its traces in memory.
    let data = server.stop().await?;
    let server = Server::on(&options.server, &cores, data).await?;
    cores.keep_to_ours().await?;

    let mut report = Report::new("idle", &cores);
    let mut rows = measure(OURS, &server, steps, Some(&sessions)).await?;
    drop(server);
    for kind in [Kind::Bare, Kind::Axum] {
        let baseline = Baseline::start(kind, &cores).await?;
        rows.extend(measure(kind.name(), &baseline, steps, None).await?);
    }
    for row in &rows {
        report.row(row)?;
    }
    let of = |server| rows.iter().filter(move |row| row.server == server);
    let curve = |name: &'static str, figure: fn(&Row) -> Option<f64>| Series {
        name: name.into(),
        points: of(name)
            .filter_map(|row| Some([row.sessions as f64, figure(row)?]))
            .collect(),
    };
    let curves = |figure: fn(&Row) -> Option<f64>| {
        let servers = [OURS, Kind::Bare.name(), Kind::Axum.name()];
        servers.map(|name| curve(name, figure)).into()
    };
    report.plot(Plot {
        file: "idle-memory".into(),
        title: "Memory with idle, signed-in sessions".into(),
        x: Axis::linear("sessions"),
        y: Axis::linear("MiB resident"),
        series: curves(|row| Some(row.rss_mib)),
    });
    report.plot(Plot {
        file: "idle-session".into(),
        title: "Memory of an idle, signed-in session".into(),
        x: Axis::linear("sessions"),
        y: Axis::linear("KiB a session"),
        series: curves(|row| row.kib_per_session),
    });
    let most = |server| of(server).next_back().and_then(|row| row.kib_per_session);
    if let (Some(ours), Some(axum)) = (most(OURS), most(Kind::Axum.name())) {
        report.ratio(
            "memory of an idle session, of a socket of bare axum",
            ours / axum,
        );
    }
    report.finish(options)
}

/// Memory at rest and with as many sockets as each step says.
async fn measure(
    name: &'static str,
    process: &Process,
    steps: &[usize],
    sessions: Option<&[SignedIn]>,
) -> Result<Vec<Row>> {
    let at_rest = settled(process).await?;
    let row = |count: usize, rss: u64| Row {
        server: name,
        sessions: count,
        rss_mib: rss as f64 / 1024.0,
        kib_per_session: (count > 0).then(|| rss.saturating_sub(at_rest) as f64 / count as f64),
    };
    let mut rows = vec![row(0, at_rest)];
    let mut connected = Vec::new();
    let mut count = 0;
    for &step in steps {
        eprintln!("{name}, {step} sessions");
        let more = step - count;
        connected.push(match sessions {
            Some(sessions) => {
                let some: Vec<SignedIn> = sessions
                    .iter()
                    .cycle()
                    .skip(count)
                    .take(more)
                    .cloned()
                    .collect();
                Receivers::resume(process.address, &some).await?
            }
            None => Receivers::plain(process.address, more).await?,
        });
        count = step;
        rows.push(row(step, settled(process).await?));
        for receivers in &connected {
            receivers.must_be_open()?;
        }
    }
    Ok(rows)
}

/// Resident memory, once it does not change any more.
async fn settled(process: &Process) -> Result<u64> {
    let mut last = process.rss_kib()?;
    loop {
        tokio::time::sleep(SETTLE).await;
        let now = process.rss_kib()?;
        if now == last {
            return Ok(now);
        }
        last = now;
    }
}
