//! A new version of one's own identity: the version and its keys in one transaction, once the password was proven again.

use secure_chat_shared::codec::{self, Bytes};
use secure_chat_shared::crypto::identity::{Compromised, SignedIdentity};
use secure_chat_shared::ids::UserId;
use secure_chat_shared::protocol::{
    Done, ErrorCode, Event, MAX_IDENTITY_VERSIONS, PublishIdentity, RequestError,
};

use super::auth::{check_blobs, malformed, session_ended};
use super::checks::blocking;
use super::confirm;
use crate::connection::Connection;
use crate::db::queries::users::{self, NewVersion};
use crate::db::{Failure, Tx};
use crate::hub;

/// Puts the next version into force. The user's other browsers hear of it.
pub async fn publish(c: &Connection, request: PublishIdentity) -> Result<Done, Failure> {
    let identified = c.identified()?;
    let me = identified.user;
    let replaced = confirm::take(c)?;
    check_blobs(&[
        &request.keys.encryption,
        &request.keys.rsa_signing,
        &request.keys.dsa_signing,
    ])?;
    let mut chains = users::identities(c.app.database.read(), &[me]).await?;
    let chain = chains.remove(&me).ok_or_else(session_ended)?;
    let newest = chain.versions.last().cloned().ok_or_else(session_ended)?;
    let previous = newest.clone();
    let new = blocking(move || check_next(me, &previous, request)).await?;

    let version = new.version;
    let (hub, socket) = (c.app.hub.clone(), c.outgoing.id());
    c.app
        .database
        .write(
            move |tx| {
                Box::pin(async move {
                    // Keys sealed under a K_priv that was replaced would never open again.
                    confirm::must_hold(tx, identified, replaced).await?;
                    insert(tx, newest, new).await
                })
            },
            move |()| {
                let frame = hub::event(Event::IdentityPublished(version));
                hub.send([&me], Some(socket), &frame);
            },
        )
        .await?;
    Ok(Done)
}

/// That the version follows the newest, the keys are its own, and the statement is about the version before.
fn check_next(
    me: UserId,
    previous: &[u8],
    request: PublishIdentity,
) -> Result<NewVersion, RequestError> {
    let previous = SignedIdentity::parse(previous).map_err(|error| invalid(&error.to_string()))?;
    let previous = previous.identity();
    let signed =
        SignedIdentity::parse(&request.identity).map_err(|error| invalid(&error.to_string()))?;
    let version = signed.identity().version;
    if version != previous.version.saturating_add(1) {
        return Err(stale());
    }
    if version > MAX_IDENTITY_VERSIONS {
        let text = "this identity has as many versions as one can have";
        return Err(RequestError::new(ErrorCode::TooLarge, text));
    }
    if request.keys.version != version {
        return Err(malformed("the keys are those of another version"));
    }
    let mut claims = signed
        .claims(Some(previous))
        .map_err(|error| invalid(&error.to_string()))?;
    if let Some(bytes) = &request.compromised {
        let statement: Compromised =
            codec::decode(bytes).map_err(|_| invalid("the statement is malformed"))?;
        if codec::encode(&statement) != bytes.0 {
            return Err(invalid("the statement is not in its one encoding"));
        }
        let about = statement
            .claims(previous)
            .map_err(|_| invalid("the statement is not about the version before"))?;
        claims.extend(about);
    }
    if !claims.iter().all(|claim| claim.verify()) {
        return Err(invalid("a signature does not verify"));
    }
    Ok(NewVersion {
        user: me,
        version,
        bytes: request.identity.0,
        keys: request.keys,
        compromised: request.compromised.map(|statement| statement.0),
    })
}

/// Writes what was checked against `newest`, if that is the newest still.
async fn insert(tx: &Tx<'_>, newest: Bytes, new: NewVersion) -> Result<(), Failure> {
    let db = tx.connection();
    let chains = users::identities(db, &[new.user]).await?;
    let now = chains
        .get(&new.user)
        .and_then(|chain| chain.versions.last());
    if now != Some(&newest) {
        return Err(stale().into());
    }
    Ok(users::publish(db, new).await?)
}

fn invalid(text: &str) -> RequestError {
    RequestError::new(ErrorCode::InvalidIdentity, text)
}

fn stale() -> RequestError {
    RequestError::new(
        ErrorCode::StaleIdentity,
        "not the version after the newest in the directory",
    )
}
