//! How a command went.

use minicbor::{Decode, Encode};

use super::Row;
#[cfg(doc)]
use super::{Action, RowBody};
use crate::codec::Bytes;
use crate::ids::{ConversationId, Timestamp, UserId};
use crate::protocol::{PasskeyInfo, Place, Registration};

/// How a command went.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Outcome {
    /// Well.
    #[n(0)]
    Ok(#[n(0)] Answer),
    /// Badly: what to say.
    #[n(1)]
    Failed(#[n(0)] Failure),
}

/// What a command that went well brings back.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Answer {
    /// Nothing.
    #[n(0)]
    Nothing,
    /// The conversation made.
    #[n(1)]
    Conversation(#[n(0)] ConversationId),
    /// 12 groups of 5 digits, separated by single spaces.
    #[n(2)]
    SafetyNumber(#[n(0)] String),
    /// Signed-in browsers.
    #[n(3)]
    Sessions(#[n(0)] Vec<SessionRow>),
    /// The part of an invite link after `#invite=`.
    #[n(4)]
    Link(#[n(0)] String),
    /// Whose link it is; a conversation with them can be begun.
    #[n(5)]
    LinkOwner {
        /// Who.
        #[n(0)]
        user: UserId,
        /// Name.
        #[n(1)]
        name: String,
    },
    /// What happened in a conversation, oldest first; all are [`RowBody::Happened`].
    #[n(6)]
    History(#[n(0)] Vec<Row>),
    /// Whether it is the recovery code.
    #[n(7)]
    Checked(#[n(0)] bool),
    /// Whom the server takes.
    #[n(8)]
    Registration(#[n(0)] Registration),
    /// JSON for `PublicKeyCredential.parseCreationOptionsFromJSON` or `parseRequestOptionsFromJSON`.
    #[n(9)]
    PasskeyOptions(#[n(0)] String),
    /// The account's passkeys, oldest first.
    #[n(10)]
    Passkeys(#[n(0)] Vec<PasskeyInfo>),
    /// A conversation as a file.
    #[n(11)]
    Exported {
        /// The zip.
        #[n(0)]
        file: Bytes,
        /// How many messages are in it.
        #[n(1)]
        messages: u64,
        /// How many are listed without content, because they cannot be shown here.
        #[n(2)]
        marked: u64,
    },
}

/// One signed-in browser.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SessionRow {
    /// Id in hex.
    #[n(0)]
    pub id: String,
    /// "Firefox on Linux".
    #[n(1)]
    pub browser: String,
    /// When it signed in.
    #[n(2)]
    pub created: Timestamp,
    /// When it was last connected.
    #[n(3)]
    pub last_seen: Timestamp,
    /// Whether it is this one.
    #[n(4)]
    pub this: bool,
    /// Where it was last connected from.
    #[n(5)]
    pub place: Place,
}

/// Why a command failed: the page has one sentence for each (what happened, what to do).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Failure {
    /// No connection now.
    #[n(0)]
    Offline,
    /// Name or password wrong.
    #[n(1)]
    WrongCredentials,
    /// Name taken or too like another one.
    #[n(2)]
    NameTaken,
    /// Name not allowed; the sentence of the rule.
    #[n(3)]
    NameRefused(#[n(0)] String),
    /// The password is too weak to be safe against whoever takes the server.
    #[n(4)]
    WeakPassword,
    /// No registrations here.
    #[n(5)]
    RegistrationClosed,
    /// Wait this many milliseconds.
    #[n(6)]
    TooMany(#[n(0)] u64),
    /// Nobody has this name.
    #[n(7)]
    NoSuchPerson(#[n(0)] String),
    /// The person is in the conversation already.
    #[n(8)]
    AlreadyMember(#[n(0)] String),
    /// Inviting oneself, or nobody.
    #[n(9)]
    NobodyToInvite,
    /// Somebody's identity is not the one that was pinned; nothing goes out until the person decides.
    #[n(10)]
    IdentityChanged(#[n(0)] UserId, #[n(1)] String),
    /// Not allowed (any more): not a member, not an admin.
    #[n(11)]
    NotAllowed,
    /// The log of this conversation does not fit what was signed: it is stopped.
    #[n(12)]
    LogBroken,
    /// Too long or too many.
    #[n(13)]
    TooLarge,
    /// Not signed in.
    #[n(14)]
    NotSignedIn,
    /// The browser's storage refused.
    #[n(15)]
    Storage(#[n(0)] String),
    /// The server failed or answered nonsense; the text holds its id.
    #[n(16)]
    Server(#[n(0)] String),
    /// This browser failed; the text says how.
    #[n(17)]
    Internal(#[n(0)] String),
    /// Signed in as somebody else already, or in another state in which this makes no sense.
    #[n(18)]
    WrongState,
    /// The invite link is not whole, or not what its owner's identity says.
    #[n(19)]
    BadLink,
    /// The password given to confirm something is wrong.
    #[n(20)]
    WrongPassword,
    /// Another browser has made newer keys: the password brings them here.
    #[n(21)]
    Outdated,
    /// The conversation's key is not at hand; it has been asked for again.
    #[n(22)]
    KeyMissing,
    /// The server takes only whoever has an invitation to it.
    #[n(23)]
    CodeNeeded,
    /// The invitation to the server is wrong, or used up.
    #[n(24)]
    CodeWrong,
    /// The server's operator has disabled the account.
    #[n(25)]
    AccountDisabled,
    /// The name is unknown, or the recovery code is not its account's.
    #[n(26)]
    WrongRecoveryCode,
    /// The password was right; a passkey is needed too ([`Action::FactorOptions`]).
    #[n(27)]
    SecondFactor,
    /// The passkey was not accepted.
    #[n(28)]
    PasskeyRefused,
    /// There is no passkey for this.
    #[n(29)]
    NoPasskey,
}
