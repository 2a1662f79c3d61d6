//! Deleting the account: every conversation is left by signed entry first.

use super::Client;
use super::api::{Answer, Password};
use super::intent::Intent;
use super::platform::{Platform, Socket};
use super::trouble::Trouble;
use crate::ids::ConversationId;
use crate::protocol::{DeleteAccount, ErrorCode};

impl<P: Platform> Client<P> {
    pub(super) async fn delete_account(&mut self, password: &Password) -> Result<Answer, Trouble> {
        self.must_be_online()?;
        self.confirm(password).await?;
        let me = self.me()?.user;
        let rooms: Vec<(ConversationId, bool)> = self
            .rooms
            .iter()
            .filter_map(|(id, room)| Some((*id, room.me(&me)?.is_accepted())))
            .collect();
        for (id, accepted) in rooms {
            let intent = if accepted {
                Intent::Leave
            } else {
                Intent::Decline
            };
            match self.author(id, intent).await {
                Ok(_) => {}
                // One that is stopped, say: an account that is to go must not hang on it.
                Err(trouble) if is_of_this_one_alone(&trouble) => {}
                Err(trouble) => return Err(trouble),
            }
        }
        self.platform.socket().request(&DeleteAccount).await?;
        self.end_session(false).await?;
        Ok(Answer::Nothing)
    }
}

/// Whether the next conversation can be left all the same.
fn is_of_this_one_alone(trouble: &Trouble) -> bool {
    match trouble {
        Trouble::Tell(_) | Trouble::BadReply(_) => true,
        Trouble::Refused(error) => error.code != ErrorCode::SessionEnded,
        Trouble::Offline | Trouble::Keys(_) | Trouble::Store(_) => false,
    }
}
