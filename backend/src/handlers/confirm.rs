//! The password proven again on a signed-in socket, for what a session's token alone must not be able to do.

use secure_chat_shared::crypto::opaque::ServerLogin;
use secure_chat_shared::ids::UserId;
use secure_chat_shared::protocol::{
    ConfirmFinish, ConfirmStart, Confirmed, ErrorCode, LoginStarted, RequestError,
};

use super::auth::{malformed, session_ended, too_many, wrong_state};
use super::failed;
use crate::connection::{Confirmation, Connection, Identified, Phase};
use crate::db::queries::{secrets, sessions, users};
use crate::db::{Failure, Tx};
use crate::passkeys::Registering;

/// First step; counts as an attempt to log in.
pub async fn start(c: &Connection, request: ConfirmStart) -> Result<LoginStarted, Failure> {
    let me = c.identified()?;
    failed::note_given_up(c).await?;
    set(c, me, Confirmation::None)?;
    c.app.logins_per_address.take(c.address).map_err(too_many)?;
    // Not the name's own bucket: strangers empty that one.
    c.app
        .confirmations_per_user
        .take(me.user)
        .map_err(too_many)?;
    let account = secrets::credentials(c.app.database.read(), &me.user)
        .await?
        .ok_or_else(session_ended)?;
    let (login, ke2) = c
        .app
        .opaque
        .login_start(Some(&account.opaque_record), &account.name, &request.ke1)
        .map_err(|_| malformed("not an OPAQUE KE1"))?;
    set(
        c,
        me,
        Confirmation::Started(Box::new(login), account.replaced),
    )?;
    Ok(LoginStarted { ke2: ke2.into() })
}

/// Second step: hands out what opens with the password, and allows one thing that needs it.
pub async fn finish(c: &Connection, request: ConfirmFinish) -> Result<Confirmed, Failure> {
    let me = c.identified()?;
    let (login, replaced) = take_started(c)?;
    if login.finish(&request.ke3).is_err() {
        failed::note(c, me.user).await?;
        return Err(wrong_password().into());
    }
    let (secrets, chain) = c
        .app
        .database
        .write(move |tx| Box::pin(hand_out(tx, me.user)), |_| {})
        .await?;
    if secrets.replaced != replaced {
        return Err(wrong_password().into());
    }
    set(c, me, Confirmation::Given { replaced })?;
    Ok(Confirmed {
        identities: chain.versions,
        vault: secrets.vault,
        compromised: chain.compromised,
        secrets: secrets.replaced,
        state: secrets.state,
    })
}

async fn hand_out(tx: &Tx<'_>, user: UserId) -> Result<(secrets::Secrets, users::Chain), Failure> {
    let db = tx.connection();
    let secrets = secrets::find(db, &user).await?.ok_or_else(session_ended)?;
    let mut chains = users::identities(db, &[user]).await?;
    let chain = chains.remove(&user).ok_or_else(session_ended)?;
    secrets::forget_failures(db, &user).await?;
    Ok((secrets, chain))
}

/// Uses a confirmation up; how often the secrets had been replaced when it was given.
pub fn take(c: &Connection) -> Result<u32, RequestError> {
    match take_any(c) {
        Confirmation::Given { replaced } | Confirmation::Replacing { replaced } => Ok(replaced),
        _ => Err(unconfirmed()),
    }
}

/// Goes on to replacing the secrets, with the confirmation that this needs.
pub fn begin_replacing(c: &Connection) -> Result<(), RequestError> {
    let mut phase = c.phase();
    let Phase::SignedIn(_, confirmation) = &mut *phase else {
        return Err(unconfirmed());
    };
    match *confirmation {
        Confirmation::Given { replaced } | Confirmation::Replacing { replaced } => {
            *confirmation = Confirmation::Replacing { replaced };
            Ok(())
        }
        _ => Err(unconfirmed()),
    }
}

/// Uses a confirmation up whose [`begin_replacing`] was the step before.
pub fn take_replacing(c: &Connection) -> Result<u32, RequestError> {
    match take_any(c) {
        Confirmation::Replacing { replaced } => Ok(replaced),
        _ => Err(wrong_state("ReplaceStart comes first")),
    }
}

/// Goes on to making a passkey.
pub fn begin_passkey(c: &Connection, state: Registering) -> Result<(), RequestError> {
    let mut phase = c.phase();
    let Phase::SignedIn(_, confirmation) = &mut *phase else {
        return Err(unconfirmed());
    };
    match *confirmation {
        Confirmation::Given { replaced } | Confirmation::MakingPasskey { replaced, .. } => {
            let state = Box::new(state);
            *confirmation = Confirmation::MakingPasskey { replaced, state };
            Ok(())
        }
        _ => Err(unconfirmed()),
    }
}

/// Uses a confirmation up whose [`begin_passkey`] was the step before.
pub fn take_passkey(c: &Connection) -> Result<(u32, Box<Registering>), RequestError> {
    match take_any(c) {
        Confirmation::MakingPasskey { replaced, state } => Ok((replaced, state)),
        _ => Err(wrong_state("PasskeyStart comes first")),
    }
}

/// That a confirmation is good still: the session has not ended, and nobody replaced the secrets since.
pub async fn must_hold(tx: &Tx<'_>, me: Identified, replaced: u32) -> Result<(), Failure> {
    let db = tx.connection();
    if !sessions::is_there(db, &me.user, me.session).await? {
        return Err(session_ended().into());
    }
    if secrets::replaced(db, &me.user).await? != Some(replaced) {
        return Err(wrong_state("the password was replaced: confirm the new one").into());
    }
    Ok(())
}

/// How far `me` has got, unless the socket is somebody else's meanwhile: it counts for whose password was proven.
fn set(c: &Connection, me: Identified, to: Confirmation) -> Result<(), RequestError> {
    match &mut *c.phase() {
        Phase::SignedIn(who, confirmation) if *who == me => {
            *confirmation = to;
            Ok(())
        }
        _ => Err(session_ended()),
    }
}

fn take_any(c: &Connection) -> Confirmation {
    match &mut *c.phase() {
        Phase::SignedIn(_, confirmation) => std::mem::replace(confirmation, Confirmation::None),
        _ => Confirmation::None,
    }
}

fn take_started(c: &Connection) -> Result<(Box<ServerLogin>, u32), RequestError> {
    match take_any(c) {
        Confirmation::Started(login, replaced) => Ok((login, replaced)),
        _ => Err(wrong_state("ConfirmStart comes first")),
    }
}

fn wrong_password() -> RequestError {
    RequestError::new(ErrorCode::WrongCredentials, "the password is wrong")
}

fn unconfirmed() -> RequestError {
    wrong_state("the password must be confirmed first")
}
