//! A value in JSON.
//! error[E0277]: serde::Serialize` is not satisfied

use suite_secrets::Secrets;

async fn serialise(secrets: &Secrets) -> Option<String> {
    serde_json::to_string(&secrets.postgres_suite().await.password).ok()
}

fn main() {}
