//! Conversations whose key the server makes.

use secure_chat_shared::client::api::{Action, Answer, Failure, KeyChange, Password};
use secure_chat_shared::crypto::signing::Algorithm::{Dsa, RsaPss};

use super::common::TestApp;
use super::local;
use super::person::{PASSWORD, Person};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_makes_a_key_at_every_change() {
    local(async {
        let app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
        let mut carol = Person::register(app.address, "carol", 3, RsaPss).await;
        let create = Action::CreateConversation {
            people: vec!["bob".into()],
            title: "at work".into(),
            managed: true,
        };
        let Answer::Conversation(id) = alice.does(create).await.unwrap() else {
            panic!("no conversation")
        };
        alice.does(Action::Open(id)).await.unwrap();
        bob.joins(id).await;
        assert!(bob.sees(id).managed);
        assert_eq!(bob.sees(id).title, "at work");
        alice.writes(id, "first").await;
        bob.reads(id, &["first"]).await;
        let epoch = alice.sees(id).epoch;

        bob.invites(id, &["carol"]).await;
        carol.joins(id).await;
        assert!(carol.sees(id).managed);
        carol
            .until("the title is sealed for her too", |page| {
                page.conversations[&id].title == "at work"
            })
            .await;
        carol.writes(id, "second").await;
        carol.reads(id, &["second"]).await;
        alice.reads(id, &["first", "second"]).await;
        assert_eq!(alice.sees(id).epoch, epoch.next());

        bob.does(Action::Leave(id)).await.unwrap();
        alice.sees_members(id, &["alice", "carol"]).await;
        alice.writes(id, "third").await;
        carol.reads(id, &["second", "third"]).await;
        assert_eq!(bob.page.borrow().texts(id), ["first", "second"]);
        assert_eq!(alice.sees(id).epoch, epoch.next().next());

        let change = Action::ChangeKeys {
            password: Password(PASSWORD.into()),
            change: KeyChange::Algorithm(Dsa),
        };
        carol.does(change).await.unwrap();
        carol.writes(id, "fourth").await;
        alice
            .reads(id, &["first", "second", "third", "fourth"])
            .await;
        assert_eq!(alice.sees(id).head_code, carol.sees(id).head_code);
        assert_eq!(alice.sees(id).title, "at work");

        // A new browser replays what the server announced.
        let mut again = Person::sign_in(app.address, "carol", PASSWORD)
            .await
            .unwrap();
        again.does(Action::Open(id)).await.unwrap();
        again.reads(id, &["second", "third", "fourth"]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_out_is_told_so_at_once() {
    local(async {
        let app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
        let mut again = Person::sign_in(app.address, "bob", PASSWORD).await.unwrap();
        let create = Action::CreateConversation {
            people: vec!["bob".into()],
            title: String::new(),
            managed: true,
        };
        let Answer::Conversation(id) = alice.does(create).await.unwrap() else {
            panic!("no conversation")
        };
        again
            .until("an invitation is there", |page| {
                page.conversations.contains_key(&id)
            })
            .await;
        bob.joins(id).await;
        bob.does(Action::Leave(id)).await.unwrap();
        // The server's answer to that is nothing that he may read any more.
        assert_eq!(
            again.does(Action::Accept(id)).await,
            Err(Failure::NotAllowed)
        );
        alice.sees_members(id, &["alice"]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_comes_back_sees_the_title_of_now_and_none_where_there_is_none() {
    local(async {
        let app = TestApp::full().await;
        let mut alice = Person::register(app.address, "alice", 1, RsaPss).await;
        let mut bob = Person::register(app.address, "bob", 2, Dsa).await;
        let create = Action::CreateConversation {
            people: vec!["bob".into()],
            title: "at work".into(),
            managed: true,
        };
        let Answer::Conversation(id) = alice.does(create).await.unwrap() else {
            panic!("no conversation")
        };
        bob.joins(id).await;
        assert_eq!(bob.sees(id).title, "at work");
        bob.does(Action::Leave(id)).await.unwrap();
        alice.sees_members(id, &["alice"]).await;
        let rename = Action::Rename {
            conversation: id,
            title: String::new(),
        };
        alice.does(rename).await.unwrap();
        alice.invites(id, &["bob"]).await;
        bob.joins(id).await;
        bob.until("the title is the one of now", |page| {
            page.conversations[&id].title.is_empty()
        })
        .await;
    })
    .await;
}
