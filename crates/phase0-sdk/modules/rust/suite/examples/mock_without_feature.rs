//! Made-up values in a build that did not ask for them.
//! error[E0599]: `open_mock` found

use suite_secrets::Secrets;

async fn open() {
    drop(Secrets::open_mock(None).await);
}

fn main() {}
