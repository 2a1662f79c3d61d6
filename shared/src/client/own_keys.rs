//! New versions of one's own identity: published once, then put into force in every conversation.
//!
//! A device without the newest keys waits: it reads and writes nothing until the password brings them.

use super::Client;
use super::account::public_keys;
use super::alarms::NOT_MINE;
use super::api::{Algorithm, Answer, Connection, Event, Failure, KeyChange, Notice, Password};
use super::author::is_outrun;
use super::intent::Intent;
use super::platform::{Keys, Platform, PublicKeys, Socket, Unlock};
use super::room::Room;
use super::state_sync::ROLLED_BACK;
use super::trouble::Trouble;
use crate::codec::{self, Bytes};
use crate::crypto::account::Vault;
use crate::crypto::identity::{self, Compromised, Identity, SignedIdentity};
use crate::crypto::opaque::{ClientLogin, ExportKey};
use crate::crypto::recovery::RecoveryCode;
use crate::crypto::signing::Signature;
use crate::ids::ConversationId;
use crate::protocol::{
    ConfirmFinish, ConfirmStart, Confirmed, ErrorCode, LookupUsers, PublishIdentity,
};

/// The versions of one's own identity, as the server has them, verified.
pub(super) struct OwnVersions {
    /// Oldest first.
    pub(super) earlier: Vec<SignedIdentity>,
    pub(super) newest: SignedIdentity,
    /// The statement about the newest of them that is compromised.
    pub(super) compromised: Option<Compromised>,
    /// For each entry of the vault's keys.
    pub(super) public: Vec<PublicKeys>,
}

impl OwnVersions {
    /// A new account's.
    pub(super) fn first(newest: SignedIdentity) -> Self {
        Self {
            earlier: Vec::new(),
            public: vec![public_keys(newest.identity())],
            newest,
            compromised: None,
        }
    }
}

impl<P: Platform> Client<P> {
    /// Verifies one's own chain and finds the public halves of what the vault holds.
    pub(super) async fn own_versions(
        &self,
        identities: &[Bytes],
        vault: &Vault,
    ) -> Result<OwnVersions, Trouble> {
        let nonsense = || Trouble::BadReply("the account's identities do not hold");
        let mut earlier = self.verified_chain(identities).await?;
        let versions = earlier.iter().map(|signed| signed.identity().version);
        if !vault.keys.iter().map(|keys| keys.version).eq(versions) {
            return Err(nonsense());
        }
        let public = earlier.iter().map(SignedIdentity::identity);
        let public = public.map(public_keys).collect();
        let newest = earlier.pop().ok_or_else(nonsense)?;
        Ok(OwnVersions {
            earlier,
            newest,
            compromised: None,
            public,
        })
    }

    /// The same with what one has said of them.
    pub(super) async fn own_account(
        &self,
        identities: &[Bytes],
        vault: &Vault,
        statements: &[Bytes],
    ) -> Result<OwnVersions, Trouble> {
        let mut own = self.own_versions(identities, vault).await?;
        let chain: Vec<_> = own.earlier.iter().chain([&own.newest]).cloned().collect();
        let newest = self.compromised_in(&chain, statements).await?;
        own.compromised = newest.map(|(_, statement)| statement);
        Ok(own)
    }

    /// Puts a new version of one's identity into force.
    pub(super) async fn change_keys(
        &mut self,
        password: &Password,
        change: KeyChange,
    ) -> Result<Answer, Trouble> {
        self.must_be_online()?;
        let account = self.me()?.clone();
        let old = account.identity.identity().clone();
        if change == KeyChange::Algorithm(old.algorithm) {
            return Ok(Answer::Nothing);
        }
        let (export_key, confirmed, own) = self.confirm_as_known(password).await?;
        let keys = self.platform.keys();
        let fresh = !matches!(change, KeyChange::Algorithm(_));
        let vault = &confirmed.vault;
        let renewed = keys
            .renew(account.user, &export_key, vault, &own.public, fresh)
            .await?;
        let identity = Identity {
            version: old.version + 1,
            previous: Some(old.hash()),
            encryption: Bytes(renewed.public.encryption),
            rsa_signing: Bytes(renewed.public.rsa_signing),
            dsa_signing: Bytes(renewed.public.dsa_signing),
            algorithm: match change {
                KeyChange::Algorithm(algorithm) => algorithm,
                KeyChange::Rotate | KeyChange::Compromised => old.algorithm,
            },
            ..old.clone()
        };
        let body = identity.body();
        let payload = identity::signing_payload(&body);
        let (pss, dsa) = self.sign_by_both(identity.version, &payload).await?;
        let previous = self.sign_by_both(old.version, &payload).await?;
        let signed = SignedIdentity::assemble(body, pss, dsa, Some(previous))
            .map_err(|error| Failure::Internal(error.to_string()))?;
        let statement = if change == KeyChange::Compromised {
            let body = Compromised::body_of(&old);
            let payload = Compromised::signing_payload(&body);
            let (pss, dsa) = self.sign_by_both(old.version, &payload).await?;
            let body = Bytes(body);
            Some(Compromised { body, pss, dsa })
        } else {
            None
        };
        let request = PublishIdentity {
            identity: Bytes::from(signed.bytes()),
            keys: renewed.keys,
            compromised: statement.as_ref().map(|made| Bytes(codec::encode(made))),
        };
        let published = self.platform.socket().request(&request).await;
        if let Err(trouble) = published.map_err(Trouble::from) {
            // Another browser was first: its keys are to be brought here.
            if is_outrun(&trouble) {
                self.must_have_newest_keys().await?;
            }
            return Err(trouble);
        }
        self.platform.keys().adopt().await?;
        let mut account = self.me()?.clone();
        account.earlier.push(account.identity);
        account.identity = signed;
        account.compromised = statement.or(account.compromised);
        account.published = None;
        self.keep_account(account).await?;
        self.renew_in_rooms().await?;
        self.flush_outbox().await?;
        Ok(Answer::Nothing)
    }

    /// Brings the keys here that another browser has made, or sealed anew under a new password.
    pub(super) async fn fetch_keys(&mut self, password: &Password) -> Result<Answer, Trouble> {
        self.must_be_resumed()?;
        let (export_key, confirmed) = self.confirm(password).await?;
        let Confirmed {
            identities,
            vault,
            compromised,
            secrets,
            state,
        } = confirmed;
        let own = self.own_account(&identities, &vault, &compromised).await?;
        let mut account = self.me()?.clone();
        let follows = own.newest == account.identity || own.earlier.contains(&account.identity);
        if !follows || own.newest.identity().user != account.user {
            return Err(Trouble::BadReply(
                "the account's new keys do not follow from those on this device",
            ));
        }
        if secrets < account.secrets || self.synced.is_newer_than(&state) {
            return Err(Failure::Server(ROLLED_BACK.into()).into());
        }
        let unlock = Unlock::Password(&export_key);
        self.open_keys(&own, unlock, &vault).await?;
        let keys = self.platform.keys();
        let (by_recovery, state_key) = (&vault.priv_by_recovery, &vault.state_key);
        if let Some(text) = account.offered_code.take()
            && let Ok(code) = RecoveryCode::parse(&text)
            && keys
                .check_recovery(account.user, &code, by_recovery, state_key)
                .await?
        {
            // It was this device that replaced them, and the answer was lost.
            account.recovery_code = Some(text.clone());
            self.news.push(Event::RecoveryCode(text));
        }
        account.earlier = own.earlier;
        account.identity = own.newest;
        account.compromised = own.compromised;
        account.published = None;
        account.secrets = secrets;
        account.replaced = None;
        self.keep_account(account).await?;
        self.set_connection(Connection::CatchingUp);
        self.take_state(&state).await?;
        // Everything that waited for these keys, and whatever browsers share.
        if let Err(trouble) = self.catch_up(state.generation).await {
            self.after_sync_trouble(&trouble).await;
        }
        Ok(Answer::Nothing)
    }

    /// Another browser has published a version. What came here meanwhile may be newer.
    pub(super) async fn on_published(&mut self, version: u32) -> Result<(), Trouble> {
        if version < self.me()?.identity.identity().version {
            return Ok(());
        }
        self.note_published(version).await
    }

    /// The server calls an identity not the newest: it may be one's own, which another browser has just replaced.
    pub(super) async fn must_have_newest_keys(&mut self) -> Result<(), Trouble> {
        let me = self.me()?.user;
        let request = LookupUsers { users: vec![me] };
        let found = self.platform.socket().request(&request).await?;
        let mine = found.people.iter().find(|found| found.user == me);
        let newest = mine.and_then(|mine| u32::try_from(mine.identities.len()).ok());
        if let Some(newest) = newest {
            self.on_published(newest).await?;
        }
        self.must_be_online()
    }

    /// The server has this version of one's identity.
    pub(super) async fn note_published(&mut self, version: u32) -> Result<(), Trouble> {
        let mut account = self.me()?.clone();
        let here = account.identity.identity().version;
        if version < here {
            let text = "its copy of your identity is older than this browser's";
            let notice = Notice::Trouble(Failure::Server(text.into()));
            (self.emit)(Event::Notice(notice));
        }
        let published = (version > here).then_some(version);
        if account.published != published {
            account.published = published;
            self.keep_account(account).await?;
        }
        Ok(())
    }

    /// Puts one's newest version into force wherever an older one is.
    pub(super) async fn renew_in_rooms(&mut self) -> Result<(), Trouble> {
        let behind: Vec<ConversationId> = self
            .rooms
            .iter()
            .filter(|(_, room)| room.record.broken.is_none() && self.is_behind(room))
            .map(|(id, _)| *id)
            .collect();
        for id in behind {
            match self.renew_in_room(id).await {
                Ok(()) => {}
                // Somebody's changed identity has to be decided about first.
                Err(Trouble::Tell(_)) => {}
                Err(trouble) => return Err(trouble),
            }
        }
        Ok(())
    }

    /// Whether an older version of one's identity is in force in a room.
    pub(super) fn is_behind(&self, room: &Room) -> bool {
        self.account.as_ref().is_some_and(|account| {
            room.me(&account.user)
                .is_some_and(|me| me.identity != account.identity)
        })
    }

    /// The log may know of a newer version before this device is told: what is for its keys waits for the password.
    pub(super) async fn must_have_keys_in_force(
        &mut self,
        id: ConversationId,
    ) -> Result<(), Trouble> {
        self.note_keys_in_force(id).await?;
        let room = self.rooms.get(&id);
        match room.and_then(|room| self.newer_keys_in(room)) {
            Some(_) => Err(Failure::Outdated.into()),
            None => Ok(()),
        }
    }

    /// What the log tells of a newer version is remembered.
    pub(super) async fn note_keys_in_force(&mut self, id: ConversationId) -> Result<(), Trouble> {
        let room = self.rooms.get(&id);
        match room.and_then(|room| self.newer_keys_in(room)) {
            Some(version) => self.note_published(version).await,
            None => Ok(()),
        }
    }

    /// The version of one's identity in force in a room, where it is newer than the keys on this device.
    pub(super) fn newer_keys_in(&self, room: &Room) -> Option<u32> {
        let account = self.account.as_ref()?;
        let in_force = room.me(&account.user)?.identity.identity().version;
        (in_force > account.identity.identity().version).then_some(in_force)
    }

    /// Puts one's newest version into force in a room; a compromised one ends the membership instead.
    pub(super) async fn renew_in_room(&mut self, id: ConversationId) -> Result<(), Trouble> {
        let account = self.me()?.clone();
        let room = self.rooms.get(&id).ok_or(Failure::NotAllowed)?;
        let Some(me) = room.me(&account.user) else {
            return Ok(());
        };
        let (here, is_accepted) = (me.identity.identity().version, me.is_accepted());
        if !account.has(&me.identity) {
            return self.stop_room(id, NOT_MINE, None).await;
        }
        self.must_have_keys_in_force(id).await?;
        let statement = account.compromised.clone();
        let compromised = statement.and_then(|statement| {
            let (_, hash) = statement.subject().ok()?;
            let signed = account.versions().find(|signed| signed.hash() == hash)?;
            Some((signed.identity().version, statement))
        });
        let intent = match compromised {
            Some((version, statement)) if here == version => Intent::Compromised(statement),
            // It is about a version that never came into force here.
            Some((version, _)) if here < version && is_accepted => Intent::Leave,
            Some((version, _)) if here < version => Intent::Decline,
            _ => Intent::Identity,
        };
        self.author(id, intent).await?;
        self.seal_title_for_all(id).await
    }

    /// Proves the password on this socket, whose browser has what is newest of the account.
    pub(super) async fn confirm_as_known(
        &mut self,
        password: &Password,
    ) -> Result<(ExportKey, Confirmed, OwnVersions), Trouble> {
        let (export_key, confirmed) = self.confirm(password).await?;
        let own = self
            .own_versions(&confirmed.identities, &confirmed.vault)
            .await?;
        self.note_published(own.newest.identity().version).await?;
        self.note_secrets(confirmed.secrets).await?;
        self.must_be_online()?;
        let account = self.me()?;
        if own.newest != account.identity || confirmed.secrets != account.secrets {
            return Err(Failure::Server(ROLLED_BACK.into()).into());
        }
        Ok((export_key, confirmed, own))
    }

    /// Proves the password on this socket.
    pub(super) async fn confirm(
        &self,
        password: &Password,
    ) -> Result<(ExportKey, Confirmed), Trouble> {
        let internal = || Failure::Internal("OPAQUE failed".into());
        let (login, ke1) = ClientLogin::start(&password.0).map_err(|_| internal())?;
        let socket = self.platform.socket();
        let request = ConfirmStart { ke1: Bytes(ke1) };
        let started = socket.request(&request).await?;
        let (ke3, export_key) = login
            .finish(&password.0, &started.ke2)
            .map_err(|_| Failure::WrongPassword)?;
        let confirmed = match socket.request(&ConfirmFinish { ke3: Bytes(ke3) }).await {
            Err(error) if error.code() == Some(ErrorCode::WrongCredentials) => {
                return Err(Failure::WrongPassword.into());
            }
            confirmed => confirmed?,
        };
        Ok((export_key, confirmed))
    }

    async fn sign_by_both(
        &self,
        version: u32,
        message: &[u8],
    ) -> Result<(Signature, Signature), Trouble> {
        let keys = self.platform.keys();
        let pss = keys.sign(version, Algorithm::RsaPss, message).await?;
        let dsa = keys.sign(version, Algorithm::Dsa, message).await?;
        Ok((pss, dsa))
    }
}
