//! People with ready-made keys, signed once.

use std::sync::OnceLock;

use secure_chat_shared::client::native::test_keys;
use secure_chat_shared::codec::Bytes;
use secure_chat_shared::crypto::identity::{Identity, SignedIdentity, signing_payload};
use secure_chat_shared::crypto::opaque::ServerSetup;
use secure_chat_shared::crypto::signing::{Algorithm, Signature};
use secure_chat_shared::ids::{UserId, UserName};

/// How many there are.
pub const COUNT: usize = 4;

/// Somebody, with two versions of the identity: the second signs by the other algorithm.
pub struct Person {
    pub signed: SignedIdentity,
    pub next: SignedIdentity,
    opaque: OnceLock<ServerSetup>,
}

/// Person `n`, modulo [`COUNT`].
pub fn person(n: usize) -> &'static Person {
    static PEOPLE: [OnceLock<Person>; COUNT] = [const { OnceLock::new() }; COUNT];
    PEOPLE[n % COUNT].get_or_init(|| Person::new(n % COUNT))
}

impl Person {
    fn new(n: usize) -> Self {
        let keys = test_keys::set(n).unwrap();
        let public = keys.public().unwrap();
        let byte = u8::try_from(n + 1).unwrap();
        let first = Identity {
            user: UserId([byte; 16]),
            name: UserName::parse(["alice", "bob", "carol", "dave"][n]).unwrap(),
            version: 1,
            previous: None,
            encryption: Bytes(public.encryption),
            rsa_signing: Bytes(public.rsa_signing),
            dsa_signing: Bytes(public.dsa_signing),
            algorithm: if n.is_multiple_of(2) {
                Algorithm::RsaPss
            } else {
                Algorithm::Dsa
            },
        };
        let second = Identity {
            version: 2,
            previous: Some(first.hash()),
            algorithm: match first.algorithm {
                Algorithm::RsaPss => Algorithm::Dsa,
                Algorithm::Dsa => Algorithm::RsaPss,
            },
            ..first.clone()
        };
        let sign = |identity: &Identity| -> (Vec<u8>, Signature, Signature) {
            let body = identity.body();
            let payload = signing_payload(&body);
            let pss = keys.rsa_signing.sign(&payload).unwrap().into();
            let dsa = keys.dsa_signing.sign(&payload).unwrap().into();
            (body, pss, dsa)
        };
        let (body, pss, dsa) = sign(&first);
        let signed = SignedIdentity::assemble(body, pss, dsa, None).unwrap();
        let (body, pss, dsa) = sign(&second);
        // The keys are the same, so the version before signs alike.
        let before = Some((pss.clone(), dsa.clone()));
        let next = SignedIdentity::assemble(body, pss, dsa, before).unwrap();
        Self {
            signed,
            next,
            opaque: OnceLock::new(),
        }
    }

    pub fn user(&self) -> UserId {
        self.signed.identity().user
    }

    pub fn name(&self) -> &UserName {
        &self.signed.identity().name
    }

    /// A server's, which knows nobody.
    pub fn opaque(&self) -> &ServerSetup {
        self.opaque.get_or_init(ServerSetup::make)
    }
}
