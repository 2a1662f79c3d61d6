//! Sockets that somebody has written down: one file each, ending in `.frames`, one line a frame in its order, `> HEX` from client to
//! server and `< HEX` from server to client.

use std::fmt;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use super::{Connection, Outside};

/// What a file of this ending is.
pub const ENDING: &str = "frames";

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    /// Files.
    pub sockets: usize,
    /// Lines.
    pub frames: usize,
    /// Where something was outside the schema, and why.
    pub outside: Vec<(PathBuf, usize, Outside)>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (path, line, outside) in &self.outside {
            writeln!(f, "{}:{line}: {outside}", path.display())?;
        }
        let (frames, sockets, outside) = (self.frames, self.sockets, self.outside.len());
        write!(
            f,
            "{frames} frames of {sockets} sockets, {outside} outside the schema"
        )
    }
}

impl Report {
    /// Takes a file, or every file of that ending in a folder and those below it.
    pub fn add(&mut self, path: &Path) -> io::Result<()> {
        if !path.is_dir() {
            return self.add_socket(path);
        }
        let entries: io::Result<Vec<_>> = fs::read_dir(path)?.collect();
        let mut paths: Vec<_> = entries?.into_iter().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            if path.is_dir() || path.extension().is_some_and(|ending| ending == ENDING) {
                self.add(&path)?;
            }
        }
        Ok(())
    }

    fn add_socket(&mut self, path: &Path) -> io::Result<()> {
        self.sockets += 1;
        let mut connection = Connection::default();
        for (number, line) in BufReader::new(fs::File::open(path)?).lines().enumerate() {
            self.frames += 1;
            if let Err(outside) = frame(&mut connection, &line?) {
                self.outside.push((path.into(), number + 1, outside));
            }
        }
        Ok(())
    }
}

fn frame(connection: &mut Connection, line: &str) -> Result<(), Outside> {
    let bytes = |text: &str| {
        hex::decode(text).map_err(|_| Outside::new("every frame", "not a binary message"))
    };
    match line.split_at_checked(2) {
        Some(("> ", text)) => connection.sent(&bytes(text)?),
        Some(("< ", text)) => connection.received(&bytes(text)?),
        _ => Err(Outside::new("every frame", "neither sent nor received")),
    }
}
