//! Keys in memory, by the `rsa` and `dsa` crates.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::memo::Memo;
use crate::client::platform::{
    KeyStep, Keys, KeysError, MadeKeys, NewSecrets, PublicKeys, Records, Renewed, Replaced, Unlock,
};
use crate::codec::Bytes;
use crate::crypto::account::{Vault, VaultKeys};
use crate::crypto::epoch::EpochKey;
use crate::crypto::label::{labelled, purpose};
use crate::crypto::opaque::ExportKey;
use crate::crypto::recovery::RecoveryCode;
use crate::crypto::secret::Secret32;
use crate::crypto::signing::{Algorithm, Claim, Signature};
use crate::crypto::vault::{self, VaultPurpose};
use crate::crypto::{dsa, rsa_pss, wrap};
use crate::ids::UserId;

/// The private keys of one identity version.
#[derive(Debug, Clone)]
pub struct PrivateKeys {
    /// For unwrapping.
    pub encryption: rsa_pss::PrivateKey,
    /// For RSA-PSS.
    pub rsa_signing: rsa_pss::PrivateKey,
    /// For DSA.
    pub dsa_signing: dsa::PrivateKey,
}

impl PrivateKeys {
    /// Three new keys. Takes seconds.
    pub fn make() -> Result<Self, KeysError> {
        Ok(Self {
            encryption: rsa_pss::PrivateKey::make().map_err(platform)?,
            rsa_signing: rsa_pss::PrivateKey::make().map_err(platform)?,
            dsa_signing: dsa::PrivateKey::make().map_err(platform)?,
        })
    }

    /// From three PKCS#8 DER documents.
    pub fn from_pkcs8(
        encryption: &[u8],
        rsa_signing: &[u8],
        dsa_signing: &[u8],
    ) -> Result<Self, KeysError> {
        Ok(Self {
            encryption: rsa_pss::PrivateKey::from_pkcs8(encryption).map_err(no_key)?,
            rsa_signing: rsa_pss::PrivateKey::from_pkcs8(rsa_signing).map_err(no_key)?,
            dsa_signing: dsa::PrivateKey::from_pkcs8(dsa_signing).map_err(no_key)?,
        })
    }

    /// The public halves.
    pub fn public(&self) -> Result<PublicKeys, KeysError> {
        Ok(PublicKeys {
            encryption: self.encryption.spki().map_err(platform)?,
            rsa_signing: self.rsa_signing.spki().map_err(platform)?,
            dsa_signing: self.dsa_signing.spki(),
        })
    }

    /// Whether these are the private halves: the public ones are computed from them, and a trial signature and
    /// unwrap say that the private parts fit.
    fn check(&self, public: &PublicKeys) -> Result<(), KeysError> {
        if self.public()? != *public {
            return Err(KeysError::DoesNotOpen);
        }
        let message = labelled(purpose::KEY_CHECK, &[]);
        let label = labelled(purpose::KEY_CHECK_WRAP, &[]);
        let key = EpochKey::make();
        let wrapped = wrap::wrap(&public.encryption, &key, &label).map_err(platform)?;
        let opened = wrap::unwrap(&self.encryption, &wrapped, &label).map_err(no_key)?;
        let pss = self.rsa_signing.sign(&message).map_err(no_key)?;
        let dsa = self.dsa_signing.sign(&message).map_err(no_key)?;
        let good = opened == key
            && rsa_pss::verify(&public.rsa_signing, &message, &pss)
            && dsa::verify(&public.dsa_signing, &message, &dsa);
        if good {
            Ok(())
        } else {
            Err(KeysError::DoesNotOpen)
        }
    }
}

/// A device's keys. Clones share them, so that a client can be dropped and started again on the same device.
#[derive(Clone, Default)]
pub struct NativeKeys {
    device: Arc<Mutex<Device>>,
    memo: Option<Arc<Memo>>,
}

#[derive(Default)]
struct Device {
    /// What [`Keys::make`] and [`Keys::renew`] take, in this order, before they make keys.
    ready: VecDeque<PrivateKeys>,
    held: Option<Held>,
    locked: Option<Locked>,
}

struct Held {
    user: UserId,
    /// By version, oldest first.
    keys: Vec<(u32, Arc<PrivateKeys>)>,
    state: Secret32,
    /// What would seal the records of a store on a disk.
    store: Secret32,
    /// What [`Keys::adopt`] has not stored yet.
    next: Option<Next>,
}

/// What was made and is not stored yet.
enum Next {
    /// By [`Keys::renew`].
    Version(u32, Arc<PrivateKeys>),
    /// By [`Keys::replace`]: K_state.
    State(Secret32),
}

/// What [`Keys::lock`] leaves.
#[derive(Clone)]
struct Locked {
    user: UserId,
    clear: Vec<u8>,
    /// The store's key, sealed under K_state.
    store: Vec<u8>,
}

impl Device {
    /// Holds what a vault had, and the store's key with it.
    fn hold(&mut self, opened: Opened) -> Records {
        let Opened { user, keys, state } = opened;
        let kept = match (self.locked.take(), self.held.take()) {
            (Some(locked), _) if locked.user == user => {
                vault::open(&state, VaultPurpose::StoreKey, &user, &locked.store)
                    .ok()
                    .and_then(|opened| Secret32::from_slice(&opened).ok())
            }
            (None, Some(held)) if held.user == user => Some(held.store),
            (None, None) => Some(Secret32::make()),
            _ => None,
        };
        let records = match kept {
            Some(_) => Records::Kept,
            None => Records::Lost,
        };
        self.held = Some(Held {
            user,
            keys,
            state,
            store: kept.unwrap_or_else(Secret32::make),
            next: None,
        });
        records
    }
}

impl NativeKeys {
    /// A device without keys.
    pub fn new() -> Self {
        Self::default()
    }

    /// A device without keys, whose first [`Keys::make`] takes these instead of making some.
    pub fn with_keys(keys: PrivateKeys) -> Self {
        let device = Self::new();
        device.provide(keys);
        device
    }

    /// The next fresh keys are these.
    pub fn provide(&self, keys: PrivateKeys) {
        self.device().ready.push_back(keys);
    }

    /// A device like this one that computes nothing that this memo has.
    #[must_use]
    pub fn remembering(self, memo: Arc<Memo>) -> Self {
        let memo = Some(memo);
        Self { memo, ..self }
    }

    /// A device of its own that holds what this one has stored: what [`Keys::adopt`] has not stored is lost, as it is
    /// when a browser is closed.
    pub fn snapshot(&self) -> Self {
        let device = self.device();
        let held = device.held.as_ref().map(|held| Held {
            user: held.user,
            keys: held.keys.clone(),
            state: held.state.clone(),
            store: held.store.clone(),
            next: None,
        });
        let copy = Device {
            ready: VecDeque::new(),
            held,
            locked: device.locked.clone(),
        };
        Self {
            device: Arc::new(Mutex::new(copy)),
            memo: self.memo.clone(),
        }
    }

    fn device(&self) -> MutexGuard<'_, Device> {
        self.device.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds what is made until [`Keys::adopt`] stores it.
    fn prepare(&self, user: UserId, next: Next) -> Result<(), KeysError> {
        let mut device = self.device();
        let held = device.held.as_mut().filter(|held| held.user == user);
        held.ok_or(KeysError::Missing)?.next = Some(next);
        Ok(())
    }

    fn held<T>(&self, take: impl FnOnce(&Held) -> Option<T>) -> Result<T, KeysError> {
        self.device()
            .held
            .as_ref()
            .and_then(take)
            .ok_or(KeysError::Missing)
    }
}

impl Keys for NativeKeys {
    async fn make(
        &self,
        user: UserId,
        export_key: &ExportKey,
        recovery: &RecoveryCode,
        step: &dyn Fn(KeyStep),
    ) -> Result<MadeKeys, KeysError> {
        let ready = self.device().ready.pop_front();
        let keys = ready.map_or_else(PrivateKeys::make, Ok)?;
        step(KeyStep::Encryption);
        step(KeyStep::Signing);
        let public = keys.public()?;
        let keys = vec![(1, Arc::new(keys))];
        let (vault, state) = seal_vault(user, &keys, export_key, recovery)?;
        let mut device = self.device();
        (device.held, device.locked) = (None, None);
        device.hold(Opened { user, keys, state });
        step(KeyStep::Sealed);
        Ok(MadeKeys { public, vault })
    }

    async fn open(
        &self,
        user: UserId,
        unlock: Unlock<'_>,
        vault: &Vault,
        public: &[PublicKeys],
    ) -> Result<Records, KeysError> {
        let (opened, _) = open_vault(user, unlock, vault, public)?;
        Ok(self.device().hold(opened))
    }

    async fn renew(
        &self,
        user: UserId,
        export_key: &ExportKey,
        vault: &Vault,
        public: &[PublicKeys],
        fresh: bool,
    ) -> Result<Renewed, KeysError> {
        let (opened, private) = open_vault(user, Unlock::Password(export_key), vault, public)?;
        let (last, newest) = opened.keys.last().ok_or(KeysError::Missing)?;
        let version = last + 1;
        let keys = if fresh {
            let ready = self.device().ready.pop_front();
            Arc::new(ready.map_or_else(PrivateKeys::make, Ok)?)
        } else {
            newest.clone()
        };
        let sealed = seal_keys(&private, user, version, &keys)?;
        let public = keys.public()?;
        self.device().hold(opened);
        self.prepare(user, Next::Version(version, keys))?;
        Ok(Renewed {
            public,
            keys: sealed,
        })
    }

    async fn replace(
        &self,
        user: UserId,
        unlock: Unlock<'_>,
        vault: &Vault,
        public: &[PublicKeys],
        new: NewSecrets<'_>,
    ) -> Result<Replaced, KeysError> {
        let (opened, _) = open_vault(user, unlock, vault, public)?;
        let (vault, state_key) = seal_vault(user, &opened.keys, new.export_key, new.recovery)?;
        let state = vault::seal(&state_key, VaultPurpose::State, &user, new.state);
        self.prepare(user, Next::State(state_key))?;
        Ok(Replaced { vault, state })
    }

    async fn adopt(&self) -> Result<(), KeysError> {
        let mut device = self.device();
        let held = device.held.as_mut().ok_or(KeysError::Missing)?;
        match held.next.take().ok_or(KeysError::Missing)? {
            Next::Version(version, keys) => held.keys.push((version, keys)),
            Next::State(state) => held.state = state,
        }
        Ok(())
    }

    async fn lock(&self, clear: &[u8]) -> Result<(), KeysError> {
        let mut device = self.device();
        let Held {
            user, state, store, ..
        } = device.held.take().ok_or(KeysError::Missing)?;
        device.locked = Some(Locked {
            user,
            clear: clear.to_vec(),
            store: vault::seal(&state, VaultPurpose::StoreKey, &user, store.expose()),
        });
        Ok(())
    }

    async fn locked(&self) -> Result<Option<Vec<u8>>, KeysError> {
        let device = self.device();
        Ok(device.locked.as_ref().map(|locked| locked.clear.clone()))
    }

    async fn check_recovery(
        &self,
        user: UserId,
        code: &RecoveryCode,
        priv_by_recovery: &[u8],
        state_key: &[u8],
    ) -> Result<bool, KeysError> {
        let state = self.held(|held| Some(held.state.clone()))?;
        let open = |key: &Secret32, purpose, blob: &[u8]| {
            let opened = vault::open(key, purpose, &user, blob).ok()?;
            Secret32::from_slice(&opened).ok()
        };
        let opened = open(&code.kek(), VaultPurpose::PrivByRecovery, priv_by_recovery)
            .and_then(|private| open(&private, VaultPurpose::StateKey, state_key));
        Ok(opened == Some(state))
    }

    async fn load(&self) -> Result<Option<UserId>, KeysError> {
        Ok(self.device().held.as_ref().map(|held| held.user))
    }

    async fn wipe(&self) -> Result<(), KeysError> {
        let mut device = self.device();
        (device.held, device.locked) = (None, None);
        Ok(())
    }

    async fn seal_for_passkey(
        &self,
        user: UserId,
        unlock: Unlock<'_>,
        vault: &Vault,
        prf: &Secret32,
    ) -> Result<Vec<u8>, KeysError> {
        let private = open_private(user, unlock, vault)?;
        let kek = vault::kek_from_prf(prf);
        let purpose = VaultPurpose::PrivByPasskey;
        Ok(vault::seal(&kek, purpose, &user, private.expose()))
    }

    async fn sign(
        &self,
        version: u32,
        algorithm: Algorithm,
        message: &[u8],
    ) -> Result<Signature, KeysError> {
        let keys = self.held(|held| {
            let next = match &held.next {
                Some(Next::Version(next, keys)) if *next == version => Some(keys),
                _ => None,
            };
            let mut all = held.keys.iter();
            let stored = all.find(|(known, _)| *known == version);
            stored.map(|(_, keys)| keys).or(next).cloned()
        })?;
        let signature = match algorithm {
            Algorithm::RsaPss => sign_pss(&keys.rsa_signing, message)?,
            Algorithm::Dsa => keys.dsa_signing.sign(message).map_err(platform)?,
        };
        Ok(signature.into())
    }

    async fn unwrap(&self, version: u32, wrap: &[u8], label: &[u8]) -> Result<EpochKey, KeysError> {
        let keys = self.held(|held| {
            held.keys
                .iter()
                .find(|(known, _)| *known == version)
                .map(|(_, keys)| keys.clone())
        })?;
        let compute = || wrap::unwrap(&keys.encryption, wrap, label);
        match &self.memo {
            None => compute().map_err(no_key),
            Some(memo) => {
                let spki = keys.encryption.spki().map_err(platform)?;
                memo.unwrap(&spki, wrap, label, compute).map_err(no_key)
            }
        }
    }

    async fn wrap(&self, spki: &[u8], key: &EpochKey, label: &[u8]) -> Result<Vec<u8>, KeysError> {
        let wrapped = wrap::wrap(spki, key, label).map_err(platform)?;
        if let Some(memo) = &self.memo {
            memo.wrapped(spki, &wrapped, label, key);
        }
        Ok(wrapped)
    }

    async fn verify(&self, claims: &[Claim]) -> Result<Vec<bool>, KeysError> {
        let verify = |claim: &Claim| match &self.memo {
            None => claim.verify(),
            Some(memo) => memo.verify(claim),
        };
        Ok(claims.iter().map(verify).collect())
    }

    async fn seal_state(&self, plaintext: &[u8]) -> Result<Vec<u8>, KeysError> {
        self.held(|held| {
            Some(vault::seal(
                &held.state,
                VaultPurpose::State,
                &held.user,
                plaintext,
            ))
        })
    }

    async fn open_state(&self, sealed: &[u8]) -> Result<Vec<u8>, KeysError> {
        let opened = self.held(|held| {
            Some(vault::open(
                &held.state,
                VaultPurpose::State,
                &held.user,
                sealed,
            ))
        })?;
        opened.map(|plaintext| plaintext.to_vec()).map_err(no_key)
    }
}

/// A vault with a fresh K_priv and K_state, and that K_state.
fn seal_vault(
    user: UserId,
    keys: &[(u32, Arc<PrivateKeys>)],
    export_key: &ExportKey,
    recovery: &RecoveryCode,
) -> Result<(Vault, Secret32), KeysError> {
    let (private, state) = (Secret32::make(), Secret32::make());
    let by_password = vault::kek_from_export(export_key);
    let seal = |key: &Secret32, purpose, secret: &Secret32| {
        Bytes(vault::seal(key, purpose, &user, secret.expose()))
    };
    let sealed = keys
        .iter()
        .map(|(version, keys)| seal_keys(&private, user, *version, keys));
    let vault = Vault {
        priv_by_password: seal(&by_password, VaultPurpose::PrivByPassword, &private),
        priv_by_recovery: seal(&recovery.kek(), VaultPurpose::PrivByRecovery, &private),
        state_key: seal(&private, VaultPurpose::StateKey, &state),
        keys: sealed.collect::<Result<_, _>>()?,
    };
    Ok((vault, state))
}

/// One version's keys, sealed under K_priv.
fn seal_keys(
    private: &Secret32,
    user: UserId,
    version: u32,
    keys: &PrivateKeys,
) -> Result<VaultKeys, KeysError> {
    let seal = |purpose, pkcs8: &[u8]| Bytes(vault::seal(private, purpose, &user, pkcs8));
    Ok(VaultKeys {
        version,
        encryption: seal(
            VaultPurpose::EncryptionKey { version },
            &keys.encryption.to_pkcs8().map_err(platform)?,
        ),
        rsa_signing: seal(
            VaultPurpose::RsaSigningKey { version },
            &keys.rsa_signing.to_pkcs8().map_err(platform)?,
        ),
        dsa_signing: seal(
            VaultPurpose::DsaSigningKey { version },
            &keys.dsa_signing.to_pkcs8().map_err(platform)?,
        ),
    })
}

/// What a vault holds.
struct Opened {
    user: UserId,
    keys: Vec<(u32, Arc<PrivateKeys>)>,
    state: Secret32,
}

/// Opens K_priv.
fn open_private(user: UserId, unlock: Unlock<'_>, vault: &Vault) -> Result<Secret32, KeysError> {
    let (kek, purpose, blob) = match unlock {
        Unlock::Password(export_key) => (
            vault::kek_from_export(export_key),
            VaultPurpose::PrivByPassword,
            &vault.priv_by_password[..],
        ),
        Unlock::Recovery(code) => (
            code.kek(),
            VaultPurpose::PrivByRecovery,
            &vault.priv_by_recovery[..],
        ),
        Unlock::Passkey { prf, sealed } => (
            vault::kek_from_prf(prf),
            VaultPurpose::PrivByPasskey,
            sealed,
        ),
    };
    let opened = vault::open(&kek, purpose, &user, blob).map_err(no_key)?;
    Secret32::from_slice(&opened).map_err(no_key)
}

/// Opens all of a vault, and gives K_priv too.
fn open_vault(
    user: UserId,
    unlock: Unlock<'_>,
    vault: &Vault,
    public: &[PublicKeys],
) -> Result<(Opened, Secret32), KeysError> {
    let private = open_private(user, unlock, vault)?;
    let open = |purpose, blob: &[u8]| {
        vault::open(&private, purpose, &user, blob).map_err(|_| KeysError::DoesNotOpen)
    };
    let opened = open(VaultPurpose::StateKey, &vault.state_key)?;
    let state = Secret32::from_slice(&opened).map_err(no_key)?;
    if vault.keys.is_empty() || vault.keys.len() != public.len() {
        return Err(KeysError::DoesNotOpen);
    }
    let mut keys = Vec::new();
    for (sealed, public) in vault.keys.iter().zip(public) {
        let version = sealed.version;
        if keys.last().is_some_and(|(before, _)| *before >= version) {
            return Err(KeysError::DoesNotOpen);
        }
        let opened = PrivateKeys::from_pkcs8(
            &open(VaultPurpose::EncryptionKey { version }, &sealed.encryption)?,
            &open(VaultPurpose::RsaSigningKey { version }, &sealed.rsa_signing)?,
            &open(VaultPurpose::DsaSigningKey { version }, &sealed.dsa_signing)?,
        )?;
        opened.check(public)?;
        keys.push((version, Arc::new(opened)));
    }
    Ok((Opened { user, keys, state }, private))
}

#[cfg(all(feature = "test-keys", not(target_arch = "wasm32")))]
fn sign_pss(key: &rsa_pss::PrivateKey, message: &[u8]) -> Result<Vec<u8>, KeysError> {
    super::fast::sign_pss(key, message)
}

#[cfg(not(all(feature = "test-keys", not(target_arch = "wasm32"))))]
fn sign_pss(key: &rsa_pss::PrivateKey, message: &[u8]) -> Result<Vec<u8>, KeysError> {
    key.sign(message).map_err(platform)
}

fn platform(error: impl std::fmt::Display) -> KeysError {
    KeysError::Platform(error.to_string())
}

/// Opening fails all alike.
fn no_key<E>(_: E) -> KeysError {
    KeysError::DoesNotOpen
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::super::test_keys;
    use super::*;
    use crate::crypto::epoch::EpochContext;
    use crate::ids::{ConversationId, Epoch, IdentityHash, Root, View};

    const USER: UserId = UserId([1; 16]);

    fn export_key(byte: u8) -> ExportKey {
        ExportKey::from_slice(&[byte; 64]).unwrap()
    }

    #[test]
    fn every_set_of_test_keys_is_whole() {
        for n in 0..test_keys::COUNT {
            let keys = test_keys::set(n).unwrap();
            keys.check(&keys.public().unwrap()).unwrap();
        }
    }

    #[test]
    fn a_vault_opens_on_another_device() {
        let recovery = RecoveryCode::make();
        let here = NativeKeys::with_keys(test_keys::set(0).unwrap());
        let there = NativeKeys::new();
        let steps = Mutex::new(Vec::new());
        block_on(async {
            let step = |step| steps.lock().unwrap().push(step);
            let made = here
                .make(USER, &export_key(1), &recovery, &step)
                .await
                .unwrap();
            assert_eq!(here.load().await, Ok(Some(USER)));
            let public = [made.public.clone()];
            let wrong_key = export_key(2);
            let wrong_code = RecoveryCode::make();
            for unlock in [Unlock::Password(&wrong_key), Unlock::Recovery(&wrong_code)] {
                let opened = there.open(USER, unlock, &made.vault, &public).await;
                assert_eq!(opened, Err(KeysError::DoesNotOpen));
            }
            let right = export_key(1);
            let unlock = Unlock::Password(&right);
            let other = test_keys::set(1).unwrap().public().unwrap();
            for (user, public) in [
                (UserId([2; 16]), &public[..]),
                (USER, &[other]),
                (USER, &[]),
            ] {
                let opened = there.open(user, unlock, &made.vault, public).await;
                assert_eq!(opened, Err(KeysError::DoesNotOpen));
            }
            assert_eq!(there.load().await, Ok(None));
            for unlock in [unlock, Unlock::Recovery(&recovery)] {
                there
                    .open(USER, unlock, &made.vault, &public)
                    .await
                    .unwrap();
                let sealed = here.seal_state(b"state").await.unwrap();
                assert_eq!(
                    there.open_state(&sealed).await.as_deref(),
                    Ok(&b"state"[..])
                );
            }
            assert_eq!(
                there.open_state(b"nothing").await,
                Err(KeysError::DoesNotOpen)
            );
            exchange(&here, &there, &made.public).await;
            there.wipe().await.unwrap();
            let signed = there.sign(1, Algorithm::Dsa, b"message").await;
            assert_eq!(signed, Err(KeysError::Missing));
        });
        let expected = [KeyStep::Encryption, KeyStep::Signing, KeyStep::Sealed];
        assert_eq!(*steps.lock().unwrap(), expected);
    }

    #[test]
    fn a_snapshot_holds_what_was_stored() {
        let keys = NativeKeys::with_keys(test_keys::set(0).unwrap());
        let (export_key, recovery) = (export_key(1), RecoveryCode::make());
        block_on(async {
            let made = keys.make(USER, &export_key, &recovery, &|_| {}).await;
            let MadeKeys { public, vault } = made.unwrap();
            keys.provide(test_keys::set(1).unwrap());
            keys.renew(USER, &export_key, &vault, &[public], true)
                .await
                .unwrap();
            let closed = keys.snapshot();
            keys.adopt().await.unwrap();
            let renewed = keys.snapshot();
            keys.wipe().await.unwrap();
            for (held, version, signs) in [
                (&closed, 1, true),
                (&closed, 2, false),
                (&renewed, 2, true),
                (&keys, 1, false),
            ] {
                let signed = held.sign(version, Algorithm::Dsa, b"message").await;
                assert_eq!(signed.is_ok(), signs, "{version}");
            }
        });
    }

    #[test]
    fn what_the_old_secrets_open_is_nothing_new() {
        let keys = NativeKeys::with_keys(test_keys::set(0).unwrap());
        let (old, new) = (export_key(1), export_key(2));
        let (old_code, new_code) = (RecoveryCode::make(), RecoveryCode::make());
        block_on(async {
            let made = keys.make(USER, &old, &old_code, &|_| {}).await.unwrap();
            let (vault, public) = (made.vault, [made.public]);
            let before = keys.seal_state(b"before").await.unwrap();
            let secrets = NewSecrets {
                export_key: &new,
                recovery: &new_code,
                state: b"after",
            };
            let by_old = Unlock::Password(&old);
            let replaced = keys.replace(USER, by_old, &vault, &public, secrets).await;
            let Replaced {
                vault: after,
                state,
            } = replaced.unwrap();
            assert!(
                keys.open_state(&before).await.is_ok(),
                "until it is adopted"
            );
            keys.adopt().await.unwrap();
            assert_eq!(keys.open_state(&state).await.as_deref(), Ok(&b"after"[..]));
            let refused = Err(KeysError::DoesNotOpen);
            // Whoever has the old vault and what opened it, against everything new, also put together with the old.
            let thief = NativeKeys::new();
            let with_old_wraps = Vault {
                priv_by_password: vault.priv_by_password.clone(),
                priv_by_recovery: vault.priv_by_recovery.clone(),
                ..after.clone()
            };
            for unlock in [by_old, Unlock::Recovery(&old_code)] {
                for vault in [&after, &with_old_wraps] {
                    let opened = thief.open(USER, unlock, vault, &public).await;
                    assert_eq!(opened, refused);
                }
                thief.open(USER, unlock, &vault, &public).await.unwrap();
                assert!(thief.open_state(&state).await.is_err());
            }
            for unlock in [Unlock::Password(&new), Unlock::Recovery(&new_code)] {
                let opened = NativeKeys::new().open(USER, unlock, &after, &public).await;
                assert_eq!(opened, Ok(Records::Kept));
            }
            for (code, vault, is_it) in [
                (&new_code, &after, true),
                (&old_code, &after, false),
                (&old_code, &vault, false),
                (&new_code, &vault, false),
            ] {
                let (private, state) = (&vault.priv_by_recovery, &vault.state_key);
                let checked = keys.check_recovery(USER, code, private, state).await;
                assert_eq!(checked, Ok(is_it));
            }
        });
    }

    #[test]
    fn a_locked_device_opens_for_the_same_secrets() {
        let keys = NativeKeys::with_keys(test_keys::set(0).unwrap());
        let (export_key, code) = (export_key(1), RecoveryCode::make());
        block_on(async {
            let made = keys.make(USER, &export_key, &code, &|_| {}).await.unwrap();
            let (vault, public) = (made.vault, [made.public]);
            let unlock = Unlock::Password(&export_key);
            let secrets = NewSecrets {
                export_key: &export_key,
                recovery: &code,
                state: b"",
            };
            let replaced = keys.replace(USER, unlock, &vault, &public, secrets).await;
            let other = replaced.unwrap().vault;
            for (vault, records) in [(&vault, Records::Kept), (&other, Records::Lost)] {
                keys.lock(b"clear").await.unwrap();
                assert_eq!(keys.load().await, Ok(None));
                assert_eq!(keys.locked().await, Ok(Some(b"clear".to_vec())));
                let signed = keys.sign(1, Algorithm::Dsa, b"message").await;
                assert_eq!(signed, Err(KeysError::Missing));
                let opened = keys.open(USER, unlock, vault, &public).await;
                assert_eq!(opened, Ok(records));
                assert_eq!(keys.locked().await, Ok(None));
            }
        });
    }

    /// What one device wraps and signs, the other opens and verifies.
    async fn exchange(here: &NativeKeys, there: &NativeKeys, public: &PublicKeys) {
        let context = EpochContext {
            conversation: ConversationId([1; 32]),
            epoch: Epoch(1),
            view: View {
                size: 1,
                root: Root([2; 32]),
            },
        };
        let label = context.wrap_label(&IdentityHash([3; 32]));
        let key = EpochKey::make();
        let wrapped = here.wrap(&public.encryption, &key, &label).await.unwrap();
        assert_eq!(there.unwrap(1, &wrapped, &label).await, Ok(key));
        let other_label = context.wrap_label(&IdentityHash([4; 32]));
        let opened = there.unwrap(1, &wrapped, &other_label).await;
        assert_eq!(opened, Err(KeysError::DoesNotOpen));
        assert_eq!(
            there.unwrap(2, &wrapped, &label).await,
            Err(KeysError::Missing)
        );
        let mut claims = Vec::new();
        for (algorithm, spki) in [
            (Algorithm::RsaPss, &public.rsa_signing),
            (Algorithm::Dsa, &public.dsa_signing),
        ] {
            let signature = there.sign(1, algorithm, b"message").await.unwrap();
            let claim = Claim {
                algorithm,
                spki: spki.clone().into(),
                message: b"message".to_vec(),
                signature,
            };
            claims.push(Claim {
                message: b"massage".to_vec(),
                ..claim.clone()
            });
            claims.push(claim);
        }
        assert_eq!(
            here.verify(&claims).await,
            Ok(vec![false, true, false, true])
        );
    }
}
