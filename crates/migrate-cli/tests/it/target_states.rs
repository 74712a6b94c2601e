//! What a target may look like before, and while, a wave is copied to it, on real servers: each state gives the right result or one clear reason.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    estate::{self, is_fenced},
    support::{AwsAccount, Canary, Mount, Servers, Workbench},
};

const NAME: &str = "platform-data/postgres/orders";
const COMMIT: [&str; 3] = ["apply", "--through", "commit"];
const BLOCKED: i32 = 3;

struct Scene {
    account: AwsAccount,
    mount: Mount,
    bench: Workbench,
    value: String,
}

impl Scene {
    /// One secret, whose value is a text; nothing is planned.
    async fn seeded(name: &str) -> Self {
        let scene = Self::empty(name).await;
        scene.account.create_text(NAME, &scene.value).await;
        scene.bench.migrate(&["inventory", "import"]).expect_code(0);
        scene
    }

    async fn empty(name: &str) -> Self {
        let servers = Servers::from_env();
        let (account, mount) = (AwsAccount::fresh(&servers).await, Mount::fresh(&servers).await);
        let bench = estate::workbench(name, &account, &mount);
        Self { account, mount, bench, value: Canary::of_this_run().word() }
    }

    async fn api(&self, method: Method, below: &str, body: Option<Value>) {
        let (status, answer) = self.mount.call(method.clone(), &format!("{}/{below}", self.mount.path), body).await;
        assert!(status.is_success(), "{method} {below}: {status} {answer}");
    }

    /// The typed reason for which the one secret waits.
    fn waits(&self) -> Value {
        let whole = self.bench.migrate(&["plan", "--json"]).expect_code(BLOCKED);
        let told: Value = serde_json::from_str(&whole.stdout).unwrap_or_else(|_| panic!("no JSON\n{whole}"));
        assert_eq!(told["plan"]["members"], json!([]), "{whole}");
        told["plan"]["waiting"][0]["reason"].clone()
    }
}

// REQ VLT-2
#[tokio::test(flavor = "multi_thread")]
async fn whatever_stands_at_the_target_is_told_and_left_alone() {
    let scene = Scene::seeded("target-states").await;
    let (data, metadata) = (format!("data/{NAME}"), format!("metadata/{NAME}"));
    for (what, theirs) in [("the same value", scene.value.clone()), ("another value", Canary::of_this_run().word())] {
        scene.mount.write(NAME, json!({ "value": theirs })).await;
        assert_eq!(scene.waits(), "target-foreign", "{what}");
        assert!(scene.mount.read(NAME).await.expect("an entry")["data"]["value"] == json!(theirs), "{what} was changed");
        scene.api(Method::DELETE, &metadata, None).await;
    }
    scene.mount.write(NAME, json!({ "value": "theirs" })).await;
    scene.api(Method::DELETE, &data, None).await;
    assert_eq!(scene.waits(), "target-gone", "a deleted version");
    scene.api(Method::PUT, &format!("destroy/{NAME}"), Some(json!({ "versions": [1] }))).await;
    assert_eq!(scene.waits(), "target-gone", "a destroyed version");
    scene.api(Method::DELETE, &metadata, None).await;

    scene.api(Method::POST, &metadata, Some(json!({ "custom_metadata": { "owner": "them" } }))).await;
    assert_eq!(scene.waits(), "target-foreign", "an entry of metadata alone");
    scene.api(Method::DELETE, &metadata, None).await;

    // And with all of it gone the secret goes.
    scene.bench.migrate(&["plan"]).expect_code(0);
    scene.bench.migrate(&COMMIT).expect_code(0);
    assert!(scene.mount.read(NAME).await.expect("an entry")["data"]["value"] == json!(scene.value));
    assert!(is_fenced(&scene.account, NAME).await);
}

// REQ P2: neither a mount nor an entry that forgets is handed anything.
#[tokio::test(flavor = "multi_thread")]
async fn a_mount_or_an_entry_that_forgets_is_refused_whenever_it_begins_to() {
    let scene = Scene::seeded("target-forgets").await;
    let forgets = |seconds: &str| Some(json!({ "delete_version_after": seconds }));
    scene.api(Method::POST, "config", forgets("1h")).await;
    let refused = scene.bench.migrate(&["plan"]).expect_code(BLOCKED);
    assert!(refused.stdout.contains("delete_version_after"), "{refused}");
    scene.api(Method::POST, "config", forgets("0s")).await;
    scene.bench.migrate(&["plan"]).expect_code(0);

    scene.api(Method::POST, "config", forgets("1h")).await;
    let refused = scene.bench.migrate(&["apply", "--json"]).expect_code(BLOCKED);
    assert!(refused.stdout.contains("plan-foreign"), "{refused}");
    assert!(scene.mount.metadata("migrate/anchor").await.is_none(), "something was begun");
    scene.api(Method::POST, "config", forgets("0s")).await;

    scene.bench.migrate(&["apply"]).expect_code(0);
    scene.api(Method::PATCH, &format!("metadata/{NAME}"), forgets("1h")).await;
    let refused = scene.bench.migrate(&COMMIT).expect_code(BLOCKED);
    assert!(refused.stderr.contains("delete_version_after is set on the entry"), "{refused}");
}

// REQ NAM-3: the folder of the anchor is a folder like any other, and only the anchor's own path is taken.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_may_lie_in_our_folder_but_not_at_the_anchor() {
    let scene = Scene::empty("target-folder").await;
    let names = ["migrate", "migrate/anchor", "migrate/anchor/below", "migrate/other"];
    let mut inventory = "apiVersion: migrate/v1\nsecrets:\n".to_owned();
    for name in names {
        scene.account.create_text(name, &scene.value).await;
        inventory += &format!(
            "  - {{name: {name}, nameException: as it was found, category: data, class: runtime, disposition: moves}}\n"
        );
    }
    scene.bench.write("secrets-inventory.yaml", &inventory);
    let refused = scene.bench.migrate(&["plan"]).expect_code(BLOCKED);
    assert!(refused.stdout.contains("migrate/anchor is the path of the anchor"), "{refused}");
    let others = ["plan", "--select", "migrate", "migrate/anchor/below", "migrate/other"];
    scene.bench.migrate(&others).expect_code(0);
    scene.bench.migrate(&COMMIT).expect_code(0);
    scene.bench.migrate(&["verify"]).expect_code(0);
    for name in ["migrate", "migrate/anchor/below", "migrate/other"] {
        assert!(scene.mount.read(name).await.expect("an entry")["data"]["value"] == json!(scene.value), "{name}");
    }
    assert!(!is_fenced(&scene.account, "migrate/anchor").await);
}

// REQ VLT-2: a mount that demands check-and-set and keeps one version is served as it is, and stays as it is.
#[tokio::test(flavor = "multi_thread")]
async fn settings_of_the_mount_are_respected() {
    let scene = Scene::seeded("target-settings").await;
    scene.api(Method::POST, "config", Some(json!({ "cas_required": true, "max_versions": 1 }))).await;
    scene.bench.migrate(&["plan"]).expect_code(0);
    scene.bench.migrate(&COMMIT).expect_code(0);
    let entry = scene.mount.metadata(NAME).await.expect("an entry");
    assert_eq!((&entry["current_version"], &entry["max_versions"]), (&json!(1), &json!(0)), "{entry}");
    let (_, config) = scene.mount.call(Method::GET, &format!("{}/config", scene.mount.path), None).await;
    assert_eq!((&config["data"]["cas_required"], &config["data"]["max_versions"]), (&json!(true), &json!(1)));
}

// What a secret says of itself goes with it, as far as it fits, and goes away with the copy.
#[tokio::test(flavor = "multi_thread")]
async fn tags_description_key_and_rotation_rules_go_along() {
    let scene = Scene::empty("carried").await;
    let mut tags: Vec<Value> = (0..46).map(|nth| json!({ "Key": format!("tag-{nth:02}"), "Value": "x".repeat(256) })).collect();
    tags.push(json!({ "Key": "empty", "Value": "" }));
    tags.push(json!({ "Key": "Команда é", "Value": "Платформа 🔑" }));
    tags.push(json!({ "Key": "long", "Value": "é".repeat(257) }));
    tags.push(json!({ "Key": "k".repeat(121), "Value": "x" }));
    scene
        .account
        .call(
            "CreateSecret",
            json!({
                "Name": NAME, "SecretString": scene.value, "Tags": tags, "KmsKeyId": "alias/platform",
                "Description": "who reads it,\nand why", "ClientRequestToken": uuid::Uuid::new_v4().to_string(),
            }),
        )
        .await;
    scene.bench.migrate(&["inventory", "import"]).expect_code(0);
    let planned = scene.bench.migrate(&["plan"]).expect_code(0);
    for told in [
        "~ aws-description is not carried: it has a character that can't be printed; it stays readable in the plan file",
        "~ aws-tag/empty is not carried: it is empty",
        "~ aws-tag/long is not carried: it has 514 bytes, and 512 is the most",
        "is not carried: its key would have 129 bytes, and 128 is the most",
    ] {
        assert!(planned.stdout.contains(told), "{told}\n{planned}");
    }
    scene.bench.migrate(&["apply"]).expect_code(0);
    let entry = scene.mount.metadata(NAME).await.expect("an entry");
    let kept = entry["custom_metadata"].as_object().expect("a map").clone();
    assert_eq!(kept["aws-tag/tag-45"], json!("x".repeat(256)));
    assert_eq!(kept["aws-tag/Команда é"], "Платформа 🔑");
    assert!(kept["aws-kms-key-id"].as_str().is_some_and(|key| key.contains("platform")), "{entry}");
    assert_eq!(kept.keys().filter(|key| key.starts_with("aws-")).count(), 48, "{entry}");
    assert_eq!(kept.keys().filter(|key| key.starts_with("migrate-")).count(), 6, "{entry}");

    scene.bench.migrate(&["rollback", "wave-1"]).expect_code(0);
    assert!(scene.mount.metadata(NAME).await.is_none(), "the entry stands after the rollback");
}
