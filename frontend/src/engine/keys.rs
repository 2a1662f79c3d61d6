//! The signed-in user's keys: RSA by WebCrypto, whose private halves are never in our memory, and DSA by its crate.

use std::cell::RefCell;
use std::rc::Rc;

use futures::future::{join, try_join_all};
use js_sys::{Array, Reflect, Uint8Array};
use secure_chat_shared::client::platform::{
    KeyStep, Keys, KeysError, MadeKeys, PublicKeys, StoreError, Unlock,
};
use secure_chat_shared::codec::Bytes;
use secure_chat_shared::crypto::account::{Vault, VaultKeys};
use secure_chat_shared::crypto::dsa;
use secure_chat_shared::crypto::epoch::EpochKey;
use secure_chat_shared::crypto::label::{labelled, purpose};
use secure_chat_shared::crypto::opaque::ExportKey;
use secure_chat_shared::crypto::random;
use secure_chat_shared::crypto::recovery::RecoveryCode;
use secure_chat_shared::crypto::signing::{Algorithm, Claim, Signature};
use secure_chat_shared::crypto::vault::{self, VaultPurpose};
use secure_chat_shared::ids::UserId;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::CryptoKey;
use zeroize::Zeroizing;

use super::database::KEYS;
use super::device::Device;
use super::webcrypto::{self, Exportable, Refused, Rsa, object};

/// [`Keys`] on WebCrypto and IndexedDB.
pub struct BrowserKeys {
    device: Rc<Device>,
    account: RefCell<Option<Rc<Account>>>,
}

/// What is kept of a vault once it was opened: K_priv is not.
struct Account {
    user: UserId,
    /// K_state.
    state: CryptoKey,
    /// Seals the DSA keys on this device.
    sealing: CryptoKey,
    /// Oldest first, at least one.
    versions: Vec<Version>,
}

/// The private keys of one identity version.
struct Version {
    version: u32,
    encryption: CryptoKey,
    rsa_signing: CryptoKey,
    dsa_signing: dsa::PrivateKey,
}

impl BrowserKeys {
    /// The keys of this device; [`Keys::load`] brings them in.
    pub fn new(device: Rc<Device>) -> Self {
        Self {
            device,
            account: RefCell::new(None),
        }
    }

    fn account(&self) -> Result<Rc<Account>, KeysError> {
        self.account.borrow().clone().ok_or(KeysError::Missing)
    }

    async fn keep(&self, account: Account) -> Result<(), KeysError> {
        let stored = account.to_js().await?;
        self.device
            .put_account(account.user, &stored)
            .await
            .map_err(store_failed)?;
        *self.account.borrow_mut() = Some(Rc::new(account));
        Ok(())
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
        // Both at a time: the browser makes keys on threads of its own.
        let encryption = async {
            let pair = webcrypto::make_rsa(Rsa::Oaep).await;
            step(KeyStep::Encryption);
            pair
        };
        let (encryption, rsa_signing) = join(encryption, webcrypto::make_rsa(Rsa::Pss)).await;
        let (encryption, rsa_signing) = (encryption.map_err(failed)?, rsa_signing.map_err(failed)?);
        let dsa_signing = dsa::PrivateKey::make().map_err(dsa_failed)?;
        step(KeyStep::Signing);

        let k_priv = webcrypto::make_aes_key(Exportable::Yes)
            .await
            .map_err(failed)?;
        let dsa_pkcs8 = dsa_signing.to_pkcs8().map_err(dsa_failed)?;
        let private = Private {
            encryption: &encryption.private,
            rsa_signing: &rsa_signing.private,
            dsa_pkcs8: &dsa_pkcs8,
        };
        let sealed = seal_vault(user, &k_priv, export_key, recovery, &private).await;
        let vault = sealed.map_err(failed)?;
        let public = PublicKeys {
            encryption: encryption.spki,
            rsa_signing: rsa_signing.spki,
            dsa_signing: dsa_signing.spki(),
        };
        // What is kept here is what the vault gives back: so nothing is uploaded that would not open elsewhere.
        let account = open_with(user, &k_priv, &vault, std::slice::from_ref(&public)).await?;
        self.keep(account).await?;
        step(KeyStep::Sealed);
        Ok(MadeKeys { public, vault })
    }

    async fn open(
        &self,
        user: UserId,
        unlock: Unlock<'_>,
        vault: &Vault,
        public: &[PublicKeys],
    ) -> Result<(), KeysError> {
        let (kek, blob, purpose) = match unlock {
            Unlock::Password(export_key) => (
                vault::kek_from_export(export_key),
                &vault.priv_by_password,
                VaultPurpose::PrivByPassword,
            ),
            Unlock::Recovery(code) => (
                code.kek(),
                &vault.priv_by_recovery,
                VaultPurpose::PrivByRecovery,
            ),
        };
        let kek = webcrypto::import_kek(kek.expose()).await.map_err(failed)?;
        let k_priv = webcrypto::unwrap_aes(blob, &kek, &vault::aad(purpose, &user), true)
            .await
            .map_err(does_not_open)?;
        let account = open_with(user, &k_priv, vault, public).await?;
        self.keep(account).await
    }

    async fn load(&self) -> Result<Option<UserId>, KeysError> {
        let Some(stored) = self.device.account().await.map_err(store_failed)? else {
            return Ok(None);
        };
        let account = Account::from_js(&stored).await?;
        let user = account.user;
        self.device.belongs_to(user);
        *self.account.borrow_mut() = Some(Rc::new(account));
        Ok(Some(user))
    }

    async fn wipe(&self) -> Result<(), KeysError> {
        *self.account.borrow_mut() = None;
        self.device.wipe().await.map_err(store_failed)
    }

    async fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Signature, KeysError> {
        let account = self.account()?;
        let newest = account.versions.last().ok_or(KeysError::Missing)?;
        let signature = match algorithm {
            Algorithm::RsaPss => webcrypto::sign(&newest.rsa_signing, message)
                .await
                .map_err(failed)?,
            Algorithm::Dsa => newest.dsa_signing.sign(message).map_err(dsa_failed)?,
        };
        Ok(Signature::from(signature))
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
    /// As IndexedDB keeps it: CryptoKeys by structured clone, DSA keys sealed.
    async fn to_js(&self) -> Result<js_sys::Object, KeysError> {
        let versions = Array::new();
        for keys in &self.versions {
            let pkcs8 = keys.dsa_signing.to_pkcs8().map_err(dsa_failed)?;
            let aad = dsa_aad(&self.user, keys.version);
            let dsa = webcrypto::seal(&self.sealing, &aad, &pkcs8)
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
            versions.push(Version {
                version,
                encryption: field(&keys, "encryption")?,
                rsa_signing: field(&keys, "rsaSigning")?,
                dsa_signing: dsa::PrivateKey::from_pkcs8(&pkcs8).map_err(|_| damaged())?,
            });
        }
        Ok(Self {
            user,
            state: field(stored, "state")?,
            sealing,
            versions,
        })
    }
}

/// Private keys of identity version 1, to be sealed.
struct Private<'a> {
    encryption: &'a CryptoKey,
    rsa_signing: &'a CryptoKey,
    dsa_pkcs8: &'a [u8],
}

/// Seals them under K_priv, with a fresh K_state, and K_priv under both keys that open it.
async fn seal_vault(
    user: UserId,
    k_priv: &CryptoKey,
    export_key: &ExportKey,
    recovery: &RecoveryCode,
    private: &Private<'_>,
) -> Result<Vault, Refused> {
    let version = 1;
    let aad = |purpose| vault::aad(purpose, &user);
    let wrap_k_priv = async |kek: &[u8; 32], purpose| {
        let kek = webcrypto::import_kek(kek).await?;
        webcrypto::wrap_aes(k_priv, &kek, &aad(purpose))
            .await
            .map(Bytes)
    };
    let wrap_rsa = async |key: &CryptoKey, purpose| {
        webcrypto::wrap_rsa(key, k_priv, &aad(purpose))
            .await
            .map(Bytes)
    };
    let by_password = vault::kek_from_export(export_key);
    let by_recovery = recovery.kek();
    let k_state = webcrypto::make_aes_key(Exportable::Yes).await?;
    let state_aad = aad(VaultPurpose::StateKey);
    let dsa_aad = aad(VaultPurpose::DsaSigningKey { version });
    Ok(Vault {
        priv_by_password: wrap_k_priv(by_password.expose(), VaultPurpose::PrivByPassword).await?,
        priv_by_recovery: wrap_k_priv(by_recovery.expose(), VaultPurpose::PrivByRecovery).await?,
        state_key: Bytes(webcrypto::wrap_aes(&k_state, k_priv, &state_aad).await?),
        keys: vec![VaultKeys {
            version,
            encryption: wrap_rsa(private.encryption, VaultPurpose::EncryptionKey { version })
                .await?,
            rsa_signing: wrap_rsa(private.rsa_signing, VaultPurpose::RsaSigningKey { version })
                .await?,
            dsa_signing: Bytes(webcrypto::seal(k_priv, &dsa_aad, private.dsa_pkcs8).await?),
        }],
    })
}

/// Opens all of a vault, and checks that each private key belongs to its public half.
async fn open_with(
    user: UserId,
    k_priv: &CryptoKey,
    sealed: &Vault,
    public: &[PublicKeys],
) -> Result<Account, KeysError> {
    if sealed.keys.is_empty() || sealed.keys.len() != public.len() {
        return Err(KeysError::DoesNotOpen);
    }
    let aad = |purpose| vault::aad(purpose, &user);
    let state_aad = aad(VaultPurpose::StateKey);
    let state = webcrypto::unwrap_aes(&sealed.state_key, k_priv, &state_aad, false)
        .await
        .map_err(does_not_open)?;
    let mut versions = Vec::with_capacity(public.len());
    for (blobs, public) in sealed.keys.iter().zip(public) {
        let version = blobs.version;
        let unwrap = async |kind, blob: &Bytes, purpose| {
            webcrypto::unwrap_rsa(kind, blob, k_priv, &aad(purpose))
                .await
                .map_err(does_not_open)
        };
        let encryption = unwrap(
            Rsa::Oaep,
            &blobs.encryption,
            VaultPurpose::EncryptionKey { version },
        )
        .await?;
        let rsa_signing = unwrap(
            Rsa::Pss,
            &blobs.rsa_signing,
            VaultPurpose::RsaSigningKey { version },
        )
        .await?;
        let dsa_aad = aad(VaultPurpose::DsaSigningKey { version });
        let pkcs8 = webcrypto::open(k_priv, &dsa_aad, &blobs.dsa_signing).await;
        let pkcs8 = Zeroizing::new(pkcs8.map_err(does_not_open)?);
        let dsa_signing =
            dsa::PrivateKey::from_pkcs8(&pkcs8).map_err(|_| KeysError::DoesNotOpen)?;
        let keys = Version {
            version,
            encryption,
            rsa_signing,
            dsa_signing,
        };
        keys.check(public).await?;
        versions.push(keys);
    }
    versions.sort_by_key(|keys| keys.version);
    let sealing = webcrypto::make_aes_key(Exportable::No)
        .await
        .map_err(failed)?;
    Ok(Account {
        user,
        state,
        sealing,
        versions,
    })
}

impl Version {
    /// RSA keys give nothing away to compare: what one half makes, the other has to open.
    async fn check(&self, public: &PublicKeys) -> Result<(), KeysError> {
        let probe: [u8; 32] = random::bytes();
        let label = labelled(purpose::KEY_CHECK_WRAP, &[]);
        let wrapped = webcrypto::encrypt(&public.encryption, &label, &probe)
            .await
            .map_err(does_not_open)?;
        let opened = webcrypto::decrypt(&self.encryption, &label, &wrapped)
            .await
            .map_err(does_not_open)?;
        let message = labelled(purpose::KEY_CHECK, &[&probe]);
        let signature = webcrypto::sign(&self.rsa_signing, &message)
            .await
            .map_err(failed)?;
        let signed = webcrypto::verify(&public.rsa_signing, &message, &signature)
            .await
            .map_err(failed)?;
        // Reading the DSA key computed its public half anew.
        if opened[..] == probe && signed && self.dsa_signing.spki() == public.dsa_signing {
            Ok(())
        } else {
            Err(KeysError::DoesNotOpen)
        }
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

fn failed(error: Refused) -> KeysError {
    KeysError::Platform(error.to_string())
}

fn dsa_failed(error: dsa::BadDsaKey) -> KeysError {
    KeysError::Platform(error.to_string())
}

fn store_failed(error: StoreError) -> KeysError {
    KeysError::Platform(error.to_string())
}

/// Unwrapping, opening and unsealing fail all alike.
fn does_not_open(_: Refused) -> KeysError {
    KeysError::DoesNotOpen
}
