//! What the parts of a message's way cost natively, each beside what it is made of: `cargo xtask bench micro`.

#![allow(clippy::unwrap_used)] // as in tests

use std::hint::black_box;

use ::dsa::pkcs8::DecodePublicKey;
use ::dsa::signature::Verifier;
use ::dsa::{Signature, VerifyingKey};
use criterion::{Criterion, criterion_group, criterion_main};
use secure_chat_shared::client::native::test_keys;
use secure_chat_shared::crypto::epoch::EpochKey;
use secure_chat_shared::crypto::message::{open, seal};
use secure_chat_shared::crypto::{dsa, rsa_pss, wrap};
use secure_chat_shared::log::tree::{Frontier, leaf_hash};

/// Bytes of a message.
const MESSAGE: [u8; 1024] = [b'm'; 1024];

fn signatures(c: &mut Criterion) {
    let keys = test_keys::set(0).unwrap();
    let mut group = c.benchmark_group("verify");
    let spki = keys.dsa_signing.spki();
    let bytes = keys.dsa_signing.sign(&MESSAGE).unwrap();
    group.bench_function("DSA-3072/256", |b| {
        b.iter(|| assert!(dsa::verify(&spki, &MESSAGE, &bytes)));
    });
    let theirs = VerifyingKey::from_public_key_der(&spki).unwrap();
    let signature = Signature::try_from(&bytes[..]).unwrap();
    group.bench_function("DSA-3072/256 by the dsa crate", |b| {
        b.iter(|| theirs.verify(&MESSAGE, &signature).unwrap());
    });
    let spki = keys.rsa_signing.spki().unwrap();
    let bytes = keys.rsa_signing.sign(&MESSAGE).unwrap();
    group.bench_function("RSA-PSS-3072", |b| {
        b.iter(|| assert!(rsa_pss::verify(&spki, &MESSAGE, &bytes)));
    });
    group.finish();
}

fn keys_of_epochs(c: &mut Criterion) {
    let keys = test_keys::set(0).unwrap();
    let spki = keys.encryption.spki().unwrap();
    let key = EpochKey::make();
    let wrapped = wrap::wrap(&spki, &key, b"label").unwrap();
    let mut group = c.benchmark_group("RSA-OAEP-3072");
    group.bench_function("wrap", |b| {
        b.iter(|| wrap::wrap(&spki, &key, b"label").unwrap());
    });
    group.bench_function("unwrap", |b| {
        b.iter(|| wrap::unwrap(&keys.encryption, &wrapped, b"label").unwrap());
    });
    group.finish();
}

fn messages(c: &mut Criterion) {
    let (key, salt, header) = (EpochKey::make(), [7; 32], [1; 300]);
    let signature = vec![0; 384].into();
    let sealed = seal(&key, &salt, &header, &MESSAGE, &signature).unwrap();
    let mut group = c.benchmark_group("message of 1 KiB");
    group.bench_function("seal", |b| {
        b.iter(|| seal(&key, &salt, &header, &MESSAGE, &signature).unwrap());
    });
    group.bench_function("open", |b| {
        b.iter(|| open(&key, &salt, &header, &sealed).unwrap());
    });
    group.finish();
}

fn tree(c: &mut Criterion) {
    let leaf = leaf_hash(&MESSAGE);
    let mut group = c.benchmark_group("tree");
    for size in [1_000, 1_000_000] {
        let mut frontier = Frontier::default();
        for _ in 0..size {
            frontier.append(leaf);
        }
        group.bench_function(format!("append and root at {size}"), |b| {
            b.iter_batched_ref(
                || frontier.clone(),
                |frontier| {
                    frontier.append(leaf);
                    black_box(frontier.root())
                },
                criterion::BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, signatures, keys_of_epochs, messages, tree);
criterion_main!(benches);
