//! The server's half of WebAuthn: a relying party for the page's own host.
//!
//! A passkey is bound to the host that the page came from, by the browser. So the relying party is that of the origin
//! that a socket's upgrade named, and that was allowed there.

use std::fmt::Display;

use axum::http::Uri;
use secure_chat_shared::ids::{UserId, UserName};
use webauthn_rp::bin::{Decode, Encode};
use webauthn_rp::request::auth::{
    AllowedCredentials, AuthenticationVerificationOptions, NonDiscoverableCredentialRequestOptions,
};
use webauthn_rp::request::register::{
    CredProtect, PublicKeyCredentialCreationOptions, PublicKeyCredentialUserEntity,
    RegistrationVerificationOptions, UserHandle, Username,
};
use webauthn_rp::request::{
    AsciiDomain, Credentials, ExtensionInfo, PublicKeyCredentialDescriptor, RpId,
    UserVerificationRequirement,
};
use webauthn_rp::response::auth::NonDiscoverableAuthentication16;
use webauthn_rp::response::register::{DynamicState, StaticState};
use webauthn_rp::response::{AuthTransports, CredentialId};
use webauthn_rp::{
    AuthenticatedCredential, NonDiscoverableAuthenticationServerState, Registration,
    RegistrationServerState,
};

/// Why a step with a passkey failed.
#[derive(Debug, thiserror::Error)]
pub enum PasskeyError {
    /// The socket was not opened by a page of a host with a name.
    #[error("passkeys need a page whose address has a host name")]
    NoHost,
    /// JSON that is not what a browser gives.
    #[error("the browser's response is malformed: {0}")]
    Malformed(serde_json::Error),
    /// The response does not hold: another challenge, host or key, or nobody was verified.
    #[error("the passkey does not hold: {0}")]
    Refused(String),
    /// What was kept of a passkey is damaged.
    #[error("a passkey's row is damaged")]
    Damaged,
}

/// What is kept of a passkey, in the library's own encoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Credential id, 16 to 1,023 bytes.
    pub id: Vec<u8>,
    /// How the browser reaches it.
    pub transports: u8,
    /// Public key, and what was said when it was made.
    pub fixed: Vec<u8>,
    /// Counter and flags.
    pub changing: [u8; 7],
}

/// A registration that has begun.
pub type Registering = RegistrationServerState<16>;
/// An authentication that has begun.
pub type Authenticating = NonDiscoverableAuthenticationServerState;

/// WebAuthn for pages of one origin.
pub struct RelyingParty {
    id: RpId,
    origin: String,
}

impl RelyingParty {
    /// For pages of this origin, as the `Origin` header names it.
    pub fn of(origin: Option<&str>) -> Result<Self, PasskeyError> {
        let origin = origin.ok_or(PasskeyError::NoHost)?;
        let uri: Uri = origin.parse().map_err(|_| PasskeyError::NoHost)?;
        let host = uri.host().ok_or(PasskeyError::NoHost)?;
        // Browsers have no passkeys for addresses.
        if host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok() {
            return Err(PasskeyError::NoHost);
        }
        let host = AsciiDomain::try_from(host.to_ascii_lowercase());
        Ok(Self {
            id: RpId::Domain(host.map_err(|_| PasskeyError::NoHost)?),
            origin: origin.to_owned(),
        })
    }

    /// Begins to make a passkey beside those that the user has: the options for the browser, as JSON.
    pub fn begin_registration(
        &self,
        user: UserId,
        name: &UserName,
        others: &[Credential],
    ) -> Result<(String, Registering), PasskeyError> {
        let handle = UserHandle::decode(user.0).map_err(refused)?;
        let others = others.iter().map(descriptor).collect::<Result<_, _>>()?;
        let user = PublicKeyCredentialUserEntity {
            name: Username::try_from(name.as_str()).map_err(refused)?,
            id: &handle,
            display_name: None,
        };
        let mut options = PublicKeyCredentialCreationOptions::passkey(&self.id, user, others);
        // Wished for: an authenticator that cannot is as good, since its owner is verified at every use.
        let wished = ExtensionInfo::AllowDontEnforceValue;
        options.extensions.cred_protect = CredProtect::UserVerificationRequired(wished);
        let (state, client) = options.start_ceremony().map_err(refused)?;
        let client = serde_json::to_string(&client).map_err(PasskeyError::Malformed)?;
        Ok((client, state))
    }

    /// The passkey that the browser has made.
    pub fn finish_registration(
        &self,
        response: &str,
        state: Registering,
    ) -> Result<Credential, PasskeyError> {
        let response = Registration::from_json_relaxed(response.as_bytes());
        let response = response.map_err(PasskeyError::Malformed)?;
        let options = RegistrationVerificationOptions::<&str, &str> {
            allowed_origins: &[&self.origin],
            // The PRF is between the page and the authenticator.
            error_on_unsolicited_extensions: false,
            ..RegistrationVerificationOptions::default()
        };
        let made = state
            .verify(&self.id, &response, &options)
            .map_err(refused)?;
        Ok(Credential {
            id: made.id().encode().map_err(refused)?.to_vec(),
            transports: made.transports().encode().map_err(refused)?,
            fixed: made.static_state().encode().map_err(refused)?,
            changing: made.dynamic_state().encode().map_err(refused)?,
        })
    }

    /// Begins to ask for one of the passkeys, and for its owner to be verified by it.
    pub fn begin_authentication(
        &self,
        passkeys: &[Credential],
    ) -> Result<(String, Authenticating), PasskeyError> {
        let mut allowed = AllowedCredentials::with_capacity(passkeys.len());
        for passkey in passkeys {
            allowed.push(descriptor(passkey)?.into());
        }
        let mut options = NonDiscoverableCredentialRequestOptions::second_factor(&self.id, allowed)
            .map_err(refused)?;
        options.options().user_verification = UserVerificationRequirement::Required;
        let (state, client) = options.start_ceremony().map_err(refused)?;
        let client = serde_json::to_string(&client).map_err(PasskeyError::Malformed)?;
        Ok((client, state))
    }

    /// Which passkey has answered, its counter as it is now.
    pub fn finish_authentication(
        &self,
        user: UserId,
        passkeys: &[Credential],
        response: &str,
        state: Authenticating,
    ) -> Result<Credential, PasskeyError> {
        let response = NonDiscoverableAuthentication16::from_json_relaxed(response.as_bytes());
        let response = response.map_err(PasskeyError::Malformed)?;
        let id = response.raw_id();
        let id = id.encode().map_err(refused)?;
        let passkey = passkeys.iter().find(|passkey| passkey.id == id);
        let passkey = passkey.ok_or_else(|| refused("not one of this account"))?;
        let handle = UserHandle::decode(user.0).map_err(refused)?;
        let fixed = StaticState::decode(&passkey.fixed[..]).map_err(|_| PasskeyError::Damaged)?;
        let changing = DynamicState::decode(passkey.changing).map_err(|_| PasskeyError::Damaged)?;
        let id = CredentialId::<&[u8]>::decode(&passkey.id).map_err(|_| PasskeyError::Damaged)?;
        let mut credential = AuthenticatedCredential::new(id, &handle, fixed, changing)
            .map_err(|_| PasskeyError::Damaged)?;
        let options = AuthenticationVerificationOptions::<&str, &str> {
            allowed_origins: &[&self.origin],
            error_on_unsolicited_extensions: false,
            ..AuthenticationVerificationOptions::default()
        };
        state
            .verify(&self.id, &response, &mut credential, &options)
            .map_err(refused)?;
        Ok(Credential {
            changing: credential.dynamic_state().encode().map_err(refused)?,
            ..passkey.clone()
        })
    }
}

fn descriptor(
    passkey: &Credential,
) -> Result<PublicKeyCredentialDescriptor<Vec<u8>>, PasskeyError> {
    Ok(PublicKeyCredentialDescriptor {
        id: CredentialId::decode(passkey.id.clone()).map_err(|_| PasskeyError::Damaged)?,
        transports: AuthTransports::decode(passkey.transports)
            .map_err(|_| PasskeyError::Damaged)?,
    })
}

fn refused(error: impl Display) -> PasskeyError {
    PasskeyError::Refused(error.to_string())
}
