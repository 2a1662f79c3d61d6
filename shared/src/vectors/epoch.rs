//! What an epoch's key opens and is bound to.

use serde_json::{Value, json};

use super::fixed::{self, context, count, epoch_key, nothing_altered};
use super::json::{array, bytes, field, number, text, to_hex};
use crate::client::native::test_keys;
use crate::codec;
use crate::crypto::ephemeral::{self, Ephemeral, EphemeralContext};
use crate::crypto::epoch::{self, Commitment, EpochContext, EpochKey, SealedTitle};
use crate::crypto::{rsa_pss, wrap};
use crate::ids::{ConversationId, Epoch, IdentityHash, Root, UserId, View};

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

fn read_context(value: &Value) -> EpochContext {
    EpochContext {
        conversation: ConversationId(array(value, "conversation")),
        epoch: Epoch(number(value, "epoch").try_into().unwrap()),
        view: View {
            size: number(value, "view_size"),
            root: Root(array(value, "view_root")),
        },
    }
}

fn read_key(value: &Value, name: &str) -> EpochKey {
    EpochKey::from_slice(&bytes(value, name)).unwrap()
}

pub(super) fn make_epoch() -> Value {
    let (key, context) = (epoch_key(), context());
    let recipient = IdentityHash(count(0x50));
    let title = epoch::seal_title_with(&key, &context, "Plans für morgen", count(0xa0)).unwrap();
    json!({
        "key": to_hex(key.expose()),
        "context": context_json(),
        "commitment": to_hex(&epoch::commitment(&key, &context).0),
        "recipient": recipient.to_string(),
        "wrap_label": to_hex(&context.wrap_label(&recipient)),
        "title": "Plans für morgen",
        "title_salt": to_hex(&count::<32>(0xa0)),
        "sealed_title": to_hex(&codec::encode(&title)),
    })
}

pub(super) fn read_epoch(file: &Value) {
    let (key, context) = (read_key(file, "key"), read_context(field(file, "context")));
    let recipient = IdentityHash(array(file, "recipient"));
    assert_eq!(context.wrap_label(&recipient), bytes(file, "wrap_label"));
    nothing_altered(&bytes(file, "commitment"), |bytes| {
        bytes
            .try_into()
            .is_ok_and(|bytes| Commitment(bytes).matches(&key, &context))
    });
    let opens = |sealed: &[u8]| {
        let title = codec::decode::<SealedTitle>(sealed).ok()?;
        epoch::open_title(&key, &context, &title).ok()
    };
    let sealed = bytes(file, "sealed_title");
    assert_eq!(opens(&sealed).as_deref(), Some(text(file, "title")));
    nothing_altered(&sealed, |sealed| opens(sealed).is_some());
    let salt = array(file, "title_salt");
    let again = epoch::seal_title_with(&key, &context, text(file, "title"), salt).unwrap();
    assert_eq!(codec::encode(&again), sealed);
}

/// OAEP is randomised: what is frozen is that this opens.
pub(super) fn make_wrap(frozen: &Value) -> Value {
    let [encryption, ..] = test_keys::pkcs8(0);
    let private = rsa_pss::PrivateKey::from_pkcs8(encryption).unwrap();
    let label = context().wrap_label(&IdentityHash(count(0x50)));
    let wrapped = match frozen {
        Value::Null => wrap::wrap(&private.spki().unwrap(), &epoch_key(), &label).unwrap(),
        frozen => bytes(frozen, "wrapped"),
    };
    json!({
        "private_key": to_hex(encryption),
        "public_key": to_hex(&private.spki().unwrap()),
        "label": to_hex(&label),
        "key": to_hex(epoch_key().expose()),
        "wrapped": to_hex(&wrapped),
    })
}

pub(super) fn read_wrap(file: &Value) {
    let private = rsa_pss::PrivateKey::from_pkcs8(&bytes(file, "private_key")).unwrap();
    let (spki, label, key) = (
        bytes(file, "public_key"),
        bytes(file, "label"),
        read_key(file, "key"),
    );
    assert_eq!(private.spki().unwrap(), spki);
    nothing_altered(&bytes(file, "wrapped"), |wrapped| {
        wrap::unwrap(&private, wrapped, &label) == Ok(key.clone())
    });
    nothing_altered(&label, |label| {
        wrap::unwrap(&private, &bytes(file, "wrapped"), label).is_ok()
    });
    let ours = wrap::wrap(&spki, &key, &label).unwrap();
    assert_eq!(wrap::unwrap(&private, &ours, &label), Ok(key));
}

/// What a `share` hands over: as a wrap, under a label of its own.
pub(super) fn make_share() -> Value {
    let [encryption, ..] = test_keys::pkcs8(1);
    let private = rsa_pss::PrivateKey::from_pkcs8(encryption).unwrap();
    let recipient = IdentityHash(count(0x50));
    let label = context().shared_wrap_label(&recipient);
    let wrapped = fixed::wrap(&private.spki().unwrap(), &epoch_key(), &label);
    json!({
        "context": context_json(),
        "recipient": recipient.to_string(),
        "private_key": to_hex(encryption),
        "public_key": to_hex(&private.spki().unwrap()),
        "label": to_hex(&label),
        "key": to_hex(epoch_key().expose()),
        "wrapped": to_hex(&wrapped),
    })
}

pub(super) fn read_share(file: &Value) {
    let context = read_context(field(file, "context"));
    let recipient = IdentityHash(array(file, "recipient"));
    assert_eq!(context.shared_wrap_label(&recipient), bytes(file, "label"));
    assert_ne!(context.wrap_label(&recipient), bytes(file, "label"));
    read_wrap(file);
}

pub(super) fn make_ephemeral() -> Value {
    let context = EphemeralContext {
        conversation: ConversationId(count(0x10)),
        epoch: Epoch(7),
        sender: UserId(count(0x20)),
    };
    let seal = |signal| {
        to_hex(&ephemeral::seal_with(
            &epoch_key(),
            &context,
            signal,
            count(0xd0),
        ))
    };
    json!({
        "epoch_key": to_hex(epoch_key().expose()),
        "conversation": context.conversation.to_string(),
        "epoch": 7,
        "sender": context.sender.to_string(),
        "salt": to_hex(&count::<32>(0xd0)),
        "typing": seal(Ephemeral::Typing { active: true }),
        "stopped": seal(Ephemeral::Typing { active: false }),
        "read_258": seal(Ephemeral::Read { number: 258 }),
    })
}

pub(super) fn read_ephemeral(file: &Value) {
    let context = EphemeralContext {
        conversation: ConversationId(array(file, "conversation")),
        epoch: Epoch(number(file, "epoch").try_into().unwrap()),
        sender: UserId(array(file, "sender")),
    };
    let (key, salt) = (read_key(file, "epoch_key"), array(file, "salt"));
    for (name, signal) in [
        ("typing", Ephemeral::Typing { active: true }),
        ("stopped", Ephemeral::Typing { active: false }),
        ("read_258", Ephemeral::Read { number: 258 }),
    ] {
        let sealed = bytes(file, name);
        nothing_altered(&sealed, |sealed| {
            ephemeral::open(&key, &context, sealed) == Ok(signal)
        });
        assert_eq!(ephemeral::seal_with(&key, &context, signal, salt), sealed);
    }
}
