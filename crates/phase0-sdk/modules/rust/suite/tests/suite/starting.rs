//! Why an application does not start.

use suite::{POSTGRES, SMTP, STRIPE, TLS, canary, delete, ends, logged, made_up, put, scene, stop};
use suite_secrets::Secrets;

const HINT: &str = "check names, region and the rights of this process; \
    `aws secretsmanager describe-secret --secret-id NAME` shows what it may see";

#[tokio::test]
async fn one_error_names_each_secret_that_can_not_be_read() {
    scene(&[], async {
        put(POSTGRES, &format!(r#"{{"username": "{}", "port": 5432}}"#, made_up("name"))).await;
        delete(STRIPE).await;
        let error = Secrets::open().await.unwrap_err();
        let text = format!(
            "suite can't start: 2 of 4 secrets could not be read from Secrets Manager\n  \
             {POSTGRES}: it has no property `password`\n  \
             {STRIPE}: ResourceNotFoundException: Secrets Manager can't find the specified secret.\n{HINT}"
        );
        assert_eq!(error.to_string(), text);
        assert_eq!(format!("{error:?}"), text);
        assert_eq!(error.names(), [POSTGRES, STRIPE]);
        assert_eq!(logged().lines("WARN", ""), 0, "an error is enough");
    })
    .await;
}

#[tokio::test]
async fn a_server_that_is_down_is_an_error_in_bounded_time() {
    scene(&[], async {
        stop().await;
        let error = ends("open", Secrets::open()).await.unwrap_err();
        assert_eq!(error.names(), [POSTGRES, SMTP, STRIPE, TLS]);
        let text = error.to_string();
        assert!(
            text.starts_with("suite can't start: 4 of 4 secrets could not be read from Secrets Manager\n"),
            "{text}"
        );
        assert!(text.contains("onnection refused"), "{text}");
        assert_eq!(text.lines().count(), 6);
    })
    .await;
}

#[tokio::test]
async fn missing_credentials_and_a_missing_region_are_said() {
    let nothing = tempfile::tempdir().unwrap();
    let nowhere = nothing.path().join("nothing");
    let nowhere = nowhere.to_str();
    let none = [
        ("AWS_ACCESS_KEY_ID", None),
        ("AWS_SECRET_ACCESS_KEY", None),
        ("AWS_SESSION_TOKEN", None),
        ("AWS_CONFIG_FILE", nowhere),
        ("AWS_SHARED_CREDENTIALS_FILE", nowhere),
    ];
    scene(&none, async {
        let error = ends("open", Secrets::open()).await.unwrap_err();
        assert_eq!(error.names().len(), 4);
        assert!(error.to_string().contains("credential"), "{error}");
    })
    .await;
    let none = [("AWS_REGION", None), ("AWS_DEFAULT_REGION", None), ("AWS_CONFIG_FILE", nowhere)];
    scene(&none, async {
        let error = ends("open", Secrets::open()).await.unwrap_err();
        assert_eq!(error.names().len(), 4);
        assert!(error.to_string().to_lowercase().contains("region"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_variable_that_says_what_it_must_not_is_named() {
    let source = "SECRETS_SOURCE must be secrets-manager or files";
    let dir = "SECRETS_DIR must be an absolute path";
    let seconds = "SECRETS_REFRESH_SECONDS must be a number from 1 to 86400";
    let mut cases = vec![("SECRETS_SOURCE", "mock", source), ("SECRETS_SOURCE", "", source)];
    cases.extend([("SECRETS_SOURCE", "Files", source), ("SECRETS_DIR", "secrets", dir), ("SECRETS_DIR", "", dir)]);
    for wrong in ["", "0", "86401", "-1", "+1", "1.5", " 1", "1s", "99999999999999999999"] {
        cases.push(("SECRETS_REFRESH_SECONDS", wrong, seconds));
    }
    for (name, wrong, problem) in cases {
        scene(&[(name, Some(wrong))], async {
            let error = Secrets::open().await.unwrap_err();
            assert_eq!(error.to_string(), format!("suite can't start: {problem}"), "{wrong:?}");
            assert!(error.names().is_empty());
            assert_eq!(suite::count(STRIPE).await, 0);
        })
        .await;
    }
    for right in ["1", "86400"] {
        scene(&[("SECRETS_REFRESH_SECONDS", Some(right)), ("SECRETS_SOURCE", Some("secrets-manager"))], async {
            Secrets::open().await.unwrap();
        })
        .await;
    }
}

#[tokio::test]
async fn an_error_has_nothing_of_a_value() {
    scene(&[], async {
        let word = made_up("word");
        put(POSTGRES, &word).await;
        put(SMTP, &format!(r#"{{"class": "{word}\ud800", "user-name": {{"{word}": 1}}, "2fa": "", "url": ""}}"#)).await;
        let error = Secrets::open().await.unwrap_err();
        assert_eq!(error.names(), [POSTGRES, SMTP]);
        assert!(error.to_string().contains("it is no JSON object"));
        assert!(error.to_string().contains("its property `class` is no text"));
        assert!(![error.to_string(), format!("{error:?}"), logged().text()].concat().contains(&canary()));
    })
    .await;
}
