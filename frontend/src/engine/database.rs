//! The one IndexedDB database: a store of keys, and one of sealed records for each table.

use std::cell::Cell;
use std::rc::Rc;

use futures::channel::mpsc::UnboundedSender;
use gloo_events::EventListener;
use idb::event::VersionChangeEvent;
use idb::{Factory, ObjectStoreParams, Transaction, TransactionMode, TransactionResult};
use js_sys::{Array, Function, Object, Reflect};
use secure_chat_shared::client::platform::{StoreError, Table};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{DomException, IdbDatabase, IdbObjectStore, IdbTransaction};

/// Object store of CryptoKeys, and of private keys sealed under one.
pub const KEYS: &str = "keys";

/// Version of the layout; 2 brought [`Table::Log`].
const VERSION: u32 = 2;

/// An open database; closed when dropped.
pub struct Database {
    inner: IdbDatabase,
    loss: Loss,
    _listeners: [EventListener; 2],
}

/// Whether a database is gone, and whom to tell. Clones are the same.
#[derive(Clone, Default)]
struct Loss {
    is_lost: Rc<Cell<bool>>,
    tell: Option<UnboundedSender<()>>,
}

/// A transaction that writes; dropped before [`Writing::done`], nothing of it lasts. What a single request says is not
/// listened to, which would take longer than to make it: one that fails aborts them all.
pub struct Writing {
    /// None once it is being ended.
    transaction: Option<IdbTransaction>,
    stores: Vec<(String, IdbObjectStore)>,
}

impl Database {
    /// Opens the database, or makes it.
    pub async fn open(name: &str) -> Result<Self, StoreError> {
        Self::open_telling(name, Loss::default()).await
    }

    /// Opens it, or makes it, and tells `lost` once if it is deleted or the browser closes it.
    pub async fn open_watched(name: &str, lost: UnboundedSender<()>) -> Result<Self, StoreError> {
        let (is_lost, tell) = (Rc::default(), Some(lost));
        Self::open_telling(name, Loss { is_lost, tell }).await
    }

    async fn open_telling(name: &str, loss: Loss) -> Result<Self, StoreError> {
        let mut request = Factory::new()
            .and_then(|factory| factory.open(name, Some(VERSION)))
            .map_err(failed)?;
        request.on_upgrade_needed(|event: VersionChangeEvent| {
            let database = idb::event::DatabaseEvent::database(&event);
            let Ok(database) = database else { return };
            let there = database.store_names();
            let wanted = Table::ALL.map(Table::name).into_iter().chain([KEYS]);
            for store in wanted.filter(|name| !there.iter().any(|store| store == name)) {
                // A failure leaves the store missing, which the first transaction reports.
                let _ = database.create_object_store(store, ObjectStoreParams::new());
            }
        });
        let inner = IdbDatabase::from(request.await.map_err(failed)?);
        // A newer layout in another tab has to wait until this one lets go, and so has whoever deletes it.
        let (closing, deleted) = (inner.clone(), loss.clone());
        let on_version_change = EventListener::once(&inner, "versionchange", move |event| {
            closing.close();
            if Reflect::get(event, &"newVersion".into()).is_ok_and(|version| version.is_null()) {
                deleted.say();
            }
        });
        // The browser closes it where a person deletes a site's data, or where its files are broken.
        let closed = loss.clone();
        let on_close = EventListener::once(&inner, "close", move |_| closed.say());
        Ok(Self {
            inner,
            loss,
            _listeners: [on_version_change, on_close],
        })
    }

    /// Whether it was deleted, or closed by the browser.
    pub fn is_lost(&self) -> bool {
        self.loss.is_lost.get()
    }

    /// Deletes a database that nobody has open.
    pub async fn delete(name: &str) -> Result<(), StoreError> {
        let request = Factory::new()
            .and_then(|factory| factory.delete(name))
            .map_err(failed)?;
        request.await.map_err(failed)
    }

    /// One store, for reading in a transaction of its own.
    pub fn read(&self, store: &str) -> Result<idb::ObjectStore, StoreError> {
        idb::Database::from(self.inner.clone())
            .transaction(&[store], TransactionMode::ReadOnly)
            .and_then(|transaction| transaction.object_store(store))
            .map_err(failed)
    }

    /// Begins a transaction that writes to these stores, durable when it is done (browsers else answer before the
    /// disk does).
    pub fn write(&self, stores: &[&str]) -> Result<Writing, StoreError> {
        let names: Array = stores.iter().map(|name| JsValue::from_str(name)).collect();
        let options = Object::new();
        let begun = Reflect::set(&options, &"durability".into(), &"strict".into())
            .and_then(|_| Reflect::get(&self.inner, &"transaction".into()))
            .and_then(|method| {
                let mode = "readwrite".into();
                method
                    .unchecked_ref::<Function>()
                    .call3(&self.inner, &names, &mode, &options)
            });
        let transaction: IdbTransaction = begun.map_err(|error| thrown(&error))?.unchecked_into();
        let store = |name: &&str| Ok((name.to_string(), transaction.object_store(name)?));
        let stores = stores.iter().map(store).collect::<Result<_, JsValue>>();
        Ok(Writing {
            stores: stores.map_err(|error| thrown(&error))?,
            transaction: Some(transaction),
        })
    }
}

impl Loss {
    fn say(&self) {
        if !self.is_lost.replace(true)
            && let Some(tell) = &self.tell
        {
            // Whoever listened has gone with the engine.
            let _ = tell.unbounded_send(());
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.inner.close();
    }
}

impl Writing {
    /// Writes one record.
    pub fn put(&self, store: &str, key: &JsValue, value: &JsValue) -> Result<(), StoreError> {
        let asked = self.store(store)?.put_with_key(value, key);
        asked.map(drop).map_err(|error| thrown(&error))
    }

    /// Deletes one record.
    pub fn delete(&self, store: &str, key: &JsValue) -> Result<(), StoreError> {
        let asked = self.store(store)?.delete(key);
        asked.map(drop).map_err(|error| thrown(&error))
    }

    /// Empties a store.
    pub fn clear(&self, store: &str) -> Result<(), StoreError> {
        let asked = self.store(store)?.clear();
        asked.map(drop).map_err(|error| thrown(&error))
    }

    /// Waits until all of it is on the disk, or none.
    pub async fn done(mut self) -> Result<(), StoreError> {
        let Some(transaction) = self.transaction.take() else {
            return Ok(());
        };
        // The browser else waits for its answers to have been heard before it begins to commit.
        let committing = Transaction::from(transaction.clone()).commit();
        match committing.map_err(failed)?.await {
            Ok(TransactionResult::Committed) => Ok(()),
            Ok(TransactionResult::Aborted) => Err(match transaction.error() {
                Some(error) => thrown(&error),
                None => StoreError::Platform("the transaction was aborted".into()),
            }),
            Err(error) => Err(failed(error)),
        }
    }

    fn store(&self, name: &str) -> Result<&IdbObjectStore, StoreError> {
        let found = self.stores.iter().find(|(of, _)| of == name);
        let none = || StoreError::Platform(format!("the transaction does not write to {name}"));
        found.map(|(_, store)| store).ok_or_else(none)
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        if let Some(transaction) = &self.transaction {
            // It fails only where the transaction has ended by itself, with an error of its own.
            let _ = transaction.abort();
        }
    }
}

/// What the `idb` crate reports.
pub fn failed(error: idb::Error) -> StoreError {
    match error {
        idb::Error::DomException(exception) => thrown(&exception),
        error => StoreError::Platform(error.to_string()),
    }
}

fn thrown(error: &JsValue) -> StoreError {
    match error.dyn_ref::<DomException>() {
        Some(exception) if exception.name() == "QuotaExceededError" => StoreError::Full,
        Some(exception) => {
            StoreError::Platform(format!("{}: {}", exception.name(), exception.message()))
        }
        None => StoreError::Platform(format!("{error:?}")),
    }
}
