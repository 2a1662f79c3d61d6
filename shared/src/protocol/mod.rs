//! What travels: frames, requests with their typed replies, events, errors; version.
//!
//! One WebSocket at `/ws`, subprotocol [`SUBPROTOCOL`], every frame one binary CBOR item. A client sends
//! [`ClientFrame`]s, the server [`ServerFrame`]s. Bodies travel as byte strings inside the envelope, so that an
//! unknown operation is told apart from a malformed one.

mod account;
mod conversation;
mod error;
mod event;
mod frame;
mod limits;
mod passkey;

pub use account::*;
pub use conversation::*;
pub use error::{ErrorCode, RequestError};
pub use event::Event;
pub use frame::{ClientFrame, ServerFrame, close_code};
pub use limits::*;
pub use passkey::*;

use crate::codec::{self, Malformed};

/// WebSocket subprotocol; the number is the protocol's major version.
pub const SUBPROTOCOL: &str = "secure-chat.v1";

/// A request, with its number on the wire and the type of its reply.
pub trait Request: minicbor::Encode<()> + for<'b> minicbor::Decode<'b, ()> {
    /// Number of the operation in [`ClientFrame`].
    const OP: u16;
    /// What a success carries.
    type Reply: minicbor::Encode<()> + for<'b> minicbor::Decode<'b, ()>;
}

/// Declares which operations exist: the number, the request and its reply, once for both sides.
macro_rules! requests {
    ($($op:literal $name:ident => $reply:ty,)*) => {
        $(impl Request for $name {
            const OP: u16 = $op;
            type Reply = $reply;
        })*

        /// Every operation: number, name, and how its request and reply are read and written again.
        #[cfg(feature = "vectors")]
        pub(crate) const OPERATIONS: &[(u16, &str, ReadAndWrite)] =
            &[$(($op, stringify!($name), read_and_write::<$name>),)*];

        /// Any request, as the server decodes it; one exhaustive match handles them.
        #[derive(Debug)]
        pub enum AnyRequest {
            $(
                #[doc = concat!("Operation ", $op, ".")]
                $name($name),
            )*
        }

        impl AnyRequest {
            /// Decodes the body of operation `op`; `None` where no such operation exists.
            pub fn decode(op: u16, body: &[u8]) -> Option<Result<Self, Malformed>> {
                match op {
                    $($op => Some(codec::decode(body).map(Self::$name)),)*
                    _ => None,
                }
            }

            /// Name of the operation, for logs and metrics.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => stringify!($name),)*
                }
            }
        }
    };
}

requests! {
    1 RegisterStart => RegisterStarted,
    2 RegisterFinish => SignedIn,
    3 LoginStart => LoginStarted,
    4 LoginFinish => LoggedIn,
    5 Resume => Resumed,
    6 SignOut => Done,
    7 ListSessions => Sessions,
    8 RevokeSession => Done,
    9 PutState => StateGeneration,
    10 GetState => SealedState,
    11 ConfirmStart => LoginStarted,
    12 ConfirmFinish => Confirmed,
    13 PublishIdentity => Done,
    14 ReplaceStart => ReplaceStarted,
    15 ReplaceFinish => StateGeneration,
    16 RecoverStart => RecoverStarted,
    17 RecoverFinish => SignedIn,
    18 RevokeOthers => Done,
    19 DeleteAccount => Done,
    20 Lookup => Found,
    21 LookupUsers => FoundMany,
    22 LookupNames => FoundMany,
    23 GetServerInfo => ServerInfo,
    24 GetRecoverySeal => RecoverySeal,
    25 AcknowledgeFailed => Done,
    30 CreateConversation => Appended,
    31 Append => Appended,
    32 ListConversations => Conversations,
    33 GetAnchor => Anchor,
    34 GetEntries => Entries,
    35 GetWrap => WrapFor,
    36 GetManagedKey => ManagedKey,
    37 Reupload => Reuploaded,
    40 GetPresence => PresenceList,
    50 PasskeyStart => PasskeyOptions,
    51 PasskeyFinish => Done,
    52 ListPasskeys => Passkeys,
    53 RemovePasskey => Done,
    54 FactorStart => PasskeyOptions,
    55 FactorFinish => LoggedIn,
    56 UnlockStart => PasskeyOptions,
    57 UnlockFinish => Unlocked,
}

#[cfg(feature = "vectors")]
type ReadAndWrite = fn(&[u8], &[u8]) -> Result<[Vec<u8>; 2], Malformed>;

#[cfg(feature = "vectors")]
fn read_and_write<R: Request>(request: &[u8], reply: &[u8]) -> Result<[Vec<u8>; 2], Malformed> {
    let request: R = codec::decode(request)?;
    let reply: R::Reply = codec::decode(reply)?;
    Ok([codec::encode(&request), codec::encode(&reply)])
}
