//! What stands in the way on real servers: each is refused with its own reason and exit code, and nothing was changed by it.

use serde_json::{Value, json};

use crate::{
    estate::{self, Estate, is_fenced},
    support::{AwsAccount, Canary, Mount, Servers, Workbench},
};

const LEDGER: &str = "migrate/test/ledger.jsonl";
const NAME: &str = "platform-data/postgres/app-000";

const BLOCKED: i32 = 3;
const INCOMPLETE: i32 = 4;
const VIOLATION: i32 = 5;
const LEDGER_CODE: i32 = 6;

struct Scene {
    account: AwsAccount,
    mount: Mount,
    estate: Estate,
    bench: Workbench,
}

impl Scene {
    /// Two secrets and their inventory.
    async fn seeded(name: &str) -> Self {
        let servers = Servers::from_env();
        let (account, mount) = (AwsAccount::fresh(&servers).await, Mount::fresh(&servers).await);
        let estate = Estate::seed(&account, 2).await;
        let bench = estate::workbench(name, &account, &mount);
        bench.migrate(&["inventory", "import"]).expect_code(0);
        Self { account, mount, estate, bench }
    }

    async fn planned(name: &str) -> Self {
        let scene = Self::seeded(name).await;
        scene.bench.migrate(&["plan"]).expect_code(0);
        scene
    }

    /// Runs a command that must fail, and returns its typed reason.
    #[track_caller]
    fn refused(&self, arguments: &[&str], code: i32) -> Value {
        let whole = self.bench.migrate(&[arguments, &["--json"]].concat()).expect_code(code);
        let told: Value = serde_json::from_str(&whole.stdout).unwrap_or_else(|_| panic!("no JSON\n{whole}"));
        assert!(!told["error"]["hints"].as_array().is_none_or(Vec::is_empty), "no next command\n{whole}");
        told["error"]["reason"]["type"].clone()
    }

    async fn rewrite_source(&self) {
        let value = Canary::of_this_run().text();
        self.account.call("PutSecretValue", json!({ "SecretId": NAME, "SecretString": value })).await;
    }

    async fn untouched(&self) {
        assert!(self.mount.metadata("migrate/anchor").await.is_none(), "there is an anchor");
        for seeded in &self.estate.secrets {
            assert!(!is_fenced(&self.account, &seeded.name).await, "{} is fenced", seeded.name);
        }
    }

    #[expect(clippy::disallowed_methods, reason = "stands for a person with an editor, or for Git")]
    fn edit_ledger(&self, edit: impl FnOnce(String) -> String) {
        let text = edit(self.bench.read(LEDGER));
        std::fs::write(self.bench.repository().join(LEDGER), text).expect("a written ledger");
    }
}

// REQ AUT-6
#[tokio::test(flavor = "multi_thread")]
async fn a_plan_whose_world_has_moved_is_stale() {
    let scene = Scene::planned("stale").await;
    let ledger = scene.bench.read(LEDGER);
    scene.rewrite_source().await;
    assert_eq!(scene.refused(&["apply"], BLOCKED), "plan-stale");
    assert_eq!(scene.bench.read(LEDGER), ledger);
    scene.untouched().await;
}

// REQ ESO-5: one manifest with one `find` can't be switched for a part of what it reaches.
#[tokio::test(flavor = "multi_thread")]
async fn a_find_that_reaches_beyond_the_wave_blocks_its_commit() {
    let scene = Scene::seeded("find-beyond").await;
    let mut inventory = "apiVersion: migrate/v1\nsecrets:\n".to_owned();
    for seeded in &scene.estate.secrets {
        inventory += &format!(
            "- name: {name}\n  category: data\n  class: runtime\n  disposition: moves\n  consumers:\n  - application: all\n    \
             externalSecret: {{ namespace: apps, name: all, reads: [find: {{ name: {name} }}] }}\n",
            name = seeded.name
        );
    }
    scene.bench.write("secrets-inventory.yaml", &inventory);
    let planned = scene.bench.migrate(&["plan", "--select", NAME]).expect_code(0);
    let told = format!("is reached by a `find` that also reaches {}", scene.estate.secrets[1].name);
    assert!(planned.stdout.contains(&told), "{planned}");
    scene.bench.migrate(&["apply"]).expect_code(0);
    assert_eq!(scene.refused(&["apply", "--through", "commit"], BLOCKED), "plan-refused");
    scene.bench.migrate(&["rollback", "wave-1"]).expect_code(0);

    let together = scene.bench.migrate(&["plan"]).expect_code(0);
    assert!(together.stdout.contains("~ the `find` of apps/all becomes explicit reads of the 2"), "{together}");
    scene.bench.migrate(&["apply", "--through", "commit"]).expect_code(0);
}

// REQ VLT-2
#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_stands_at_the_target_is_never_written_over() {
    let scene = Scene::seeded("occupied").await;
    let theirs = json!({ "value": Canary::of_this_run().word() });
    scene.mount.write(NAME, theirs.clone()).await;
    let whole = scene.bench.migrate(&["plan", "--json"]).expect_code(BLOCKED);
    let plan: Value = serde_json::from_str(&whole.stdout).expect("JSON");
    assert_eq!(plan["plan"]["waiting"][0]["reason"], "target-foreign", "{whole}");
    scene.untouched().await;

    // The same, between fence and copy: stopped in the middle, and theirs stays.
    let scene = Scene::planned("occupied-late").await;
    scene.bench.migrate(&["apply", "--through", "fence"]).expect_code(0);
    scene.mount.write(NAME, theirs.clone()).await;
    assert_eq!(scene.refused(&["apply"], BLOCKED), "members-blocked");
    let entry = scene.mount.read(NAME).await.expect("their entry");
    assert!(entry["data"] == theirs, "their value was changed");
    assert_eq!(entry["metadata"]["version"], 1);
}

// REQ P3: moto enforces no policy, so this write gets through our fence as it would through one that somebody took away.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_behind_the_fence_is_a_violation_before_and_after_commit() {
    let scene = Scene::planned("written-before").await;
    scene.bench.migrate(&["apply"]).expect_code(0);
    scene.rewrite_source().await;
    assert_eq!(scene.refused(&["apply", "--through", "commit"], VIOLATION), "violation");
    assert!(!scene.bench.read(LEDGER).contains("\"type\":\"committed\""), "it was committed all the same");

    let scene = Scene::planned("written-after").await;
    scene.bench.migrate(&["apply", "--through", "commit"]).expect_code(0);
    scene.bench.migrate(&["status"]).expect_code(2);
    scene.rewrite_source().await;
    scene.bench.migrate(&["verify"]).expect_code(VIOLATION);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fence_that_somebody_took_away_is_seen() {
    let scene = Scene::planned("fence-gone").await;
    scene.bench.migrate(&["apply"]).expect_code(0);
    scene.account.call("DeleteResourcePolicy", json!({ "SecretId": NAME })).await;
    scene.bench.migrate(&["status"]).expect_code(VIOLATION);
    assert_eq!(scene.refused(&["apply", "--through", "commit"], VIOLATION), "violation");
}

// REQ P7, OPS-2: missing, edited, behind and forked are different answers.
#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_is_not_the_one_its_anchor_names_is_refused() {
    let scene = Scene::planned("ledger").await;
    let fresh = scene.bench.read(LEDGER);
    scene.bench.migrate(&["apply"]).expect_code(0);
    let whole = scene.bench.read(LEDGER);

    scene.edit_ledger(|_| fresh.clone());
    assert_eq!(scene.refused(&["apply", "--through", "commit"], LEDGER_CODE), "ledger-behind-anchor");
    assert_eq!(scene.refused(&["ledger", "verify"], LEDGER_CODE), "ledger-behind-anchor");

    scene.edit_ledger(|_| whole.replacen("\"preflighted\"", "\"confirmed\"", 1));
    assert_eq!(scene.refused(&["apply", "--through", "commit"], LEDGER_CODE), "ledger-corrupt");

    // Another ledger of the same repository's past: begun anew, it would go its own way.
    std::fs::remove_file(scene.bench.repository().join(LEDGER)).expect("a removed ledger");
    assert_eq!(scene.refused(&["apply"], LEDGER_CODE), "ledger-missing");
    scene.bench.migrate(&["init"]).expect_code(0);
    scene.bench.migrate(&["plan", "--wave", "again", "--select", "platform-data/redis/**"]);
    let told = scene.refused(&["ledger", "verify"], LEDGER_CODE);
    assert_eq!(told, "ledger-foreign");

    // And with the right one back the wave goes on.
    scene.edit_ledger(|_| whole.clone());
    scene.bench.migrate(&["ledger", "verify"]).expect_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_a_missing_mount_and_a_mount_that_forgets_are_told_apart() {
    let mut scene = Scene::seeded("vault").await;
    let forgets = json!({ "delete_version_after": "1h" });
    let (status, _) = scene.mount.call(reqwest::Method::POST, &format!("{}/config", scene.mount.path), Some(forgets)).await;
    assert!(status.is_success());
    let whole = scene.bench.migrate(&["plan"]).expect_code(BLOCKED);
    assert!(whole.to_string().contains("delete_version_after"), "{whole}");

    let config = scene.bench.read("migrate.toml");
    scene.bench.write("migrate.toml", &config.replace(&scene.mount.path, "no-such-mount"));
    let missing = scene.bench.migrate(&["plan"]);
    assert!(missing.code == Some(BLOCKED) && missing.stderr.contains("no-such-mount"), "{missing}");
    scene.bench.write("migrate.toml", &config);

    scene.bench = scene.bench.with("VAULT_TOKEN", "s.wrong");
    let wrong = scene.bench.migrate(&["plan"]);
    assert!(matches!(wrong.code, Some(BLOCKED | INCOMPLETE)) && wrong.stderr.contains("token"), "{wrong}");
    scene.untouched().await;
}
