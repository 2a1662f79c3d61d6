//! What the screens are made of.

pub mod account_menu;
pub mod avatar;
pub mod composer;
pub mod connection;
pub mod conversation_list;
pub mod dialog;
pub mod field;
pub mod icon;
pub mod invitations;
pub mod link;
pub mod linkify;
pub mod members;
pub mod message;
pub mod message_list;
pub mod new_conversation;
pub mod notes;
pub mod people_input;
pub mod presence;
pub mod qr;
pub mod recovery_code;
pub mod safety;
pub mod switcher;
