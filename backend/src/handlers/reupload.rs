//! Entries given back to a server that was restored from a backup.
//!
//! They are judged like new ones, but for their author, who need not be the one who gives them back: a state entry's
//! signature vouches for it. A message's signature is inside its seal; whoever can open it checks it. Wraps are not
//! given back: readers ask for their keys again.

use std::collections::HashMap;
use std::sync::Arc;

use secure_chat_shared::codec::Bytes;
use secure_chat_shared::crypto::identity::SignedIdentity;
use secure_chat_shared::crypto::signing::Claim;
use secure_chat_shared::ids::{ConversationId, UserId};
use secure_chat_shared::log::{Act, Entry, LogState};
use secure_chat_shared::protocol::{ErrorCode, RequestError, Reupload, Reuploaded};

use super::checks::{Parsed, blocking, invalid, no_conversation, parse_here, verify};
use super::conversations::{begun_by, must_have_key_of};
use super::grow::{Committed, Growing, commit};
use crate::connection::Connection;
use crate::db::queries::users::Chain;
use crate::db::queries::{entries, readers, users};
use crate::db::{Failure, Head, Tx};
use crate::managed::Signer;

/// Takes what the server has lost.
pub async fn reupload(c: &Connection, id: u32, request: Reupload) -> Result<(), Failure> {
    let me = c.identified()?.user;
    let db = c.app.database.read();
    let Reupload {
        conversation,
        from,
        entries: given,
    } = request;
    let head = match c.app.database.heads().find(&conversation) {
        Some(head) => Some(head),
        None => entries::head(db, &conversation).await?,
    };
    if head.is_none() && from != 0 {
        return Err(no_conversation().into());
    }
    let given = blocking(move || {
        let parsed = given.into_iter().map(parse_here);
        parsed.collect::<Result<Vec<Parsed>, RequestError>>()
    })
    .await?;
    let people: Vec<UserId> = given
        .iter()
        .flat_map(newly_there)
        .map(|signed| signed.identity().user)
        .collect();
    let directory = users::identities(db, &people).await?;
    let signer = c.app.managed.existing();
    let early = blocking(move || {
        let lost = Lost {
            conversation,
            from,
            given,
        };
        Checked::of(lost, head, &directory, signer)
    })
    .await?;
    commit(c, id, move |tx| Box::pin(give_back(tx, me, early))).await
}

/// What is given back.
struct Lost {
    conversation: ConversationId,
    from: u64,
    given: Vec<Parsed>,
}

impl Lost {
    /// How many of the entries given a log of that size has already.
    fn overlap(&self, size: u64) -> Result<usize, RequestError> {
        let Some(overlap) = size.checked_sub(self.from) else {
            let text = "the entries before these are missing too";
            return Err(RequestError::new(ErrorCode::NotFound, text));
        };
        Ok(usize::try_from(overlap)
            .map_or(self.given.len(), |overlap| overlap.min(self.given.len())))
    }
}

/// What is given back, verified before the writer's turn.
struct Checked {
    lost: Lost,
    /// Where the log is not known: the state that its first entry makes.
    first: Option<LogState>,
    /// Claims that hold, by place among the entries given.
    verified: HashMap<usize, Vec<Claim>>,
    signer: Option<Arc<Signer>>,
}

impl Checked {
    /// Verifies what the log lacks. Where an entry is refused, the rest is left to the writer, who says so.
    fn of(
        lost: Lost,
        head: Option<Head>,
        directory: &HashMap<UserId, Chain>,
        signer: Option<Arc<Signer>>,
    ) -> Result<Self, RequestError> {
        let (first, mut state, begin, mut number) = match head {
            Some(head) => {
                let size = head.frontier().size();
                (
                    None,
                    LogState::clone(&head.state),
                    lost.overlap(size)?,
                    size,
                )
            }
            None => {
                let [create, _, ..] = lost.given.as_slice() else {
                    return Err(invalid("a log begins with create and invite"));
                };
                must_be_credible(create, directory)?;
                let first = begun_by(create, &[])?;
                if first.conversation != lost.conversation {
                    return Err(invalid("the first entry is of another conversation"));
                }
                must_have_key_of(&first, signer.as_deref())?;
                (Some(first.clone()), first, 1, 1)
            }
        };
        let mut verified = HashMap::new();
        for (place, parsed) in lost.given.iter().enumerate().skip(begin) {
            let Ok(judged) = state.judge(&parsed.entry, number) else {
                break;
            };
            must_be_credible(parsed, directory)?;
            verify(judged.claims(), &[])?;
            verified.insert(place, judged.claims().to_vec());
            state.apply(judged);
            number += 1;
        }
        Ok(Self {
            lost,
            first,
            verified,
            signer,
        })
    }
}

async fn give_back(tx: &Tx<'_>, me: UserId, checked: Checked) -> Result<Committed, Failure> {
    let db = tx.connection();
    let Checked {
        lost,
        first,
        verified,
        signer,
    } = checked;
    let id = &lost.conversation;
    let head = match tx.head(id) {
        Some(head) => Some(head),
        None => entries::head(db, id).await?,
    };
    let (mut growing, begin) = match (head, first, lost.given.first()) {
        (Some(head), _, _) => {
            let overlap = lost.overlap(head.frontier().size())?;
            let end = lost.from + overlap as u64;
            let has = entries::leaves(db, id, lost.from, end).await?;
            let same = lost.given.iter().map(|parsed| parsed.entry.hash());
            if !same.take(overlap).eq(has) {
                let text = "the server has other entries";
                return Err(RequestError::new(ErrorCode::Conflict, text).into());
            }
            (Growing::from(tx, head), overlap)
        }
        (None, Some(first), Some(create)) => (Growing::begin(tx, first, create).await?, 1),
        _ => return Err(no_conversation().into()),
    };
    for (place, parsed) in lost.given.iter().enumerate().skip(begin) {
        if let Entry::Message(message) = &parsed.entry {
            let header = &message.header;
            let known = entries::message_place(db, id, &header.sender, &header.id).await?;
            if known.is_some() {
                let text = "this message id came before";
                return Err(RequestError::new(ErrorCode::DuplicateId, text).into());
            }
        }
        let judged = growing.judge(&parsed.entry).await?;
        if verified.get(&place).map(Vec::as_slice) != Some(judged.claims()) {
            verify(judged.claims(), &[])?;
        }
        growing.append(parsed, judged).await?;
    }
    // Somebody else may have the announcement that an entry given waits for: another is made when a reader asks.
    if lost.given.is_empty() && growing.has_reader(&me) {
        growing.answer(signer, None).await?;
    }
    // Only now: their invitation may be among what was lost.
    must_have_read(db, id, me).await?;
    let size = growing.size();
    growing.finish::<Reupload>(&Reuploaded { size }).await
}

/// Only somebody who reads the log, or did, gives it back.
async fn must_have_read(
    db: &impl sea_orm::ConnectionTrait,
    id: &ConversationId,
    me: UserId,
) -> Result<(), Failure> {
    let reach = readers::reach(db, id, &me).await?;
    reach.map(|_| ()).ok_or_else(|| no_conversation().into())
}

/// Identities that an entry brings without one before them in the log.
fn newly_there(parsed: &Parsed) -> Vec<&SignedIdentity> {
    match &parsed.entry {
        Entry::State(state) => match &state.header.act {
            Act::Create(create) => vec![&create.identity],
            Act::Invite(invite) => invite.people.iter().collect(),
            _ => Vec::new(),
        },
        Entry::Message(_) | Entry::Server(_) => Vec::new(),
    }
}

/// Refuses identities that contradict the directory. It may have lost people, and the newest version of somebody.
fn must_be_credible(
    parsed: &Parsed,
    directory: &HashMap<UserId, Chain>,
) -> Result<(), RequestError> {
    for signed in newly_there(parsed) {
        let Some(chain) = directory.get(&signed.identity().user) else {
            continue;
        };
        if !is_of(signed, &chain.versions) {
            let text = "an identity is not that of its person in the directory";
            return Err(RequestError::new(ErrorCode::StaleIdentity, text));
        }
    }
    Ok(())
}

/// Whether an identity is one of the versions, or follows the last of them.
fn is_of(signed: &SignedIdentity, versions: &[Bytes]) -> bool {
    if versions
        .iter()
        .any(|version| version.as_ref() == signed.bytes())
    {
        return true;
    }
    let newest = versions
        .last()
        .and_then(|newest| SignedIdentity::parse(newest).ok());
    let claims = newest.and_then(|newest| signed.claims(Some(newest.identity())).ok());
    claims.is_some_and(|claims| claims.iter().all(Claim::verify))
}
