//! The world is as the other tests take it to be: accounts apart, real storage, TLS that is verified, a clean room for the CLI.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use reqwest::Method;
use serde_json::json;

use crate::support::{AwsAccount, Canary, Mount, Servers, Workbench};

#[tokio::test]
async fn accounts_of_two_tests_do_not_see_each_other() {
    let servers = Servers::from_env();
    let (one, other) = (AwsAccount::fresh(&servers).await, AwsAccount::fresh(&servers).await);
    let canary = Canary::of_this_run();
    let text = canary.text();
    let version = one.create_text("platform-data/mysql/app", &text).await;

    let read = one.call("GetSecretValue", json!({"SecretId": "platform-data/mysql/app"})).await;
    assert!(read["SecretString"] == text, "the text that was written is read");
    assert_eq!(read["VersionId"], version);
    assert!(read["ARN"].as_str().is_some_and(|arn| arn.contains(&one.id)));
    let refusal = other.try_call("GetSecretValue", json!({"SecretId": "platform-data/mysql/app"})).await.unwrap_err();
    assert!(refusal["__type"].as_str().is_some_and(|kind| kind.ends_with("ResourceNotFoundException")), "{refusal}");
}

#[tokio::test]
async fn every_kind_of_value_comes_back_as_it_was_written() {
    let account = AwsAccount::fresh(&Servers::from_env()).await;
    let canary = Canary::of_this_run();
    for (name, text) in [
        ("text", canary.text()),
        ("object", canary.object()),
        ("nested", canary.nested()),
        ("pem", canary.pem()),
        ("largest", canary.largest()),
    ] {
        account.create_text(name, &text).await;
        let read = account.call("GetSecretValue", json!({"SecretId": name})).await;
        assert!(read["SecretString"] == text, "{name} is read as it was written");
    }
    let bytes = canary.binary();
    account.create_binary("binary", &bytes).await;
    let read = account.call("GetSecretValue", json!({"SecretId": "binary"})).await;
    assert!(read["SecretBinary"] == BASE64.encode(&bytes), "bytes are read as they were written");
}

#[tokio::test]
async fn the_vault_is_unsealed_on_raft_and_its_mounts_are_apart() {
    let servers = Servers::from_env();
    let (one, other) = (Mount::fresh(&servers).await, Mount::fresh(&servers).await);
    let (status, seal) = one.call(Method::GET, "sys/seal-status", None).await;
    assert!(status.is_success(), "{status}");
    assert_eq!((&seal["sealed"], &seal["storage_type"]), (&json!(false), &json!("raft")), "{seal}");

    assert_eq!(one.write("a/b", json!({"password": Canary::of_this_run().word()})).await, 1);
    assert_eq!(one.read("a/b").await.expect("an entry")["metadata"]["version"], 1);
    assert_eq!(one.metadata("a/b").await.expect("an entry")["current_version"], 1);
    assert_eq!(other.read("a/b").await, None);
    assert_eq!(other.metadata("a/b").await, None);
}

#[tokio::test]
async fn the_vault_is_not_trusted_without_its_own_authority() {
    let servers = Servers::from_env();
    let stranger = reqwest::Client::builder().no_proxy().build().unwrap();
    let error = stranger.get(format!("{}/v1/sys/health", servers.bao_addr)).send().await.unwrap_err();
    assert!(error.is_connect(), "{error}");
}

#[tokio::test]
async fn a_run_of_the_cli_sees_only_the_environment_it_was_given() {
    let servers = Servers::from_env();
    let (account, mount) = (AwsAccount::fresh(&servers).await, Mount::fresh(&servers).await);
    let bench = Workbench::new("clean-room").between(&account, &mount).with("RUST_LOG", "trace");
    bench.write("note", "kept\n");
    assert_eq!(bench.read("note"), "kept\n");

    let command = bench.command(&[]);
    let given: Vec<_> = command.get_envs().filter_map(|(name, value)| value.and(name.to_str())).collect();
    for name in ["AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN", "VAULT_ADDR", "VAULT_CACERT", "RUST_LOG", "HOME"] {
        assert!(given.contains(&name), "{name} is given");
    }
    assert!(!given.contains(&"MIGRATE_TEST_BAO_TOKEN"), "what steers the tests does not reach the CLI");
    let whole = bench.migrate(&["--version"]).expect_code(0);
    assert!(whole.to_string().starts_with("$ migrate --version\n") && whole.to_string().ends_with("--- exit 0\n"), "{whole}");
}
