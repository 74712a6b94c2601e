//! The ports' contracts against the embedded stores, so that a rehearsal can't drift away from the real servers: the same suites, the same
//! production clients. Needs no server.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use migrate_core::name::VaultPath;
use phase2_vault::{Settings, Vault};
use rehearsal::{
    contract::incoming::{self, IncomingWorld},
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
    token: String,
}

#[async_trait]
impl IncomingWorld for Kv {
    async fn api(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let kind = if method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
        let mut request = self.http.request(method, format!("{}/{path}", self.base)).header("x-vault-token", &self.token);
        if let Some(body) = body {
            request = request.header("content-type", kind).body(body.to_string());
        }
        let answer = request.send().await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
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
        base: format!("{}/v1/{}", world.kv2.url(), endpoints.mount),
        token: endpoints.vault_token.expose().to_owned(),
    };
    incoming::run(&Vault::new(&settings).expect("a client"), &beside).await;
}
