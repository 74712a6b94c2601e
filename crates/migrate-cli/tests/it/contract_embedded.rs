//! The ports' contracts against the embedded stores, so that a rehearsal can't drift away from the real servers: the same suites, the same
//! production clients. Needs no server.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use migrate_core::name::VaultPath;
use phase0_sdk::{Credentials, GivenCredentials, Probe, SecretsManager};
use phase2_vault::{Settings, Vault};
use rehearsal::{
    contract::{
        incoming::{self, IncomingWorld},
        outgoing::{self, OutgoingWorld},
    },
    proxy::Quotas,
    world::{World, WorldSettings},
};
use reqwest::Method;
use serde_json::Value;

/// A world without quotas: a contract is no rehearsal.
async fn world() -> World {
    let start: Timestamp = "2027-01-01T00:00:00Z".parse().expect("a time");
    let mut settings = WorldSettings::new(1, Arc::new(move || start));
    settings.quotas = Quotas::Unlimited;
    World::start(settings).await.expect("a world")
}

fn path(text: &str) -> VaultPath {
    VaultPath::parse(text).expect("a clean path")
}

struct Kv {
    http: reqwest::Client,
    base: String,
    mount: String,
    token: String,
}

#[async_trait]
impl IncomingWorld for Kv {
    async fn root(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let kind = if method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
        let mut request = self.http.request(method, format!("{}/{path}", self.base)).header("x-vault-token", &self.token);
        if let Some(body) = body {
            request = request.header("content-type", kind).body(body.to_string());
        }
        let answer = request.send().await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    fn mount(&self) -> String {
        self.mount.clone()
    }

    fn anchor(&self) -> VaultPath {
        path(Settings::DEFAULT_ANCHOR)
    }
}

#[tokio::test]
async fn the_incoming_contract_holds_on_the_embedded_store() {
    let world = world().await;
    let endpoints = world.endpoints();
    let mut settings = Settings::new(&endpoints.vault_addr, path(&endpoints.mount), path(Settings::DEFAULT_ANCHOR));
    settings.token = Some(endpoints.vault_token.duplicate());
    let beside = Kv {
        http: reqwest::Client::builder().no_proxy().build().expect("a client"),
        base: format!("{}/v1", world.kv2.url()),
        mount: endpoints.mount.clone(),
        token: endpoints.vault_token.expose().to_owned(),
    };
    incoming::run(&Vault::new(&settings).expect("a client"), &beside).await;
}

struct Api {
    http: reqwest::Client,
    url: String,
    access_key_id: String,
}

#[async_trait]
impl OutgoingWorld for Api {
    async fn call(&self, operation: &str, mut input: Value) -> Result<Value, Value> {
        let token = ["CreateSecret", "PutSecretValue", "UpdateSecret"].contains(&operation);
        if token && input["ClientRequestToken"].is_null() {
            input["ClientRequestToken"] = uuid::Uuid::new_v4().to_string().into();
        }
        let credential = format!("Credential={}/20260101/eu-central-1/secretsmanager/aws4_request", self.access_key_id);
        let answer = self
            .http
            .post(&self.url)
            .header("authorization", format!("AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=0"))
            .header("x-amz-target", format!("secretsmanager.{operation}"))
            .body(input.to_string())
            .send()
            .await
            .expect("an answer");
        let accepted = answer.status().is_success();
        let body = answer.json().await.unwrap_or_default();
        if accepted { Ok(body) } else { Err(body) }
    }

    async fn rotation_functions(&self) -> [String; 2] {
        ["one", "other"].map(|name| format!("arn:aws:lambda:eu-central-1:123456789012:function:{name}"))
    }
}

#[tokio::test]
async fn the_outgoing_contract_holds_on_the_embedded_store() {
    let world = world().await;
    let endpoints = world.endpoints();
    let port = SecretsManager::connect(phase0_sdk::Settings {
        region: Some(endpoints.region.clone()),
        endpoint_url: Some(endpoints.aws_url.clone()),
        credentials: Credentials::Given(GivenCredentials {
            access_key_id: endpoints.migration.id.clone(),
            secret_access_key: endpoints.migration.secret.duplicate(),
            session_token: None,
        }),
        probe: Some(Probe::Role(endpoints.application.principal_arn.clone())),
        quota_percent: 1_000,
        ..phase0_sdk::Settings::default()
    })
    .await
    .expect("settings that can be used");
    let beside = Api {
        http: reqwest::Client::builder().no_proxy().build().expect("a client"),
        url: world.secrets_manager.url(),
        access_key_id: endpoints.migration.id,
    };
    outgoing::run(&port, &beside).await;
}
