//! Log-in by OPAQUE, and resuming a session.
//!
//! An unknown name and a wrong password take the same steps and get the same answers.

use sea_orm::DatabaseTransaction;
use secure_chat_shared::codec::Bytes;
use secure_chat_shared::crypto::{opaque, random};
use secure_chat_shared::ids::{SessionId, UserId};
use secure_chat_shared::protocol::{
    ErrorCode, Event, LoggedIn, LoginFinish, LoginStart, LoginStarted, RequestError, Resume,
    Resumed, SessionInfo, SignedIn,
};
use sha2::{Digest, Sha256};

use super::{failed, presence};
use crate::connection::{Account, Confirmation, Connection, Identified, Phase, Waiting};
use crate::db::Failure;
use crate::db::queries::sessions::{self, NewSession};
use crate::db::queries::{passkeys, secrets, users};
use crate::hub::{self, Arrival};
use crate::numbers::now;

/// Most bytes of one sealed blob of the vault: PKCS#8 of RSA-3072 has 1.8 kB.
const MAX_BLOB: usize = 8 * 1024;
/// Most characters of what a browser calls itself.
const MAX_BROWSER: usize = 64;
/// Length of a session token and of SHA-256.
const HASH_LEN: usize = 32;

/// First step of log-in.
pub async fn login_start(c: &Connection, request: LoginStart) -> Result<LoginStarted, Failure> {
    must_not_be_signed_in(c)?;
    failed::note_given_up(c).await?;
    c.app.logins_per_address.take(c.address).map_err(too_many)?;
    let db = c.app.database.read();
    let at_home = sessions::is_at(db, &request.name, c.address).await?;
    c.app
        .logins_per_name
        .take((request.name.clone(), at_home.then_some(c.address)))
        .map_err(too_many)?;
    let found = secrets::credentials_of(db, &request.name).await?;
    let record = found.as_ref().map(|found| found.opaque_record.as_slice());
    let (login, ke2) = c
        .app
        .opaque
        .login_start(record, &request.name, &request.ke1)
        .map_err(|_| malformed("not an OPAQUE KE1"))?;
    let account = found.map(|found| Account {
        user: found.user,
        replaced: found.replaced,
    });
    *c.phase() = Phase::LoggingIn(Box::new(login), account);
    Ok(LoginStarted { ke2: ke2.into() })
}

/// Second step of log-in.
pub async fn login_finish(c: &Connection, request: LoginFinish) -> Result<LoggedIn, Failure> {
    let (login, account) = take_logging_in(c)?;
    let proven = login.finish(&request.ke3).is_ok();
    let account = match account {
        Some(account) if proven => account,
        Some(account) => {
            failed::note(c, account.user).await?;
            return Err(wrong_credentials().into());
        }
        None => return Err(wrong_credentials().into()),
    };
    let user = account.user;
    let continues = request.continues;
    let db = c.app.database.read();
    // A browser that is only locked was let in with its passkey once.
    let known = match continues {
        Some(session) => sessions::is_there(db, &user, session).await?,
        None => false,
    };
    if !known && passkeys::any(db, &user).await? {
        *c.phase() = Phase::NeedsFactor(Waiting {
            account,
            browser: request.browser,
        });
        let text = "the account asks for a passkey too";
        return Err(RequestError::new(ErrorCode::SecondFactorNeeded, text).into());
    }
    admit(c, account, &request.browser, continues).await
}

/// Signs in whose secrets were proven: goes on with the session `continues`, or begins one.
pub async fn admit(
    c: &Connection,
    account: Account,
    browser: &str,
    continues: Option<SessionId>,
) -> Result<LoggedIn, Failure> {
    let user = account.user;
    let (token, session) = make_session(c, user, browser);
    let hub = c.app.hub.clone();
    let (secrets, chain, failed, id) = c
        .app
        .database
        .write(
            move |tx| {
                Box::pin(async move {
                    let db = tx.connection();
                    let secrets = secrets::find(db, &user).await?;
                    let secrets = secrets
                        .filter(|secrets| secrets.replaced == account.replaced)
                        .ok_or_else(wrong_credentials)?;
                    if secrets.disabled {
                        return Err(disabled().into());
                    }
                    let chain = users::identities(db, &[user]).await?.remove(&user);
                    let failed = secrets::failures(db, &user).await?;
                    secrets::forget_failures(db, &user).await?;
                    let (id, begun) = begin_session(db, session, continues).await?;
                    Ok(((secrets, chain.unwrap_or_default(), failed, id), begun))
                })
            },
            move |(_, begun)| {
                // The socket is not attached yet: only others hear of it.
                if let Some(session) = begun.clone() {
                    let frame = hub::event(Event::SignedInElsewhere { session });
                    hub.send([&user], None, &frame);
                }
            },
        )
        .await?
        .0;
    sign_in(c, Identified { user, session: id })?;
    Ok(LoggedIn {
        signed_in: SignedIn {
            token: token.to_vec().into(),
            session: id,
            user,
        },
        identities: chain.versions,
        vault: secrets.vault,
        state: secrets.state,
        compromised: chain.compromised,
        failed,
        secrets: secrets.replaced,
    })
}

/// Goes on with the session `continues`, if it is one of this user's; else begins `new`. Its id, and what others are to
/// hear of a new one.
async fn begin_session(
    db: &DatabaseTransaction,
    new: NewSession,
    continues: Option<SessionId>,
) -> Result<(SessionId, Option<SessionInfo>), Failure> {
    if let Some(id) = continues
        && sessions::renew(db, id, &new).await?
    {
        return Ok((id, None));
    }
    sessions::insert(db, &new).await?;
    Ok((new.id, Some(new.info())))
}

/// Continues a session.
pub async fn resume(c: &Connection, request: Resume) -> Result<Resumed, Failure> {
    if request.token.len() != HASH_LEN {
        return Err(malformed("a token has 32 bytes").into());
    }
    failed::note_given_up(c).await?;
    let db = c.app.database.read();
    let hash = Sha256::digest(&request.token).into();
    let found = sessions::by_token(db, &hash)
        .await?
        .ok_or_else(session_ended)?;
    let (user, session) = (found.user, found.session);
    let address = c.address;
    if found.address != Some(address) {
        c.app
            .database
            .queue(
                move |tx| {
                    Box::pin(async move {
                        Ok(sessions::set_address(tx.connection(), session, address).await?)
                    })
                },
                |()| {},
            )
            .await?;
    }
    sign_in(c, Identified { user, session })?;
    Ok(Resumed {
        user,
        session,
        state_generation: found.state_generation,
        identity_version: found.identity_version,
        failed: found.failed,
        secrets: found.secrets,
    })
}

/// Puts the socket in its user's name. Nothing is awaited from here to the reply, so no event overtakes it.
pub fn sign_in(c: &Connection, identified: Identified) -> Result<(), RequestError> {
    let mut phase = c.phase();
    match *phase {
        // A client that hears late of its sockets resumes once for each, and the first time on the newest already.
        Phase::SignedIn(already, _) if already == identified => return Ok(()),
        Phase::SignedIn(..) => return Err(wrong_state("signed in already")),
        _ => {}
    }
    let Identified { user, session } = identified;
    let arrival = c.app.hub.attach(user, session, c.outgoing.clone());
    if arrival == Arrival::Ended {
        return Err(session_ended());
    }
    *phase = Phase::SignedIn(identified, Confirmation::None);
    drop(phase);
    tracing::debug!(%user, "signed in");
    if arrival == Arrival::First {
        presence::arrive(c, user);
    }
    Ok(())
}

pub fn must_not_be_signed_in(c: &Connection) -> Result<(), RequestError> {
    match *c.phase() {
        Phase::SignedIn(..) => Err(wrong_state("signed in already")),
        _ => Ok(()),
    }
}

fn take_logging_in(
    c: &Connection,
) -> Result<(Box<opaque::ServerLogin>, Option<Account>), RequestError> {
    let mut phase = c.phase();
    match std::mem::replace(&mut *phase, Phase::Fresh) {
        Phase::LoggingIn(login, account) => Ok((login, account)),
        other => {
            *phase = other;
            Err(wrong_state("LoginStart comes first"))
        }
    }
}

/// Refuses what cannot be sealed blobs of a vault.
pub fn check_blobs(blobs: &[&Bytes]) -> Result<(), RequestError> {
    if blobs.iter().any(|blob| blob.is_empty()) {
        return Err(malformed("the vault lacks something"));
    }
    if blobs.iter().any(|blob| blob.len() > MAX_BLOB) {
        return Err(RequestError::new(
            ErrorCode::TooLarge,
            "the vault is too large",
        ));
    }
    Ok(())
}

/// A recovery verifier: SHA-256(rec_auth).
pub fn verifier(bytes: &[u8]) -> Result<[u8; HASH_LEN], RequestError> {
    bytes
        .try_into()
        .map_err(|_| malformed("a recovery verifier has 32 bytes"))
}

/// A fresh token, and the session that it resumes.
pub fn make_session(c: &Connection, user: UserId, browser: &str) -> ([u8; HASH_LEN], NewSession) {
    let token: [u8; HASH_LEN] = random::bytes();
    let session = NewSession {
        id: SessionId(random::bytes()),
        user,
        token_hash: Sha256::digest(token).into(),
        browser: browser
            .chars()
            .filter(|c| !c.is_control())
            .take(MAX_BROWSER)
            .collect(),
        created: now(),
        address: c.address,
    };
    (token, session)
}

pub fn too_many(wait: std::time::Duration) -> RequestError {
    let retry_after_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1);
    let mut error = RequestError::new(ErrorCode::TooMany, "too many attempts");
    error.retry_after_ms = Some(retry_after_ms);
    error
}

pub fn wrong_credentials() -> RequestError {
    RequestError::new(
        ErrorCode::WrongCredentials,
        "the name is unknown, or what should prove it is wrong",
    )
}

pub fn disabled() -> RequestError {
    RequestError::new(
        ErrorCode::AccountDisabled,
        "the operator has disabled the account",
    )
}

pub fn malformed(text: &str) -> RequestError {
    RequestError::new(ErrorCode::Malformed, text)
}

pub fn wrong_state(text: &str) -> RequestError {
    RequestError::new(ErrorCode::WrongState, text)
}

pub fn session_ended() -> RequestError {
    RequestError::new(ErrorCode::SessionEnded, "the session has ended")
}
