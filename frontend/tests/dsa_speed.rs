//! What one DSA verification takes in the browser, by our code and by the `dsa` crate: `cargo xtask bench browser`.

#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use dsa::pkcs8::DecodePublicKey;
use dsa::signature::Verifier;
use dsa::{Signature, VerifyingKey};
use secure_chat_shared::client::native::test_keys;
use secure_chat_shared::crypto::dsa::verify;
use wasm_bindgen_test::{console_log, wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

/// In turn, so that what else the machine does meets both.
const TIMES: usize = 15;

#[wasm_bindgen_test]
#[ignore = "a benchmark"]
fn one_verification() {
    let key = test_keys::set(0).unwrap().dsa_signing;
    let spki = key.spki();
    let theirs = VerifyingKey::from_public_key_der(&spki).unwrap();
    let (mut by_us, mut by_them) = (Vec::new(), Vec::new());
    for n in 0..TIMES {
        let message = [u8::try_from(n).unwrap(); 1024];
        let bytes = key.sign(&message).unwrap();
        let signature = Signature::try_from(&bytes[..]).unwrap();
        by_us.push(time(|| assert!(verify(&spki, &message, &bytes))));
        by_them.push(time(|| theirs.verify(&message, &signature).unwrap()));
    }
    console_log!(
        "DSA verification, ms: {},{}",
        median(by_us),
        median(by_them)
    );
}

/// Milliseconds.
fn time(run: impl FnOnce()) -> f64 {
    let performance = js_sys::Reflect::get(&js_sys::global(), &"performance".into()).unwrap();
    let performance: web_sys::Performance = performance.into();
    let begun = performance.now();
    run();
    performance.now() - begun
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
