//! A secret that the application does not have.
//! error[E0599]: no method named `postgres_orders` found

use suite_secrets::Secrets;

async fn read(secrets: &Secrets) {
    drop(secrets.postgres_orders().await);
}

fn main() {}
