//! The screens.

pub mod chat;
pub mod conversation;
pub mod gate;
pub mod recover;
pub mod register;
pub mod settings;
pub mod sign_in;
pub mod unlock;
