//! A read never fails once the secrets are open.

use std::time::{Duration, Instant, SystemTime};

use suite::{
    POSTGRES, SMTP, STRIPE, TLS, count, delete, deny, ends, logged, made_up, put, put_binary, same, scene, slow, start,
    stop, until, value,
};
use suite_secrets::{ExposeSecret as _, Secrets};

#[tokio::test]
async fn values_stay_while_the_server_is_down_and_are_renewed_when_it_is_back() {
    scene(&[("SECRETS_REFRESH_SECONDS", Some("1"))], async {
        let secrets = Secrets::open().await.unwrap();
        assert!(secrets.stale().is_empty());
        let (old, began) = (value(STRIPE).await, SystemTime::now());

        stop().await;
        ends("refresh", secrets.refresh()).await;
        let since = secrets.stale().iter().map(|stale| stale.since).collect::<Vec<_>>();
        let names: Vec<_> = secrets.stale().iter().map(|stale| stale.name).collect();
        assert_eq!(names, [POSTGRES, SMTP, STRIPE, TLS]);
        assert!(since.iter().all(|since| (began..=SystemTime::now()).contains(since)));
        ends("a second refresh", secrets.refresh()).await;
        assert!(same(secrets.stripe_suite().await.expose_secret(), &old));
        assert_eq!(secrets.stale().iter().map(|stale| stale.since).collect::<Vec<_>>(), since);
        for stale in secrets.stale() {
            assert!(!stale.reason.is_empty());
            let said = format!("{}: can't be renewed since ", stale.name);
            assert!(stale.to_string().starts_with(&said) && stale.to_string().ends_with(&stale.reason), "{stale}");
            assert!(stale.to_string().contains("Z, going on with the value in memory: "), "{stale}");
            assert_eq!(logged().lines("WARN", &said), 1);
        }

        start().await;
        let new = made_up("new");
        put(STRIPE, &new).await;
        until("the new value", async || same(secrets.stripe_suite().await.expose_secret(), &new)).await;
        ends("refresh", secrets.refresh()).await;
        assert!(secrets.stale().is_empty());
        for name in [POSTGRES, SMTP, STRIPE, TLS] {
            assert_eq!(logged().lines("INFO", &format!("{name}: renewed again")), 1, "{name}");
        }
        assert!(!logged().text().contains(&suite::canary()));
    })
    .await;
}

#[tokio::test]
async fn a_secret_that_can_not_be_renewed_is_asked_for_at_growing_intervals() {
    scene(&[], async {
        let secrets = Secrets::open().await.unwrap();
        deny(STRIPE).await;
        secrets.refresh().await;
        let (mut asked, mut before) = (vec![Instant::now()], count(STRIPE).await);
        until("two more requests", async || {
            secrets.stripe_suite().await;
            let now = count(STRIPE).await;
            if now > before {
                assert_eq!(now, before + 1);
                before = now;
                asked.push(Instant::now());
            }
            asked.len() == 3
        })
        .await;
        // Somewhat less than 1 s and 2 s, since each was asked before its count was seen.
        assert!(asked[1] - asked[0] > Duration::from_millis(800));
        assert!(asked[2] - asked[1] > Duration::from_millis(1_800));
        assert_eq!(count(POSTGRES).await, 2, "the others are not asked more often");
    })
    .await;
}

#[tokio::test]
async fn an_interval_below_the_pause_is_kept() {
    scene(&[("SECRETS_REFRESH_SECONDS", Some("1"))], async {
        let secrets = Secrets::open().await.unwrap();
        deny(STRIPE).await;
        secrets.refresh().await;
        let before = count(STRIPE).await;
        let start = Instant::now();
        until("four more requests", async || {
            secrets.stripe_suite().await;
            count(STRIPE).await >= before + 4
        })
        .await;
        // Doubled without bound, the fourth would come after 15 s.
        assert!(start.elapsed() < Duration::from_secs(14));
    })
    .await;
}

#[tokio::test]
async fn while_one_reader_tries_the_others_go_on() {
    scene(&[], async {
        let secrets: &'static Secrets = Box::leak(Box::new(Secrets::open().await.unwrap()));
        deny(STRIPE).await;
        secrets.refresh().await;
        slow(3_000).await;
        let before = count(STRIPE).await;
        let mut tries = tokio::spawn(secrets.stripe_suite());
        until("a reader that asks", async || {
            if tries.is_finished() {
                tries = tokio::spawn(secrets.stripe_suite());
            }
            count(STRIPE).await > before
        })
        .await;
        ends("another reader", secrets.stripe_suite()).await;
        assert!(!tries.is_finished());
        ends("the reader that asks", tries).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn what_can_not_be_used_is_not_taken() {
    scene(&[], async {
        let secrets = Secrets::open().await.unwrap();
        let old = secrets.postgres_suite().await;
        let word = made_up("new");
        let reason = async || {
            secrets.refresh().await;
            let read = secrets.postgres_suite().await;
            assert!(same(read.password.expose_secret(), old.password.expose_secret()));
            let [stale] = &secrets.stale()[..] else { panic!("one secret can't be renewed") };
            assert_eq!(stale.name, POSTGRES);
            stale.reason.clone()
        };
        put(POSTGRES, &format!(r#"{{"username": "{word}", "port": "{word}"}}"#)).await;
        assert_eq!(reason().await, "it has no property `password`");
        put(POSTGRES, &format!(r#"{{"username": "{word}", "password": ["{word}"], "port": 1}}"#)).await;
        assert_eq!(reason().await, "its property `password` is no text");
        put(POSTGRES, &format!(r#"{{"password": "{word}"#)).await;
        assert_eq!(reason().await, "it is no JSON object");
        put_binary(POSTGRES, &[word.as_bytes(), b"\xff"].concat()).await;
        assert_eq!(reason().await, "it is no UTF-8 text");
        deny(POSTGRES).await;
        assert!(reason().await.starts_with("AccessDeniedException"));
        assert!(!logged().text().contains(&suite::canary()));
    })
    .await;
}

#[tokio::test]
async fn a_secret_that_was_deleted_stays() {
    scene(&[], async {
        let secrets = Secrets::open().await.unwrap();
        let old = value(STRIPE).await;
        delete(STRIPE).await;
        secrets.refresh().await;
        assert!(same(secrets.stripe_suite().await.expose_secret(), old));
        let [stale] = &secrets.stale()[..] else { panic!("one secret can't be renewed") };
        assert_eq!(stale.name, STRIPE);
        assert_eq!(stale.reason, "ResourceNotFoundException: Secrets Manager can't find the specified secret.");
    })
    .await;
}
