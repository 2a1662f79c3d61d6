//! Passing notes.

use secure_chat_shared::client::api::{Failure, KeyChange, Notice};

/// A passing note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Names it while it is shown.
    pub id: u32,
    /// What it says.
    pub said: Said,
}

/// What a passing note says; its sentence is made where it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// The engine's notice.
    Notice(Notice),
    /// Something that was asked for failed, and no form is there to say so.
    Failure(Failure),
    /// The server ended this session.
    SessionEnded,
    /// Something is in the clipboard now.
    Copied,
    /// An invite link is in the clipboard now.
    LinkCopied,
    /// The clipboard refused.
    NotCopied,
    /// One's own password is new.
    PasswordChanged,
    /// One's own recovery code is new.
    RecoveryCodeReplaced,
    /// One's own keys are new.
    KeysChanged(KeyChange),
}

/// How a note looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Something to know.
    Plain,
    /// Something went wrong.
    Bad,
    /// Something that the person must not miss: stays until it is closed.
    Urgent,
}

impl Said {
    /// How it looks.
    pub fn tone(&self) -> Tone {
        match self {
            Self::Notice(
                Notice::OfflineWillBeTold(_) | Notice::VerifiedByLink(_) | Notice::GaveBack(_),
            )
            | Self::Copied
            | Self::LinkCopied
            | Self::PasswordChanged
            | Self::RecoveryCodeReplaced
            | Self::KeysChanged(_) => Tone::Plain,
            Self::Notice(Notice::SignedInElsewhere { .. } | Notice::PasswordChanged) => {
                Tone::Urgent
            }
            Self::Notice(_) | Self::Failure(_) | Self::SessionEnded | Self::NotCopied => Tone::Bad,
        }
    }
}
