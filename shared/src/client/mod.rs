//! What a client does, sans-I/O, over the traits of [`platform`]; talks to the page in the terms of [`api`].
//!
//! [`Client`] lives on one thread and takes one input at a time: a command, an event of the server, a change of the
//! connection, a tick. Whatever it tells the page goes through the `emit` that it was made with.
//!
//! - [`api`]: commands and events; [`platform`]: what it runs on; [`password`]: which passwords are refused
//! - `dispatch`: which action is done where
//! - `account`: registration, login, session; `lock`: keys taken off the device and brought back; `secrets`: a new
//!   password, a new recovery code; `recover`: what the code does; `sessions`: who else is signed in; `leaving`: the end
//! - `passkeys`: what is asked for beside the password, or in its place
//! - `enter`: beginning to hold a conversation; `sync`: catching up
//! - `newest`: what a page waits for, while logs are read
//! - `take`: one entry, verified and kept; `open`: what is shown of a message; `alarms`: what stops a conversation
//! - `history`: what happened, in sentences; `heal`: keys that did not come; `sharing`: history from before somebody
//! - `export`: a conversation as a file
//! - `reupload`: what a restored server has lost; `rebuild`: what this device has lost
//! - `own_keys`: new versions of one's own identity
//! - `intent`, `draft`, `author`: state entries with their epochs; `people`: finding them; `outbox`: messages; `pins`: whose identity is whose
//! - `links`: invite links; `blocking`: whom the person does not want to hear from
//! - `present`: what the page is shown

mod account;
mod alarms;
pub mod api;
mod author;
mod blocking;
mod dispatch;
mod draft;
mod enter;
mod export;
mod heal;
mod history;
mod intent;
mod leaving;
mod links;
mod lock;
pub mod native;
mod newest;
mod open;
mod outbox;
mod own_keys;
mod passkeys;
pub mod password;
mod people;
mod pins;
pub mod platform;
mod present;
mod rebuild;
pub mod records;
mod recover;
mod reupload;
mod room;
mod secrets;
mod sessions;
mod sharing;
mod state_sync;
mod sync;
mod take;
mod trouble;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use futures::FutureExt;
use futures::future::{LocalBoxFuture, ready};

use self::api::{Answer, Command, Connection, Conversation, Event, Failure, Outcome, Session};
use self::heal::Moment;
use self::links::LinkAnswer;
use self::newest::Ahead;
use self::passkeys::PasskeyStep;
use self::platform::{Keys, Platform, Store, Table, Write};
use self::records::{AccountRecord, LockedRecord, OutgoingRecord, PinRecord};
use self::room::Room;
use self::state_sync::Synced;
use self::trouble::Trouble;
use crate::codec;
use crate::crypto::message::Inner;
use crate::crypto::signing::Claim;
use crate::ids::{ConversationId, EntryHash, IdentityHash, UserId};
use crate::protocol::{self, ConversationHead, FailedSignIns, PresenceStatus};

/// How many answered tickets are remembered, so that a command that comes twice is done once.
const ANSWERED: usize = 256;
/// How many verified claims are remembered: those of some thousand identities.
const HELD: usize = 8192;

/// One user's client on one device.
pub struct Client<P: Platform> {
    platform: P,
    emit: Box<dyn FnMut(Event)>,
    account: Option<AccountRecord>,
    /// Whose data lies here locked.
    locked: Option<LockedRecord>,
    /// Wrong passwords that the server tells of.
    failed: Option<FailedSignIns>,
    /// What waits while the person is with a passkey.
    passkey_step: Option<PasskeyStep>,
    session: Session,
    connection: Connection,
    /// A socket is there; `resumed` says whether it is signed in.
    connected: bool,
    resumed: bool,
    rooms: BTreeMap<ConversationId, Room>,
    pins: BTreeMap<UserId, PinRecord>,
    outbox: BTreeMap<u64, OutgoingRecord>,
    presence: BTreeMap<UserId, PresenceStatus>,
    /// Conversations that a page has opened: their rows are sent as they come.
    open: BTreeSet<ConversationId>,
    /// Those asked for that are not here, or not yet.
    awaited: BTreeSet<ConversationId>,
    /// Logs still to be read, in that order, the one that is being read among them.
    behind: Vec<ConversationHead>,
    /// What a page [wanted](Platform::wanted) when that was last looked after.
    attended: Option<ConversationId>,
    /// The newest entries of logs still to be read, as they are shown meanwhile.
    ahead: BTreeMap<ConversationId, Ahead>,
    /// Drafts of conversations that are to be entered again.
    drafts: BTreeMap<ConversationId, String>,
    answered: VecDeque<(u64, Outcome)>,
    synced: Synced,
    /// Digests of claims that were verified and hold.
    held: RefCell<HashSet<[u8; 32]>>,
    /// Answers to invite links that are not known here.
    unknown_answers: Vec<LinkAnswer>,
    /// Writes that belong together and have not been made yet.
    batch: Vec<Write>,
    /// What the store holds under keys that are about to be asked for, until something is written.
    looked_up: HashMap<(Table, Vec<u8>), Option<Vec<u8>>>,
    /// Messages about to be taken whose signatures hold, by entry and author, until something is written.
    opened_ahead: HashMap<(EntryHash, IdentityHash), Inner>,
    /// What is told once they are made: nothing is shown that this device does not hold.
    news: Vec<Event>,
    /// Whose pins they change.
    repinned: BTreeSet<UserId>,
    /// Writes of what a room's log said that may still be under way, while logs are read.
    unsettled: Option<Unsettled>,
}

impl<P: Platform> Client<P> {
    /// Whether there is a socket, signed in or not.
    pub fn is_connected(&self) -> bool {
        self.connected
    }

    /// A client that knows nothing yet: [`Client::start`] it.
    pub fn new(platform: P, emit: Box<dyn FnMut(Event)>) -> Self {
        Self {
            platform,
            emit,
            account: None,
            locked: None,
            failed: None,
            passkey_step: None,
            session: Session::Starting,
            connection: Connection::Connecting,
            connected: false,
            resumed: false,
            rooms: BTreeMap::new(),
            pins: BTreeMap::new(),
            outbox: BTreeMap::new(),
            presence: BTreeMap::new(),
            open: BTreeSet::new(),
            awaited: BTreeSet::new(),
            behind: Vec::new(),
            attended: None,
            ahead: BTreeMap::new(),
            drafts: BTreeMap::new(),
            answered: VecDeque::new(),
            synced: Synced::default(),
            held: RefCell::default(),
            unknown_answers: Vec::new(),
            batch: Vec::new(),
            looked_up: HashMap::new(),
            opened_ahead: HashMap::new(),
            news: Vec::new(),
            repinned: BTreeSet::new(),
            unsettled: None,
        }
    }

    /// What it runs on.
    pub fn platform(&self) -> &P {
        &self.platform
    }

    /// Loads what the device holds and says who is signed in.
    pub async fn start(&mut self) {
        match self.load().await {
            Ok(true) => self.set_session_from_account(),
            Ok(false) => self.set_session_without_account(false),
            Err(
                Trouble::Store(platform::StoreError::Damaged)
                | Trouble::Keys(platform::KeysError::DoesNotOpen),
            ) => {
                // What a damaged store held is on the server or in the vault.
                if matches!(self.salvage().await, Ok(true)) {
                    self.set_session_from_account();
                } else {
                    let _ = self.forget_everything().await;
                    (self.emit)(Event::Notice(api::Notice::StoreRebuilt));
                    self.set_session(Session::SignedOut { ended: false });
                }
            }
            Err(trouble) => {
                // It may work the next time: nothing is wiped, for messages may still wait in there.
                let text = match trouble {
                    Trouble::Store(error) => error.to_string(),
                    Trouble::Keys(error) => error.to_string(),
                    _ => "the stored data cannot be read".into(),
                };
                self.set_session(Session::Unsupported(text));
            }
        }
        self.show_everything();
    }

    /// Does what a person asks for and answers with [`Event::Done`].
    pub async fn command(&mut self, command: Command) {
        let known = self
            .answered
            .iter()
            .find(|(ticket, _)| *ticket == command.ticket);
        let result = match known {
            Some((_, outcome)) => outcome.clone(),
            None => {
                // Boxed, here and below: what waits for it need not hold room for the largest of all actions.
                let outcome = match Box::pin(self.act(command.action)).await {
                    Ok(answer) => Outcome::Ok(answer),
                    Err(trouble) => Outcome::Failed(trouble.into()),
                };
                // A file is too large to be remembered, and can be made again.
                if !matches!(outcome, Outcome::Ok(Answer::Exported { .. })) {
                    if self.answered.len() == ANSWERED {
                        self.answered.pop_front();
                    }
                    self.answered.push_back((command.ticket, outcome.clone()));
                }
                outcome
            }
        };
        (self.emit)(Event::Done {
            ticket: command.ticket,
            result,
        });
    }

    /// A socket is open: resumes the session and catches up.
    pub async fn connected(&mut self) {
        self.connected = true;
        self.resumed = false;
        if self.account.is_none() {
            self.set_connection(Connection::Online);
            return;
        }
        self.set_connection(Connection::CatchingUp);
        if let Err(trouble) = Box::pin(self.resume_and_catch_up()).await {
            self.after_sync_trouble(&trouble).await;
        }
    }

    /// The socket broke; the next attempt comes in so many milliseconds.
    pub fn disconnected(&mut self, retry_in_ms: Option<u32>) {
        self.connected = false;
        self.resumed = false;
        self.set_connection(match retry_in_ms {
            Some(in_ms) => Connection::Reconnecting { in_ms },
            None => Connection::Connecting,
        });
    }

    /// Whether the server sent something that asks for attention.
    pub async fn event(&mut self, event: protocol::Event) {
        if self.account.is_none() {
            return;
        }
        let result = match event {
            protocol::Event::Entry {
                conversation,
                entry,
            } => match Box::pin(self.on_entry(conversation, entry)).await {
                Ok(()) => self.check_unknown_answers().await,
                Err(trouble) => Err(trouble),
            },
            protocol::Event::Presence(presence) => {
                self.set_presence(presence);
                Ok(())
            }
            protocol::Event::SessionEnded => self.on_session_ended().await,
            protocol::Event::IdentityPublished(version) => self.on_published(version).await,
            protocol::Event::SignedInElsewhere { session } => {
                (self.emit)(Event::Notice(api::Notice::SignedInElsewhere {
                    browser: session.browser,
                    time: session.created,
                }));
                Ok(())
            }
            protocol::Event::FailedSignIns { failed } => {
                self.note_failed(Some(failed));
                Ok(())
            }
            protocol::Event::StateWritten { generation } => self.on_state_written(generation).await,
            protocol::Event::SecretsReplaced { secrets } => self.note_secrets(secrets).await,
        };
        if let Err(trouble) = result {
            self.after_sync_trouble(&trouble).await;
        }
    }

    /// Whether a socket is of use now.
    pub fn wants_connection(&self) -> bool {
        !matches!(self.session, Session::Unsupported(_))
    }

    /// Called every few seconds: what waits is tried again.
    pub async fn tick(&mut self) {
        if self.must_be_online().is_err() {
            return;
        }
        if self.renew_in_rooms().await.is_ok()
            && self.tend_all(Moment::Tick).await.is_ok()
            && self.flush_outbox().await.is_ok()
        {
            let _ = self.push_synced().await;
        }
    }

    /// Loads account, pins, rooms and outbox; `false` where nobody is signed in on this device.
    async fn load(&mut self) -> Result<bool, Trouble> {
        if let Some(clear) = self.platform.keys().locked().await? {
            self.locked = Some(decode_stored(&clear)?);
            return Ok(false);
        }
        let Some(user) = self.platform.keys().load().await? else {
            // Without its keys nothing is of use that may lie there.
            if self.read(Table::Meta, records::ACCOUNT).await?.is_some() {
                self.forget_everything().await?;
            }
            return Ok(false);
        };
        if !self.load_records(user).await? {
            self.forget_everything().await?;
            return Ok(false);
        }
        if self.me()?.token.is_empty() {
            // Closed in the middle of locking.
            self.finish_locking().await?;
            return Ok(false);
        }
        Ok(true)
    }

    /// Loads a user's records; `false` where there are none.
    async fn load_records(&mut self, user: UserId) -> Result<bool, Trouble> {
        let Some(bytes) = self.read(Table::Meta, records::ACCOUNT).await? else {
            return Ok(false);
        };
        let account: AccountRecord = decode_stored(&bytes)?;
        if account.user != user {
            return Ok(false);
        }
        self.account = Some(account);
        self.load_pins_and_outbox().await?;
        self.load_rooms().await?;
        self.load_synced().await?;
        Ok(true)
    }

    async fn load_pins_and_outbox(&mut self) -> Result<(), Trouble> {
        let mut pins = BTreeMap::new();
        for (key, bytes) in self.scan_all(Table::Pins).await? {
            let user = UserId::try_from(&key[..]).map_err(|_| damaged())?;
            pins.insert(user, decode_stored(&bytes)?);
        }
        let mut outbox = BTreeMap::new();
        for (key, bytes) in self.scan_all(Table::Outbox).await? {
            let place = u64::from_be_bytes(key[..].try_into().map_err(|_| damaged())?);
            outbox.insert(place, decode_stored(&bytes)?);
        }
        (self.pins, self.outbox) = (pins, outbox);
        Ok(())
    }

    async fn scan_all(&self, table: Table) -> Result<Vec<(Vec<u8>, Vec<u8>)>, Trouble> {
        Ok(self
            .platform
            .store()
            .scan(table, &[], None, false, usize::MAX)
            .await?)
    }

    /// Makes the writes that were gathered, all or nothing, and then tells what goes with them.
    async fn flush(&mut self) -> Result<(), Trouble> {
        if let Err(trouble) = self.settle().await {
            self.forget_batch();
            return Err(trouble);
        }
        let gathered = self.gathered();
        if !gathered.writes.is_empty() {
            self.platform.store().write(gathered.writes).await?;
        }
        self.tell(gathered.told);
        Ok(())
    }

    /// Begins to make the writes that were gathered from a room's log; those before are settled. Until these are
    /// [settled](Self::settle), memory runs ahead of the disk by them.
    fn begin_flush(&mut self, room: ConversationId) {
        let Gathered { writes, told } = self.gathered();
        let written = Box::pin(self.platform.store().begin(writes));
        let shown = self.rooms.get(&room);
        let shown = shown.and_then(|room| self.conversation(room));
        self.unsettled = Some(Unsettled {
            room,
            written,
            told,
            shown,
        });
    }

    /// Waits for writes that were [begun](Self::begin_flush), and tells what goes with them. If they fail, all that they
    /// would have changed is read again from the store.
    async fn settle(&mut self) -> Result<(), Trouble> {
        match self.unsettled.take() {
            // Boxed: it is awaited nearly everywhere, and seldom has anything to do.
            Some(unsettled) => Box::pin(self.settled(unsettled)).await,
            None => Ok(()),
        }
    }

    /// The same if it need not be waited for.
    async fn settle_if_written(&mut self) -> Result<(), Trouble> {
        let Some(unsettled) = &mut self.unsettled else {
            return Ok(());
        };
        if let Some(written) = (&mut unsettled.written).now_or_never() {
            unsettled.written = Box::pin(ready(written));
            return self.settle().await;
        }
        Ok(())
    }

    async fn settled(&mut self, unsettled: Unsettled) -> Result<(), Trouble> {
        let written = unsettled.written.await;
        match &written {
            Ok(()) => {
                self.tell(unsettled.told);
                let is_out = !self.rooms.contains_key(&unsettled.room);
                let is_shown = is_out && !self.ahead.contains_key(&unsettled.room);
                if let Some(conversation) = unsettled.shown.filter(|_| is_shown) {
                    (self.emit)(Event::Conversation(conversation));
                }
            }
            Err(_) => self.reload(unsettled.room).await?,
        }
        self.show_room(&unsettled.room);
        Ok(written?)
    }

    fn gathered(&mut self) -> Gathered {
        let unsaved = self.synced.take_unsaved();
        self.batch.extend(unsaved);
        self.looked_up.clear();
        self.opened_ahead.clear();
        Gathered {
            writes: std::mem::take(&mut self.batch),
            told: Told {
                news: std::mem::take(&mut self.news),
                repinned: std::mem::take(&mut self.repinned),
            },
        }
    }

    fn tell(&mut self, told: Told) {
        told.news.into_iter().for_each(|event| (self.emit)(event));
        self.show_rooms_with(&told.repinned);
    }

    /// Drops the writes that were gathered, with what goes with them.
    fn forget_batch(&mut self) {
        self.batch.clear();
        self.looked_up.clear();
        self.opened_ahead.clear();
        self.news.clear();
        self.repinned.clear();
    }

    /// Whether every claim holds. Those that did before are not verified again: the same identities come with every
    /// invitation, and messages that come together are verified together.
    async fn all_hold(&self, claims: &[Claim]) -> Result<bool, Trouble> {
        Ok(!self.hold(claims).await?.contains(&false))
    }

    /// Whether each claim holds, in order.
    async fn hold(&self, claims: &[Claim]) -> Result<Vec<bool>, Trouble> {
        let digests: Vec<[u8; 32]> = claims.iter().map(Claim::digest).collect();
        let known = {
            let held = self.held.borrow();
            let known = digests.iter().map(|digest| held.contains(digest));
            known.collect::<Vec<bool>>()
        };
        let unknown = claims.iter().zip(&known).filter(|(_, known)| !**known);
        let unknown: Vec<Claim> = unknown.map(|(claim, _)| claim.clone()).collect();
        if unknown.is_empty() {
            return Ok(known);
        }
        let verified = self.platform.keys().verify(&unknown).await?;
        let mut verified = verified.into_iter();
        let holds = known.into_iter();
        let holds = holds.map(|known| known || verified.next().unwrap_or(false));
        let holds: Vec<bool> = holds.collect();
        let mut held = self.held.borrow_mut();
        if held.len() + unknown.len() > HELD {
            held.clear();
        }
        let good = digests.iter().zip(&holds).filter(|(_, holds)| **holds);
        held.extend(good.map(|(digest, _)| *digest));
        Ok(holds)
    }

    /// The signed-in account.
    fn me(&self) -> Result<&AccountRecord, Trouble> {
        self.account
            .as_ref()
            .ok_or(Trouble::Tell(Failure::NotSignedIn))
    }

    /// Signed in on a socket.
    fn must_be_resumed(&self) -> Result<(), Trouble> {
        if self.resumed {
            Ok(())
        } else {
            Err(Trouble::Offline)
        }
    }

    /// Signed in on a socket, with one's newest keys.
    fn must_be_online(&self) -> Result<(), Trouble> {
        self.must_be_resumed()?;
        if self.me()?.is_outdated() {
            return Err(Failure::Outdated.into());
        }
        Ok(())
    }
}

/// Writes, and what is told once they are made.
struct Gathered {
    writes: Vec<Write>,
    told: Told,
}

struct Told {
    news: Vec<Event>,
    repinned: BTreeSet<UserId>,
}

/// Writes under way, of what a room's log said.
struct Unsettled {
    room: ConversationId,
    written: LocalBoxFuture<'static, Result<(), platform::StoreError>>,
    told: Told,
    /// The conversation as they leave it, to be shown where its room is out then, to take what comes next.
    shown: Option<Conversation>,
}

fn decode_stored<T: for<'b> minicbor::Decode<'b, ()>>(bytes: &[u8]) -> Result<T, Trouble> {
    codec::decode(bytes).map_err(|_| damaged())
}

fn damaged() -> Trouble {
    Trouble::Store(platform::StoreError::Damaged)
}
