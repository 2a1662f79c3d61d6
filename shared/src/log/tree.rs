//! The Merkle tree of RFC 9162, section 2.1, with SHA-256.
//!
//! A log is held as its [`Frontier`]: the roots of its complete subtrees. That is enough to append and to know the
//! root, in 32 bytes a bit of its size. Proofs are made and checked by `ct-merkle`.

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{InclusionProof, RootHash};
use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};

use crate::ids::{EntryHash, Root, View};

/// More entries than any log will have, few enough to count on without overflow.
const MAX_SIZE: u64 = 1 << 53;

/// SHA-256(0x00 || bytes): the hash of a leaf, and so of an entry.
pub fn leaf_hash(bytes: &[u8]) -> EntryHash {
    EntryHash(
        Sha256::new()
            .chain_update([0])
            .chain_update(bytes)
            .finalize()
            .into(),
    )
}

/// The right edge of a tree: roots of its complete subtrees, largest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
pub struct Frontier {
    #[n(0)]
    size: u64,
    #[n(1)]
    peaks: Vec<Root>,
}

impl Frontier {
    /// The frontier of `size` leaves from its peaks; `None` if their number does not fit the size, or no log can be so
    /// long.
    pub fn from_peaks(size: u64, peaks: Vec<Root>) -> Option<Self> {
        let fits = size <= MAX_SIZE && size.count_ones() as usize == peaks.len();
        fits.then_some(Self { size, peaks })
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Roots of the complete subtrees, largest first.
    pub fn peaks(&self) -> &[Root] {
        &self.peaks
    }

    /// Adds a leaf. Returns the roots of the complete subtrees that end with it, from level 0 (the leaf itself) up:
    /// a server that stores them by leaf number can make every proof from them.
    pub fn append(&mut self, leaf: EntryHash) -> Vec<Root> {
        let mut completed = vec![Root(leaf.0)];
        let mut node = Root(leaf.0);
        let mut rest = self.size;
        while rest & 1 == 1 {
            let Some(left) = self.peaks.pop() else { break };
            node = parent(&left, &node);
            completed.push(node);
            rest >>= 1;
        }
        self.peaks.push(node);
        self.size += 1;
        completed
    }

    /// Root over all leaves; SHA-256 of nothing where there is none.
    pub fn root(&self) -> Root {
        let mut from_the_right = self.peaks.iter().rev();
        match from_the_right.next() {
            None => Root(Sha256::digest([]).into()),
            Some(last) => from_the_right.fold(*last, |right, left| parent(left, &right)),
        }
    }

    /// Size and root.
    pub fn view(&self) -> View {
        View {
            size: self.size,
            root: self.root(),
        }
    }
}

/// Where the peaks of a tree of `size` leaves are kept: for each, largest first, the number of the leaf that
/// completed it and its level among what [`Frontier::append`] returned then.
pub fn peak_positions(size: u64) -> Vec<(u64, usize)> {
    let mut end = 0;
    (0..u64::BITS)
        .rev()
        .filter(|level| size >> level & 1 == 1)
        .map(|level| {
            end += 1 << level;
            (end - 1, level as usize)
        })
        .collect()
}

/// Root over the wraps of an announcement (or a `share`), in the order of its readers.
pub fn wraps_root<B: AsRef<[u8]>>(wraps: &[B]) -> Root {
    let mut frontier = Frontier::default();
    for wrap in wraps {
        frontier.append(leaf_hash(wrap.as_ref()));
    }
    frontier.root()
}

/// RFC 9162 inclusion proofs of all wraps, in their order: concatenated 32-byte hashes.
pub fn wrap_proofs<B: AsRef<[u8]>>(wraps: &[B]) -> Vec<Vec<u8>> {
    let mut tree = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    for wrap in wraps {
        tree.push(wrap.as_ref().to_vec());
    }
    (0..wraps.len())
        .map(|index| tree.prove_inclusion(index).as_bytes().to_vec())
        .collect()
}

/// Whether `leaf` is number `index` of the `size` leaves under `root`.
pub fn verify_inclusion(root: &Root, size: u64, index: u64, leaf: &[u8], proof: &[u8]) -> bool {
    if size > MAX_SIZE {
        // No such tree exists, and the library panics where its numbers of nodes overflow.
        return false;
    }
    let Ok(proof) = InclusionProof::<Sha256>::try_from_bytes(proof.to_vec()) else {
        return false;
    };
    let root = RootHash::<Sha256>::new(root.0.into(), size);
    root.verify_inclusion(&leaf, index, &proof).is_ok()
}

fn parent(left: &Root, right: &Root) -> Root {
    Root(
        Sha256::new()
            .chain_update([1])
            .chain_update(left.0)
            .chain_update(right.0)
            .finalize()
            .into(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frontier_agrees_with_ct_merkle_at_every_size() {
        let mut tree = MemoryBackedTree::<Sha256, Vec<u8>>::new();
        let mut frontier = Frontier::default();
        let mut stored = Vec::new();
        for i in 0..70_u64 {
            let leaf = i.to_be_bytes().to_vec();
            stored.push(frontier.append(leaf_hash(&leaf)));
            tree.push(leaf);
            assert_eq!(frontier.root().0, <[u8; 32]>::from(*tree.root().as_bytes()));
            let peaks: Vec<Root> = peak_positions(i + 1)
                .into_iter()
                .map(|(number, level)| stored[number as usize][level])
                .collect();
            assert_eq!(peaks, frontier.peaks());
            assert_eq!(
                Frontier::from_peaks(i + 1, peaks).unwrap().root(),
                frontier.root()
            );
        }
        assert_eq!(Frontier::from_peaks(3, Vec::new()), None);
        let peaks = stored[0].repeat(64);
        assert_eq!(Frontier::from_peaks(u64::MAX, peaks), None);
    }

    #[test]
    fn wraps_are_proven_and_nothing_else_is() {
        for count in 1..9_usize {
            let wraps: Vec<Vec<u8>> = (0..count).map(|i| vec![i as u8; 384]).collect();
            let root = wraps_root(&wraps);
            for (i, proof) in wrap_proofs(&wraps).iter().enumerate() {
                let size = count as u64;
                assert!(verify_inclusion(&root, size, i as u64, &wraps[i], proof));
                assert!(!verify_inclusion(&root, size, i as u64, b"other", proof));
                assert!(!verify_inclusion(
                    &root,
                    size,
                    i as u64 + 1,
                    &wraps[i],
                    proof
                ));
                assert!(!verify_inclusion(
                    &root, size, i as u64, &wraps[i], &[0; 31]
                ));
            }
        }
    }
}
