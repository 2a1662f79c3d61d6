//! What tests hold our bytes against, the same natively and in the browser: [Wycheproof's cases](wycheproof).

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests: what does not hold ends the test

pub mod wycheproof;

fn hex(text: &str) -> Vec<u8> {
    assert!(text.is_ascii() && text.len().is_multiple_of(2), "{text}");
    let bytes = (0..text.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&text[i..i + 2], 16));
    bytes.collect::<Result<_, _>>().unwrap()
}
