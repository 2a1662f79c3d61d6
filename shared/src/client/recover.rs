//! A lost password, replaced with the recovery code: all is kept, and every other session ends.

use super::Client;
use super::account::must_be_of;
use super::api::{Answer, Event, Failure, Password, Step, TypedCode};
use super::own_keys::OwnVersions;
use super::password;
use super::platform::{Keys, NewSecrets, Platform, Socket, Unlock};
use super::secrets::{
    ATTEMPTS, begin_registration, finish_registration, is_stale, replaced_secrets,
};
use super::trouble::Trouble;
use crate::codec::Bytes;
use crate::crypto::opaque::ExportKey;
use crate::crypto::recovery::RecoveryCode;
use crate::ids::UserName;
use crate::protocol::{ErrorCode, RecoverFinish, RecoverStart, RecoverStarted, SignedIn};

/// What the server handed out for the recovery code, checked.
struct Recovery<'a> {
    code: &'a RecoveryCode,
    started: RecoverStarted,
    own: OwnVersions,
    /// The new password's.
    record: Bytes,
    export_key: ExportKey,
}

/// What came of it.
struct Recovered {
    signed_in: SignedIn,
    code: RecoveryCode,
    generation: u64,
}

impl<P: Platform> Client<P> {
    pub(super) async fn recover(
        &mut self,
        name: &str,
        code: &TypedCode,
        password: &Password,
    ) -> Result<Answer, Trouble> {
        // A name that cannot exist and a text that can be no code are answered like wrong ones.
        let name = match self.may_begin(name) {
            Err(Trouble::Tell(Failure::NameRefused(_))) => {
                return Err(Failure::WrongRecoveryCode.into());
            }
            name => name?,
        };
        if password::judge(&password.0, name.as_str()).is_err() {
            return Err(Failure::WeakPassword.into());
        }
        let code = RecoveryCode::parse(&code.0).map_err(|_| Failure::WrongRecoveryCode)?;
        for _ in 0..ATTEMPTS {
            match self.try_to_recover(&name, &code, password).await {
                Err(trouble) if is_stale(&trouble) => {}
                result => return result,
            }
        }
        Err(Failure::Server("other browsers kept writing first".into()).into())
    }

    async fn try_to_recover(
        &mut self,
        name: &UserName,
        code: &RecoveryCode,
        password: &Password,
    ) -> Result<Answer, Trouble> {
        let (registration, request) = begin_registration(password)?;
        let request = RecoverStart {
            name: name.clone(),
            auth: Bytes(code.auth().expose().to_vec()),
            request,
        };
        let started = match self.platform.socket().request(&request).await {
            Err(error) if error.code() == Some(ErrorCode::WrongCredentials) => {
                return Err(Failure::WrongRecoveryCode.into());
            }
            started => started?,
        };
        let (record, export_key) = finish_registration(registration, password, &started.response)?;
        (self.emit)(Event::Progress(Step::Password));
        let own = self
            .own_account(&started.identities, &started.vault, &started.compromised)
            .await?;
        must_be_of(&own, started.user, name)?;
        let unlock = Unlock::Recovery(code);
        let here = self
            .open_account(&own, unlock, &started.vault, started.secrets)
            .await?;
        (self.emit)(Event::Progress(Step::Sealed));
        let recovery = Recovery {
            code,
            started,
            own,
            record,
            export_key,
        };
        match self.finish_recovery(&recovery).await {
            Ok(recovered) => self.begin_recovered(recovery, recovered).await,
            Err(trouble) => {
                self.close_account(here).await?;
                Err(trouble)
            }
        }
    }

    /// Replaces all secrets; the keys are here already.
    async fn finish_recovery(&mut self, recovery: &Recovery<'_>) -> Result<Recovered, Trouble> {
        let Recovery {
            code,
            started,
            own,
            record,
            export_key,
        } = recovery;
        self.take_state(&started.state).await?;
        self.must_not_be_rolled_back()?;
        let new_code = RecoveryCode::make();
        let (expected, state) = self.following_state();
        let new = NewSecrets {
            export_key,
            recovery: &new_code,
            state: &state,
        };
        let keys = self.platform.keys();
        let unlock = Unlock::Recovery(code);
        let replaced = keys
            .replace(started.user, unlock, &started.vault, &own.public, new)
            .await?;
        let request = RecoverFinish {
            secrets: replaced_secrets(record.clone(), replaced, &new_code),
            expected,
            browser: self.platform.label(),
        };
        let signed_in = self.platform.socket().request(&request).await?;
        if signed_in.user != started.user {
            return Err(Trouble::BadReply("the session is somebody else's"));
        }
        keys.adopt().await?;
        Ok(Recovered {
            signed_in,
            code: new_code,
            generation: expected + 1,
        })
    }

    async fn begin_recovered(
        &mut self,
        recovery: Recovery<'_>,
        recovered: Recovered,
    ) -> Result<Answer, Trouble> {
        let Recovered {
            signed_in,
            code,
            generation,
        } = recovered;
        (self.emit)(Event::Progress(Step::Registered));
        self.synced.written(generation);
        // A number that a server may have made up.
        let secrets = recovery.started.secrets.saturating_add(1);
        let code = code.reveal().to_string();
        self.begin_session(recovery.own, signed_in, secrets, Some(code))
            .await?;
        self.after_sign_in(generation).await
    }
}
