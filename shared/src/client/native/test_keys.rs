//! Private keys made for tests and the load generator, public for all the world to see: never for anything real.

use super::PrivateKeys;
use crate::client::platform::KeysError;

/// How many sets there are.
pub const COUNT: usize = 8;

macro_rules! keys {
    ($($n:literal),*) => {
        [$([
            include_bytes!(concat!("../../../tests/keys/", $n, "-encryption.pk8")),
            include_bytes!(concat!("../../../tests/keys/", $n, "-rsa-signing.pk8")),
            include_bytes!(concat!("../../../tests/keys/", $n, "-dsa-signing.pk8")),
        ]),*]
    };
}

static SETS: [[&[u8]; 3]; COUNT] = keys!(1, 2, 3, 4, 5, 6, 7, 8);

/// PKCS#8 DER of set `n` (modulo [`COUNT`]): encryption, RSA signing, DSA signing.
pub fn pkcs8(n: usize) -> [&'static [u8]; 3] {
    SETS[n % COUNT]
}

/// Set `n` (modulo [`COUNT`]).
pub fn set(n: usize) -> Result<PrivateKeys, KeysError> {
    let [encryption, rsa_signing, dsa_signing] = pkcs8(n);
    PrivateKeys::from_pkcs8(encryption, rsa_signing, dsa_signing)
}
