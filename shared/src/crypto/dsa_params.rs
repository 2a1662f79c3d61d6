//! The DSA domain parameters of the protocol: L = 3072, N = 256, fixed for everybody.
//!
//! Made the verifiable way of FIPS 186-4: p and q by A.1.1.2 with SHA-256, g by A.2.3 with index 1. The seed is
//! SHA-256("secure-chat/v1 DSA domain parameters"), hashed again until it gives a prime q and, within 4 L counters, a
//! prime p: nobody chose anything. The tests derive them again; OpenSSL accepts them.

/// Where the search for the seed began: the SHA-256 of this text.
pub const SEED_TEXT: &str = "secure-chat/v1 DSA domain parameters";

/// How many times the first seed was hashed to get [`SEED`].
pub const SEED_HASHED: u32 = 49;

/// The `domain_parameter_seed`.
pub const SEED: [u8; 32] =
    unhex("9833d2d531cb2e56c96c07a9a640b36cde3e4e6151962163b85a0a9c0d44e83e");

/// The counter at which p was found.
pub const COUNTER: u32 = 267;

/// The count at which g was found.
pub const GENERATOR_COUNT: u16 = 1;

/// The prime p, 3072 bits, big-endian.
pub const P: [u8; 384] = unhex(
    "\
     e05cdf2cfb4d78bf2eb58ef0d10e16a9f333e4664e84aeed3b116d6446fea283df9a39671d01a80a\
     84740bfbb680165ab34c90000245328a1571877feeba45dd13b9c7583e2810f1dae88d71bc139c28\
     ffa83ace328d70a30f3077343d142291db303c2a8871034ec33ba7635e8772e3019ebe7f594da410\
     205d1c54b0de87b8ba514d9dc40f639c5cf081b5ce2c94ca21b70e998c057977004176679af3e371\
     a58de712deeed6b21d1230c401214ca748b3d55b71370878c99004198c18dda11192ca97d25cf3b8\
     3fa45d754fe4a918f229483b65c4f14f62e0e1efaf49a33aefe9f4599c705eac07c7bb27191b569d\
     1dba6637cf725f01611f61de77a6601ee4699357ab2489651694436d8d63a3371850f2eceae7880a\
     6fafa4789d203d994accb6b5467020f978b9932e736ddcb582ac7644657d8fb010e0b62a96ad7ec7\
     13e8c5e6cce65c5d4c3abb3c6e6c559d4ddd466dac395a41a6a0c46ad268296e3c6c617b61b1e5f1\
     5723c79a03a36911680dffac2bdb9dd6418f277b307cf103",
);

/// The prime q, 256 bits, big-endian; divides p - 1.
pub const Q: [u8; 32] = unhex("a67c7096c1f73e56a5213c86644282414e4361bf0b6733fa5a2282f8578b01e7");

/// The generator g of the subgroup of order q, big-endian.
pub const G: [u8; 384] = unhex(
    "\
     60b32c86c8a89a443ca9b477bd5b7281d7f6d3940734c77fc725a21821ecd360ba9d525a603090b5\
     5519fdff0edbe59ae37154ae78499a1b793ae5e37854a65fd7f5a936a5568d46ec9d9ffb9765d2d2\
     7f72defcc6c4bb7cf2b776549d7163e20467c7aa7555329fbeca3c101037058f9a457a6e260a6f82\
     571c051ae9a6db0c2461e1160eb7711d611b7fd1e9bea26dba5312423541010abe6d6d5be1bd6d00\
     be9f4606357c8b9d665394747adcc32558b3e6e65b06e761825e98f9e247ef39cb611178f15a4fe0\
     65688b7c5d0f4d1533f90a89663bd9c5902bcdaf2c24c5fc7522b4615e976810b46a9321500e2af4\
     4d2ddce612b5a2235f2674f9c974354629657093dd42f0c4e997746356e6afa0387c8be690d92889\
     7bb22548110be04693675ab8d1405818e02611124ca639e136f64d38d33508197ac3b3edcdc30d6f\
     b29256c0cb0fe1e189c478eb751dbb43fb83e4f36b22e19cb85c35a79bfe73235d9ba2f118017376\
     605f1d9a9b5a9c900fd0a77ff979e710a2ac658f379fb14e",
);

/// The AlgorithmIdentifier of every key: id-dsa (1.2.840.10040.4.1) with p, q and g, DER.
pub const ALGORITHM_IDENTIFIER: [u8; 829] = algorithm_identifier();

const fn algorithm_identifier() -> [u8; 829] {
    let mut out = [0; 829];
    // SEQUENCE { OID id-dsa, SEQUENCE { INTEGER p, ...
    let at = put(
        &mut out,
        0,
        b"\x30\x82\x03\x39\x06\x07\x2a\x86\x48\xce\x38\x04\x01\x30\x82\x03\x2c",
    );
    let at = put(&mut out, at, b"\x02\x82\x01\x81\x00");
    let at = put(&mut out, at, &P);
    let at = put(&mut out, at, b"\x02\x21\x00");
    let at = put(&mut out, at, &Q);
    // The first bit of g is 0: no leading zero byte.
    let at = put(&mut out, at, b"\x02\x82\x01\x80");
    let at = put(&mut out, at, &G);
    assert!(at == out.len() && G[0] < 0x80);
    out
}

const fn put(out: &mut [u8], at: usize, bytes: &[u8]) -> usize {
    let mut i = 0;
    while i < bytes.len() {
        out[at + i] = bytes[i];
        i += 1;
    }
    at + bytes.len()
}

const fn unhex<const N: usize>(hex: &str) -> [u8; N] {
    let hex = hex.as_bytes();
    assert!(hex.len() == 2 * N);
    let mut out = [0; N];
    let mut i = 0;
    while i < N {
        out[i] = digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]);
        i += 1;
    }
    out
}

const fn digit(c: u8) -> u8 {
    match c {
        b'0'..=b'9' => c - b'0',
        _ => {
            assert!(matches!(c, b'a'..=b'f'));
            c - b'a' + 10
        }
    }
}
