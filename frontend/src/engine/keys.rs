//! The signed-in user's keys: RSA by WebCrypto, whose private halves are never in our memory, and DSA by its crate.

use std::cell::RefCell;
use std::rc::Rc;

use futures::future::try_join_all;
use js_sys::{Array, Reflect, Uint8Array};
use secure_chat_shared::client::platform::{
    KeyStep, Keys, KeysError, MadeKeys, NewSecrets, PublicKeys, Records, Renewed, Replaced,
    StoreError, Unlock,
};
use secure_chat_shared::crypto::account::Vault;
use secure_chat_shared::crypto::epoch::EpochKey;
use secure_chat_shared::crypto::label::{labelled, purpose};
use secure_chat_shared::crypto::opaque::ExportKey;
use secure_chat_shared::crypto::recovery::RecoveryCode;
use secure_chat_shared::crypto::secret::Secret32;
use secure_chat_shared::crypto::signing::{Algorithm, Claim, Signature};
use secure_chat_shared::crypto::vault::{self, VaultPurpose};
use secure_chat_shared::ids::UserId;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::CryptoKey;
use zeroize::Zeroizing;

use super::database::KEYS;
use super::device::Device;
use super::vault_keys::{
    self, DsaKey, OpenVault, Sealable, Version, does_not_open, dsa_failed, failed,
};
use super::webcrypto::{self, Exportable, object};

/// [`Keys`] on WebCrypto and IndexedDB.
pub struct BrowserKeys {
    device: Rc<Device>,
    account: RefCell<Option<Rc<Account>>>,
    /// What was made and [`Keys::adopt`] has not stored yet.
    next: RefCell<Option<Next>>,
}

/// What [`Keys::adopt`] stores.
#[derive(Clone)]
enum Next {
    /// From [`Keys::renew`]: one more version.
    Version(Rc<Version>),
    /// From [`Keys::replace`]: a new K_state.
    Account(Rc<Account>),
}

/// What is kept of a vault once it was opened: K_priv is not.
#[derive(Clone)]
struct Account {
    user: UserId,
    /// K_state.
    state: CryptoKey,
    /// Seals the DSA keys on this device.
    sealing: CryptoKey,
    /// Oldest first, at least one.
    versions: Vec<Rc<Version>>,
}

impl BrowserKeys {
    /// The keys of this device; [`Keys::load`] brings them in.
    pub fn new(device: Rc<Device>) -> Self {
        Self {
            device,
            account: RefCell::new(None),
            next: RefCell::new(None),
        }
    }

    fn account(&self) -> Result<Rc<Account>, KeysError> {
        self.account.borrow().clone().ok_or(KeysError::Missing)
    }

    /// The private keys of a version, also of one that is not stored yet.
    fn version(&self, version: u32) -> Result<Rc<Version>, KeysError> {
        let account = self.account()?;
        let next = match &*self.next.borrow() {
            Some(Next::Version(next)) => Some(Rc::clone(next)),
            _ => None,
        };
        let mut all = account.versions.iter().chain(&next);
        all.find(|keys| keys.version == version)
            .cloned()
            .ok_or(KeysError::Missing)
    }

    /// Stores what a vault holds, and has it at hand from now on.
    async fn keep_opened(
        &self,
        vault: &OpenVault,
        versions: Vec<Rc<Version>>,
    ) -> Result<Records, KeysError> {
        self.keep(Account::of(vault, versions).await?).await
    }

    async fn keep(&self, account: Account) -> Result<Records, KeysError> {
        let stored = account.to_js().await?;
        let before = self.account.borrow().clone();
        let before = before.as_ref().map(|account| &account.state);
        let records = self
            .device
            .put_account(account.user, &stored, &account.state, before)
            .await
            .map_err(store_failed)?;
        *self.account.borrow_mut() = Some(Rc::new(account));
        *self.next.borrow_mut() = None;
        Ok(records)
    }

    /// Stores what is in memory once more, after the database was made anew.
    pub async fn restore(&self) -> Result<(), KeysError> {
        let account = self.account.borrow().clone();
        match account {
            Some(account) => self.keep(Account::clone(&account)).await.map(drop),
            None => Ok(()),
        }
    }
}

impl Keys for BrowserKeys {
    async fn make(
        &self,
        user: UserId,
        export_key: &ExportKey,
        recovery: &RecoveryCode,
        step: &dyn Fn(KeyStep),
    ) -> Result<MadeKeys, KeysError> {
        let fresh = Sealable::make(step).await?;
        let (opened, mut vault) = OpenVault::make(user, export_key, recovery).await?;
        let (sealed, first) = opened.seal(1, &fresh).await?;
        vault.keys.push(sealed);
        self.keep_opened(&opened, vec![Rc::new(first)]).await?;
        step(KeyStep::Sealed);
        let public = fresh.public;
        Ok(MadeKeys { public, vault })
    }

    async fn open(
        &self,
        user: UserId,
        unlock: Unlock<'_>,
        vault: &Vault,
        public: &[PublicKeys],
    ) -> Result<Records, KeysError> {
        let opened = OpenVault::open(user, unlock, vault).await?;
        let versions = opened.versions(vault, public).await?;
        self.keep_opened(&opened, versions).await
    }

    async fn renew(
        &self,
        user: UserId,
        export_key: &ExportKey,
        vault: &Vault,
        public: &[PublicKeys],
        fresh: bool,
    ) -> Result<Renewed, KeysError> {
        let opened = OpenVault::open(user, Unlock::Password(export_key), vault).await?;
        let versions = opened.versions(vault, public).await?;
        let last = versions.last().ok_or(KeysError::Missing)?.version;
        self.keep_opened(&opened, versions).await?;
        let keys = if fresh {
            Sealable::make(&|_| {}).await?
        } else {
            let mut all = vault.keys.iter().zip(public);
            let (sealed, public) = all
                .find(|(sealed, _)| sealed.version == last)
                .ok_or(KeysError::Missing)?;
            opened.sealable(sealed, public).await?
        };
        let (sealed, next) = opened.seal(last + 1, &keys).await?;
        *self.next.borrow_mut() = Some(Next::Version(Rc::new(next)));
        Ok(Renewed {
            public: keys.public,
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
        // The old K_state opens what lies on this device, until the new one is adopted.
        if self.account()?.user != user {
            return Err(KeysError::Missing);
        }
        let old = OpenVault::open(user, unlock, vault).await?;
        let all = old.sealables(vault, public).await?;
        let (opened, mut vault) = OpenVault::make(user, new.export_key, new.recovery).await?;
        let mut versions = Vec::with_capacity(all.len());
        for (version, keys) in all {
            let (sealed, keys) = opened.seal(version, &keys).await?;
            vault.keys.push(sealed);
            versions.push(Rc::new(keys));
        }
        let aad = vault::aad(VaultPurpose::State, &user);
        let state = webcrypto::seal(&opened.state, &aad, new.state).await;
        let state = state.map_err(failed)?;
        let next = Account::of(&opened, versions).await?;
        *self.next.borrow_mut() = Some(Next::Account(Rc::new(next)));
        Ok(Replaced { vault, state })
    }

    async fn adopt(&self) -> Result<(), KeysError> {
        let next = self.next.borrow().clone().ok_or(KeysError::Missing)?;
        let account = match next {
            Next::Account(account) => Account::clone(&account),
            Next::Version(next) => {
                let mut account = Account::clone(&*self.account()?);
                account.versions.push(next);
                account
            }
        };
        self.keep(account).await.map(drop)
    }

    async fn lock(&self, clear: &[u8]) -> Result<(), KeysError> {
        self.device.lock(clear).await.map_err(store_failed)?;
        *self.account.borrow_mut() = None;
        *self.next.borrow_mut() = None;
        Ok(())
    }

    async fn locked(&self) -> Result<Option<Vec<u8>>, KeysError> {
        self.device.locked().await.map_err(store_failed)
    }

    async fn check_recovery(
        &self,
        user: UserId,
        code: &RecoveryCode,
        priv_by_recovery: &[u8],
        state_key: &[u8],
    ) -> Result<bool, KeysError> {
        let account = self.account()?;
        let kek = code.kek();
        let kek = webcrypto::import_kek(kek.expose()).await.map_err(failed)?;
        let aad = vault::aad(VaultPurpose::PrivByRecovery, &user);
        let Ok(k_priv) = webcrypto::unwrap_aes(priv_by_recovery, &kek, &aad, true).await else {
            return Ok(false);
        };
        let aad = vault::aad(VaultPurpose::StateKey, &user);
        let Ok(theirs) = webcrypto::unwrap_aes(state_key, &k_priv, &aad, false).await else {
            return Ok(false);
        };
        // Neither of the two can be looked at: what one seals, the other has to open.
        let aad = labelled(purpose::KEY_CHECK, &[]);
        let sealed = webcrypto::seal(&theirs, &aad, &[]).await.map_err(failed)?;
        Ok(webcrypto::open(&account.state, &aad, &sealed).await.is_ok())
    }

    async fn seal_for_passkey(
        &self,
        user: UserId,
        unlock: Unlock<'_>,
        vault: &Vault,
        prf: &Secret32,
    ) -> Result<Vec<u8>, KeysError> {
        vault_keys::seal_for_passkey(user, unlock, vault, prf).await
    }

    async fn load(&self) -> Result<Option<UserId>, KeysError> {
        let stored = match self.device.account().await {
            Ok(Some(stored)) => stored,
            Ok(None) => return Ok(None),
            Err(StoreError::Damaged) => return Err(damaged()),
            Err(error) => return Err(store_failed(error)),
        };
        let account = Account::from_js(&stored).await?;
        let user = account.user;
        self.device.belongs_to(user);
        *self.account.borrow_mut() = Some(Rc::new(account));
        *self.next.borrow_mut() = None;
        Ok(Some(user))
    }

    async fn wipe(&self) -> Result<(), KeysError> {
        *self.account.borrow_mut() = None;
        *self.next.borrow_mut() = None;
        self.device.wipe().await.map_err(store_failed)
    }

    async fn sign(
        &self,
        version: u32,
        algorithm: Algorithm,
        message: &[u8],
    ) -> Result<Signature, KeysError> {
        let keys = self.version(version)?;
        let signature = match algorithm {
            Algorithm::RsaPss => webcrypto::sign(&keys.rsa_signing, message)
                .await
                .map_err(failed)?,
            Algorithm::Dsa => {
                let key = keys.dsa_signing.read().map_err(dsa_failed)?;
                key.sign(message).map_err(dsa_failed)?
            }
        };
        Ok(Signature::from(signature))
    }

    async fn prepare(&self, version: u32, algorithm: Algorithm) {
        if algorithm == Algorithm::Dsa
            && let Ok(keys) = self.version(version)
        {
            // What is wrong with it, signing says.
            let _ = keys.dsa_signing.read();
        }
    }

    async fn unwrap(&self, version: u32, wrap: &[u8], label: &[u8]) -> Result<EpochKey, KeysError> {
        let account = self.account()?;
        let keys = account.versions.iter().find(|keys| keys.version == version);
        let keys = keys.ok_or(KeysError::Missing)?;
        let key = webcrypto::decrypt(&keys.encryption, label, wrap)
            .await
            .map_err(does_not_open)?;
        EpochKey::from_slice(&key).ok_or(KeysError::DoesNotOpen)
    }

    async fn wrap(&self, spki: &[u8], key: &EpochKey, label: &[u8]) -> Result<Vec<u8>, KeysError> {
        webcrypto::encrypt(spki, label, key.expose())
            .await
            .map_err(failed)
    }

    async fn verify(&self, claims: &[Claim]) -> Result<Vec<bool>, KeysError> {
        try_join_all(claims.iter().map(async |claim| match claim.algorithm {
            Algorithm::RsaPss => {
                webcrypto::verify(&claim.spki, &claim.message, claim.signature.as_bytes()).await
            }
            Algorithm::Dsa => Ok(claim.verify()),
        }))
        .await
        .map_err(failed)
    }

    async fn seal_state(&self, plaintext: &[u8]) -> Result<Vec<u8>, KeysError> {
        let account = self.account()?;
        let aad = vault::aad(VaultPurpose::State, &account.user);
        webcrypto::seal(&account.state, &aad, plaintext)
            .await
            .map_err(failed)
    }

    async fn open_state(&self, sealed: &[u8]) -> Result<Vec<u8>, KeysError> {
        let account = self.account()?;
        let aad = vault::aad(VaultPurpose::State, &account.user);
        webcrypto::open(&account.state, &aad, sealed)
            .await
            .map_err(does_not_open)
    }
}

impl Account {
    /// What is kept of an open vault.
    async fn of(vault: &OpenVault, versions: Vec<Rc<Version>>) -> Result<Self, KeysError> {
        let sealing = webcrypto::make_aes_key(Exportable::No).await;
        Ok(Self {
            user: vault.user,
            state: vault.state.clone(),
            sealing: sealing.map_err(failed)?,
            versions,
        })
    }

    /// As IndexedDB keeps it: CryptoKeys by structured clone, DSA keys sealed.
    async fn to_js(&self) -> Result<js_sys::Object, KeysError> {
        let versions = Array::new();
        for keys in &self.versions {
            let aad = dsa_aad(&self.user, keys.version);
            let dsa = webcrypto::seal(&self.sealing, &aad, keys.dsa_signing.pkcs8())
                .await
                .map_err(failed)?;
            versions.push(&object(&[
                ("version", keys.version.into()),
                ("encryption", keys.encryption.clone().into()),
                ("rsaSigning", keys.rsa_signing.clone().into()),
                ("dsaSigning", Uint8Array::from(dsa.as_slice()).into()),
            ]));
        }
        Ok(object(&[
            ("user", Uint8Array::from(self.user.as_bytes()).into()),
            ("state", self.state.clone().into()),
            ("sealing", self.sealing.clone().into()),
            ("versions", versions.into()),
        ]))
    }

    async fn from_js(stored: &JsValue) -> Result<Self, KeysError> {
        let user = UserId::try_from(&field::<Uint8Array>(stored, "user")?.to_vec()[..])
            .map_err(|_| damaged())?;
        let sealing: CryptoKey = field(stored, "sealing")?;
        let mut versions = Vec::new();
        for keys in field::<Array>(stored, "versions")?.iter() {
            let version = Reflect::get(&keys, &"version".into()).ok();
            let version = version
                .and_then(|version| version.as_f64())
                .ok_or_else(damaged)? as u32;
            let dsa = field::<Uint8Array>(&keys, "dsaSigning")?.to_vec();
            let pkcs8 = webcrypto::open(&sealing, &dsa_aad(&user, version), &dsa).await;
            let pkcs8 = Zeroizing::new(pkcs8.map_err(does_not_open)?);
            versions.push(Rc::new(Version {
                version,
                encryption: field(&keys, "encryption")?,
                rsa_signing: field(&keys, "rsaSigning")?,
                dsa_signing: DsaKey::new(pkcs8),
            }));
        }
        Ok(Self {
            user,
            state: field(stored, "state")?,
            sealing,
            versions,
        })
    }
}

/// Associated data of a DSA key on this device.
fn dsa_aad(user: &UserId, version: u32) -> Vec<u8> {
    labelled(
        purpose::STORE_RECORD,
        &[
            user.as_bytes(),
            KEYS.as_bytes(),
            b"dsa",
            &version.to_be_bytes(),
        ],
    )
}

fn field<T: JsCast>(object: &JsValue, name: &str) -> Result<T, KeysError> {
    Reflect::get(object, &name.into())
        .ok()
        .and_then(|value| value.dyn_into().ok())
        .ok_or_else(damaged)
}

/// A record that is not what was stored: no better than one that does not open.
fn damaged() -> KeysError {
    KeysError::DoesNotOpen
}

fn store_failed(error: StoreError) -> KeysError {
    KeysError::Platform(error.to_string())
}
