//! Everything durable. Reads go through a pool; writes through one [`writer`] that commits many of them together.
//!
//! Knows nothing of sockets: a query returns what the fan-out needs, from the same transaction.

pub mod entities;
pub mod queries;
mod writer;

use std::path::{Path, PathBuf};
use std::time::Duration;

use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{ConnectOptions, DatabaseConnection, DbErr};
use secure_chat_migrations::{Migrator, MigratorTrait};
use secure_chat_shared::protocol::RequestError;

pub use writer::{Head, Heads, Tx};
use writer::{Packing, Writer};

/// Where the data is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Storage {
    /// An SQLite file, made if it is missing.
    Sqlite(PathBuf),
    /// A server, by its URL.
    Url(String),
}

/// Why a request was not carried out; nothing changed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The request is at fault: the answer for the client.
    #[error(transparent)]
    Refused(#[from] RequestError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbErr),
    /// The server failed otherwise.
    #[error("{0}")]
    Server(String),
}

/// The open database: a cheap handle.
#[derive(Clone)]
pub struct Database {
    read: DatabaseConnection,
    writer: Writer,
    heads: Heads,
}

impl Database {
    /// Opens the database and brings its schema up to date.
    pub async fn open(storage: &Storage) -> Result<Self, DbErr> {
        let write = connect(storage, Role::Writer).await?;
        Migrator::up(&write, None).await?;
        let read = connect(storage, Role::Readers).await?;
        let heads = Heads::default();
        let writer = Writer::start(write, heads.clone());
        Ok(Self {
            read,
            writer,
            heads,
        })
    }

    /// The connection pool for reads.
    pub fn read(&self) -> &DatabaseConnection {
        &self.read
    }

    /// Newest states of conversations lately written to.
    pub fn heads(&self) -> &Heads {
        &self.heads
    }

    /// Runs `work` in a transaction and returns once it is on disk. `after` runs then, before anything that was
    /// committed later gets to run: what it hands out is in commit order.
    pub async fn write<T, W, A>(&self, work: W, after: A) -> Result<T, Failure>
    where
        T: Send + 'static,
        W: Work<T>,
        A: FnOnce(&T) + Send + 'static,
    {
        self.done(writer::pack(work, after)).await
    }

    /// As [`Database::write`] does; but where `stage` gives a row, that is all that is written, in one statement with
    /// its neighbours'. `work` runs where it gives none, or where the statement fails: one of the rows may be there.
    pub async fn write_row<T, S, W, A>(&self, stage: S, work: W, after: A) -> Result<T, Failure>
    where
        T: Send + 'static,
        S: Stage<T>,
        W: Work<T>,
        A: FnOnce(&T) + Send + 'static,
    {
        self.done(writer::pack_row(stage, work, after)).await
    }

    async fn done<T>(&self, (job, answer): Packing<T>) -> Result<T, Failure> {
        self.writer.submit(job).await?;
        answer.await.unwrap_or_else(|_| Err(writer_gone().into()))
    }

    /// Queues `work` as [`Database::write`] does, but returns once it has its place in the queue. A failure is logged.
    pub async fn queue<T, W, A>(&self, work: W, after: A) -> Result<(), DbErr>
    where
        T: Send + 'static,
        W: Work<T>,
        A: FnOnce(&T) + Send + 'static,
    {
        let (job, answer) = writer::pack(work, after);
        self.writer.submit(job).await?;
        tokio::spawn(async {
            if let Ok(Err(error)) = answer.await {
                tracing::error!(%error, "something queued was not written");
            }
        });
        Ok(())
    }

    /// Lets the writer finish what it has taken, then closes every connection.
    pub async fn close(&self) {
        self.writer.finish().await;
        if let Err(error) = self.read.clone().close().await {
            tracing::warn!(%error, "closing the database");
        }
    }
}

/// A piece of writing: an `async` closure over the transaction, boxed.
pub trait Work<T>:
    for<'a> FnOnce(&'a Tx<'a>) -> futures::future::BoxFuture<'a, Result<T, Failure>> + Send + 'static
{
}

impl<T, W> Work<T> for W where
    W: for<'a> FnOnce(&'a Tx<'a>) -> futures::future::BoxFuture<'a, Result<T, Failure>>
        + Send
        + 'static
{
}

/// A row that is all there is to write, and what the job comes to then; from what is in memory alone.
pub trait Stage<T>:
    FnOnce(&Tx<'_>) -> Option<(entities::entry::ActiveModel, T)> + Send + 'static
{
}

impl<T, S> Stage<T> for S where
    S: FnOnce(&Tx<'_>) -> Option<(entities::entry::ActiveModel, T)> + Send + 'static
{
}

fn writer_gone() -> DbErr {
    DbErr::Custom("the writer has stopped".into())
}

/// Opens a database beside the server that may be using it: as it is, if it is there.
pub async fn open_beside(storage: &Storage) -> Result<DatabaseConnection, DbErr> {
    connect(storage, Role::Operator).await
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Writer,
    Readers,
    Operator,
}

async fn connect(storage: &Storage, role: Role) -> Result<DatabaseConnection, DbErr> {
    let mut options = match storage {
        Storage::Sqlite(path) => sqlite_options(path, role),
        Storage::Url(url) => ConnectOptions::new(url),
    };
    let connections = match role {
        Role::Writer | Role::Operator => 1,
        Role::Readers => 4,
    };
    options
        .max_connections(connections)
        .min_connections(1)
        // Statements and their parameters never reach a log.
        .sqlx_logging(false)
        .record_stmt_in_spans(false)
        .test_before_acquire(matches!(storage, Storage::Url(_)))
        .acquire_timeout(Duration::from_secs(10));
    sea_orm::Database::connect(options).await
}

/// What is deleted or replaced is overwritten: nobody finds an old vault in the file.
const SECURE_DELETE: &str = "ON";

fn sqlite_options(path: &Path, role: Role) -> ConnectOptions {
    let mut options = ConnectOptions::new("sqlite://");
    let path = path.to_owned();
    // The file name is set here: in a URL it would have to be escaped.
    options.map_sqlx_sqlite_opts(move |sqlite| {
        let sqlite = sqlite
            .filename(&path)
            .create_if_missing(role == Role::Writer)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(5));
        match role {
            Role::Writer => sqlite
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .pragma("secure_delete", SECURE_DELETE),
            Role::Operator => sqlite.pragma("secure_delete", SECURE_DELETE),
            Role::Readers => sqlite.pragma("query_only", "ON"),
        }
    });
    options
}
