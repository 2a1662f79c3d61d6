use secure_chat_shared::client::api::{
    Algorithm, Answer, BlockedPerson, Deed, Failure, Happened, LastLine, Message, MessageState,
    Notice, Row, RowBody, RowKey,
};
use secure_chat_shared::ids::{Epoch, MessageId, Timestamp};

use super::*;

fn reduce(changes: impl IntoIterator<Item = Change>) -> Rc<State> {
    changes
        .into_iter()
        .fold(Rc::new(State::default()), Reducible::reduce)
}

fn told(events: impl IntoIterator<Item = Event>) -> Rc<State> {
    reduce(events.into_iter().map(Change::Told))
}

fn id(byte: u8) -> ConversationId {
    ConversationId([byte; 32])
}

fn me(byte: u8) -> Event {
    Event::Session(Session::SignedIn(Me {
        user: UserId([byte; 16]),
        name: "alice".into(),
        algorithm: Algorithm::RsaPss,
        fingerprint: "ab".into(),
        recovery_pending: true,
        version: 1,
        outdated: false,
        failed_sign_ins: None,
    }))
}

fn blocked(byte: u8, name: &str) -> Event {
    Event::Blocked(vec![BlockedPerson {
        user: UserId([byte; 16]),
        name: name.into(),
    }])
}

fn conversation(byte: u8, active: u64, unread: u32) -> Conversation {
    Conversation {
        id: id(byte),
        title: String::new(),
        members: Vec::new(),
        standing: Standing::Member,
        last: None::<LastLine>,
        unread,
        read: 3,
        managed: false,
        epoch: Epoch(1),
        active: Timestamp(active),
        blocked: None,
        draft: "from before".into(),
        head_code: String::new(),
    }
}

fn message(key: RowKey, byte: u8, state: MessageState) -> Row {
    let body = RowBody::Message(Message {
        id: MessageId([byte; 16]),
        author: UserId([1; 16]),
        author_name: "alice".into(),
        own: true,
        text: "hello".into(),
        state,
        proof: None,
    });
    Row {
        key,
        time: Timestamp(0),
        body,
    }
}

fn rows(rows: Vec<Row>, more: Option<bool>) -> Event {
    Event::Rows {
        conversation: id(1),
        rows,
        more,
    }
}

fn keys(state: &State) -> Vec<RowKey> {
    state.room(&id(1)).unwrap().rows.keys().copied().collect()
}

#[test]
fn a_form_is_there_before_the_engine_where_nobody_is_known() {
    let signed_out = Session::SignedOut { ended: false };
    assert_eq!(State::at_start(true).session, Session::Starting);
    assert_eq!(State::at_start(false).session, signed_out);
    let told = Rc::new(State::at_start(false)).reduce(Change::Told(Event::Session(signed_out)));
    assert_eq!(*told, State::at_start(false));
    // Only the engine knows where the browser has forgotten who it was.
    let found = Rc::new(State::at_start(false)).reduce(Change::Told(me(1)));
    assert!(found.me().is_some());
}

#[test]
fn conversations_are_ordered_by_activity_and_replaced() {
    let mut invited = conversation(4, 50, 0);
    invited.standing = Standing::Invited {
        by: "bob".into(),
        at: Timestamp(50),
    };
    let state = told([
        Event::Conversation(conversation(1, 10, 2)),
        Event::Conversation(conversation(2, 30, 0)),
        Event::Conversation(conversation(3, 20, 5)),
        Event::Conversation(invited),
        Event::Conversation(conversation(1, 40, 3)),
    ]);
    let order: Vec<_> = state.inbox().iter().map(|c| c.id).collect();
    assert_eq!(order, [id(1), id(2), id(3)]);
    assert_eq!(state.invitations().len(), 1);
    assert_eq!(state.unread_total(), 3 + 5 + 1);
}

#[test]
fn a_conversation_that_is_gone_takes_its_rows_along() {
    let state = told([
        Event::Conversation(conversation(1, 1, 1)),
        rows(
            vec![message(RowKey::Number(1), 1, MessageState::Sent)],
            Some(false),
        ),
        Event::ConversationGone(id(1)),
    ]);
    assert!(state.inbox().is_empty() && state.room(&id(1)).is_none());
}

#[test]
fn rows_are_ordered_and_pending_ones_come_last() {
    let state = told([
        rows(
            vec![message(RowKey::Pending(0), 9, MessageState::Pending)],
            None,
        ),
        rows(
            vec![message(RowKey::Number(7), 7, MessageState::Sent)],
            None,
        ),
        rows(
            vec![message(RowKey::Number(5), 5, MessageState::Sent)],
            Some(true),
        ),
    ]);
    assert_eq!(
        keys(&state),
        [RowKey::Number(5), RowKey::Number(7), RowKey::Pending(0)]
    );
    let room = state.room(&id(1)).unwrap();
    assert_eq!(
        (room.oldest(), room.newest(), room.more),
        (Some(5), Some(7), true)
    );
}

#[test]
fn a_sent_message_takes_the_place_of_the_pending_one() {
    let state = told([
        rows(
            vec![message(RowKey::Pending(3), 9, MessageState::Pending)],
            None,
        ),
        rows(
            vec![message(RowKey::Pending(4), 8, MessageState::Pending)],
            None,
        ),
        rows(
            vec![message(RowKey::Number(1), 9, MessageState::Sent)],
            None,
        ),
    ]);
    assert_eq!(keys(&state), [RowKey::Number(1), RowKey::Pending(4)]);
}

#[test]
fn a_discarded_message_goes_and_a_numbered_one_stays() {
    let state = told([
        rows(
            vec![message(RowKey::Number(1), 9, MessageState::Sent)],
            None,
        ),
        rows(
            vec![message(
                RowKey::Pending(0),
                8,
                MessageState::Failed(Failure::TooLarge),
            )],
            None,
        ),
        Event::RowGone {
            conversation: id(1),
            id: MessageId([8; 16]),
        },
        Event::RowGone {
            conversation: id(1),
            id: MessageId([9; 16]),
        },
    ]);
    assert_eq!(keys(&state), [RowKey::Number(1)]);
}

#[test]
fn rows_that_are_void_go_and_come_anew() {
    let row = |number| message(RowKey::Number(number), 9, MessageState::Sent);
    let before = [rows(vec![row(7), row(8)], Some(true))];
    let void = told(before.into_iter().chain([Event::RowsGone(id(1))]));
    assert_eq!(keys(&void), []);
    assert!(!void.rooms[&id(1)].loaded);
    let before = rows(vec![row(7)], Some(true));
    let after = rows(vec![row(1)], Some(false));
    let anew = told([before, Event::RowsGone(id(1)), after]);
    assert_eq!(keys(&anew), [RowKey::Number(1)]);
    assert!(anew.rooms[&id(1)].loaded);
}

#[test]
fn a_long_room_lets_go_of_what_is_far_above() {
    let many = (1..=400)
        .map(|n| message(RowKey::Number(n), 1, MessageState::Sent))
        .collect();
    let state = reduce([
        Change::Told(rows(many, Some(false))),
        Change::AtNewest(id(1)),
    ]);
    let room = state.room(&id(1)).unwrap();
    assert_eq!(
        (room.rows.len(), room.oldest(), room.newest()),
        (150, Some(251), Some(400))
    );
    assert!(room.more, "the engine has the others");
}

#[test]
fn opening_remembers_what_was_new() {
    let unread = Change::Told(Event::Conversation(conversation(1, 1, 2)));
    let read = Change::Told(Event::Conversation(conversation(2, 1, 0)));
    let state = reduce([unread, read, Change::Opened(id(1)), Change::Opened(id(2))]);
    assert_eq!(state.room(&id(1)).unwrap().news_after, Some(3));
    assert_eq!(state.room(&id(2)).unwrap().news_after, None);
}

#[test]
fn awaited_outcomes_are_kept_and_other_failures_are_said() {
    let failed = |ticket, failure| {
        Change::Told(Event::Done {
            ticket,
            result: Outcome::Failed(failure),
        })
    };
    let state = reduce([
        Change::Await(1),
        Change::Await(2),
        failed(1, Failure::Offline),
        failed(3, Failure::NotAllowed),
        Change::Told(Event::Done {
            ticket: 4,
            result: Outcome::Ok(Answer::Nothing),
        }),
    ]);
    assert_eq!(
        state.outcome(1).map(|o| (**o).clone()),
        Some(Outcome::Failed(Failure::Offline))
    );
    assert!(state.outcome(2).is_none());
    let said: Vec<_> = state.notes.iter().map(|note| note.said.clone()).collect();
    assert_eq!(said, [Said::Failure(Failure::NotAllowed)]);
    assert!(state.reduce(Change::Forget(1)).outcome(1).is_none());
}

#[test]
fn notes_do_not_repeat_and_do_not_pile_up() {
    let offline = |name: &str| Said::Notice(Notice::OfflineWillBeTold(vec![name.into()]));
    let names = ["a", "b", "a", "c", "d", "e"];
    let state = reduce(names.map(|name| Change::Say(offline(name))));
    let said: Vec<_> = state.notes.iter().map(|note| note.said.clone()).collect();
    assert_eq!(said, ["a", "c", "d", "e"].map(offline));
}

#[test]
fn members_are_listed_by_what_they_may_do() {
    let member = |user, name: &str, invited, admin| Member {
        user: UserId([user; 16]),
        name: name.into(),
        invited,
        admin,
        verified: false,
        removable: false,
        by_link: false,
        rotated: false,
        changeable: false,
        shareable: false,
        algorithm: Algorithm::RsaPss,
    };
    let mut conversation = conversation(1, 1, 0);
    conversation.members = vec![
        member(1, "dave", true, false),
        member(2, "carol", false, false),
        member(3, "bob", false, true),
        member(4, "zoe", false, false),
        member(5, "alice", false, false),
    ];
    let names: Vec<_> = ordered(&conversation, &UserId([4; 16]))
        .iter()
        .map(|member| member.name.as_str())
        .collect();
    assert_eq!(names, ["zoe", "bob", "alice", "carol", "dave"]);
}

#[test]
fn authors_are_named_unless_there_is_but_one_other() {
    let by = |number, author| {
        let mut row = message(RowKey::Number(number), number as u8, MessageState::Sent);
        if let RowBody::Message(message) = &mut row.body {
            message.author = UserId([author; 16]);
            message.own = author == 1;
        }
        row
    };
    let bob = UserId([2; 16]);
    let besides_bob = |list: Vec<Row>| {
        let state = told([rows(list, None)]);
        state.room(&id(1)).unwrap().has_author_besides(Some(bob))
    };
    assert!(!besides_bob(vec![by(1, 1), by(2, 2), by(3, 2)]));
    assert!(besides_bob(vec![by(1, 2), by(2, 3)]), "carol was there");
    assert!(besides_bob(vec![by(1, 1), by(2, 3)]), "bob wrote nothing");
}

#[test]
fn the_newest_deed_is_found_among_messages() {
    let mut deed = message(RowKey::Number(2), 2, MessageState::Sent);
    deed.body = RowBody::Happened(Happened {
        actor: "bob".into(),
        own: false,
        what: Deed::Accepted,
        algorithm: Algorithm::RsaPss,
    });
    let sent = |number| message(RowKey::Number(number), 9, MessageState::Sent);
    let newest = |list: Vec<Row>| {
        let state = told([rows(list, None)]);
        state.room(&id(1)).unwrap().newest_deed()
    };
    assert_eq!(newest(vec![sent(1), deed.clone(), sent(3)]), Some(2));
    assert_eq!(newest(vec![sent(1)]), None);
}

#[test]
fn an_invite_link_waits_through_registration() {
    let state = reduce([
        Change::Invited("first".into()),
        Change::Invited("second".into()),
        Change::Told(Event::Session(Session::SignedOut { ended: false })),
        Change::Told(me(1)),
    ]);
    assert_eq!(state.invite.as_deref(), Some("second"));
    assert_eq!(state.reduce(Change::InviteAnswered).invite, None);
}

#[test]
fn signing_out_leaves_nothing_of_the_person() {
    let state = told([
        me(1),
        Event::Conversation(conversation(1, 1, 1)),
        Event::RecoveryCode("abcd".into()),
        blocked(2, "bob"),
        Event::Session(Session::SignedOut { ended: true }),
    ]);
    assert!(state.inbox().is_empty() && state.recovery_code.is_none() && state.me().is_none());
    assert!(state.blocked().is_empty());
    assert_eq!(state.notes.len(), 1, "an ended session is said");
}

#[test]
fn the_recovery_code_may_come_before_the_session() {
    let state = told([
        Event::Session(Session::SignedOut { ended: false }),
        Event::Progress(Step::Registered),
        Event::RecoveryCode("abcd".into()),
        me(1),
    ]);
    assert_eq!(state.recovery_code.as_deref(), Some("abcd"));
    assert_eq!(state.progress, None);
    let state = state.reduce(Change::RecoveryCodeSaved);
    assert!(state.recovery_code.is_none() && !state.me().unwrap().recovery_pending);
}

#[test]
fn a_draft_of_this_page_beats_the_engines() {
    let state = told([Event::Conversation(conversation(1, 1, 0))]);
    assert_eq!(&*state.draft(&id(1)), "from before");
    assert_eq!(
        &*state
            .reduce(Change::Drafted(id(1), "".into()))
            .draft(&id(1)),
        ""
    );
}

#[test]
fn a_second_wait_is_a_new_wait() {
    let wait = || Event::Connection(Connection::Reconnecting { in_ms: 1000 });
    let first = told([wait()]);
    let second = Rc::clone(&first).reduce(Change::Told(wait()));
    assert_ne!(first.link, second.link);
    let back = second.reduce(Change::Told(Event::Connection(Connection::Online)));
    assert!(back.link.was_lost);
}

#[test]
fn the_newest_list_of_blocked_people_holds() {
    let state = told([me(1), blocked(2, "bob"), blocked(3, "carol")]);
    let names: Vec<_> = state.blocked().values().cloned().collect();
    assert_eq!(names, ["carol"]);
}
