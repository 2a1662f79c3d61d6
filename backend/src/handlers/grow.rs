//! A log that grows within one transaction, and whom to tell of it once that is on disk.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use secure_chat_shared::codec::{self, Bytes};
use secure_chat_shared::ids::{ConversationId, Timestamp, UserId};
use secure_chat_shared::log::tree::Frontier;
use secure_chat_shared::log::{Act, Change, Entry, Judged, LogState, Refusal};
use secure_chat_shared::protocol::{
    Append, Appended, EntryAt, Event, Presence, Request, RequestError, ServerFrame, Stored,
};

use super::checks::{self, Parsed};
use super::presence;
use crate::app::App;
use crate::connection::Connection;
use crate::db::entities::entry;
use crate::db::queries::entries::{self, NewEntry};
use crate::db::queries::presence::{self as peers, Seen};
use crate::db::queries::readers;
use crate::db::{Failure, Head, Stage, Tx, Work};
use crate::hub;
use crate::managed::{Announced, Signer};
use crate::numbers::now;

/// What a transaction came to.
pub struct Committed {
    /// The encoded reply.
    reply: Vec<u8>,
    news: Option<News>,
}

impl Committed {
    /// Nothing new: the same answer as before.
    pub fn again<R: Request>(reply: &R::Reply) -> Self {
        Self {
            reply: codec::encode(reply),
            news: None,
        }
    }
}

/// Runs the work; once it is on disk, tells the readers and queues the reply, in commit order. The reply comes before
/// what the server itself appended.
pub async fn commit(c: &Connection, id: u32, work: impl Work<Committed>) -> Result<(), Failure> {
    let tell = teller(c, id);
    c.app.database.write(work, tell).await.map(|_| ())
}

/// The same for what may be a row and nothing else.
pub async fn commit_row(
    c: &Connection,
    id: u32,
    stage: impl Stage<Committed>,
    work: impl Work<Committed>,
) -> Result<(), Failure> {
    let tell = teller(c, id);
    c.app
        .database
        .write_row(stage, work, tell)
        .await
        .map(|_| ())
}

fn teller(c: &Connection, id: u32) -> impl FnOnce(&Committed) + Send + use<> {
    let app = Arc::clone(&c.app);
    let outgoing = c.outgoing.clone();
    move |committed: &Committed| {
        let news = committed.news.as_ref();
        let told = || news.iter().flat_map(|news| &news.told);
        for told in told().filter(|told| told.by_asker) {
            app.hub
                .send(&told.recipients, Some(outgoing.id()), &told.frame);
        }
        if let Some(news) = news {
            introduce(&app, news);
        }
        let body = committed.reply.clone().into();
        outgoing.send(hub::frame(&ServerFrame::Reply { id, body }));
        for told in told().filter(|told| !told.by_asker) {
            app.hub.send(&told.recipients, None, &told.frame);
        }
    }
}

/// Whom to tell of what.
#[derive(Default)]
struct News {
    told: Vec<Told>,
    /// Who may read now and could not before; with everybody's presence, as they may never have shared anything.
    joined: Vec<UserId>,
    readers: Vec<Seen>,
}

/// An entry that readers hear of.
struct Told {
    /// Readers before and after.
    recipients: Vec<UserId>,
    frame: bytes::Bytes,
    /// Whoever asked has it, and its place is in the reply.
    by_asker: bool,
}

/// People who newly share a conversation learn of each other's presence.
fn introduce(app: &App, news: &News) {
    if news.joined.is_empty() {
        return;
    }
    let readers: Vec<UserId> = news.readers.iter().map(|seen| seen.user).collect();
    let joined: HashSet<&UserId> = news.joined.iter().collect();
    for seen in &news.readers {
        let presence: Presence = presence::of(app, seen);
        let frame = hub::event(Event::Presence(presence));
        // Those who were there before know each other already.
        let others = if joined.contains(&seen.user) {
            &readers
        } else {
            &news.joined
        };
        let others = others.iter().filter(|other| **other != seen.user);
        app.hub.send(others, None, &frame);
    }
}

/// A log within a transaction.
pub struct Growing<'a> {
    tx: &'a Tx<'a>,
    id: ConversationId,
    head: Head,
    /// Of all that is appended.
    time: Timestamp,
    changed: bool,
    news: News,
}

impl<'a> Growing<'a> {
    /// A log as it is.
    pub fn from(tx: &'a Tx<'a>, head: Head) -> Self {
        Self {
            tx,
            id: head.state.conversation,
            head,
            time: now(),
            changed: false,
            news: News::default(),
        }
    }

    /// A new log, and its entry 0; of which nobody is told, as the next entry follows at once.
    pub async fn begin(tx: &'a Tx<'a>, first: LogState, create: &Parsed) -> Result<Self, Failure> {
        let creator: Vec<UserId> = first.people.keys().copied().collect();
        let head = Head::new(Frontier::default(), Arc::new(first));
        let mut growing = Self::from(tx, head);
        entries::begin(
            tx.connection(),
            &growing.id,
            &growing.head.state,
            growing.time,
        )
        .await?;
        let number = growing.insert(create).await?;
        let change = Change {
            joined: creator.clone(),
            ..Change::default()
        };
        growing.note_readers(&change, &create.entry, number).await?;
        growing.news.joined = creator;
        growing.changed = true;
        Ok(growing)
    }

    /// Number of entries.
    pub fn size(&self) -> u64 {
        self.head.frontier().size()
    }

    /// When.
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// Judges what would be the next entry, and compares its view with the log's roots.
    pub async fn judge(&self, entry: &Entry) -> Result<Judged, Failure> {
        let judged = self
            .head
            .state
            .judge(entry, self.size())
            .map_err(RequestError::from)?;
        let view = entry.view();
        let root = match self.head.root(view.size) {
            Some(root) => Some(root),
            None => entries::root(self.tx.connection(), &self.id, view.size).await?,
        };
        if root != Some(view.root) {
            return Err(RequestError::from(Refusal::FalseView).into());
        }
        Ok(judged)
    }

    /// Checks the wraps against what the entry commits to, and keeps them.
    pub async fn keep_wraps(
        &self,
        judged: &Judged,
        entry: &Entry,
        wraps: Vec<Bytes>,
    ) -> Result<(), Failure> {
        checks::keep_wraps(self.tx, judged.next_state(&self.head.state), entry, wraps).await
    }

    /// Appends an entry that was judged valid, and whose claims hold. Its number.
    pub async fn append(&mut self, parsed: &Parsed, judged: Judged) -> Result<u64, Failure> {
        self.append_by(parsed, judged, true).await
    }

    async fn append_by(
        &mut self,
        parsed: &Parsed,
        judged: Judged,
        by_asker: bool,
    ) -> Result<u64, Failure> {
        let number = self.insert(parsed).await?;
        let mut recipients: BTreeSet<UserId> = self.head.state.people.keys().copied().collect();
        if !matches!(parsed.entry, Entry::Message(_)) {
            let change = Arc::make_mut(&mut self.head.state).apply(judged);
            self.note_readers(&change, &parsed.entry, number).await?;
            recipients.extend(self.head.state.people.keys());
            self.news.joined.extend(change.joined);
            self.changed = true;
        }
        self.tell(recipients.into_iter().collect(), number, parsed, by_asker);
        Ok(number)
    }

    /// The row that a valid message is, and what it comes to, as far as that can be said from memory.
    pub fn stage(mut self, parsed: &Parsed) -> Option<(entry::ActiveModel, Committed)> {
        self.head.state.judge(&parsed.entry, self.size()).ok()?;
        let view = parsed.entry.view();
        if self.head.root(view.size)? != view.root {
            return None;
        }
        let new = self.place(parsed);
        let (number, time) = (new.number, self.time);
        let row = entries::row(&self.id, new);
        let recipients = self.head.state.people.keys().copied().collect();
        self.tell(recipients, number, parsed, true);
        Some((row, self.grown::<Append>(&Appended { number, time })))
    }

    fn tell(&mut self, recipients: Vec<UserId>, number: u64, parsed: &Parsed, by_asker: bool) {
        let frame = self.event(number, parsed);
        self.news.told.push(Told {
            recipients,
            frame,
            by_asker,
        });
    }

    /// Whether somebody is in, as the log is now.
    pub fn has_reader(&self, user: &UserId) -> bool {
        self.head.state.people.contains_key(user)
    }

    /// Where the log waits for the server's announcement, appends it: `ready` if that fits, else one made now.
    pub async fn answer(
        &mut self,
        signer: Option<Arc<Signer>>,
        ready: Option<Announced>,
    ) -> Result<(), Failure> {
        if !self.head.state.awaits_server {
            return Ok(());
        }
        let view = self.head.frontier().view();
        let announced = match ready.filter(|ready| ready.fits(&self.head.state, view)) {
            Some(ready) => ready,
            None => {
                let signer = signer.ok_or_else(|| failed("the signing key is missing"))?;
                let state = Arc::clone(&self.head.state);
                tokio::task::spawn_blocking(move || signer.announce(&state, view))
                    .await
                    .map_err(failed)?
                    .map_err(failed)?
            }
        };
        let entry = Entry::parse(&announced.bytes).map_err(failed)?;
        let bytes = announced.bytes;
        let parsed = Parsed { entry, bytes };
        let judged = self.judge(&parsed.entry).await.map_err(failed)?;
        checks::verify(judged.claims(), &[]).map_err(failed)?;
        self.keep_wraps(&judged, &parsed.entry, announced.wraps)
            .await
            .map_err(failed)?;
        self.append_by(&parsed, judged, false).await?;
        Ok(())
    }

    /// Keeps the state that the log has come to.
    pub async fn finish<R: Request>(mut self, reply: &R::Reply) -> Result<Committed, Failure> {
        let db = self.tx.connection();
        if self.changed {
            entries::set_state(db, &self.id, &self.head.state).await?;
        }
        if !self.news.joined.is_empty() {
            self.news.readers = peers::readers(db, &self.id.0).await?;
        }
        Ok(self.grown::<R>(reply))
    }

    /// Hands the log on as it is now.
    fn grown<R: Request>(self, reply: &R::Reply) -> Committed {
        self.tx.set_head(self.id, self.head);
        Committed {
            reply: codec::encode(reply),
            news: Some(self.news),
        }
    }

    /// Writes the entry in its place and returns its number.
    async fn insert(&mut self, parsed: &Parsed) -> Result<u64, Failure> {
        let new = self.place(parsed);
        let number = new.number;
        entries::insert(self.tx.connection(), &self.id, new).await?;
        Ok(number)
    }

    /// Gives the entry its place.
    fn place(&mut self, parsed: &Parsed) -> NewEntry {
        let number = self.size();
        let leaf = parsed.entry.hash();
        let nodes = self.head.append(leaf);
        let (message, is_state) = match &parsed.entry {
            Entry::Message(message) => (Some(message.header.id), false),
            Entry::State(_) | Entry::Server(_) => (None, true),
        };
        NewEntry {
            number,
            bytes: parsed.bytes.to_vec(),
            leaf,
            root: self.head.newest_root(),
            nodes,
            time: self.time,
            is_state,
            sender: parsed.entry.sender(),
            message,
        }
    }

    async fn note_readers(
        &self,
        change: &Change,
        entry: &Entry,
        number: u64,
    ) -> Result<(), Failure> {
        let db = self.tx.connection();
        if !change.joined.is_empty() {
            readers::let_in(db, &self.id, &change.joined, number).await?;
        }
        if !change.dropped.is_empty() {
            readers::let_go(db, &self.id, &change.dropped, number).await?;
        }
        if let Entry::State(state) = entry
            && matches!(state.header.act, Act::Accept(_))
        {
            readers::accept(db, &self.id, &state.header.sender).await?;
        }
        Ok(())
    }

    fn event(&self, number: u64, parsed: &Parsed) -> bytes::Bytes {
        let entry = EntryAt {
            number,
            time: self.time,
            entry: Stored::Whole(parsed.bytes.clone()),
        };
        hub::event(Event::Entry {
            conversation: self.id,
            entry,
        })
    }
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::Server(format!("the server's announcement: {error}"))
}
