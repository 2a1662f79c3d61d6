//! A new version of one's own identity: the password proven again, then the version and its keys in one transaction.

use secure_chat_shared::codec::{self, Bytes};
use secure_chat_shared::crypto::identity::{Compromised, SignedIdentity};
use secure_chat_shared::crypto::opaque::ServerLogin;
use secure_chat_shared::ids::UserId;
use secure_chat_shared::protocol::{
    ConfirmFinish, ConfirmStart, Confirmed, Done, ErrorCode, Event, LoginStarted,
    MAX_IDENTITY_VERSIONS, PublishIdentity, RequestError,
};

use super::auth::{check_blobs, malformed, session_ended, too_many, wrong_state};
use super::checks::blocking;
use crate::connection::{Confirmation, Connection, Identified, Phase};
use crate::db::queries::users::{self, NewVersion};
use crate::db::{Failure, Tx};
use crate::hub;

/// First step of proving the password again; counts as an attempt to log in.
pub async fn confirm_start(c: &Connection, request: ConfirmStart) -> Result<LoginStarted, Failure> {
    let me = c.identified()?;
    set_confirmation(c, me, Confirmation::None)?;
    c.app.logins_per_address.take(c.address).map_err(too_many)?;
    let (name, record) = users::credentials(c.app.database.read(), &me.user)
        .await?
        .ok_or_else(session_ended)?;
    c.app.logins_per_name.take(name.clone()).map_err(too_many)?;
    let (login, ke2) = c
        .app
        .opaque
        .login_start(Some(&record), &name, &request.ke1)
        .map_err(|_| malformed("not an OPAQUE KE1"))?;
    set_confirmation(c, me, Confirmation::Started(Box::new(login)))?;
    Ok(LoginStarted { ke2: ke2.into() })
}

/// Second step: hands out what opens with the password, and allows one [`publish`].
pub async fn confirm_finish(c: &Connection, request: ConfirmFinish) -> Result<Confirmed, Failure> {
    let me = c.identified()?;
    let login = take_started(c)?;
    if login.finish(&request.ke3).is_err() {
        let text = "the password is wrong";
        return Err(RequestError::new(ErrorCode::WrongCredentials, text).into());
    }
    let db = c.app.database.read();
    let secrets = users::secrets(db, &me.user)
        .await?
        .ok_or_else(session_ended)?;
    let mut chains = users::identities(db, &[me.user]).await?;
    let chain = chains.remove(&me.user).ok_or_else(session_ended)?;
    set_confirmation(c, me, Confirmation::Given)?;
    Ok(Confirmed {
        identities: chain.versions,
        vault: secrets.vault,
        compromised: chain.compromised,
        secrets: 0,
        state: secrets.state,
    })
}

/// Puts the next version into force. The user's other browsers hear of it.
pub async fn publish(c: &Connection, request: PublishIdentity) -> Result<Done, Failure> {
    let me = c.identified()?.user;
    take_given(c)?;
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
            move |tx| Box::pin(insert(tx, newest, new)),
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

/// How far `me` has got, unless the socket is somebody else's meanwhile: whose password was proven is who may publish.
fn set_confirmation(c: &Connection, me: Identified, to: Confirmation) -> Result<(), RequestError> {
    match &mut *c.phase() {
        Phase::SignedIn(who, confirmation) if *who == me => {
            *confirmation = to;
            Ok(())
        }
        _ => Err(session_ended()),
    }
}

fn take_confirmation(c: &Connection) -> Confirmation {
    match &mut *c.phase() {
        Phase::SignedIn(_, confirmation) => std::mem::replace(confirmation, Confirmation::None),
        _ => Confirmation::None,
    }
}

fn take_started(c: &Connection) -> Result<Box<ServerLogin>, RequestError> {
    match take_confirmation(c) {
        Confirmation::Started(login) => Ok(login),
        _ => Err(wrong_state("ConfirmStart comes first")),
    }
}

fn take_given(c: &Connection) -> Result<(), RequestError> {
    match take_confirmation(c) {
        Confirmation::Given => Ok(()),
        _ => Err(wrong_state("the password must be confirmed first")),
    }
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
