//! DSA-3072/256 with SHA-256 (FIPS 186-4) on the fixed group of [`super::dsa_params`].
//!
//! Verification works on public values only, so it may take its time from them: two 256-bit exponents, each cut into four,
//! in one pass of 64 squarings, where the `dsa` crate runs two full-width exponentiations. Tests hold the two against each
//! other. What that needs of a key is made once and remembered.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, NonZero, Odd, Resize};

use super::der;
use super::dsa_params::{ALGORITHM_IDENTIFIER, G, P, Q};
use super::primitives::sha256;

/// Most bytes of a signature: DER of two integers below 2^256.
pub const MAX_SIGNATURE: usize = 72;

/// Not a public key of the protocol's group, or not in its canonical encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a DSA public key of the protocol's group")]
pub struct BadDsaKey;

/// Checks a SubjectPublicKeyInfo: our AlgorithmIdentifier byte by byte, 1 < y < p, y^q = 1, canonical DER.
/// Keys found good are remembered, some thousands of them.
pub fn validate_spki(spki: &[u8]) -> Result<(), BadDsaKey> {
    validated(spki).map(|_| ())
}

/// Whether `signature` (canonical DER, r and s in 1..q) over SHA-256 of `message` is by the key. False for anything
/// that is not a key or a signature.
pub fn verify(spki: &[u8], message: &[u8], signature: &[u8]) -> bool {
    powers_of(spki).is_ok_and(|y| OURS.verify_by(&y, &sha256(message), signature))
}

/// The protocol's group.
static OURS: LazyLock<Group> = LazyLock::new(|| match Group::new(&P, &Q, &G) {
    Some(group) => group,
    None => unreachable!("the constants are a group"),
});

/// Hashes of SubjectPublicKeyInfos that were validated, in the order of their coming.
static GOOD: LazyLock<Mutex<Good>> = LazyLock::new(Mutex::default);

#[derive(Default)]
struct Good {
    known: HashSet<[u8; 32]>,
    order: VecDeque<[u8; 32]>,
}

impl Good {
    const MOST: usize = 4096;

    fn remember(&mut self, hash: [u8; 32]) {
        if !self.known.insert(hash) {
            return;
        }
        self.order.push_back(hash);
        if self.order.len() > Self::MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

/// The y of a key that is valid.
fn validated(spki: &[u8]) -> Result<BoxedUint, BadDsaKey> {
    let y = OURS
        .parse_y(read_spki(spki).ok_or(BadDsaKey)?)
        .ok_or(BadDsaKey)?;
    let hash = sha256(spki);
    let known = locked(&GOOD).known.contains(&hash);
    if !known {
        if !OURS.contains(&y) {
            return Err(BadDsaKey);
        }
        locked(&GOOD).remember(hash);
    }
    Ok(y)
}

/// Powers of keys that verified lately, by the hash of the SubjectPublicKeyInfo.
static RECENT: LazyLock<Mutex<Recent>> = LazyLock::new(Mutex::default);

/// By hash, the latest last.
type Recent = VecDeque<([u8; 32], Arc<Powers>)>;

/// Keys in [`RECENT`]; 25 kB each.
const MOST_RECENT: usize = 64;

/// The powers of a valid key.
fn powers_of(spki: &[u8]) -> Result<Arc<Powers>, BadDsaKey> {
    let hash = sha256(spki);
    let mut recent = locked(&RECENT);
    if let Some(index) = recent.iter().position(|(other, _)| *other == hash)
        && let Some(found) = recent.remove(index)
    {
        let powers = Arc::clone(&found.1);
        recent.push_back(found);
        return Ok(powers);
    }
    // Making them takes as long as a verification: nobody waits for it.
    drop(recent);
    let powers = Arc::new(OURS.powers(validated(spki)?));
    let mut recent = locked(&RECENT);
    if recent.len() >= MOST_RECENT {
        recent.pop_front();
    }
    recent.push_back((hash, Arc::clone(&powers)));
    Ok(powers)
}

/// What panicked elsewhere has changed nothing by halves here.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The bytes of y, if everything around them is as it has to be.
fn read_spki(mut spki: &[u8]) -> Option<&[u8]> {
    let mut info = der::read(der::SEQUENCE, &mut spki)?;
    let mut key = info.strip_prefix(&ALGORITHM_IDENTIFIER)?;
    info = der::read(der::BIT_STRING, &mut key)?;
    let mut bits = info.strip_prefix(&[0])?;
    let y = der::read_uint(&mut bits)?;
    (spki.is_empty() && key.is_empty() && bits.is_empty()).then_some(y)
}

/// Bits of one step through the exponents.
const WINDOW: u32 = 4;

/// The powers 0 to 15 of a group element.
type Table = [BoxedMontyForm; 1 << WINDOW];

/// Parts that an exponent is cut into, which share their squarings.
const PARTS: usize = 4;

/// A table for each part of an exponent, the least significant first: of a, a^(2^n), a^(2^2n) and a^(2^3n), where a part
/// has n bits.
type Powers = [Table; PARTS];

/// Domain parameters, whichever: the tests have others too.
pub(crate) struct Group {
    p: BoxedUint,
    q: NonZero<BoxedUint>,
    monty: BoxedMontyParams,
    g: Powers,
}

impl Group {
    /// From big-endian bytes. Only checks what the arithmetic needs.
    pub(crate) fn new(p: &[u8], q: &[u8], g: &[u8]) -> Option<Self> {
        let p = BoxedUint::from_be_slice_vartime(p);
        let q = NonZero::new(BoxedUint::from_be_slice_vartime(q)).into_option()?;
        let g = BoxedUint::from_be_slice_vartime(g).resize(p.bits_precision());
        let monty = BoxedMontyParams::new_vartime(Odd::new(p.clone()).into_option()?);
        let g = powers(BoxedMontyForm::new(g, &monty), part_bits(&q));
        Some(Self { p, q, monty, g })
    }

    fn powers(&self, y: BoxedUint) -> Powers {
        powers(BoxedMontyForm::new(y, &self.monty), part_bits(&self.q))
    }

    /// 1 < y < p.
    pub(crate) fn parse_y(&self, bytes: &[u8]) -> Option<BoxedUint> {
        let y = BoxedUint::from_be_slice(bytes, self.p.bits_precision()).ok()?;
        (y > BoxedUint::one() && y < self.p).then_some(y)
    }

    /// y^q = 1.
    pub(crate) fn contains(&self, y: &BoxedUint) -> bool {
        let y = BoxedMontyForm::new(y.clone(), &self.monty);
        let power = y.pow_bounded_exp(&self.q, self.q.bits_vartime());
        power == BoxedMontyForm::one(&self.monty)
    }

    /// FIPS 186-4, section 4.7; `digest` is cut to the length of q.
    #[cfg(any(test, feature = "vectors"))]
    pub(crate) fn verify(&self, y: &BoxedUint, digest: &[u8], signature: &[u8]) -> bool {
        self.verify_by(&self.powers(y.clone()), digest, signature)
    }

    fn verify_by(&self, y: &Powers, digest: &[u8], signature: &[u8]) -> bool {
        self.check(y, digest, signature).unwrap_or(false)
    }

    fn check(&self, y: &Powers, digest: &[u8], mut signature: &[u8]) -> Option<bool> {
        let mut both = der::read(der::SEQUENCE, &mut signature)?;
        let r = self.parse_scalar(der::read_uint(&mut both)?)?;
        let s = self.parse_scalar(der::read_uint(&mut both)?)?;
        if !signature.is_empty() || !both.is_empty() {
            return None;
        }
        let w: BoxedUint = s.invert_mod(&self.q).into_option()?;
        let length = (self.q.bits_vartime() / 8) as usize;
        let z = &digest[..length.min(digest.len())];
        let z = BoxedUint::from_be_slice(z, self.q.bits_precision())
            .ok()?
            .rem_vartime(&self.q);
        let u1 = z.mul_mod(&w, &self.q);
        let u2 = r.mul_mod(&w, &self.q);
        let v = product([(&self.g, &u1), (y, &u2)], &self.monty).retrieve();
        Some(v.rem_vartime(&self.q) == r)
    }

    /// 0 < x < q.
    fn parse_scalar(&self, bytes: &[u8]) -> Option<BoxedUint> {
        let x = BoxedUint::from_be_slice(bytes, self.q.bits_precision()).ok()?;
        (x > BoxedUint::zero() && x < *self.q).then_some(x)
    }
}

fn table(base: &BoxedMontyForm) -> Table {
    let mut power = BoxedMontyForm::one(base.params());
    std::array::from_fn(|_| {
        let next = power.mul(base);
        std::mem::replace(&mut power, next)
    })
}

/// Bits of a part of the exponents below q.
fn part_bits(q: &NonZero<BoxedUint>) -> u32 {
    q.bits_precision() / PARTS as u32
}

fn powers(mut base: BoxedMontyForm, part_bits: u32) -> Powers {
    std::array::from_fn(|part| {
        if part > 0 {
            for _ in 0..part_bits {
                base = base.square();
            }
        }
        table(&base)
    })
}

/// a^u * b^v, with one squaring for a bit of every part of both (Shamir's trick), not in constant time.
fn product(factors: [(&Powers, &BoxedUint); 2], monty: &BoxedMontyParams) -> BoxedMontyForm {
    let factors = factors.map(|(powers, exponent)| (powers, exponent.to_be_bytes()));
    let part = factors[0].1.len() / PARTS;
    let mut out = BoxedMontyForm::one(monty);
    for place in 0..part {
        for shift in [WINDOW, 0] {
            for _ in 0..WINDOW {
                out = out.square();
            }
            for (powers, exponent) in &factors {
                let digits = exponent.chunks_exact(part).rev().map(|part| part[place]);
                for (table, digit) in powers.iter().zip(digits) {
                    let digit = usize::from(digit >> shift & 15);
                    if digit != 0 {
                        out = out.mul(&table[digit]);
                    }
                }
            }
        }
    }
    out
}

#[cfg(feature = "client")]
pub use private::PrivateKey;

/// What only clients can do: users' private keys.
#[cfg(feature = "client")]
mod private {
    use dsa::pkcs8::{DecodePrivateKey, EncodePrivateKey};
    use dsa::{Components, SigningKey};
    use rsa::signature::SignatureEncoding;
    use sha2::Sha256;
    use zeroize::Zeroizing;

    use super::{ALGORITHM_IDENTIFIER, BadDsaKey, BoxedUint, G, P, Q, der, sha256};
    use crate::crypto::random::SystemRng;

    /// A DSA private key of the protocol's group.
    #[derive(Clone)]
    pub struct PrivateKey(SigningKey);

    impl std::fmt::Debug for PrivateKey {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("PrivateKey")
        }
    }

    impl PrivateKey {
        /// A new key.
        pub fn make() -> Result<Self, BadDsaKey> {
            let [p, q, g] = [&P[..], &Q, &G].map(BoxedUint::from_be_slice_vartime);
            let components = Components::from_components(p, q, g).map_err(|_| BadDsaKey)?;
            match SigningKey::try_generate_from_rng_with_components(&mut SystemRng, components) {
                Ok(key) => Ok(Self(key)),
            }
        }

        /// Reads PKCS#8 DER without a public key, on our parameters: y is computed, never read.
        pub fn from_pkcs8(der: &[u8]) -> Result<Self, BadDsaKey> {
            let version_and_algorithm = || {
                let mut input = der;
                let info = der::read(der::SEQUENCE, &mut input)?;
                info.strip_prefix(&[der::INTEGER, 1, 0])?
                    .strip_prefix(&ALGORITHM_IDENTIFIER)
            };
            version_and_algorithm().ok_or(BadDsaKey)?;
            let key = Self(SigningKey::from_pkcs8_der(der).map_err(|_| BadDsaKey)?);
            // A public key beside it, or another encoding, would not come back.
            if *key.to_pkcs8()? != *der {
                return Err(BadDsaKey);
            }
            Ok(key)
        }

        /// PKCS#8 DER.
        pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, BadDsaKey> {
            self.0
                .to_pkcs8_der()
                .map(|der| der.to_bytes())
                .map_err(|_| BadDsaKey)
        }

        /// The public half, SubjectPublicKeyInfo DER.
        pub fn spki(&self) -> Vec<u8> {
            let y = self.0.verifying_key().y().to_be_bytes();
            let mut bits = vec![0];
            bits.extend_from_slice(&der::write_uint(&y));
            let mut info = ALGORITHM_IDENTIFIER.to_vec();
            info.extend_from_slice(&der::write(der::BIT_STRING, &bits));
            der::write(der::SEQUENCE, &info)
        }

        /// DSA over SHA-256 of the message, with the nonce of RFC 6979: DER.
        pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, BadDsaKey> {
            let digest = sha256(message);
            let signature = self
                .0
                .sign_prehashed_rfc6979::<Sha256>(&digest)
                .map_err(|_| BadDsaKey)?;
            Ok(signature.to_vec())
        }
    }
}
