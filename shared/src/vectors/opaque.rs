//! A registration and a login, with the randomness of both sides written down.

use serde_json::{Value, json};

use super::fixed::{Stream, nothing_altered};
use super::json::{bytes, field, text, to_hex};
use crate::crypto::opaque::{
    ClientLogin, ClientRegistration, OpaqueError, ServerLogin, ServerSetup, register_finish,
};
use crate::crypto::vault;
use crate::ids::UserName;

/// With what keyboards write in more than one way.
const PASSWORD: &str = "correct horse caf\u{e9}";

pub(super) fn make() -> Value {
    let name = UserName::parse("alice").unwrap();
    let mut randomness = Stream::new("secure-chat vectors: OPAQUE");
    let fill = &mut |buffer: &mut [u8]| randomness.fill(buffer);

    let setup = ServerSetup::make_with(fill);
    let (client, request) = ClientRegistration::start_with(fill, PASSWORD).unwrap();
    let client_state = client.to_bytes();
    let response = setup.register_start(&name, &request).unwrap();
    let (record, registered) = client.finish_with(fill, PASSWORD, &response).unwrap();
    let stored = register_finish(&record).unwrap();
    let registration = json!({
        "request": to_hex(&request),
        "blind": to_hex(&client_state[..32]),
        "client_state": to_hex(&client_state),
        "response": to_hex(&response),
        "record": to_hex(&record),
    });

    let (client, ke1) = ClientLogin::start_with(fill, PASSWORD).unwrap();
    let client_state = client.to_bytes();
    let (server, ke2) = setup
        .login_start_with(fill, Some(&stored), &name, &ke1)
        .unwrap();
    let (ke3, export_key) = client.finish(PASSWORD, &ke2).unwrap();
    assert_eq!(export_key, registered);
    json!({
        "password": PASSWORD,
        "credential_identifier": name.as_str(),
        "context": "secure-chat/v1",
        "stretch": { "algorithm": "Argon2id", "version": 19, "memory_kib": 65_536, "passes": 3, "lanes": 1, "output": 64 },
        "oprf_seed": to_hex(&setup.to_bytes()[..64]),
        "server_private_key": to_hex(&setup.to_bytes()[64..96]),
        "server_setup": to_hex(&setup.to_bytes()),
        "registration": registration,
        "login": {
            "ke1": to_hex(&ke1),
            "blind": to_hex(&client_state[..32]),
            "client_ephemeral_key": to_hex(&client_state[128..160]),
            "client_state": to_hex(&client_state),
            "ke2": to_hex(&ke2),
            "session_key": to_hex(&server.to_bytes()[..64]),
            "server_state": to_hex(&server.to_bytes()),
            "ke3": to_hex(&ke3),
        },
        "export_key": to_hex(export_key.expose()),
        "password_kek": to_hex(vault::kek_from_export(&export_key).expose()),
    })
}

/// From what each side remembered, each step comes out as it did, but those for which fresh randomness is drawn.
pub(super) fn read(file: &Value) {
    let setup = bytes(file, "server_setup");
    let parts = [bytes(file, "oprf_seed"), bytes(file, "server_private_key")];
    assert!(setup.starts_with(&parts.concat()));
    let setup = ServerSetup::from_bytes(&setup).unwrap();
    let name = UserName::parse(text(file, "credential_identifier")).unwrap();
    let export_key = bytes(file, "export_key");
    // The same password on a keyboard that writes accents apart, and another space.
    let typed = text(file, "password").replace('\u{e9}', "e\u{301}");
    let typed = typed.replacen(' ', "\u{a0}", 1);
    assert_ne!(typed, text(file, "password"));

    let registration = field(file, "registration");
    let response = bytes(registration, "response");
    let answered = setup.register_start(&name, &bytes(registration, "request"));
    assert_eq!(answered.as_ref(), Ok(&response));
    let record = bytes(registration, "record");
    let client = ClientRegistration::from_bytes(&bytes(registration, "client_state")).unwrap();
    // A nonce is drawn for the envelope, so that the record is another and opens another export key.
    let (upload, export_made) = client.finish(&typed, &response).unwrap();
    assert_eq!(upload.len(), record.len());
    assert_ne!(export_made.expose()[..], export_key);

    let login = field(file, "login");
    let (ke2, ke3) = (bytes(login, "ke2"), bytes(login, "ke3"));
    let blind = [
        bytes(login, "blind"),
        bytes(login, "ke1"),
        bytes(login, "client_ephemeral_key"),
    ];
    assert!(bytes(login, "client_state").starts_with(&blind.concat()));
    assert!(bytes(login, "server_state").ends_with(&ke3));
    let client = || ClientLogin::from_bytes(&bytes(login, "client_state")).unwrap();
    let (proof, export) = client().finish(&typed, &ke2).unwrap();
    assert_eq!(proof, ke3);
    assert_eq!(export.expose()[..], export_key);
    let kek = vault::kek_from_export(&export);
    assert_eq!(kek.expose()[..], bytes(file, "password_kek"));
    nothing_altered(&ke3, |ke3| {
        let server = ServerLogin::from_bytes(&bytes(login, "server_state")).unwrap();
        server.finish(ke3).is_ok()
    });
    let wrong = client().finish("another password", &ke2);
    assert_eq!(wrong.err(), Some(OpaqueError::WrongPassword));

    // And logins of their own against both records.
    for (record, expected) in [
        (&record, &export_key),
        (&upload, &export_made.expose().to_vec()),
    ] {
        let stored = register_finish(record).unwrap();
        let (client, ke1) = ClientLogin::start(&typed).unwrap();
        let (server, ke2) = setup.login_start(Some(&stored), &name, &ke1).unwrap();
        let (ke3, export) = client.finish(&typed, &ke2).unwrap();
        assert_eq!(export.expose()[..], expected[..]);
        assert_eq!(server.finish(&ke3), Ok(()));
    }
}
