//! A passkey in software: what an authenticator and a browser answer to WebAuthn's options.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{DerSignature, SigningKey};
use secure_chat_shared::crypto::random;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const ATTESTED: u8 = 0x40;

/// An authenticator with one ES256 key.
pub struct SoftPasskey {
    key: SigningKey,
    id: [u8; 16],
    counter: u32,
    /// The page's origin, which a browser puts in by itself.
    pub origin: String,
    /// Whether its owner is verified when it is asked.
    pub verifies: bool,
}

impl SoftPasskey {
    /// A fresh one.
    pub fn new(origin: &str) -> Self {
        Self {
            key: SigningKey::from_slice(&random::bytes::<32>()).unwrap(),
            id: random::bytes(),
            counter: 0,
            origin: origin.to_owned(),
            verifies: true,
        }
    }

    /// Another key under the same id.
    pub fn forged(&self) -> Self {
        Self {
            id: self.id,
            ..Self::new(&self.origin)
        }
    }

    /// Answers creation options.
    pub fn make(&mut self, options: &str) -> String {
        let options: Value = serde_json::from_str(options).unwrap();
        let point = self.key.verifying_key().to_encoded_point(false);
        // COSE_Key: kty EC2, alg ES256, crv P-256, x, y.
        let mut cose = vec![0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20];
        cose.extend_from_slice(point.x().unwrap());
        cose.extend_from_slice(&[0x22, 0x58, 0x20]);
        cose.extend_from_slice(point.y().unwrap());
        let mut data = self.authenticator_data(&options["rp"]["id"], ATTESTED);
        data.extend_from_slice(&[0; 16]);
        data.extend_from_slice(&(self.id.len() as u16).to_be_bytes());
        data.extend_from_slice(&self.id);
        data.extend_from_slice(&cose);
        // {"fmt": "none", "attStmt": {}, "authData": data}
        let mut attestation = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58".to_vec();
        attestation.push(u8::try_from(data.len()).unwrap());
        attestation.extend_from_slice(&data);
        let client_data = self.client_data("webauthn.create", &options["challenge"]);
        let response = json!({
            "clientDataJSON": BASE64.encode(client_data),
            "attestationObject": BASE64.encode(attestation),
            "transports": ["internal"],
        });
        self.credential(response)
    }

    /// Answers request options.
    pub fn answer(&mut self, options: &str) -> String {
        let options: Value = serde_json::from_str(options).unwrap();
        self.counter += 1;
        let data = self.authenticator_data(&options["rpId"], 0);
        let client_data = self.client_data("webauthn.get", &options["challenge"]);
        let signed = [&data[..], &Sha256::digest(&client_data)].concat();
        let signature: DerSignature = self.key.sign(&signed);
        let response = json!({
            "clientDataJSON": BASE64.encode(client_data),
            "authenticatorData": BASE64.encode(data),
            "signature": BASE64.encode(signature.as_bytes()),
        });
        self.credential(response)
    }

    fn authenticator_data(&self, rp: &Value, more: u8) -> Vec<u8> {
        let mut flags = USER_PRESENT | more;
        if self.verifies {
            flags |= USER_VERIFIED;
        }
        let mut data = Sha256::digest(rp.as_str().unwrap()).to_vec();
        data.push(flags);
        data.extend_from_slice(&self.counter.to_be_bytes());
        data
    }

    fn client_data(&self, kind: &str, challenge: &Value) -> Vec<u8> {
        let data = json!({
            "type": kind,
            "challenge": challenge,
            "origin": self.origin,
            "crossOrigin": false,
        });
        data.to_string().into_bytes()
    }

    fn credential(&self, response: Value) -> String {
        let id = BASE64.encode(self.id);
        json!({
            "id": id,
            "rawId": id,
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": response,
        })
        .to_string()
    }
}
