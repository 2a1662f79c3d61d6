//! What the server does with each request: one file a topic, one exhaustive match over all of them.

mod auth;
mod checks;
mod confirm;
mod conversations;
mod deletion;
mod directory;
pub mod failed;
mod grow;
mod history;
mod identity;
mod passkeys;
pub mod presence;
mod register;
mod replace;
mod reupload;
mod sessions;
mod state;

use std::future::Future;

use bytes::Bytes;
use futures::TryFutureExt;
use futures::future::BoxFuture;
use secure_chat_shared::codec;
use secure_chat_shared::crypto::random;
use secure_chat_shared::protocol::{
    self as p, AnyRequest, ErrorCode, Request, RequestError, ServerFrame,
};

use crate::connection::Connection;
use crate::db::Failure;
use crate::hub;

/// Carries a request out. Returns the frame that answers it, unless that is in the socket's queue already.
pub async fn handle(connection: &Connection, id: u32, request: AnyRequest) -> Option<Bytes> {
    let operation = request.name();
    match dispatch(connection, id, request).await {
        Ok(Answer::Body(body)) => {
            tracing::trace!(operation, "answered");
            Some(hub::frame(&ServerFrame::Reply {
                id,
                body: body.into(),
            }))
        }
        Ok(Answer::Queued) => {
            tracing::trace!(operation, "answered");
            None
        }
        Err(failure) => {
            let error = refusal(operation, failure);
            Some(hub::frame(&ServerFrame::Refused { id, error }))
        }
    }
}

/// What a success came to.
enum Answer {
    /// The encoded reply.
    Body(Vec<u8>),
    /// The reply was queued the moment it was committed, so that it keeps its place among events.
    Queued,
}

async fn dispatch(c: &Connection, id: u32, request: AnyRequest) -> Result<Answer, Failure> {
    use AnyRequest as R;
    match request {
        R::RegisterStart(r) => reply::<p::RegisterStart>(register::start(c, r)).await,
        R::RegisterFinish(r) => reply::<p::RegisterFinish>(register::finish(c, r)).await,
        R::LoginStart(r) => reply::<p::LoginStart>(auth::login_start(c, r)).await,
        R::LoginFinish(r) => reply::<p::LoginFinish>(auth::login_finish(c, r)).await,
        R::Resume(r) => reply::<p::Resume>(auth::resume(c, r)).await,
        R::SignOut(_) => reply::<p::SignOut>(sessions::sign_out(c)).await,
        R::ListSessions(_) => reply::<p::ListSessions>(sessions::list(c)).await,
        R::RevokeSession(r) => reply::<p::RevokeSession>(sessions::revoke(c, r)).await,
        R::PutState(r) => reply::<p::PutState>(state::put(c, r)).await,
        R::GetState(_) => reply::<p::GetState>(state::get(c)).await,
        R::ConfirmStart(r) => reply::<p::ConfirmStart>(confirm::start(c, r)).await,
        R::ConfirmFinish(r) => reply::<p::ConfirmFinish>(confirm::finish(c, r)).await,
        R::PublishIdentity(r) => reply::<p::PublishIdentity>(identity::publish(c, r)).await,
        R::ReplaceStart(r) => reply::<p::ReplaceStart>(replace::start(c, r)).await,
        R::ReplaceFinish(r) => reply::<p::ReplaceFinish>(replace::finish(c, r)).await,
        R::RecoverStart(r) => reply::<p::RecoverStart>(replace::recover_start(c, r)).await,
        R::RecoverFinish(r) => reply::<p::RecoverFinish>(replace::recover_finish(c, r)).await,
        R::RevokeOthers(_) => reply::<p::RevokeOthers>(sessions::revoke_others(c)).await,
        R::DeleteAccount(_) => reply::<p::DeleteAccount>(deletion::delete(c)).await,
        R::GetServerInfo(_) => Ok(Answer::Body(codec::encode(&p::ServerInfo {
            registration: c.app.config.registration,
        }))),
        R::GetRecoverySeal(_) => reply::<p::GetRecoverySeal>(replace::recovery_seal(c)).await,
        R::AcknowledgeFailed(_) => reply::<p::AcknowledgeFailed>(failed::acknowledge(c)).await,
        R::Lookup(r) => reply::<p::Lookup>(directory::lookup(c, r)).await,
        R::LookupUsers(r) => reply::<p::LookupUsers>(directory::lookup_users(c, r)).await,
        R::LookupNames(r) => reply::<p::LookupNames>(directory::lookup_names(c, r)).await,
        R::CreateConversation(r) => queued(conversations::create(c, id, r)).await,
        R::Append(r) => queued(conversations::append(c, id, r)).await,
        R::ListConversations(_) => reply::<p::ListConversations>(history::list(c)).await,
        R::GetAnchor(r) => reply::<p::GetAnchor>(history::anchor(c, r)).await,
        R::GetEntries(r) => reply::<p::GetEntries>(history::entries(c, r)).await,
        R::GetWrap(r) => reply::<p::GetWrap>(history::wrap(c, r)).await,
        R::GetManagedKey(_) => reply::<p::GetManagedKey>(conversations::managed_key(c)).await,
        R::Reupload(r) => queued(reupload::reupload(c, id, r)).await,
        R::PasskeyStart(_) => reply::<p::PasskeyStart>(passkeys::start(c)).await,
        R::PasskeyFinish(r) => reply::<p::PasskeyFinish>(passkeys::finish(c, r)).await,
        R::ListPasskeys(_) => reply::<p::ListPasskeys>(passkeys::list(c)).await,
        R::RemovePasskey(r) => reply::<p::RemovePasskey>(passkeys::remove(c, r)).await,
        R::FactorStart(_) => reply::<p::FactorStart>(passkeys::factor_start(c)).await,
        R::FactorFinish(r) => reply::<p::FactorFinish>(passkeys::factor_finish(c, r)).await,
        R::UnlockStart(r) => reply::<p::UnlockStart>(passkeys::unlock_start(c, r)).await,
        R::UnlockFinish(r) => reply::<p::UnlockFinish>(passkeys::unlock_finish(c, r)).await,
        R::GetPresence(_) => reply::<p::GetPresence>(presence::list(c)).await,
    }
}

/// Encodes the reply that the request's type asks for. Each handler takes the memory that it needs, and not as much as the
/// largest of them: what many sockets have taken for their first request would be left full of holes.
fn reply<'a, R: Request>(
    handled: impl Future<Output = Result<R::Reply, Failure>> + Send + 'a,
) -> BoxFuture<'a, Result<Answer, Failure>> {
    Box::pin(handled.map_ok(|reply| Answer::Body(codec::encode(&reply))))
}

/// For handlers whose reply is queued by then.
fn queued<'a>(
    handled: impl Future<Output = Result<(), Failure>> + Send + 'a,
) -> BoxFuture<'a, Result<Answer, Failure>> {
    Box::pin(handled.map_ok(|()| Answer::Queued))
}

/// What the client is told. Internal failures are logged once, with an id that the user can quote.
fn refusal(operation: &'static str, failure: Failure) -> RequestError {
    match failure {
        Failure::Refused(error) => {
            tracing::debug!(operation, code = ?error.code, "refused");
            error
        }
        Failure::Database(_) | Failure::Server(_) => {
            let id = format!("{:016x}", u64::from_be_bytes(random::bytes()));
            let error = failure;
            tracing::error!(operation, %error, id, "a request failed");
            RequestError::new(ErrorCode::Internal, format!("the server failed: {id}"))
        }
    }
}
