//! Keys and a store outside the browser, for tests and the load generator: in memory, gone with the process.
//!
//! The private operations are the `rsa` and `dsa` crates'; what they seal is what the browser's WebCrypto seals.

#[cfg(all(feature = "test-keys", not(target_arch = "wasm32")))]
mod fast;
mod keys;
mod memo;
mod store;
pub mod test_keys;

pub use self::keys::{NativeKeys, PrivateKeys};
pub use self::memo::Memo;
pub use self::store::MemoryStore;
