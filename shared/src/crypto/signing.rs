//! Signatures: two algorithms, one shape.

use std::fmt;

use minicbor::bytes::ByteSlice;
use minicbor::{Decode, Encode};

use super::primitives::sha256;
use super::{dsa, rsa_pss};
use crate::codec::{self, Bytes};

/// How somebody signs. Chosen in the identity, never by a message's claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Algorithm {
    /// RSASSA-PSS with SHA-256, MGF1-SHA-256 and a salt of 32 bytes, RSA-3072.
    #[n(0)]
    RsaPss,
    /// DSA-3072/256 with SHA-256, on the protocol's domain parameters.
    #[n(1)]
    Dsa,
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RsaPss => "RSA-PSS",
            Self::Dsa => "DSA",
        })
    }
}

/// A signature's bytes: RSA-PSS 384 bytes; DSA canonical DER of r and s, at most [`dsa::MAX_SIGNATURE`] bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Signature(#[n(0)] pub Bytes);

impl Signature {
    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Signature {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

/// "This key signed this message": to be verified, here or in bulk by [`crate::crypto`]'s platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// How.
    pub algorithm: Algorithm,
    /// By whom: SubjectPublicKeyInfo DER, validated already ([`rsa_pss::validate_spki`], [`dsa::validate_spki`]).
    pub spki: Bytes,
    /// What, before hashing: a [`super::label::labelled`] payload.
    pub message: Vec<u8>,
    /// The signature.
    pub signature: Signature,
}

impl Claim {
    /// Names exactly this claim: SHA-256 over its CBOR.
    pub fn digest(&self) -> [u8; 32] {
        sha256(&codec::encode(&(
            self.algorithm,
            &self.spki,
            <&ByteSlice>::from(&self.message[..]),
            &self.signature,
        )))
    }

    /// Whether it holds. A key that is none, or not of the algorithm, makes it false.
    pub fn verify(&self) -> bool {
        match self.algorithm {
            Algorithm::RsaPss => {
                rsa_pss::verify(&self.spki, &self.message, self.signature.as_bytes())
            }
            Algorithm::Dsa => dsa::verify(&self.spki, &self.message, self.signature.as_bytes()),
        }
    }
}
