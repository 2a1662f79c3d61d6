//! Secure Chat's database schema, one file a change.
