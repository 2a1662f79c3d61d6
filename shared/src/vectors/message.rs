//! Messages of every kind, and of every size class.

use serde_json::{Value, json};

use super::fixed::{count, epoch_key, nothing_altered};
use super::json::{array, bytes, field, list, number, text, to_hex};
use crate::crypto::content::{ChunkHash, Content, FileContent, FileId};
use crate::crypto::epoch::EpochKey;
use crate::crypto::message::{self, Inner, MAX_CLASS, MIN_CLASS};
use crate::crypto::primitives::sha256;
use crate::crypto::secret::Secret32;
use crate::crypto::signing::{Algorithm, Signature};
use crate::ids::{EntryHash, Timestamp};

fn contents() -> Vec<(&'static str, Content)> {
    let target = EntryHash(count(0x60));
    let text = |text: &str| text.to_owned();
    vec![
        (
            "text",
            Content::Text {
                text: text("Hello, Bob"),
            },
        ),
        (
            "reply",
            Content::Reply {
                target,
                text: text("yes"),
            },
        ),
        (
            "edit",
            Content::Edit {
                target,
                text: text("no"),
            },
        ),
        ("delete", Content::Delete { target }),
        (
            "reaction",
            Content::Reaction {
                target,
                emoji: text("👍"),
                add: true,
            },
        ),
        (
            "file",
            Content::File(FileContent {
                id: FileId(count(0x70)),
                name: text("photo.jpg"),
                media_type: text("image/jpeg"),
                size: 100_000,
                key: Secret32::from_slice(&count::<32>(0x90)).unwrap(),
                chunk_size: 65_536,
                chunks: vec![ChunkHash(count(1)), ChunkHash(count(2))],
                caption: text("look"),
            }),
        ),
    ]
}

pub(super) fn make_messages() -> Value {
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
            let signature = Signature::from(vec![0xee; 70]);
            let sealed = message::seal(&key, &salt, header, &bytes, &signature).unwrap();
            json!({
                "kind": kind,
                "inner": to_hex(&bytes),
                "signing_payload": to_hex(&message::signing_payload(header, &bytes)),
                "sealed": to_hex(&sealed),
            })
        })
        .collect();
    json!({
        "epoch_key": to_hex(key.expose()),
        "salt": to_hex(&salt),
        "header": to_hex(header),
        "signature": to_hex(&[0xee; 70]),
        "cases": cases,
    })
}

/// What the cases of a file have in common.
struct Common {
    key: EpochKey,
    salt: [u8; 32],
    header: Vec<u8>,
    signature: Signature,
}

impl Common {
    fn read(file: &Value) -> Self {
        Self {
            key: EpochKey::from_slice(&bytes(file, "epoch_key")).unwrap(),
            salt: array(file, "salt"),
            header: bytes(file, "header"),
            signature: bytes(file, "signature").into(),
        }
    }

    fn seal(&self, inner: &[u8]) -> Option<Vec<u8>> {
        message::seal(&self.key, &self.salt, &self.header, inner, &self.signature).ok()
    }

    /// It opens to this, and nothing altered does.
    fn opens(&self, sealed: &[u8], inner: &[u8]) {
        let open = |header: &[u8], sealed: &[u8]| {
            message::open(&self.key, &self.salt, header, sealed).ok()
        };
        nothing_altered(sealed, |sealed| open(&self.header, sealed).is_some());
        nothing_altered(&self.header, |header| open(header, sealed).is_some());
        let opened = open(&self.header, sealed).unwrap();
        assert_eq!(
            (&opened.inner[..], &opened.signature),
            (inner, &self.signature)
        );
    }
}

pub(super) fn read_messages(file: &Value) {
    let common = Common::read(file);
    let cases = list(file, "cases");
    let known = contents();
    assert_eq!(cases.len(), known.len());
    for (case, (kind, content)) in cases.iter().zip(known) {
        assert_eq!(text(case, "kind"), kind);
        let inner = bytes(case, "inner");
        let decoded = Inner::decode(&inner).unwrap();
        assert_eq!(
            (decoded.encode(), decoded.content),
            (inner.clone(), content)
        );
        let payload = message::signing_payload(&common.header, &inner);
        assert_eq!(payload, bytes(case, "signing_payload"));
        let sealed = bytes(case, "sealed");
        common.opens(&sealed, &inner);
        assert_eq!(common.seal(&inner), Some(sealed));
    }
}

/// The largest inner part of each class and one byte more. What is padded does not look into it, so it is one byte again
/// and again; and of a seal only its length, its SHA-256 and its ends are written down.
pub(super) fn make_classes() -> Value {
    let common = Common {
        key: epoch_key(),
        salt: count(0xc0),
        header: b"the clear header".to_vec(),
        signature: vec![0xee; 70].into(),
    };
    let mut cases = Vec::new();
    let mut class = MIN_CLASS;
    while class <= MAX_CLASS {
        // At least one byte of padding; the array, the signature with its head of 2 bytes, the head of the inner part.
        let around = 1 + 1 + 2 + 70 + if class > 65_536 { 5 } else { 3 };
        let largest = class - around;
        cases.push(class_case(&common, class, largest));
        cases.push(class_case(&common, class, largest + 1));
        class *= 2;
    }
    json!({
        "epoch_key": to_hex(common.key.expose()),
        "salt": to_hex(&common.salt),
        "header": to_hex(&common.header),
        "signature": to_hex(common.signature.as_bytes()),
        "inner_byte": "61",
        "cases": cases,
    })
}

fn class_case(common: &Common, class: usize, length: usize) -> Value {
    let sealed = common.seal(&vec![0x61; length]).map(|sealed| {
        json!({
            "class": sealed.len() - 16,
            "sha256": to_hex(&sha256(&sealed)),
            "first": to_hex(&sealed[..16]),
            "last": to_hex(&sealed[sealed.len() - 16..]),
        })
    });
    json!({ "about_class": class, "inner_length": length, "sealed": sealed })
}

pub(super) fn read_classes(file: &Value) {
    let common = Common::read(file);
    let byte = array::<1>(file, "inner_byte")[0];
    let mut classes = Vec::new();
    for case in list(file, "cases") {
        let inner = vec![byte; number(case, "inner_length") as usize];
        let expected = field(case, "sealed");
        let Some(sealed) = common.seal(&inner) else {
            assert!(expected.is_null(), "too long: {case}");
            assert_eq!(number(case, "about_class"), MAX_CLASS as u64);
            continue;
        };
        let class = number(expected, "class");
        assert_eq!(sealed.len() as u64, class + 16);
        assert_eq!(sha256(&sealed), array(expected, "sha256"));
        assert!(sealed.starts_with(&bytes(expected, "first")));
        assert!(sealed.ends_with(&bytes(expected, "last")));
        common.opens(&sealed, &inner);
        classes.push(class);
    }
    // Each but the smallest twice: from below and from above.
    let expected = [
        1024, 2048, 2048, 4096, 4096, 8192, 8192, 16_384, 16_384, 32_768, 32_768, 65_536, 65_536,
        131_072, 131_072,
    ];
    assert_eq!(classes, expected);
}
