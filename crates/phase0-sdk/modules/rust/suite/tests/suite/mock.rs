//! Made-up values, and where there are none.

use std::{path::Path, process};

use suite::{Mounted, POSTGRES, STRIPE, TLS, count, logged, made_up, same, scene};
use suite_secrets::{ExposeSecret as _, OpenError, Secrets};

async fn said(json: &str) -> Result<Secrets, OpenError> {
    let values = Mounted::empty();
    values.write("mock", "secrets.json", json.as_bytes());
    Secrets::open_mock(Some(&values.file("mock", "secrets.json"))).await
}

#[tokio::test]
async fn without_a_file_all_is_made_up() {
    scene(&[], async {
        let secrets = Secrets::open_mock(None).await.unwrap();
        let postgres = secrets.postgres_suite().await;
        assert_eq!(postgres.username.expose_secret(), "mock-username-of-platform-data/postgres/suite");
        assert_eq!(postgres.port.expose_secret(), "mock-port-of-platform-data/postgres/suite");
        assert_eq!(secrets.smtp_suite().await.x2fa.expose_secret(), "mock-2fa-of-platform-data/smtp/suite");
        assert_eq!(secrets.stripe_suite().await.expose_secret(), "mock-value-of-platform-data/stripe/suite");
        assert_eq!(secrets.tls_suite().await.expose_secret(), b"mock-value-of-platform-data/tls/suite");
        secrets.refresh().await;
        assert!(secrets.stale().is_empty());
        assert_eq!(logged().lines("WARN", "made up"), 1);
        assert_eq!(count(STRIPE).await, 0, "nobody is asked");
    })
    .await;
}

#[tokio::test]
async fn what_the_file_says_is_taken() {
    scene(&[], async {
        let word = made_up("word");
        let json = format!(
            r#"{{"{POSTGRES}": {{"username": "{word}", "port": 5432}}, "{STRIPE}": "{word}\n", "{TLS}": "AP/+", "other": 1}}"#
        );
        let secrets = said(&json).await.unwrap();
        let postgres = secrets.postgres_suite().await;
        assert!(same(postgres.username.expose_secret(), &word));
        assert!(same(postgres.port.expose_secret(), "5432"));
        assert!(same(postgres.password.expose_secret(), "mock-password-of-platform-data/postgres/suite"));
        assert!(same(secrets.stripe_suite().await.expose_secret(), format!("{word}\n")));
        assert!(same(secrets.tls_suite().await.expose_secret(), b"\x00\xff\xfe"));
        assert!(!logged().text().contains(&word));
    })
    .await;
}

#[tokio::test]
async fn a_file_that_can_not_be_used_is_an_error() {
    scene(&[], async {
        let word = made_up("word");
        let error = said(&word).await.unwrap_err().to_string();
        assert!(
            error.starts_with("suite can't start: ") && error.ends_with("secrets.json is no JSON object"),
            "{error}"
        );
        let error = Secrets::open_mock(Some(Path::new("/nowhere/secrets.json"))).await.unwrap_err().to_string();
        assert!(error.starts_with("suite can't start: can't read /nowhere/secrets.json: "), "{error}");
        let json = format!(r#"{{"{POSTGRES}": {{"port": null}}, "{STRIPE}": 5, "{TLS}": "{word}!"}}"#);
        let error = said(&json).await.unwrap_err();
        assert_eq!(error.names(), [POSTGRES, STRIPE, TLS]);
        let text = error.to_string();
        assert!(text.starts_with("suite can't start: 3 of 4 secrets could not be read from "));
        assert!(text.contains("its property `port` is no text"), "{text}");
        assert!(text.contains(&format!("{STRIPE}: it is no text")), "{text}");
        assert!(text.contains(&format!("{TLS}: it is no base64 text")), "{text}");
        assert!(!text.contains(&word));
    })
    .await;
}

#[tokio::test]
async fn a_platform_gets_no_made_up_values() {
    let pid = process::id().to_string();
    let pid = pid.as_str();
    for (name, value, seen) in [
        ("KUBERNETES_SERVICE_HOST", "10.0.0.1", "KUBERNETES_SERVICE_HOST is set"),
        ("ECS_CONTAINER_METADATA_URI", "http://x", "ECS_CONTAINER_METADATA_URI is set"),
        ("ECS_CONTAINER_METADATA_URI_V4", "http://x", "ECS_CONTAINER_METADATA_URI_V4 is set"),
        ("AWS_LAMBDA_FUNCTION_NAME", "f", "AWS_LAMBDA_FUNCTION_NAME is set"),
        ("AWS_EXECUTION_ENV", "", "AWS_EXECUTION_ENV is set"),
        ("SYSTEMD_EXEC_PID", pid, "SYSTEMD_EXEC_PID is this process"),
    ] {
        scene(&[(name, Some(value)), ("CI", Some(""))], async {
            let error = Secrets::open_mock(None).await.unwrap_err().to_string();
            assert_eq!(error, format!("suite can't start: mock values are for a developer's machine: {seen}"));
        })
        .await;
        scene(&[(name, Some(value)), ("CI", Some("true"))], async {
            Secrets::open_mock(None).await.unwrap();
        })
        .await;
    }
    scene(&[("SYSTEMD_EXEC_PID", Some("1"))], async {
        Secrets::open_mock(None).await.unwrap();
    })
    .await;
}
