//! An estate of mixed secrets for tests that hand some over, and the reader that judges the result without any code of ours.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde_json::{Value, json};

use crate::support::{AwsAccount, Canary, Mount, Workbench};

/// What one secret holds, and how it is read.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// Text that is no JSON object: kept byte for byte under `value`.
    Text(String),
    /// Bytes: kept as base64 under `value`.
    Binary(Vec<u8>),
    /// A JSON object of strings that nobody declared a read of: one property a member.
    Object(String),
    /// A JSON object with numbers and nesting, read through an ExternalSecret by `dataFrom.extract`.
    Extracted { text: String, expected: BTreeMap<String, String> },
    /// The same object, read through an ExternalSecret by two properties.
    ByProperty { text: String, password: String },
}

/// One seeded secret.
#[derive(Clone, Debug)]
pub(crate) struct Seeded {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// `VersionIdsToStages` right after seeding.
    pub(crate) versions: Value,
}

/// Everything that was seeded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Estate {
    pub(crate) secrets: Vec<Seeded>,
}

impl Estate {
    /// Seeds `count` secrets of every kind, half of them below `platform-data/postgres/`, half below `platform-data/redis/`.
    pub(crate) async fn seed(account: &AwsAccount, count: usize) -> Self {
        let canary = Canary::of_this_run();
        let mut estate = Self::default();
        for at in 0..count {
            let datasource = if at % 2 == 0 { "postgres" } else { "redis" };
            let name = format!("platform-data/{datasource}/app-{at:03}");
            let kind = Self::kind(&canary, at / 2);
            match &kind {
                Kind::Binary(bytes) => account.create_binary(&name, bytes).await,
                Kind::Text(text) | Kind::Object(text) | Kind::Extracted { text, .. } | Kind::ByProperty { text, .. } => {
                    account.create_text(&name, text).await
                }
            };
            let versions = versions(account, &name).await;
            estate.secrets.push(Seeded { name, kind, versions });
        }
        estate
    }

    fn kind(canary: &Canary, at: usize) -> Kind {
        let (password, host) = (canary.word(), canary.word());
        let nested = format!(
            r#"{{"password":"{password}","port":3306,"ratio":1.10,"exp":1e10,"tls":true,"none":null,"db":{{"host":"{host}","list":[1, "<&>"]}}}}"#
        );
        match at % 8 {
            0 => Kind::Object(canary.object()),
            1 => Kind::Text(canary.text()),
            2 => Kind::Text(canary.pem()),
            3 => Kind::Extracted {
                text: nested,
                expected: [
                    ("password", password.as_str()),
                    ("port", "3306"),
                    ("ratio", "1.10"),
                    ("exp", "1e10"),
                    ("tls", "true"),
                    ("none", ""),
                    ("db", format!(r#"{{"host":"{host}","list":[1, "<&>"]}}"#).as_str()),
                ]
                .map(|(key, text)| (key.to_owned(), text.to_owned()))
                .into(),
            },
            4 => Kind::Binary(canary.binary()),
            5 => Kind::Text(canary.largest()),
            6 => Kind::ByProperty { text: nested, password },
            _ => Kind::Text(canary.nested()),
        }
    }

    /// The inventory as its owners would write it: entries for what is read through an ExternalSecret. `inventory import` adds the rest.
    pub(crate) fn declared(&self) -> String {
        let mut yaml = String::from("apiVersion: migrate/v1\nsecrets:\n");
        for seeded in &self.secrets {
            let reads = match &seeded.kind {
                Kind::Extracted { .. } => "            - extract: {}\n",
                Kind::ByProperty { .. } => {
                    "            - property: {secretKey: PASSWORD, property: password}\n            - property: {secretKey: PORT, property: port}\n"
                }
                _ => continue,
            };
            let application = seeded.name.rsplit('/').next().unwrap_or_default();
            yaml += &format!(
                "  - name: {}\n    category: data\n    class: runtime\n    disposition: moves\n    consumers:\n      - application: {application}\n        externalSecret:\n          namespace: apps\n          name: {application}\n          reads:\n{reads}",
                seeded.name
            );
        }
        yaml
    }

    /// Judges every secret below `prefix`: exact bytes, declared reads, version 1, fence in place, source untouched.
    pub(crate) async fn judge(&self, account: &AwsAccount, mount: &Mount, prefix: &str) -> usize {
        let mut judged = 0;
        for seeded in self.secrets.iter().filter(|seeded| seeded.name.starts_with(prefix)) {
            let name = &seeded.name;
            let entry = mount.read(name).await.unwrap_or_else(|| panic!("{name} is not in the mount"));
            let data = &entry["data"];
            match &seeded.kind {
                Kind::Text(text) => assert!(data == &json!({ "value": text }), "{name}: another text"),
                Kind::Binary(bytes) => {
                    let stored = data["value"].as_str().and_then(|text| BASE64.decode(text).ok());
                    assert!(stored.as_ref() == Some(bytes), "{name}: other bytes");
                }
                Kind::Object(text) => {
                    let object: Value = serde_json::from_str(text).expect("an object");
                    assert!(data == &object, "{name}: other fields");
                }
                Kind::Extracted { expected, .. } => assert!(data == &json!(expected), "{name}: extract gives something else"),
                Kind::ByProperty { password, .. } => {
                    assert!(data["password"] == json!(password), "{name}: another password");
                    assert_eq!(data["port"], json!("3306"), "{name}");
                }
            }
            let metadata = mount.metadata(name).await.unwrap_or_else(|| panic!("{name} has no metadata"));
            assert_eq!(metadata["current_version"], json!(1), "{name}");
            assert_eq!(metadata["versions"].as_object().map(serde_json::Map::len), Some(1), "{name}");
            assert!(metadata["custom_metadata"]["migrate-wave"].is_string(), "{name}: {metadata}");
            assert!(is_fenced(account, name).await, "{name} is not fenced");
            assert_eq!(versions(account, name).await, seeded.versions, "{name}: the source has other versions");
            judged += 1;
        }
        judged
    }

    /// Asserts that nothing below `prefix` was touched: no fence, no entry, the versions as seeded.
    pub(crate) async fn untouched(&self, account: &AwsAccount, mount: &Mount, prefix: &str) {
        for seeded in self.secrets.iter().filter(|seeded| seeded.name.starts_with(prefix)) {
            let name = &seeded.name;
            assert!(mount.metadata(name).await.is_none(), "{name} is in the mount");
            assert!(!is_fenced(account, name).await, "{name} is fenced");
            assert_eq!(versions(account, name).await, seeded.versions, "{name}");
        }
    }
}

/// `VersionIdsToStages`.
pub(crate) async fn versions(account: &AwsAccount, name: &str) -> Value {
    account.call("DescribeSecret", json!({ "SecretId": name })).await["VersionIdsToStages"].take()
}

/// Whether a Deny for everyone but the exempt stands on PutSecretValue.
pub(crate) async fn is_fenced(account: &AwsAccount, name: &str) -> bool {
    let answer = account.call("GetResourcePolicy", json!({ "SecretId": name })).await;
    let Some(policy) = answer["ResourcePolicy"].as_str() else { return false };
    let policy: Value = serde_json::from_str(policy).expect("a policy document");
    policy["Statement"].as_array().into_iter().flatten().any(|statement| {
        statement["Effect"] == "Deny"
            && statement["Condition"]["ArnNotEquals"]["aws:PrincipalArn"].is_array()
            && statement["Action"].as_array().is_some_and(|actions| actions.contains(&json!("secretsmanager:PutSecretValue")))
    })
}

/// A repository with `migrate.toml` for this mount, no settle time (moto enforces no policy), and an initialised ledger.
pub(crate) fn workbench(name: &str, account: &AwsAccount, mount: &Mount) -> Workbench {
    let bench = Workbench::new(name).between(account, mount).with("RUST_LOG", "trace");
    bench.write(
        "migrate.toml",
        &format!(
            "[environment.test]\n\n[environment.test.outgoing]\nsettle = \"0s\"\nquota_share = 1.0\n\n[environment.test.incoming]\nmount = \"{}\"\n",
            mount.path
        ),
    );
    bench.migrate(&["init"]).expect_code(0);
    bench
}
