//! A server that makes conversations' keys forgets them: they are in none of its memory, database and log afterwards.
//!
//! The server is a process of its own here, as its users run it, so that all of its memory can be searched, and none
//! of the test's.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic)] // in helpers too

mod common;

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

use common::log::{Log, accept};
use common::managed::{converse_managed, place_key, server_spki};
use common::talk::{entry_event, newest_key, newest_wrap};
use common::{Person, Socket, User};
use crypto_bigint::Odd;
use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use rsa::pkcs8::DecodePrivateKey;
use rsa::traits::{PrivateKeyParts, PublicKeyParts};
use rsa::{BoxedUint, RsaPrivateKey};
use secure_chat_shared::client::native::test_keys;
use secure_chat_shared::log::Act;
use sha2::{Digest, Sha256};

/// Bytes compared of everything that is looked for.
const LENGTH: usize = 32;

#[tokio::test]
async fn nothing_of_a_key_stays_behind() {
    let server = Server::start();
    let mut alice = server.with_user("alice", 1).await;
    let mut bob = server.with_user("bob", 2).await;
    let mut carol = server.with_user("carol", 3).await;
    let mut secrets = Vec::new();

    // Created; joined; somebody invited, who joins; one leaves; one is removed.
    let mut log = converse_managed(&mut alice, &[&bob.person]).await;
    secrets.extend(secrets_of(&mut alice, 1, &log).await);
    secrets.extend(secrets_of(&mut bob, 2, &log).await);
    log.accept(&mut bob).await;
    log.say(&mut alice).await;
    let (act, _) = log.invite(&[&carol.person]);
    let invite = log.state_entry(&bob.person, act);
    log.append(&mut bob, invite, Vec::new()).await;
    hear(&mut bob, &mut log).await;
    secrets.extend(secrets_of(&mut carol, 3, &log).await);
    let accept = log.state_entry(&carol.person, accept());
    log.append(&mut carol, accept, Vec::new()).await;
    let leave = log.state_entry(&bob.person, Act::Leave);
    log.append(&mut bob, leave, Vec::new()).await;
    hear(&mut carol, &mut log).await;
    secrets.extend(secrets_of(&mut carol, 3, &log).await);
    let (act, _) = log.remove(&carol.person);
    let remove = log.state_entry(&alice.person, act);
    log.append(&mut alice, remove, Vec::new()).await;
    hear(&mut alice, &mut log).await;
    secrets.extend(secrets_of(&mut alice, 1, &log).await);
    assert_eq!(log.state.epochs.len(), 4);

    // What is certainly there is found, in the memory of both processes: the search works.
    let public = Needle::new("the server's public key", &server_spki()[100..]);
    let memory = memory_of(server.process.id());
    assert_eq!(found(&memory, &[public]), ["the server's public key"]);
    let here = found(&memory_of(std::process::id()), &secrets);
    for needle in &secrets {
        assert!(here.contains(&needle.what.as_str()), "{}", needle.what);
    }

    assert_eq!(found(&memory, &secrets), [] as [&str; 0]);
    let files = server.files();
    assert!(files.len() > 100_000, "the database is looked at");
    assert_eq!(found(&[files], &secrets), [] as [&str; 0]);
    let said = server.stop();
    assert!(said.contains("signed in"), "the log is looked at: {said}");
    for needle in &secrets {
        let hex: String = needle.bytes.iter().map(|b| format!("{b:02x}")).collect();
        let list = format!("{:?}", &needle.bytes[..8]);
        for shown in [&hex[..16], list.trim_matches(['[', ']'])] {
            assert!(!said.to_lowercase().contains(shown), "{}", needle.what);
        }
    }
    assert_eq!(found(&[said.into_bytes()], &secrets), [] as [&str; 0]);
}

/// Takes the server's announcement; what is told before it is known.
async fn hear(user: &mut User, log: &mut Log) {
    loop {
        let told = entry_event(user).await;
        if told.number == log.tree.size() {
            return log.take_at(&told);
        }
    }
}

/// What must not be found: the newest key, and what of its wrapping for this reader would give it away. That is the
/// padded key (RFC 8017, section 7.1.1) in the orders of bytes and the form in which arithmetic has it, and its seed.
async fn secrets_of(user: &mut User, keys: usize, log: &Log) -> Vec<Needle> {
    let key = newest_key(user, log).await;
    let wrap = newest_wrap(user, log).await.wrap;
    let [encryption, ..] = test_keys::pkcs8(keys);
    let private = RsaPrivateKey::from_pkcs8_der(encryption).unwrap();
    let parameters = BoxedMontyParams::new(Odd::new(private.n().clone().get()).unwrap());
    let wrapped = BoxedUint::from_be_slice(&wrap, 3072).unwrap();
    let padded = BoxedMontyForm::new(wrapped, &parameters).pow(private.d());
    let at_work = padded.as_montgomery().to_le_bytes();
    let padded = padded.retrieve();
    let (forwards, backwards) = (padded.to_be_bytes(), padded.to_le_bytes());
    let seed: Vec<u8> = mask(&forwards[33..], 32)
        .iter()
        .zip(&forwards[1..33])
        .map(|(mask, byte)| mask ^ byte)
        .collect();
    let unmasked: Vec<u8> = mask(&seed, 351)
        .iter()
        .zip(&forwards[33..])
        .map(|(mask, byte)| mask ^ byte)
        .collect();
    assert_eq!(unmasked[319..], *key.expose(), "this is the padded key");
    let epoch = log.state.epoch().unwrap().epoch.0;
    let name = user.person.name.as_str();
    [
        ("key", &key.expose()[..]),
        ("seed", &seed),
        ("masked seed", &forwards[1..]),
        ("masked key", &forwards[352..]),
        ("masked key, turned", &backwards),
        ("masked seed, turned", &backwards[351..]),
        ("padded key in Montgomery's form", &at_work),
    ]
    .into_iter()
    .map(|(what, bytes)| Needle::new(&format!("{what} of epoch {epoch} for {name}"), bytes))
    .collect()
}

/// MGF1 with SHA-256 (RFC 8017, appendix B.2.1).
fn mask(seed: &[u8], length: usize) -> Vec<u8> {
    (0_u32..)
        .flat_map(|counter| {
            let hash = Sha256::new().chain_update(seed);
            hash.chain_update(counter.to_be_bytes()).finalize()
        })
        .take(length)
        .collect()
}

/// Something to be looked for.
struct Needle {
    what: String,
    bytes: [u8; LENGTH],
}

impl Needle {
    fn new(what: &str, bytes: &[u8]) -> Self {
        Self {
            what: what.to_owned(),
            bytes: bytes[..LENGTH].try_into().unwrap(),
        }
    }
}

/// What of the needles is in the hay.
fn found<'a>(hay: &[Vec<u8>], needles: &'a [Needle]) -> Vec<&'a str> {
    // Few places begin like any of them.
    let start = |bytes: &[u8]| usize::from(u16::from_le_bytes([bytes[0], bytes[1]]));
    let mut begins = vec![false; 1 << 16];
    for needle in needles {
        begins[start(&needle.bytes)] = true;
    }
    let mut seen = vec![false; needles.len()];
    for window in hay.iter().flat_map(|piece| piece.windows(LENGTH)) {
        if begins[start(window)] {
            for (seen, needle) in seen.iter_mut().zip(needles) {
                *seen |= window == needle.bytes;
            }
        }
    }
    let hits = needles.iter().zip(seen).filter(|(_, seen)| *seen);
    hits.map(|(needle, _)| needle.what.as_str()).collect()
}

/// All memory that a process can read: heap, stacks, what it has mapped. Parts of zeros are left out.
fn memory_of(process: u32) -> Vec<Vec<u8>> {
    const PART: usize = 1 << 16;
    let maps = fs::read_to_string(format!("/proc/{process}/maps")).unwrap();
    let memory = File::open(format!("/proc/{process}/mem")).unwrap();
    let mut pieces = Vec::new();
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        let (range, rights) = (words.next().unwrap(), words.next().unwrap());
        // The kernel's own pages cannot be read this way.
        if !rights.starts_with('r')
            || line.ends_with("[vvar]")
            || line.contains("[vvar_")
            || line.ends_with("[vsyscall]")
        {
            continue;
        }
        let (from, to) = range.split_once('-').unwrap();
        let number = |text| u64::from_str_radix(text, 16).unwrap();
        let (mut at, end) = (number(from), number(to));
        let mut piece = Vec::new();
        while at < end {
            let mut part = vec![0; PART.min((end - at) as usize)];
            // A mapping of a file that is shorter ends early; nothing is there then.
            let Ok(length) = memory.read_at(&mut part, at) else {
                break;
            };
            assert!(length > 0, "no memory at {at:x}: {line}");
            if part.iter().any(|byte| *byte != 0) {
                piece.extend_from_slice(&part[..length]);
            } else {
                pieces.push(std::mem::take(&mut piece));
            }
            at += length as u64;
        }
        pieces.push(piece);
    }
    let read: usize = pieces.iter().map(Vec::len).sum();
    assert!(read > 1 << 20, "{read} bytes are not all of its memory");
    pieces
}

/// The server's binary at work.
struct Server {
    process: Child,
    address: SocketAddr,
    data: tempfile::TempDir,
    log: Option<JoinHandle<String>>,
}

impl Server {
    fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        place_key(data.path());
        let mut process = Command::new(env!("CARGO_BIN_EXE_secure-chat"))
            .args(["serve", "--listen", "127.0.0.1:0", "--log", "trace"])
            .arg("--data")
            .arg(data.path())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap());
        let mut log = String::new();
        let address = loop {
            let before = log.len();
            assert!(lines.read_line(&mut log).unwrap() > 0, "no start: {log}");
            if let Some((_, address)) = log[before..].split_once("serving on http://") {
                let end = address.find(char::is_whitespace).unwrap();
                break address[..end].parse().unwrap();
            }
        };
        let log = std::thread::spawn(move || {
            while lines.read_line(&mut log).unwrap() > 0 {}
            log
        });
        Self {
            process,
            address,
            data,
            log: Some(log),
        }
    }

    async fn with_user(&self, name: &str, keys: usize) -> User {
        let socket = Socket::connect(self.address).await;
        Person::new(name, keys).register(socket).await.unwrap()
    }

    /// Every file of the server's, one after the other.
    fn files(&self) -> Vec<u8> {
        let files = fs::read_dir(self.data.path()).unwrap();
        files
            .map(|file| fs::read::<&Path>(&file.unwrap().path()).unwrap())
            .fold(Vec::new(), |all, file| [all, file].concat())
    }

    /// Everything that it has logged.
    fn stop(mut self) -> String {
        self.process.kill().unwrap();
        let log = self.log.take().unwrap();
        log.join().unwrap()
    }
}

/// A failed test leaves no server behind.
impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
