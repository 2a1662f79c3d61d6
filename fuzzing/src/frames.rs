//! Frames of either direction, requests and replies.

use secure_chat_shared::protocol::*;

use crate::round_trip;

/// The bytes as a frame from the client with its request, and as one from the server with every reply.
pub fn frames(data: &[u8]) {
    if let Some(frame) = round_trip::<ClientFrame>(data) {
        request(frame.op, &frame.body);
    }
    if let Some(ServerFrame::Reply { id, body }) = round_trip::<ServerFrame>(data) {
        // In a corpus, the id of a reply is its operation.
        if let Ok(op) = u16::try_from(id) {
            reply(op, &body);
        }
    }
}

/// As the server decodes it.
fn request(op: u16, body: &[u8]) {
    if let Some(Ok(request)) = AnyRequest::decode(op, body) {
        // What is logged of it.
        assert!(!request.name().is_empty());
    }
    dispatch(op, body, true);
}

/// As the client decodes it.
fn reply(op: u16, body: &[u8]) {
    dispatch(op, body, false);
}

fn both<R: Request>(body: &[u8], asked: bool) {
    if asked {
        round_trip::<R>(body);
    } else {
        round_trip::<R::Reply>(body);
    }
}

macro_rules! dispatch {
    ($($name:ident)*) => {
        fn dispatch(op: u16, body: &[u8], asked: bool) {
            match op {
                $($name::OP => both::<$name>(body, asked),)*
                _ => assert!(AnyRequest::decode(op, body).is_none(), "operation {op} is not fuzzed"),
            }
        }
    };
}

dispatch! {
    RegisterStart RegisterFinish LoginStart LoginFinish Resume SignOut ListSessions RevokeSession PutState GetState
    ConfirmStart ConfirmFinish PublishIdentity ReplaceStart ReplaceFinish RecoverStart RecoverFinish RevokeOthers
    DeleteAccount Lookup LookupUsers LookupNames GetServerInfo GetRecoverySeal AcknowledgeFailed CreateConversation
    Append ListConversations GetAnchor GetEntries GetWrap GetManagedKey Reupload GetPresence PasskeyStart
    PasskeyFinish ListPasskeys RemovePasskey FactorStart FactorFinish UnlockStart UnlockFinish
}
