//! What the client weighs on its way to a browser, and the most that it may.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use crate::Result;

/// What people wait for, with the most bytes that it may take, in brotli: what it takes now and a few per cent. A change
/// that is worth more raises it here and says so.
const BUDGET: &[Budget] = &[
    Budget {
        what: "to the sign-in form",
        holds: |name| !name.starts_with("engine"),
        most: 400_000,
    },
    Budget {
        what: "all told",
        holds: |_| true,
        most: 960_000,
    },
];

struct Budget {
    what: &'static str,
    holds: fn(&str) -> bool,
    most: usize,
}

/// Every file of a client and what it weighs, by name.
pub struct Weighed(Vec<(String, usize)>);

impl Weighed {
    /// Compresses the files of a folder as the server's build does.
    pub fn new(client: &Path) -> Result<Self> {
        let mut files = Vec::new();
        let entries = fs::read_dir(client)
            .map_err(|error| format!("{}: {error}; `dist` builds it", client.display()))?;
        for entry in entries {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            files.push((name.into_owned(), brotli(&fs::read(&path)?)?));
        }
        files.sort();
        Ok(Self(files))
    }

    /// What is over its budget, as sentences.
    pub fn excesses(&self) -> Vec<String> {
        let over = BUDGET.iter().filter(|part| self.sum(part) > part.most);
        over.map(|part| {
            let (is, most) = (self.sum(part), part.most);
            format!("{}: {is} bytes, {most} at most", part.what)
        })
        .collect()
    }

    /// For people.
    pub fn print(&self) {
        println!("{:>9} {:>9}  brotli, bytes", "now", "at most");
        for (name, bytes) in &self.0 {
            println!("{bytes:9} {:9}  {name}", "");
        }
        for part in BUDGET {
            println!("{:9} {:9}  {}", self.sum(part), part.most, part.what);
        }
    }

    fn sum(&self, part: &Budget) -> usize {
        let files = self.0.iter().filter(|(name, _)| (part.holds)(name));
        files.map(|(_, bytes)| bytes).sum()
    }
}

/// Quality and window of `backend/build.rs`.
fn brotli(content: &[u8]) -> Result<usize> {
    let mut out = Vec::new();
    let mut writer = brotli::CompressorWriter::new(&mut out, 64 * 1024, 11, 24);
    writer.write_all(content)?;
    drop(writer);
    Ok(out.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_is_not_waited_for_by_the_form_and_what_is_too_much_is_told() {
        let [form, all] = BUDGET else {
            panic!("two sums")
        };
        let weighed = |app, engine| {
            let files = [("app-1_bg.wasm", app), ("engine-1_bg.wasm", engine)];
            Weighed(files.map(|(name, bytes)| (name.to_owned(), bytes)).into())
        };
        let rest = all.most - form.most;
        assert!(weighed(form.most, rest).excesses().is_empty());
        assert_eq!(weighed(form.most, rest + 1).excesses().len(), 1);
        assert_eq!(weighed(form.most + 1, rest).excesses().len(), 2);
    }

    #[test]
    fn text_is_compressed() {
        assert!(brotli(&b"again and ".repeat(100)).unwrap() < 50);
    }
}
