//! Every signature, hash, key derivation and seal names its purpose and the protocol's version: nothing made for one
//! purpose can be taken for another, and no key has two.

/// What every label begins with: the product and the protocol's version.
pub const PREFIX: &[u8] = b"secure-chat/v1/";

/// `PREFIX || purpose || 0x00 || (length of part, u32 big-endian || part)...`: injective in purpose and parts.
///
/// `purpose` is one of [`purpose`]; parts are far below 4 GiB (a frame has at most 1 MiB).
pub fn labelled(purpose: &str, parts: &[&[u8]]) -> Vec<u8> {
    let length = parts.iter().map(|part| 4 + part.len()).sum::<usize>();
    let mut out = Vec::with_capacity(PREFIX.len() + purpose.len() + 1 + length);
    out.extend_from_slice(PREFIX);
    out.extend_from_slice(purpose.as_bytes());
    out.push(0);
    for part in parts {
        out.extend_from_slice(&(part.len() as u32).to_be_bytes());
        out.extend_from_slice(part);
    }
    out
}

/// The parts of a [`labelled`] payload of this purpose; `None` if it is none.
pub fn parts<'a>(purpose: &str, payload: &'a [u8]) -> Option<Vec<&'a [u8]>> {
    let mut rest = payload
        .strip_prefix(PREFIX)?
        .strip_prefix(purpose.as_bytes())?
        .strip_prefix(&[0])?;
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (part, after) = after.split_at_checked(length)?;
        parts.push(part);
        rest = after;
    }
    Some(parts)
}

/// All purposes. A name is used in one place, for one thing.
pub mod purpose {
    /// Signature over an identity version's body.
    pub const IDENTITY: &str = "identity";
    /// SHA-256 that is an identity's hash.
    pub const IDENTITY_HASH: &str = "identity hash";
    /// Signature over a `compromised` statement's body.
    pub const COMPROMISED: &str = "compromised";
    /// Signature over a state entry.
    pub const STATE_ENTRY: &str = "state entry";
    /// SHA-256 that names a state entry in its successor.
    pub const STATE_HASH: &str = "state hash";
    /// SHA-256 over an announcement.
    pub const ANNOUNCEMENT: &str = "announcement";
    /// Signature of a server over an announcement that it made.
    pub const MANAGED_ANNOUNCEMENT: &str = "managed announcement";
    /// SHA-256 over the sorted list of who may read.
    pub const READERS: &str = "readers";
    /// OAEP label of a wrapped epoch key.
    pub const EPOCH_WRAP: &str = "epoch wrap";
    /// HKDF output that commits to an epoch key.
    pub const EPOCH_COMMITMENT: &str = "epoch commitment";
    /// OAEP label of an earlier epoch key that a `share` hands over.
    pub const SHARED_WRAP: &str = "shared wrap";
    /// HKDF: key of one sealed title.
    pub const TITLE_KEY: &str = "title key";
    /// AEAD: a sealed title.
    pub const TITLE: &str = "title";
    /// Signature over a message's header and inner part.
    pub const MESSAGE: &str = "message";
    /// HKDF: key of one message.
    pub const MESSAGE_KEY: &str = "message key";
    /// HKDF: key of one ephemeral signal.
    pub const EPHEMERAL_KEY: &str = "ephemeral key";
    /// AEAD: an ephemeral signal.
    pub const EPHEMERAL: &str = "ephemeral";
    /// OPAQUE's context string is [`super::PREFIX`] without its slash; this is the Argon2id salt.
    pub const PASSWORD_STRETCH: &str = "password stretch";
    /// HKDF: what the password unwraps K_priv with.
    pub const PASSWORD_KEK: &str = "password kek";
    /// HKDF: what the recovery code unwraps K_priv with.
    pub const RECOVERY_KEK: &str = "recovery kek";
    /// HKDF: what proves the recovery code to the server.
    pub const RECOVERY_AUTH: &str = "recovery auth";
    /// SHA-256, first two bytes: the recovery code's checksum.
    pub const RECOVERY_CHECKSUM: &str = "recovery checksum";
    /// AEAD: K_priv under the password's KEK.
    pub const VAULT_PRIV_BY_PASSWORD: &str = "vault priv by password";
    /// AEAD: K_priv under the recovery code's KEK.
    pub const VAULT_PRIV_BY_RECOVERY: &str = "vault priv by recovery";
    /// What a passkey's PRF is evaluated on.
    pub const PASSKEY_PRF: &str = "passkey prf";
    /// HKDF: what a passkey's PRF unwraps K_priv with.
    pub const PASSKEY_KEK: &str = "passkey kek";
    /// AEAD: K_priv under a passkey's KEK.
    pub const VAULT_PRIV_BY_PASSKEY: &str = "vault priv by passkey";
    /// AEAD: K_state under K_priv.
    pub const VAULT_STATE_KEY: &str = "vault state key";
    /// AEAD: an RSA encryption key under K_priv.
    pub const VAULT_ENCRYPTION_KEY: &str = "vault encryption key";
    /// AEAD: an RSA signing key under K_priv.
    pub const VAULT_RSA_SIGNING_KEY: &str = "vault rsa signing key";
    /// AEAD: a DSA signing key under K_priv.
    pub const VAULT_DSA_SIGNING_KEY: &str = "vault dsa signing key";
    /// AEAD: the synced state under K_state.
    pub const VAULT_STATE: &str = "vault state";
    /// SHA-512 that a safety number is read off.
    pub const SAFETY_NUMBER: &str = "safety number";
    /// SHA-256 that an identity's short fingerprint is read off.
    pub const SHORT_FINGERPRINT: &str = "short fingerprint";
    /// HMAC that answers an invite link.
    pub const LINK_PROOF: &str = "link proof";
    /// AEAD: the key of a locked browser's store, under K_state.
    pub const STORE_KEY: &str = "store key";
    /// AEAD: a record of a client's store.
    pub const STORE_RECORD: &str = "store record";
    /// Signature that only proves a loaded private key to belong to its public half.
    pub const KEY_CHECK: &str = "key check";
    /// OAEP label that only proves the same of an encryption key.
    pub const KEY_CHECK_WRAP: &str = "key check wrap";

    /// Signature of an exporter over the list of files of an export.
    pub const EXPORT_MANIFEST: &str = "export manifest";

    /// Every purpose, for the test that no two are alike.
    pub const ALL: &[&str] = &[
        IDENTITY,
        IDENTITY_HASH,
        COMPROMISED,
        STATE_ENTRY,
        STATE_HASH,
        ANNOUNCEMENT,
        MANAGED_ANNOUNCEMENT,
        READERS,
        EPOCH_WRAP,
        EPOCH_COMMITMENT,
        SHARED_WRAP,
        TITLE_KEY,
        TITLE,
        MESSAGE,
        MESSAGE_KEY,
        EPHEMERAL_KEY,
        EPHEMERAL,
        PASSWORD_STRETCH,
        PASSWORD_KEK,
        RECOVERY_KEK,
        RECOVERY_AUTH,
        RECOVERY_CHECKSUM,
        VAULT_PRIV_BY_PASSWORD,
        VAULT_PRIV_BY_RECOVERY,
        PASSKEY_PRF,
        PASSKEY_KEK,
        VAULT_PRIV_BY_PASSKEY,
        VAULT_STATE_KEY,
        VAULT_ENCRYPTION_KEY,
        VAULT_RSA_SIGNING_KEY,
        VAULT_DSA_SIGNING_KEY,
        VAULT_STATE,
        SAFETY_NUMBER,
        SHORT_FINGERPRINT,
        LINK_PROOF,
        STORE_KEY,
        STORE_RECORD,
        KEY_CHECK,
        KEY_CHECK_WRAP,
        EXPORT_MANIFEST,
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cannot_be_shifted() {
        let a = labelled(purpose::MESSAGE, &[b"ab", b"c"]);
        assert_ne!(a, labelled(purpose::MESSAGE, &[b"a", b"bc"]));
        assert_ne!(a, labelled(purpose::MESSAGE, &[b"abc"]));
        assert_eq!(a, b"secure-chat/v1/message\0\0\0\0\x02ab\0\0\0\x01c");
        assert_eq!(
            parts(purpose::MESSAGE, &a),
            Some(vec![&b"ab"[..], &b"c"[..]])
        );
        assert_eq!(parts(purpose::TITLE, &a), None);
        assert_eq!(parts(purpose::MESSAGE, &a[..a.len() - 1]), None);
    }

    #[test]
    fn no_two_purposes_are_alike() {
        let mut all = purpose::ALL.to_vec();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), purpose::ALL.len());
        assert!(all.iter().all(|name| name.bytes().all(|b| b != 0)));
    }
}
