//! Everybody's browsers around one server, moved one request at a time.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use futures::FutureExt;
use secure_chat_shared::client::api::{Action, Answer, Failure, Outcome};
use secure_chat_shared::client::platform::{CallError, Socket};
use secure_chat_shared::ids::{ConversationId, MessageId, Timestamp, UserId};
use secure_chat_shared::log::Entry;
use secure_chat_shared::protocol::{AnyRequest, ErrorCode, RequestError};

use crate::browser::{Browser, Finished, Input, PATIENCE, Signal};
use crate::check;
use crate::device::{Asked, Clock};
use crate::figures::Figures;
use crate::losses::Losses;
use crate::reference::Logs;
use crate::template::{self, Server, database};
use crate::words::{self, Words};

/// What is wrong, in a sentence.
pub type Wrong = String;

/// How a request fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Passes,
    /// The connection breaks before the request reaches the server.
    LostBefore,
    /// The connection breaks after the server has acted and before its answer arrives.
    LostAfter,
    /// The browser is closed before the request reaches the server.
    ClosedBefore,
    /// The browser is closed after the server has acted.
    ClosedAfter,
}

/// A message as its author wrote it.
#[derive(Clone)]
pub struct Written {
    pub conversation: ConversationId,
    pub text: String,
    /// Size of the log when it was written, as far as its author's browser had it.
    pub size: u64,
    /// Its author was told that it is safely kept.
    pub kept: bool,
}

/// Everybody's browsers around one server.
pub struct World {
    pub browsers: Vec<Browser>,
    pub logs: Logs,
    pub clock: Clock,
    /// In the order in which they were begun.
    pub conversations: Vec<ConversationId>,
    pub written: BTreeMap<(UserId, MessageId), Written>,
    /// The title that an entry gives, where it gives one.
    pub titles: BTreeMap<(ConversationId, u64), String>,
    pub words: Words,
    pub figures: Figures,
    pub links: Vec<String>,
    /// Whether the server has lost some wraps.
    pub losses: Option<Losses>,
    /// How many requests have been made.
    requests: usize,
    /// The server's data at some time.
    backup: Option<Vec<(String, Vec<u8>)>>,
    /// The logs before the backup was restored.
    pub lost: Option<Logs>,
    server: Option<Server>,
    folder: PathBuf,
    /// When each entry was taken, by the schedule's clock.
    pub times: BTreeMap<(ConversationId, u64), Timestamp>,
}

impl World {
    /// Around a server that serves at `address` and whose logs these are.
    pub fn new(
        browsers: Vec<Browser>,
        logs: Logs,
        clock: Clock,
        server: Server,
        folder: &Path,
        lines: Rc<RefCell<Vec<String>>>,
    ) -> Self {
        let names = browsers
            .iter()
            .map(|browser| (browser.user, browser.name.clone()));
        Self {
            words: Words::new(names, lines),
            browsers,
            logs,
            clock,
            conversations: Vec::new(),
            written: BTreeMap::new(),
            titles: BTreeMap::new(),
            figures: Figures::default(),
            links: Vec::new(),
            losses: None,
            requests: 0,
            backup: None,
            lost: None,
            server: Some(server),
            folder: folder.to_owned(),
            times: BTreeMap::new(),
        }
    }

    /// Adds a line to what happened.
    pub fn say(&self, line: &str) {
        self.words.say(line.to_owned());
    }

    /// Feeds an idle browser; it works until its first request.
    pub fn begin(&mut self, at: usize, input: Input) -> Result<(), Wrong> {
        let input = match input {
            Input::Signal(Signal::Event(event)) => {
                Input::Signal(Signal::Event(self.retimed_event(event)))
            }
            input => input,
        };
        if let Input::Command(Action::Send {
            conversation,
            id,
            text,
        }) = &input
        {
            // Somebody who has not heard of it yet writes as if nothing had happened.
            let record = check::record(&self.browsers[at], conversation);
            let record = record.now_or_never().expect("a store in memory");
            let theirs = record.map(|record| record.frontier.size());
            let size = self.logs.get(conversation).size();
            let size = theirs.map_or(size, |theirs| theirs.min(size));
            let written = Written {
                conversation: *conversation,
                text: text.clone(),
                size,
                kept: false,
            };
            self.written.insert((self.browsers[at].user, *id), written);
        }
        let doing = self.words.input(&input);
        self.words
            .say(format!("{} {doing}", self.browsers[at].name));
        if self.browsers.iter().any(Browser::is_busy) {
            self.figures.count("inputs while another was at work");
        }
        self.browsers[at].begin(input);
        self.proceed(at)
    }

    /// Feeds an idle browser, and lets all of its requests pass.
    pub async fn through(&mut self, at: usize, input: Input) -> Result<(), Wrong> {
        self.begin(at, input)?;
        while self.browsers[at].is_busy() {
            self.grant(at, Fate::Passes).await?;
        }
        Ok(())
    }

    /// Feeds an idle browser a command, lets all of its requests pass, and gives the answer.
    pub async fn command(&mut self, at: usize, action: Action) -> Result<(), Wrong> {
        self.through(at, Input::Command(action)).await
    }

    /// A page shows a conversation, whatever its client is at.
    pub fn wants(&mut self, at: usize, id: ConversationId) {
        let (name, place) = (&self.browsers[at].name, self.words.at(&id));
        self.words.say(format!("{name} looks {place}"));
        self.browsers[at].wanted.set(Some(id));
    }

    /// Opens a browser's page.
    pub fn start(&mut self, at: usize) -> Result<(), Wrong> {
        self.words
            .say(format!("{} is opened", self.browsers[at].name));
        self.browsers[at].start();
        self.proceed(at)
    }

    /// Closes a browser, whatever it is at.
    pub async fn close(&mut self, at: usize) {
        self.words
            .say(format!("{} is closed", self.browsers[at].name));
        self.browsers[at].close().await;
    }

    /// The network is there.
    pub async fn connect(&mut self, at: usize) {
        self.words
            .say(format!("{} gets a connection", self.browsers[at].name));
        let address = self.server.as_ref().expect("the server runs").address;
        self.browsers[at].connect(address).await;
    }

    /// The network is gone.
    pub async fn cut(&mut self, at: usize) {
        self.words
            .say(format!("{} loses the connection", self.browsers[at].name));
        self.figures.count("connections lost");
        self.browsers[at].cut().await;
    }

    /// The server is stopped, and started again.
    pub async fn restart(&mut self) {
        self.say("the server restarts");
        self.figures.count("restarts");
        self.restart_after(|_| ()).await;
    }

    /// The server is stopped, its data are copied, and it is started again.
    pub async fn back_up(&mut self) {
        self.say("a backup is made");
        let files = self.restart_after(template::files).await;
        self.backup = Some(files);
    }

    /// The server is stopped, the backup takes the place of its data, and it is started again.
    pub async fn restore(&mut self) {
        self.say("the backup is restored");
        self.figures.count("backups restored");
        let backup = self.backup.take().expect("there is a backup");
        self.logs.close().await;
        self.restart_after(|folder| {
            for (name, _) in template::files(folder) {
                fs::remove_file(folder.join(name)).unwrap();
            }
            template::write(folder, &backup);
        })
        .await;
        let lost = std::mem::replace(&mut self.logs, Logs::open(&database(&self.folder)).await);
        for id in lost.all().keys() {
            // What is not there any more is given back, or it is not.
            self.logs.read(*id).await.expect("the backup is whole");
        }
        self.lost = Some(lost);
    }

    async fn restart_after<T>(&mut self, meanwhile: impl FnOnce(&Path) -> T) -> T {
        for at in 0..self.browsers.len() {
            self.browsers[at].cut().await;
        }
        self.stop().await;
        let made = meanwhile(&self.folder);
        self.server = Some(Server::start(&self.folder).await);
        made
    }

    /// The server is stopped.
    pub async fn stop(&mut self) {
        let server = self.server.take().expect("the server runs");
        server.stop().await;
    }

    /// Lets the request of a busy browser fare so, and the browser work on.
    pub async fn grant(&mut self, at: usize, fate: Fate) -> Result<(), Wrong> {
        let Asked { op, body } = self.browsers[at].gate.take();
        let request = AnyRequest::decode(op, &body)
            .and_then(Result::ok)
            .ok_or("the client sends nonsense")?;
        let asked = format!("  {}: {}", self.browsers[at].name, words::request(&request));
        if holds_text(&body) {
            return Err(format!("{asked}: a text leaves the browser in clear"));
        }
        if !self.browsers[at].connected {
            self.words.say(format!("{asked}: no connection"));
            self.browsers[at].gate.answer(Err(CallError::Disconnected));
            return self.proceed(at);
        }
        match fate {
            Fate::LostBefore => {
                self.words.say(format!("{asked}: lost on its way"));
                self.browsers[at].gate.answer(Err(CallError::Disconnected));
                self.cut(at).await;
                return self.proceed(at);
            }
            Fate::ClosedBefore => {
                self.words.say(format!("{asked}: never sent"));
                self.close(at).await;
                return Ok(());
            }
            Fate::Passes | Fate::LostAfter | Fate::ClosedAfter => {}
        }
        self.requests += 1;
        if self.requests > MOST_REQUESTS {
            return Err(format!("{asked}: request {MOST_REQUESTS}, and no end"));
        }
        let (body, request) = if self.is_in_place(&request) {
            (body, request)
        } else {
            match self.begin_in_place(at).await? {
                Begun::InPlace(body, request) => (body, request),
                Begun::Ended(finished) => return self.has_finished(at, finished),
            }
        };
        let calling = self.browsers[at].socket.call(op, body);
        let result = tokio::time::timeout(PATIENCE, calling)
            .await
            .map_err(|_| format!("no answer to {}", request.name()))?;
        self.words
            .say(format!("{asked}{}", words::result(&request, &result)));
        let result = match result {
            Ok(_) if self.is_lost(at, &request) => {
                self.say("  ... the wrap is lost");
                Err(CallError::Refused(RequestError::new(
                    ErrorCode::NotFound,
                    "lost",
                )))
            }
            Ok(body) => {
                self.has_acted(at, &request, &body).await?;
                Ok(self.retimed(&request, body))
            }
            Err(CallError::Refused(error)) => {
                self.figures.refused(error.code);
                if error.code == ErrorCode::Internal {
                    return Err(format!("the server failed: {}", error.detail));
                }
                Err(CallError::Refused(error))
            }
            Err(error) => return Err(format!("the server hung up: {error}")),
        };
        match fate {
            Fate::LostAfter => {
                self.browsers[at].gate.answer(Err(CallError::Disconnected));
                self.words.say("  ... and its answer is lost".into());
                self.cut(at).await;
            }
            Fate::ClosedAfter => {
                self.close(at).await;
                return Ok(());
            }
            _ => self.browsers[at].gate.answer(result),
        }
        self.proceed(at)
    }

    /// Whether the server has lost what is asked for.
    fn is_lost(&mut self, at: usize, request: &AnyRequest) -> bool {
        let (Some(losses), AnyRequest::GetWrap(request)) = (&mut self.losses, request) else {
            return false;
        };
        let mut conversations = self.conversations.iter();
        let place = conversations.position(|id| *id == request.conversation);
        let user = self.browsers[at].user;
        place.is_some_and(|place| losses.is_lost(place, request.epoch, user))
    }

    /// Lets a browser work until it waits for an answer or is done.
    fn proceed(&mut self, at: usize) -> Result<(), Wrong> {
        let finished = self.browsers[at].proceed();
        if let Some(alarm) = self.browsers[at].alarm() {
            return Err(format!("{}: {alarm}", self.browsers[at].name));
        }
        finished.map_or(Ok(()), |finished| self.has_finished(at, finished))
    }

    fn has_finished(&mut self, at: usize, finished: Finished) -> Result<(), Wrong> {
        let Finished { input, outcome } = finished;
        match outcome {
            Some(outcome) => self.has_answered(at, &input, outcome),
            None => Ok(()),
        }
    }

    /// Has a browser begin a conversation again and again, until it would be in its place, or cannot be begun.
    async fn begin_in_place(&mut self, at: usize) -> Result<Begun, Wrong> {
        let browser = &mut self.browsers[at];
        // The request that was taken, and any other that falls elsewhere.
        browser.gate.answer(Err(CallError::Disconnected));
        // It may have another connection than it began on, and not have heard of it: it is not signed in there.
        let mut is_cut = false;
        loop {
            while let Some(finished) = self.browsers[at].proceed() {
                let is_offline =
                    matches!(finished.outcome, Some(Outcome::Failed(Failure::Offline)));
                if !is_offline || is_cut {
                    return Ok(Begun::Ended(finished));
                }
                self.browsers[at].begin(finished.input);
            }
            let Asked { op, body } = self.browsers[at].gate.take();
            let request = AnyRequest::decode(op, &body).and_then(Result::ok);
            let request = request.ok_or("the client sends nonsense")?;
            let result = match request {
                AnyRequest::CreateConversation(_) if self.is_in_place(&request) => {
                    return Ok(Begun::InPlace(body, request));
                }
                AnyRequest::CreateConversation(_) => Err(CallError::Disconnected),
                _ => self.browsers[at].socket.call(op, body).await,
            };
            is_cut |= result.is_err() && !matches!(request, AnyRequest::CreateConversation(_));
            self.browsers[at].gate.answer(result);
        }
    }

    fn has_answered(&mut self, at: usize, input: &Input, outcome: Outcome) -> Result<(), Wrong> {
        let Input::Command(action) = input else {
            return Ok(());
        };
        match outcome {
            Outcome::Ok(answer) => {
                if let Action::Send { id, .. } = action {
                    let key = (self.browsers[at].user, *id);
                    self.written.get_mut(&key).expect("it was written").kept = true;
                }
                let known = |id| self.conversations.contains(id);
                if let Action::ChangeKeys { change, .. } = action {
                    self.figures.count(words::change(*change));
                }
                match answer {
                    Answer::Conversation(id) if !known(&id) => {
                        Err("a conversation that the server does not know".into())
                    }
                    Answer::Link(link) => {
                        self.links.push(link);
                        Ok(())
                    }
                    _ => Ok(()),
                }
            }
            Outcome::Failed(failure) => {
                let said = format!("  {}: {failure:?}", self.browsers[at].name);
                self.words.say(said);
                let expects = self.browsers[at].expects;
                let expected = match failure {
                    Failure::IdentityChanged(..) => expects.resets,
                    Failure::KeyMissing => expects.missing_keys,
                    Failure::Server(_) => expects.rollback,
                    _ => is_honest(&failure),
                };
                if expected {
                    return Ok(());
                }
                let doing = self.words.input(input);
                Err(format!("{} {doing}: {failure:?}", self.browsers[at].name))
            }
        }
    }

    /// Ids of conversations are random, but order what clients do. So that a seed replays, each conversation has its
    /// place, and one that falls elsewhere is not begun: its author tries again at once.
    fn is_in_place(&self, request: &AnyRequest) -> bool {
        let AnyRequest::CreateConversation(request) = request else {
            return true;
        };
        let Ok(create) = Entry::parse(&request.create) else {
            return true;
        };
        let place = self.conversations.len().min(MOST_CONVERSATIONS - 1);
        usize::from(create.hash().0[0]) * MOST_CONVERSATIONS / 256 == place
    }
}

/// In every text and title, to be looked for where no plaintext may be.
pub const CANARY: &str = "canary-kestrel";

/// Whether a text or a title can be read in this.
pub fn holds_text(bytes: &[u8]) -> bool {
    let mut windows = bytes.windows(CANARY.len());
    windows.any(|window| window == CANARY.as_bytes())
}

/// More requests than any schedule needs by far: clients that ask for ever do not come to rest.
const MOST_REQUESTS: usize = 5_000;

/// How beginning a conversation anew went on.
enum Begun {
    /// This request would put it in its place.
    InPlace(Vec<u8>, AnyRequest),
    /// The client is done without it.
    Ended(Finished),
}

/// Most conversations of one schedule.
pub const MOST_CONVERSATIONS: usize = 3;

/// What may honestly go wrong with a command.
fn is_honest(failure: &Failure) -> bool {
    matches!(
        failure,
        Failure::Offline
            | Failure::NotAllowed
            | Failure::AlreadyMember(_)
            | Failure::NobodyToInvite
            | Failure::WrongState
            | Failure::Outdated
            | Failure::BadLink
    )
}
