//! Replacing an account's secrets, by the password and by the recovery code.

use secure_chat_shared::codec::Bytes;
use secure_chat_shared::crypto::account::{ReplacedSecrets, Vault};
use secure_chat_shared::crypto::opaque::ClientRegistration;
use secure_chat_shared::crypto::recovery::RecoveryCode;
use secure_chat_shared::ids::UserName;
use secure_chat_shared::protocol::{
    RecoverFinish, RecoverStart, RecoverStarted, ReplaceFinish, ReplaceStart, RequestError,
    SignedIn, StateGeneration,
};

use super::{Socket, blob, vault_keys};

/// Everybody's new password.
pub const NEW_PASSWORD: &str = "lantern-gravel-oboe-31";

/// The first step on a confirmed socket, and the record for the second.
pub async fn begin_replacing(socket: &mut Socket) -> Result<Bytes, RequestError> {
    let (registration, request) = ClientRegistration::start(NEW_PASSWORD).unwrap();
    let started = socket
        .call(&ReplaceStart {
            request: request.into(),
        })
        .await?;
    let (record, _) = registration
        .finish(NEW_PASSWORD, &started.response)
        .unwrap();
    Ok(record.into())
}

/// New secrets, with keys of these versions. The blobs are noise: no server can tell.
pub fn secrets(record: Bytes, versions: &[u32], code: &RecoveryCode) -> ReplacedSecrets {
    let vault = Vault {
        priv_by_password: blob(),
        priv_by_recovery: blob(),
        state_key: blob(),
        keys: versions.iter().copied().map(vault_keys).collect(),
    };
    ReplacedSecrets {
        record,
        vault,
        state: blob(),
        recovery_verifier: code.verifier().to_vec().into(),
    }
}

/// Both steps on a confirmed socket, for an account with identity version 1 and state generation `expected`.
pub async fn replace(
    socket: &mut Socket,
    code: &RecoveryCode,
    expected: u64,
    keep_sessions: bool,
) -> Result<StateGeneration, RequestError> {
    let record = begin_replacing(socket).await?;
    let request = ReplaceFinish {
        secrets: secrets(record, &[1], code),
        expected,
        keep_sessions,
    };
    socket.call(&request).await
}

/// The first step of recovery, and the record for the second.
pub async fn begin_recovery(
    socket: &mut Socket,
    name: &UserName,
    code: &RecoveryCode,
) -> Result<(RecoverStarted, Bytes), RequestError> {
    let (registration, request) = ClientRegistration::start(NEW_PASSWORD).unwrap();
    let started = socket
        .call(&RecoverStart {
            name: name.clone(),
            auth: code.auth().expose().to_vec().into(),
            request: request.into(),
        })
        .await?;
    let (record, _) = registration
        .finish(NEW_PASSWORD, &started.response)
        .unwrap();
    Ok((started, record.into()))
}

/// Both steps of recovery, which gives the account `new` as its recovery code.
pub async fn recover(
    socket: &mut Socket,
    name: &UserName,
    code: &RecoveryCode,
    new: &RecoveryCode,
) -> Result<SignedIn, RequestError> {
    let (started, record) = begin_recovery(socket, name, code).await?;
    let request = RecoverFinish {
        secrets: secrets(record, &[1], new),
        expected: started.state.generation,
        browser: "Test".into(),
    };
    socket.call(&request).await
}
