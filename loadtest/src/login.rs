//! What an attempt to log in costs the server, and how many it takes a second; against verifying a password by Argon2id
//! there.
//!
//! A login costs its client an Argon2id, so that one load generator cannot keep a server busy with them. It does so by
//! halves: everybody connects and asks for the server's first answer, all the passwords are stretched while the clock
//! stands, then everybody finishes.

use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Params, Version};
use futures::future::try_join_all;
use secure_chat_shared::client::platform::{CallError, Socket};
use secure_chat_shared::codec::Bytes;
use secure_chat_shared::crypto::opaque::{ClientLogin, LANES, MEMORY_KIB, PASSES};
use secure_chat_shared::crypto::random;
use secure_chat_shared::ids::UserName;
use secure_chat_shared::protocol::{ErrorCode, LoginFinish, LoginStart};
use serde::Serialize;

use crate::Result;
use crate::cores::Cores;
use crate::person::{self, PASSWORD};
use crate::report::{Options, Report, median};
use crate::server::{CpuTime, Process, Server};
use crate::socket::LoadSocket;

/// Bytes of a KE3.
const KE3: usize = 64;
/// Sockets on which somebody guesses at the same time.
const GUESSERS: u32 = 32;

/// How many of each.
struct Plan {
    /// Wrong passwords.
    wrong: u32,
    /// Right ones, each of which costs this side an Argon2id.
    right: u32,
    /// Verifications by Argon2id.
    verified: u32,
}

/// One row of the table.
#[derive(Serialize)]
struct Row {
    what: &'static str,
    /// Processor time for each.
    cpu_ms: f64,
    per_s: f64,
    /// How many of these cost as much as one verification by Argon2id.
    per_argon2: f64,
}

/// What some attempts took.
struct Took {
    attempts: u32,
    cpu: f64,
    seconds: f64,
}

pub async fn run(options: &Options) -> Result {
    let plan = if options.quick {
        Plan {
            wrong: 320,
            right: 20,
            verified: 5,
        }
    } else {
        Plan {
            wrong: 3_200,
            right: 200,
            verified: 20,
        }
    };
    let cores = Cores::find();
    let server = Server::start(&options.server, &cores).await?;
    // Nobody is held up by another's attempts: each name has its own account.
    let names = usize::try_from(plan.right)?;
    eprintln!("registering {names} people");
    person::register_many(server.address, "member", names)?;
    let names = (1..=names).map(|n| UserName::parse(&format!("member{n}")));
    let names = names.collect::<std::result::Result<Vec<_>, _>>()?;
    let known = names.first().ok_or("nobody")?;
    let nobody = UserName::parse("nobody")?;
    cores.keep_to_ours().await?;

    let mut took = [const { Vec::new() }; 4];
    for run in 0..options.runs() {
        eprintln!("run {}", run + 1);
        let runs = [
            argon2id(plan.verified)?,
            guesses(&server, known, plan.wrong).await?,
            guesses(&server, &nobody, plan.wrong).await?,
            logins(&server, &names).await?,
        ];
        for (took, run) in took.iter_mut().zip(runs) {
            took.push(run);
        }
    }
    let cpu_ms = |took: &[Took]| {
        let each = took
            .iter()
            .map(|took| took.cpu * 1e3 / f64::from(took.attempts));
        median(each.collect())
    };
    let per_s = |took: &[Took]| {
        let each = took
            .iter()
            .map(|took| f64::from(took.attempts) / took.seconds);
        median(each.collect())
    };
    let argon2 = cpu_ms(&took[0]);
    let mut report = Report::new("login", &cores);
    let what = [
        "Argon2id verification",
        "wrong password",
        "unknown name",
        "right password, new socket",
    ];
    for (what, took) in what.into_iter().zip(&took) {
        report.row(&Row {
            what,
            cpu_ms: cpu_ms(took),
            per_s: per_s(took),
            per_argon2: argon2 / cpu_ms(took),
        })?;
    }
    report.ratio(
        "logins for one Argon2id verification",
        argon2 / cpu_ms(&took[3]),
    );
    report.finish(options)
}

/// Attempts whose proof is none, on some sockets at once: what somebody who guesses sends.
async fn guesses(server: &Process, name: &UserName, attempts: u32) -> Result<Took> {
    let connecting = (0..GUESSERS).map(|_| LoadSocket::connect(server.address));
    let sockets = try_join_all(connecting).await?;
    let clock = Clock::start(server)?;
    let guessing = sockets
        .iter()
        .map(|(socket, _)| guess(socket, name, attempts / GUESSERS));
    try_join_all(guessing).await?;
    clock.stop(server, attempts / GUESSERS * GUESSERS)
}

async fn guess(socket: &LoadSocket, name: &UserName, attempts: u32) -> Result {
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

/// Everybody logs in, each on a socket of their own.
async fn logins(server: &Process, names: &[UserName]) -> Result<Took> {
    let mut clock = Clock::start(server)?;
    let started = try_join_all(names.iter().map(async |name| {
        let (socket, _events) = LoadSocket::connect(server.address).await?;
        let (login, ke1) = ClientLogin::start(PASSWORD)?;
        let ke1 = Bytes(ke1);
        let name = name.clone();
        let started = socket.request(&LoginStart { name, ke1 }).await?;
        Ok::<_, Box<dyn std::error::Error>>((socket, login, started))
    }))
    .await?;
    clock.pause(server)?;
    let mut proven = Vec::new();
    for (socket, login, started) in started {
        let (ke3, _) = login.finish(PASSWORD, &started.ke2)?;
        proven.push((socket, Bytes(ke3)));
        // The sockets answer the server's pings meanwhile.
        tokio::task::yield_now().await;
    }
    clock.go_on(server)?;
    try_join_all(proven.iter().map(async |(socket, ke3)| {
        let finish = LoginFinish {
            ke3: ke3.clone(),
            browser: "Load test".into(),
            continues: None,
        };
        socket.request(&finish).await
    }))
    .await?;
    clock.stop(server, u32::try_from(names.len())?)
}

/// Time and the server's processor time, while it runs.
struct Clock {
    begun: Instant,
    before: CpuTime,
    past: Duration,
    cpu: f64,
}

impl Clock {
    fn start(server: &Process) -> Result<Self> {
        Ok(Self {
            begun: Instant::now(),
            before: server.cpu()?,
            past: Duration::ZERO,
            cpu: 0.0,
        })
    }

    fn pause(&mut self, server: &Process) -> Result {
        self.past += self.begun.elapsed();
        self.cpu += server.cpu()?.since(&self.before);
        Ok(())
    }

    fn go_on(&mut self, server: &Process) -> Result {
        self.before = server.cpu()?;
        self.begun = Instant::now();
        Ok(())
    }

    fn stop(mut self, server: &Process, attempts: u32) -> Result<Took> {
        self.pause(server)?;
        Ok(Took {
            attempts,
            cpu: self.cpu,
            seconds: self.past.as_secs_f64(),
        })
    }
}

/// So many verifications by Argon2id, as a server would need them that verifies passwords with the parameters that our
/// clients stretch theirs with.
fn argon2id(times: u32) -> Result<Took> {
    let parameters = Params::new(MEMORY_KIB, PASSES, LANES, Some(32))?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters);
    let salt: [u8; 16] = random::bytes();
    let hash = || -> Result<[u8; 32]> {
        let mut hash = [0; 32];
        argon2.hash_password_into(PASSWORD.as_bytes(), &salt, &mut hash)?;
        Ok(hash)
    };
    let kept = hash()?;
    let before = CpuTime::of(std::process::id())?;
    let begun = Instant::now();
    for _ in 0..times {
        if hash()? != kept {
            return Err("Argon2id does not give the same twice".into());
        }
    }
    Ok(Took {
        attempts: times,
        cpu: CpuTime::of(std::process::id())?.since(&before),
        seconds: begun.elapsed().as_secs_f64(),
    })
}
