//! Accounts, made once a process: passwords are slow by design. Each schedule starts from copies.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

use secure_chat::config::{Config, Limits};
use secure_chat::{Rate, Storage, run};
use secure_chat_shared::client::api::{Action, Password, Session};
use secure_chat_shared::client::native::{Memo, MemoryStore, NativeKeys, test_keys};
use secure_chat_shared::client::platform::{Keys, MadeKeys, Socket};
use secure_chat_shared::codec::{self, Bytes};
use secure_chat_shared::crypto::account::NewAccount;
use secure_chat_shared::crypto::identity::{self, Identity, SignedIdentity};
use secure_chat_shared::crypto::opaque::ClientRegistration;
use secure_chat_shared::crypto::recovery::RecoveryCode;
use secure_chat_shared::crypto::signing::Algorithm;
use secure_chat_shared::crypto::vault::VaultState;
use secure_chat_shared::ids::{UserId, UserName};
use secure_chat_shared::protocol::{GetManagedKey, RegisterFinish, RegisterStart, Registration};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, LocalSet};

use crate::browser::{Browser, Input};
use crate::device::Clock;
use crate::reference::Logs;
use crate::socket::NativeSocket;
use crate::world::World;

/// Everybody's password.
pub const PASSWORD: &str = "kestrel-canary-mortar-57";

/// Everybody, and how they sign; most by RSA, which takes half the time. Names and ids have the same order, so that a
/// seed replays.
const PEOPLE: [(&str, Algorithm); 6] = [
    ("alice", Algorithm::RsaPss),
    ("bob", Algorithm::RsaPss),
    ("carol", Algorithm::RsaPss),
    ("dave", Algorithm::Dsa),
    ("erin", Algorithm::RsaPss),
    ("frank", Algorithm::RsaPss),
];

/// The first so many have a second browser.
const WITH_SECOND_BROWSER: usize = 3;

/// A server with accounts, and browsers that are signed in.
pub struct Template {
    files: Vec<(String, Vec<u8>)>,
    browsers: Vec<Kept>,
}

/// What a browser keeps.
struct Kept {
    owner: usize,
    name: String,
    user: UserId,
    keys: NativeKeys,
    store: MemoryStore,
}

impl Template {
    /// The one of this process.
    pub fn get() -> &'static Self {
        static TEMPLATE: OnceLock<Template> = OnceLock::new();
        TEMPLATE.get_or_init(|| {
            // A thread of its own: whoever asks may be inside another runtime.
            let made = std::thread::spawn(|| block_on(Self::make()));
            made.join().expect("the accounts can be made")
        })
    }

    async fn make() -> Self {
        let folder = folder();
        let server = Server::start(folder.path()).await;
        let clock = Clock::default();
        let memo = Arc::<Memo>::default();
        let mut browsers = Vec::new();
        for (owner, (name, algorithm)) in PEOPLE.iter().enumerate() {
            let user = register(server.address, owner, name, *algorithm).await;
            let names = [(*name).to_owned(), format!("{name}'s other browser")];
            let count = if owner < WITH_SECOND_BROWSER { 2 } else { 1 };
            for name in names.into_iter().take(count) {
                let keys = NativeKeys::new().remembering(Arc::clone(&memo));
                let store = MemoryStore::new();
                browsers.push((owner, Browser::new(name, user, keys, store, clock.clone())));
            }
        }
        let (owners, browsers): (Vec<_>, Vec<_>) = browsers.into_iter().unzip();
        let logs = Logs::open(&database(folder.path())).await;
        let lines = Rc::default();
        let mut world = World::new(browsers, logs, clock, server, folder.path(), lines);
        for (at, owner) in owners.iter().enumerate() {
            world.start(at).unwrap();
            world.connect(at).await;
            let connected = world.browsers[at].signals.pop_front().unwrap();
            world.through(at, Input::Signal(connected)).await.unwrap();
            let name = PEOPLE[*owner].0.to_owned();
            let password = Password(PASSWORD.into());
            let sign_in = Action::SignIn { name, password };
            world.through(at, Input::Command(sign_in)).await.unwrap();
            let session = world.browsers[at].page.borrow().session.clone();
            assert!(matches!(session, Some(Session::SignedIn(_))), "{session:?}");
            world.through(at, Input::Tick).await.unwrap();
            // The server makes its key when it is first asked for, which takes seconds.
            let socket = &world.browsers[at].socket;
            socket.request(&GetManagedKey).await.unwrap();
            world.cut(at).await;
        }
        let browsers = world
            .browsers
            .iter()
            .zip(&owners)
            .map(|(browser, owner)| Kept {
                owner: *owner,
                name: browser.name.clone(),
                user: browser.user,
                keys: browser.keys.snapshot(),
                store: browser.store.snapshot(),
            });
        let browsers = browsers.collect();
        world.logs.close().await;
        world.stop().await;
        let files = files(folder.path());
        Self { files, browsers }
    }

    /// Writes the server's data into a folder.
    pub fn write(&self, folder: &Path) {
        write(folder, &self.files);
    }

    /// Copies of the browsers of the first so many people.
    pub fn browsers(&self, people: usize, second_browsers: bool, clock: &Clock) -> Vec<Browser> {
        let mut last = None;
        let mut browsers = Vec::new();
        for kept in self.browsers.iter().filter(|kept| kept.owner < people) {
            let second = last.replace(kept.owner) == Some(kept.owner);
            if second && !second_browsers {
                continue;
            }
            let (keys, store) = (kept.keys.snapshot(), kept.store.snapshot());
            let name = kept.name.clone();
            browsers.push(Browser::new(name, kept.user, keys, store, clock.clone()));
        }
        browsers
    }
}

/// What is in a folder, by name.
pub fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let files = fs::read_dir(folder).unwrap().map(|file| {
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        (name, fs::read(file.path()).unwrap())
    });
    files.collect()
}

/// Writes files into a folder.
pub fn write(folder: &Path, files: &[(String, Vec<u8>)]) {
    for (name, bytes) in files {
        fs::write(folder.join(name), bytes).unwrap();
    }
}

/// Names of the first so many people.
pub fn names(people: usize) -> Vec<&'static str> {
    PEOPLE[..people].iter().map(|(name, _)| *name).collect()
}

/// Makes an account. The client core would choose the user id at random; everything else is as it does it.
async fn register(address: SocketAddr, owner: usize, name: &str, algorithm: Algorithm) -> UserId {
    let (sender, _inbound) = mpsc::unbounded_channel();
    let socket = NativeSocket::new(sender);
    socket.connect(address).await;
    let name = UserName::parse(name).unwrap();
    let (registration, request) = ClientRegistration::start(PASSWORD).unwrap();
    let start = RegisterStart {
        name: name.clone(),
        request: Bytes(request),
        code: None,
    };
    let started = socket.request(&start).await.unwrap();
    let (record, export_key) = registration.finish(PASSWORD, &started.response).unwrap();
    let user = UserId([u8::try_from(owner).unwrap() + 1; 16]);
    let keys = NativeKeys::with_keys(test_keys::set(owner).unwrap());
    let recovery = RecoveryCode::make();
    let made = keys.make(user, &export_key, &recovery, &|_| {}).await;
    let MadeKeys { public, vault } = made.unwrap();
    let identity = Identity {
        user,
        name,
        version: 1,
        previous: None,
        encryption: public.encryption.into(),
        rsa_signing: public.rsa_signing.into(),
        dsa_signing: public.dsa_signing.into(),
        algorithm,
    };
    let body = identity.body();
    let payload = identity::signing_payload(&body);
    let by_rsa = keys.sign(1, Algorithm::RsaPss, &payload).await.unwrap();
    let by_dsa = keys.sign(1, Algorithm::Dsa, &payload).await.unwrap();
    let signed = SignedIdentity::assemble(body, by_rsa, by_dsa, None).unwrap();
    let state = keys
        .seal_state(&codec::encode(&(1_u64, VaultState::default())))
        .await;
    let account = NewAccount {
        identity: Bytes::from(signed.bytes()),
        vault,
        state: Bytes(state.unwrap()),
        recovery_verifier: Bytes(recovery.verifier().to_vec()),
    };
    let finish = RegisterFinish {
        record: Bytes(record),
        account,
        browser: "A simulated browser".into(),
    };
    socket.request(&finish).await.unwrap();
    user
}

/// A server at work.
pub struct Server {
    pub address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Server {
    /// Serves what is in a folder.
    pub async fn start(data: &Path) -> Self {
        let config = Config {
            storage: Storage::Sqlite(database(data)),
            data: data.to_owned(),
            origins: Vec::new(),
            registration: Registration::Open,
            behind_proxy: false,
            client: None,
            // Keys change more often here than a person would change them.
            limits: Limits {
                logins_per_name: Rate::new(1_000, 1_000.0),
                ..Limits::default()
            },
        };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let stopped = async {
                let _ = stopped.await;
            };
            run(listener, config, stopped).await.unwrap();
        });
        Self {
            address,
            stop,
            task,
        }
    }

    /// Stops it in good order.
    pub async fn stop(self) {
        self.stop.send(()).expect("the server runs");
        self.task.await.expect("the server has not failed");
    }
}

/// The database's file.
pub fn database(data: &Path) -> std::path::PathBuf {
    data.join("secure-chat.db")
}

/// A folder for a server's data, in memory where there is such a place.
pub fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = match memory.is_dir() {
        true => tempfile::tempdir_in(memory),
        false => tempfile::tempdir(),
    };
    made.unwrap()
}

/// Runs something on this thread, the server and all clients with it.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    LocalSet::new().block_on(&runtime, future)
}
