//! The frames of one socket.

use std::collections::HashMap;

use ciborium::Value;

use super::{Outside, check_value, read};

/// Largest frame, bytes (PROTOCOL.md, 3.4).
const MAX_FRAME: usize = 3 * 1024 * 1024;

/// One socket: which of its requests await their answer, since only they say what a reply holds.
#[derive(Debug, Default)]
pub struct Connection {
    /// Operations by the request's id.
    waiting: HashMap<u32, u16>,
}

impl Connection {
    /// A frame from client to server.
    pub fn sent(&mut self, frame: &[u8]) -> Result<(), Outside> {
        const RULE: &str = "ClientFrame";
        let value = read_frame(RULE, frame)?;
        check_value(RULE, &value)?;
        let Some([id, op, _]) = array(&value) else {
            return Err(Outside::new(RULE, "no array of three"));
        };
        let (Some(id), Some(op)) = (number(id), number(op)) else {
            return Err(Outside::new(RULE, "no numbers"));
        };
        if self.waiting.insert(id, op).is_some() {
            return Err(Outside::new(
                RULE,
                format!("id {id} awaits an answer already"),
            ));
        }
        Ok(())
    }

    /// A frame from server to client.
    pub fn received(&mut self, frame: &[u8]) -> Result<(), Outside> {
        const RULE: &str = "ServerFrame";
        let value = read_frame(RULE, frame)?;
        check_value(RULE, &value)?;
        // An event answers nothing.
        let Some([kind, fields]) = array(&value) else {
            return Err(Outside::new(RULE, "no array of two"));
        };
        let (Some(kind @ (0 | 1)), Some([id, content])) = (number::<u8>(kind), array(fields))
        else {
            return Ok(());
        };
        let asked = number(id).and_then(|id: u32| self.waiting.remove(&id));
        let op = asked.ok_or_else(|| Outside::new(RULE, "an answer to nothing that was asked"))?;
        if kind == 1 {
            return Ok(());
        }
        check_value("Reply", &Value::Array(vec![op.into(), content.clone()])).map_err(|outside| {
            Outside {
                reason: format!("{} (reply to operation {op})", outside.reason),
                ..outside
            }
        })
    }
}

fn read_frame(rule: &str, frame: &[u8]) -> Result<Value, Outside> {
    if frame.len() > MAX_FRAME {
        return Err(Outside::new(
            rule,
            format!("{} bytes, which is too large", frame.len()),
        ));
    }
    read(rule, frame)
}

fn array<const N: usize>(value: &Value) -> Option<&[Value; N]> {
    value
        .as_array()
        .and_then(|items| items.as_slice().try_into().ok())
}

fn number<T: TryFrom<i128>>(value: &Value) -> Option<T> {
    let number = value.as_integer().map(i128::from)?;
    number.try_into().ok()
}
