//! Registration: the name is judged first, and the account comes to be whole or not at all.

use secure_chat_shared::codec::Bytes;
use secure_chat_shared::crypto::account::{NewAccount, Vault};
use secure_chat_shared::crypto::identity::SignedIdentity;
use secure_chat_shared::crypto::opaque;
use secure_chat_shared::ids::{UserId, UserName};
use secure_chat_shared::protocol::{
    ErrorCode, MAX_STATE, RegisterFinish, RegisterStart, RegisterStarted, Registration,
    RequestError, SignedIn,
};

use super::auth::{
    check_blobs, make_session, malformed, must_not_be_signed_in, sign_in, too_many, verifier,
    wrong_state,
};
use super::failed;
use crate::connection::{Connection, Identified, Phase};
use crate::db::Failure;
use crate::db::queries::users::{self, NewUser};
use crate::db::queries::{codes, sessions};
use crate::invitation::{self, CodeHash};
use crate::names::{self, Skeleton};
use crate::numbers::now;

/// First step of registration.
pub async fn start(c: &Connection, request: RegisterStart) -> Result<RegisterStarted, Failure> {
    must_not_be_signed_in(c)?;
    failed::note_given_up(c).await?;
    let policy = c.app.config.registration;
    if policy == Registration::Closed {
        let text = "this server takes no registrations";
        return Err(RequestError::new(ErrorCode::RegistrationClosed, text).into());
    }
    c.app
        .registrations_per_address
        .take(c.address)
        .map_err(too_many)?;
    let code = match (policy, request.code) {
        (Registration::ByCode, None) => {
            let text = "registration takes an invitation code here";
            return Err(RequestError::new(ErrorCode::CodeNeeded, text).into());
        }
        (Registration::ByCode, Some(code)) => {
            let code = invitation::hash(&code);
            if !codes::is_good(c.app.database.read(), &code, now()).await? {
                return Err(code_wrong().into());
            }
            Some(code)
        }
        _ => None,
    };
    let skeleton = skeleton_of(&request.name)?;
    if users::is_taken(c.app.database.read(), &request.name, &skeleton, None).await? {
        return Err(name_taken().into());
    }
    let response = c
        .app
        .opaque
        .register_start(&request.name, &request.request)
        .map_err(|_| malformed("not an OPAQUE registration request"))?;
    *c.phase() = Phase::Registering(request.name, code);
    Ok(RegisterStarted {
        response: response.into(),
    })
}

/// Second step of registration: the account comes to be, whole or not at all.
pub async fn finish(c: &Connection, request: RegisterFinish) -> Result<SignedIn, Failure> {
    let (name, code) = take_registering(c)?;
    let skeleton = skeleton_of(&name)?;
    let opaque_record = opaque::register_finish(&request.record)
        .map_err(|_| malformed("not an OPAQUE registration record"))?;
    let NewAccount {
        identity,
        vault,
        state,
        recovery_verifier,
    } = request.account;
    check_vault(&vault)?;
    if state.len() > MAX_STATE {
        return Err(RequestError::new(ErrorCode::TooLarge, "the synced state is too large").into());
    }
    let recovery_verifier = verifier(&recovery_verifier)?;
    let (user, identity) = check_identity(identity, name.clone()).await?;

    let created = now();
    let (token, session) = make_session(c, user, &request.browser);
    let new_user = NewUser {
        id: user,
        name,
        skeleton,
        opaque_record,
        vault,
        recovery_verifier,
        state: state.0,
        identity,
        created,
    };
    let id = session.id;
    c.app
        .database
        .write(
            move |tx| {
                Box::pin(async move {
                    let db = tx.connection();
                    let (name, skeleton) = (&new_user.name, &new_user.skeleton);
                    if users::is_taken(db, name, skeleton, Some(&new_user.id)).await? {
                        return Err(name_taken().into());
                    }
                    if let Some(code) = code
                        && !codes::use_up(db, &code, created).await?
                    {
                        return Err(code_wrong().into());
                    }
                    users::insert(db, new_user).await?;
                    sessions::insert(db, &session).await?;
                    Ok(())
                })
            },
            |()| {},
        )
        .await?;
    sign_in(c, Identified { user, session: id })?;
    Ok(SignedIn {
        token: token.to_vec().into(),
        session: id,
        user,
    })
}

fn take_registering(c: &Connection) -> Result<(UserName, Option<CodeHash>), RequestError> {
    let mut phase = c.phase();
    match std::mem::replace(&mut *phase, Phase::Fresh) {
        Phase::Registering(name, code) => Ok((name, code)),
        other => {
            *phase = other;
            Err(wrong_state("RegisterStart comes first"))
        }
    }
}

fn skeleton_of(name: &UserName) -> Result<Skeleton, RequestError> {
    names::judge(name).map_err(|error| RequestError::new(ErrorCode::NameRefused, error.to_string()))
}

/// Identity version 1 of this name, signed by itself: who it is, and its bytes.
async fn check_identity(bytes: Bytes, name: UserName) -> Result<(UserId, Vec<u8>), Failure> {
    let checked = tokio::task::spawn_blocking(move || {
        let signed = SignedIdentity::parse(&bytes).map_err(|error| error.to_string())?;
        let identity = signed.identity();
        if identity.version != 1 || identity.name != name {
            return Err("an account begins with version 1 of its own name".into());
        }
        let claims = signed.claims(None).map_err(|error| error.to_string())?;
        if !claims.iter().all(|claim| claim.verify()) {
            return Err("a signature of the identity does not verify".into());
        }
        Ok((identity.user, bytes.0))
    });
    match checked.await {
        Ok(result) => result
            .map_err(|text: String| RequestError::new(ErrorCode::InvalidIdentity, text).into()),
        Err(error) => Err(sea_orm::DbErr::Custom(error.to_string()).into()),
    }
}

fn check_vault(vault: &Vault) -> Result<(), RequestError> {
    let [keys] = vault.keys.as_slice() else {
        return Err(malformed("a new vault holds one version's keys"));
    };
    if keys.version != 1 {
        return Err(malformed("a new vault holds version 1"));
    }
    check_blobs(&[
        &vault.priv_by_password,
        &vault.priv_by_recovery,
        &vault.state_key,
        &keys.encryption,
        &keys.rsa_signing,
        &keys.dsa_signing,
    ])
}

fn name_taken() -> RequestError {
    RequestError::new(
        ErrorCode::NameTaken,
        "the name, or one that looks like it, is taken",
    )
}

fn code_wrong() -> RequestError {
    RequestError::new(
        ErrorCode::CodeWrong,
        "the invitation code is unknown, used up or too old",
    )
}
