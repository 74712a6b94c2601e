//! Which bytes an application gets.

use suite::{POSTGRES, SMTP, STRIPE, TLS, made_up, put, put_binary, same, scene};
use suite_secrets::{ExposeSecret as _, Secrets};

/// The port of a JSON object that is written like this, or why there is none.
async fn port(json: &str) -> Result<String, String> {
    put(POSTGRES, json).await;
    let secrets = Secrets::open().await.map_err(|error| {
        let text = error.to_string();
        let line = text.lines().nth(1).unwrap_or_default();
        line.trim_start().trim_start_matches(POSTGRES).trim_start_matches(": ").to_owned()
    })?;
    Ok(secrets.postgres_suite().await.port.expose_secret().to_owned())
}

#[tokio::test]
async fn a_property_is_what_is_written() {
    scene(&[], async {
        let word = made_up("word");
        let text = |port: &str| format!(r#"{{"username": "{word}", "password": "{word}", "port": {port}}}"#);
        for written in ["5432", "1.10", "12345678901234567890", "-0", "1e5", "1E+05", "0.1000", "true", "false"] {
            assert!(port(&text(written)).await.is_ok_and(|port| same(port, written)), "{written}");
        }
        for (written, decoded) in [
            (r#""""#, ""),
            (r#""5432""#, "5432"),
            (r#"" 1 ""#, " 1 "),
            (r#""a\nb\tc\\d\"e\/f""#, "a\nb\tc\\d\"e/f"),
            (r#""\u00fc \ud83d\udd11 \u0000""#, "\u{fc} \u{1f511} \0"),
            ("\"\u{fc}\u{1f511}\u{2028}\u{feff}e\u{301}\"", "\u{fc}\u{1f511}\u{2028}\u{feff}e\u{301}"),
        ] {
            assert!(port(&text(written)).await.is_ok_and(|port| same(port, decoded)), "{written:?}");
        }
        for written in ["null", "{}", "[]", "[1]", r#"{"a": "b"}"#, r#""\ud800""#] {
            assert_eq!(port(&text(written)).await.unwrap_err(), "its property `port` is no text", "{written}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_object_is_read_as_json_says() {
    scene(&[], async {
        let word = made_up("word");
        let common = format!(r#""username": "{word}", "password": "{word}""#);
        let deep = format!("{}{}", "[".repeat(1_000), "]".repeat(1_000));
        for right in [
            format!(r#" {{ {common} , "port" : 1 }} "#),
            format!(r#"{{"port": 2, {common}, "port": 1}}"#),
            format!(r#"{{"port": null, {common}, "port": 1}}"#),
            format!(r#"{{{common}, "port": 1, "other": {{"port": 2}}, "more": [null], "Port": 3}}"#),
            format!(r#"{{{common}, "p\u006frt": 1}}"#),
            format!(r#"{{{common}, "port": 1, "half": "\udead"}}"#),
            format!(r#"{{{common}, "port": 1, "deep": {deep}}}"#),
        ] {
            assert!(port(&right).await.is_ok_and(|port| same(port, "1")));
        }
        for wrong in [
            " ",
            "null",
            "[]",
            "\"text\"",
            "{",
            "{} {}",
            "\u{feff}{}",
            "{'port': 1}",
            "{\"port\": 01}",
            "{,}",
            "{\"port\": NaN}",
        ] {
            assert_eq!(port(wrong).await.unwrap_err(), "it is no JSON object", "{wrong:?}");
        }
        assert_eq!(port("{}").await.unwrap_err(), "it has no property `username`");
    })
    .await;
}

#[tokio::test]
async fn a_text_is_taken_as_it_is() {
    scene(&[], async {
        let word = made_up("word");
        let largest = word.clone() + &"x".repeat(65_536 - word.len());
        for text in [&format!("{word}\n"), &format!(" {word}\r\n\0\u{feff}\u{1f511} e\u{301} \u{2028}"), &largest] {
            put(STRIPE, text).await;
            let secrets = Secrets::open().await.unwrap();
            assert!(same(secrets.stripe_suite().await.expose_secret(), text));
        }
        put_binary(STRIPE, format!("{word} \u{fc}").as_bytes()).await;
        assert!(same(Secrets::open().await.unwrap().stripe_suite().await.expose_secret(), format!("{word} \u{fc}")));
        for wrong in [&b"\xff"[..], b"\xc3\x28", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"] {
            put_binary(STRIPE, &[word.as_bytes(), wrong].concat()).await;
            let error = Secrets::open().await.unwrap_err();
            assert!(error.to_string().contains(&format!("\n  {STRIPE}: it is no UTF-8 text\n")), "{error}");
        }
    })
    .await;
}

#[tokio::test]
async fn bytes_are_taken_as_they_are() {
    scene(&[], async {
        let word = made_up("word");
        let all: Vec<u8> = word.bytes().chain(0..=255).collect();
        let largest: Vec<u8> = word.bytes().chain((0..=255).cycle()).take(65_536).collect();
        for bytes in [&all, &largest, &b"\0\0".to_vec()] {
            put_binary(TLS, bytes).await;
            let secrets = Secrets::open().await.unwrap();
            assert!(same(secrets.tls_suite().await.expose_secret(), bytes));
        }
    })
    .await;
}

#[tokio::test]
async fn properties_may_be_in_a_binary_secret() {
    scene(&[], async {
        let word = made_up("word");
        let json = format!(r#"{{"class": "{word}", "user-name": 1, "2fa": true, "url": ""}}"#);
        put_binary(SMTP, json.as_bytes()).await;
        let secrets = Secrets::open().await.unwrap();
        let smtp = secrets.smtp_suite().await;
        assert!(same(smtp.class.expose_secret(), &word));
        assert!(same(smtp.user_name.expose_secret(), "1"));
        assert!(same(smtp.x2fa.expose_secret(), "true"));
        assert!(same(smtp.url.expose_secret(), ""));
    })
    .await;
}
