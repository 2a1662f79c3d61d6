//! HTTP: the web client, the health checks, and the door to the WebSocket.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use secure_chat_shared::protocol::{MAX_FRAME, SUBPROTOCOL};

use crate::app::App;
use crate::connection;

/// tungstenite's read buffer a socket: idle ones should cost little.
const READ_BUFFER: usize = 4 * 1024;
/// Frames gather up to this before they are written.
const WRITE_BUFFER: usize = 16 * 1024;
/// Frames a little over the limit are still read, so that the close code can say what was wrong.
const READ_AT_MOST: usize = MAX_FRAME + 64 * 1024;
/// A page of entries, an anchor or a directory answer must fit.
const WRITE_AT_MOST: usize = 64 * 1024 * 1024;

/// Every route.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/ws", get(socket))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .fallback(file)
        .layer(middleware::from_fn_with_state(
            Arc::clone(&app),
            security_headers,
        ))
        .with_state(app)
}

/// Ready once the database answers, and until the server stops.
async fn ready(State(app): State<Arc<App>>) -> Response {
    if app.stopping.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response();
    }
    match app.database.read().ping().await {
        Ok(()) => "ready\n".into_response(),
        Err(error) => {
            tracing::error!(%error, "the database does not answer");
            (
                StatusCode::SERVICE_UNAVAILABLE,
                "the database does not answer\n",
            )
                .into_response()
        }
    }
}

async fn file(
    State(app): State<Arc<App>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    if method != Method::GET && method != Method::HEAD {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    app.client.serve(uri.path(), &headers)
}

async fn socket(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    if !origin_allowed(&headers, &app.config.origins) {
        return (
            StatusCode::FORBIDDEN,
            "This origin may not open the socket.\n",
        )
            .into_response();
    }
    let upgrade = upgrade
        .protocols([SUBPROTOCOL])
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(WRITE_AT_MOST)
        .max_message_size(READ_AT_MOST)
        .max_frame_size(READ_AT_MOST);
    if upgrade.selected_protocol().is_none() {
        let text = format!("Only the subprotocol {SUBPROTOCOL} is spoken here.\n");
        return (StatusCode::BAD_REQUEST, text).into_response();
    }
    let Ok(place) = Arc::clone(&app.sockets).try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "Too many sockets.\n").into_response();
    };
    let address = client_address(peer.ip(), &headers, app.config.behind_proxy);
    let origin = headers.get(header::ORIGIN);
    let origin = origin.and_then(|origin| origin.to_str().ok().map(str::to_owned));
    let running = app.tasks.token();
    upgrade.on_upgrade(move |socket| async move {
        connection::serve(socket, app, address, origin).await;
        drop((place, running));
    })
}

/// Whether a page of this origin may connect: none (no browser), the server's own, or one from the settings.
fn origin_allowed(headers: &HeaderMap, allowed: &[String]) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return true;
    };
    let Ok(origin) = origin.to_str() else {
        return false;
    };
    let own = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .is_some_and(|host| {
            origin
                .strip_prefix("https://")
                .or_else(|| origin.strip_prefix("http://"))
                == Some(host)
        });
    own || allowed
        .iter()
        .any(|other| other.trim_end_matches('/') == origin)
}

/// Whom attempts are counted for. Addresses are never logged.
fn client_address(peer: IpAddr, headers: &HeaderMap, behind_proxy: bool) -> IpAddr {
    let forwarded = || {
        let last = headers
            .get_all("x-forwarded-for")
            .iter()
            .next_back()?
            .to_str()
            .ok()?;
        last.rsplit(',').next()?.trim().parse().ok()
    };
    if behind_proxy {
        forwarded().unwrap_or(peer)
    } else {
        peer
    }
}

async fn security_headers(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let host = request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let policy = content_security_policy(host, app.client.inline_scripts());
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    for (name, value) in FIXED_HEADERS {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    response
}

const FIXED_HEADERS: [(&str, &str); 7] = [
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-embedder-policy", "require-corp"),
    ("cross-origin-resource-policy", "same-origin"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    (
        "permissions-policy",
        "accelerometer=(), autoplay=(), camera=(self), display-capture=(), geolocation=(), gyroscope=(), \
         magnetometer=(), microphone=(), midi=(), payment=(), usb=()",
    ),
];

fn content_security_policy(host: Option<&str>, inline_scripts: &[String]) -> String {
    let mut scripts = String::from("'self' 'wasm-unsafe-eval'");
    for hash in inline_scripts {
        scripts.push(' ');
        scripts.push_str(hash);
    }
    // Not every browser takes 'self' for the WebSocket of the same host.
    let plain = |host: &&str| {
        !host.is_empty()
            && host
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']'))
    };
    let sockets = host
        .filter(plain)
        .map(|host| format!(" ws://{host} wss://{host}"))
        .unwrap_or_default();
    format!(
        "default-src 'none'; script-src {scripts}; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; \
         connect-src 'self'{sockets}; worker-src 'self'; manifest-src 'self'; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    #[test]
    fn origins_of_other_hosts_are_refused() {
        let listed = ["https://chat.example".to_owned()];
        for (origin, allowed) in [
            ("http://localhost:8080", true),
            ("https://localhost:8080", true),
            ("https://chat.example", true),
            ("http://localhost:8081", false),
            ("https://localhost:8080.evil.example", false),
            ("null", false),
        ] {
            let headers = headers(&[("host", "localhost:8080"), ("origin", origin)]);
            assert_eq!(origin_allowed(&headers, &listed), allowed, "{origin}");
        }
        assert!(origin_allowed(&headers(&[("host", "localhost:8080")]), &[]));
    }

    #[test]
    fn a_forwarded_address_counts_only_behind_a_proxy() {
        let peer = IpAddr::from([10, 0, 0, 1]);
        let headers = headers(&[("x-forwarded-for", "1.1.1.1, 2.2.2.2")]);
        assert_eq!(client_address(peer, &headers, false), peer);
        assert_eq!(
            client_address(peer, &headers, true),
            IpAddr::from([2, 2, 2, 2])
        );
        assert_eq!(client_address(peer, &HeaderMap::new(), true), peer);
    }

    #[test]
    fn a_strange_host_does_not_reach_the_policy() {
        assert!(!content_security_policy(Some("x; script-src *"), &[]).contains('*'));
        assert!(
            content_security_policy(Some("chat.example:8080"), &[])
                .contains("wss://chat.example:8080")
        );
    }
}
