//! A value where a text is wanted.
//! error[E0308]: mismatched types

use suite_secrets::Secrets;

async fn read(secrets: &Secrets) -> bool {
    let text: &str = &secrets.postgres_suite().await.password;
    text.is_empty()
}

fn main() {}
