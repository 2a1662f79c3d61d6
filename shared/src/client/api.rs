//! The typed pair between page and engine: [`Command`] in, [`Event`] out.
//!
//! Everything the page shows arrives as an event that replaces a piece of its state, so that a page which opens late
//! (a second tab, a reload) gets the same events again and is whole.

use minicbor::{Decode, Encode};

pub use crate::crypto::signing::Algorithm;
use crate::ids::{ConversationId, Epoch, MessageId, Timestamp, UserId};
pub use crate::protocol::PresenceStatus;

/// What a person asks for. Every command is answered by one [`Event::Done`] with its `ticket`.
#[derive(Debug, Clone, Encode, Decode)]
pub struct Command {
    /// Chosen by the page at random; names the answer. The same ticket again is the same command again.
    #[n(0)]
    pub ticket: u64,
    /// What.
    #[n(1)]
    pub action: Action,
}

/// A password on its way to OPAQUE. Debug shows nothing; wiped when dropped.
#[derive(Clone, Encode, Decode, zeroize::Zeroize, zeroize::ZeroizeOnDrop)]
#[cbor(transparent)]
pub struct Password(#[n(0)] pub String);

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password")
    }
}

/// What a person can ask for.
#[derive(Debug, Clone, Encode, Decode)]
pub enum Action {
    /// Makes an account and signs in. Progress comes as [`Event::Progress`], the code as [`Event::RecoveryCode`].
    #[n(0)]
    Register {
        /// As typed.
        #[n(0)]
        name: String,
        /// As typed.
        #[n(1)]
        password: Password,
        /// How messages are signed.
        #[n(2)]
        algorithm: Algorithm,
    },
    /// Signs in.
    #[n(1)]
    SignIn {
        /// As typed.
        #[n(0)]
        name: String,
        /// As typed.
        #[n(1)]
        password: Password,
    },
    /// Ends the session and wipes this browser's data.
    #[n(2)]
    SignOut,
    /// The recovery code was saved (`true`), and is forgotten here, or put off (`false`), and can be shown again.
    #[n(3)]
    RecoveryCodeSeen {
        /// Whether it was saved.
        #[n(0)]
        saved: bool,
    },
    /// Begins a conversation; the answer is [`Answer::Conversation`].
    #[n(4)]
    CreateConversation {
        /// Names as typed, without the person's own.
        #[n(0)]
        people: Vec<String>,
        /// Empty for none.
        #[n(1)]
        title: String,
    },
    /// Accepts an invitation.
    #[n(5)]
    Accept(#[n(0)] ConversationId),
    /// Declines an invitation.
    #[n(6)]
    Decline(#[n(0)] ConversationId),
    /// Leaves.
    #[n(7)]
    Leave(#[n(0)] ConversationId),
    /// Invites people by name.
    #[n(8)]
    Invite {
        /// Where.
        #[n(0)]
        conversation: ConversationId,
        /// Names as typed.
        #[n(1)]
        people: Vec<String>,
    },
    /// Removes somebody.
    #[n(9)]
    Remove {
        /// Where.
        #[n(0)]
        conversation: ConversationId,
        /// Whom.
        #[n(1)]
        user: UserId,
    },
    /// Sends a text. Answered as soon as it is safely in the outbox.
    #[n(10)]
    Send {
        /// Where.
        #[n(0)]
        conversation: ConversationId,
        /// Chosen by the page at random; sending the same id again changes nothing.
        #[n(1)]
        id: MessageId,
        /// What.
        #[n(2)]
        text: String,
    },
    /// Tries a failed message again.
    #[n(11)]
    Retry {
        /// Where.
        #[n(0)]
        conversation: ConversationId,
        /// Which.
        #[n(1)]
        id: MessageId,
    },
    /// Shows a conversation: its newest rows, members and history come as events.
    #[n(12)]
    Open(#[n(0)] ConversationId),
    /// Wants rows older than number `before`; they come as [`Event::Rows`].
    #[n(13)]
    Older {
        /// Where.
        #[n(0)]
        conversation: ConversationId,
        /// The oldest number that the page has.
        #[n(1)]
        before: u64,
    },
    /// Everything up to this number was seen by the person.
    #[n(14)]
    MarkRead {
        /// Where.
        #[n(0)]
        conversation: ConversationId,
        /// Highest number seen.
        #[n(1)]
        number: u64,
    },
    /// Marks somebody's present identity as verified (`true`) or takes it back.
    #[n(15)]
    MarkVerified {
        /// Whom.
        #[n(0)]
        user: UserId,
        /// Which way.
        #[n(1)]
        verified: bool,
    },
    /// Wants a person's safety number with oneself: [`Answer::SafetyNumber`].
    #[n(16)]
    SafetyNumber(#[n(0)] UserId),
    /// Keeps a draft, empty to forget it.
    #[n(17)]
    Draft {
        /// Where.
        #[n(0)]
        conversation: ConversationId,
        /// What is in the composer.
        #[n(1)]
        text: String,
    },
    /// A page opened or reloaded: sends it all events that make its state whole.
    #[n(18)]
    Hello,
    /// Connects at once instead of waiting for the next attempt.
    #[n(19)]
    ReconnectNow,
    /// Renames a conversation.
    #[n(20)]
    Rename {
        /// Where.
        #[n(0)]
        conversation: ConversationId,
        /// The new title, empty for none.
        #[n(1)]
        title: String,
    },
    /// Accepts somebody's changed identity, which had blocked sending.
    #[n(21)]
    AcceptIdentity(#[n(0)] UserId),
    /// Wants the list of sessions: [`Answer::Sessions`].
    #[n(22)]
    Sessions,
    /// Ends one of one's other sessions, by its id in hex.
    #[n(23)]
    RevokeSession(#[n(0)] String),
    /// Throws a failed message away.
    #[n(24)]
    Discard {
        /// Where.
        #[n(0)]
        conversation: ConversationId,
        /// Which.
        #[n(1)]
        id: MessageId,
    },
}

/// What the engine tells.
#[derive(Debug, Clone, Encode, Decode)]
// The large ones are the frequent ones, and each lives for a moment.
#[allow(clippy::large_enum_variant)]
pub enum Event {
    /// The command with this ticket is done.
    #[n(0)]
    Done {
        /// [`Command::ticket`].
        #[n(0)]
        ticket: u64,
        /// How it went.
        #[n(1)]
        result: Outcome,
    },
    /// Who is signed in.
    #[n(1)]
    Session(#[n(0)] Session),
    /// A step of registration or login is done.
    #[n(2)]
    Progress(#[n(0)] Step),
    /// The recovery code of the account just made: 8 groups of 4 characters, separated by `-`. Comes again until
    /// [`Action::RecoveryCodeSeen`].
    #[n(3)]
    RecoveryCode(#[n(0)] String),
    /// State of the connection.
    #[n(4)]
    Connection(#[n(0)] Connection),
    /// A conversation is new or changed.
    #[n(5)]
    Conversation(#[n(0)] Conversation),
    /// A conversation is not the person's any more (left, declined, removed): only its row goes.
    #[n(6)]
    ConversationGone(#[n(0)] ConversationId),
    /// Rows of a conversation: put in where missing, replaced where there (by [`Row::key`]).
    #[n(7)]
    Rows {
        /// Where.
        #[n(0)]
        conversation: ConversationId,
        /// In no particular order; [`Row::key`] orders.
        #[n(1)]
        rows: Vec<Row>,
        /// Whether older ones exist before the oldest number that was ever sent here; `None` where unchanged.
        #[n(2)]
        more: Option<bool>,
    },
    /// A row is gone (a pending one that got its number, or was discarded).
    #[n(8)]
    RowGone {
        /// Where.
        #[n(0)]
        conversation: ConversationId,
        /// Which.
        #[n(1)]
        id: MessageId,
    },
    /// Presence of somebody.
    #[n(9)]
    Presence {
        /// Who.
        #[n(0)]
        user: UserId,
        /// What is known.
        #[n(1)]
        status: PresenceStatus,
    },
    /// Something to tell in a passing note.
    #[n(10)]
    Notice(#[n(0)] Notice),
    /// A message by somebody else came in live, for a system notification while no page is looked at.
    #[n(11)]
    Arrived {
        /// Where.
        #[n(0)]
        conversation: ConversationId,
        /// Who wrote, for the title.
        #[n(1)]
        author: String,
        /// The text.
        #[n(2)]
        text: String,
    },
}

/// How a command went.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
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
}

/// Who is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Session {
    /// The engine is starting.
    #[n(0)]
    Starting,
    /// Nobody.
    #[n(1)]
    SignedOut {
        /// The server ended the session (revoked); said once.
        #[n(0)]
        ended: bool,
    },
    /// Somebody.
    #[n(2)]
    SignedIn(#[n(0)] Me),
    /// The engine cannot run here; the text names what is missing.
    #[n(3)]
    Unsupported(#[n(0)] String),
}

/// The signed-in person.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Me {
    /// Id.
    #[n(0)]
    pub user: UserId,
    /// Name.
    #[n(1)]
    pub name: String,
    /// How messages are signed.
    #[n(2)]
    pub algorithm: Algorithm,
    /// Fingerprint of the identity, hex.
    #[n(3)]
    pub fingerprint: String,
    /// Whether the recovery code still waits to be saved.
    #[n(4)]
    pub recovery_pending: bool,
}

/// Steps of the progress lists, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Step {
    /// The password's part is done.
    #[n(0)]
    Password,
    /// The encryption key is there.
    #[n(1)]
    EncryptionKey,
    /// The signing keys are there.
    #[n(2)]
    SigningKeys,
    /// Sealed and stored here.
    #[n(3)]
    Sealed,
    /// The server has it.
    #[n(4)]
    Registered,
}

/// State of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Connection {
    /// Connecting for the first time.
    #[n(0)]
    Connecting,
    /// Connected, fetching what was missed.
    #[n(1)]
    CatchingUp,
    /// Connected and caught up.
    #[n(2)]
    Online,
    /// Not connected; the next attempt in so many milliseconds.
    #[n(3)]
    Reconnecting {
        /// Milliseconds.
        #[n(0)]
        in_ms: u32,
    },
}

/// A conversation as the page shows it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Conversation {
    /// Id.
    #[n(0)]
    pub id: ConversationId,
    /// Title, empty where it has none (the page then names the others).
    #[n(1)]
    pub title: String,
    /// Everybody who may read it, oneself too.
    #[n(2)]
    pub members: Vec<Member>,
    /// One's own standing.
    #[n(3)]
    pub standing: Standing,
    /// The newest message, for the list.
    #[n(4)]
    pub last: Option<LastLine>,
    /// Messages by others after the read mark.
    #[n(5)]
    pub unread: u32,
    /// Everything up to this number was read.
    #[n(6)]
    pub read: u64,
    /// Whether the server makes the key (and so could read).
    #[n(7)]
    pub managed: bool,
    /// Number of the current key.
    #[n(8)]
    pub epoch: Epoch,
    /// When something last happened, for ordering.
    #[n(9)]
    pub active: Timestamp,
    /// Why nothing can be sent, if so.
    #[n(10)]
    pub blocked: Option<Blocked>,
    /// What is in the composer.
    #[n(11)]
    pub draft: String,
    /// First characters of the log's newest root, for comparing by voice: 4 groups of 4 hex digits.
    #[n(12)]
    pub head_code: String,
}

/// One's own standing in a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Standing {
    /// Invited by somebody, not yet answered.
    #[n(0)]
    Invited {
        /// Inviter's name.
        #[n(0)]
        by: String,
        /// When.
        #[n(1)]
        at: Timestamp,
    },
    /// A member.
    #[n(1)]
    Member,
    /// Left, declined or removed: readable as far as it went, nothing can be sent.
    #[n(2)]
    Former,
}

/// Why nothing can be sent in a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Blocked {
    /// Somebody's identity changed without the old one's signature.
    #[n(0)]
    IdentityChanged {
        /// Who.
        #[n(0)]
        user: UserId,
        /// Name.
        #[n(1)]
        name: String,
    },
    /// The log does not fit what was signed; the sentence says how.
    #[n(1)]
    LogBroken(#[n(0)] String),
}

/// Somebody who may read a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Member {
    /// Id.
    #[n(0)]
    pub user: UserId,
    /// Name.
    #[n(1)]
    pub name: String,
    /// Not yet accepted.
    #[n(2)]
    pub invited: bool,
    /// Admin.
    #[n(3)]
    pub admin: bool,
    /// Marked as verified.
    #[n(4)]
    pub verified: bool,
    /// Whether they invited, or one is an admin: an open invitation can be taken back, a member removed.
    #[n(5)]
    pub removable: bool,
}

/// The newest message, for the list.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct LastLine {
    /// Author's name; empty for one's own.
    #[n(0)]
    pub author: String,
    /// The text's beginning.
    #[n(1)]
    pub text: String,
    /// When the server took it, or when it was written if it is still to be sent.
    #[n(2)]
    pub time: Timestamp,
}

/// A row of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Row {
    /// Place: entries by number; what is still to be sent comes after all of them.
    #[n(0)]
    pub key: RowKey,
    /// When the server took it (a claim), or when it was written.
    #[n(1)]
    pub time: Timestamp,
    /// What it is.
    #[n(2)]
    pub body: RowBody,
}

/// Order of rows. Numbered ones first, then pending ones in the order they were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub enum RowKey {
    /// Entry number.
    #[n(0)]
    Number(#[n(0)] u64),
    /// Place in the outbox.
    #[n(1)]
    Pending(#[n(0)] u64),
}

/// What a row is.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum RowBody {
    /// A message.
    #[n(0)]
    Message(#[n(0)] Message),
    /// Something happened, as a sentence's parts.
    #[n(1)]
    Happened(#[n(0)] Happened),
    /// An entry that cannot be shown: why.
    #[n(2)]
    Invalid(#[n(0)] InvalidRow),
}

/// A message whose seal and signature were checked, or one's own on its way.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Message {
    /// Its id.
    #[n(0)]
    pub id: MessageId,
    /// Author.
    #[n(1)]
    pub author: UserId,
    /// Author's name.
    #[n(2)]
    pub author_name: String,
    /// Whether it is one's own.
    #[n(3)]
    pub own: bool,
    /// Text.
    #[n(4)]
    pub text: String,
    /// How far it got.
    #[n(5)]
    pub state: MessageState,
    /// How it was checked; `None` while pending.
    #[n(6)]
    pub proof: Option<Proof>,
}

/// How far a message got.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum MessageState {
    /// In the outbox.
    #[n(0)]
    Pending,
    /// On the server's disk.
    #[n(1)]
    Sent,
    /// Refused for good; why.
    #[n(2)]
    Failed(#[n(0)] Failure),
}

/// A message's proof.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Proof {
    /// Signed with.
    #[n(0)]
    pub algorithm: Algorithm,
    /// Identity fingerprint of the author, hex.
    #[n(1)]
    pub fingerprint: String,
    /// Under which key of the conversation.
    #[n(2)]
    pub epoch: Epoch,
    /// When its author says it was written.
    #[n(3)]
    pub claimed: Timestamp,
}

/// Something that happened in a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Happened {
    /// Who did it.
    #[n(0)]
    pub actor: String,
    /// Whether it was oneself.
    #[n(1)]
    pub own: bool,
    /// What.
    #[n(2)]
    pub what: Deed,
    /// Signed with.
    #[n(3)]
    pub algorithm: Algorithm,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Deed {
    /// Began the conversation.
    #[n(0)]
    Created,
    /// Invited these.
    #[n(1)]
    Invited(#[n(0)] Vec<String>),
    /// Took back these invitations.
    #[n(2)]
    Uninvited(#[n(0)] Vec<String>),
    /// Joined.
    #[n(3)]
    Accepted,
    /// Declined.
    #[n(4)]
    Declined,
    /// Left.
    #[n(5)]
    Left,
    /// Removed these.
    #[n(6)]
    Removed(#[n(0)] Vec<String>),
    /// Made this one an admin.
    #[n(7)]
    Promoted(#[n(0)] String),
    /// Made this one an ordinary member.
    #[n(8)]
    Demoted(#[n(0)] String),
    /// Named the conversation; empty takes the name away.
    #[n(9)]
    Renamed(#[n(0)] String),
    /// Has new keys, signed by the old ones.
    #[n(10)]
    Rotated,
    /// Declared the old keys compromised.
    #[n(11)]
    Compromised,
    /// Made a fresh key for the conversation.
    #[n(12)]
    Rekeyed(#[n(0)] Epoch),
    /// Shared earlier history with this one.
    #[n(13)]
    Shared(#[n(0)] String),
    /// Could not open the conversation's key.
    #[n(14)]
    Faulted,
    /// Handed the key again to this one.
    #[n(15)]
    Rewrapped(#[n(0)] String),
}

/// An entry that is not rendered.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct InvalidRow {
    /// Who the entry says wrote it.
    #[n(0)]
    pub author: String,
    /// Why it is not shown.
    #[n(1)]
    pub reason: Reason,
}

/// Why an entry is not rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Reason {
    /// The seal does not open.
    #[n(0)]
    Seal,
    /// The signature does not verify.
    #[n(1)]
    Signature,
    /// The content is not well-formed.
    #[n(2)]
    Malformed,
    /// The same message id came before with other content.
    #[n(3)]
    Conflict,
    /// The content was purged from the server.
    #[n(4)]
    Purged,
    /// Its view does not reach its epoch's announcement or lies beyond its own number.
    #[n(5)]
    View,
    /// The conversation's key could not be opened here.
    #[n(6)]
    NoKey,
}

/// A passing note.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Notice {
    /// These are offline and will be told when they are back.
    #[n(0)]
    OfflineWillBeTold(#[n(0)] Vec<String>),
    /// Somebody rotated their keys since they were verified.
    #[n(1)]
    RotatedSinceVerified(#[n(0)] String),
    /// This browser's data was missing or damaged and was built again.
    #[n(2)]
    StoreRebuilt,
    /// Something failed that nobody had asked for (catching up, sending what waited).
    #[n(3)]
    Trouble(#[n(0)] Failure),
}
