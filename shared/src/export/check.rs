//! Whether an export holds: every signature, the rules of the membership log, and that the files are what follows from
//! what was signed.

use std::collections::{BTreeMap, BTreeSet};

use super::words::{self, hex};
use super::{
    Container, ContainerError, Export, LogPart, Message, Parsed, container, files,
    manifest_payload, read,
};
use crate::crypto::identity::SignedIdentity;
use crate::crypto::message;
use crate::crypto::primitives::sha256;
use crate::crypto::signing::Signature;
use crate::ids::{ConversationId, MessageId, UserId};
use crate::log::{Entry, LogState, MessageEntry};

/// What does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// A file, or a message.
    pub place: String,
    /// What is wrong there.
    pub why: String,
}

impl Fault {
    pub(super) fn new(place: &str, why: &str) -> Self {
        Self {
            place: place.into(),
            why: why.into(),
        }
    }
}

/// What a check found.
#[derive(Debug, Default)]
pub struct Report {
    /// What holds, a line each, as `verify.sh` writes them.
    pub lines: Vec<String>,
    /// What does not.
    pub faults: Vec<Fault>,
    messages: usize,
    entries: usize,
    identities: usize,
}

impl Report {
    /// The whole in one line.
    pub fn summary(&self) -> String {
        let Self {
            messages,
            entries,
            identities,
            ..
        } = self;
        let result = match self.faults.len() {
            0 => "everything holds.".into(),
            count => format!("{count} failed."),
        };
        format!(
            "messages: {messages}, entries of the membership log: {entries}, identities: {identities}: {result}"
        )
    }

    /// How many identities it holds.
    pub fn identities(&self) -> usize {
        self.identities
    }

    fn fault(&mut self, place: &str, why: &str) {
        self.faults.push(Fault::new(place, why));
    }
}

/// Checks an export.
pub fn check(bytes: &[u8]) -> Result<Report, ContainerError> {
    let container = Container::read(bytes)?;
    let files = &container.files;
    let mut report = Report::default();
    check_manifest(files, &mut report);
    if let Some(export) = read::export(files, &mut report.faults) {
        check_export(&export, files, &mut report);
    }
    // A file that is not what it was makes the zip another one too; this is for what lies between the files.
    if report.faults.is_empty()
        && let Some(at) = container.first_difference(bytes)
    {
        let place = container::place_of(files, at);
        let why = format!("byte {at} of the zip is not as exports write it");
        report.fault(&place, &why);
    }
    Ok(report)
}

/// Whether the files are those listed.
fn check_manifest(files: &BTreeMap<String, Vec<u8>>, report: &mut Report) {
    let list = files.get(files::MANIFEST).map_or(&[][..], |bytes| bytes);
    let listed: BTreeSet<&[u8]> = list.split(|&byte| byte == b'\n').collect();
    let own = [files::MANIFEST, files::MANIFEST_SIGNATURE];
    for (path, content) in files.iter().filter(|(path, _)| !own.contains(&&***path)) {
        let line = format!("{}  {path}", hex(&sha256(content)));
        if !listed.contains(line.as_bytes()) {
            report.fault(path, "is not the file that was exported (manifest.txt)");
        }
    }
}

fn check_export(export: &Export, files: &BTreeMap<String, Vec<u8>>, report: &mut Report) {
    let conversation = export.about.conversation;
    report.lines.push(format!("conversation  {conversation}"));
    let parsed = match Parsed::new(export) {
        Ok(parsed) => parsed,
        Err(error) => {
            report.fault("log, messages and about.txt", &error.to_string());
            return;
        }
    };
    for signed in parsed.identities.values() {
        check_identity(&parsed, signed, report);
    }
    check_signed_by_exporter(&parsed, files, report);
    check_entries(export, &parsed, report);
    check_files(&parsed, files, report);
}

fn check_identity(parsed: &Parsed<'_>, signed: &SignedIdentity, report: &mut Report) {
    let identity = signed.identity();
    let before = identity
        .previous
        .and_then(|hash| parsed.identities.get(&hash));
    let claims = match before {
        Some(before) => signed.claims(Some(before.identity())),
        None => Ok(signed.self_claims()),
    };
    let holds = claims.is_ok_and(|claims| claims.iter().all(|claim| claim.verify()));
    let hash = signed.hash();
    report.identities += 1;
    if holds {
        report.lines.push(format!(
            "identity  {}  {}  {hash}  holds",
            identity.name, identity.version
        ));
    } else {
        let place = format!("identities/{hash}.signed");
        let why = format!("the signatures of {} over it do not hold", identity.name);
        report.fault(&place, &why);
    }
}

fn check_signed_by_exporter(
    parsed: &Parsed<'_>,
    files: &BTreeMap<String, Vec<u8>>,
    report: &mut Report,
) {
    let file = |path: &str| files.get(path).cloned().unwrap_or_default();
    let (manifest, signature) = (file(files::MANIFEST), file(files::MANIFEST_SIGNATURE));
    let Ok(exporter) = parsed.identity(&parsed.about.exporter) else {
        return;
    };
    let payload = manifest_payload(&manifest);
    let claim = exporter
        .identity()
        .claim(payload, Signature::from(signature));
    if !claim.verify() {
        let place = "manifest.txt or manifest.sig";
        report.fault(
            place,
            "the exporter's signature over the list of files does not hold",
        );
    }
    report.lines.push(format!(
        "exporter  {}  {}",
        exporter.identity().name,
        exporter.hash()
    ));
}

/// Replays the log; each message is judged in the state at its number.
fn check_entries(export: &Export, parsed: &Parsed<'_>, report: &mut Report) {
    let mut state = None;
    let mut broken = false;
    let mut log = parsed.log.iter().zip(&export.log).peekable();
    let mut said = Vec::new();
    let mut seen: BTreeMap<(UserId, MessageId), u64> = BTreeMap::new();
    for message in &parsed.messages {
        let number = message.part.number;
        while let Some(((_, entry), part)) = log.next_if(|((at, _), _)| *at <= number) {
            check_entry(export, &mut state, &mut broken, entry, part, parsed, report);
            if part.number == number {
                report.fault(&format!("message {number}"), "has the number of an entry");
            }
        }
        report.messages += 1;
        let header = &message.header;
        let again = seen.insert((header.sender, header.id), number).is_some();
        let held = check_message(export, parsed, state.as_ref().filter(|_| !broken), message);
        match held {
            Ok(line) if !again => said.push(line),
            Ok(_) => report.fault(&format!("message {number}"), "has the id of another one"),
            Err(why) => {
                let name = parsed.identity(&header.identity);
                let name = name.map_or("", |signed| signed.identity().name.as_str());
                report.fault(&format!("message {number} by {name}"), &why);
            }
        }
    }
    for ((_, entry), part) in log {
        check_entry(export, &mut state, &mut broken, entry, part, parsed, report);
    }
    report.lines.extend(said);
    report.lines.extend(export.marked.iter().map(|marked| {
        let (number, why) = (marked.number, marked.why.name());
        format!("{number}  not exported: {why}")
    }));
}

fn check_entry(
    export: &Export,
    state: &mut Option<LogState>,
    broken: &mut bool,
    entry: &Entry,
    part: &LogPart,
    parsed: &Parsed<'_>,
    report: &mut Report,
) {
    report.entries += 1;
    let place = format!("log/{}.signed", words::padded(part.number));
    if *broken {
        return;
    }
    let judged = match state {
        None if part.number != 0
            || ConversationId::from(entry.hash()) != export.about.conversation =>
        {
            report.fault(&place, "does not begin this conversation");
            *broken = true;
            return;
        }
        None => LogState::begin(entry),
        Some(state) => state.judge(entry, part.number),
    };
    let judged = match judged {
        Ok(judged) if judged.claims().iter().all(|claim| claim.verify()) => judged,
        Ok(_) => {
            report.fault(&place, "its signature, or one in it, does not hold");
            *broken = true;
            return;
        }
        Err(refusal) => {
            report.fault(&place, &format!("breaks the rules of the log: {refusal}"));
            *broken = true;
            return;
        }
    };
    match state {
        None => *state = judged.into_first_state(),
        Some(state) => {
            state.apply(judged);
        }
    }
    let (name, algorithm) = match entry {
        Entry::State(state) => match parsed.identity(&state.header.identity) {
            Ok(signed) => {
                let identity = signed.identity();
                (identity.name.to_string(), identity.algorithm.to_string())
            }
            Err(_) => return,
        },
        _ => ("server".into(), "RSA-PSS".into()),
    };
    let line = format!("log  {}  {name}  {algorithm}  holds", part.number);
    report.lines.push(line);
}

/// The line of a message that holds, or why it does not.
fn check_message(
    export: &Export,
    parsed: &Parsed<'_>,
    state: Option<&LogState>,
    message: &Message<'_>,
) -> Result<String, String> {
    let Message {
        part,
        header,
        inner,
        ..
    } = message;
    let signed = parsed
        .identity(&header.identity)
        .map_err(|e| e.to_string())?;
    let identity = signed.identity();
    if header.conversation != export.about.conversation {
        return Err("it is of another conversation".into());
    }
    if header.sender != identity.user || inner.algorithm != identity.algorithm {
        return Err("it names another author or algorithm than its identity".into());
    }
    let payload = message::signing_payload(&part.header, &part.inner);
    if !identity.claim(payload, part.signature.clone()).verify() {
        return Err("the signature does not hold".into());
    }
    let Some(state) = state else {
        return Err("the signature holds; the membership log before it does not".into());
    };
    let entry = Entry::Message(MessageEntry {
        hash: crate::ids::EntryHash([0; 32]),
        header: header.clone(),
        header_bytes: part.header.clone(),
        sealed: crate::codec::Bytes::default(),
    });
    if let Err(refusal) = state.judge(&entry, part.number) {
        return Err(format!(
            "the signature holds, but it breaks the rules of the log: {refusal}"
        ));
    }
    Ok(format!(
        "{}  {}  {}  {}  holds",
        part.number,
        identity.name,
        words::time(inner.time),
        inner.algorithm
    ))
}

/// Whether every file is the one that follows from what was signed.
fn check_files(parsed: &Parsed<'_>, files: &BTreeMap<String, Vec<u8>>, report: &mut Report) {
    let mut right = files::all(parsed);
    right.insert(files::MANIFEST.into(), files::manifest(&right));
    for (path, content) in &right {
        match files.get(path) {
            Some(given) if given == content => {}
            Some(_) => report.fault(path, "does not say what was signed"),
            None => report.fault(path, "is missing"),
        }
    }
    for path in files.keys() {
        if path != files::MANIFEST_SIGNATURE && !right.contains_key(path) {
            report.fault(path, "does not belong to an export");
        }
    }
    // One place, one sentence: the first.
    let mut named = BTreeSet::new();
    report
        .faults
        .retain(|fault| named.insert(fault.place.clone()));
}
