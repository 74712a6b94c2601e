//! Two values compared as texts are, in a time that tells how much is equal.
//! error[E0369]: binary operation `==` cannot be applied to type

use suite_secrets::Secrets;

async fn compare(secrets: &Secrets) -> bool {
    let read = secrets.postgres_suite().await;
    read.username == read.password
}

fn main() {}
