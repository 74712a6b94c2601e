//! The HTTP client, and the only file that knows an HTTP library: one connection pool, one way to send, one policy for retries.
//!
//! Guarantees: redirects are never followed, so the token goes nowhere but to the configured address; certificates are verified, TLS 1.2 or
//! later; answers are read into wiped buffers. Caveat: the library's own socket and TLS buffers are not ours to wipe.
//! Decision: `docs/decisions/0001-vault-api-over-reqwest.md`.

use std::{
    error::Error as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use backon::{ExponentialBuilder, Retryable};
use bytes::Bytes;
use migrate_core::{
    name::VaultPath,
    ports::{Effect, PortError, PortErrorKind},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{
    Certificate, Identity, Method, Response,
    dns::{Addrs, Name, Resolve, Resolving},
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER},
    redirect, tls,
};
use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};
use zeroize::Zeroizing;

use crate::{
    connect::{self, ConnectError, Origin},
    index::NewestIndex,
    judge::judge,
    settings::Settings,
    wire::{Body, Enveloped, Errors},
};

/// Unreserved characters of RFC 3986, and the slashes that part a path.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');
/// No answer of ours is larger: an entry has about 1 MiB, and JSON may escape each byte as six.
const LARGEST_ANSWER: usize = 16 << 20;
/// Longest wait that a `Retry-After` can ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Pauses between tries double between these, each with jitter.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_OWN_PAUSE: Duration = Duration::from_secs(5);

const INCONSISTENT: HeaderName = HeaderName::from_static("x-vault-inconsistent");
const INDEX: HeaderName = HeaderName::from_static("x-vault-index");
const NAMESPACE: HeaderName = HeaderName::from_static("x-vault-namespace");
const REQUEST: HeaderName = HeaderName::from_static("x-vault-request");
const TOKEN: HeaderName = HeaderName::from_static("x-vault-token");

pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
    mount: VaultPath,
    headers: HeaderMap,
    retries: usize,
    newest: NewestIndex,
    /// The survey saw what only OpenBao has, since 2.4: check-and-set for metadata.
    pub(crate) is_openbao: AtomicBool,
}

/// What is asked of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint<'a> {
    /// `sys/health`, which knows no namespace and no token.
    Health,
    TokenSelf,
    MountInfo,
    MountConfig,
    Data(&'a VaultPath),
    /// One version, by its number.
    DataAt(&'a VaultPath, u64),
    Metadata(&'a VaultPath),
    /// Settings of the server itself, by their path below `/v1/`.
    Api(&'a str),
    /// The names below such a path.
    List(&'a str),
    /// The names of a namespace's policies, ours or one above it.
    PolicyNames {
        namespace: &'a str,
    },
    /// One of them.
    Policy {
        namespace: &'a str,
        name: &'a str,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Post,
    /// JSON merge patch: members that are not named stay.
    Patch,
    Delete,
}

/// When a failed request is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    Never,
    /// Only where the failure says that nothing was done.
    IfNotDone,
    /// Also after a lost answer: the request is idempotent, or guarded by check-and-set.
    Safely,
}

pub(crate) struct Call<'a> {
    pub(crate) verb: Verb,
    pub(crate) endpoint: Endpoint<'a>,
    pub(crate) body: Option<Body>,
    pub(crate) repeat: Repeat,
}

/// A success, or the API's own "there is no such thing".
#[derive(Debug)]
pub(crate) struct Answer {
    /// 404 with the API's own body, as opposed to a success.
    pub(crate) is_not_found: bool,
    body: Zeroizing<Vec<u8>>,
}

/// A failure, with what the retry policy wants to know.
struct Failure {
    error: PortError,
    again: bool,
    pause: Option<Duration>,
}

impl<'a> Call<'a> {
    pub(crate) fn get(endpoint: Endpoint<'a>) -> Self {
        Self { verb: Verb::Get, endpoint, body: None, repeat: Repeat::Safely }
    }

    /// An error of this call.
    pub(crate) fn error(&self, client: &Client, kind: PortErrorKind, detail: impl Into<String>) -> PortError {
        PortError::new(kind, self.operation(&client.mount), self.subject(client), detail)
    }

    fn operation(&self, mount: &VaultPath) -> String {
        let verb = match self.verb {
            Verb::Get => "GET",
            Verb::Post => "POST",
            Verb::Patch => "PATCH",
            Verb::Delete => "DELETE",
        };
        match self.endpoint {
            Endpoint::Health => format!("{verb} /v1/sys/health"),
            Endpoint::TokenSelf => format!("{verb} /v1/auth/token/lookup-self"),
            Endpoint::MountInfo => format!("{verb} /v1/sys/internal/ui/mounts/{mount}"),
            Endpoint::MountConfig => format!("{verb} /v1/{mount}/config"),
            Endpoint::Data(_) | Endpoint::DataAt(..) => format!("{verb} /v1/{mount}/data/…"),
            Endpoint::Metadata(_) => format!("{verb} /v1/{mount}/metadata/…"),
            Endpoint::Api(path) => format!("{verb} /v1/{path}"),
            Endpoint::List(path) => format!("LIST /v1/{path}"),
            Endpoint::PolicyNames { .. } => "LIST /v1/sys/policies/acl".to_owned(),
            Endpoint::Policy { name, .. } => format!("{verb} /v1/sys/policies/acl/{name}"),
        }
    }

    fn subject(&self, client: &Client) -> String {
        match self.endpoint {
            Endpoint::PolicyNames { namespace } | Endpoint::Policy { namespace, .. } if namespace != client.namespace() => {
                format!("{} namespace {}", client.base, if namespace.is_empty() { "root" } else { namespace })
            }
            Endpoint::Health
            | Endpoint::TokenSelf
            | Endpoint::Api(_)
            | Endpoint::List(_)
            | Endpoint::PolicyNames { .. }
            | Endpoint::Policy { .. } => client.base.clone(),
            Endpoint::MountInfo | Endpoint::MountConfig => format!("mount {}", client.mount),
            Endpoint::Data(path) | Endpoint::DataAt(path, _) | Endpoint::Metadata(path) => path.to_string(),
        }
    }

    /// An answer to it might quote a value.
    fn carries_a_value(&self) -> bool {
        matches!(self.endpoint, Endpoint::Data(_) | Endpoint::DataAt(..))
    }
}

impl Client {
    pub(crate) fn new(settings: &Settings) -> Result<Self, ConnectError> {
        let server_name = settings.tls_server_name.as_deref();
        let origin = connect::origin(&settings.address, server_name)?;
        let mut headers = HeaderMap::new();
        let mut token = HeaderValue::from_str(connect::token(settings)?).map_err(|_| ConnectError::Token)?;
        token.set_sensitive(true);
        headers.insert(TOKEN, token);
        // Listeners of agents may demand it against forged requests; the Vault command line always sends it.
        headers.insert(REQUEST, HeaderValue::from_static("true"));
        if let Some(namespace) = &settings.namespace {
            let value = HeaderValue::from_str(namespace).map_err(|_| ConnectError::Namespace(namespace.clone()))?;
            headers.insert(NAMESPACE, value);
        }
        Ok(Self {
            http: http(settings, &origin)?,
            base: origin.base,
            mount: settings.mount.clone(),
            headers,
            retries: settings.retries,
            newest: NewestIndex::default(),
            is_openbao: AtomicBool::new(false),
        })
    }

    /// The mount of the entries.
    pub(crate) fn mount(&self) -> &VaultPath {
        &self.mount
    }

    /// The namespace of every request that names no other; empty for the root namespace.
    pub(crate) fn namespace(&self) -> &str {
        self.headers.get(NAMESPACE).and_then(|namespace| namespace.to_str().ok()).unwrap_or_default()
    }

    /// Sends one request, again where that is safe and can help. Never an error that holds a value.
    pub(crate) async fn send(&self, mut call: Call<'_>) -> Result<Answer, PortError> {
        let body = call.body.take().map(Bytes::from_owner);
        let answer_was_lost = AtomicBool::new(false);
        let policy = ExponentialBuilder::default()
            .with_min_delay(SHORTEST_PAUSE)
            .with_max_delay(LONGEST_OWN_PAUSE)
            .with_max_times(self.retries)
            .with_jitter();
        (|| self.once(&call, body.clone()))
            .retry(policy)
            .when(|failure: &Failure| {
                let is_lost = failure.error.effect == Effect::Unknown;
                answer_was_lost.fetch_or(is_lost, Ordering::Relaxed);
                failure.again
                    && match call.repeat {
                        Repeat::Never => false,
                        Repeat::IfNotDone => !is_lost,
                        Repeat::Safely => true,
                    }
            })
            .adjust(|failure, pause| pause.map(|pause| pause.max(failure.pause.unwrap_or_default())))
            .await
            .map_err(|failure| {
                // A conflict after a lost answer may be with ourselves.
                if answer_was_lost.into_inner() { failure.error.maybe_done() } else { failure.error }
            })
    }

    /// Sends once and takes any JSON answer, whatever its status: `sys/health` says by status what its body says better.
    pub(crate) async fn look<T: DeserializeOwned>(&self, endpoint: Endpoint<'_>) -> Result<T, PortError> {
        let call = Call::get(endpoint);
        let response = self.request(&call, None).await.map_err(|failure| failure.error)?;
        let status = response.status().as_u16();
        let body = collect(response).await.map_err(|broken| self.broken(&call, &broken).error)?;
        serde_json::from_slice(&body).map_err(|_| {
            let judged = judge(status, &[]);
            let detail = format!("HTTP {status}, not in the form of a Vault: is the address that of a Vault?");
            call.error(self, if status < 300 { PortErrorKind::Unexpected } else { judged.kind }, detail)
        })
    }

    /// Reads the `data` of an answer. The error tells the place and not the content, which may be a value.
    pub(crate) fn parse<'a, T: Deserialize<'a>>(&self, call: &Call<'_>, answer: &'a Answer) -> Result<T, PortError> {
        serde_json::from_slice::<Enveloped<T>>(&answer.body).map(|enveloped| enveloped.data).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let detail = format!("the answer does not have the documented form, at line {line} column {column}");
            call.error(self, PortErrorKind::Unexpected, detail)
        })
    }

    async fn once(&self, call: &Call<'_>, body: Option<Bytes>) -> Result<Answer, Failure> {
        let response = self.request(call, body).await?;
        let status = response.status().as_u16();
        if let Some(index) = response.headers().get(INDEX).and_then(|index| index.to_str().ok()) {
            self.newest.note(index);
        }
        let pause = pause(response.headers());
        let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok()).map(str::to_owned);
        let body = collect(response).await.map_err(|broken| self.broken(call, &broken))?;
        if (200..300).contains(&status) {
            // Reads are parsed by those who ask; what was written must at least be confirmed by an API.
            if call.verb != Verb::Get && !body.is_empty() && serde_json::from_slice::<IgnoredAny>(&body).is_err() {
                let error = call.error(self, PortErrorKind::Unexpected, format!("HTTP {status}, but not in the form of a Vault"));
                return Err(Failure { error: error.maybe_done(), again: false, pause: None });
            }
            return Ok(Answer { is_not_found: false, body });
        }
        let said = serde_json::from_slice::<Errors>(&body).ok();
        // OpenBao answers a patch of nothing with an empty 404.
        let is_own = body.is_empty() && call.verb == Verb::Patch
            || said.as_ref().is_some_and(|said| said.data.is_some() || said.errors.as_ref().is_some_and(Vec::is_empty));
        if status == 404 && is_own {
            return Ok(Answer { is_not_found: true, body });
        }
        let errors = said.and_then(|said| said.errors).unwrap_or_default();
        let judged = judge(status, &errors);
        let detail = match (location, errors.is_empty() || call.carries_a_value()) {
            (Some(location), _) => format!("HTTP {status} to {location}: {}", judged.words),
            (None, true) => format!("HTTP {status}: {}", judged.words),
            (None, false) => format!("HTTP {status}: {} ({})", judged.words, one_line(&errors)),
        };
        let error = call.error(self, judged.kind, detail);
        let error = if call.verb != Verb::Get && judged.effect == Effect::Unknown { error.maybe_done() } else { error };
        Err(Failure { error, again: judged.again, pause })
    }

    async fn request(&self, call: &Call<'_>, body: Option<Bytes>) -> Result<Response, Failure> {
        let encode = |path: &str| utf8_percent_encode(path, KEPT).to_string();
        let encoded = |path: &VaultPath| encode(path.as_str());
        let mount = encoded(&self.mount);
        let url = match call.endpoint {
            Endpoint::Health => format!("{}/v1/sys/health", self.base),
            Endpoint::TokenSelf => format!("{}/v1/auth/token/lookup-self", self.base),
            Endpoint::MountInfo => format!("{}/v1/sys/internal/ui/mounts/{mount}", self.base),
            Endpoint::MountConfig => format!("{}/v1/{mount}/config", self.base),
            Endpoint::Data(path) => format!("{}/v1/{mount}/data/{}", self.base, encoded(path)),
            Endpoint::DataAt(path, version) => format!("{}/v1/{mount}/data/{}?version={version}", self.base, encoded(path)),
            Endpoint::Metadata(path) => format!("{}/v1/{mount}/metadata/{}", self.base, encoded(path)),
            Endpoint::Api(path) => format!("{}/v1/{}", self.base, encode(path)),
            Endpoint::List(path) => format!("{}/v1/{}?list=true", self.base, encode(path)),
            Endpoint::PolicyNames { .. } => format!("{}/v1/sys/policies/acl?list=true", self.base),
            Endpoint::Policy { name, .. } => format!("{}/v1/sys/policies/acl/{}", self.base, encode(name)),
        };
        let method = match call.verb {
            Verb::Get => Method::GET,
            Verb::Post => Method::POST,
            Verb::Patch => Method::PATCH,
            Verb::Delete => Method::DELETE,
        };
        let mut request = self.http.request(method, url);
        if call.endpoint != Endpoint::Health {
            request = request.headers(self.headers_for(call.endpoint));
        }
        if call.verb == Verb::Get
            && let Some(index) = self.newest.get()
        {
            request = request.header(INDEX, &*index);
            if self.is_openbao.load(Ordering::Relaxed) {
                request = request.header(INCONSISTENT, "forward-active-node");
            }
        }
        if let Some(body) = body {
            let content = if call.verb == Verb::Patch { "application/merge-patch+json" } else { "application/json" };
            request = request.header(CONTENT_TYPE, content).body(body);
        }
        request.send().await.map_err(|broken| self.broken(call, &Broken::Transport(broken)))
    }

    fn headers_for(&self, endpoint: Endpoint<'_>) -> HeaderMap {
        let mut headers = self.headers.clone();
        if let Endpoint::PolicyNames { namespace } | Endpoint::Policy { namespace, .. } = endpoint {
            // Part of what was a header's value; empty means the root namespace, as does no header.
            match HeaderValue::from_str(namespace) {
                Ok(value) if !namespace.is_empty() => headers.insert(NAMESPACE, value),
                _ => headers.remove(NAMESPACE),
            };
        }
        headers
    }

    /// No answer, or half of one.
    fn broken(&self, call: &Call<'_>, broken: &Broken) -> Failure {
        let (kind, was_sent, detail) = match broken {
            Broken::Transport(error) if error.is_connect() => (PortErrorKind::Unreachable, false, causes(error)),
            Broken::Transport(error) if error.is_timeout() => (PortErrorKind::TimedOut, true, "no answer in time".into()),
            Broken::Transport(error) if error.is_builder() => (PortErrorKind::Misconfigured, false, causes(error)),
            Broken::Transport(error) => (PortErrorKind::Unreachable, true, causes(error)),
            Broken::TooLarge => (PortErrorKind::TooLarge, true, format!("an answer of more than {LARGEST_ANSWER} bytes")),
        };
        let error = call.error(self, kind, detail);
        let again = matches!(kind, PortErrorKind::Unreachable | PortErrorKind::TimedOut);
        let error = if was_sent && call.verb != Verb::Get { error.maybe_done() } else { error };
        Failure { error, again, pause: None }
    }
}

enum Broken {
    Transport(reqwest::Error),
    TooLarge,
}

fn http(settings: &Settings, origin: &Origin) -> Result<reqwest::Client, ConnectError> {
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("migrate/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .referer(false)
        .tls_version_min(tls::Version::TLS_1_2)
        .connect_timeout(settings.connect_timeout)
        .timeout(settings.request_timeout)
        .pool_max_idle_per_host(settings.concurrency.max(1));
    if let Some(files) = connect::authorities(&settings.trust)? {
        let mut trusted = Vec::new();
        for connect::PemFile { path, text } in files {
            match Certificate::from_pem_bundle(&text) {
                Ok(certificates) if !certificates.is_empty() => trusted.extend(certificates),
                _ => return Err(ConnectError::Unusable { path, what: "PEM certificate" }),
            }
        }
        builder = builder.tls_certs_only(trusted);
    }
    if let Some(certificate) = &settings.client_certificate {
        let identity = Identity::from_pem(&connect::identity(certificate)?).map_err(|_| ConnectError::Unusable {
            path: certificate.certificate.clone(),
            what: "PEM certificate with its key",
        })?;
        builder = builder.identity(identity);
    }
    if settings.tls_server_name.is_some() {
        // The URL names the certificate's host; only the lookup of its address goes elsewhere. A proxy would undo that.
        builder = builder.dns_resolver(Alias(origin.host.as_str().into())).no_proxy();
    } else if origin.is_loopback {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| ConnectError::Tls(causes(&error)))
}

/// Looks every name up as one host.
struct Alias(Arc<str>);

impl Resolve for Alias {
    fn resolve(&self, _: Name) -> Resolving {
        let host = Arc::clone(&self.0);
        Box::pin(async move {
            let found: Vec<_> = tokio::net::lookup_host((&*host, 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Reads the whole body into a buffer whose outgrown forms are wiped too.
async fn collect(mut response: Response) -> Result<Zeroizing<Vec<u8>>, Broken> {
    let announced = response.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or(4096);
    let mut body = Zeroizing::new(Vec::with_capacity(announced.min(LARGEST_ANSWER)));
    while let Some(chunk) = response.chunk().await.map_err(Broken::Transport)? {
        let needed = body.len() + chunk.len();
        if needed > LARGEST_ANSWER {
            return Err(Broken::TooLarge);
        }
        if needed > body.capacity() {
            let mut larger = Zeroizing::new(Vec::with_capacity(needed.max(2 * body.capacity())));
            larger.extend_from_slice(&body);
            body = larger;
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// `Retry-After` in seconds, as Vault's rate limits say it.
fn pause(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_PAUSE))
}

/// An error and what is behind it, in one line and without the URL, which the subject says already.
fn causes(error: &reqwest::Error) -> String {
    let mut text = if error.is_connect() { "no connection".to_owned() } else { "the connection broke".to_owned() };
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

fn one_line(errors: &[String]) -> String {
    let text = errors.iter().flat_map(|error| error.split_whitespace()).collect::<Vec<_>>().join(" ");
    text.chars().take(300).collect()
}
