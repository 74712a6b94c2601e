// long because one table of states, and each with what is expected of it
//! States that a secret may be in, and what changes between two steps. What a server here can't be brought into, the proxy answers as AWS
//! does.

use std::collections::BTreeMap;

use http::StatusCode;
use rehearsal::proxy::{Fault, Operation, When};
use serde_json::{Value, json};

use super::{BLOCKED, COMMIT, DONE, LEDGER, Problems, VIOLATION, refused, told, waiting};
use crate::{
    estate::{is_fenced, versions},
    support::{Canary, Workbench, World},
};

const FOLDER: &str = "platform-data/state/";

/// A secret in some state. `reason` is why it waits for begin, as the plan says it; none where it joins.
struct State {
    slug: &'static str,
    reason: Option<Value>,
}

fn joins(slug: &'static str) -> State {
    State { slug, reason: None }
}

fn waits(slug: &'static str, reason: Value) -> State {
    State { slug, reason: Some(reason) }
}

impl State {
    fn name(&self) -> String {
        format!("{FOLDER}{}", self.slug)
    }
}

fn table() -> Vec<State> {
    vec![
        joins("plain"),
        waits("absent", json!({ "reason": "source-absent" })),
        waits("scheduled-for-deletion", json!({ "reason": "source-deleted" })),
        waits("never-given-a-value", json!({ "reason": "source-without-value" })),
        waits("only-pending", json!({ "reason": "source-without-value" })),
        joins("pending-on-current"),
        joins("older-versions"),
        joins("rotation-on"),
        waits("pending-beside-current", json!({ "reason": "rotation-in-flight" })),
        waits("rotation-managed", json!({ "reason": "rotation-managed" })),
        waits("replicated", json!({ "reason": "replicated", "regions": "eu-west-1, us-east-1" })),
        waits("replica", json!({ "reason": "replica", "region": "eu-west-1" })),
        waits("owned", json!({ "reason": "service-owned", "service": "rds" })),
        joins("tags-empty"),
        joins("tags-50"),
        joins("described"),
        waits("not-allowed", json!({ "reason": "unreadable" })),
        waits("policy-not-allowed", json!({ "reason": "unreadable" })),
        joins("policy-of-others"),
    ]
}

fn inventory<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    let entry = |name: &String| format!("- name: {name}\n  category: data\n  class: runtime\n  disposition: moves\n");
    format!("apiVersion: migrate/v1\nsecrets:\n{}", names.into_iter().map(entry).collect::<String>())
}

/// What the proxy answers for a request about this secret, from now on.
fn answers(world: &World, operation: &str, name: &str, body: &Value) {
    let fault = Fault::Answer { status: StatusCode::OK, headers: Vec::new(), body: body.to_string() };
    world.aws.inject(When::operation(Operation::aws(operation)).about(name).always(), fault);
}

fn refuses(world: &World, operation: &str, name: &str, code: &str) {
    let when = When::operation(Operation::aws(operation)).about(name).always();
    world.aws.inject(when, Fault::aws(StatusCode::BAD_REQUEST, code));
}

/// DescribeSecret as the server answers it, with something changed.
async fn described(world: &World, name: &str, change: impl FnOnce(&mut Value)) {
    let mut seen = world.account.call("DescribeSecret", json!({ "SecretId": name })).await;
    change(&mut seen);
    answers(world, "DescribeSecret", name, &seen);
}

async fn put(world: &World, name: &str, text: &str) -> String {
    let token = uuid::Uuid::new_v4().to_string();
    let input = json!({ "SecretId": name, "SecretString": text, "ClientRequestToken": token });
    world.account.call("PutSecretValue", input).await;
    token
}

/// Brings one secret, which holds a value, into its state.
async fn bring(world: &World, state: &State) {
    let (name, account) = (state.name(), &world.account);
    let of = |more: Value| {
        let mut input = more;
        input["SecretId"] = name.as_str().into();
        input
    };
    let tags = |count: usize, value: &str| -> Value {
        (0..count).map(|nth| json!({ "Key": format!("team:key-{nth}"), "Value": value })).collect()
    };
    match state.slug {
        "scheduled-for-deletion" => drop(account.call("DeleteSecret", of(json!({}))).await),
        "only-pending" => {
            described(world, &name, |seen| {
                let id = seen["VersionIdsToStages"].as_object().and_then(|ids| ids.keys().next()).expect("a version").clone();
                seen["VersionIdsToStages"] = json!({ id: ["AWSPENDING"] });
            })
            .await;
        }
        "pending-on-current" => {
            // As a rotation leaves it that ended well.
            let id = versions(account, &name).await.as_object().and_then(|ids| ids.keys().next()).expect("a version").clone();
            account.call("UpdateSecretVersionStage", of(json!({ "VersionStage": "AWSPENDING", "MoveToVersionId": id }))).await;
        }
        "rotation-on" => rotated(world, &name, false).await,
        "pending-beside-current" => pending(world, &name).await,
        "rotation-managed" => described(world, &name, |seen| seen["RotationEnabled"] = true.into()).await,
        "older-versions" => {
            let text = account.call("GetSecretValue", of(json!({}))).await["SecretString"].take();
            put(world, &name, &Canary::of_this_run().word()).await;
            put(world, &name, text.as_str().expect("a text")).await;
        }
        "replicated" => {
            let replicas = ["us-east-1", "eu-west-1"];
            match world.emulator() {
                Some(emulator) => emulator.set_replica_regions(&name, &["eu-west-1", "us-east-1"]).expect("a secret"),
                None => {
                    let regions: Value = replicas.iter().rev().map(|region| json!({ "Region": region })).collect();
                    account.call("ReplicateSecretToRegions", of(json!({ "AddReplicaRegions": regions }))).await;
                }
            }
        }
        "replica" => described(world, &name, |seen| seen["PrimaryRegion"] = "eu-west-1".into()).await,
        "owned" => described(world, &name, |seen| seen["OwningService"] = "rds".into()).await,
        "tags-empty" => drop(account.call("TagResource", of(json!({ "Tags": tags(3, "") }))).await),
        "tags-50" => drop(account.call("TagResource", of(json!({ "Tags": tags(50, "v") }))).await),
        "described" => {
            let description = format!("{} <&> \u{1f511}", "d".repeat(2_000));
            let input = json!({ "Description": description, "ClientRequestToken": uuid::Uuid::new_v4().to_string() });
            described(world, &name, |seen| seen["Description"] = input["Description"].clone()).await;
        }
        "not-allowed" => refuses(world, "DescribeSecret", &name, "AccessDeniedException"),
        "policy-not-allowed" => refuses(world, "GetResourcePolicy", &name, "AccessDeniedException"),
        "policy-of-others" => {
            let policy = json!({ "Version": "2012-10-17", "Statement": [theirs(1, "role/app")] });
            account.call("PutResourcePolicy", of(json!({ "ResourcePolicy": policy.to_string() }))).await;
        }
        _ => {}
    }
}

/// Turns rotation on, with a rotation in flight or without.
async fn rotated(world: &World, name: &str, is_in_flight: bool) {
    let function = match world.emulator() {
        Some(_) => "arn:aws:lambda:eu-central-1:123456789012:function:rotate".to_owned(),
        None => world.account.rotation_functions().await[0].clone(),
    };
    let input = json!({
        "SecretId": name, "RotationLambdaARN": function, "RotationRules": { "AutomaticallyAfterDays": 30 },
        "RotateImmediately": false, "ClientRequestToken": uuid::Uuid::new_v4().to_string(),
    });
    world.account.call("RotateSecret", input).await;
    // moto leaves a rotation in flight behind, which neither the emulator nor AWS does.
    match (is_in_flight, labelled(&versions(&world.account, name).await, "AWSPENDING")) {
        (true, None) => pending(world, name).await,
        (false, Some(_)) => not_pending(world, name).await,
        _ => {}
    }
}

/// Gives a version beside the current one the label of an unfinished rotation.
async fn pending(world: &World, name: &str) {
    let input = json!({
        "SecretId": name, "SecretString": Canary::of_this_run().word(), "VersionStages": ["AWSPENDING"],
        "ClientRequestToken": uuid::Uuid::new_v4().to_string(),
    });
    world.account.call("PutSecretValue", input).await;
}

async fn not_pending(world: &World, name: &str) {
    let pending = labelled(&versions(&world.account, name).await, "AWSPENDING").expect("a pending version");
    let input = json!({ "SecretId": name, "VersionStage": "AWSPENDING", "RemoveFromVersionId": pending });
    world.account.call("UpdateSecretVersionStage", input).await;
}

/// The version that bears a label.
fn labelled(versions: &Value, label: &str) -> Option<String> {
    let mut versions = versions.as_object().into_iter().flatten();
    let found = versions.find(|(_, labels)| labels.as_array().is_some_and(|labels| labels.contains(&json!(label))));
    found.map(|(id, _)| id.clone())
}

/// A statement of somebody else's.
fn theirs(nth: usize, principal: &str) -> Value {
    json!({
        "Sid": format!("Theirs{nth}"), "Effect": "Allow", "Resource": "*", "Action": ["secretsmanager:GetSecretValue"],
        "Principal": { "AWS": principal_of(principal) },
    })
}

fn principal_of(name: &str) -> String {
    if name.starts_with("AROA") { name.to_owned() } else { format!("arn:aws:iam::123456789012:{name}") }
}

async fn policy(world: &World, name: &str) -> Option<Value> {
    let answer = world.account.call("GetResourcePolicy", json!({ "SecretId": name })).await;
    answer["ResourcePolicy"].as_str().map(|text| serde_json::from_str(text).expect("a policy"))
}

async fn every_state_joins_or_waits_with_its_reason(world: World) {
    let (canary, table) = (Canary::of_this_run(), table());
    let mut words = BTreeMap::new();
    for state in &table {
        let (name, word) = (state.name(), canary.word());
        match state.slug {
            "absent" => {}
            "never-given-a-value" => {
                let token = uuid::Uuid::new_v4().to_string();
                world.account.call("CreateSecret", json!({ "Name": name, "ClientRequestToken": token })).await;
            }
            _ => drop(world.account.create_text(&name, &word).await),
        }
        bring(&world, state).await;
        words.insert(name, word);
    }
    let bench = world.bench("states");
    bench.write("secrets-inventory.yaml", &inventory(words.keys()));

    let mut problems = Problems::default();
    let mut found = waiting(&told(&bench, &["plan"], BLOCKED));
    let mut joining = Vec::new();
    for state in &table {
        let found = found.remove(&state.name());
        let is_right = match (&state.reason, &found) {
            (None, None) => {
                joining.push(state.name());
                true
            }
            (Some(expected), Some(found)) => {
                let expected = expected.as_object().expect("an object");
                found["blocks"] == "begin" && expected.iter().all(|(key, value)| found[key] == *value)
            }
            _ => false,
        };
        problems.unless(is_right, || format!("{}: expected {:?}, found {found:?}", state.slug, state.reason));
    }
    assert!(found.is_empty(), "{found:#?}");

    // Those that join, to the end.
    bench.write("secrets-inventory.yaml", &inventory(&joining));
    told(&bench, &["plan"], DONE);
    told(&bench, &COMMIT, DONE);
    for name in &joining {
        let entry = world.mount.read(name).await.unwrap_or_else(|| panic!("{name} is not in the mount"));
        problems.unless(entry["data"] == json!({ "value": words[name] }), || format!("{name} holds another value"));
        problems.unless(is_fenced(&world.account, name).await, || format!("{name} is not fenced"));
    }
    let merged = policy(&world, &format!("{FOLDER}policy-of-others")).await.expect("a policy");
    let theirs = theirs(1, "role/app");
    let stays = merged["Statement"].as_array().expect("statements").contains(&theirs);
    problems.unless(stays, || format!("policy-of-others: their statement is gone: {merged}"));
    let rotation = world.account.call("DescribeSecret", json!({ "SecretId": format!("{FOLDER}rotation-on") })).await;
    problems.unless(rotation["RotationEnabled"] != json!(true), || format!("rotation-on: still rotated: {rotation}"));
    problems.none();
}

/// A policy that can't take the fence: named by the plan. One that comes to be so after the plan is found when it is to be merged, named, and
/// nothing of the wave is left after a rollback.
async fn a_policy_that_can_not_be_merged_stops_the_wave(world: World, what: &str, stored: Value, said: &str) {
    let (good, bad) = (format!("{FOLDER}good"), format!("{FOLDER}{what}"));
    for name in [&good, &bad] {
        world.account.create_text(name, &Canary::of_this_run().word()).await;
    }
    let bench = world.bench(what);
    bench.write("secrets-inventory.yaml", &inventory([&good, &bad]));
    has_policy(&world, &bad, what, &stored).await;
    let planned = waiting(&told(&bench, &["plan"], BLOCKED));
    assert_eq!(planned.keys().collect::<Vec<_>>(), [&bad]);
    assert_eq!(planned[&bad]["reason"], "unfenceable");
    assert!(planned[&bad]["why"].as_str().is_some_and(|why| why.contains(said)), "{planned:#?}");

    world.aws.clear_faults();
    world.account.call("DeleteResourcePolicy", json!({ "SecretId": bad })).await;
    told(&bench, &["plan"], DONE);
    has_policy(&world, &bad, what, &stored).await;
    let before = policy(&world, &bad).await;
    let error = refused(&bench, &["apply"], BLOCKED);
    assert_eq!(error["reason"]["type"], "members-blocked");
    let findings = error["findings"].as_array().expect("findings");
    assert!(
        findings.len() == 1 && findings[0].as_str().is_some_and(|text| text.starts_with(&bad) && text.contains(said)),
        "{error}"
    );
    assert!(world.mount.metadata(&good).await.is_none() && world.mount.metadata(&bad).await.is_none(), "something was copied");
    assert_eq!(policy(&world, &bad).await, before);

    told(&bench, &["rollback", "wave-1"], DONE);
    assert_eq!((policy(&world, &good).await, policy(&world, &bad).await), (None, before));
}

/// The emulator, as AWS does, takes no policy with orphans: they come about when a principal is deleted later.
async fn has_policy(world: &World, name: &str, what: &str, stored: &Value) {
    if world.emulator().is_some() && what == "orphans" {
        let arn = world.account.call("DescribeSecret", json!({ "SecretId": name })).await["ARN"].take();
        answers(world, "GetResourcePolicy", name, &json!({ "ARN": arn, "Name": name, "ResourcePolicy": stored.to_string() }));
    } else {
        world.account.call("PutResourcePolicy", json!({ "SecretId": name, "ResourcePolicy": stored.to_string() })).await;
    }
}

/// One that fits on its own, but not with our statement: AWS takes 20,480 bytes.
fn nearly_too_large() -> Value {
    let of = |count: usize| -> Value {
        let statements: Value = (0..count).map(|nth| theirs(nth, "role/some-role-of-an-application")).collect();
        json!({ "Version": "2012-10-17", "Statement": statements })
    };
    let most = (1..).take_while(|count| of(*count).to_string().len() <= 20_480).last().expect("one statement fits");
    of(most)
}

fn with_orphans() -> Value {
    json!({ "Version": "2012-10-17", "Statement": [theirs(0, "AROAEXAMPLEEXAMPLE12"), theirs(1, "role/app")] })
}

/// A key that can't be used is the trouble of one secret, whichever way AWS says it.
async fn a_key_that_can_not_be_used_blocks_its_secret_alone(world: World) {
    let names: Vec<String> = ["a", "b", "unusable"].iter().map(|slug| format!("{FOLDER}{slug}")).collect();
    for name in &names {
        world.account.create_text(name, &Canary::of_this_run().word()).await;
    }
    let bench = world.bench("key");
    bench.write("secrets-inventory.yaml", &inventory(&names));
    let only_the_unusable = |planned: &Value| {
        let waiting = waiting(planned);
        assert_eq!(waiting.keys().collect::<Vec<_>>(), [&names[2]], "{waiting:#?}");
        assert_eq!(waiting[&names[2]]["reason"], "value-unreadable");
        assert!(waiting[&names[2]]["error"].as_str().is_some_and(|text| text.contains("DecryptionFailure")));
    };

    // Among the errors of a batch.
    let mut batch = world.account.call("BatchGetSecretValue", json!({ "SecretIdList": names })).await;
    let values = batch["SecretValues"].as_array_mut().expect("values");
    values.retain(|value| value["Name"] != json!(names[2]));
    let message = "Secrets Manager can't decrypt the protected secret text using the provided KMS key.";
    batch["Errors"] = json!([{ "SecretId": names[2], "ErrorCode": "DecryptionFailure", "Message": message }]);
    answers(&world, "BatchGetSecretValue", &names[2], &batch);
    only_the_unusable(&told(&bench, &["plan"], BLOCKED));

    // The whole batch.
    world.aws.clear_faults();
    refuses(&world, "BatchGetSecretValue", &names[2], "DecryptionFailure");
    only_the_unusable(&told(&bench, &["plan"], BLOCKED));

    // After the plan: the wave stops where the value is to be copied, and goes on once the key works again.
    world.aws.clear_faults();
    told(&bench, &["plan"], DONE);
    refuses(&world, "BatchGetSecretValue", &names[2], "DecryptionFailure");
    let error = refused(&bench, &["apply"], BLOCKED);
    assert_eq!(error["reason"]["type"], "members-blocked");
    let findings = error["findings"].as_array().expect("findings");
    assert!(findings.len() == 1 && findings[0].as_str().is_some_and(|text| text.starts_with(&names[2])), "{error}");
    world.aws.clear_faults();
    told(&bench, &COMMIT, DONE);
}

/// A rotation that doesn't end stops its wave before anything is fenced, and once somebody has ended it the wave goes on.
async fn a_rotation_in_flight_is_ended_first(world: World) {
    let secret = format!("{FOLDER}in-flight");
    let word = Canary::of_this_run().word();
    world.account.create_text(&secret, &word).await;
    rotated(&world, &secret, true).await;
    let bench = world.bench("in-flight");
    bench.write("secrets-inventory.yaml", &inventory([&secret]));
    told(&bench, &["plan"], DONE);
    let error = refused(&bench, &["apply"], BLOCKED);
    assert_eq!(error["reason"]["type"], "members-blocked");
    assert!(!is_fenced(&world.account, &secret).await && world.mount.metadata(&secret).await.is_none());
    not_pending(&world, &secret).await;
    told(&bench, &COMMIT, DONE);
    assert!(
        world.mount.read(&secret).await.expect("a copy")["data"] == json!({ "value": word }),
        "another value was handed over"
    );
}

/// One secret with a plan.
async fn planned(world: &World, name: &str) -> (Workbench, String) {
    let secret = format!("{FOLDER}{name}");
    world.account.create_text(&secret, &Canary::of_this_run().word()).await;
    let bench = world.bench(name);
    bench.write("secrets-inventory.yaml", &inventory([&secret]));
    told(&bench, &["plan"], DONE);
    (bench, secret)
}

/// What moves a value, each in a way of its own.
#[derive(Clone, Copy, Debug)]
enum Change {
    Value,
    Label,
    Replaced,
    Deleted,
}

async fn change(world: &World, name: &str, change: Change) {
    let word = Canary::of_this_run().word();
    match change {
        Change::Value => drop(put(world, name, &word).await),
        Change::Label => {
            // The current label goes back to where it was before.
            let stages = versions(&world.account, name).await;
            let labelled = |label: &str| labelled(&stages, label).expect("a version with the label");
            let input = json!({
                "SecretId": name, "VersionStage": "AWSCURRENT",
                "MoveToVersionId": labelled("AWSPREVIOUS"), "RemoveFromVersionId": labelled("AWSCURRENT"),
            });
            world.account.call("UpdateSecretVersionStage", input).await;
        }
        Change::Replaced => {
            world.account.call("DeleteSecret", json!({ "SecretId": name, "ForceDeleteWithoutRecovery": true })).await;
            world.account.create_text(name, &word).await;
        }
        Change::Deleted => drop(world.account.call("DeleteSecret", json!({ "SecretId": name })).await),
    }
}

/// Between plan and apply: stale, and nothing was touched.
async fn what_moved_after_the_plan_makes_it_stale(world: World) {
    for (nth, moved) in [Change::Value, Change::Label, Change::Replaced, Change::Deleted].into_iter().enumerate() {
        let secret = format!("{FOLDER}moved-{nth}");
        world.account.create_text(&secret, &Canary::of_this_run().word()).await;
        put(&world, &secret, &Canary::of_this_run().word()).await;
        let bench = world.bench(&format!("stale-{nth}"));
        bench.write("secrets-inventory.yaml", &inventory([&secret]));
        told(&bench, &["plan"], DONE);
        let ledger = bench.read(LEDGER);
        change(&world, &secret, moved).await;
        let error = refused(&bench, &["apply"], BLOCKED);
        assert_eq!(error["reason"]["type"], "plan-stale", "{moved:?}");
        assert_eq!(bench.read(LEDGER), ledger, "{moved:?}");
        assert!(world.mount.metadata(&secret).await.is_none() && world.mount.metadata("migrate/anchor").await.is_none());
    }
}

/// Behind the fence, between two steps: a violation with its own exit code, recorded; never committed; and the way back is open.
async fn what_moves_behind_the_fence_is_a_violation(worlds: [World; 2]) {
    for (world, (name, first)) in
        worlds.into_iter().zip([("copy-verify", &["apply", "--through", "copy"][..]), ("verify-commit", &["apply"])])
    {
        let (bench, secret) = planned(&world, name).await;
        told(&bench, first, DONE);
        change(&world, &secret, Change::Value).await;
        let newest = versions(&world.account, &secret).await;
        let error = refused(&bench, &COMMIT, VIOLATION);
        assert_eq!(error["reason"]["type"], "violation", "{name}");
        let ledger = bench.read(LEDGER);
        assert!(ledger.contains("\"type\":\"violated\"") && !ledger.contains("\"type\":\"committed\""), "{name}");
        told(&bench, &["rollback", "wave-1"], DONE);
        assert_eq!(versions(&world.account, &secret).await, newest, "{name}: their value stays");
        assert!(world.mount.metadata(&secret).await.is_none() && policy(&world, &secret).await.is_none(), "{name}");
    }
}

// REQ AUT-6, VLT-1
#[tokio::test(flavor = "multi_thread")]
async fn on_the_real_servers() {
    every_state_joins_or_waits_with_its_reason(World::real().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_the_embedded_servers() {
    every_state_joins_or_waits_with_its_reason(World::embedded().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_on_the_real_servers() {
    a_policy_that_can_not_be_merged_stops_the_wave(
        World::real().await,
        "too-large",
        nearly_too_large(),
        "Secrets Manager takes 20480",
    )
    .await;
    a_policy_that_can_not_be_merged_stops_the_wave(World::real().await, "orphans", with_orphans(), "AROAEXAMPLEEXAMPLE12").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_on_the_embedded_servers() {
    a_policy_that_can_not_be_merged_stops_the_wave(
        World::embedded().await,
        "too-large",
        nearly_too_large(),
        "Secrets Manager takes 20480",
    )
    .await;
    a_policy_that_can_not_be_merged_stops_the_wave(World::embedded().await, "orphans", with_orphans(), "AROAEXAMPLEEXAMPLE12")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_on_the_real_servers() {
    a_key_that_can_not_be_used_blocks_its_secret_alone(World::real().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_on_the_embedded_servers() {
    a_key_that_can_not_be_used_blocks_its_secret_alone(World::embedded().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rotations_on_the_real_servers() {
    a_rotation_in_flight_is_ended_first(World::real().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rotations_on_the_embedded_servers() {
    a_rotation_in_flight_is_ended_first(World::embedded().await).await;
}

// REQ P3
#[tokio::test(flavor = "multi_thread")]
async fn changes_on_the_real_servers() {
    what_moved_after_the_plan_makes_it_stale(World::real().await).await;
    what_moves_behind_the_fence_is_a_violation([World::real().await, World::real().await]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_on_the_embedded_servers() {
    what_moved_after_the_plan_makes_it_stale(World::embedded().await).await;
    what_moves_behind_the_fence_is_a_violation([World::embedded().await, World::embedded().await]).await;
}
