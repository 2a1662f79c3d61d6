//! Logs, and what is valid after them or refused: every act, every rule, every reason.

mod accepted;
mod refused;
mod world;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use self::world::{World, crowd};
use super::fixed::nothing_altered;
use super::json::{array, byte_strings, bytes, field, list, number, text, to_hex};
use crate::client::native::test_keys;
use crate::crypto::epoch::EpochKey;
use crate::crypto::identity::SignedIdentity;
use crate::crypto::message::{self, Inner};
use crate::crypto::primitives::sha256;
use crate::crypto::signing::Claim;
use crate::crypto::wrap;
use crate::ids::{IdentityHash, Root, UserId};
use crate::log::tree::{Frontier, verify_inclusion, wrap_proofs};
use crate::log::{Entry, LogState, Refusal, Standing};
use crate::protocol::RequestError;

/// What becomes of an entry.
enum Outcome {
    /// It is no entry.
    Malformed,
    /// The rules refuse it.
    Refused(Refusal),
    /// Its view is not one of the log's.
    OtherView,
    /// A signature does not hold.
    Unsigned,
    /// The state after it; `None` after a message, which changes nothing.
    Valid(Option<Box<LogState>>),
}

/// A log as somebody who reads it from its start has it.
#[derive(Clone)]
struct Log {
    state: LogState,
    tree: Frontier,
    /// The root at each size.
    roots: Vec<Root>,
}

impl Log {
    /// Takes entries that must be valid after a log.
    fn replay(before: Option<Self>, entries: &[Vec<u8>]) -> Option<Self> {
        let mut log = before;
        for entry in entries {
            log = Some(match judge(log.as_ref(), entry) {
                Outcome::Valid(next) => Self::grown(log, next, entry),
                other => panic!("an entry of a log is refused: {}", outcome_json(&other)),
            });
        }
        log
    }

    fn grown(log: Option<Self>, next: Option<Box<LogState>>, entry: &[u8]) -> Self {
        let leaf = Entry::parse(entry).unwrap().hash();
        let (state, mut tree, mut roots) = match log {
            Some(log) => (next.map_or(log.state, |next| *next), log.tree, log.roots),
            None => {
                let empty = Frontier::default();
                let roots = vec![empty.root()];
                (*next.unwrap(), empty, roots)
            }
        };
        tree.append(leaf);
        roots.push(tree.root());
        Self { state, tree, roots }
    }
}

/// All that `docs/PROTOCOL.md`, section 14.5, asks about the entry that comes after a log.
fn judge(log: Option<&Log>, bytes: &[u8]) -> Outcome {
    let Ok(entry) = Entry::parse(bytes) else {
        return Outcome::Malformed;
    };
    let judged = match log {
        None => LogState::begin(&entry),
        Some(log) => log.state.judge(&entry, log.tree.size()),
    };
    let judged = match judged {
        Ok(judged) => judged,
        Err(refusal) => return Outcome::Refused(refusal),
    };
    let view = entry.view();
    if log.is_some_and(|log| log.roots[view.size as usize] != view.root) {
        return Outcome::OtherView;
    }
    if !judged.claims().iter().all(Claim::verify) {
        return Outcome::Unsigned;
    }
    let state = match log {
        None => judged.into_first_state().map(Box::new),
        Some(log) => match entry {
            Entry::Message(_) => None,
            _ => Some(Box::new(judged.next_state(&log.state).clone())),
        },
    };
    Outcome::Valid(state)
}

fn outcome_json(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Malformed => json!({ "result": "malformed" }),
        Outcome::OtherView => {
            json!({ "result": "refused", "refusal": "the view is not one of the log's" })
        }
        Outcome::Unsigned => json!({ "result": "refused", "refusal": "a signature does not hold" }),
        Outcome::Refused(refusal) => {
            let name = format!("{refusal:?}");
            let code = RequestError::from(*refusal).code;
            json!({
                "result": "refused",
                "refusal": name.split('(').next(),
                "because": refusal.to_string(),
                "code": format!("{code:?}"),
            })
        }
        Outcome::Valid(None) => json!({ "result": "valid" }),
        Outcome::Valid(Some(state)) => json!({ "result": "valid", "state": state_json(state) }),
    }
}

/// The state in short, as `docs/PROTOCOL.md`, section 14.4, names its parts.
fn state_json(state: &LogState) -> Value {
    let people: Vec<_> = state
        .people
        .iter()
        .map(|(user, person)| {
            let standing = match person.standing {
                Standing::Invited { by } => format!("invited by {by}"),
                Standing::Accepted(number) => format!("accepted since {number}"),
            };
            json!({
                "user": user.to_string(),
                "identity": person.identity.hash().to_string(),
                "standing": standing,
                "admin": person.admin,
            })
        })
        .collect();
    let readings: Vec<_> = state
        .readings
        .iter()
        .map(|reading| {
            json!({
                "user": reading.user.to_string(),
                "version": reading.version,
                "from": reading.from.0,
                "to": reading.to.map(|epoch| epoch.0),
            })
        })
        .collect();
    let shares: Vec<_> = state
        .shares
        .iter()
        .map(|share| {
            let epochs: Vec<_> = share.epochs.iter().map(|epoch| epoch.0).collect();
            json!({ "user": share.user.to_string(), "epochs": epochs })
        })
        .collect();
    let faults = state.faults.iter();
    json!({
        "people": people,
        "epoch": state.epoch().map(|epoch| epoch.epoch.0),
        "due": state.due,
        "awaits_server": state.awaits_server,
        "last": state.last.to_string(),
        "last_number": state.last_number,
        "title_of_epoch": state.title.as_ref().map(|title| title.epoch.0),
        "readings": readings,
        "shares": shares,
        "faults": faults.map(|(user, epoch)| json!([user.to_string(), epoch.0])).collect::<Vec<_>>(),
        "compromised": state.compromised.iter().map(IdentityHash::to_string).collect::<Vec<_>>(),
    })
}

/// Logs by name, and cases after them.
#[derive(Default)]
struct Maker {
    logs: Vec<(&'static str, Vec<Vec<u8>>)>,
    last: (&'static str, Option<Log>),
    cases: Vec<Value>,
}

impl Maker {
    /// What comes next is judged after this log.
    fn log(&mut self, name: &'static str, entries: &[Vec<u8>]) {
        match self.logs.iter().find(|(known, _)| *known == name) {
            Some((_, known)) => assert_eq!(known, entries),
            None => self.logs.push((name, entries.to_vec())),
        }
        self.last = (name, Log::replay(None, entries));
    }

    /// What becomes of an entry.
    fn case(&mut self, what: &str, entry: &[u8]) {
        let (name, log) = &self.last;
        let outcome = outcome_json(&judge(log.as_ref(), entry));
        let mut case = json!({ "log": name, "what": what, "entry": to_hex(entry) });
        let fields = case.as_object_mut().unwrap();
        fields.extend(outcome.as_object().unwrap().clone());
        self.cases.push(case);
    }

    /// The logs, each as what it has more than the longest before it that it goes on from.
    fn logs(&self) -> Vec<Value> {
        let logs = self.logs.iter().enumerate();
        logs.map(|(i, (name, entries))| {
            let before = self.logs[..i]
                .iter()
                .filter(|(_, before)| entries.starts_with(before))
                .max_by_key(|(_, before)| before.len());
            let (after, known) =
                before.map_or((None, 0), |(name, known)| (Some(name), known.len()));
            let more: Vec<_> = entries[known..].iter().map(|entry| to_hex(entry)).collect();
            json!({ "name": name, "after": after, "entries": more })
        })
        .collect()
    }

    /// One that must be valid.
    fn valid(&mut self, what: &str, entry: &[u8]) {
        self.case(what, entry);
        self.came_out(what, "result", "valid");
    }

    /// One that must be refused for this reason.
    fn refused(&mut self, because: &str, what: &str, entry: &[u8]) {
        self.case(what, entry);
        let name = ["because", "refusal", "result"]
            .into_iter()
            .find(|name| self.cases.last().unwrap().get(*name).is_some());
        self.came_out(what, name.unwrap(), because);
    }

    fn came_out(&self, what: &str, name: &str, expected: &str) {
        let case = self.cases.last().unwrap();
        assert_eq!(case[name], expected, "{what}: {case}");
    }
}

pub(super) fn make() -> Value {
    let mut maker = Maker::default();
    let world = World::with_members();
    let example = example(&world);
    accepted::make(&mut maker);
    refused::make(&mut maker);
    json!({
        "people": world.people_json(),
        "logs": maker.logs(),
        "cases": maker.cases,
        "crowds": crowds(&world),
        "opened": example,
    })
}

/// A message that is opened, from the wraps on.
fn example(world: &World) -> Value {
    let wraps = world.wraps();
    let record = world.state().epoch().unwrap();
    let context = world.state().epoch_context(record);
    let people = world.state().people.values();
    let labels: Vec<_> = people
        .map(|person| to_hex(&context.wrap_label(&person.identity.hash())))
        .collect();
    json!({
        "log": "members",
        "epoch": 1,
        "epoch_key": to_hex(world.key().expose()),
        "labels": labels,
        "wraps": wraps.iter().map(|wrap| to_hex(wrap)).collect::<Vec<_>>(),
        "proofs": wrap_proofs(&wraps).iter().map(|proof| to_hex(proof)).collect::<Vec<_>>(),
        "message": to_hex(&world.text(2, "Hello, all")),
        "text": "Hello, all",
    })
}

/// How many people fit. Hundreds of identities are one, with another user id in each: their signatures, which do not hold,
/// come after this rule.
fn crowds(world: &World) -> Value {
    let identity = world.signed(4);
    let position = |needle: &[u8]| {
        let mut windows = identity.bytes().windows(needle.len());
        windows.position(|window| window == needle).unwrap()
    };
    let at = position(&identity.identity().user.0);
    let case = |invited: u64| {
        let entry = world.crowd_invite(&crowd(identity.bytes(), at, invited));
        let log = Log::replay(None, &world.entries);
        let outcome = outcome_json(&judge(log.as_ref(), &entry));
        let mut case = json!({ "invited": invited, "entry_sha256": to_hex(&sha256(&entry)) });
        case.as_object_mut()
            .unwrap()
            .extend(outcome.as_object().unwrap().clone());
        case
    };
    json!({
        "log": "members",
        "identity": to_hex(identity.bytes()),
        "user_at": at,
        "cases": [case(497), case(498)],
    })
}

pub(super) fn read(file: &Value) {
    let mut logs: BTreeMap<&str, Option<Log>> = BTreeMap::new();
    for log in list(file, "logs") {
        let before = field(log, "after")
            .as_str()
            .and_then(|name| logs[name].clone());
        let replayed = Log::replay(before, &byte_strings(log, "entries"));
        logs.insert(text(log, "name"), replayed);
    }
    for case in list(file, "cases") {
        let log = logs[text(case, "log")].as_ref();
        let entry = bytes(case, "entry");
        let outcome = outcome_json(&judge(log, &entry));
        let outcome = outcome.as_object().unwrap();
        for (name, value) in outcome {
            assert_eq!(field(case, name), value, "{}", case["what"]);
        }
        assert_eq!(case.as_object().unwrap().len(), outcome.len() + 3);
        if let Some("valid") = case["result"].as_str() {
            altered_is_refused(log, &entry, case);
        }
    }
    read_people(file);
    read_opened(file, &logs["members"].clone().unwrap());
    read_crowds(field(file, "crowds"), &logs["members"].clone().unwrap());
}

/// A bit of a valid state entry that is another makes it none; of a message it shows when the seal is opened.
fn altered_is_refused(log: Option<&Log>, entry: &[u8], case: &Value) {
    let parsed = Entry::parse(entry).unwrap();
    if matches!(parsed, Entry::Message(_)) {
        return;
    }
    for at in [0, entry.len() / 2, entry.len() - 1] {
        let mut altered = entry.to_vec();
        altered[at] ^= 1;
        let valid = matches!(judge(log, &altered), Outcome::Valid(_));
        assert!(!valid, "{} altered at {at}", case["what"]);
    }
}

fn read_people(file: &Value) {
    for person in list(file, "people") {
        let signed = SignedIdentity::parse(&bytes(person, "identity")).unwrap();
        assert!(signed.self_claims().iter().all(Claim::verify));
        assert_eq!(signed.hash().0, array(person, "hash"));
        assert_eq!(signed.identity().user.0, array(person, "user"));
        assert_eq!(signed.identity().name.as_str(), text(person, "name"));
        let keys = test_keys::set(number(person, "keys") as usize - 1).unwrap();
        let public = keys.public().unwrap();
        assert_eq!(*signed.identity().encryption, *public.encryption);
    }
}

/// As a member does: the own wrap under its root, the key in it, the seal, the signature.
fn read_opened(file: &Value, log: &Log) {
    let case = field(file, "opened");
    let key = EpochKey::from_slice(&bytes(case, "epoch_key")).unwrap();
    let record = log.state.epoch().unwrap();
    let context = log.state.epoch_context(record);
    assert!(record.commitment.matches(&key, &context));
    let (wraps, proofs) = (byte_strings(case, "wraps"), byte_strings(case, "proofs"));
    let labels = byte_strings(case, "labels");
    assert_eq!(wraps.len() as u64, record.readers);
    let readers: Vec<(UserId, IdentityHash)> = log
        .state
        .people
        .iter()
        .map(|(user, person)| (*user, person.identity.hash()))
        .collect();
    let keys_of = |user: &UserId| {
        let mut people = list(file, "people").iter();
        let person = people
            .find(|person| array(person, "user") == user.0)
            .unwrap();
        test_keys::set(number(person, "keys") as usize - 1).unwrap()
    };
    for (index, (user, identity)) in readers.iter().enumerate() {
        let (wrapped, place) = (&wraps[index], index as u64);
        let root = &record.wraps;
        assert!(verify_inclusion(
            root,
            record.readers,
            place,
            wrapped,
            &proofs[index]
        ));
        let label = context.wrap_label(identity);
        assert_eq!(label, labels[index]);
        assert_eq!(
            wrap::unwrap(&keys_of(user).encryption, wrapped, &label),
            Ok(key.clone())
        );
    }
    let bytes = bytes(case, "message");
    let Ok(Entry::Message(entry)) = Entry::parse(&bytes) else {
        panic!("no message")
    };
    assert!(matches!(judge(Some(log), &bytes), Outcome::Valid(None)));
    let salt = entry.header.salt.0;
    let open = |sealed: &[u8]| message::open(&key, &salt, &entry.header_bytes, sealed).ok();
    nothing_altered(&entry.sealed, |sealed| open(sealed).is_some());
    let opened = open(&entry.sealed).unwrap();
    let author = &log.state.people[&entry.header.sender].identity;
    let inner = Inner::decode(&opened.inner).unwrap();
    assert_eq!(inner.algorithm, author.identity().algorithm);
    let payload = message::signing_payload(&entry.header_bytes, &opened.inner);
    nothing_altered(opened.signature.as_bytes(), |signature| {
        let claim = author
            .identity()
            .claim(payload.clone(), signature.to_vec().into());
        claim.verify()
    });
    let message::Content::Text { text: said } = inner.content else {
        panic!("no text")
    };
    assert_eq!(said, text(case, "text"));
}

fn read_crowds(file: &Value, log: &Log) {
    let (identity, at) = (bytes(file, "identity"), number(file, "user_at") as usize);
    let world = World::with_members();
    for case in list(file, "cases") {
        let people = crowd(&identity, at, number(case, "invited"));
        let entry = world.crowd_invite(&people);
        let digest = sha256(&entry);
        assert_eq!(digest, array(case, "entry_sha256"));
        let outcome = outcome_json(&judge(Some(log), &entry));
        for (name, value) in outcome.as_object().unwrap() {
            assert_eq!(field(case, name), value);
        }
    }
}
