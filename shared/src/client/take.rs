//! One entry of a log: compared with the tree, judged, verified, opened, kept, shown.
//!
//! Live entries and those caught up take this same path.

use super::Client;
use super::api::{Event, LastLine, Message, Reason, Row, RowBody};
use super::enter::{parsed, put_bytes};
use super::history::{happened, superseded};
use super::links::{LinkAnswer, link_answers};
use super::open::{Shown, invalid, name_of};
use super::platform::{Platform, Table};
use super::records::{self, EntryRecord};
use super::room::Room;
use super::trouble::Trouble;
use crate::crypto::epoch::EpochKey;
use crate::crypto::identity::SignedIdentity;
use crate::ids::{ConversationId, Epoch, Root, Timestamp};
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

/// An entry that fits the log.
pub(super) enum Checked {
    /// No valid message: a marked row.
    Marked(RowBody),
    /// A valid message, and its author's identity.
    Message(MessageEntry, SignedIdentity),
    /// A change of the state, in force now.
    Changed(Box<Changed>),
}

/// A change of the state.
pub(super) struct Changed {
    entry: Entry,
    change: Change,
    /// As a sentence's parts; a new title is still sealed.
    happened: Option<RowBody>,
    /// Identities that are in force no more.
    superseded: Vec<SignedIdentity>,
    /// Answers to invite links.
    answers: Vec<LinkAnswer>,
}

/// Why an entry stops a log.
pub(super) struct Stop {
    reason: String,
    own_root: Option<Root>,
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
        if at.number != room.record.frontier.size() {
            return Err(Trouble::BadReply("entries are out of order"));
        }
        let shown = match self.check(room, &at.entry).await? {
            Err(Stop { reason, own_root }) => {
                let bytes: &[u8] = match &at.entry {
                    Stored::Whole(bytes) => bytes,
                    Stored::Purged(_) => &[],
                };
                self.stop(room, &reason, bytes, own_root);
                return Ok(());
            }
            Ok(Checked::Marked(body)) => Shown::row(body),
            Ok(Checked::Message(entry, author)) => self.message_row(room, &entry, &author).await?,
            Ok(Checked::Changed(changed)) => {
                self.take_change(room, &changed, at.time, fresh).await?;
                self.batch.push(records::put_state(&room.state));
                self.change_row(room, *changed).await?
            }
        };
        self.keep(room, &at, shown, arrival);
        self.compare_with_seen(room, &at);
        Ok(())
    }

    /// Compares the entry that comes next in a room with its tree, judges and verifies it, and puts a change into
    /// force. Nothing is kept or shown yet.
    pub(super) async fn check(
        &self,
        room: &mut Room,
        stored: &Stored,
    ) -> Result<Result<Checked, Stop>, Trouble> {
        let number = room.record.frontier.size();
        let marked = |reason| Ok(Ok(Checked::Marked(invalid(String::new(), reason))));
        let Stored::Whole(bytes) = stored else {
            return marked(Reason::Purged);
        };
        let Ok(entry) = Entry::parse(bytes) else {
            // An honest server takes no such entry; it cannot be a valid state entry, so nothing is lost but a row.
            return marked(Reason::Malformed);
        };
        let view = entry.view();
        if view.size > number {
            return stop(
                "The server has left out what the author of the next entry had seen before writing it.",
            );
        }
        if view.size >= room.record.anchor {
            let own_root = self.root_at(room, view.size).await?;
            if own_root.is_some_and(|own| own != view.root) {
                let reason = "An author has seen another history of this conversation than the one shown here.";
                return Ok(Err(Stop {
                    reason: reason.into(),
                    own_root,
                }));
            }
        }
        let judged = room.state.judge(&entry, number);
        if let Entry::Message(entry) = entry {
            let refusal = judged.err();
            return Ok(check_message(&room.state, entry, refusal));
        }
        let judged = match judged {
            Ok(judged) => judged,
            Err(refusal) => {
                return stop(&format!(
                    "The server took a change that breaks the rules: {refusal}."
                ));
            }
        };
        if !self.all_hold(judged.claims()).await? {
            return stop("The server took a change whose signature does not hold.");
        }
        if let Some(reason) = self.misleads_me(&entry, room.record.anchor)? {
            return stop(reason);
        }
        let (before, me) = (&room.state, self.me()?.user);
        let happened = happened(before, judged.next_state(before), &entry, me);
        let superseded = superseded(before, &entry, judged.change());
        let answers = link_answers(before, &entry);
        let change = room.state.apply(judged);
        Ok(Ok(Checked::Changed(Box::new(Changed {
            entry,
            change,
            happened,
            superseded,
            answers,
        }))))
    }

    /// Takes entry 0, which has made the room's state.
    pub(super) fn keep_create(&mut self, room: &mut Room, at: &EntryAt) -> Result<(), Trouble> {
        let create = parsed(at)?;
        let shown = Shown {
            body: happened(&room.state, &room.state, &create, self.me()?.user),
            waits_for: None,
        };
        self.keep(room, at, shown, Arrival::Late);
        Ok(())
    }

    /// What a state entry changes besides the state: pins, keys, title, one's own standing.
    async fn take_change(
        &mut self,
        room: &mut Room,
        changed: &Changed,
        time: Timestamp,
        fresh: Option<EpochKey>,
    ) -> Result<(), Trouble> {
        let me = self.me()?.user;
        let Changed {
            entry,
            change,
            superseded,
            answers,
            ..
        } = changed;
        for identity in superseded {
            self.batch.push(records::put_identity(&room.id(), identity));
        }
        if let Entry::State(state) = entry {
            match &state.header.act {
                Act::Invite(invite) => self.see_identities(&invite.people).await?,
                Act::Identity(new) => {
                    for identity in &new.versions {
                        self.see_version(identity).await?;
                    }
                }
                Act::Compromised(_) => superseded
                    .iter()
                    .for_each(|identity| self.see_compromised(identity)),
                Act::Share(share) if share.user == me => {
                    room.record.to_open.extend(&share.epochs);
                }
                Act::Rewrap(rewrap) if rewrap.user == me => self.take_rewrap(room, rewrap).await?,
                _ => {}
            }
        }
        self.take_link_answers(answers);
        if change.joined.contains(&me) {
            room.record.invited = Some(time);
        }
        room.record.joined |= room.state.is_accepted(&me);
        if let Some(epoch) = change.announced {
            // Its claim must not keep the key from being renewed.
            room.record.epoch_time = time.min(self.platform.now());
            if let Some(key) = fresh {
                self.keep_epoch_key(room, epoch, key);
            }
        }
        self.open_room_title(room).await
    }

    /// The row of a change; a new title's text where it opens.
    pub(super) async fn change_row(
        &mut self,
        room: &mut Room,
        changed: Changed,
    ) -> Result<Shown, Trouble> {
        let mut shown = Shown {
            body: changed.happened,
            waits_for: None,
        };
        if let Entry::State(state) = &changed.entry {
            self.open_renamed(room, state, &mut shown).await?;
        }
        Ok(shown)
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
        // A title that does not open is its author's fault alone; the one before stays.
        if let Some(text) = self.title_text(room, &title).await? {
            room.record.title = text;
        }
        Ok(())
    }

    /// Puts an entry into the tree, its bytes and row into the batch, and shows it.
    fn keep(&mut self, room: &mut Room, at: &EntryAt, shown: Shown, arrival: Arrival) {
        let hash = at.entry.leaf();
        room.record.frontier.append(hash);
        room.note_root();
        let (number, time) = (at.number, at.time);
        let conversation = room.id();
        let row = shown.body.map(|body| at.row(body));
        if let Some(row) = &row {
            if !self.is_by_blocked(row) {
                self.tell_of(room, number, row, arrival);
            }
            self.tell_row(conversation, row);
        }
        let record = EntryRecord {
            hash,
            root: room.record.frontier.root(),
            row,
            waits_for: shown.waits_for,
            time,
        };
        self.write_entry(&conversation, number, &record);
        self.write_bytes(&conversation, at);
    }

    /// Tells of a new row, together with those before it: for the page each event is a change to be drawn.
    fn tell_row(&mut self, conversation: ConversationId, row: &Row) {
        match self.news.last_mut() {
            Some(Event::Rows {
                conversation: same,
                rows,
                more: None,
            }) if *same == conversation => rows.push(row.clone()),
            _ => {
                let event = self.rows_event(conversation, vec![row.clone()]);
                self.news.extend(event);
            }
        }
    }

    /// A row by somebody who is not blocked: counted, and told of if it is new.
    fn tell_of(&mut self, room: &mut Room, number: u64, row: &Row, arrival: Arrival) {
        room.record.active = room.record.active.max(row.time);
        if self.is_news(row) && number > room.record.read {
            room.record.unread += 1;
        }
        if let RowBody::Message(message) = &row.body {
            room.record.last = Some(last_line(message, row.time));
            if !message.own && arrival == Arrival::Live {
                let (author, text) = (message.author_name.clone(), message.text.clone());
                self.news.push(Event::Arrived {
                    conversation: room.id(),
                    author,
                    text,
                });
            }
        }
    }

    /// Puts an entry's record into the batch; what happened also where it is read without the messages.
    pub(super) fn write_entry(
        &mut self,
        conversation: &ConversationId,
        number: u64,
        record: &EntryRecord,
    ) {
        if let Some(row) = &record.row
            && matches!(row.body, RowBody::Happened(_))
        {
            self.batch
                .push(records::put_history(conversation, number, row));
        }
        let key = records::entry_key(conversation, number);
        self.batch.push(records::put(Table::Entries, key, record));
    }

    /// Puts an entry's exact bytes into the batch.
    pub(super) fn write_bytes(&mut self, conversation: &ConversationId, at: &EntryAt) {
        self.batch.extend(put_bytes(conversation, at));
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

/// What a message is to the log that it came in, given why its rules refuse it.
fn check_message(
    state: &LogState,
    entry: MessageEntry,
    refusal: Option<Refusal>,
) -> Result<Checked, Stop> {
    let header = &entry.header;
    let announced = state.epoch_record(header.epoch).map(|record| record.entry);
    let is_ahead = state
        .epoch()
        .is_some_and(|current| header.epoch > current.epoch);
    if is_ahead && announced != Some(header.announcement) {
        // Somebody writes under a key whose announcement this log does not have: a change is kept from us.
        return Err(Stop {
            reason: "The server keeps a change of this conversation's members back.".into(),
            own_root: None,
        });
    }
    let author = state.people.get(&header.sender);
    let author = author.map(|person| person.identity.clone());
    let reason = match (refusal, author) {
        (None, Some(author)) => return Ok(Checked::Message(entry, author)),
        (Some(Refusal::FalseView), _) => Reason::View,
        (Some(Refusal::StaleEpoch | Refusal::EpochDue), _) => Reason::Seal,
        _ => Reason::Signature,
    };
    let name = state.people.get(&header.sender);
    let name = name.map_or_else(String::new, |person| name_of(&person.identity));
    Ok(Checked::Marked(invalid(name, reason)))
}

fn stop(reason: &str) -> Result<Result<Checked, Stop>, Trouble> {
    Ok(Err(Stop {
        reason: reason.to_owned(),
        own_root: None,
    }))
}

/// The epoch that a message would be sealed under now, if none is due.
pub(super) fn usable_epoch(state: &LogState) -> Option<Epoch> {
    let current = state.epoch()?;
    (!state.due && !state.awaits_server).then_some(current.epoch)
}
