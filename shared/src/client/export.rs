//! A conversation as a file that proves itself, gathered from what this device keeps.

use std::collections::BTreeMap;

use super::Client;
use super::api::{Answer, Event, ExportRange, Failure, Reason, RowBody};
use super::platform::{Keys, KeysError, Platform, Store, Table};
use super::records::{self, EntryRecord};
use super::trouble::Trouble;
use super::{damaged, decode_stored};
use crate::crypto::epoch::EpochKey;
use crate::crypto::message;
use crate::export::{
    About, Export, ExportError, LogPart, MAX_MESSAGES, Mark, Marked, MessagePart, newest_identity,
};
use crate::ids::ConversationId;
use crate::log::{Entry, MessageEntry};

/// Entries read together.
const TOGETHER: usize = 200;

impl<P: Platform> Client<P> {
    /// Makes a file of a conversation's messages, as far as they are in the range, and of its whole membership log.
    pub(super) async fn export(
        &mut self,
        id: ConversationId,
        range: ExportRange,
    ) -> Result<Answer, Trouble> {
        let room = self.rooms.get(&id).filter(|room| room.is_reached());
        let room = room.ok_or(Failure::NotAllowed)?;
        let (anchor, title) = (room.record.anchor, room.record.title.clone());
        let mut log = self.log_before(id, anchor).await?;
        if log.first().is_none_or(|first| first.number != 0) && anchor > 0 {
            self.fetch_log_before(id, anchor).await?;
            log = self.log_before(id, anchor).await?;
        }
        let me = self.me()?.user;
        let gathered = self.gather(id, anchor, range).await?;
        log.extend(gathered.log);
        let exporter = newest_identity(&log, &me).ok_or_else(damaged)?;
        let identity = exporter.identity();
        let about = About {
            conversation: id,
            exporter: exporter.hash(),
            made: self.platform.now(),
            from: range.from,
            to: range.to,
            title,
        };
        let export = Export {
            about,
            log,
            messages: gathered.messages,
            marked: gathered.marked,
        };
        let messages = export.messages.len() as u64;
        let marked = export.marked.len() as u64;
        let unsigned = export.prepare()?;
        drop(export);
        let payload = unsigned.signing_payload();
        let keys = self.platform.keys();
        let signed = keys.sign(identity.version, identity.algorithm, &payload);
        let signature = signed.await.map_err(|error| match error {
            KeysError::Missing => Failure::Outdated.into(),
            error => Trouble::from(error),
        })?;
        let file = unsigned.pack(&signature)?.into();
        Ok(Answer::Exported {
            file,
            messages,
            marked,
        })
    }

    /// The membership log before number `end`, as far as this device keeps it.
    async fn log_before(&self, id: ConversationId, end: u64) -> Result<Vec<LogPart>, Trouble> {
        let prefix = records::entry_prefix(&id);
        let mut log: Vec<LogPart> = Vec::new();
        let mut after: Option<Vec<u8>> = None;
        loop {
            let store = self.platform.store();
            let page = store
                .scan(Table::Log, &prefix, after.as_deref(), false, TOGETHER)
                .await?;
            let is_last = page.len() < TOGETHER;
            for (key, bytes) in page {
                let number = records::entry_number(&key).ok_or_else(damaged)?;
                if number >= end {
                    return Ok(log);
                }
                log.push(LogPart { number, bytes });
                after = Some(key);
            }
            if is_last {
                return Ok(log);
            }
            self.platform.pause().await;
        }
    }

    /// Reads the membership log before one's own invitation, which a device from before exports has not kept.
    async fn fetch_log_before(&mut self, id: ConversationId, end: u64) -> Result<(), Trouble> {
        self.must_be_resumed()?;
        let chain = self.chain(id, None, Some(end)).await?;
        let (_, writes) = self.replay(id, &chain).await?;
        self.batch.extend(writes);
        self.flush().await
    }

    /// What this device holds from its anchor on.
    async fn gather(
        &mut self,
        id: ConversationId,
        anchor: u64,
        range: ExportRange,
    ) -> Result<Gathered, Trouble> {
        let prefix = records::entry_prefix(&id);
        let room = self.rooms.get(&id).ok_or(Failure::NotAllowed)?;
        let of = room.record.frontier.size().saturating_sub(anchor);
        let mut after = anchor
            .checked_sub(1)
            .map(|last| records::entry_key(&id, last));
        let (mut gathered, mut keys) = (Gathered::default(), BTreeMap::new());
        let mut done = 0;
        loop {
            (self.emit)(Event::Exporting { id, done, of });
            let store = self.platform.store();
            let page = store
                .scan(Table::Entries, &prefix, after.as_deref(), false, TOGETHER)
                .await?;
            // Every entry has a record, those purged have no bytes: none of the page's can be missing among so many.
            let bytes = store
                .scan(Table::Log, &prefix, after.as_deref(), false, TOGETHER)
                .await?;
            let mut bytes: BTreeMap<Vec<u8>, Vec<u8>> = bytes.into_iter().collect();
            let is_last = page.len() < TOGETHER;
            done += page.len() as u64;
            for (key, record) in page {
                let number = records::entry_number(&key).ok_or_else(damaged)?;
                let record: EntryRecord = decode_stored(&record)?;
                let parsed = bytes
                    .remove(&key)
                    .map(|bytes| (Entry::parse(&bytes), bytes));
                after = Some(key);
                if let Some((Ok(Entry::State(_) | Entry::Server(_)), bytes)) = parsed {
                    gathered.log.push(LogPart { number, bytes });
                    continue;
                }
                if !range.holds(record.time) {
                    continue;
                }
                match (record.row.map(|row| row.body), parsed) {
                    (Some(RowBody::Message(_)), Some((Ok(Entry::Message(entry)), _))) => {
                        let epoch = entry.header.epoch;
                        let key = match keys.get(&epoch) {
                            Some(key) => key,
                            None => {
                                let key = self.known_key(&id, epoch).await?;
                                keys.entry(epoch).or_insert(key.ok_or_else(damaged)?)
                            }
                        };
                        gathered.messages.push(opened(number, entry, key)?);
                    }
                    (Some(RowBody::Invalid(invalid)), _) => gathered.marked.push(Marked {
                        number,
                        why: mark(invalid.reason),
                        author: invalid.author,
                    }),
                    // What one may not read, and what came twice.
                    (None, _) => {}
                    _ => return Err(damaged()),
                }
            }
            if gathered.messages.len() > MAX_MESSAGES {
                return Err(ExportError::TooLarge.into());
            }
            if is_last {
                return Ok(gathered);
            }
            self.platform.pause().await;
        }
    }
}

/// What is in the range, and the membership log.
#[derive(Default)]
struct Gathered {
    log: Vec<LogPart>,
    messages: Vec<MessagePart>,
    marked: Vec<Marked>,
}

/// A message that was verified when it was taken: what is shown of it was.
fn opened(number: u64, entry: MessageEntry, key: &EpochKey) -> Result<MessagePart, Trouble> {
    let salt = &entry.header.salt.0;
    let opened = message::open(key, salt, &entry.header_bytes, &entry.sealed);
    let opened = opened.map_err(|_| damaged())?;
    Ok(MessagePart {
        number,
        header: entry.header_bytes,
        inner: opened.inner,
        signature: opened.signature,
    })
}

fn mark(reason: Reason) -> Mark {
    match reason {
        Reason::Seal => Mark::Seal,
        Reason::Signature => Mark::Signature,
        Reason::Malformed => Mark::Malformed,
        Reason::Conflict => Mark::Conflict,
        Reason::Purged => Mark::Purged,
        Reason::View => Mark::View,
        Reason::NoKey => Mark::NoKey,
    }
}

impl From<ExportError> for Trouble {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::TooLarge => Failure::TooLarge.into(),
            // What a device keeps was checked before it was written.
            ExportError::Log | ExportError::Message | ExportError::Identity => damaged(),
        }
    }
}
