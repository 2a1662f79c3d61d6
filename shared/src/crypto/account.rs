//! What an account is on the server: the vault and the transactions that make or replace it.
//!
//! Sealed blobs: see [`super::vault`].

use minicbor::{Decode, Encode};

use crate::codec::Bytes;

/// What opens with the password or the recovery code. Every field is a sealed blob that names its purpose and user.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Vault {
    /// K_priv under the KEK of the OPAQUE export key.
    #[n(0)]
    pub priv_by_password: Bytes,
    /// K_priv under the KEK of the recovery code.
    #[n(1)]
    pub priv_by_recovery: Bytes,
    /// K_state under K_priv.
    #[n(2)]
    pub state_key: Bytes,
    /// PKCS#8 of each version's private keys under K_priv, one for every identity version whose keys are still of use,
    /// oldest first.
    #[n(3)]
    pub keys: Vec<VaultKeys>,
}

/// The private keys of one identity version, sealed under K_priv.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct VaultKeys {
    /// The identity version, from 1.
    #[n(0)]
    pub version: u32,
    /// RSA-3072 encryption key, PKCS#8.
    #[n(1)]
    pub encryption: Bytes,
    /// RSA-3072 signing key, PKCS#8.
    #[n(2)]
    pub rsa_signing: Bytes,
    /// DSA-3072/256 signing key, PKCS#8.
    #[n(3)]
    pub dsa_signing: Bytes,
}

/// What registration uploads besides the OPAQUE record.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct NewAccount {
    /// Identity version 1, as signed ([`super::identity::SignedIdentity`]).
    #[n(0)]
    pub identity: Bytes,
    /// The vault.
    #[n(1)]
    pub vault: Vault,
    /// The first generation of the synced state, sealed under K_state.
    #[n(2)]
    pub state: Bytes,
    /// SHA-256(rec_auth).
    #[n(3)]
    pub recovery_verifier: Bytes,
}

/// What replaces an account's secrets after a fresh login (password change) or by rec_auth (recovery), in one
/// transaction: new OPAQUE record, new K_priv and K_state, new wraps of the same identity versions, new verifier.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ReplacedSecrets {
    /// OPAQUE `RegistrationRecord` for the new password.
    #[n(0)]
    pub record: Bytes,
    /// The new vault.
    #[n(1)]
    pub vault: Vault,
    /// The synced state, sealed under the new K_state.
    #[n(2)]
    pub state: Bytes,
    /// SHA-256(rec_auth) of the new recovery code.
    #[n(3)]
    pub recovery_verifier: Bytes,
}
