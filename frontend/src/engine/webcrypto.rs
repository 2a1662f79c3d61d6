//! WebCrypto in the forms that the engine uses, over byte strings. Everything sealed has the form of the vault's blobs.

use std::cell::RefCell;
use std::collections::VecDeque;

use js_sys::{Array, ArrayBuffer, Object, Promise, Reflect, Uint8Array};
use secure_chat_shared::crypto::{random, vault};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AesGcmParams, Crypto, CryptoKey, CryptoKeyPair, DomException, SubtleCrypto};
use zeroize::Zeroizing;

/// WebCrypto refused: wrong key, altered bytes (all alike), or something it cannot do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(String);

/// Whether a key's bytes may leave the browser's keeping, as wrapping it asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exportable {
    /// Only while it is being made.
    Yes,
    /// What is kept.
    No,
}

/// What an RSA-3072 key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rsa {
    /// RSA-OAEP with SHA-256.
    Oaep,
    /// RSASSA-PSS with SHA-256 and a salt of 32 bytes.
    Pss,
}

impl Rsa {
    fn name(self) -> &'static str {
        match self {
            Self::Oaep => "RSA-OAEP",
            Self::Pss => "RSA-PSS",
        }
    }

    fn private_usages(self) -> Array {
        strings(match self {
            Self::Oaep => &["decrypt"],
            Self::Pss => &["sign"],
        })
    }

    fn public_usages(self) -> Array {
        strings(match self {
            Self::Oaep => &["encrypt"],
            Self::Pss => &["verify"],
        })
    }

    fn hashed(self) -> Object {
        object(&[("name", self.name().into()), ("hash", "SHA-256".into())])
    }
}

/// An RSA key pair just made, its private half still exportable.
pub struct RsaPair {
    /// To be wrapped.
    pub private: CryptoKey,
    /// SubjectPublicKeyInfo DER.
    pub spki: Vec<u8>,
}

/// Whether WebCrypto is there: browsers hide it where the page is not in a secure context.
pub fn is_available() -> bool {
    subtle().is_ok()
}

/// Makes an AES-256-GCM key. One that is kept seals; one that is exportable also wraps other keys.
pub async fn make_aes_key(exportable: Exportable) -> Result<CryptoKey, Refused> {
    let algorithm = object(&[("name", "AES-GCM".into()), ("length", 256.into())]);
    let exportable = exportable == Exportable::Yes;
    let usages = aes_usages(exportable);
    let key = subtle()?.generate_key_with_object(&algorithm, exportable, &usages);
    settle(key).await
}

/// Takes over an AES-256-GCM key that seals, and is not given out again.
pub async fn import_aes(bytes: &[u8; 32]) -> Result<CryptoKey, Refused> {
    import_secret(bytes, &aes_usages(false)).await
}

/// Takes over a key-encryption key, which can then do nothing but wrap and unwrap.
pub async fn import_kek(bytes: &[u8; 32]) -> Result<CryptoKey, Refused> {
    import_secret(bytes, &strings(&["wrapKey", "unwrapKey"])).await
}

/// AES-256-GCM under a fresh random nonce.
pub async fn seal(key: &CryptoKey, aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, Refused> {
    let nonce = random::bytes();
    let sealed = subtle()?.encrypt_with_object_and_u8_array(&aes_gcm(&nonce, aad), key, plaintext);
    Ok(vault::join(&nonce, &bytes(&settle(sealed).await?)))
}

/// Opens what [`seal`] made.
pub async fn open(key: &CryptoKey, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Refused> {
    let (nonce, sealed) = parted(sealed)?;
    let opened = subtle()?.decrypt_with_object_and_u8_array(&aes_gcm(nonce, aad), key, sealed);
    Ok(taken(&settle(opened).await?))
}

/// The bytes of an exportable AES key, sealed as by [`seal`] without ever being in our memory.
pub async fn wrap_aes(key: &CryptoKey, under: &CryptoKey, aad: &[u8]) -> Result<Vec<u8>, Refused> {
    wrap_key("raw", key, under, aad).await
}

/// The AES key that [`wrap_aes`] sealed, not exportable. It seals and opens; K_priv (`wraps`) also other keys.
pub async fn unwrap_aes(
    sealed: &[u8],
    under: &CryptoKey,
    aad: &[u8],
    wraps: bool,
) -> Result<CryptoKey, Refused> {
    unwrap_aes_as(sealed, under, aad, wraps, Exportable::No).await
}

/// The same, to be sealed again where it is exportable.
pub async fn unwrap_aes_as(
    sealed: &[u8],
    under: &CryptoKey,
    aad: &[u8],
    wraps: bool,
    exportable: Exportable,
) -> Result<CryptoKey, Refused> {
    let usages = aes_usages(wraps);
    unwrap_key("raw", sealed, under, aad, &aes(), exportable, &usages).await
}

/// Makes an RSA-3072 key pair.
pub async fn make_rsa(kind: Rsa) -> Result<RsaPair, Refused> {
    let algorithm = object(&[
        ("name", kind.name().into()),
        ("modulusLength", 3072.into()),
        (
            "publicExponent",
            Uint8Array::from([1, 0, 1].as_slice()).into(),
        ),
        ("hash", "SHA-256".into()),
    ]);
    let usages = kind.private_usages().concat(&kind.public_usages());
    let pair = subtle()?.generate_key_with_object(&algorithm, true, &usages);
    let pair: CryptoKeyPair = settle(pair).await?;
    let spki = settle(subtle()?.export_key("spki", &pair.get_public_key())).await?;
    Ok(RsaPair {
        private: pair.get_private_key(),
        spki: bytes(&spki),
    })
}

/// PKCS#8 of an exportable RSA key, sealed as by [`seal`] without ever being in our memory.
pub async fn wrap_rsa(key: &CryptoKey, under: &CryptoKey, aad: &[u8]) -> Result<Vec<u8>, Refused> {
    wrap_key("pkcs8", key, under, aad).await
}

/// The RSA private key that [`wrap_rsa`] sealed.
pub async fn unwrap_rsa(
    kind: Rsa,
    sealed: &[u8],
    under: &CryptoKey,
    aad: &[u8],
    exportable: Exportable,
) -> Result<CryptoKey, Refused> {
    unwrap_key(
        "pkcs8",
        sealed,
        under,
        aad,
        &kind.hashed(),
        exportable,
        &kind.private_usages(),
    )
    .await
}

/// RSA-OAEP encryption to the holder of `spki`.
pub async fn encrypt(spki: &[u8], label: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, Refused> {
    let key: CryptoKey = settle(Ok(import_public(Rsa::Oaep, spki)?)).await?;
    let copy = Uint8Array::from(plaintext);
    let sealed = subtle()?.encrypt_with_object_and_js_u8_array(&oaep(label), &key, &copy);
    let sealed = settle(sealed).await;
    copy.fill(0, 0, copy.length());
    Ok(bytes(&sealed?))
}

/// RSA-OAEP decryption.
pub async fn decrypt(
    key: &CryptoKey,
    label: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Refused> {
    let opened = subtle()?.decrypt_with_object_and_u8_array(&oaep(label), key, sealed);
    Ok(Zeroizing::new(taken(&settle(opened).await?)))
}

/// RSASSA-PSS signature.
pub async fn sign(key: &CryptoKey, message: &[u8]) -> Result<Vec<u8>, Refused> {
    let signature = subtle()?.sign_with_object_and_u8_array(&pss(), key, message);
    Ok(bytes(&settle(signature).await?))
}

/// Whether an RSASSA-PSS signature holds. A key that is none makes it false.
pub async fn verify(spki: &[u8], message: &[u8], signature: &[u8]) -> Result<bool, Refused> {
    let Ok(key) = verifying_key(spki).await else {
        return Ok(false);
    };
    let verified =
        subtle()?.verify_with_object_and_u8_array_and_u8_array(&pss(), &key, signature, message);
    let verified: JsValue = settle(verified).await?;
    Ok(verified.is_truthy())
}

thread_local! {
    /// Imports of keys that verified lately, also such as are under way, by their SubjectPublicKeyInfo; the latest last.
    static RECENT: RefCell<VecDeque<(Vec<u8>, Promise)>> = RefCell::default();
}

/// Keys in [`RECENT`]: messages that come together are by few people.
const MOST_RECENT: usize = 64;

/// A key that verifies. To import it takes longer than to verify with it.
async fn verifying_key(spki: &[u8]) -> Result<CryptoKey, Refused> {
    let found = RECENT.with_borrow_mut(|recent| {
        let index = recent.iter().position(|(other, _)| other == spki)?;
        let found = recent.remove(index)?;
        recent.push_back(found);
        recent.back().map(|(_, import)| import.clone())
    });
    let import = match found {
        Some(import) => import,
        None => {
            let import = import_public(Rsa::Pss, spki)?;
            RECENT.with_borrow_mut(|recent| {
                if recent.len() >= MOST_RECENT {
                    recent.pop_front();
                }
                recent.push_back((spki.to_vec(), import.clone()));
            });
            import
        }
    };
    let key = settle(Ok(import)).await;
    if key.is_err() {
        RECENT.with_borrow_mut(|recent| recent.retain(|(other, _)| other != spki));
    }
    key
}

/// A plain object.
pub fn object(fields: &[(&str, JsValue)]) -> Object {
    let object = Object::new();
    for (name, value) in fields {
        // Setting a field of a plain object does not fail.
        let _ = Reflect::set(&object, &(*name).into(), value);
    }
    object
}

async fn import_secret(bytes: &[u8; 32], usages: &Array) -> Result<CryptoKey, Refused> {
    let copy = Uint8Array::from(bytes.as_slice());
    let key = subtle()?.import_key_with_object("raw", &copy, &aes(), false, usages);
    let key = settle(key).await;
    copy.fill(0, 0, copy.length());
    key
}

fn import_public(kind: Rsa, spki: &[u8]) -> Result<Promise, Refused> {
    let spki = Uint8Array::from(spki);
    let usages = kind.public_usages();
    subtle()?
        .import_key_with_object("spki", &spki, &kind.hashed(), true, &usages)
        .map_err(|error| refused(&error))
}

async fn wrap_key(
    format: &str,
    key: &CryptoKey,
    under: &CryptoKey,
    aad: &[u8],
) -> Result<Vec<u8>, Refused> {
    let nonce = random::bytes();
    let wrapped = subtle()?.wrap_key_with_object(format, key, under, &aes_gcm(&nonce, aad));
    Ok(vault::join(&nonce, &bytes(&settle(wrapped).await?)))
}

async fn unwrap_key(
    format: &str,
    sealed: &[u8],
    under: &CryptoKey,
    aad: &[u8],
    algorithm: &Object,
    exportable: Exportable,
    usages: &Array,
) -> Result<CryptoKey, Refused> {
    let (nonce, sealed) = parted(sealed)?;
    let key = subtle()?.unwrap_key_with_js_u8_array_and_object_and_object(
        format,
        &Uint8Array::from(sealed),
        under,
        &aes_gcm(nonce, aad),
        algorithm,
        exportable == Exportable::Yes,
        usages,
    );
    settle(key).await
}

fn aes_usages(wraps: bool) -> Array {
    strings(if wraps {
        &["encrypt", "decrypt", "wrapKey", "unwrapKey"]
    } else {
        &["encrypt", "decrypt"]
    })
}

fn aes() -> Object {
    object(&[("name", "AES-GCM".into())])
}

fn aes_gcm(nonce: &[u8], aad: &[u8]) -> AesGcmParams {
    let algorithm = AesGcmParams::new("AES-GCM", &Uint8Array::from(nonce));
    algorithm.set_additional_data(&Uint8Array::from(aad));
    algorithm
}

fn oaep(label: &[u8]) -> Object {
    object(&[
        ("name", "RSA-OAEP".into()),
        ("label", Uint8Array::from(label).into()),
    ])
}

fn pss() -> Object {
    object(&[("name", "RSA-PSS".into()), ("saltLength", 32.into())])
}

fn strings(items: &[&str]) -> Array {
    items.iter().map(|item| JsValue::from_str(item)).collect()
}

fn bytes(buffer: &ArrayBuffer) -> Vec<u8> {
    Uint8Array::new(buffer).to_vec()
}

/// The bytes of a plaintext, whose copy in the browser's memory is wiped.
fn taken(buffer: &ArrayBuffer) -> Vec<u8> {
    let view = Uint8Array::new(buffer);
    let bytes = view.to_vec();
    view.fill(0, 0, view.length());
    bytes
}

fn parted(sealed: &[u8]) -> Result<(&[u8; 12], &[u8]), Refused> {
    vault::split(sealed).map_err(|error| Refused(error.to_string()))
}

/// The same in a page and in a worker.
fn subtle() -> Result<SubtleCrypto, Refused> {
    let crypto =
        Reflect::get(&js_sys::global(), &"crypto".into()).map_err(|error| refused(&error))?;
    if crypto.is_undefined() {
        return Err(Refused("WebCrypto is missing".into()));
    }
    let subtle: JsValue = crypto.unchecked_into::<Crypto>().subtle().into();
    if subtle.is_undefined() {
        return Err(Refused("WebCrypto is missing".into()));
    }
    Ok(subtle.unchecked_into())
}

/// Waits for a promise of a `T`, as WebCrypto's interface promises it.
async fn settle<T: JsCast>(promise: Result<Promise, JsValue>) -> Result<T, Refused> {
    let promise = promise.map_err(|error| refused(&error))?;
    let value = JsFuture::from(promise)
        .await
        .map_err(|error| refused(&error))?;
    Ok(value.unchecked_into())
}

fn refused(error: &JsValue) -> Refused {
    Refused(match error.dyn_ref::<DomException>() {
        Some(exception) => format!("{}: {}", exception.name(), exception.message()),
        None => format!("{error:?}"),
    })
}
