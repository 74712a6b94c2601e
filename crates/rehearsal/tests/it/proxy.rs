//! The proxy, in front of the emulators.

use std::{collections::BTreeMap, num::NonZeroU32, time::Duration};

use http::StatusCode;
use migrate_core::quota::RateClass;
use rehearsal::{
    felt::{Judge, TakesEffect},
    kv2::Kv2,
    proxy::{Fault, Fences, KvOperation, Operation, Outcome, Proxy, Quotas, Rules, Side, Upstream, When},
    secrets_manager::SecretsManager,
};
use serde_json::json;

use crate::{
    client::{Hand, MIGRATION, OTHER, ROOT, aws, aws_as, aws_refused, principals, token, vault_as},
    kv2, secrets_manager,
    secrets_manager::deny,
};

async fn aws_world(rules: Rules) -> (SecretsManager, Proxy) {
    let emulator = secrets_manager::start(&Hand::new(), TakesEffect::AtOnce).await;
    let proxy = Proxy::start(&Upstream::at(&emulator.url()).unwrap(), rules).await.unwrap();
    (emulator, proxy)
}

async fn kv_world() -> (Kv2, Proxy) {
    let emulator = kv2::start(&Hand::new()).await;
    let proxy = Proxy::start(&Upstream::at(&emulator.url()).unwrap(), Rules::default()).await.unwrap();
    (emulator, proxy)
}

fn create(name: &str) -> serde_json::Value {
    json!({"Name": name, "ClientRequestToken": token(1), "SecretString": "canary-in-the-proxy"})
}

#[tokio::test]
async fn requests_pass_unchanged_and_the_journal_holds_no_value() {
    let (_emulator, proxy) = aws_world(Rules::default()).await;
    let made = aws(&proxy.url(), "CreateSecret", create("a")).await;
    let read = aws(&proxy.url(), "GetSecretValue", json!({"SecretId": made["ARN"]})).await;
    assert_eq!(read["SecretString"], "canary-in-the-proxy");
    let journal = proxy.journal();
    assert!(!format!("{journal:?}").contains("canary"));
    let lines: Vec<_> = journal.iter().map(|e| (e.operation.to_string(), e.subjects.join(","), e.effect, e.outcome)).collect();
    let answered = Outcome::Answered(200);
    assert_eq!(
        lines,
        [
            ("secretsmanager:CreateSecret".to_owned(), "a".to_owned(), Some(1), answered),
            ("secretsmanager:GetSecretValue".to_owned(), "a".to_owned(), None, answered),
        ]
    );
}

#[tokio::test]
async fn paths_reach_the_upstream_as_they_were_spelled() {
    let (emulator, proxy) = kv_world().await;
    let answer = vault_as(&proxy.url(), ROOT, "POST", "secret/data/x//y", r#"{"data":{}}"#).await;
    assert_eq!(answer.status, StatusCode::TEMPORARY_REDIRECT, "not followed");
    assert!(emulator.paths("secret").is_empty());
    let answer = vault_as(&proxy.url(), ROOT, "LIST", "secret/metadata/", "").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(proxy.journal()[1].operation, Operation::Kv(KvOperation::List));
}

#[tokio::test]
async fn each_class_of_operations_has_a_quota_of_its_own() {
    let rates = BTreeMap::from([(RateClass::ResourcePolicy, NonZeroU32::new(2).unwrap())]);
    let (_emulator, proxy) = aws_world(Rules { quotas: Quotas::PerSecond(rates), ..Rules::default() }).await;
    aws(&proxy.url(), "CreateSecret", create("a")).await;
    let mut throttled = 0;
    // Three classes of policy calls share two tokens; more calls than a slow machine could refill them for.
    for operation in ["GetResourcePolicy", "DeleteResourcePolicy"].into_iter().cycle().take(40) {
        let answer = aws_as(&proxy.url(), MIGRATION, operation, &json!({"SecretId": "a"})).await.unwrap();
        if answer.status == StatusCode::BAD_REQUEST {
            assert_eq!(answer.json()["__type"], "ThrottlingException");
            throttled += 1;
        }
        aws(&proxy.url(), "DescribeSecret", json!({"SecretId": "a"})).await;
    }
    assert!(throttled > 0);
    assert_eq!(proxy.journal().iter().filter(|entry| entry.outcome == Outcome::Throttled).count(), throttled);
}

#[tokio::test]
async fn limits_are_enforced_in_front_of_a_server_that_does_not() {
    let (_emulator, proxy) = aws_world(Rules { limits: true, ..Rules::default() }).await;
    let ids: Vec<String> = (0..21).map(|n| format!("s{n}")).collect();
    let (code, _) = aws_refused(&proxy.url(), MIGRATION, "BatchGetSecretValue", json!({"SecretIdList": ids})).await;
    assert_eq!(code, "ValidationException");
    assert_eq!(proxy.journal()[0].outcome, Outcome::Limited, "the upstream has not seen it");
}

#[tokio::test]
async fn policies_are_felt_in_front_of_a_server_that_only_stores_them() {
    let fences = Fences { judge: Judge::strict(), takes_effect: TakesEffect::WhenSettled, principals: principals() };
    let lenient = Judge::lenient();
    let emulator = rehearsal::secrets_manager::SecretsManager::start(rehearsal::secrets_manager::Settings {
        account: "123456789012".into(),
        region: "eu-central-1".into(),
        principals: principals(),
        takes_effect: TakesEffect::AtOnce,
        judge: lenient,
        clock: Hand::new().clock(),
        seed: 1,
    })
    .await
    .unwrap();
    let rules = Rules { fences: Some(fences), ..Rules::default() };
    let proxy = Proxy::start(&Upstream::at(&emulator.url()).unwrap(), rules).await.unwrap();
    let url = proxy.url();
    let made = aws(&url, "CreateSecret", create("a")).await;
    let policy = deny(&["PutSecretValue"]);
    aws(&url, "PutResourcePolicy", json!({"SecretId": made["ARN"], "ResourcePolicy": policy})).await;
    let probe = json!({"SecretId": "a", "ClientRequestToken": token(1), "SecretString": "2"});
    assert_eq!(aws_refused(&url, OTHER, "PutSecretValue", probe.clone()).await.0, "ResourceExistsException");
    proxy.settle();
    assert_eq!(aws_refused(&url, OTHER, "PutSecretValue", probe.clone()).await.0, "AccessDeniedException");
    assert_eq!(proxy.journal().last().unwrap().outcome, Outcome::Denied);
    assert_eq!(aws_refused(&url, MIGRATION, "PutSecretValue", probe.clone()).await.0, "ResourceExistsException");
    aws(&url, "DeleteResourcePolicy", json!({"SecretId": "a"})).await;
    proxy.settle();
    assert_eq!(aws_refused(&url, OTHER, "PutSecretValue", probe).await.0, "ResourceExistsException");
}

#[tokio::test]
async fn faults_answer_drop_and_lose() {
    let (emulator, proxy) = kv_world().await;
    let url = proxy.url();
    let write = Operation::Kv(KvOperation::WriteData);
    proxy.inject(When::operation(write.clone()).nth(2), Fault::vault(StatusCode::SERVICE_UNAVAILABLE, "Vault is sealed"));
    let put = async |name: &str| {
        let path = format!("secret/data/{name}");
        let request = http::Request::post(format!("{url}/v1/{path}")).header("x-vault-token", ROOT);
        crate::client::send(request.body(br#"{"data":{}}"#.to_vec()).unwrap()).await.map(|answer| answer.status.as_u16())
    };
    assert_eq!(put("a").await, Some(200));
    assert_eq!(put("b").await, Some(503));
    proxy.inject(When::operation(write.clone()), Fault::DropBefore);
    assert_eq!(put("c").await, None);
    proxy.inject(When::operation(write.clone()).about("secret/data/e"), Fault::DropAfter);
    assert_eq!(put("d").await, Some(200));
    assert_eq!(put("e").await, None);
    assert_eq!(emulator.paths("secret"), ["a", "d", "e"], "the answer for e was lost, not the effect");
    proxy.inject(When::next(), Fault::Delay(Duration::from_millis(1)));
    assert_eq!(put("f").await, Some(200));
    assert_eq!(proxy.effects(), 4, "b and c never became effects");
    let outcomes: Vec<Outcome> = proxy.journal().into_iter().map(|entry| entry.outcome).collect();
    use Outcome::*;
    assert_eq!(outcomes, [Answered(200), Injected(503), DroppedBefore, Answered(200), DroppedAfter(200), Answered(200)]);
}

#[tokio::test]
async fn the_world_freezes_at_one_side_of_one_effect() {
    for (side, done) in [(Side::Before, vec!["a"]), (Side::After, vec!["a", "b"])] {
        let (emulator, proxy) = kv_world().await;
        let url = proxy.url();
        let frozen = proxy.freeze_at(2, side);
        vault_as(&url, ROOT, "POST", "secret/data/a", r#"{"data":{}}"#).await;
        vault_as(&url, ROOT, "GET", "secret/data/a", "").await;
        let client = tokio::spawn({
            let url = url.clone();
            async move { vault_as(&url, ROOT, "POST", "secret/data/b", r#"{"data":{}}"#).await }
        });
        let effect = frozen.await.unwrap();
        assert_eq!((effect.number, effect.subjects), (2, vec!["secret/data/b".to_owned()]));
        // The client is killed here; another one comes after the world goes on.
        client.abort();
        assert!(client.await.unwrap_err().is_cancelled());
        assert_eq!(emulator.paths("secret"), done);
        proxy.thaw();
        vault_as(&url, ROOT, "POST", "secret/data/c", r#"{"data":{}}"#).await;
        assert_eq!(emulator.paths("secret"), [done, vec!["c"]].concat(), "what hung is never done");
    }
}
