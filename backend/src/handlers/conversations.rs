//! Appending to logs: checks what only the server can, has `shared::log` judge the rest, and tells the readers.
//!
//! Signatures are verified before the writer's turn comes, on the newest committed state; the writer judges again and
//! verifies anew only if that gives other claims. So no elliptic or modular arithmetic holds up other writers.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use secure_chat_shared::codec::Bytes;
use secure_chat_shared::crypto::identity::SignedIdentity;
use secure_chat_shared::crypto::signing::Claim;
use secure_chat_shared::ids::{ConversationId, UserId, View};
use secure_chat_shared::log::tree::{self, Frontier};
use secure_chat_shared::log::{Act, Change, Entry, Judged, LogState, Mode, Refusal};
use secure_chat_shared::protocol::{
    Append, Appended, CreateConversation, EntryAt, ErrorCode, Event, MAX_MESSAGE_ENTRY,
    MAX_STATE_ENTRY, Presence, RequestError, Stored,
};
use secure_chat_shared::{codec, protocol};

use super::presence;
use crate::app::App;
use crate::connection::Connection;
use crate::db::queries::entries::{self, NewEntry, Place};
use crate::db::queries::presence::{self as peers, Seen};
use crate::db::queries::wraps::NewWrap;
use crate::db::queries::{readers, users, wraps};
use crate::db::{Failure, Head, Tx};
use crate::hub;
use crate::numbers::now;

/// Length of an RSA-3072 ciphertext.
const WRAP_LEN: usize = 384;
/// Second byte of an encoded message entry: `[2, ...]`.
const MESSAGE_PURPOSE: u8 = 2;

/// Begins a log with its first two entries.
pub async fn create(c: &Connection, id: u32, request: CreateConversation) -> Result<(), Failure> {
    let me = c.identified()?.user;
    let create = parse(request.create).await?;
    let invite = parse(request.invite).await?;
    must_be_by(&create, me)?;
    must_be_by(&invite, me)?;
    let mut embedded = embedded(&create.entry);
    embedded.extend(self::embedded(&invite.entry));
    let known = known_identities(&c.app, &embedded).await?;

    let (create, invite, begun) = blocking(move || {
        let judged = LogState::begin(&create.entry).map_err(refused)?;
        verify(judged.claims(), &known)?;
        let first = judged
            .into_first_state()
            .ok_or_else(|| invalid("a log begins with create"))?;
        if first.mode != Mode::EndToEnd {
            return Err(invalid("this server makes no keys for conversations"));
        }
        let mut frontier = Frontier::default();
        frontier.append(create.entry.hash());
        if invite.entry.view() != frontier.view() {
            return Err(RequestError::new(
                ErrorCode::FalseView,
                "the second entry sees the first",
            ));
        }
        let judged = first.judge(&invite.entry, 1).map_err(refused)?;
        verify(judged.claims(), &known)?;
        Ok((create, invite, Begun { first, judged }))
    })
    .await?;

    let wraps = request.wraps;
    commit(c, id, move |tx| {
        Box::pin(begin(tx, me, create, invite, begun, wraps, embedded))
    })
    .await
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
    let (parsed, verified) = if matches!(parsed.entry, Entry::Message(_)) {
        (parsed, Vec::new())
    } else {
        verify_early(c, &conversation, parsed).await?
    };
    commit(c, id, move |tx| {
        Box::pin(go_on(tx, me, conversation, parsed, verified, wraps))
    })
    .await
}

/// An entry with its exact bytes.
struct Parsed {
    entry: Entry,
    bytes: Bytes,
}

/// A log's first state, and the judgement of its second entry.
struct Begun {
    first: LogState,
    judged: Judged,
}

/// What a transaction came to.
struct Committed {
    appended: Appended,
    news: Option<News>,
}

/// Whom to tell of what.
struct News {
    /// Readers before and after.
    recipients: Vec<UserId>,
    frame: bytes::Bytes,
    /// Who may read now and could not before; with everybody's presence, as they may never have shared anything.
    joined: Vec<UserId>,
    readers: Vec<Seen>,
}

/// Runs the work; once it is on disk, tells the readers and queues the reply, in commit order.
async fn commit<W>(c: &Connection, id: u32, work: W) -> Result<(), Failure>
where
    W: crate::db::Work<Committed>,
{
    let app = Arc::clone(&c.app);
    let outgoing = c.outgoing.clone();
    let tell = move |committed: &Committed| {
        if let Some(news) = &committed.news {
            app.hub
                .send(&news.recipients, Some(outgoing.id()), &news.frame);
            introduce(&app, news);
        }
        let body = codec::encode(&committed.appended).into();
        outgoing.send(hub::frame(&protocol::ServerFrame::Reply { id, body }));
    };
    c.app.database.write(work, tell).await.map(|_| ())
}

/// People who newly share a conversation learn of each other's presence.
fn introduce(app: &App, news: &News) {
    if news.joined.is_empty() {
        return;
    }
    let joined: HashSet<&UserId> = news.joined.iter().collect();
    for seen in &news.readers {
        let presence: Presence = presence::of(app, seen);
        let frame = hub::event(Event::Presence(presence));
        let others = news
            .readers
            .iter()
            .map(|other| &other.user)
            .filter(|other| {
                **other != seen.user && (joined.contains(&seen.user) || joined.contains(other))
            });
        app.hub.send(others, None, &frame);
    }
}

async fn begin(
    tx: &Tx<'_>,
    me: UserId,
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
    let time = now();
    let mut frontier = Frontier::default();
    entries::begin(db, &id, &begun.first, time).await?;
    insert(tx, &id, &mut frontier, me, &create, time).await?;
    let create_change = Change {
        joined: vec![me],
        ..Change::default()
    };
    note_readers(tx, &id, &create_change, &create.entry, 0).await?;

    let number = insert(tx, &id, &mut frontier, me, &invite, time).await?;
    let mut next = begun.first;
    keep_wraps(tx, begun.judged.next_state(&next), &invite.entry, wraps).await?;
    let change = next.apply(begun.judged);
    note_readers(tx, &id, &change, &invite.entry, number).await?;
    entries::set_state(db, &id, &next).await?;

    // Whoever was invited sees the log begin: both entries are read from the start, told of by the second.
    let recipients = next.people.keys().copied().collect();
    let news = News {
        recipients,
        frame: entry_event(&id, number, time, &invite),
        joined: next.people.keys().copied().collect(),
        readers: peers::readers(db, &id.0).await?,
    };
    tx.set_head(
        id,
        Head {
            frontier,
            state: Arc::new(next),
        },
    );
    Ok(Committed {
        appended: Appended { number, time },
        news: Some(news),
    })
}

async fn go_on(
    tx: &Tx<'_>,
    me: UserId,
    id: ConversationId,
    parsed: Parsed,
    verified: Vec<Claim>,
    wraps: Vec<Bytes>,
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
    let number = head.frontier.size();
    let judged = head.state.judge(&parsed.entry, number).map_err(refused)?;
    must_be_true(tx, &head, &id, parsed.entry.view()).await?;
    if judged.claims() != verified {
        verify(judged.claims(), &[])?;
    }
    must_be_newest(tx, &embedded(&parsed.entry)).await?;
    keep_wraps(tx, judged.next_state(&head.state), &parsed.entry, wraps).await?;

    let time = now();
    let Head {
        mut frontier,
        mut state,
    } = head;
    insert(tx, &id, &mut frontier, me, &parsed, time).await?;
    let mut recipients: BTreeSet<UserId> = state.people.keys().copied().collect();
    let mut joined = Vec::new();
    let mut seen = Vec::new();
    if !matches!(parsed.entry, Entry::Message(_)) {
        let mut next = LogState::clone(&state);
        let change = next.apply(judged);
        note_readers(tx, &id, &change, &parsed.entry, number).await?;
        entries::set_state(db, &id, &next).await?;
        recipients.extend(next.people.keys());
        if !change.joined.is_empty() {
            seen = peers::readers(db, &id.0).await?;
            joined = change.joined;
        }
        state = Arc::new(next);
    }
    let news = News {
        recipients: recipients.into_iter().collect(),
        frame: entry_event(&id, number, time, &parsed),
        joined,
        readers: seen,
    };
    tx.set_head(id, Head { frontier, state });
    Ok(Committed {
        appended: Appended { number, time },
        news: Some(news),
    })
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
        _ => None,
    })
}

fn again(place: Place) -> Committed {
    let Place { number, time, .. } = place;
    Committed {
        appended: Appended { number, time },
        news: None,
    }
}

/// Refuses a view that is not one of this log.
async fn must_be_true(
    tx: &Tx<'_>,
    head: &Head,
    id: &ConversationId,
    view: View,
) -> Result<(), Failure> {
    let root = if view.size == head.frontier.size() {
        Some(head.frontier.root())
    } else {
        entries::root(tx.connection(), id, view.size).await?
    };
    if root != Some(view.root) {
        let text = "the view is not one of this log";
        return Err(RequestError::new(ErrorCode::FalseView, text).into());
    }
    Ok(())
}

/// Refuses embedded identities that are not their people's newest.
async fn must_be_newest(tx: &Tx<'_>, embedded: &[SignedIdentity]) -> Result<(), Failure> {
    if embedded.is_empty() {
        return Ok(());
    }
    let people: Vec<UserId> = embedded
        .iter()
        .map(|signed| signed.identity().user)
        .collect();
    let directory = users::identities(tx.connection(), &people).await?;
    for signed in embedded {
        let newest = directory
            .get(&signed.identity().user)
            .and_then(|versions| versions.last());
        if newest.map(|newest| newest.as_ref()) != Some(signed.bytes()) {
            let text = "an identity is not the newest in the directory";
            return Err(RequestError::new(ErrorCode::StaleIdentity, text).into());
        }
    }
    Ok(())
}

/// Checks the wraps against what the entry commits to, and keeps them.
async fn keep_wraps(
    tx: &Tx<'_>,
    next: &LogState,
    entry: &Entry,
    given: Vec<Bytes>,
) -> Result<(), Failure> {
    let share = match entry {
        Entry::State(state) => match &state.header.act {
            Act::Share(share) => Some(share),
            _ => None,
        },
        _ => None,
    };
    let (count, root) = match (entry.announcement(), share) {
        (Some(announcement), _) => (next.people.len(), Some(announcement.wraps)),
        (None, Some(share)) => (share.epochs.len(), Some(share.wraps)),
        (None, None) => (0, None),
    };
    let fit = given.len() == count
        && given.iter().all(|wrap| wrap.len() == WRAP_LEN)
        && root.is_none_or(|root| root == tree::wraps_root(&given));
    if !fit {
        let text = "the wraps are not those that the entry commits to";
        return Err(RequestError::new(ErrorCode::InvalidWraps, text).into());
    }
    let proofs = tree::wrap_proofs(&given);
    let places = given.into_iter().zip(proofs).enumerate();
    let new: Vec<NewWrap> = match (entry.announcement(), share) {
        (Some(announcement), _) => places
            .zip(next.people.keys())
            .map(|((position, (wrap, proof)), user)| NewWrap {
                epoch: announcement.epoch,
                user: *user,
                position,
                wrap,
                proof,
            })
            .collect(),
        (None, Some(share)) => places
            .zip(&share.epochs)
            // What somebody has got by right is not replaced.
            .filter(|(_, epoch)| {
                let reading = next.reading(&share.user, **epoch);
                reading.is_none_or(|reading| reading.identity != share.identity)
            })
            .map(|((position, (wrap, proof)), epoch)| NewWrap {
                epoch: *epoch,
                user: share.user,
                position,
                wrap,
                proof,
            })
            .collect(),
        (None, None) => return Ok(()),
    };
    Ok(wraps::insert(tx.connection(), &next.conversation, new).await?)
}

/// Writes the entry in its place and returns its number.
async fn insert(
    tx: &Tx<'_>,
    id: &ConversationId,
    frontier: &mut Frontier,
    me: UserId,
    parsed: &Parsed,
    time: secure_chat_shared::ids::Timestamp,
) -> Result<u64, Failure> {
    let number = frontier.size();
    let leaf = parsed.entry.hash();
    let nodes = frontier.append(leaf);
    let message = match &parsed.entry {
        Entry::Message(message) => Some(message.header.id),
        _ => None,
    };
    let new = NewEntry {
        number,
        bytes: parsed.bytes.to_vec(),
        leaf,
        root: frontier.root(),
        nodes,
        time,
        sender: me,
        message,
    };
    entries::insert(tx.connection(), id, new).await?;
    Ok(number)
}

async fn note_readers(
    tx: &Tx<'_>,
    id: &ConversationId,
    change: &Change,
    entry: &Entry,
    number: u64,
) -> Result<(), Failure> {
    let db = tx.connection();
    if !change.joined.is_empty() {
        readers::let_in(db, id, &change.joined, number).await?;
    }
    if !change.dropped.is_empty() {
        readers::let_go(db, id, &change.dropped, number).await?;
    }
    if let Entry::State(state) = entry
        && matches!(state.header.act, Act::Accept(_))
    {
        readers::accept(db, id, &state.header.sender).await?;
    }
    Ok(())
}

/// Parses an entry within its limit; state entries, whose keys take long to validate, on a thread of their own.
async fn parse(bytes: Bytes) -> Result<Parsed, Failure> {
    let is_message = bytes.get(1) == Some(&MESSAGE_PURPOSE);
    if bytes.len()
        > if is_message {
            MAX_MESSAGE_ENTRY
        } else {
            MAX_STATE_ENTRY
        }
    {
        return Err(RequestError::new(ErrorCode::TooLarge, "the entry is too large").into());
    }
    let parse = move || match Entry::parse(&bytes) {
        Ok(entry) => Ok(Parsed { entry, bytes }),
        Err(error) => Err(invalid(&error.to_string())),
    };
    // Messages stay on this thread: those of one socket must reach the writer in the order they came.
    if is_message {
        Ok(parse()?)
    } else {
        blocking(parse).await
    }
}

fn must_be_by(parsed: &Parsed, me: UserId) -> Result<(), RequestError> {
    if parsed.entry.sender() != Some(me) {
        return Err(RequestError::new(
            ErrorCode::NotAllowed,
            "the entry is not by you",
        ));
    }
    Ok(())
}

/// Verifies a state entry's claims as the newest committed state has them. A refusal here is left to the writer, who
/// knows the newest state of all.
async fn verify_early(
    c: &Connection,
    id: &ConversationId,
    parsed: Parsed,
) -> Result<(Parsed, Vec<Claim>), Failure> {
    let head = match c.app.database.heads().find(id) {
        Some(head) => head,
        None => entries::head(c.app.database.read(), id)
            .await?
            .ok_or_else(no_conversation)?,
    };
    let known = known_identities(&c.app, &embedded(&parsed.entry)).await?;
    blocking(
        move || match head.state.judge(&parsed.entry, head.frontier.size()) {
            Ok(judged) => {
                verify(judged.claims(), &known)?;
                Ok((parsed, judged.claims().to_vec()))
            }
            Err(_) => Ok((parsed, Vec::new())),
        },
    )
    .await
}

/// Identities whole in an entry that must be the newest of their people.
fn embedded(entry: &Entry) -> Vec<SignedIdentity> {
    let Entry::State(state) = entry else {
        return Vec::new();
    };
    match &state.header.act {
        Act::Create(create) => vec![create.identity.clone()],
        Act::Invite(invite) => invite.people.clone(),
        Act::Identity(new) => new.versions.last().cloned().into_iter().collect(),
        _ => Vec::new(),
    }
}

/// Claims that need no verification, since the directory holds only what was verified.
async fn known_identities(app: &App, embedded: &[SignedIdentity]) -> Result<Vec<Claim>, Failure> {
    if embedded.is_empty() {
        return Ok(Vec::new());
    }
    let people: Vec<UserId> = embedded
        .iter()
        .map(|signed| signed.identity().user)
        .collect();
    let directory = users::identities(app.database.read(), &people).await?;
    let listed = |signed: &&SignedIdentity| {
        directory
            .get(&signed.identity().user)
            .is_some_and(|versions| {
                versions
                    .iter()
                    .any(|version| version.as_ref() == signed.bytes())
            })
    };
    Ok(embedded
        .iter()
        .filter(listed)
        .flat_map(SignedIdentity::self_claims)
        .collect())
}

fn verify(claims: &[Claim], known: &[Claim]) -> Result<(), RequestError> {
    if claims
        .iter()
        .all(|claim| known.contains(claim) || claim.verify())
    {
        Ok(())
    } else {
        Err(RequestError::new(
            ErrorCode::InvalidSignature,
            "a signature does not verify",
        ))
    }
}

/// Arithmetic on a thread where it holds nobody up.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, RequestError> + Send + 'static,
) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => Ok(result?),
        Err(error) => Err(sea_orm::DbErr::Custom(error.to_string()).into()),
    }
}

fn entry_event(
    id: &ConversationId,
    number: u64,
    time: secure_chat_shared::ids::Timestamp,
    parsed: &Parsed,
) -> bytes::Bytes {
    let entry = EntryAt {
        number,
        time,
        entry: Stored::Whole(parsed.bytes.clone()),
    };
    hub::event(Event::Entry {
        conversation: *id,
        entry,
    })
}

fn refused(refusal: Refusal) -> RequestError {
    let code = match refusal {
        Refusal::Conflict => ErrorCode::Conflict,
        Refusal::NotMember | Refusal::NotAllowed => ErrorCode::NotAllowed,
        Refusal::StaleEpoch => ErrorCode::StaleEpoch,
        Refusal::EpochDue => ErrorCode::EpochDue,
        Refusal::StaleIdentity => ErrorCode::StaleIdentity,
        Refusal::FalseView => ErrorCode::FalseView,
        Refusal::Invalid(_) => ErrorCode::InvalidEntry,
    };
    RequestError::new(code, refusal.to_string())
}

fn invalid(text: &str) -> RequestError {
    RequestError::new(ErrorCode::InvalidEntry, text)
}

fn no_conversation() -> RequestError {
    RequestError::new(ErrorCode::NotFound, "no conversation that you may read")
}
