//! Merging the synced states of browsers: which of them reads which first makes no difference.

use std::collections::BTreeMap;

use arbitrary::{Result, Unstructured};
use secure_chat_shared::codec;
use secure_chat_shared::crypto::link::LinkSecret;
use secure_chat_shared::crypto::vault::{
    Block, Conflict, FollowedLink, MadeLink, Merged, Pin, Setting, VaultState, merge,
};
use secure_chat_shared::ids::{
    ConversationId, IdentityHash, Root, Timestamp, UserId, UserName, View,
};

/// Three states of few people, conversations and times, so that they meet.
pub fn state(data: &[u8]) {
    let mut source = Unstructured::new(data);
    let Ok([a, b, c]) = three(&mut source) else {
        return;
    };
    for state in [&a, &b, &c] {
        let encoded = codec::encode(state);
        assert_eq!(&codec::decode::<VaultState>(&encoded).unwrap(), state);
        assert_eq!(merge(state, state).state, *state, "idempotent");
    }
    let (ab, ba) = (merge(&a, &b), merge(&b, &a));
    assert_eq!(ab.conflicts.len(), ba.conflicts.len());
    assert_eq!(
        merge(&ab.state, &b).state,
        ab.state,
        "nothing new comes the second time"
    );
    if !contradict(&ab) {
        assert_eq!(ab.state, ba.state, "commutative");
        let (bc, ac) = (merge(&b, &c), merge(&a, &c));
        if !contradict(&bc) && !contradict(&ac) {
            let (left, right) = (merge(&ab.state, &c), merge(&a, &bc.state));
            if !contradict(&left) && !contradict(&right) {
                assert_eq!(left.state, right.state, "associative");
            }
        }
    }
}

/// Where two contradict each other, each keeps its own. Of two who have a name, nobody does: that is alike on both sides.
fn contradict(merged: &Merged) -> bool {
    let kept = |conflict: &Conflict| !matches!(conflict, Conflict::Name { .. });
    merged.conflicts.iter().any(kept)
}

fn three(source: &mut Unstructured<'_>) -> Result<[VaultState; 3]> {
    Ok([one(source)?, one(source)?, one(source)?])
}

fn one(source: &mut Unstructured<'_>) -> Result<VaultState> {
    Ok(VaultState {
        pins: map(source, user, pin)?,
        blocked: map(source, user, |source| {
            Ok(Block {
                blocked: source.arbitrary()?,
                changed: time(source)?,
            })
        })?,
        views: map(source, place, |source| {
            Ok(View {
                size: source.int_in_range(0..=2)?,
                root: Root([source.int_in_range(0..=1)?; 32]),
            })
        })?,
        read: map(source, place, |source| source.int_in_range(0..=2))?,
        settings: map(
            source,
            |source| Ok(source.choose(&["a", "b"])?.to_string()),
            |source| {
                Ok(Setting {
                    value: source.choose(&["x", "y"])?.to_string(),
                    changed: time(source)?,
                })
            },
        )?,
        names: map(source, name, |source| {
            let mut holders = map(source, user, time)?;
            if holders.is_empty() {
                holders.insert(user(source)?, time(source)?);
            }
            Ok(holders)
        })?,
        links: map(source, secret, |source| {
            Ok(MadeLink {
                identity: identity(source)?,
                made: time(source)?,
                used: source.arbitrary()?,
            })
        })?,
        followed: map(source, user, |source| {
            Ok(FollowedLink {
                identity: identity(source)?,
                secret: secret(source)?,
                when: time(source)?,
                answered: source.arbitrary()?,
            })
        })?,
        rest: BTreeMap::new(),
    })
}

fn map<K: Ord, V>(
    source: &mut Unstructured<'_>,
    key: impl Fn(&mut Unstructured<'_>) -> Result<K>,
    value: impl Fn(&mut Unstructured<'_>) -> Result<V>,
) -> Result<BTreeMap<K, V>> {
    let mut map = BTreeMap::new();
    for _ in 0..source.int_in_range(0..=2)? {
        map.insert(key(source)?, value(source)?);
    }
    Ok(map)
}

/// As the client makes them: at most one of the two marks, and none of this version where it is compromised. One version
/// of a person has one identity after each reset, but in a contradiction.
fn pin(source: &mut Unstructured<'_>) -> Result<Pin> {
    let version = source.int_in_range(1..=2)?;
    let mut pin = Pin::first(identity(source)?, version);
    pin.resets = source.int_in_range(0..=1)?;
    pin.compromised = source.arbitrary()?;
    match source.int_in_range(0..=3)? {
        0 => {}
        1 => pin.mark(true, time(source)?),
        2 => pin.mark_by_link(true, time(source)?),
        _ => pin.mark_by_link(false, time(source)?),
    }
    Ok(pin)
}

fn user(source: &mut Unstructured<'_>) -> Result<UserId> {
    Ok(UserId([source.int_in_range(0..=1)?; 16]))
}

fn place(source: &mut Unstructured<'_>) -> Result<ConversationId> {
    Ok(ConversationId([source.int_in_range(0..=1)?; 32]))
}

fn identity(source: &mut Unstructured<'_>) -> Result<IdentityHash> {
    Ok(IdentityHash([source.int_in_range(0..=1)?; 32]))
}

fn time(source: &mut Unstructured<'_>) -> Result<Timestamp> {
    Ok(Timestamp(source.int_in_range(0..=3)?))
}

fn name(source: &mut Unstructured<'_>) -> Result<UserName> {
    let name = source.choose(&["alice", "bob"])?;
    UserName::parse(name).map_err(|_| arbitrary::Error::IncorrectFormat)
}

fn secret(source: &mut Unstructured<'_>) -> Result<LinkSecret> {
    let byte: u8 = source.int_in_range(0..=1)?;
    LinkSecret::from_slice(&[byte; 16]).map_err(|_| arbitrary::Error::IncorrectFormat)
}
