//! A value that is put in the place of one that was read.
//! error[E0594]: cannot assign to data in an `Arc`

use suite_secrets::{SecretString, Secrets};

async fn assign(secrets: &Secrets) {
    secrets.postgres_suite().await.password = SecretString::from("other");
}

fn main() {}
