//! Identifiers, numbers and hashes: newtypes, never bare strings or integers.

use std::fmt;

use minicbor::{Decode, Decoder, Encode, Encoder};

/// A fixed-length byte string as a type of its own; CBOR byte string, shown in lowercase hex.
macro_rules! byte_id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// Length in bytes.
            pub const LEN: usize = $len;

            /// The bytes.
            pub fn as_bytes(&self) -> &[u8] {
                &self.0
            }

            /// Reads lowercase or uppercase hex of exactly the right length.
            pub fn from_hex(text: &str) -> Option<Self> {
                if text.len() != 2 * $len || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
                    return None;
                }
                let mut out = [0; $len];
                for (i, byte) in out.iter_mut().enumerate() {
                    *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).ok()?;
                }
                Some(Self(out))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = WrongLength;

            fn try_from(bytes: &[u8]) -> Result<Self, WrongLength> {
                bytes.try_into().map(Self).map_err(|_| WrongLength)
            }
        }

        impl<C> Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self,
                e: &mut Encoder<W>,
                _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                e.bytes(&self.0)?.ok()
            }
        }

        impl<'b, C> Decode<'b, C> for $name {
            fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
                Self::try_from(d.bytes()?)
                    .map_err(|_| minicbor::decode::Error::message(concat!(stringify!($name), ": wrong length")))
            }
        }
    };
}

/// A byte string is not of the length that its type asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("wrong length")]
pub struct WrongLength;

byte_id!(
    /// A user, for ever: 128 random bits from the browser that registered.
    UserId, 16
);
byte_id!(
    /// A message, chosen at random by its author; resending keeps it.
    MessageId, 16
);
byte_id!(
    /// One signed-in browser, as the server lists it.
    SessionId, 16
);
byte_id!(
    /// A conversation: the [`EntryHash`] of its `create` entry.
    ConversationId, 32
);
byte_id!(
    /// RFC 9162 leaf hash of an entry: SHA-256(0x00 || entry bytes).
    EntryHash, 32
);
byte_id!(
    /// SHA-256 over a label and the signed body of one version of a user's identity.
    IdentityHash, 32
);
byte_id!(
    /// Root of an RFC 9162 Merkle tree with SHA-256.
    Root, 32
);

byte_id!(
    /// Random salt of a key derivation (RFC 5869, section 3.1).
    Salt, 32
);
byte_id!(
    /// SHA-256 over a label and the sorted (user, identity hash) of exactly who may read.
    ReadersDigest, 32
);

impl From<EntryHash> for ConversationId {
    fn from(hash: EntryHash) -> Self {
        Self(hash.0)
    }
}

/// Number of a conversation's symmetric key; the first is 1 and each change adds one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
#[cbor(transparent)]
pub struct Epoch(#[n(0)] pub u32);

impl Epoch {
    /// The epoch that entry 1 announces.
    pub const FIRST: Self = Self(1);

    /// The epoch after this one.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// What somebody has verified of a log: the tree's size in entries, and its root (RFC 9162, section 2.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct View {
    /// Number of entries.
    #[n(0)]
    pub size: u64,
    /// Root over those entries.
    #[n(1)]
    pub root: Root,
}

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(transparent)]
pub struct Timestamp(#[n(0)] pub u64);

/// A normalised user name: NFKC, lowercase, 2 to 32 letters, marks or digits of any script, with `.`, `_` and `-` between.
///
/// Whether a name can be mistaken for another one (UTS #39) is judged by the server when it is registered.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserName(String);

/// Why a text is no user name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Fewer than [`UserName::MIN_CHARS`] characters.
    #[error("A user name has at least 2 characters.")]
    TooShort,
    /// More than [`UserName::MAX_CHARS`] characters or [`UserName::MAX_BYTES`] bytes.
    #[error("A user name has at most 32 characters.")]
    TooLong,
    /// A character other than letters, digits, and `.`, `_`, `-` between them.
    #[error(
        "A user name is made of letters and digits, with dots, dashes and underscores between them."
    )]
    Character,
    /// The text is not in its normal form (only raised for names from the network).
    #[error("The user name is not in its normal form.")]
    NotNormal,
}

impl UserName {
    /// Fewest characters.
    pub const MIN_CHARS: usize = 2;
    /// Most characters.
    pub const MAX_CHARS: usize = 32;
    /// Most bytes of UTF-8.
    pub const MAX_BYTES: usize = 96;

    /// What a person typed: trimmed, put into normal form, checked.
    pub fn normalise(raw: &str) -> Result<Self, NameError> {
        if raw.len() > 4 * Self::MAX_BYTES {
            return Err(NameError::TooLong);
        }
        let lower = nfkc(raw.trim()).to_lowercase();
        Self::check(&nfkc(&lower)).map(Self)
    }

    /// What came over the network: refused unless it is in normal form already.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let name = Self::normalise(text)?;
        if name.0 != text {
            return Err(NameError::NotNormal);
        }
        Ok(name)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn check(text: &str) -> Result<String, NameError> {
        let count = text.chars().count();
        if count < Self::MIN_CHARS {
            return Err(NameError::TooShort);
        }
        if count > Self::MAX_CHARS || text.len() > Self::MAX_BYTES {
            return Err(NameError::TooLong);
        }
        let between = |c: char| matches!(c, '.' | '_' | '-');
        let mut before_is_between = true;
        for c in text.chars() {
            let is_part = c.is_alphanumeric() || is_mark(c) && !before_is_between;
            if !is_part && !between(c) || between(c) && before_is_between {
                return Err(NameError::Character);
            }
            before_is_between = between(c);
        }
        if before_is_between {
            return Err(NameError::Character);
        }
        Ok(text.to_owned())
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<C> Encode<C> for UserName {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.str(&self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for UserName {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        Self::parse(d.str()?).map_err(|_| minicbor::decode::Error::message("not a user name"))
    }
}

/// Unicode's form NFC.
#[cfg(all(feature = "client", not(target_arch = "wasm32")))]
pub(crate) fn nfc(text: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    text.nfc().collect()
}

/// Unicode's form NFC.
#[cfg(all(feature = "client", target_arch = "wasm32"))]
pub(crate) fn nfc(text: &str) -> String {
    js_sys::JsString::from(text).normalize("NFC").into()
}

#[cfg(not(target_arch = "wasm32"))]
fn nfkc(text: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    text.nfkc().collect()
}

#[cfg(not(target_arch = "wasm32"))]
fn is_mark(c: char) -> bool {
    unicode_normalization::char::is_combining_mark(c)
}

#[cfg(target_arch = "wasm32")]
fn is_mark(c: char) -> bool {
    js_sys::RegExp::new("^\\p{M}$", "u").test(&c.to_string())
}

/// The browser has the tables already.
#[cfg(target_arch = "wasm32")]
fn nfkc(text: &str) -> String {
    js_sys::JsString::from(text).normalize("NFKC").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_normalised() {
        for (raw, normal) in [
            (" Alice ", "alice"),
            ("ＢＯＢ", "bob"),
            ("Zoë.van-der_Berg", "zoë.van-der_berg"),
            ("\u{1e9e}a", "ssa"),
            ("ольга", "ольга"),
            ("हिन्दी", "हिन्दी"),
        ] {
            let expected = if raw == "\u{1e9e}a" { "ßa" } else { normal };
            assert_eq!(UserName::normalise(raw).unwrap().as_str(), expected);
        }
    }

    #[test]
    fn bad_names_are_refused() {
        for (raw, error) in [
            ("a", NameError::TooShort),
            ("", NameError::TooShort),
            (&"a".repeat(33), NameError::TooLong),
            ("a b", NameError::Character),
            (".ab", NameError::Character),
            ("ab.", NameError::Character),
            ("a..b", NameError::Character),
            ("a\u{202e}b", NameError::Character),
            ("a\u{200d}b", NameError::Character),
            ("\u{301}ab", NameError::Character),
            ("<b>x", NameError::Character),
        ] {
            assert_eq!(UserName::normalise(raw), Err(error), "{raw:?}");
        }
        assert_eq!(UserName::parse("Alice"), Err(NameError::NotNormal));
    }

    #[test]
    fn ids_round_trip_as_hex() {
        let id = UserId([0xab; 16]);
        assert_eq!(UserId::from_hex(&id.to_string()), Some(id));
        assert_eq!(UserId::from_hex("ab"), None);
    }
}
