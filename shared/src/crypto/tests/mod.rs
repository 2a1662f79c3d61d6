//! Tests that hold this room against the outside: published vectors and OpenSSL. Its own frozen formats are
//! [`crate::vectors`].

mod dsa;
mod dsa_params;
mod identity;
mod opaque;
mod openssl;
mod wycheproof;

use crate::vectors::json::{hex, to_hex};
