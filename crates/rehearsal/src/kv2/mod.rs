//! A KV v2 secrets engine, as Vault and OpenBao serve it, on loopback and in memory.
//!
//! Kept as on OpenBao 2.7.2: check-and-set and its wording, versions that are deleted, destroyed and pruned, metadata with its
//! limits, cleaned paths, JSON as Go passes it on, sizes of body and entry, number of strings, sealed mode. Not there:
//! namespaces (the header is taken and ignored), standbys, leases. Policies are kept as texts and bind nobody: a token is made with its grants.

mod answer;
mod go_json;
mod mount;
mod path;
mod request;
mod store;
mod sys;
mod token;

use std::{
    collections::BTreeMap,
    fmt, io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header, request::Parts};
use hyper::body::Incoming;
use migrate_core::value::SecretText;
use zeroize::Zeroizing;

use answer::Refused;
use mount::MountRequest;
use path::Path;
use store::Mount;
use sys::SysRequest;

pub use token::{Capability, Grants};

use crate::{
    Clock,
    http::{Body, BodyError, HangUp, Server, empty, respond, take_body},
    lock,
    secrets_manager::random_uuid,
};

/// How an emulated server is set up.
#[derive(Clone)]
pub struct Settings {
    /// KV v2 mounts, without slashes around them.
    pub mounts: Vec<String>,
    /// Tokens and what they may do.
    pub tokens: Vec<(String, Grants)>,
    /// The version that it says it has.
    pub version: String,
    /// The cluster that it says it is.
    pub cluster_id: String,
    /// The time.
    pub clock: Clock,
    /// Where request ids come from.
    pub seed: u64,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("mounts", &self.mounts).finish_non_exhaustive()
    }
}

/// A running emulator. Dropping it closes its port and forgets everything.
#[derive(Debug)]
pub struct Kv2 {
    server: Server,
    store: Arc<Store>,
}

struct Store {
    settings: Settings,
    is_sealed: AtomicBool,
    state: Mutex<State>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store")
    }
}

struct State {
    mounts: BTreeMap<String, Mount>,
    tokens: Vec<(SecretText, Grants)>,
    policies: BTreeMap<String, String>,
    random: fastrand::Rng,
}

/// The one policy that a new server has, in short.
const DEFAULT_POLICY: &str = "path \"auth/token/lookup-self\" {\n    capabilities = [\"read\"]\n}\n\npath \"cubbyhole/*\" {\n    \
     capabilities = [\"create\", \"read\", \"update\", \"delete\", \"list\"]\n}\n";

/// `max_request_size` and `max_request_json_strings` as OpenBao has them by default.
const REQUEST_BYTES: usize = 32 << 20;
const REQUEST_STRINGS: usize = 1_000;

impl Kv2 {
    /// Starts on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// Where no port can be had.
    pub async fn start(mut settings: Settings) -> io::Result<Self> {
        let tokens = std::mem::take(&mut settings.tokens);
        let state = State {
            mounts: settings.mounts.iter().map(|mount| (mount.clone(), Mount::default())).collect(),
            tokens: tokens.into_iter().map(|(token, grants)| (SecretText::new(token), grants)).collect(),
            policies: BTreeMap::from([("default".to_owned(), DEFAULT_POLICY.to_owned())]),
            random: fastrand::Rng::with_seed(settings.seed),
        };
        let store = Arc::new(Store { settings, is_sealed: AtomicBool::new(false), state: Mutex::new(state) });
        let answering = Arc::clone(&store);
        let server = Server::start(move |request| {
            let store = Arc::clone(&answering);
            async move { store.answer(request).await }
        })
        .await?;
        Ok(Self { server, store })
    }

    /// The address: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Seals (or unseals) the server: it then answers nothing but its state.
    pub fn set_sealed(&self, is_sealed: bool) {
        self.store.is_sealed.store(is_sealed, Ordering::SeqCst);
    }

    /// Adds a token.
    pub fn add_token(&self, token: SecretText, grants: Grants) {
        lock(&self.store.state).tokens.push((token, grants));
    }

    /// The newest version at a path and its data as JSON text, seen from behind; `None` where there is no live data.
    pub fn with_entry<R>(&self, mount: &str, path: &str, look: impl FnOnce(u64, &str) -> R) -> Option<R> {
        let now = (self.store.settings.clock)();
        let state = lock(&self.store.state);
        let entry = state.mounts.get(mount)?.entries.get(path)?;
        let version = entry.versions.get(&entry.current).filter(|version| !version.is_deleted(now))?;
        version.data.as_ref().map(|data| look(entry.current, data))
    }

    /// `custom_metadata` at a path, seen from behind; `None` where there is no entry.
    #[must_use]
    pub fn custom_metadata(&self, mount: &str, path: &str) -> Option<BTreeMap<String, String>> {
        let state = lock(&self.store.state);
        let entry = state.mounts.get(mount)?.entries.get(path)?;
        Some(entry.custom_metadata.clone())
    }

    /// All paths of a mount, in order, those with metadata only included.
    #[must_use]
    pub fn paths(&self, mount: &str) -> Vec<String> {
        lock(&self.store.state).mounts.get(mount).map(|mount| mount.entries.keys().cloned().collect()).unwrap_or_default()
    }
}

impl Store {
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Body>, HangUp> {
        let (head, body) = request.into_parts();
        let body = match take_body(body, REQUEST_BYTES).await {
            Ok(body) => body,
            Err(BodyError::Lost) => return Err(HangUp),
            Err(BodyError::TooLarge) => {
                return Ok(Refused::new(StatusCode::PAYLOAD_TOO_LARGE, "http: request body too large").response());
            }
        };
        let path = match path::read(head.uri.path()) {
            Path::Clean(path) => path,
            Path::Elsewhere(path) => return Ok(redirect(&path)),
            Path::Foreign => {
                let text = Zeroizing::new(b"404 page not found\n".to_vec());
                return Ok(respond(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", text));
            }
        };
        Ok(self.route(&head, &path, &body).unwrap_or_else(|refused| refused.response()))
    }

    fn route(&self, head: &Parts, path: &str, body: &[u8]) -> Result<Response<Body>, Refused> {
        let now = (self.settings.clock)();
        let is_sealed = self.is_sealed.load(Ordering::SeqCst);
        match path {
            "sys/health" => return Ok(sys::health(&self.settings, is_sealed, now)),
            "sys/seal-status" => return Ok(sys::seal_status(&self.settings, is_sealed)),
            _ if is_sealed => return Err(Refused::new(StatusCode::SERVICE_UNAVAILABLE, "Vault is sealed")),
            _ => {}
        }
        if go_json::count_strings(body) > REQUEST_STRINGS {
            return Err(Refused::bad("refused JSON input due to high complexity: exceeded maximum number of strings"));
        }
        let mut state = lock(&self.state);
        let request_id = random_uuid(&mut state.random);
        let token = token(&head.headers).ok_or_else(unknown_token)?;
        let grants = state.tokens.iter().find(|(known, _)| known == &token).map(|(_, grants)| grants.clone());
        let grants = grants.ok_or_else(unknown_token)?;
        let query: Vec<(String, String)> =
            form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
        if path.starts_with("sys/") || path.starts_with("auth/") {
            let mut request = SysRequest {
                method: &head.method,
                path,
                body,
                token: token.expose(),
                grants: &grants,
                mounts: &self.settings.mounts,
                is_list: query.iter().any(|(key, value)| key == "list" && value == "true"),
                policies: &mut state.policies,
                request_id: &request_id,
            };
            return request.answer();
        }
        let found = state.mounts.iter_mut().find_map(|(name, mount)| {
            let rest = path.strip_prefix(name.as_str())?.strip_prefix('/')?;
            Some((name.clone(), rest, mount))
        });
        let Some((name, rest, mount)) = found else {
            let why = format!("no handler for route \"{path}\". route entry not found.");
            return Err(if grants == Grants::Root { Refused::new(StatusCode::NOT_FOUND, why) } else { Refused::denied() });
        };
        let content_type = head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let request = MountRequest {
            method: &head.method,
            mount: &name,
            path: rest,
            query: &query,
            is_merge_patch: content_type.is_some_and(|kind| kind.starts_with("application/merge-patch+json")),
            body,
            grants: &grants,
            now,
            request_id: &request_id,
        };
        request.answer(mount)
    }
}

fn unknown_token() -> Refused {
    Refused::new(StatusCode::FORBIDDEN, "permission denied")
}

fn token(headers: &HeaderMap) -> Option<SecretText> {
    let direct = headers.get("x-vault-token").and_then(|value| value.to_str().ok());
    let bearer = || headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ");
    direct.or_else(bearer).map(|token| SecretText::new(token.to_owned()))
}

fn redirect(path: &str) -> Response<Body> {
    let encoded = percent_encoding::utf8_percent_encode(path, REDIRECTED).to_string();
    let mut response = empty(StatusCode::TEMPORARY_REDIRECT);
    if let Ok(location) = HeaderValue::from_str(&encoded) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// What may not stand in a `Location` as it is.
const REDIRECTED: &percent_encoding::AsciiSet = &percent_encoding::CONTROLS.add(b' ').add(b'?').add(b'#').add(b'%');
