//! A fence that is felt, and not just stored: Secrets Manager here enforces resource policies, when the test says so. With each guard there is
//! a run without it, and the loss that it prevents; the incoming store is the real one.

use std::{sync::Arc, time::Duration};

use driver::{Clock as _, TokioClock};
use migrate_core::value::{SecretText, SecretValue};
use rehearsal::{
    felt::TakesEffect,
    proxy::{Proxy, Quotas, Rules, Upstream},
    world::{World, WorldSettings},
};
use serde_json::{Value, json};

use crate::support::{AwsAccount, Canary, Mount, Servers, Workbench};

const LEDGER: &str = "migrate/test/ledger.jsonl";
pub(crate) const NAMES: [&str; 3] = ["platform-data/postgres/a", "platform-data/postgres/b", "platform-data/redis/c"];
const INCOMPLETE: i32 = 4;
const VIOLATION: i32 = 5;
/// The version that an unfinished rotation has made.
const PENDING: &str = "00000000-0000-4000-8000-000000000001";

/// Secrets Manager that enforces its policies, the real incoming store, and one repository.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) mount: Mount,
    pub(crate) vault: Proxy,
    pub(crate) bench: Workbench,
    /// The migration role: exempt.
    pub(crate) migration: AwsAccount,
    /// An application's role: bound by the fence.
    pub(crate) application: AwsAccount,
}

impl Scene {
    /// `outgoing` is what stands in that table of migrate.toml.
    pub(crate) async fn new(name: &str, takes_effect: TakesEffect, outgoing: &str) -> Self {
        let servers = Servers::from_env();
        let mut settings = WorldSettings::new(7, Arc::new(|| TokioClock.now()));
        (settings.takes_effect, settings.quotas) = (takes_effect, Quotas::Unlimited);
        let world = World::start(settings).await.expect("a world");
        let mount = Mount::fresh(&servers).await;
        let ca = std::fs::read_to_string(&servers.bao_cacert).expect("the CA file");
        let bao = Upstream::at(&servers.bao_addr).expect("OpenBao's address").with_ca(ca);
        let vault = Proxy::start(&bao, Rules::default()).await.expect("a proxy");
        let endpoints = world.endpoints();
        let (migration, application) = (
            AwsAccount::embedded(&servers, &endpoints, &endpoints.migration),
            AwsAccount::embedded(&servers, &endpoints, &endpoints.application),
        );
        let bench = Workbench::new(name).between(&migration, &mount).with("RUST_LOG", "trace").with("VAULT_ADDR", vault.url());
        bench.write(
            "migrate.toml",
            &format!(
                "[environment.test]\n\n[environment.test.outgoing]\nquota_share = 1.0\n{outgoing}\n[environment.test.incoming]\nmount = \"{}\"\n",
                mount.path
            ),
        );
        bench.migrate(&["init"]).expect_code(0);
        Self { world, mount, vault, bench, migration, application }
    }

    /// Three secrets, an inventory and a plan.
    pub(crate) async fn planned(name: &str, takes_effect: TakesEffect, outgoing: &str) -> Self {
        let scene = Self::new(name, takes_effect, outgoing).await;
        for secret in NAMES {
            scene.seed(secret);
        }
        scene.plan();
        scene
    }

    pub(crate) fn seed(&self, name: &str) {
        let value = SecretValue::Text(SecretText::new(Canary::of_this_run().object()));
        self.world.secrets_manager.create(name, value).expect("a secret");
    }

    pub(crate) fn plan(&self) {
        self.bench.migrate(&["inventory", "import"]).expect_code(0);
        self.bench.migrate(&["plan"]).expect_code(0);
    }

    fn with_probe(settle: &str) -> String {
        format!("settle = \"{settle}\"\nprobe_role = \"arn:aws:iam::123456789012:role/application\"\n")
    }

    /// An application puts a new value; says whether Secrets Manager acknowledged it.
    async fn write(&self, name: &str) -> Result<Value, Value> {
        let text = Canary::of_this_run().object();
        self.application.try_call("PutSecretValue", put(name, &text)).await
    }

    async fn is_copied(&self, name: &str) -> bool {
        self.mount.read(name).await.is_some()
    }

    /// When a record of that type was written.
    fn moment(&self, record: &str) -> jiff::Timestamp {
        let ledger = self.bench.read(LEDGER);
        let line = ledger.lines().find(|line| line.contains(&format!("\"type\":\"{record}\""))).expect("a record of that type");
        let record: Value = serde_json::from_str(line).expect("JSON");
        record["at"].as_str().expect("a time").parse().expect("a time")
    }

    fn reached(&self, record: &str) -> bool {
        self.bench.read(LEDGER).contains(&format!("\"type\":\"{record}\""))
    }
}

fn put(name: &str, text: &str) -> Value {
    json!({ "SecretId": name, "SecretString": text, "ClientRequestToken": uuid::Uuid::new_v4().to_string() })
}

fn is_denied(answer: &Result<Value, Value>) -> bool {
    answer.as_ref().is_err_and(|refusal| refusal["__type"] == "AccessDeniedException")
}

// P4: nobody reads an old copy once writers are admitted; until then a seal can be lifted.
#[tokio::test(flavor = "multi_thread")]
async fn a_seal_is_felt_by_readers_and_lifted_until_the_wave_is_complete() {
    let scene = Scene::planned("felt-seal", TakesEffect::AtOnce, "settle = \"0s\"\nseal_wait = \"0s\"").await;
    let read = async || scene.application.try_call("GetSecretValue", json!({ "SecretId": NAMES[0] })).await;
    scene.bench.migrate(&["apply", "--through", "commit"]).expect_code(0);
    read().await.expect("an old copy that can be read");
    scene.bench.migrate(&["apply", "--through", "seal"]).expect_code(0);
    assert!(is_denied(&read().await), "a sealed copy was read");
    let lifted = scene.bench.migrate(&["apply", "--lift-seal"]).expect_code(0);
    assert!(lifted.stdout.contains("old copies of 3 secrets can be read again"), "{lifted}");
    read().await.expect("an old copy that can be read again");
    assert!(scene.reached("seal-lifted") && !scene.reached("completed"));
    scene.bench.migrate(&["apply", "--through", "complete"]).expect_code(0);
    assert!(is_denied(&read().await), "a sealed copy was read");
    scene.bench.migrate(&["apply", "--lift-seal"]).expect_code(3);
    // Somebody takes the seal away, and leaves the fence.
    let input = json!({ "SecretId": NAMES[0] });
    let stored = scene.migration.call("GetResourcePolicy", input).await;
    let mut policy: Value = serde_json::from_str(stored["ResourcePolicy"].as_str().expect("a policy")).expect("JSON");
    let statements = policy["Statement"].as_array_mut().expect("statements");
    statements.retain(|statement| !statement["Sid"].as_str().is_some_and(|sid| sid.starts_with("MigrateSeal")));
    let input = json!({ "SecretId": NAMES[0], "ResourcePolicy": policy.to_string() });
    scene.migration.call("PutResourcePolicy", input).await;
    let told = scene.bench.migrate(&["status"]).expect_code(VIOLATION);
    assert!(told.stdout.contains("has lost its seal"), "{told}");
}

/// Without settle time and probe: the fence is stored and nobody feels it yet.
#[tokio::test(flavor = "multi_thread")]
async fn without_settle_time_and_probe_an_acknowledged_write_is_lost() {
    let scene = Scene::planned("felt-no-guard", TakesEffect::WhenSettled, "settle = \"0s\"").await;
    scene.bench.migrate(&["apply", "--through", "commit"]).expect_code(0);
    // Vault is the authority, and Secrets Manager acknowledges a new value all the same: two authorities (P1), and a write lost (P3).
    scene.write(NAMES[0]).await.expect("an acknowledged write");
    let held = scene.migration.call("GetSecretValue", json!({ "SecretId": NAMES[0] })).await;
    let written: Value = serde_json::from_str(held["SecretString"].as_str().expect("a text")).expect("an object");
    let copy = scene.mount.read(NAMES[0]).await.expect("a copy");
    assert!(copy["data"] != written, "nothing was lost, so this test shows nothing");
    // It is found out, by name, and has its own exit code.
    let told = scene.bench.migrate(&["verify"]).expect_code(VIOLATION);
    assert!(told.to_string().contains(NAMES[0]), "{told}");
    scene.bench.migrate(&["status"]).expect_code(VIOLATION);
}

/// With the probe the same wave waits for the fence to be felt, whatever the settle time; nothing is copied before.
#[tokio::test(flavor = "multi_thread")]
async fn the_probe_holds_a_wave_until_its_fence_is_felt() {
    let scene = Scene::planned("felt-probe", TakesEffect::WhenSettled, &Scene::with_probe("1s")).await;
    let plan = scene.bench.read("migrate/test/plans/wave-1.json");
    assert!(plan.contains("\"observedByProbe\": true"), "{plan}");
    let waits = scene.bench.migrate(&["apply", "--through", "commit", "--json"]).expect_code(INCOMPLETE);
    assert!(waits.stdout.contains("takes new values from the probe"), "{waits}");
    for name in NAMES {
        assert!(!scene.is_copied(name).await, "{name} was copied");
        scene.write(name).await.expect("nobody is refused yet");
    }
    assert!(!scene.reached("settled"));

    scene.world.settle();
    scene.bench.migrate(&["apply", "--through", "commit"]).expect_code(0);
    let settled = scene.bench.read(LEDGER).lines().find(|line| line.contains("\"type\":\"settled\"")).map(str::to_owned);
    let settled: Value = serde_json::from_str(&settled.expect("a settled record")).expect("JSON");
    assert!(settled["event"]["probes"].as_u64() > Some(1), "one try is no settle time: {settled}");
    for name in NAMES {
        assert!(is_denied(&scene.write(name).await), "{name} takes values");
        // The values that were acknowledged while the fence was not felt are the ones that were copied (P3).
        let held = scene.migration.call("GetSecretValue", json!({ "SecretId": name })).await;
        let held: Value = serde_json::from_str(held["SecretString"].as_str().expect("a text")).expect("an object");
        assert!(scene.mount.read(name).await.expect("a copy")["data"] == held, "{name}: another value was copied");
    }
}

/// With the settle time alone: a fence that is felt within it holds.
#[tokio::test(flavor = "multi_thread")]
async fn a_settle_time_longer_than_the_delay_loses_nothing() {
    let late = TakesEffect::After(Duration::from_millis(500));
    let scene = Scene::planned("felt-settle", late, "settle = \"2s\"").await;
    scene.bench.migrate(&["apply", "--through", "commit"]).expect_code(0);
    for name in NAMES {
        assert!(is_denied(&scene.write(name).await), "{name} takes values");
    }
    scene.bench.migrate(&["verify"]).expect_code(0);
}

/// Somebody takes a felt fence away between two looks: the probe at commit feels it, and the stored policy shows it.
#[tokio::test(flavor = "multi_thread")]
async fn a_fence_that_another_controller_takes_away_is_found_before_the_commit() {
    let scene = Scene::planned("felt-taken", TakesEffect::AtOnce, &Scene::with_probe("0s")).await;
    scene.bench.migrate(&["apply"]).expect_code(0);
    scene.migration.call("DeleteResourcePolicy", json!({ "SecretId": NAMES[1] })).await;
    let told = scene.bench.migrate(&["apply", "--through", "commit"]).expect_code(VIOLATION);
    assert!(told.to_string().contains(NAMES[1]), "{told}");
    assert!(!scene.reached("committed"));
    // P10: that member is let go, and the others are handed over.
    scene.bench.migrate(&["apply", "--through", "commit", "--leave-out", NAMES[1]]).expect_code(0);
    assert!(!scene.is_copied(NAMES[1]).await, "what was left out is still in the mount");
    scene.write(NAMES[1]).await.expect("what was left out takes new values");
    assert!(is_denied(&scene.write(NAMES[0]).await));
}

/// A probe that was refused before anything was fenced would say nothing when it is refused afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn a_probe_that_is_refused_from_the_start_observes_nothing() {
    let scene = Scene::planned("felt-blind", TakesEffect::AtOnce, &Scene::with_probe("0s")).await;
    let theirs = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Deny",
            "Principal": "*",
            "Action": "secretsmanager:PutSecretValue",
            "Resource": "*",
            "Condition": { "ArnEquals": { "aws:PrincipalArn": "arn:aws:iam::123456789012:role/application" } },
        }],
    });
    scene.migration.call("PutResourcePolicy", json!({ "SecretId": NAMES[2], "ResourcePolicy": theirs.to_string() })).await;
    let told = scene.bench.migrate(&["apply", "--json"]).expect_code(3);
    assert!(told.stdout.contains("refuses the probe before it is fenced"), "{told}");
    assert!(!scene.reached("fence-intended"));
}

/// An organisation that closes secrets, by a statement that is not ours: what its resource control policy would do.
async fn organisation(scene: &Scene, names: &[&str], closes: bool) {
    let statement = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": "Organisation",
            "Effect": "Deny",
            "Principal": "*",
            "Action": ["secretsmanager:PutSecretValue", "secretsmanager:UpdateSecret"],
            "Resource": "*",
            "Condition": { "ArnNotEquals": { "aws:PrincipalArn": "arn:aws:iam::123456789012:role/migrate" } },
        }],
    });
    for name in names {
        let input = json!({ "SecretId": name, "ResourcePolicy": statement.to_string() });
        let (operation, input) =
            if closes { ("PutResourcePolicy", input) } else { ("DeleteResourcePolicy", json!({ "SecretId": name })) };
        scene.migration.call(operation, input).await;
    }
}

async fn tags(scene: &Scene, name: &str) -> Value {
    scene.migration.call("DescribeSecret", json!({ "SecretId": name })).await["Tags"].take()
}

/// A fence that the organisation applies: the tool stores nothing, and goes on once the probe feels it.
#[tokio::test(flavor = "multi_thread")]
async fn an_external_fence_is_felt_and_nothing_else_is_stored() {
    let outgoing = format!("fence = \"external\"\n{}", Scene::with_probe("1s"));
    let scene = Scene::planned("felt-external", TakesEffect::AtOnce, &outgoing).await;
    let waits = scene.bench.migrate(&["apply", "--json"]).expect_code(INCOMPLETE);
    assert!(waits.stdout.contains("takes new values from the probe"), "{waits}");
    organisation(&scene, &NAMES, true).await;
    scene.bench.migrate(&["apply"]).expect_code(0);
    // Lifted by somebody: found by status and before the commit.
    organisation(&scene, &NAMES[..1], false).await;
    scene.bench.migrate(&["status"]).expect_code(VIOLATION);
    scene.bench.migrate(&["apply", "--through", "commit"]);
    assert!(!scene.reached("committed"));
    organisation(&scene, &NAMES[..1], true).await;
    scene.bench.migrate(&["apply", "--through", "commit"]).expect_code(0);
    assert_eq!(tags(&scene, NAMES[0]).await, Value::Null);
}

/// A fence by tag: the tag is ours to put and to take away, what it does is the organisation's.
#[tokio::test(flavor = "multi_thread")]
async fn a_fence_by_tag_is_felt_and_goes_without_a_trace() {
    let outgoing = format!("fence = \"tag\"\n{}", Scene::with_probe("1s"));
    let scene = Scene::planned("felt-tag", TakesEffect::AtOnce, &outgoing).await;
    let theirs = json!([{ "Key": "team", "Value": "" }]);
    scene.migration.call("TagResource", json!({ "SecretId": NAMES[0], "Tags": theirs })).await;
    scene.bench.migrate(&["apply"]).expect_code(INCOMPLETE);
    assert_eq!(tags(&scene, NAMES[1]).await[0]["Key"], "migrate-fence");
    // A plan belongs to one kind of fence.
    let config = scene.bench.read("migrate.toml");
    scene.bench.write("migrate.toml", &config.replace("\"tag\"", "\"external\""));
    scene.bench.migrate(&["apply"]).expect_code(3);
    scene.bench.write("migrate.toml", &config);
    organisation(&scene, &NAMES, true).await;
    scene.bench.migrate(&["apply"]).expect_code(0);
    scene.bench.migrate(&["rollback", "wave-1"]).expect_code(0);
    assert_eq!(tags(&scene, NAMES[0]).await, theirs);
    assert_eq!(tags(&scene, NAMES[1]).await, Value::Null);
}

/// What a rotation function does, with the database whose password it changes.
struct Lambda<'a> {
    scene: &'a Scene,
    name: &'a str,
    database: String,
}

impl<'a> Lambda<'a> {
    async fn turned_on(scene: &'a Scene, name: &'a str) -> Self {
        scene
            .migration
            .call(
                "RotateSecret",
                json!({
                    "SecretId": name,
                    "RotationLambdaARN": "arn:aws:lambda:eu-central-1:123456789012:function:rotate",
                    "RotationRules": { "ScheduleExpression": "rate(10 days)", "Duration": "3h" },
                    "RotateImmediately": false,
                    "ClientRequestToken": uuid::Uuid::new_v4().to_string(),
                }),
            )
            .await;
        Self { scene, name, database: String::new() }
    }

    /// `createSecret`, then `setSecret`: the database has a new password.
    async fn begin(&mut self) {
        let text = Canary::of_this_run().object();
        let mut input = put(self.name, &text);
        (input["ClientRequestToken"], input["VersionStages"]) = (PENDING.into(), json!(["AWSPENDING"]));
        self.scene.application.call("PutSecretValue", input).await;
        self.database = text;
    }

    /// `finishSecret`: the new password is the current one.
    async fn finish(&self) -> Result<Value, Value> {
        let current = self.scene.migration.call("DescribeSecret", json!({ "SecretId": self.name })).await;
        let labels = current["VersionIdsToStages"].as_object().expect("versions");
        let from = labels.iter().find(|(_, labels)| labels.as_array().is_some_and(|l| l.contains(&json!("AWSCURRENT"))));
        let from = from.map(|(version, _)| version.clone()).expect("a current version");
        let moved = json!({
            "SecretId": self.name, "VersionStage": "AWSCURRENT", "MoveToVersionId": PENDING, "RemoveFromVersionId": from
        });
        self.scene.application.try_call("UpdateSecretVersionStage", moved).await?;
        let done = json!({ "SecretId": self.name, "VersionStage": "AWSPENDING", "RemoveFromVersionId": PENDING });
        self.scene.application.try_call("UpdateSecretVersionStage", done).await
    }

    /// What applications read, and what the database takes.
    async fn is_in_step(&self) -> bool {
        let held = self.scene.migration.call("GetSecretValue", json!({ "SecretId": self.name })).await;
        held["SecretString"] == json!(self.database)
    }
}

/// Without the rotation wait a rotation is fenced in its middle: the database has a password that no current version holds.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_rotation_wait_a_rotation_is_cut_in_its_middle() {
    let scene = Scene::new("rotation-no-wait", TakesEffect::WhenSettled, "settle = \"0s\"\nrotation_wait = \"0s\"").await;
    scene.seed(NAMES[0]);
    let mut lambda = Lambda::turned_on(&scene, NAMES[0]).await;
    scene.plan();
    scene.bench.migrate(&["apply", "--through", "fence"]).expect_code(0);
    // The function was called before rotation was cancelled, and starts slowly.
    lambda.begin().await;
    scene.world.settle();
    assert!(is_denied(&lambda.finish().await));
    assert!(!lambda.is_in_step().await, "nothing was lost, so this test shows nothing");
    let told = scene.bench.migrate(&["apply"]).expect_code(VIOLATION);
    assert!(told.stderr.contains("labelled AWSPENDING"), "{told}");
}

/// With it, the rotation ends first, and its value is the one that is handed over.
#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_in_flight_is_waited_out_and_its_value_is_handed_over() {
    let scene = Scene::new("rotation-waited", TakesEffect::AtOnce, "settle = \"0s\"\nrotation_wait = \"5s\"").await;
    scene.seed(NAMES[0]);
    let mut lambda = Lambda::turned_on(&scene, NAMES[0]).await;
    lambda.begin().await;
    scene.plan();
    let arguments = ["apply", "--through", "commit"];
    let child = scene.bench.command(&arguments).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn();
    let child = child.expect("migrate starts");
    while !scene.reached("rotation-cancelled") {
        tokio::task::yield_now().await;
    }
    lambda.finish().await.expect("the rotation ends undisturbed");
    let ended = scene.bench.keep(&arguments, child.wait_with_output().expect("its output")).expect_code(0);
    assert!(lambda.is_in_step().await, "{ended}");
    let waited = scene.moment("rotation-ended").duration_since(scene.moment("rotation-cancelled"));
    assert!(waited.as_secs() >= 5, "by the ledger's own times it waited {waited}");
    let copy = scene.mount.read(NAMES[0]).await.expect("a copy");
    assert!(copy["data"] == serde_json::from_str::<Value>(&lambda.database).expect("an object"), "another value was copied");
}

/// A rotation that ended in its middle for good: the member is named, can be let go, and is then rotated as before.
#[tokio::test(flavor = "multi_thread")]
async fn a_stuck_rotation_is_named_and_left_out_and_gets_its_rotation_back() {
    let scene = Scene::new("rotation-stuck", TakesEffect::AtOnce, "settle = \"0s\"\nrotation_wait = \"0s\"").await;
    NAMES.iter().for_each(|name| scene.seed(name));
    let mut lambda = Lambda::turned_on(&scene, NAMES[0]).await;
    let before = rotation(&scene, NAMES[0]).await;
    lambda.begin().await;
    scene.plan();
    let told = scene.bench.migrate(&["apply", "--json"]).expect_code(3);
    assert!(told.stdout.contains("labelled AWSPENDING") && told.stdout.contains("--leave-out"), "{told}");
    assert_ne!(rotation(&scene, NAMES[0]).await, before, "rotation is still on");
    assert!(!scene.reached("fence-intended"), "a rotation in flight was fenced");
    // The others are handed over. AWS turns no rotation on while one is unfinished, so that one waits for somebody.
    let waits = scene.bench.migrate(&["apply", "--through", "commit", "--leave-out", NAMES[0]]).expect_code(3);
    assert!(waits.stderr.contains(NAMES[0]) && !waits.stderr.contains("--leave-out"), "{waits}");
    assert!(scene.reached("confirmed") && !scene.is_copied(NAMES[0]).await && scene.is_copied(NAMES[1]).await);
    let status = scene.bench.migrate(&["status"]).expect_code(2);
    assert!(status.stdout.contains("waits for release of what was left out"), "{status}");
    lambda.finish().await.expect("it is not fenced");
    // The same command goes on; a second time is no error, and the secret is free for another wave.
    for _ in 0..2 {
        scene
            .bench
            .migrate(&["apply", "migrate/test/plans/wave-1.json", "--through", "commit", "--leave-out", NAMES[0]])
            .expect_code(0);
        assert_eq!(rotation(&scene, NAMES[0]).await, before);
    }
    scene.bench.migrate(&["status"]).expect_code(2);
    scene.bench.migrate(&["plan"]).expect_code(0);
}

async fn rotation(scene: &Scene, name: &str) -> (Value, Value, Value) {
    let mut seen = scene.migration.call("DescribeSecret", json!({ "SecretId": name })).await;
    (seen["RotationEnabled"].take(), seen["RotationLambdaARN"].take(), seen["RotationRules"].take())
}
