//! What the browser tests share; they run in Chromium by `wasm-pack test`.

#![allow(dead_code)]

use std::cell::RefCell;
use std::rc::Rc;

use idb::Query;
use js_sys::{Array, JSON, Object, Reflect, Uint8Array};
use secure_chat_frontend::engine::database::{Database, KEYS};
use secure_chat_frontend::engine::device::Device;
use secure_chat_frontend::engine::keys::BrowserKeys;
use secure_chat_frontend::engine::webcrypto::{Exportable, make_aes_key};
use secure_chat_shared::client::native::{NativeKeys, test_keys};
use secure_chat_shared::client::platform::{KeyStep, Keys, MadeKeys, PublicKeys, Table};
use secure_chat_shared::crypto::epoch::EpochKey;
use secure_chat_shared::crypto::opaque::ExportKey;
use secure_chat_shared::crypto::recovery::RecoveryCode;
use secure_chat_shared::crypto::signing::{Algorithm, Claim, Signature};
use secure_chat_shared::ids::UserId;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::CryptoKey;

pub const USER: UserId = UserId([7; 16]);
pub const OTHER: UserId = UserId([8; 16]);

/// A database of this test's own.
pub async fn device(test: &str) -> Rc<Device> {
    Database::delete(test).await.unwrap();
    Rc::new(Device::open(test).await.unwrap())
}

/// A device with an account, so that there is a store to write to.
pub async fn of_somebody(test: &str) -> Rc<Device> {
    let device = device(test).await;
    put_account(&device, USER).await;
    device
}

/// Gives it to somebody, with a K_state of his own.
pub async fn put_account(device: &Device, user: UserId) -> CryptoKey {
    let state = make_aes_key(Exportable::No).await.unwrap();
    device
        .put_account(user, &Object::new(), &state, None)
        .await
        .unwrap();
    state
}

pub fn export_key(byte: u8) -> ExportKey {
    ExportKey::from_slice(&[byte; 64]).unwrap()
}

/// Keys made by the browser, in a database of this test's own.
pub async fn made(test: &str, recovery: &RecoveryCode) -> (BrowserKeys, MadeKeys) {
    let keys = BrowserKeys::new(device(test).await);
    let steps = RefCell::new(Vec::new());
    let step = |step| steps.borrow_mut().push(step);
    let made = keys
        .make(USER, &export_key(1), recovery, &step)
        .await
        .unwrap();
    assert_eq!(
        steps.take(),
        [KeyStep::Encryption, KeyStep::Signing, KeyStep::Sealed]
    );
    (keys, made)
}

/// Keys that a native program made, in a vault sealed by the crates.
pub async fn native(n: usize, recovery: &RecoveryCode) -> (NativeKeys, MadeKeys) {
    let keys = NativeKeys::with_keys(test_keys::set(n).unwrap());
    let made = keys
        .make(USER, &export_key(1), recovery, &|_| {})
        .await
        .unwrap();
    (keys, made)
}

/// What one signs and is sent, the other verifies and opens.
pub async fn talk(signer: &impl Keys, verifier: &impl Keys, of_signer: &MadeKeys) {
    talk_as(1, signer, verifier, &of_signer.public).await;
}

/// The same under an identity version of the signer.
pub async fn talk_as(version: u32, signer: &impl Keys, verifier: &impl Keys, public: &PublicKeys) {
    for (algorithm, spki) in [
        (Algorithm::RsaPss, &public.rsa_signing),
        (Algorithm::Dsa, &public.dsa_signing),
    ] {
        let message = b"what was said".to_vec();
        let signature = signer.sign(version, algorithm, &message).await.unwrap();
        let good = Claim {
            algorithm,
            spki: spki.as_slice().into(),
            message,
            signature,
        };
        let mut bytes = good.signature.as_bytes().to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        let forged = Claim {
            signature: Signature::from(bytes),
            ..good.clone()
        };
        let other = Claim {
            message: b"what was not said".to_vec(),
            ..good.clone()
        };
        assert!(good.verify(), "{algorithm} by the crates");
        let verified = verifier.verify(&[good, forged, other]).await.unwrap();
        assert_eq!(verified, [true, false, false], "{algorithm}");
    }
    let key = EpochKey::make();
    let label = b"where it belongs";
    let wrap = verifier
        .wrap(&public.encryption, &key, label)
        .await
        .unwrap();
    assert_eq!(wrap.len(), 384);
    assert!(signer.unwrap(version, &wrap, label).await.unwrap() == key);
    assert!(signer.unwrap(version, &wrap, b"elsewhere").await.is_err());
    assert!(signer.unwrap(version + 1, &wrap, label).await.is_err());
}

/// Every value of the database, whatever its store.
pub async fn everything(test: &str) -> Vec<JsValue> {
    let database = Database::open(test).await.unwrap();
    let mut values = Vec::new();
    for store in Table::ALL.map(Table::name).into_iter().chain([KEYS]) {
        let request = database.read(store).unwrap().get_all(None, None).unwrap();
        values.extend(request.await.unwrap());
    }
    values
}

/// The CryptoKeys and the byte strings in these values, however deep.
pub fn found(values: Vec<JsValue>) -> (Vec<CryptoKey>, Vec<Vec<u8>>) {
    let (mut keys, mut bytes) = (Vec::new(), Vec::new());
    let mut rest = values;
    while let Some(value) = rest.pop() {
        if let Some(key) = value.dyn_ref::<CryptoKey>() {
            keys.push(key.clone());
        } else if let Some(array) = value.dyn_ref::<Uint8Array>() {
            bytes.push(array.to_vec());
        } else if let Some(array) = value.dyn_ref::<Array>() {
            rest.extend(array.iter());
        } else if let Some(object) = value.dyn_ref::<Object>() {
            rest.extend(Object::values(object).iter());
        } else {
            bytes.push(String::from(JSON::stringify(&value).unwrap()).into_bytes());
        }
    }
    (keys, bytes)
}

/// One raw value.
pub async fn raw(database: &Database, store: &str, key: &[u8]) -> Option<JsValue> {
    let key: JsValue = Uint8Array::from(key).into();
    database
        .read(store)
        .unwrap()
        .get(Query::Key(key))
        .unwrap()
        .await
        .unwrap()
}

/// The name of a CryptoKey's algorithm.
pub fn algorithm_of(key: &CryptoKey) -> String {
    let algorithm = Reflect::get(key, &"algorithm".into()).unwrap();
    let name = Reflect::get(&algorithm, &"name".into()).unwrap();
    name.as_string().unwrap()
}

pub fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle)
}
