//! Signed-in browsers: listing and ending them.

use secure_chat_shared::ids::{SessionId, UserId};
use secure_chat_shared::protocol::{Done, ErrorCode, RequestError, RevokeSession, Sessions};

use super::{failed, presence};
use crate::connection::Connection;
use crate::db::Failure;
use crate::db::queries::sessions;
use crate::hub::SocketId;

/// The asker's sessions.
pub async fn list(c: &Connection) -> Result<Sessions, Failure> {
    let me = c.identified()?;
    let sessions = sessions::list(c.app.database.read(), &me.user, me.session).await?;
    Ok(Sessions { sessions })
}

/// Ends the asking session. The socket stays open, as if it had just connected.
pub async fn sign_out(c: &Connection) -> Result<Done, Failure> {
    let me = c.identified()?;
    failed::note_given_up(c).await?;
    // Revoked meanwhile is signed out all the same.
    end(c, me.user, me.session, Some(c.outgoing.id())).await?;
    presence::leave(c);
    Ok(Done)
}

/// Ends one of the asker's sessions.
pub async fn revoke(c: &Connection, request: RevokeSession) -> Result<Done, Failure> {
    let me = c.identified()?;
    if end(c, me.user, request.session, None).await? {
        Ok(Done)
    } else {
        Err(RequestError::new(ErrorCode::NotFound, "no such session").into())
    }
}

/// Ends all of the asker's sessions but the asking one.
pub async fn revoke_others(c: &Connection) -> Result<Done, Failure> {
    let me = c.identified()?;
    let hub = c.app.hub.clone();
    c.app
        .database
        .write(
            move |tx| {
                Box::pin(async move {
                    Ok(sessions::end_all(tx.connection(), &me.user, Some(me.session)).await?)
                })
            },
            move |ended| {
                for session in ended {
                    hub.end_session(&me.user, *session, None);
                }
            },
        )
        .await?;
    Ok(Done)
}

async fn end(
    c: &Connection,
    user: UserId,
    session: SessionId,
    except: Option<SocketId>,
) -> Result<bool, Failure> {
    let hub = c.app.hub.clone();
    c.app
        .database
        .write(
            move |tx| {
                Box::pin(async move { Ok(sessions::end(tx.connection(), &user, session).await?) })
            },
            move |ended| {
                if *ended {
                    hub.end_session(&user, session, except);
                }
            },
        )
        .await
}
