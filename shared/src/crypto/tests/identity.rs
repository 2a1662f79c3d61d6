//! Chains of identity versions.

use crate::client::native::{PrivateKeys, test_keys};
use crate::codec::{self, Bytes};
use crate::crypto::identity::{
    Compromised, Identity, IdentityError, SignedIdentity, signing_payload,
};
use crate::crypto::signing::{Algorithm, Claim, Signature};
use crate::ids::{IdentityHash, UserId, UserName};

fn identity(keys: &PrivateKeys, previous: Option<&SignedIdentity>) -> Identity {
    let public = keys.public().unwrap();
    Identity {
        user: UserId([1; 16]),
        name: UserName::parse("alice").unwrap(),
        version: previous.map_or(1, |previous| previous.identity().version + 1),
        previous: previous.map(SignedIdentity::hash),
        encryption: public.encryption.into(),
        rsa_signing: public.rsa_signing.into(),
        dsa_signing: public.dsa_signing.into(),
        algorithm: Algorithm::Dsa,
    }
}

fn sign_both(keys: &PrivateKeys, message: &[u8]) -> (Signature, Signature) {
    let pss = keys.rsa_signing.sign(message).unwrap().into();
    (pss, keys.dsa_signing.sign(message).unwrap().into())
}

fn signed(
    identity: &Identity,
    keys: &PrivateKeys,
    before: Option<&PrivateKeys>,
) -> Result<SignedIdentity, IdentityError> {
    let body = identity.body();
    let message = signing_payload(&body);
    let (pss, dsa) = sign_both(keys, &message);
    let previous = before.map(|keys| sign_both(keys, &message));
    SignedIdentity::assemble(body, pss, dsa, previous)
}

fn all_hold(claims: &[Claim]) -> bool {
    claims.iter().all(Claim::verify)
}

#[test]
fn a_chain_of_versions_verifies() {
    let (old, new) = (test_keys::set(0).unwrap(), test_keys::set(1).unwrap());
    let first = signed(&identity(&old, None), &old, None).unwrap();
    let claims = first.claims(None).unwrap();
    assert_eq!(claims.len(), 2);
    assert!(all_hold(&claims));
    assert_eq!(first.hash(), first.identity().hash());
    let second = signed(&identity(&new, Some(&first)), &new, Some(&old)).unwrap();
    let claims = second.claims(Some(first.identity())).unwrap();
    assert_eq!(claims.len(), 4);
    assert!(all_hold(&claims));
    for one in [&first, &second] {
        assert_eq!(SignedIdentity::parse(one.bytes()).as_ref(), Ok(one));
        let again: SignedIdentity = codec::decode(&codec::encode(one)).unwrap();
        assert_eq!(again, *one);
    }
}

#[test]
fn other_successors_are_refused() {
    let (old, new) = (test_keys::set(0).unwrap(), test_keys::set(1).unwrap());
    let first = signed(&identity(&old, None), &old, None).unwrap();
    let good = identity(&new, Some(&first));
    // Signed by a stranger instead of the version before.
    let stranger = test_keys::set(2).unwrap();
    let forged = signed(&good, &new, Some(&stranger)).unwrap();
    assert!(!all_hold(&forged.claims(Some(first.identity())).unwrap()));
    // Without the keys that it names.
    let forged = signed(&good, &stranger, Some(&old)).unwrap();
    assert!(!all_hold(&forged.claims(Some(first.identity())).unwrap()));
    // Not in the chain.
    for wrong in [
        Identity {
            user: UserId([2; 16]),
            ..good.clone()
        },
        Identity {
            name: UserName::parse("alicia").unwrap(),
            ..good.clone()
        },
        Identity {
            version: 3,
            ..good.clone()
        },
        Identity {
            previous: Some(IdentityHash([0; 32])),
            ..good.clone()
        },
    ] {
        let wrong = signed(&wrong, &new, Some(&old)).unwrap();
        assert_eq!(
            wrong.claims(Some(first.identity())),
            Err(IdentityError::Chain)
        );
    }
    let second = signed(&good, &new, Some(&old)).unwrap();
    assert_eq!(second.claims(None), Err(IdentityError::Chain));
    assert_eq!(
        first.claims(Some(first.identity())),
        Err(IdentityError::Chain)
    );
    // Versions and signatures that do not go together.
    for wrong in [
        signed(&good, &new, None),
        signed(&identity(&old, None), &old, Some(&old)),
        signed(
            &Identity {
                version: 0,
                ..identity(&old, None)
            },
            &old,
            None,
        ),
        signed(
            &Identity {
                version: 2,
                ..identity(&old, None)
            },
            &old,
            Some(&old),
        ),
    ] {
        assert_eq!(wrong, Err(IdentityError::Chain));
    }
}

#[test]
fn keys_are_validated() {
    let keys = test_keys::set(0).unwrap();
    let good = identity(&keys, None);
    let bad: Bytes = vec![0x30, 0].into();
    for (wrong, error) in [
        (
            Identity {
                encryption: bad.clone(),
                ..good.clone()
            },
            IdentityError::EncryptionKey,
        ),
        (
            Identity {
                rsa_signing: bad.clone(),
                ..good.clone()
            },
            IdentityError::RsaSigningKey,
        ),
        (
            Identity {
                dsa_signing: bad,
                ..good.clone()
            },
            IdentityError::DsaSigningKey,
        ),
        (
            Identity {
                encryption: good.rsa_signing.clone(),
                ..good.clone()
            },
            IdentityError::SharedKey,
        ),
    ] {
        assert_eq!(signed(&wrong, &keys, None), Err(error));
    }
}

#[test]
fn one_identity_has_one_encoding() {
    let keys = test_keys::set(0).unwrap();
    let good = signed(&identity(&keys, None), &keys, None).unwrap();
    let bytes = good.bytes();
    for i in 0..40 {
        assert!(SignedIdentity::parse(&bytes[..bytes.len() - 1 - i]).is_err());
    }
    assert!(SignedIdentity::parse(&[bytes, &[0xf6]].concat()).is_err());
    // The same values under another purpose, or another version of the protocol.
    let body = identity(&keys, None).body();
    let at = body
        .windows(8)
        .position(|window| window == b"identity")
        .unwrap();
    for (at, byte) in [(at, b'I'), (1, 2)] {
        let mut other = body.clone();
        other[at] = byte;
        let (pss, dsa) = sign_both(&keys, &signing_payload(&other));
        let refused = SignedIdentity::assemble(other, pss, dsa, None);
        assert_eq!(refused, Err(IdentityError::Malformed));
    }
    // The explicit nulls that the shorter form leaves out.
    let mut longer = bytes.to_vec();
    assert_eq!(longer[0], 0x83);
    longer[0] = 0x85;
    longer.extend_from_slice(&[0xf6, 0xf6]);
    assert_eq!(
        SignedIdentity::parse(&longer),
        Err(IdentityError::Malformed)
    );
}

#[test]
fn compromised_is_said_by_the_keys_themselves() {
    let keys = test_keys::set(0).unwrap();
    let identity = identity(&keys, None);
    let state = |keys: &PrivateKeys| {
        let body = Compromised::body_of(&identity);
        let (pss, dsa) = sign_both(keys, &Compromised::signing_payload(&body));
        Compromised {
            body: body.into(),
            pss,
            dsa,
        }
    };
    let statement: Compromised = codec::decode(&codec::encode(&state(&keys))).unwrap();
    assert_eq!(statement.subject(), Ok((identity.user, identity.hash())));
    assert!(all_hold(&statement.claims(&identity).unwrap()));
    let forged = state(&test_keys::set(1).unwrap());
    assert!(!all_hold(&forged.claims(&identity).unwrap()));
    let other = Identity {
        algorithm: Algorithm::RsaPss,
        ..identity
    };
    assert_eq!(statement.claims(&other), Err(IdentityError::Chain));
}
