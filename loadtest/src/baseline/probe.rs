//! One SQLite commit before the fan-out: what a server that stores can come to.

use std::path::Path;
use std::sync::mpsc;
use std::thread;

use bytes::Bytes;
use rusqlite::Connection;

use super::MAX_BATCH;
use super::axum::Store;
use super::room::Room;
use crate::Result;

/// What waits for the disk.
pub struct Waiting {
    pub from: u64,
    pub frame: Bytes,
    pub room: Room,
}

/// Starts the one that stores.
pub fn start(file: &Path) -> Result<Store> {
    let mut database = open(file)?;
    database.execute_batch("CREATE TABLE frames (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL)")?;
    let (sender, waiting) = mpsc::channel();
    thread::spawn(move || {
        if let Err(error) = run(&mut database, &waiting) {
            eprintln!("the probe: {error}");
            std::process::exit(1);
        }
    });
    Ok(sender)
}

/// A database with the server's settings for what is on disk when.
pub fn open(file: &Path) -> Result<Connection> {
    let database = Connection::open(file)?;
    database.pragma_update(None, "journal_mode", "WAL")?;
    database.pragma_update(None, "synchronous", "FULL")?;
    Ok(database)
}

fn run(database: &mut Connection, waiting: &mpsc::Receiver<Waiting>) -> Result {
    while let Ok(first) = waiting.recv() {
        let mut together = vec![first];
        together.extend(waiting.try_iter().take(MAX_BATCH - 1));
        let transaction = database.transaction()?;
        {
            let mut insert =
                transaction.prepare_cached("INSERT INTO frames (bytes) VALUES (?1)")?;
            for waiting in &together {
                insert.execute([&waiting.frame[..]])?;
            }
        }
        transaction.commit()?;
        for Waiting { from, frame, room } in together {
            room.pass_on(from, &frame);
        }
    }
    Ok(())
}
