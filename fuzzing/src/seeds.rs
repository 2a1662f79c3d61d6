//! Inputs made of real traffic: `.frames` files, as `secure-chat-schema` reads them.

use std::collections::{BTreeMap, HashMap};

use minicbor::Decoder;
use minicbor::data::Type;
use secure_chat_shared::codec;
use secure_chat_shared::crypto::identity::SignedIdentity;
use secure_chat_shared::log::Entry;
use secure_chat_shared::log::entry::StateEntry;
use secure_chat_shared::protocol::{ClientFrame, ServerFrame};

/// Inputs by target and name: one of each kind, the shortest.
#[derive(Default)]
pub struct Seeds(pub BTreeMap<(&'static str, String), Vec<u8>>);

/// Longest input that is taken: the fuzzer makes long ones of short ones.
const LONGEST: usize = 8000;

impl Seeds {
    /// Takes what a socket has that is of a new kind.
    pub fn add(&mut self, lines: &str) {
        let mut asked = HashMap::new();
        for line in lines.lines() {
            let Some((sign, text)) = line.split_once(' ') else {
                continue;
            };
            let Ok(bytes) = hex::decode(text) else {
                continue;
            };
            match sign {
                ">" => self.request(&mut asked, &bytes),
                _ => self.answer(&mut asked, &bytes),
            }
        }
    }

    fn request(&mut self, asked: &mut HashMap<u32, u16>, bytes: &[u8]) {
        let Ok(frame) = codec::decode::<ClientFrame>(bytes) else {
            return;
        };
        let (id, op) = (frame.id, frame.op);
        asked.insert(id, op);
        self.parts(&frame.body);
        let frame = ClientFrame { id: 1, ..frame };
        self.keep("frames", format!("request-{op}"), codec::encode(&frame));
    }

    fn answer(&mut self, asked: &mut HashMap<u32, u16>, bytes: &[u8]) {
        match codec::decode(bytes) {
            Ok(ServerFrame::Reply { id, body }) => {
                let Some(op) = asked.remove(&id) else {
                    return;
                };
                self.parts(&body);
                let id = op.into();
                let frame = codec::encode(&ServerFrame::Reply { id, body });
                self.keep("frames", format!("reply-{op}"), frame);
            }
            Ok(ServerFrame::Refused { error, .. }) => {
                let name = format!("refused-{:?}", error.code);
                self.keep("frames", name, bytes.to_vec());
            }
            Ok(ServerFrame::Event(_)) => {
                // `[2, [[kind, ...]]]`
                let kind = bytes.get(4).copied().unwrap_or_default();
                self.keep("frames", format!("event-{kind}"), bytes.to_vec());
            }
            Err(_) => {}
        }
    }

    fn keep(&mut self, target: &'static str, name: String, input: Vec<u8>) {
        if input.len() > LONGEST {
            return;
        }
        match self.0.get_mut(&(target, name.clone())) {
            Some(kept) if kept.len() <= input.len() => {}
            Some(kept) => *kept = input,
            None => drop(self.0.insert((target, name), input)),
        }
    }

    /// Entries and identities that lie in a body.
    fn parts(&mut self, body: &[u8]) {
        for part in byte_strings(body) {
            let of_reader = |reader: u8| [&[reader], part].concat();
            if let Ok(entry) = Entry::parse(part) {
                let kind = match &entry {
                    Entry::State(state) => act_name(state),
                    Entry::Message(_) => "message".into(),
                    Entry::Server(_) => "server".into(),
                };
                self.keep("parts", format!("entry-{kind}"), of_reader(0));
            } else if let Ok(signed) = SignedIdentity::parse(part) {
                let version = signed.identity().version.min(2);
                self.keep("parts", format!("identity-{version}"), of_reader(1));
            }
        }
    }
}

fn act_name(entry: &StateEntry) -> String {
    let act = format!("{:?}", entry.header.act);
    let end = act.find(|c: char| !c.is_alphanumeric());
    act[..end.unwrap_or(act.len())].to_lowercase()
}

/// Every byte string in an item.
fn byte_strings(item: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    let mut decoder = Decoder::new(item);
    while let Ok(kind) = decoder.datatype() {
        let gone_on = match kind {
            Type::Bytes => decoder.bytes().map(|bytes| found.push(bytes)),
            Type::Array => decoder.array().map(drop),
            Type::Map => decoder.map().map(drop),
            _ => decoder.skip(),
        };
        if gone_on.is_err() {
            break;
        }
    }
    found
}
