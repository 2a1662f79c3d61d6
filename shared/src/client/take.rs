//! One entry of a log: compared with the tree, judged, verified, opened, kept, shown.
//!
//! Live entries and those caught up take this same path.

use super::Client;
use super::api::{
    Deed, Event, Happened, InvalidRow, LastLine, Message, MessageState, Proof, Reason, Row,
    RowBody, RowKey,
};
use super::platform::{Keys, Platform, Table};
use super::records::{self, EntryRecord};
use super::room::Room;
use super::trouble::Trouble;
use crate::codec::{self, Bytes};
use crate::crypto::epoch::{EpochKey, open_title};
use crate::crypto::identity::SignedIdentity;
use crate::crypto::message::{self, Content, Inner};
use crate::crypto::signing::{Algorithm, Claim};
use crate::ids::{EntryHash, Epoch, Timestamp, UserId};
use crate::log::tree::leaf_hash;
use crate::log::{Act, Change, Entry, LogState, MessageEntry, Refusal};
use crate::protocol::{EntryAt, Stored};

/// How an entry got here.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// Just now.
    Live,
    /// Caught up with.
    Late,
}

/// How many characters of a message the list shows.
const LAST_LINE_CHARS: usize = 120;

impl<P: Platform> Client<P> {
    /// Takes the next entry of a room's log. What it writes is gathered in the batch; `fresh` is the key that this
    /// client made for the epoch which the entry announces.
    pub(super) async fn take(
        &mut self,
        room: &mut Room,
        at: EntryAt,
        arrival: Arrival,
        fresh: Option<EpochKey>,
    ) -> Result<(), Trouble> {
        if room.record.broken.is_some() {
            return Ok(());
        }
        let number = room.record.frontier.size();
        if at.number != number {
            return Err(Trouble::BadReply("entries are out of order"));
        }
        let bytes = match at.entry {
            Stored::Purged(hash) => {
                let body = invalid(String::new(), Reason::Purged);
                self.keep(room, hash, at.time, Some(body), arrival);
                return Ok(());
            }
            Stored::Whole(bytes) => bytes,
        };
        let Ok(entry) = Entry::parse(&bytes) else {
            // An honest server takes no such entry; it cannot be a valid state entry, so nothing is lost but a row.
            let body = invalid(String::new(), Reason::Malformed);
            self.keep(room, leaf_hash(&bytes), at.time, Some(body), arrival);
            return Ok(());
        };
        let view = entry.view();
        if view.size > number {
            let reason = "The server has left out what the author of the next entry had seen before writing it.";
            self.stop(room, reason, &bytes, None);
            return Ok(());
        }
        if view.size >= room.record.anchor {
            let own = self.root_at(room, view.size).await?;
            if own.is_some_and(|own| own != view.root) {
                let reason = "An author has seen another history of this conversation than the one shown here.";
                self.stop(room, reason, &bytes, own);
                return Ok(());
            }
        }
        match &entry {
            Entry::Message(message) => self.take_message(room, message, at.time, arrival).await,
            Entry::State(_) | Entry::Server(_) => {
                let judged = match room.state.judge(&entry, number) {
                    Ok(judged) => judged,
                    Err(refusal) => {
                        let reason =
                            format!("The server took a change that breaks the rules: {refusal}.");
                        self.stop(room, &reason, &bytes, None);
                        return Ok(());
                    }
                };
                if !self.all_hold(judged.claims()).await? {
                    let reason = "The server took a change whose signature does not hold.";
                    self.stop(room, reason, &bytes, None);
                    return Ok(());
                }
                let before = room.state.clone();
                let change = room.state.apply(judged);
                self.take_change(room, &before, &entry, &change, at.time, fresh)
                    .await?;
                let body = happened(
                    &before,
                    &room.state,
                    &entry,
                    self.me()?.user,
                    &room.record.title,
                );
                self.keep(room, entry.hash(), at.time, body, arrival);
                self.batch.push(records::put_state(&room.state));
                Ok(())
            }
        }
    }

    /// Takes entry 0, which has made the room's state.
    pub(super) fn keep_create(
        &mut self,
        room: &mut Room,
        create: &[u8],
        time: Timestamp,
    ) -> Result<(), Trouble> {
        let entry = Entry::parse(create).map_err(|_| Trouble::BadReply("malformed"))?;
        let me = self.me()?.user;
        let body = happened(&room.state, &room.state, &entry, me, "");
        self.keep(room, entry.hash(), time, body, Arrival::Late);
        Ok(())
    }

    /// What a state entry changes besides the state: pins, keys, title, one's own standing.
    async fn take_change(
        &mut self,
        room: &mut Room,
        before: &LogState,
        entry: &Entry,
        change: &Change,
        time: Timestamp,
        fresh: Option<EpochKey>,
    ) -> Result<(), Trouble> {
        let me = self.me()?.user;
        if let Entry::State(state) = entry {
            match &state.header.act {
                Act::Invite(invite) => self.see_identities(&invite.people).await?,
                Act::Identity(new) => {
                    new.versions
                        .iter()
                        .for_each(|identity| self.see_identity(identity, true));
                }
                Act::Compromised(_) => {
                    let author = before.people.get(&state.header.sender);
                    if let Some(author) = author {
                        self.see_compromised(&author.identity);
                    }
                }
                _ => {}
            }
        }
        if change.joined.contains(&me) && !before.people.contains_key(&me) {
            room.record.invited = Some(time);
        }
        room.record.joined |= room.state.is_accepted(&me);
        if let Some(epoch) = change.announced {
            room.record.epoch_time = time;
            if let Some(key) = fresh {
                self.keep_epoch_key(room, epoch, key);
            }
        }
        self.open_room_title(room).await
    }

    /// Opens the title in force.
    pub(super) async fn open_room_title(&mut self, room: &mut Room) -> Result<(), Trouble> {
        let me = self.me()?.user;
        let Some(title) = room.state.title.clone() else {
            if room.me(&me).is_some() {
                room.record.title.clear();
            }
            return Ok(());
        };
        let Some(key) = self.epoch_key(room, title.epoch).await? else {
            return Ok(());
        };
        let context = crate::crypto::epoch::EpochContext {
            conversation: room.id(),
            epoch: title.epoch,
            view: title.view,
        };
        // A title that does not open is its author's fault alone; the one before stays.
        if let Ok(text) = open_title(&key, &context, &title.sealed) {
            room.record.title = text;
        }
        Ok(())
    }

    async fn take_message(
        &mut self,
        room: &mut Room,
        entry: &MessageEntry,
        time: Timestamp,
        arrival: Arrival,
    ) -> Result<(), Trouble> {
        let number = room.record.frontier.size();
        let me = self.me()?.user;
        let header = &entry.header;
        let author = room
            .state
            .people
            .get(&header.sender)
            .map(|person| person.identity.clone());
        let author_name = author.as_ref().map_or_else(String::new, name_of);
        if room
            .state
            .epoch_record(header.epoch)
            .map(|record| record.entry)
            != Some(header.announcement)
            && room
                .state
                .epoch()
                .is_some_and(|current| header.epoch > current.epoch)
        {
            // Somebody writes under a key whose announcement this log does not have: a change is kept from us.
            let reason = "The server keeps a change of this conversation's members back.";
            self.stop(room, reason, &entry.header_bytes.clone(), None);
            return Ok(());
        }
        let parsed = Entry::Message(entry.clone());
        if let Err(refusal) = room.state.judge(&parsed, number) {
            let reason = match refusal {
                Refusal::FalseView => Reason::View,
                Refusal::StaleEpoch | Refusal::EpochDue => Reason::Seal,
                _ => Reason::Signature,
            };
            self.keep(
                room,
                entry.hash,
                time,
                Some(invalid(author_name, reason)),
                arrival,
            );
            return Ok(());
        }
        if room.state.reading(&me, header.epoch).is_none() {
            // Said before one was invited: part of the log, but not of what one may read.
            self.keep(room, entry.hash, time, None, arrival);
            return Ok(());
        }
        let seen_key = records::message_key(&room.id(), &header.sender, &header.id);
        let body = if let Some(seen) = self.read(Table::Entries, &seen_key).await? {
            if seen[..] == entry.hash.0[..] {
                // The same bytes again: part of the log, shown once.
                self.keep(room, entry.hash, time, None, arrival);
                return Ok(());
            }
            invalid(author_name, Reason::Conflict)
        } else {
            match (self.epoch_key(room, header.epoch).await?, author) {
                (Some(key), Some(author)) => match self.open_message(entry, &key, &author).await? {
                    Ok((text, proof)) => {
                        self.batch.push(super::platform::Write {
                            table: Table::Entries,
                            key: seen_key,
                            value: Some(entry.hash.0.to_vec()),
                        });
                        RowBody::Message(Message {
                            id: header.id,
                            author: header.sender,
                            author_name,
                            own: header.sender == me,
                            text,
                            state: MessageState::Sent,
                            proof: Some(proof),
                        })
                    }
                    Err(reason) => invalid(author_name, reason),
                },
                _ => invalid(author_name, Reason::NoKey),
            }
        };
        self.keep(room, entry.hash, time, Some(body), arrival);
        if header.sender == me {
            self.sent_is_in_the_log(&room.id(), &header.id);
        }
        Ok(())
    }

    /// Opens a message and verifies its signature.
    async fn open_message(
        &self,
        entry: &MessageEntry,
        key: &EpochKey,
        author: &SignedIdentity,
    ) -> Result<Result<(String, Proof), Reason>, Trouble> {
        let header = &entry.header;
        let opened = match message::open(key, &header.salt.0, &entry.header_bytes, &entry.sealed) {
            Ok(opened) => opened,
            Err(_) => return Ok(Err(Reason::Seal)),
        };
        let Ok(inner) = codec::decode::<Inner>(&opened.inner) else {
            return Ok(Err(Reason::Malformed));
        };
        let (algorithm, spki) = author.identity().signing_key();
        if inner.algorithm != algorithm {
            return Ok(Err(Reason::Signature));
        }
        let claim = Claim {
            algorithm,
            spki: Bytes::clone(spki),
            message: message::signing_payload(&entry.header_bytes, &opened.inner),
            signature: opened.signature,
        };
        if self.platform.keys().verify(&[claim]).await? != [true] {
            return Ok(Err(Reason::Signature));
        }
        let Content::Text { text } = inner.content else {
            return Ok(Err(Reason::Malformed));
        };
        let proof = Proof {
            algorithm,
            fingerprint: author.hash().to_string(),
            epoch: header.epoch,
            claimed: inner.time,
        };
        Ok(Ok((text, proof)))
    }

    /// Puts an entry into the tree and its row into the batch, and shows it.
    fn keep(
        &mut self,
        room: &mut Room,
        hash: EntryHash,
        time: Timestamp,
        body: Option<RowBody>,
        arrival: Arrival,
    ) {
        let number = room.record.frontier.size();
        room.record.frontier.append(hash);
        room.note_root();
        let row = body.map(|body| Row {
            key: RowKey::Number(number),
            time,
            body,
        });
        let conversation = room.id();
        if let Some(row) = &row {
            room.record.active = room.record.active.max(time);
            if let RowBody::Message(message) = &row.body {
                room.record.last = Some(last_line(message, time));
                if !message.own && number > room.record.read {
                    room.record.unread += 1;
                }
                if !message.own && arrival == Arrival::Live {
                    let (author, text) = (message.author_name.clone(), message.text.clone());
                    (self.emit)(Event::Arrived {
                        conversation,
                        author,
                        text,
                    });
                }
            }
            if self.open.contains(&conversation) {
                (self.emit)(Event::Rows {
                    conversation,
                    rows: vec![row.clone()],
                    more: None,
                });
            }
        }
        let root = room.record.frontier.root();
        let record = EntryRecord { hash, root, row };
        self.batch.push(records::put(
            Table::Entries,
            records::entry_key(&conversation, number),
            &record,
        ));
    }
}

/// A message for the list of conversations.
pub(super) fn last_line(message: &Message, time: Timestamp) -> LastLine {
    let author = if message.own {
        String::new()
    } else {
        message.author_name.clone()
    };
    LastLine {
        author,
        text: message.text.chars().take(LAST_LINE_CHARS).collect(),
        time,
    }
}

fn invalid(author: String, reason: Reason) -> RowBody {
    RowBody::Invalid(InvalidRow { author, reason })
}

fn name_of(identity: &SignedIdentity) -> String {
    identity.identity().name.to_string()
}

/// A state entry as a sentence's parts; nothing for the server's announcements.
fn happened(
    before: &LogState,
    after: &LogState,
    entry: &Entry,
    me: UserId,
    title: &str,
) -> Option<RowBody> {
    let Entry::State(entry) = entry else {
        return None;
    };
    let sender = entry.header.sender;
    let known = |user: &UserId| before.people.get(user).or_else(|| after.people.get(user));
    let name =
        |user: &UserId| known(user).map_or_else(String::new, |person| name_of(&person.identity));
    let names = |users: &[UserId]| users.iter().map(&name).collect::<Vec<_>>();
    let what = match &entry.header.act {
        Act::Create(_) => Deed::Created,
        Act::Invite(invite) => Deed::Invited(invite.people.iter().map(name_of).collect()),
        Act::Uninvite(drop) => Deed::Uninvited(names(&drop.users)),
        Act::Accept(_) => Deed::Accepted,
        Act::Decline => Deed::Declined,
        Act::Leave => Deed::Left,
        Act::Remove(drop) => Deed::Removed(names(&drop.users)),
        Act::Promote(user) => Deed::Promoted(name(user)),
        Act::Demote(user) => Deed::Demoted(name(user)),
        Act::Rename(_) => Deed::Renamed(title.to_owned()),
        Act::Identity(_) => Deed::Rotated,
        Act::Compromised(_) => Deed::Compromised,
        Act::Epoch(announcement) => Deed::Rekeyed(announcement.epoch),
        Act::Share(share) => Deed::Shared(name(&share.user)),
        Act::Fault(_) => Deed::Faulted,
        Act::Rewrap(rewrap) => Deed::Rewrapped(name(&rewrap.user)),
    };
    let author = known(&sender)?;
    let algorithm: Algorithm = author.identity.identity().signing_key().0;
    Some(RowBody::Happened(Happened {
        actor: name(&sender),
        own: sender == me,
        what,
        algorithm,
    }))
}

/// The epoch that a message would be sealed under now, if none is due.
pub(super) fn usable_epoch(state: &LogState) -> Option<Epoch> {
    let current = state.epoch()?;
    (!state.due && !state.awaits_server).then_some(current.epoch)
}
