//! What an account's secrets derive and seal, and invite links.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::fixed::{context, count, nothing_altered};
use super::json::{array, bytes, list, number, text, to_hex};
use crate::codec::{self, Bytes};
use crate::crypto::link::{Link, LinkSecret};
use crate::crypto::opaque::ExportKey;
use crate::crypto::recovery::RecoveryCode;
use crate::crypto::secret::Secret32;
use crate::crypto::vault::{
    self, Block, FollowedLink, MadeLink, Pin, VaultPurpose, VaultState, seal_with,
};
use crate::ids::{ConversationId, IdentityHash, Timestamp, UserId, UserName};

pub(super) fn make_recovery() -> Value {
    let made = RecoveryCode::from_entropy(&count(0));
    json!({
        "entropy": to_hex(&count::<18>(0)),
        "code": *made.reveal(),
        "kek": to_hex(made.kek().expose()),
        "auth": to_hex(made.auth().expose()),
        "verifier": to_hex(&made.verifier()),
    })
}

pub(super) fn read_recovery(file: &Value) {
    let written = text(file, "code");
    let code = RecoveryCode::parse(written).unwrap();
    assert_eq!(RecoveryCode::from_entropy(&array(file, "entropy")), code);
    assert_eq!(code.reveal().as_str(), written);
    assert_eq!(code.kek().expose()[..], bytes(file, "kek"));
    assert_eq!(code.auth().expose()[..], bytes(file, "auth"));
    assert_eq!(code.verifier()[..], bytes(file, "verifier"));
    // As a person may type it; and one character that is another.
    let typed = written.to_lowercase().replace('-', " ").replace('0', "o");
    assert_eq!(RecoveryCode::parse(&typed), Ok(code));
    let wrong = written.replacen('G', "H", 1);
    assert!(wrong != written && RecoveryCode::parse(&wrong).is_err());
}

fn purposes(version: u32) -> [(&'static str, VaultPurpose); 7] {
    [
        ("priv by password", VaultPurpose::PrivByPassword),
        ("priv by recovery", VaultPurpose::PrivByRecovery),
        ("state key", VaultPurpose::StateKey),
        ("encryption key", VaultPurpose::EncryptionKey { version }),
        ("rsa signing key", VaultPurpose::RsaSigningKey { version }),
        ("dsa signing key", VaultPurpose::DsaSigningKey { version }),
        ("state", VaultPurpose::State),
    ]
}

pub(super) fn make_vault() -> Value {
    let user = UserId(count(0x20));
    let (key, nonce) = (
        Secret32::from_slice(&count::<32>(0x40)).unwrap(),
        count(0x60),
    );
    let plaintext = count::<32>(0xf0);
    let blobs = purposes(258).map(|(name, purpose)| {
        json!({
            "purpose": name,
            "associated_data": to_hex(&vault::aad(purpose, &user)),
            "blob": to_hex(&seal_with(&key, purpose, &user, &plaintext, &nonce)),
        })
    });
    let export_key = ExportKey::from_slice(&count::<64>(0)).unwrap();
    json!({
        "user": user.to_string(),
        "key": to_hex(key.expose()),
        "nonce": to_hex(&nonce),
        "plaintext": to_hex(&plaintext),
        "version": 258,
        "blobs": blobs,
        "export_key": to_hex(export_key.expose()),
        "password_kek": to_hex(vault::kek_from_export(&export_key).expose()),
        "state": to_hex(&codec::encode(&state())),
    })
}

/// A synced state with something in each field.
fn state() -> VaultState {
    let user = UserId(count(0x20));
    let pin = Pin {
        verified: true,
        changed: Timestamp(1_700_000_000_123),
        ..Pin::first(IdentityHash(count(0x50)), 2)
    };
    let (identity, changed) = (IdentityHash(count(0x50)), Timestamp(1_700_000_000_123));
    let secret = |first| LinkSecret::from_slice(&count::<16>(first)).unwrap();
    let blocked = Block {
        blocked: true,
        changed,
    };
    let made = MadeLink {
        identity,
        made: changed,
        used: false,
    };
    let followed = FollowedLink {
        identity,
        secret: secret(0xc0),
        when: changed,
        answered: true,
    };
    VaultState {
        pins: [(user, pin)].into(),
        blocked: [(user, blocked)].into(),
        views: [(ConversationId(count(0x10)), context().view)].into(),
        read: [(ConversationId(count(0x10)), 3)].into(),
        settings: BTreeMap::new(),
        names: [(
            UserName::parse("alice").unwrap(),
            [(user, Timestamp(0))].into(),
        )]
        .into(),
        links: [(secret(0xb0), made)].into(),
        followed: [(user, followed)].into(),
        rest: [(99, Bytes(vec![0x01]))].into(),
    }
}

pub(super) fn read_vault(file: &Value) {
    let user = UserId(array(file, "user"));
    let key = Secret32::from_slice(&bytes(file, "key")).unwrap();
    let (plaintext, nonce) = (bytes(file, "plaintext"), array(file, "nonce"));
    let version = number(file, "version").try_into().unwrap();
    let blobs = list(file, "blobs");
    assert_eq!(blobs.len(), purposes(version).len());
    for (case, (name, purpose)) in blobs.iter().zip(purposes(version)) {
        assert_eq!(text(case, "purpose"), name);
        assert_eq!(vault::aad(purpose, &user), bytes(case, "associated_data"));
        let blob = bytes(case, "blob");
        let open = |purpose, blob: &[u8]| vault::open(&key, purpose, &user, blob).ok();
        nothing_altered(&blob, |blob| open(purpose, blob).is_some());
        assert_eq!(open(purpose, &blob).as_deref(), Some(&plaintext));
        for (_, other) in purposes(version).iter().filter(|(other, _)| *other != name) {
            assert!(open(*other, &blob).is_none());
        }
        assert_eq!(seal_with(&key, purpose, &user, &plaintext, &nonce), blob);
    }
    let export_key = ExportKey::from_slice(&bytes(file, "export_key")).unwrap();
    let kek = vault::kek_from_export(&export_key);
    assert_eq!(kek.expose()[..], bytes(file, "password_kek"));
    let read: VaultState = codec::decode(&bytes(file, "state")).unwrap();
    assert_eq!(read, state());
    assert_eq!(codec::encode(&read), bytes(file, "state"));
}

/// What a passkey's PRF opens; the vault's other blobs are in `vault.json`.
pub(super) fn make_passkey() -> Value {
    let user = UserId(count(0x20));
    let (nonce, plaintext) = (count(0x60), count::<32>(0xf0));
    let output = Secret32::from_slice(&count::<32>(0x90)).unwrap();
    let kek = vault::kek_from_prf(&output);
    let purpose = VaultPurpose::PrivByPasskey;
    json!({
        "user": user.to_string(),
        "prf_input": to_hex(&vault::passkey_prf_input()),
        "prf_output": to_hex(output.expose()),
        "kek": to_hex(kek.expose()),
        "nonce": to_hex(&nonce),
        "priv": to_hex(&plaintext),
        "associated_data": to_hex(&vault::aad(purpose, &user)),
        "priv_by_passkey": to_hex(&seal_with(&kek, purpose, &user, &plaintext, &nonce)),
    })
}

pub(super) fn read_passkey(file: &Value) {
    let (user, purpose) = (UserId(array(file, "user")), VaultPurpose::PrivByPasskey);
    assert_eq!(vault::passkey_prf_input(), bytes(file, "prf_input"));
    let output = Secret32::from_slice(&bytes(file, "prf_output")).unwrap();
    let kek = vault::kek_from_prf(&output);
    assert_eq!(kek.expose()[..], bytes(file, "kek"));
    assert_eq!(vault::aad(purpose, &user), bytes(file, "associated_data"));
    let (blob, plaintext) = (bytes(file, "priv_by_passkey"), bytes(file, "priv"));
    let open = |blob: &[u8]| vault::open(&kek, purpose, &user, blob).ok();
    nothing_altered(&blob, |blob| open(blob).is_some());
    assert_eq!(open(&blob).as_deref(), Some(&plaintext));
    assert!(vault::open(&kek, VaultPurpose::PrivByPassword, &user, &blob).is_err());
    let nonce = array(file, "nonce");
    assert_eq!(seal_with(&kek, purpose, &user, &plaintext, &nonce), blob);
}

pub(super) fn make_link() -> Value {
    let link = Link {
        name: UserName::parse("alice").unwrap(),
        identity: IdentityHash(count(0x50)),
        secret: LinkSecret::from_slice(&count::<16>(0xb0)).unwrap(),
    };
    let invitee = IdentityHash(count(0x70));
    json!({
        "name": "alice",
        "inviter": link.identity.to_string(),
        "invitee": invitee.to_string(),
        "secret": to_hex(link.secret.expose()),
        "fragment": link.to_fragment(),
        "proof": to_hex(&link.secret.proof(&link.identity, &invitee)),
    })
}

pub(super) fn read_link(file: &Value) {
    let fragment = text(file, "fragment");
    let link = Link::from_fragment(fragment).unwrap();
    assert_eq!(link.to_fragment(), fragment);
    assert_eq!(link.name.as_str(), text(file, "name"));
    assert_eq!(link.identity.0[..], bytes(file, "inviter"));
    assert_eq!(link.secret.expose()[..], bytes(file, "secret"));
    assert!(Link::from_fragment(&fragment[..fragment.len() - 1]).is_err());
    let invitee = IdentityHash(array(file, "invitee"));
    nothing_altered(&bytes(file, "proof"), |proof| {
        link.secret.check(&link.identity, &invitee, proof)
    });
}
