//! Keys on WebCrypto and IndexedDB in a dedicated worker, against the crates' native implementation.

#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::rc::Rc;
use std::slice::from_ref;

use common::{
    OTHER, USER, algorithm_of, contains, device, everything, export_key, found, made, native, talk,
    talk_as,
};
use js_sys::Reflect;
use secure_chat_frontend::engine::device::Device;
use secure_chat_frontend::engine::keys::BrowserKeys;
use secure_chat_frontend::engine::webcrypto;
use secure_chat_shared::client::native::{NativeKeys, test_keys};
use secure_chat_shared::client::platform::{Keys, KeysError, NewSecrets, Records, Unlock};
use secure_chat_shared::crypto::epoch::EpochKey;
use secure_chat_shared::crypto::recovery::RecoveryCode;
use secure_chat_shared::crypto::signing::Algorithm;
use secure_chat_shared::crypto::vault::{self, VaultPurpose};
use secure_chat_shared::crypto::{dsa, rsa_pss};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

#[wasm_bindgen_test]
async fn the_crates_accept_what_the_browser_made() {
    let recovery = RecoveryCode::make();
    let (keys, made) = made("accepted", &recovery).await;
    rsa_pss::validate_spki(&made.public.encryption).unwrap();
    rsa_pss::validate_spki(&made.public.rsa_signing).unwrap();
    dsa::validate_spki(&made.public.dsa_signing).unwrap();
    assert_ne!(made.public.encryption, made.public.rsa_signing);
    let (others, _) = native(0, &recovery).await;
    talk(&keys, &others, &made).await;
}

#[wasm_bindgen_test]
async fn the_browser_accepts_what_the_crates_made() {
    let recovery = RecoveryCode::make();
    let (_, made_here) = made("accepting", &recovery).await;
    let browser = BrowserKeys::new(Rc::new(Device::open("accepting").await.unwrap()));
    assert_eq!(browser.load().await, Ok(Some(USER)));
    let (others, made) = native(1, &recovery).await;
    talk(&others, &browser, &made).await;
    talk(&browser, &browser, &made_here).await;
}

#[wasm_bindgen_test]
async fn a_vault_made_in_the_browser_opens_natively() {
    let recovery = RecoveryCode::make();
    let (browser, made) = made("to native", &recovery).await;
    let state = browser.seal_state(b"pins").await.unwrap();
    let by_password = export_key(1);
    for unlock in [Unlock::Password(&by_password), Unlock::Recovery(&recovery)] {
        let native = NativeKeys::new();
        native
            .open(USER, unlock, &made.vault, from_ref(&made.public))
            .await
            .unwrap();
        talk(&native, &browser, &made).await;
        talk(&browser, &native, &made).await;
        assert_eq!(native.open_state(&state).await.unwrap(), b"pins");
        let theirs = native.seal_state(b"more pins").await.unwrap();
        assert_eq!(browser.open_state(&theirs).await.unwrap(), b"more pins");
    }
}

#[wasm_bindgen_test]
async fn a_vault_made_natively_opens_in_the_browser() {
    let recovery = RecoveryCode::make();
    let (native, made) = native(2, &recovery).await;
    let state = native.seal_state(b"pins").await.unwrap();
    let by_password = export_key(1);
    for unlock in [Unlock::Password(&by_password), Unlock::Recovery(&recovery)] {
        let browser = BrowserKeys::new(device("from native").await);
        browser
            .open(USER, unlock, &made.vault, from_ref(&made.public))
            .await
            .unwrap();
        talk(&browser, &native, &made).await;
        assert_eq!(browser.open_state(&state).await.unwrap(), b"pins");
        // RFC 6979: the same key signs the same message the same way wherever it runs.
        let message = b"the same everywhere";
        assert_eq!(
            browser.sign(1, Algorithm::Dsa, message).await.unwrap(),
            native.sign(1, Algorithm::Dsa, message).await.unwrap()
        );
    }
}

#[wasm_bindgen_test]
async fn what_is_not_whole_does_not_open() {
    let recovery = RecoveryCode::make();
    let (_, made) = native(3, &recovery).await;
    let good = export_key(1);
    let open = async |user, unlock: Unlock<'_>, vault: &_, public: &[_]| {
        let browser = BrowserKeys::new(device("not whole").await);
        let opened = browser.open(user, unlock, vault, public).await;
        if opened.is_err() {
            assert_eq!(browser.load().await, Ok(None), "nothing is kept");
            assert_eq!(
                browser.sign(1, Algorithm::Dsa, b"").await,
                Err(KeysError::Missing)
            );
        }
        opened
    };
    let public = [made.public.clone()];
    let password = Unlock::Password(&good);
    assert_eq!(
        open(USER, password, &made.vault, &public).await,
        Ok(Records::Kept)
    );
    let refused = Err(KeysError::DoesNotOpen);

    let wrong = export_key(2);
    assert_eq!(
        open(USER, Unlock::Password(&wrong), &made.vault, &public).await,
        refused
    );
    let code = RecoveryCode::make();
    assert_eq!(
        open(USER, Unlock::Recovery(&code), &made.vault, &public).await,
        refused
    );
    assert_eq!(open(OTHER, password, &made.vault, &public).await, refused);
    assert_eq!(open(USER, password, &made.vault, &[]).await, refused);

    // Somebody else's public halves, one at a time: the private ones are not theirs.
    let others = test_keys::set(4).unwrap().public().unwrap();
    for part in 0..3 {
        let mut public = made.public.clone();
        match part {
            0 => public.encryption.clone_from(&others.encryption),
            1 => public.rsa_signing.clone_from(&others.rsa_signing),
            _ => public.dsa_signing.clone_from(&others.dsa_signing),
        }
        assert_eq!(
            open(USER, password, &made.vault, &[public]).await,
            refused,
            "{part}"
        );
    }

    // Blobs altered or in each other's place.
    for part in 0..6 {
        let mut vault = made.vault.clone();
        let keys = &mut vault.keys[0];
        match part {
            0 => *vault.priv_by_password.0.last_mut().unwrap() ^= 1,
            1 => *vault.state_key.0.last_mut().unwrap() ^= 1,
            2 => std::mem::swap(&mut keys.encryption, &mut keys.rsa_signing),
            3 => keys.dsa_signing.0[20] ^= 1,
            4 => keys.version = 2,
            _ => vault.priv_by_password = vault.priv_by_recovery.clone(),
        }
        assert_eq!(
            open(USER, password, &vault, &public).await,
            refused,
            "{part}"
        );
    }
}

#[wasm_bindgen_test]
async fn keys_outlast_a_reload_but_not_a_wipe() {
    let recovery = RecoveryCode::make();
    let (keys, made) = made("reload", &recovery).await;
    let sealed = keys.seal_state(b"pins").await.unwrap();
    drop(keys);
    let keys = BrowserKeys::new(Rc::new(Device::open("reload").await.unwrap()));
    assert_eq!(
        keys.sign(1, Algorithm::RsaPss, b"").await,
        Err(KeysError::Missing)
    );
    assert_eq!(keys.load().await, Ok(Some(USER)));
    let (others, _) = native(0, &recovery).await;
    talk(&keys, &others, &made).await;
    assert_eq!(keys.open_state(&sealed).await.unwrap(), b"pins");

    keys.wipe().await.unwrap();
    assert_eq!(
        keys.sign(1, Algorithm::RsaPss, b"").await,
        Err(KeysError::Missing)
    );
    assert_eq!(keys.load().await, Ok(None));
    assert!(everything("reload").await.is_empty());
}

#[wasm_bindgen_test]
async fn fresh_keys_sign_at_once_and_stay_once_adopted() {
    let recovery = RecoveryCode::make();
    let (browser, made) = made("renewed", &recovery).await;
    let state = browser.seal_state(b"pins").await.unwrap();
    let renewed = browser
        .renew(
            USER,
            &export_key(1),
            &made.vault,
            from_ref(&made.public),
            true,
        )
        .await
        .unwrap();
    assert_eq!(renewed.keys.version, 2);
    assert_ne!(renewed.public.encryption, made.public.encryption);
    assert_ne!(renewed.public.rsa_signing, made.public.rsa_signing);
    assert_ne!(renewed.public.dsa_signing, made.public.dsa_signing);
    rsa_pss::validate_spki(&renewed.public.encryption).unwrap();
    rsa_pss::validate_spki(&renewed.public.rsa_signing).unwrap();
    dsa::validate_spki(&renewed.public.dsa_signing).unwrap();

    // Both versions sign, so that one can sign the other.
    for (version, spki) in [
        (1, &made.public.rsa_signing),
        (2, &renewed.public.rsa_signing),
    ] {
        let signature = browser
            .sign(version, Algorithm::RsaPss, b"next")
            .await
            .unwrap();
        assert!(rsa_pss::verify(spki, b"next", signature.as_bytes()));
    }
    // The device still holds the old ones only: the server may refuse the new.
    let reloaded = BrowserKeys::new(Rc::new(Device::open("renewed").await.unwrap()));
    reloaded.load().await.unwrap();
    let missing = Err(KeysError::Missing);
    assert_eq!(reloaded.sign(2, Algorithm::RsaPss, b"").await, missing);
    assert_eq!(reloaded.adopt().await, Err(KeysError::Missing));

    browser.adopt().await.unwrap();
    assert_eq!(browser.adopt().await, Err(KeysError::Missing), "only once");
    let (others, _) = native(0, &recovery).await;
    let reloaded = BrowserKeys::new(Rc::new(Device::open("renewed").await.unwrap()));
    reloaded.load().await.unwrap();
    for keys in [&browser, &reloaded] {
        talk_as(2, keys, &others, &renewed.public).await;
        assert_eq!(keys.open_state(&state).await.unwrap(), b"pins");
        let wrap = others
            .wrap(&made.public.encryption, &EpochKey::make(), b"old")
            .await
            .unwrap();
        keys.unwrap(1, &wrap, b"old").await.unwrap();
    }

    // Another browser gets both from the vault.
    let mut vault = made.vault.clone();
    vault.keys.push(renewed.keys);
    let public = [made.public, renewed.public];
    let native = NativeKeys::new();
    let password = export_key(1);
    native
        .open(USER, Unlock::Password(&password), &vault, &public)
        .await
        .unwrap();
    talk_as(2, &native, &browser, &public[1]).await;
    talk_as(2, &browser, &native, &public[1]).await;
}

#[wasm_bindgen_test]
async fn a_new_version_may_keep_its_keys() {
    let recovery = RecoveryCode::make();
    let (browser, made) = made("kept", &recovery).await;
    let renewed = browser
        .renew(
            USER,
            &export_key(1),
            &made.vault,
            from_ref(&made.public),
            false,
        )
        .await
        .unwrap();
    assert_eq!(renewed.public, made.public);
    assert_eq!(renewed.keys.version, 2);
    browser.adopt().await.unwrap();
    talk_as(2, &browser, &browser, &made.public).await;

    // What was exportable to be sealed again is not what is kept.
    let (keys, _) = found(everything("kept").await);
    let mut names: Vec<String> = keys.iter().map(algorithm_of).collect();
    names.sort();
    let expected = [
        "AES-GCM", "AES-GCM", "AES-GCM", "RSA-OAEP", "RSA-OAEP", "RSA-PSS", "RSA-PSS",
    ];
    assert_eq!(names, expected);
    assert!(keys.iter().all(|key| !key.extractable()));

    let mut vault = made.vault.clone();
    vault.keys.push(renewed.keys);
    let public = [made.public.clone(), made.public];
    let password = export_key(1);
    let native = NativeKeys::new();
    native
        .open(USER, Unlock::Password(&password), &vault, &public)
        .await
        .unwrap();
    talk_as(2, &native, &browser, &public[1]).await;

    // And on from there, in a browser that opened it.
    let next = BrowserKeys::new(device("kept elsewhere").await);
    let again = next
        .renew(USER, &password, &vault, &public, true)
        .await
        .unwrap();
    assert_eq!(again.keys.version, 3);
    next.sign(3, Algorithm::Dsa, b"next").await.unwrap();
}

#[wasm_bindgen_test]
async fn no_keys_are_made_for_a_vault_that_does_not_open() {
    let recovery = RecoveryCode::make();
    let (browser, made) = made("not renewed", &recovery).await;
    let others = test_keys::set(4).unwrap().public().unwrap();
    for (password, public) in [(export_key(2), &made.public), (export_key(1), &others)] {
        for fresh in [true, false] {
            let renewed = browser
                .renew(USER, &password, &made.vault, from_ref(public), fresh)
                .await;
            assert_eq!(renewed.err(), Some(KeysError::DoesNotOpen));
        }
    }
    assert_eq!(browser.adopt().await, Err(KeysError::Missing));
    talk(&browser, &browser, &made).await;
}

#[wasm_bindgen_test]
async fn nothing_in_the_database_gives_a_key_away() {
    let recovery = RecoveryCode::make();
    let (_, made) = made("no secrets", &recovery).await;
    let (keys, bytes) = found(everything("no secrets").await);

    let mut names: Vec<String> = keys.iter().map(algorithm_of).collect();
    names.sort();
    let expected = ["AES-GCM", "AES-GCM", "AES-GCM", "RSA-OAEP", "RSA-PSS"];
    assert_eq!(names, expected);
    for key in &keys {
        assert!(!key.extractable(), "{}", algorithm_of(key));
        let usages = js_sys::Array::from(&Reflect::get(key, &"usages".into()).unwrap());
        for usage in usages.iter().filter_map(|usage| usage.as_string()) {
            assert!(!usage.contains("rap"), "{} may {usage}", algorithm_of(key));
        }
    }

    // K_priv is not among the keys: none of them opens what it sealed.
    let aad = vault::aad(VaultPurpose::DsaSigningKey { version: 1 }, &USER);
    for key in keys.iter().filter(|key| algorithm_of(key) == "AES-GCM") {
        let sealed = &made.vault.keys[0].dsa_signing;
        assert!(webcrypto::open(key, &aad, sealed).await.is_err());
    }
    // Nor are its bytes there, nor a private key's.
    let kek = vault::kek_from_export(&export_key(1));
    let blob = &made.vault.priv_by_password;
    let k_priv = vault::open(&kek, VaultPurpose::PrivByPassword, &USER, blob).unwrap();
    let k_priv = secure_chat_shared::crypto::secret::Secret32::from_slice(&k_priv).unwrap();
    let keys = &made.vault.keys[0];
    let secrets = [
        (VaultPurpose::StateKey, &made.vault.state_key),
        (VaultPurpose::EncryptionKey { version: 1 }, &keys.encryption),
        (
            VaultPurpose::RsaSigningKey { version: 1 },
            &keys.rsa_signing,
        ),
        (
            VaultPurpose::DsaSigningKey { version: 1 },
            &keys.dsa_signing,
        ),
    ]
    .map(|(purpose, blob)| vault::open(&k_priv, purpose, &USER, blob).unwrap());
    for stored in &bytes {
        assert!(!contains(stored, k_priv.expose()));
        for secret in &secrets {
            // The last bytes of every one of them are secret, the first are a header.
            assert!(!contains(stored, &secret[secret.len() - 16..]));
        }
        for object_identifier in [
            &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01][..],
            &[0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01],
        ] {
            assert!(!contains(stored, object_identifier));
        }
    }
}

#[wasm_bindgen_test]
async fn replaced_secrets_open_with_the_new_ones_only() {
    let recovery = RecoveryCode::make();
    let (browser, made) = made("replaced", &recovery).await;
    let (others, _) = native(0, &recovery).await;
    let password = export_key(1);
    let fresh = true;
    let public = from_ref(&made.public);
    let renewed = browser
        .renew(USER, &password, &made.vault, public, fresh)
        .await
        .unwrap();
    browser.adopt().await.unwrap();
    let mut vault = made.vault.clone();
    vault.keys.push(renewed.keys);
    let public = [made.public, renewed.public];

    let code = RecoveryCode::make();
    let (new, wrong) = (export_key(2), export_key(3));
    let secrets = NewSecrets {
        export_key: &new,
        recovery: &code,
        state: b"pins",
    };
    let replace = async |unlock: Unlock<'_>| {
        browser
            .replace(USER, unlock, &vault, &public, secrets)
            .await
    };
    let refused = replace(Unlock::Password(&wrong)).await;
    assert_eq!(refused.err(), Some(KeysError::DoesNotOpen));
    assert_eq!(browser.adopt().await, Err(KeysError::Missing));
    let replaced = replace(Unlock::Password(&password)).await.unwrap();

    // The server may refuse: until it is adopted, everything is as it was.
    let before = browser.seal_state(b"old").await.unwrap();
    assert!(browser.open_state(&replaced.state).await.is_err());
    browser.adopt().await.unwrap();
    assert_eq!(browser.open_state(&replaced.state).await.unwrap(), b"pins");
    assert!(browser.open_state(&before).await.is_err());
    let reloaded = BrowserKeys::new(Rc::new(Device::open("replaced").await.unwrap()));
    reloaded.load().await.unwrap();
    assert_eq!(reloaded.open_state(&replaced.state).await.unwrap(), b"pins");

    // The keys are those of before, under the same versions; and both new secrets open them, in any browser.
    let versions: Vec<u32> = replaced
        .vault
        .keys
        .iter()
        .map(|keys| keys.version)
        .collect();
    assert_eq!(versions, [1, 2]);
    for unlock in [Unlock::Password(&new), Unlock::Recovery(&code)] {
        let native = NativeKeys::new();
        native
            .open(USER, unlock, &replaced.vault, &public)
            .await
            .unwrap();
        for (version, public) in [(1, &public[0]), (2, &public[1])] {
            talk_as(version, &native, &reloaded, public).await;
            talk_as(version, &reloaded, &others, public).await;
        }
        assert_eq!(native.open_state(&replaced.state).await.unwrap(), b"pins");
    }
    // What opened the old vault opens nothing of the new one.
    for unlock in [Unlock::Password(&password), Unlock::Recovery(&recovery)] {
        let native = NativeKeys::new();
        let opened = native.open(USER, unlock, &replaced.vault, &public).await;
        assert_eq!(opened, Err(KeysError::DoesNotOpen));
    }
    let mut mixed = vault.clone();
    mixed.keys.clone_from(&replaced.vault.keys);
    let native = NativeKeys::new();
    let opened = native
        .open(USER, Unlock::Password(&password), &mixed, &public)
        .await;
    assert_eq!(opened, Err(KeysError::DoesNotOpen));
}

#[wasm_bindgen_test]
async fn keys_are_gone_while_locked_and_come_back_with_the_vault() {
    let recovery = RecoveryCode::make();
    let (browser, made) = made("lock and key", &recovery).await;
    let state = browser.seal_state(b"pins").await.unwrap();
    browser.lock(b"who").await.unwrap();
    let reloaded = BrowserKeys::new(Rc::new(Device::open("lock and key").await.unwrap()));
    for keys in [&browser, &reloaded] {
        assert_eq!(keys.locked().await, Ok(Some(b"who".to_vec())));
        assert_eq!(keys.load().await, Ok(None));
        let missing = Err(KeysError::Missing);
        assert_eq!(keys.sign(1, Algorithm::Dsa, b"").await, missing);
        assert_eq!(keys.open_state(&state).await, Err(KeysError::Missing));
    }
    // No key of any kind lies there.
    let (keys, _) = found(everything("lock and key").await);
    assert!(keys.is_empty());

    let password = export_key(1);
    let public = from_ref(&made.public);
    let unlock = Unlock::Password(&password);
    let wrong = export_key(2);
    let refused = reloaded
        .open(USER, Unlock::Password(&wrong), &made.vault, public)
        .await;
    assert_eq!(refused, Err(KeysError::DoesNotOpen));
    assert_eq!(reloaded.locked().await, Ok(Some(b"who".to_vec())));
    let opened = reloaded.open(USER, unlock, &made.vault, public).await;
    assert_eq!(opened, Ok(Records::Kept));
    assert_eq!(reloaded.locked().await, Ok(None));
    talk(&reloaded, &reloaded, &made).await;
    assert_eq!(reloaded.open_state(&state).await.unwrap(), b"pins");

    reloaded.lock(b"who").await.unwrap();
    reloaded.wipe().await.unwrap();
    assert_eq!(reloaded.locked().await, Ok(None));
    assert!(everything("lock and key").await.is_empty());
}

#[wasm_bindgen_test]
async fn a_recovery_code_is_checked_against_this_devices_own_key() {
    let recovery = RecoveryCode::make();
    let (browser, made) = made("checked", &recovery).await;
    let check = async |code: &RecoveryCode, vault: &secure_chat_shared::crypto::account::Vault| {
        browser
            .check_recovery(USER, code, &vault.priv_by_recovery, &vault.state_key)
            .await
            .unwrap()
    };
    assert!(check(&recovery, &made.vault).await);
    assert!(!check(&RecoveryCode::make(), &made.vault).await);
    // A pair of blobs that fits itself, and is not of this vault: an older one, say.
    let (_, older) = native(1, &recovery).await;
    assert!(!check(&recovery, &older.vault).await);
    let mut mixed = made.vault.clone();
    mixed.state_key = older.vault.state_key;
    assert!(!check(&recovery, &mixed).await);
}
