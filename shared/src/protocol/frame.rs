//! Envelopes.

use minicbor::{Decode, Encode};

use super::{Event, RequestError};
use crate::codec::Bytes;

/// What a client sends: `[id, op, body]`.
#[derive(Debug, Clone, Encode, Decode)]
pub struct ClientFrame {
    /// Chosen by the client, unique on its socket among the requests not yet answered; the reply repeats it.
    #[n(0)]
    pub id: u32,
    /// [`super::Request::OP`].
    #[n(1)]
    pub op: u16,
    /// The request, encoded.
    #[n(2)]
    pub body: Bytes,
}

/// What the server sends.
#[derive(Debug, Clone, Encode, Decode)]
pub enum ServerFrame {
    /// The request succeeded; the body is its encoded reply.
    #[n(0)]
    Reply {
        /// The request's id.
        #[n(0)]
        id: u32,
        /// The typed reply, encoded.
        #[n(1)]
        body: Bytes,
    },
    /// The request was refused; nothing changed.
    #[n(1)]
    Refused {
        /// The request's id.
        #[n(0)]
        id: u32,
        /// Why.
        #[n(1)]
        error: RequestError,
    },
    /// Something happened.
    #[n(2)]
    Event(#[n(0)] Event),
}

/// WebSocket close codes (RFC 6455, section 7.4.1; 4000 to 4999 are ours).
pub mod close_code {
    /// The server is going away; connect again.
    pub const GOING_AWAY: u16 = 1001;
    /// A frame was not a well-formed [`super::ClientFrame`], or was text.
    pub const MALFORMED: u16 = 1007;
    /// The frame is larger than allowed.
    pub const TOO_LARGE: u16 = 1009;
    /// Too many frames in too short a time.
    pub const RATE: u16 = 4008;
    /// The client did not read fast enough; connect again and catch up.
    pub const SLOW: u16 = 4009;
    /// The session has ended (signed out, revoked); do not resume.
    pub const SESSION_ENDED: u16 = 4001;
    /// Nothing was heard for too long.
    pub const IDLE: u16 = 4010;
}
