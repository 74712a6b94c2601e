//! The real servers through the rehearsal's proxy: it changes nothing on the way, and enforces what they don't.

use async_trait::async_trait;
use migrate_core::name::VaultPath;
use phase2_vault::{Settings, Vault};
use rehearsal::{
    contract::incoming::{self, IncomingWorld},
    felt::{Judge, TakesEffect},
    proxy::{Fences, KvOperation, Operation, Outcome, Proxy, Rules, Upstream},
    secrets_manager::Principal,
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{AwsAccount, Mount, Servers};

fn path(text: &str) -> VaultPath {
    VaultPath::parse(text).expect("a clean path")
}

struct Beside(Mount);

#[async_trait]
impl IncomingWorld for Beside {
    async fn root(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let (status, body) = self.0.call(method, path, body).await;
        (status.as_u16(), body)
    }

    fn mount(&self) -> String {
        self.0.path.clone()
    }

    fn anchor(&self) -> VaultPath {
        path(Settings::DEFAULT_ANCHOR)
    }
}

#[tokio::test]
async fn the_incoming_contract_holds_through_the_proxy() {
    let servers = Servers::from_env();
    let mount = Mount::fresh(&servers).await;
    let ca = std::fs::read_to_string(&servers.bao_cacert).expect("the CA file");
    let upstream = Upstream::at(&servers.bao_addr).expect("an address").with_ca(ca);
    let proxy = Proxy::start(&upstream, Rules::default()).await.expect("a proxy");
    let mut settings = Settings::new(proxy.url(), path(&mount.path), path(Settings::DEFAULT_ANCHOR));
    settings.token = Some(migrate_core::value::SecretText::new(servers.bao_token.clone()));
    incoming::run(&Vault::new(&settings).expect("a client"), &Beside(mount)).await;
    let journal = proxy.journal();
    assert!(journal.iter().all(|entry| matches!(entry.outcome, Outcome::Answered(_))), "everything went through");
    let effects = journal.iter().filter_map(|entry| entry.effect).max();
    assert_eq!(effects, Some(proxy.effects()));
    assert!(journal.iter().any(|entry| entry.operation == Operation::Kv(KvOperation::WriteData)));
}

#[tokio::test]
async fn a_server_that_only_stores_policies_has_felt_fences_behind_the_proxy() {
    let account = AwsAccount::fresh(&Servers::from_env()).await;
    let role = |name: &str| Principal::role(&format!("arn:aws:iam::{}:role/{name}", account.id), "test").expect("a role");
    let migration = role("migration");
    let fences = Fences {
        judge: Judge::strict(),
        takes_effect: TakesEffect::WhenSettled,
        principals: [(account.access_key_id.clone(), migration.clone())].into(),
    };
    let upstream = Upstream::at(&account.endpoint).expect("an address");
    let rules = Rules { limits: true, fences: Some(fences), ..Rules::default() };
    let proxy = Proxy::start(&upstream, rules).await.expect("a proxy");
    let mut proxied = account.clone();
    proxied.endpoint = proxy.url();

    let version = proxied.create_text("s", "1").await;
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Sid": "Fence", "Effect": "Deny", "Principal": "*", "Resource": "*",
        "Action": ["secretsmanager:PutSecretValue"],
        "Condition": {"ArnNotEquals": {"aws:PrincipalArn": [migration.arn]}},
    }]});
    proxied.call("PutResourcePolicy", json!({"SecretId": "s", "ResourcePolicy": policy.to_string()})).await;
    let put = json!({"SecretId": "s", "ClientRequestToken": version, "SecretString": "2"});
    proxy.know(account.access_key_id.clone(), role("application"));
    let code = async || proxied.try_call("PutSecretValue", put.clone()).await.expect_err("a refusal")["__type"].clone();
    assert_eq!(code().await, "ResourceExistsException", "stored, and not felt");
    proxy.settle();
    assert_eq!(code().await, "AccessDeniedException", "felt");
    proxy.know(account.access_key_id.clone(), role("migration"));
    assert_eq!(code().await, "ResourceExistsException", "exempt");

    let ids: Vec<String> = (0..21).map(|n| format!("s{n}")).collect();
    let refused = proxied.try_call("BatchGetSecretValue", json!({"SecretIdList": ids})).await.expect_err("21 ids");
    assert_eq!(refused["__type"], "ValidationException");
    assert_eq!(proxy.journal().last().expect("an entry").outcome, Outcome::Limited);
}
