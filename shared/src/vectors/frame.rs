//! Whole frames: every operation's request and reply, every event and error, and what is no frame.

use serde_json::{Value, json};

use super::fixed::count;
use super::json::{bytes, list, number, text, to_hex};
use crate::codec::{self, Bytes};
use crate::crypto::account::{NewAccount, ReplacedSecrets, Vault, VaultKeys};
use crate::ids::{
    ConversationId, EntryHash, Epoch, Root, SessionId, Timestamp, UserId, UserName, View,
};
use crate::protocol::*;

/// The id of every request.
const ID: u32 = 7;

pub(super) fn make() -> Value {
    json!({
        "operations": operations(),
        "events": events(),
        "errors": errors(),
        "read_the_same": read_the_same(),
        "no_frames": no_frames(),
    })
}

fn operation<R: Request>(request: &R, reply: &R::Reply) -> Value {
    let (request, reply) = (codec::encode(request), codec::encode(reply));
    let (_, name, _) = OPERATIONS.iter().find(|(op, ..)| *op == R::OP).unwrap();
    json!({
        "op": R::OP,
        "name": name,
        "request": to_hex(&client_frame(R::OP, &request)),
        "request_body": diagnostic(&request),
        "reply": to_hex(&codec::encode(&ServerFrame::Reply { id: ID, body: Bytes(reply.clone()) })),
        "reply_body": diagnostic(&reply),
    })
}

fn client_frame(op: u16, body: &[u8]) -> Vec<u8> {
    let body = body.into();
    codec::encode(&ClientFrame { id: ID, op, body })
}

/// Bytes that stand for what has vectors of its own: an identity, a seal.
fn some(what: &str) -> Bytes {
    Bytes(what.as_bytes().to_vec())
}

fn user(n: u8) -> UserId {
    UserId(count(n))
}

fn name(name: &str) -> UserName {
    UserName::parse(name).unwrap()
}

const TIME: Timestamp = Timestamp(1_700_000_000_123);
const SESSION: SessionId = SessionId([0x5e; 16]);

fn conversation() -> ConversationId {
    ConversationId(count(0x10))
}

fn view() -> View {
    View {
        size: 258,
        root: Root(count(0x30)),
    }
}

fn keys(version: u32) -> VaultKeys {
    VaultKeys {
        version,
        encryption: some("encryption key"),
        rsa_signing: some("RSA key"),
        dsa_signing: some("DSA key"),
    }
}

fn vault() -> Vault {
    Vault {
        priv_by_password: some("by password"),
        priv_by_recovery: some("by recovery"),
        state_key: some("state key"),
        keys: vec![keys(1), keys(2)],
    }
}

fn replaced() -> ReplacedSecrets {
    ReplacedSecrets {
        record: some("record"),
        vault: vault(),
        state: some("state"),
        recovery_verifier: Bytes(count::<32>(0x70).to_vec()),
    }
}

fn identities() -> Vec<Bytes> {
    vec![some("identity 1"), some("identity 2")]
}

fn state() -> SealedState {
    SealedState {
        generation: 3,
        sealed: some("state"),
    }
}

fn signed_in() -> SignedIn {
    SignedIn {
        token: Bytes(count::<32>(0x40).to_vec()),
        session: SESSION,
        user: user(0x20),
    }
}

fn failed() -> FailedSignIns {
    FailedSignIns {
        count: 5,
        last: TIME,
    }
}

fn logged_in(failed: Option<FailedSignIns>) -> LoggedIn {
    LoggedIn {
        signed_in: signed_in(),
        identities: identities(),
        vault: vault(),
        state: state(),
        compromised: vec![some("statement")],
        failed,
        secrets: 1,
    }
}

fn session(place: Place) -> SessionInfo {
    SessionInfo {
        id: SESSION,
        browser: "Firefox on Linux".into(),
        created: TIME,
        last_seen: Timestamp(TIME.0 + 1),
        this: true,
        place,
    }
}

fn presence(status: PresenceStatus) -> Presence {
    Presence {
        user: user(0x20),
        status,
    }
}

fn found(presence: Option<Presence>) -> Found {
    Found {
        user: user(0x20),
        identities: identities(),
        presence,
        compromised: Vec::new(),
    }
}

fn entry_at(number: u64, entry: Stored) -> EntryAt {
    EntryAt {
        number,
        time: TIME,
        entry,
    }
}

fn appended() -> Appended {
    Appended {
        number: 258,
        time: TIME,
    }
}

fn options() -> PasskeyOptions {
    PasskeyOptions {
        options: r#"{"challenge":"AAAA"}"#.into(),
    }
}

fn operations() -> Vec<Value> {
    let (ke1, ke2, ke3) = (some("KE1"), some("KE2"), some("KE3"));
    let (request, response) = (some("request"), some("response"));
    let browser = || "Firefox on Linux".to_owned();
    let whole = || Stored::Whole(some("entry"));
    let purged = Stored::Purged(EntryHash(count(0x60)));
    let peaks = vec![Root(count(0x30)), Root(count(0x50))];
    let many = FoundMany {
        people: vec![found(None)],
    };
    let started = LoginStarted { ke2 };
    vec![
        operation(
            &RegisterStart {
                name: name("alice"),
                request: request.clone(),
                code: Some("ABCD-EFGH".into()),
            },
            &RegisterStarted {
                response: response.clone(),
            },
        ),
        operation(
            &RegisterFinish {
                record: some("record"),
                account: NewAccount {
                    identity: some("identity 1"),
                    vault: Vault {
                        keys: vec![keys(1)],
                        ..vault()
                    },
                    state: some("state"),
                    recovery_verifier: Bytes(count::<32>(0x70).to_vec()),
                },
                browser: browser(),
            },
            &signed_in(),
        ),
        operation(
            &LoginStart {
                name: name("alice"),
                ke1: ke1.clone(),
            },
            &started,
        ),
        operation(
            &LoginFinish {
                ke3: ke3.clone(),
                browser: browser(),
                continues: Some(SESSION),
            },
            &logged_in(Some(failed())),
        ),
        operation(
            &Resume {
                token: Bytes(count::<32>(0x40).to_vec()),
            },
            &Resumed {
                user: user(0x20),
                session: SESSION,
                state_generation: 3,
                identity_version: 2,
                failed: None,
                secrets: 1,
            },
        ),
        operation(&SignOut, &Done),
        operation(
            &ListSessions,
            &Sessions {
                sessions: vec![
                    session(Place::Unknown),
                    session(Place::ThisMachine),
                    session(Place::PrivateNetwork),
                    session(Place::Internet("2001:db8::1".into())),
                ],
            },
        ),
        operation(&RevokeSession { session: SESSION }, &Done),
        operation(
            &PutState {
                expected: 2,
                sealed: some("state"),
            },
            &StateGeneration { generation: 3 },
        ),
        operation(&GetState, &state()),
        operation(&ConfirmStart { ke1 }, &started),
        operation(
            &ConfirmFinish { ke3 },
            &Confirmed {
                identities: identities(),
                vault: vault(),
                compromised: Vec::new(),
                secrets: 1,
                state: state(),
            },
        ),
        operation(
            &PublishIdentity {
                identity: some("identity 2"),
                keys: keys(2),
                compromised: Some(some("statement")),
            },
            &Done,
        ),
        operation(
            &ReplaceStart {
                request: request.clone(),
            },
            &ReplaceStarted {
                response: response.clone(),
            },
        ),
        operation(
            &ReplaceFinish {
                secrets: replaced(),
                expected: 3,
                keep_sessions: true,
            },
            &StateGeneration { generation: 4 },
        ),
        operation(
            &RecoverStart {
                name: name("alice"),
                auth: Bytes(count::<32>(0x70).to_vec()),
                request,
            },
            &RecoverStarted {
                response,
                user: user(0x20),
                identities: identities(),
                vault: vault(),
                state: state(),
                compromised: Vec::new(),
                secrets: 1,
            },
        ),
        operation(
            &RecoverFinish {
                secrets: replaced(),
                expected: 3,
                browser: browser(),
            },
            &signed_in(),
        ),
        operation(&RevokeOthers, &Done),
        operation(&DeleteAccount, &Done),
        operation(
            &Lookup {
                name: name("alice"),
            },
            &found(Some(presence(PresenceStatus::Offline(Some(TIME))))),
        ),
        operation(
            &LookupUsers {
                users: vec![user(0x20), user(1)],
            },
            &many,
        ),
        operation(
            &LookupNames {
                names: vec![name("alice"), name("bob")],
            },
            &many,
        ),
        operation(
            &GetServerInfo,
            &ServerInfo {
                registration: Registration::ByCode,
            },
        ),
        operation(
            &GetRecoverySeal,
            &RecoverySeal {
                priv_by_recovery: some("by recovery"),
                state_key: some("state key"),
            },
        ),
        operation(&AcknowledgeFailed, &Done),
        operation(
            &CreateConversation {
                create: some("create"),
                invite: some("invite"),
                wraps: vec![some("wrap")],
            },
            &appended(),
        ),
        operation(
            &Append {
                conversation: conversation(),
                entry: some("entry"),
                wraps: Vec::new(),
            },
            &appended(),
        ),
        operation(
            &ListConversations,
            &Conversations {
                conversations: vec![ConversationHead {
                    id: conversation(),
                    view: view(),
                }],
            },
        ),
        operation(
            &GetAnchor {
                conversation: conversation(),
                after: Some(3),
                size: Some(5),
            },
            &Anchor {
                state: vec![entry_at(4, whole())],
                size: 5,
                peaks,
                more: false,
            },
        ),
        operation(
            &GetEntries {
                conversation: conversation(),
                from: 3,
                limit: 200,
            },
            &Entries {
                entries: vec![entry_at(3, whole()), entry_at(4, purged)],
                size: 258,
            },
        ),
        operation(
            &GetWrap {
                conversation: conversation(),
                epoch: Epoch(3),
            },
            &WrapFor {
                wrap: some("wrap"),
                index: 1,
                proof: Bytes(count::<32>(0x30).to_vec()),
            },
        ),
        operation(&GetManagedKey, &ManagedKey { spki: some("key") }),
        operation(
            &Reupload {
                conversation: conversation(),
                from: 3,
                entries: vec![some("entry")],
            },
            &Reuploaded { size: 4 },
        ),
        operation(
            &GetPresence,
            &PresenceList {
                people: vec![
                    presence(PresenceStatus::Online),
                    presence(PresenceStatus::Away),
                    presence(PresenceStatus::Offline(None)),
                ],
            },
        ),
        operation(&PasskeyStart, &options()),
        operation(
            &PasskeyFinish {
                response: "{}".into(),
                name: "laptop".into(),
                priv_by_passkey: Some(some("by passkey")),
            },
            &Done,
        ),
        operation(
            &ListPasskeys,
            &Passkeys {
                passkeys: vec![PasskeyInfo {
                    id: some("credential"),
                    name: "laptop".into(),
                    created: TIME,
                    last_used: None,
                    unlocks: true,
                }],
            },
        ),
        operation(
            &RemovePasskey {
                id: some("credential"),
            },
            &Done,
        ),
        operation(&FactorStart, &options()),
        operation(
            &FactorFinish {
                response: "{}".into(),
            },
            &logged_in(None),
        ),
        operation(&UnlockStart { session: SESSION }, &options()),
        operation(
            &UnlockFinish {
                response: "{}".into(),
                browser: browser(),
            },
            &Unlocked {
                logged_in: logged_in(None),
                passkey: some("credential"),
                priv_by_passkey: some("by passkey"),
            },
        ),
    ]
}

fn events() -> Vec<Value> {
    let event = |name: &str, event: Event| {
        let frame = codec::encode(&ServerFrame::Event(event));
        json!({ "name": name, "frame": to_hex(&frame), "diagnostic": diagnostic(&frame) })
    };
    let entry = entry_at(258, Stored::Whole(some("entry")));
    vec![
        event(
            "Entry",
            Event::Entry {
                conversation: conversation(),
                entry,
            },
        ),
        event(
            "Presence",
            Event::Presence(presence(PresenceStatus::Online)),
        ),
        event("SessionEnded", Event::SessionEnded),
        event("IdentityPublished", Event::IdentityPublished(2)),
        event(
            "SignedInElsewhere",
            Event::SignedInElsewhere {
                session: session(Place::ThisMachine),
            },
        ),
        event("FailedSignIns", Event::FailedSignIns { failed: failed() }),
        event("StateWritten", Event::StateWritten { generation: 4 }),
        event("SecretsReplaced", Event::SecretsReplaced { secrets: 1 }),
    ]
}

fn errors() -> Vec<Value> {
    // Codes are numbers from 0 upwards.
    let codes = (0..).map_while(|code: u8| codec::decode::<ErrorCode>(&codec::encode(&code)).ok());
    let numbered = codes.enumerate();
    numbered
        .map(|(number, code)| {
            let retry_after_ms = (code == ErrorCode::TooMany).then_some(30_000);
            let detail = format!("{code:?}");
            let error = RequestError {
                code,
                detail,
                retry_after_ms,
            };
            let frame = codec::encode(&ServerFrame::Refused { id: ID, error });
            json!({
                "code": number,
                "name": format!("{code:?}"),
                "frame": to_hex(&frame),
                "diagnostic": diagnostic(&frame),
            })
        })
        .collect()
}

/// What nobody should write and everybody reads.
fn read_the_same() -> Vec<Value> {
    let same = |why: &str, frame: &str, written: &str| json!({ "why": why, "frame": frame, "written": written });
    vec![
        same(
            "a longer integer than necessary",
            "8318070a4180",
            "83070a4180",
        ),
        same(
            "an array of indefinite length",
            "9f070a4180ff",
            "83070a4180",
        ),
        same(
            "an element at the end that a later version may add",
            "84070a418001",
            "83070a4180",
        ),
    ]
}

/// What is refused, and how.
fn no_frames() -> Vec<Value> {
    let unknown = to_hex(&client_frame(999, &codec::encode(&GetState)));
    let no_body = to_hex(&client_frame(GetEntries::OP, &[0x80]));
    let wrong_type = to_hex(&client_frame(Resume::OP, &[0x81, 0x01]));
    let two_items = to_hex(&client_frame(GetState::OP, &[0x80, 0x80]));
    let short_id = to_hex(&client_frame(RevokeSession::OP, &[0x81, 0x42, 1, 2]));
    let (closes, unknown_op, malformed) = ("closes with 1007", "UnknownOperation", "Malformed");
    [
        ("nothing", String::new(), closes),
        ("an end too early", "83070a".into(), closes),
        ("bytes after the end", "83070a418000".into(), closes),
        ("a map instead of an array", "a0".into(), closes),
        ("a field that is missing", "82070a".into(), closes),
        (
            "an id that is too large",
            "831b00000001000000000a4180".into(),
            closes,
        ),
        ("a negative number", "83260a4180".into(), closes),
        ("a body that is text", "83070a6180".into(), closes),
        (
            "a body of indefinite length",
            "83070a5f4180ff".into(),
            closes,
        ),
        ("an operation that does not exist", unknown, unknown_op),
        ("a body whose fields are missing", no_body, malformed),
        ("a field of another type", wrong_type, malformed),
        ("a body of two items", two_items, malformed),
        ("an id that is too short", short_id, malformed),
    ]
    .map(|(why, frame, refused)| json!({ "why": why, "frame": frame, "refused": refused }))
    .into()
}

pub(super) fn read(file: &Value) {
    let operations = list(file, "operations");
    let known = OPERATIONS
        .iter()
        .map(|(op, name, _)| (u64::from(*op), *name));
    let here = operations
        .iter()
        .map(|case| (number(case, "op"), text(case, "name")));
    assert!(known.eq(here), "every operation has its frames");
    for (case, (op, _, read_and_write)) in operations.iter().zip(OPERATIONS) {
        let sent: ClientFrame = codec::decode(&bytes(case, "request")).unwrap();
        assert_eq!((sent.id, sent.op), (ID, *op));
        assert_eq!(codec::encode(&sent), bytes(case, "request"));
        let got = codec::decode(&bytes(case, "reply")).unwrap();
        assert_eq!(codec::encode(&got), bytes(case, "reply"));
        let ServerFrame::Reply { id: ID, body } = got else {
            panic!("no reply: {case}")
        };
        let again = read_and_write(&sent.body, &body).unwrap();
        assert_eq!(again, [sent.body.0.clone(), body.0.clone()], "{case}");
        assert_eq!(diagnostic(&sent.body), text(case, "request_body"));
        assert_eq!(diagnostic(&body), text(case, "reply_body"));
        let request = AnyRequest::decode(sent.op, &sent.body).unwrap().unwrap();
        assert_eq!(request.name(), text(case, "name"));
        // One byte less is neither.
        assert!(read_and_write(&sent.body[..sent.body.len() - 1], &body).is_err());
        assert!(read_and_write(&sent.body, &body[..body.len() - 1]).is_err());
    }
    read_server_frames(file);
    for case in list(file, "read_the_same") {
        let read: ClientFrame = codec::decode(&bytes(case, "frame")).unwrap();
        assert_eq!(codec::encode(&read), bytes(case, "written"), "{case}");
    }
    for case in list(file, "no_frames") {
        let frame = codec::decode::<ClientFrame>(&bytes(case, "frame"));
        let refused = match frame.map(|frame| AnyRequest::decode(frame.op, &frame.body)) {
            Err(_) => "closes with 1007",
            Ok(None) => "UnknownOperation",
            Ok(Some(Err(_))) => "Malformed",
            Ok(Some(Ok(_))) => panic!("it is a frame: {case}"),
        };
        assert_eq!(refused, text(case, "refused"), "{case}");
    }
}

fn read_server_frames(file: &Value) {
    let read = |case: &Value| {
        let frame = bytes(case, "frame");
        let read: ServerFrame = codec::decode(&frame).unwrap();
        assert_eq!(codec::encode(&read), frame);
        assert_eq!(diagnostic(&frame), text(case, "diagnostic"));
        assert!(codec::decode::<ServerFrame>(&frame[..frame.len() - 1]).is_err());
        read
    };
    for (number, case) in list(file, "events").iter().enumerate() {
        let ServerFrame::Event(event) = read(case) else {
            panic!("no event: {case}")
        };
        assert_eq!(codec::encode(&event)[1], number as u8);
        let named = format!("{event:?}");
        assert!(named.starts_with(text(case, "name")), "{named}");
    }
    let beyond = list(file, "events").len() as u8;
    let unknown = [0x82, 0x02, 0x81, 0x82, beyond, 0x80];
    assert!(
        codec::decode::<ServerFrame>(&unknown).is_err(),
        "there are more events"
    );
    for case in list(file, "errors") {
        let ServerFrame::Refused { id: ID, error } = read(case) else {
            panic!("no refusal: {case}")
        };
        assert_eq!(format!("{:?}", error.code), text(case, "name"));
        assert_eq!(
            codec::encode(&error.code),
            codec::encode(&number(case, "code"))
        );
    }
    let beyond = list(file, "errors").len() as u64;
    assert!(
        codec::decode::<ErrorCode>(&codec::encode(&beyond)).is_err(),
        "there are more errors"
    );
}

/// Diagnostic notation (RFC 8949, section 8) of one item.
fn diagnostic(bytes: &[u8]) -> String {
    let mut decoder = minicbor::Decoder::new(bytes);
    let shown = shown(&mut decoder).unwrap();
    assert_eq!(decoder.position(), bytes.len());
    shown
}

fn shown(d: &mut minicbor::Decoder<'_>) -> Result<String, minicbor::decode::Error> {
    use minicbor::data::Type;
    Ok(match d.datatype()? {
        Type::Bool => d.bool()?.to_string(),
        Type::Null => d.null().map(|()| "null".to_owned())?,
        Type::Bytes => format!("h'{}'", to_hex(d.bytes()?)),
        Type::String => Value::from(d.str()?).to_string(),
        Type::Array => {
            let length = d.array()?.unwrap_or_default();
            let items: Result<Vec<_>, _> = (0..length).map(|_| shown(d)).collect();
            format!("[{}]", items?.join(", "))
        }
        Type::Map => {
            let length = d.map()?.unwrap_or_default();
            let items: Result<Vec<_>, minicbor::decode::Error> = (0..length)
                .map(|_| Ok(format!("{}: {}", shown(d)?, shown(d)?)))
                .collect();
            format!("{{{}}}", items?.join(", "))
        }
        _ => d.u64()?.to_string(),
    })
}
