//! Conversations whose keys the server makes: its signing key, and the announcements that it signs.
//!
//! The key lies in a file beside the database and names the server in each such conversation's `create`; losing it
//! means that none of them gets a key any more. It signs announcements and nothing else.
//!
//! An epoch key lives as long as it takes to wrap it for its readers: it is wiped where it lay, the stack that hashed
//! and padded it is overwritten, and the binary's allocator wipes whatever it frees (what arithmetic leaves behind of
//! a padded key would give the key away).

use std::hint::black_box;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rsa::RsaPrivateKey;
use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey};
use rsa::pss::SigningKey;
use rsa::signature::{RandomizedSigner, SignatureEncoding};
use secure_chat_shared::codec::{self, Bytes};
use secure_chat_shared::crypto::epoch::{EpochContext, EpochKey, commitment};
use secure_chat_shared::crypto::random::SystemRng;
use secure_chat_shared::crypto::rsa_pss;
use secure_chat_shared::crypto::signing::Signature;
use secure_chat_shared::crypto::wrap::wrap;
use secure_chat_shared::ids::{EntryHash, Epoch, View};
use secure_chat_shared::log::entry::{ServerHeader, assemble_server, server_signing_payload};
use secure_chat_shared::log::{Announcement, LogState, tree};
use sha2::Sha256;
use tokio::sync::OnceCell;

use crate::app::StartError;
use crate::db::Failure;
use crate::private_file;

/// Its name in the data folder.
pub const FILE: &str = "managed-signing-key";

/// Stack that is overwritten after an epoch key was at work, bytes: hashing and RSA take a few thousand.
const STACK: usize = 128 * 1024;

/// The server's signing key: in memory once it is needed.
pub struct Managed {
    data: PathBuf,
    signer: OnceCell<Arc<Signer>>,
}

/// Why there is no key or no announcement.
#[derive(Debug, thiserror::Error)]
pub enum ManagedError {
    /// The file cannot be read or written.
    #[error("{0}: {1}")]
    File(PathBuf, io::Error),
    /// The file holds no RSA-3072 key.
    #[error("{0} is damaged: restore it from its backup")]
    Damaged(PathBuf),
    /// Making, signing or wrapping failed.
    #[error("the server's key for conversations: {0}")]
    Arithmetic(String),
}

impl From<ManagedError> for Failure {
    fn from(error: ManagedError) -> Self {
        Self::Server(error.to_string())
    }
}

impl Managed {
    /// Reads the key where there is one. `used` is the public key of conversations in the database, if there are any.
    pub fn load(data: &Path, used: Option<&[u8]>) -> Result<Self, StartError> {
        let path = data.join(FILE);
        let failed = |error: ManagedError| StartError::ManagedKey(error.to_string());
        let bytes = private_file::read(data, FILE)
            .map_err(|error| failed(ManagedError::File(path.clone(), error)))?;
        let signer = match bytes {
            Some(bytes) => {
                let key = RsaPrivateKey::from_pkcs8_der(&bytes)
                    .ok()
                    .and_then(|key| Signer::new(key).ok());
                Some(key.ok_or_else(|| failed(ManagedError::Damaged(path.clone())))?)
            }
            None => None,
        };
        let found = signer.as_ref().map(|signer| signer.spki.as_ref());
        if used.is_some() && used != found {
            let what = if found.is_some() {
                "is not the one"
            } else {
                "is missing"
            };
            return Err(StartError::ManagedKey(format!(
                "{} {what} with which this database's server-managed conversations began, which \
                 would get no keys any more: restore it from its backup",
                path.display()
            )));
        }
        Ok(Self {
            data: data.to_owned(),
            signer: OnceCell::new_with(signer.map(Arc::new)),
        })
    }

    /// The key, if there is one yet.
    pub fn existing(&self) -> Option<Arc<Signer>> {
        self.signer.get().cloned()
    }

    /// The key; made, in seconds, where there is none yet.
    pub async fn signer(&self) -> Result<Arc<Signer>, ManagedError> {
        let made = self.signer.get_or_try_init(|| async {
            let data = self.data.clone();
            tokio::task::spawn_blocking(move || make(&data).map(Arc::new))
                .await
                .map_err(arithmetic)?
        });
        made.await.cloned()
    }
}

/// Makes a key and writes it to its file.
fn make(data: &Path) -> Result<Signer, ManagedError> {
    let key = RsaPrivateKey::new(&mut SystemRng, rsa_pss::BITS as usize).map_err(arithmetic)?;
    let bytes = key.to_pkcs8_der().map_err(arithmetic)?;
    let signer = Signer::new(key)?;
    private_file::write(data, FILE, bytes.as_bytes())
        .map_err(|error| ManagedError::File(data.join(FILE), error))?;
    tracing::info!("made the signing key for server-managed conversations");
    Ok(signer)
}

/// Signs announcements.
pub struct Signer {
    key: SigningKey<Sha256>,
    spki: Bytes,
}

/// An announcement, and the wraps that it commits to, in the readers' order.
pub struct Announced {
    /// The entry's exact bytes.
    pub bytes: Bytes,
    /// One for each reader.
    pub wraps: Vec<Bytes>,
    view: View,
    previous: EntryHash,
}

impl Announced {
    /// Whether it is the one that a log in this state, at this size, waits for.
    pub fn fits(&self, state: &LogState, view: View) -> bool {
        self.view == view && self.previous == state.last
    }
}

impl Signer {
    fn new(key: RsaPrivateKey) -> Result<Self, ManagedError> {
        let spki = key
            .to_public_key()
            .to_public_key_der()
            .map_err(arithmetic)?
            .into_vec();
        rsa_pss::validate_spki(&spki).map_err(arithmetic)?;
        Ok(Self {
            key: SigningKey::new(key),
            spki: spki.into(),
        })
    }

    /// The public half, SubjectPublicKeyInfo DER.
    pub fn spki(&self) -> &Bytes {
        &self.spki
    }

    /// Makes a key for everybody who may read in `state`, whose log has grown to `view`, wraps and announces it, and
    /// forgets it. Takes part of a millisecond a reader: to be called where that holds nobody up.
    pub fn announce(&self, state: &LogState, view: View) -> Result<Announced, ManagedError> {
        on_passing_stack(|| self.make_announcement(state, view))
    }

    fn make_announcement(&self, state: &LogState, view: View) -> Result<Announced, ManagedError> {
        let current = state.epoch();
        let context = EpochContext {
            conversation: state.conversation,
            epoch: current.map_or(Epoch::FIRST, |current| current.epoch.next()),
            view,
        };
        let key = EpochKey::make();
        let wraps = state.people.values().map(|person| {
            let label = context.wrap_label(&person.identity.hash());
            wrap(&person.identity.identity().encryption, &key, &label).map(Bytes)
        });
        let wraps = wraps.collect::<Result<Vec<_>, _>>().map_err(arithmetic)?;
        let announcement = Announcement {
            epoch: context.epoch,
            commitment: commitment(&key, &context),
            readers: state.readers(),
            wraps: tree::wraps_root(&wraps),
            title: None,
        };
        drop(key);
        let previous = state.last;
        let header = ServerHeader::new(state.conversation, view, previous, announcement);
        let header = codec::encode(&header);
        let signature = self
            .key
            .try_sign_with_rng(&mut SystemRng, &server_signing_payload(&header))
            .map_err(arithmetic)?;
        let bytes = assemble_server(header, Signature::from(signature.to_vec())).into();
        Ok(Announced {
            bytes,
            wraps,
            view,
            previous,
        })
    }
}

/// Runs `work` and overwrites the stack that it had.
fn on_passing_stack<T>(work: impl FnOnce() -> T) -> T {
    #[inline(never)]
    fn run<T>(work: impl FnOnce() -> T) -> T {
        work()
    }
    #[inline(never)]
    fn overwrite() {
        let mut stack = [0_u8; STACK];
        black_box(&mut stack);
    }
    let result = run(work);
    overwrite();
    result
}

fn arithmetic(error: impl std::fmt::Display) -> ManagedError {
    ManagedError::Arithmetic(error.to_string())
}

#[cfg(test)]
mod tests {
    use secure_chat_shared::client::native::test_keys;

    use super::*;

    fn given(n: usize) -> tempfile::TempDir {
        let data = tempfile::tempdir().unwrap();
        let [_, signing, _] = test_keys::pkcs8(n);
        private_file::write(data.path(), FILE, signing).unwrap();
        data
    }

    fn spki(n: usize) -> Vec<u8> {
        test_keys::set(n).unwrap().rsa_signing.spki().unwrap()
    }

    #[tokio::test]
    async fn a_key_that_is_there_is_used() {
        let data = given(1);
        let managed = Managed::load(data.path(), Some(&spki(1))).unwrap();
        assert_eq!(managed.existing().unwrap().spki().0, spki(1));
        assert_eq!(managed.signer().await.unwrap().spki().0, spki(1));
    }

    #[tokio::test]
    async fn the_first_need_makes_one_that_lasts() {
        let data = tempfile::tempdir().unwrap();
        let managed = Managed::load(data.path(), None).unwrap();
        assert!(managed.existing().is_none());
        let (one, other) = tokio::join!(managed.signer(), managed.signer());
        let made = one.unwrap().spki().clone();
        assert_eq!(*other.unwrap().spki(), made);
        let again = Managed::load(data.path(), Some(&made)).unwrap();
        assert_eq!(*again.existing().unwrap().spki(), made);
    }

    #[test]
    fn conversations_without_their_key_are_not_served() {
        let empty = tempfile::tempdir().unwrap();
        for (data, word) in [(&empty, "missing"), (&given(2), "not the one")] {
            let error = Managed::load(data.path(), Some(&spki(1))).err().unwrap();
            assert!(error.to_string().contains(word), "{error}");
        }
        private_file::write(empty.path(), FILE, b"damaged").unwrap();
        let error = Managed::load(empty.path(), None).err().unwrap();
        assert!(error.to_string().contains("damaged"), "{error}");
    }
}
