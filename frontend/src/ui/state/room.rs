//! The rows of one conversation, as far as the page has them.

use std::collections::BTreeMap;
use std::rc::Rc;

use secure_chat_shared::client::api::{Row, RowBody, RowKey};
use secure_chat_shared::ids::{MessageId, UserId};

/// Rows that stay when those far above go.
const KEPT: usize = 150;

/// Rows of one conversation.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Room {
    /// In their order.
    pub rows: BTreeMap<RowKey, Rc<Row>>,
    /// Whether the engine has told any rows, or that there are none.
    pub loaded: bool,
    /// Whether older ones exist.
    pub more: bool,
    /// Everything after this number was new when the person opened the conversation.
    pub news_after: Option<u64>,
}

impl Room {
    /// Puts rows in, in place of those with the same key; a message that has its number takes the place of the one
    /// that waited.
    pub(super) fn put(&mut self, rows: Vec<Row>, more: Option<bool>) {
        for row in rows {
            if let (RowKey::Number(_), RowBody::Message(message)) = (row.key, &row.body)
                && message.own
            {
                self.remove_pending(&message.id);
            }
            self.rows.insert(row.key, Rc::new(row));
        }
        self.loaded = true;
        self.more = more.unwrap_or(self.more);
    }

    /// Forgets every row: they come anew.
    pub(super) fn forget(&mut self) {
        *self = Self {
            news_after: self.news_after,
            ..Self::default()
        };
    }

    /// Takes a message out that has no number.
    pub(super) fn remove_pending(&mut self, id: &MessageId) {
        let from = RowKey::Pending(0);
        let found = self
            .rows
            .range(from..)
            .find(|(_, row)| message_id(row) == Some(id));
        if let Some(key) = found.map(|(key, _)| *key) {
            self.rows.remove(&key);
        }
    }

    /// Lets go of all but the newest rows; the engine has the others.
    pub(super) fn trim(&mut self) {
        if !self.is_long() {
            return;
        }
        if let Some(first) = self.rows.keys().nth(self.rows.len() - KEPT).copied() {
            self.rows = self.rows.split_off(&first);
            self.more = true;
        }
    }

    /// Whether there is enough to let go of.
    pub(super) fn is_long(&self) -> bool {
        self.rows.len() > 2 * KEPT
    }

    /// Whether somebody else than oneself and this one has written: who is gone by now, for example.
    pub fn has_author_besides(&self, other: Option<UserId>) -> bool {
        self.rows.values().any(|row| match &row.body {
            RowBody::Message(message) => !message.own && Some(message.author) != other,
            RowBody::Happened(_) | RowBody::Invalid(_) => false,
        })
    }

    /// The oldest number here.
    pub fn oldest(&self) -> Option<u64> {
        self.rows.keys().find_map(number)
    }

    /// The newest number here of something that happened.
    pub fn newest_deed(&self) -> Option<u64> {
        let mut newest = self.rows.values().rev();
        let deed = newest.find(|row| matches!(row.body, RowBody::Happened(_)))?;
        number(&deed.key)
    }

    /// The newest number here.
    pub fn newest(&self) -> Option<u64> {
        self.rows.keys().rev().find_map(number)
    }
}

fn number(key: &RowKey) -> Option<u64> {
    match key {
        RowKey::Number(number) => Some(*number),
        RowKey::Pending(_) => None,
    }
}

fn message_id(row: &Row) -> Option<&MessageId> {
    match &row.body {
        RowBody::Message(message) => Some(&message.id),
        RowBody::Happened(_) | RowBody::Invalid(_) => None,
    }
}
