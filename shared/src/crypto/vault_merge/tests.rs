use super::*;
use crate::codec::Bytes;
use crate::crypto::link::LinkSecret;
use crate::crypto::vault_state::{Block, MAX_LINKS, Setting};
use crate::ids::{IdentityHash, Root};

const USER: UserId = UserId([1; 16]);
const PLACE: ConversationId = ConversationId([2; 32]);

fn pin(byte: u8, version: u32) -> Pin {
    Pin::first(IdentityHash([byte; 32]), version)
}

fn pinned(pin: Pin) -> VaultState {
    VaultState {
        pins: [(USER, pin)].into(),
        ..VaultState::default()
    }
}

/// The pin that both orders of merging make.
fn merged(a: Pin, b: Pin) -> Pin {
    let (one, other) = (merge(&pinned(a), &pinned(b)), merge(&pinned(b), &pinned(a)));
    assert_eq!(one, other);
    assert_eq!(one.conflicts, []);
    one.state.pins[&USER]
}

#[test]
fn the_longer_chain_wins_and_remembers() {
    let old = Pin {
        verified: true,
        ..pin(1, 1)
    };
    let new = pin(2, 2);
    let remembered = Pin {
        verified_before: true,
        ..new
    };
    assert_eq!(merged(old, new), remembered);
    assert_eq!(merged(pin(1, 1), old), old);
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
    assert_eq!(merged(old, new), new);
}

#[test]
fn the_later_decision_wins() {
    let mut verified = pin(1, 1);
    verified.mark(true, Timestamp(5));
    let mut taken_back = verified;
    taken_back.mark(false, Timestamp(6));
    assert_eq!(merged(verified, taken_back), taken_back);
    let mut again = taken_back;
    again.mark(true, Timestamp(7));
    assert_eq!(merged(again, taken_back), again);
    // Taken back in one browser while the other followed to the next version.
    let followed = Pin {
        verified_before: true,
        changed: Timestamp(5),
        ..pin(2, 2)
    };
    let both = merged(taken_back, followed);
    assert_eq!((both.version, both.verified_before), (2, false));
}

#[test]
fn comparing_beats_a_link_at_the_same_time() {
    let mut by_link = pin(1, 1);
    by_link.mark_by_link(true, Timestamp(5));
    let mut compared = pin(1, 1);
    compared.mark(true, Timestamp(5));
    assert_eq!(merged(by_link, compared), compared);
    assert_eq!(merged(by_link, pin(1, 1)), by_link);
}

#[test]
fn a_compromised_version_beats_its_successors_but_no_reset() {
    let mut bad = pin(1, 1);
    bad.compromised = true;
    let mut clean = pin(1, 1);
    clean.mark(true, Timestamp(5));
    let both = merged(bad, clean);
    assert!(both.compromised && !both.verified && both.verified_before);
    let mut followed = pin(2, 2);
    followed.mark(true, Timestamp(6));
    let both = merged(bad, followed);
    assert_eq!((both.version, both.compromised), (1, true));
    let accepted = Pin {
        resets: 1,
        ..pin(2, 2)
    };
    assert_eq!(merged(bad, accepted), accepted);
}

#[test]
fn contradictions_are_reported() {
    let (a, b) = (pin(1, 1), pin(2, 1));
    let merged = merge(&pinned(a), &pinned(b));
    let conflict = Conflict::Pin {
        user: USER,
        ours: a,
        theirs: b,
    };
    assert_eq!(merged.conflicts, [conflict]);
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
fn a_name_of_two_people_is_nobodys_until_somebody_decides() {
    let name = UserName::parse("alice").unwrap();
    let (alice, mallory) = (UserId([1; 16]), UserId([2; 16]));
    let named = |user, decided| VaultState {
        names: [(name.clone(), [(user, Timestamp(decided))].into())].into(),
        ..VaultState::default()
    };
    let both = merge(&named(alice, 0), &named(mallory, 0));
    let conflict = Conflict::Name {
        name: name.clone(),
        ours: alice,
        theirs: mallory,
    };
    assert_eq!(both.conflicts, [conflict]);
    assert_eq!(both.state.rival(&name, &alice), Some(mallory));
    assert_eq!(both.state.rival(&name, &mallory), Some(alice));
    let again = merge(&both.state, &named(mallory, 0));
    assert_eq!(again.conflicts, [], "known already");
    let decided = merge(&both.state, &named(alice, 1));
    assert_eq!(decided.conflicts, []);
    assert_eq!(decided.state.rival(&name, &alice), None);
    assert_eq!(decided.state.rival(&name, &mallory), Some(alice));
}

#[test]
fn a_used_link_stays_used_and_the_oldest_go() {
    let link = |made: u64, used| MadeLink {
        identity: IdentityHash([1; 32]),
        made: Timestamp(made),
        used,
    };
    let secret = |n: u64| LinkSecret::from_slice(&[n.to_be_bytes(); 2].concat()).unwrap();
    let state = |numbers: std::ops::Range<u64>, used| VaultState {
        links: numbers.map(|n| (secret(n), link(n, used))).collect(),
        ..VaultState::default()
    };
    let limit = MAX_LINKS as u64;
    let merged = merge(&state(0..limit, false), &state(50..limit + 50, true)).state;
    assert_eq!(merged.links.len(), MAX_LINKS);
    assert!(merged.links.values().all(|link| link.used), "50 and later");
    let again = merge(&merged, &state(0..limit, false)).state;
    assert_eq!(again, merged, "an older browser opens none of them again");
}

#[test]
fn fields_of_later_versions_are_the_other_browsers() {
    let state = |item: u8| VaultState {
        rest: [(77, Bytes(vec![item]))].into(),
        ..VaultState::default()
    };
    assert_eq!(merge(&state(1), &state(2)).state, state(2));
    assert_eq!(merge(&state(1), &VaultState::default()).state, state(1));
}

/// A small generator (SplitMix64), so that a failing seed can be run again.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }

    fn flag(&mut self) -> bool {
        self.below(2) == 0
    }

    fn small(&mut self) -> u8 {
        self.below(3) as u8
    }

    fn time(&mut self) -> Timestamp {
        Timestamp(self.below(4))
    }

    fn user(&mut self) -> UserId {
        UserId([self.small(); 16])
    }

    /// A pin as browsers make them: of one chain for each reset, and never more than one sort of verified.
    fn pin(&mut self) -> Pin {
        let (resets, version) = (self.below(2) as u32, 1 + self.below(3) as u32);
        let compromised = self.below(4) == 0;
        let (verified, verified_before) = match self.below(3) {
            0 if !compromised => (true, false),
            1 => (false, true),
            _ => (false, false),
        };
        Pin {
            identity: IdentityHash([(resets * 10 + version) as u8; 32]),
            version,
            verified,
            verified_before,
            resets,
            by_link: verified && self.flag(),
            compromised,
            changed: self.time(),
        }
    }

    fn state(&mut self) -> VaultState {
        let mut state = VaultState::default();
        for _ in 0..self.below(4) {
            let (user, pin) = (self.user(), self.pin());
            state.pins.insert(user, pin);
            let block = Block {
                blocked: self.flag(),
                changed: self.time(),
            };
            state.blocked.insert(self.user(), block);
            let size = self.below(5);
            let root = Root([size as u8; 32]);
            let place = ConversationId([self.small(); 32]);
            state.views.insert(place, View { size, root });
            let place = ConversationId([self.small(); 32]);
            state.read.insert(place, self.below(9));
            let setting = Setting {
                value: self.small().to_string(),
                changed: self.time(),
            };
            state.settings.insert(self.small().to_string(), setting);
            let name = UserName::parse(["alice", "bob", "carol"][self.below(3) as usize]).unwrap();
            let holders = state.names.entry(name).or_default();
            holders.insert(self.user(), self.time());
            let followed = FollowedLink {
                identity: IdentityHash([self.small(); 32]),
                secret: LinkSecret::from_slice(&[self.small(); 16]).unwrap(),
                when: self.time(),
                answered: self.flag(),
            };
            state.followed.insert(self.user(), followed);
        }
        // More than fit, so that some are dropped.
        for _ in 0..self.below(MAX_LINKS as u64) {
            let n = self.below(2 * MAX_LINKS as u64);
            let link = MadeLink {
                identity: IdentityHash([1; 32]),
                made: Timestamp(n / 3),
                used: self.flag(),
            };
            let secret = LinkSecret::from_slice(&[n as u8; 16]).unwrap();
            state.links.insert(secret, link);
        }
        state
    }
}

#[test]
fn all_browsers_end_with_the_same_state() {
    let join = |a: &VaultState, b: &VaultState| merge(a, b).state;
    let mut pruned = 0;
    for seed in 0..1000 {
        let mut random = Random(seed);
        let (a, b, c) = (random.state(), random.state(), random.state());
        assert_eq!(join(&a, &a), a, "seed {seed}: idempotent");
        assert_eq!(join(&a, &b), join(&b, &a), "seed {seed}: commutative");
        let (left, right) = (join(&join(&a, &b), &c), join(&a, &join(&b, &c)));
        assert_eq!(left, right, "seed {seed}: associative");
        assert_eq!(join(&left, &b), left, "seed {seed}: nothing new");
        pruned += usize::from(left.links.len() == MAX_LINKS);
    }
    assert!(pruned > 30, "{pruned}");
}
