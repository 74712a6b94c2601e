//! A store is switched under Secrets in use: by Git and directly, set back, stopped anywhere, and where it can't be.

use std::process::Child;

use reqwest::Method;
use serde_json::json;

use super::{BLOCKED, INCOMPLETE, READERS, Scene};

// REQ ESO-5: what Git holds is what is applied, and the run goes on once the cluster shows it.
#[tokio::test(flavor = "multi_thread")]
async fn by_git_each_step_waits_for_the_cluster_to_show_what_was_written() {
    let scene = Scene::committed("by-git").await;
    scene.restrict("git");
    let waits = |through: &str| {
        let whole = scene.apply(through, "git").expect_code(INCOMPLETE);
        assert!(whole.stderr.contains("waits for its manifest in manifests to reach the cluster"), "{whole}");
        scene.untouched();
        scene.synchronise("manifests");
    };
    // The store comes first: nothing reads from it yet.
    waits("switch");
    assert_eq!(scene.store("orders-db"), format!("aws-{}", scene.namespace));
    waits("switch");
    assert_eq!(scene.store("orders-db"), format!("vault-{}", scene.namespace));
    assert_eq!(scene.spec("orders-db")["target"]["deletionPolicy"], "Retain");
    assert_eq!(scene.spec("once")["refreshPolicy"], "OnChange");
    scene.apply("switch", "git").expect_code(0);
    // After the seal each gets back what it declares.
    waits("complete");
    scene.apply("complete", "git").expect_code(0);
    scene.is_complete();
}

// A GitOps controller that heals itself, played by hand.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_set_back_is_told_before_anybody_is_denied_a_read_and_switched_again() {
    let scene = Scene::committed("set-back").await;
    scene.apply("switch", "direct").expect_code(0);
    scene.synchronise("manifests");
    let told = scene.apply("complete", "direct").expect_code(BLOCKED);
    assert!(told.stderr.contains("was set back") && told.stderr.contains("--mode git"), "{told}");
    assert!(scene.records().contains(&"set-back".to_owned()) && !scene.records().contains(&"seal-intended".to_owned()));
    scene.apply("complete", "direct").expect_code(0);
    scene.is_complete();
}

// REQ ESO-5, VLT-4: with a path that is missing, or denied, nothing is switched, whatever the policies.
#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_can_not_be_read_is_found_out_by_the_shadow() {
    let scene = Scene::committed("unreadable").await;
    let rules = |path: &str| json!({ "policy": format!("path \"{}/{path}\" {{ capabilities = [\"read\"] }}", scene.mount.path) });
    let policy = format!("sys/policies/acl/read-{}", scene.namespace);
    let put = async |rules| assert!(scene.mount.call(Method::PUT, &policy, Some(rules)).await.0.is_success());
    put(rules("data/platform-data/mysql/once")).await;
    let configuration = scene.bench.read("migrate.toml");
    scene.bench.write("migrate.toml", &configuration.replace("wait = \"60s\"", "wait = \"8s\""));
    let told = scene.apply("switch", "direct").expect_code(BLOCKED);
    assert!(told.stderr.contains("orders-db is not ready: SecretSyncedError: could not get secret data from provider"), "{told}");
    scene.untouched();
    scene.bench.migrate(&["verify", "--cluster"]).expect_code(0);
    assert_eq!(scene.store("orders-db"), format!("aws-{}", scene.namespace));
    // Who can read goes on.
    assert_eq!(scene.store("once"), format!("vault-{}", scene.namespace));

    put(rules("data/*")).await;
    scene.bench.write("migrate.toml", &configuration);
    scene.apply("complete", "direct").expect_code(0);
    scene.is_complete();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_edited_by_hand_and_one_that_somebody_else_owns_are_named() {
    let scene = Scene::committed("by-hand").await;
    let patch = |what: &[&str]| scene.cluster.run(&[&["--namespace", &scene.namespace, "patch"], what].concat());
    // Orphan: the operator does not mend it.
    patch(&["secret", "never", "--type", "merge", "--patch", r#"{"stringData":{"all":"edited"}}"#]);
    let other = r#"[{"op":"replace","path":"/metadata/ownerReferences/0/uid","value":"00000000-0000-0000-0000-000000000000"}]"#;
    patch(&["secret", "once", "--type", "json", "--patch", other]);
    let verified = scene.bench.migrate(&["verify", "--cluster"]).expect_code(BLOCKED);
    assert!(
        verified.stdout.starts_with("1 of 3 ExternalSecrets: the Secret holds")
            && verified.stdout.contains("/never is stale: last refreshed at 20"),
        "{verified}"
    );
    assert!(verified.stdout.contains("once does not own its Secret"), "{verified}");
    let told = scene.apply("switch", "direct").expect_code(BLOCKED);
    let named = format!(
        "{}/never has a Secret {}/never that differs from what the incoming authority holds, in all",
        scene.namespace, scene.namespace
    );
    assert!(told.stderr.contains(&named) && !told.stderr.contains("edited"), "{told}");
    assert!(told.stderr.contains("once does not own its Secret"), "{told}");
    assert_eq!(scene.store("orders-db"), format!("vault-{}", scene.namespace));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_changed_in_the_cluster_is_named_by_place_and_not_written_over() {
    let scene = Scene::committed("changed").await;
    let patch = r#"{"spec":{"data":[{"secretKey":"password","remoteRef":{"key":"elsewhere"}}]}}"#;
    scene.cluster.run(&["--namespace", &scene.namespace, "patch", "externalsecret", "once", "--type", "merge", "--patch", patch]);
    let told = scene.apply("switch", "direct").expect_code(BLOCKED);
    assert!(told.stderr.contains("once was changed in the cluster (spec.data[0].remoteRef"), "{told}");
    // Deleted, and said to be gone: but it is there.
    let gone = format!("{}/once", scene.namespace);
    let told = scene.bench.migrate(&["apply", "--through", "switch", "--mode", "direct", "--gone", &gone]).expect_code(BLOCKED);
    assert!(told.stderr.contains("was declared gone, and is in the cluster"), "{told}");
    scene.cluster.run(&["--namespace", &scene.namespace, "delete", "externalsecret", "once"]);
    let told = scene.apply("switch", "direct").expect_code(BLOCKED);
    assert!(told.stderr.contains("once is not in the cluster"), "{told}");
    scene.bench.migrate(&["apply", "--through", "complete", "--mode", "direct", "--gone", &gone]).expect_code(0);
    assert!(scene.records().contains(&"declared-gone".to_owned()));
}

// Least rights: each denied verb is an error that names it, and nothing is half done.
#[tokio::test(flavor = "multi_thread")]
async fn without_its_rights_a_switch_says_which_one_is_missing() {
    let scene = Scene::committed("denied").await;
    scene.restrict("verify");
    scene.bench.migrate(&["verify", "--cluster"]).expect_code(0);
    let told = scene.apply("switch", "direct").expect_code(BLOCKED);
    assert!(told.stderr.contains("403 Forbidden") && told.stderr.contains("cannot get resource \"externalsecrets\""), "{told}");
    scene.untouched();
    scene.restrict("direct");
    scene.apply("complete", "direct").expect_code(0);
    scene.is_complete();
}

/// Kills a run once a condition holds.
fn kill(mut child: Child, reached: impl Fn() -> bool) {
    while !reached() {
        assert!(child.try_wait().expect("a child").is_none(), "the run ended before it could be killed");
    }
    child.kill().expect("a child that runs");
    child.wait().expect("its end");
}

// REQ OPS-2, P6: at every record between the commit and the end, and while a shadow stands.
#[tokio::test(flavor = "multi_thread")]
async fn killed_anywhere_the_same_command_arrives_at_the_same_end() {
    let arguments = ["apply", "--through", "complete", "--mode", "direct"];
    let scene = Scene::committed("killed").await;
    kill(scene.bench.command(&arguments).spawn().expect("migrate starts"), || scene.has_shadow());
    let mut last = String::new();
    for kills in 0.. {
        assert!(kills < 40, "it does not arrive; the last record is {last}");
        // A little further each time: the kernel ends the process in the middle of the record that passes the mark.
        let ledger = scene.bench.read("migrate/test/ledger.jsonl");
        let whole = ledger.rfind('\n').map_or(0, |end| end + 1);
        let next = ledger[..whole].len() + 500 + 150 * kills;
        let output = scene.bench.limited(next, &arguments).output().expect("migrate starts");
        let code = output.status.code();
        scene.bench.keep(&arguments, output);
        if code == Some(0) {
            break;
        }
        last = scene.bench.read("migrate/test/ledger.jsonl").lines().last().unwrap_or_default().to_owned();
    }
    scene.is_complete();
    assert_eq!(scene.before.len(), READERS.len() + 1, "and the keys of the store");
}
