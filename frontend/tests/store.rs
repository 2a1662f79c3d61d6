//! The store on IndexedDB, and how tabs agree, in a dedicated worker.

#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::rc::Rc;

use common::{OTHER, USER, contains, everything, found, of_somebody, put_account, raw};
use futures::StreamExt;
use idb::event::DatabaseEvent;
use idb::{Factory, ObjectStoreParams, TransactionMode};
use js_sys::{Object, Uint8Array};
use secure_chat_frontend::engine::database::Database;
use secure_chat_frontend::engine::device::Device;
use secure_chat_frontend::engine::store::BrowserStore;
use secure_chat_frontend::engine::webcrypto::{Exportable, make_aes_key};
use secure_chat_shared::client::native::MemoryStore;
use secure_chat_shared::client::platform::{Records, Store, StoreError, Table, Write};
use wasm_bindgen::JsValue;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

fn put(table: Table, key: &[u8], value: &[u8]) -> Write {
    Write {
        table,
        key: key.to_vec(),
        value: Some(value.to_vec()),
    }
}

fn delete(table: Table, key: &[u8]) -> Write {
    Write {
        table,
        key: key.to_vec(),
        value: None,
    }
}

async fn store(test: &str) -> (Rc<Device>, BrowserStore) {
    let device = of_somebody(test).await;
    (Rc::clone(&device), BrowserStore::new(device))
}

/// The same device after a reload.
async fn again(test: &str) -> BrowserStore {
    let device = Device::open(test).await.unwrap();
    device.belongs_to(USER);
    BrowserStore::new(Rc::new(device))
}

#[wasm_bindgen_test]
async fn the_first_layout_is_kept_and_completed() {
    let test = "first layout";
    Database::delete(test).await.unwrap();
    let mut request = Factory::new().unwrap().open(test, Some(1)).unwrap();
    request.on_upgrade_needed(|event| {
        let database = event.database().unwrap();
        for store in [
            "meta",
            "conversations",
            "entries",
            "epochs",
            "outbox",
            "pins",
            "keys",
        ] {
            database
                .create_object_store(store, ObjectStoreParams::new())
                .unwrap();
        }
    });
    let first = request.await.unwrap();
    let writing = first
        .transaction(&["pins"], TransactionMode::ReadWrite)
        .unwrap();
    writing
        .object_store("pins")
        .unwrap()
        .put(&"kept".into(), Some(&Uint8Array::from(&b"a"[..]).into()))
        .unwrap();
    writing.await.unwrap();
    first.close();

    let database = Database::open(test).await.unwrap();
    let kept = raw(&database, "pins", b"a").await.unwrap();
    assert_eq!(kept.as_string().as_deref(), Some("kept"));
    for table in Table::ALL {
        let writing = database.write(&[table.name()]).unwrap();
        writing
            .put(table.name(), &"new".into(), &"value".into())
            .unwrap();
        writing.done().await.unwrap();
    }
}

#[wasm_bindgen_test]
async fn records_come_back_after_a_reload() {
    let (_, first) = store("records").await;
    let writes = vec![
        put(Table::Meta, b"a", b"one"),
        put(Table::Pins, b"a", b"two"),
        put(Table::Meta, b"", b""),
    ];
    first.write(writes).await.unwrap();
    first
        .write(vec![
            put(Table::Meta, b"b", b"three"),
            delete(Table::Meta, b"a"),
        ])
        .await
        .unwrap();
    for store in [first, again("records").await] {
        assert_eq!(store.get(Table::Meta, b"a").await, Ok(None));
        assert_eq!(
            store.get(Table::Pins, b"a").await,
            Ok(Some(b"two".to_vec()))
        );
        assert_eq!(
            store.get(Table::Meta, b"b").await,
            Ok(Some(b"three".to_vec()))
        );
        assert_eq!(store.get(Table::Meta, b"").await, Ok(Some(Vec::new())));
    }
}

#[wasm_bindgen_test]
async fn many_records_come_in_the_order_of_their_keys() {
    let (_, store) = store("many").await;
    let writes = [b"a", b"b", b"c"].map(|key| put(Table::Entries, key, key));
    store.write(writes.into()).await.unwrap();
    let keys = [&b"c"[..], b"none", b"a", b"c"].map(<[u8]>::to_vec);
    let found = store.get_many(Table::Entries, &keys).await.unwrap();
    let [a, c] = [b"a", b"c"].map(|value| Some(value.to_vec()));
    assert_eq!(found, [c.clone(), None, a, c]);
    assert_eq!(store.get_many(Table::Entries, &[]).await, Ok(Vec::new()));
}

#[wasm_bindgen_test]
async fn what_was_begun_is_found_and_goes_on_by_itself() {
    let (_, store) = store("begun").await;
    let [first, second] = [b"first", b"other"];
    let written = store.begin(vec![put(Table::Entries, b"a", first)]);
    assert_eq!(
        store.get(Table::Entries, b"a").await,
        Ok(Some(first.to_vec()))
    );
    // Nobody waits for this one; one in line behind it finds it made.
    drop(store.begin(vec![put(Table::Entries, b"a", second)]));
    drop(store.begin(vec![put(Table::Entries, b"b", second)]));
    let found = store.scan(Table::Entries, b"", None, false, 9).await;
    let [a, b] = [b"a", b"b"].map(|key| (key.to_vec(), second.to_vec()));
    assert_eq!(found, Ok(vec![a, b]));
    assert_eq!(written.await, Ok(()));
    drop(store.begin(vec![put(Table::Entries, b"c", first)]));
    store.clear().await.unwrap();
    let left = store.scan(Table::Entries, b"", None, false, 9).await;
    assert_eq!(left, Ok(vec![]));
}

#[wasm_bindgen_test]
async fn scans_are_those_of_the_memory_store() {
    let (_, store) = store("scans").await;
    let memory = MemoryStore::new();
    let keys: [&[u8]; 10] = [
        b"",
        b"\x00",
        b"\x01\x00",
        b"\x01\x01",
        b"\x01\xff",
        b"\x01\xff\xff",
        b"\x02",
        b"\xff",
        b"\xff\x00",
        b"\xff\xff",
    ];
    let writes: Vec<Write> = keys
        .iter()
        .map(|key| put(Table::Entries, key, key))
        .collect();
    store.write(writes.clone()).await.unwrap();
    memory.write(writes).await.unwrap();
    let prefixes: [&[u8]; 6] = [b"", b"\x01", b"\x01\xff", b"\xff", b"\xff\xff", b"\x03"];
    let afters: [Option<&[u8]>; 6] = [
        None,
        Some(b""),
        Some(b"\x01\x01"),
        Some(b"\x01\x80"),
        Some(b"\xff"),
        Some(b"\xff\xff"),
    ];
    for prefix in prefixes {
        for after in afters {
            for newest_first in [false, true] {
                for limit in [0, 1, 3, usize::MAX] {
                    let here = store
                        .scan(Table::Entries, prefix, after, newest_first, limit)
                        .await;
                    let there = memory
                        .scan(Table::Entries, prefix, after, newest_first, limit)
                        .await;
                    assert_eq!(here, there, "{prefix:?} {after:?} {newest_first} {limit}");
                }
            }
        }
    }
}

#[wasm_bindgen_test]
async fn a_record_opens_only_where_it_was_sealed() {
    let (device, store) = store("moved").await;
    store
        .write(vec![put(Table::Meta, b"here", b"value")])
        .await
        .unwrap();
    let sealed = raw(&device.database(), "meta", b"here").await.unwrap();
    let there: JsValue = Uint8Array::from(b"there".as_slice()).into();
    let here: JsValue = Uint8Array::from(b"here".as_slice()).into();
    let writing = device.database().write(&["meta", "pins"]).unwrap();
    writing.put("meta", &there, &sealed).unwrap();
    writing.put("pins", &here, &sealed).unwrap();
    writing.done().await.unwrap();
    let damaged = Err(StoreError::Damaged);
    assert_eq!(
        store.get(Table::Meta, b"here").await,
        Ok(Some(b"value".to_vec()))
    );
    assert_eq!(store.get(Table::Meta, b"there").await, damaged);
    assert_eq!(store.get(Table::Pins, b"here").await, damaged);
    let scanned = store.scan(Table::Meta, b"", None, false, 9).await;
    assert_eq!(scanned, Err(StoreError::Damaged));

    let mut altered = Uint8Array::new(&sealed).to_vec();
    *altered.last_mut().unwrap() ^= 1;
    let writing = device.database().write(&["meta"]).unwrap();
    writing
        .put("meta", &here, &Uint8Array::from(altered.as_slice()))
        .unwrap();
    writing.done().await.unwrap();
    assert_eq!(store.get(Table::Meta, b"here").await, damaged);

    store
        .write(vec![put(Table::Meta, b"here", b"value")])
        .await
        .unwrap();
    device.belongs_to(OTHER);
    assert_eq!(store.get(Table::Meta, b"here").await, damaged);
}

#[wasm_bindgen_test]
async fn a_write_that_is_not_finished_leaves_nothing() {
    let (device, store) = store("atomic").await;
    store
        .write(vec![put(Table::Meta, b"a", b"before")])
        .await
        .unwrap();
    let key: JsValue = Uint8Array::from(b"a".as_slice()).into();
    let writing = device.database().write(&["meta"]).unwrap();
    writing.delete("meta", &key).unwrap();
    // Not in the transaction's scope: this is how a write fails half-way.
    assert!(writing.put("pins", &key, &key).is_err());
    drop(writing);
    assert_eq!(
        store.get(Table::Meta, b"a").await,
        Ok(Some(b"before".to_vec()))
    );
    store.write(vec![]).await.unwrap();
}

#[wasm_bindgen_test]
async fn a_closed_database_is_an_error() {
    let (_, store) = store("closed").await;
    store
        .write(vec![put(Table::Meta, b"a", b"value")])
        .await
        .unwrap();
    // Deleting asks everybody who has it open to close it.
    Database::delete("closed").await.unwrap();
    assert!(matches!(
        store.get(Table::Meta, b"a").await,
        Err(StoreError::Platform(_))
    ));
    let write = store.write(vec![put(Table::Meta, b"a", b"value")]).await;
    assert!(matches!(write, Err(StoreError::Platform(_))));
}

#[wasm_bindgen_test]
async fn what_is_stored_cannot_be_read_from_the_disk() {
    let (_, store) = store("canary").await;
    let canary = b"canary in the coal mine";
    store
        .write(vec![put(Table::Entries, b"key", canary)])
        .await
        .unwrap();
    let (keys, bytes) = found(everything("canary").await);
    assert_eq!(keys.len(), 1);
    assert!(!keys[0].extractable());
    // The record, and the key that sealed it, sealed itself.
    assert_eq!(bytes.len(), 2);
    assert!(bytes.iter().all(|bytes| !contains(bytes, canary)));
}

#[wasm_bindgen_test]
async fn clearing_and_wiping_leave_nothing() {
    let (device, store) = store("wiped").await;
    let write = || Table::ALL.map(|table| put(table, b"a", b"value")).to_vec();
    store.write(write()).await.unwrap();
    store.clear().await.unwrap();
    for table in Table::ALL {
        assert_eq!(store.get(table, b"a").await, Ok(None));
    }
    store.write(write()).await.unwrap();
    device.wipe().await.unwrap();
    assert!(everything("wiped").await.is_empty());
    assert_eq!(store.write(write()).await, Err(StoreError::Damaged));
    // The next user begins with a key of his own.
    put_account(&device, OTHER).await;
    store.write(write()).await.unwrap();
    assert_eq!(
        store.get(Table::Pins, b"a").await,
        Ok(Some(b"value".to_vec()))
    );
}

#[wasm_bindgen_test]
async fn somebody_elses_keys_end_the_records() {
    let (device, store) = store("another").await;
    let records = async || store.get(Table::Meta, b"a").await;
    let write = async || {
        store
            .write(vec![put(Table::Meta, b"a", b"value")])
            .await
            .unwrap();
    };
    let state = put_account(&device, USER).await;
    write().await;
    let again = device.put_account(USER, &Object::new(), &state, None).await;
    assert_eq!(again, Ok(Records::Kept));
    assert_eq!(records().await, Ok(Some(b"value".to_vec())));
    put_account(&device, OTHER).await;
    assert_eq!(records().await, Ok(None));
    // The same K_state, and another user: what names him in the sealed key does not fit.
    let state = put_account(&device, USER).await;
    write().await;
    device
        .put_account(OTHER, &Object::new(), &state, None)
        .await
        .unwrap();
    assert_eq!(records().await, Ok(None));
}

#[wasm_bindgen_test]
async fn records_outlast_a_lock_under_their_own_k_state() {
    let (device, store) = store("locked").await;
    let state = put_account(&device, USER).await;
    let value = async || store.get(Table::Meta, b"a").await;
    let write = || vec![put(Table::Meta, b"a", b"value")];
    store.write(write()).await.unwrap();
    device.lock(b"who").await.unwrap();
    assert_eq!(device.locked().await, Ok(Some(b"who".to_vec())));
    assert_eq!(value().await, Err(StoreError::Damaged), "no key, no record");
    assert_eq!(store.write(write()).await, Err(StoreError::Damaged));
    let (keys, bytes) = found(everything("locked").await);
    assert!(keys.is_empty(), "no key is left");
    // The record, its sealed key, and what stays readable.
    assert_eq!(bytes.len(), 3);
    // Locked it is also after a reload.
    let reloaded = Device::open("locked").await.unwrap();
    assert_eq!(reloaded.locked().await, Ok(Some(b"who".to_vec())));
    assert!(reloaded.account().await.unwrap().is_none());

    let open = async |state, before| {
        device
            .put_account(USER, &Object::new(), state, before)
            .await
            .unwrap()
    };
    assert_eq!(open(&state, None).await, Records::Kept);
    assert_eq!(device.locked().await, Ok(None));
    assert_eq!(value().await, Ok(Some(b"value".to_vec())));

    // K_state was replaced while this browser was open: the one before still opens the key.
    let next = make_aes_key(Exportable::No).await.unwrap();
    assert_eq!(open(&next, Some(&state)).await, Records::Kept);
    assert_eq!(value().await, Ok(Some(b"value".to_vec())));
    device.lock(b"who").await.unwrap();
    // And from then on only the new one.
    assert_eq!(open(&next, None).await, Records::Kept);
    assert_eq!(value().await, Ok(Some(b"value".to_vec())));

    // While it was locked: nothing opens any more, and nothing is left.
    device.lock(b"who").await.unwrap();
    assert_eq!(open(&state, None).await, Records::Lost);
    assert_eq!(value().await, Ok(None));
    store.write(write()).await.unwrap();
    assert_eq!(value().await, Ok(Some(b"value".to_vec())));
}

#[wasm_bindgen_test]
async fn a_deleted_database_is_told_and_made_anew() {
    let (device, store) = store("lost").await;
    let state = put_account(&device, USER).await;
    let mut losses = device.losses();
    let write = || vec![put(Table::Meta, b"a", b"value")];
    store.write(write()).await.unwrap();
    assert!(!device.is_lost());
    Database::delete("lost").await.unwrap();
    losses.next().await.unwrap();
    assert!(device.is_lost());
    assert!(matches!(
        store.write(write()).await,
        Err(StoreError::Platform(_))
    ));

    device.make_anew().await.unwrap();
    assert!(!device.is_lost());
    device
        .put_account(USER, &Object::new(), &state, Some(&state))
        .await
        .unwrap();
    assert_eq!(store.get(Table::Meta, b"a").await, Ok(None));
    store.write(write()).await.unwrap();
    assert_eq!(
        store.get(Table::Meta, b"a").await,
        Ok(Some(b"value".to_vec()))
    );
    // And once more.
    Database::delete("lost").await.unwrap();
    losses.next().await.unwrap();
    assert!(device.is_lost());
}
