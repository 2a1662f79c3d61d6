//! The Merkle tree: roots, peaks, proofs, head code.

use serde_json::{Value, json};

use super::fixed::nothing_altered;
use super::json::{byte_strings, bytes, list, number, text, to_hex};
use crate::crypto::fingerprint;
use crate::ids::Root;
use crate::log::tree::{Frontier, leaf_hash, verify_inclusion, wrap_proofs};

/// Leaves of the largest tree.
const LEAVES: u64 = 13;

pub(super) fn make() -> Value {
    let leaves: Vec<Vec<u8>> = (0..LEAVES)
        .map(|n| format!("leaf {n}").into_bytes())
        .collect();
    let mut frontier = Frontier::default();
    let mut trees = vec![tree(&frontier, &leaves)];
    for leaf in &leaves {
        frontier.append(leaf_hash(leaf));
        trees.push(tree(&frontier, &leaves));
    }
    json!({
        "leaves": leaves.iter().map(|leaf| to_hex(leaf)).collect::<Vec<_>>(),
        "leaf_hashes": leaves.iter().map(|leaf| leaf_hash(leaf).to_string()).collect::<Vec<_>>(),
        "trees": trees,
    })
}

fn tree(frontier: &Frontier, leaves: &[Vec<u8>]) -> Value {
    let proofs = wrap_proofs(&leaves[..frontier.size() as usize]);
    let peaks = frontier.peaks().iter();
    json!({
        "size": frontier.size(),
        "root": frontier.root().to_string(),
        "head_code": fingerprint::head_code(&frontier.root()),
        "peaks": peaks.map(Root::to_string).collect::<Vec<_>>(),
        "inclusion_proofs": proofs.iter().map(|proof| to_hex(proof)).collect::<Vec<_>>(),
    })
}

pub(super) fn read(file: &Value) {
    let (leaves, hashes) = (
        byte_strings(file, "leaves"),
        byte_strings(file, "leaf_hashes"),
    );
    assert_eq!(leaves.len(), hashes.len());
    for (leaf, hash) in leaves.iter().zip(&hashes) {
        assert_eq!(leaf_hash(leaf).0[..], hash[..]);
    }
    for tree in list(file, "trees") {
        let size = number(tree, "size");
        let mut frontier = Frontier::default();
        for leaf in &leaves[..size as usize] {
            frontier.append(leaf_hash(leaf));
        }
        let root = Root::from_hex(text(tree, "root")).unwrap();
        assert_eq!(frontier.root(), root);
        assert_eq!(fingerprint::head_code(&root), text(tree, "head_code"));
        let peaks = byte_strings(tree, "peaks");
        let peaks: Vec<Root> = peaks
            .iter()
            .map(|peak| Root::try_from(&peak[..]).unwrap())
            .collect();
        assert_eq!(frontier.peaks(), peaks);
        assert_eq!(Frontier::from_peaks(size, peaks), Some(frontier));

        let proofs = byte_strings(tree, "inclusion_proofs");
        assert_eq!(proofs.len() as u64, size);
        for (index, proof) in (0..).zip(&proofs) {
            let leaf = &leaves[index as usize];
            let proves =
                |leaf: &[u8], proof: &[u8]| verify_inclusion(&root, size, index, leaf, proof);
            nothing_altered(leaf, |leaf| proves(leaf, proof));
            if !proof.is_empty() {
                nothing_altered(proof, |proof| proves(leaf, proof));
                let other = (index + 1) % size;
                assert!(!verify_inclusion(&root, size, other, leaf, proof));
            }
        }
    }
    assert_eq!(
        bytes(&list(file, "trees")[0], "root")[..4],
        [0xe3, 0xb0, 0xc4, 0x42]
    );
}
