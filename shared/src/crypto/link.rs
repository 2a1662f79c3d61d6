//! Invite links: the inviter's name and full identity hash with a one-time secret, in the fragment, which no browser
//! sends to a server. Who answers with the right HMAC held the link; who made the link knows whom it was for.

use std::cmp::Ordering;
use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use minicbor::{Decode, Encode};
use sha2::Sha256;

use super::label::{labelled, purpose};
use super::secret::Secret;
use crate::codec;
use crate::ids::{IdentityHash, UserName};

/// 128 random bits, for one invitee.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct LinkSecret(#[n(0)] Secret<16>);

impl LinkSecret {
    /// A random one.
    pub fn make() -> Self {
        Self(Secret::make())
    }

    /// From stored bytes.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, crate::ids::WrongLength> {
        Secret::from_slice(bytes).map(Self)
    }

    /// The bytes.
    pub fn expose(&self) -> &[u8; 16] {
        self.0.expose()
    }

    /// The invitee's answer: HMAC-SHA256 over both identities.
    pub fn proof(&self, inviter: &IdentityHash, invitee: &IdentityHash) -> [u8; 32] {
        self.mac(inviter, invitee).finalize().into_bytes().into()
    }

    /// Whether an answer is right. In constant time.
    pub fn check(&self, inviter: &IdentityHash, invitee: &IdentityHash, proof: &[u8]) -> bool {
        self.mac(inviter, invitee).verify_slice(proof).is_ok()
    }

    fn mac(&self, inviter: &IdentityHash, invitee: &IdentityHash) -> Hmac<Sha256> {
        let parts = [inviter.as_bytes(), invitee.as_bytes()];
        let mac = match Hmac::<Sha256>::new_from_slice(self.0.expose()) {
            Ok(mac) => mac,
            Err(_) => unreachable!("HMAC takes keys of any length"),
        };
        mac.chain_update(labelled(purpose::LINK_PROOF, &parts))
    }
}

/// The order of one's own secrets in a map. What others send is never looked up by it: answers are checked.
impl Ord for LinkSecret {
    fn cmp(&self, other: &Self) -> Ordering {
        self.expose().cmp(other.expose())
    }
}

impl PartialOrd for LinkSecret {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Debug for LinkSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkSecret")
    }
}

/// What an invite link says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Who invites.
    pub name: UserName,
    /// The identity that he has, whole.
    pub identity: IdentityHash,
    /// The one-time secret.
    pub secret: LinkSecret,
}

/// Not an invite link, or not a whole one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("The invite link is incomplete.")]
pub struct LinkError;

impl Link {
    /// The part after `#`: base64url without padding of CBOR `[1, name, identity hash, secret]`.
    pub fn to_fragment(&self) -> String {
        base64url(&codec::encode(&Wire {
            version: VERSION,
            name: self.name.clone(),
            identity: self.identity,
            secret: self.secret.0.clone(),
        }))
    }

    /// Reads the part after `#`.
    pub fn from_fragment(text: &str) -> Result<Self, LinkError> {
        let bytes = from_base64url(text).ok_or(LinkError)?;
        let wire: Wire = codec::decode(&bytes).map_err(|_| LinkError)?;
        if wire.version != VERSION {
            return Err(LinkError);
        }
        Ok(Self {
            name: wire.name,
            identity: wire.identity,
            secret: LinkSecret(wire.secret),
        })
    }
}

const VERSION: u32 = 1;

#[derive(Encode, Decode)]
struct Wire {
    #[n(0)]
    version: u32,
    #[n(1)]
    name: UserName,
    #[n(2)]
    identity: IdentityHash,
    #[n(3)]
    secret: Secret<16>,
}

const BASE64URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn base64url(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits = (0..3).fold(0_u32, |bits, i| {
            bits << 8 | u32::from(chunk.get(i).copied().unwrap_or(0))
        });
        for i in 0..=chunk.len() {
            text.push(char::from(BASE64URL[(bits >> (18 - 6 * i) & 63) as usize]));
        }
    }
    text
}

fn from_base64url(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    for chunk in text.as_bytes().chunks(4) {
        let mut bits = 0_u32;
        for i in 0..4 {
            let value = match chunk.get(i) {
                Some(c) => BASE64URL.iter().position(|other| other == c)?,
                None => 0,
            };
            bits = bits << 6 | value as u32;
        }
        let whole = &bits.to_be_bytes()[1..];
        // One text for one link: the bits left over are zero.
        let (kept, rest) = whole.split_at(chunk.len().checked_sub(1).filter(|&n| n > 0)?);
        if rest.iter().any(|&byte| byte != 0) {
            return None;
        }
        bytes.extend_from_slice(kept);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_come_back() {
        let link = Link {
            name: UserName::parse("alice").unwrap(),
            identity: IdentityHash([7; 32]),
            secret: LinkSecret::make(),
        };
        let text = link.to_fragment();
        assert!(text.bytes().all(|c| BASE64URL.contains(&c)));
        assert_eq!(Link::from_fragment(&text), Ok(link));
        assert_eq!(Link::from_fragment(""), Err(LinkError));
        assert_eq!(Link::from_fragment("hello"), Err(LinkError));
        for i in 0..text.len() {
            assert_eq!(Link::from_fragment(&text[..i]), Err(LinkError));
        }
    }

    #[test]
    fn base64url_is_the_rfcs() {
        for (bytes, text) in [
            (&b""[..], ""),
            (b"f", "Zg"),
            (b"fo", "Zm8"),
            (b"foo", "Zm9v"),
            (b"foob", "Zm9vYg"),
            (&[0xfb, 0xff], "-_8"),
        ] {
            assert_eq!(base64url(bytes), text);
            assert_eq!(from_base64url(text).as_deref(), Some(bytes));
        }
        for bad in ["Z", "Zh", "Zm9=", "Zm9v Y", "Zm9vZ"] {
            assert_eq!(from_base64url(bad), None, "{bad}");
        }
    }

    #[test]
    fn proofs_bind_both_identities() {
        let secret = LinkSecret::make();
        let (a, b) = (IdentityHash([1; 32]), IdentityHash([2; 32]));
        let proof = secret.proof(&a, &b);
        assert!(secret.check(&a, &b, &proof));
        assert!(!secret.check(&b, &a, &proof));
        assert!(!secret.check(&a, &a, &proof));
        assert!(!LinkSecret::make().check(&a, &b, &proof));
        assert!(!secret.check(&a, &b, &proof[..31]));
        assert!(!secret.check(&a, &b, &[]));
    }
}
