//! A new password or recovery code: a new K_priv and K_state with it, so that what the old ones open stays what it was.

use super::Client;
use super::api::{Answer, Event, Failure, Notice, Password, TypedCode};
use super::author::is_outrun;
use super::password;
use super::platform::{CallError, Keys, NewSecrets, Platform, Replaced, Socket, Unlock};
use super::trouble::Trouble;
use crate::codec::Bytes;
use crate::crypto::account::ReplacedSecrets;
use crate::crypto::opaque::{ClientRegistration, ExportKey};
use crate::crypto::recovery::RecoveryCode;
use crate::protocol::{ErrorCode, GetRecoverySeal, ReplaceFinish, ReplaceStart};

/// How often it is tried again after another browser has written the synced state or new keys.
pub(super) const ATTEMPTS: usize = 4;

impl<P: Platform> Client<P> {
    pub(super) async fn change_password(
        &mut self,
        old: &Password,
        new: &Password,
        keep_sessions: bool,
    ) -> Result<Answer, Trouble> {
        if password::judge(&new.0, self.me()?.name.as_str()).is_err() {
            return Err(Failure::WeakPassword.into());
        }
        self.replace_secrets(old, new, keep_sessions).await
    }

    /// Nothing is kept that could wrap the old K_priv for a new code alone; and what the old code opened is to open
    /// nothing new.
    pub(super) async fn new_recovery_code(
        &mut self,
        password: &Password,
    ) -> Result<Answer, Trouble> {
        self.replace_secrets(password, password, true).await
    }

    pub(super) async fn check_recovery_code(
        &mut self,
        code: &TypedCode,
    ) -> Result<Answer, Trouble> {
        self.must_be_online()?;
        let Ok(code) = RecoveryCode::parse(&code.0) else {
            return Ok(Answer::Checked(false));
        };
        let user = self.me()?.user;
        let seal = self.platform.socket().request(&GetRecoverySeal).await?;
        let keys = self.platform.keys();
        let is_it = keys.check_recovery(user, &code, &seal.priv_by_recovery, &seal.state_key);
        Ok(Answer::Checked(is_it.await?))
    }

    /// The server says how often the secrets were replaced.
    pub(super) async fn note_secrets(&mut self, secrets: u32) -> Result<(), Trouble> {
        let mut account = self.me()?.clone();
        let before = (account.replaced, account.offered_code.is_some());
        account.replaced = (secrets > account.secrets).then_some(secrets);
        if account.replaced.is_none() {
            // What was offered has not come to be.
            account.offered_code = None;
        } else if account.replaced != before.0 {
            (self.emit)(Event::Notice(Notice::PasswordChanged));
        }
        if (account.replaced, account.offered_code.is_some()) != before {
            self.keep_account(account).await?;
        }
        Ok(())
    }

    async fn replace_secrets(
        &mut self,
        old: &Password,
        new: &Password,
        keep_sessions: bool,
    ) -> Result<Answer, Trouble> {
        self.must_be_online()?;
        for _ in 0..ATTEMPTS {
            match self.try_to_replace(old, new, keep_sessions).await {
                Err(trouble) if is_stale(&trouble) || is_outrun(&trouble) => {}
                result => return result,
            }
        }
        Err(Failure::Server("other browsers kept writing first".into()).into())
    }

    async fn try_to_replace(
        &mut self,
        old: &Password,
        new: &Password,
        keep_sessions: bool,
    ) -> Result<Answer, Trouble> {
        let (export_key, confirmed, own) = self.confirm_as_known(old).await?;
        let vault = &confirmed.vault;
        self.take_state(&confirmed.state).await?;
        self.must_not_be_rolled_back()?;

        let (registration, request) = begin_registration(new)?;
        let request = ReplaceStart { request };
        let started = self.platform.socket().request(&request).await?;
        let (record, new_export_key) = finish_registration(registration, new, &started.response)?;
        let code = RecoveryCode::make();
        let (expected, state) = self.following_state();
        let mut account = self.me()?.clone();
        let new = NewSecrets {
            export_key: &new_export_key,
            recovery: &code,
            state: &state,
        };
        let keys = self.platform.keys();
        let unlock = Unlock::Password(&export_key);
        let replaced = keys
            .replace(account.user, unlock, vault, &own.public, new)
            .await?;
        // Kept before it is sent: where the answer is lost, nothing else knows the code.
        let text = code.reveal().to_string();
        account.offered_code = Some(text.clone());
        self.keep_account(account.clone()).await?;
        let request = ReplaceFinish {
            secrets: replaced_secrets(record, replaced, &code),
            expected,
            keep_sessions,
        };
        account.offered_code = None;
        match self.platform.socket().request(&request).await {
            Ok(written) if written.generation == expected + 1 => {}
            Ok(_) => return Err(Trouble::BadReply("the synced state got another number")),
            Err(CallError::Refused(error)) => {
                self.keep_account(account).await?;
                return Err(CallError::Refused(error).into());
            }
            Err(error) => return Err(error.into()),
        }
        self.platform.keys().adopt().await?;
        self.synced.written(expected + 1);
        account.secrets = account.secrets.saturating_add(1);
        account.recovery_code = Some(text.clone());
        self.keep_account(account).await?;
        (self.emit)(Event::RecoveryCode(text));
        Ok(Answer::Nothing)
    }
}

/// Another browser wrote the synced state in between: everything begins anew.
pub(super) fn is_stale(trouble: &Trouble) -> bool {
    matches!(trouble, Trouble::Refused(error) if error.code == ErrorCode::StaleGeneration)
}

/// A new password's first step: what to go on with, and the request.
pub(super) fn begin_registration(
    password: &Password,
) -> Result<(ClientRegistration, Bytes), Trouble> {
    let (registration, request) = ClientRegistration::start(&password.0)
        .map_err(|_| Failure::Internal("OPAQUE failed".into()))?;
    Ok((registration, Bytes(request)))
}

/// A new password's second step: the record to upload, and the export key. Takes a second.
pub(super) fn finish_registration(
    registration: ClientRegistration,
    password: &Password,
    response: &[u8],
) -> Result<(Bytes, ExportKey), Trouble> {
    let (record, export_key) = registration
        .finish(&password.0, response)
        .map_err(|_| Trouble::BadReply("the registration reply is malformed"))?;
    Ok((Bytes(record), export_key))
}

/// What is uploaded.
pub(super) fn replaced_secrets(
    record: Bytes,
    replaced: Replaced,
    code: &RecoveryCode,
) -> ReplacedSecrets {
    ReplacedSecrets {
        record,
        vault: replaced.vault,
        state: Bytes(replaced.state),
        recovery_verifier: Bytes(code.verifier().to_vec()),
    }
}
