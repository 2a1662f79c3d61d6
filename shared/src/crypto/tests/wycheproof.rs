//! Project Wycheproof's cases; the browser's tests run the same.

use std::fmt::Display;
use std::io::Write;

use crate::vectors::wycheproof::{
    CheckDsa, aes_gcm, check_aes_gcm, check_rsa_oaep, check_rsa_pss, dsa, rsa_oaep, rsa_pss,
};

#[test]
fn signatures_by_dsa() {
    let cases = dsa();
    let mut ours = CheckDsa::default();
    cases.each(|case| ours.check(case));
    tell(&cases);
}

#[test]
fn signatures_by_rsa_pss() {
    let cases = rsa_pss();
    cases.each(check_rsa_pss);
    tell(&cases);
}

#[test]
fn ciphertexts_of_rsa_oaep() {
    let cases = rsa_oaep();
    cases.each(check_rsa_oaep);
    tell(&cases);
}

#[test]
fn ciphertexts_of_aes_gcm() {
    let cases = aes_gcm();
    cases.each(check_aes_gcm);
    tell(&cases);
}

/// Says it also where the test passes, when what is printed is kept back.
fn tell(cases: &dyn Display) {
    writeln!(std::io::stderr(), "{cases}").unwrap();
}
