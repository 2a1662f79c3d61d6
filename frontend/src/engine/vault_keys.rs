//! The private keys in a vault: made, sealed under K_priv, opened and checked. K_priv is there as long as an
//! [`OpenVault`] is.

use std::cell::OnceCell;
use std::rc::Rc;

use futures::future::join;
use secure_chat_shared::client::platform::{KeyStep, KeysError, PublicKeys, Unlock};
use secure_chat_shared::codec::Bytes;
use secure_chat_shared::crypto::account::{Vault, VaultKeys};
use secure_chat_shared::crypto::dsa;
use secure_chat_shared::crypto::label::{labelled, purpose};
use secure_chat_shared::crypto::opaque::ExportKey;
use secure_chat_shared::crypto::random;
use secure_chat_shared::crypto::recovery::RecoveryCode;
use secure_chat_shared::crypto::secret::Secret32;
use secure_chat_shared::crypto::vault::{self, VaultPurpose};
use secure_chat_shared::ids::UserId;
use web_sys::CryptoKey;
use zeroize::Zeroizing;

use super::webcrypto::{self, Exportable, Refused, Rsa};

/// The private keys of one identity version.
pub struct Version {
    /// Which.
    pub version: u32,
    /// For unwrapping.
    pub encryption: CryptoKey,
    /// For RSA-PSS.
    pub rsa_signing: CryptoKey,
    /// For DSA.
    pub dsa_signing: DsaKey,
}

/// A DSA private key. It is read when it is first used: that computes its public half anew, which takes longer than to
/// sign with it.
pub struct DsaKey {
    pkcs8: Zeroizing<Vec<u8>>,
    read: OnceCell<dsa::PrivateKey>,
}

/// Private keys that can be sealed: the RSA ones are still exportable.
pub struct Sealable {
    encryption: CryptoKey,
    rsa_signing: CryptoKey,
    dsa_signing: dsa::PrivateKey,
    /// Their public halves.
    pub public: PublicKeys,
}

/// A vault that was opened.
pub struct OpenVault {
    /// Whose.
    pub user: UserId,
    k_priv: CryptoKey,
    /// K_state.
    pub state: CryptoKey,
}

impl DsaKey {
    /// The key in PKCS#8 DER.
    pub fn new(pkcs8: Zeroizing<Vec<u8>>) -> Self {
        let read = OnceCell::new();
        Self { pkcs8, read }
    }

    /// PKCS#8 DER.
    pub fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The key itself.
    pub fn read(&self) -> Result<&dsa::PrivateKey, dsa::BadDsaKey> {
        if let Some(key) = self.read.get() {
            return Ok(key);
        }
        let key = dsa::PrivateKey::from_pkcs8(&self.pkcs8)?;
        Ok(self.read.get_or_init(|| key))
    }
}

impl Sealable {
    /// Three new pairs.
    pub async fn make(step: &dyn Fn(KeyStep)) -> Result<Self, KeysError> {
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
        let public = PublicKeys {
            encryption: encryption.spki,
            rsa_signing: rsa_signing.spki,
            dsa_signing: dsa_signing.spki(),
        };
        Ok(Self {
            encryption: encryption.private,
            rsa_signing: rsa_signing.private,
            dsa_signing,
            public,
        })
    }
}

impl OpenVault {
    /// Makes K_priv and K_state; a vault with them, and without private keys.
    pub async fn make(
        user: UserId,
        export_key: &ExportKey,
        recovery: &RecoveryCode,
    ) -> Result<(Self, Vault), KeysError> {
        let sealed = seal_fresh(user, export_key, recovery).await;
        let vault = sealed.map_err(failed)?;
        // What is kept here is what the vault gives back: so nothing is uploaded that would not open elsewhere.
        let opened = Self::open(user, Unlock::Password(export_key), &vault).await?;
        Ok((opened, vault))
    }

    /// Opens K_priv and K_state.
    pub async fn open(user: UserId, unlock: Unlock<'_>, vault: &Vault) -> Result<Self, KeysError> {
        let k_priv = open_priv(user, unlock, vault, Exportable::No).await?;
        let state_aad = vault::aad(VaultPurpose::StateKey, &user);
        let state = webcrypto::unwrap_aes(&vault.state_key, &k_priv, &state_aad, false)
            .await
            .map_err(does_not_open)?;
        Ok(Self {
            user,
            k_priv,
            state,
        })
    }

    /// All private keys, oldest first, each checked against its public half.
    pub async fn versions(
        &self,
        vault: &Vault,
        public: &[PublicKeys],
    ) -> Result<Vec<Rc<Version>>, KeysError> {
        if vault.keys.is_empty() || vault.keys.len() != public.len() {
            return Err(KeysError::DoesNotOpen);
        }
        let mut versions = Vec::with_capacity(public.len());
        for (sealed, public) in vault.keys.iter().zip(public) {
            versions.push(Rc::new(self.version(sealed, public).await?));
        }
        versions.sort_by_key(|keys| keys.version);
        Ok(versions)
    }

    /// All private keys with their versions, oldest first, to be sealed again under another K_priv.
    pub async fn sealables(
        &self,
        vault: &Vault,
        public: &[PublicKeys],
    ) -> Result<Vec<(u32, Sealable)>, KeysError> {
        if vault.keys.is_empty() || vault.keys.len() != public.len() {
            return Err(KeysError::DoesNotOpen);
        }
        let mut all = Vec::with_capacity(public.len());
        for (sealed, public) in vault.keys.iter().zip(public) {
            all.push((sealed.version, self.sealable(sealed, public).await?));
        }
        all.sort_by_key(|(version, _)| *version);
        Ok(all)
    }

    /// Seals keys as those of an identity version, and gives what was sealed back, opened and checked.
    pub async fn seal(
        &self,
        version: u32,
        keys: &Sealable,
    ) -> Result<(VaultKeys, Version), KeysError> {
        let wrap_rsa = async |key: &CryptoKey, purpose| {
            webcrypto::wrap_rsa(key, &self.k_priv, &vault::aad(purpose, &self.user))
                .await
                .map(Bytes)
                .map_err(failed)
        };
        let dsa_aad = vault::aad(VaultPurpose::DsaSigningKey { version }, &self.user);
        let dsa_pkcs8 = keys.dsa_signing.to_pkcs8().map_err(dsa_failed)?;
        let dsa_signing = webcrypto::seal(&self.k_priv, &dsa_aad, &dsa_pkcs8).await;
        let sealed = VaultKeys {
            version,
            encryption: wrap_rsa(&keys.encryption, VaultPurpose::EncryptionKey { version }).await?,
            rsa_signing: wrap_rsa(&keys.rsa_signing, VaultPurpose::RsaSigningKey { version })
                .await?,
            dsa_signing: Bytes(dsa_signing.map_err(failed)?),
        };
        let opened = self.version(&sealed, &keys.public).await?;
        Ok((sealed, opened))
    }

    /// The keys of one version of this vault, to be sealed again as those of another.
    pub async fn sealable(
        &self,
        sealed: &VaultKeys,
        public: &PublicKeys,
    ) -> Result<Sealable, KeysError> {
        let opened = self.unsealed(sealed, Exportable::Yes).await?;
        opened.check(public).await?;
        Ok(Sealable {
            encryption: opened.encryption,
            rsa_signing: opened.rsa_signing,
            dsa_signing: opened.dsa_signing.read().map_err(dsa_failed)?.clone(),
            public: public.clone(),
        })
    }

    async fn version(&self, sealed: &VaultKeys, public: &PublicKeys) -> Result<Version, KeysError> {
        let opened = self.unsealed(sealed, Exportable::No).await?;
        opened.check(public).await?;
        Ok(opened)
    }

    async fn unsealed(
        &self,
        sealed: &VaultKeys,
        exportable: Exportable,
    ) -> Result<Version, KeysError> {
        let version = sealed.version;
        let aad = |purpose| vault::aad(purpose, &self.user);
        let unwrap_rsa = async |kind, blob: &Bytes, purpose| {
            webcrypto::unwrap_rsa(kind, blob, &self.k_priv, &aad(purpose), exportable)
                .await
                .map_err(does_not_open)
        };
        let encryption = VaultPurpose::EncryptionKey { version };
        let rsa_signing = VaultPurpose::RsaSigningKey { version };
        let dsa_aad = aad(VaultPurpose::DsaSigningKey { version });
        let pkcs8 = webcrypto::open(&self.k_priv, &dsa_aad, &sealed.dsa_signing).await;
        let pkcs8 = Zeroizing::new(pkcs8.map_err(does_not_open)?);
        Ok(Version {
            version,
            encryption: unwrap_rsa(Rsa::Oaep, &sealed.encryption, encryption).await?,
            rsa_signing: unwrap_rsa(Rsa::Pss, &sealed.rsa_signing, rsa_signing).await?,
            dsa_signing: DsaKey::new(pkcs8),
        })
    }
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
        let dsa_signing = self.dsa_signing.read();
        let dsa_signing = dsa_signing.map_err(|_| KeysError::DoesNotOpen)?;
        if opened[..] == probe && signed && dsa_signing.spki() == public.dsa_signing {
            Ok(())
        } else {
            Err(KeysError::DoesNotOpen)
        }
    }
}

/// A fresh K_priv under both keys that open it, and a fresh K_state under it.
/// Opens K_priv.
async fn open_priv(
    user: UserId,
    unlock: Unlock<'_>,
    vault: &Vault,
    exportable: Exportable,
) -> Result<CryptoKey, KeysError> {
    let (kek, blob, purpose) = match unlock {
        Unlock::Password(export_key) => (
            vault::kek_from_export(export_key),
            &vault.priv_by_password[..],
            VaultPurpose::PrivByPassword,
        ),
        Unlock::Recovery(code) => (
            code.kek(),
            &vault.priv_by_recovery[..],
            VaultPurpose::PrivByRecovery,
        ),
        Unlock::Passkey { prf, sealed } => (
            vault::kek_from_prf(prf),
            sealed,
            VaultPurpose::PrivByPasskey,
        ),
    };
    let kek = webcrypto::import_kek(kek.expose()).await.map_err(failed)?;
    let aad = vault::aad(purpose, &user);
    webcrypto::unwrap_aes_as(blob, &kek, &aad, true, exportable)
        .await
        .map_err(does_not_open)
}

/// Seals K_priv for a passkey.
pub async fn seal_for_passkey(
    user: UserId,
    unlock: Unlock<'_>,
    vault: &Vault,
    prf: &Secret32,
) -> Result<Vec<u8>, KeysError> {
    let k_priv = open_priv(user, unlock, vault, Exportable::Yes).await?;
    let kek = vault::kek_from_prf(prf);
    let kek = webcrypto::import_kek(kek.expose()).await.map_err(failed)?;
    let aad = vault::aad(VaultPurpose::PrivByPasskey, &user);
    webcrypto::wrap_aes(&k_priv, &kek, &aad)
        .await
        .map_err(failed)
}

async fn seal_fresh(
    user: UserId,
    export_key: &ExportKey,
    recovery: &RecoveryCode,
) -> Result<Vault, Refused> {
    let k_priv = webcrypto::make_aes_key(Exportable::Yes).await?;
    let k_state = webcrypto::make_aes_key(Exportable::Yes).await?;
    let wrap_k_priv = async |kek: &[u8; 32], purpose| {
        let kek = webcrypto::import_kek(kek).await?;
        webcrypto::wrap_aes(&k_priv, &kek, &vault::aad(purpose, &user))
            .await
            .map(Bytes)
    };
    let by_password = vault::kek_from_export(export_key);
    let by_recovery = recovery.kek();
    let state_aad = vault::aad(VaultPurpose::StateKey, &user);
    Ok(Vault {
        priv_by_password: wrap_k_priv(by_password.expose(), VaultPurpose::PrivByPassword).await?,
        priv_by_recovery: wrap_k_priv(by_recovery.expose(), VaultPurpose::PrivByRecovery).await?,
        state_key: Bytes(webcrypto::wrap_aes(&k_state, &k_priv, &state_aad).await?),
        keys: Vec::new(),
    })
}

/// What WebCrypto could not do.
pub fn failed(error: Refused) -> KeysError {
    KeysError::Platform(error.to_string())
}

/// What the crate could not do.
pub fn dsa_failed(error: dsa::BadDsaKey) -> KeysError {
    KeysError::Platform(error.to_string())
}

/// Unwrapping, opening and unsealing fail all alike.
pub fn does_not_open(_: Refused) -> KeysError {
    KeysError::DoesNotOpen
}
