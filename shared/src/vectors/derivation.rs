//! Labels, and every derivation that names its purpose by one (`docs/PROTOCOL.md`, section 2).

use serde_json::{Value, json};
use sha2::{Digest, Sha512};

use super::fixed::{context, count, epoch_key};
use super::json::{byte_strings, bytes, list, text, to_hex};
use crate::crypto::ephemeral::{EphemeralContext, signal_key};
use crate::crypto::epoch::{commitment, title_key};
use crate::crypto::identity::{self, Compromised, hash_of};
use crate::crypto::label::{labelled, purpose};
use crate::crypto::link::LinkSecret;
use crate::crypto::message::{self, message_key};
use crate::crypto::opaque::ExportKey;
use crate::crypto::primitives::{derive, sha256};
use crate::crypto::recovery::RecoveryCode;
use crate::crypto::secret::Secret32;
use crate::crypto::vault::{self, VaultPurpose};
use crate::crypto::{fingerprint, opaque};
use crate::ids::{ConversationId, Epoch, IdentityHash, UserId};
use crate::log::entry::{server_signing_payload, state_signing_payload};
use crate::log::state::readers_digest;

/// What never travels but in an export, and what nothing uses.
const NOT_HERE: [&str; 7] = [
    purpose::STATE_HASH,
    purpose::ANNOUNCEMENT,
    purpose::STORE_KEY,
    purpose::STORE_RECORD,
    purpose::KEY_CHECK,
    purpose::KEY_CHECK_WRAP,
    purpose::EXPORT_MANIFEST,
];

pub(super) fn make_labels() -> Value {
    json!([
        { "purpose": "title", "parts": [], "bytes": to_hex(&labelled("title", &[])) },
        {
            "purpose": "message",
            "parts": ["6162", "", "63"],
            "bytes": to_hex(&labelled("message", &[b"ab", b"", b"c"])),
        },
    ])
}

pub(super) fn read_labels(file: &Value) {
    for case in file.as_array().unwrap() {
        assert_eq!(label_of(case), bytes(case, "bytes"));
    }
}

fn label_of(case: &Value) -> Vec<u8> {
    let parts = byte_strings(case, "parts");
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    labelled(text(case, "purpose"), &parts)
}

/// What comes out, by the function that everybody calls; that it is the primitive over the label is what is read.
pub(super) fn make() -> Value {
    let (key, context) = (epoch_key(), context());
    let ikm = to_hex(key.expose());
    let (conversation, epoch, size, root) = (
        context.conversation.0,
        context.epoch.0.to_be_bytes(),
        context.view.size.to_be_bytes(),
        context.view.root.0,
    );
    let place: [&[u8]; 4] = [&conversation, &epoch, &size, &root];
    let recipient = IdentityHash(count(0x50));
    let addressed: Vec<&[u8]> = place.into_iter().chain([&recipient.0[..]]).collect();
    let (alice, bob) = (UserId(count(0x20)), UserId(count(1)));
    let (of_alice, of_bob) = (IdentityHash(count(0x50)), IdentityHash(count(0x70)));
    let readers = [(&bob, of_bob), (&alice, of_alice)];
    let listed = [&bob.0[..], &of_bob.0, &alice.0, &of_alice.0].concat();
    let salt = count::<32>(0xc0);
    let signal = EphemeralContext {
        conversation: ConversationId(count(0x10)),
        epoch: Epoch(7),
        sender: alice,
    };
    let signal_parts: [&[u8]; 3] = [&conversation, &[0, 0, 0, 7], &alice.0];
    let export_key = ExportKey::from_slice(&count::<64>(0)).unwrap();
    let code = RecoveryCode::from_entropy(&count(0));
    let prf = Secret32::from_slice(&count::<32>(0x90)).unwrap();
    let secret = LinkSecret::from_slice(&count::<16>(0xb0)).unwrap();
    let (header, inner) = (&b"the clear header"[..], &b"the inner part"[..]);

    let hkdf = |name: &str, parts: &[&[u8]], ikm: &str, salt: Option<&[u8]>, out: &[u8; 32]| {
        json!({
            "purpose": name,
            "used_as": "info of HKDF-SHA256",
            "parts": hex_list(parts),
            "label": to_hex(&labelled(name, parts)),
            "key": ikm,
            "salt": salt.map(to_hex),
            "output": to_hex(out),
        })
    };
    let hash = |name: &str, with: &str, parts: &[&[u8]], output: &str| {
        json!({
            "purpose": name,
            "used_as": format!("input of {with}"),
            "parts": hex_list(parts),
            "label": to_hex(&labelled(name, parts)),
            "output": output,
        })
    };
    // What is signed, bound or taken as it is.
    let plain = |name: &str, used_as: &str, parts: &[&[u8]], label: &[u8]| {
        json!({
            "purpose": name,
            "used_as": used_as,
            "parts": hex_list(parts),
            "label": to_hex(label),
        })
    };
    let (title_key, title_aad) = title_key(&key, &context, &salt);
    let (signal_key, signal_aad) = signal_key(&key, &signal, &salt);
    let checksum = code.reveal();
    let signed = "what is signed";
    let mut cases = vec![
        plain(
            "identity",
            signed,
            &[inner],
            &identity::signing_payload(inner),
        ),
        hash(
            "identity hash",
            "SHA-256",
            &[inner],
            &hash_of(inner).to_string(),
        ),
        plain(
            "compromised",
            signed,
            &[inner],
            &Compromised::signing_payload(inner),
        ),
        plain(
            "state entry",
            signed,
            &[header],
            &state_signing_payload(header),
        ),
        plain(
            "managed announcement",
            signed,
            &[header],
            &server_signing_payload(header),
        ),
        hash(
            "readers",
            "SHA-256",
            &[&listed],
            &readers_digest(readers.into_iter()).to_string(),
        ),
        plain(
            "epoch wrap",
            "label of RSA-OAEP",
            &addressed,
            &context.wrap_label(&recipient),
        ),
        plain(
            "shared wrap",
            "label of RSA-OAEP",
            &addressed,
            &context.shared_wrap_label(&recipient),
        ),
        hkdf(
            "epoch commitment",
            &place,
            &ikm,
            None,
            &commitment(&key, &context).0,
        ),
        hkdf("title key", &place, &ikm, Some(&salt), title_key.expose()),
        plain("title", "associated data", &place, &title_aad),
        plain(
            "message",
            signed,
            &[header, inner],
            &message::signing_payload(header, inner),
        ),
        hkdf(
            "message key",
            &[header],
            &ikm,
            Some(&salt),
            message_key(&key, &salt, header).expose(),
        ),
        hkdf(
            "ephemeral key",
            &signal_parts,
            &ikm,
            Some(&salt),
            signal_key.expose(),
        ),
        plain("ephemeral", "associated data", &signal_parts, &signal_aad),
        plain(
            "password stretch",
            "salt of Argon2id",
            &[],
            &opaque::stretch_salt(),
        ),
        hkdf(
            "password kek",
            &[],
            &to_hex(export_key.expose()),
            None,
            vault::kek_from_export(&export_key).expose(),
        ),
        hkdf(
            "recovery kek",
            &[],
            &to_hex(&count::<18>(0)),
            None,
            code.kek().expose(),
        ),
        hkdf(
            "recovery auth",
            &[],
            &to_hex(&count::<18>(0)),
            None,
            code.auth().expose(),
        ),
        plain(
            "passkey prf",
            "input of a passkey's PRF",
            &[],
            &vault::passkey_prf_input(),
        ),
        hkdf(
            "passkey kek",
            &[],
            &to_hex(prf.expose()),
            None,
            vault::kek_from_prf(&prf).expose(),
        ),
        hash(
            "short fingerprint",
            "SHA-256",
            &[&of_alice.0],
            &fingerprint::short(&of_alice),
        ),
        hash(
            "safety number",
            "SHA-512",
            &[&bob.0, &of_bob.0, &alice.0, &of_alice.0],
            &fingerprint::safety_number((&alice, &of_alice), (&bob, &of_bob)),
        ),
        // The code ends with the checksum: its last 16 bits are the last 3 characters and the last bit of the one before.
        hash(
            "recovery checksum",
            "SHA-256",
            &[&count::<18>(0)],
            &checksum,
        ),
        json!({
            "purpose": "link proof",
            "used_as": "message of HMAC-SHA256",
            "parts": hex_list(&[&of_alice.0, &of_bob.0]),
            "label": to_hex(&labelled("link proof", &[&of_alice.0, &of_bob.0])),
            "key": to_hex(secret.expose()),
            "output": to_hex(&secret.proof(&of_alice, &of_bob)),
        }),
    ];
    let version = 258_u32;
    for (name, purpose, versioned) in [
        (
            "vault priv by password",
            VaultPurpose::PrivByPassword,
            false,
        ),
        (
            "vault priv by recovery",
            VaultPurpose::PrivByRecovery,
            false,
        ),
        ("vault priv by passkey", VaultPurpose::PrivByPasskey, false),
        ("vault state key", VaultPurpose::StateKey, false),
        (
            "vault encryption key",
            VaultPurpose::EncryptionKey { version },
            true,
        ),
        (
            "vault rsa signing key",
            VaultPurpose::RsaSigningKey { version },
            true,
        ),
        (
            "vault dsa signing key",
            VaultPurpose::DsaSigningKey { version },
            true,
        ),
        ("vault state", VaultPurpose::State, false),
    ] {
        let numbered = version.to_be_bytes();
        let parts: &[&[u8]] = if versioned {
            &[&alice.0, &numbered]
        } else {
            &[&alice.0]
        };
        cases.push(plain(
            name,
            "associated data",
            parts,
            &vault::aad(purpose, &alice),
        ));
    }
    Value::Array(cases)
}

pub(super) fn read(file: &Value) {
    let cases = file.as_array().unwrap();
    for case in cases {
        let label = label_of(case);
        assert_eq!(label, bytes(case, "label"), "{case}");
        match text(case, "used_as") {
            "info of HKDF-SHA256" => {
                let salt = case["salt"].as_str().map(|_| bytes(case, "salt"));
                let out = derive(&bytes(case, "key"), salt.as_deref(), &label);
                assert_eq!(out.expose()[..], bytes(case, "output"), "{case}");
            }
            "message of HMAC-SHA256" => {
                let secret = LinkSecret::from_slice(&bytes(case, "key")).unwrap();
                let [inviter, invitee] = list(case, "parts") else {
                    panic!("two parts")
                };
                let hash = |part: &Value| IdentityHash::from_hex(part.as_str().unwrap()).unwrap();
                let (inviter, invitee) = (hash(inviter), hash(invitee));
                assert!(secret.check(&inviter, &invitee, &bytes(case, "output")));
                assert!(!secret.check(&invitee, &inviter, &bytes(case, "output")));
            }
            "input of SHA-256" => {
                let digest = to_hex(&sha256(&label));
                let expected = match text(case, "purpose") {
                    // 8 bytes in groups.
                    "short fingerprint" => text(case, "output").replace(' ', "").to_lowercase(),
                    "recovery checksum" => {
                        assert_eq!(digest[..4], checksum_of(text(case, "output")));
                        continue;
                    }
                    _ => text(case, "output").to_owned(),
                };
                assert!(digest.starts_with(&expected), "{case}");
            }
            "input of SHA-512" => {
                let digest = Sha512::digest(&label);
                let groups = text(case, "output").split(' ').zip(digest.chunks(5));
                for (group, five) in groups {
                    let number = five.iter().fold(0, |n: u64, b| n << 8 | u64::from(*b));
                    assert_eq!(group, format!("{:05}", number % 100_000));
                }
            }
            _ => assert!(case.get("output").is_none(), "{case}"),
        }
    }
    let here = |name: &str| cases.iter().any(|case| case["purpose"] == name);
    for name in purpose::ALL {
        assert_eq!(here(name), !NOT_HERE.contains(name), "{name}");
    }
}

/// The last 16 bits of a recovery code, in hexadecimal.
fn checksum_of(code: &str) -> String {
    let alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let bits = code.chars().filter(|c| *c != '-').fold(0_u64, |bits, c| {
        bits << 5 | alphabet.find(c).unwrap() as u64
    });
    format!("{:04x}", bits & 0xffff)
}

fn hex_list(parts: &[&[u8]]) -> Vec<String> {
    parts.iter().map(|part| to_hex(part)).collect()
}
