//! Appending to logs: checks what only the server can, has `shared::log` judge the rest, and tells the readers.
//!
//! Signatures are verified before the writer's turn comes, on the newest committed state; the writer judges again and
//! verifies anew only if that gives other claims. So no elliptic or modular arithmetic holds up other writers.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use secure_chat_shared::codec::Bytes;
use secure_chat_shared::crypto::identity::SignedIdentity;
use secure_chat_shared::crypto::signing::Claim;
use secure_chat_shared::ids::{ConversationId, Timestamp, UserId};
use secure_chat_shared::log::tree::Frontier;
use secure_chat_shared::log::{Act, Change, Entry, Judged, LogState, Mode};
use secure_chat_shared::protocol::{
    Append, Appended, CreateConversation, EntryAt, ErrorCode, Event, Presence, RequestError, Stored,
};
use secure_chat_shared::{codec, protocol};

use super::checks::{
    Parsed, blocking, embedded, invalid, keep_wraps, known_identities, must_be_by, must_be_newest,
    must_be_true, no_conversation, parse, verify,
};
use super::presence;
use crate::app::App;
use crate::connection::Connection;
use crate::db::queries::entries::{self, NewEntry, Place};
use crate::db::queries::presence::{self as peers, Seen};
use crate::db::queries::readers;
use crate::db::{Failure, Head, Tx};
use crate::hub;
use crate::numbers::now;

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

    let (create, invite, begun) = blocking(move || {
        let judged = LogState::begin(&create.entry).map_err(RequestError::from)?;
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
        let judged = first.judge(&invite.entry, 1).map_err(RequestError::from)?;
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
    let judged = head
        .state
        .judge(&parsed.entry, number)
        .map_err(RequestError::from)?;
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

/// Writes the entry in its place and returns its number.
async fn insert(
    tx: &Tx<'_>,
    id: &ConversationId,
    frontier: &mut Frontier,
    me: UserId,
    parsed: &Parsed,
    time: Timestamp,
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

fn entry_event(id: &ConversationId, number: u64, time: Timestamp, parsed: &Parsed) -> bytes::Bytes {
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
