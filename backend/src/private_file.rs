//! Secrets in files beside the database: readable by the server's user only; complete, or not there at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use zeroize::Zeroizing;

/// The file's bytes, where there is one.
pub fn read(data: &Path, name: &str) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    match fs::read(data.join(name)) {
        Ok(bytes) => Ok(Some(Zeroizing::new(bytes))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes the file and waits until it is on disk.
pub fn write(data: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let unfinished = data.join(format!("{name}.new"));
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, data.join(name))?;
    File::open(data)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_private_and_read_again() {
        let data = tempfile::tempdir().unwrap();
        assert_eq!(read(data.path(), "secret").unwrap(), None);
        for bytes in [&b"first"[..], b"second"] {
            write(data.path(), "secret", bytes).unwrap();
            assert_eq!(**read(data.path(), "secret").unwrap().unwrap(), *bytes);
        }
        assert_eq!(fs::read_dir(data.path()).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let file = fs::metadata(data.path().join("secret")).unwrap();
            assert_eq!(file.permissions().mode() & 0o777, 0o600);
        }
    }
}
