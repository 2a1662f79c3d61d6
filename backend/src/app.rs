//! What every connection shares.

use std::fs::{self, File, TryLockError};
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sea_orm::DbErr;
use secure_chat_shared::crypto::opaque::ServerSetup;
use secure_chat_shared::ids::{UserId, UserName};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::client::Client;
use crate::config::Config;
use crate::db::queries::{entries, users};
use crate::db::{Database, Storage};
use crate::hub::Hub;
use crate::limiter::Attempts;
use crate::managed::Managed;
use crate::opaque_setup;

/// The server's parts.
pub struct App {
    pub config: Config,
    pub database: Database,
    pub hub: Hub,
    pub client: Client,
    pub opaque: ServerSetup,
    pub managed: Managed,
    /// Apart for where a session of that name's owner was last: strangers elsewhere do not lock them out.
    pub logins_per_name: Attempts<(UserName, Option<IpAddr>)>,
    pub logins_per_address: Attempts<IpAddr>,
    pub confirmations_per_user: Attempts<UserId>,
    pub recoveries_per_name: Attempts<UserName>,
    pub recoveries_per_address: Attempts<IpAddr>,
    pub registrations_per_address: Attempts<IpAddr>,
    /// One permit a WebSocket.
    pub sockets: Arc<Semaphore>,
    /// Every WebSocket and what it leaves to finish.
    pub tasks: TaskTracker,
    /// Cancelled once the server stops.
    pub stopping: CancellationToken,
    /// Held while the server runs.
    _lock: Option<File>,
}

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder cannot be made or written to.
    #[error("the data folder {0}: {1}")]
    Data(PathBuf, io::Error),
    /// Another server works on the same files.
    #[error("another server is using the data folder {0}")]
    InUse(PathBuf),
    /// The OPAQUE server setup cannot be used.
    #[error("{0}")]
    OpaqueSetup(String),
    /// The key of server-managed conversations cannot be used.
    #[error("{0}")]
    ManagedKey(String),
    /// The database does not open, or its schema cannot be brought up to date.
    #[error("the database: {0}")]
    Database(#[from] DbErr),
    /// The folder with the web client cannot be read.
    #[error("the web client in {0}: {1}")]
    Client(PathBuf, io::Error),
    /// The listener is no use.
    #[error("listening: {0}")]
    Listen(io::Error),
}

impl App {
    /// Opens everything that lasts.
    pub async fn open(config: Config) -> Result<Arc<Self>, StartError> {
        make_private_folder(&config.data)
            .map_err(|error| StartError::Data(config.data.clone(), error))?;
        let lock = match &config.storage {
            Storage::Sqlite(file) => {
                let lock = lock(&config.data)?;
                make_private_file(file).map_err(|error| StartError::Data(file.clone(), error))?;
                Some(lock)
            }
            // A database server may have several of us.
            Storage::Url(_) => None,
        };
        let database = Database::open(&config.storage).await?;
        let has_users = users::any(database.read()).await?;
        let opaque = opaque_setup::load(&config.data, has_users)?;
        let managed_key = entries::managed_key(database.read()).await?;
        let managed = Managed::load(&config.data, managed_key.as_deref())?;
        let client = match &config.client {
            Some(folder) => Client::from_folder(folder)
                .map_err(|error| StartError::Client(folder.clone(), error))?,
            None => Client::embedded(),
        };
        let limits = &config.limits;
        Ok(Arc::new(Self {
            database,
            hub: Hub::default(),
            client,
            opaque,
            managed,
            logins_per_name: Attempts::new(limits.logins_per_name),
            logins_per_address: Attempts::new(limits.logins_per_address),
            confirmations_per_user: Attempts::new(limits.logins_per_name),
            recoveries_per_name: Attempts::new(limits.logins_per_name),
            recoveries_per_address: Attempts::new(limits.logins_per_address),
            registrations_per_address: Attempts::new(limits.registrations_per_address),
            sockets: Arc::new(Semaphore::new(limits.sockets)),
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
            _lock: lock,
            config,
        }))
    }
}

pub fn make_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// An empty file for its owner only, if there is none. SQLite gives its other files the mode of this one; an existing one keeps its own.
pub fn make_private_file(file: &Path) -> io::Result<()> {
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file).map(|_| ())
}

/// Two servers on one SQLite file would each believe their own memory of it.
pub fn lock(folder: &Path) -> Result<File, StartError> {
    let failed = |error| StartError::Data(folder.to_owned(), error);
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(folder.join("lock"))
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StartError::InUse(folder.to_owned())),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}
