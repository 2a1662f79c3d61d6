//! Secure Chat server.
fn main() {}
