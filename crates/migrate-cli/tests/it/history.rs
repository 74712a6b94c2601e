//! `plan --history`: labelled versions are replayed in order before the current one, proved one by one, and taken back as a whole; also where the
//! process died in the middle.

use rehearsal::proxy::{Effect, KvOperation, Operation, Side};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    killed::{Scene, freeze},
    support::{AwsAccount, Canary, Mount},
};

const NAME: &str = "platform-data/postgres/app-002";
const COMMIT: [&str; 3] = ["apply", "--through", "commit"];
const BLOCKED: i32 = 3;

/// Gives a secret that holds a value three more: the first keeps a label of its own, the second loses all of its labels. Returns those that can
/// be replayed, oldest first, the current one last.
async fn rewritten(account: &AwsAccount) -> Vec<String> {
    let first = account.call("GetSecretValue", json!({ "SecretId": NAME })).await;
    let keep = json!({ "SecretId": NAME, "VersionStage": "before-the-move", "MoveToVersionId": first["VersionId"] });
    let mut values = vec![first["SecretString"].as_str().expect("a text").to_owned()];
    for nth in 0..3 {
        let value = Canary::of_this_run().word();
        let put = json!({ "SecretId": NAME, "SecretString": value, "ClientRequestToken": uuid::Uuid::new_v4().to_string() });
        account.call("PutSecretValue", put).await;
        if nth > 0 {
            values.push(value);
        }
    }
    // moto takes labels of one's own away with the next value, so it is set last.
    account.call("UpdateSecretVersionStage", keep).await;
    values
}

/// What a version holds, as an independent reader sees it.
async fn version(mount: &Mount, number: usize) -> Value {
    let (_, body) = mount.call(Method::GET, &format!("{}/data/{NAME}?version={number}", mount.path), None).await;
    body["data"]["data"]["value"].clone()
}

async fn hold(mount: &Mount, values: &[String]) {
    for (nth, value) in values.iter().enumerate() {
        assert!(version(mount, nth + 1).await == json!(value), "version {} is another value", nth + 1);
    }
    let entry = mount.metadata(NAME).await.expect("an entry");
    assert_eq!(entry["current_version"], json!(values.len()), "{entry}");
}

async fn planned(name: &str) -> (Scene, Vec<String>) {
    let scene = Scene::planned(name).await;
    let values = rewritten(&scene.account).await;
    let planned = scene.bench.migrate(&["plan", "--wave", "wave-1", "--history", "5"]).expect_code(0);
    assert!(planned.stdout.contains(&format!("{NAME} · text · version 3, after 2 older")), "{planned}");
    (scene, values)
}

#[tokio::test(flavor = "multi_thread")]
async fn older_versions_are_replayed_proved_and_taken_back() {
    let (scene, values) = planned("history").await;
    scene.bench.migrate(&["apply"]).expect_code(0);
    hold(&scene.mount, &values).await;
    scene.bench.migrate(&["verify"]).expect_code(0);
    let begun = scene.bench.read("migrate/test/ledger.jsonl");
    assert!(begun.contains("\"history\":["), "the begin record does not name the older versions");

    scene.bench.migrate(&["rollback", "wave-1"]).expect_code(0);
    assert!(scene.mount.metadata(NAME).await.is_none(), "the history stands after the rollback");
    scene.bench.migrate(&["plan", "--wave", "again", "--history", "1"]).expect_code(0);
    scene.bench.migrate(&COMMIT).expect_code(0);
    hold(&scene.mount, &values[1..]).await;
    assert_eq!(scene.mount.metadata("platform-data/postgres/app-000").await.expect("an entry")["current_version"], 1);
}

// REQ OPS-2: what an earlier run left of the history is compared and gone on with.
#[tokio::test(flavor = "multi_thread")]
async fn a_history_that_was_half_written_is_gone_on_with_or_taken_back() {
    let is_version = |effect: &Effect| {
        effect.operation == Operation::Kv(KvOperation::WriteData) && effect.subjects.iter().any(|path| path.ends_with(NAME))
    };
    for side in [Side::Before, Side::After] {
        for nth in [1, 2, 3] {
            let (scene, values) = planned(&format!("history-killed-{nth}")).await;
            let reached = freeze(&scene.vault, is_version, nth, side);
            let child = scene.start(&["apply"]);
            reached.await.expect("an effect that was reached");
            scene.kill(child, &["apply"]);
            if nth == 2 {
                scene.bench.migrate(&["rollback", "wave-1"]).expect_code(0);
                assert!(scene.mount.metadata(NAME).await.is_none(), "a part of the history stands after the rollback");
                continue;
            }
            scene.bench.migrate(&COMMIT).expect_code(0);
            hold(&scene.mount, &values).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stranger_wrote_into_the_history_is_not_taken_for_ours() {
    let is_version = |effect: &Effect| {
        effect.operation == Operation::Kv(KvOperation::WriteData) && effect.subjects.iter().any(|path| path.ends_with(NAME))
    };
    let (scene, _) = planned("history-stranger").await;
    let reached = freeze(&scene.vault, is_version, 2, Side::Before);
    let child = scene.start(&["apply"]);
    reached.await.expect("an effect that was reached");
    scene.kill(child, &["apply"]);
    scene.mount.write(NAME, json!({ "value": "theirs" })).await;
    let refused = scene.bench.migrate(&["apply"]).expect_code(BLOCKED);
    assert!(refused.stderr.contains("but with another value"), "{refused}");
    assert_eq!(version(&scene.mount, 2).await, "theirs");
}

// REQ VLT-2: a mount that would throw the first versions away again.
#[tokio::test(flavor = "multi_thread")]
async fn a_mount_that_keeps_too_few_versions_is_refused() {
    let (scene, _) = planned("history-limit").await;
    let limit = |count: u64| Some(json!({ "max_versions": count }));
    let config = format!("{}/config", scene.mount.path);
    scene.mount.call(Method::POST, &config, limit(2)).await;
    let refused = scene.bench.migrate(&["plan", "--wave", "wave-1", "--history", "5"]).expect_code(BLOCKED);
    assert!(refused.stdout.contains("keeps 2 versions of an entry (max_versions)"), "{refused}");
    scene.bench.migrate(&["plan", "--wave", "wave-1", "--history", "1"]).expect_code(0);
}
