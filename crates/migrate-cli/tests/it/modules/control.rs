//! What a test suite in another language steers the server with: plain HTTP beside a Secrets Manager that counts, stops and starts.
//!
//! ```text
//! module under test ──► relay (can stop listening) ──► proxy (counts, refuses, delays) ──► moto
//! its test suite ─────► control ──► all three
//! ```

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use rehearsal::proxy::{Fault, Operation, Proxy, Rules, Upstream, When};
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Mutex,
    task::{JoinHandle, JoinSet},
};

use crate::support::{AwsAccount, Canary};

/// A secret that a suite begins with, and its value.
pub(super) type Seed = (&'static str, fn(&Canary) -> SeedValue);

/// The value of a [`Seed`].
pub(super) enum SeedValue {
    Text(String),
    Binary(Vec<u8>),
}

/// The control's side of a scene. Dropping it stops everything but moto.
pub(super) struct Control {
    pub(super) url: String,
    world: Arc<World>,
    serving: JoinHandle<()>,
}

struct World {
    account: AwsAccount,
    proxy: Proxy,
    relay: Mutex<Relay>,
    seeds: &'static [Seed],
    /// Requests before the last reset, which do not count.
    passed: AtomicUsize,
}

impl Control {
    pub(super) async fn start(account: AwsAccount, seeds: &'static [Seed]) -> Self {
        let moto = Upstream::at(&account.endpoint).expect("moto's address");
        let proxy = Proxy::start(&moto, Rules::default()).await.expect("a proxy");
        let behind = proxy.url().trim_start_matches("http://").parse().expect("an address");
        let relay = Mutex::new(Relay::start(behind).await);
        let world = Arc::new(World { account, proxy, relay, seeds, passed: AtomicUsize::new(0) });
        world.reset().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let serving = tokio::spawn(serve(listener, Arc::clone(&world)));
        Self { url, world, serving }
    }

    /// Where the module under test finds Secrets Manager.
    pub(super) async fn endpoint(&self) -> String {
        format!("http://{}", self.world.relay.lock().await.address)
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, world: Arc<World>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let world = Arc::clone(&world);
        let answer = move |request| {
            let world = Arc::clone(&world);
            async move { Ok::<_, std::convert::Infallible>(world.answer(request).await) }
        };
        connections.spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)));
    }
}

impl World {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path().to_owned();
        let asked: Value = form(request.uri().query().unwrap_or_default());
        let name = asked["name"].as_str().unwrap_or_default().to_owned();
        let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let mut answer = Vec::new();
        match path.as_str() {
            "/count" => answer = self.count(&name).to_string().into_bytes(),
            "/value" => answer = self.value(&name, asked["property"].as_str()).await,
            "/put" => self.put(&name, json!({ "SecretString": String::from_utf8_lossy(&body) })).await,
            "/put-binary" => {
                use base64::Engine as _;
                let binary = base64::engine::general_purpose::STANDARD.encode(&body);
                self.put(&name, json!({ "SecretBinary": binary })).await;
            }
            "/delete" => self.delete(&name).await,
            "/deny" => {
                let denied = Fault::aws(StatusCode::BAD_REQUEST, "AccessDeniedException");
                self.proxy.inject(When::operation(read()).about(name).always(), denied);
            }
            "/slow" => {
                self.proxy.clear_faults();
                let wait: u64 = asked["milliseconds"].as_str().and_then(|text| text.parse().ok()).unwrap_or_default();
                if wait > 0 {
                    self.proxy.inject(When::next().always(), Fault::Delay(Duration::from_millis(wait)));
                }
            }
            "/stop" => self.relay.lock().await.stop(),
            "/start" => self.relay.lock().await.go_on().await,
            "/reset" => self.reset().await,
            _ => {
                let mut unknown = Response::new(Full::default());
                *unknown.status_mut() = StatusCode::NOT_FOUND;
                return unknown;
            }
        }
        Response::new(Full::new(answer.into()))
    }

    /// How often a secret's value was asked for since the last reset, or any.
    fn count(&self, name: &str) -> usize {
        let about = |subjects: &[String]| name.is_empty() || subjects.iter().any(|subject| subject == name);
        let journal = self.proxy.journal();
        let since = journal.iter().skip(self.passed.load(Ordering::Relaxed));
        since.filter(|entry| entry.operation == read() && about(&entry.subjects)).count()
    }

    async fn value(&self, name: &str, property: Option<&str>) -> Vec<u8> {
        use base64::Engine as _;
        let there = self.account.call("GetSecretValue", json!({ "SecretId": name })).await;
        if let Some(binary) = there["SecretBinary"].as_str() {
            return base64::engine::general_purpose::STANDARD.decode(binary).expect("base64");
        }
        let text = there["SecretString"].as_str().expect("a value");
        let Some(property) = property else { return text.as_bytes().to_vec() };
        let object: Value = serde_json::from_str(text).expect("a JSON object");
        object[property].as_str().expect("a text").as_bytes().to_vec()
    }

    async fn put(&self, name: &str, value: Value) {
        let with = |key: &str| {
            let mut input = value.clone();
            input[key] = name.into();
            input["ClientRequestToken"] = uuid::Uuid::new_v4().to_string().into();
            input
        };
        if self.account.try_call("CreateSecret", with("Name")).await.is_err() {
            self.account.call("PutSecretValue", with("SecretId")).await;
        }
    }

    async fn delete(&self, name: &str) {
        self.account.call("DeleteSecret", json!({ "SecretId": name, "ForceDeleteWithoutRecovery": true })).await;
    }

    /// Nothing goes wrong, every seed has a value that it never had, and counts begin anew.
    async fn reset(&self) {
        self.proxy.clear_faults();
        self.relay.lock().await.go_on().await;
        for (name, value) in self.seeds {
            use base64::Engine as _;
            // One that was binary can't become a text, nor the other way round, where moto keeps both.
            let _ = self.account.try_call("DeleteSecret", json!({ "SecretId": name, "ForceDeleteWithoutRecovery": true })).await;
            let value = match value(&Canary::of_this_run()) {
                SeedValue::Text(text) => json!({ "SecretString": text }),
                SeedValue::Binary(bytes) => {
                    json!({ "SecretBinary": base64::engine::general_purpose::STANDARD.encode(bytes) })
                }
            };
            self.put(name, value).await;
        }
        self.passed.store(self.proxy.journal().len(), Ordering::Relaxed);
    }
}

fn read() -> Operation {
    Operation::aws("GetSecretValue")
}

/// The parts of a query.
fn form(query: &str) -> Value {
    let decoded = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    query
        .split('&')
        .filter_map(|part| part.split_once('='))
        .map(|(key, value)| (decoded(key), Value::from(decoded(value))))
        .collect()
}

/// Passes bytes on while it listens. Stopped, its port refuses, and connections that were open are closed.
struct Relay {
    address: SocketAddr,
    behind: SocketAddr,
    listening: Option<JoinHandle<()>>,
}

impl Relay {
    async fn start(behind: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        Self { address, behind, listening: Some(tokio::spawn(pass(listener, behind))) }
    }

    fn stop(&mut self) {
        if let Some(listening) = self.listening.take() {
            listening.abort();
        }
    }

    async fn go_on(&mut self) {
        if self.listening.is_none() {
            let listener = TcpListener::bind(self.address).await.expect("the port that it had");
            self.listening = Some(tokio::spawn(pass(listener, self.behind)));
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn pass(listener: TcpListener, behind: SocketAddr) {
    let mut connections = JoinSet::new();
    while let Ok((mut near, _)) = listener.accept().await {
        connections.spawn(async move {
            if let Ok(mut far) = TcpStream::connect(behind).await {
                // A side that goes away ends the connection, as it should.
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            }
        });
    }
}
