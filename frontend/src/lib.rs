//! Secure Chat's browser client, in two halves that share only [`bridge`]'s typed pair of messages:
//!
//! - `engine` runs in a web worker: WebSocket, IndexedDB, WebCrypto; it drives the client core of `shared`;
//! - `ui` runs on the page and shows what the engine tells.

pub mod bridge;
pub mod engine;
pub mod ui;
