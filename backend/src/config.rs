//! Settings: flags, each with an environment variable; see `docs/OPERATING.md`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use secure_chat_shared::protocol::{IDLE_TIMEOUT_SECS, Registration};

use crate::db::Storage;
use crate::limiter::Rate;

/// Name of the SQLite file in the data folder.
pub const DATABASE: &str = "secure-chat.db";

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "secure-chat",
    version,
    about = "Secure Chat: end-to-end encrypted chat on your own server",
    disable_version_flag = true,
    arg_required_else_help = true,
    subcommand_required = false,
    args_conflicts_with_subcommands = true
)]
pub struct Cli {
    /// Print the version.
    #[arg(short = 'V', long)]
    pub version: bool,
    /// With `--version`: also the SHA-256 of each file of the web client inside, and as the last line its manifest.
    #[arg(long, requires = "version")]
    pub verbose: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What the binary can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the chat and its web client.
    Serve(ServeArgs),
    /// What an operator does beside it.
    #[command(flatten)]
    Admin(AdminCommand),
    /// Check an exported conversation: every signature, and that nothing in the file was altered.
    Verify(VerifyArgs),
}

/// Settings of `verify`.
#[derive(Debug, Clone, Args)]
pub struct VerifyArgs {
    /// The exported zip file.
    pub file: PathBuf,
    /// Say only what fails, and the sum.
    #[arg(long, short)]
    pub quiet: bool,
}

/// What an operator does beside a running server, or one that is stopped.
#[derive(Debug, Subcommand)]
pub enum AdminCommand {
    /// List, disable, enable or delete accounts, while the server runs or not.
    User(UserArgs),
    /// Make an invitation code, for a server with `--registration code`.
    InviteCode(InviteCodeArgs),
    /// Copy the database, and beside it the server's secrets, while the server runs or not.
    Backup(BackupArgs),
    /// Make a data folder of a backup.
    Restore(RestoreArgs),
}

/// Where a server's data is.
#[derive(Debug, Clone, Args)]
pub struct DataArgs {
    /// Folder of the database and the server's secrets.
    #[arg(
        long,
        env = "SECURE_CHAT_DATA",
        default_value = "./data",
        global = true
    )]
    pub data: PathBuf,
    /// Another database than the SQLite file in the data folder.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, global = true)]
    pub database_url: Option<String>,
}

impl DataArgs {
    /// Where the rows are.
    pub fn storage(&self) -> Storage {
        match &self.database_url {
            Some(url) => Storage::Url(url.clone()),
            None => Storage::Sqlite(self.data.join(DATABASE)),
        }
    }
}

/// Settings of `user`.
#[derive(Debug, Clone, Args)]
pub struct UserArgs {
    /// What to do.
    #[command(subcommand)]
    pub what: UserCommand,
    /// Where.
    #[command(flatten)]
    pub data: DataArgs,
}

/// What can be done about accounts.
#[derive(Debug, Clone, Subcommand)]
pub enum UserCommand {
    /// List all accounts.
    List,
    /// End an account's sessions and let nobody sign in to it; nothing is lost.
    Disable {
        /// Whose.
        name: String,
    },
    /// Let a disabled account's owner sign in again.
    Enable {
        /// Whose.
        name: String,
    },
    /// Delete an account for good.
    Delete {
        /// Whose.
        name: String,
        /// Let anybody register under the name again.
        #[arg(long)]
        release_name: bool,
    },
}

/// Settings of `invite-code`.
#[derive(Debug, Clone, Args)]
pub struct InviteCodeArgs {
    /// How many people may register with it.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub uses: u16,
    /// For how many days.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..))]
    pub days: u16,
    /// Where.
    #[command(flatten)]
    pub data: DataArgs,
}

/// Settings of `backup`.
#[derive(Debug, Clone, Args)]
pub struct BackupArgs {
    /// File to write; the secrets go to files of their own, whose names begin with this one.
    pub file: PathBuf,
    /// Of what.
    #[command(flatten)]
    pub data: DataArgs,
}

/// Settings of `restore`.
#[derive(Debug, Clone, Args)]
pub struct RestoreArgs {
    /// File that `backup` wrote, with the secrets' files beside it.
    pub file: PathBuf,
    /// Folder to make, or an empty one.
    #[arg(long, env = "SECURE_CHAT_DATA", default_value = "./data")]
    pub data: PathBuf,
}

/// Settings of `serve`.
#[derive(Debug, Clone, Args)]
pub struct ServeArgs {
    /// Address and port to listen on.
    #[arg(long, env = "SECURE_CHAT_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Where its data is; the folder is made if it is missing.
    #[command(flatten)]
    pub data: DataArgs,
    /// Another origin that may open the WebSocket, such as https://chat.example.org; may be given repeatedly.
    #[arg(long = "origin", env = "SECURE_CHAT_ORIGINS", value_delimiter = ',')]
    pub origins: Vec<String>,
    /// Who may register: anybody, whoever has a code from `secure-chat invite-code`, or nobody.
    #[arg(long, env = "SECURE_CHAT_REGISTRATION", default_value = "open")]
    pub registration: RegistrationArg,
    /// Take a client's address from the last X-Forwarded-For entry: only behind a proxy that sets it.
    #[arg(long, env = "SECURE_CHAT_BEHIND_PROXY")]
    pub behind_proxy: bool,
    /// Serve the web client from this folder instead of the one inside the binary.
    #[arg(long, env = "SECURE_CHAT_SERVE_CLIENT")]
    pub client: Option<PathBuf>,
    /// Most WebSockets at once.
    #[arg(long, env = "SECURE_CHAT_MAX_SOCKETS", default_value_t = 20_000)]
    pub max_sockets: usize,
    /// Frames that one socket may send a second, for long; ten times as many at once.
    #[arg(long, env = "SECURE_CHAT_FRAMES_PER_SECOND", default_value_t = 100)]
    pub frames_per_second: u32,
    /// Passwords that may be tried for one name a minute, for long (ten times as many for one address).
    #[arg(long, env = "SECURE_CHAT_LOGINS_PER_MINUTE", default_value_t = 10)]
    pub logins_per_minute: u32,
    /// Accounts that one address may register an hour, for long.
    #[arg(long, env = "SECURE_CHAT_REGISTRATIONS_PER_HOUR", default_value_t = 60)]
    pub registrations_per_hour: u32,
    /// What to log: error, warn, info, debug or trace; or filters such as secure_chat::db=debug.
    #[arg(long, env = "SECURE_CHAT_LOG", default_value = "info")]
    pub log: String,
}

/// Who may register, as the operator writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RegistrationArg {
    /// Anybody.
    Open,
    /// Whoever has an invitation code.
    Code,
    /// Nobody.
    Closed,
}

impl From<RegistrationArg> for Registration {
    fn from(arg: RegistrationArg) -> Self {
        match arg {
            RegistrationArg::Open => Self::Open,
            RegistrationArg::Code => Self::ByCode,
            RegistrationArg::Closed => Self::Closed,
        }
    }
}

/// Everything that [`crate::run`] needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the rows are.
    pub storage: Storage,
    /// Where the server's secrets are.
    pub data: PathBuf,
    /// Origins besides the server's own that may open the WebSocket.
    pub origins: Vec<String>,
    /// Who may register.
    pub registration: Registration,
    /// Whether the last X-Forwarded-For entry is the client's address.
    pub behind_proxy: bool,
    /// Folder of the client instead of the embedded one.
    pub client: Option<PathBuf>,
    /// Rates and sizes.
    pub limits: Limits,
}

/// What bounds a client's demands.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Most WebSockets at once.
    pub sockets: usize,
    /// Frames from one socket.
    pub frames: Rate,
    /// Log-ins tried for one name.
    pub logins_per_name: Rate,
    /// Log-ins tried from one address.
    pub logins_per_address: Rate,
    /// Registrations from one address.
    pub registrations_per_address: Rate,
    /// Silence after which a socket is closed; the server pings three times as often.
    pub idle: Duration,
    /// Frames that may wait for a socket that reads slowly.
    pub queue_frames: usize,
    /// Bytes that may wait for a socket that reads slowly.
    pub queue_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sockets: 20_000,
            frames: Rate::new(1_000, 100.0),
            logins_per_name: Rate::new(10, 10.0 / 60.0),
            logins_per_address: Rate::new(100, 100.0 / 60.0),
            registrations_per_address: Rate::new(60, 60.0 / 3_600.0),
            idle: Duration::from_secs(IDLE_TIMEOUT_SECS),
            queue_frames: 2_048,
            queue_bytes: 4 * 1024 * 1024,
        }
    }
}

impl From<ServeArgs> for Config {
    fn from(args: ServeArgs) -> Self {
        let storage = args.data.storage();
        let per_minute = f64::from(args.logins_per_minute) / 60.0;
        let limits = Limits {
            sockets: args.max_sockets,
            frames: Rate::new(
                args.frames_per_second.saturating_mul(10),
                f64::from(args.frames_per_second),
            ),
            logins_per_name: Rate::new(args.logins_per_minute, per_minute),
            logins_per_address: Rate::new(
                args.logins_per_minute.saturating_mul(10),
                per_minute * 10.0,
            ),
            registrations_per_address: Rate::new(
                args.registrations_per_hour,
                f64::from(args.registrations_per_hour) / 3_600.0,
            ),
            ..Limits::default()
        };
        Self {
            storage,
            data: args.data.data,
            origins: args.origins,
            registration: args.registration.into(),
            behind_proxy: args.behind_proxy,
            client: args.client,
            limits,
        }
    }
}
