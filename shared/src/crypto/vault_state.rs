//! The state that a user's browsers share, sealed under K_state. How two versions of it become one: `vault_merge`.

use std::collections::BTreeMap;

use minicbor::data::Type;
use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};

use super::link::LinkSecret;
use crate::codec::Bytes;
use crate::ids::{ConversationId, IdentityHash, Timestamp, UserId, UserName, View};

/// The synced record: CBOR map by small numbers. What is missing is empty; what is not known comes from a later version
/// and is kept as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VaultState {
    /// 0: whose identity is known to be which.
    pub pins: BTreeMap<UserId, Pin>,
    /// 1: whom the user does not want to hear from.
    pub blocked: BTreeMap<UserId, Block>,
    /// 2: the newest verified view of each conversation, so that a new browser is not shown a shortened log.
    pub views: BTreeMap<ConversationId, View>,
    /// 3: the highest number that was seen in each conversation.
    pub read: BTreeMap<ConversationId, u64>,
    /// 4: everything else, by name.
    pub settings: BTreeMap<String, Setting>,
    /// 5: who was met under which name, and when the person decided for them (0: never), so that a name which leads to
    /// another account is noticed in a new browser too.
    pub names: BTreeMap<UserName, BTreeMap<UserId, Timestamp>>,
    /// 6: the newest invite links that the user made, at most [`MAX_LINKS`].
    pub links: BTreeMap<LinkSecret, MadeLink>,
    /// 7: the newest invite link of each owner that the user followed.
    pub followed: BTreeMap<UserId, FollowedLink>,
    /// Fields of later versions: raw CBOR items.
    pub rest: BTreeMap<u64, Bytes>,
}

/// Most invite links that are kept, used ones included: the oldest go first.
pub const MAX_LINKS: usize = 100;

impl VaultState {
    /// Somebody else who has at least as good a claim to the name that a user is met under.
    pub fn rival(&self, name: &UserName, user: &UserId) -> Option<UserId> {
        let holders = self.names.get(name)?;
        let own = holders.get(user);
        let others = holders.iter().filter(|(other, _)| *other != user);
        let (other, decided) = others.max_by_key(|(_, decided)| **decided)?;
        own.is_none_or(|own| decided >= own).then_some(*other)
    }

    /// Drops the oldest links that are too many.
    pub fn prune_links(&mut self) {
        let too_many = self.links.len().saturating_sub(MAX_LINKS);
        let links = self.links.iter();
        let mut by_age: Vec<_> = links.map(|(key, link)| (link.made, key.clone())).collect();
        by_age.sort();
        for (_, oldest) in by_age.drain(..too_many) {
            self.links.remove(&oldest);
        }
    }
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
    /// When it was last decided whether it is verified; 0: never.
    #[n(7)]
    #[cbor(default)]
    pub changed: Timestamp,
}

impl Pin {
    /// A version first seen.
    pub fn first(identity: IdentityHash, version: u32) -> Self {
        Self {
            identity,
            version,
            verified: false,
            verified_before: false,
            resets: 0,
            by_link: false,
            compromised: false,
            changed: Timestamp(0),
        }
    }

    /// The person compared numbers, or takes the mark back. What is compromised cannot be verified.
    pub fn mark(&mut self, verified: bool, now: Timestamp) {
        self.verified = verified && !self.compromised;
        self.verified_before = false;
        self.by_link = false;
        self.changed = later(self.changed, now);
    }

    /// An invite link vouches for this version, or for an earlier one on its chain. What was compared stays so.
    pub fn mark_by_link(&mut self, this_version: bool, now: Timestamp) {
        if self.verified || self.compromised {
            return;
        }
        self.verified = this_version;
        self.by_link = this_version;
        self.verified_before |= !this_version;
        self.changed = later(self.changed, now);
    }
}

/// The time of a decision that is made now, after one at `before`, whatever the clocks say.
pub fn later(before: Timestamp, now: Timestamp) -> Timestamp {
    Timestamp(now.0.max(before.0.saturating_add(1)))
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

/// An invite link that the user made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct MadeLink {
    /// The user's own identity that it names.
    #[n(0)]
    pub identity: IdentityHash,
    /// When.
    #[n(1)]
    pub made: Timestamp,
    /// Somebody has answered it: nobody else can.
    #[n(2)]
    pub used: bool,
}

/// An invite link that the user followed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct FollowedLink {
    /// Its owner's identity that it names.
    #[n(0)]
    pub identity: IdentityHash,
    /// Its secret.
    #[n(1)]
    pub secret: LinkSecret,
    /// When.
    #[n(2)]
    pub when: Timestamp,
    /// The answer is in a log that its owner reads.
    #[n(3)]
    pub answered: bool,
}

/// Fields that this version knows; their keys are 0 up to this.
const FIELDS: u64 = 8;

impl<C> Encode<C> for VaultState {
    fn encode<W: encode::Write>(
        &self,
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        e.map(FIELDS + self.rest.len() as u64)?;
        self.pins.encode(e.u8(0)?, ctx)?;
        self.blocked.encode(e.u8(1)?, ctx)?;
        self.views.encode(e.u8(2)?, ctx)?;
        self.read.encode(e.u8(3)?, ctx)?;
        self.settings.encode(e.u8(4)?, ctx)?;
        self.names.encode(e.u8(5)?, ctx)?;
        self.links.encode(e.u8(6)?, ctx)?;
        self.followed.encode(e.u8(7)?, ctx)?;
        for (key, item) in &self.rest {
            e.u64(*key)?
                .writer_mut()
                .write_all(item)
                .map_err(encode::Error::write)?;
        }
        Ok(())
    }
}

impl<'b, C> Decode<'b, C> for VaultState {
    fn decode(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, decode::Error> {
        let mut state = Self::default();
        let mut left = d.map()?;
        loop {
            match &mut left {
                Some(0) => return Ok(state),
                Some(left) => *left -= 1,
                None if d.datatype()? == Type::Break => {
                    d.skip()?;
                    return Ok(state);
                }
                None => {}
            }
            match d.u64()? {
                0 => state.pins = d.decode_with(ctx)?,
                1 => state.blocked = d.decode_with(ctx)?,
                2 => state.views = d.decode_with(ctx)?,
                3 => state.read = d.decode_with(ctx)?,
                4 => state.settings = d.decode_with(ctx)?,
                5 => state.names = d.decode_with(ctx)?,
                6 => state.links = d.decode_with(ctx)?,
                7 => state.followed = d.decode_with(ctx)?,
                key => {
                    let from = d.position();
                    d.skip()?;
                    let item = d.input().get(from..d.position()).unwrap_or_default();
                    state.rest.insert(key, Bytes::from(item));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec;
    use crate::ids::Root;

    const USER: UserId = UserId([1; 16]);
    const PLACE: ConversationId = ConversationId([2; 32]);

    #[test]
    fn the_state_comes_back() {
        let alice = UserName::parse("alice").unwrap();
        let changed = Timestamp(3);
        let view = View {
            size: 4,
            root: Root([5; 32]),
        };
        let identity = IdentityHash([8; 32]);
        let made = MadeLink {
            identity,
            made: Timestamp(9),
            used: true,
        };
        let followed = FollowedLink {
            identity,
            secret: LinkSecret::make(),
            when: Timestamp(10),
            answered: true,
        };
        let value = "b".into();
        let state = VaultState {
            pins: [(USER, Pin::first(IdentityHash([1; 32]), 2))].into(),
            blocked: [(
                USER,
                Block {
                    blocked: true,
                    changed,
                },
            )]
            .into(),
            views: [(PLACE, view)].into(),
            read: [(PLACE, 6)].into(),
            settings: [("a".into(), Setting { value, changed })].into(),
            names: [(alice, [(USER, changed)].into())].into(),
            links: [(LinkSecret::make(), made)].into(),
            followed: [(USER, followed)].into(),
            rest: BTreeMap::new(),
        };
        assert_eq!(codec::decode(&codec::encode(&state)), Ok(state));
        // A version that has fewer fields.
        assert_eq!(codec::decode(&[0xa0]), Ok(VaultState::default()));
        assert_eq!(codec::decode(&[0xbf, 0xff]), Ok(VaultState::default()));
        for malformed in [
            &[0xa1][..],
            &[0xa1, 0x18],
            &[0xa1, 0x18, 99],
            &[0xbf],
            &[0x80],
        ] {
            assert!(codec::decode::<VaultState>(malformed).is_err());
        }
    }

    #[test]
    fn fields_of_later_versions_are_kept() {
        // 3: {}, 99: {1: [2, h'03']}, 100: "x"
        let later = [
            &[
                0xa3, 0x03, 0xa0, 0x18, 99, 0xa1, 0x01, 0x82, 0x02, 0x41, 0x03,
            ][..],
            &[0x18, 100, 0x61, b'x'],
        ]
        .concat();
        let state: VaultState = codec::decode(&later).unwrap();
        assert_eq!(state.rest.len(), 2);
        let written = codec::encode(&state);
        assert!(written.ends_with(&later[3..]));
        assert_eq!(codec::decode(&written), Ok(state));
    }

    #[test]
    fn a_name_is_contested_until_the_person_decides() {
        let (alice, mallory) = (UserId([1; 16]), UserId([2; 16]));
        let name = UserName::parse("alice").unwrap();
        let mut state = VaultState::default();
        assert_eq!(state.rival(&name, &alice), None);
        let holders: BTreeMap<_, _> = [(alice, Timestamp(0))].into();
        state.names.insert(name.clone(), holders);
        assert_eq!(state.rival(&name, &alice), None);
        assert_eq!(state.rival(&name, &mallory), Some(alice));
        let holders = [(alice, Timestamp(0)), (mallory, Timestamp(0))];
        state.names.insert(name.clone(), holders.into());
        assert_eq!(state.rival(&name, &alice), Some(mallory));
        assert_eq!(state.rival(&name, &mallory), Some(alice));
        let holders = [(alice, Timestamp(1)), (mallory, Timestamp(0))];
        state.names.insert(name.clone(), holders.into());
        assert_eq!(state.rival(&name, &alice), None);
        assert_eq!(state.rival(&name, &mallory), Some(alice));
    }

    #[test]
    fn a_link_weighs_less_than_comparing() {
        let first = Pin::first(IdentityHash([1; 32]), 1);
        let mut pin = first;
        pin.mark_by_link(true, Timestamp(5));
        assert!(pin.verified && pin.by_link);
        pin.mark(true, Timestamp(6));
        assert!(pin.verified && !pin.by_link);
        pin.mark_by_link(true, Timestamp(7));
        assert!(pin.verified && !pin.by_link);
        pin.mark(false, Timestamp(1));
        assert!(!pin.verified && !pin.by_link);
        assert_eq!(pin.changed, Timestamp(7), "after the one before");
        pin.mark_by_link(false, Timestamp(9));
        assert!(!pin.verified && pin.verified_before);
    }
}
