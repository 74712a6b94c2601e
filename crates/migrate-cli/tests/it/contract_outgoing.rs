//! The Outgoing port against a real Secrets Manager API: its contract, and what it says of accounts that can't be reached.

use async_trait::async_trait;
use migrate_core::{
    id::{Epoch, LedgerId, WaveName},
    name::SecretName,
    observed::{FenceSeen, Mark, Sighting},
    ports::{Effect, Outgoing, PortErrorKind},
    value::SecretText,
};
use phase0_sdk::{Credentials, GivenCredentials, Probe, SecretsManager, Settings};
use rehearsal::contract::outgoing::{self, OutgoingWorld};
use serde_json::Value;

use crate::support::{AwsAccount, Servers};

struct World(AwsAccount);

#[async_trait]
impl OutgoingWorld for World {
    async fn call(&self, operation: &str, input: Value) -> Result<Value, Value> {
        self.0.try_call(operation, input).await
    }

    async fn rotation_functions(&self) -> [String; 2] {
        self.0.rotation_functions().await
    }
}

/// The account by its keys alone: neither environment nor files are looked at. Quotas are those of nobody.
fn settings(account: &AwsAccount) -> Settings {
    Settings {
        region: Some(account.region.to_owned()),
        endpoint_url: Some(account.endpoint.clone()),
        credentials: Credentials::Given(GivenCredentials {
            access_key_id: account.access_key_id.clone(),
            secret_access_key: SecretText::new(account.secret_access_key.clone()),
            session_token: Some(SecretText::new(account.session_token.clone())),
        }),
        quota_percent: 1_000,
        ..Settings::default()
    }
}

async fn connect(settings: Settings) -> SecretsManager {
    SecretsManager::connect(settings).await.expect("settings that can be used")
}

fn mark() -> Mark {
    Mark { ledger: LedgerId::new("l"), wave: WaveName::parse("w").expect("a name"), epoch: Epoch(1) }
}

#[tokio::test]
async fn the_contract_holds() {
    let account = AwsAccount::fresh(&Servers::from_env()).await;
    let probe = Some(Probe::Role(format!("arn:aws:iam::{}:role/ordinary", account.id)));
    let port = connect(Settings { probe, ..settings(&account) }).await;
    outgoing::run(&port, &World(account)).await;
}

#[tokio::test]
async fn a_fence_that_would_lock_us_out_is_not_put() {
    let account = AwsAccount::fresh(&Servers::from_env()).await;
    account.create_text("s", "x").await;
    let names = [SecretName::parse("s").expect("a name")];
    let stranger = format!("arn:aws:iam::{}:role/somebody-else", account.id);
    let port = connect(Settings { exempt: vec![stranger.clone()], ..settings(&account) }).await;
    let error = port.fence(&names, &mark()).await.remove(0).expect_err("a refusal");
    assert_eq!((error.kind, error.effect), (PortErrorKind::Misconfigured, Effect::NotDone), "{error}");
    assert_eq!(port.fences(&names).await, [Sighting::Present(FenceSeen::Open)]);

    let both = Settings { exempt: vec![stranger, format!("arn:aws:iam::{}:role/migration", account.id)], ..settings(&account) };
    let port = connect(both).await;
    assert_eq!(port.fence(&names, &mark()).await, [Ok(())]);
    assert_eq!(port.fences(&names).await, [Sighting::Present(FenceSeen::Ours(mark()))]);
}

#[tokio::test]
async fn a_service_that_is_not_there_is_unreachable_and_nothing_is_done() {
    let account = AwsAccount::fresh(&Servers::from_env()).await;
    let nobody = Settings { endpoint_url: Some("http://127.0.0.1:1".into()), attempts: 1, ..settings(&account) };
    let port = connect(nobody).await;
    let error = port.list().await.expect_err("nobody listens there");
    assert_eq!((error.kind, error.effect), (PortErrorKind::Unreachable, Effect::NotDone), "{error}");
    assert!(!error.to_string().contains(&account.secret_access_key), "keys stay out of errors");
}
