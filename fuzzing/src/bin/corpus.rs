//! `cargo run --package secure-chat-fuzzing --bin corpus FOLDER`: makes the corpora that come from real traffic anew. The folder's
//! `.frames` are written by `SECURE_CHAT_FRAMES=FOLDER cargo test --package secure-chat --test people`.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

use secure_chat_fuzzing::seeds::Seeds;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::args_os()
        .nth(1)
        .ok_or("name a folder with .frames files")?;
    let mut found = Seeds::default();
    let files: Result<Vec<_>, _> = fs::read_dir(folder)?.collect();
    let mut paths: Vec<_> = files?.into_iter().map(|file| file.path()).collect();
    paths.sort();
    for path in paths {
        found.add(&fs::read_to_string(path)?);
    }
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut bytes = 0;
    for ((target, name), input) in &found.0 {
        let folder = corpus.join(target);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(name), input)?;
        bytes += input.len();
    }
    println!("{} inputs, {bytes} bytes", found.0.len());
    Ok(())
}
