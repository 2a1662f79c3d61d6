//! The domain parameters, derived again.

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, NonZero, Odd, Resize};
use crypto_primes::{Flavor, is_prime};

use crate::crypto::dsa_params::{COUNTER, G, GENERATOR_COUNT, P, Q, SEED, SEED_HASHED, SEED_TEXT};
use crate::crypto::primitives::sha256;

const L: u32 = 3072;
const N: u32 = 256;

fn uint(bytes: &[u8], bits: u32) -> BoxedUint {
    BoxedUint::from_be_slice(bytes, bits).unwrap()
}

/// FIPS 186-4, A.1.1.2, steps 6 and 7. The highest and the lowest bit of q are set.
fn q_of(seed: &[u8; 32]) -> [u8; 32] {
    let mut q = sha256(seed);
    q[0] |= 0x80;
    // U + 1 - (U mod 2): U if it is odd, else U + 1.
    q[31] |= 1;
    q
}

/// FIPS 186-4, A.1.1.2, steps 11.1 to 11.5.
fn p_of(seed: &[u8; 32], q: &BoxedUint, counter: u32) -> BoxedUint {
    let mut x = [0; 384];
    for j in 0..12_u32 {
        let offset = 1 + 12 * counter + j;
        let v = sha256(&plus(seed, offset));
        let end = 384 - 32 * j as usize;
        x[end - 32..end].copy_from_slice(&v);
    }
    // V_n mod 2^b with b = 255, plus 2^(L-1): whatever the highest bit was, it is set.
    x[0] |= 0x80;
    let x = uint(&x, L);
    let two_q = NonZero::new(q.resize(L).shl(1)).unwrap();
    let c = x.rem_vartime(&two_q).resize(L);
    x.wrapping_sub(&c).wrapping_add(BoxedUint::one())
}

/// (seed + number) mod 2^256.
fn plus(seed: &[u8; 32], number: u32) -> [u8; 32] {
    let sum = uint(seed, N).wrapping_add(BoxedUint::from(number));
    sum.to_be_bytes()[..].try_into().unwrap()
}

#[test]
fn nobody_chose_the_seed() {
    let mut seed = sha256(SEED_TEXT.as_bytes());
    for _ in 0..SEED_HASHED {
        // Each seed before gave no prime q (had it given one, it would also have had to fail at every p).
        assert!(!is_prime(Flavor::Any, &uint(&q_of(&seed), N)));
        seed = sha256(&seed);
    }
    assert_eq!(seed, SEED);
    assert_eq!(q_of(&seed), Q);
    assert!(is_prime(Flavor::Any, &uint(&Q, N)));
}

#[test]
fn p_is_the_first_prime_of_the_seed() {
    let (p, q) = (uint(&P, L), uint(&Q, N));
    let low = uint(&[0x80], 8).resize(L).shl(L - 8);
    for counter in 0..COUNTER {
        let candidate = p_of(&SEED, &q, counter);
        assert!(
            candidate < low || !is_prime(Flavor::Any, &candidate),
            "{counter}"
        );
    }
    assert_eq!(p_of(&SEED, &q, COUNTER), p);
    assert!(p >= low);
    assert!(is_prime(Flavor::Any, &p));
}

/// FIPS 186-4, A.2.3, with index 1.
#[test]
fn g_is_derived_and_of_order_q() {
    let (p, q) = (uint(&P, L), uint(&Q, N));
    let one = BoxedUint::one().resize(L);
    let e = p
        .wrapping_sub(&one)
        .wrapping_div(&NonZero::new((&q).resize(L)).unwrap());
    let monty = BoxedMontyParams::new_vartime(Odd::new(p).unwrap());
    let mut input = SEED.to_vec();
    input.extend_from_slice(b"ggen\x01");
    input.extend_from_slice(&GENERATOR_COUNT.to_be_bytes());
    assert_eq!(GENERATOR_COUNT, 1, "the first count gave one");
    let w = BoxedMontyForm::new(uint(&sha256(&input), L), &monty);
    let g = w.pow(&e).retrieve();
    assert_eq!(g, uint(&G, L));
    assert!(g > one);
    let power = BoxedMontyForm::new(g, &monty).pow(&q);
    assert_eq!(power.retrieve(), one);
}
