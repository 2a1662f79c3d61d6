//! Registration, signing in and out.

use std::cell::RefCell;

use super::api::{Algorithm, Answer, Event, Failure, Password, Session, Step};
use super::own_keys::OwnVersions;
use super::passkeys::PasskeyStep;
use super::platform::{KeyStep, Keys, Platform, PublicKeys, Socket, Store, Unlock};
use super::records::{self, AccountRecord};
use super::state_sync::Synced;
use super::trouble::Trouble;
use super::{Client, password};
use crate::codec::Bytes;
use crate::crypto::account::NewAccount;
use crate::crypto::identity::{self, Identity, SignedIdentity};
use crate::crypto::opaque::{ClientLogin, ClientRegistration};
use crate::crypto::random;
use crate::crypto::recovery::RecoveryCode;
use crate::ids::{ConversationId, UserId, UserName};
use crate::protocol::{
    ErrorCode, LoggedIn, LoginFinish, LoginStart, RegisterFinish, RegisterStart, SignOut, SignedIn,
};

impl<P: Platform> Client<P> {
    pub(super) async fn register(
        &mut self,
        name: &str,
        password: &Password,
        algorithm: Algorithm,
        code: Option<String>,
    ) -> Result<Answer, Trouble> {
        let name = self.may_begin(name)?;
        if self.locked.is_some() {
            return Err(Failure::WrongState.into());
        }
        if password::judge(&password.0, name.as_str()).is_err() {
            return Err(Failure::WeakPassword.into());
        }
        let (registration, request) = ClientRegistration::start(&password.0)
            .map_err(|_| Failure::Internal("OPAQUE failed".into()))?;
        let request = RegisterStart {
            name: name.clone(),
            request: Bytes(request),
            code,
        };
        let started = self.platform.socket().request(&request).await?;
        let (record, export_key) = registration
            .finish(&password.0, &started.response)
            .map_err(|_| Trouble::BadReply("the registration reply is malformed"))?;
        (self.emit)(Event::Progress(Step::Password));

        self.forget_everything().await?;
        let user = UserId(random::bytes());
        let recovery = RecoveryCode::make();
        let made = {
            let emit = RefCell::new(&mut self.emit);
            let step = |step| {
                let step = match step {
                    KeyStep::Encryption => Step::EncryptionKey,
                    KeyStep::Signing => Step::SigningKeys,
                    KeyStep::Sealed => Step::Sealed,
                };
                (emit.borrow_mut())(Event::Progress(step));
            };
            self.platform
                .keys()
                .make(user, &export_key, &recovery, &step)
                .await?
        };
        let identity = self
            .first_identity(user, name.clone(), made.public, algorithm)
            .await?;
        let state = self.platform.keys().seal_state(&Synced::first()).await?;
        let account = NewAccount {
            identity: Bytes::from(identity.bytes()),
            vault: made.vault,
            state: Bytes(state),
            recovery_verifier: Bytes(recovery.verifier().to_vec()),
        };
        let browser = self.platform.label();
        let request = RegisterFinish {
            record: Bytes(record),
            account,
            browser,
        };
        let signed_in = match self.platform.socket().request(&request).await {
            Ok(signed_in) => signed_in,
            Err(error) => {
                self.platform.keys().wipe().await?;
                return Err(error.into());
            }
        };
        if signed_in.user != user {
            return Err(Trouble::BadReply("the session is somebody else's"));
        }
        (self.emit)(Event::Progress(Step::Registered));
        let code = recovery.reveal().to_string();
        let own = OwnVersions::first(identity);
        self.begin_session(own, signed_in, 0, Some(code)).await?;
        self.after_sign_in(1).await
    }

    pub(super) async fn sign_in(
        &mut self,
        name: &str,
        password: &Password,
    ) -> Result<Answer, Trouble> {
        // A name that cannot exist is answered like one that does not.
        let name = match self.may_begin(name) {
            Err(Trouble::Tell(Failure::NameRefused(_))) => {
                return Err(Failure::WrongCredentials.into());
            }
            name => name?,
        };
        let (login, ke1) = ClientLogin::start(&password.0)
            .map_err(|_| Failure::Internal("OPAQUE failed".into()))?;
        let request = LoginStart {
            name: name.clone(),
            ke1: Bytes(ke1),
        };
        let started = self.platform.socket().request(&request).await?;
        let (ke3, export_key) = login
            .finish(&password.0, &started.ke2)
            .map_err(|_| Failure::WrongCredentials)?;
        (self.emit)(Event::Progress(Step::Password));
        let request = LoginFinish {
            ke3: Bytes(ke3),
            browser: self.platform.label(),
            continues: self.locked.as_ref().map(|locked| locked.session),
        };
        let logged_in = match self.platform.socket().request(&request).await {
            Ok(logged_in) => logged_in,
            Err(error) if error.code() == Some(ErrorCode::SecondFactorNeeded) => {
                self.passkey_step = Some(PasskeyStep::Factor { name, export_key });
                return Err(Failure::SecondFactor.into());
            }
            Err(error) => return Err(error.into()),
        };
        self.enter_account(&name, Unlock::Password(&export_key), logged_in)
            .await
    }

    /// Signs in with what the server has handed out.
    pub(super) async fn enter_account(
        &mut self,
        name: &UserName,
        unlock: Unlock<'_>,
        logged_in: LoggedIn,
    ) -> Result<Answer, Trouble> {
        let user = logged_in.signed_in.user;
        let LoggedIn {
            signed_in,
            identities,
            vault,
            state,
            compromised,
            failed,
            secrets,
        } = logged_in;
        let own = self.own_account(&identities, &vault, &compromised).await?;
        must_be_of(&own, user, name)?;
        let here = self.open_account(&own, unlock, &vault, secrets).await?;
        (self.emit)(Event::Progress(Step::Sealed));
        if let Err(trouble) = self.take_state(&state).await {
            self.close_account(here).await?;
            return Err(trouble);
        }
        self.failed = failed;
        self.begin_session(own, signed_in, secrets, None).await?;
        self.after_sign_in(state.generation).await
    }

    pub(super) async fn sign_out(&mut self) -> Result<Answer, Trouble> {
        if self.resumed {
            // Without an answer the data goes all the same; the session can be ended from another browser.
            let _ = self.platform.socket().request(&SignOut).await;
        }
        self.end_session(false).await?;
        Ok(Answer::Nothing)
    }

    /// The server ended the session. The keys stay out of reach of whoever uses this device next.
    pub(super) async fn on_session_ended(&mut self) -> Result<(), Trouble> {
        self.end_session(true).await
    }

    pub(super) async fn recovery_code_seen(&mut self, saved: bool) -> Result<Answer, Trouble> {
        if let Some(account) = &mut self.account {
            if saved {
                account.recovery_code = None;
            }
            let account = account.clone();
            self.keep_account(account).await?;
        }
        Ok(Answer::Nothing)
    }

    /// Wipes keys, store and memory.
    pub(super) async fn forget_everything(&mut self) -> Result<(), Trouble> {
        self.forget_memory();
        self.platform.keys().wipe().await?;
        Ok(self.platform.store().clear().await?)
    }

    /// Forgets whatever is in memory of an account.
    pub(super) fn forget_memory(&mut self) {
        self.account = None;
        self.locked = None;
        self.failed = None;
        self.passkey_step = None;
        self.rooms.clear();
        self.pins.clear();
        self.outbox.clear();
        self.presence.clear();
        self.open.clear();
        self.awaited.clear();
        self.behind.clear();
        self.ahead.clear();
        self.attended = None;
        self.drafts.clear();
        self.forget_batch();
        self.unknown_answers.clear();
        self.synced = Synced::default();
    }

    /// Checks that somebody may register, sign in or recover now; on a locked device only whose data it is.
    pub(super) fn may_begin(&self, name: &str) -> Result<UserName, Trouble> {
        if self.account.is_some() {
            return Err(Failure::WrongState.into());
        }
        if !self.connected {
            return Err(Trouble::Offline);
        }
        let name = UserName::normalise(name)
            .map_err(|error| Trouble::Tell(Failure::NameRefused(error.to_string())))?;
        match &self.locked {
            Some(locked) if locked.name != name => Err(Failure::WrongState.into()),
            _ => Ok(name),
        }
    }

    async fn first_identity(
        &self,
        user: UserId,
        name: UserName,
        public: PublicKeys,
        algorithm: Algorithm,
    ) -> Result<SignedIdentity, Trouble> {
        let identity = Identity {
            user,
            name,
            version: 1,
            previous: None,
            encryption: Bytes(public.encryption),
            rsa_signing: Bytes(public.rsa_signing),
            dsa_signing: Bytes(public.dsa_signing),
            algorithm,
        };
        let body = identity.body();
        let payload = identity::signing_payload(&body);
        let keys = self.platform.keys();
        let by_rsa = keys.sign(1, Algorithm::RsaPss, &payload).await?;
        let by_dsa = keys.sign(1, Algorithm::Dsa, &payload).await?;
        SignedIdentity::assemble(body, by_rsa, by_dsa, None)
            .map_err(|error| Failure::Internal(error.to_string()).into())
    }

    /// The account is signed in here from now on.
    pub(super) async fn begin_session(
        &mut self,
        own: OwnVersions,
        signed_in: SignedIn,
        secrets: u32,
        recovery_code: Option<String>,
    ) -> Result<(), Trouble> {
        let SignedIn {
            token,
            session,
            user,
        } = signed_in;
        let OwnVersions {
            earlier,
            newest,
            compromised,
            ..
        } = own;
        // What a locked device held of it.
        let unsaved = self
            .account
            .take()
            .and_then(|account| account.recovery_code);
        let account = AccountRecord {
            user,
            name: newest.identity().name.clone(),
            identity: newest,
            token,
            session,
            recovery_code: recovery_code.or(unsaved),
            earlier,
            published: None,
            compromised,
            secrets,
            replaced: None,
            offered_code: None,
        };
        self.locked = None;
        self.resumed = true;
        self.keep_account(account).await
    }

    pub(super) async fn keep_account(&mut self, account: AccountRecord) -> Result<(), Trouble> {
        use super::platform::Table;
        self.batch.push(records::put(
            Table::Meta,
            records::ACCOUNT.to_vec(),
            &account,
        ));
        self.account = Some(account);
        self.flush().await?;
        self.set_session_from_account();
        Ok(())
    }

    /// Signing in has worked; catching up may fail and is tried again, which is no failure of signing in.
    pub(super) async fn after_sign_in(&mut self, generation: u64) -> Result<Answer, Trouble> {
        self.show_everything();
        self.set_connection(super::api::Connection::CatchingUp);
        if let Err(trouble) = self.catch_up(generation).await {
            self.after_sync_trouble(&trouble).await;
        }
        Ok(Answer::Nothing)
    }

    /// Wipes everything and says so.
    pub(super) async fn end_session(&mut self, ended: bool) -> Result<(), Trouble> {
        self.answered.clear();
        let gone: Vec<_> = self.rooms.keys().copied().collect();
        let forgotten = self.forget_everything().await;
        self.resumed = false;
        self.show_gone(gone);
        self.set_session_without_account(ended);
        forgotten
    }

    /// Nobody is signed in here.
    pub(super) fn set_session_without_account(&mut self, ended: bool) {
        let session = match &self.locked {
            Some(locked) => Session::Locked {
                name: locked.name.to_string(),
            },
            None => Session::SignedOut { ended },
        };
        self.set_session(session);
    }

    /// The page is to show nothing of these any more.
    pub(super) fn show_gone(&mut self, gone: Vec<ConversationId>) {
        for id in gone {
            (self.emit)(Event::ConversationGone(id));
        }
    }
}

/// Whether the identities that the server gave are those of the account that was asked for.
pub(super) fn must_be_of(own: &OwnVersions, user: UserId, name: &UserName) -> Result<(), Trouble> {
    let newest = own.newest.identity();
    if newest.user == user && newest.name == *name {
        Ok(())
    } else {
        Err(Trouble::BadReply(
            "the account's identities are not its own",
        ))
    }
}

pub(super) fn public_keys(identity: &Identity) -> PublicKeys {
    PublicKeys {
        encryption: identity.encryption.0.clone(),
        rsa_signing: identity.rsa_signing.0.clone(),
        dsa_signing: identity.dsa_signing.0.clone(),
    }
}
