//! A property that the secret does not have.
//! error[E0609]: no field `passwort` on type

use suite_secrets::{ExposeSecret, Secrets};

async fn read(secrets: &Secrets) -> usize {
    secrets.postgres_suite().await.passwort.expose_secret().len()
}

fn main() {}
