//! Tests that hold this room against the outside: published vectors, OpenSSL, and its own frozen formats.

mod dsa;
mod dsa_params;
mod identity;
mod opaque;
mod openssl;
mod vectors;
mod wycheproof;

fn hex(text: &str) -> Vec<u8> {
    assert!(text.is_ascii() && text.len().is_multiple_of(2), "{text}");
    let bytes = (0..text.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&text[i..i + 2], 16));
    bytes.collect::<Result<_, _>>().unwrap()
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
