//! An urgent value (P10): before commit the member is let out of its wave, after it one check-and-set write is recorded.

use std::{
    io::Write as _,
    process::{Child, Stdio},
};

use rehearsal::{
    felt::TakesEffect,
    proxy::{Effect, KvOperation, Operation, Side},
};
use serde_json::{Value, json};

use crate::{
    felt::{NAMES, Scene},
    killed::freeze,
    support::{Canary, Whole},
};

const BLOCKED: i32 = 3;
const VIOLATION: i32 = 5;

fn start(scene: &Scene, name: &str, value: &str) -> Child {
    let mut child = scene
        .bench
        .command(&["urgent", name])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("migrate starts");
    child.stdin.take().expect("its input").write_all(value.as_bytes()).expect("a written value");
    child
}

fn urgent(scene: &Scene, name: &str, value: &str) -> Whole {
    let output = start(scene, name, value).wait_with_output().expect("its output");
    scene.bench.keep(&["urgent", name], output)
}

async fn stands(scene: &Scene, name: &str, version: u64, value: &str) {
    let entry = scene.mount.read(name).await.expect("an entry");
    assert_eq!(entry["metadata"]["version"], json!(version));
    assert!(entry["data"] == serde_json::from_str::<Value>(value).expect("an object"), "another value stands");
}

#[tokio::test(flavor = "multi_thread")]
async fn before_commit_it_is_refused_with_the_way_and_after_it_is_one_recorded_write() {
    let scene = Scene::planned("urgent", TakesEffect::AtOnce, "settle = \"0s\"").await;
    let (first, second) = (Canary::of_this_run().object(), Canary::of_this_run().object());
    assert!(urgent(&scene, NAMES[0], &first).expect_code(BLOCKED).stderr.contains("put-secret-value"));
    scene.bench.migrate(&["apply"]).expect_code(0);
    assert!(urgent(&scene, NAMES[0], &first).expect_code(BLOCKED).stderr.contains("--leave-out"));
    scene.bench.migrate(&["apply", "--through", "commit"]).expect_code(0);

    urgent(&scene, NAMES[0], &first).expect_code(0);
    stands(&scene, NAMES[0], 2, &first).await;
    urgent(&scene, NAMES[0], &second).expect_code(0);
    stands(&scene, NAMES[0], 3, &second).await;
    // What we wrote is no violation, what somebody else writes is, and is not written over.
    scene.bench.migrate(&["verify"]).expect_code(0);
    scene.bench.migrate(&["status"]).expect_code(2);
    scene.bench.migrate(&["ledger", "verify"]).expect_code(0);
    let theirs = Canary::of_this_run().object();
    scene.mount.write(NAMES[0], serde_json::from_str(&theirs).expect("an object")).await;
    urgent(&scene, NAMES[0], &first).expect_code(VIOLATION);
    stands(&scene, NAMES[0], 4, &theirs).await;

    // Nothing, and a secret that nobody knows.
    urgent(&scene, NAMES[1], "").expect_code(64);
    urgent(&scene, "platform-data/postgres/unknown", &first).expect_code(BLOCKED);
}

// REQ OPS-2
#[tokio::test(flavor = "multi_thread")]
async fn killed_at_either_side_of_its_write_the_same_command_finishes_it() {
    for side in [Side::Before, Side::After] {
        let scene = Scene::planned("urgent-killed", TakesEffect::AtOnce, "settle = \"0s\"").await;
        scene.bench.migrate(&["apply", "--through", "commit"]).expect_code(0);
        let value = Canary::of_this_run().object();
        let is_write = |effect: &Effect| {
            let is_anchor = effect.subjects.iter().any(|path| path.ends_with("migrate/anchor"));
            effect.operation == Operation::Kv(KvOperation::WriteData) && !is_anchor
        };
        let reached = freeze(&scene.vault, is_write, 1, side);
        let mut child = start(&scene, NAMES[2], &value);
        reached.await.expect("a write that was reached");
        child.kill().expect("it is killed");
        scene.bench.keep(&["urgent", NAMES[2]], child.wait_with_output().expect("its output"));
        scene.vault.thaw();
        urgent(&scene, NAMES[2], &value).expect_code(0);
        stands(&scene, NAMES[2], 2, &value).await;
        scene.bench.migrate(&["verify"]).expect_code(0);
    }
}
