//! Registration, login, the session.

use std::cell::RefCell;

use super::api::{Algorithm, Answer, Event, Failure, Password, Session, SessionRow, Step};
use super::own_keys::OwnVersions;
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
use crate::ids::{SessionId, UserId, UserName};
use crate::protocol::{
    ListSessions, LoginFinish, LoginStart, RegisterFinish, RegisterStart, RevokeSession, SignOut,
    SignedIn,
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
        self.begin_session(own, signed_in, Some(code.clone()))
            .await?;
        (self.emit)(Event::RecoveryCode(code));
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
            continues: None,
        };
        let logged_in = self.platform.socket().request(&request).await?;

        let user = logged_in.signed_in.user;
        let mut own = self
            .own_versions(&logged_in.identities, &logged_in.vault)
            .await?;
        own.compromised = self.own_statement(&own).await?;
        let newest = &own.newest;
        if newest.identity().user != user || newest.identity().name != name {
            return Err(Trouble::BadReply(
                "the account's identities are not its own",
            ));
        }
        self.forget_everything().await?;
        let unlock = Unlock::Password(&export_key);
        self.platform
            .keys()
            .open(user, unlock, &logged_in.vault, &own.public)
            .await?;
        (self.emit)(Event::Progress(Step::Sealed));
        let state = self
            .platform
            .keys()
            .open_state(&logged_in.state.sealed)
            .await?;
        self.adopt_synced(logged_in.state.generation, &state)
            .await?;
        self.begin_session(own, logged_in.signed_in, None).await?;
        self.after_sign_in(logged_in.state.generation).await
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

    pub(super) async fn sessions(&mut self) -> Result<Answer, Trouble> {
        self.must_be_resumed()?;
        let sessions = self
            .platform
            .socket()
            .request(&ListSessions)
            .await?
            .sessions;
        let rows = sessions.into_iter().map(|session| SessionRow {
            id: session.id.to_string(),
            browser: session.browser,
            created: session.created,
            last_seen: session.last_seen,
            this: session.this,
            place: session.place,
        });
        Ok(Answer::Sessions(rows.collect()))
    }

    pub(super) async fn revoke_session(&mut self, id: &str) -> Result<Answer, Trouble> {
        self.must_be_resumed()?;
        let session = SessionId::from_hex(id).ok_or(Failure::WrongState)?;
        self.platform
            .socket()
            .request(&RevokeSession { session })
            .await?;
        Ok(Answer::Nothing)
    }

    /// Wipes keys, store and memory.
    pub(super) async fn forget_everything(&mut self) -> Result<(), Trouble> {
        self.account = None;
        self.rooms.clear();
        self.pins.clear();
        self.outbox.clear();
        self.presence.clear();
        self.open.clear();
        self.forget_batch();
        self.unknown_answers.clear();
        self.synced = Synced::default();
        self.platform.keys().wipe().await?;
        Ok(self.platform.store().clear().await?)
    }

    /// Checks that somebody may register or sign in now.
    fn may_begin(&self, name: &str) -> Result<UserName, Trouble> {
        if self.account.is_some() {
            return Err(Failure::WrongState.into());
        }
        if !self.connected {
            return Err(Trouble::Offline);
        }
        UserName::normalise(name).map_err(|error| Failure::NameRefused(error.to_string()).into())
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

    async fn begin_session(
        &mut self,
        own: OwnVersions,
        signed_in: SignedIn,
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
        let account = AccountRecord {
            user,
            name: newest.identity().name.clone(),
            identity: newest,
            token,
            session,
            recovery_code,
            earlier,
            published: None,
            compromised,
        };
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
    async fn after_sign_in(&mut self, generation: u64) -> Result<Answer, Trouble> {
        self.show_blocked();
        self.set_connection(super::api::Connection::CatchingUp);
        if let Err(trouble) = self.catch_up(generation).await {
            self.after_sync_trouble(&trouble).await;
        }
        Ok(Answer::Nothing)
    }

    async fn end_session(&mut self, ended: bool) -> Result<(), Trouble> {
        let gone: Vec<_> = self.rooms.keys().copied().collect();
        let forgotten = self.forget_everything().await;
        self.resumed = false;
        for id in gone {
            (self.emit)(Event::ConversationGone(id));
        }
        self.set_session(Session::SignedOut { ended });
        forgotten
    }
}

pub(super) fn public_keys(identity: &Identity) -> PublicKeys {
    PublicKeys {
        encryption: identity.encryption.0.clone(),
        rsa_signing: identity.rsa_signing.0.clone(),
        dsa_signing: identity.dsa_signing.0.clone(),
    }
}
