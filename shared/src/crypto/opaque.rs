//! Passwords: OPAQUE (RFC 9807) over ristretto255 with triple Diffie-Hellman and SHA-512, bytes in and bytes out.
//!
//! The server never sees a password nor a hash of one; the client gets, at registration and at each login, an export
//! key that opens its vault. Stretched by Argon2id with 64 MiB, 3 passes and 1 lane: fixed, never the server's to say.
//! This module keeps opaque-ke's older generation of crates to itself.
//!
//! A password is prepared as an OpaqueString (RFC 8265, section 4.2.2) as far as it makes two keyboards agree: any
//! space is U+0020, and the text is in Unicode's form NFC.

use std::fmt;

use argon2::{Argon2, Params, Version};
use opaque_ke::errors::{InternalError, ProtocolError};
use opaque_ke::generic_array::{ArrayLength, GenericArray};
use opaque_ke::ksf::Ksf;
use opaque_ke::rand::{CryptoRng, Error, RngCore};
use opaque_ke::{
    CipherSuite, CredentialFinalization, CredentialRequest, RegistrationRequest,
    RegistrationUpload, Ristretto255, ServerLoginParameters, ServerRegistration, TripleDh,
};
use zeroize::Zeroizing;

use super::label::{labelled, purpose};
use super::random;
use super::secret::Secret;
use crate::ids::{UserName, WrongLength};

/// What both sides mix into the key exchange: product and version.
const CONTEXT: &[u8] = b"secure-chat/v1";

/// Argon2id memory, KiB.
pub const MEMORY_KIB: u32 = 64 * 1024;
/// Argon2id passes.
pub const PASSES: u32 = 3;
/// Argon2id lanes.
pub const LANES: u32 = 1;

/// What only the password brings out, the same at every login: 64 bytes. Debug shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct ExportKey(Secret<64>);

impl ExportKey {
    /// From its 64 bytes; the caller wipes its own copy.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, WrongLength> {
        Secret::from_slice(bytes).map(Self)
    }

    /// The bytes. See [`super::vault::kek_from_export`] for their only use.
    pub fn expose(&self) -> &[u8; 64] {
        self.0.expose()
    }
}

impl fmt::Debug for ExportKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExportKey")
    }
}

/// Why a step failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpaqueError {
    /// The other side's message is none.
    #[error("malformed message")]
    Malformed,
    /// Wrong password, or no such user: nobody can tell which.
    #[error("wrong name or password")]
    WrongPassword,
    /// Not enough memory to stretch the password, or the like.
    #[error("the password could not be processed")]
    Internal,
}

/// The server's long-term secret: OPRF seed and key pair. Losing it ends every password login.
pub struct ServerSetup(opaque_ke::ServerSetup<Suite>);

impl ServerSetup {
    /// A new one.
    pub fn make() -> Self {
        Self::make_with(&mut random::fill)
    }

    pub(crate) fn make_with(fill: Fill<'_>) -> Self {
        Self(opaque_ke::ServerSetup::new(&mut Rng(fill)))
    }

    /// For the file that it lives in, outside the database.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.0.serialize().to_vec())
    }

    /// From that file.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, OpaqueError> {
        let setup =
            opaque_ke::ServerSetup::deserialize(bytes).map_err(|_| OpaqueError::Malformed)?;
        let setup = Self(setup);
        // Reading stops at the end of what it needs.
        if **setup.to_bytes() != *bytes {
            return Err(OpaqueError::Malformed);
        }
        Ok(setup)
    }

    /// Answers `RegistrationRequest` with `RegistrationResponse`.
    pub fn register_start(&self, name: &UserName, request: &[u8]) -> Result<Vec<u8>, OpaqueError> {
        let request = RegistrationRequest::deserialize(request)?;
        let identifier = name.as_str().as_bytes();
        let started = ServerRegistration::<Suite>::start(&self.0, request, identifier)?;
        Ok(started.message.serialize().to_vec())
    }

    /// Answers `KE1` with `KE2`. Without a record the answer looks like any other, and no `KE3` fits it.
    pub fn login_start(
        &self,
        record: Option<&[u8]>,
        name: &UserName,
        ke1: &[u8],
    ) -> Result<(ServerLogin, Vec<u8>), OpaqueError> {
        self.login_start_with(&mut random::fill, record, name, ke1)
    }

    pub(crate) fn login_start_with(
        &self,
        fill: Fill<'_>,
        record: Option<&[u8]>,
        name: &UserName,
        ke1: &[u8],
    ) -> Result<(ServerLogin, Vec<u8>), OpaqueError> {
        let record = record.map(ServerRegistration::deserialize).transpose()?;
        let started = opaque_ke::ServerLogin::start(
            &mut Rng(fill),
            &self.0,
            record,
            CredentialRequest::deserialize(ke1)?,
            name.as_str().as_bytes(),
            parameters(),
        )?;
        Ok((
            ServerLogin(started.state),
            started.message.serialize().to_vec(),
        ))
    }
}

impl fmt::Debug for ServerSetup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerSetup")
    }
}

/// Checks a `RegistrationRecord` and gives what to store.
pub fn register_finish(upload: &[u8]) -> Result<Vec<u8>, OpaqueError> {
    let upload = RegistrationUpload::<Suite>::deserialize(upload)?;
    Ok(ServerRegistration::finish(upload).serialize().to_vec())
}

/// What the server remembers between `KE2` and `KE3`.
pub struct ServerLogin(opaque_ke::ServerLogin<Suite>);

impl ServerLogin {
    /// Whether `KE3` proves the password.
    pub fn finish(self, ke3: &[u8]) -> Result<(), OpaqueError> {
        let ke3 = CredentialFinalization::deserialize(ke3)?;
        self.0
            .finish(ke3, parameters())
            .map(|_| ())
            .map_err(OpaqueError::from)
    }

    /// For a store between the steps.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.0.serialize().to_vec())
    }

    /// From that store.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, OpaqueError> {
        Ok(Self(opaque_ke::ServerLogin::deserialize(bytes)?))
    }
}

impl fmt::Debug for ServerLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerLogin")
    }
}

fn parameters() -> ServerLoginParameters<'static, 'static> {
    ServerLoginParameters {
        context: Some(CONTEXT),
        ..ServerLoginParameters::default()
    }
}

/// The protocol's choice of groups, hashes and key stretching.
struct Suite;

impl CipherSuite for Suite {
    type OprfCs = Ristretto255;
    type KeyExchange = TripleDh<Ristretto255, sha2_for_opaque::Sha512>;
    type Ksf = Stretch;
}

/// The salt of Argon2id.
pub(crate) fn stretch_salt() -> Vec<u8> {
    labelled(purpose::PASSWORD_STRETCH, &[])
}

/// Argon2id with the fixed parameters. The salt is a constant: the input is the OPRF's output, which is salted already.
#[derive(Default)]
struct Stretch;

impl Ksf for Stretch {
    fn hash<L: ArrayLength<u8>>(
        &self,
        input: GenericArray<u8, L>,
    ) -> Result<GenericArray<u8, L>, InternalError> {
        let mut output = GenericArray::default();
        let length = Some(output.len());
        let parameters =
            Params::new(MEMORY_KIB, PASSES, LANES, length).map_err(|_| InternalError::KsfError)?;
        Argon2::new(argon2::Algorithm::Argon2id, Version::V0x13, parameters)
            .hash_password_into(&input, &stretch_salt(), &mut output)
            .map_err(|_| InternalError::KsfError)?;
        Ok(output)
    }
}

/// What fills buffers with random bytes: the system, or a vector's maker.
type Fill<'a> = &'a mut dyn FnMut(&mut [u8]);

/// Randomness for the older traits.
struct Rng<'a>(Fill<'a>);

impl RngCore for Rng<'_> {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        (self.0)(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        (self.0)(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, buffer: &mut [u8]) {
        (self.0)(buffer);
    }

    fn try_fill_bytes(&mut self, buffer: &mut [u8]) -> Result<(), Error> {
        (self.0)(buffer);
        Ok(())
    }
}

impl CryptoRng for Rng<'_> {}

impl From<ProtocolError> for OpaqueError {
    fn from(error: ProtocolError) -> Self {
        match error {
            ProtocolError::InvalidLoginError => Self::WrongPassword,
            ProtocolError::LibraryError(
                InternalError::KsfError | InternalError::HkdfError | InternalError::HmacError,
            ) => Self::Internal,
            _ => Self::Malformed,
        }
    }
}

#[cfg(feature = "client")]
pub use client::{ClientLogin, ClientRegistration};

/// The side that knows the password.
#[cfg(feature = "client")]
mod client {
    use opaque_ke::{
        ClientLoginFinishParameters, ClientRegistrationFinishParameters, CredentialResponse,
        RegistrationResponse,
    };
    use zeroize::{Zeroize, Zeroizing};

    use super::{CONTEXT, ExportKey, Fill, OpaqueError, Rng, Suite, fmt, random};
    use crate::ids::nfc;

    /// Registration, or a new password.
    pub struct ClientRegistration(opaque_ke::ClientRegistration<Suite>);

    impl ClientRegistration {
        /// Begins; the bytes are `RegistrationRequest`.
        pub fn start(password: &str) -> Result<(Self, Vec<u8>), OpaqueError> {
            Self::start_with(&mut random::fill, password)
        }

        pub(crate) fn start_with(
            fill: Fill<'_>,
            password: &str,
        ) -> Result<(Self, Vec<u8>), OpaqueError> {
            let mut rng = Rng(fill);
            let started = opaque_ke::ClientRegistration::start(&mut rng, &prepare(password))?;
            Ok((Self(started.state), started.message.serialize().to_vec()))
        }

        /// Ends: `RegistrationRecord`, to be uploaded, and the export key, to be kept. Takes a second.
        pub fn finish(
            self,
            password: &str,
            response: &[u8],
        ) -> Result<(Vec<u8>, ExportKey), OpaqueError> {
            self.finish_with(&mut random::fill, password, response)
        }

        pub(crate) fn finish_with(
            self,
            fill: Fill<'_>,
            password: &str,
            response: &[u8],
        ) -> Result<(Vec<u8>, ExportKey), OpaqueError> {
            let response = RegistrationResponse::deserialize(response)?;
            let parameters = ClientRegistrationFinishParameters::default();
            let mut finished =
                self.0
                    .finish(&mut Rng(fill), &prepare(password), response, parameters)?;
            let export = export_key(&mut finished.export_key)?;
            Ok((finished.message.serialize().to_vec(), export))
        }
    }

    /// What the client remembers between the steps, for vectors.
    #[cfg(feature = "vectors")]
    impl ClientRegistration {
        pub(crate) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
            Zeroizing::new(self.0.serialize().to_vec())
        }

        pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, OpaqueError> {
            Ok(Self(opaque_ke::ClientRegistration::deserialize(bytes)?))
        }
    }

    impl fmt::Debug for ClientRegistration {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("ClientRegistration")
        }
    }

    /// Login.
    pub struct ClientLogin(opaque_ke::ClientLogin<Suite>);

    impl ClientLogin {
        /// Begins; the bytes are `KE1`.
        pub fn start(password: &str) -> Result<(Self, Vec<u8>), OpaqueError> {
            Self::start_with(&mut random::fill, password)
        }

        pub(crate) fn start_with(
            fill: Fill<'_>,
            password: &str,
        ) -> Result<(Self, Vec<u8>), OpaqueError> {
            let mut rng = Rng(fill);
            let started = opaque_ke::ClientLogin::start(&mut rng, &prepare(password))?;
            Ok((Self(started.state), started.message.serialize().to_vec()))
        }

        /// Ends: `KE3`, to be sent, and the export key. [`OpaqueError::WrongPassword`] where the answer does not open
        /// with the password, or there is no such user. Takes a second.
        pub fn finish(
            self,
            password: &str,
            ke2: &[u8],
        ) -> Result<(Vec<u8>, ExportKey), OpaqueError> {
            let response = CredentialResponse::deserialize(ke2)?;
            let parameters = ClientLoginFinishParameters {
                context: Some(CONTEXT),
                ..ClientLoginFinishParameters::default()
            };
            let mut finished = self.0.finish(
                &mut Rng(&mut random::fill),
                &prepare(password),
                response,
                parameters,
            )?;
            let export = export_key(&mut finished.export_key)?;
            Ok((finished.message.serialize().to_vec(), export))
        }
    }

    /// What the client remembers between the steps, for vectors.
    #[cfg(feature = "vectors")]
    impl ClientLogin {
        pub(crate) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
            Zeroizing::new(self.0.serialize().to_vec())
        }

        pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, OpaqueError> {
            Ok(Self(opaque_ke::ClientLogin::deserialize(bytes)?))
        }
    }

    impl fmt::Debug for ClientLogin {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("ClientLogin")
        }
    }

    fn export_key(bytes: &mut [u8]) -> Result<ExportKey, OpaqueError> {
        let key = ExportKey::from_slice(bytes).map_err(|_| OpaqueError::Internal);
        bytes.zeroize();
        key
    }

    fn prepare(password: &str) -> Zeroizing<Vec<u8>> {
        let spaced: Zeroizing<String> = Zeroizing::new(
            password
                .chars()
                .map(|c| if is_space_separator(c) { ' ' } else { c })
                .collect(),
        );
        Zeroizing::new(nfc(&spaced).into_bytes())
    }

    /// Unicode's category Zs.
    fn is_space_separator(c: char) -> bool {
        matches!(
            c,
            ' ' | '\u{a0}' | '\u{1680}' | '\u{2000}'
                ..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
        )
    }
}
