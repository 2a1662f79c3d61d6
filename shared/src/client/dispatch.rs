//! Which action is done where.

use super::Client;
use super::api::{Action, Answer, Failure};
use super::platform::Platform;
use super::trouble::Trouble;

impl<P: Platform> Client<P> {
    /// Does what a person asks for.
    pub(super) async fn act(&mut self, action: Action) -> Result<Answer, Trouble> {
        match action {
            Action::Hello => {
                self.show_everything();
                Ok(Answer::Nothing)
            }
            Action::Register {
                name,
                password,
                algorithm,
                code,
            } => self.register(&name, &password, algorithm, code).await,
            Action::SignIn { name, password } => self.sign_in(&name, &password).await,
            // Reconnecting is the engine's; that the command got here is enough.
            Action::ReconnectNow => Ok(Answer::Nothing),
            Action::Unlock { password } => self.unlock(&password).await,
            Action::Recover {
                name,
                code,
                password,
            } => self.recover(&name, &code, &password).await,
            Action::ServerInfo => self.server_info().await,
            Action::FactorOptions => self.factor_options().await,
            Action::FinishFactor { response } => self.finish_factor(response).await,
            Action::UnlockOptions => self.unlock_options().await,
            Action::UnlockByPasskey { response, prf } => {
                self.unlock_by_passkey(response, &prf).await
            }
            Action::SignOut if self.locked.is_some() => self.sign_out().await,
            action => {
                if self.account.is_none() {
                    return Err(Failure::NotSignedIn.into());
                }
                self.act_signed_in(action).await
            }
        }
    }

    async fn act_signed_in(&mut self, action: Action) -> Result<Answer, Trouble> {
        match action {
            Action::SignOut => self.sign_out().await,
            Action::RecoveryCodeSeen { saved } => self.recovery_code_seen(saved).await,
            Action::Sessions => self.sessions().await,
            Action::RevokeSession(id) => self.revoke_session(&id).await,
            Action::CreateConversation {
                people,
                title,
                managed,
            } => self.create_conversation(&people, &title, managed).await,
            Action::SetAdmin {
                conversation,
                user,
                admin,
            } => self.set_admin(conversation, user, admin).await,
            Action::ChangeKeys { password, change } => self.change_keys(&password, change).await,
            Action::FetchKeys { password } => self.fetch_keys(&password).await,
            Action::MakeLink => self.make_link().await,
            Action::FollowLink { fragment } => self.follow_link(&fragment).await,
            Action::Block { user, blocked } => self.block(user, blocked).await,
            Action::ShareHistory { conversation, user } => {
                self.share_history(conversation, user).await
            }
            Action::History(conversation) => self.history(conversation).await,
            Action::Accept(conversation) => self.accept(conversation).await,
            Action::Decline(conversation) => self.decline(conversation).await,
            Action::Leave(conversation) => self.leave(conversation).await,
            Action::Invite {
                conversation,
                people,
            } => self.invite(conversation, &people).await,
            Action::Remove { conversation, user } => self.remove(conversation, user).await,
            Action::Rename {
                conversation,
                title,
            } => self.rename(conversation, &title).await,
            Action::Send {
                conversation,
                id,
                text,
            } => self.send(conversation, id, text).await,
            Action::Retry { conversation, id } => self.retry(conversation, id).await,
            Action::Discard { conversation, id } => self.discard(conversation, id).await,
            Action::Open(conversation) => self.open(conversation).await,
            Action::Older {
                conversation,
                before,
            } => self.older(conversation, before).await,
            Action::MarkRead {
                conversation,
                number,
            } => self.mark_read(conversation, number).await,
            Action::Draft { conversation, text } => self.keep_draft(conversation, text).await,
            Action::MarkVerified { user, verified } => self.mark_verified(user, verified).await,
            Action::AcceptIdentity { user, compared } => self.accept_identity(user, compared).await,
            Action::SafetyNumber { user, changed } => self.safety_number(user, changed),
            Action::Lock => self.lock().await,
            Action::ChangePassword {
                old,
                new,
                keep_sessions,
            } => self.change_password(&old, &new, keep_sessions).await,
            Action::NewRecoveryCode { password } => self.new_recovery_code(&password).await,
            Action::CheckRecoveryCode { code } => self.check_recovery_code(&code).await,
            Action::RevokeOthers => self.revoke_others().await,
            Action::DeleteAccount { password } => self.delete_account(&password).await,
            Action::AcknowledgeFailed => self.acknowledge_failed().await,
            Action::NewPasskey { password } => self.new_passkey(&password).await,
            Action::AddPasskey {
                response,
                name,
                prf,
            } => self.add_passkey(response, name, prf).await,
            Action::Passkeys => self.passkeys().await,
            Action::RemovePasskey { password, id } => self.remove_passkey(&password, id).await,
            Action::Export {
                conversation,
                range,
            } => self.export(conversation, range).await,
            Action::Hello
            | Action::Register { .. }
            | Action::SignIn { .. }
            | Action::Unlock { .. }
            | Action::Recover { .. }
            | Action::ServerInfo
            | Action::FactorOptions
            | Action::FinishFactor { .. }
            | Action::UnlockOptions
            | Action::UnlockByPasskey { .. }
            | Action::ReconnectNow => Err(Failure::WrongState.into()),
        }
    }
}
