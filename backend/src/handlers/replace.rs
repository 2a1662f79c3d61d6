//! New secrets for an account, after the password was proven again or by the recovery code: all of them at once.

use secure_chat_shared::crypto::account::ReplacedSecrets;
use secure_chat_shared::crypto::opaque;
use secure_chat_shared::ids::UserId;
use secure_chat_shared::protocol::{
    ErrorCode, Event, MAX_STATE, RecoverFinish, RecoverStart, RecoverStarted, RecoverySeal,
    ReplaceFinish, ReplaceStart, ReplaceStarted, RequestError, SignedIn, StateGeneration,
};
use sha2::{Digest, Sha256};

use super::auth::{
    check_blobs, make_session, malformed, must_not_be_signed_in, session_ended, sign_in, too_many,
    verifier, wrong_credentials, wrong_state,
};
use super::{confirm, failed};
use crate::connection::{Account, Connection, Identified, Phase};
use crate::db::queries::secrets::{self, NewSecrets};
use crate::db::queries::{passkeys, sessions, users};
use crate::db::{Failure, Tx};
use crate::hub;

/// First step of replacing the secrets of whoever is signed in.
pub async fn start(c: &Connection, request: ReplaceStart) -> Result<ReplaceStarted, Failure> {
    let me = c.identified()?;
    confirm::begin_replacing(c)?;
    let account = secrets::credentials(c.app.database.read(), &me.user)
        .await?
        .ok_or_else(session_ended)?;
    let response = c
        .app
        .opaque
        .register_start(&account.name, &request.request)
        .map_err(|_| malformed("not an OPAQUE registration request"))?;
    Ok(ReplaceStarted {
        response: response.into(),
    })
}

/// Second step. Other sessions end, or hear of it.
pub async fn finish(c: &Connection, request: ReplaceFinish) -> Result<StateGeneration, Failure> {
    let me = c.identified()?;
    let replaced = confirm::take_replacing(c)?;
    let new = Checked::new(request.secrets, request.expected)?;
    let generation = new.secrets.generation;
    let (hub, socket) = (c.app.hub.clone(), c.outgoing.id());
    let keep = request.keep_sessions;
    c.app
        .database
        .write(
            move |tx| {
                Box::pin(async move {
                    confirm::must_hold(tx, me, replaced).await?;
                    let replaced = new.write(tx, &me.user).await?;
                    let ended = if keep {
                        Vec::new()
                    } else {
                        sessions::end_all(tx.connection(), &me.user, Some(me.session)).await?
                    };
                    Ok((replaced, ended))
                })
            },
            move |(secrets, ended)| {
                for session in ended {
                    hub.end_session(&me.user, *session, None);
                }
                let event = Event::SecretsReplaced { secrets: *secrets };
                hub.send([&me.user], Some(socket), &hub::event(event));
            },
        )
        .await?;
    Ok(StateGeneration { generation })
}

/// First step of recovery: the code proven, and what it opens. Unknown names and wrong codes take the same steps.
pub async fn recover_start(
    c: &Connection,
    request: RecoverStart,
) -> Result<RecoverStarted, Failure> {
    must_not_be_signed_in(c)?;
    failed::note_given_up(c).await?;
    if request.auth.len() != Sha256::output_size() {
        return Err(malformed("a recovery auth has 32 bytes").into());
    }
    c.app
        .recoveries_per_address
        .take(c.address)
        .map_err(too_many)?;
    c.app
        .recoveries_per_name
        .take(request.name.clone())
        .map_err(too_many)?;
    let response = c
        .app
        .opaque
        .register_start(&request.name, &request.request)
        .map_err(|_| malformed("not an OPAQUE registration request"))?;
    let db = c.app.database.read();
    let given: [u8; 32] = Sha256::digest(&request.auth).into();
    let account = secrets::recovery_of(db, &request.name).await?;
    let account = match account {
        Some(account) if account.verifier == given => account,
        Some(account) => {
            failed::note(c, account.user).await?;
            return Err(wrong_credentials().into());
        }
        None => return Err(wrong_credentials().into()),
    };
    let user = account.user;
    let found = secrets::find(db, &user)
        .await?
        .filter(|found| found.replaced == account.replaced)
        .ok_or_else(wrong_credentials)?;
    if found.disabled {
        return Err(super::auth::disabled().into());
    }
    let mut chains = users::identities(db, &[user]).await?;
    let chain = chains.remove(&user).ok_or_else(wrong_credentials)?;
    *c.phase() = Phase::Recovering(Account {
        user,
        replaced: account.replaced,
    });
    Ok(RecoverStarted {
        response: response.into(),
        user,
        identities: chain.versions,
        vault: found.vault,
        state: found.state,
        compromised: chain.compromised,
        secrets: account.replaced,
    })
}

/// Second step: every session ends, and one begins.
pub async fn recover_finish(c: &Connection, request: RecoverFinish) -> Result<SignedIn, Failure> {
    let account = take_recovering(c)?;
    let user = account.user;
    let new = Checked::new(request.secrets, request.expected)?;
    let (token, session) = make_session(c, user, &request.browser);
    let id = session.id;
    let hub = c.app.hub.clone();
    c.app
        .database
        .write(
            move |tx| {
                Box::pin(async move {
                    let db = tx.connection();
                    let now = secrets::find(db, &user).await?;
                    let now = now.filter(|now| now.replaced == account.replaced);
                    if now.ok_or_else(wrong_credentials)?.disabled {
                        return Err(super::auth::disabled().into());
                    }
                    new.write(tx, &user).await?;
                    let ended = sessions::end_all(db, &user, None).await?;
                    sessions::insert(db, &session).await?;
                    Ok(ended)
                })
            },
            move |ended| {
                for session in ended {
                    hub.end_session(&user, *session, None);
                }
            },
        )
        .await?;
    sign_in(c, Identified { user, session: id })?;
    Ok(SignedIn {
        token: token.to_vec().into(),
        session: id,
        user,
    })
}

/// What the asker's recovery code opens.
pub async fn recovery_seal(c: &Connection) -> Result<RecoverySeal, Failure> {
    let me = c.identified()?;
    let found = secrets::find(c.app.database.read(), &me.user).await?;
    let vault = found
        .ok_or_else(|| RequestError::new(ErrorCode::NotFound, "no such account"))?
        .vault;
    Ok(RecoverySeal {
        priv_by_recovery: vault.priv_by_recovery,
        state_key: vault.state_key,
    })
}

/// New secrets that are well-formed, and what they ask of the account that gets them.
struct Checked {
    secrets: NewSecrets,
    /// Identity versions whose keys the vault has.
    versions: Vec<u32>,
    /// The generation of the synced state before.
    expected: u64,
}

impl Checked {
    fn new(secrets: ReplacedSecrets, expected: u64) -> Result<Self, RequestError> {
        let opaque_record = opaque::register_finish(&secrets.record)
            .map_err(|_| malformed("not an OPAQUE registration record"))?;
        let vault = secrets.vault;
        check_blobs(&[
            &vault.priv_by_password,
            &vault.priv_by_recovery,
            &vault.state_key,
        ])?;
        for keys in &vault.keys {
            check_blobs(&[&keys.encryption, &keys.rsa_signing, &keys.dsa_signing])?;
        }
        if secrets.state.len() > MAX_STATE {
            let text = "the synced state is too large";
            return Err(RequestError::new(ErrorCode::TooLarge, text));
        }
        let versions = vault.keys.iter().map(|keys| keys.version).collect();
        Ok(Self {
            secrets: NewSecrets {
                opaque_record,
                vault,
                recovery_verifier: verifier(&secrets.recovery_verifier)?,
                state: secrets.state.0,
                generation: expected.checked_add(1).ok_or_else(stale_generation)?,
            },
            versions,
            expected,
        })
    }

    /// Writes them, if nothing moved on since they were made; how often the secrets have been replaced now.
    async fn write(self, tx: &Tx<'_>, user: &UserId) -> Result<u32, Failure> {
        let db = tx.connection();
        if users::state_generation(db, user).await? != Some(self.expected) {
            return Err(stale_generation().into());
        }
        if secrets::versions(db, user).await? != self.versions {
            let text = "the vault has not the keys of exactly the identity's versions";
            return Err(RequestError::new(ErrorCode::StaleIdentity, text).into());
        }
        secrets::forget_failures(db, user).await?;
        passkeys::forget_sealed(db, user).await?;
        Ok(secrets::replace(db, user, self.secrets).await?)
    }
}

fn take_recovering(c: &Connection) -> Result<Account, RequestError> {
    let mut phase = c.phase();
    match *phase {
        Phase::Recovering(account) => {
            *phase = Phase::Fresh;
            Ok(account)
        }
        _ => Err(wrong_state("RecoverStart comes first")),
    }
}

fn stale_generation() -> RequestError {
    RequestError::new(
        ErrorCode::StaleGeneration,
        "another browser wrote a newer generation",
    )
}
