//! That the schema knows all that the code knows, and that it bites.

use std::collections::BTreeMap;

use cddl_cat::ivt::{Array, Group, Literal};
use ciborium::Value;
use minicbor::decode::Error;
use minicbor::{Encode, decode};
use secure_chat_shared::client::native::test_keys;
use secure_chat_shared::codec::{self, Bytes};
use secure_chat_shared::crypto::ephemeral::{self, Ephemeral, EphemeralContext};
use secure_chat_shared::crypto::epoch::{
    EpochContext, EpochKey, SealedTitle, commitment, seal_title,
};
use secure_chat_shared::crypto::identity::{
    Compromised, Identity, SignedIdentity, signing_payload,
};
use secure_chat_shared::crypto::link::{Link, LinkSecret};
use secure_chat_shared::crypto::message::{Content, FileContent, FileId, Inner, MAX_TEXT};
use secure_chat_shared::crypto::secret::Secret32;
use secure_chat_shared::crypto::signing::{Algorithm, Signature};
use secure_chat_shared::crypto::vault::{Block, FollowedLink, MadeLink, Pin, Setting, VaultState};
use secure_chat_shared::ids::*;
use secure_chat_shared::log::act::*;
use secure_chat_shared::log::entry::*;
use secure_chat_shared::protocol::*;

use super::*;

const VIEW: View = View {
    size: 70_000,
    root: Root([7; 32]),
};

fn identity() -> SignedIdentity {
    let keys = test_keys::set(1).unwrap();
    let public = keys.public().unwrap();
    let body = Identity {
        user: UserId([1; 16]),
        name: UserName::parse("alice").unwrap(),
        version: 1,
        previous: None,
        encryption: Bytes(public.encryption),
        rsa_signing: Bytes(public.rsa_signing),
        dsa_signing: Bytes(public.dsa_signing),
        algorithm: Algorithm::RsaPss,
    }
    .body();
    let payload = signing_payload(&body);
    let pss = keys.rsa_signing.sign(&payload).unwrap().into();
    let dsa = keys.dsa_signing.sign(&payload).unwrap().into();
    SignedIdentity::assemble(body, pss, dsa, None).unwrap()
}

fn context(epoch: u32) -> EpochContext {
    EpochContext {
        conversation: ConversationId([2; 32]),
        epoch: Epoch(epoch),
        view: VIEW,
    }
}

fn title() -> SealedTitle {
    seal_title(&EpochKey::make(), &context(1), "a title").unwrap()
}

fn announcement() -> Announcement {
    Announcement {
        epoch: Epoch(300),
        commitment: commitment(&EpochKey::make(), &context(300)),
        readers: ReadersDigest([3; 32]),
        wraps: Root([4; 32]),
        title: Some(title()),
    }
}

fn state_entry(act: Act) -> Vec<u8> {
    let first = matches!(act, Act::Create(_));
    let header = StateHeader::new(
        (!first).then_some(ConversationId([2; 32])),
        UserId([1; 16]),
        IdentityHash([5; 32]),
        VIEW,
        (!first).then_some(EntryHash([6; 32])),
        act,
    );
    assemble_state(codec::encode(&header), Signature(Bytes(vec![1; 384])))
}

fn message(tail: usize) -> Vec<u8> {
    let header = MessageHeader::new(
        ConversationId([2; 32]),
        UserId([1; 16]),
        IdentityHash([5; 32]),
        VIEW,
        Epoch(1),
        EntryHash([6; 32]),
        MessageId([7; 16]),
        Salt([8; 32]),
    );
    assemble_message(codec::encode(&header), vec![0; tail])
}

fn statement() -> Compromised {
    Compromised {
        body: Compromised::body_of(identity().identity()).into(),
        pss: vec![1; 384].into(),
        dsa: vec![1; 70].into(),
    }
}

/// Every act, fully furnished.
fn acts() -> Vec<Act> {
    let people = vec![identity()];
    let announcement = || Some(announcement());
    let users = vec![UserId([9; 16])];
    let drop = || Drop {
        users: users.clone(),
        announcement: announcement(),
    };
    vec![
        Act::Create(Create {
            mode: Mode::ServerManaged(Bytes(vec![0x30; 422])),
            nonce: Bytes(vec![1; 32]),
            identity: identity(),
            continues: Some((ConversationId([3; 32]), VIEW)),
        }),
        Act::Invite(Invite {
            people: people.clone(),
            link_proofs: vec![Some(Bytes(vec![1; 32])), None],
            announcement: announcement(),
        }),
        Act::Uninvite(drop()),
        Act::Accept(Accept {
            link_proof: Some(Bytes(vec![1; 32])),
        }),
        Act::Decline,
        Act::Leave,
        Act::Remove(drop()),
        Act::Promote(users[0]),
        Act::Demote(users[0]),
        Act::Rename(Rename {
            epoch: Epoch(1),
            title: title(),
        }),
        Act::Identity(NewIdentity {
            versions: people,
            announcement: announcement(),
        }),
        Act::Compromised(statement()),
        Act::Epoch(self::announcement()),
        Act::Share(Share {
            user: users[0],
            identity: IdentityHash([5; 32]),
            epochs: vec![Epoch(1), Epoch(2)],
            wraps: Root([4; 32]),
        }),
        Act::Fault(Epoch(3)),
        Act::Rewrap(Rewrap {
            user: users[0],
            epoch: Epoch(3),
            wrap: Bytes(vec![2; 384]),
        }),
    ]
}

fn server_entry() -> Vec<u8> {
    let announcement = Announcement {
        title: None,
        ..announcement()
    };
    let header = ServerHeader::new(
        ConversationId([2; 32]),
        VIEW,
        EntryHash([6; 32]),
        announcement,
    );
    assemble_server(codec::encode(&header), Signature(Bytes(vec![1; 384])))
}

fn asks<R: Request>(request: &R) -> Vec<u8> {
    codec::encode(&ClientFrame {
        id: 1,
        op: R::OP,
        body: codec::encode(request).into(),
    })
}

fn frames() -> Vec<Vec<u8>> {
    let acts = acts().into_iter().map(state_entry);
    let others = [message(1040), message(131_088)];
    let appended = acts.skip(1).chain(others).map(|entry| {
        asks(&Append {
            conversation: ConversationId([2; 32]),
            entry: entry.into(),
            wraps: vec![Bytes(vec![0; 384]); 2],
        })
    });
    let mut all: Vec<_> = appended.collect();
    all.push(asks(&CreateConversation {
        create: state_entry(self::acts().remove(0)).into(),
        invite: state_entry(self::acts().remove(1)).into(),
        wraps: vec![Bytes(vec![0; 384]); 2],
    }));
    all.push(asks(&Resume {
        token: Bytes(vec![0; 32]),
    }));
    for (after, size) in [(Some(u64::MAX), None), (None, Some(1)), (None, None)] {
        let conversation = ConversationId([2; 32]);
        all.push(asks(&GetAnchor {
            conversation,
            after,
            size,
        }));
    }
    all
}

fn given(event: Event) -> Vec<u8> {
    codec::encode(&ServerFrame::Event(event))
}

fn events() -> Vec<Vec<u8>> {
    let user = UserId([1; 16]);
    let presence = |status| given(Event::Presence(Presence { user, status }));
    let entry = |entry| {
        given(Event::Entry {
            conversation: ConversationId([2; 32]),
            entry: EntryAt {
                number: 3,
                time: Timestamp(4),
                entry,
            },
        })
    };
    vec![
        entry(Stored::Whole(server_entry().into())),
        entry(Stored::Whole(message(1040).into())),
        entry(Stored::Purged(EntryHash([1; 32]))),
        presence(PresenceStatus::Online),
        presence(PresenceStatus::Offline(None)),
        presence(PresenceStatus::Offline(Some(Timestamp(1)))),
        given(Event::SessionEnded),
        given(Event::IdentityPublished(3)),
        given(Event::SignedInElsewhere {
            session: SessionInfo {
                id: SessionId([1; 16]),
                browser: "a browser".into(),
                created: Timestamp(1),
                last_seen: Timestamp(2),
                this: false,
                place: Place::Internet("192.0.2.1".into()),
            },
        }),
    ]
}

#[test]
fn frames_are_inside() {
    for frame in frames() {
        assert_eq!(check("ClientFrame", &frame), Ok(()));
    }
    for frame in events() {
        assert_eq!(check("ServerFrame", &frame), Ok(()));
    }
}

/// Every place in a value, those in byte strings that hold an item among them, with something else there.
fn mutants(value: &Value, of: &dyn Fn(&Value) -> Vec<Value>) -> Vec<Value> {
    let mut all = of(value);
    match value {
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                all.extend(mutants(item, of).into_iter().map(|mutant| {
                    let mut items = items.clone();
                    items[place] = mutant;
                    Value::Array(items)
                }));
            }
        }
        Value::Map(entries) => {
            for (place, (_, item)) in entries.iter().enumerate() {
                all.extend(mutants(item, of).into_iter().map(|mutant| {
                    let mut entries = entries.clone();
                    entries[place].1 = mutant;
                    Value::Map(entries)
                }));
            }
        }
        Value::Bytes(bytes) => {
            let item = read("", bytes).ok();
            let nested = item.filter(|item| item.is_array() || item.is_map());
            all.extend(nested.iter().flat_map(|item| {
                let mutants = mutants(item, of).into_iter();
                mutants.map(|mutant| Value::Bytes(bytes_of(&mutant)))
            }));
        }
        _ => {}
    }
    all
}

fn bytes_of(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).unwrap();
    bytes
}

#[test]
fn whatever_is_altered_is_outside() {
    // What is allowed nowhere: another type, one element or key more.
    let alter = |value: &Value| {
        let mut all = vec![Value::Float(1.5)];
        match value {
            Value::Array(items) => {
                let mut items = items.clone();
                items.push(Value::Float(1.5));
                all.push(Value::Array(items));
            }
            Value::Map(entries) => {
                let mut entries = entries.clone();
                entries.push((99.into(), 1.into()));
                all.push(Value::Map(entries));
            }
            _ => {}
        }
        all
    };
    let mut refused = 0;
    for (rule, frames) in [("ClientFrame", frames()), ("ServerFrame", events())] {
        for frame in frames {
            for mutant in mutants(&read(rule, &frame).unwrap(), &alter) {
                assert!(check_value(rule, &mutant).is_err(), "{mutant:?}");
                refused += 1;
            }
        }
    }
    assert!(refused > 500, "{refused}");
}

#[test]
fn what_is_missing_or_of_another_size_is_outside() {
    let fields: BTreeMap<&str, (Vec<u8>, Vec<u8>)> = BTreeMap::from([
        (
            "a field less",
            (vec![0x81, 0x18, 0x20], codec::encode(&[32u8])),
        ),
        ("a token of 31 bytes", {
            let token = |n| {
                asks(&Resume {
                    token: Bytes(vec![0; n]),
                })
            };
            (token(31), token(32))
        }),
        ("a seal of no class", {
            let entry = |n| {
                given(Event::Entry {
                    conversation: ConversationId([2; 32]),
                    entry: EntryAt {
                        number: 1,
                        time: Timestamp(1),
                        entry: Stored::Whole(message(n).into()),
                    },
                })
            };
            (entry(1041), entry(1040))
        }),
        ("a wrap of another size", {
            let wrap = |n| {
                asks(&Append {
                    conversation: ConversationId([2; 32]),
                    entry: state_entry(Act::Leave).into(),
                    wraps: vec![Bytes(vec![0; n])],
                })
            };
            (wrap(383), wrap(384))
        }),
        ("501 people", {
            let lookup = |n| {
                asks(&LookupUsers {
                    users: vec![UserId([1; 16]); n],
                })
            };
            (lookup(501), lookup(500))
        }),
        ("a large state", {
            let put = |n| {
                asks(&PutState {
                    expected: 1,
                    sealed: Bytes(vec![0; n]),
                })
            };
            (put(MAX_STATE + 1), put(MAX_STATE))
        }),
        ("nobody invited", {
            let invite = |people| {
                asks(&Append {
                    conversation: ConversationId([2; 32]),
                    entry: state_entry(Act::Invite(Invite {
                        people,
                        link_proofs: vec![],
                        announcement: None,
                    }))
                    .into(),
                    wraps: vec![],
                })
            };
            (invite(vec![]), invite(vec![identity()]))
        }),
    ]);
    for (what, (bad, good)) in fields {
        if what == "a field less" {
            assert!(check("FailedSignIns", &bad).is_err());
            continue;
        }
        let rules = ["ClientFrame", "ServerFrame"];
        let fits = |frame: &[u8]| rules.iter().any(|rule| check(rule, frame).is_ok());
        assert!(fits(&good) && !fits(&bad), "{what}");
    }
}

#[test]
fn a_failure_names_rule_and_place() {
    let mut header = minicbor::to_vec(StateHeader::new(
        Some(ConversationId([2; 32])),
        UserId([1; 16]),
        IdentityHash([5; 32]),
        VIEW,
        Some(EntryHash([6; 32])),
        Act::Fault(Epoch(3)),
    ))
    .unwrap();
    // The act's epoch becomes a negative number.
    *header.last_mut().unwrap() = 0x22;
    let entry = assemble_state(header, Signature(Bytes(vec![1; 384])));
    let frame = asks(&Append {
        conversation: ConversationId([2; 32]),
        entry: entry.into(),
        wraps: vec![],
    });
    let outside = check("ClientFrame", &frame).unwrap_err();
    assert_eq!(
        outside.to_string(),
        "outside u32 of protocol.cddl at [2].<cbor>.entry.<cbor>.header.<cbor>.{7}.[1].[0]: -3, where Control is due"
    );
}

#[test]
fn only_the_deterministic_encoding_is_inside() {
    let good = codec::encode(&RevokeSession {
        session: SessionId([1; 16]),
    });
    assert_eq!(check("RevokeSession", &good), Ok(()));
    let more = [&good[..], &[0xf6]].concat();
    let longer = [&[0x98, 1], &good[1..]].concat();
    let indefinite = [&[0x9f], &good[1..], &[0xff]].concat();
    for bad in [&more, &longer, &indefinite, &good[..5].to_vec()] {
        assert!(check("RevokeSession", bad).is_err(), "{bad:02x?}");
    }
}

#[test]
fn a_reply_is_held_against_what_was_asked() {
    let mut connection = Connection::default();
    let reply = |id, body: Vec<u8>| {
        codec::encode(&ServerFrame::Reply {
            id,
            body: body.into(),
        })
    };
    let generation = codec::encode(&StateGeneration { generation: 3 });
    assert!(
        connection.received(&reply(1, generation.clone())).is_err(),
        "nothing was asked"
    );
    connection.sent(&asks(&GetState)).unwrap();
    assert!(
        connection.sent(&asks(&GetState)).is_err(),
        "the id is taken"
    );
    assert!(
        connection.received(&reply(1, generation.clone())).is_err(),
        "no state"
    );
    let put = PutState {
        expected: 2,
        sealed: Bytes(vec![0; 40]),
    };
    connection.sent(&asks(&put)).unwrap();
    assert_eq!(connection.received(&reply(1, generation)), Ok(()));
    for event in events() {
        assert_eq!(connection.received(&event), Ok(()));
    }
}

/// The numbers among which a rule lets one choose: those that its alternatives begin with.
fn numbers(node: &Node) -> Vec<u64> {
    match node {
        Node::Literal(Literal::Int(number)) => u64::try_from(*number).into_iter().collect(),
        Node::Choice(choice) => choice.options.iter().flat_map(numbers).collect(),
        Node::Array(Array { members }) | Node::Group(Group { members }) => {
            // A frame's first element is its id.
            let found = members.iter().map(numbers);
            found
                .into_iter()
                .find(|numbers| !numbers.is_empty())
                .unwrap_or_default()
        }
        Node::ChoiceifyInline(Array { members }) => members.iter().flat_map(numbers).collect(),
        Node::KeyValue(pair) => numbers(&pair.value),
        _ => Vec::new(),
    }
}

fn numbers_of(rule: &str) -> Vec<u64> {
    numbers(&rules().unwrap().rules[rule].node)
}

/// Which variants of an enum the code knows.
fn variants<T: for<'b> minicbor::Decode<'b, ()>>(bare: bool) -> Vec<u64> {
    let known = |number: &u64| {
        let bytes = if bare {
            codec::encode(number)
        } else {
            codec::encode(&(*number, Empty))
        };
        let result: Result<T, Error> = decode(&bytes);
        result.err().is_none_or(|error| !error.is_unknown_variant())
    };
    (0..1000).filter(known).collect()
}

struct Empty;

impl<C> Encode<C> for Empty {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.array(0)?.ok()
    }
}

#[test]
fn the_schema_knows_every_number_of_the_code() {
    let ops: Vec<u64> = (0..=u16::MAX)
        .filter(|op| AnyRequest::decode(*op, &[]).is_some())
        .map(u64::from)
        .collect();
    assert!(ops.len() > 40);
    assert_eq!(numbers_of("ClientFrame"), ops);
    assert_eq!(numbers_of("Reply"), ops);
    assert_eq!(numbers_of("Event"), variants::<Event>(false));
    assert_eq!(numbers_of("ErrorCode"), variants::<ErrorCode>(true));
    // `create` stands apart.
    assert_eq!(
        [vec![0], numbers_of("Act")].concat(),
        variants::<Act>(false)
    );
    assert_eq!(numbers_of("Place"), variants::<Place>(false));
    assert_eq!(
        numbers_of("PresenceStatus"),
        variants::<PresenceStatus>(false)
    );
    assert_eq!(numbers_of("Mode"), variants::<Mode>(false));
    assert_eq!(numbers_of("Algorithm"), variants::<Algorithm>(true));
    assert_eq!(numbers_of("Signal"), variants::<Ephemeral>(false));
    let is_kind = |kind: &u32| {
        let content = codec::decode(&codec::encode(&(*kind, Bytes::default())));
        !matches!(content, Ok(Content::Unknown(_)))
    };
    let kinds: Vec<u64> = (0..1000).filter(is_kind).map(u64::from).collect();
    assert_eq!(numbers_of("Content"), kinds);
}

#[test]
fn what_never_travels_in_clear_is_inside() {
    let target = EntryHash([1; 32]);
    let text = || "words".to_owned();
    let contents = [
        Content::Text {
            text: "a".repeat(MAX_TEXT),
        },
        Content::Reply {
            target,
            text: text(),
        },
        Content::Edit {
            target,
            text: text(),
        },
        Content::Delete { target },
        Content::Reaction {
            target,
            emoji: "\u{1f44d}".into(),
            add: true,
        },
        Content::File(FileContent {
            id: FileId([1; 16]),
            name: "a.jpg".into(),
            media_type: "image/jpeg".into(),
            size: 5,
            key: Secret32::make(),
            chunk_size: 65_536,
            chunks: vec![],
            caption: text(),
        }),
    ];
    for content in contents {
        let inner = Inner {
            algorithm: Algorithm::Dsa,
            time: Timestamp(1_700_000_000_123),
            content,
        };
        assert_eq!(check("Inner", &inner.encode()), Ok(()));
        let plaintext = (Bytes(inner.encode()), Bytes(vec![1; 70]));
        assert_eq!(check("Plaintext", &codec::encode(&plaintext)), Ok(()));
    }

    let user = UserId([1; 16]);
    let name = UserName::parse("alice").unwrap();
    let (identity, made) = (IdentityHash([2; 32]), Timestamp(3));
    let state = VaultState {
        pins: [(user, Pin::first(identity, 1))].into(),
        blocked: [(
            user,
            Block {
                blocked: true,
                changed: made,
            },
        )]
        .into(),
        views: [(ConversationId([1; 32]), VIEW)].into(),
        read: [(ConversationId([1; 32]), 7)].into(),
        settings: [(
            "theme".into(),
            Setting {
                value: "dark".into(),
                changed: made,
            },
        )]
        .into(),
        names: [(name.clone(), [(user, made)].into())].into(),
        links: [(
            LinkSecret::make(),
            MadeLink {
                identity,
                made,
                used: false,
            },
        )]
        .into(),
        followed: [(
            user,
            FollowedLink {
                identity,
                secret: LinkSecret::make(),
                when: made,
                answered: true,
            },
        )]
        .into(),
        rest: [(8, Bytes(vec![0xf6]))].into(),
    };
    assert_eq!(check("SyncedState", &codec::encode(&(1u64, state))), Ok(()));

    let context = EphemeralContext {
        conversation: ConversationId([1; 32]),
        epoch: Epoch(2),
        sender: user,
    };
    for signal in [
        Ephemeral::Typing { active: true },
        Ephemeral::Read { number: 7 },
    ] {
        assert_eq!(check("Signal", &codec::encode(&signal)), Ok(()));
        let sealed = ephemeral::seal(&EpochKey::make(), &context, signal);
        assert_eq!(check("Ephemeral", &sealed), Ok(()));
    }

    let secret = LinkSecret::make();
    let link = Link {
        name,
        identity,
        secret: secret.clone(),
    };
    let wire = codec::encode(&(
        1u32,
        link.name.clone(),
        identity,
        Bytes(secret.expose().to_vec()),
    ));
    assert_eq!(check("Link", &wire), Ok(()));
    assert_eq!(Link::from_fragment(&link.to_fragment()), Ok(link));
}
