//! Secure Chat browser client.
