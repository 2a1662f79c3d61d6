//! What people compare.

use sha2::{Digest, Sha512};

use super::label::{labelled, purpose};
use super::primitives::sha256;
use crate::ids::{IdentityHash, Root, UserId};

/// The safety number of two people: 12 groups of 5 digits, the same on both sides.
///
/// It is read off one SHA-512 over both identities, sorted by user id: 12 times 5 bytes, each modulo 100,000: about 199
/// bits. Somebody in the middle needs two false identities that give two people the same number: a collision, about 2^100
/// hashes. Iterating the hash, as is done where numbers are shorter, would only cost the honest time.
pub fn safety_number(a: (&UserId, &IdentityHash), b: (&UserId, &IdentityHash)) -> String {
    let (first, second) = if (a.0, a.1) <= (b.0, b.1) {
        (a, b)
    } else {
        (b, a)
    };
    let digest = Sha512::digest(labelled(
        purpose::SAFETY_NUMBER,
        &[
            first.0.as_bytes(),
            first.1.as_bytes(),
            second.0.as_bytes(),
            second.1.as_bytes(),
        ],
    ));
    let groups = digest.chunks_exact(5).take(12).map(|five| {
        let number = five
            .iter()
            .fold(0_u64, |number, &byte| number << 8 | u64::from(byte));
        format!("{:05}", number % 100_000)
    });
    groups.collect::<Vec<_>>().join(" ")
}

/// One identity version in short, for lists: 4 groups of 4 hex digits. Not for verification.
pub fn short(hash: &IdentityHash) -> String {
    let digest = sha256(&labelled(purpose::SHORT_FINGERPRINT, &[hash.as_bytes()]));
    let groups = digest[..8]
        .chunks_exact(2)
        .map(|two| format!("{:02X}{:02X}", two[0], two[1]));
    groups.collect::<Vec<_>>().join(" ")
}

/// A log in short, for people to compare: the first 8 bytes of its newest root as 4 groups of 4 hex digits.
pub fn head_code(root: &Root) -> String {
    let groups = root.0[..8]
        .chunks_exact(2)
        .map(|two| format!("{:02x}{:02x}", two[0], two[1]));
    groups.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_see_the_same_number() {
        let (alice, bob) = (UserId([1; 16]), UserId([2; 16]));
        let (a, b) = (IdentityHash([3; 32]), IdentityHash([0; 32]));
        let number = safety_number((&alice, &a), (&bob, &b));
        assert_eq!(number, safety_number((&bob, &b), (&alice, &a)));
        assert_eq!(number.split(' ').count(), 12);
        assert!(number.split(' ').all(|group| {
            group.len() == 5 && group.bytes().all(|digit| digit.is_ascii_digit())
        }));
        assert_ne!(number, safety_number((&alice, &b), (&bob, &a)));
        assert_ne!(
            number,
            safety_number((&alice, &a), (&bob, &IdentityHash([9; 32])))
        );
    }
}
