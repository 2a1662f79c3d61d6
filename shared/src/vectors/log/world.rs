//! People who write a log.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Value, json};

use super::super::fixed::{self, sign_pss};
use super::super::identity;
use super::super::json::to_hex;
use super::{Log, Outcome, judge};
use crate::client::native::{PrivateKeys, test_keys};
use crate::codec::{self, Bytes};
use crate::crypto::epoch::{EpochContext, EpochKey, SealedTitle, commitment, seal_title_with};
use crate::crypto::identity::SignedIdentity;
use crate::crypto::message::{self, Content, Inner};
use crate::crypto::primitives::sha256;
use crate::crypto::signing::{Algorithm, Signature};
use crate::ids::{ConversationId, Epoch, IdentityHash, MessageId, Salt, Timestamp, UserId, View};
use crate::log::LogState;
use crate::log::act::{Accept, Act, Announcement, Create, Drop, Invite, Mode, Rename};
use crate::log::entry::{
    MessageHeader, ServerHeader, StateHeader, assemble_message, assemble_server, assemble_state,
    server_signing_payload, state_signing_payload,
};
use crate::log::state::readers_digest;
use crate::log::tree::{Frontier, wraps_root};

/// Those with an odd number sign with RSA-PSS, the others with DSA. 1 creates and is admin; 4 stays outside.
const NAMES: [&str; 5] = ["alice", "bob", "carol", "dave", "erin"];

/// The set of keys whose RSA signing key is the server's.
const SERVER_KEYS: usize = 7;

#[derive(Clone)]
pub(super) struct Actor {
    keys: PrivateKeys,
    signed: SignedIdentity,
}

/// A log, and everybody who is needed to go on with it.
pub(super) struct World {
    actors: BTreeMap<u8, Actor>,
    pub(super) entries: Vec<Vec<u8>>,
    log: Log,
}

impl World {
    /// Alice has created it.
    pub(super) fn begun(mode: Mode) -> Self {
        let actors = PEOPLE.clone();
        let create = create_by(&actors[&1], |create| create.mode = mode, |_| {});
        let Outcome::Valid(state) = judge(None, &create) else {
            panic!("create is refused")
        };
        Self {
            log: Log::grown(None, state, &create),
            entries: vec![create],
            actors,
        }
    }

    /// Alice has invited Bob and Carol.
    pub(super) fn invited() -> Self {
        let mut world = Self::begun(Mode::EndToEnd);
        world.act(1, world.invite(&[2, 3], &[1, 2, 3]));
        world
    }

    /// They have accepted.
    pub(super) fn with_members() -> Self {
        let mut world = Self::invited();
        world.act(2, accept());
        world.act(3, accept());
        world
    }

    /// In a server-managed one, Alice has invited Bob.
    pub(super) fn managed() -> Self {
        let mut world = Self::begun(managed_mode());
        let invite = Invite {
            people: vec![world.signed(2)],
            link_proofs: Vec::new(),
            announcement: None,
        };
        world.act(1, Act::Invite(invite));
        world
    }

    /// The server has announced the key, and Bob has accepted.
    pub(super) fn managed_members() -> Self {
        let mut world = Self::managed();
        world.take(&world.server_entry(|_| {}));
        world.act(2, accept());
        world
    }

    pub(super) fn state(&self) -> &LogState {
        &self.log.state
    }

    pub(super) fn view(&self) -> View {
        self.log.tree.view()
    }

    pub(super) fn user(&self, n: u8) -> UserId {
        self.signed(n).identity().user
    }

    pub(super) fn users(&self, who: &[u8]) -> Vec<UserId> {
        who.iter().map(|n| self.user(*n)).collect()
    }

    pub(super) fn signed(&self, n: u8) -> SignedIdentity {
        self.actors[&n].signed.clone()
    }

    pub(super) fn keys(&self, n: u8) -> &PrivateKeys {
        &self.actors[&n].keys
    }

    /// Has the log go on with a valid entry.
    pub(super) fn take(&mut self, entry: &[u8]) {
        let Outcome::Valid(next) = judge(Some(&self.log), entry) else {
            panic!("an entry of a log is refused")
        };
        self.log = Log::grown(Some(self.log.clone()), next, entry);
        self.entries.push(entry.to_vec());
    }

    pub(super) fn act(&mut self, n: u8, act: Act) {
        let entry = self.entry(n, act);
        self.take(&entry);
    }

    /// From now on somebody has these keys.
    pub(super) fn renew(&mut self, n: u8, keys: PrivateKeys, signed: SignedIdentity) {
        self.actors.insert(n, Actor { keys, signed });
    }

    pub(super) fn entry(&self, n: u8, act: Act) -> Vec<u8> {
        self.entry_with(n, act, |_| {})
    }

    /// A state entry whose header is another before it is signed.
    pub(super) fn entry_with(
        &self,
        n: u8,
        act: Act,
        change: impl FnOnce(&mut StateHeader),
    ) -> Vec<u8> {
        let actor = &self.actors[&n];
        let mut header = StateHeader::new(
            Some(self.state().conversation),
            self.user(n),
            actor.signed.hash(),
            self.view(),
            Some(self.state().last),
            act,
        );
        change(&mut header);
        signed_entry(actor, &header)
    }

    fn message_header(&self, n: u8) -> MessageHeader {
        let (epoch, announcement) = match self.state().epoch() {
            Some(current) => (current.epoch, current.entry),
            None => (Epoch::FIRST, self.state().last),
        };
        MessageHeader::new(
            self.state().conversation,
            self.user(n),
            self.signed(n).hash(),
            self.view(),
            epoch,
            announcement,
            MessageId([n; 16]),
            Salt([n; 32]),
        )
    }

    /// A message for the rules, which do not look into its seal: that is 64 zero bytes.
    pub(super) fn message(&self, n: u8, change: impl FnOnce(&mut MessageHeader)) -> Vec<u8> {
        let mut header = self.message_header(n);
        change(&mut header);
        assemble_message(codec::encode(&header), vec![0; 64])
    }

    /// A whole message.
    pub(super) fn text(&self, n: u8, text: &str) -> Vec<u8> {
        let header = self.message_header(n);
        let (salt, header) = (header.salt.0, codec::encode(&header));
        let algorithm = self.signed(n).identity().algorithm;
        let inner = Inner {
            algorithm,
            time: Timestamp(1_700_000_000_123),
            content: Content::Text { text: text.into() },
        };
        let inner = inner.encode();
        let payload = message::signing_payload(&header, &inner);
        let signature = fixed::sign(self.keys(n), algorithm, &payload);
        let sealed = message::seal(&self.key(), &salt, &header, &inner, &signature).unwrap();
        assemble_message(header, sealed)
    }

    /// The key of every epoch here.
    pub(super) fn key(&self) -> EpochKey {
        fixed::epoch_key()
    }

    /// What binds the key that is announced next.
    fn context(&self) -> EpochContext {
        let epoch = self.state().epoch();
        EpochContext {
            conversation: self.state().conversation,
            epoch: epoch.map_or(Epoch::FIRST, |current| current.epoch.next()),
            view: self.view(),
        }
    }

    fn wraps_for(&self, context: &EpochContext, readers: &[SignedIdentity]) -> Vec<Vec<u8>> {
        let wrap = |reader: &SignedIdentity| {
            let label = context.wrap_label(&reader.hash());
            fixed::wrap(&reader.identity().encryption, &self.key(), &label)
        };
        readers.iter().map(wrap).collect()
    }

    /// The wraps of the current epoch, for those who read now.
    pub(super) fn wraps(&self) -> Vec<Vec<u8>> {
        let record = self.state().epoch().unwrap();
        let readers: Vec<_> = self
            .state()
            .people
            .values()
            .map(|person| person.identity.clone())
            .collect();
        self.wraps_for(&self.state().epoch_context(record), &readers)
    }

    /// The next epoch, for these readers in the order of their ids.
    pub(super) fn announcement_for(&self, readers: &[SignedIdentity]) -> Announcement {
        let (key, context) = (self.key(), self.context());
        let listed: Vec<(UserId, IdentityHash)> = readers
            .iter()
            .map(|signed| (signed.identity().user, signed.hash()))
            .collect();
        Announcement {
            epoch: context.epoch,
            commitment: commitment(&key, &context),
            readers: readers_digest(listed.iter().map(|(user, hash)| (user, *hash))),
            wraps: wraps_root(&self.wraps_for(&context, readers)),
            title: Some(self.title(&context)),
        }
    }

    pub(super) fn announcement(&self, readers: &[u8]) -> Announcement {
        let readers: Vec<_> = readers.iter().map(|n| self.signed(*n)).collect();
        self.announcement_for(&readers)
    }

    fn title(&self, context: &EpochContext) -> SealedTitle {
        seal_title_with(&self.key(), context, "Plans", [0xa0; 32]).unwrap()
    }

    pub(super) fn invite(&self, who: &[u8], readers: &[u8]) -> Act {
        Act::Invite(Invite {
            people: who.iter().map(|n| self.signed(*n)).collect(),
            link_proofs: Vec::new(),
            announcement: Some(self.announcement(readers)),
        })
    }

    pub(super) fn drop(&self, who: &[u8], readers: &[u8]) -> Drop {
        Drop {
            users: self.users(who),
            announcement: Some(self.announcement(readers)),
        }
    }

    pub(super) fn rename(&self, epoch: u32) -> Act {
        let context = EpochContext {
            epoch: Epoch(epoch),
            ..self.context()
        };
        Act::Rename(Rename {
            epoch: Epoch(epoch),
            title: self.title(&context),
        })
    }

    /// The server's announcement, signed after a change.
    pub(super) fn server_entry(&self, change: impl FnOnce(&mut ServerHeader)) -> Vec<u8> {
        let people = self.state().people.values();
        let readers: Vec<_> = people.map(|person| person.identity.clone()).collect();
        let announcement = Announcement {
            title: None,
            ..self.announcement_for(&readers)
        };
        let mut header = ServerHeader::new(
            self.state().conversation,
            self.view(),
            self.state().last,
            announcement,
        );
        change(&mut header);
        let header = codec::encode(&header);
        let signature = sign_pss(&server_keys().rsa_signing, &server_signing_payload(&header));
        assemble_server(header, signature)
    }

    /// An `invite` of many by Alice.
    pub(super) fn crowd_invite(&self, people: &[SignedIdentity]) -> Vec<u8> {
        let all: BTreeMap<UserId, IdentityHash> = self
            .state()
            .people
            .values()
            .map(|person| &person.identity)
            .chain(people)
            .map(|signed| (signed.identity().user, signed.hash()))
            .collect();
        let announcement = Announcement {
            readers: readers_digest(all.iter().map(|(user, hash)| (user, *hash))),
            ..self.announcement(&[1, 2, 3])
        };
        let invite = Invite {
            people: people.to_vec(),
            link_proofs: Vec::new(),
            announcement: Some(announcement),
        };
        self.entry(1, Act::Invite(invite))
    }

    pub(super) fn people_json(&self) -> Value {
        let person = |(n, actor): (&u8, &Actor)| {
            let identity = actor.signed.identity();
            json!({
                "name": identity.name.as_str(),
                "user": identity.user.to_string(),
                "keys": n,
                "hash": actor.signed.hash().to_string(),
                "identity": to_hex(actor.signed.bytes()),
            })
        };
        self.actors.iter().map(person).collect()
    }
}

/// Reading keys and signing takes its time.
static PEOPLE: LazyLock<BTreeMap<u8, Actor>> = LazyLock::new(|| {
    let person = |(n, name): (u8, &&str)| {
        let keys = test_keys::set(usize::from(n) - 1).unwrap();
        let algorithm = match n % 2 {
            0 => Algorithm::Dsa,
            _ => Algorithm::RsaPss,
        };
        let identity = identity::first(UserId([n; 16]), name, &keys, algorithm);
        let signed = identity::signed(&identity, &keys, None);
        (n, Actor { keys, signed })
    };
    (1..).zip(&NAMES).map(person).collect()
});

static SERVER: LazyLock<PrivateKeys> = LazyLock::new(|| test_keys::set(SERVER_KEYS).unwrap());

/// Alice's `create`, after changes to the act and to the header.
pub(super) fn create(
    change: impl FnOnce(&mut Create),
    header: impl FnOnce(&mut StateHeader),
) -> Vec<u8> {
    create_by(&PEOPLE[&1], change, header)
}

fn create_by(
    actor: &Actor,
    change: impl FnOnce(&mut Create),
    change_header: impl FnOnce(&mut StateHeader),
) -> Vec<u8> {
    let mut create = Create {
        mode: Mode::EndToEnd,
        nonce: Bytes(fixed::count::<32>(0xe0).to_vec()),
        identity: actor.signed.clone(),
        continues: None,
    };
    change(&mut create);
    let mut header = StateHeader::new(
        None,
        actor.signed.identity().user,
        actor.signed.hash(),
        Frontier::default().view(),
        None,
        Act::Create(create),
    );
    change_header(&mut header);
    signed_entry(actor, &header)
}

fn signed_entry(actor: &Actor, header: &StateHeader) -> Vec<u8> {
    let header = codec::encode(header);
    let algorithm = actor.signed.identity().algorithm;
    let signature = fixed::sign(&actor.keys, algorithm, &state_signing_payload(&header));
    assemble_state(header, signature)
}

pub(super) fn accept() -> Act {
    Act::Accept(Accept { link_proof: None })
}

pub(super) fn server_keys() -> &'static PrivateKeys {
    &SERVER
}

pub(super) fn managed_mode() -> Mode {
    Mode::ServerManaged(server_keys().public().unwrap().rsa_signing.into())
}

/// `count` identities that are one but for the user id at `at`, which is SHA-256 of a number, its first 16 bytes.
pub(super) fn crowd(identity: &[u8], at: usize, count: u64) -> Vec<SignedIdentity> {
    let one = |n: u64| {
        let mut bytes = identity.to_vec();
        bytes[at..at + 16].copy_from_slice(&sha256(&n.to_be_bytes())[..16]);
        SignedIdentity::parse(&bytes).unwrap()
    };
    (0..count).map(one).collect()
}

/// With another bit in its signature.
pub(super) fn forged(entry: &[u8]) -> Vec<u8> {
    let mut forged = entry.to_vec();
    *forged.last_mut().unwrap() ^= 1;
    forged
}

/// The same identity, its own RSA-PSS signature by somebody else.
pub(super) fn ill_signed(signed: &SignedIdentity, by: &PrivateKeys) -> SignedIdentity {
    let identity = signed.identity();
    let body = identity.body();
    let payload = crate::crypto::identity::signing_payload(&body);
    let [pss, dsa]: [Signature; 2] =
        [Algorithm::RsaPss, Algorithm::Dsa].map(|algorithm| fixed::sign(by, algorithm, &payload));
    SignedIdentity::assemble(body, pss, dsa, None).unwrap()
}

pub(super) const ELSEWHERE: ConversationId = ConversationId([0x11; 32]);
