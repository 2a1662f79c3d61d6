//! What a client does, sans-I/O, over the traits of [`platform`]; talks to the page in the terms of [`api`].

pub mod api;
pub mod password;
pub mod platform;
