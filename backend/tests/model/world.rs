//! Everybody's browsers around one server, moved one request at a time.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;

use secure_chat_shared::client::api::{Action, Answer, Failure, Outcome};
use secure_chat_shared::client::platform::{CallError, Socket};
use secure_chat_shared::codec::{self, Bytes};
use secure_chat_shared::ids::{ConversationId, MessageId, Timestamp, UserId};
use secure_chat_shared::log::{Act, Entry};
use secure_chat_shared::protocol::{self as p, AnyRequest, ErrorCode, Event, PublishIdentity};

use crate::browser::{Browser, Finished, Input, PATIENCE, Signal};
use crate::device::{Asked, Clock};
use crate::figures::Figures;
use crate::reference::Logs;
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
    /// Size of the log when it was written.
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
    words: Words,
    pub figures: Figures,
    address: SocketAddr,
    /// When each entry was taken, by the schedule's clock.
    times: BTreeMap<(ConversationId, u64), Timestamp>,
}

impl World {
    /// Around a server that serves at `address` and whose logs these are.
    pub fn new(
        browsers: Vec<Browser>,
        logs: Logs,
        clock: Clock,
        address: SocketAddr,
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
            address,
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
            let size = self.logs.get(conversation).size();
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
            self.figures.races += 1;
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
        self.browsers[at].connect(self.address).await;
    }

    /// The network is gone.
    pub async fn cut(&mut self, at: usize) {
        self.words
            .say(format!("{} loses the connection", self.browsers[at].name));
        self.figures.cuts += 1;
        self.browsers[at].cut().await;
    }

    /// Lets the request of a busy browser fare so, and the browser work on.
    pub async fn grant(&mut self, at: usize, fate: Fate) -> Result<(), Wrong> {
        let Asked { op, body } = self.browsers[at].gate.take();
        let request = AnyRequest::decode(op, &body)
            .and_then(Result::ok)
            .ok_or("the client sends nonsense")?;
        let asked = format!("  {}: {}", self.browsers[at].name, words::request(&request));
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
        let (body, request) = if self.is_in_place(&request) {
            (body, request)
        } else {
            self.begin_in_place(at).await?
        };
        let calling = self.browsers[at].socket.call(op, body);
        let result = tokio::time::timeout(PATIENCE, calling)
            .await
            .map_err(|_| format!("no answer to {}", request.name()))?;
        self.words
            .say(format!("{asked}{}", words::result(&request, &result)));
        let result = match result {
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

    /// Lets a browser work until it waits for an answer or is done.
    fn proceed(&mut self, at: usize) -> Result<(), Wrong> {
        let finished = self.browsers[at].proceed();
        if let Some(alarm) = self.browsers[at].alarm() {
            return Err(format!("{}: {alarm}", self.browsers[at].name));
        }
        let Some(Finished { input, outcome }) = finished else {
            return Ok(());
        };
        match outcome {
            Some(outcome) => self.has_answered(at, &input, outcome),
            None => Ok(()),
        }
    }

    /// Has a browser begin a conversation again and again, until it would be in its place.
    async fn begin_in_place(&mut self, at: usize) -> Result<(Vec<u8>, AnyRequest), Wrong> {
        let browser = &mut self.browsers[at];
        // The request that was taken, and any other that falls elsewhere.
        browser.gate.answer(Err(CallError::Disconnected));
        loop {
            while let Some(Finished { input, .. }) = self.browsers[at].proceed() {
                self.browsers[at].begin(input);
            }
            let Asked { op, body } = self.browsers[at].gate.take();
            let request = AnyRequest::decode(op, &body).and_then(Result::ok);
            let request = request.ok_or("the client sends nonsense")?;
            let result = match request {
                AnyRequest::CreateConversation(_) if self.is_in_place(&request) => {
                    return Ok((body, request));
                }
                AnyRequest::CreateConversation(_) => Err(CallError::Disconnected),
                _ => self.browsers[at].socket.call(op, body).await,
            };
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
                if matches!(&answer, Answer::Conversation(id) if !known(id)) {
                    return Err("a conversation that the server does not know".into());
                }
                Ok(())
            }
            Outcome::Failed(failure) => {
                let said = format!("  {}: {failure:?}", self.browsers[at].name);
                self.words.say(said);
                if is_honest(&failure) {
                    return Ok(());
                }
                let doing = self.words.input(input);
                Err(format!("{} {doing}: {failure:?}", self.browsers[at].name))
            }
        }
    }

    /// The server has taken something: what it tells others of it has to arrive before anything else happens.
    async fn has_acted(
        &mut self,
        at: usize,
        request: &AnyRequest,
        reply: &Bytes,
    ) -> Result<(), Wrong> {
        match request {
            AnyRequest::Resume(_) | AnyRequest::LoginFinish(_) | AnyRequest::RegisterFinish(_) => {
                self.browsers[at].attached = true;
            }
            AnyRequest::CreateConversation(request) => {
                let create = Entry::parse(&request.create).map_err(|error| error.to_string())?;
                let id = ConversationId::from(create.hash());
                self.conversations.push(id);
                self.words.name_conversation(id);
                if let Some(Input::Command(Action::CreateConversation { title, .. })) =
                    self.browsers[at].doing()
                {
                    self.titles.insert((id, 1), title.trim().into());
                }
                self.tell(at, id).await?;
            }
            AnyRequest::Append(request) => {
                let appended: p::Appended =
                    codec::decode(reply).map_err(|error| error.to_string())?;
                let (id, number) = (request.conversation, appended.number);
                let renames = |entry: &Entry| matches!(entry, Entry::State(state) if matches!(state.header.act, Act::Rename(_)));
                let entry = Entry::parse(&request.entry).map_err(|error| error.to_string())?;
                if renames(&entry)
                    && let Some(Input::Command(Action::Rename { title, .. })) =
                        self.browsers[at].doing()
                {
                    self.titles.insert((id, number), title.trim().into());
                }
                self.tell(at, id).await?;
            }
            AnyRequest::PublishIdentity(PublishIdentity { identity, .. }) => {
                let signed = secure_chat_shared::crypto::identity::SignedIdentity::parse(identity)
                    .map_err(|error| error.to_string())?;
                let user = self.browsers[at].user;
                for (other, browser) in self.browsers.iter_mut().enumerate() {
                    if other != at && browser.attached && browser.user == user {
                        browser
                            .is_told_of_version(signed.identity().version)
                            .await?;
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Reads what is new in a log, and waits until everybody concerned has been told.
    async fn tell(&mut self, at: usize, id: ConversationId) -> Result<(), Wrong> {
        let (from, to) = self.logs.read(id).await?;
        for number in from..to {
            self.times.insert((id, number), self.clock.now());
            let log = self.logs.get(&id);
            self.figures
                .took(&log.entries[usize::try_from(number).unwrap()]);
            if number == 0 {
                // Of the beginning the second entry tells.
                continue;
            }
            let (before, after) = (log.state_before(number), log.state_after(number));
            let sender = log.entries[usize::try_from(number).unwrap()].sender();
            for (other, browser) in self.browsers.iter_mut().enumerate() {
                let concerns = before.people.contains_key(&browser.user)
                    || after.people.contains_key(&browser.user);
                let own = other == at && sender == Some(browser.user);
                if concerns && browser.attached && !own {
                    browser.is_told(id, number).await?;
                }
            }
        }
        Ok(())
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

    fn time_of(&self, id: &ConversationId, number: u64) -> Timestamp {
        self.times
            .get(&(*id, number))
            .copied()
            .unwrap_or(self.clock.now())
    }

    fn retimed_event(&self, mut event: Box<Event>) -> Box<Event> {
        if let Event::Entry {
            conversation,
            entry,
        } = &mut *event
        {
            entry.time = self.time_of(conversation, entry.number);
        }
        event
    }

    /// The reply as a server would give it whose clock is the schedule's, and that leaves nothing to chance.
    fn retimed(&self, request: &AnyRequest, body: Bytes) -> Bytes {
        let appended = |id: &ConversationId| {
            let mut reply: p::Appended = codec::decode(&body).unwrap();
            reply.time = self.time_of(id, reply.number);
            Bytes(codec::encode(&reply))
        };
        match request {
            AnyRequest::Append(request) => appended(&request.conversation),
            AnyRequest::CreateConversation(_) => appended(self.conversations.last().unwrap()),
            AnyRequest::GetEntries(request) => {
                let mut reply: p::Entries = codec::decode(&body).unwrap();
                for at in &mut reply.entries {
                    at.time = self.time_of(&request.conversation, at.number);
                }
                Bytes(codec::encode(&reply))
            }
            AnyRequest::LookupNames(_) | AnyRequest::LookupUsers(_) => {
                // Nothing says in which order these come.
                let mut reply: p::FoundMany = codec::decode(&body).unwrap();
                reply.people.sort_by_key(|found| found.user);
                Bytes(codec::encode(&reply))
            }
            _ => body,
        }
    }
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
    )
}
