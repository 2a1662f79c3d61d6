//! Who somebody is: user id, name and public keys, version by version, each signed by itself and by the one before.
//!
//! ```text
//! body   = CBOR [1, "identity", user, name, version, previous hash or null, encryption, RSA signing, DSA signing,
//!                algorithm]
//! hash   = SHA-256(labelled("identity hash", [body]))
//! signed = CBOR [bstr body, RSA-PSS signature, DSA signature, and from version 2 on: RSA-PSS signature by the
//!                version before, DSA signature by the version before], all over labelled("identity", [body])
//! ```

use std::fmt;
use std::sync::Arc;

use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};

use super::label::{labelled, purpose};
use super::primitives::sha256;
use super::signing::{Algorithm, Claim, Signature};
use super::{dsa, rsa_pss};
use crate::codec::{self, Bytes};
use crate::ids::{IdentityHash, UserId, UserName};

/// Version of the protocol, in every signed body.
const PROTOCOL: u32 = 1;

/// Most bytes of a signed identity.
pub const MAX_SIGNED_IDENTITY: usize = 4096;

/// One version of somebody's identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Who, for ever.
    pub user: UserId,
    /// Name, for ever.
    pub name: UserName,
    /// From 1, one more each time.
    pub version: u32,
    /// The version before; `None` for version 1.
    pub previous: Option<IdentityHash>,
    /// RSA-3072 key for wraps, SubjectPublicKeyInfo DER.
    pub encryption: Bytes,
    /// RSA-3072 key for signatures, SubjectPublicKeyInfo DER.
    pub rsa_signing: Bytes,
    /// DSA-3072/256 key for signatures, SubjectPublicKeyInfo DER.
    pub dsa_signing: Bytes,
    /// Which of the two signs entries and messages.
    pub algorithm: Algorithm,
}

/// Why bytes are no identity, or no successor of the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// Not the structure, not its one encoding, or of another protocol version.
    #[error("malformed identity")]
    Malformed,
    /// The encryption key is not RSA-3072 with e = 65537 in canonical encoding.
    #[error("invalid encryption key")]
    EncryptionKey,
    /// The RSA signing key is not RSA-3072 with e = 65537 in canonical encoding.
    #[error("invalid RSA signing key")]
    RsaSigningKey,
    /// The DSA key is not of the protocol's group, in canonical encoding.
    #[error("invalid DSA key")]
    DsaSigningKey,
    /// One key for two purposes.
    #[error("the encryption key is the signing key")]
    SharedKey,
    /// Not the successor of the version before: other user, name, number or hash, or no signature by it.
    #[error("not the successor of the version before")]
    Chain,
}

impl Identity {
    /// The exact bytes that are hashed and signed.
    pub fn body(&self) -> Vec<u8> {
        codec::encode(&Body {
            protocol: PROTOCOL,
            purpose: purpose::IDENTITY.into(),
            user: self.user,
            name: self.name.clone(),
            version: self.version,
            previous: self.previous.into(),
            encryption: self.encryption.clone(),
            rsa_signing: self.rsa_signing.clone(),
            dsa_signing: self.dsa_signing.clone(),
            algorithm: self.algorithm,
        })
    }

    /// What names this version everywhere else.
    pub fn hash(&self) -> IdentityHash {
        hash_of(&self.body())
    }

    /// What entries and messages of this version are verified with.
    pub fn signing_key(&self) -> (Algorithm, &Bytes) {
        match self.algorithm {
            Algorithm::RsaPss => (self.algorithm, &self.rsa_signing),
            Algorithm::Dsa => (self.algorithm, &self.dsa_signing),
        }
    }

    /// The claim that this identity's chosen key signed `message`.
    pub fn claim(&self, message: Vec<u8>, signature: Signature) -> Claim {
        let (algorithm, spki) = self.signing_key();
        Claim {
            algorithm,
            spki: spki.clone(),
            message,
            signature,
        }
    }

    /// That both of this version's signing keys signed `message`.
    fn both(&self, message: &[u8], pss: &Signature, dsa: &Signature) -> [Claim; 2] {
        let claim = |algorithm, spki: &Bytes, signature: &Signature| Claim {
            algorithm,
            spki: spki.clone(),
            message: message.to_vec(),
            signature: signature.clone(),
        };
        [
            claim(Algorithm::RsaPss, &self.rsa_signing, pss),
            claim(Algorithm::Dsa, &self.dsa_signing, dsa),
        ]
    }

    fn check(&self) -> Result<(), IdentityError> {
        rsa_pss::validate_spki(&self.encryption).map_err(|_| IdentityError::EncryptionKey)?;
        rsa_pss::validate_spki(&self.rsa_signing).map_err(|_| IdentityError::RsaSigningKey)?;
        dsa::validate_spki(&self.dsa_signing).map_err(|_| IdentityError::DsaSigningKey)?;
        if self.encryption == self.rsa_signing {
            return Err(IdentityError::SharedKey);
        }
        if self.version == 0 || (self.version == 1) != self.previous.is_none() {
            return Err(IdentityError::Chain);
        }
        Ok(())
    }
}

/// What the signing keys sign of an identity's body.
pub fn signing_payload(body: &[u8]) -> Vec<u8> {
    labelled(purpose::IDENTITY, &[body])
}

/// An identity with its signatures, and its exact bytes. Its keys were validated; its signatures are to be verified
/// ([`SignedIdentity::claims`]). Cheap to clone.
#[derive(Clone)]
pub struct SignedIdentity(Arc<Inner>);

struct Inner {
    bytes: Vec<u8>,
    identity: Identity,
    hash: IdentityHash,
    parts: Parts,
}

impl SignedIdentity {
    /// Reads and validates everything but the signatures.
    pub fn parse(bytes: &[u8]) -> Result<Self, IdentityError> {
        let signed = Self::read(bytes)?;
        signed.0.identity.check()?;
        Ok(signed)
    }

    /// Reads one whose keys were validated before it was stored; validating hundreds anew takes seconds.
    fn read(bytes: &[u8]) -> Result<Self, IdentityError> {
        if bytes.len() > MAX_SIGNED_IDENTITY {
            return Err(IdentityError::Malformed);
        }
        let parts: Parts = codec::decode(bytes).map_err(|_| IdentityError::Malformed)?;
        let body: Body = codec::decode(&parts.body).map_err(|_| IdentityError::Malformed)?;
        // One identity has one encoding, so that one hash names it.
        let right = body.protocol == PROTOCOL && body.purpose == purpose::IDENTITY;
        if !right || codec::encode(&body) != *parts.body || codec::encode(&parts) != bytes {
            return Err(IdentityError::Malformed);
        }
        let identity = Identity {
            user: body.user,
            name: body.name,
            version: body.version,
            previous: body.previous.0,
            encryption: body.encryption,
            rsa_signing: body.rsa_signing,
            dsa_signing: body.dsa_signing,
            algorithm: body.algorithm,
        };
        let first = identity.version == 1;
        if parts.previous_pss.is_none() != first || parts.previous_dsa.is_none() != first {
            return Err(IdentityError::Chain);
        }
        let hash = hash_of(&parts.body);
        Ok(Self(Arc::new(Inner {
            bytes: bytes.to_vec(),
            identity,
            hash,
            parts,
        })))
    }

    /// Puts a body and its signatures together; from version 2 on with those by the version before.
    pub fn assemble(
        body: Vec<u8>,
        pss: Signature,
        dsa: Signature,
        previous: Option<(Signature, Signature)>,
    ) -> Result<Self, IdentityError> {
        let (previous_pss, previous_dsa) = previous.unzip();
        let parts = Parts {
            body: body.into(),
            pss,
            dsa,
            previous_pss,
            previous_dsa,
        };
        Self::parse(&codec::encode(&parts))
    }

    /// What is signed.
    pub fn identity(&self) -> &Identity {
        &self.0.identity
    }

    /// The identity's hash.
    pub fn hash(&self) -> IdentityHash {
        self.0.hash
    }

    /// The exact bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    /// The version's own signatures: what has to verify where the version before is not at hand.
    pub fn self_claims(&self) -> Vec<Claim> {
        let Inner {
            identity, parts, ..
        } = &*self.0;
        identity
            .both(&signing_payload(&parts.body), &parts.pss, &parts.dsa)
            .to_vec()
    }

    /// The signatures by the version before; none in version 1.
    pub fn previous_signatures(&self) -> impl Iterator<Item = (Algorithm, &Signature)> {
        let pss = self.0.parts.previous_pss.iter();
        let dsa = self.0.parts.previous_dsa.iter();
        pss.map(|signature| (Algorithm::RsaPss, signature))
            .chain(dsa.map(|signature| (Algorithm::Dsa, signature)))
    }

    /// All that has to verify, given the version before (`None` for version 1): own signatures, and the predecessor's.
    pub fn claims(&self, previous: Option<&Identity>) -> Result<Vec<Claim>, IdentityError> {
        let Inner {
            identity, parts, ..
        } = &*self.0;
        let message = signing_payload(&parts.body);
        let mut claims = identity.both(&message, &parts.pss, &parts.dsa).to_vec();
        match (previous, &parts.previous_pss, &parts.previous_dsa) {
            (None, None, None) => {}
            (Some(previous), Some(pss), Some(dsa)) => {
                let follows = identity.previous == Some(previous.hash())
                    && previous.version.checked_add(1) == Some(identity.version)
                    && identity.user == previous.user
                    && identity.name == previous.name;
                if !follows {
                    return Err(IdentityError::Chain);
                }
                claims.extend(previous.both(&message, pss, dsa));
            }
            _ => return Err(IdentityError::Chain),
        }
        Ok(claims)
    }
}

impl PartialEq for SignedIdentity {
    fn eq(&self, other: &Self) -> bool {
        self.0.bytes == other.0.bytes
    }
}

impl Eq for SignedIdentity {}

impl fmt::Debug for SignedIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Identity { name, version, .. } = self.identity();
        write!(f, "SignedIdentity({name} {version} {})", self.0.hash)
    }
}

impl<C> Encode<C> for SignedIdentity {
    fn encode<W: encode::Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        e.bytes(&self.0.bytes)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for SignedIdentity {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        Self::parse(d.bytes()?).map_err(|_| decode::Error::message("invalid identity"))
    }
}

/// For records of one's own: what was validated before it was written is not validated again.
pub mod stored {
    use minicbor::encode::Write;
    use minicbor::{Decoder, Encode, Encoder};

    use super::SignedIdentity;

    /// Like any other.
    pub fn encode<C, W: Write>(
        signed: &SignedIdentity,
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        signed.encode(e, ctx)
    }

    /// Checks the form, not the keys.
    pub fn decode<C>(
        d: &mut Decoder<'_>,
        _: &mut C,
    ) -> Result<SignedIdentity, minicbor::decode::Error> {
        SignedIdentity::read(d.bytes()?)
            .map_err(|_| minicbor::decode::Error::message("invalid stored identity"))
    }
}

/// "My keys of this version are in other hands": signed by that version alone, it beats any successor.
///
/// CBOR `[bstr body, RSA-PSS signature, DSA signature]`, body = CBOR `[1, "compromised", user, identity hash, version]`.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Compromised {
    /// The exact signed bytes: [`Compromised::body_of`].
    #[n(0)]
    pub body: Bytes,
    /// By the version's RSA signing key.
    #[n(1)]
    pub pss: Signature,
    /// By the version's DSA signing key.
    #[n(2)]
    pub dsa: Signature,
}

impl Compromised {
    /// The body of the statement about an identity version.
    pub fn body_of(identity: &Identity) -> Vec<u8> {
        codec::encode(&CompromisedBody {
            protocol: PROTOCOL,
            purpose: purpose::COMPROMISED.into(),
            user: identity.user,
            identity: identity.hash(),
            version: identity.version,
        })
    }

    /// What the signing keys sign of that body.
    pub fn signing_payload(body: &[u8]) -> Vec<u8> {
        labelled(purpose::COMPROMISED, &[body])
    }

    /// Whom and which version it says it is about, unverified.
    pub fn subject(&self) -> Result<(UserId, IdentityHash), IdentityError> {
        let body: CompromisedBody =
            codec::decode(&self.body).map_err(|_| IdentityError::Malformed)?;
        Ok((body.user, body.identity))
    }

    /// What has to verify for it to hold for `identity`.
    pub fn claims(&self, identity: &Identity) -> Result<Vec<Claim>, IdentityError> {
        if *self.body != Self::body_of(identity) {
            return Err(IdentityError::Chain);
        }
        let message = Self::signing_payload(&self.body);
        Ok(identity.both(&message, &self.pss, &self.dsa).to_vec())
    }
}

#[derive(Encode, Decode)]
struct Body {
    #[n(0)]
    protocol: u32,
    #[n(1)]
    purpose: String,
    #[n(2)]
    user: UserId,
    #[n(3)]
    name: UserName,
    #[n(4)]
    version: u32,
    #[n(5)]
    previous: Nullable,
    #[n(6)]
    encryption: Bytes,
    #[n(7)]
    rsa_signing: Bytes,
    #[n(8)]
    dsa_signing: Bytes,
    #[n(9)]
    algorithm: Algorithm,
}

/// A hash or null, always there.
struct Nullable(Option<IdentityHash>);

impl From<Option<IdentityHash>> for Nullable {
    fn from(hash: Option<IdentityHash>) -> Self {
        Self(hash)
    }
}

impl<C> Encode<C> for Nullable {
    fn encode<W: encode::Write>(
        &self,
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        match &self.0 {
            Some(hash) => hash.encode(e, ctx),
            None => e.null()?.ok(),
        }
    }
}

impl<'b, C> Decode<'b, C> for Nullable {
    fn decode(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, decode::Error> {
        Option::<IdentityHash>::decode(d, ctx).map(Self)
    }
}

#[derive(Clone, Encode, Decode)]
struct Parts {
    #[n(0)]
    body: Bytes,
    #[n(1)]
    pss: Signature,
    #[n(2)]
    dsa: Signature,
    #[n(3)]
    previous_pss: Option<Signature>,
    #[n(4)]
    previous_dsa: Option<Signature>,
}

#[derive(Encode, Decode)]
struct CompromisedBody {
    #[n(0)]
    protocol: u32,
    #[n(1)]
    purpose: String,
    #[n(2)]
    user: UserId,
    #[n(3)]
    identity: IdentityHash,
    #[n(4)]
    version: u32,
}

pub(crate) fn hash_of(body: &[u8]) -> IdentityHash {
    IdentityHash(sha256(&labelled(purpose::IDENTITY_HASH, &[body])))
}
