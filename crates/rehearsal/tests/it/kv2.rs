//! KV v2, as OpenBao 2.7.2 was seen to answer.

use http::StatusCode;
use migrate_core::value::SecretText;
use rehearsal::kv2::{Capability, Grants, Kv2, Settings};
use serde_json::{Value, json};

use crate::client::{Answer, Hand, ROOT, vault_as};

pub(crate) async fn start(hand: &Hand) -> Kv2 {
    Kv2::start(Settings {
        mounts: vec!["secret".into()],
        tokens: vec![(ROOT.into(), Grants::Root)],
        version: "2.7.2".into(),
        cluster_id: "c".into(),
        clock: hand.clock(),
        seed: 1,
    })
    .await
    .unwrap()
}

struct Server {
    kv2: Kv2,
    hand: Hand,
}

impl Server {
    async fn start() -> Self {
        let hand = Hand::new();
        Self { kv2: start(&hand).await, hand }
    }

    async fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        vault_as(&self.kv2.url(), ROOT, method, path, body).await
    }

    async fn done(&self, method: &str, path: &str, body: &str) -> Value {
        let answer = self.ask(method, path, body).await;
        assert!(answer.status.is_success(), "{method} {path}: {} {}", answer.status, String::from_utf8_lossy(&answer.body));
        answer.json()["data"].clone()
    }

    /// Status and first error of a refusal.
    async fn refused(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let answer = self.ask(method, path, body).await;
        assert!(!answer.status.is_success(), "{method} {path}: {}", answer.status);
        (answer.status.as_u16(), answer.json()["errors"][0].as_str().unwrap_or_default().to_owned())
    }
}

const MISMATCH: &str = "check-and-set parameter did not match the current version";

#[tokio::test]
async fn check_and_set_guards_every_version_also_those_that_are_gone() {
    let server = Server::start().await;
    let write = |cas: i64| json!({"options": {"cas": cas}, "data": {"k": "v"}}).to_string();
    assert_eq!(server.refused("POST", "secret/data/a", &write(1)).await, (400, MISMATCH.into()));
    assert_eq!(server.done("POST", "secret/data/a", &write(0)).await["version"], 1);
    assert_eq!(server.refused("POST", "secret/data/a", &write(0)).await, (400, MISMATCH.into()));
    assert_eq!(server.done("PUT", "secret/data/a", &write(1)).await["version"], 2);
    server.done("DELETE", "secret/data/a", "").await;
    assert_eq!(server.refused("POST", "secret/data/a", &write(0)).await, (400, MISMATCH.into()));
    server.done("POST", "secret/destroy/a", r#"{"versions":[1,2]}"#).await;
    assert_eq!(server.refused("POST", "secret/data/a", &write(0)).await, (400, MISMATCH.into()));
    server.done("DELETE", "secret/metadata/a", "").await;
    assert_eq!(server.done("POST", "secret/data/a", &write(0)).await["version"], 1, "nothing is left of it");
    server.done("POST", "secret/metadata/m", r#"{"custom_metadata":{"k":"v"}}"#).await;
    let made = server.done("POST", "secret/data/m", &write(0)).await;
    assert_eq!(made["custom_metadata"], json!({"k": "v"}), "an entry with metadata only takes 0");
    let bad = server.refused("POST", "secret/data/a", r#"{"options":{"cas":"x"},"data":{}}"#).await;
    assert_eq!(bad, (400, "error parsing check-and-set parameter".into()));
}

#[tokio::test]
async fn data_comes_back_as_go_writes_it() {
    let server = Server::start().await;
    server
        .done("POST", "secret/data/a", r#"{"data":{"b":1.10,"a":12345678901234567890,"s":"<\ud800","n":{"z":1,"y":null}}}"#)
        .await;
    let answer = server.ask("GET", "secret/data/a", "").await;
    let text = String::from_utf8(answer.body).unwrap();
    let data = "\"data\":{\"a\":12345678901234567000,\"b\":1.1,\"n\":{\"y\":null,\"z\":1},\"s\":\"\\u003c\u{fffd}\"}";
    assert!(text.contains(data), "{text}");
    assert_eq!(server.refused("POST", "secret/data/a", "{}").await, (400, "no data provided".into()));
    assert_eq!(server.refused("POST", "secret/data/a", r#"{"data":"x"}"#).await.0, 400);
}

#[tokio::test]
async fn versions_are_read_deleted_undeleted_and_destroyed() {
    let server = Server::start().await;
    for value in ["1", "2"] {
        server.done("POST", "secret/data/a", &json!({"data": {"k": value}}).to_string()).await;
    }
    assert_eq!(server.done("GET", "secret/data/a?version=1", "").await["data"]["k"], "1");
    assert_eq!(server.done("GET", "secret/data/a?version=0", "").await["data"]["k"], "2");
    assert_eq!(server.refused("GET", "secret/data/a?version=3", "").await, (404, String::new()));
    assert_eq!(server.refused("GET", "secret/data/a?version=x", "").await.0, 400);
    assert_eq!(server.ask("GET", "secret/data/none", "").await.json(), json!({"errors": []}));

    server.done("DELETE", "secret/data/a", "").await;
    let gone = server.ask("GET", "secret/data/a", "").await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
    assert_eq!(gone.json()["data"]["data"], Value::Null);
    assert_eq!(gone.json()["data"]["metadata"]["version"], 2);
    assert_ne!(gone.json()["data"]["metadata"]["deletion_time"], "");
    server.done("POST", "secret/undelete/a", r#"{"versions":[2]}"#).await;
    assert_eq!(server.done("GET", "secret/data/a", "").await["data"]["k"], "2");
    server.done("POST", "secret/delete/a", r#"{"versions":["1"]}"#).await;
    server.done("POST", "secret/destroy/a", r#"{"versions":[2]}"#).await;
    let gone = server.ask("GET", "secret/data/a", "").await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
    assert_eq!(gone.json()["data"]["metadata"]["destroyed"], true);
    let seen = server.done("GET", "secret/metadata/a", "").await;
    assert_eq!(seen["current_version"], 2);
    assert_ne!(seen["versions"]["1"]["deletion_time"], "");
    assert_eq!(seen["versions"]["2"]["destroyed"], true);
    assert_eq!(server.refused("POST", "secret/delete/a", "{}").await, (400, "No version number provided".into()));
}

#[tokio::test]
async fn old_versions_are_pruned_and_all_expire_in_time() {
    let server = Server::start().await;
    server.done("POST", "secret/metadata/a", r#"{"max_versions":2,"delete_version_after":"1h"}"#).await;
    let mut seen = Value::Null;
    for kept in [["1"].as_slice(), &["1", "2"], &["2", "3"], &["3", "4"]] {
        server.done("POST", "secret/data/a", r#"{"data":{}}"#).await;
        seen = server.done("GET", "secret/metadata/a", "").await;
        assert_eq!(seen["versions"].as_object().unwrap().keys().collect::<Vec<_>>(), kept);
    }
    assert_eq!((&seen["oldest_version"], &seen["delete_version_after"]), (&json!(3), &json!("1h0m0s")));
    server.done("GET", "secret/data/a", "").await;
    server.hand.pass(3600);
    assert_eq!(server.ask("GET", "secret/data/a", "").await.status, StatusCode::NOT_FOUND);

    server.done("POST", "secret/config", r#"{"delete_version_after":"30m","cas_required":true}"#).await;
    let shown = server.done("GET", "secret/config", "").await;
    assert_eq!(
        shown,
        json!({"cas_required": true, "delete_version_after": "30m0s", "max_versions": 0, "metadata_cas_required": false})
    );
    let required = server.refused("POST", "secret/data/b", r#"{"data":{}}"#).await;
    assert_eq!(required, (400, "check-and-set parameter required for this call".into()));
    server.done("POST", "secret/data/b", r#"{"data":{},"options":{"cas":0}}"#).await;
    server.hand.pass(1800);
    assert_eq!(server.ask("GET", "secret/data/b", "").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn custom_metadata_is_replaced_merged_and_limited() {
    let server = Server::start().await;
    server.done("POST", "secret/metadata/a", r#"{"custom_metadata":{"a":"1","b":"2"}}"#).await;
    server.done("PATCH", "secret/metadata/a", r#"{"custom_metadata":{"a":null,"c":"3"}}"#).await;
    let seen = server.done("GET", "secret/metadata/a", "").await;
    assert_eq!(seen["custom_metadata"], json!({"b": "2", "c": "3"}));
    assert_eq!((&seen["current_version"], &seen["versions"]), (&json!(0), &json!({})));
    assert_eq!(server.ask("PATCH", "secret/metadata/none", "{}").await.status, StatusCode::NOT_FOUND);

    let set = |key: &str, value: &str| json!({"custom_metadata": {key: value}}).to_string();
    server.done("POST", "secret/metadata/a", &set(&"k".repeat(128), &"v".repeat(512))).await;
    for (key, value) in [("", "v"), (&*"k".repeat(129), "v"), ("k", ""), ("k", &"v".repeat(513)), ("k", "\u{7}")] {
        let (status, error) = server.refused("POST", "secret/metadata/a", &set(key, value)).await;
        assert_eq!(status, 400);
        assert!(error.contains("custom_metadata validation failed"), "{error}");
    }
    let many: serde_json::Map<String, Value> = (0..65).map(|n| (format!("k{n}"), json!("v"))).collect();
    assert_eq!(server.refused("POST", "secret/metadata/a", &json!({"custom_metadata": many}).to_string()).await.0, 400);
    assert_eq!(server.refused("POST", "secret/metadata/a", r#"{"delete_version_after":"-1s"}"#).await.0, 400);
}

#[tokio::test]
async fn metadata_has_a_check_and_set_of_its_own() {
    let server = Server::start().await;
    let write = |cas: u64| json!({"metadata_cas": cas, "custom_metadata": {"k": cas.to_string()}}).to_string();
    let early = server.refused("POST", "secret/metadata/a", &write(1)).await;
    assert_eq!(early, (400, "metadata_cas must be 0 when creating new metadata".into()));
    server.done("POST", "secret/metadata/a", &write(0)).await;
    let mismatch = (400, "metadata check-and-set parameter does not match the current version".to_owned());
    assert_eq!(server.refused("POST", "secret/metadata/a", &write(0)).await, mismatch);
    assert_eq!(server.refused("PATCH", "secret/metadata/a", &write(0)).await, mismatch);
    server.done("PATCH", "secret/metadata/a", &write(1)).await;
    let seen = server.done("GET", "secret/metadata/a", "").await;
    assert_eq!((&seen["current_metadata_version"], &seen["custom_metadata"]["k"]), (&json!(2), &json!("1")));
    server.done("POST", "secret/config", r#"{"metadata_cas_required":true}"#).await;
    let required = (400, "metadata check-and-set parameter required for this call".to_owned());
    assert_eq!(server.refused("PATCH", "secret/metadata/a", r#"{"custom_metadata":{}}"#).await, required);
    assert_eq!(server.refused("POST", "secret/metadata/b", r#"{"custom_metadata":{}}"#).await, required);
    server.done("POST", "secret/metadata/b", r#"{"metadata_cas":0,"custom_metadata":{}}"#).await;
    assert_eq!(server.done("GET", "secret/metadata/b", "").await["custom_metadata"], Value::Null);
}

#[tokio::test]
async fn folders_are_listed() {
    let server = Server::start().await;
    for path in ["a", "d/e", "d/e/f", "d/e/g"] {
        server.done("POST", &format!("secret/data/{path}"), r#"{"data":{}}"#).await;
    }
    assert_eq!(server.done("LIST", "secret/metadata", "").await["keys"], json!(["a", "d/"]));
    assert_eq!(server.done("GET", "secret/metadata/d/?list=true", "").await["keys"], json!(["e", "e/"]));
    assert_eq!(server.done("LIST", "secret/metadata/d/e", "").await["keys"], json!(["f", "g"]));
    assert_eq!(server.ask("LIST", "secret/metadata/none", "").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn unclean_paths_are_sent_elsewhere_or_refused() {
    let server = Server::start().await;
    for (path, clean) in [
        ("secret/data/x//y", "/v1/secret/data/x/y"),
        ("secret/data/a/./b", "/v1/secret/data/a/b"),
        ("secret/data/a/../b", "/v1/secret/data/b"),
    ] {
        let answer = server.ask("POST", path, r#"{"data":{}}"#).await;
        assert_eq!((answer.status, &answer.headers["location"]), (StatusCode::TEMPORARY_REDIRECT, &clean.parse().unwrap()));
    }
    let trailing = server.refused("POST", "secret/data/a/", r#"{"data":{}}"#).await;
    assert_eq!(trailing, (400, "cannot write to a path ending in '/'".into()));
    assert!(server.kv2.paths("secret").is_empty());
    server.done("POST", "secret/data/sp%20ace%2Fx+y", r#"{"data":{}}"#).await;
    assert_eq!(server.kv2.paths("secret"), ["sp ace/x+y"]);
}

#[tokio::test]
async fn large_and_complex_bodies_are_refused() {
    let server = Server::start().await;
    let fields = |n: usize| {
        let data: serde_json::Map<String, Value> = (0..n).map(|n| (format!("k{n}"), json!("v"))).collect();
        json!({ "data": data }).to_string()
    };
    server.done("POST", "secret/data/a", &fields(499)).await;
    let complex = "refused JSON input due to high complexity: exceeded maximum number of strings";
    assert_eq!(server.refused("POST", "secret/data/a", &fields(500)).await, (400, complex.into()));
    let sized = |n: usize| json!({"data": {"k": "v".repeat(n)}}).to_string();
    server.done("POST", "secret/data/a", &sized(1_048_000)).await;
    let (status, error) = server.refused("POST", "secret/data/a", &sized(1_048_576)).await;
    assert_eq!(status, 500);
    assert!(error.contains("put failed due to value being too large"), "{error}");
    assert_eq!(server.refused("POST", "secret/data/a", r#"{"data":"#).await.0, 400);
}

#[tokio::test]
async fn tokens_open_what_they_are_granted() {
    let server = Server::start().await;
    let url = server.kv2.url();
    let grants = Grants::paths(&[("secret/data/*", &[Capability::Read, Capability::Create]), ("secret/data/no", &[])]);
    server.kv2.add_token(SecretText::new("s.some".into()), grants);
    let status = |method: &'static str, path: &'static str| {
        let url = url.clone();
        async move { vault_as(&url, "s.some", method, path, r#"{"data":{}}"#).await.status.as_u16() }
    };
    assert_eq!(status("POST", "secret/data/a").await, 200);
    assert_eq!(status("POST", "secret/data/a").await, 403, "create is not update");
    assert_eq!(status("GET", "secret/data/a").await, 200);
    assert_eq!(status("GET", "secret/data/no").await, 403);
    assert_eq!(status("GET", "secret/metadata/a").await, 403);
    assert_eq!(status("GET", "secret/config").await, 403);
    assert_eq!(status("GET", "sys/mounts").await, 403);
    assert_eq!(status("GET", "sys/internal/ui/mounts/secret").await, 200);
    assert_eq!(status("GET", "sys/internal/ui/mounts/nope").await, 403);
    let asked =
        vault_as(&url, "s.some", "POST", "sys/capabilities-self", r#"{"paths":["secret/data/a","secret/metadata/a"]}"#).await;
    assert_eq!(asked.json()["data"], json!({"secret/data/a": ["create", "read"], "secret/metadata/a": ["deny"]}));
    let stranger = vault_as(&url, "s.stranger", "GET", "secret/data/a", "").await;
    assert_eq!((stranger.status.as_u16(), stranger.json()), (403, json!({"errors": ["permission denied"]})));
    assert_eq!(server.done("GET", "auth/token/lookup-self", "").await["policies"], json!(["root"]));
    assert_eq!(server.done("GET", "sys/mounts", "").await["secret/"]["options"]["version"], "2");
    assert_eq!(server.refused("GET", "nope/data/a", "").await.0, 404);
}

#[tokio::test]
async fn a_sealed_server_answers_its_state_and_nothing_else() {
    let server = Server::start().await;
    assert_eq!(server.ask("GET", "sys/health", "").await.json()["cluster_id"], "c");
    server.kv2.set_sealed(true);
    assert_eq!(server.refused("GET", "secret/data/a", "").await, (503, "Vault is sealed".into()));
    let health = server.ask("GET", "sys/health", "").await;
    assert_eq!((health.status.as_u16(), &health.json()["sealed"]), (503, &json!(true)));
    let status = server.ask("GET", "sys/seal-status", "").await;
    assert_eq!((status.status.as_u16(), &status.json()["sealed"]), (200, &json!(true)));
    server.kv2.set_sealed(false);
    assert_eq!(server.ask("GET", "secret/data/a", "").await.status, StatusCode::NOT_FOUND);
}
