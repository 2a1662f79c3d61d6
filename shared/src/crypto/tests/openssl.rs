//! OpenSSL's command line reads what we write, and the reverse. It must be there: `cargo xtask test` sees to it.

use std::path::PathBuf;
use std::process::{Command, Output};

use super::to_hex;
use crate::client::native::test_keys;
use crate::crypto::dsa_params::ALGORITHM_IDENTIFIER;
use crate::crypto::epoch::EpochKey;
use crate::crypto::{dsa, random, rsa_pss, wrap};

/// A directory that is removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        let name = format!("secure-chat-openssl-{}", to_hex(&random::bytes::<8>()));
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir(&directory).unwrap();
        Self(directory)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.0.join(name), bytes).unwrap();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.0.join(name)).unwrap()
    }

    /// Runs `openssl` here and expects success.
    fn run(&self, arguments: &str) {
        let output = self.output(arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments}: {error}");
    }

    /// Runs `openssl` here and expects that it refuses.
    fn refuses(&self, arguments: &str) {
        assert!(!self.output(arguments).status.success(), "{arguments}");
    }

    fn output(&self, arguments: &str) -> Output {
        let started = Command::new("openssl")
            .current_dir(&self.0)
            .args(arguments.split(' '))
            .output();
        started.expect("these tests need the command `openssl`")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const PSS: &str =
    "-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 -sigopt rsa_mgf1_md:sha256";

/// The same for `pkeyutl`.
const PSS_OPTIONS: &str = "-rawin -digest sha256 -pkeyopt rsa_padding_mode:pss -pkeyopt rsa_pss_saltlen:32 \
                           -pkeyopt rsa_mgf1_md:sha256";

/// What `openssl` makes of message and keys in `scratch`, by both of its commands, `verify` takes; and it takes `ours`,
/// but not when a bit of it is another.
fn signatures_go_both_ways(
    scratch: &Scratch,
    ours: &[u8],
    [dgst, pkeyutl]: [&str; 2],
    verify: impl Fn(&[u8]) -> bool,
) {
    scratch.write("ours", ours);
    let mut forged = ours.to_vec();
    forged[40] ^= 1;
    scratch.write("forged", &forged);
    let by_dgst = format!("dgst -sha256 {dgst}-keyform DER -verify public.der -signature");
    let by_pkeyutl = format!(
        "pkeyutl -verify {pkeyutl} -pubin -keyform DER -inkey public.der -in message -sigfile"
    );
    scratch.run(&format!("{by_dgst} ours message"));
    scratch.refuses(&format!("{by_dgst} forged message"));
    scratch.run(&format!("{by_pkeyutl} ours"));
    scratch.refuses(&format!("{by_pkeyutl} forged"));
    assert!(!verify(&forged));
    scratch.run(&format!(
        "dgst -sha256 {dgst}-keyform DER -sign private.der -out theirs message"
    ));
    assert!(verify(&scratch.read("theirs")));
    scratch.run(&format!(
        "pkeyutl -sign {pkeyutl} -keyform DER -inkey private.der -in message -out theirs"
    ));
    assert!(verify(&scratch.read("theirs")));
}

#[test]
fn rsa_pss_both_ways() {
    let scratch = Scratch::new();
    let [_, der, _] = test_keys::pkcs8(0);
    let key = rsa_pss::PrivateKey::from_pkcs8(der).unwrap();
    let spki = key.spki().unwrap();
    scratch.write("private.der", &key.to_pkcs8().unwrap());
    scratch.write("public.der", &spki);
    scratch.write("message", b"message");
    let ours = key.sign(b"message").unwrap();
    let options = [&format!("{PSS} "), PSS_OPTIONS];
    signatures_go_both_ways(&scratch, &ours, options, |signature| {
        rsa_pss::verify(&spki, b"message", signature)
    });
    // A salt of another length is none of ours.
    let other = PSS.replace("saltlen:32", "saltlen:20");
    scratch.run(&format!(
        "dgst -sha256 {other} -keyform DER -sign private.der -out theirs message"
    ));
    assert!(!rsa_pss::verify(&spki, b"message", &scratch.read("theirs")));
}

#[test]
fn dsa_both_ways() {
    let scratch = Scratch::new();
    let key = dsa::PrivateKey::make().unwrap();
    scratch.write("private.der", &key.to_pkcs8().unwrap());
    scratch.write("public.der", &key.spki());
    scratch.write("message", b"message");
    let ours = key.sign(b"message").unwrap();
    let options = ["", "-rawin -digest sha256"];
    signatures_go_both_ways(&scratch, &ours, options, |signature| {
        dsa::verify(&key.spki(), b"message", signature)
    });
}

#[test]
fn keys_both_ways() {
    let scratch = Scratch::new();
    let [encryption, signing, dsa_signing] = test_keys::pkcs8(0);
    let keys = test_keys::set(0).unwrap().public().unwrap();
    let ours = [
        (encryption, keys.encryption),
        (signing, keys.rsa_signing),
        (dsa_signing, keys.dsa_signing),
    ];
    for (private, public) in &ours {
        scratch.write("private.der", private);
        scratch.write("public.der", public);
        scratch.run("pkey -inform DER -in private.der -check -noout");
        scratch.run("pkey -inform DER -in private.der -pubout -outform DER -out again.der");
        assert_eq!(scratch.read("again.der"), *public);
        scratch.run("pkey -inform DER -pubin -in public.der -pubcheck -noout");
    }

    // Theirs, as they write them: PKCS#8 and SubjectPublicKeyInfo, in DER.
    let make = |options: &str| {
        scratch.run(&format!("genpkey {options} -out theirs.pem"));
        scratch.run("pkcs8 -topk8 -nocrypt -in theirs.pem -outform DER -out theirs.der");
        scratch.run("pkey -in theirs.pem -pubout -outform DER -out public.der");
    };
    make("-algorithm RSA -pkeyopt rsa_keygen_bits:3072");
    let key = rsa_pss::PrivateKey::from_pkcs8(&scratch.read("theirs.der")).unwrap();
    assert_eq!(key.spki().unwrap(), scratch.read("public.der"));
    assert_eq!(rsa_pss::validate_spki(&scratch.read("public.der")), Ok(()));

    write_parameters(&scratch);
    make("-paramfile parameters.pem");
    let key = dsa::PrivateKey::from_pkcs8(&scratch.read("theirs.der")).unwrap();
    assert_eq!(key.spki(), scratch.read("public.der"));
    assert_eq!(dsa::validate_spki(&scratch.read("public.der")), Ok(()));

    // Not what another protocol would take.
    make("-algorithm RSA -pkeyopt rsa_keygen_bits:2048");
    assert!(rsa_pss::PrivateKey::from_pkcs8(&scratch.read("theirs.der")).is_err());
}

#[test]
fn oaep_both_ways() {
    let scratch = Scratch::new();
    let key = test_keys::set(0).unwrap().encryption;
    let spki = key.spki().unwrap();
    let epoch_key = EpochKey::make();
    let label = b"a label with\0zero";
    let options = |label: &[u8]| {
        format!(
            "-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256 \
             -pkeyopt rsa_oaep_label:{}",
            to_hex(label)
        )
    };
    scratch.write("private.der", &key.to_pkcs8().unwrap());
    scratch.write("public.der", &spki);
    scratch.write("ours", &wrap::wrap(&spki, &epoch_key, label).unwrap());
    let decrypt = "pkeyutl -decrypt -keyform DER -inkey private.der -in ours -out opened";
    scratch.refuses(&format!("{decrypt} {}", options(b"another label")));
    scratch.run(&format!("{decrypt} {}", options(label)));
    assert_eq!(scratch.read("opened"), epoch_key.expose());
    scratch.run(&format!(
        "pkeyutl -encrypt -pubin -keyform DER -inkey public.der -in opened -out theirs {}",
        options(label)
    ));
    let theirs = scratch.read("theirs");
    assert!(wrap::unwrap(&key, &theirs, b"another label").is_err());
    assert_eq!(wrap::unwrap(&key, &theirs, label), Ok(epoch_key));
}

#[test]
fn the_domain_parameters_are_accepted() {
    let scratch = Scratch::new();
    write_parameters(&scratch);
    scratch.run("pkeyparam -in parameters.pem -check -noout");
}

fn write_parameters(scratch: &Scratch) {
    // Behind SEQUENCE and OID of the AlgorithmIdentifier. In PEM, since the bare DER could be Diffie-Hellman's.
    scratch.write("parameters.der", &ALGORITHM_IDENTIFIER[13..]);
    scratch.run("base64 -in parameters.der -out parameters.base64");
    let base64 = String::from_utf8(scratch.read("parameters.base64")).unwrap();
    let name = "DSA PARAMETERS-----\n";
    let pem = format!("-----BEGIN {name}{base64}-----END {name}");
    scratch.write("parameters.pem", pem.as_bytes());
}
