//! What the server checks of an entry besides what `shared::log` judges: sizes, signatures, that its view is one of the
//! log, that its identities are the directory's newest, and that its wraps are those that it commits to.

use secure_chat_shared::codec::Bytes;
use secure_chat_shared::crypto::identity::SignedIdentity;
use secure_chat_shared::crypto::signing::Claim;
use secure_chat_shared::ids::UserId;
use secure_chat_shared::log::tree;
use secure_chat_shared::log::{Act, Entry, LogState};
use secure_chat_shared::protocol::{ErrorCode, MAX_MESSAGE_ENTRY, MAX_STATE_ENTRY, RequestError};

use crate::app::App;
use crate::db::queries::users;
use crate::db::queries::wraps::{self, NewWrap};
use crate::db::{Failure, Tx};

/// Length of an RSA-3072 ciphertext.
const WRAP_LEN: usize = 384;
/// Second byte of an encoded message entry: `[2, ...]`.
const MESSAGE_PURPOSE: u8 = 2;

/// An entry with its exact bytes.
pub struct Parsed {
    pub entry: Entry,
    pub bytes: Bytes,
}

/// Parses an entry within its limit; state entries, whose keys take long to validate, on a thread of their own.
pub async fn parse(bytes: Bytes) -> Result<Parsed, Failure> {
    // Messages stay on this thread: those of one socket must reach the writer in the order they came.
    if is_message(&bytes) {
        Ok(parse_here(bytes)?)
    } else {
        blocking(move || parse_here(bytes)).await
    }
}

/// Parses an entry within its limit.
pub fn parse_here(bytes: Bytes) -> Result<Parsed, RequestError> {
    let most = if is_message(&bytes) {
        MAX_MESSAGE_ENTRY
    } else {
        MAX_STATE_ENTRY
    };
    if bytes.len() > most {
        return Err(RequestError::new(
            ErrorCode::TooLarge,
            "the entry is too large",
        ));
    }
    match Entry::parse(&bytes) {
        Ok(entry) => Ok(Parsed { entry, bytes }),
        Err(error) => Err(invalid(&error.to_string())),
    }
}

fn is_message(bytes: &[u8]) -> bool {
    bytes.get(1) == Some(&MESSAGE_PURPOSE)
}

pub fn must_be_by(parsed: &Parsed, me: UserId) -> Result<(), RequestError> {
    if parsed.entry.sender() != Some(me) {
        return Err(RequestError::new(
            ErrorCode::NotAllowed,
            "the entry is not by you",
        ));
    }
    Ok(())
}

/// Identities whole in an entry that must be the newest of their people.
pub fn embedded(entry: &Entry) -> Vec<SignedIdentity> {
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
pub async fn known_identities(
    app: &App,
    embedded: &[SignedIdentity],
) -> Result<Vec<Claim>, Failure> {
    if embedded.is_empty() {
        return Ok(Vec::new());
    }
    let people: Vec<UserId> = embedded
        .iter()
        .map(|signed| signed.identity().user)
        .collect();
    let directory = users::identities(app.database.read(), &people).await?;
    let listed = |signed: &&SignedIdentity| {
        directory.get(&signed.identity().user).is_some_and(|chain| {
            chain
                .versions
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

pub fn verify(claims: &[Claim], known: &[Claim]) -> Result<(), RequestError> {
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
pub async fn blocking<T: Send + 'static, E: Into<Failure> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result.map_err(E::into),
        Err(error) => Err(Failure::Server(error.to_string())),
    }
}

/// Refuses embedded identities that are not their people's newest.
pub async fn must_be_newest(tx: &Tx<'_>, embedded: &[SignedIdentity]) -> Result<(), Failure> {
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
            .and_then(|chain| chain.versions.last());
        if newest.map(|newest| newest.as_ref()) != Some(signed.bytes()) {
            let text = "an identity is not the newest in the directory";
            return Err(RequestError::new(ErrorCode::StaleIdentity, text).into());
        }
    }
    Ok(())
}

/// Checks the wraps against what the entry commits to, and keeps them.
pub async fn keep_wraps(
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

pub fn invalid(text: &str) -> RequestError {
    RequestError::new(ErrorCode::InvalidEntry, text)
}

pub fn no_conversation() -> RequestError {
    RequestError::new(ErrorCode::NotFound, "no conversation that you may read")
}
