//! An account whose keys are taken off the device and brought back; its records stay, sealed.

use super::Client;
use super::api::{Answer, Event, Failure, Notice, Password};
use super::own_keys::OwnVersions;
use super::platform::{Keys, KeysError, Platform, Records, Socket, Store, StoreError, Unlock};
use super::records::{AccountRecord, LockedRecord};
use super::trouble::Trouble;
use crate::codec::{self, Bytes};
use crate::crypto::account::Vault;

/// What a device held of an account when the vault was opened there.
pub(super) enum Here {
    /// All of it, under lock.
    Locked(LockedRecord),
    /// Nothing that could be read.
    Nothing,
}

impl<P: Platform> Client<P> {
    /// The keys leave memory and device, and the token is forgotten.
    pub(super) async fn lock(&mut self) -> Result<Answer, Trouble> {
        let account = self.me()?.clone();
        self.keep_account(AccountRecord {
            token: Bytes(Vec::new()),
            ..account.clone()
        })
        .await?;
        let gone: Vec<_> = self.rooms.keys().copied().collect();
        if let Err(trouble) = self.finish_locking().await {
            self.keep_account(account).await?;
            return Err(trouble);
        }
        // What was answered may hold secrets.
        self.answered.clear();
        self.show_gone(gone);
        self.set_session_without_account(false);
        // Until it is unlocked the server takes this browser for gone, and gives it nothing.
        (self.connected, self.resumed) = (false, false);
        self.platform.socket().hang_up();
        Ok(Answer::Nothing)
    }

    /// Locks an account whose token is forgotten.
    pub(super) async fn finish_locking(&mut self) -> Result<(), Trouble> {
        let account = self.me()?;
        let locked = LockedRecord {
            user: account.user,
            name: account.name.clone(),
            session: account.session,
        };
        self.put_under_lock(locked).await
    }

    /// Signs in as whose data lies here, and goes on with them.
    pub(super) async fn unlock(&mut self, password: &Password) -> Result<Answer, Trouble> {
        let locked = self.locked.as_ref().ok_or(Failure::WrongState)?;
        let name = locked.name.to_string();
        match self.sign_in(&name, password).await {
            Err(trouble) if Failure::from(trouble.clone()) == Failure::WrongCredentials => {
                Err(Failure::WrongPassword.into())
            }
            result => result,
        }
    }

    /// Opens the vault on this device, and what lies here locked of its account. Everything else goes.
    pub(super) async fn open_account(
        &mut self,
        own: &OwnVersions,
        unlock: Unlock<'_>,
        vault: &Vault,
        secrets: u32,
    ) -> Result<Here, Trouble> {
        let user = own.newest.identity().user;
        let Some(locked) = self.locked.clone() else {
            self.forget_everything().await?;
            self.open_keys(own, unlock, vault).await?;
            return Ok(Here::Nothing);
        };
        if locked.user != user {
            return Err(Trouble::BadReply("the account is another than was locked"));
        }
        let loaded = match self.open_keys(own, unlock, vault).await? {
            Records::Kept => self.load_records(user).await,
            Records::Lost => Ok(false),
        };
        match loaded {
            Ok(true) => {}
            Ok(false) | Err(Trouble::Store(StoreError::Damaged)) => {
                self.forget_memory();
                self.platform.store().clear().await?;
                (self.emit)(Event::Notice(Notice::StoreRebuilt));
                return Ok(Here::Nothing);
            }
            Err(trouble) => {
                self.close_account(Here::Locked(locked)).await?;
                return Err(trouble);
            }
        }
        let account = self.me()?;
        let follows = own.newest == account.identity || own.earlier.contains(&account.identity);
        let older = secrets < account.secrets;
        if !follows || older {
            self.close_account(Here::Locked(locked)).await?;
            return Err(Trouble::BadReply(
                "its copy of your account is not the one that this browser knows, or an older one",
            ));
        }
        Ok(Here::Locked(locked))
    }

    /// Puts a device back as it was before [`Client::open_account`], as far as anything lay there.
    pub(super) async fn close_account(&mut self, here: Here) -> Result<(), Trouble> {
        match here {
            Here::Locked(locked) => self.put_under_lock(locked).await?,
            Here::Nothing => self.forget_everything().await?,
        }
        self.set_session_without_account(false);
        Ok(())
    }

    /// Opens the vault on this device.
    pub(super) async fn open_keys(
        &self,
        own: &OwnVersions,
        unlock: Unlock<'_>,
        vault: &Vault,
    ) -> Result<Records, Trouble> {
        let user = own.newest.identity().user;
        let opened = self.platform.keys().open(user, unlock, vault, &own.public);
        opened.await.map_err(|error| match error {
            // What opens it was proven to the server: it is the vault that is another.
            KeysError::DoesNotOpen => Trouble::BadReply("the account's keys do not open"),
            error => error.into(),
        })
    }

    async fn put_under_lock(&mut self, locked: LockedRecord) -> Result<(), Trouble> {
        self.platform.keys().lock(&codec::encode(&locked)).await?;
        self.forget_memory();
        self.locked = Some(locked);
        Ok(())
    }
}
