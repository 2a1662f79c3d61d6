//! The zip: files stored as they are, in the order of their names, without times of their own. One export has one form,
//! so that a byte altered anywhere in it shows.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use zip::{CompressionMethod, ZipArchive};

use super::stored::{self, File};

/// Most bytes of an export.
pub const MAX_BYTES: usize = 256 * 1024 * 1024;
/// Most files.
const MAX_FILES: usize = 65_000;

/// The folder that everything lies in once it is unpacked.
const FOLDER: &str = "conversation/";

/// An export's files, by path.
#[derive(Debug)]
pub struct Container {
    /// By path, without the folder around them.
    pub(super) files: BTreeMap<String, Vec<u8>>,
}

/// Why bytes are no export's zip.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContainerError {
    /// More than [`MAX_BYTES`], or than that many files.
    #[error("the file is too large for an export")]
    TooLarge,
    /// The zip cannot be read.
    #[error("the zip is damaged: {0}")]
    Zip(String),
    /// A file in it is compressed, encrypted, a folder or a link.
    #[error("{0} is not stored as an export stores its files")]
    Foreign(String),
}

impl From<zip::result::ZipError> for ContainerError {
    fn from(error: zip::result::ZipError) -> Self {
        Self::Zip(error.to_string())
    }
}

impl Container {
    /// Reads a zip. What it holds is not checked, nor what its parts say of themselves twice.
    pub fn read(bytes: &[u8]) -> Result<Self, ContainerError> {
        if bytes.len() > MAX_BYTES {
            return Err(ContainerError::TooLarge);
        }
        let mut archive = ZipArchive::new(Cursor::new(bytes))?;
        if archive.len() > MAX_FILES {
            return Err(ContainerError::TooLarge);
        }
        let mut files = BTreeMap::new();
        let mut left = bytes.len();
        for index in 0..archive.len() {
            let file = archive.by_index_raw(index)?;
            let name = file.name()?.into_owned();
            let stored = file.compression() == CompressionMethod::Stored
                && !file.encrypted()
                && file.is_file()
                && file.size() == file.compressed_size();
            let Some(path) = name.strip_prefix(FOLDER).filter(|_| stored) else {
                return Err(ContainerError::Foreign(name));
            };
            // Parts of a zip may overlap: together they are no larger than the zip.
            let size = usize::try_from(file.size()).map_err(|_| ContainerError::TooLarge)?;
            left = left.checked_sub(size).ok_or(ContainerError::TooLarge)?;
            let path = path.to_owned();
            let mut content = Vec::with_capacity(size);
            file.take(size as u64)
                .read_to_end(&mut content)
                .map_err(|error| ContainerError::Zip(error.to_string()))?;
            if files.insert(path, content).is_some() {
                return Err(ContainerError::Foreign(name));
            }
        }
        Ok(Self { files })
    }

    /// The files, by path, without the folder around them.
    pub fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let files = self.files.iter();
        files.map(|(path, content)| (path.as_str(), content.as_slice()))
    }

    /// Where `bytes`, which this was read from, are not the one form of what they hold.
    pub(super) fn first_difference(&self, bytes: &[u8]) -> Option<usize> {
        let Ok(right) = pack(&self.files) else {
            return Some(0);
        };
        if right == bytes {
            return None;
        }
        let differs = right.iter().zip(bytes).position(|(a, b)| a != b);
        Some(differs.unwrap_or_else(|| right.len().min(bytes.len())))
    }
}

/// The one form of some files.
pub(super) fn pack(files: &BTreeMap<String, Vec<u8>>) -> Result<Vec<u8>, ContainerError> {
    let size: usize = files.values().map(Vec::len).sum();
    if size > MAX_BYTES || files.len() > MAX_FILES {
        return Err(ContainerError::TooLarge);
    }
    let files = files.iter().map(|(path, content)| File {
        name: format!("{FOLDER}{path}"),
        mode: if path.ends_with(".sh") { 0o755 } else { 0o644 },
        content,
    });
    let bytes = stored::zip(files)?;
    if bytes.len() > MAX_BYTES {
        return Err(ContainerError::TooLarge);
    }
    Ok(bytes)
}

/// Which of some files a byte of their zip belongs to.
pub(super) fn place_of(files: &BTreeMap<String, Vec<u8>>, at: usize) -> String {
    let list = || "the zip's list of files".to_owned();
    let Ok(Ok(mut archive)) = pack(files).map(|bytes| ZipArchive::new(Cursor::new(bytes))) else {
        return list();
    };
    for (index, path) in files.keys().enumerate() {
        let Ok(file) = archive.by_index_raw(index) else {
            return list();
        };
        let ends = file.data_start().map(|start| start + file.size());
        if ends.is_some_and(|end| (at as u64) < end) {
            return format!("the zip around {path}");
        }
    }
    list()
}

#[cfg(test)]
mod tests {
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn some_files() -> BTreeMap<String, Vec<u8>> {
        [
            ("a.txt", &b"one"[..]),
            ("b/c.sig", &[0, 255, 7]),
            ("z.sh", b""),
        ]
        .map(|(path, content)| (path.to_owned(), content.to_vec()))
        .into()
    }

    #[test]
    fn what_was_packed_is_read() {
        let files = some_files();
        let bytes = pack(&files).unwrap();
        let read = Container::read(&bytes).unwrap();
        assert_eq!(read.files, files);
        assert_eq!(read.first_difference(&bytes), None);
    }

    #[test]
    fn no_byte_of_it_can_be_another() {
        let bytes = pack(&some_files()).unwrap();
        for at in 0..bytes.len() {
            for flip in [1, 0x20, 0x80] {
                let mut altered = bytes.clone();
                altered[at] ^= flip;
                let Ok(read) = Container::read(&altered) else {
                    continue;
                };
                let same = read.files == some_files();
                assert!(
                    !same || read.first_difference(&altered).is_some(),
                    "byte {at}"
                );
            }
        }
        for other in [&bytes[..bytes.len() - 1], &[&bytes[..], b"x"].concat()] {
            let read = Container::read(other);
            assert!(!read.is_ok_and(|read| read.first_difference(other).is_none()));
        }
    }

    #[test]
    fn other_zips_are_refused() {
        assert!(matches!(
            Container::read(b"no zip"),
            Err(ContainerError::Zip(_))
        ));
        assert_eq!(
            Container::read(&vec![0; MAX_BYTES + 1]).err(),
            Some(ContainerError::TooLarge)
        );
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        zip.start_file("../outside", stored).unwrap();
        let bytes = zip.finish().unwrap().into_inner();
        assert_eq!(
            Container::read(&bytes).err(),
            Some(ContainerError::Foreign("../outside".into()))
        );
    }
}
