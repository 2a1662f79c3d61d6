//! Passkeys: made and removed with the password proven again; asked for after the password, or to unlock without it.

use secure_chat_shared::ids::SessionId;
use secure_chat_shared::protocol::{
    Done, ErrorCode, FactorFinish, LoggedIn, MAX_PASSKEY_NAME, MAX_PASSKEYS, PasskeyFinish,
    PasskeyOptions, Passkeys, RemovePasskey, RequestError, UnlockFinish, UnlockStart, Unlocked,
};

use super::auth::{admit, malformed, must_not_be_signed_in, session_ended, too_many, wrong_state};
use super::{auth, confirm, failed};
use crate::connection::{Account, Asking, Connection, Phase, Waiting};
use crate::db::Failure;
use crate::db::queries::passkeys::{self, KeptPasskey};
use crate::db::queries::{secrets, sessions};
use crate::numbers::now;
use crate::passkeys::{Credential, PasskeyError, RelyingParty};

/// Begins to make one.
pub async fn start(c: &Connection) -> Result<PasskeyOptions, Failure> {
    let me = c.identified()?.user;
    let party = party(c)?;
    let db = c.app.database.read();
    let account = secrets::credentials(db, &me)
        .await?
        .ok_or_else(session_ended)?;
    let others = credentials(&passkeys::of_user(db, &me).await?);
    if others.len() >= MAX_PASSKEYS {
        return Err(too_many_passkeys().into());
    }
    let begun = party.begin_registration(me, &account.name, &others);
    let (options, state) = begun.map_err(refused)?;
    confirm::begin_passkey(c, state)?;
    Ok(PasskeyOptions { options })
}

/// Keeps it.
pub async fn finish(c: &Connection, request: PasskeyFinish) -> Result<Done, Failure> {
    let me = c.identified()?;
    let (replaced, state) = confirm::take_passkey(c)?;
    let name: String = request
        .name
        .chars()
        .filter(|c| !c.is_control())
        .take(MAX_PASSKEY_NAME)
        .collect();
    if let Some(sealed) = &request.priv_by_passkey {
        auth::check_blobs(&[sealed])?;
    }
    let made = party(c)?.finish_registration(&request.response, *state);
    let made = made.map_err(refused)?;
    let sealed = request.priv_by_passkey;
    c.app
        .database
        .write(
            move |tx| {
                Box::pin(async move {
                    confirm::must_hold(tx, me, replaced).await?;
                    let db = tx.connection();
                    if passkeys::of_user(db, &me.user).await?.len() >= MAX_PASSKEYS {
                        return Err(too_many_passkeys().into());
                    }
                    passkeys::insert(db, &me.user, name, made, sealed, now()).await?;
                    Ok(())
                })
            },
            |()| {},
        )
        .await?;
    Ok(Done)
}

/// Lists them.
pub async fn list(c: &Connection) -> Result<Passkeys, Failure> {
    let me = c.identified()?.user;
    let kept = passkeys::of_user(c.app.database.read(), &me).await?;
    let passkeys = kept.into_iter().map(|kept| kept.info).collect();
    Ok(Passkeys { passkeys })
}

/// Forgets one.
pub async fn remove(c: &Connection, request: RemovePasskey) -> Result<Done, Failure> {
    let me = c.identified()?;
    let replaced = confirm::take(c)?;
    c.app
        .database
        .write(
            move |tx| {
                Box::pin(async move {
                    confirm::must_hold(tx, me, replaced).await?;
                    if !passkeys::remove(tx.connection(), &me.user, &request.id).await? {
                        return Err(not_found().into());
                    }
                    Ok(())
                })
            },
            |()| {},
        )
        .await?;
    Ok(Done)
}

/// Goes on with a log-in whose password was right.
pub async fn factor_start(c: &Connection) -> Result<PasskeyOptions, Failure> {
    let waiting = match &*c.phase() {
        Phase::NeedsFactor(waiting) => waiting.clone(),
        Phase::Asking(asking) if asking.session.is_none() => asking.waiting.clone(),
        _ => return Err(wrong_state("the password comes first").into()),
    };
    ask(c, waiting, None).await
}

/// Ends it.
pub async fn factor_finish(c: &Connection, request: FactorFinish) -> Result<LoggedIn, Failure> {
    let asking = take_asking(c, false)?;
    let waiting = asking.waiting.clone();
    answered(c, asking, &request.response).await?;
    admit(c, waiting.account, &waiting.browser, None).await
}

/// Begins to unlock.
pub async fn unlock_start(c: &Connection, request: UnlockStart) -> Result<PasskeyOptions, Failure> {
    must_not_be_signed_in(c)?;
    c.app.logins_per_address.take(c.address).map_err(too_many)?;
    let db = c.app.database.read();
    let user = sessions::owner(db, request.session)
        .await?
        .ok_or_else(not_found)?;
    let replaced = secrets::replaced(db, &user).await?.ok_or_else(not_found)?;
    let waiting = Waiting {
        account: Account { user, replaced },
        browser: String::new(),
    };
    ask(c, waiting, Some(request.session)).await
}

/// Unlocks.
pub async fn unlock_finish(c: &Connection, request: UnlockFinish) -> Result<Unlocked, Failure> {
    let asking = take_asking(c, true)?;
    let session = asking.session;
    let account = asking.waiting.account;
    let used = answered(c, asking, &request.response).await?;
    let sealed = used.priv_by_passkey.ok_or_else(not_found)?;
    let logged_in = admit(c, account, &request.browser, session).await?;
    Ok(Unlocked {
        logged_in,
        passkey: used.info.id,
        priv_by_passkey: sealed,
    })
}

/// Asks for one of the account's passkeys; only for those that unlock, where a browser is to be unlocked.
async fn ask(
    c: &Connection,
    waiting: Waiting,
    session: Option<SessionId>,
) -> Result<PasskeyOptions, Failure> {
    let party = party(c)?;
    let mut kept = passkeys::of_user(c.app.database.read(), &waiting.account.user).await?;
    if session.is_some() {
        kept.retain(|kept| kept.info.unlocks);
    }
    if kept.is_empty() {
        return Err(not_found().into());
    }
    let begun = party.begin_authentication(&credentials(&kept));
    let (options, state) = begun.map_err(refused)?;
    *c.phase() = Phase::Asking(Box::new(Asking {
        waiting,
        session,
        state,
    }));
    Ok(PasskeyOptions { options })
}

/// Which passkey has answered; its counter is kept.
async fn answered(c: &Connection, asking: Asking, response: &str) -> Result<KeptPasskey, Failure> {
    let user = asking.waiting.account.user;
    let kept = passkeys::of_user(c.app.database.read(), &user).await?;
    let answered =
        party(c)?.finish_authentication(user, &credentials(&kept), response, asking.state);
    let credential = match answered {
        Ok(credential) => credential,
        Err(error) => {
            failed::note(c, user).await?;
            return Err(refused(error).into());
        }
    };
    let used = kept
        .into_iter()
        .find(|kept| kept.credential.id == credential.id);
    c.app
        .database
        .write(
            move |tx| {
                Box::pin(
                    async move { Ok(passkeys::used(tx.connection(), &credential, now()).await?) },
                )
            },
            |()| {},
        )
        .await?;
    used.ok_or_else(|| not_found().into())
}

fn take_asking(c: &Connection, unlocks: bool) -> Result<Asking, RequestError> {
    let mut phase = c.phase();
    match std::mem::replace(&mut *phase, Phase::Fresh) {
        Phase::Asking(asking) if asking.session.is_some() == unlocks => Ok(*asking),
        other => {
            *phase = other;
            Err(wrong_state("FactorStart or UnlockStart comes first"))
        }
    }
}

fn party(c: &Connection) -> Result<RelyingParty, RequestError> {
    RelyingParty::of(c.origin.as_deref()).map_err(refused)
}

fn credentials(kept: &[KeptPasskey]) -> Vec<Credential> {
    kept.iter().map(|kept| kept.credential.clone()).collect()
}

fn refused(error: PasskeyError) -> RequestError {
    match error {
        PasskeyError::Malformed(_) => malformed(&error.to_string()),
        PasskeyError::NoHost | PasskeyError::Refused(_) | PasskeyError::Damaged => {
            RequestError::new(ErrorCode::PasskeyRefused, error.to_string())
        }
    }
}

fn not_found() -> RequestError {
    RequestError::new(ErrorCode::NotFound, "there is no such passkey")
}

fn too_many_passkeys() -> RequestError {
    let text = "this account has as many passkeys as one can have";
    RequestError::new(ErrorCode::TooLarge, text)
}
