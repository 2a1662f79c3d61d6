//! What is shown of a message: its key, its seal, its signature; now, or once its key has come.

use futures::future::join;

use super::Client;
use super::api::{
    Deed, InvalidRow, LastLine, Message, MessageState, Proof, Reason, Row, RowBody, RowKey,
};
use super::platform::{Keys, Platform, Store, Table, Write};
use super::records::{self, EntryRecord};
use super::room::Room;
use super::take::last_line;
use super::trouble::Trouble;
use super::{damaged, decode_stored};
use crate::codec::{self, Bytes};
use crate::crypto::epoch::{EpochContext, EpochKey, open_title};
use crate::crypto::identity::SignedIdentity;
use crate::crypto::message::{self, Content, Inner};
use crate::crypto::signing::{Algorithm, Claim};
use crate::ids::{ConversationId, Epoch, IdentityHash};
use crate::log::state::TitleRecord;
use crate::log::{Act, Entry, LogState, MessageEntry, StateEntry};
use crate::protocol::{EntryAt, Stored};

/// Records read together.
const TOGETHER: usize = 200;
/// Signatures verified together where each takes milliseconds: no page waits for more.
const SLOW_TOGETHER: usize = 24;

/// What is shown of an entry.
pub(super) struct Shown {
    /// Its row; none for what one may not read, or what came before.
    pub(super) body: Option<RowBody>,
    /// The epoch whose key would show more.
    pub(super) waits_for: Option<Epoch>,
}

/// A message's text and what proves it, or why it is not shown.
pub(super) type Opened = Result<(String, Proof), Reason>;

impl Shown {
    /// A row that will not change.
    pub(super) fn row(body: RowBody) -> Self {
        Self {
            body: Some(body),
            waits_for: None,
        }
    }
}

impl<P: Platform> Client<P> {
    /// What is shown of a valid message by somebody with this identity.
    pub(super) async fn message_row(
        &mut self,
        room: &mut Room,
        entry: &MessageEntry,
        author: &SignedIdentity,
    ) -> Result<Shown, Trouble> {
        let header = &entry.header;
        let me = self.me()?.user;
        let waits_for = Some(header.epoch);
        let (id, is_mine) = (room.id(), header.sender == me);
        if !room.state.may_read(&me, header.epoch) {
            if is_mine {
                self.sent_is_in_the_log(&id, &header.id);
            }
            // Said before one was invited: part of the log, but not of what one may read.
            let body = None;
            return Ok(Shown { body, waits_for });
        }
        let author_name = name_of(author);
        let seen_key = records::message_key(&id, &header.sender, &header.id);
        // What waits to be sent was not seen in the log yet: it would wait no more.
        let is_first = is_mine && self.place_of(&id, &header.id).is_some();
        let seen = match is_first {
            true => None,
            false => self.read(Table::Entries, &seen_key).await?,
        };
        if let Some(seen) = seen {
            // The same bytes again are part of the log, shown once.
            let is_same = seen[..] == entry.hash.0[..];
            let body = (!is_same).then(|| invalid(author_name, Reason::Conflict));
            let waits_for = None;
            return Ok(Shown { body, waits_for });
        }
        let Some(key) = self.epoch_key(room, header.epoch).await? else {
            let body = Some(invalid(author_name, Reason::NoKey));
            return Ok(Shown { body, waits_for });
        };
        let opened = self.open_message(entry, &key, author).await?;
        if opened.is_ok() {
            // What came back altered is not what was sent, which still waits.
            if is_mine {
                self.sent_is_in_the_log(&id, &header.id);
            }
            self.batch.push(Write {
                table: Table::Entries,
                key: seen_key,
                value: Some(entry.hash.0.to_vec()),
            });
        }
        Ok(Shown::row(row_of(entry, author, is_mine, opened)))
    }

    /// Opens a title; `None` where its key is missing, or it does not open under it.
    pub(super) async fn title_text(
        &mut self,
        room: &mut Room,
        title: &TitleRecord,
    ) -> Result<Option<String>, Trouble> {
        let Some(key) = self.epoch_key(room, title.epoch).await? else {
            return Ok(None);
        };
        let context = EpochContext {
            conversation: room.id(),
            epoch: title.epoch,
            view: title.view,
        };
        Ok(open_title(&key, &context, &title.sealed).ok())
    }

    /// Puts the text into the row of a new title.
    pub(super) async fn open_renamed(
        &mut self,
        room: &mut Room,
        entry: &StateEntry,
        shown: &mut Shown,
    ) -> Result<(), Trouble> {
        let Act::Rename(rename) = &entry.header.act else {
            return Ok(());
        };
        if self.epoch_key(room, rename.epoch).await?.is_none() {
            shown.waits_for = Some(rename.epoch);
            return Ok(());
        }
        let title = TitleRecord {
            epoch: rename.epoch,
            view: entry.header.view,
            sealed: rename.title.clone(),
        };
        if let Some(text) = self.title_text(room, &title).await?
            && let Some(RowBody::Happened(happened)) = &mut shown.body
        {
            happened.what = Deed::Renamed(text);
        }
        Ok(())
    }

    /// Opens what waits for an epoch's key, and shows it. Written page by page.
    pub(super) async fn open_waiting(
        &mut self,
        room: &mut Room,
        epoch: Epoch,
    ) -> Result<(), Trouble> {
        let id = room.id();
        let Some(announced) = room.state.epoch_record(epoch) else {
            return Ok(());
        };
        let next = room.state.epoch_record(epoch.next());
        let end = next.map_or(room.record.frontier.size(), |next| next.number);
        let prefix = records::entry_prefix(&id);
        let mut after = announced.number;
        let mut any = false;
        loop {
            let key = records::entry_key(&id, after);
            let store = self.platform.store();
            let page = store
                .scan(Table::Entries, &prefix, Some(&key), false, TOGETHER)
                .await?;
            let mut rows = Vec::new();
            for (key, bytes) in &page {
                after = records::entry_number(key).ok_or_else(damaged)?;
                if after >= end {
                    break;
                }
                let record: EntryRecord = decode_stored(bytes)?;
                if record.waits_for == Some(epoch)
                    && let Some(record) = self.opened_late(room, after, record).await?
                {
                    self.write_entry(&id, after, &record);
                    rows.extend(record.row);
                }
            }
            let write = room.put_record();
            self.batch.push(write);
            self.flush().await?;
            any |= !rows.is_empty();
            self.show_rows(id, rows);
            if page.len() < TOGETHER || after >= end {
                break;
            }
            self.platform.pause().await;
        }
        if any {
            room.record.last = self.find_last_line(id).await?;
        }
        Ok(())
    }

    /// The newest message, for the list.
    pub(super) async fn find_last_line(
        &self,
        id: ConversationId,
    ) -> Result<Option<LastLine>, Trouble> {
        let prefix = records::entry_prefix(&id);
        let mut before: Option<Vec<u8>> = None;
        loop {
            let store = self.platform.store();
            let page = store
                .scan(Table::Entries, &prefix, before.as_deref(), true, TOGETHER)
                .await?;
            for (_, bytes) in &page {
                let row = records::decode_row(bytes).map_err(|_| damaged())?;
                let row = row.filter(|row| !self.is_by_blocked(row));
                if let Some(Row {
                    time,
                    body: RowBody::Message(message),
                    ..
                }) = row
                {
                    return Ok(Some(last_line(&message, time)));
                }
            }
            match page.last() {
                Some((last, _)) if page.len() == TOGETHER => before = Some(last.clone()),
                _ => return Ok(None),
            }
        }
    }

    /// An identity that is or was in force in a conversation.
    pub(super) async fn identity_in(
        &self,
        state: &LogState,
        hash: &IdentityHash,
    ) -> Result<Option<SignedIdentity>, Trouble> {
        let mut people = state.people.values();
        if let Some(person) = people.find(|person| person.identity.hash() == *hash) {
            return Ok(Some(person.identity.clone()));
        }
        let key = records::identity_key(&state.conversation, hash);
        let stored = self.read(Table::Entries, &key).await?;
        stored.map(|bytes| decode_stored(&bytes)).transpose()
    }

    /// An entry that waited, as it is shown now; `None` if nothing more can be shown.
    async fn opened_late(
        &mut self,
        room: &mut Room,
        number: u64,
        mut record: EntryRecord,
    ) -> Result<Option<EntryRecord>, Trouble> {
        let key = records::entry_key(&room.id(), number);
        let bytes = self.read(Table::Log, &key).await?.ok_or_else(damaged)?;
        let shown = match Entry::parse(&bytes).map_err(|_| damaged())? {
            Entry::Message(message) => {
                let identity = message.header.identity;
                let Some(author) = self.identity_in(&room.state, &identity).await? else {
                    return Ok(None);
                };
                self.message_row(room, &message, &author).await?
            }
            Entry::State(state) => {
                let mut shown = Shown {
                    body: record.row.clone().map(|row| row.body),
                    waits_for: None,
                };
                self.open_renamed(room, &state, &mut shown).await?;
                shown
            }
            Entry::Server(_) => return Ok(None),
        };
        if shown.waits_for.is_some() {
            return Ok(None);
        }
        record.waits_for = None;
        let Some(body) = shown.body else {
            return Ok(Some(record));
        };
        let (time, key) = (record.time, RowKey::Number(number));
        let row = Row { key, time, body };
        // What was shared is no news.
        let was_marked = record.row.is_some();
        if was_marked && self.is_news(&row) && number > room.record.read {
            room.record.unread += 1;
        }
        record.row = Some(row);
        Ok(Some(record))
    }

    /// Opens a message and verifies its signature, unless that was done ahead.
    pub(super) async fn open_message(
        &mut self,
        entry: &MessageEntry,
        key: &EpochKey,
        author: &SignedIdentity,
    ) -> Result<Opened, Trouble> {
        let inner = match self.opened_ahead.remove(&(entry.hash, author.hash())) {
            Some(inner) => inner,
            None => {
                let (inner, claim) = match unsealed(entry, key, author) {
                    Ok(opened) => opened,
                    Err(reason) => return Ok(Err(reason)),
                };
                if !self.all_hold(&[claim]).await? {
                    return Ok(Err(Reason::Signature));
                }
                inner
            }
        };
        let Content::Text { text } = inner.content else {
            return Ok(Err(Reason::Malformed));
        };
        let proof = Proof {
            algorithm: inner.algorithm,
            fingerprint: author.hash().to_string(),
            epoch: entry.header.epoch,
            claimed: inner.time,
        };
        Ok(Ok((text, proof)))
    }

    /// Verifies the signatures of the messages that begin `entries`, and looks up whether their names were seen before, all
    /// at once: each waits for the platform alone otherwise. Returns how many entries need not be looked at again: up to
    /// the next that may change what is readable, and by whom, or as many as a page can wait for. What cannot be opened
    /// yet, or turns out to be somebody else's, is left to [`Client::take`].
    pub(super) async fn verify_ahead(
        &mut self,
        room: &mut Room,
        entries: &[EntryAt],
    ) -> Result<usize, Trouble> {
        let me = self.me()?.user;
        let (mut claims, mut names, mut opened, mut count) = (vec![], vec![], vec![], 0);
        let mut slow = 0;
        for at in entries {
            if slow == SLOW_TOGETHER {
                break;
            }
            count += 1;
            let Stored::Whole(bytes) = &at.entry else {
                continue;
            };
            let message = match Entry::parse(bytes) {
                Ok(Entry::Message(message)) => message,
                Ok(Entry::State(_) | Entry::Server(_)) => break,
                Err(_) => continue,
            };
            let header = &message.header;
            let author = room.state.people.get(&header.sender);
            let author = author.map(|person| person.identity.clone());
            let is_known = room.state.epoch_record(header.epoch).is_some();
            if let Some(author) = author.filter(|author| author.hash() == header.identity)
                && is_known
                && room.state.may_read(&me, header.epoch)
                && let Some(key) = self.epoch_key(room, header.epoch).await?
                && let Ok((inner, claim)) = unsealed(&message, &key, &author)
            {
                slow += usize::from(claim.algorithm == Algorithm::Dsa);
                claims.push(claim);
                names.push(records::message_key(&room.id(), &header.sender, &header.id));
                opened.push(((message.hash, author.hash()), inner));
            }
        }
        // What is verified faster than remembered is not remembered.
        let verifying = async {
            match slow {
                0 => Ok(self.platform.keys().verify(&claims).await?),
                _ => self.hold(&claims).await,
            }
        };
        let (seen, verified) = join(self.read_many(Table::Entries, names), verifying).await;
        self.looked_up.extend(seen?);
        let good = opened.into_iter().zip(verified?);
        let good = good.filter(|(_, holds)| *holds);
        self.opened_ahead.extend(good.map(|(opened, _)| opened));
        if slow == SLOW_TOGETHER {
            self.platform.pause().await;
        }
        Ok(count)
    }
}

/// The row of a message.
pub(super) fn row_of(
    entry: &MessageEntry,
    author: &SignedIdentity,
    own: bool,
    opened: Opened,
) -> RowBody {
    match opened {
        Ok((text, proof)) => RowBody::Message(Message {
            id: entry.header.id,
            author: entry.header.sender,
            author_name: name_of(author),
            own,
            text,
            state: MessageState::Sent,
            proof: Some(proof),
        }),
        Err(reason) => invalid(name_of(author), reason),
    }
}

/// What is inside a seal, and the claim that it makes; nothing of it is verified.
fn unsealed(
    entry: &MessageEntry,
    key: &EpochKey,
    author: &SignedIdentity,
) -> Result<(Inner, Claim), Reason> {
    let header = &entry.header;
    let opened = message::open(key, &header.salt.0, &entry.header_bytes, &entry.sealed)
        .map_err(|_| Reason::Seal)?;
    let inner: Inner = codec::decode(&opened.inner).map_err(|_| Reason::Malformed)?;
    let (algorithm, spki) = author.identity().signing_key();
    if inner.algorithm != algorithm {
        return Err(Reason::Signature);
    }
    let claim = Claim {
        algorithm,
        spki: Bytes::clone(spki),
        message: message::signing_payload(&entry.header_bytes, &opened.inner),
        signature: opened.signature,
    };
    Ok((inner, claim))
}

/// A marked row.
pub(super) fn invalid(author: String, reason: Reason) -> RowBody {
    RowBody::Invalid(InvalidRow { author, reason })
}

pub(super) fn name_of(identity: &SignedIdentity) -> String {
    identity.identity().name.to_string()
}
