//! That the model would notice: an end that is doctored must be refused.

use secure_chat_shared::client::api::{Failure, RowBody, RowKey};
use secure_chat_shared::ids::{ConversationId, MessageId, UserId};
use secure_chat_shared::log::Entry;

use crate::check::{Observed, Room, Truth, check};
use crate::schedule::{self, End, Lines, Plan};
use crate::template;

/// Seeds to look through for one whose end has everything that is doctored here.
const SEEDS: std::ops::Range<u64> = 0..30;

/// How an end says that it has not.
const NOTHING: &str = "nothing for: ";

/// Changes something; `None` where there is no such thing.
type Doctor = fn(&End, &mut Vec<Observed>) -> Option<()>;

const DOCTORS: &[(&str, Doctor)] = &[
    ("a message is not shown", |_, all| {
        let (room, key) = a_message(all)?;
        room.rows.remove(&key).map(|_| ())
    }),
    ("a message has another text", |_, all| {
        let (room, key) = a_message(all)?;
        let RowBody::Message(message) = &mut room.rows.get_mut(&key)?.body else {
            return None;
        };
        message.text.push('!');
        Some(())
    }),
    ("two messages have changed places", |_, all| {
        all.iter_mut()
            .flat_map(|browser| browser.rooms.values_mut())
            .find_map(|room| {
                let keys = messages(room);
                let (first, second) = (*keys.first()?, *keys.get(1)?);
                let (one, other) = (room.rows[&first].clone(), room.rows[&second].clone());
                room.rows.get_mut(&first)?.body = other.body;
                room.rows.get_mut(&second)?.body = one.body;
                Some(())
            })
    }),
    ("what happened is not shown", |_, all| {
        let rooms = all
            .iter_mut()
            .flat_map(|browser| browser.rooms.values_mut());
        rooms.into_iter().find_map(|room| {
            let happened = |key: &&RowKey| matches!(room.rows[key].body, RowBody::Happened(_));
            let key = *room.rows.keys().find(happened)?;
            room.rows.remove(&key).map(|_| ())
        })
    }),
    (
        "a message is shown to somebody who may not read it",
        |end, all| {
            let shown = {
                let (room, key) = a_message(all)?;
                room.rows[&key].clone()
            };
            let (browser, id, number) = unreadable(end, all)?;
            let mut row = shown;
            row.key = RowKey::Number(number);
            all[browser].rooms.get_mut(&id)?.rows.insert(row.key, row);
            Some(())
        },
    ),
    (
        "a key is held by somebody who may not read its epoch",
        |end, all| {
            let (at, id, epoch) = all.iter().enumerate().find_map(|(at, browser)| {
                end.world.logs.all().iter().find_map(|(id, log)| {
                    let epochs = log.state().epochs.iter().map(|record| record.epoch);
                    let mut hidden = epochs.filter(|epoch| !log.may_read(&browser.user, *epoch));
                    hidden.next().map(|epoch| (at, *id, epoch))
                })
            })?;
            all[at].keys.insert((id, epoch)).then_some(())
        },
    ),
    ("a log is shorter", |_, all| {
        let (room, _) = a_message(all)?;
        room.view.size -= 1;
        Some(())
    }),
    ("a log is another", |_, all| {
        let (room, _) = a_message(all)?;
        room.view.root.0[0] ^= 1;
        Some(())
    }),
    ("a log begins elsewhere", |_, all| {
        let (room, _) = a_message(all)?;
        room.anchor += 1;
        Some(())
    }),
    ("a title is another", |_, all| {
        let (room, _) = a_message(all)?;
        room.shown.title.push('!');
        Some(())
    }),
    ("a member is missing", |_, all| {
        let (room, _) = a_message(all)?;
        room.shown.members.pop().map(|_| ())
    }),
    ("a conversation is missing", |end, all| {
        let (user, id) = end.world.logs.all().iter().find_map(|(id, log)| {
            let (user, _) = log.state().people.first_key_value()?;
            Some((*user, *id))
        })?;
        let mut browsers = all.iter_mut().filter(|browser| browser.user == user);
        browsers.next()?.rooms.remove(&id).map(|_| ())
    }),
    ("a message waits for ever", |end, all| {
        let ((user, message), written) = end.world.written.first_key_value()?;
        still_has(all, *user, (written.conversation, *message, None))
    }),
    ("a message has failed for no reason", |end, all| {
        let ((user, message), written) = end.world.written.first_key_value()?;
        still_has(
            all,
            *user,
            (written.conversation, *message, Some(Failure::KeyMissing)),
        )
    }),
];

#[test]
fn a_doctored_end_is_refused() {
    let look = async |end: &End| {
        let truth = truth(end);
        check(&truth, &end.observed)?;
        for (what, doctor) in DOCTORS {
            let mut doctored = end.observed.clone();
            doctor(end, &mut doctored).ok_or_else(|| format!("{NOTHING}{what}"))?;
            let checked = check(&truth, &doctored);
            checked
                .err()
                .ok_or_else(|| format!("not noticed: {what}"))?;
        }
        // What was acknowledged and is nowhere.
        let mut written = end.world.written.clone();
        let ((user, _), lost) = end
            .world
            .written
            .first_key_value()
            .ok_or("nothing was written")?;
        written.insert((*user, MessageId([7; 16])), lost.clone());
        let truth = Truth {
            written: &written,
            ..truth
        };
        check(&truth, &end.observed)
            .err()
            .ok_or("not noticed: a message is lost")?;
        Ok(())
    };
    let fits = SEEDS.into_iter().any(|seed| {
        let plan = Plan::new(seed);
        if !plan.shows_all() {
            return false;
        }
        let ended = schedule::run(&plan, Lines::default(), look);
        match template::block_on(ended) {
            Ok(_) => true,
            Err(wrong) if wrong.starts_with(NOTHING) => false,
            Err(wrong) => panic!("{wrong}"),
        }
    });
    assert!(fits, "no seed has everything");
}

fn truth(end: &End) -> Truth<'_> {
    schedule::truth(&end.world)
}

fn messages(room: &Room) -> Vec<RowKey> {
    let rows = room.rows.iter();
    rows.filter(|(key, row)| matches!((key, &row.body), (RowKey::Number(_), RowBody::Message(_))))
        .map(|(key, _)| *key)
        .collect()
}

/// A message on somebody's page, who is still in.
fn a_message(all: &mut [Observed]) -> Option<(&mut Room, RowKey)> {
    all.iter_mut().find_map(|browser| {
        let user = browser.user;
        browser.rooms.values_mut().find_map(|room| {
            let is_in = room.shown.members.iter().any(|member| member.user == user);
            let key = *messages(room).first()?;
            is_in.then_some((room, key))
        })
    })
}

/// A message of a log that somebody has and that they may not read.
fn unreadable(end: &End, all: &[Observed]) -> Option<(usize, ConversationId, u64)> {
    all.iter().enumerate().find_map(|(at, browser)| {
        browser.rooms.keys().find_map(|id| {
            let log = end.world.logs.get(id);
            let hidden = (0..log.size()).find(|number| {
                let entry = &log.entries[usize::try_from(*number).unwrap()];
                matches!(entry, Entry::Message(message) if !log.may_read(&browser.user, message.header.epoch))
            });
            Some((at, *id, hidden?))
        })
    })
}

fn still_has(
    all: &mut [Observed],
    user: UserId,
    what: (ConversationId, MessageId, Option<Failure>),
) -> Option<()> {
    let mut browsers = all.iter_mut().filter(|browser| browser.user == user);
    browsers.next()?.outbox.push(what);
    Some(())
}
