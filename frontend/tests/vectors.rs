//! The frozen formats and Wycheproof's cases in the browser: by our code, and by WebCrypto where the engine uses it.

#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use futures::future::join_all;
use secure_chat_frontend::engine::webcrypto::{self, Exportable, Rsa};
use secure_chat_shared::client::native::test_keys;
use secure_chat_shared::crypto::epoch::EpochKey;
use secure_chat_shared::crypto::identity::SignedIdentity;
use secure_chat_shared::crypto::secret::Secret32;
use secure_chat_shared::crypto::signing::Algorithm;
use secure_chat_shared::crypto::vault::{self, VaultPurpose};
use secure_chat_shared::crypto::{rsa_pss, wrap};
use secure_chat_shared::ids::UserId;
use secure_chat_shared::vectors::json::{
    array, byte_strings, bytes, field, list, number, parse, text,
};
use secure_chat_shared::vectors::{FILES, wycheproof};
use wasm_bindgen_test::{console_log, wasm_bindgen_test, wasm_bindgen_test_configure};
use web_sys::CryptoKey;

wasm_bindgen_test_configure!(run_in_dedicated_worker);

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../shared/vectors/", $name)))),*]
    };
}

/// As they lie there.
const TEXTS: &[(&str, &str)] = files![
    "class.json",
    "derivation.json",
    "ephemeral.json",
    "epoch.json",
    "frame.json",
    "identity.json",
    "label.json",
    "link.json",
    "log.json",
    "message.json",
    "opaque.json",
    "passkey.json",
    "recovery.json",
    "share.json",
    "signature.json",
    "signed.json",
    "tree.json",
    "vault.json",
    "wrap.json",
];

fn contents(name: &str) -> &'static str {
    let found = TEXTS.iter().find(|(known, _)| *known == name);
    found
        .unwrap_or_else(|| panic!("{name} is not among the files here"))
        .1
}

/// With one bit another, in the middle.
fn altered(bytes: &[u8]) -> Vec<u8> {
    let mut altered = bytes.to_vec();
    altered[bytes.len() / 2] ^= 1;
    altered
}

#[wasm_bindgen_test]
fn every_file_is_read() {
    for file in FILES {
        file.read(contents(file.name));
    }
    assert_eq!(FILES.len(), TEXTS.len());
}

/// A private key as the engine gets it: out of a vault, without its bytes in the open.
async fn private_key(kind: Rsa, pkcs8: &[u8]) -> CryptoKey {
    let (k_priv, user) = (Secret32::make(), UserId([7; 16]));
    let purpose = match kind {
        Rsa::Oaep => VaultPurpose::EncryptionKey { version: 1 },
        Rsa::Pss => VaultPurpose::RsaSigningKey { version: 1 },
    };
    let blob = vault::seal(&k_priv, purpose, &user, pkcs8);
    let under = webcrypto::import_kek(k_priv.expose()).await.unwrap();
    let aad = vault::aad(purpose, &user);
    webcrypto::unwrap_rsa(kind, &blob, &under, &aad, Exportable::No)
        .await
        .unwrap()
}

#[wasm_bindgen_test]
async fn webcrypto_opens_and_makes_the_wraps() {
    for name in ["wrap.json", "share.json"] {
        let file = parse(contents(name));
        let (label, wrapped) = (bytes(&file, "label"), bytes(&file, "wrapped"));
        let pkcs8 = bytes(&file, "private_key");
        let private = private_key(Rsa::Oaep, &pkcs8).await;
        let opened = webcrypto::decrypt(&private, &label, &wrapped).await;
        assert_eq!(*opened.unwrap(), bytes(&file, "key"), "{name}");
        let refused = webcrypto::decrypt(&private, &label, &altered(&wrapped)).await;
        assert!(refused.is_err(), "{name}");
        let refused = webcrypto::decrypt(&private, &altered(&label), &wrapped).await;
        assert!(refused.is_err(), "{name}");

        let (spki, key) = (bytes(&file, "public_key"), bytes(&file, "key"));
        let made = webcrypto::encrypt(&spki, &label, &key).await.unwrap();
        let native = rsa_pss::PrivateKey::from_pkcs8(&pkcs8).unwrap();
        assert_eq!(
            wrap::unwrap(&native, &made, &label),
            Ok(EpochKey::from_slice(&key).unwrap())
        );
    }
}

#[wasm_bindgen_test]
async fn webcrypto_opens_the_wraps_of_a_log() {
    let file = parse(contents("log.json"));
    let opened = field(&file, "opened");
    let (wraps, labels) = (
        byte_strings(opened, "wraps"),
        byte_strings(opened, "labels"),
    );
    assert_eq!(wraps.len(), labels.len());
    // Who reads: the first of the people, in the order of their ids.
    let sealed = wraps.iter().zip(&labels);
    for (person, (wrapped, label)) in list(&file, "people").iter().zip(sealed) {
        let [encryption, ..] = test_keys::pkcs8(number(person, "keys") as usize - 1);
        let private = private_key(Rsa::Oaep, encryption).await;
        let key = webcrypto::decrypt(&private, label, wrapped).await.unwrap();
        assert_eq!(*key, bytes(opened, "epoch_key"));
    }
}

#[wasm_bindgen_test]
async fn webcrypto_verifies_and_makes_the_signatures() {
    let file = parse(contents("signature.json"));
    let (message, pss) = (bytes(&file, "message"), field(&file, "rsa_pss"));
    let (spki, signature) = (bytes(pss, "public_key"), bytes(pss, "signature"));
    let verify = async |message: &[u8], signature: &[u8]| {
        webcrypto::verify(&spki, message, signature).await.unwrap()
    };
    assert!(verify(&message, &signature).await);
    assert!(!verify(&altered(&message), &signature).await);
    assert!(!verify(&message, &altered(&signature)).await);
    // More imports at a time than are remembered, of what is no key: they stay none, and the good key a good one.
    let none = (0..100).map(|n| [n]);
    let none = none.map(async |spki| webcrypto::verify(&spki, &message, &signature).await);
    assert_eq!(join_all(none).await, vec![Ok(false); 100]);
    assert!(verify(&message, &signature).await);

    // Another key's signature is another's, with both keys at hand.
    let other = test_keys::set(1).unwrap().public().unwrap().rsa_signing;
    let theirs = private_key(Rsa::Pss, test_keys::pkcs8(1)[1]).await;
    let by_other = webcrypto::sign(&theirs, &message).await.unwrap();
    for _ in 0..2 {
        assert!(verify(&message, &signature).await);
        assert!(!verify(&message, &by_other).await);
        let of_other =
            async |signature: &[u8]| webcrypto::verify(&other, &message, signature).await;
        assert_eq!(of_other(&by_other).await, Ok(true));
        assert_eq!(of_other(&signature).await, Ok(false));
    }

    let [_, signing, _] = test_keys::pkcs8(0);
    let private = private_key(Rsa::Pss, signing).await;
    let made = webcrypto::sign(&private, &message).await.unwrap();
    assert!(rsa_pss::verify(&spki, &message, &made));

    let signed = parse(contents("signed.json"));
    let mut verified = 0;
    for version in byte_strings(&signed, "versions") {
        let identity = SignedIdentity::parse(&version).unwrap();
        for claim in identity.self_claims() {
            if claim.algorithm == Algorithm::RsaPss {
                let signature = claim.signature.as_bytes();
                let verify = webcrypto::verify(&claim.spki, &claim.message, signature);
                assert!(verify.await.unwrap());
                verified += 1;
            }
        }
    }
    assert_eq!(verified, 2);
}

#[wasm_bindgen_test]
async fn webcrypto_opens_and_makes_the_vaults_blobs() {
    let file = parse(contents("vault.json"));
    let key: [u8; 32] = array(&file, "key");
    let (sealing, wrapping) = (
        webcrypto::import_aes(&key).await.unwrap(),
        webcrypto::import_kek(&key).await.unwrap(),
    );
    let plaintext = bytes(&file, "plaintext");
    for case in list(&file, "blobs") {
        let (aad, blob) = (bytes(case, "associated_data"), bytes(case, "blob"));
        let opened = webcrypto::open(&sealing, &aad, &blob).await.unwrap();
        assert_eq!(opened, plaintext, "{}", text(case, "purpose"));
        assert!(
            webcrypto::open(&sealing, &aad, &altered(&blob))
                .await
                .is_err()
        );
        assert!(
            webcrypto::open(&sealing, &altered(&aad), &blob)
                .await
                .is_err()
        );
        // The same bytes as a key, which they are for most purposes.
        unwraps(&wrapping, &aad, &blob, &plaintext).await;
    }
    let user = UserId(array(&file, "user"));
    let purpose = VaultPurpose::State;
    let aad = vault::aad(purpose, &user);
    let made = webcrypto::seal(&sealing, &aad, &plaintext);
    let key = Secret32::from_slice(&key).unwrap();
    let opened = vault::open(&key, purpose, &user, &made.await.unwrap());
    assert_eq!(*opened.unwrap(), plaintext);
}

#[wasm_bindgen_test]
async fn webcrypto_opens_the_passkeys_blob() {
    let file = parse(contents("passkey.json"));
    let kek = webcrypto::import_kek(&array(&file, "kek")).await.unwrap();
    let (aad, blob) = (
        bytes(&file, "associated_data"),
        bytes(&file, "priv_by_passkey"),
    );
    unwraps(&kek, &aad, &blob, &bytes(&file, "priv")).await;
}

/// What is unwrapped is the AES key that has these bytes; and what is altered does not unwrap.
async fn unwraps(under: &CryptoKey, aad: &[u8], blob: &[u8], plaintext: &[u8]) {
    let unwrapped = webcrypto::unwrap_aes(blob, under, aad, false)
        .await
        .unwrap();
    let known = webcrypto::import_aes(plaintext.try_into().unwrap())
        .await
        .unwrap();
    let sealed = webcrypto::seal(&known, b"", b"by one").await.unwrap();
    let opened = webcrypto::open(&unwrapped, b"", &sealed).await;
    assert_eq!(opened.as_deref(), Ok(&b"by one"[..]));
    let refused = webcrypto::unwrap_aes(&altered(blob), under, aad, false).await;
    assert!(refused.is_err());
}

#[wasm_bindgen_test]
async fn wycheproof_rsa_pss() {
    let cases = wycheproof::rsa_pss();
    cases.each(wycheproof::check_rsa_pss);
    for case in cases.all() {
        let verified = webcrypto::verify(&case.key, &case.message, &case.signature).await;
        assert_eq!(verified, Ok(case.valid), "WebCrypto: {}", case.name);
    }
    console_log!("{cases}");
}

#[wasm_bindgen_test]
async fn wycheproof_rsa_oaep() {
    let cases = wycheproof::rsa_oaep();
    cases.each(wycheproof::check_rsa_oaep);
    let mut imported: Option<(&[u8], CryptoKey)> = None;
    for case in cases.all() {
        let private = match &imported {
            Some((pkcs8, key)) if **pkcs8 == case.key => key.clone(),
            _ => private_key(Rsa::Oaep, &case.key).await,
        };
        imported = Some((&case.key, private.clone()));
        let opened = webcrypto::decrypt(&private, &case.bound, &case.sealed).await;
        let opened = opened.ok().map(|opened| opened.to_vec());
        assert_eq!(opened, case.opened, "WebCrypto: {}", case.name);
    }
    console_log!("{cases}");
}

#[wasm_bindgen_test]
async fn wycheproof_aes_gcm() {
    let cases = wycheproof::aes_gcm();
    cases.each(wycheproof::check_aes_gcm);
    for case in cases.all() {
        let (key, nonce) = &case.key;
        let key = webcrypto::import_aes(key).await.unwrap();
        let blob = vault::join(nonce, &case.sealed);
        let opened = webcrypto::open(&key, &case.bound, &blob).await.ok();
        assert_eq!(opened, case.opened, "WebCrypto: {}", case.name);
    }
    console_log!("{cases}");
}

#[wasm_bindgen_test]
fn wycheproof_dsa() {
    let cases = wycheproof::dsa();
    let mut ours = wycheproof::CheckDsa::default();
    cases.each(|case| ours.check(case));
    console_log!("{cases}");
}
