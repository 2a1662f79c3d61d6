//! The OPAQUE server setup: a file beside the database, never in it.
//!
//! Whoever has the database alone can then not even begin to guess passwords. Losing the file ends every log-in by
//! password, so a database with accounts and without it is not served: it must be restored first.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use secure_chat_shared::crypto::opaque::ServerSetup;
use zeroize::Zeroizing;

use crate::app::StartError;

/// Its name in the data folder.
pub const FILE: &str = "opaque-server-setup";

/// Reads the setup, or makes it where there are no accounts yet.
pub fn load(data: &Path, has_users: bool) -> Result<ServerSetup, StartError> {
    let path = data.join(FILE);
    let failed = |error: io::Error| StartError::OpaqueSetup(format!("{}: {error}", path.display()));
    match fs::read(&path).map(Zeroizing::new) {
        Ok(bytes) => ServerSetup::from_bytes(&bytes).map_err(|_| {
            StartError::OpaqueSetup(format!(
                "{} is damaged: restore it from its backup",
                path.display()
            ))
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound && has_users => {
            Err(StartError::OpaqueSetup(format!(
                "{} is missing, but the database has accounts, which nobody could sign in to: \
                 restore it from its backup",
                path.display()
            )))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let setup = ServerSetup::make();
            store(data, &setup.to_bytes()).map_err(failed)?;
            Ok(setup)
        }
        Err(error) => Err(failed(error)),
    }
}

/// Readable by the server's user only; complete, or not there at all.
fn store(data: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = data.join(format!("{FILE}.new"));
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, data.join(FILE))?;
    File::open(data)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_once_and_kept_private() {
        let data = tempfile::tempdir().unwrap();
        let made = load(data.path(), false).unwrap();
        let again = load(data.path(), true).unwrap();
        assert_eq!(**made.to_bytes(), **again.to_bytes());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(data.path().join(FILE))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn accounts_without_it_are_not_served() {
        let data = tempfile::tempdir().unwrap();
        assert!(load(data.path(), true).is_err());
        fs::write(data.path().join(FILE), b"damaged").unwrap();
        assert!(load(data.path(), true).is_err());
    }
}
