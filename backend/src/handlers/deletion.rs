//! Deleting one's account.

use secure_chat_shared::protocol::Done;

use super::{confirm, presence};
use crate::connection::Connection;
use crate::db::Failure;
use crate::db::queries::{deletion, sessions};
use crate::numbers::now;

/// Deletes the asker's account. The socket stays open, as if it had just connected.
pub async fn delete(c: &Connection) -> Result<Done, Failure> {
    let me = c.identified()?;
    let replaced = confirm::take(c)?;
    let (hub, socket) = (c.app.hub.clone(), c.outgoing.id());
    c.app
        .database
        .write(
            move |tx| {
                Box::pin(async move {
                    confirm::must_hold(tx, me, replaced).await?;
                    let db = tx.connection();
                    let ended = sessions::end_all(db, &me.user, None).await?;
                    deletion::delete(db, &me.user, now()).await?;
                    Ok(ended)
                })
            },
            move |ended| {
                for session in ended {
                    hub.end_session(&me.user, *session, Some(socket));
                }
            },
        )
        .await?;
    presence::leave(c);
    Ok(Done)
}
