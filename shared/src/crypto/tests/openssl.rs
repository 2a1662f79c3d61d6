//! OpenSSL's command line reads what we write, and the reverse. Skipped where there is no `openssl`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::to_hex;
use crate::client::native::test_keys;
use crate::crypto::dsa_params::ALGORITHM_IDENTIFIER;
use crate::crypto::epoch::EpochKey;
use crate::crypto::{dsa, random, rsa_pss, wrap};

/// A directory that is removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    /// `None` where there is no OpenSSL.
    fn new() -> Option<Self> {
        if run(Path::new("."), &["version"]).is_none() {
            eprintln!("skipped: no openssl command");
            return None;
        }
        let name = format!("secure-chat-openssl-{}", to_hex(&random::bytes::<8>()));
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir(&directory).unwrap();
        Some(Self(directory))
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.0.join(name), bytes).unwrap();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.0.join(name)).unwrap()
    }

    /// Runs `openssl` here and expects success.
    fn run(&self, arguments: &str) {
        let arguments: Vec<_> = arguments.split(' ').collect();
        let output = run(&self.0, &arguments).unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {error}");
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn run(directory: &Path, arguments: &[&str]) -> Option<Output> {
    Command::new("openssl")
        .current_dir(directory)
        .args(arguments)
        .output()
        .ok()
}

const PSS: &str =
    "-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 -sigopt rsa_mgf1_md:sha256";

#[test]
fn rsa_pss_both_ways() {
    let Some(scratch) = Scratch::new() else {
        return;
    };
    let [_, der, _] = test_keys::pkcs8(0);
    let key = rsa_pss::PrivateKey::from_pkcs8(der).unwrap();
    let spki = key.spki().unwrap();
    scratch.write("private.der", &key.to_pkcs8().unwrap());
    scratch.write("public.der", &spki);
    scratch.write("message", b"message");
    scratch.write("ours", &key.sign(b"message").unwrap());
    scratch.run(&format!(
        "dgst -sha256 {PSS} -keyform DER -verify public.der -signature ours message"
    ));
    scratch.run(&format!(
        "dgst -sha256 {PSS} -keyform DER -sign private.der -out theirs message"
    ));
    assert!(rsa_pss::verify(&spki, b"message", &scratch.read("theirs")));
}

#[test]
fn dsa_both_ways() {
    let Some(scratch) = Scratch::new() else {
        return;
    };
    let key = dsa::PrivateKey::make().unwrap();
    scratch.write("private.der", &key.to_pkcs8().unwrap());
    scratch.write("public.der", &key.spki());
    scratch.write("message", b"message");
    scratch.write("ours", &key.sign(b"message").unwrap());
    scratch.run("dgst -sha256 -keyform DER -verify public.der -signature ours message");
    scratch.run("dgst -sha256 -keyform DER -sign private.der -out theirs message");
    assert!(dsa::verify(
        &key.spki(),
        b"message",
        &scratch.read("theirs")
    ));
    scratch.run("pkey -inform DER -in private.der -pubout -outform DER -out again.der");
    assert_eq!(scratch.read("again.der"), key.spki());
}

#[test]
fn oaep_both_ways() {
    let Some(scratch) = Scratch::new() else {
        return;
    };
    let key = test_keys::set(0).unwrap().encryption;
    let spki = key.spki().unwrap();
    let epoch_key = EpochKey::make();
    let label = b"a label with\0zero";
    let options = format!(
        "-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256 \
         -pkeyopt rsa_oaep_label:{}",
        to_hex(label)
    );
    scratch.write("private.der", &key.to_pkcs8().unwrap());
    scratch.write("public.der", &spki);
    scratch.write("ours", &wrap::wrap(&spki, &epoch_key, label).unwrap());
    scratch.run(&format!(
        "pkeyutl -decrypt -keyform DER -inkey private.der -in ours -out opened {options}"
    ));
    assert_eq!(scratch.read("opened"), epoch_key.expose());
    scratch.run(&format!(
        "pkeyutl -encrypt -pubin -keyform DER -inkey public.der -in opened -out theirs {options}"
    ));
    assert_eq!(
        wrap::unwrap(&key, &scratch.read("theirs"), label),
        Ok(epoch_key)
    );
}

#[test]
fn the_domain_parameters_are_accepted() {
    let Some(scratch) = Scratch::new() else {
        return;
    };
    // Behind SEQUENCE and OID of the AlgorithmIdentifier. In PEM, since the bare DER could be Diffie-Hellman's.
    scratch.write("parameters.der", &ALGORITHM_IDENTIFIER[13..]);
    scratch.run("base64 -in parameters.der -out parameters.base64");
    let base64 = String::from_utf8(scratch.read("parameters.base64")).unwrap();
    let name = "DSA PARAMETERS-----\n";
    let pem = format!("-----BEGIN {name}{base64}-----END {name}");
    scratch.write("parameters.pem", pem.as_bytes());
    scratch.run("pkeyparam -in parameters.pem -check -noout");
}
