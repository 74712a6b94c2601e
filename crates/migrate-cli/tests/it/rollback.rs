//! The way back, on real servers: what we added goes and nothing else (P9), it resumes, it stops where somebody else changed what it would
//! undo, and after commit there is none (P5).

use rehearsal::proxy::{Effect, KvOperation, Operation, Side};
use serde_json::{Value, json};

use crate::{
    estate::{is_fenced, versions},
    killed::{Scene, freeze},
    support::{AwsAccount, Canary},
};

const ROLLBACK: [&str; 2] = ["rollback", "wave-1"];
const NAME: &str = "platform-data/postgres/app-000";
const BLOCKED: i32 = 3;

/// The policy of a secret as a document.
async fn policy(account: &AwsAccount, name: &str) -> Value {
    let answer = account.call("GetResourcePolicy", json!({ "SecretId": name })).await;
    answer["ResourcePolicy"].as_str().map_or(Value::Null, |text| serde_json::from_str(text).expect("a policy document"))
}

async fn put_policy(account: &AwsAccount, name: &str, statements: Value) {
    let document = json!({ "Version": "2012-10-17", "Statement": statements });
    account.call("PutResourcePolicy", json!({ "SecretId": name, "ResourcePolicy": document.to_string() })).await;
}

fn theirs(sid: &str) -> Value {
    json!({
        "Sid": sid,
        "Effect": "Allow",
        "Principal": { "AWS": "arn:aws:iam::123456789012:role/reader" },
        "Action": "secretsmanager:GetSecretValue",
        "Resource": "*"
    })
}

// REQ AUT-6
#[tokio::test(flavor = "multi_thread")]
async fn takes_away_what_was_added_and_nothing_else() {
    let scene = Scene::planned("rollback").await;
    let (account, mount) = (&scene.account, &scene.mount);
    let names: Vec<&str> = scene.estate.secrets.iter().map(|seeded| seeded.name.as_str()).collect();
    let (own, meanwhile, removed) = (names[1], names[2], names[3]);
    put_policy(account, own, json!([theirs("TheirOwn")])).await;
    let before = policy(account, own).await;

    scene.bench.migrate(&["apply"]).expect_code(0);
    assert!(is_fenced(account, own).await);
    // Somebody adds a statement beside our fence, and somebody takes another fence away.
    let mut with_ours = policy(account, meanwhile).await["Statement"].take();
    with_ours.as_array_mut().expect("statements").push(theirs("Meanwhile"));
    put_policy(account, meanwhile, with_ours).await;
    account.call("DeleteResourcePolicy", json!({ "SecretId": removed })).await;

    let told = scene.bench.migrate(&ROLLBACK).expect_code(0);
    assert!(told.stdout.starts_with("wave wave-1: rolled back; 16 secrets as before"), "{told}");
    scene.estate.untouched(account, mount, "platform-data/").await;
    assert_eq!(policy(account, own).await, before, "their policy is another document");
    assert_eq!(policy(account, meanwhile).await["Statement"], json!([theirs("Meanwhile")]));
    scene.bench.migrate(&["ledger", "verify"]).expect_code(0);
    scene.bench.migrate(&["status"]).expect_code(0);

    // Again: nothing to do. And the secrets are free for another wave, all the way.
    let again = scene.bench.migrate(&ROLLBACK).expect_code(0);
    assert!(again.stdout.contains("rolled back already"), "{again}");
    scene.bench.migrate(&["plan"]).expect_code(0);
    scene.bench.migrate(&["apply", "--through", "commit"]).expect_code(0);
    assert_eq!(scene.estate.judge(account, mount, "platform-data/").await, 16);

    // REQ AUT-5: and then there is no way back.
    let refused = scene.bench.migrate(&["rollback", "wave-2", "--json"]).expect_code(BLOCKED);
    assert!(refused.stdout.contains("no-way-back"), "{refused}");
    assert_eq!(scene.estate.judge(account, mount, "platform-data/").await, 16);
    scene.bench.migrate(&["rollback", "wave-3"]).expect_code(BLOCKED);
}

// REQ OPS-2
#[tokio::test(flavor = "multi_thread")]
async fn killed_at_either_side_of_an_effect_it_resumes() {
    let is_clear = |effect: &Effect| effect.operation == Operation::Kv(KvOperation::DeleteMetadata);
    let is_unfence = |effect: &Effect| {
        ["PutResourcePolicy", "DeleteResourcePolicy"].iter().any(|name| effect.operation == Operation::aws(name))
    };
    for side in [Side::Before, Side::After] {
        for nth in [1, 16] {
            for clears in [true, false] {
                let scene = Scene::planned(&format!("rollback-killed-{nth}")).await;
                scene.bench.migrate(&["apply"]).expect_code(0);
                let reached =
                    if clears { freeze(&scene.vault, is_clear, nth, side) } else { freeze(&scene.aws, is_unfence, nth, side) };
                let child = scene.start(&ROLLBACK);
                reached.await.expect("an effect that was reached");
                scene.kill(child, &ROLLBACK);

                // Forward is closed from now on; the same command goes on.
                scene.bench.migrate(&["apply"]);
                let status = scene.bench.migrate(&["status", "--offline"]);
                assert!(status.stdout.contains("next: `migrate rollback wave-1`"), "{status}");
                scene.bench.migrate(&ROLLBACK).expect_code(0);
                scene.estate.untouched(&scene.account, &scene.mount, "platform-data/").await;
                scene.bench.migrate(&["ledger", "verify"]).expect_code(0);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stops_where_somebody_changed_what_it_would_undo() {
    let scene = Scene::planned("rollback-changed").await;
    scene.bench.migrate(&["apply"]).expect_code(0);
    let theirs = json!({ "value": Canary::of_this_run().word() });
    assert_eq!(scene.mount.write(NAME, theirs.clone()).await, 2);

    let told = scene.bench.migrate(&ROLLBACK).expect_code(BLOCKED);
    assert!(told.stderr.contains(NAME), "{told}");
    let entry = scene.mount.read(NAME).await.expect("their entry");
    assert!(entry["data"] == theirs, "their value was changed");
    assert_eq!(entry["metadata"]["version"], 2);
    // A source takes no values while a copy of it, theirs or ours, may stand.
    assert!(is_fenced(&scene.account, NAME).await);

    // They take it away themselves; the same command goes on.
    let path = format!("{}/metadata/{NAME}", scene.mount.path);
    assert!(scene.mount.call(reqwest::Method::DELETE, &path, None).await.0.is_success());
    scene.bench.migrate(&ROLLBACK).expect_code(0);
    scene.estate.untouched(&scene.account, &scene.mount, "platform-data/").await;
}

/// What before could only wait for ever: a fence that somebody took away after it had settled, and a source that moved after begin.
#[tokio::test(flavor = "multi_thread")]
async fn is_offered_where_a_wave_can_only_go_back() {
    let scene = Scene::planned("rollback-offered").await;
    scene.bench.migrate(&["apply", "--through", "fence"]).expect_code(0);
    scene.account.call("DeleteResourcePolicy", json!({ "SecretId": NAME })).await;
    scene.account.call("PutSecretValue", json!({ "SecretId": NAME, "SecretString": Canary::of_this_run().text() })).await;
    let after = versions(&scene.account, NAME).await;
    let told = scene.bench.migrate(&["apply"]);
    assert!(told.code != Some(0) && told.stderr.contains("`migrate rollback wave-1`"), "{told}");
    scene.bench.migrate(&ROLLBACK).expect_code(0);
    assert_eq!(versions(&scene.account, NAME).await, after, "their new value is not current any more");
    assert!(!is_fenced(&scene.account, NAME).await);
}
