//! What a message can say. All of it is sealed: the server cannot tell an edit from a photograph.

use std::fmt;

use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};

use super::secret::Secret32;
use crate::codec;
use crate::ids::{EntryHash, WrongLength};

/// Most bytes of a text: what fits the size class of 64 KiB whatever the signature and the kind.
pub const MAX_TEXT: usize = 64 * 1024 - 1024;
/// Most bytes of an emoji of a reaction.
pub const MAX_EMOJI: usize = 64;
/// Most bytes of a file's name or media type.
pub const MAX_NAME: usize = 255;
/// Most chunks of a file: their hashes fit one message.
pub const MAX_CHUNKS: usize = 2048;

/// What is said. Debug shows the kind only.
///
/// CBOR `[kind, bstr body]`: the kind is read first, so that a kind of a later version is [`Content::Unknown`] and
/// not an error.
#[derive(Clone, PartialEq, Eq)]
pub enum Content {
    /// Words.
    Text {
        /// At most [`MAX_TEXT`] bytes.
        text: String,
    },
    /// Words about an earlier message.
    Reply {
        /// That message's entry.
        target: EntryHash,
        /// At most [`MAX_TEXT`] bytes.
        text: String,
    },
    /// New words for an earlier message of the same author.
    Edit {
        /// That message's entry.
        target: EntryHash,
        /// At most [`MAX_TEXT`] bytes.
        text: String,
    },
    /// Takes an earlier message of the same author back.
    Delete {
        /// That message's entry.
        target: EntryHash,
    },
    /// A sign about a message.
    Reaction {
        /// That message's entry.
        target: EntryHash,
        /// At most [`MAX_EMOJI`] bytes.
        emoji: String,
        /// Put or taken away.
        add: bool,
    },
    /// A file.
    File(FileContent),
    /// A kind that this version does not know: shown as such.
    Unknown(u32),
}

impl Content {
    fn kind(&self) -> u32 {
        match self {
            Self::Text { .. } => 0,
            Self::Reply { .. } => 1,
            Self::Edit { .. } => 2,
            Self::Delete { .. } => 3,
            Self::Reaction { .. } => 4,
            Self::File(_) => 5,
            Self::Unknown(kind) => *kind,
        }
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text { .. } => "Content(text)",
            Self::Reply { .. } => "Content(reply)",
            Self::Edit { .. } => "Content(edit)",
            Self::Delete { .. } => "Content(delete)",
            Self::Reaction { .. } => "Content(reaction)",
            Self::File(_) => "Content(file)",
            Self::Unknown(kind) => return write!(f, "Content(unknown {kind})"),
        })
    }
}

/// Names a file's sealed chunks on the server; chosen at random by the author.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileId(pub [u8; 16]);

/// SHA-256 of one sealed chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChunkHash(pub [u8; 32]);

/// What is needed to fetch and open a file. Chunks are sealed under keys derived from `key`, and lie on the server.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct FileContent {
    /// Its chunks' name on the server.
    #[n(0)]
    pub id: FileId,
    /// As the author's system calls it, at most [`MAX_NAME`] bytes.
    #[n(1)]
    pub name: String,
    /// At most [`MAX_NAME`] bytes.
    #[n(2)]
    pub media_type: String,
    /// Bytes in clear.
    #[n(3)]
    pub size: u64,
    /// The file's own key, random.
    #[n(4)]
    pub key: Secret32,
    /// Bytes in clear of every chunk but the last.
    #[n(5)]
    pub chunk_size: u32,
    /// Hashes of the sealed chunks, in order, at most [`MAX_CHUNKS`].
    #[n(6)]
    pub chunks: Vec<ChunkHash>,
    /// Words that go with it, at most [`MAX_TEXT`] bytes together with the chunks' hashes.
    #[n(7)]
    pub caption: String,
}

#[derive(Encode, Decode)]
struct TextBody<'a> {
    #[b(0)]
    text: &'a str,
}

#[derive(Encode, Decode)]
struct TargetTextBody<'a> {
    #[n(0)]
    target: EntryHash,
    #[b(1)]
    text: &'a str,
}

#[derive(Encode, Decode)]
struct TargetBody {
    #[n(0)]
    target: EntryHash,
}

#[derive(Encode, Decode)]
struct ReactionBody<'a> {
    #[n(0)]
    target: EntryHash,
    #[b(1)]
    emoji: &'a str,
    #[n(2)]
    add: bool,
}

impl<C> Encode<C> for Content {
    fn encode<W: encode::Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        let body = match self {
            Self::Text { text } => codec::encode(&TextBody { text }),
            Self::Reply { target, text } | Self::Edit { target, text } => {
                codec::encode(&TargetTextBody {
                    target: *target,
                    text,
                })
            }
            Self::Delete { target } => codec::encode(&TargetBody { target: *target }),
            Self::Reaction { target, emoji, add } => codec::encode(&ReactionBody {
                target: *target,
                emoji,
                add: *add,
            }),
            Self::File(file) => codec::encode(file),
            Self::Unknown(_) => Vec::new(),
        };
        e.array(2)?.u32(self.kind())?.bytes(&body)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Content {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        if d.array()? != Some(2) {
            return Err(decode::Error::message("content: not a pair"));
        }
        let kind = d.u32()?;
        decode_body(kind, d.bytes()?)
    }
}

fn decode_body(kind: u32, body: &[u8]) -> Result<Content, decode::Error> {
    let content = match kind {
        0 => Content::Text {
            text: read::<TextBody<'_>>(body)?.text.to_owned(),
        },
        1 | 2 => {
            let TargetTextBody { target, text } = read(body)?;
            let text = text.to_owned();
            match kind {
                1 => Content::Reply { target, text },
                _ => Content::Edit { target, text },
            }
        }
        3 => Content::Delete {
            target: read::<TargetBody>(body)?.target,
        },
        4 => {
            let ReactionBody { target, emoji, add } = read(body)?;
            Content::Reaction {
                target,
                emoji: emoji.to_owned(),
                add,
            }
        }
        5 => Content::File(read(body)?),
        kind => return Ok(Content::Unknown(kind)),
    };
    let fits = match &content {
        Content::Text { text } | Content::Reply { text, .. } | Content::Edit { text, .. } => {
            text.len() <= MAX_TEXT
        }
        Content::Reaction { emoji, .. } => (1..=MAX_EMOJI).contains(&emoji.len()),
        Content::File(file) => {
            file.name.len() <= MAX_NAME
                && file.media_type.len() <= MAX_NAME
                && file.chunks.len() <= MAX_CHUNKS
                && file.caption.len() <= MAX_TEXT
        }
        Content::Delete { .. } | Content::Unknown(_) => true,
    };
    if !fits {
        return Err(decode::Error::message("content: a part is too long"));
    }
    Ok(content)
}

fn read<'b, T: Decode<'b, ()>>(body: &'b [u8]) -> Result<T, decode::Error> {
    codec::decode(body).map_err(|_| decode::Error::message("content: malformed"))
}

/// A fixed-length byte string.
macro_rules! byte_string {
    ($name:ident, $len:literal) => {
        impl TryFrom<&[u8]> for $name {
            type Error = WrongLength;

            fn try_from(bytes: &[u8]) -> Result<Self, WrongLength> {
                bytes.try_into().map(Self).map_err(|_| WrongLength)
            }
        }

        impl<C> Encode<C> for $name {
            fn encode<W: encode::Write>(
                &self,
                e: &mut Encoder<W>,
                _: &mut C,
            ) -> Result<(), encode::Error<W::Error>> {
                e.bytes(&self.0)?.ok()
            }
        }

        impl<'b, C> Decode<'b, C> for $name {
            fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
                Self::try_from(d.bytes()?).map_err(|_| {
                    decode::Error::message(concat!(stringify!($name), ": wrong length"))
                })
            }
        }
    };
}

byte_string!(FileId, 16);
byte_string!(ChunkHash, 32);

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: EntryHash = EntryHash([9; 32]);

    fn every_kind() -> Vec<Content> {
        vec![
            Content::Text {
                text: "hello".into(),
            },
            Content::Reply {
                target: TARGET,
                text: "yes".into(),
            },
            Content::Edit {
                target: TARGET,
                text: "hallo".into(),
            },
            Content::Delete { target: TARGET },
            Content::Reaction {
                target: TARGET,
                emoji: "👍".into(),
                add: true,
            },
            Content::File(FileContent {
                id: FileId([1; 16]),
                name: "a.png".into(),
                media_type: "image/png".into(),
                size: 70_000,
                key: Secret32::from_slice(&[2; 32]).unwrap(),
                chunk_size: 65_536,
                chunks: vec![ChunkHash([3; 32]), ChunkHash([4; 32])],
                caption: "look".into(),
            }),
            Content::Unknown(77),
        ]
    }

    #[test]
    fn every_kind_comes_back() {
        for content in every_kind() {
            let bytes = codec::encode(&content);
            assert!(codec::decode::<Content>(&bytes) == Ok(content));
        }
    }

    #[test]
    fn kinds_of_later_versions_are_no_error() {
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes);
        encoder
            .array(2)
            .unwrap()
            .u32(4711)
            .unwrap()
            .bytes(&[0xff, 1])
            .unwrap();
        assert!(codec::decode::<Content>(&bytes) == Ok(Content::Unknown(4711)));
    }

    #[test]
    fn known_kinds_with_other_bodies_are_refused() {
        for content in every_kind() {
            if content.kind() == 77 {
                continue;
            }
            for body in [&b""[..], &[0x81], &[0xff], &[0x80]] {
                let mut bytes = Vec::new();
                let mut encoder = Encoder::new(&mut bytes);
                encoder
                    .array(2)
                    .unwrap()
                    .u32(content.kind())
                    .unwrap()
                    .bytes(body)
                    .unwrap();
                assert!(codec::decode::<Content>(&bytes).is_err(), "{content:?}");
            }
        }
        for content in [
            Content::Text {
                text: "a".repeat(MAX_TEXT + 1),
            },
            Content::Reaction {
                target: TARGET,
                emoji: "a".repeat(65),
                add: true,
            },
            Content::Reaction {
                target: TARGET,
                emoji: String::new(),
                add: true,
            },
        ] {
            assert!(codec::decode::<Content>(&codec::encode(&content)).is_err());
        }
    }
}
