//! The account's sessions: which browsers are signed in, and what the server tells of attempts.

use super::Client;
use super::api::{Answer, Failure, SessionRow};
use super::platform::{Platform, Socket};
use super::trouble::Trouble;
use crate::ids::SessionId;
use crate::protocol::{
    AcknowledgeFailed, FailedSignIns, GetServerInfo, ListSessions, RevokeOthers, RevokeSession,
};

impl<P: Platform> Client<P> {
    pub(super) async fn sessions(&mut self) -> Result<Answer, Trouble> {
        self.must_be_resumed()?;
        let sessions = self
            .platform
            .socket()
            .request(&ListSessions)
            .await?
            .sessions;
        let rows = sessions.into_iter().map(|session| SessionRow {
            id: session.id.to_string(),
            browser: session.browser,
            created: session.created,
            last_seen: session.last_seen,
            this: session.this,
            place: session.place,
        });
        Ok(Answer::Sessions(rows.collect()))
    }

    pub(super) async fn revoke_session(&mut self, id: &str) -> Result<Answer, Trouble> {
        self.must_be_resumed()?;
        let session = SessionId::from_hex(id).ok_or(Failure::WrongState)?;
        self.platform
            .socket()
            .request(&RevokeSession { session })
            .await?;
        Ok(Answer::Nothing)
    }

    pub(super) async fn revoke_others(&mut self) -> Result<Answer, Trouble> {
        self.must_be_resumed()?;
        self.platform.socket().request(&RevokeOthers).await?;
        Ok(Answer::Nothing)
    }

    pub(super) async fn acknowledge_failed(&mut self) -> Result<Answer, Trouble> {
        self.must_be_resumed()?;
        self.platform.socket().request(&AcknowledgeFailed).await?;
        self.note_failed(None);
        Ok(Answer::Nothing)
    }

    /// The server tells of wrong passwords.
    pub(super) fn note_failed(&mut self, failed: Option<FailedSignIns>) {
        if std::mem::replace(&mut self.failed, failed) != failed {
            self.set_session_from_account();
        }
    }

    pub(super) async fn server_info(&mut self) -> Result<Answer, Trouble> {
        if !self.connected {
            return Err(Trouble::Offline);
        }
        let info = self.platform.socket().request(&GetServerInfo).await?;
        Ok(Answer::Registration(info.registration))
    }
}
