//! What keys and store share: the database, whose data it is, and the key that seals the records.

use std::cell::Cell;

use futures::lock::Mutex;
use js_sys::Object;
use secure_chat_shared::client::platform::{StoreError, Table};
use secure_chat_shared::ids::UserId;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::CryptoKey;

use super::database::{Database, KEYS, failed};
use super::webcrypto::{self, Exportable};

/// Under what the sealing key lies in [`KEYS`].
const STORE_KEY: &str = "store";
/// Under what the account's keys lie in [`KEYS`].
const ACCOUNT: &str = "account";

/// This browser's data.
pub struct Device {
    database: Database,
    user: Cell<Option<UserId>>,
    store_key: Mutex<Option<CryptoKey>>,
}

impl Device {
    /// Opens the database of that name.
    pub async fn open(name: &str) -> Result<Self, StoreError> {
        let database = Database::open(name).await?;
        Ok(Self {
            database,
            user: Cell::new(None),
            store_key: Mutex::new(None),
        })
    }

    /// The database.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Whose data it is, once known.
    pub fn user(&self) -> Option<UserId> {
        self.user.get()
    }

    /// The key that seals records: not extractable, made when first needed.
    pub async fn store_key(&self) -> Result<CryptoKey, StoreError> {
        let mut held = self.store_key.lock().await;
        if let Some(key) = &*held {
            return Ok(key.clone());
        }
        let key = match self.get(STORE_KEY).await? {
            Some(value) => value.dyn_into().map_err(|_| StoreError::Damaged)?,
            None => {
                let key = webcrypto::make_aes_key(Exportable::No)
                    .await
                    .map_err(|error| StoreError::Platform(error.to_string()))?;
                // Nothing that lies there opens under a new key.
                let writing = self.database.write(&with_tables())?;
                for table in Table::ALL {
                    writing.clear(table.name())?;
                }
                writing.put(KEYS, &STORE_KEY.into(), &key)?;
                writing.done().await?;
                key
            }
        };
        *held = Some(CryptoKey::clone(&key));
        Ok(key)
    }

    /// Remembers whose data it is: `user` from here on.
    pub fn belongs_to(&self, user: UserId) {
        self.user.set(Some(user));
    }

    /// The account's keys, as [`Device::put_account`] left them.
    pub async fn account(&self) -> Result<Option<JsValue>, StoreError> {
        self.get(ACCOUNT).await
    }

    /// Replaces the account's keys. Records of somebody else are deleted in the same transaction.
    pub async fn put_account(&self, user: UserId, account: &Object) -> Result<(), StoreError> {
        let another = self.user.get() != Some(user);
        let writing = self.database.write(&with_tables())?;
        if another {
            for table in Table::ALL {
                writing.clear(table.name())?;
            }
        }
        writing.put(KEYS, &ACCOUNT.into(), account)?;
        writing.done().await?;
        self.belongs_to(user);
        Ok(())
    }

    /// Deletes every key, and with the sealing key whatever could have been read.
    pub async fn wipe(&self) -> Result<(), StoreError> {
        let mut held = self.store_key.lock().await;
        let writing = self.database.write(&with_tables())?;
        writing.clear(KEYS)?;
        for table in Table::ALL {
            writing.clear(table.name())?;
        }
        writing.done().await?;
        *held = None;
        self.user.set(None);
        Ok(())
    }

    async fn get(&self, key: &str) -> Result<Option<JsValue>, StoreError> {
        let request = self
            .database
            .read(KEYS)?
            .get(JsValue::from_str(key))
            .map_err(failed)?;
        request.await.map_err(failed)
    }
}

fn with_tables() -> Vec<&'static str> {
    Table::ALL
        .map(Table::name)
        .into_iter()
        .chain([KEYS])
        .collect()
}
