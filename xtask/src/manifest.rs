//! The web client's manifest, signed, so that whoever does not trust a server can compare what it hands out: a DSSE
//! envelope (v1) around the in-toto Statement that `secure-chat --version --verbose` prints last.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::Result;
use crate::process::{output, program, run};

/// Of an in-toto Statement.
const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// What a binary says of the client inside it; checked against the files that it was built with.
pub fn of(binary: &Path, client: &Path) -> Result<String> {
    let printed = output(program(binary).args(["--version", "--verbose"]))
        .ok_or("secure-chat --version --verbose failed")?;
    for (name, digest) in crate::product::digests(client)? {
        if !printed.contains(&format!("{digest}  {name}\n")) {
            return Err(
                format!("the binary holds another {name} than {}", client.display()).into(),
            );
        }
    }
    let last = printed.lines().last().unwrap_or_default();
    Ok(last.to_owned())
}

/// Signs it with a private key that OpenSSL reads (PEM); the envelope. Ed25519 keys alone sign without a digest of the
/// caller's choice, so no other is taken.
pub fn sign(manifest: &str, key: &Path, folder: &Path) -> Result<String> {
    let described = output(
        program("openssl")
            .args(["pkey", "-noout", "-text", "-in"])
            .arg(key),
    )
    .ok_or_else(|| format!("{} is no private key that OpenSSL reads", key.display()))?;
    if !described.starts_with("ED25519") {
        return Err(format!("{} is no Ed25519 key", key.display()).into());
    }
    let (message, signature) = (folder.join("to-sign"), folder.join("signature"));
    fs::write(&message, pre_authentication(manifest))?;
    run(program("openssl")
        .args(["pkeyutl", "-sign", "-rawin", "-inkey"])
        .arg(key)
        .arg("-in")
        .arg(&message)
        .arg("-out")
        .arg(&signature))?;
    let signed = fs::read(&signature)?;
    for file in [message, signature] {
        fs::remove_file(file)?;
    }
    Ok(format!(
        "{{\"payloadType\":\"{PAYLOAD_TYPE}\",\"payload\":\"{}\",\"signatures\":[{{\"sig\":\"{}\"}}]}}\n",
        STANDARD.encode(manifest),
        STANDARD.encode(signed)
    ))
}

/// What is signed: DSSE's pre-authentication encoding.
fn pre_authentication(manifest: &str) -> String {
    let (kind, length) = (PAYLOAD_TYPE, manifest.len());
    format!("DSSEv1 {} {kind} {length} {manifest}", kind.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place;

    #[test]
    fn the_encoding_is_that_of_dsse() {
        assert_eq!(
            pre_authentication("{}"),
            "DSSEv1 28 application/vnd.in-toto+json 2 {}"
        );
    }

    #[test]
    fn openssl_verifies_what_was_signed() {
        let folder = place::target().join("tmp").join("manifest-test");
        fs::create_dir_all(&folder).unwrap();
        let (key, public) = (folder.join("key.pem"), folder.join("public.pem"));
        let openssl = |args: &[&str]| output(program("openssl").args(args).current_dir(&folder));
        openssl(&["genpkey", "-algorithm", "ed25519", "-out", "key.pem"]).unwrap();
        openssl(&["pkey", "-in", "key.pem", "-pubout", "-out", "public.pem"]).unwrap();
        assert!(public.exists());
        let envelope = sign("{\"a\":1}", &key, &folder).unwrap();
        let signature = envelope.split("\"sig\":\"").nth(1).unwrap();
        let signature = STANDARD
            .decode(signature.split('"').next().unwrap())
            .unwrap();
        assert!(envelope.contains(&STANDARD.encode("{\"a\":1}")));
        fs::write(folder.join("sig"), signature).unwrap();
        for (manifest, holds) in [("{\"a\":1}", true), ("{\"a\":2}", false)] {
            fs::write(folder.join("message"), pre_authentication(manifest)).unwrap();
            let verified = openssl(&[
                "pkeyutl",
                "-verify",
                "-rawin",
                "-pubin",
                "-inkey",
                "public.pem",
                "-in",
                "message",
                "-sigfile",
                "sig",
            ]);
            assert_eq!(verified.is_some(), holds, "{manifest}");
        }
        openssl(&["genpkey", "-algorithm", "ed448", "-out", "key.pem"]).unwrap();
        assert!(sign("{}", &key, &folder).is_err(), "another kind of key");
        fs::remove_dir_all(&folder).unwrap();
    }
}
