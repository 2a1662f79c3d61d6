//! Who is there: told to everybody who shares a conversation.

use std::sync::Arc;

use secure_chat_shared::ids::{Timestamp, UserId};
use secure_chat_shared::protocol::{Presence, PresenceList, PresenceStatus};

use crate::app::App;
use crate::connection::{Connection, Phase};
use crate::db::Failure;
use crate::db::queries::presence::{self, Seen};
use crate::db::queries::{sessions, users};
use crate::numbers::now;

/// Everybody with whom the asker shares a conversation.
pub async fn list(c: &Connection) -> Result<PresenceList, Failure> {
    let me = c.identified()?;
    let peers = presence::peers(c.app.database.read(), &me.user).await?;
    let people = peers.into_iter().map(|seen| of(&c.app, &seen)).collect();
    Ok(PresenceList { people })
}

/// What is known of somebody.
pub fn of(app: &App, seen: &Seen) -> Presence {
    let status = if app.hub.is_online(&seen.user) {
        PresenceStatus::Online
    } else {
        PresenceStatus::Offline(seen.last_seen)
    };
    Presence {
        user: seen.user,
        status,
    }
}

/// A user's first socket has signed in: their peers hear of it.
pub fn arrive(c: &Connection, user: UserId) {
    let app = Arc::clone(&c.app);
    c.app.tasks.spawn(async move {
        match presence::peers(app.database.read(), &user).await {
            Ok(peers) => app.hub.announce(user, PresenceStatus::Online, &ids(peers)),
            Err(error) => tracing::error!(%error, "an arrival was not announced"),
        }
    });
}

/// The socket has gone or signed out. If it was the user's last, their peers hear of it.
pub fn leave(c: &Connection) {
    let previous = std::mem::replace(&mut *c.phase(), Phase::Fresh);
    let Phase::SignedIn(me, _) = previous else {
        return;
    };
    let last = c.app.hub.detach(me.user, c.outgoing.id());
    let app = Arc::clone(&c.app);
    c.app.tasks.spawn(async move {
        let at = now();
        if let Err(error) = note_leaving(&app, me.user, me.session, last, at).await {
            tracing::error!(%error, "a departure was not noted");
        }
    });
}

async fn note_leaving(
    app: &App,
    user: UserId,
    session: secure_chat_shared::ids::SessionId,
    last: bool,
    at: Timestamp,
) -> Result<(), Failure> {
    app.database
        .write(
            move |tx| {
                Box::pin(async move {
                    sessions::set_last_seen(tx.connection(), session, at).await?;
                    if last {
                        users::set_last_seen(tx.connection(), &user, at).await?;
                    }
                    Ok(())
                })
            },
            |()| {},
        )
        .await?;
    if last {
        let peers = presence::peers(app.database.read(), &user).await?;
        app.hub
            .announce(user, PresenceStatus::Offline(Some(at)), &ids(peers));
    }
    Ok(())
}

fn ids(seen: Vec<Seen>) -> Vec<UserId> {
    seen.into_iter().map(|seen| seen.user).collect()
}
