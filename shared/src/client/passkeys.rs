//! Passkeys: a second factor after the password, and a way to unlock without it. The page asks the browser for them;
//! what it brings back comes here.

use super::Client;
use super::api::{Answer, Failure, Password, PrfOutput};
use super::platform::{CallError, Keys, Platform, Socket, Unlock};
use super::trouble::Trouble;
use crate::codec::Bytes;
use crate::crypto::account::Vault;
use crate::crypto::opaque::ExportKey;
use crate::crypto::secret::Secret32;
use crate::ids::UserName;
use crate::protocol::{
    ErrorCode, FactorFinish, FactorStart, ListPasskeys, PasskeyFinish, PasskeyStart, RemovePasskey,
    UnlockFinish, UnlockStart,
};

/// What is remembered, in memory alone, while the person is with a passkey.
pub(super) enum PasskeyStep {
    /// One is being made.
    Making {
        export_key: ExportKey,
        vault: Box<Vault>,
    },
    /// One is asked for after the password.
    Factor {
        name: UserName,
        export_key: ExportKey,
    },
}

impl<P: Platform> Client<P> {
    /// Proves the password, and brings what the browser needs to make a passkey.
    pub(super) async fn new_passkey(&mut self, password: &Password) -> Result<Answer, Trouble> {
        self.must_be_online()?;
        let (export_key, confirmed) = self.confirm(password).await?;
        let begun = self.platform.socket().request(&PasskeyStart).await;
        let begun = begun.map_err(refused)?;
        self.passkey_step = Some(PasskeyStep::Making {
            export_key,
            vault: Box::new(confirmed.vault),
        });
        Ok(Answer::PasskeyOptions(begun.options))
    }

    /// Keeps the passkey that the browser has made.
    pub(super) async fn add_passkey(
        &mut self,
        response: String,
        name: String,
        prf: Option<PrfOutput>,
    ) -> Result<Answer, Trouble> {
        let user = self.me()?.user;
        let Some(PasskeyStep::Making { export_key, vault }) = self.passkey_step.take() else {
            return Err(Failure::WrongState.into());
        };
        let mut priv_by_passkey = None;
        if let Some(prf) = prf {
            let unlock = Unlock::Password(&export_key);
            let keys = self.platform.keys();
            let sealed = keys
                .seal_for_passkey(user, unlock, &vault, &secret(&prf)?)
                .await?;
            priv_by_passkey = Some(Bytes(sealed));
        }
        let request = PasskeyFinish {
            response,
            name,
            priv_by_passkey,
        };
        let kept = self.platform.socket().request(&request).await;
        kept.map_err(refused)?;
        Ok(Answer::Nothing)
    }

    pub(super) async fn passkeys(&self) -> Result<Answer, Trouble> {
        self.must_be_resumed()?;
        let list = self.platform.socket().request(&ListPasskeys).await?;
        Ok(Answer::Passkeys(list.passkeys))
    }

    pub(super) async fn remove_passkey(
        &mut self,
        password: &Password,
        id: Bytes,
    ) -> Result<Answer, Trouble> {
        self.must_be_online()?;
        self.confirm(password).await?;
        let request = RemovePasskey { id };
        match self.platform.socket().request(&request).await {
            // Another browser was first.
            Err(error) if error.code() != Some(ErrorCode::NotFound) => Err(error.into()),
            _ => Ok(Answer::Nothing),
        }
    }

    /// The password was right; what the browser needs to ask for a passkey too.
    pub(super) async fn factor_options(&self) -> Result<Answer, Trouble> {
        if !matches!(self.passkey_step, Some(PasskeyStep::Factor { .. })) {
            return Err(Failure::WrongState.into());
        }
        let begun = self.platform.socket().request(&FactorStart).await;
        Ok(Answer::PasskeyOptions(begun.map_err(refused)?.options))
    }

    /// Ends a sign-in that had been refused with [`Failure::SecondFactor`].
    pub(super) async fn finish_factor(&mut self, response: String) -> Result<Answer, Trouble> {
        let Some(PasskeyStep::Factor { name, export_key }) = self.passkey_step.take() else {
            return Err(Failure::WrongState.into());
        };
        let request = FactorFinish { response };
        let logged_in = self.platform.socket().request(&request).await;
        let logged_in = logged_in.map_err(refused)?;
        self.enter_account(&name, Unlock::Password(&export_key), logged_in)
            .await
    }

    /// What the browser needs to ask for a passkey that unlocks it.
    pub(super) async fn unlock_options(&self) -> Result<Answer, Trouble> {
        let locked = self.locked.as_ref().ok_or(Failure::WrongState)?;
        let request = UnlockStart {
            session: locked.session,
        };
        match self.platform.socket().request(&request).await {
            Ok(begun) => Ok(Answer::PasskeyOptions(begun.options)),
            Err(error) if error.code() == Some(ErrorCode::NotFound) => {
                Err(Failure::NoPasskey.into())
            }
            Err(error) => Err(refused(error)),
        }
    }

    /// Unlocks with what the passkey has answered.
    pub(super) async fn unlock_by_passkey(
        &mut self,
        response: String,
        prf: &PrfOutput,
    ) -> Result<Answer, Trouble> {
        let name = self
            .locked
            .as_ref()
            .ok_or(Failure::WrongState)?
            .name
            .clone();
        let prf = secret(prf)?;
        let request = UnlockFinish {
            response,
            browser: self.platform.label(),
        };
        let unlocked = self.platform.socket().request(&request).await;
        let unlocked = unlocked.map_err(refused)?;
        let unlock = Unlock::Passkey {
            prf: &prf,
            sealed: &unlocked.priv_by_passkey,
        };
        self.enter_account(&name, unlock, unlocked.logged_in).await
    }
}

fn secret(prf: &PrfOutput) -> Result<Secret32, Trouble> {
    Secret32::from_slice(&prf.0)
        .map_err(|_| Failure::Internal("a passkey's PRF gives 32 bytes".into()).into())
}

fn refused(error: CallError) -> Trouble {
    match error.code() {
        // What is malformed is the browser's answer, which came from the page.
        Some(ErrorCode::Malformed) => Failure::PasskeyRefused.into(),
        Some(ErrorCode::NotFound) => Failure::NoPasskey.into(),
        _ => error.into(),
    }
}
