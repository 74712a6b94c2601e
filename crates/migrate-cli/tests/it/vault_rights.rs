//! What the emitted policies allow and refuse, call by call, on a real OpenBao, with tokens that carry one policy each.
//!
//! Not here: logging in through the Kubernetes auth method, which asks a cluster. That the role is accepted as it was written is compared
//! by `migrate vault check`.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    estate::{self, Estate},
    support::{AwsAccount, Canary, Mount, Servers, Workbench},
    vault_side::Side,
};

fn value() -> Option<Value> {
    Some(json!({"data": {"password": Canary::of_this_run().word()}}))
}

/// Entries that somebody else wrote: what may be read, and what may not.
async fn fill(side: &Side) {
    for path in ["platform-data/postgres/orders", "platform-config/kafka/main", "legacy/billing", "legacy/stays", "elsewhere/x"] {
        side.mount.write(path, json!({"password": Canary::of_this_run().word()})).await;
    }
    side.mount.write("migrate/anchor", json!({"epoch": "1"})).await;
}

/// What the operator's token may do and what not (REQ VLT-3).
async fn operator_reads_what_it_must_and_nothing_else(side: &Side) {
    fill(side).await;
    let operator = side.token("external-secrets-read").await;
    for path in [
        "secret/data/platform-data/postgres/orders",
        "secret/metadata/platform-data/postgres/orders",
        "secret/data/platform-config/kafka/main",
        "secret/metadata/platform-config/kafka/main",
        "secret/data/legacy/billing",
        "secret/metadata/legacy/billing",
        "secret/data/platform-data/postgres/nothing-there",
        "auth/token/lookup-self",
    ] {
        operator.may("GET", path, None).await;
    }
    for path in [
        "secret/data/elsewhere/x",
        "secret/data/legacy/stays",
        "secret/data/legacy/billing/below",
        "secret/data/migrate/anchor",
        "secret/metadata/migrate/anchor",
        "secret/data/platform-data",
        "secret/config",
        "sys/mounts",
        "sys/auth",
        "sys/policies/acl/external-secrets-read",
        "auth/kubernetes/config",
        "cubbyhole/x",
    ] {
        operator.may_not("GET", path, None).await;
    }
    for path in
        ["secret/metadata", "secret/metadata/platform-data", "secret/metadata/platform-data/postgres", "auth/kubernetes/role"]
    {
        operator.may_not("LIST", path, None).await;
    }
    let entry = "platform-data/postgres/orders";
    operator.may_not("POST", &format!("secret/data/{entry}"), value()).await;
    operator.may_not("PATCH", &format!("secret/data/{entry}"), value()).await;
    operator.may_not("POST", "secret/data/platform-data/postgres/new", value()).await;
    operator.may_not("DELETE", &format!("secret/data/{entry}"), None).await;
    operator.may_not("DELETE", &format!("secret/metadata/{entry}"), None).await;
    operator.may_not("POST", &format!("secret/metadata/{entry}"), Some(json!({"custom_metadata": {"a": "b"}}))).await;
    for verb in ["delete", "undelete", "destroy"] {
        operator.may_not("POST", &format!("secret/{verb}/{entry}"), Some(json!({"versions": [1]}))).await;
    }
    operator.may_not("POST", "auth/token/create", Some(json!({}))).await;
    operator.may_not("PUT", "sys/policies/acl/more", Some(json!({"policy": ""}))).await;
    // Last, as it does itself.
    operator.may("POST", "auth/token/revoke-self", None).await;
    operator.may_not("GET", "auth/token/lookup-self", None).await;
}

#[tokio::test]
async fn after_the_script_the_operator_reads_what_it_must_and_nothing_else() {
    operator_reads_what_it_must_and_nothing_else(&Side::applied("operator").await).await;
}

#[tokio::test]
async fn after_the_policy_files_alone_the_same_holds() {
    let side = Side::emitted("policy-files").await;
    let options = json!({"type": "kv", "options": {"version": "2"}});
    side.root(Method::POST, "sys/mounts/secret", Some(options)).await;
    for name in ["external-secrets-read", "migrate", "migrate-check"] {
        let text = side.bench.read(format!("vault/policies/{name}.hcl"));
        side.root(Method::PUT, &format!("sys/policies/acl/{name}"), Some(json!({"policy": text}))).await;
    }
    let told = side.check(&[], 2);
    let places: Vec<_> = told["differences"].as_array().expect("a list").iter().map(|found| &found["place"]["type"]).collect();
    assert!(!places.contains(&&json!("policy")), "{told}");
    while side.mount.call(Method::GET, &format!("{}/config", side.mount.path), None).await.0 == 400 {}
    operator_reads_what_it_must_and_nothing_else(&side).await;
}

#[tokio::test]
async fn with_find_the_operator_lists_below_the_trees_and_not_beside_them() {
    let side = Side::emitted("find").await;
    let settings = side.bench.read("migrate.toml").replace("max_versions", "find = true\nmax_versions");
    side.bench.write("migrate.toml", &settings);
    side.bench.migrate(&["vault", "emit", "--out", "vault"]).expect_code(0);
    side.bench.run("sh", &["vault/apply.sh"]).expect_code(0);
    fill(&side).await;
    let operator = side.token("external-secrets-read").await;
    for path in ["secret/metadata/platform-data/", "secret/metadata/platform-data/postgres", "secret/metadata/platform-config"] {
        operator.may("LIST", path, None).await;
    }
    for path in ["secret/metadata", "secret/metadata/legacy", "secret/metadata/elsewhere"] {
        operator.may_not("LIST", path, None).await;
    }
}

// REQ DIS-1
#[tokio::test]
async fn a_publisher_writes_its_own_keys_and_no_other() {
    let side = Side::applied("publisher").await;
    side.bench.run("sh", &["vault/publishers/apply.sh"]).expect_code(0);
    // In the order of a PushSecret that is made and then changed (ESO 0.20.4).
    let publisher = side.token("publisher-cnpg").await;
    let (data, metadata) = ("secret/data/platform-data/postgres/orders", "secret/metadata/platform-data/postgres/orders");
    let label = || Some(json!({"custom_metadata": {"managed-by": "external-secrets"}}));
    publisher.may("GET", "auth/token/lookup-self", None).await;
    publisher.may("GET", data, None).await;
    for _ in 0..2 {
        publisher.may("POST", metadata, label()).await;
        publisher.may("POST", data, value()).await;
        publisher.may("GET", data, None).await;
        publisher.may("GET", metadata, None).await;
    }
    assert_eq!(side.mount.metadata("platform-data/postgres/orders").await.expect("an entry")["current_version"], 2);
    publisher.may_not("DELETE", data, None).await;
    publisher.may_not("DELETE", metadata, None).await;
    publisher.may_not("POST", "secret/destroy/platform-data/postgres/orders", Some(json!({"versions": [1]}))).await;
    for other in
        ["platform-data/postgres/billing", "platform-data/postgres/orders/below", "platform-data/tls/ca", "migrate/anchor"]
    {
        publisher.may_not("GET", &format!("secret/data/{other}"), None).await;
        publisher.may_not("POST", &format!("secret/data/{other}"), value()).await;
        publisher.may_not("POST", &format!("secret/metadata/{other}"), label()).await;
    }
    publisher.may_not("LIST", "secret/metadata/platform-data", None).await;
    publisher.may_not("GET", "sys/mounts", None).await;

    // One whose PushSecrets have `deletionPolicy: Delete`.
    let publisher = side.token("publisher-ca").await;
    publisher.may("POST", "secret/metadata/platform-data/tls/ca", label()).await;
    publisher.may("POST", "secret/data/platform-data/tls/ca", value()).await;
    publisher.may("DELETE", "secret/data/platform-data/tls/ca", None).await;
    publisher.may("DELETE", "secret/metadata/platform-data/tls/ca", None).await;
    publisher.may_not("DELETE", data, None).await;
    assert!(side.mount.metadata("platform-data/tls/ca").await.is_none());
}

// REQ VLT-1, VLT-2
#[tokio::test(flavor = "multi_thread")]
async fn the_migration_role_hands_a_wave_over_and_is_refused_everything_else() {
    let side = Side::applied("migration").await;
    let migration = side.token("migrate").await;
    let account = AwsAccount::fresh(&Servers::from_env()).await;
    let estate = Estate::seed(&account, 8).await;
    let bench =
        account.environment().into_iter().fold(Workbench::new("migration"), |bench, (name, value)| bench.with(name, value));
    let bench = side.mount.environment().into_iter().fold(bench, |bench, (name, value)| bench.with(name, value));
    let bench = bench.with("VAULT_TOKEN", &migration.token);
    bench.write("kubernetes-ca.pem", &side.bench.read("kubernetes-ca.pem"));
    bench.write("migrate.toml", &side.bench.read("migrate.toml"));
    bench.write("secrets-inventory.yaml", &estate.declared());
    bench.migrate(&["init"]).expect_code(0);
    bench.migrate(&["inventory", "import"]).expect_code(0);
    let commit = ["apply", "--through", "commit"];
    // The role is of its own namespace, and those above may have policies that reach into it: somebody has to say that they have none.
    let planned = bench.migrate(&["plan", "--wave", "undeclared"]).expect_code(0);
    assert!(planned.stdout.contains("the policies of the root namespace can't be read"), "{planned}");
    bench.migrate(&commit).expect_code(3);
    std::fs::remove_file(bench.repository().join("migrate/test/plans/undeclared.json")).expect("a removed plan");
    let declared = "[environment.test.incoming]\npolicies_declared = true";
    bench.write("migrate.toml", &bench.read("migrate.toml").replace("[environment.test.incoming]", declared));
    bench.migrate(&["plan"]).expect_code(0);
    bench.migrate(&commit).expect_code(0);
    bench.migrate(&["verify"]).expect_code(0);
    assert_eq!(estate.judge(&account, &side.mount, "platform-data/").await, 8);
    assert!(estate::is_fenced(&account, &estate.secrets[0].name).await);

    let entry = &estate.secrets[0].name;
    migration.may_not("DELETE", &format!("secret/data/{entry}"), None).await;
    for verb in ["delete", "undelete", "destroy"] {
        migration.may_not("POST", &format!("secret/{verb}/{entry}"), Some(json!({"versions": [1]}))).await;
    }
    for path in ["secret/metadata", "secret/metadata/platform-data", "auth/kubernetes/role"] {
        migration.may_not("LIST", path, None).await;
    }
    migration.may_not("DELETE", "secret/metadata/migrate/anchor", None).await;
    migration.may_not("POST", "secret/data/elsewhere/x", value()).await;
    migration.may_not("POST", "secret/config", Some(json!({"max_versions": 1}))).await;
    side.root(Method::POST, "sys/mounts/other", Some(json!({"type": "kv", "options": {"version": "2"}}))).await;
    for path in ["other/data/platform-data/postgres/x", "other/config", "sys/mounts", "sys/auth"] {
        migration.may_not("GET", path, None).await;
    }
    // Who else may write is looked at, and nothing changed about it.
    migration.may("LIST", "sys/policies/acl", None).await;
    migration.may("GET", "sys/policies/acl/publisher-cnpg", None).await;
    migration.may_not("DELETE", "sys/policies/acl/publisher-cnpg", None).await;
    migration.may_not("PUT", "sys/policies/acl/migrate", Some(json!({"policy": ""}))).await;
    migration.may_not("POST", "auth/token/create", Some(json!({}))).await;
}

#[tokio::test]
async fn the_check_reads_settings_and_no_value() {
    let side = Side::applied("checker").await;
    fill(&side).await;
    let checker = side.token("migrate-check").await;
    for path in ["secret/data/platform-data/postgres/orders", "secret/metadata/platform-data/postgres/orders", "sys/mounts"] {
        checker.may_not("GET", path, None).await;
    }
    checker.may_not("PUT", "sys/policies/acl/migrate", Some(json!({"policy": ""}))).await;
    checker.may_not("POST", "auth/kubernetes/role/external-secrets", Some(json!({"audience": "x"}))).await;
    checker.may_not("POST", "secret/config", Some(json!({"max_versions": 1}))).await;
    let token = checker.token.clone();
    let side = Side { bench: side.bench.with("VAULT_TOKEN", token), ..side };
    side.check(&[], 0);
}

#[tokio::test]
async fn a_mount_of_one_version_only_is_left_alone_by_the_script() {
    let side = Side::emitted("version-1").await;
    side.root(Method::POST, "sys/mounts/secret", Some(json!({"type": "kv"}))).await;
    let whole = side.bench.run("sh", &["vault/apply.sh"]).expect_code(1);
    assert!(whole.stderr.contains("KV version 2 is needed"), "{whole}");
    let (status, _) =
        side.mount.call(Method::GET, &Mount::at(&Servers::from_env(), format!("{}/config", side.mount.path)).path, None).await;
    assert_eq!(status, 404, "the script wrote an entry");
    let told = side.check(&[], 2);
    assert_eq!(told["differences"][0]["setting"], "version", "{told}");
    assert!(told["differences"][0]["mend"].is_null(), "{told}");
}
