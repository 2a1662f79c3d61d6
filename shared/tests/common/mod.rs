//! People with ready-made keys, for the tests of what they sign.

use secure_chat_shared::client::native::{PrivateKeys, test_keys};
use secure_chat_shared::codec::Bytes;
use secure_chat_shared::crypto::identity::{self, Identity, SignedIdentity};
use secure_chat_shared::crypto::signing::{Algorithm, Signature};
use secure_chat_shared::ids::{UserId, UserName};

/// Somebody with keys.
#[derive(Clone)]
pub struct Actor {
    pub keys: PrivateKeys,
    pub signed: SignedIdentity,
}

impl Actor {
    /// Person `n`, with version 1 of an identity.
    pub fn new(n: u8, name: &str, algorithm: Algorithm) -> Self {
        let keys = test_keys::set(n.into()).unwrap();
        let public = keys.public().unwrap();
        let identity = Identity {
            user: UserId([n; 16]),
            name: UserName::parse(name).unwrap(),
            version: 1,
            previous: None,
            encryption: Bytes(public.encryption),
            rsa_signing: Bytes(public.rsa_signing),
            dsa_signing: Bytes(public.dsa_signing),
            algorithm,
        };
        let signed = sign_identity(&identity, &keys, None);
        Self { keys, signed }
    }

    /// The next version, with fresh keys and another algorithm.
    pub fn renewed(&self, n: u8, algorithm: Algorithm) -> Self {
        let keys = test_keys::set(n.into()).unwrap();
        let public = keys.public().unwrap();
        let before = self.signed.identity();
        let identity = Identity {
            version: before.version + 1,
            previous: Some(self.signed.hash()),
            encryption: Bytes(public.encryption),
            rsa_signing: Bytes(public.rsa_signing),
            dsa_signing: Bytes(public.dsa_signing),
            algorithm,
            ..before.clone()
        };
        let signed = sign_identity(&identity, &keys, Some(&self.keys));
        Self { keys, signed }
    }

    pub fn user(&self) -> UserId {
        self.signed.identity().user
    }

    /// Signs as the identity says.
    pub fn sign(&self, payload: &[u8]) -> Signature {
        sign_with(&self.keys, self.signed.identity().algorithm, payload)
    }
}

pub fn sign_with(keys: &PrivateKeys, algorithm: Algorithm, payload: &[u8]) -> Signature {
    Signature(Bytes(match algorithm {
        Algorithm::RsaPss => keys.rsa_signing.sign(payload).unwrap(),
        Algorithm::Dsa => keys.dsa_signing.sign(payload).unwrap(),
    }))
}

fn sign_identity(
    identity: &Identity,
    keys: &PrivateKeys,
    before: Option<&PrivateKeys>,
) -> SignedIdentity {
    let body = identity.body();
    let payload = identity::signing_payload(&body);
    let both = |keys: &PrivateKeys| {
        (
            sign_with(keys, Algorithm::RsaPss, &payload),
            sign_with(keys, Algorithm::Dsa, &payload),
        )
    };
    let (pss, dsa) = both(keys);
    SignedIdentity::assemble(body, pss, dsa, before.map(both)).unwrap()
}
