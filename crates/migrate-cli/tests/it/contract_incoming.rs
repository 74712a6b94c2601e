//! The Incoming port against a real OpenBao: its contract, with no more rights than the policy that we emit, and what it says of stores
//! that can't be used.

use std::collections::BTreeMap;

use async_trait::async_trait;
use migrate_core::{
    id::{Epoch, LedgerId, SourceVersion, WaveName},
    name::{SecretName, VaultPath},
    observed::{Mark, Sighting},
    ports::{Incoming, PortError, PortErrorKind, Stamp},
    value::SecretText,
};
use phase2_vault::{Settings, Trust, Vault, emit};
use rehearsal::contract::incoming::{self, IncomingWorld};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Mount, Servers};

struct World(Mount);

#[async_trait]
impl IncomingWorld for World {
    async fn root(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let (status, body) = self.0.call(method, path, body).await;
        (status.as_u16(), body)
    }

    fn mount(&self) -> String {
        self.0.path.clone()
    }

    fn anchor(&self) -> VaultPath {
        path(Settings::DEFAULT_ANCHOR)
    }
}

fn path(text: &str) -> VaultPath {
    VaultPath::parse(text).expect("a clean path")
}

/// What the environment of the Vault command line says, for this mount.
fn settings(mount: &Mount) -> Settings {
    let variables = mount.environment();
    let lookup = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone());
    Settings::from_environment(path(&mount.path), path(Settings::DEFAULT_ANCHOR), lookup).expect("settings")
}

/// A token with exactly this policy, and not even the default one.
async fn token_with(mount: &Mount, policy: &str) -> SecretText {
    let name = format!("policy-{}", mount.path);
    let (status, answer) = mount.call(Method::PUT, &format!("sys/policies/acl/{name}"), Some(json!({"policy": policy}))).await;
    assert!(status.is_success(), "{answer}");
    let input = json!({"policies": [name], "no_default_policy": true, "ttl": "1h"});
    let (status, answer) = mount.call(Method::POST, "auth/token/create", Some(input)).await;
    assert!(status.is_success(), "{answer}");
    SecretText::new(answer["auth"]["client_token"].as_str().expect("a token").to_owned())
}

async fn survey_fails(settings: &Settings) -> PortError {
    Vault::new(settings).expect("a client").survey().await.expect_err("a survey that fails")
}

#[tokio::test]
async fn the_contract_holds_with_no_more_rights_than_the_emitted_policy() {
    let mount = Mount::fresh(&Servers::from_env()).await;
    let mut settings = settings(&mount);
    let policy = emit::migration_policy(&settings.mount, &[path("contract")], &[], &settings.anchor).expect("a policy").to_hcl();
    settings.token = Some(token_with(&mount, &policy).await);
    incoming::run(&Vault::new(&settings).expect("a client"), &World(mount)).await;
}

#[tokio::test]
async fn the_emitted_policy_reaches_nothing_else() {
    let mount = Mount::fresh(&Servers::from_env()).await;
    let mut settings = settings(&mount);
    let policy =
        emit::migration_policy(&settings.mount, &[path("platform-data")], &[], &settings.anchor).expect("a policy").to_hcl();
    settings.token = Some(token_with(&mount, &policy).await);
    mount.write("elsewhere/x", json!({"k": "v"})).await;
    mount.write("platform-data/x", json!({"k": "v"})).await;
    let vault = Vault::new(&settings).expect("a client");
    let seen = vault.describe(&[path("elsewhere/x"), path("platform-data/x")]).await;
    assert!(matches!(&seen[0], Sighting::Unreadable(error) if error.kind == PortErrorKind::Denied), "{seen:?}");
    assert!(matches!(&seen[1], Sighting::Present(_)), "{seen:?}");
}

#[tokio::test]
async fn a_mount_that_demands_check_and_set_is_served_too() {
    let mount = Mount::fresh(&Servers::from_env()).await;
    let config = json!({"cas_required": true, "metadata_cas_required": true});
    let (status, answer) = mount.call(Method::POST, &format!("{}/config", mount.path), Some(config)).await;
    assert!(status.is_success(), "{answer}");
    let vault = Vault::new(&settings(&mount)).expect("a client");
    for epoch in 1..=3 {
        let stamp = Stamp {
            path: path("a/b"),
            mark: Mark { ledger: LedgerId::new("l"), wave: WaveName::parse("w").expect("a name"), epoch: Epoch(epoch) },
            source: (SecretName::parse("a/b").expect("a name"), SourceVersion::new("v")),
            encoding: "text".into(),
            carried: BTreeMap::new(),
        };
        assert_eq!(vault.stamp(&[stamp]).await, [Ok(())]);
        assert_eq!(mount.metadata("a/b").await.expect("an entry")["custom_metadata"]["migrate-epoch"], epoch.to_string());
    }
}

#[tokio::test]
async fn a_store_that_can_not_be_used_is_told_apart() {
    let servers = Servers::from_env();
    let mount = Mount::fresh(&servers).await;

    let mut wrong_token = settings(&mount);
    wrong_token.token = Some(SecretText::new("s.wrong".into()));
    assert_eq!(survey_fails(&wrong_token).await.kind, PortErrorKind::Unauthenticated);

    let mut no_rights = settings(&mount);
    no_rights.token = Some(token_with(&mount, "path \"nothing/*\" { capabilities = [\"read\"] }").await);
    assert_eq!(survey_fails(&no_rights).await.kind, PortErrorKind::Denied);

    let mut no_mount = settings(&mount);
    no_mount.mount = path("nowhere");
    assert_eq!(survey_fails(&no_mount).await.kind, PortErrorKind::NotFound);

    let (status, answer) = mount.call(Method::POST, &format!("sys/mounts/{}-v1", mount.path), Some(json!({"type": "kv"}))).await;
    assert!(status.is_success(), "{answer}");
    let mut version_1 = settings(&mount);
    version_1.mount = path(&format!("{}-v1", mount.path));
    assert_eq!(survey_fails(&version_1).await.kind, PortErrorKind::Misconfigured);

    let mut other_ca = settings(&mount);
    other_ca.trust = Trust::System;
    let error = survey_fails(&other_ca).await;
    assert_eq!(error.kind, PortErrorKind::Unreachable);
    assert!(error.detail.contains("certificate"), "{error}");

    let mut nobody_there = settings(&mount);
    nobody_there.address = "https://127.0.0.1:1".into();
    assert_eq!(survey_fails(&nobody_there).await.kind, PortErrorKind::Unreachable);

    let mut other_namespace = settings(&mount);
    other_namespace.namespace = Some("no-such-namespace".into());
    assert_ne!(survey_fails(&other_namespace).await.kind, PortErrorKind::Unexpected);
}

#[tokio::test]
async fn a_namespace_has_mounts_of_its_own() {
    let mount = Mount::fresh(&Servers::from_env()).await;
    let namespace = format!("ns-{}", mount.path);
    let (status, answer) = mount.call(Method::POST, &format!("sys/namespaces/{namespace}"), None).await;
    assert!(status.is_success(), "{answer}");
    let input = json!({"type": "kv", "options": {"version": "2"}});
    let (status, answer) = mount.call(Method::POST, &format!("{namespace}/sys/mounts/inner"), Some(input)).await;
    assert!(status.is_success(), "{answer}");
    let mut settings = settings(&mount);
    settings.mount = path("inner");
    assert_eq!(survey_fails(&settings).await.kind, PortErrorKind::NotFound);
    settings.namespace = Some(namespace);
    let survey = Vault::new(&settings).expect("a client").survey().await.expect("a survey");
    assert_eq!(survey.product, "OpenBao");
}

#[tokio::test]
async fn a_name_in_the_certificate_stands_for_the_host() {
    let mount = Mount::fresh(&Servers::from_env()).await;
    let mut settings = settings(&mount);
    settings.tls_server_name = Some("localhost".into());
    Vault::new(&settings).expect("a client").survey().await.expect("the name that the certificate bears");
    settings.tls_server_name = Some("vault.example".into());
    assert_eq!(survey_fails(&settings).await.kind, PortErrorKind::Unreachable);
}
