//! The web client that this server hands out: embedded at build time, or a folder read at start.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::{fs, io};

use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use sha2::{Digest, Sha256};

/// What a build has put inside.
struct Embedded {
    name: &'static str,
    hash: [u8; 32],
    bytes: &'static [u8],
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

static EMBEDDED: &[Embedded] = include!(concat!(env!("OUT_DIR"), "/client.rs"));

/// All files of the client, in memory.
pub struct Client {
    files: HashMap<String, File>,
    inline_scripts: Vec<String>,
}

struct File {
    content: Content,
    mime: &'static str,
    etag: HeaderValue,
    cache: &'static str,
}

struct Content {
    /// SHA-256 of `plain`.
    hash: [u8; 32],
    plain: Bytes,
    brotli: Option<Bytes>,
    gzip: Option<Bytes>,
}

/// Names with a hash of their content never change.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
const ASK_ALWAYS: &str = "no-cache";

impl Client {
    /// What the build has embedded; may be nothing.
    pub fn embedded() -> Self {
        Self::new(EMBEDDED.iter().map(|file| {
            let content = Content {
                hash: file.hash,
                plain: Bytes::from_static(file.bytes),
                brotli: file.brotli.map(Bytes::from_static),
                gzip: file.gzip.map(Bytes::from_static),
            };
            (file.name.to_owned(), content)
        }))
    }

    /// The files of a folder, uncompressed.
    pub fn from_folder(folder: &Path) -> io::Result<Self> {
        let mut files = Vec::new();
        read_folder(folder, "", &mut files)?;
        Ok(Self::new(files.into_iter().map(|(name, plain)| {
            let content = Content {
                hash: Sha256::digest(&plain).into(),
                plain,
                brotli: None,
                gzip: None,
            };
            (name, content)
        })))
    }

    /// Name and SHA-256 of each file, uncompressed, by name.
    pub fn digests(&self) -> BTreeMap<&str, [u8; 32]> {
        let files = self.files.iter();
        let digests = files.map(|(name, file)| (&name[..], file.content.hash));
        digests.collect()
    }

    /// Sources for `script-src`: the hashes of the inline scripts of index.html.
    pub fn inline_scripts(&self) -> &[String] {
        &self.inline_scripts
    }

    /// Answers a request for a path. A path without a file extension is one of the client's own routes.
    pub fn serve(&self, path: &str, headers: &HeaderMap) -> Response {
        let name = path.trim_start_matches('/');
        let last = name.rsplit('/').next().unwrap_or(name);
        let found = self.files.get(name).or_else(|| {
            if last.contains('.') {
                None
            } else {
                self.files.get("index.html")
            }
        });
        match found {
            Some(file) => file.respond(headers),
            None if self.files.is_empty() => (
                StatusCode::SERVICE_UNAVAILABLE,
                "This server was built without its web client. Build the client first, then the server.\n",
            )
                .into_response(),
            None => (StatusCode::NOT_FOUND, "There is no such file.\n").into_response(),
        }
    }

    fn new(files: impl Iterator<Item = (String, Content)>) -> Self {
        let files: HashMap<String, File> = files
            .map(|(name, content)| {
                let file = File {
                    mime: mime(&name),
                    etag: etag(&content.hash),
                    cache: if has_content_hash(&name) {
                        FOR_EVER
                    } else {
                        ASK_ALWAYS
                    },
                    content,
                };
                (name, file)
            })
            .collect();
        let inline_scripts = files
            .get("index.html")
            .map(|index| inline_script_hashes(&String::from_utf8_lossy(&index.content.plain)))
            .unwrap_or_default();
        Self {
            files,
            inline_scripts,
        }
    }
}

impl File {
    fn respond(&self, request: &HeaderMap) -> Response {
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(self.cache));
        headers.insert(ETAG, self.etag.clone());
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        let known = request
            .get(IF_NONE_MATCH)
            .and_then(|value| value.to_str().ok());
        let same =
            |tag: &str| tag.trim().trim_start_matches("W/").as_bytes() == self.etag.as_bytes();
        if known.is_some_and(|tags| tags.split(',').any(same)) {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.mime));
        let body = match (&self.content.brotli, &self.content.gzip) {
            (Some(brotli), _) if accepts(request, "br") => {
                headers.insert(CONTENT_ENCODING, HeaderValue::from_static("br"));
                brotli
            }
            (_, Some(gzip)) if accepts(request, "gzip") => {
                headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                gzip
            }
            _ => &self.content.plain,
        };
        (headers, body.clone()).into_response()
    }
}

fn read_folder(folder: &Path, prefix: &str, files: &mut Vec<(String, Bytes)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let Some(last) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        let name = format!("{prefix}{last}");
        if path.is_dir() {
            read_folder(&path, &format!("{name}/"), files)?;
        } else {
            files.push((name, fs::read(&path)?.into()));
        }
    }
    Ok(())
}

fn mime(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "wasm" => "application/wasm",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "ftl" | "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// A strong tag: half of the content's SHA-256.
fn etag(hash: &[u8; 32]) -> HeaderValue {
    let hex: String = hash
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    HeaderValue::from_str(&format!("\"{hex}\"")).unwrap_or(HeaderValue::from_static("\"\""))
}

/// Whether a name has a part of `-` and 16 hexadecimal digits, as the bundler gives to what it hashes.
fn has_content_hash(name: &str) -> bool {
    name.split('-').skip(1).any(|part| {
        let digits = part.bytes().take_while(u8::is_ascii_hexdigit).count();
        digits == 16
            && part
                .as_bytes()
                .get(16)
                .is_none_or(|next| !next.is_ascii_alphanumeric())
    })
}

fn accepts(request: &HeaderMap, encoding: &str) -> bool {
    request
        .get_all(ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| {
            value.split(',').any(|item| {
                let mut parts = item.split(';').map(str::trim);
                parts.next() == Some(encoding)
                    && !parts.any(|q| matches!(q, "q=0" | "q=0.0" | "q=0.000"))
            })
        })
}

/// `'sha256-...'` of what stands between the tags of each script without `src`.
fn inline_script_hashes(html: &str) -> Vec<String> {
    let mut hashes = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find("<script") {
        let Some(open) = rest[start..].find('>') else {
            break;
        };
        let attributes = &rest[start..start + open];
        let body = &rest[start + open + 1..];
        let Some(end) = body.find("</script") else {
            break;
        };
        if !attributes.contains(" src=") {
            hashes.push(format!(
                "'sha256-{}'",
                STANDARD.encode(Sha256::digest(&body[..end]))
            ));
        }
        rest = &body[end..];
    }
    hashes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_hashes_are_told_from_ordinary_names() {
        for name in [
            "app-0123456789abcdef.js",
            "app-0123456789abcdef_bg.wasm",
            "snippets/x-0123456789abcdef/a.js",
        ] {
            assert!(has_content_hash(name), "{name}");
        }
        for name in [
            "engine.js",
            "app-0123.js",
            "app-0123456789abcdef0.js",
            "0123456789abcdef.js",
            "app-0123456789abcdefg.js",
        ] {
            assert!(!has_content_hash(name), "{name}");
        }
    }

    #[test]
    fn inline_scripts_are_hashed_and_others_not() {
        let html = "<script type=\"module\">let a;</script><script src=\"/x.js\"></script><script>b</script>";
        let expected: Vec<String> = ["let a;", "b"]
            .map(|text| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text))))
            .into();
        assert_eq!(inline_script_hashes(html), expected);
    }

    #[test]
    fn encodings_refused_by_the_browser_are_not_sent() {
        let mut headers = HeaderMap::new();
        headers.insert(
            ACCEPT_ENCODING,
            HeaderValue::from_static("gzip;q=0, br;q=1.0"),
        );
        assert!(accepts(&headers, "br"));
        assert!(!accepts(&headers, "gzip"));
    }
}
