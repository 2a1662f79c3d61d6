//! The screens.

pub mod chat;
pub mod conversation;
pub mod gate;
pub mod register;
pub mod settings;
pub mod sign_in;
