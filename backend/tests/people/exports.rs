//! A conversation as a file: made by whoever may read it, believed by whoever checks it, whatever they have.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use secure_chat_shared::client::api::{Action, Answer, ExportRange, Failure, KeyChange};
use secure_chat_shared::client::platform::{Platform, Store, Table, Write};
use secure_chat_shared::crypto::signing::Algorithm::{Dsa, RsaPss};
use secure_chat_shared::export::{Container, check};
use secure_chat_shared::ids::{ConversationId, Timestamp};

use super::common::TestApp;
use super::local;
use super::person::{PASSWORD, Person, a_pair};

/// An export as it lies on somebody's disk: the zip and what is in it.
struct Exported {
    folder: tempfile::TempDir,
    bytes: Vec<u8>,
    messages: u64,
    marked: u64,
}

async fn export(person: &mut Person, conversation: ConversationId) -> Exported {
    let range = ExportRange::default();
    export_range(person, conversation, range).await.unwrap()
}

async fn export_range(
    person: &mut Person,
    conversation: ConversationId,
    range: ExportRange,
) -> Result<Exported, Failure> {
    let action = Action::Export {
        conversation,
        range,
    };
    let Answer::Exported {
        file,
        messages,
        marked,
    } = person.does(action).await?
    else {
        panic!("an export is answered by a file");
    };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("export.zip"), &file[..]).unwrap();
    for (path, content) in Container::read(&file).unwrap().files() {
        let path = folder.path().join("conversation").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    Ok(Exported {
        folder,
        bytes: file.to_vec(),
        messages,
        marked,
    })
}

impl Exported {
    fn zip(&self) -> PathBuf {
        self.folder.path().join("export.zip")
    }

    fn text(&self, path: &str) -> String {
        let path = self.folder.path().join("conversation").join(path);
        std::fs::read_to_string(path).unwrap()
    }

    /// What all three say that hold: the check in this program, the server's binary, and the script with OpenSSL.
    fn holds(&self) -> String {
        let report = check(&self.bytes).unwrap();
        assert_eq!(report.faults, []);
        let by_binary = verify(&self.zip(), &[]);
        let said = String::from_utf8(by_binary.stdout).unwrap();
        assert!(by_binary.status.success(), "{said}");
        let script = self.folder.path().join("conversation/verify.sh");
        let by_script = Command::new("sh").arg(script).output().unwrap();
        let script_said = String::from_utf8(by_script.stdout).unwrap();
        assert!(by_script.status.success(), "{script_said}");
        for line in report.lines.iter().chain([&report.summary()]) {
            assert!(said.contains(line) && script_said.contains(line), "{line}");
        }
        said
    }
}

/// The server's binary, as somebody without any server would use it.
fn verify(file: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_secure-chat"))
        .arg("verify")
        .args(more)
        .arg(file)
        .output()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_two_people_said_is_proven_to_outsiders() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app, "Plans").await;
        alice.writes(id, "hello").await;
        bob.reads(id, &["hello"]).await;
        bob.writes(id, "<b>hi</b>").await;
        alice.reads(id, &["hello", "<b>hi</b>"]).await;
        for person in [&mut alice, &mut bob] {
            let exported = export(person, id).await;
            assert_eq!((exported.messages, exported.marked), (2, 0));
            let said = exported.holds();
            assert!(
                said.contains("3  alice  ") && said.contains("RSA-PSS  holds"),
                "{said}"
            );
            assert!(
                said.contains("4  bob  ") && said.contains("DSA  holds"),
                "{said}"
            );
            assert_eq!(exported.text("messages/000004.txt"), "<b>hi</b>");
            assert!(
                exported
                    .text("index.html")
                    .contains("&lt;b&gt;hi&lt;/b&gt;")
            );
            assert!(exported.text("about.txt").ends_with("title\tPlans\n"));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_byte_altered_on_the_way_is_named_by_the_binary() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app, "").await;
        bob.writes(id, "a needle in the hay").await;
        alice.reads(id, &["a needle in the hay"]).await;
        let exported = export(&mut alice, id).await;
        let needle = b"a needle";
        let mut at = exported.bytes.windows(needle.len());
        let at = at.position(|window| window == needle).unwrap();
        let mut altered = exported.bytes.clone();
        altered[at + 2] ^= 1;
        let file = exported.folder.path().join("altered.zip");
        std::fs::write(&file, &altered).unwrap();
        let output = verify(&file, &["--quiet"]);
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(!output.status.success());
        assert!(said.starts_with("FAILS  index.html: "), "{said}");
        assert!(!said.contains("holds\n"), "{said}");
        // Between the files: the date of the first one.
        let mut altered = exported.bytes.clone();
        altered[12] ^= 1;
        std::fs::write(&file, &altered).unwrap();
        let output = verify(&file, &[]);
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(!output.status.success());
        assert!(said.contains("FAILS  the zip around README.txt"), "{said}");
        std::fs::write(&file, b"no zip at all").unwrap();
        let output = verify(&file, &[]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            !output.status.success() && said.contains("it is no export"),
            "{said}"
        );
        let output = verify(Path::new("/nowhere.zip"), &[]);
        assert!(!output.status.success());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_came_later_or_has_left_can_export_too() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app, "").await;
        let mut carol = Person::register(app.address, "carol", 3, Dsa).await;
        alice.writes(id, "before carol").await;
        bob.reads(id, &["before carol"]).await;
        // Keys that were in force for a while.
        let change = KeyChange::Algorithm(RsaPss);
        let password = secure_chat_shared::client::api::Password(PASSWORD.into());
        bob.does(Action::ChangeKeys { password, change })
            .await
            .unwrap();
        bob.writes(id, "signed otherwise").await;
        alice.reads(id, &["before carol", "signed otherwise"]).await;
        alice.invites(id, &["carol"]).await;
        carol.joins(id).await;
        carol.writes(id, "here I am").await;
        alice
            .reads(id, &["before carol", "signed otherwise", "here I am"])
            .await;
        bob.reads(id, &["before carol", "signed otherwise", "here I am"])
            .await;

        let exported = export(&mut carol, id).await;
        assert_eq!(exported.messages, 1, "nothing from before her");
        let said = exported.holds();
        assert!(said.contains("log  0  alice"), "{said}");
        // A device that has not kept the log from before its person's invitation asks for it.
        let before = exported.text("log.txt");
        let store = &carol.device().store;
        let kept = store
            .scan(Table::Log, &id.0, None, false, usize::MAX)
            .await
            .unwrap();
        let gone = kept.into_iter().take(4).map(|(key, _)| Write {
            table: Table::Log,
            key,
            value: None,
        });
        carol.device().store().write(gone.collect()).await.unwrap();
        carol = carol.reload().await;
        let refused = export_range(&mut carol, id, ExportRange::default()).await;
        assert_eq!(refused.err(), Some(Failure::Offline));
        carol.connect(app.address).await;
        let exported = export(&mut carol, id).await;
        assert_eq!(exported.text("log.txt"), before);

        // Bob goes, and has what he read, without a server too.
        bob.does(Action::Leave(id)).await.unwrap();
        bob = bob.reload().await;
        let exported = export(&mut bob, id).await;
        assert_eq!(exported.messages, 3);
        exported.holds();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_range_is_exported_and_nothing_else() {
    local(async {
        let app = TestApp::full().await;
        let (mut alice, mut bob, id) = a_pair(&app, "").await;
        alice.writes(id, "one").await;
        bob.reads(id, &["one"]).await;
        let first = alice.page.borrow().rows_of(id).last().unwrap().time;
        let range = |from, to| ExportRange { from, to };
        let next = Some(Timestamp(first.0 + 1));
        for (range, count) in [
            (range(Some(first), next), 1),
            (range(next, None), 0),
            (range(None, Some(first)), 0),
        ] {
            let exported = export_range(&mut alice, id, range).await.unwrap();
            assert_eq!(exported.messages, count, "{range:?}");
            exported.holds();
        }
        let nowhere = ConversationId([1; 32]);
        let refused = export_range(&mut alice, nowhere, ExportRange::default()).await;
        assert_eq!(refused.err(), Some(Failure::NotAllowed));
    })
    .await;
}
