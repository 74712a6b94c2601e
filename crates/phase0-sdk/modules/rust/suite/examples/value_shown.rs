//! A value in a text.
//! error[E0277]: doesn't implement `std::fmt::Display`

use suite_secrets::Secrets;

async fn show(secrets: &Secrets) -> String {
    format!("{}", secrets.stripe_suite().await)
}

fn main() {}
