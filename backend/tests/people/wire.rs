//! Holds every frame against the protocol's schema as it passes (`shared/protocol.cddl`).
//!
//! With `SECURE_CHAT_FRAMES` naming a folder, each socket is written down there as well, as `secure-chat-schema` reads it.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use secure_chat_schema::Connection;

use crate::socket::{Listener, Passing};

thread_local! {
    /// What was heard on this test's thread, on which all of its clients live.
    static HEARD: RefCell<Heard> = RefCell::default();
}

#[derive(Default)]
struct Heard {
    frames: usize,
    outside: Vec<String>,
}

/// A listener for one socket. It only takes notes: a client's task that panics would leave others waiting.
pub fn listener() -> Listener {
    let mut connection = Connection::default();
    let mut file = std::env::var_os("SECURE_CHAT_FRAMES").map(|folder| create(folder.as_ref()));
    Box::new(move |passing| {
        let (sign, frame, result) = match passing {
            Passing::Sent(frame) => ('>', frame, connection.sent(frame)),
            Passing::Received(frame) => ('<', frame, connection.received(frame)),
        };
        HEARD.with_borrow_mut(|heard| {
            heard.frames += 1;
            heard
                .outside
                .extend(result.err().map(|outside| format!("{sign} {outside}")));
        });
        if let Some(file) = &mut file {
            let hex = frame.iter().fold(String::new(), |mut hex, byte| {
                write!(hex, "{byte:02x}").unwrap();
                hex
            });
            writeln!(file, "{sign} {hex}").unwrap();
        }
    })
}

/// Fails the test if anything that passed was outside the schema, or if nothing passed.
pub fn assert_all_inside() {
    let Heard { frames, outside } = HEARD.take();
    assert!(outside.is_empty(), "{outside:#?}");
    assert!(frames > 0, "no frame was heard");
}

fn create(folder: &Path) -> File {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let (process, number) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    File::create(folder.join(format!("{process}-{number}.frames"))).unwrap()
}
