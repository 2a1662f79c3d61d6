//! The page that a client would show, kept as the browser's page keeps it.

#![allow(dead_code)] // every test binary uses another part

use std::collections::{BTreeMap, HashMap};

use secure_chat_shared::client::api::{
    self, Connection, Conversation, Message, Notice, Outcome, Row, RowBody, RowKey, Session,
};
use secure_chat_shared::ids::{ConversationId, UserId};
use secure_chat_shared::protocol::PresenceStatus;

/// What a page would show.
#[derive(Default)]
pub struct Page {
    pub session: Option<Session>,
    pub connection: Option<Connection>,
    pub conversations: BTreeMap<ConversationId, Conversation>,
    pub rows: BTreeMap<(ConversationId, RowKey), Row>,
    /// Whether there are older rows than those.
    pub more: HashMap<ConversationId, bool>,
    pub presence: BTreeMap<UserId, PresenceStatus>,
    pub notices: Vec<Notice>,
    pub blocked: Vec<api::BlockedPerson>,
    /// Texts of which the system would have told.
    pub arrived: Vec<String>,
    pub recovery_code: Option<String>,
    pub answers: HashMap<u64, Outcome>,
}

impl Page {
    /// Shows what an event says.
    pub fn take(&mut self, event: api::Event) {
        match event {
            api::Event::Done { ticket, result } => {
                self.answers.insert(ticket, result);
            }
            api::Event::Session(session) => self.session = Some(session),
            api::Event::Connection(connection) => self.connection = Some(connection),
            api::Event::Conversation(conversation) => {
                self.conversations.insert(conversation.id, conversation);
            }
            api::Event::ConversationGone(id) => {
                self.conversations.remove(&id);
                self.rows.retain(|(conversation, _), _| *conversation != id);
            }
            api::Event::Rows {
                conversation,
                rows,
                more,
            } => {
                self.more.extend(more.map(|more| (conversation, more)));
                for row in rows {
                    self.rows.insert((conversation, row.key), row);
                }
            }
            api::Event::RowsGone(id) => {
                self.rows.retain(|(conversation, _), _| *conversation != id);
            }
            api::Event::RowGone { conversation, id } => {
                self.rows.retain(|(at, key), row| {
                    let is_it = matches!(&row.body, RowBody::Message(message) if message.id == id);
                    *at != conversation || !matches!(key, RowKey::Pending(_)) || !is_it
                });
            }
            api::Event::Presence { user, status } => {
                self.presence.insert(user, status);
            }
            api::Event::Notice(notice) => self.notices.push(notice),
            api::Event::Blocked(users) => self.blocked = users,
            api::Event::RecoveryCode(code) => self.recovery_code = Some(code),
            api::Event::Arrived { text, .. } => self.arrived.push(text),
            api::Event::Progress(_) | api::Event::Exporting { .. } => {}
        }
    }

    /// Messages of a conversation in their order.
    pub fn messages(&self, conversation: ConversationId) -> Vec<&Message> {
        self.rows_of(conversation)
            .filter_map(|row| match &row.body {
                RowBody::Message(message) => Some(message),
                _ => None,
            })
            .collect()
    }

    /// Texts of a conversation in their order.
    pub fn texts(&self, conversation: ConversationId) -> Vec<&str> {
        self.messages(conversation)
            .iter()
            .map(|message| message.text.as_str())
            .collect()
    }

    /// Rows of a conversation in their order.
    pub fn rows_of(&self, conversation: ConversationId) -> impl Iterator<Item = &Row> {
        self.rows
            .iter()
            .filter(move |((at, _), _)| *at == conversation)
            .map(|(_, row)| row)
    }
}
