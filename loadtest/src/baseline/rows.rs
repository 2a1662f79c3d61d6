//! The rows that the server has written, written again by a bare loop: what SQLite alone takes for them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, params_from_iter};
use serde::{Deserialize, Serialize};

use super::probe;
use crate::Result;
use crate::cores::Cores;
use crate::server::CpuTime;

/// The columns of `entries`, as the server writes them.
const COLUMNS: &str =
    "conversation_id, number, bytes, leaf, root, nodes, time, is_state, sender, message_id";

/// Settings of the loop.
#[derive(Args)]
pub struct Settings {
    /// The server's database.
    #[arg(long)]
    from: PathBuf,
    /// The last row that the server had written before.
    #[arg(long)]
    after: i64,
    /// Rows committed together.
    #[arg(long)]
    group: usize,
    /// Folder for the database that is written.
    #[arg(long)]
    into: PathBuf,
}

/// What the loop took.
#[derive(Serialize, Deserialize)]
pub struct Written {
    pub rows: usize,
    pub seconds: f64,
    pub cpu: f64,
}

/// The number of the row that the server has written last.
pub fn last_row(database: &Path) -> Result<i64> {
    let database = read_only(database)?;
    let last = "SELECT COALESCE(MAX(rowid), 0) FROM entries";
    Ok(database.query_row(last, [], |row| row.get(0))?)
}

/// Has the loop run in a process of its own.
pub async fn measure(cores: &Cores, from: &Path, after: i64, group: usize) -> Result<Written> {
    let into = tempfile::tempdir()?;
    let mut command = cores.on_the_servers(std::env::current_exe()?);
    command
        .arg("rows")
        .arg("--from")
        .arg(from)
        .args(["--after", &after.to_string()])
        .args(["--group", &group.to_string()])
        .arg("--into")
        .arg(into.path());
    let output = command.output().await?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The loop: writes the rows of `entries` behind that one, and prints what it took.
pub fn run(settings: &Settings) -> Result {
    let from = read_only(&settings.from)?;
    let mut into = probe::open(&settings.into.join("rows.db"))?;
    // Among them the indices, which cost the server time too.
    let schema = "SELECT sql FROM sqlite_schema WHERE tbl_name IN ('conversations', 'entries') \
                  AND sql IS NOT NULL";
    for sql in column::<String>(&from, schema)? {
        into.execute_batch(&sql)?;
    }
    copy_conversations(&from, &into)?;
    let rows = entries(&from, settings.after)?;

    let process = std::process::id();
    let before = CpuTime::of(process)?;
    let begun = Instant::now();
    let insert = format!("INSERT INTO entries ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    for group in rows.chunks(settings.group) {
        let transaction = into.transaction()?;
        {
            let mut insert = transaction.prepare_cached(&insert)?;
            for row in group {
                insert.execute(params_from_iter(row))?;
            }
        }
        transaction.commit()?;
    }
    let written = Written {
        rows: rows.len(),
        seconds: begun.elapsed().as_secs_f64(),
        cpu: CpuTime::of(process)?.since(&before),
    };
    // Nothing of it is still on its way to the disk when the next one is measured.
    File::open(settings.into.join("rows.db"))?.sync_all()?;
    println!("{}", serde_json::to_string(&written)?);
    Ok(())
}

fn read_only(database: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    Ok(Connection::open_with_flags(database, flags)?)
}

fn column<T: rusqlite::types::FromSql>(database: &Connection, sql: &str) -> Result<Vec<T>> {
    let mut statement = database.prepare(sql)?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}

/// What the entries refer to.
fn copy_conversations(from: &Connection, into: &Connection) -> Result {
    let mut statement = from.prepare("SELECT id, state, created, managed FROM conversations")?;
    let mut rows = statement.query([])?;
    let sql = "INSERT INTO conversations (id, state, created, managed) VALUES (?, ?, ?, ?)";
    let mut insert = into.prepare(sql)?;
    while let Some(row) = rows.next()? {
        let values = (0..4)
            .map(|column| row.get(column))
            .collect::<std::result::Result<Vec<Value>, _>>()?;
        insert.execute(params_from_iter(values))?;
    }
    Ok(())
}

/// The rows of messages, in the order in which the server has written them.
fn entries(from: &Connection, after: i64) -> Result<Vec<Vec<Value>>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM entries WHERE rowid > ? AND message_id IS NOT NULL ORDER BY rowid"
    );
    let mut statement = from.prepare(&sql)?;
    let rows = statement.query_map([after], |row| (0..10).map(|n| row.get(n)).collect())?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}
