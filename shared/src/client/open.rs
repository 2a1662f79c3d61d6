//! What is shown of a message: its key, its seal, its signature.

use super::Client;
use super::api::{Deed, InvalidRow, Message, MessageState, Proof, Reason, RowBody};
use super::platform::{Keys, Platform, Table, Write};
use super::records;
use super::room::Room;
use super::trouble::Trouble;
use crate::codec::{self, Bytes};
use crate::crypto::epoch::{EpochContext, EpochKey, open_title};
use crate::crypto::identity::SignedIdentity;
use crate::crypto::message::{self, Content, Inner};
use crate::crypto::signing::Claim;
use crate::ids::Epoch;
use crate::log::state::TitleRecord;
use crate::log::{Act, MessageEntry, StateEntry};

/// What is shown of an entry.
pub(super) struct Shown {
    /// Its row; none for what one may not read, or what came before.
    pub(super) body: Option<RowBody>,
    /// The epoch whose key would show more.
    pub(super) waits_for: Option<Epoch>,
}

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
        if !room.state.may_read(&me, header.epoch) {
            // Said before one was invited: part of the log, but not of what one may read.
            let body = None;
            return Ok(Shown { body, waits_for });
        }
        let author_name = name_of(author);
        let seen_key = records::message_key(&room.id(), &header.sender, &header.id);
        if let Some(seen) = self.read(Table::Entries, &seen_key).await? {
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
        let body = match self.open_message(entry, &key, author).await? {
            Ok((text, proof)) => {
                self.batch.push(Write {
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
        };
        Ok(Shown::row(body))
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
}

/// A marked row.
pub(super) fn invalid(author: String, reason: Reason) -> RowBody {
    RowBody::Invalid(InvalidRow { author, reason })
}

pub(super) fn name_of(identity: &SignedIdentity) -> String {
    identity.identity().name.to_string()
}
