//! Embeds the web client: every file of the folder that `SECURE_CHAT_CLIENT_DIR` names, else of `frontend/dist`.
//!
//! Release builds hold each file in brotli and gzip too. The hashes are made here: at start the server would have to read
//! all of it into memory. Without a client the server still builds, and says so on `/`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use sha2::{Digest, Sha256};

/// Smaller gains are not worth a second copy.
const WORTH_BYTES: usize = 64;

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-env-changed=SECURE_CHAT_CLIENT_DIR");
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let folder = match env::var_os("SECURE_CHAT_CLIENT_DIR") {
        Some(folder) => manifest.join(folder),
        None => {
            let folder = manifest.join("../frontend/dist");
            // Cargo takes a missing path for a changed one, and would build anew each time.
            fs::create_dir_all(&folder)?;
            folder
        }
    };
    println!("cargo::rerun-if-changed={}", folder.display());
    let compress = env::var("PROFILE").is_ok_and(|profile| profile == "release");

    let mut files = Vec::new();
    if folder.join("index.html").is_file() {
        list(&folder, &mut files)?;
    }
    files.sort();
    let mut code = String::from("&[\n");
    for (index, file) in files.iter().enumerate() {
        let name = file
            .strip_prefix(&folder)
            .unwrap_or(file)
            .to_string_lossy()
            .replace('\\', "/");
        let content = fs::read(file)?;
        let variant = |bytes: Option<Vec<u8>>, ending: &str| -> io::Result<String> {
            let Some(bytes) = bytes.filter(|bytes| bytes.len() + WORTH_BYTES < content.len())
            else {
                return Ok("None".into());
            };
            let path = out.join(format!("{index}.{ending}"));
            fs::write(&path, bytes)?;
            Ok(format!("Some(include_bytes!({path:?}))"))
        };
        let brotli = variant(compress.then(|| brotli(&content)).transpose()?, "br")?;
        let gzip = variant(compress.then(|| gzip(&content)).transpose()?, "gz")?;
        let path = fs::canonicalize(file)?;
        let hash: [u8; 32] = Sha256::digest(&content).into();
        writeln!(
            code,
            "    Embedded {{ name: {name:?}, hash: {hash:?}, bytes: include_bytes!({path:?}), brotli: {brotli}, \
             gzip: {gzip} }},"
        )
        .map_err(io::Error::other)?;
    }
    code.push(']');
    fs::write(out.join("client.rs"), code)
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            list(&path, files)?
        } else {
            files.push(path)
        }
    }
    Ok(())
}

fn brotli(content: &[u8]) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut writer = brotli::CompressorWriter::new(&mut out, 64 * 1024, 11, 24);
    writer.write_all(content)?;
    drop(writer);
    Ok(out)
}

fn gzip(content: &[u8]) -> io::Result<Vec<u8>> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    writer.write_all(content)?;
    writer.finish()
}
