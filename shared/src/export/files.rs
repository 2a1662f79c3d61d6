//! The files of an export and their tables.

use std::collections::BTreeMap;

use pem_rfc7468::LineEnding;

use super::words::{hex, padded};
use super::{FORMAT, Message, Parsed, page};
use crate::codec;
use crate::crypto::identity::SignedIdentity;
use crate::crypto::message;
use crate::crypto::primitives::sha256;
use crate::crypto::signing::Algorithm;
use crate::ids::Timestamp;
use crate::log::entry::{server_signing_payload, state_signing_payload};
use crate::log::{Act, Entry, Mode};

pub(super) const ABOUT: &str = "about.txt";
pub(super) const MARKED: &str = "marked.txt";
pub(super) const MANIFEST: &str = "manifest.txt";
pub(super) const MANIFEST_SIGNATURE: &str = "manifest.sig";

/// Every file but the manifest and its signature, by path.
pub(super) fn all(export: &Parsed<'_>) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut put = |path: String, content: Vec<u8>| {
        files.insert(path, content);
    };
    put("README.txt".into(), include_bytes!("README.txt").to_vec());
    put("verify.sh".into(), include_bytes!("verify.sh").to_vec());
    put("index.html".into(), page::render(export).into_bytes());
    put(ABOUT.into(), about(export).into_bytes());

    let mut table = String::new();
    for signed in export.identities.values() {
        identity_files(signed, &mut put);
        table += &identity_row(signed);
    }
    put("identities.txt".into(), table.into_bytes());

    let mut table = String::new();
    for (number, entry) in &export.log {
        let (payload, signature) = signed_of(entry);
        let place = format!("log/{}", padded(*number));
        put(format!("{place}.signed"), payload);
        put(format!("{place}.sig"), signature);
        if let Entry::State(state) = entry
            && let Act::Create(create) = &state.header.act
            && let Mode::ServerManaged(key) = &create.mode
        {
            put("keys/server.pem".into(), pem(key));
        }
        table += &log_row(export, *number, entry);
    }
    put("log.txt".into(), table.into_bytes());

    let mut table = String::new();
    for message in &export.messages {
        let place = format!("messages/{}", padded(message.part.number));
        let payload = message::signing_payload(&message.part.header, &message.part.inner);
        put(format!("{place}.signed"), payload);
        let signature = message.part.signature.as_bytes().to_vec();
        put(format!("{place}.sig"), signature);
        put(format!("{place}.txt"), message.text.clone().into_bytes());
        table += &message_row(export, message);
    }
    put("messages.txt".into(), table.into_bytes());

    let rows = export.marked.iter().map(|marked| {
        let (number, why) = (marked.number, marked.why.name());
        row(&[&number.to_string(), why, &marked.author])
    });
    put(MARKED.into(), rows.collect::<String>().into_bytes());
    files
}

/// SHA-256 of every file, as `sha256sum` writes them.
pub(super) fn manifest(files: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    let line =
        |(path, content): (&String, &Vec<u8>)| format!("{}  {path}\n", hex(&sha256(content)));
    files.iter().map(line).collect::<String>().into_bytes()
}

/// What was signed of an entry of the membership log, and the signature.
pub(super) fn signed_of(entry: &Entry) -> (Vec<u8>, Vec<u8>) {
    match entry {
        Entry::State(entry) => (
            state_signing_payload(&entry.header_bytes),
            entry.signature.as_bytes().to_vec(),
        ),
        Entry::Server(entry) => (
            server_signing_payload(&entry.header_bytes),
            entry.signature.as_bytes().to_vec(),
        ),
        // `Parsed` holds none in its log.
        Entry::Message(_) => (Vec::new(), Vec::new()),
    }
}

/// Ends in `.rsa.sig` or `.dsa.sig`, `.rsa.pem` or `.dsa.pem`.
pub(super) fn suffix(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::RsaPss => "rsa",
        Algorithm::Dsa => "dsa",
    }
}

fn about(export: &Parsed<'_>) -> String {
    let about = export.about;
    let time = |at: Option<Timestamp>| at.map_or_else(|| "-".into(), |at| at.0.to_string());
    [
        row(&["format", &FORMAT.to_string()]),
        row(&["conversation", &about.conversation.to_string()]),
        row(&["exporter", &about.exporter.to_string()]),
        row(&["made", &about.made.0.to_string()]),
        row(&["from", &time(about.from)]),
        row(&["to", &time(about.to)]),
        // Last, since it may hold anything.
        row(&["title", &about.title]),
    ]
    .concat()
}

fn identity_files(signed: &SignedIdentity, put: &mut impl FnMut(String, Vec<u8>)) {
    let (identity, hash) = (signed.identity(), signed.hash());
    put(
        format!("keys/{hash}.encryption.pem"),
        pem(&identity.encryption),
    );
    put(format!("keys/{hash}.rsa.pem"), pem(&identity.rsa_signing));
    put(format!("keys/{hash}.dsa.pem"), pem(&identity.dsa_signing));
    // The version's own signatures come first, then those by the version before: RSA-PSS and DSA each.
    let claims = signed.self_claims();
    if let Some(claim) = claims.first() {
        put(format!("identities/{hash}.signed"), claim.message.clone());
    }
    for claim in &claims {
        let path = format!("identities/{hash}.{}.sig", suffix(claim.algorithm));
        put(path, claim.signature.as_bytes().to_vec());
    }
    for (algorithm, signature) in signed.previous_signatures() {
        let path = format!("identities/{hash}.previous.{}.sig", suffix(algorithm));
        put(path, signature.as_bytes().to_vec());
    }
}

fn identity_row(signed: &SignedIdentity) -> String {
    let identity = signed.identity();
    let previous = identity.previous.map(|hash| hash.to_string());
    row(&[
        &signed.hash().to_string(),
        identity.name.as_str(),
        &identity.user.to_string(),
        &identity.algorithm.to_string(),
        &identity.version.to_string(),
        previous.as_deref().unwrap_or("-"),
    ])
}

fn log_row(export: &Parsed<'_>, number: u64, entry: &Entry) -> String {
    let view = entry.view();
    let (kind, who, previous) = match entry {
        Entry::State(state) => (
            "state",
            signer(export, &state.header.identity),
            state.header.previous,
        ),
        _ => {
            let server = ["server", "-", "-", "RSA-PSS"].map(str::to_owned);
            let previous = match entry {
                Entry::Server(server) => Some(server.header.previous),
                _ => None,
            };
            ("server", server, previous)
        }
    };
    let [name, user, identity, algorithm] = who;
    let usual = match entry {
        Entry::State(state) => codec::encode(&state.header) == *state.header_bytes,
        Entry::Server(server) => codec::encode(&server.header) == *server.header_bytes,
        Entry::Message(_) => false,
    };
    let previous = previous.map(|hash| hash.to_string());
    row(&[
        &number.to_string(),
        kind,
        &name,
        &user,
        &identity,
        &algorithm,
        &entry.hash().to_string(),
        previous.as_deref().unwrap_or("-"),
        &view.size.to_string(),
        &view.root.to_string(),
        form(usual),
    ])
}

fn message_row(export: &Parsed<'_>, message: &Message<'_>) -> String {
    let header = &message.header;
    let [name, user, identity, algorithm] = signer(export, &header.identity);
    row(&[
        &message.part.number.to_string(),
        &name,
        &user,
        &identity,
        &algorithm,
        &message.inner.time.0.to_string(),
        &header.view.size.to_string(),
        &header.view.root.to_string(),
        &header.epoch.0.to_string(),
        &header.announcement.to_string(),
        &header.id.to_string(),
        &header.salt.to_string(),
        form(message.is_usual()),
    ])
}

/// Name, user id, identity hash and algorithm.
fn signer(export: &Parsed<'_>, hash: &crate::ids::IdentityHash) -> [String; 4] {
    // `Parsed` holds every signer's.
    let signed = export.identities.get(hash).map(SignedIdentity::identity);
    [
        signed.map(|identity| identity.name.to_string()),
        signed.map(|identity| identity.user.to_string()),
        Some(hash.to_string()),
        signed.map(|identity| identity.algorithm.to_string()),
    ]
    .map(Option::unwrap_or_default)
}

/// Whether `verify.sh` can write the signed bytes anew from the table.
fn form(usual: bool) -> &'static str {
    if usual { "usual" } else { "other" }
}

fn row(cells: &[&str]) -> String {
    cells.join("\t") + "\n"
}

/// SubjectPublicKeyInfo DER as PEM.
fn pem(spki: &[u8]) -> Vec<u8> {
    match pem_rfc7468::encode_string("PUBLIC KEY", LineEnding::LF, spki) {
        Ok(text) => text.into_bytes(),
        // Only a label that is none, or a length beyond what memory holds, fails.
        Err(_) => unreachable!("a key has a PEM form"),
    }
}
