//! Beginning logs and appending to them: checks what only the server can, and has `shared::log` judge the rest.
//!
//! Signatures are verified, and the server's own announcements made, before the writer's turn comes, on the newest
//! committed state; the writer judges again, and does it anew only if that gives something else. So no elliptic or
//! modular arithmetic holds up other writers, unless somebody else was faster.

use std::sync::Arc;

use secure_chat_shared::codec::Bytes;
use secure_chat_shared::crypto::identity::SignedIdentity;
use secure_chat_shared::crypto::signing::Claim;
use secure_chat_shared::ids::ConversationId;
use secure_chat_shared::log::tree::Frontier;
use secure_chat_shared::log::{Entry, Judged, LogState, Mode};
use secure_chat_shared::protocol::{
    Append, Appended, CreateConversation, ErrorCode, ManagedKey, RequestError,
};

use super::checks::{
    Parsed, blocking, embedded, invalid, known_identities, must_be_by, must_be_newest,
    no_conversation, parse, verify,
};
use super::grow::{Committed, Growing, commit, commit_row};
use crate::connection::Connection;
use crate::db::queries::entries::{self, Place};
use crate::db::{Failure, Head, Tx};
use crate::managed::{Announced, Signer};

/// The key with which this server signs announcements.
pub async fn managed_key(c: &Connection) -> Result<ManagedKey, Failure> {
    c.identified()?;
    let signer = c.app.managed.signer().await?;
    Ok(ManagedKey {
        spki: signer.spki().clone(),
    })
}

/// Begins a log with its first two entries.
pub async fn create(c: &Connection, id: u32, request: CreateConversation) -> Result<(), Failure> {
    let me = c.identified()?.user;
    let create = parse(request.create).await?;
    let invite = parse(request.invite).await?;
    must_be_by(&create, me)?;
    must_be_by(&invite, me)?;
    let mut embedded = embedded(&create.entry);
    embedded.extend(super::checks::embedded(&invite.entry));
    let known = known_identities(&c.app, &embedded).await?;
    let signer = c.app.managed.existing();

    let (create, invite, begun) = blocking(move || {
        let first = begun_by(&create, &known)?;
        must_have_key_of(&first, signer.as_deref())?;
        let mut frontier = Frontier::default();
        frontier.append(create.entry.hash());
        if invite.entry.view() != frontier.view() {
            let text = "the second entry sees the first";
            return Err(RequestError::new(ErrorCode::FalseView, text).into());
        }
        let judged = first.judge(&invite.entry, 1).map_err(RequestError::from)?;
        verify(judged.claims(), &known)?;
        let announced = announce_early(signer.as_deref(), &first, &judged, frontier, &invite)?;
        let begun = Begun {
            first,
            judged,
            announced,
            signer,
        };
        Ok::<_, Failure>((create, invite, begun))
    })
    .await?;

    let wraps = request.wraps;
    commit(c, id, move |tx| {
        Box::pin(begin(tx, create, invite, begun, wraps, embedded))
    })
    .await
}

/// The state that a valid `create` makes.
pub fn begun_by(create: &Parsed, known: &[Claim]) -> Result<LogState, RequestError> {
    let judged = LogState::begin(&create.entry).map_err(RequestError::from)?;
    verify(judged.claims(), known)?;
    judged
        .into_first_state()
        .ok_or_else(|| invalid("a log begins with create"))
}

/// Refuses conversations whose keys another server would have to make.
pub fn must_have_key_of(state: &LogState, signer: Option<&Signer>) -> Result<(), RequestError> {
    match &state.mode {
        Mode::EndToEnd => Ok(()),
        Mode::ServerManaged(spki) if signer.is_some_and(|signer| signer.spki() == spki) => Ok(()),
        Mode::ServerManaged(_) => Err(invalid("the key in create is not this server's")),
    }
}

/// Appends one entry.
pub async fn append(c: &Connection, id: u32, request: Append) -> Result<(), Failure> {
    let me = c.identified()?.user;
    let Append {
        conversation,
        entry,
        wraps,
    } = request;
    let parsed = parse(entry).await?;
    must_be_by(&parsed, me)?;
    if matches!(parsed.entry, Entry::Message(_)) {
        return append_message(c, id, conversation, parsed, wraps).await;
    }
    let (parsed, early) = verify_early(c, &conversation, parsed).await?;
    let signer = c.app.managed.existing();
    commit(c, id, move |tx| {
        Box::pin(async move { go_on(tx, conversation, &parsed, early, wraps, signer).await })
    })
    .await
}

/// Appends a message: a row, and nothing else, where all that it is judged by is in memory.
async fn append_message(
    c: &Connection,
    id: u32,
    conversation: ConversationId,
    parsed: Parsed,
    wraps: Vec<Bytes>,
) -> Result<(), Failure> {
    let parsed = Arc::new(parsed);
    let staged = Arc::clone(&parsed);
    let is_alone = wraps.is_empty();
    let signer = c.app.managed.existing();
    let stage = move |tx: &Tx<'_>| {
        let head = tx.head(&conversation).filter(|_| is_alone)?;
        Growing::from(tx, head).stage(&staged)
    };
    commit_row(c, id, stage, move |tx| {
        Box::pin(
            async move { go_on(tx, conversation, &parsed, Early::default(), wraps, signer).await },
        )
    })
    .await
}

/// A log's first state, the judgement of its second entry, and the server's announcement where that is the third.
struct Begun {
    first: LogState,
    judged: Judged,
    announced: Option<Announced>,
    signer: Option<Arc<Signer>>,
}

/// What was done before the writer's turn.
#[derive(Default)]
struct Early {
    /// Claims that hold.
    verified: Vec<Claim>,
    announced: Option<Announced>,
}

async fn begin(
    tx: &Tx<'_>,
    create: Parsed,
    invite: Parsed,
    begun: Begun,
    wraps: Vec<Bytes>,
    embedded: Vec<SignedIdentity>,
) -> Result<Committed, Failure> {
    let db = tx.connection();
    let id = begun.first.conversation;
    if let Some(place) = entries::place(db, &id, 0).await? {
        let second = entries::place(db, &id, 1).await?;
        return match second.filter(|second| second.leaf == invite.entry.hash()) {
            Some(second) if place.leaf == create.entry.hash() => Ok(again(second)),
            _ => Err(invalid("this conversation exists").into()),
        };
    }
    must_be_newest(tx, &embedded).await?;
    let mut growing = Growing::begin(tx, begun.first, &create).await?;
    growing
        .keep_wraps(&begun.judged, &invite.entry, wraps)
        .await?;
    let number = growing.append(&invite, begun.judged).await?;
    let time = growing.time();
    growing.answer(begun.signer, begun.announced).await?;
    growing
        .finish::<CreateConversation>(&Appended { number, time })
        .await
}

async fn go_on(
    tx: &Tx<'_>,
    id: ConversationId,
    parsed: &Parsed,
    early: Early,
    wraps: Vec<Bytes>,
    signer: Option<Arc<Signer>>,
) -> Result<Committed, Failure> {
    let db = tx.connection();
    let head = match tx.head(&id) {
        Some(head) => head,
        None => entries::head(db, &id).await?.ok_or_else(no_conversation)?,
    };
    if let Some(place) = earlier(tx, &head, &parsed.entry, &id).await? {
        return if place.leaf == parsed.entry.hash() {
            Ok(again(place))
        } else {
            let text = "this message id came before with other bytes";
            Err(RequestError::new(ErrorCode::DuplicateId, text).into())
        };
    }
    let mut growing = Growing::from(tx, head);
    let judged = growing.judge(&parsed.entry).await?;
    if judged.claims() != early.verified {
        verify(judged.claims(), &[])?;
    }
    must_be_newest(tx, &embedded(&parsed.entry)).await?;
    growing.keep_wraps(&judged, &parsed.entry, wraps).await?;
    let number = growing.append(parsed, judged).await?;
    let time = growing.time();
    growing.answer(signer, early.announced).await?;
    growing.finish::<Append>(&Appended { number, time }).await
}

/// Where the same entry, or another with its message id, was taken before.
async fn earlier(
    tx: &Tx<'_>,
    head: &Head,
    entry: &Entry,
    id: &ConversationId,
) -> Result<Option<Place>, Failure> {
    let db = tx.connection();
    Ok(match entry {
        Entry::Message(message) => {
            let header = &message.header;
            entries::message_place(db, id, &header.sender, &header.id).await?
        }
        _ if head.state.last == entry.hash() => {
            entries::place(db, id, head.state.last_number).await?
        }
        // The newest state entry may be the server's answer to this one.
        _ if matches!(head.state.mode, Mode::ServerManaged(_)) => {
            let before = head.state.last_number.saturating_sub(1);
            let place = entries::place(db, id, before).await?;
            place.filter(|place| place.leaf == entry.hash())
        }
        _ => None,
    })
}

fn again(place: Place) -> Committed {
    let Place { number, time, .. } = place;
    Committed::again::<Append>(&Appended { number, time })
}

/// Verifies a state entry's claims as the newest committed state has them, and makes the announcement that it asks
/// for. A refusal here is left to the writer, who knows the newest state of all.
async fn verify_early(
    c: &Connection,
    id: &ConversationId,
    parsed: Parsed,
) -> Result<(Parsed, Early), Failure> {
    let head = match c.app.database.heads().find(id) {
        Some(head) => head,
        None => entries::head(c.app.database.read(), id)
            .await?
            .ok_or_else(no_conversation)?,
    };
    let known = known_identities(&c.app, &embedded(&parsed.entry)).await?;
    let signer = c.app.managed.existing();
    blocking(move || {
        let (state, frontier) = (&head.state, head.frontier().clone());
        let Ok(judged) = state.judge(&parsed.entry, frontier.size()) else {
            return Ok::<_, Failure>((parsed, Early::default()));
        };
        verify(judged.claims(), &known)?;
        let announced = announce_early(signer.as_deref(), state, &judged, frontier, &parsed)?;
        let verified = judged.claims().to_vec();
        let early = Early {
            verified,
            announced,
        };
        Ok((parsed, early))
    })
    .await
}

/// The server's answer to an entry that is judged on a log in this state, of this size.
fn announce_early(
    signer: Option<&Signer>,
    state: &LogState,
    judged: &Judged,
    mut frontier: Frontier,
    parsed: &Parsed,
) -> Result<Option<Announced>, Failure> {
    let next = judged.next_state(state);
    match signer {
        Some(signer) if next.awaits_server => {
            frontier.append(parsed.entry.hash());
            Ok(Some(signer.announce(next, frontier.view())?))
        }
        _ => Ok(None),
    }
}
