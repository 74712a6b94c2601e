//! Values don't print. That they can't be shown, compared or serialised at all is told by [`crate::refused`].

use std::{collections::HashMap, sync::Arc};

use suite::{STRIPE, canary, deny, logged, scene};
use suite_secrets::Secrets;

#[tokio::test]
async fn nothing_that_is_printed_has_a_value() {
    scene(&[("SECRETS_REFRESH_SECONDS", Some("1"))], async {
        let secrets = Arc::new(Secrets::open().await.unwrap());
        let (postgres, stripe, tls) =
            (secrets.postgres_suite().await, secrets.stripe_suite().await, secrets.tls_suite().await);
        let mut printed = vec![format!("{secrets:?} {postgres:?} {stripe:?} {tls:?}")];
        printed.push(format!("{secrets:#?} {postgres:#?} {stripe:#?} {tls:#?}"));
        printed.push(format!("{:?} {:?} {:?}", postgres.password, Some(&stripe), vec![Arc::clone(&tls)]));
        printed
            .push(format!("{:#?}", HashMap::from([("a", (Arc::clone(&postgres), Ok::<_, ()>(Arc::clone(&stripe))))])));
        assert!(printed.iter().all(|text| text.contains("REDACTED")));

        deny(STRIPE).await;
        secrets.refresh().await;
        printed.push(format!("{:?} {:#?}", secrets.stale(), secrets.stale()));
        let error = Secrets::open().await.unwrap_err();
        printed.push(format!("{error} {error:?} {error:#?}"));
        let error: Box<dyn std::error::Error + Send + Sync> = error.into();
        printed.push(format!("{error} {error:?} {:?}", error.source()));
        // In bytes, a value would be printed as numbers, so the beginning of one is looked for, too.
        let numbers = canary().bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ");
        let printed = printed.concat();
        assert!(!printed.contains(&canary()) && !printed.contains(&numbers));
    })
    .await;
}

#[tokio::test]
async fn nothing_that_is_logged_at_any_level_has_a_value() {
    scene(&[("SECRETS_REFRESH_SECONDS", Some("1"))], async {
        let secrets = Secrets::open().await.unwrap();
        secrets.refresh().await;
        let log = logged().text();
        assert!(log.contains("DEBUG") && log.contains("TRACE"), "the SDK logs");
        let numbers = canary().bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ");
        assert!(!log.contains(&canary()) && !log.contains(&numbers));
    })
    .await;
}
