//! Holds what travels against `shared/protocol.cddl`.
//!
//! [`check`] takes one structure by the name of its rule, [`Connection`] the frames of one socket in their order, since
//! what a reply holds depends on what was asked. [`traffic`] reads sockets that somebody has written down.
//!
//! What the library leaves open is closed here: nothing may follow the item, its encoding must be the deterministic one,
//! and a frame must not be too large. Of a byte string that holds an item, the library looks at the item alone.

mod blame;
mod connection;
pub mod traffic;

use std::sync::LazyLock;

use cddl_cat::cbor::validate_cbor;
use cddl_cat::context::BasicContext;
use cddl_cat::flatten::flatten_from_str;
use cddl_cat::ivt::{Node, RuleDef};
use ciborium::Value;

pub use connection::Connection;

/// The schema as text.
pub const TEXT: &str = include_str!("../../shared/protocol.cddl");

/// Something that travelled is outside the schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("outside {rule} of protocol.cddl at {}: {reason}", if path.is_empty() { "the top" } else { path })]
pub struct Outside {
    /// The innermost rule that does not fit.
    pub rule: String,
    /// The way there: names of fields, places in lists, keys of maps, `<cbor>` where a byte string is entered.
    pub path: String,
    /// What is wrong there.
    pub reason: String,
}

impl Outside {
    fn new(rule: &str, reason: impl Into<String>) -> Self {
        Self {
            rule: rule.into(),
            path: String::new(),
            reason: reason.into(),
        }
    }
}

/// Whether `bytes` are exactly one item that fits the rule of this name.
pub fn check(rule: &str, bytes: &[u8]) -> Result<(), Outside> {
    check_value(rule, &read(rule, bytes)?)
}

/// The rules, read once.
static RULES: LazyLock<Result<BasicContext, String>> = LazyLock::new(|| {
    flatten_from_str(TEXT)
        .map(BasicContext::new)
        .map_err(|error| error.to_string())
});

fn rules() -> Result<&'static BasicContext, Outside> {
    RULES
        .as_ref()
        .map_err(|error| Outside::new("the schema", error))
}

fn check_value(rule: &str, value: &Value) -> Result<(), Outside> {
    let rules = rules()?;
    let definition = rules
        .rules
        .get(rule)
        .ok_or_else(|| Outside::new(rule, "there is no such rule"))?;
    validate_cbor(definition, value, rules).map_err(|error| {
        blame::find(rules, rule, &definition.node, value)
            .unwrap_or_else(|| Outside::new(rule, error.to_string()))
    })
}

fn fits(rules: &BasicContext, node: &Node, value: &Value) -> bool {
    let definition = RuleDef {
        generic_parms: Vec::new(),
        node: node.clone(),
    };
    validate_cbor(&definition, value, rules).is_ok()
}

/// One item in its deterministic encoding, and nothing after it.
fn read(rule: &str, bytes: &[u8]) -> Result<Value, Outside> {
    let mut rest = bytes;
    let value: Value = ciborium::from_reader(&mut rest)
        .map_err(|error| Outside::new(rule, format!("no CBOR item: {error}")))?;
    if !rest.is_empty() {
        return Err(Outside::new(rule, "bytes after the end"));
    }
    let mut again = Vec::with_capacity(bytes.len());
    ciborium::into_writer(&value, &mut again)
        .map_err(|error| Outside::new(rule, format!("no CBOR item: {error}")))?;
    if again != bytes {
        return Err(Outside::new(rule, "not the deterministic encoding"));
    }
    Ok(value)
}

#[cfg(test)]
mod tests;
