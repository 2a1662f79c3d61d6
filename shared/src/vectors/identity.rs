//! Identities, what is signed about them, and signatures.

use serde_json::{Value, json};

use super::fixed::{self, count, nothing_altered};
use super::json::{array, byte_strings, bytes, field, list, number, text, to_hex};
use crate::client::native::{PrivateKeys, test_keys};
use crate::codec::{self, Bytes};
use crate::crypto::identity::{self, Compromised, Identity, SignedIdentity};
use crate::crypto::label::{labelled, purpose};
use crate::crypto::signing::{Algorithm, Claim};
use crate::crypto::{dsa, dsa_params, fingerprint, rsa_pss};
use crate::ids::{IdentityHash, UserId, UserName};

/// Somebody's first version.
pub(super) fn first(
    user: UserId,
    name: &str,
    keys: &PrivateKeys,
    algorithm: Algorithm,
) -> Identity {
    let public = keys.public().unwrap();
    Identity {
        user,
        name: UserName::parse(name).unwrap(),
        version: 1,
        previous: None,
        encryption: public.encryption.into(),
        rsa_signing: public.rsa_signing.into(),
        dsa_signing: public.dsa_signing.into(),
        algorithm,
    }
}

/// The version after, with other keys.
pub(super) fn next(before: &Identity, keys: &PrivateKeys, algorithm: Algorithm) -> Identity {
    Identity {
        version: before.version + 1,
        previous: Some(before.hash()),
        ..first(before.user, before.name.as_str(), keys, algorithm)
    }
}

/// Signed by its own keys and by those of the version before.
pub(super) fn signed(
    identity: &Identity,
    keys: &PrivateKeys,
    before: Option<&PrivateKeys>,
) -> SignedIdentity {
    let body = identity.body();
    let payload = identity::signing_payload(&body);
    let both = |keys| [Algorithm::RsaPss, Algorithm::Dsa].map(|by| fixed::sign(keys, by, &payload));
    let [pss, dsa] = both(keys);
    let before = before.map(|keys| both(keys).into());
    SignedIdentity::assemble(body, pss, dsa, before).unwrap()
}

/// That a version is in other hands.
pub(super) fn compromised(identity: &Identity, keys: &PrivateKeys) -> Compromised {
    let body = Compromised::body_of(identity);
    let payload = Compromised::signing_payload(&body);
    Compromised {
        body: Bytes(body),
        pss: fixed::sign(keys, Algorithm::RsaPss, &payload),
        dsa: fixed::sign(keys, Algorithm::Dsa, &payload),
    }
}

pub(super) fn make_identity() -> Value {
    let keys = test_keys::set(0).unwrap();
    let first = first(UserId(count(0x20)), "alice", &keys, Algorithm::RsaPss);
    let second = next(&first, &keys, Algorithm::Dsa);
    let of = |identity: &Identity| {
        let body = identity.body();
        json!({
            "version": identity.version,
            "algorithm": identity.algorithm.to_string(),
            "body": to_hex(&body),
            "hash": identity.hash().to_string(),
            "signing_payload": to_hex(&identity::signing_payload(&body)),
            "short_fingerprint": fingerprint::short(&identity.hash()),
            "compromised_body": to_hex(&Compromised::body_of(identity)),
        })
    };
    let (alice, bob) = (
        (&first.user, &first.hash()),
        (&UserId(count(1)), &second.hash()),
    );
    json!({
        "user": first.user.to_string(),
        "name": "alice",
        "encryption": to_hex(&first.encryption),
        "rsa_signing": to_hex(&first.rsa_signing),
        "dsa_signing": to_hex(&first.dsa_signing),
        "versions": [of(&first), of(&second)],
        "safety_number": {
            "a": { "user": alice.0.to_string(), "identity": alice.1.to_string() },
            "b": { "user": bob.0.to_string(), "identity": bob.1.to_string() },
            "number": fingerprint::safety_number(alice, bob),
        },
    })
}

pub(super) fn read_identity(file: &Value) {
    let mut previous = None;
    for version in list(file, "versions") {
        let identity = Identity {
            user: UserId(array(file, "user")),
            name: UserName::parse(text(file, "name")).unwrap(),
            version: number(version, "version").try_into().unwrap(),
            previous,
            encryption: bytes(file, "encryption").into(),
            rsa_signing: bytes(file, "rsa_signing").into(),
            dsa_signing: bytes(file, "dsa_signing").into(),
            algorithm: match text(version, "algorithm") {
                "RSA-PSS" => Algorithm::RsaPss,
                _ => Algorithm::Dsa,
            },
        };
        let (body, hash) = (bytes(version, "body"), IdentityHash(array(version, "hash")));
        assert_eq!(identity.body(), body);
        assert_eq!(identity.hash(), hash);
        assert_eq!(identity::hash_of(&body), hash);
        let payload = labelled(purpose::IDENTITY, &[&body]);
        assert_eq!(payload, bytes(version, "signing_payload"));
        assert_eq!(
            fingerprint::short(&hash),
            text(version, "short_fingerprint")
        );
        let statement = Compromised::body_of(&identity);
        assert_eq!(statement, bytes(version, "compromised_body"));
        previous = Some(hash);
    }
    let compared = field(file, "safety_number");
    let [a, b] = ["a", "b"].map(|side| {
        let side = field(compared, side);
        (
            UserId(array(side, "user")),
            IdentityHash(array(side, "identity")),
        )
    });
    let number = text(compared, "number");
    assert_eq!(
        fingerprint::safety_number((&a.0, &a.1), (&b.0, &b.1)),
        number
    );
    assert_eq!(
        fingerprint::safety_number((&b.0, &b.1), (&a.0, &a.1)),
        number
    );
}

/// A chain of signed versions, and the statement that ends it.
pub(super) fn make_signed() -> Value {
    let [one, two] = [0, 1].map(|n| test_keys::set(n).unwrap());
    let first = first(UserId(count(0x20)), "alice", &one, Algorithm::RsaPss);
    let second = next(&first, &two, Algorithm::Dsa);
    json!({
        "pss_salt": "SHA-256 of what is signed",
        "versions": [
            to_hex(signed(&first, &one, None).bytes()),
            to_hex(signed(&second, &two, Some(&one)).bytes()),
        ],
        "hashes": [first.hash().to_string(), second.hash().to_string()],
        "compromised": {
            "version": 2,
            "statement": to_hex(&codec::encode(&compromised(&second, &two))),
        },
    })
}

pub(super) fn read_signed(file: &Value) {
    let versions = byte_strings(file, "versions");
    let hashes = byte_strings(file, "hashes");
    let mut before: Option<SignedIdentity> = None;
    for (version, hash) in versions.iter().zip(&hashes) {
        let read = |bytes: &[u8]| {
            let signed = SignedIdentity::parse(bytes).ok()?;
            let previous = before.as_ref().map(SignedIdentity::identity);
            let claims = signed.claims(previous).ok()?;
            let good = claims.len() == if previous.is_none() { 2 } else { 4 }
                && claims.iter().all(Claim::verify);
            good.then_some(signed)
        };
        nothing_altered(version, |bytes| read(bytes).is_some());
        let signed = read(version).unwrap();
        assert_eq!(signed.hash().0[..], hash[..]);
        before = Some(signed);
    }
    let last = before.unwrap();
    let statement = field(file, "compromised");
    assert_eq!(
        number(statement, "version"),
        u64::from(last.identity().version)
    );
    nothing_altered(&bytes(statement, "statement"), |bytes| {
        let claims = codec::decode::<Compromised>(bytes)
            .ok()
            .and_then(|statement| statement.claims(last.identity()).ok());
        claims.is_some_and(|claims| claims.iter().all(Claim::verify))
    });
}

/// RSA-PSS is randomised: what is frozen is that this verifies.
pub(super) fn make_signature(frozen: &Value) -> Value {
    let [_, rsa, dsa_der] = test_keys::pkcs8(0);
    let rsa = rsa_pss::PrivateKey::from_pkcs8(rsa).unwrap();
    let private = dsa::PrivateKey::from_pkcs8(dsa_der).unwrap();
    let message = b"the message";
    let pss = match frozen {
        Value::Null => rsa.sign(message).unwrap(),
        frozen => bytes(field(frozen, "rsa_pss"), "signature"),
    };
    let signature = private.sign(message).unwrap();
    json!({
        "message": to_hex(message),
        "rsa_pss": {
            "public_key": to_hex(&rsa.spki().unwrap()),
            "signature": to_hex(&pss),
        },
        "dsa": {
            "algorithm_identifier": to_hex(&dsa_params::ALGORITHM_IDENTIFIER),
            "private_key": to_hex(dsa_der),
            "public_key": to_hex(&private.spki()),
            "signature": to_hex(&signature),
        },
    })
}

pub(super) fn read_signature(file: &Value) {
    let message = bytes(file, "message");
    let pss = field(file, "rsa_pss");
    let (spki, signature) = (bytes(pss, "public_key"), bytes(pss, "signature"));
    nothing_altered(&signature, |signature| {
        rsa_pss::verify(&spki, &message, signature)
    });
    nothing_altered(&message, |message| {
        rsa_pss::verify(&spki, message, &signature)
    });
    let of_dsa = field(file, "dsa");
    let (spki, signature) = (bytes(of_dsa, "public_key"), bytes(of_dsa, "signature"));
    nothing_altered(&signature, |signature| {
        dsa::verify(&spki, &message, signature)
    });
    nothing_altered(&message, |message| dsa::verify(&spki, message, &signature));
    assert_eq!(
        bytes(of_dsa, "algorithm_identifier"),
        dsa_params::ALGORITHM_IDENTIFIER
    );
    let private = dsa::PrivateKey::from_pkcs8(&bytes(of_dsa, "private_key")).unwrap();
    assert_eq!(private.spki(), spki);
    assert_eq!(private.sign(&message).unwrap(), signature);
}
