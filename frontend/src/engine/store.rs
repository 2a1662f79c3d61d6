//! The store: IndexedDB, every value sealed under a key that the browser holds and does not give away.

use std::cell::RefCell;
use std::rc::Rc;

use futures::FutureExt;
use futures::channel::oneshot;
use futures::future::{Shared, try_join, try_join_all};
use idb::{CursorDirection, KeyRange, Query};
use js_sys::Uint8Array;
use secure_chat_shared::client::platform::{Store, StoreError, Table, Write};
use secure_chat_shared::crypto::label::{labelled, purpose};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;

use super::database::failed;
use super::device::Device;
use super::webcrypto;

/// [`Store`] on IndexedDB. Clones are the same.
#[derive(Clone)]
pub struct BrowserStore {
    device: Rc<Device>,
    /// Ends once the browser knows of all that was begun to be written: it keeps the order only of what it knows of.
    placed: Rc<RefCell<Shared<oneshot::Receiver<()>>>>,
}

impl BrowserStore {
    /// The store of this device.
    pub fn new(device: Rc<Device>) -> Self {
        // Its other end is gone: nothing has to be waited for.
        let nothing = oneshot::channel().1.shared();
        let placed = Rc::new(RefCell::new(nothing));
        Self { device, placed }
    }

    /// Associated data of a record: a record moved to another place does not open there.
    fn aad(&self, table: Table, key: &[u8]) -> Vec<u8> {
        let user = self.device.user();
        let user = user.as_ref().map_or(&[][..], |user| user.as_bytes());
        labelled(purpose::STORE_RECORD, &[user, table.name().as_bytes(), key])
    }

    async fn open(&self, table: Table, key: &[u8], value: JsValue) -> Result<Vec<u8>, StoreError> {
        let sealing = self.device.store_key().await?;
        webcrypto::open(
            &sealing,
            &self.aad(table, key),
            &Uint8Array::new(&value).to_vec(),
        )
        .await
        .map_err(|_| StoreError::Damaged)
    }
}

impl BrowserStore {
    /// Waits until whatever was to be written before has its place in line.
    async fn in_turn(&self) {
        let placed = self.placed.borrow().clone();
        let _ = placed.await;
    }

    /// Seals and writes. Whoever comes later has its turn once `place` is dropped: as soon as the browser knows what is
    /// written to.
    async fn make(&self, writes: Vec<Write>, place: oneshot::Sender<()>) -> Result<(), StoreError> {
        if writes.is_empty() {
            return Ok(());
        }
        let sealing = self.device.store_key().await?;
        let sealed = try_join_all(writes.iter().map(async |write| {
            match &write.value {
                Some(value) => webcrypto::seal(&sealing, &self.aad(write.table, &write.key), value)
                    .await
                    .map(Some)
                    .map_err(|error| StoreError::Platform(error.to_string())),
                None => Ok(None),
            }
        }))
        .await?;
        let mut tables: Vec<&str> = writes.iter().map(|write| write.table.name()).collect();
        tables.sort_unstable();
        tables.dedup();
        let writing = self.device.database().write(&tables)?;
        drop(place);
        for (write, sealed) in writes.iter().zip(sealed) {
            let (table, key) = (write.table.name(), bytes(&write.key));
            match sealed {
                Some(sealed) => writing.put(table, &key, &bytes(&sealed))?,
                None => writing.delete(table, &key)?,
            }
        }
        writing.done().await
    }
}

impl Store for BrowserStore {
    async fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.in_turn().await;
        let store = self.device.database().read(table.name())?;
        let found = store
            .get(Query::Key(bytes(key)))
            .map_err(failed)?
            .await
            .map_err(failed)?;
        match found {
            Some(value) => self.open(table, key, value).await.map(Some),
            None => Ok(None),
        }
    }

    async fn get_many(
        &self,
        table: Table,
        keys: &[Vec<u8>],
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        self.in_turn().await;
        let store = self.device.database().read(table.name())?;
        // All requests are made before any is awaited: one transaction, one state.
        let requests = keys.iter().map(|key| store.get(Query::Key(bytes(key))));
        let requests: Vec<_> = requests.collect::<Result<_, _>>().map_err(failed)?;
        let found = try_join_all(requests.into_iter().map(IntoFuture::into_future)).await;
        let found = found.map_err(failed)?.into_iter();
        try_join_all(
            keys.iter()
                .zip(found)
                .map(async |(key, value)| match value {
                    Some(value) => self.open(table, key, value).await.map(Some),
                    None => Ok(None),
                }),
        )
        .await
    }

    async fn scan(
        &self,
        table: Table,
        prefix: &[u8],
        after: Option<&[u8]>,
        newest_first: bool,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let Some(query) = range(prefix, after, newest_first)? else {
            return Ok(Vec::new());
        };
        self.in_turn().await;
        let store = self.device.database().read(table.name())?;
        let found = if newest_first {
            backwards(&store, query, limit).await?
        } else {
            forwards(&store, query, limit).await?
        };
        // Opened only now: a transaction ends as soon as anything else is awaited.
        try_join_all(found.into_iter().map(|(key, value)| async {
            let value = self.open(table, &key, value).await?;
            Ok((key, value))
        }))
        .await
    }

    fn begin(&self, writes: Vec<Write>) -> impl Future<Output = Result<(), StoreError>> + use<> {
        let (tell, told) = oneshot::channel();
        let (place, placed) = oneshot::channel();
        let before = self.placed.replace(placed.shared());
        let store = self.clone();
        spawn_local(async move {
            let _ = before.await;
            // Nobody listens any more where the engine has gone.
            let _ = tell.send(store.make(writes, place).await);
        });
        told.map(|made| {
            made.unwrap_or_else(|_| Err(StoreError::Platform("it was given up".into())))
        })
    }

    async fn clear(&self) -> Result<(), StoreError> {
        self.in_turn().await;
        let tables = Table::ALL.map(Table::name);
        let writing = self.device.database().write(&tables)?;
        for table in tables {
            writing.clear(table)?;
        }
        writing.done().await
    }
}

/// A binary key or value, as IndexedDB takes it. Binary keys are ordered as Rust orders byte strings.
fn bytes(bytes: &[u8]) -> JsValue {
    Uint8Array::from(bytes).into()
}

async fn forwards(
    store: &idb::ObjectStore,
    query: Option<Query>,
    limit: usize,
) -> Result<Vec<(Vec<u8>, JsValue)>, StoreError> {
    let limit = u32::try_from(limit).ok();
    // Both requests are made before either is awaited: one transaction, one state.
    let keys = store.get_all_keys(query.clone(), limit).map_err(failed)?;
    let values = store.get_all(query, limit).map_err(failed)?;
    let (keys, values) = try_join(keys.into_future(), values.into_future())
        .await
        .map_err(failed)?;
    Ok(keys
        .iter()
        .map(|key| Uint8Array::new(key).to_vec())
        .zip(values)
        .collect())
}

async fn backwards(
    store: &idb::ObjectStore,
    query: Option<Query>,
    limit: usize,
) -> Result<Vec<(Vec<u8>, JsValue)>, StoreError> {
    let cursor = store
        .open_cursor(query, Some(CursorDirection::Prev))
        .map_err(failed)?;
    let Some(cursor) = cursor.await.map_err(failed)? else {
        return Ok(Vec::new());
    };
    let mut cursor = cursor.into_managed();
    let mut found = Vec::new();
    while let (Some(key), Some(value)) = (
        cursor.key().map_err(failed)?,
        cursor.value().map_err(failed)?,
    ) {
        found.push((Uint8Array::new(&key).to_vec(), value));
        if found.len() == limit {
            break;
        }
        cursor.next(None).await.map_err(failed)?;
    }
    Ok(found)
}

/// The keys to scan: `None` if there can be none, `Some(None)` if all of them.
#[allow(clippy::option_option)]
fn range(
    prefix: &[u8],
    after: Option<&[u8]>,
    newest_first: bool,
) -> Result<Option<Option<Query>>, StoreError> {
    let end = successor(prefix);
    let (mut low, mut low_open) = (prefix, false);
    let (mut high, mut high_open) = (end.as_deref(), true);
    match after {
        Some(after) if newest_first && high.is_none_or(|high| after < high) => {
            (high, high_open) = (Some(after), true);
        }
        Some(after) if !newest_first && after >= low => (low, low_open) = (after, true),
        _ => {}
    }
    let range = match high {
        Some(high) if low >= high => return Ok(None),
        Some(high) => KeyRange::bound(&bytes(low), &bytes(high), Some(low_open), Some(high_open)),
        None if low.is_empty() && !low_open => return Ok(Some(None)),
        None => KeyRange::lower_bound(&bytes(low), Some(low_open)),
    };
    range
        .map(|range| Some(Some(Query::KeyRange(range))))
        .map_err(failed)
}

/// The first byte string after all that start with `prefix`; `None` where nothing comes after them.
fn successor(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|&byte| byte != 0xff)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_before_its_successor() {
        assert_eq!(successor(b"ab"), Some(b"ac".to_vec()));
        assert_eq!(successor(&[1, 0xff]), Some(vec![2]));
        assert_eq!(successor(&[0xff, 0xff]), None);
        assert_eq!(successor(b""), None);
    }
}
