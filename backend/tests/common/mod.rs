//! A real server on a free port, and people who talk to it over real sockets.

#![allow(dead_code)] // every test file uses another part
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // as in tests themselves

pub mod log;
pub mod managed;
pub mod operator;
pub mod passkey;
pub mod secrets;
pub mod socket;
pub mod talk;

use std::net::SocketAddr;
use std::path::Path;

use secure_chat::config::{Config, Limits};
use secure_chat::{Storage, run};
use secure_chat_shared::client::native::{PrivateKeys, test_keys};
use secure_chat_shared::codec::{self, Bytes};
use secure_chat_shared::crypto::account::{NewAccount, Vault, VaultKeys};
use secure_chat_shared::crypto::identity::{self, Compromised, Identity, SignedIdentity};
use secure_chat_shared::crypto::opaque::{ClientLogin, ClientRegistration};
use secure_chat_shared::crypto::random;
use secure_chat_shared::crypto::recovery::RecoveryCode;
use secure_chat_shared::crypto::signing::{Algorithm, Signature};
use secure_chat_shared::ids::{SessionId, UserId, UserName};
use secure_chat_shared::protocol::{
    ConfirmFinish, ConfirmStart, Confirmed, LoggedIn, LoginFinish, LoginStart, PublishIdentity,
    RegisterFinish, RegisterStart, Registration, RequestError, Resume, Resumed, SignedIn,
};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use socket::Socket;

/// Everybody's password.
pub const PASSWORD: &str = "kestrel-canary-mortar-57";

/// A running server and its data.
pub struct TestApp {
    pub address: SocketAddr,
    pub config: Config,
    data: TempDir,
    running: Option<Running>,
    people: usize,
}

struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl TestApp {
    /// A server with empty data and its ordinary settings.
    pub async fn full() -> Self {
        Self::with(|_| {}).await
    }

    /// A server with empty data and other settings.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut config = Config {
            storage: Storage::Sqlite(data.path().join("secure-chat.db")),
            data: data.path().to_owned(),
            origins: Vec::new(),
            registration: Registration::Open,
            behind_proxy: false,
            client: None,
            limits: Limits::default(),
        };
        change(&mut config);
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut app = Self {
            address,
            config,
            data,
            running: None,
            people: 0,
        };
        app.start().await;
        app
    }

    /// Starts, on the port it had before if it had one.
    pub async fn start(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let config = self.config.clone();
        let task = tokio::spawn(async move {
            run(listener, config, async {
                let _ = stopped.await;
            })
            .await
            .unwrap();
        });
        self.running = Some(Running { stop, task });
        // Accepted only once the server is up; no waiting by the clock.
        assert_eq!(self.get("/readyz").await.status, 200);
    }

    /// Tells the server to stop, without waiting until it has.
    pub fn tell_to_stop(&mut self) -> JoinHandle<()> {
        let running = self.running.take().unwrap();
        running.stop.send(()).unwrap();
        running.task
    }

    /// Stops the server in good order.
    pub async fn stop(&mut self) {
        self.tell_to_stop().await.unwrap();
    }

    /// Where the data is.
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// A socket that has not signed in.
    pub async fn socket(&self) -> Socket {
        Socket::connect(self.address).await
    }

    /// A socket through a proxy that names this address; only a server that is told to believes it.
    pub async fn socket_from(&self, from: &str) -> Socket {
        Socket::connect_from(self.address, from).await
    }

    /// Somebody who has registered and signed in. Odd ones sign by RSA-PSS, even ones by DSA.
    pub async fn with_user(&mut self, name: &str) -> User {
        self.people += 1;
        let person = Person::new(name, self.people);
        person.register(self.socket().await).await.unwrap()
    }

    /// An HTTP request without a body, on a connection of its own.
    pub async fn get(&self, path: &str) -> HttpAnswer {
        self.http(&format!(
            "GET {path} HTTP/1.1\r\nhost: {}\r\n",
            self.address
        ))
        .await
    }

    /// A request as written, but for its last header and the empty line.
    pub async fn http(&self, head: &str) -> HttpAnswer {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = tokio::net::TcpStream::connect(self.address).await.unwrap();
        let request = format!("{head}connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        HttpAnswer::parse(&answer)
    }
}

/// An HTTP response.
#[derive(Debug)]
pub struct HttpAnswer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl HttpAnswer {
    fn parse(bytes: &[u8]) -> Self {
        let end = bytes
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .unwrap();
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines
            .next()
            .unwrap()
            .split(' ')
            .nth(1)
            .unwrap()
            .parse()
            .unwrap();
        let headers = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        Self {
            status,
            headers,
            body: bytes[end + 4..].to_vec(),
        }
    }

    /// A header's value; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.map_or("", |(_, value)| value)
    }
}

/// Somebody with keys and an identity, who need not be registered.
#[derive(Clone)]
pub struct Person {
    pub name: UserName,
    pub id: UserId,
    pub keys: PrivateKeys,
    pub signed: SignedIdentity,
    /// That they register with.
    pub code: RecoveryCode,
}

impl Person {
    /// With the `n`th set of test keys.
    pub fn new(name: &str, n: usize) -> Self {
        Self::of(UserId(random::bytes()), name, n)
    }

    /// With an id that may be somebody else's.
    pub fn of(id: UserId, name: &str, n: usize) -> Self {
        let keys = test_keys::set(n).unwrap();
        let public = keys.public().unwrap();
        let name = UserName::parse(name).unwrap();
        let algorithm = if n % 2 == 1 {
            Algorithm::RsaPss
        } else {
            Algorithm::Dsa
        };
        let identity = Identity {
            user: id,
            name: name.clone(),
            version: 1,
            previous: None,
            encryption: public.encryption.into(),
            rsa_signing: public.rsa_signing.into(),
            dsa_signing: public.dsa_signing.into(),
            algorithm,
        };
        let body = identity.body();
        let payload = identity::signing_payload(&body);
        let pss = sign(&keys, Algorithm::RsaPss, &payload);
        let dsa = sign(&keys, Algorithm::Dsa, &payload);
        let signed = SignedIdentity::assemble(body, pss, dsa, None).unwrap();
        Self {
            name,
            id,
            keys,
            signed,
            code: RecoveryCode::make(),
        }
    }

    /// By the algorithm of the identity.
    pub fn sign(&self, payload: &[u8]) -> Signature {
        sign(&self.keys, self.signed.identity().algorithm, payload)
    }

    /// The same person with the next version of the identity, which has the `n`th set of test keys.
    pub fn renewed(&self, n: usize) -> Self {
        let keys = test_keys::set(n).unwrap();
        let public = keys.public().unwrap();
        let before = self.signed.identity();
        let identity = Identity {
            version: before.version + 1,
            previous: Some(before.hash()),
            encryption: public.encryption.into(),
            rsa_signing: public.rsa_signing.into(),
            dsa_signing: public.dsa_signing.into(),
            ..before.clone()
        };
        let body = identity.body();
        let payload = identity::signing_payload(&body);
        let both = |keys: &PrivateKeys| {
            (
                sign(keys, Algorithm::RsaPss, &payload),
                sign(keys, Algorithm::Dsa, &payload),
            )
        };
        let (pss, dsa) = both(&keys);
        let by_previous = Some(both(&self.keys));
        let signed = SignedIdentity::assemble(body, pss, dsa, by_previous).unwrap();
        Self {
            keys,
            signed,
            ..self.clone()
        }
    }

    /// "My keys are in other hands", encoded.
    pub fn compromised(&self) -> Bytes {
        let body = Compromised::body_of(self.signed.identity());
        let payload = Compromised::signing_payload(&body);
        let statement = Compromised {
            body: body.into(),
            pss: sign(&self.keys, Algorithm::RsaPss, &payload),
            dsa: sign(&self.keys, Algorithm::Dsa, &payload),
        };
        codec::encode(&statement).into()
    }

    /// A request to publish this version.
    pub fn publish(&self) -> PublishIdentity {
        PublishIdentity {
            identity: self.signed.bytes().into(),
            keys: vault_keys(self.signed.identity().version),
            compromised: None,
        }
    }

    /// What registration uploads besides the OPAQUE record. The blobs are noise: no server can tell.
    pub fn account(&self) -> NewAccount {
        let vault = Vault {
            priv_by_password: blob(),
            priv_by_recovery: blob(),
            state_key: blob(),
            keys: vec![vault_keys(1)],
        };
        NewAccount {
            identity: self.signed.bytes().into(),
            vault,
            state: blob(),
            recovery_verifier: self.code.verifier().to_vec().into(),
        }
    }

    /// Registers on a fresh socket.
    pub async fn register(self, mut socket: Socket) -> Result<User, RequestError> {
        let record = begin_registration(&mut socket, &self.name).await?;
        let account = self.account();
        let request = RegisterFinish {
            record,
            account,
            browser: "Test".into(),
        };
        let SignedIn {
            token,
            session,
            user,
        } = socket.call(&request).await?;
        assert_eq!(user, self.id);
        Ok(User {
            person: self,
            socket,
            token,
            session,
        })
    }
}

/// A registered person's signed-in socket.
pub struct User {
    pub person: Person,
    pub socket: Socket,
    pub token: Bytes,
    pub session: SessionId,
}

impl User {
    /// Their id.
    pub fn id(&self) -> UserId {
        self.person.id
    }

    /// The same session on a new socket.
    pub async fn resume(&self, app: &TestApp) -> Self {
        let mut socket = app.socket().await;
        let Resumed { user, session, .. } = socket
            .call(&Resume {
                token: self.token.clone(),
            })
            .await
            .unwrap();
        assert_eq!((user, session), (self.id(), self.session));
        Self {
            person: self.person.clone(),
            socket,
            token: self.token.clone(),
            session,
        }
    }

    /// Another session.
    pub async fn log_in(&self, app: &TestApp) -> Self {
        let mut socket = app.socket().await;
        let logged_in = log_in(&mut socket, &self.person.name, PASSWORD)
            .await
            .unwrap();
        let SignedIn {
            token,
            session,
            user,
        } = logged_in.signed_in;
        assert_eq!(user, self.id());
        Self {
            person: self.person.clone(),
            socket,
            token,
            session,
        }
    }
}

/// The first step of registration, and the record for the second.
pub async fn begin_registration(
    socket: &mut Socket,
    name: &UserName,
) -> Result<Bytes, RequestError> {
    let (registration, request) = ClientRegistration::start(PASSWORD).unwrap();
    let name = name.clone();
    let started = socket
        .call(&RegisterStart {
            name,
            request: request.into(),
            code: None,
        })
        .await?;
    let (record, _) = registration.finish(PASSWORD, &started.response).unwrap();
    Ok(record.into())
}

/// Both steps of log-in. A wrong password is noticed by the client first; it then sends a KE3 that proves nothing.
pub async fn log_in(
    socket: &mut Socket,
    name: &UserName,
    password: &str,
) -> Result<LoggedIn, RequestError> {
    let (login, ke1) = ClientLogin::start(password).unwrap();
    let started = socket
        .call(&LoginStart {
            name: name.clone(),
            ke1: ke1.into(),
        })
        .await?;
    let ke3 = match login.finish(password, &started.ke2) {
        Ok((ke3, _)) => ke3,
        Err(_) => vec![7; 64],
    };
    socket
        .call(&LoginFinish {
            ke3: ke3.into(),
            browser: "Test".into(),
            continues: None,
        })
        .await
}

/// Both steps of proving the password again; a wrong one as in [`log_in`].
pub async fn confirm(socket: &mut Socket, password: &str) -> Result<Confirmed, RequestError> {
    let (login, ke1) = ClientLogin::start(password).unwrap();
    let started = socket.call(&ConfirmStart { ke1: ke1.into() }).await?;
    let ke3 = match login.finish(password, &started.ke2) {
        Ok((ke3, _)) => ke3,
        Err(_) => vec![7; 64],
    };
    socket.call(&ConfirmFinish { ke3: ke3.into() }).await
}

pub fn blob() -> Bytes {
    Bytes(random::bytes::<60>().to_vec())
}

pub fn vault_keys(version: u32) -> VaultKeys {
    VaultKeys {
        version,
        encryption: blob(),
        rsa_signing: blob(),
        dsa_signing: blob(),
    }
}

pub fn sign(keys: &PrivateKeys, algorithm: Algorithm, payload: &[u8]) -> Signature {
    Signature::from(match algorithm {
        Algorithm::RsaPss => keys.rsa_signing.sign(payload).unwrap(),
        Algorithm::Dsa => keys.dsa_signing.sign(payload).unwrap(),
    })
}
