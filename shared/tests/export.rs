//! Exports: what was signed holds, by this program and by `verify.sh`; what was altered is named.

#![allow(clippy::unwrap_used)] // helpers of tests

mod common;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use common::{Actor, sign_with};
use secure_chat_shared::client::native::{PrivateKeys, test_keys};
use secure_chat_shared::codec::{self, Bytes};
use secure_chat_shared::crypto::epoch::Commitment;
use secure_chat_shared::crypto::message::{Content, Inner, signing_payload};
use secure_chat_shared::crypto::random;
use secure_chat_shared::crypto::signing::{Algorithm, Signature};
use secure_chat_shared::export::*;
use secure_chat_shared::ids::*;
use secure_chat_shared::log::act::*;
use secure_chat_shared::log::entry::*;
use secure_chat_shared::log::state::readers_digest;
use secure_chat_shared::log::tree::Frontier;
use secure_chat_shared::log::{Entry, LogState};

/// By path.
type Files = BTreeMap<String, Vec<u8>>;

/// Texts that could be taken for something else.
const NASTY: [&str; 8] = [
    "Hello, Bob",
    "<script>alert(1)</script> & \"quotes\" 'n so on",
    "tab\there\nand\r\nnew lines\n",
    "$(rm -rf /); `id` && echo \"$PATH\" #",
    "שלום \u{202e}abc\u{202c} مرحبا",
    "👩‍👩‍👧 🇨🇭 e\u{301}",
    "12\talice\tholds\n%s %d \\0 \\x41",
    "",
];

/// A conversation of alice (RSA-PSS) and böb (DSA).
struct World {
    people: BTreeMap<u8, Actor>,
    state: LogState,
    tree: Frontier,
    server: Option<PrivateKeys>,
    log: Vec<LogPart>,
    messages: Vec<MessagePart>,
}

impl World {
    fn new(managed: bool) -> Self {
        let alice = Actor::new(1, "alice", Algorithm::RsaPss);
        let bob = Actor::new(2, "böb", Algorithm::Dsa);
        let server = managed.then(|| test_keys::set(4).unwrap());
        let mode = match &server {
            None => Mode::EndToEnd,
            Some(keys) => Mode::ServerManaged(Bytes(keys.public().unwrap().rsa_signing)),
        };
        let act = Act::Create(Create {
            mode,
            nonce: Bytes(vec![9; 32]),
            identity: alice.signed.clone(),
            continues: None,
        });
        let view = Frontier::default().view();
        let (user, hash) = (alice.user(), alice.signed.hash());
        let header = codec::encode(&StateHeader::new(None, user, hash, view, None, act));
        let signature = alice.sign(&state_signing_payload(&header));
        let create = assemble_state(header, signature);
        let entry = Entry::parse(&create).unwrap();
        let mut tree = Frontier::default();
        tree.append(entry.hash());
        let mut world = Self {
            people: [(1, alice), (2, bob)].into(),
            state: LogState::begin(&entry).unwrap().into_first_state().unwrap(),
            tree,
            server,
            log: vec![LogPart {
                number: 0,
                bytes: create,
            }],
            messages: Vec::new(),
        };
        let invite = Act::Invite(Invite {
            people: vec![world.people[&2].signed.clone()],
            link_proofs: Vec::new(),
            announcement: world.announcement(&[1, 2]),
        });
        world.act(1, invite);
        world.act(2, Act::Accept(Accept { link_proof: None }));
        world
    }

    /// In a conversation whose server makes the keys, there is none.
    fn announcement(&self, readers: &[u8]) -> Option<Announcement> {
        self.server
            .is_none()
            .then(|| self.any_announcement(readers))
    }

    fn any_announcement(&self, readers: &[u8]) -> Announcement {
        let hashes: BTreeMap<UserId, IdentityHash> = readers
            .iter()
            .map(|n| &self.people[n].signed)
            .map(|signed| (signed.identity().user, signed.hash()))
            .collect();
        let next = self.state.epoch().map(|current| current.epoch.next());
        Announcement {
            epoch: next.unwrap_or(Epoch::FIRST),
            commitment: Commitment([7; 32]),
            readers: readers_digest(hashes.iter().map(|(user, hash)| (user, *hash))),
            wraps: Root([8; 32]),
            title: None,
        }
    }

    fn act(&mut self, n: u8, act: Act) {
        let author = &self.people[&n];
        let header = codec::encode(&StateHeader::new(
            Some(self.state.conversation),
            author.user(),
            author.signed.hash(),
            self.tree.view(),
            Some(self.state.last),
            act,
        ));
        let signature = author.sign(&state_signing_payload(&header));
        self.take(assemble_state(header, signature));
        if self.state.awaits_server {
            let announcement = self.any_announcement(&[1, 2]);
            let (view, last) = (self.tree.view(), self.state.last);
            let header = ServerHeader::new(self.state.conversation, view, last, announcement);
            let header = codec::encode(&header);
            let keys = self.server.as_ref().unwrap();
            let payload = server_signing_payload(&header);
            let signature = sign_with(keys, Algorithm::RsaPss, &payload);
            self.take(assemble_server(header, signature));
        }
    }

    fn take(&mut self, bytes: Vec<u8>) {
        let entry = Entry::parse(&bytes).unwrap();
        let number = self.tree.size();
        let judged = self.state.judge(&entry, number).unwrap();
        assert!(judged.claims().iter().all(|claim| claim.verify()));
        self.state.apply(judged);
        self.tree.append(entry.hash());
        self.log.push(LogPart { number, bytes });
    }

    fn say(&mut self, n: u8, text: &str) {
        self.say_with(n, text, Timestamp(1_700_000_000_123), |header| header);
    }

    /// A message whose signed header is what `change` makes of the usual one.
    fn say_with(
        &mut self,
        n: u8,
        text: &str,
        time: Timestamp,
        change: impl Fn(Vec<u8>) -> Vec<u8>,
    ) {
        let author = &self.people[&n];
        let number = self.tree.size();
        let current = self.state.epoch().unwrap();
        let header = MessageHeader::new(
            self.state.conversation,
            author.user(),
            author.signed.hash(),
            self.tree.view(),
            current.epoch,
            current.entry,
            MessageId(random::bytes()),
            Salt([n; 32]),
        );
        let header = change(codec::encode(&header));
        let algorithm = author.signed.identity().algorithm;
        let content = Content::Text { text: text.into() };
        let inner = Inner {
            algorithm,
            time,
            content,
        }
        .encode();
        let signature = author.sign(&signing_payload(&header, &inner));
        self.tree.append(EntryHash(random::bytes()));
        self.messages.push(MessagePart {
            number,
            header: Bytes(header),
            inner: Bytes(inner),
            signature,
        });
    }

    /// What alice exports.
    fn export(&self) -> Export {
        let alice = UserId([1; 16]);
        Export {
            about: About {
                conversation: self.state.conversation,
                exporter: newest_identity(&self.log, &alice).unwrap().hash(),
                made: Timestamp(1_700_000_100_000),
                from: None,
                to: Some(Timestamp(1_800_000_000_000)),
                title: "Plans <b>\n\tfor 'all'".into(),
            },
            log: self.log.clone(),
            messages: self.messages.clone(),
            marked: vec![
                Marked {
                    number: 500,
                    why: Mark::Purged,
                    author: String::new(),
                },
                Marked {
                    number: 501,
                    why: Mark::NoKey,
                    author: "alice".into(),
                },
            ],
        }
    }

    fn packed(&self) -> Vec<u8> {
        self.packed_by(self.export())
    }

    fn packed_by(&self, export: Export) -> Vec<u8> {
        let unsigned = export.prepare().unwrap();
        let signature = self.people[&1].sign(&unsigned.signing_payload());
        unsigned.pack(&signature).unwrap()
    }
}

/// alice and böb with everything that could be in a conversation.
fn a_conversation(managed: bool) -> World {
    let mut world = World::new(managed);
    for (i, text) in NASTY.iter().enumerate() {
        world.say(1 + (i % 2) as u8, text);
    }
    world.say_with(1, "long ago", Timestamp(0), |header| header);
    world.say_with(2, "what a clock", Timestamp(u64::MAX), |header| header);
    // A header with a key that readers ignore: signed all the same.
    world.say_with(2, "odd", Timestamp(5), |mut header| {
        header[0] += 1;
        header.extend([0x18, 99, 0]);
        header
    });
    world.say(1, &"long ".repeat(13_000 / 5));
    let bob = world.people[&2].renewed(3, Algorithm::RsaPss);
    let old = world.people.insert(2, bob.clone()).unwrap();
    let announcement = world.announcement(&[1, 2]);
    world.people.insert(2, old);
    let versions = vec![bob.signed.clone()];
    let new = NewIdentity {
        versions,
        announcement,
    };
    // The server announces for the keys that are in force by then.
    let act = Act::Identity(new);
    let author = world.people[&2].clone();
    let header = codec::encode(&StateHeader::new(
        Some(world.state.conversation),
        author.user(),
        author.signed.hash(),
        world.tree.view(),
        Some(world.state.last),
        act,
    ));
    let signature = author.sign(&state_signing_payload(&header));
    world.take(assemble_state(header, signature));
    world.people.insert(2, bob);
    if world.state.awaits_server {
        let announcement = world.any_announcement(&[1, 2]);
        let (view, last) = (world.tree.view(), world.state.last);
        let header = ServerHeader::new(world.state.conversation, view, last, announcement);
        let header = codec::encode(&header);
        let payload = server_signing_payload(&header);
        let keys = world.server.as_ref().unwrap();
        let signature = sign_with(keys, Algorithm::RsaPss, &payload);
        world.take(assemble_server(header, signature));
    }
    world.say(2, "with new keys");
    world
}

/// A folder with an export's files; gone at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(packed: &[u8]) -> Self {
        let name = u64::from_be_bytes(random::bytes());
        let path = std::env::temp_dir().join(format!("secure-chat-export-{name:x}"));
        for (file, content) in Container::read(packed).unwrap().files() {
            let file = path.join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, content).unwrap();
        }
        Self(path)
    }

    /// Whether `verify.sh` is content, and what it says.
    fn verify(&self) -> (bool, String) {
        let script = self.0.join("verify.sh");
        let output = Command::new("sh").arg(script).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(said).unwrap())
    }
}

impl std::ops::Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn has_openssl() -> bool {
    let found = Command::new("openssl").arg("version").output().is_ok();
    if !found {
        eprintln!("skipped: no openssl command");
    }
    found
}

#[test]
fn what_was_signed_holds() {
    for managed in [false, true] {
        let world = a_conversation(managed);
        let packed = world.packed();
        assert_eq!(
            packed,
            world.packed_with_same_signature(&packed),
            "one form"
        );
        let report = check(&packed).unwrap();
        assert_eq!(report.faults, [], "{:#?}", report.lines);
        assert_eq!(report.identities(), 3);
        let lines = report.lines.join("\n");
        assert!(lines.contains("  böb  2023-11-14T22:13:20Z  DSA  holds"));
        assert!(lines.contains("  alice  1970-01-01T00:00:00Z  RSA-PSS  holds"));
        assert!(lines.contains("501  not exported: no-key"));
        assert!(report.summary().ends_with("everything holds."));
    }
}

#[test]
fn verify_sh_says_the_same() {
    if !has_openssl() {
        return;
    }
    for managed in [false, true] {
        let packed = a_conversation(managed).packed();
        let (holds, said) = Folder::new(&packed).verify();
        let report = check(&packed).unwrap();
        assert!(holds, "{said}");
        for line in report.lines.iter().chain([&report.summary()]) {
            assert!(said.contains(line.as_str()), "{line} is not in\n{said}");
        }
        assert_eq!(said.matches("unusual").count(), 2, "{said}");
    }
}

impl World {
    /// The same export again, with the signature that was made before: RSA-PSS never makes one twice.
    fn packed_with_same_signature(&self, packed: &[u8]) -> Vec<u8> {
        let container = Container::read(packed).unwrap();
        let (_, signature) = container
            .files()
            .find(|(path, _)| *path == "manifest.sig")
            .unwrap();
        let unsigned = self.export().prepare().unwrap();
        unsigned.pack(&Signature::from(signature.to_vec())).unwrap()
    }
}

/// Whether a report names a place.
fn names(report: &Report, place: &str) -> bool {
    let mut faults = report.faults.iter();
    faults.any(|fault| fault.place.contains(place))
}

/// What lies in every export as it is: another byte is another number of the format.
#[test]
fn the_format_is_frozen() {
    use sha2::{Digest, Sha256};
    let world = World::new(false);
    let packed = world.packed();
    let container = Container::read(&packed).unwrap();
    let files: BTreeMap<&str, &[u8]> = container.files().collect();
    let page = String::from_utf8(files["index.html"].to_vec()).unwrap();
    let style = page.split_once("<style>").unwrap().1;
    let style = style.split_once("</style>").unwrap().0;
    assert_eq!(FORMAT, 1);
    for (what, bytes, digest) in [
        ("README.txt", files["README.txt"], README),
        ("verify.sh", files["verify.sh"], VERIFY_SH),
        ("page.css", style.as_bytes(), STYLE),
    ] {
        let now: [u8; 32] = Sha256::digest(bytes).into();
        let now: String = now.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(now, digest, "{what}");
    }
}

const README: &str = "d45c83bb5800ec79217fac9b74b201d6982238cf4a79f57b48e987ee9f42f2ba";
const VERIFY_SH: &str = "61d77004d58967e32805a31f71bd8e7e0f80d7d7d9f1ebc6abf05aeee67c1cbc";
const STYLE: &str = "6037982139a9302f21145419e999f0c041ecd16538033ac98a3269956f349541";

#[test]
fn a_byte_altered_in_any_file_is_named() {
    let world = a_conversation(true);
    let packed = world.packed();
    let container = Container::read(&packed).unwrap();
    let mut count = 0;
    for (path, content) in container.files().filter(|(_, content)| !content.is_empty()) {
        // The first byte of one file, one in the middle of the next, the last of the one after.
        let mut altered = content.to_vec();
        altered[(content.len() - 1) * (count % 3) / 2] ^= 1;
        let mut files: BTreeMap<&str, &[u8]> = container.files().collect();
        files.insert(path, &altered);
        let report = check(&zip_of(&files)).unwrap();
        assert!(names(&report, path), "{path}: {:?}", report.faults);
        count += 1;
    }
    assert!(count > 70, "{count}");
}

#[test]
fn verify_sh_names_a_byte_altered_in_any_kind_of_file() {
    if !has_openssl() {
        return;
    }
    let packed = a_conversation(true).packed();
    let folder = Folder::new(&packed);
    // The first of each kind: one `.pem`, one `log/*.sig` and so on.
    let mut kinds = BTreeMap::new();
    for (path, content) in Container::read(&packed).unwrap().files() {
        let directory = path
            .split_once('/')
            .map_or(path, |(directory, _)| directory);
        let end = path.rsplit_once('.').map_or("", |(_, end)| end);
        if !content.is_empty() {
            kinds
                .entry((directory.to_owned(), end.to_owned()))
                .or_insert((path.to_owned(), content.to_vec()));
        }
    }
    for (path, content) in kinds.values() {
        let file = folder.0.join(path);
        let mut altered = content.clone();
        altered[content.len() / 3] ^= 1;
        std::fs::write(&file, &altered).unwrap();
        let (holds, said) = folder.verify();
        assert!(!holds, "{path}: {said}");
        assert!(said.contains(path.as_str()), "{path} is not in\n{said}");
        std::fs::write(&file, content).unwrap();
    }
    std::fs::write(folder.0.join("keys/more.pem"), b"").unwrap();
    let (holds, said) = folder.verify();
    assert!(!holds && said.contains("keys/more.pem"), "{said}");
    std::fs::remove_file(folder.0.join("keys/more.pem")).unwrap();
    std::fs::remove_file(folder.0.join("marked.txt")).unwrap();
    let (holds, said) = folder.verify();
    assert!(!holds && said.contains("marked.txt"), "{said}");
}

/// An exporter who lies signs a list of files that fits the lie.
fn doctored(world: &World, change: impl Fn(&mut Files)) -> Vec<u8> {
    use sha2::{Digest, Sha256};
    let packed = world.packed();
    let container = Container::read(&packed).unwrap();
    let owned = |(path, content): (&str, &[u8])| (path.to_owned(), content.to_vec());
    let mut files: Files = container.files().map(owned).collect();
    change(&mut files);
    files.retain(|path, _| !path.starts_with("manifest"));
    let line = |(path, content): (&String, &Vec<u8>)| {
        let digest: [u8; 32] = Sha256::digest(content).into();
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{hex}  {path}\n")
    };
    let manifest: String = files.iter().map(line).collect();
    let payload = secure_chat_shared::crypto::label::labelled(
        secure_chat_shared::crypto::label::purpose::EXPORT_MANIFEST,
        &[manifest.as_bytes()],
    );
    let signature = world.people[&1].sign(&payload);
    files.insert("manifest.txt".into(), manifest.into_bytes());
    files.insert("manifest.sig".into(), signature.as_bytes().to_vec());
    let files = files
        .iter()
        .map(|(path, content)| (path.as_str(), content.as_slice()));
    zip_of(&files.collect())
}

/// A zip as exports write theirs.
fn zip_of(files: &BTreeMap<&str, &[u8]>) -> Vec<u8> {
    use std::io::Write;
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (path, content) in files {
        let mode = if path.ends_with(".sh") { 0o755 } else { 0o644 };
        let options = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Stored)
            .last_modified_time(zip::DateTime::DEFAULT)
            .unix_permissions(mode);
        zip.start_file(format!("conversation/{path}"), options)
            .unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn replace(files: &mut Files, path: &str, from: &str, to: &str) {
    let text = String::from_utf8(files[path].clone()).unwrap();
    assert!(text.contains(from), "{from} is not in {path}");
    files.insert(path.into(), text.replacen(from, to, 1).into_bytes());
}

#[test]
fn an_exporter_cannot_lie_about_what_was_said() {
    let world = a_conversation(false);
    assert_eq!(check(&doctored(&world, |_| {})).unwrap().faults, []);
    let both = |change: &dyn Fn(&mut Files), place: &str, by_script: &str| {
        let packed = doctored(&world, change);
        let report = check(&packed).unwrap();
        assert!(names(&report, place), "{place}: {:?}", report.faults);
        if has_openssl() && !by_script.is_empty() {
            let (holds, said) = Folder::new(&packed).verify();
            assert!(!holds && said.contains(by_script), "{by_script}: {said}");
        }
    };
    // The text alone, the page alone, and the text in every place but under the signature.
    let text = |files: &mut Files| replace(files, "messages/000003.txt", "Bob", "Rob");
    both(&text, "messages/000003.txt", "message 3 by alice");
    let page = |files: &mut Files| replace(files, "index.html", "Hello, Bob", "Hello, Rob");
    both(&page, "index.html", "");
    let all = |files: &mut Files| {
        text(files);
        page(files);
        let signed = files.get_mut("messages/000003.signed").unwrap();
        let at = signed.windows(3).position(|three| three == b"Bob").unwrap();
        signed[at] = b'R';
    };
    both(&all, "message 3 by alice", "message 3 by alice");
    // Somebody else's name on it, another time, another identity's name.
    let table = |from: &'static str, to: &'static str| {
        move |files: &mut Files| replace(files, "messages.txt", from, to)
    };
    both(
        &table("3\talice", "3\tböb"),
        "messages.txt",
        "message 3 by böb",
    );
    both(
        &table("1700000000123", "1600000000123"),
        "messages.txt",
        "message 3 by alice",
    );
    let renamed = |files: &mut Files| replace(files, "identities.txt", "alice", "clara");
    both(&renamed, "identities.txt", "clara");
    // A message left out of one place, or put where its author was no member yet.
    let gone = |files: &mut Files| {
        files.remove("messages/000003.signed");
    };
    both(&gone, "messages/000003", "message 3 by alice");
    let earlier = |files: &mut Files| {
        for end in ["signed", "sig", "txt"] {
            let content = files.remove(&format!("messages/000004.{end}")).unwrap();
            files.insert(format!("messages/000001.{end}"), content);
        }
    };
    both(&earlier, "message 1", "message 4");
    // A page that runs scripts, a verifier that is content with everything.
    let script = |files: &mut Files| {
        files.insert("verify.sh".into(), b"echo everything holds.".to_vec());
    };
    both(&script, "verify.sh", "");
}

#[test]
fn whoever_is_no_member_is_not_believed() {
    let mut world = World::new(false);
    world.say(2, "still here");
    world.act(2, Act::Leave);
    let mut export = world.export();
    // Signed as it should be, but after its author has left.
    export.messages[0].number = world.tree.size();
    let report = check(&world.packed_by(export)).unwrap();
    let place = format!("message {} by böb", world.tree.size());
    assert_eq!(report.faults.len(), 1);
    assert!(names(&report, &place), "{:?}", report.faults);
    // An entry that is missing from the chain.
    let mut export = world.export();
    export.log.remove(2);
    let report = check(&world.packed_by(export)).unwrap();
    assert!(names(&report, "log/000004.signed"), "{:?}", report.faults);
}

#[test]
fn what_cannot_be_exported_is_told() {
    let mut world = World::new(false);
    world.say(1, "one");
    let mut export = world.export();
    // böb's identity goes with his invitation.
    export.log.remove(1);
    assert_eq!(export.prepare().err(), Some(ExportError::Identity));
    let mut export = world.export();
    export.messages[0].inner = Bytes(vec![0]);
    assert_eq!(export.prepare().err(), Some(ExportError::Message));
    let mut export = world.export();
    export.messages = vec![export.messages[0].clone(); MAX_MESSAGES];
    assert_eq!(export.prepare().err(), Some(ExportError::TooLarge));
}
