//! Everything that is read from bytes or text that somebody else wrote: the first byte says as what.

use std::str;

use secure_chat_shared::client::records;
use secure_chat_shared::crypto::identity::{Compromised, SignedIdentity};
use secure_chat_shared::crypto::link::{Link, LinkSecret};
use secure_chat_shared::crypto::opaque::{self, ExportKey, ServerLogin, ServerSetup};
use secure_chat_shared::crypto::recovery::RecoveryCode;
use secure_chat_shared::crypto::signing::Algorithm;
use secure_chat_shared::crypto::{dsa, rsa_pss, vault};
use secure_chat_shared::ids::*;
use secure_chat_shared::log::entry::{Entry, MessageHeader, ServerHeader, StateHeader};
use secure_chat_shared::log::tree::{Frontier, verify_inclusion};
use secure_chat_shared::log::{Act, LogState};
use secure_chat_shared::protocol::{Event, RequestError};

use crate::people::person;
use crate::round_trip;

/// As what the bytes are read; a corpus' file begins with the place in this list.
const READERS: &[fn(&[u8])] = &[
    entry,
    identity,
    public_keys,
    private_keys,
    signatures,
    name,
    recovery_code,
    link,
    ids,
    login,
    records,
    headers,
    proof,
];

/// Reads the bytes after the first as what the first says.
pub fn parts(data: &[u8]) {
    if let Some((kind, rest)) = data.split_first()
        && let Some(reader) = READERS.get(usize::from(*kind))
    {
        reader(rest);
    }
}

fn entry(data: &[u8]) {
    if let Ok(entry) = Entry::parse(data) {
        assert_eq!(Entry::parse(data).unwrap().hash(), entry.hash());
        let _ = LogState::begin(&entry);
        let (_, _, _) = (entry.sender(), entry.view(), entry.announcement().is_some());
    }
}

fn identity(data: &[u8]) {
    if let Ok(signed) = SignedIdentity::parse(data) {
        assert_eq!(signed.bytes(), data);
        assert_eq!(signed.identity().hash(), signed.hash());
        let _ = signed.claims(Some(person(0).signed.identity()));
        assert_eq!(signed.self_claims().len(), 2);
    }
    if let Some(statement) = round_trip::<Compromised>(data) {
        let _ = (
            statement.subject(),
            statement.claims(person(0).signed.identity()),
        );
    }
}

fn public_keys(data: &[u8]) {
    let _ = rsa_pss::validate_spki(data);
    let _ = dsa::validate_spki(data);
    assert!(!rsa_pss::verify(data, b"never signed", &[1; 384]));
    assert!(!dsa::verify(
        data,
        b"never signed",
        &[0x30, 6, 2, 1, 1, 2, 1, 1]
    ));
}

fn private_keys(data: &[u8]) {
    if let Ok(key) = rsa_pss::PrivateKey::from_pkcs8(data) {
        rsa_pss::validate_spki(&key.spki().unwrap()).unwrap();
    }
    if let Ok(key) = dsa::PrivateKey::from_pkcs8(data) {
        dsa::validate_spki(&key.spki()).unwrap();
    }
}

/// Nobody signed this, whatever the signature.
fn signatures(data: &[u8]) {
    let identity = person(0).signed.identity();
    assert!(!dsa::verify(&identity.dsa_signing, b"never signed", data));
    assert!(!rsa_pss::verify(
        &identity.rsa_signing,
        b"never signed",
        data
    ));
}

fn name(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    if let Ok(name) = UserName::normalise(text) {
        assert_eq!(
            UserName::parse(name.as_str()).as_ref(),
            Ok(&name),
            "{text:?}"
        );
        assert!(name.as_str().len() <= UserName::MAX_BYTES);
    }
    if let Ok(name) = UserName::parse(text) {
        assert_eq!(name.as_str(), text);
    }
}

fn recovery_code(data: &[u8]) {
    if let Ok(text) = str::from_utf8(data)
        && let Ok(code) = RecoveryCode::parse(text)
    {
        let shown = code.reveal();
        let again = RecoveryCode::parse(&shown).unwrap();
        assert_eq!(again.verifier(), code.verifier());
    }
}

fn link(data: &[u8]) {
    if let Ok(text) = str::from_utf8(data)
        && let Ok(link) = Link::from_fragment(text)
    {
        assert_eq!(Link::from_fragment(&link.to_fragment()), Ok(link));
    }
}

fn ids(data: &[u8]) {
    assert_eq!(UserId::try_from(data).is_ok(), data.len() == UserId::LEN);
    assert_eq!(
        EntryHash::try_from(data).is_ok(),
        data.len() == EntryHash::LEN
    );
    assert_eq!(LinkSecret::from_slice(data).is_ok(), data.len() == 16);
    if let Ok(text) = str::from_utf8(data)
        && let Some(user) = UserId::from_hex(text)
    {
        assert_eq!(user.to_string(), text.to_lowercase());
    }
    round_trip::<View>(data);
    round_trip::<Algorithm>(data);
    let _ = vault::split(data);
}

fn login(data: &[u8]) {
    let setup = person(0).opaque();
    let name = person(0).name();
    let _ = setup.register_start(name, data);
    let _ = setup.login_start(None, name, data);
    let _ = opaque::register_finish(data);
    let _ = (ServerSetup::from_bytes(data), ServerLogin::from_bytes(data));
    let _ = ExportKey::from_slice(data);
}

/// What a device keeps of its own.
fn records(data: &[u8]) {
    round_trip::<records::AccountRecord>(data);
    round_trip::<records::RoomRecord>(data);
    round_trip::<records::OutgoingRecord>(data);
    round_trip::<records::PinRecord>(data);
    let _ = records::decode_row(data);
    let _ = records::entry_number(data);
    round_trip::<LogState>(data);
}

fn headers(data: &[u8]) {
    round_trip::<StateHeader>(data);
    round_trip::<MessageHeader>(data);
    round_trip::<ServerHeader>(data);
    round_trip::<Act>(data);
    round_trip::<Event>(data);
    round_trip::<RequestError>(data);
}

fn proof(data: &[u8]) {
    let Some((head, proof)) = data.split_at_checked(16) else {
        return;
    };
    let number = |bytes: &[u8]| u64::from_be_bytes(bytes.try_into().unwrap());
    let (size, index) = (number(&head[..8]), number(&head[8..]));
    let believed = verify_inclusion(&Root([1; 32]), size, index, b"leaf", proof);
    assert!(!believed, "a leaf under a root that was made up");
    let chunks = proof
        .chunks_exact(32)
        .map(|chunk| Root(chunk.try_into().unwrap()));
    if let Some(mut tree) = Frontier::from_peaks(size, chunks.collect()) {
        let before = tree.view();
        tree.append(EntryHash([2; 32]));
        assert_eq!(tree.size(), before.size + 1);
    }
}
