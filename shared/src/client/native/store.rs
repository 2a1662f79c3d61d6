//! A store in memory.

use std::collections::BTreeMap;
use std::future::ready;
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::client::platform::{Store, StoreError, Table, Write};

/// A store in memory. Clones share it.
#[derive(Clone, Default)]
pub struct MemoryStore {
    tables: Arc<Mutex<BTreeMap<Table, Records>>>,
    is_full: Arc<AtomicBool>,
}

type Records = BTreeMap<Vec<u8>, Vec<u8>>;

impl MemoryStore {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// A store of its own with the same records.
    pub fn snapshot(&self) -> Self {
        Self {
            tables: Arc::new(Mutex::new(self.tables().clone())),
            is_full: Arc::default(),
        }
    }

    /// Whether it has no room: it then refuses what is to be written, and keeps what is to be deleted with it.
    pub fn set_full(&self, is_full: bool) {
        self.is_full.store(is_full, Ordering::Relaxed);
    }

    fn tables(&self) -> MutexGuard<'_, BTreeMap<Table, Records>> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    async fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self
            .tables()
            .get(&table)
            .and_then(|records| records.get(key))
            .cloned())
    }

    async fn get_many(
        &self,
        table: Table,
        keys: &[Vec<u8>],
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let tables = self.tables();
        let records = tables.get(&table);
        let get = |key| records.and_then(|records| records.get(key)).cloned();
        Ok(keys.iter().map(get).collect())
    }

    async fn scan(
        &self,
        table: Table,
        prefix: &[u8],
        after: Option<&[u8]>,
        newest_first: bool,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError> {
        let tables = self.tables();
        let Some(records) = tables.get(&table) else {
            return Ok(Vec::new());
        };
        let mut from = Bound::Included(prefix.to_vec());
        let mut to = following(prefix).map_or(Bound::Unbounded, Bound::Excluded);
        if let Some(after) = after {
            if newest_first && follows(&to, after) {
                to = Bound::Excluded(after.to_vec());
            } else if !newest_first && after >= prefix {
                from = Bound::Excluded(after.to_vec());
            }
        }
        if is_empty(&from, &to) {
            return Ok(Vec::new());
        }
        let run = records
            .range((from, to))
            .map(|(key, value)| (key.clone(), value.clone()));
        Ok(if newest_first {
            run.rev().take(limit).collect()
        } else {
            run.take(limit).collect()
        })
    }

    fn begin(&self, writes: Vec<Write>) -> impl Future<Output = Result<(), StoreError>> + use<> {
        let adds = writes.iter().any(|write| write.value.is_some());
        if adds && self.is_full.load(Ordering::Relaxed) {
            return ready(Err(StoreError::Full));
        }
        let mut tables = self.tables();
        for Write { table, key, value } in writes {
            let records = tables.entry(table).or_default();
            match value {
                Some(value) => records.insert(key, value),
                None => records.remove(&key),
            };
        }
        ready(Ok(()))
    }

    async fn clear(&self) -> Result<(), StoreError> {
        self.tables().clear();
        Ok(())
    }
}

/// The first key behind all that start with `prefix`; `None` if there is no such key.
fn following(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|&byte| byte != 0xff)?;
    let mut key = prefix[..=last].to_vec();
    key[last] += 1;
    Some(key)
}

/// Whether an upper bound lies behind `key`.
fn follows(bound: &Bound<Vec<u8>>, key: &[u8]) -> bool {
    match bound {
        Bound::Excluded(end) => key < end.as_slice(),
        _ => true,
    }
}

/// Whether nothing can lie between (a `BTreeMap` panics on some of these ranges).
fn is_empty(from: &Bound<Vec<u8>>, to: &Bound<Vec<u8>>) -> bool {
    match (from, to) {
        (Bound::Included(from) | Bound::Excluded(from), Bound::Excluded(to)) => from >= to,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;

    #[test]
    fn scans_go_both_ways_within_their_prefix() {
        let store = MemoryStore::new();
        let keys: [&[u8]; 6] = [b"a", b"b", b"b1", b"b2", b"b3", b"c"];
        let put = |table, key: &[u8]| Write {
            table,
            key: key.to_vec(),
            value: Some(key.to_vec()),
        };
        block_on(async {
            let mut writes: Vec<_> = keys.iter().map(|key| put(Table::Entries, key)).collect();
            writes.push(put(Table::Outbox, b"b9"));
            writes.push(put(Table::Epochs, b"b0"));
            writes.push(put(Table::Entries, &[0xff, 0xff, 1]));
            store.write(writes).await.unwrap();
            let scan = async |prefix: &[u8], after: Option<&[u8]>, newest_first, limit| {
                let found = store
                    .scan(Table::Entries, prefix, after, newest_first, limit)
                    .await;
                let keys = found.unwrap().into_iter().map(|(key, _)| key);
                keys.map(|key| String::from_utf8_lossy(&key).into_owned())
                    .collect::<Vec<_>>()
                    .join(" ")
            };
            assert_eq!(scan(b"b", None, false, 9).await, "b b1 b2 b3");
            assert_eq!(scan(b"b", None, true, 9).await, "b3 b2 b1 b");
            assert_eq!(scan(b"b", None, true, 2).await, "b3 b2");
            assert_eq!(scan(b"b", Some(b"b1"), false, 9).await, "b2 b3");
            assert_eq!(scan(b"b", Some(b"b2"), true, 9).await, "b1 b");
            assert_eq!(scan(b"b", Some(b"a"), false, 9).await, "b b1 b2 b3");
            assert_eq!(scan(b"b", Some(b"a"), true, 9).await, "");
            assert_eq!(scan(b"b", Some(b"c"), false, 9).await, "");
            assert_eq!(scan(b"b", Some(b"c"), true, 9).await, "b3 b2 b1 b");
            assert_eq!(scan(b"b", Some(b"b3"), false, 9).await, "");
            assert_eq!(scan(b"x", None, false, 9).await, "");
            assert_eq!(scan(b"", None, false, 2).await, "a b");
            assert_eq!(scan(&[0xff], None, true, 9).await.len(), 7);
            assert_eq!(scan(&[0xff, 0xff], None, false, 9).await.len(), 7);
        });
    }

    #[test]
    fn writes_replace_and_delete() {
        let store = MemoryStore::new();
        let write = |value: Option<&[u8]>| Write {
            table: Table::Meta,
            key: b"k".to_vec(),
            value: value.map(<[u8]>::to_vec),
        };
        block_on(async {
            store
                .write(vec![write(Some(b"1")), write(Some(b"2"))])
                .await
                .unwrap();
            assert_eq!(
                store.clone().get(Table::Meta, b"k").await,
                Ok(Some(b"2".to_vec()))
            );
            store.write(vec![write(None)]).await.unwrap();
            assert_eq!(store.get(Table::Meta, b"k").await, Ok(None));
            store.write(vec![write(Some(b"3"))]).await.unwrap();
            let keys = [b"j", b"k", b"k"].map(|key| key.to_vec());
            let found = store.get_many(Table::Meta, &keys).await;
            assert_eq!(
                found,
                Ok(vec![None, Some(b"3".to_vec()), Some(b"3".to_vec())])
            );
            let other = store.snapshot();
            store.clear().await.unwrap();
            assert_eq!(store.get(Table::Meta, b"k").await, Ok(None));
            let kept = other.get(Table::Meta, b"k").await;
            assert_eq!(kept, Ok(Some(b"3".to_vec())));
        });
    }
}
