//! `migrate vault check` against a real OpenBao: equal after the script, and after each change by hand exactly that difference, which the
//! command that it names mends.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    support::{Canary, Servers},
    vault_side::Side,
};

const READER: &str = "external-secrets-read";

#[tokio::test]
async fn after_the_script_it_is_equal_and_a_second_run_changes_nothing() {
    let side = Side::emitted("twice").await;
    let before = side.check(&[], 2);
    let missing: Vec<_> = before["differences"].as_array().expect("a list").iter().map(|found| &found["difference"]).collect();
    assert!(missing.len() == 7 && missing.iter().all(|kind| **kind == "missing"), "{before}");
    side.bench.run("sh", &["vault/apply.sh"]).expect_code(0);
    assert_eq!(side.check(&[], 0)["notYet"].as_array().map(Vec::len), Some(4));
    let first = everything(&side).await;
    side.bench.run("sh", &["vault/apply.sh"]).expect_code(0);
    assert_eq!(everything(&side).await, first);
    side.check(&["--publishers"], 2);
    side.bench.run("sh", &["vault/publishers/apply.sh"]).expect_code(0);
    // REQ AUT-1: they could write what Secrets Manager still counts for, and are told by name.
    let told = side.check(&["--publishers"], 2);
    assert_eq!(told["differences"], json!([]));
    assert_eq!(told["early"][0]["name"], "platform-data/postgres/orders", "{told}");
    assert_eq!(told["early"].as_array().map(Vec::len), Some(1), "{told}");
}

/// Nobody can read a reviewer's token back, so a second run must not take it away.
#[tokio::test]
async fn a_reviewers_token_survives_the_script_and_is_replaced_from_a_file_only() {
    let side = Side::applied("reviewer").await;
    side.bench.write("reviewer.jwt", "not.a.token");
    let side = Side { bench: side.bench.with("TOKEN_REVIEWER_JWT_FILE", "../reviewer.jwt"), ..side };
    side.bench.run("sh", &["vault/apply.sh"]).expect_code(0);
    let is_set = async || side.root(Method::GET, "auth/kubernetes/config", None).await["data"]["token_reviewer_jwt_set"].take();
    assert_eq!(is_set().await, true);
    let side = Side { bench: side.bench.with("TOKEN_REVIEWER_JWT_FILE", ""), ..side };
    let whole = side.bench.run("sh", &["vault/apply.sh"]).expect_code(0);
    assert!(whole.stderr.contains("left alone"), "{whole}");
    let config = side.root(Method::GET, "auth/kubernetes/config", None).await;
    assert_eq!(config["data"]["token_reviewer_jwt_set"], true);
    side.check(&[], 0);
}

/// All that the script sets, as the server tells it.
async fn everything(side: &Side) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for path in [
        "sys/mounts/secret",
        "secret/config",
        "auth/kubernetes/config",
        "auth/kubernetes/role/external-secrets",
        "auth/kubernetes/role/migrate",
        "sys/policies/acl/external-secrets-read",
        "sys/policies/acl/migrate",
        "sys/policies/acl/migrate-check",
    ] {
        let mut answer = side.root(Method::GET, path, None).await["data"].take();
        // OpenBao counts and dates writes of policies, also of the same text.
        for counted in ["version", "modified"] {
            answer.as_object_mut().expect("members").remove(counted);
        }
        all.insert(path.to_owned(), answer);
    }
    all
}

/// A change by hand, and what must be told of it.
struct Change {
    method: Method,
    path: String,
    input: Option<Value>,
    place: &'static str,
    told: Value,
}

fn change(path: &str, input: Value, place: &'static str, told: Value) -> Change {
    Change { method: Method::POST, path: path.to_owned(), input: Some(input), place, told }
}

fn gone(path: &str, place: &'static str) -> Change {
    Change { method: Method::DELETE, path: path.to_owned(), input: None, place, told: json!({"difference": "missing"}) }
}

/// The role with one setting changed.
fn role(setting: &'static str, value: Value, found: &str) -> Change {
    let told = json!({"difference": "setting", "setting": setting, "found": found});
    let input = Value::Object([(setting.to_owned(), value)].into_iter().collect());
    change("auth/kubernetes/role/external-secrets", input, "role", told)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_single_change_is_named_and_mended_by_the_command_that_is_told() {
    let side = Side::applied("changes").await;
    side.check(&[], 0);
    let text = side.bench.read(format!("vault/policies/{READER}.hcl"));
    let policy = |text: String| (format!("sys/policies/acl/{READER}"), json!({ "policy": text }));
    let reader = |from: &str, to: &str, told: Value| {
        assert!(text.contains(from), "{text}");
        let (path, input) = policy(text.replacen(from, to, 1));
        change(&path, input, "policy", told)
    };
    let data = "secret/data/platform-data/*";
    let first = format!("path \"{data}\" {{\n  capabilities = [\"read\"]");
    let with = |rest: &str| format!("path \"{data}\" {{\n  capabilities = {rest}");
    let config = |setting: &'static str, value: Value, found: &str| {
        let told = json!({"difference": "setting", "setting": setting, "found": found});
        // A write of this API replaces the whole.
        let mut whole = json!({"kubernetes_host": "https://kubernetes.example.internal:6443", "disable_local_ca_jwt": true,
            "kubernetes_ca_cert": side.bench.read("kubernetes-ca.pem")});
        whole[setting] = value;
        change("auth/kubernetes/config", whole, "auth-config", told)
    };
    let mount = |setting: &'static str, value: Value, found: &str| {
        let told = json!({"difference": "setting", "setting": setting, "found": found});
        change("secret/config", json!({ setting: value }), "mount-config", told)
    };
    let changes = [
        reader(&first, &with("[\"read\", \"list\"]"), json!({"difference": "exceeds", "path": data, "capabilities": ["list"]})),
        reader(&first, &with("[]"), json!({"difference": "lacks", "path": data, "capabilities": ["read"]})),
        reader(
            "# values\n",
            "path \"secret/*\" {\n  capabilities = [\"read\"]\n}\n\n# values\n",
            json!({"difference": "exceeds", "path": "secret/*", "capabilities": ["read"]}),
        ),
        reader(&first, &with("[\"read\"]\n  max_wrapping_ttl = \"1h\""), json!({"difference": "constrains", "path": data})),
        gone(&format!("sys/policies/acl/{READER}"), "policy"),
        gone("auth/kubernetes/role/external-secrets", "role"),
        role("bound_service_account_names", json!(["external-secrets", "default"]), "default, external-secrets"),
        role("bound_service_account_namespaces", json!("*"), "*"),
        role("audience", json!("other"), "other"),
        role("token_policies", json!([READER, "admin"]), "admin, external-secrets-read"),
        role("token_ttl", json!("30m"), "1800"),
        role("token_max_ttl", json!("24h"), "86400"),
        role("token_period", json!("1h"), "3600"),
        role("token_type", json!("batch"), "batch"),
        role("token_no_default_policy", json!(false), "false"),
        config("kubernetes_host", json!("https://other.example.internal:6443"), "https://other.example.internal:6443"),
        config("disable_local_ca_jwt", json!(false), "false"),
        config("kubernetes_ca_cert", json!(other_certificate()), "another"),
        mount("max_versions", json!(2), "2"),
        mount("delete_version_after", json!("1h"), "1h0m0s"),
        mount("cas_required", json!(true), "true"),
        change(
            "auth/kubernetes/role/stranger",
            json!({"bound_service_account_names": "*", "bound_service_account_namespaces": "x", "token_policies": [READER, "own"]}),
            "role",
            json!({"difference": "carries", "policy": READER}),
        ),
        gone("sys/mounts/secret", "mount"),
    ];
    for Change { method, path, input, place, told } in changes {
        side.root(method.clone(), &path, input.clone()).await;
        let checked = side.check(&[], 2);
        let found = &checked["differences"];
        assert_eq!(found.as_array().map(Vec::len), Some(1), "{method} {path} {input:?}: {checked}");
        assert_eq!(found[0]["place"]["type"], place, "{checked}");
        for (key, value) in told.as_object().expect("members") {
            assert_eq!(found[0][key], *value, "{checked}");
        }
        mend(&side, found[0]["mend"].as_str().expect("a command"));
        if place == "mount" {
            // A new mount has settings of its own, which are named next.
            while side.mount.call(Method::GET, &format!("{}/config", side.mount.path), None).await.0 == 400 {}
            let next = side.check(&[], 2);
            mend(&side, next["differences"][0]["mend"].as_str().expect("a command"));
        }
        side.check(&[], 0);
    }
}

/// Runs the command where a person would: in the folder that was emitted, for the namespace. Files of settings are named from the repository.
fn mend(side: &Side, command: &str) {
    let command = command.replace("=@kubernetes-ca.pem", "=@../kubernetes-ca.pem");
    let line = format!("cd vault && BAO_NAMESPACE={} \"$VAULT_CLI\" {command}", side.namespace);
    side.bench.run("sh", &["-c", &line]).expect_code(0);
}

fn other_certificate() -> String {
    let pem = std::fs::read_to_string(Servers::from_env().bao_cacert).expect("a certificate");
    pem.clone() + &pem
}

#[tokio::test]
async fn what_means_the_same_is_equal_and_what_others_may_is_told() {
    let side = Side::applied("same").await;
    // Another order, no comments, and as JSON.
    let paths: BTreeMap<_, _> = side
        .bench
        .read(format!("vault/policies/{READER}.hcl"))
        .lines()
        .filter_map(|line| line.strip_prefix("path \"")?.strip_suffix("\" {").map(str::to_owned))
        .rev()
        .map(|path| {
            let capability = if path.ends_with("revoke-self") { "update" } else { "read" };
            (path, json!({"capabilities": [capability]}))
        })
        .collect();
    let policy = json!({ "path": paths }).to_string();
    side.root(Method::PUT, &format!("sys/policies/acl/{READER}"), Some(json!({"policy": policy}))).await;
    side.check(&[], 0);
    // Somebody else's policies are no difference, and known.
    let others = "path \"secret/*\" { capabilities = [\"read\", \"update\"] }\npath \"secret/data/elsewhere/*\" { capabilities = [\"read\"] }";
    side.root(Method::PUT, "sys/policies/acl/admin", Some(json!({"policy": others}))).await;
    let told = side.check(&[], 0);
    assert_eq!(told["others"], json!([{"policy": "admin", "path": "secret/*", "capabilities": ["read", "update"]}]));
}

#[tokio::test]
async fn what_can_not_be_read_is_named_and_never_equal() {
    let side = Side::applied("unread").await;
    let policy = "path \"sys/policies/acl/*\" { capabilities = [\"read\"] }\npath \"sys/auth\" { capabilities = [\"read\"] }";
    side.root(Method::PUT, "sys/policies/acl/little", Some(json!({"policy": policy}))).await;
    let token = side.token("little").await.token;
    let side = Side { bench: side.bench.with("VAULT_TOKEN", token), ..side };
    let told = side.check(&[], 3);
    let needs: Vec<_> = told["unread"].as_array().expect("a list").iter().filter_map(|unread| unread["needs"].as_str()).collect();
    for right in [
        "`read` on sys/mounts/secret",
        "`read` on auth/kubernetes/config",
        "`read` on auth/kubernetes/role/external-secrets",
        "`list` on auth/kubernetes/role",
        "`list` on sys/policies/acl",
    ] {
        assert!(needs.contains(&right), "{right}: {told}");
    }
    // A token that is not good, and a namespace that is not there, are no differences.
    let side = Side { bench: side.bench.with("VAULT_TOKEN", Canary::of_this_run().word()), ..side };
    assert_eq!(side.check(&[], 3)["error"]["reason"]["kind"], "unauthenticated");
}

#[tokio::test]
async fn a_namespace_that_is_not_there_is_said() {
    let side = Side::applied("no-namespace").await;
    let settings = side.bench.read("migrate.toml").replace(&side.namespace, "no-such-namespace");
    side.bench.write("migrate.toml", &settings);
    assert!(side.check(&[], 3)["error"].is_object());
}

/// Without a namespace, beside others in the same Vault: a mount, an auth method and names of its own.
#[tokio::test]
async fn an_environment_can_share_a_vault_without_namespaces() {
    let side = Side::emitted("shared").await;
    let own = format!("t{}", uuid::Uuid::new_v4().simple());
    let settings = side.bench.read("migrate.toml");
    let settings = settings.replace(&format!("namespace = \"{}\"", side.namespace), &format!("mount = \"team/{own}\""));
    let settings = settings.replace("max_versions", &format!("policy_prefix = \"{own}-\"\nmax_versions"));
    side.bench.write("migrate.toml", &settings);
    side.bench.migrate(&["vault", "emit", "--out", "vault"]).expect_code(0);
    assert!(
        side.bench.read(format!("vault/policies/{own}-migrate.hcl")).contains(&format!("\"team/{own}/data/platform-data/*\""))
    );
    side.bench.run("sh", &["vault/apply.sh"]).expect_code(0);
    let told = side.check(&[], 0);
    assert_eq!(told["unread"], json!([]), "{told}");
}
