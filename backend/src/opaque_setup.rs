//! The OPAQUE server setup: a file beside the database, never in it.
//!
//! Whoever has the database alone can then not even begin to guess passwords. Losing the file ends every log-in by
//! password, so a database with accounts and without it is not served: it must be restored first.

use std::io;
use std::path::Path;

use secure_chat_shared::crypto::opaque::ServerSetup;

use crate::app::StartError;
use crate::private_file;

/// Its name in the data folder.
pub const FILE: &str = "opaque-server-setup";

/// Reads the setup, or makes it where there are no accounts yet.
pub fn load(data: &Path, has_users: bool) -> Result<ServerSetup, StartError> {
    let path = data.join(FILE);
    let failed = |error: io::Error| StartError::OpaqueSetup(format!("{}: {error}", path.display()));
    match private_file::read(data, FILE).map_err(failed)? {
        Some(bytes) => ServerSetup::from_bytes(&bytes).map_err(|_| {
            StartError::OpaqueSetup(format!(
                "{} is damaged: restore it from its backup",
                path.display()
            ))
        }),
        None if has_users => Err(StartError::OpaqueSetup(format!(
            "{} is missing, but the database has accounts, which nobody could sign in to: \
             restore it from its backup",
            path.display()
        ))),
        None => {
            let setup = ServerSetup::make();
            private_file::write(data, FILE, &setup.to_bytes()).map_err(failed)?;
            Ok(setup)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn it_is_made_once() {
        let data = tempfile::tempdir().unwrap();
        let made = load(data.path(), false).unwrap();
        let again = load(data.path(), true).unwrap();
        assert_eq!(**made.to_bytes(), **again.to_bytes());
    }

    #[test]
    fn accounts_without_it_are_not_served() {
        let data = tempfile::tempdir().unwrap();
        assert!(load(data.path(), true).is_err());
        fs::write(data.path().join(FILE), b"damaged").unwrap();
        assert!(load(data.path(), true).is_err());
    }
}
