//! The vault's blobs, and the synced state as it comes out of one.

use secure_chat_shared::codec;
use secure_chat_shared::crypto::secret::Secret32;
use secure_chat_shared::crypto::vault::{self, VaultPurpose, VaultState, merge};
use secure_chat_shared::ids::UserId;

const USER: UserId = UserId([1; 16]);

/// The bytes as a blob, and as what one holds.
pub fn vault(data: &[u8]) {
    let key = Secret32::from_slice(&[9; 32]).unwrap();
    let purposes = [
        VaultPurpose::PrivByPassword,
        VaultPurpose::StateKey,
        VaultPurpose::DsaSigningKey { version: 1 },
        VaultPurpose::State,
    ];
    for purpose in purposes {
        assert!(vault::open(&key, purpose, &USER, data).is_err());
    }
    let blob = vault::seal(&key, VaultPurpose::State, &USER, data);
    let opened = vault::open(&key, VaultPurpose::State, &USER, &blob).unwrap();
    assert_eq!(&opened[..], data);
    assert!(vault::open(&key, VaultPurpose::StateKey, &USER, &blob).is_err());

    if let Ok((generation, state)) = codec::decode::<(u64, VaultState)>(&opened) {
        let encoded = codec::encode(&(generation, state.clone()));
        let again: (u64, VaultState) = codec::decode(&encoded).unwrap();
        assert_eq!(again, (generation, state.clone()));
        let merged = merge(&state, &VaultState::default());
        let _ = codec::encode(&merged.state);
    }
}
