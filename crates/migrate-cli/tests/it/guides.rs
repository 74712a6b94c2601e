//! The guides of `docs/guides`, executed: what a page says is typed is typed, and what it says is shown is shown.
//!
//! In a fenced block of `console`, a line that begins with `$ ` is a command, and lines that begin with `> ` continue it. What follows is
//! its whole output, on both streams; a line `...` stands for any lines, or none, and `[...]` in a line for any text. Commands run one after the other in one repository.

use std::{env, fs, path::Path};

use reqwest::Method;
use serde_json::json;

use crate::support::{AwsAccount, Canary, Cluster, Mount, Servers, Workbench, variable};

/// A command of a guide, and the output that it promises.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    line: usize,
    command: String,
    expected: Vec<String>,
}

fn steps(page: &str) -> Vec<Step> {
    let (mut steps, mut inside): (Vec<Step>, bool) = (Vec::new(), false);
    for (at, text) in page.lines().enumerate() {
        if text.starts_with("```") {
            inside = text == "```console";
        } else if let (true, Some(command)) = (inside, text.strip_prefix("$ ")) {
            steps.push(Step { line: at + 1, command: command.to_owned(), expected: Vec::new() });
        } else if let (true, Some(step)) = (inside, steps.last_mut()) {
            match text.strip_prefix("> ").or_else(|| text.strip_prefix('>')) {
                Some(more) if step.expected.is_empty() => step.command += &format!("\n{more}"),
                _ => step.expected.push(text.to_owned()),
            }
        }
    }
    steps
}

/// Whether lines are what was promised.
fn is_as_promised(expected: &[String], shown: &[&str]) -> bool {
    match expected.split_first() {
        None => shown.is_empty(),
        Some((dots, rest)) if dots == "..." => (0..=shown.len()).any(|skipped| is_as_promised(rest, &shown[skipped..])),
        Some((line, rest)) => shown.first().is_some_and(|shown| is_line(line, shown)) && is_as_promised(rest, &shown[1..]),
    }
}

fn is_line(expected: &str, shown: &str) -> bool {
    match expected.split_once("[...]") {
        Some((before, behind)) => {
            shown.len() >= before.len() + behind.len() && shown.starts_with(before) && shown.ends_with(behind)
        }
        None => expected == shown,
    }
}

fn follow(guide: &str, bench: &Workbench) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guides").join(guide);
    let page = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let steps = steps(&page);
    assert!(!steps.is_empty(), "{guide} has no command");
    for Step { line, command, expected } in steps {
        let shown = bench.run("sh", &["-c", &format!("exec 2>&1\n{command}")]);
        let lines: Vec<&str> = shown.stdout.lines().collect();
        assert!(is_as_promised(&expected, &lines), "{guide}:{line}: not what it promises\n{shown}");
        // A failure is shown, never passed over.
        assert!(shown.code == Some(0) || expected.iter().any(|line| line.starts_with("error: ")), "{guide}:{line}\n{shown}");
    }
}

/// `PATH` with the `migrate` of this build in front.
fn path() -> String {
    let ours = Path::new(env!("CARGO_BIN_EXE_migrate")).parent().expect("a folder").to_owned();
    let others = env::var_os("PATH").unwrap_or_default();
    let joined = env::join_paths(std::iter::once(ours).chain(env::split_paths(&others))).expect("a PATH");
    joined.into_string().expect("UTF-8")
}

// REQ SDK-1, SDK-2, SDK-6, INV-1
#[tokio::test(flavor = "multi_thread")]
async fn from_env_files_to_secrets_manager() {
    let account = AwsAccount::fresh(&Servers::from_env()).await;
    let bench =
        account.environment().into_iter().fold(Workbench::new("guide-env"), |bench, (name, value)| bench.with(name, value));
    // What `pip install` would put there.
    let packages = format!("orders/secrets/src:{}", variable("MIGRATE_TEST_MODULES_PYTHON"));
    let bench = bench.with("PATH", path()).with("PYTHONPATH", packages).with("PYTHONDONTWRITEBYTECODE", "1");
    follow("from-env-files-to-secrets-manager.md", &bench);
}

// REQ ESO-1, ESO-2
#[tokio::test(flavor = "multi_thread")]
async fn generate_your_eso_manifests() {
    let servers = Servers::from_env();
    let account = AwsAccount::fresh(&servers).await;
    account.create_text("platform-data/postgres/orders", &Canary::of_this_run().object()).await;
    follow("generate-your-eso-manifests.md", &between(&servers, "guide-eso", &account).await);
}

// REQ AUT-1, AUT-6, AUT-7, OPS-2
#[tokio::test(flavor = "multi_thread")]
async fn your_first_handover() {
    follow("your-first-handover.md", &with_two_secrets("guide-first").await);
}

// REQ AUT-5, AUT-6
#[tokio::test(flavor = "multi_thread")]
async fn rolling_back() {
    let value = Canary::of_this_run().text();
    follow("rolling-back.md", &with_two_secrets("guide-rollback").await.with("NEW_VALUE", value));
}

// REQ INV-1, VLT-5, VLT-6
#[tokio::test(flavor = "multi_thread")]
async fn retiring_secrets_manager() {
    follow("retiring-secrets-manager.md", &with_two_secrets("guide-retire").await);
}

// REQ ESO-5, VLT-4
#[tokio::test(flavor = "multi_thread")]
async fn move_a_store_under_running_pods() {
    let (servers, cluster) = (Servers::from_env(), Cluster::from_env());
    let (account, mount) = (AwsAccount::fresh(&servers).await, Mount::fresh(&servers).await);
    account.create_text("platform-data/postgres/orders", &Canary::of_this_run().object()).await;
    cluster.apply(&json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "shop" } }));
    cluster.aws_keys("shop", &account);
    let role = cluster.vault_reader("shop", "reader", &mount).await;
    let bench = Workbench::new("guide-switch").between(&account, &mount);
    let configuration = format!(
        "[environment.test]\n\n[environment.test.outgoing]\nsettle = \"1s\"\nseal_wait = \"1s\"\n\n[environment.test.incoming]\nmount = \"{}\"\n{}",
        mount.path,
        cluster.configuration(&servers, "shop", &role)
    );
    bench.write("migrate.toml", &configuration.replace("environment.test", "environment.prod"));
    bench.migrate(&["init"]).expect_code(0);
    bench.write(
        "secrets-inventory.yaml",
        "apiVersion: migrate/v1\nexternalSecrets:\n- name: orders-db\n  namespace: shop\n  target: { deletionPolicy: Delete }\nsecrets:\n\
         - name: platform-data/postgres/orders\n  category: data\n  class: runtime\n  \
         disposition: moves\n  consumers:\n  - application: orders\n    externalSecret: { namespace: shop, name: orders-db, reads: [extract: {}] }\n",
    );
    let programs = bench.repository().with_file_name("programs");
    fs::create_dir(&programs).expect("a folder");
    std::os::unix::fs::symlink(&cluster.kubectl, programs.join("kubectl")).expect("a link");
    let kubeconfig = cluster.kubeconfig.to_str().expect("UTF-8").to_owned();
    let bench = bench.with("PATH", format!("{}:{}", programs.display(), path())).with("KUBECONFIG", kubeconfig);
    follow("move-a-store-under-running-pods.md", &bench);
}

// REQ OPS-2, AUT-6
#[tokio::test(flavor = "multi_thread")]
async fn when_something_stops() {
    let bench = with_two_secrets("guide-stops").await;
    let programs = bench.repository().with_file_name("programs");
    fs::create_dir(&programs).expect("a folder");
    std::os::unix::fs::symlink(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/support/aws.py"), programs.join("aws"))
        .expect("a link");
    let bench = bench.with("PATH", format!("{}:{}", programs.display(), path()));
    follow("when-something-stops.md", &bench);
}

async fn with_two_secrets(name: &str) -> Workbench {
    let servers = Servers::from_env();
    let account = AwsAccount::fresh(&servers).await;
    account.create_text("platform-data/postgres/orders", &Canary::of_this_run().object()).await;
    account.create_text("platform-data/stripe/billing", &Canary::of_this_run().text()).await;
    between(&servers, name, &account).await
}

/// Between an account and the mount `secret` that guides speak of, in a namespace of its own.
async fn between(servers: &Servers, name: &str, account: &AwsAccount) -> Workbench {
    let namespace = format!("guide-{}", uuid::Uuid::new_v4().simple());
    let mount = Mount::at(servers, format!("{namespace}/secret"));
    let made = [
        (format!("sys/namespaces/{namespace}"), json!({})),
        (format!("{namespace}/sys/mounts/secret"), json!({"type": "kv", "options": {"version": "2"}})),
    ];
    for (path, input) in made {
        let (status, answer) = mount.call(Method::POST, &path, Some(input)).await;
        assert!(status.is_success(), "{path}: {status} {answer}");
    }
    Workbench::new(name).between(account, &mount).with("PATH", path()).with("VAULT_NAMESPACE", namespace)
}

// REQ VLT-3
#[tokio::test(flavor = "multi_thread")]
async fn what_vault_needs() {
    let servers = Servers::from_env();
    let namespace = format!("guide-{}", uuid::Uuid::new_v4().simple());
    let mount = Mount::at(&servers, format!("{namespace}/secret"));
    let (status, answer) = mount.call(Method::POST, &format!("sys/namespaces/{namespace}"), None).await;
    assert!(status.is_success(), "{answer}");
    let bench =
        mount.environment().into_iter().fold(Workbench::new("guide-vault"), |bench, (name, value)| bench.with(name, value));
    bench.write("kubernetes-ca.pem", &fs::read_to_string(&servers.bao_cacert).expect("a certificate"));
    // OpenBao's command line under the name that the page types.
    let programs = bench.repository().with_file_name("programs");
    fs::create_dir(&programs).expect("a folder");
    std::os::unix::fs::symlink(&servers.bao, programs.join("vault")).expect("a link");
    let bench = bench.with("PATH", format!("{}:{}", programs.display(), path())).with("VAULT_NAMESPACE", &namespace);
    follow("what-vault-needs.md", &bench);
}

#[test]
fn a_promise_is_kept_line_by_line_and_dots_stand_for_anything() {
    let page = "```console\n$ cat <<EOF\n> a\n>\n> EOF\na\n\n$ ls\n...\nb\n```\n```toml\n$ no\n```\n";
    let read = steps(page);
    assert_eq!(read[0], Step { line: 2, command: "cat <<EOF\na\n\nEOF".into(), expected: vec!["a".into(), String::new()] });
    assert_eq!((read.len(), read[1].expected.as_slice()), (2, ["...".to_owned(), "b".to_owned()].as_slice()));
    assert!(is_as_promised(&read[1].expected, &["x", "y", "b"]) && is_as_promised(&read[1].expected, &["b"]));
    assert!(
        is_line("a [...] c", "a b c") && is_line("a[...]", "a") && !is_line("aa[...]aa", "aaa") && !is_line("a [...] c", "a b d")
    );
    assert!(!is_as_promised(&read[1].expected, &["b", "c"]) && !is_as_promised(&[], &["b"]));
}
