//! The frozen formats: `shared/vectors/*.json`, made from fixed inputs, compared byte by byte, natively here and by the
//! browser's tests there. A difference means a new version of the protocol, not new vectors.
//!
//! To write a file that does not exist yet: `SECURE_CHAT_WRITE_VECTORS=1 cargo test -p secure-chat-shared --features
//! test-keys vectors`. Existing files are never overwritten.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::{hex, to_hex};
use crate::client::native::test_keys;
use crate::codec::{self, Bytes};
use crate::crypto::content::{ChunkHash, Content, FileContent, FileId};
use crate::crypto::ephemeral::{self, Ephemeral, EphemeralContext};
use crate::crypto::epoch::{self, EpochContext, EpochKey};
use crate::crypto::fingerprint;
use crate::crypto::identity::{self, Compromised, Identity};
use crate::crypto::label::labelled;
use crate::crypto::link::{Link, LinkSecret};
use crate::crypto::message::{self, Inner};
use crate::crypto::opaque::ExportKey;
use crate::crypto::recovery::RecoveryCode;
use crate::crypto::secret::Secret32;
use crate::crypto::signing::{Algorithm, Signature};
use crate::crypto::vault::{
    self, Block, FollowedLink, MadeLink, Pin, VaultPurpose, VaultState, seal_with,
};
use crate::crypto::{dsa, dsa_params, rsa_pss, wrap};
use crate::ids::{
    ConversationId, EntryHash, Epoch, IdentityHash, Root, Timestamp, UserId, UserName, View,
};

/// Compares with the file, or writes it where there is none.
fn frozen(name: &str, made: &Value) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("vectors")
        .join(name);
    if !path.exists() && std::env::var_os("SECURE_CHAT_WRITE_VECTORS").is_some() {
        let text = serde_json::to_string_pretty(made).unwrap();
        std::fs::write(&path, text + "\n").unwrap();
    }
    let text = std::fs::read_to_string(&path).unwrap();
    let frozen: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(*made, frozen, "{name} has changed");
}

/// `N` bytes from `first` upwards.
fn count<const N: usize>(first: u8) -> [u8; N] {
    std::array::from_fn(|i| first.wrapping_add(i as u8))
}

fn context() -> EpochContext {
    EpochContext {
        conversation: ConversationId(count(0x10)),
        epoch: Epoch(0x0102_0304),
        view: View {
            size: 0x0102_0304_0506_0708,
            root: Root(count(0x30)),
        },
    }
}

fn epoch_key() -> EpochKey {
    EpochKey::from_slice(&count::<32>(0x80)).unwrap()
}

fn context_json() -> Value {
    let EpochContext {
        conversation,
        epoch,
        view,
    } = context();
    json!({
        "conversation": conversation.to_string(),
        "epoch": epoch.0,
        "view_size": view.size.to_string(),
        "view_root": view.root.to_string(),
    })
}

#[test]
fn labels() {
    frozen(
        "label.json",
        &json!([
            { "purpose": "title", "parts": [], "bytes": to_hex(&labelled("title", &[])) },
            {
                "purpose": "message",
                "parts": ["6162", "", "63"],
                "bytes": to_hex(&labelled("message", &[b"ab", b"", b"c"])),
            },
        ]),
    );
}

#[test]
fn epochs() {
    let (key, context) = (epoch_key(), context());
    let recipient = IdentityHash(count(0x50));
    let title = epoch::seal_title_with(&key, &context, "Plans für morgen", count(0xa0)).unwrap();
    assert_eq!(
        epoch::open_title(&key, &context, &title).as_deref(),
        Ok("Plans für morgen")
    );
    frozen(
        "epoch.json",
        &json!({
            "key": to_hex(key.expose()),
            "context": context_json(),
            "commitment": to_hex(&epoch::commitment(&key, &context).0),
            "recipient": recipient.to_string(),
            "wrap_label": to_hex(&context.wrap_label(&recipient)),
            "title": "Plans für morgen",
            "title_salt": to_hex(&count::<32>(0xa0)),
            "sealed_title": to_hex(&codec::encode(&title)),
        }),
    );
}

#[test]
fn wraps() {
    let [encryption, ..] = test_keys::pkcs8(0);
    let private = rsa_pss::PrivateKey::from_pkcs8(encryption).unwrap();
    let label = context().wrap_label(&IdentityHash(count(0x50)));
    let wrapped = |file: &Value| hex(file["wrapped"].as_str().unwrap());
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors/wrap.json");
    // OAEP is randomised: what is frozen is that this opens.
    let bytes = match std::fs::read_to_string(path) {
        Ok(text) => wrapped(&serde_json::from_str(&text).unwrap()),
        Err(_) => wrap::wrap(&private.spki().unwrap(), &epoch_key(), &label).unwrap(),
    };
    assert_eq!(wrap::unwrap(&private, &bytes, &label), Ok(epoch_key()));
    frozen(
        "wrap.json",
        &json!({
            "private_key": to_hex(encryption),
            "public_key": to_hex(&private.spki().unwrap()),
            "label": to_hex(&label),
            "key": to_hex(epoch_key().expose()),
            "wrapped": to_hex(&bytes),
        }),
    );
}

fn contents() -> Vec<(&'static str, Content)> {
    let target = EntryHash(count(0x60));
    vec![
        (
            "text",
            Content::Text {
                text: "Hello, Bob".into(),
            },
        ),
        (
            "reply",
            Content::Reply {
                target,
                text: "yes".into(),
            },
        ),
        (
            "edit",
            Content::Edit {
                target,
                text: "no".into(),
            },
        ),
        ("delete", Content::Delete { target }),
        (
            "reaction",
            Content::Reaction {
                target,
                emoji: "👍".into(),
                add: true,
            },
        ),
        (
            "file",
            Content::File(FileContent {
                id: FileId(count(0x70)),
                name: "photo.jpg".into(),
                media_type: "image/jpeg".into(),
                size: 100_000,
                key: Secret32::from_slice(&count::<32>(0x90)).unwrap(),
                chunk_size: 65_536,
                chunks: vec![ChunkHash(count(1)), ChunkHash(count(2))],
                caption: "look".into(),
            }),
        ),
    ]
}

#[test]
fn messages() {
    let (key, salt, header) = (epoch_key(), count(0xc0), b"the clear header");
    let cases: Vec<_> = contents()
        .into_iter()
        .map(|(kind, content)| {
            let inner = Inner {
                algorithm: Algorithm::Dsa,
                time: Timestamp(1_700_000_000_123),
                content,
            };
            let bytes = inner.encode();
            assert_eq!(Inner::decode(&bytes), Ok(inner));
            let signature = Signature::from(vec![0xee; 70]);
            let sealed = message::seal(&key, &salt, header, &bytes, &signature).unwrap();
            let opened = message::open(&key, &salt, header, &sealed).unwrap();
            assert_eq!(
                (&opened.inner[..], opened.signature),
                (&bytes[..], signature)
            );
            json!({
                "kind": kind,
                "inner": to_hex(&bytes),
                "signing_payload": to_hex(&message::signing_payload(header, &bytes)),
                "sealed": to_hex(&sealed),
            })
        })
        .collect();
    frozen(
        "message.json",
        &json!({
            "epoch_key": to_hex(key.expose()),
            "salt": to_hex(&salt),
            "header": to_hex(header),
            "signature": to_hex(&[0xee; 70]),
            "cases": cases,
        }),
    );
}

#[test]
fn ephemerals() {
    let context = EphemeralContext {
        conversation: ConversationId(count(0x10)),
        epoch: Epoch(7),
        sender: UserId(count(0x20)),
    };
    let seal = |signal| {
        let sealed = ephemeral::seal_with(&epoch_key(), &context, signal, count(0xd0));
        assert_eq!(ephemeral::open(&epoch_key(), &context, &sealed), Ok(signal));
        to_hex(&sealed)
    };
    frozen(
        "ephemeral.json",
        &json!({
            "epoch_key": to_hex(epoch_key().expose()),
            "conversation": context.conversation.to_string(),
            "epoch": 7,
            "sender": context.sender.to_string(),
            "salt": to_hex(&count::<32>(0xd0)),
            "typing": seal(Ephemeral::Typing { active: true }),
            "stopped": seal(Ephemeral::Typing { active: false }),
            "read_258": seal(Ephemeral::Read { number: 258 }),
        }),
    );
}

#[test]
fn identities() {
    let public = test_keys::set(0).unwrap().public().unwrap();
    let first = Identity {
        user: UserId(count(0x20)),
        name: UserName::parse("alice").unwrap(),
        version: 1,
        previous: None,
        encryption: public.encryption.into(),
        rsa_signing: public.rsa_signing.into(),
        dsa_signing: public.dsa_signing.into(),
        algorithm: Algorithm::RsaPss,
    };
    let second = Identity {
        version: 2,
        previous: Some(first.hash()),
        algorithm: Algorithm::Dsa,
        ..first.clone()
    };
    let of = |identity: &Identity| {
        let body = identity.body();
        json!({
            "version": identity.version,
            "algorithm": identity.algorithm.to_string(),
            "body": to_hex(&body),
            "hash": identity.hash().to_string(),
            "signing_payload": to_hex(&identity::signing_payload(&body)),
            "short_fingerprint": fingerprint::short(&identity.hash()),
            "compromised_body": to_hex(&Compromised::body_of(identity)),
        })
    };
    let (alice, bob) = (
        (&first.user, &first.hash()),
        (&UserId(count(1)), &second.hash()),
    );
    frozen(
        "identity.json",
        &json!({
            "user": first.user.to_string(),
            "name": "alice",
            "encryption": to_hex(&first.encryption),
            "rsa_signing": to_hex(&first.rsa_signing),
            "dsa_signing": to_hex(&first.dsa_signing),
            "versions": [of(&first), of(&second)],
            "safety_number": {
                "a": { "user": alice.0.to_string(), "identity": alice.1.to_string() },
                "b": { "user": bob.0.to_string(), "identity": bob.1.to_string() },
                "number": fingerprint::safety_number(alice, bob),
            },
        }),
    );
}

#[test]
fn signatures() {
    let [_, rsa, dsa_der] = test_keys::pkcs8(0);
    let rsa = rsa_pss::PrivateKey::from_pkcs8(rsa).unwrap();
    let private = dsa::PrivateKey::from_pkcs8(dsa_der).unwrap();
    let message = b"the message";
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors/signature.json");
    // RSA-PSS is randomised: what is frozen is that this verifies.
    let pss = match std::fs::read_to_string(path) {
        Ok(text) => {
            let file: Value = serde_json::from_str(&text).unwrap();
            hex(file["rsa_pss"]["signature"].as_str().unwrap())
        }
        Err(_) => rsa.sign(message).unwrap(),
    };
    assert!(rsa_pss::verify(&rsa.spki().unwrap(), message, &pss));
    let signature = private.sign(message).unwrap();
    assert!(dsa::verify(&private.spki(), message, &signature));
    frozen(
        "signature.json",
        &json!({
            "message": to_hex(message),
            "rsa_pss": {
                "public_key": to_hex(&rsa.spki().unwrap()),
                "signature": to_hex(&pss),
            },
            "dsa": {
                "algorithm_identifier": to_hex(&dsa_params::ALGORITHM_IDENTIFIER),
                "private_key": to_hex(dsa_der),
                "public_key": to_hex(&private.spki()),
                "signature": to_hex(&signature),
            },
        }),
    );
}

#[test]
fn recovery_codes() {
    let made = RecoveryCode::from_entropy(&count(0));
    let shown = made.reveal();
    assert_eq!(RecoveryCode::parse(&shown), Ok(made.clone()));
    frozen(
        "recovery.json",
        &json!({
            "entropy": to_hex(&count::<18>(0)),
            "code": *shown,
            "kek": to_hex(made.kek().expose()),
            "auth": to_hex(made.auth().expose()),
            "verifier": to_hex(&made.verifier()),
        }),
    );
}

#[test]
fn vaults() {
    let user = UserId(count(0x20));
    let (key, nonce) = (
        Secret32::from_slice(&count::<32>(0x40)).unwrap(),
        count(0x60),
    );
    let purposes = [
        ("priv by password", VaultPurpose::PrivByPassword),
        ("priv by recovery", VaultPurpose::PrivByRecovery),
        ("state key", VaultPurpose::StateKey),
        (
            "encryption key",
            VaultPurpose::EncryptionKey { version: 258 },
        ),
        (
            "rsa signing key",
            VaultPurpose::RsaSigningKey { version: 258 },
        ),
        (
            "dsa signing key",
            VaultPurpose::DsaSigningKey { version: 258 },
        ),
        ("state", VaultPurpose::State),
    ];
    let plaintext = count::<32>(0xf0);
    let blobs: Vec<_> = purposes
        .into_iter()
        .map(|(name, purpose)| {
            let blob = seal_with(&key, purpose, &user, &plaintext, &nonce);
            let opened = vault::open(&key, purpose, &user, &blob).unwrap();
            assert_eq!(*opened, plaintext);
            json!({
                "purpose": name,
                "associated_data": to_hex(&vault::aad(purpose, &user)),
                "blob": to_hex(&blob),
            })
        })
        .collect();
    let export_key = ExportKey::from_slice(&count::<64>(0)).unwrap();
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
    let state = VaultState {
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
    };
    assert_eq!(codec::decode(&codec::encode(&state)).as_ref(), Ok(&state));
    frozen(
        "vault.json",
        &json!({
            "user": user.to_string(),
            "key": to_hex(key.expose()),
            "nonce": to_hex(&nonce),
            "plaintext": to_hex(&plaintext),
            "version": 258,
            "blobs": blobs,
            "export_key": to_hex(export_key.expose()),
            "password_kek": to_hex(vault::kek_from_export(&export_key).expose()),
            "state": to_hex(&codec::encode(&state)),
        }),
    );
}

#[test]
fn links() {
    let link = Link {
        name: UserName::parse("alice").unwrap(),
        identity: IdentityHash(count(0x50)),
        secret: LinkSecret::from_slice(&count::<16>(0xb0)).unwrap(),
    };
    let invitee = IdentityHash(count(0x70));
    let fragment = link.to_fragment();
    assert_eq!(Link::from_fragment(&fragment).as_ref(), Ok(&link));
    frozen(
        "link.json",
        &json!({
            "name": "alice",
            "inviter": link.identity.to_string(),
            "invitee": invitee.to_string(),
            "secret": to_hex(link.secret.expose()),
            "fragment": fragment,
            "proof": to_hex(&link.secret.proof(&link.identity, &invitee)),
        }),
    );
}
