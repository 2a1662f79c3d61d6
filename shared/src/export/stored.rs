//! Writes a zip of files that are stored as they are (PKWARE's APPNOTE 6.3, sections 4.3.7, 4.3.12 and 4.3.16).
//!
//! The `zip` crate reads it, and a test holds its writer against this one: in a browser, that one's tables alone
//! would weigh 16 kB.

use crc::{CRC_32_ISO_HDLC, Crc, Table};

use super::container::ContainerError;

/// "1.0": nothing that a later version of the format brought.
const VERSION: u16 = 10;
/// The upper byte of a version that has written a file: modes are Unix's.
const UNIX: u16 = 3 << 8;
/// Names are UTF-8.
const UTF8: u16 = 1 << 11;
/// 1980-01-01, the first day there is.
const NO_DATE: u16 = 1 << 5 | 1;
/// `S_IFREG`.
const REGULAR: u32 = 0o100_000;

/// With the smallest table.
static CRC: Crc<u32, Table<1>> = Crc::<u32, Table<1>>::new(&CRC_32_ISO_HDLC);

/// One file.
pub(super) struct File<'a> {
    /// With `/` between its parts.
    pub(super) name: String,
    /// Of Unix.
    pub(super) mode: u32,
    /// What is in it.
    pub(super) content: &'a [u8],
}

/// The zip of some files, in their order.
pub(super) fn zip<'a>(files: impl Iterator<Item = File<'a>>) -> Result<Vec<u8>, ContainerError> {
    let (mut out, mut list) = (Vec::new(), Vec::new());
    let mut count = 0_u16;
    for file in files {
        let begins = u32_of(out.len())?;
        let described = describe(&file)?;
        out.extend(b"PK\x03\x04");
        out.extend(&described);
        out.extend(file.name.as_bytes());
        out.extend(file.content);

        list.extend(b"PK\x01\x02");
        list.extend((UNIX | VERSION).to_le_bytes());
        list.extend(&described);
        // No comment, the first disk, no attributes of its content.
        list.extend([0; 6]);
        list.extend(((REGULAR | file.mode) << 16).to_le_bytes());
        list.extend(begins.to_le_bytes());
        list.extend(file.name.as_bytes());
        count = count.checked_add(1).ok_or(ContainerError::TooLarge)?;
    }
    let begins = u32_of(out.len())?;
    out.extend(&list);
    // One disk, with all of the list on it.
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend([count.to_le_bytes(), count.to_le_bytes()].as_flattened());
    out.extend(u32_of(list.len())?.to_le_bytes());
    out.extend(begins.to_le_bytes());
    // No comment.
    out.extend([0; 2]);
    Ok(out)
}

/// What stands before a file and in the list.
fn describe(file: &File<'_>) -> Result<Vec<u8>, ContainerError> {
    let length = u32_of(file.content.len())?;
    let name = u16::try_from(file.name.len()).map_err(|_| ContainerError::TooLarge)?;
    let flags = if file.name.is_ascii() { 0 } else { UTF8 };
    let mut out = Vec::with_capacity(26);
    // Stored, at no time of day.
    for field in [VERSION, flags, 0, 0, NO_DATE] {
        out.extend(field.to_le_bytes());
    }
    for field in [CRC.checksum(file.content), length, length] {
        out.extend(field.to_le_bytes());
    }
    // No extra field.
    for field in [name, 0] {
        out.extend(field.to_le_bytes());
    }
    Ok(out)
}

fn u32_of(length: usize) -> Result<u32, ContainerError> {
    u32::try_from(length).map_err(|_| ContainerError::TooLarge)
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use zip::write::SimpleFileOptions;
    use zip::{CompressionMethod, DateTime, ZipWriter};

    use super::*;

    #[test]
    fn the_zip_crate_writes_the_same() {
        let long = vec![7; 70_000];
        let files: [(&str, u32, &[u8]); 4] = [
            ("folder/a.txt", 0o644, b"one"),
            ("folder/deeper/run.sh", 0o755, b""),
            ("folder/é.bin", 0o644, &[0, 255, 7]),
            ("z", 0o600, &long),
        ];
        let mut theirs = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, mode, content) in files {
            let options = SimpleFileOptions::default()
                .compression_method(CompressionMethod::Stored)
                .last_modified_time(DateTime::DEFAULT)
                .unix_permissions(mode);
            theirs.start_file(name, options).unwrap();
            theirs.write_all(content).unwrap();
        }
        let ours = files.into_iter().map(|(name, mode, content)| File {
            name: name.to_owned(),
            mode,
            content,
        });
        let ours = zip(ours).unwrap();
        assert!(ours == theirs.finish().unwrap().into_inner());
    }
}
