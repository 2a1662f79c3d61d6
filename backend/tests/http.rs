//! The embedded client as a browser gets it: types, caching, security headers; and the health checks.

#![allow(clippy::unwrap_used)] // in helpers too

mod common;

use std::fs;

use common::TestApp;

const SCRIPT: &str = "import init from '/app-0123456789abcdef.js';init();";
/// SHA-256 of [`SCRIPT`], base64, by OpenSSL.
const SCRIPT_HASH: &str = "ARyw9eRu/J0m1SMN2qnvugBXAFxFMb2rS0KAk/Zuhc0=";

async fn app_with_client() -> (TestApp, tempfile::TempDir) {
    let client = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &str| {
        let path = client.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    };
    write(
        "index.html",
        &format!("<!doctype html><script type=\"module\">{SCRIPT}</script><main></main>"),
    );
    write("app-0123456789abcdef.js", "export default () => {};");
    write("app-0123456789abcdef_bg.wasm", "\0asm");
    write("engine.js", "onmessage = null;");
    write("assets/icon.svg", "<svg/>");
    let folder = client.path().to_owned();
    (
        TestApp::with(|config| config.client = Some(folder)).await,
        client,
    )
}

#[tokio::test]
async fn files_have_their_types_and_their_caching() {
    let (app, _client) = app_with_client().await;
    let for_ever = "public, max-age=31536000, immutable";
    for (path, mime, cache) in [
        ("/", "text/html; charset=utf-8", "no-cache"),
        ("/index.html", "text/html; charset=utf-8", "no-cache"),
        (
            "/app-0123456789abcdef.js",
            "text/javascript; charset=utf-8",
            for_ever,
        ),
        (
            "/app-0123456789abcdef_bg.wasm",
            "application/wasm",
            for_ever,
        ),
        ("/engine.js", "text/javascript; charset=utf-8", "no-cache"),
        ("/assets/icon.svg", "image/svg+xml", "no-cache"),
        ("/conversation/0123", "text/html; charset=utf-8", "no-cache"),
    ] {
        let answer = app.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("content-type"), mime, "{path}");
        assert_eq!(answer.header("cache-control"), cache, "{path}");
        let known = format!(
            "GET {path} HTTP/1.1\r\nhost: x\r\nif-none-match: {}\r\n",
            answer.header("etag")
        );
        let again = app.http(&known).await;
        assert_eq!((again.status, again.body.len()), (304, 0), "{path}");
    }
    for missing in ["/missing.js", "/../Cargo.toml", "/app-0123456789abcdee.js"] {
        assert_eq!(app.get(missing).await.status, 404, "{missing}");
    }
    assert_eq!(
        app.http("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n")
            .await
            .status,
        405
    );
    assert!(
        app.http("HEAD / HTTP/1.1\r\nhost: x\r\n")
            .await
            .body
            .is_empty()
    );
}

#[tokio::test]
async fn every_answer_has_the_security_headers() {
    let (app, _client) = app_with_client().await;
    for path in [
        "/",
        "/engine.js",
        "/missing.js",
        "/healthz",
        "/readyz",
        "/ws",
    ] {
        let answer = app.get(path).await;
        let policy = answer.header("content-security-policy");
        let directives: Vec<&str> = policy.split("; ").collect();
        let address = app.address;
        assert_eq!(
            directives,
            [
                "default-src 'none'",
                &format!("script-src 'self' 'wasm-unsafe-eval' 'sha256-{SCRIPT_HASH}'"),
                "style-src 'self'",
                "img-src 'self' data: blob:",
                "font-src 'self'",
                &format!("connect-src 'self' ws://{address} wss://{address}"),
                "worker-src 'self'",
                "manifest-src 'self'",
                "form-action 'self'",
                "base-uri 'none'",
                "frame-ancestors 'none'",
            ],
            "{path}"
        );
        for (name, value) in [
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-embedder-policy", "require-corp"),
            ("cross-origin-resource-policy", "same-origin"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
        ] {
            assert_eq!(answer.header(name), value, "{path}");
        }
        assert!(
            answer
                .header("permissions-policy")
                .contains("geolocation=()"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn health_is_told() {
    let app = TestApp::full().await;
    assert_eq!(app.get("/healthz").await.body, b"ok\n");
    assert_eq!(app.get("/readyz").await.body, b"ready\n");
}
