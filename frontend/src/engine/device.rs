//! What keys and store share: the database, whose data it is, and the key that seals the records.
//!
//! That key lies here as the browser keeps it, and sealed under K_state. A lock takes the first away and leaves the
//! second, which opens once the password has opened the vault.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use js_sys::{Object, Uint8Array};
use secure_chat_shared::client::platform::{Records, StoreError, Table};
use secure_chat_shared::crypto::random;
use secure_chat_shared::crypto::vault::{self, VaultPurpose};
use secure_chat_shared::ids::UserId;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::CryptoKey;
use zeroize::Zeroizing;

use super::database::{Database, KEYS, failed};
use super::webcrypto::{self, Refused};

/// Under what the sealing key lies in [`KEYS`].
const STORE_KEY: &str = "store";
/// Under what the sealing key lies there too, sealed under K_state.
const SEALED_STORE_KEY: &str = "sealed store";
/// Under what the account's keys lie in [`KEYS`].
const ACCOUNT: &str = "account";
/// What stays readable of a locked account.
const LOCKED: &str = "locked";

/// This browser's data.
pub struct Device {
    name: String,
    database: RefCell<Rc<Database>>,
    user: Cell<Option<UserId>>,
    store_key: RefCell<Option<CryptoKey>>,
    lost: UnboundedSender<()>,
    losses: RefCell<Option<UnboundedReceiver<()>>>,
}

impl Device {
    /// Opens the database of that name.
    pub async fn open(name: &str) -> Result<Self, StoreError> {
        let (lost, losses) = unbounded();
        let database = Database::open_watched(name, lost.clone()).await?;
        Ok(Self {
            name: name.into(),
            database: RefCell::new(Rc::new(database)),
            user: Cell::new(None),
            store_key: RefCell::new(None),
            lost,
            losses: RefCell::new(Some(losses)),
        })
    }

    /// The database.
    pub fn database(&self) -> Rc<Database> {
        Rc::clone(&self.database.borrow())
    }

    /// Tells each time that the database is lost. Given away once; empty from then on.
    pub fn losses(&self) -> UnboundedReceiver<()> {
        self.losses.take().unwrap_or_else(|| unbounded().1)
    }

    /// Whether the database was deleted, or closed by the browser: nothing is read or written until
    /// [`Device::make_anew`].
    pub fn is_lost(&self) -> bool {
        self.database.borrow().is_lost()
    }

    /// Opens the database again, which is made anew where it was deleted. Whose it is has to be said again.
    pub async fn make_anew(&self) -> Result<(), StoreError> {
        let database = Database::open_watched(&self.name, self.lost.clone()).await?;
        *self.database.borrow_mut() = Rc::new(database);
        *self.store_key.borrow_mut() = None;
        self.user.set(None);
        Ok(())
    }

    /// Whose data it is, once known.
    pub fn user(&self) -> Option<UserId> {
        self.user.get()
    }

    /// The key that seals records, not extractable. It is there as long as an account is.
    pub async fn store_key(&self) -> Result<CryptoKey, StoreError> {
        if let Some(key) = &*self.store_key.borrow() {
            return Ok(key.clone());
        }
        // Records without their key: what lies there opens never again.
        let stored = self.get(STORE_KEY).await?.ok_or(StoreError::Damaged)?;
        let key: CryptoKey = stored.dyn_into().map_err(|_| StoreError::Damaged)?;
        *self.store_key.borrow_mut() = Some(key.clone());
        Ok(key)
    }

    /// Remembers whose data it is: `user` from here on.
    pub fn belongs_to(&self, user: UserId) {
        self.user.set(Some(user));
    }

    /// The account's keys, as [`Device::put_account`] left them. Without a sealing key that outlasts a lock, which one
    /// of an earlier layout has not, they are damaged.
    pub async fn account(&self) -> Result<Option<JsValue>, StoreError> {
        let account = self.get(ACCOUNT).await?;
        if account.is_some() && self.sealed_store_key().await?.is_none() {
            return Err(StoreError::Damaged);
        }
        Ok(account)
    }

    /// Replaces the account's keys, and ends a lock. The records stay if their key opens under the user's K_state
    /// (`state`) or the one before it; else they are deleted in the same transaction.
    pub async fn put_account(
        &self,
        user: UserId,
        account: &Object,
        state: &CryptoKey,
        before: Option<&CryptoKey>,
    ) -> Result<Records, StoreError> {
        let was_locked = self.locked().await?.is_some();
        let kept = self.kept_store_key(&user, state, before).await?;
        let is_new = kept.is_none();
        let bytes = kept.unwrap_or_else(|| Zeroizing::new(random::bytes()));
        let sealed = webcrypto::seal(state, &store_key_aad(&user), &*bytes).await;
        let sealed = sealed.map_err(refused)?;
        let key = webcrypto::import_aes(&bytes).await.map_err(refused)?;
        let writing = self.database().write(&with_tables())?;
        if is_new {
            for table in Table::ALL {
                writing.clear(table.name())?;
            }
        }
        writing.delete(KEYS, &LOCKED.into())?;
        writing.put(KEYS, &STORE_KEY.into(), &key)?;
        let sealed = Uint8Array::from(sealed.as_slice());
        writing.put(KEYS, &SEALED_STORE_KEY.into(), &sealed)?;
        writing.put(KEYS, &ACCOUNT.into(), account)?;
        writing.done().await?;
        *self.store_key.borrow_mut() = Some(key);
        self.belongs_to(user);
        Ok(if was_locked && is_new {
            Records::Lost
        } else {
            Records::Kept
        })
    }

    /// Deletes every key, but for the sealed one of the records. `clear` stays readable.
    pub async fn lock(&self, clear: &[u8]) -> Result<(), StoreError> {
        let writing = self.database().write(&[KEYS])?;
        writing.delete(KEYS, &ACCOUNT.into())?;
        writing.delete(KEYS, &STORE_KEY.into())?;
        writing.put(KEYS, &LOCKED.into(), &Uint8Array::from(clear))?;
        writing.done().await?;
        *self.store_key.borrow_mut() = None;
        self.user.set(None);
        Ok(())
    }

    /// What [`Device::lock`] left readable, while locked.
    pub async fn locked(&self) -> Result<Option<Vec<u8>>, StoreError> {
        let stored = self.get(LOCKED).await?;
        stored.map(|clear| binary(&clear)).transpose()
    }

    /// Deletes every key, and with the sealing key whatever could have been read.
    pub async fn wipe(&self) -> Result<(), StoreError> {
        let writing = self.database().write(&with_tables())?;
        writing.clear(KEYS)?;
        for table in Table::ALL {
            writing.clear(table.name())?;
        }
        writing.done().await?;
        *self.store_key.borrow_mut() = None;
        self.user.set(None);
        Ok(())
    }

    /// The bytes of the sealing key, where one is here and opens.
    async fn kept_store_key(
        &self,
        user: &UserId,
        state: &CryptoKey,
        before: Option<&CryptoKey>,
    ) -> Result<Option<Zeroizing<[u8; 32]>>, StoreError> {
        let Some(sealed) = self.sealed_store_key().await? else {
            return Ok(None);
        };
        for state in [Some(state), before].into_iter().flatten() {
            if let Ok(bytes) = webcrypto::open(state, &store_key_aad(user), &sealed).await {
                let bytes = Zeroizing::new(bytes);
                return Ok(bytes.as_slice().try_into().map(Zeroizing::new).ok());
            }
        }
        Ok(None)
    }

    async fn sealed_store_key(&self) -> Result<Option<Vec<u8>>, StoreError> {
        let stored = self.get(SEALED_STORE_KEY).await?;
        stored.map(|sealed| binary(&sealed)).transpose()
    }

    async fn get(&self, key: &str) -> Result<Option<JsValue>, StoreError> {
        let request = self
            .database()
            .read(KEYS)?
            .get(JsValue::from_str(key))
            .map_err(failed)?;
        request.await.map_err(failed)
    }
}

/// Associated data of the sealed sealing key.
fn store_key_aad(user: &UserId) -> Vec<u8> {
    vault::aad(VaultPurpose::StoreKey, user)
}

fn binary(stored: &JsValue) -> Result<Vec<u8>, StoreError> {
    let bytes = stored.dyn_ref::<Uint8Array>().ok_or(StoreError::Damaged)?;
    Ok(bytes.to_vec())
}

fn refused(error: Refused) -> StoreError {
    StoreError::Platform(error.to_string())
}

fn with_tables() -> Vec<&'static str> {
    Table::ALL
        .map(Table::name)
        .into_iter()
        .chain([KEYS])
        .collect()
}
