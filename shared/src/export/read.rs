//! An export from its files. What the tables say twice is not read: it is made anew and compared.

use std::collections::BTreeMap;

use super::check::Fault;
use super::{About, Export, FORMAT, LogPart, Mark, Marked, MessagePart, files};
use crate::codec::Bytes;
use crate::crypto::label::{parts, purpose};
use crate::crypto::signing::Signature;
use crate::ids::{ConversationId, IdentityHash, Timestamp};
use crate::log::entry::{assemble_server, assemble_state};

type Files = BTreeMap<String, Vec<u8>>;

/// Reads what can be read, and says what cannot; `None` where nothing can.
pub(super) fn export(files: &Files, faults: &mut Vec<Fault>) -> Option<Export> {
    let about = files.get(files::ABOUT).and_then(|bytes| about(bytes));
    let Some(about) = about else {
        faults.push(Fault::new(
            files::ABOUT,
            "is missing, malformed, or of another version of exports",
        ));
        return None;
    };
    let mut log = Vec::new();
    for (number, place) in numbered(files, "log/") {
        match entry(files, &place) {
            Some(bytes) => log.push(LogPart { number, bytes }),
            None => faults.push(Fault::new(&place, "is no entry with its signature")),
        }
    }
    let mut messages = Vec::new();
    for (number, place) in numbered(files, "messages/") {
        match message(files, &place, number) {
            Some(part) => messages.push(part),
            None => faults.push(Fault::new(&place, "is no message with its signature")),
        }
    }
    let table = files.get(files::MARKED).and_then(|bytes| marked(bytes));
    if table.is_none() {
        faults.push(Fault::new(files::MARKED, "is missing or malformed"));
    }
    Some(Export {
        about,
        log,
        messages,
        marked: table.unwrap_or_default(),
    })
}

/// Number and path of every `.signed` file in a folder, by number.
fn numbered(files: &Files, folder: &str) -> BTreeMap<u64, String> {
    let signed = files
        .keys()
        .filter_map(|path| path.strip_prefix(folder)?.strip_suffix(".signed"));
    let numbers = signed.filter_map(|name| {
        let number = name.parse().ok()?;
        // One number has one name.
        (super::words::padded(number) == name).then(|| (number, format!("{folder}{name}.signed")))
    });
    numbers.collect()
}

fn signature(files: &Files, place: &str) -> Option<Signature> {
    let path = place
        .strip_suffix("signed")
        .map(|place| format!("{place}sig"))?;
    files.get(&path).cloned().map(Signature::from)
}

fn entry(files: &Files, place: &str) -> Option<Vec<u8>> {
    let (signed, signature) = (files.get(place)?, signature(files, place)?);
    if let Some([header]) = parts(purpose::STATE_ENTRY, signed).as_deref() {
        return Some(assemble_state(header.to_vec(), signature));
    }
    match parts(purpose::MANAGED_ANNOUNCEMENT, signed)?[..] {
        [header] => Some(assemble_server(header.to_vec(), signature)),
        _ => None,
    }
}

fn message(files: &Files, place: &str, number: u64) -> Option<MessagePart> {
    let (signed, signature) = (files.get(place)?, signature(files, place)?);
    match parts(purpose::MESSAGE, signed)?[..] {
        [header, inner] => Some(MessagePart {
            number,
            header: Bytes::from(header),
            inner: Bytes::from(inner),
            signature,
        }),
        _ => None,
    }
}

fn about(bytes: &[u8]) -> Option<About> {
    let mut rest = std::str::from_utf8(bytes).ok()?;
    let mut line = |key: &str| {
        let (value, after) = rest
            .strip_prefix(key)?
            .strip_prefix('\t')?
            .split_once('\n')?;
        rest = after;
        Some(value)
    };
    if line("format")? != FORMAT.to_string() {
        return None;
    }
    let conversation = ConversationId::from_hex(line("conversation")?)?;
    let exporter = IdentityHash::from_hex(line("exporter")?)?;
    let made = Timestamp(line("made")?.parse().ok()?);
    let time = |text: &str| match text {
        "-" => Some(None),
        text => text.parse().ok().map(|ms| Some(Timestamp(ms))),
    };
    let (from, to) = (time(line("from")?)?, time(line("to")?)?);
    let title = rest.strip_prefix("title\t")?.strip_suffix('\n')?.to_owned();
    Some(About {
        conversation,
        exporter,
        made,
        from,
        to,
        title,
    })
}

fn marked(bytes: &[u8]) -> Option<Vec<Marked>> {
    let row = |line: &str| {
        let [number, why, author] = line.split('\t').collect::<Vec<_>>()[..] else {
            return None;
        };
        Some(Marked {
            number: number.parse().ok()?,
            why: Mark::ALL.into_iter().find(|mark| mark.name() == why)?,
            author: author.to_owned(),
        })
    };
    std::str::from_utf8(bytes).ok()?.lines().map(row).collect()
}
