//! What must hold once everybody is online and quiet: what each page shows and each device holds, against the truth.

use std::collections::{BTreeMap, BTreeSet};

use secure_chat_shared::client::api::{
    Conversation, Failure, Message, MessageState, Reason, Row, RowBody, RowKey, Standing,
};
use secure_chat_shared::client::platform::{Store, Table};
use secure_chat_shared::client::records::{self, OutgoingRecord, RoomRecord};
use secure_chat_shared::codec;
use secure_chat_shared::ids::{ConversationId, Epoch, MessageId, UserId, View};
use secure_chat_shared::log::Entry;

use crate::browser::Browser;
use crate::reference::Log;
use crate::world::{Written, Wrong};

/// What is true.
pub struct Truth<'a> {
    pub logs: &'a BTreeMap<ConversationId, Log>,
    pub written: &'a BTreeMap<(UserId, MessageId), Written>,
    /// The title that an entry gives, where it gives one.
    pub titles: &'a BTreeMap<(ConversationId, u64), String>,
    /// Every member has written since everything else: titles that only members can seal anew are sealed for all.
    pub everybody_wrote: bool,
    /// The server has lost wraps: what nobody there has a key for cannot be read.
    pub lossy: bool,
}

/// What a browser shows and holds.
#[derive(Clone)]
pub struct Observed {
    pub name: String,
    pub user: UserId,
    pub rooms: BTreeMap<ConversationId, Room>,
    /// Epoch keys.
    pub keys: BTreeSet<(ConversationId, Epoch)>,
    /// What is still to be sent, with why it was refused.
    pub outbox: Vec<(ConversationId, MessageId, Option<Failure>)>,
}

/// A conversation in a browser.
#[derive(Clone)]
pub struct Room {
    pub shown: Conversation,
    pub rows: BTreeMap<RowKey, Row>,
    /// First entry that is held.
    pub anchor: u64,
    pub view: View,
}

impl Observed {
    /// Looks at a browser whose page has opened all that it holds.
    pub async fn of(browser: &Browser) -> Result<Self, Wrong> {
        let conversations = browser.page.borrow().conversations.clone();
        let mut rooms = BTreeMap::new();
        for (id, shown) in conversations {
            let record = record(browser, &id).await;
            let record = record.ok_or("a conversation is shown and not kept")?;
            let page = browser.page.borrow();
            let rows = page.rows.iter().filter(|((at, _), _)| *at == id);
            let room = Room {
                shown,
                rows: rows.map(|((_, key), row)| (*key, row.clone())).collect(),
                anchor: record.anchor,
                view: record.frontier.view(),
            };
            rooms.insert(id, room);
        }
        let keys = browser
            .store
            .scan(Table::Epochs, &[], None, false, usize::MAX)
            .await;
        let keys = keys.unwrap().into_iter().map(|(key, _)| {
            let (id, epoch) = key.split_at(ConversationId::LEN);
            let epoch = u32::from_be_bytes(epoch.try_into().unwrap());
            (ConversationId::try_from(id).unwrap(), Epoch(epoch))
        });
        Ok(Self {
            name: browser.name.clone(),
            user: browser.user,
            rooms,
            keys: keys.collect(),
            outbox: outbox(browser).await,
        })
    }
}

/// What a browser keeps of a conversation beside its state.
pub async fn record(browser: &Browser, id: &ConversationId) -> Option<RoomRecord> {
    let bytes = browser
        .store
        .get(Table::Conversations, &records::room_key(id))
        .await;
    Some(codec::decode(&bytes.unwrap()?).unwrap())
}

/// What a browser still has to send, with why it was refused.
pub async fn outbox(browser: &Browser) -> Vec<(ConversationId, MessageId, Option<Failure>)> {
    let waiting = browser
        .store
        .scan(Table::Outbox, &[], None, false, usize::MAX)
        .await;
    let waiting = waiting.unwrap().into_iter().map(|(_, bytes)| {
        let waiting: OutgoingRecord = codec::decode(&bytes).unwrap();
        (waiting.conversation, waiting.id, waiting.failed)
    });
    waiting.collect()
}

/// Whether all of it fits the truth.
pub fn check(truth: &Truth<'_>, browsers: &[Observed]) -> Result<(), Wrong> {
    for browser in browsers {
        truth
            .check_browser(browser, browsers)
            .map_err(|wrong| format!("{}: {wrong}", browser.name))?;
    }
    truth.check_messages(browsers)
}

impl Truth<'_> {
    fn check_browser(&self, browser: &Observed, all: &[Observed]) -> Result<(), Wrong> {
        for (id, log) in self.logs {
            let place = self.place(id);
            let keys = browser.keys.iter().filter(|(at, _)| at == id);
            for (_, epoch) in keys {
                if !log.may_read(&browser.user, *epoch) {
                    return Err(format!(
                        "{place}: holds the key of epoch {}, which it may not read",
                        epoch.0
                    ));
                }
            }
            match browser.rooms.get(id) {
                Some(room) => self
                    .check_room(&browser.user, log, room, all)
                    .map_err(|wrong| format!("{place}: {wrong}"))?,
                None if log.state().people.contains_key(&browser.user) => {
                    return Err(format!("{place}: is not shown"));
                }
                None => {}
            }
        }
        let strange = browser.rooms.keys().find(|id| !self.logs.contains_key(id));
        match strange {
            Some(id) => Err(format!("shows a conversation that is none: {id}")),
            None => Ok(()),
        }
    }

    fn check_room(
        &self,
        user: &UserId,
        log: &Log,
        room: &Room,
        all: &[Observed],
    ) -> Result<(), Wrong> {
        let Room {
            shown,
            rows,
            anchor,
            view,
        } = room;
        if let Some(blocked) = &shown.blocked {
            return Err(format!("is blocked: {blocked:?}"));
        }
        let end = view.size;
        if !log.may_end_at(user, end) {
            return Err(format!("ends at {end} instead of {}", log.end_for(user)));
        }
        if view.root != log.roots[usize::try_from(end).unwrap()] {
            return Err("is another log".into());
        }
        if !log.may_begin_at(user, *anchor) {
            return Err(format!("begins at {anchor}, where nothing lets them in"));
        }
        if !self.lossy && log.begins_by(user).is_some_and(|by| *anchor > by) {
            return Err(format!(
                "begins at {anchor}, and not where shared history does"
            ));
        }
        self.check_people(user, log, shown)?;
        let mut expected = BTreeMap::new();
        for number in *anchor..end {
            if let Some(row) = self.expected(user, log, number)? {
                expected.insert(RowKey::Number(number), row);
            }
        }
        let numbered = |key: &RowKey| matches!(key, RowKey::Number(_));
        if let Some((key, row)) = rows
            .iter()
            .find(|(key, _)| numbered(key) && !expected.contains_key(key))
        {
            return Err(format!("shows at {key:?} what it should not: {row:?}"));
        }
        for (key, expected) in expected {
            let row = rows.get(&key);
            if self.lossy && self.nobody_hands_key(user, log, key, row, all) {
                continue;
            }
            let row = row.ok_or_else(|| format!("does not show {key:?}: {expected:?}"))?;
            expected
                .check(row)
                .map_err(|wrong| format!("{key:?}: {wrong}"))?;
        }
        Ok(())
    }

    fn check_people(&self, user: &UserId, log: &Log, shown: &Conversation) -> Result<(), Wrong> {
        let state = log.state();
        let Some(me) = state.people.get(user) else {
            return match shown.standing {
                Standing::Former => Ok(()),
                _ => Err(format!("stands as {:?}, and is out", shown.standing)),
            };
        };
        let right = match shown.standing {
            Standing::Member => me.is_accepted(),
            Standing::Invited { .. } => !me.is_accepted(),
            Standing::Former => false,
        };
        if !right {
            return Err(format!("stands as {:?}", shown.standing));
        }
        let true_ones = state.people.iter();
        let true_ones: Vec<_> = true_ones
            .map(|(user, person)| (*user, person.is_accepted(), person.admin))
            .collect();
        let members = shown.members.iter();
        let members: Vec<_> = members
            .map(|member| (member.user, !member.invited, member.admin))
            .collect();
        if members != true_ones {
            return Err(format!(
                "shows other people: {members:?} instead of {true_ones:?}"
            ));
        }
        let epoch = state.epoch().map(|record| record.epoch);
        if epoch != Some(shown.epoch) {
            return Err(format!(
                "shows epoch {:?} instead of {epoch:?}",
                shown.epoch
            ));
        }
        if self.lossy || !self.must_show_title(log, user) {
            return Ok(());
        }
        let title = self.title(log);
        if shown.title != title {
            return Err(format!(
                "shows the title {:?} instead of {title:?}",
                shown.title
            ));
        }
        Ok(())
    }

    /// Where the server makes the keys, newcomers read a title once a member who reads it has sealed it anew.
    fn must_show_title(&self, log: &Log, user: &UserId) -> bool {
        let state = log.state();
        let Some(sealed) = &state.title else {
            return true;
        };
        let reads = |user: &UserId| state.may_read(user, sealed.epoch);
        let anybody_reads = state.accepted().any(|(user, _)| reads(user));
        reads(user) || self.everybody_wrote && anybody_reads
    }

    /// Whether a row is marked because its key is on no member's device, or whoever missed it has gone. One that was
    /// shared is not there at all before its key comes.
    fn nobody_hands_key(
        &self,
        user: &UserId,
        log: &Log,
        key: RowKey,
        row: Option<&Row>,
        all: &[Observed],
    ) -> bool {
        let RowKey::Number(number) = key else {
            return false;
        };
        let Entry::Message(message) = &log.entries[usize::try_from(number).unwrap()] else {
            return false;
        };
        let key = (message.header.conversation, message.header.epoch);
        let is_out = !log.state().people.contains_key(user);
        let mut members = all
            .iter()
            .filter(|other| log.state().is_accepted(&other.user));
        let is_marked = match row.map(|row| &row.body) {
            Some(RowBody::Invalid(invalid)) => invalid.reason == Reason::NoKey,
            Some(_) => false,
            None => log.state().reading(user, message.header.epoch).is_none(),
        };
        is_marked && (is_out || !members.any(|member| member.keys.contains(&key)))
    }

    /// The title that was given last.
    fn title(&self, log: &Log) -> &str {
        let id = log.state().conversation;
        let given = self.titles.range((id, 0)..=(id, u64::MAX)).next_back();
        given.map_or("", |(_, title)| title)
    }

    fn expected(
        &self,
        user: &UserId,
        log: &Log,
        number: u64,
    ) -> Result<Option<Expected<'_>>, Wrong> {
        let message = match &log.entries[usize::try_from(number).unwrap()] {
            Entry::State(_) | Entry::Server(_) => return Ok(Some(Expected::Happened)),
            Entry::Message(message) => message,
        };
        if !log.may_read(user, message.header.epoch) {
            return Ok(None);
        }
        let (author, id) = (message.header.sender, message.header.id);
        let written = self
            .written
            .get(&(author, id))
            .ok_or("a message that nobody wrote")?;
        Ok(Some(Expected::Message {
            author,
            id,
            text: &written.text,
        }))
    }

    /// What was written is in the log, once; or it was refused because its author was out.
    fn check_messages(&self, browsers: &[Observed]) -> Result<(), Wrong> {
        let mut taken = BTreeMap::<(ConversationId, UserId, MessageId), usize>::new();
        for (id, log) in self.logs {
            for entry in &log.entries {
                if let Entry::Message(message) = entry {
                    let key = (*id, message.header.sender, message.header.id);
                    *taken.entry(key).or_default() += 1;
                }
            }
        }
        if let Some(((id, _, message), _)) = taken.iter().find(|(_, count)| **count > 1) {
            return Err(format!(
                "{}: message {message} is there twice",
                self.place(id)
            ));
        }
        for browser in browsers {
            for (id, message, failed) in &browser.outbox {
                let text = || &self.written[&(browser.user, *message)].text;
                let Some(failure) = failed else {
                    return Err(format!(
                        "{}: {:?} is still to be sent",
                        browser.name,
                        text()
                    ));
                };
                let written = &self.written[&(browser.user, *message)];
                let was_out = self.logs[id].was_out_since(&browser.user, written.size);
                if *failure != Failure::NotAllowed || !was_out {
                    return Err(format!(
                        "{}: {:?} failed: {failure:?}",
                        browser.name,
                        text()
                    ));
                }
            }
        }
        for ((author, message), written) in self.written {
            let Written {
                conversation,
                text,
                kept,
                ..
            } = written;
            let is_taken = taken.contains_key(&(*conversation, *author, *message));
            let mut outboxes = browsers.iter().filter(|browser| browser.user == *author);
            let failed =
                outboxes.any(|browser| browser.outbox.iter().any(|(_, id, _)| id == message));
            if *kept && !is_taken && !failed {
                return Err(format!("{}: {text:?} is lost", self.place(conversation)));
            }
        }
        Ok(())
    }

    fn place(&self, id: &ConversationId) -> String {
        let place = self.logs.keys().position(|other| other == id);
        place.map_or_else(|| id.to_string(), |place| format!("#{}", place + 1))
    }
}

/// What a row must be.
#[derive(Debug)]
enum Expected<'a> {
    Happened,
    Message {
        author: UserId,
        id: MessageId,
        text: &'a str,
    },
}

impl Expected<'_> {
    fn check(&self, row: &Row) -> Result<(), Wrong> {
        match (self, &row.body) {
            (Self::Happened, RowBody::Happened(_)) => Ok(()),
            (
                Self::Message { author, id, text },
                RowBody::Message(Message {
                    author: shown_author,
                    id: shown_id,
                    text: shown_text,
                    state: MessageState::Sent,
                    ..
                }),
            ) if author == shown_author && id == shown_id && text == shown_text => Ok(()),
            (expected, shown) => Err(format!("shows {shown:?} instead of {expected:?}")),
        }
    }
}
