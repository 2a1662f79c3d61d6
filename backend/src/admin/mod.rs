//! What an operator does beside a running server, in a process of its own: accounts, invitation codes, backups.
//!
//! Commands write to the same database. What a running server must act on at once, the end of sessions, it finds in a
//! table that it looks at every second ([`watch`]).

mod backup;
mod codes;
mod users;
mod watch;

use std::io;
use std::path::{Path, PathBuf};

use sea_orm::{
    DatabaseConnection, DatabaseTransaction, DbErr, SqliteTransactionMode, TransactionOptions,
    TransactionTrait,
};
use secure_chat_migrations::{Migrator, MigratorTrait};
use secure_chat_shared::ids::UserName;

use crate::app::StartError;
use crate::config::{AdminCommand, DataArgs};
use crate::db::{self, Storage};

pub use watch::watch;

/// Why a command was not carried out; nothing changed.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// There is no database where one should be.
    #[error("there is no database in {0}: is --data right?")]
    NoDatabase(PathBuf),
    /// The database's schema is older than this program.
    #[error(
        "the database is from an older version: start the server once, which brings it up to date"
    )]
    OldDatabase,
    /// The database failed.
    #[error("the database: {0}")]
    Database(#[from] DbErr),
    /// The text is no user name.
    #[error("{0} is no user name")]
    NoName(String),
    /// Nobody has this name.
    #[error("nobody has the name {0}")]
    Nobody(UserName),
    /// Backing up and restoring is the database server's own business.
    #[error(
        "a database server has backups of its own (such as pg_dump): use them, and copy the files \
         opaque-server-setup and managed-signing-key in {0} to two other places"
    )]
    NotSqlite(PathBuf),
    /// A file would be overwritten.
    #[error("{0} is there already: name another file")]
    FileExists(PathBuf),
    /// The folder to restore into holds something.
    #[error(
        "{0} is not empty: a backup is restored into an empty folder, or one that is not there yet"
    )]
    NotEmpty(PathBuf),
    /// A file of the backup is missing.
    #[error("{0} is missing: {1}")]
    Missing(PathBuf, &'static str),
    /// The file is no backup, or damaged.
    #[error("{0} is no whole backup: {1}")]
    Damaged(PathBuf, String),
    /// What was restored does not fit together.
    #[error("what belongs to the backup does not fit together: {0}")]
    Unfit(#[from] StartError),
    /// A file cannot be read or written.
    #[error("{0}: {1}")]
    File(PathBuf, io::Error),
}

/// Carries a command out; what it prints.
pub async fn run(command: AdminCommand) -> Result<String, AdminError> {
    match command {
        AdminCommand::User(args) => users::run(&args.data, args.what).await,
        AdminCommand::InviteCode(args) => codes::make(&args.data, args.uses, args.days).await,
        AdminCommand::Backup(args) => backup::make(&args.data, &args.file).await,
        AdminCommand::Restore(args) => backup::restore(&args.file, &args.data).await,
    }
}

/// Opens the database as it is.
async fn open(args: &DataArgs) -> Result<DatabaseConnection, AdminError> {
    let storage = args.storage();
    if let Storage::Sqlite(file) = &storage
        && !file.exists()
    {
        return Err(AdminError::NoDatabase(args.data.clone()));
    }
    Ok(db::open_beside(&storage).await?)
}

/// Opens the database, whose schema must be this program's.
async fn open_current(args: &DataArgs) -> Result<DatabaseConnection, AdminError> {
    let database = open(args).await?;
    let pending = Migrator::get_pending_migrations(&database).await?;
    if pending.is_empty() {
        Ok(database)
    } else {
        Err(AdminError::OldDatabase)
    }
}

/// A transaction that nobody's writing gets in between.
async fn begin(database: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    database.begin_with_options(options).await
}

fn file_error(path: &Path) -> impl FnOnce(io::Error) -> AdminError {
    let path = path.to_owned();
    |error| AdminError::File(path, error)
}
