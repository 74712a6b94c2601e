//! When the server is asked, and when not.

use std::time::Duration;

use suite::{POSTGRES, SMTP, STRIPE, TLS, count, ends, made_up, property, put, same, scene, slow, until, value};
use suite_secrets::{ExposeSecret as _, Secrets};

#[tokio::test]
async fn what_is_read_is_what_is_there() {
    scene(&[], async {
        let secrets = Secrets::open().await.unwrap();
        let postgres = secrets.postgres_suite().await;
        assert!(same(postgres.username.expose_secret(), property(POSTGRES, "username").await));
        assert!(same(postgres.password.expose_secret(), property(POSTGRES, "password").await));
        assert!(same(postgres.port.expose_secret(), property(POSTGRES, "port").await));
        let smtp = secrets.smtp_suite().await;
        assert!(same(smtp.class.expose_secret(), property(SMTP, "class").await));
        assert!(same(smtp.user_name.expose_secret(), property(SMTP, "user-name").await));
        assert!(same(smtp.x2fa.expose_secret(), property(SMTP, "2fa").await));
        assert!(same(smtp.url.expose_secret(), property(SMTP, "url").await));
        assert!(same(secrets.stripe_suite().await.expose_secret(), value(STRIPE).await));
        assert!(same(secrets.tls_suite().await.expose_secret(), value(TLS).await));
    })
    .await;
}

#[tokio::test]
async fn a_hundred_reads_are_one_request() {
    scene(&[], async {
        let secrets = Secrets::open().await.unwrap();
        for _ in 0..100 {
            secrets.stripe_suite().await;
        }
        assert_eq!(count(STRIPE).await, 1);
        assert_eq!(count(POSTGRES).await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_read_after_the_interval_asks_once_more() {
    scene(&[("SECRETS_REFRESH_SECONDS", Some("1"))], async {
        let secrets = Secrets::open().await.unwrap();
        let new = made_up("new");
        put(STRIPE, &new).await;
        until("the new value", async || same(secrets.stripe_suite().await.expose_secret(), &new)).await;
        assert_eq!(count(STRIPE).await, 2);
        assert_eq!(count(POSTGRES).await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_readers_share_one_request() {
    scene(&[("SECRETS_REFRESH_SECONDS", Some("2"))], async {
        let secrets: &'static Secrets = Box::leak(Box::new(Secrets::open().await.unwrap()));
        let new = made_up("new");
        put(STRIPE, &new).await;
        slow(500).await;
        tokio::time::sleep(Duration::from_millis(2_100)).await;
        let readers: Vec<_> = (0..50).map(|_| tokio::spawn(secrets.stripe_suite())).collect();
        for reader in readers {
            assert!(same(reader.await.unwrap().expose_secret(), &new));
        }
        assert_eq!(count(STRIPE).await, 2);
    })
    .await;
}

#[tokio::test]
async fn refresh_asks_at_once() {
    scene(&[], async {
        let secrets = Secrets::open().await.unwrap();
        let before = secrets.stripe_suite().await;
        let new = made_up("new");
        put(STRIPE, &new).await;
        assert!(same(secrets.stripe_suite().await.expose_secret(), before.expose_secret()));
        secrets.refresh().await;
        assert!(same(secrets.stripe_suite().await.expose_secret(), &new));
        assert!(!same(before.expose_secret(), &new), "whoever holds a value keeps that one");
        for name in [POSTGRES, SMTP, STRIPE, TLS] {
            assert_eq!(count(name).await, 2, "{name}");
        }
    })
    .await;
}

#[tokio::test]
async fn refreshes_at_the_same_time_share_one_request() {
    scene(&[], async {
        let secrets: &'static Secrets = Box::leak(Box::new(Secrets::open().await.unwrap()));
        // With one thread all of them are called before the first goes on.
        let refreshes: Vec<_> = (0..20).map(|_| tokio::spawn(secrets.refresh())).collect();
        for refresh in refreshes {
            refresh.await.unwrap();
        }
        assert_eq!(count(STRIPE).await, 2);
    })
    .await;
}

#[tokio::test]
async fn a_refresh_is_not_served_by_a_request_from_before() {
    scene(&[], async {
        let secrets: &'static Secrets = Box::leak(Box::new(Secrets::open().await.unwrap()));
        slow(1_000).await;
        let first = tokio::spawn(secrets.refresh());
        until("the first request", async || count(STRIPE).await == 2).await;
        let second = tokio::spawn(secrets.refresh());
        ends("both", async { (first.await.unwrap(), second.await.unwrap()) }).await;
        assert_eq!(count(STRIPE).await, 3);
    })
    .await;
}

#[tokio::test]
async fn a_reader_that_gives_up_leaves_the_value_to_others() {
    scene(&[("SECRETS_REFRESH_SECONDS", Some("1"))], async {
        let secrets = Secrets::open().await.unwrap();
        let new = made_up("new");
        put(STRIPE, &new).await;
        slow(1_000).await;
        until("a reader that waits", async || {
            let reading = secrets.stripe_suite();
            tokio::time::timeout(Duration::from_millis(100), reading).await.is_err()
        })
        .await;
        let read = ends("the other reader", secrets.stripe_suite()).await;
        assert!(same(read.expose_secret(), &new));
        assert_eq!(count(STRIPE).await, 2);
    })
    .await;
}
