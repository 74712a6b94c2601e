//! Plain HTTP, without any of the production clients.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use jiff::Timestamp;
use rehearsal::{Clock, secrets_manager::Principal};
use serde_json::Value;

/// A clock that a test moves by hand, in seconds.
#[derive(Clone)]
pub(crate) struct Hand(Arc<AtomicI64>);

impl Hand {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicI64::new(1_800_000_000)))
    }

    pub(crate) fn pass(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(crate) fn clock(&self) -> Clock {
        let now = Arc::clone(&self.0);
        Arc::new(move || Timestamp::from_second(now.load(Ordering::SeqCst)).unwrap())
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

/// Sends a request on a connection of its own; `None` where the connection closed without an answer.
pub(crate) async fn send(request: Request<Vec<u8>>) -> Option<Answer> {
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let response = client.request(request.map(|body| Full::new(Bytes::from(body)))).await.ok()?;
    let (head, body) = response.into_parts();
    let body = body.collect().await.ok()?.to_bytes().to_vec();
    Some(Answer { status: head.status, headers: head.headers, body })
}

pub(crate) const MIGRATION: &str = "AKIAMIGRATION";
pub(crate) const OTHER: &str = "AKIAOTHER";

pub(crate) fn principals() -> std::collections::BTreeMap<String, Principal> {
    let role = |name: &str| Principal::role(&format!("arn:aws:iam::123456789012:role/{name}"), "test").unwrap();
    [(MIGRATION.to_owned(), role("path/migration")), (OTHER.to_owned(), role("other"))].into()
}

/// Calls an operation of Secrets Manager.
pub(crate) async fn aws_as(url: &str, key: &str, operation: &str, input: &Value) -> Option<Answer> {
    let credential = format!("AWS4-HMAC-SHA256 Credential={key}/20260101/eu-central-1/secretsmanager/aws4_request, Signature=0");
    let request = Request::post(format!("{url}/"))
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", format!("secretsmanager.{operation}"))
        .header("authorization", credential)
        .body(input.to_string().into_bytes())
        .unwrap();
    send(request).await
}

/// The answer to a call that succeeds.
pub(crate) async fn aws(url: &str, operation: &str, input: Value) -> Value {
    let answer = aws_as(url, MIGRATION, operation, &input).await.unwrap();
    assert_eq!(answer.status, StatusCode::OK, "{operation}: {}", String::from_utf8_lossy(&answer.body));
    answer.json()
}

/// Code and message of a call that is refused.
pub(crate) async fn aws_refused(url: &str, key: &str, operation: &str, input: Value) -> (String, String) {
    let answer = aws_as(url, key, operation, &input).await.unwrap();
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{operation}: {}", String::from_utf8_lossy(&answer.body));
    let code = answer.json()["__type"].as_str().unwrap().to_owned();
    assert_eq!(answer.headers["x-amzn-errortype"], *code);
    (code, answer.json()["Message"].as_str().unwrap().to_owned())
}

/// A request token.
pub(crate) fn token(number: u32) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

pub(crate) const ROOT: &str = "s.root";

/// Sends a request to a KV v2 server.
pub(crate) async fn vault_as(url: &str, token: &str, method: &str, path: &str, body: &str) -> Answer {
    let kind = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
    let request = Request::builder()
        .method(method)
        .uri(format!("{url}/v1/{path}"))
        .header("x-vault-token", token)
        .header("x-vault-namespace", "")
        .header("content-type", kind)
        .body(body.as_bytes().to_vec())
        .unwrap();
    send(request).await.unwrap()
}
