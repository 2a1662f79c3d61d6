//! Registration and login, both sides.

use crate::crypto::opaque::{
    ClientLogin, ClientRegistration, ExportKey, OpaqueError, ServerLogin, ServerSetup,
    register_finish,
};
use crate::ids::UserName;

fn alice() -> UserName {
    UserName::parse("alice").unwrap()
}

fn register(setup: &ServerSetup, password: &str) -> (Vec<u8>, ExportKey) {
    let (client, request) = ClientRegistration::start(password).unwrap();
    let response = setup.register_start(&alice(), &request).unwrap();
    let (upload, export) = client.finish(password, &response).unwrap();
    (register_finish(&upload).unwrap(), export)
}

fn login(
    setup: &ServerSetup,
    record: Option<&[u8]>,
    password: &str,
) -> Result<ExportKey, OpaqueError> {
    let (client, ke1) = ClientLogin::start(password)?;
    let (server, ke2) = setup.login_start(record, &alice(), &ke1)?;
    let server = ServerLogin::from_bytes(&server.to_bytes())?;
    let (ke3, export) = client.finish(password, &ke2)?;
    server.finish(&ke3)?;
    Ok(export)
}

#[test]
fn the_right_password_brings_the_same_export_key() {
    let setup = ServerSetup::make();
    let (record, export) = register(&setup, "correct horse");
    let setup = ServerSetup::from_bytes(&setup.to_bytes()).unwrap();
    assert_eq!(login(&setup, Some(&record), "correct horse"), Ok(export));
    let wrong = login(&setup, Some(&record), "correct hors");
    assert_eq!(wrong, Err(OpaqueError::WrongPassword));
    assert_eq!(
        login(&setup, None, "correct horse"),
        Err(OpaqueError::WrongPassword)
    );
    let other = ServerSetup::make();
    let wrong = login(&other, Some(&record), "correct horse");
    assert_eq!(wrong, Err(OpaqueError::WrongPassword));
}

#[test]
fn keyboards_agree() {
    let setup = ServerSetup::make();
    let (record, export) = register(&setup, "caf\u{e9} \u{a0}au lait");
    assert_eq!(
        login(&setup, Some(&record), "cafe\u{301}  au lait"),
        Ok(export)
    );
}

#[test]
fn an_unknown_user_is_answered_alike() {
    let setup = ServerSetup::make();
    let (record, _) = register(&setup, "correct horse");
    let (_, ke1) = ClientLogin::start("correct horse").unwrap();
    let (_, known) = setup.login_start(Some(&record), &alice(), &ke1).unwrap();
    let (_, unknown) = setup.login_start(None, &alice(), &ke1).unwrap();
    assert_eq!(known.len(), unknown.len());
    // The evaluated OPRF element is the same; the rest is fresh each time for both.
    assert_eq!(known[..32], unknown[..32]);
}

#[test]
fn a_wrong_ke3_is_refused() {
    let setup = ServerSetup::make();
    let (record, _) = register(&setup, "correct horse");
    let (_, ke1) = ClientLogin::start("correct horse").unwrap();
    let (server, _) = setup.login_start(Some(&record), &alice(), &ke1).unwrap();
    assert_eq!(server.finish(&[0; 64]), Err(OpaqueError::WrongPassword));
}

#[test]
fn other_bytes_are_malformed() {
    let setup = ServerSetup::make();
    for bytes in [&[][..], &[0; 5], &[0xff; 32], &[0xff; 200], &[0; 96]] {
        assert_eq!(
            setup.register_start(&alice(), bytes),
            Err(OpaqueError::Malformed)
        );
        assert_eq!(register_finish(bytes), Err(OpaqueError::Malformed));
        assert!(setup.login_start(None, &alice(), bytes).is_err());
        assert!(ServerSetup::from_bytes(bytes).is_err());
        let (client, _) = ClientLogin::start("a").unwrap();
        assert!(client.finish("a", bytes).is_err());
    }
}
