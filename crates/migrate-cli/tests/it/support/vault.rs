//! KV v2 as an independent reader sees it: a mount of one's own, and the HTTP API itself.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::Servers;

/// A KV v2 mount that only this test uses.
#[derive(Clone, Debug)]
pub(crate) struct Mount {
    /// Its path, without slashes.
    pub(crate) path: String,
    servers: Servers,
    http: reqwest::Client,
}

impl Mount {
    /// Mounts a KV v2 engine under a random name.
    pub(crate) async fn fresh(servers: &Servers) -> Self {
        Self::made(servers, format!("kv-{}", uuid::Uuid::new_v4().simple())).await
    }

    /// A mount of that path, which nobody else may use.
    pub(crate) async fn made(servers: &Servers, path: String) -> Self {
        let mount = Self::at(servers, path);
        let input = json!({"type": "kv", "options": {"version": "2"}});
        let (status, body) = mount.call(Method::POST, &format!("sys/mounts/{}", mount.path), Some(input)).await;
        assert!(status.is_success(), "OpenBao refused a mount: {status} {body}");
        // A new KV v2 mount answers 400 ("upgrading") for a moment.
        while mount.call(Method::GET, &format!("{}/config", mount.path), None).await.0 == StatusCode::BAD_REQUEST {}
        mount
    }

    /// A mount that is made by other means; its path begins with its namespace.
    pub(crate) fn at(servers: &Servers, path: impl Into<String>) -> Self {
        Self { path: path.into(), http: servers.http(), servers: servers.clone() }
    }

    /// The variables by which the Vault CLI, and `migrate`, find this server.
    pub(crate) fn environment(&self) -> [(&'static str, String); 3] {
        [
            ("VAULT_ADDR", self.servers.bao_addr.clone()),
            ("VAULT_TOKEN", self.servers.bao_token.clone()),
            ("VAULT_CACERT", self.servers.bao_cacert.display().to_string()),
        ]
    }

    /// The newest data and metadata at a path (`data` and `metadata` of the answer), `None` where nothing is.
    pub(crate) async fn read(&self, path: &str) -> Option<Value> {
        self.get(&format!("{}/data/{path}", self.path)).await
    }

    /// The metadata of an entry: versions, `custom_metadata`, limits; `None` where nothing is.
    pub(crate) async fn metadata(&self, path: &str) -> Option<Value> {
        self.get(&format!("{}/metadata/{path}", self.path)).await
    }

    /// Writes data at a path as somebody else would, with no check-and-set, and returns the version.
    pub(crate) async fn write(&self, path: &str, data: Value) -> u64 {
        let (status, body) = self.call(Method::POST, &format!("{}/data/{path}", self.path), Some(json!({"data": data}))).await;
        assert!(status.is_success(), "OpenBao refused a write at {path}: {status}");
        body["data"]["version"].as_u64().expect("a version")
    }

    /// Any call below `/v1/`, with every right.
    pub(crate) async fn call(&self, method: Method, path: &str, input: Option<Value>) -> (StatusCode, Value) {
        self.call_as(&self.servers.bao_token, method, path, input).await
    }

    /// Any call below `/v1/`, with the rights of a token.
    pub(crate) async fn call_as(&self, token: &str, method: Method, path: &str, input: Option<Value>) -> (StatusCode, Value) {
        let content = if method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
        let mut request =
            self.http.request(method, format!("{}/v1/{path}", self.servers.bao_addr)).header("x-vault-token", token);
        request = request.header("content-type", content);
        if let Some(input) = input {
            request = request.json(&input);
        }
        let answer = request.send().await.unwrap_or_else(|error| panic!("OpenBao does not answer {path}: {error}"));
        let status = answer.status();
        let body = answer.bytes().await.expect("a whole answer");
        let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).expect("a JSON answer") };
        (status, body)
    }

    /// A token with the rights that a policy's text gives, and no other.
    pub(crate) async fn token_with(&self, rules: &str) -> String {
        let name = format!("test-{}", uuid::Uuid::new_v4().simple());
        let (status, _) = self.call(Method::PUT, &format!("sys/policies/acl/{name}"), Some(json!({ "policy": rules }))).await;
        assert!(status.is_success(), "OpenBao refused a policy: {status}");
        let wanted = json!({ "policies": [name], "no_default_policy": true });
        let (_, body) = self.call(Method::POST, "auth/token/create", Some(wanted)).await;
        body["auth"]["client_token"].as_str().expect("a token").to_owned()
    }

    async fn get(&self, path: &str) -> Option<Value> {
        let (status, mut body) = self.call(Method::GET, path, None).await;
        match status {
            StatusCode::OK => Some(body["data"].take()),
            StatusCode::NOT_FOUND => None,
            _ => panic!("OpenBao refused to read {path}: {status}"),
        }
    }
}
