//! What a person can ask for.

use minicbor::{Decode, Encode};

use super::Algorithm;
#[cfg(doc)]
use super::{Answer, Event, Me, Session};
use crate::codec::Bytes;
use crate::ids::{ConversationId, MessageId, Timestamp, UserId};

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

/// A recovery code as somebody typed it. Debug shows nothing; wiped when dropped.
#[derive(Clone, Encode, Decode, zeroize::Zeroize, zeroize::ZeroizeOnDrop)]
#[cbor(transparent)]
pub struct TypedCode(#[n(0)] pub String);

impl std::fmt::Debug for TypedCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TypedCode")
    }
}

/// What a person can ask for.
#[derive(Debug, Clone, Encode, Decode)]
#[cbor(flat)]
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
        /// An invitation to this server, where it asks for one ([`Action::ServerInfo`]).
        #[n(3)]
        code: Option<String>,
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
        /// Whether the server makes the keys (and so could read).
        #[n(2)]
        managed: bool,
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
    SafetyNumber {
        /// With whom.
        #[n(0)]
        user: UserId,
        /// Of the changed identity that waits for a decision, not of the one that was known.
        #[n(1)]
        changed: bool,
    },
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
    AcceptIdentity {
        /// Whose.
        #[n(0)]
        user: UserId,
        /// Its safety number was compared: it is verified too.
        #[n(1)]
        compared: bool,
    },
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
    /// Makes a member an admin (`true`) or an ordinary member.
    #[n(25)]
    SetAdmin {
        /// Where.
        #[n(0)]
        conversation: ConversationId,
        /// Whom.
        #[n(1)]
        user: UserId,
        /// Which way.
        #[n(2)]
        admin: bool,
    },
    /// Lets somebody read what was said before their invitation.
    #[n(26)]
    ShareHistory {
        /// Where.
        #[n(0)]
        conversation: ConversationId,
        /// With whom.
        #[n(1)]
        user: UserId,
    },
    /// Puts a new version of one's own identity into force, in every conversation.
    #[n(27)]
    ChangeKeys {
        /// Proves who asks, and opens the vault.
        #[n(0)]
        password: Password,
        /// What changes.
        #[n(1)]
        change: KeyChange,
    },
    /// Brings newer keys here, which another browser has made ([`Me::outdated`]).
    #[n(28)]
    FetchKeys {
        /// Opens the vault.
        #[n(0)]
        password: Password,
    },
    /// Makes an invite link: [`Answer::Link`].
    #[n(29)]
    MakeLink,
    /// Follows an invite link, whose owner is then verified: [`Answer::LinkOwner`].
    #[n(30)]
    FollowLink {
        /// What follows `#` in the link, without a leading `invite=`.
        #[n(0)]
        fragment: String,
    },
    /// Blocks somebody (`true`) or takes it back: no invitations from them, no notices of their messages.
    #[n(31)]
    Block {
        /// Whom.
        #[n(0)]
        user: UserId,
        /// Which way.
        #[n(1)]
        blocked: bool,
    },
    /// Wants everything that happened in a conversation, oldest first: [`Answer::History`].
    #[n(32)]
    History(#[n(0)] ConversationId),
    /// Takes the keys out of memory and off this device, which keeps its sealed records: [`Session::Locked`].
    #[n(33)]
    Lock,
    /// Brings the keys back to a locked device. Progress comes as [`Event::Progress`].
    #[n(34)]
    Unlock {
        /// Of the person whose data it is.
        #[n(0)]
        password: Password,
    },
    /// Replaces the password, and with it the recovery code: the new one comes as [`Event::RecoveryCode`].
    #[n(35)]
    ChangePassword {
        /// Proves who asks.
        #[n(0)]
        old: Password,
        /// From now on.
        #[n(1)]
        new: Password,
        /// Whether the other browsers stay signed in; they ask for the new password.
        #[n(2)]
        keep_sessions: bool,
    },
    /// Replaces the recovery code: the new one comes as [`Event::RecoveryCode`]. The other browsers ask for the
    /// password.
    #[n(36)]
    NewRecoveryCode {
        /// Proves who asks; stays.
        #[n(0)]
        password: Password,
    },
    /// Asks whether a code is the account's recovery code: [`Answer::Checked`].
    #[n(37)]
    CheckRecoveryCode {
        /// As typed.
        #[n(0)]
        code: TypedCode,
    },
    /// Replaces a lost password and signs in; the other browsers' sessions end. Progress comes as
    /// [`Event::Progress`], a new code as [`Event::RecoveryCode`]. A locked device keeps its data if the name is its
    /// person's.
    #[n(38)]
    Recover {
        /// As typed.
        #[n(0)]
        name: String,
        /// As typed.
        #[n(1)]
        code: TypedCode,
        /// The new one.
        #[n(2)]
        password: Password,
    },
    /// Ends every other session.
    #[n(39)]
    RevokeOthers,
    /// Leaves every conversation, deletes the account and wipes this browser's data.
    #[n(40)]
    DeleteAccount {
        /// Proves who asks.
        #[n(0)]
        password: Password,
    },
    /// Wants to know whom the server takes: [`Answer::Registration`].
    #[n(41)]
    ServerInfo,
    /// The person has seen how often a wrong password was tried ([`Me::failed_sign_ins`]).
    #[n(42)]
    AcknowledgeFailed,
    /// Begins to make a passkey: [`Answer::PasskeyOptions`], for `navigator.credentials.create`.
    #[n(43)]
    NewPasskey {
        /// Proves who asks.
        #[n(0)]
        password: Password,
    },
    /// Keeps the passkey that the browser has made. From then on, new browsers need one beside the password.
    #[n(44)]
    AddPasskey {
        /// `RegistrationResponseJSON`.
        #[n(0)]
        response: String,
        /// What its owner calls it.
        #[n(1)]
        name: String,
        /// With it, the passkey unlocks too.
        #[n(2)]
        prf: Option<PrfOutput>,
    },
    /// Wants the list of passkeys: [`Answer::Passkeys`].
    #[n(45)]
    Passkeys,
    /// Forgets a passkey.
    #[n(46)]
    RemovePasskey {
        /// Proves who asks.
        #[n(0)]
        password: Password,
        /// [`super::PasskeyInfo::id`].
        #[n(1)]
        id: Bytes,
    },
    /// After [`super::Failure::SecondFactor`]: [`Answer::PasskeyOptions`], for `navigator.credentials.get`.
    #[n(47)]
    FactorOptions,
    /// Ends that sign-in with what the passkey has answered.
    #[n(48)]
    FinishFactor {
        /// `AuthenticationResponseJSON`.
        #[n(0)]
        response: String,
    },
    /// On a locked device: [`Answer::PasskeyOptions`], for `navigator.credentials.get`.
    #[n(49)]
    UnlockOptions,
    /// Brings the keys back to a locked device without the password.
    #[n(50)]
    UnlockByPasskey {
        /// `AuthenticationResponseJSON`.
        #[n(0)]
        response: String,
        /// Opens the vault.
        #[n(1)]
        prf: PrfOutput,
    },
    /// Makes a file of a conversation that proves itself: [`Answer::Exported`]. How far it is comes as
    /// [`Event::Exporting`].
    #[n(51)]
    Export {
        /// Which.
        #[n(0)]
        conversation: ConversationId,
        /// Which of its messages.
        #[n(1)]
        range: ExportRange,
    },
}

/// Messages by the time at which the server took them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode)]
pub struct ExportRange {
    /// From then on; `None` for the first.
    #[n(0)]
    pub from: Option<Timestamp>,
    /// Before then; `None` up to the newest.
    #[n(1)]
    pub to: Option<Timestamp>,
}

impl ExportRange {
    /// Whether a time is in it.
    pub fn holds(&self, time: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= time) && self.to.is_none_or(|to| time < to)
    }
}

/// What a passkey's PRF gave, 32 bytes. Debug shows nothing; wiped when dropped.
#[derive(Clone, Encode, Decode, zeroize::Zeroize, zeroize::ZeroizeOnDrop)]
#[cbor(transparent)]
pub struct PrfOutput(
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub Vec<u8>,
);

impl std::fmt::Debug for PrfOutput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PrfOutput")
    }
}

/// What a new version of one's identity changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum KeyChange {
    /// How messages are signed from now on; the keys stay.
    #[n(0)]
    Algorithm(#[n(0)] Algorithm),
    /// Fresh keys, signed by the old ones: contacts follow by themselves.
    #[n(1)]
    Rotate,
    /// Fresh keys, and the statement that the old ones are in other hands: leaves every conversation, and contacts
    /// have to accept the new ones.
    #[n(2)]
    Compromised,
}
