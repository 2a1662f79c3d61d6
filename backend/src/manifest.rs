//! What web client is inside, so that others can compare it: an in-toto Statement of the SHA-256 of every file that is
//! served, which `cargo xtask dist --sign` wraps in a DSSE envelope.
//!
//! Formats: in-toto attestation framework v1 (Statement, predicate `release/v0.1`), DSSE v1.

use serde_json::{Value, json};

use crate::client::Client;

/// Of every manifest of a web client.
const PURL: &str = concat!("pkg:generic/secure-chat-client@", env!("CARGO_PKG_VERSION"));

/// What `--version` prints; `verbose`: also a line for each file, in the form of `sha256sum`, and as the last line the
/// manifest, whose bytes without the line's end are what a release signs.
pub fn version(verbose: bool) -> String {
    let version = concat!("secure-chat ", env!("CARGO_PKG_VERSION"));
    if !verbose {
        return version.into();
    }
    let client = Client::embedded();
    let files = client.digests();
    let lines = files
        .iter()
        .map(|(name, digest)| format!("{}  {name}", hex(digest)));
    let mut text = vec![version.to_owned()];
    text.extend(lines);
    text.push(statement(&client).to_string());
    text.join("\n")
}

/// The manifest of a client's files: names as in their addresses, without the first slash, in ascending order.
fn statement(client: &Client) -> Value {
    let files = client.digests();
    let subject: Vec<Value> = files
        .iter()
        .map(|(name, digest)| json!({ "name": name, "digest": { "sha256": hex(digest) } }))
        .collect();
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subject,
        "predicateType": "https://in-toto.io/attestation/release/v0.1",
        "predicate": { "purl": PURL },
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_names_every_file_and_its_digest() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("fonts")).unwrap();
        std::fs::write(folder.path().join("index.html"), "abc").unwrap();
        std::fs::write(folder.path().join("fonts/a.woff2"), "").unwrap();
        let client = Client::from_folder(folder.path()).unwrap();
        // FIPS 180-4's example, and the digest of nothing.
        let (abc, nothing) = (
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        );
        let expected = format!(
            r#"{{"_type":"https://in-toto.io/Statement/v1","predicate":{{"purl":"{PURL}"}},"predicateType":"https://in-toto.io/attestation/release/v0.1","subject":[{{"digest":{{"sha256":"{nothing}"}},"name":"fonts/a.woff2"}},{{"digest":{{"sha256":"{abc}"}},"name":"index.html"}}]}}"#
        );
        assert_eq!(statement(&client).to_string(), expected);
    }
}
