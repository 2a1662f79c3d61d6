//! Fields of the files: bytes are in hexadecimal.

use serde_json::Value;

/// A file.
pub fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Bytes of hexadecimal digits.
pub fn hex(text: &str) -> Vec<u8> {
    assert!(text.is_ascii() && text.len().is_multiple_of(2), "{text}");
    let bytes = (0..text.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&text[i..i + 2], 16));
    bytes.collect::<Result<_, _>>().unwrap()
}

/// Lowercase hexadecimal digits.
pub fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A field that must be there.
pub fn field<'a>(value: &'a Value, name: &str) -> &'a Value {
    let found = value.get(name);
    found.unwrap_or_else(|| panic!("there is no {name} in {value}"))
}

/// A text.
pub fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    let found = field(value, name).as_str();
    found.unwrap_or_else(|| panic!("{name} is no text"))
}

/// A number; one that JSON's readers could round is a text.
pub fn number(value: &Value, name: &str) -> u64 {
    let found = field(value, name);
    let read = found
        .as_u64()
        .or_else(|| found.as_str()?.parse::<u64>().ok());
    read.unwrap_or_else(|| panic!("{name} is no number"))
}

/// A list.
pub fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    let found = field(value, name).as_array();
    found.unwrap_or_else(|| panic!("{name} is no list"))
}

/// Bytes.
pub fn bytes(value: &Value, name: &str) -> Vec<u8> {
    hex(text(value, name))
}

/// A list of byte strings.
pub fn byte_strings(value: &Value, name: &str) -> Vec<Vec<u8>> {
    let strings = list(value, name).iter();
    strings.map(|item| hex(item.as_str().unwrap())).collect()
}

/// Exactly so many bytes.
pub fn array<const N: usize>(value: &Value, name: &str) -> [u8; N] {
    let found = bytes(value, name).try_into();
    found.unwrap_or_else(|_| panic!("{name} has not {N} bytes"))
}

/// The first place where two values differ.
pub(super) fn difference(made: &Value, frozen: &Value) -> Option<String> {
    let at = |place: String, inner: String| Some(format!("{place}{inner}"));
    match (made, frozen) {
        (Value::Object(a), Value::Object(b)) => {
            let names = a.keys().chain(b.keys());
            for name in names {
                let (made, frozen) = (a.get(name), b.get(name));
                let (Some(made), Some(frozen)) = (made, frozen) else {
                    return at(format!(".{name}"), String::new());
                };
                if let Some(inner) = difference(made, frozen) {
                    return at(format!(".{name}"), inner);
                }
            }
            None
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let mut pairs = a.iter().zip(b).enumerate();
            pairs.find_map(|(i, (made, frozen))| {
                difference(made, frozen).map(|inner| format!("[{i}]{inner}"))
            })
        }
        _ => (made != frozen).then(String::new),
    }
}
