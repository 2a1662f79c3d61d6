//! The state that a user's browsers share, sealed under K_state, and how two versions of it become one.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use minicbor::{Decode, Encode};

use crate::ids::{ConversationId, IdentityHash, Timestamp, UserId, UserName, View};

/// The synced record. Later versions add fields; what is missing is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct VaultState {
    /// Whose identity is known to be which.
    #[n(0)]
    #[cbor(default)]
    pub pins: BTreeMap<UserId, Pin>,
    /// Whom the user does not want to hear from.
    #[n(1)]
    #[cbor(default)]
    pub blocked: BTreeMap<UserId, Block>,
    /// The newest verified view of each conversation, so that a new browser is not shown a shortened log.
    #[n(2)]
    #[cbor(default)]
    pub views: BTreeMap<ConversationId, View>,
    /// The highest number that was seen in each conversation.
    #[n(3)]
    #[cbor(default)]
    pub read: BTreeMap<ConversationId, u64>,
    /// Everything else, by name.
    #[n(4)]
    #[cbor(default)]
    pub settings: BTreeMap<String, Setting>,
    /// Whose name is whose, so that a name which leads to another account is noticed in a new browser too.
    #[n(5)]
    #[cbor(default)]
    pub names: BTreeMap<UserName, UserId>,
}

/// A pinned identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Pin {
    /// The newest version that was followed.
    #[n(0)]
    pub identity: IdentityHash,
    /// Its number.
    #[n(1)]
    pub version: u32,
    /// The person compared this very version, or it was verified by a link.
    #[n(2)]
    #[cbor(default)]
    pub verified: bool,
    /// The person compared an earlier version on the same chain ("rotated since verified").
    #[n(3)]
    #[cbor(default)]
    pub verified_before: bool,
    /// How often the person has accepted a reset identity: a pin after a reset beats any before it.
    #[n(4)]
    #[cbor(default)]
    pub resets: u32,
    /// Verified by an invite link, not by comparing numbers.
    #[n(5)]
    #[cbor(default)]
    pub by_link: bool,
    /// Its owner declared this version compromised: nothing follows it.
    #[n(6)]
    #[cbor(default)]
    pub compromised: bool,
}

/// Whether somebody is blocked, and since when that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Block {
    /// Blocked, or not any more.
    #[n(0)]
    pub blocked: bool,
    /// When the user said so.
    #[n(1)]
    pub changed: Timestamp,
}

/// A setting.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Setting {
    /// Its value.
    #[n(0)]
    pub value: String,
    /// When the user chose it.
    #[n(1)]
    pub changed: Timestamp,
}

/// Two versions that cannot both be right: to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflict {
    /// Two browsers pinned two identities of the same number; `ours` was kept.
    Pin {
        /// Whose.
        user: UserId,
        /// Kept.
        ours: Pin,
        /// Not kept.
        theirs: Pin,
    },
    /// Two browsers verified two histories of the same size; `ours` was kept.
    View {
        /// Where.
        conversation: ConversationId,
        /// Kept.
        ours: View,
        /// Not kept.
        theirs: View,
    },
}

/// What [`merge`] makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// One state of two.
    pub state: VaultState,
    /// What could not be merged.
    pub conflicts: Vec<Conflict>,
}

/// Merges what another browser wrote into ours: pins by the longer chain (of the same reset), views and marks by the
/// larger number, the rest by the later change.
pub fn merge(ours: &VaultState, theirs: &VaultState) -> Merged {
    let mut state = ours.clone();
    let mut conflicts = Vec::new();
    for (user, pin) in &theirs.pins {
        match state.pins.entry(*user) {
            Entry::Vacant(entry) => {
                entry.insert(*pin);
            }
            Entry::Occupied(mut entry) => match merge_pins(entry.get(), pin) {
                Some(merged) => {
                    entry.insert(merged);
                }
                None => {
                    let ours = *entry.get();
                    conflicts.push(Conflict::Pin {
                        user: *user,
                        ours,
                        theirs: *pin,
                    });
                }
            },
        }
    }
    for (conversation, view) in &theirs.views {
        let ours = state.views.entry(*conversation).or_insert(*view);
        if ours.size == view.size && ours.root != view.root {
            let conversation = *conversation;
            conflicts.push(Conflict::View {
                conversation,
                ours: *ours,
                theirs: *view,
            });
        } else if ours.size < view.size {
            *ours = *view;
        }
    }
    for (conversation, number) in &theirs.read {
        let ours = state.read.entry(*conversation).or_default();
        *ours = (*ours).max(*number);
    }
    for (name, user) in &theirs.names {
        state.names.entry(name.clone()).or_insert(*user);
    }
    for (user, block) in &theirs.blocked {
        let ours = state.blocked.entry(*user).or_insert(*block);
        // At the same instant the one that blocks wins, on both sides.
        if (ours.changed, ours.blocked) < (block.changed, block.blocked) {
            *ours = *block;
        }
    }
    for (name, setting) in &theirs.settings {
        let ours = state
            .settings
            .entry(name.clone())
            .or_insert_with(|| setting.clone());
        if (ours.changed, &ours.value) < (setting.changed, &setting.value) {
            *ours = setting.clone();
        }
    }
    Merged { state, conflicts }
}

/// `None` if they contradict each other.
fn merge_pins(a: &Pin, b: &Pin) -> Option<Pin> {
    let (newer, older) = if (a.resets, a.version) >= (b.resets, b.version) {
        (a, b)
    } else {
        (b, a)
    };
    let mut merged = *newer;
    if newer.resets != older.resets {
        return Some(merged);
    }
    if newer.version == older.version {
        if newer.identity != older.identity {
            return None;
        }
        merged.verified |= older.verified;
    }
    merged.verified_before |=
        older.verified_before | (newer.version > older.version && older.verified);
    Some(merged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec;
    use crate::ids::Root;

    const USER: UserId = UserId([1; 16]);
    const PLACE: ConversationId = ConversationId([2; 32]);

    fn pin(byte: u8, version: u32) -> Pin {
        let identity = IdentityHash([byte; 32]);
        Pin {
            identity,
            version,
            verified: false,
            verified_before: false,
            resets: 0,
            by_link: false,
            compromised: false,
        }
    }

    fn pinned(pin: Pin) -> VaultState {
        VaultState {
            pins: [(USER, pin)].into(),
            ..VaultState::default()
        }
    }

    #[test]
    fn the_state_comes_back() {
        let state = VaultState {
            pins: [(USER, pin(1, 2))].into(),
            blocked: [(
                USER,
                Block {
                    blocked: true,
                    changed: Timestamp(3),
                },
            )]
            .into(),
            views: [(
                PLACE,
                View {
                    size: 4,
                    root: Root([5; 32]),
                },
            )]
            .into(),
            read: [(PLACE, 6)].into(),
            settings: [(
                "a".into(),
                Setting {
                    value: "b".into(),
                    changed: Timestamp(7),
                },
            )]
            .into(),
            names: [(UserName::parse("alice").unwrap(), USER)].into(),
        };
        assert_eq!(codec::decode(&codec::encode(&state)), Ok(state));
        // A version that has fewer fields, and one that has more.
        assert_eq!(codec::decode(&[0xa0]), Ok(VaultState::default()));
        assert_eq!(
            codec::decode(&[0xa1, 0x18, 99, 0x01]),
            Ok(VaultState::default())
        );
    }

    #[test]
    fn the_longer_chain_wins_and_remembers() {
        let old = Pin {
            verified: true,
            ..pin(1, 1)
        };
        let new = pin(2, 2);
        for (a, b) in [(old, new), (new, old)] {
            let merged = merge(&pinned(a), &pinned(b));
            assert!(merged.conflicts.is_empty());
            assert_eq!(
                merged.state.pins[&USER],
                Pin {
                    verified_before: true,
                    ..new
                }
            );
        }
        let merged = merge(&pinned(pin(1, 1)), &pinned(old));
        assert_eq!(merged.state.pins[&USER], old);
    }

    #[test]
    fn a_reset_beats_a_longer_chain_before_it() {
        let old = Pin {
            verified: true,
            ..pin(1, 9)
        };
        let new = Pin {
            resets: 1,
            ..pin(2, 1)
        };
        for (a, b) in [(old, new), (new, old)] {
            assert_eq!(merge(&pinned(a), &pinned(b)).state.pins[&USER], new);
        }
    }

    #[test]
    fn contradictions_are_reported() {
        let (a, b) = (pin(1, 1), pin(2, 1));
        let merged = merge(&pinned(a), &pinned(b));
        assert_eq!(
            merged.conflicts,
            [Conflict::Pin {
                user: USER,
                ours: a,
                theirs: b
            }]
        );
        assert_eq!(merged.state, pinned(a));
        let seen = |byte| VaultState {
            views: [(
                PLACE,
                View {
                    size: 3,
                    root: Root([byte; 32]),
                },
            )]
            .into(),
            ..VaultState::default()
        };
        assert_eq!(merge(&seen(1), &seen(2)).conflicts.len(), 1);
        assert_eq!(merge(&seen(1), &seen(1)).conflicts.len(), 0);
    }

    #[test]
    fn the_rest_merges_alike_on_both_sides() {
        let state = |number: u64| VaultState {
            blocked: [(
                USER,
                Block {
                    blocked: number == 1,
                    changed: Timestamp(number),
                },
            )]
            .into(),
            views: [(
                PLACE,
                View {
                    size: number,
                    root: Root([5; 32]),
                },
            )]
            .into(),
            read: [(PLACE, number)].into(),
            settings: [(
                "a".into(),
                Setting {
                    value: number.to_string(),
                    changed: Timestamp(number),
                },
            )]
            .into(),
            ..VaultState::default()
        };
        assert_eq!(merge(&state(1), &state(2)).state, state(2));
        assert_eq!(merge(&state(2), &state(1)).state, state(2));
    }
}
