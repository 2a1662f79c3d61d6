//! Seals that open: what is inside them is fuzzed, as is what surrounds them.

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use arbitrary::Unstructured;
use hkdf::Hkdf;
use secure_chat_shared::crypto::ephemeral::{self, EphemeralContext};
use secure_chat_shared::crypto::epoch::{EpochContext, EpochKey, SealedTitle, open_title};
use secure_chat_shared::crypto::label::labelled;
use secure_chat_shared::crypto::message::{self, Inner};
use secure_chat_shared::ids::{ConversationId, Epoch, Root, UserId, View};
use sha2::Sha256;

const SALT: [u8; 32] = [3; 32];
const HEADER: &[u8] = b"the clear header";

/// The first byte says what is sealed: a plaintext as it is, padded well or badly; a message's two parts; a title; a signal; or
/// nothing, and the bytes are the seal.
pub fn message(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else {
        return;
    };
    let key = EpochKey::from_slice(&[7; 32]).unwrap();
    match kind {
        0 => assert_eq!(
            message::open(&key, &SALT, HEADER, rest),
            Err(message::OpenError)
        ),
        1 => raw(&key, rest, false),
        2 => raw(&key, rest, true),
        3 => parts(&key, rest),
        4 => title(&key, rest),
        5 => signal(&key, rest),
        _ => {}
    }
}

/// Two byte strings, sealed as an author would: they come out again.
fn parts(key: &EpochKey, data: &[u8]) {
    let mut source = Unstructured::new(data);
    let Ok(signature) = source.arbitrary::<Vec<u8>>() else {
        return;
    };
    let inner = source.take_rest();
    let Ok(sealed) = message::seal(key, &SALT, HEADER, inner, &signature.clone().into()) else {
        return;
    };
    let opened = message::open(key, &SALT, HEADER, &sealed).unwrap();
    assert_eq!(
        (&opened.inner[..], opened.signature.as_bytes()),
        (inner, &signature[..])
    );
    content(&opened.inner);
}

/// Anything at all, sealed under the right key: what opens is the one encoding of what it holds.
fn raw(key: &EpochKey, plaintext: &[u8], well_padded: bool) {
    let mut padded = plaintext.to_vec();
    if well_padded {
        padded.push(0x80);
        padded.resize(padded.len().next_power_of_two().max(message::MIN_CLASS), 0);
    }
    let sealed = seal(
        key,
        &SALT,
        &labelled("message key", &[HEADER]),
        HEADER,
        &padded,
    );
    if let Ok(opened) = message::open(key, &SALT, HEADER, &sealed) {
        let again = message::seal(key, &SALT, HEADER, &opened.inner, &opened.signature);
        assert_eq!(again.as_deref(), Ok(&sealed[..]));
        content(&opened.inner);
    }
}

fn content(inner: &[u8]) {
    if let Ok(inner) = Inner::decode(inner) {
        // What no version of ours writes need not come back.
        let _ = Inner::decode(&inner.encode());
    }
}

fn title(key: &EpochKey, data: &[u8]) {
    let context = EpochContext {
        conversation: ConversationId([1; 32]),
        epoch: Epoch(2),
        view: View {
            size: 3,
            root: Root([4; 32]),
        },
    };
    let parts: [&[u8]; 4] = [&[1; 32], &[0, 0, 0, 2], &[0, 0, 0, 0, 0, 0, 0, 3], &[4; 32]];
    let (info, aad) = (labelled("title key", &parts), labelled("title", &parts));
    let title = SealedTitle {
        salt: SALT.into(),
        sealed: seal(key, &SALT, &info, &aad, data).into(),
    };
    if let Ok(text) = open_title(key, &context, &title) {
        assert!(data.starts_with(text.as_bytes()));
    }
}

fn signal(key: &EpochKey, data: &[u8]) {
    let context = EphemeralContext {
        conversation: ConversationId([1; 32]),
        epoch: Epoch(2),
        sender: UserId([3; 16]),
    };
    let parts: [&[u8]; 3] = [&[1; 32], &[0, 0, 0, 2], &[3; 16]];
    let (info, aad) = (
        labelled("ephemeral key", &parts),
        labelled("ephemeral", &parts),
    );
    let sealed = (
        minicbor::bytes::ByteArray::from(SALT),
        minicbor::bytes::ByteVec::from(seal(key, &SALT, &info, &aad, data)),
    );
    let bytes = secure_chat_shared::codec::encode(&sealed);
    let _ = ephemeral::open(key, &context, &bytes);
    assert!(ephemeral::open(key, &context, data).is_err());
}

/// PROTOCOL.md's `AEAD(HKDF(key, salt, info), 0, aad, plaintext)`.
fn seal(key: &EpochKey, salt: &[u8], info: &[u8], aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let mut derived = [0; 32];
    let hkdf = Hkdf::<Sha256>::new(Some(salt), key.expose());
    hkdf.expand(info, &mut derived).unwrap();
    let payload = Payload {
        msg: plaintext,
        aad,
    };
    let cipher = Aes256Gcm::new(&derived.into());
    cipher.encrypt(&Nonce::default(), payload).unwrap()
}
