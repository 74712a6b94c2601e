//! A rollback leaves the world as if the wave had never begun, and what others did meanwhile as they did it (P9): compared from outside on a
//! hundred secrets with policies, tags, descriptions and rotation, beside entries of others in the mount.

use std::{collections::BTreeMap, process::Stdio};

use rehearsal::{
    felt::TakesEffect,
    proxy::{Effect, KvOperation, Operation, Side},
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{felt::Scene, killed::freeze, support::Canary};

/// What is compared, and how many are enough to be killed at each effect of theirs.
const SECRETS: usize = 100;
const KILLED: usize = 40;
const OUTGOING: &str = "settle = \"0s\"\nrotation_wait = \"0s\"\nprobe_role = \"arn:aws:iam::123456789012:role/application\"";
const ROLLBACK: [&str; 2] = ["rollback", "wave-1"];
const LAMBDA: &str = "arn:aws:lambda:eu-central-1:123456789012:function:rotate";

fn name(at: usize) -> String {
    format!("platform-data/postgres/app-{at:03}")
}

fn statement(sid: &str) -> Value {
    json!({
        "Sid": sid,
        "Effect": "Allow",
        "Principal": { "AWS": "arn:aws:iam::123456789012:role/application" },
        "Action": "secretsmanager:GetSecretValue",
        "Resource": "*",
    })
}

/// Everything that a person could see of both stores, but the dates.
#[derive(Debug, PartialEq)]
struct Seen {
    secrets: BTreeMap<String, [Value; 3]>,
    entries: BTreeMap<String, [Value; 2]>,
}

impl Seen {
    async fn of(scene: &Scene, count: usize) -> Self {
        let mut secrets = BTreeMap::new();
        for at in 0..count {
            let id = json!({ "SecretId": name(at) });
            let mut described = scene.migration.call("DescribeSecret", id.clone()).await;
            for date in ["LastChangedDate", "LastAccessedDate"] {
                described[date].take();
            }
            if let Some(tags) = described["Tags"].as_array_mut() {
                tags.sort_by_key(Value::to_string);
            }
            let policy = scene.migration.call("GetResourcePolicy", id.clone()).await["ResourcePolicy"].take();
            let policy = policy.as_str().map_or(Value::Null, |text| serde_json::from_str(text).expect("a policy"));
            let value = scene.migration.call("GetSecretValue", id).await["SecretString"].take();
            secrets.insert(name(at), [described, policy, value]);
        }
        let mut entries = BTreeMap::new();
        let mut folders = vec![String::new()];
        while let Some(folder) = folders.pop() {
            // The anchor is no part of the estate.
            if folder == "migrate/" {
                continue;
            }
            let list = Method::from_bytes(b"LIST").expect("a method");
            let (_, listed) = scene.mount.call(list, &format!("{}/metadata/{folder}", scene.mount.path), None).await;
            for key in listed["data"]["keys"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                let path = format!("{folder}{key}");
                if key.ends_with('/') {
                    folders.push(path);
                } else {
                    let metadata = scene.mount.metadata(&path).await.expect("an entry");
                    let data = scene.mount.read(&path).await.map_or(Value::Null, |entry| entry["data"].clone());
                    entries.insert(path, [metadata, data]);
                }
            }
        }
        Self { secrets, entries }
    }
}

/// So many secrets, planned, and two entries of others beside them in the mount.
async fn planned(test: &str, count: usize, outgoing: &str) -> Scene {
    let scene = Scene::new(test, TakesEffect::AtOnce, outgoing).await;
    for at in 0..count {
        let name = name(at);
        scene.seed(&name);
        if at % 2 == 0 {
            let policy = json!({ "Version": "2012-10-17", "Id": "theirs", "Statement": statement("TheirOwn") });
            let input = json!({ "SecretId": name, "ResourcePolicy": policy.to_string() });
            scene.migration.call("PutResourcePolicy", input).await;
        }
        if at % 3 == 0 {
            let tags = json!([{ "Key": "team", "Value": format!("t{at}") }, { "Key": "empty", "Value": "" }]);
            scene.migration.call("TagResource", json!({ "SecretId": name, "Tags": tags })).await;
        }
        if at % 4 == 0 {
            scene.migration.call("RotateSecret", rotation(&name, &json!({ "AutomaticallyAfterDays": 30 + at }))).await;
        }
    }
    for path in ["platform-data/postgres/theirs", "others/theirs"] {
        scene.mount.write(path, json!({ "value": Canary::of_this_run().word() })).await;
    }
    scene.plan();
    scene
}

fn rotation(name: &str, rules: &Value) -> Value {
    json!({
        "SecretId": name,
        "RotationLambdaARN": LAMBDA,
        "RotationRules": rules,
        "RotateImmediately": false,
        "ClientRequestToken": uuid::Uuid::new_v4().to_string(),
    })
}

// REQ P9
#[tokio::test(flavor = "multi_thread")]
async fn everything_is_as_before_and_what_others_did_meanwhile_stays() {
    let scene = planned("way-back", SECRETS, OUTGOING).await;
    let mut expected = Seen::of(&scene, SECRETS).await;
    scene.bench.migrate(&["apply"]).expect_code(0);
    assert_ne!(Seen::of(&scene, SECRETS).await, expected, "nothing was done, so nothing is undone");

    // Somebody tags one, adds a statement to another one's policy, and writes beside a third.
    let [tagged, opened, beside] = [1, 2, 3].map(name);
    scene.migration.call("TagResource", json!({ "SecretId": tagged, "Tags": [{ "Key": "theirs", "Value": "1" }] })).await;
    let policy = scene.migration.call("GetResourcePolicy", json!({ "SecretId": opened })).await;
    let mut policy: Value = serde_json::from_str(policy["ResourcePolicy"].as_str().expect("a policy")).expect("JSON");
    policy["Statement"].as_array_mut().expect("statements").push(statement("Meanwhile"));
    let input = json!({ "SecretId": opened, "ResourcePolicy": policy.to_string() });
    scene.migration.call("PutResourcePolicy", input).await;
    let theirs = json!({ "value": Canary::of_this_run().word() });
    scene.mount.write(&format!("{beside}-theirs"), theirs).await;
    // And somebody turns rotation of a fourth on again, otherwise.
    let rotated = name(4);
    scene.migration.call("RotateSecret", rotation(&rotated, &json!({ "AutomaticallyAfterDays": 7 }))).await;

    let now = Seen::of(&scene, SECRETS).await;
    let told = scene.bench.migrate(&ROLLBACK).expect_code(0);
    expected.secrets.get_mut(&tagged).expect("it")[0]["Tags"] = now.secrets[&tagged][0]["Tags"].clone();
    expected.secrets.get_mut(&opened).expect("it")[1]["Statement"] = json!([statement("TheirOwn"), statement("Meanwhile")]);
    expected.secrets.get_mut(&rotated).expect("it")[0]["RotationRules"] = now.secrets[&rotated][0]["RotationRules"].clone();
    let written = format!("{beside}-theirs");
    expected.entries.insert(written.clone(), now.entries[&written].clone());
    let after = Seen::of(&scene, SECRETS).await;
    for (name, before) in &expected.secrets {
        // Values are compared, and never shown.
        assert!(after.secrets[name][2] == before[2], "{name} has another value");
        assert_eq!(after.secrets[name][..2], before[..2], "{name}");
    }
    assert!(after.entries == expected.entries, "the mount holds something else");
    assert!(told.stdout.contains("100 secrets as before"), "{told}");
    scene.bench.migrate(&["ledger", "verify"]).expect_code(0);
    // Free for another wave.
    scene.bench.migrate(&["plan"]).expect_code(0);
}

// REQ P9, OPS-2
#[tokio::test(flavor = "multi_thread")]
async fn killed_at_every_effect_it_ends_the_same() {
    // One effect at a time, so that each is one to be killed at.
    let scene = planned("way-back-killed", KILLED, &format!("{OUTGOING}\nconcurrency = 1")).await;
    let config = scene.bench.read("migrate.toml");
    scene.bench.write(
        "migrate.toml",
        &config.replace("[environment.test.incoming]\n", "[environment.test.incoming]\nconcurrency = 1\n"),
    );
    let before = Seen::of(&scene, KILLED).await;
    scene.bench.migrate(&["apply"]).expect_code(0);
    // Each run dies right after its first effect, or right before it, until one has nothing left to do.
    let clears = |effect: &Effect| effect.operation == Operation::Kv(KvOperation::DeleteMetadata);
    let undoes = |effect: &Effect| {
        ["PutResourcePolicy", "DeleteResourcePolicy", "RotateSecret"].iter().any(|name| effect.operation == Operation::aws(name))
    };
    let mut killed = 0;
    loop {
        let side = if killed % 10 == 9 { Side::Before } else { Side::After };
        let (mut at_vault, mut at_aws) = (freeze(&scene.vault, clears, 1, side), freeze(&scene.world.aws_proxy, undoes, 1, side));
        let mut child = scene.bench.command(&ROLLBACK);
        let child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("migrate starts");
        let id = child.id();
        let mut ended = tokio::task::spawn_blocking(move || child.wait_with_output().expect("its output"));
        let is_killed = tokio::select! {
            Ok(()) = &mut at_vault => true,
            Ok(()) = &mut at_aws => true,
            output = &mut ended => {
                scene.bench.keep(&ROLLBACK, output.expect("a finished wait")).expect_code(0);
                false
            }
        };
        scene.vault.thaw();
        scene.world.aws_proxy.thaw();
        if !is_killed {
            break;
        }
        killed += 1;
        let status = std::process::Command::new("kill").args(["-9", &id.to_string()]).status().expect("kill runs");
        assert!(status.success());
        scene.bench.keep(&ROLLBACK, ended.await.expect("a finished wait"));
    }
    // A copy and a policy of each, and the rotation of a quarter.
    assert!(killed >= 2 * KILLED + KILLED / 4, "killed {killed} times only");
    let after = Seen::of(&scene, KILLED).await;
    for (name, before) in &before.secrets {
        assert!(after.secrets[name][2] == before[2], "{name} has another value");
        assert_eq!(after.secrets[name][..2], before[..2], "{name}");
    }
    assert!(after.entries == before.entries, "the mount holds something else");
    scene.bench.migrate(&["ledger", "verify"]).expect_code(0);
}
