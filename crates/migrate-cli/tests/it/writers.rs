//! The fence of the incoming side on a real OpenBao: policies are judged as the server judges them, foreign writers are named, and nothing is
//! committed beside them. Without the guard the loss that it prevents is there to see.

use std::collections::BTreeMap;

use async_trait::async_trait;
use driver::{ApplyTerms, Interrupt, LedgerFile, Pace, Processes, Session, SessionSettings, Silent, Systems, TokioClock};
use migrate_core::{
    handover::{Goal, Runner, Stage},
    id::TargetVersion,
    ledger::Anchor,
    name::VaultPath,
    observed::{Mark, Sighting, TargetEntry, TargetSurvey},
    plan::{self, Plan, Terms},
    ports::{AnchorSeen, Incoming, PortError, Stamp, TargetClear, TargetReading, TargetWrite},
    value::SecretText,
    writers::WritersSeen,
};
use phase0_sdk::{Credentials, GivenCredentials, SecretsManager};
use phase2_vault::{Settings, Vault};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    estate::{self, Estate},
    support::{AwsAccount, Canary, Mount, Servers, Workbench},
};

const LEDGER: &str = "migrate/test/ledger.jsonl";
const NAME: &str = "platform-data/postgres/app-000";
const COMMIT: [&str; 3] = ["apply", "--through", "commit"];
const BLOCKED: i32 = 3;

fn path(text: &str) -> VaultPath {
    VaultPath::parse(text).expect("a clean path")
}

fn vault(mount: &Mount) -> Vault {
    let variables = mount.environment();
    let lookup = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone());
    let settings = Settings::from_environment(path(&mount.path), path(Settings::DEFAULT_ANCHOR), lookup).expect("settings");
    Vault::new(&settings).expect("a client")
}

/// A policy that somebody else made, and a token that carries it alone.
struct Foreign<'m> {
    mount: &'m Mount,
    name: String,
    token: String,
}

impl<'m> Foreign<'m> {
    async fn made(mount: &'m Mount, text: &str) -> Self {
        let name = format!("push-{}", uuid::Uuid::new_v4().simple());
        let (status, answer) = mount.call(Method::PUT, &format!("sys/policies/acl/{name}"), Some(json!({"policy": text}))).await;
        assert!(status.is_success(), "{answer}");
        let input = json!({"policies": [name], "no_default_policy": true});
        let (_, answer) = mount.call(Method::POST, "auth/token/create", Some(input)).await;
        Self { mount, name, token: answer["auth"]["client_token"].as_str().expect("a token").to_owned() }
    }

    /// As External Secrets' PushSecret needs it for one key.
    async fn publisher(mount: &'m Mount) -> Self {
        let rule = |door: &str| {
            format!("path \"{}/{door}/{NAME}\" {{\n  capabilities = [\"create\", \"read\", \"update\"]\n}}\n", mount.path)
        };
        Self::made(mount, &(rule("data") + &rule("metadata"))).await
    }

    async fn writes(&self) -> StatusCode {
        let value = json!({"data": {"value": Canary::of_this_run().word()}});
        self.mount.call_as(&self.token, Method::POST, &format!("{}/data/{NAME}", self.mount.path), Some(value)).await.0
    }

    async fn gone(&self) {
        let (status, _) = self.mount.call(Method::DELETE, &format!("sys/policies/acl/{}", self.name), None).await;
        assert!(status.is_success());
    }
}

struct Scene {
    account: AwsAccount,
    mount: Mount,
    bench: Workbench,
}

impl Scene {
    /// Two secrets and their inventory.
    async fn seeded(name: &str) -> Self {
        let servers = Servers::from_env();
        let (account, mount) = (AwsAccount::fresh(&servers).await, Mount::fresh(&servers).await);
        Estate::seed(&account, 2).await;
        let bench = estate::workbench(name, &account, &mount);
        bench.migrate(&["inventory", "import"]).expect_code(0);
        Self { account, mount, bench }
    }

    fn configure(&self, line: &str) {
        let config = self.bench.read("migrate.toml");
        self.bench.write(
            "migrate.toml",
            &config.replace("[environment.test.incoming]", &format!("[environment.test.incoming]\n{line}")),
        );
    }

    fn is_committed(&self) -> bool {
        self.bench.read(LEDGER).contains("\"type\":\"committed\"")
    }
}

// What `acl.rs` says of a policy is what the server grants to a token that carries it.
#[tokio::test]
async fn policies_are_judged_as_the_server_judges_them() {
    let mount = Mount::fresh(&Servers::from_env()).await;
    let at = |rest: &str| format!("{}/{rest}", mount.path);
    let rules = [
        at("*"),
        at("data/*"),
        at("data/a/b/c"),
        at("data/a/b/c*"),
        at("data/a/b/*"),
        at("data/a/+/c"),
        at("data/+/b/c"),
        at("data/+/+/c"),
        at("data/+/b/*"),
        at("data/a/+/*"),
        at("+/a/b/c"),
        at("+/a/b/c*"),
        at("+/a/*"),
        at("data/+/b/c*"),
        at("data/a/+"),
        at("data/a/b/+"),
        at("data/a/b/+c"),
        at("metadata/a/b/c"),
        at("+/+/+/c"),
        format!("/{}/data/a/b/c", mount.path),
    ];
    let capabilities = [r#""update""#, r#""read""#, r#""deny""#, r#""create", "list""#];
    // Any order will do that meets many combinations; always the same.
    let mut state = 6_u64;
    let mut pick = |count: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).expect("31 bits") % count
    };
    let mut held = Vec::new();
    for _ in 0..60 {
        let text: String = (0..3)
            .map(|_| {
                let (rule, allowed) = (&rules[pick(rules.len())], capabilities[pick(capabilities.len())]);
                format!("path \"{rule}\" {{\n  capabilities = [{allowed}]\n}}\n")
            })
            .collect();
        held.push((Foreign::made(&mount, &text).await, text));
    }
    let entry = path("a/b/c");
    let seen = vault(&mount).writers(std::slice::from_ref(&entry)).await.expect("a look at policies");
    let mut answers = BTreeMap::new();
    for (foreign, text) in &held {
        let doors = ["data", "metadata", "delete", "undelete", "destroy"].map(|door| at(&format!("{door}/a/b/c")));
        let asked = json!({"token": foreign.token, "paths": doors});
        let (status, answer) = mount.call(Method::POST, "sys/capabilities", Some(asked)).await;
        assert!(status.is_success(), "{answer}");
        let writes = |door: &String| {
            let granted = answer["data"][door].as_array().expect("a list").clone();
            granted.iter().any(|capability| ["create", "update"].contains(&capability.as_str().expect("a word")))
        };
        let expected = doors.iter().any(writes);
        let found = seen.foreign.iter().any(|writer| writer.policy == foreign.name);
        assert_eq!(found, expected, "{text}{answer}");
        *answers.entry(expected).or_insert(0) += 1;
        foreign.gone().await;
    }
    assert!(answers.values().all(|count| *count > 10) && answers.len() == 2, "both answers are met often: {answers:?}");
}

// REQ P1
#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_writer_is_named_and_blocks_the_commit_until_somebody_decides() {
    let scene = Scene::seeded("writers").await;
    let foreign = Foreign::publisher(&scene.mount).await;
    let planned = scene.bench.migrate(&["plan"]).expect_code(0);
    let rule = format!("create, update on {}/data/{NAME}", scene.mount.path);
    assert!(planned.stdout.contains(&format!("! policy {} lets write to 1 of these", foreign.name)), "{planned}");
    assert!(planned.stdout.contains(&rule), "{planned}");
    let plan: Value = serde_json::from_str(&scene.bench.read("migrate/test/plans/wave-1.json")).expect("a plan");
    assert_eq!(plan["waiting"][0]["reason"], "foreign-writers", "{plan}");
    assert_eq!(plan["incoming"]["writers"]["foreign"][0]["policy"], json!(foreign.name));
    scene.bench.migrate(&["apply"]).expect_code(0);
    let refused = scene.bench.migrate(&COMMIT).expect_code(BLOCKED);
    assert!(refused.stderr.contains(&foreign.name), "{refused}");
    assert!(!scene.is_committed());

    // Named as one of administrators it is no foreign one; the plan says so.
    scene.bench.migrate(&["rollback", "wave-1"]).expect_code(0);
    scene.configure(&format!("administrators = [\"{}\"]", foreign.name));
    let planned = scene.bench.migrate(&["plan"]).expect_code(0);
    assert!(planned.stdout.contains(&format!("~ policy {}", foreign.name)), "{planned}");
    scene.bench.migrate(&COMMIT).expect_code(0);
    foreign.gone().await;
}

// REQ P1: what the plan saw is looked at again, before the first change and before the commit.
#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_writer_that_comes_later_is_refused_by_name() {
    let scene = Scene::seeded("writers-late").await;
    scene.bench.migrate(&["plan"]).expect_code(0);
    let foreign = Foreign::publisher(&scene.mount).await;
    let stale = scene.bench.migrate(&COMMIT).expect_code(BLOCKED);
    assert!(stale.stderr.contains(&foreign.name), "{stale}");
    assert!(scene.mount.metadata("migrate/anchor").await.is_none(), "something was begun");
    foreign.gone().await;

    scene.bench.migrate(&["apply"]).expect_code(0);
    let foreign = Foreign::publisher(&scene.mount).await;
    let refused = scene.bench.migrate(&[COMMIT.as_slice(), &["--json"]].concat()).expect_code(BLOCKED);
    assert!(refused.stdout.contains("members-blocked") && refused.stdout.contains(&foreign.name), "{refused}");
    assert!(!scene.is_committed());
    // It is taken away, the same command goes on, and nobody else can write.
    foreign.gone().await;
    scene.bench.migrate(&COMMIT).expect_code(0);
    assert_eq!(foreign.writes().await, StatusCode::FORBIDDEN);
    assert_eq!(scene.mount.metadata(NAME).await.expect("an entry")["current_version"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_that_may_not_be_read_are_declared_or_block_the_commit() {
    let scene = Scene::seeded("writers-unread").await;
    let rules = format!(
        "path \"{}/*\" {{\n  capabilities = [\"create\", \"read\", \"update\", \"patch\", \"delete\"]\n}}\n",
        scene.mount.path
    );
    let token = scene.mount.token_with(&rules).await;
    let scene = Scene { bench: scene.bench.with("VAULT_TOKEN", token), ..scene };
    let planned = scene.bench.migrate(&["plan"]).expect_code(0);
    assert!(planned.stdout.contains("the policies of the root namespace can't be read"), "{planned}");
    scene.bench.migrate(&["apply"]).expect_code(0);
    let refused = scene.bench.migrate(&COMMIT).expect_code(BLOCKED);
    assert!(refused.stderr.contains("policies_declared"), "{refused}");
    scene.bench.migrate(&["rollback", "wave-1"]).expect_code(0);

    scene.configure("policies_declared = true");
    let planned = scene.bench.migrate(&["plan"]).expect_code(0);
    assert!(planned.stdout.contains("is declared, not observed, for the policies of the root namespace"), "{planned}");
    scene.bench.migrate(&COMMIT).expect_code(0);
}

/// The store without its guard: it says of nobody that he may write.
struct Unguarded(Vault);

#[async_trait]
impl Incoming for Unguarded {
    async fn writers(&self, _: &[VaultPath]) -> Result<WritersSeen, PortError> {
        Ok(WritersSeen::default())
    }

    async fn survey(&self) -> Result<TargetSurvey, PortError> {
        self.0.survey().await
    }

    async fn describe(&self, paths: &[VaultPath]) -> Vec<Sighting<TargetEntry>> {
        self.0.describe(paths).await
    }

    async fn stamp(&self, stamps: &[Stamp]) -> Vec<Result<(), PortError>> {
        self.0.stamp(stamps).await
    }

    async fn create(&self, writes: &[TargetWrite<'_>]) -> Vec<Result<TargetVersion, PortError>> {
        self.0.create(writes).await
    }

    async fn read(&self, paths: &[VaultPath]) -> Vec<Sighting<TargetReading>> {
        self.0.read(paths).await
    }

    async fn read_versions(&self, wanted: &[(VaultPath, TargetVersion)]) -> Vec<Sighting<TargetReading>> {
        self.0.read_versions(wanted).await
    }

    async fn clear(&self, entries: &[TargetClear], mark: &Mark) -> Vec<Result<(), PortError>> {
        self.0.clear(entries, mark).await
    }

    async fn anchor(&self) -> Sighting<AnchorSeen> {
        self.0.anchor().await
    }

    async fn move_anchor(&self, expected: Option<TargetVersion>, to: &Anchor) -> Result<TargetVersion, PortError> {
        self.0.move_anchor(expected, to).await
    }
}

struct NobodyKnown;

impl Processes for NobodyKnown {
    fn is_dead(&self, _: &Runner) -> Option<bool> {
        None
    }
}

// REQ P1: without the guard a wave is committed beside somebody who may write, and his write goes through though nobody admitted him.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_guard_a_stranger_writes_after_the_commit() {
    let scene = Scene::seeded("writers-unguarded").await;
    scene.bench.migrate(&["plan"]).expect_code(0);
    scene.bench.migrate(&["apply"]).expect_code(0);
    let foreign = Foreign::publisher(&scene.mount).await;
    scene.bench.migrate(&COMMIT).expect_code(BLOCKED);

    let text = scene.bench.read("migrate/test/plans/wave-1.json");
    let plan: Plan = serde_json::from_str(&text).expect("a plan");
    let terms = Terms { goal: Goal::Commit, ..Terms::default() };
    let checked = plan::check(plan, terms).expect("nothing stood in the way when it was made");
    let outgoing = SecretsManager::connect(phase0_sdk::Settings {
        region: Some(scene.account.region.to_owned()),
        endpoint_url: Some(scene.account.endpoint.clone()),
        credentials: Credentials::Given(GivenCredentials {
            access_key_id: scene.account.access_key_id.clone(),
            secret_access_key: SecretText::new(scene.account.secret_access_key.clone()),
            session_token: Some(SecretText::new(scene.account.session_token.clone())),
        }),
        ..phase0_sdk::Settings::default()
    })
    .await
    .expect("settings that can be used");
    let incoming = Unguarded(vault(&scene.mount));
    let systems = Systems { outgoing: &outgoing, incoming: &incoming, delivery: None };
    let (ledger, _) = LedgerFile::open(&scene.bench.repository().join(LEDGER), "ada@host").expect("a ledger");
    let settings = SessionSettings {
        operator: "ada@host".into(),
        runner: Runner { host: "host".into(), process: 1 },
        pace: Pace::default(),
    };
    let opened = Session::open(systems, ledger, &TokioClock, &Silent, &NobodyKnown, Interrupt::never(), settings).await;
    let report = opened.expect("a sound ledger").apply(&checked, Goal::Commit, &ApplyTerms::default()).await.expect("a commit");
    assert_eq!(report.stage, Some(Stage::Confirmed));

    assert_eq!(foreign.writes().await, StatusCode::OK, "the server takes the write of a stranger");
    assert_eq!(scene.mount.metadata(NAME).await.expect("an entry")["current_version"], 2);
    foreign.gone().await;
}
