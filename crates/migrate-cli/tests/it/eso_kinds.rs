//! Secrets of every kind in `docs/delivery.md`, each with an ExternalSecret of its own that reads it so, and values for all of them.

use crate::support::{AwsAccount, Canary};

/// One kind: a secret, who reads it, and how that ExternalSecret is declared.
struct Piece {
    /// The name in Secrets Manager.
    source: String,
    value: Value,
    /// The entry below `secrets`.
    entry: String,
    /// The entry below `externalSecrets`, where it is more than the defaults.
    declared: Option<String>,
}

enum Value {
    Text(String),
    Binary(Vec<u8>),
}

/// The kinds: how the secret is read, and what is declared about the ExternalSecret `NAME`, if anything.
const KINDS: &[(&str, &str)] = &[
    ("whole: { secretKey: \"on\" }", ""),
    ("whole: { secretKey: \"1e3\", decodingStrategy: Auto }", ""),
    ("property: { secretKey: \"012\", property: password }", ""),
    ("property: { secretKey: host, property: db.host }", ""),
    ("property: { secretKey: dotted, property: a.b }", ""),
    ("extract: {}", ""),
    ("extract: { property: db }", ""),
    ("extract: { conversionStrategy: Unicode }", ""),
    ("extract: { rewrite: [regexp: { source: \"^(.*)$\", target: \"app_$1\" }] }", ""),
    ("extract: { rewrite: [transform: { template: \"{{ .value | upper }}\" }] }", ""),
    (
        "extract: { property: nested, rewrite: [merge: { conflictPolicy: Ignore, priority: [two], priorityPolicy: IgnoreNotFound }] }",
        "",
    ),
    ("find: { name: SOURCE }", "others: [dataFrom: { find: { name: { regexp: \"^SOURCE$\" } } }]"),
    (
        "find: { name: SOURCE, conversionStrategy: Unicode }",
        "others: [dataFrom: { find: { path: SOURCE, tags: { kind: \"on\" }, conversionStrategy: Unicode } }]",
    ),
    (
        "property: { secretKey: config, property: docker }",
        "target: { template: { type: kubernetes.io/dockerconfigjson, engineVersion: v2, data: { .dockerconfigjson: \"{{ .config }}\" } } }",
    ),
    (
        "extract: {}",
        "target: { template: { type: kubernetes.io/tls, data: { tls.crt: \"{{ .username }}\\n\", tls.key: \"{{ .password | trim }}\" } } }",
    ),
    (
        "property: { secretKey: ssh-privatekey, property: password }",
        "target: { template: { type: kubernetes.io/ssh-auth, mergePolicy: Merge } }",
    ),
    (
        "extract: {}",
        "labels: { \"12\": \"1e3\", time: \"0o7\" }\n  annotations: { \"on\": \"off\", clock: \"12:30:45\", tilde: \"~\", blank: \" a \", empty: \"\" }\n  target:\n    template:\n      metadata: { labels: { version: \"1.10\" }, annotations: { note: \"yes\" } }\n      data:\n        config.ini: |\n          [db]\n          user = {{ .username }}\n            indented: \"yes\"\n\n          # {{ .password }}\n        odd: \"  leading\\nand trailing  \\n\\n\"\n        tab: \"a\\tb\\n{{ .username }}\"\n        number: \"012\"\n        clock: \"12:30\"\n        nothing: \"~\"\n      templateFrom: [literal: \"{{ .username }}: x\\n\", configMap: { name: templates, items: [{ key: a.tpl, templateAs: KeysAndValues }] }]",
    ),
    ("property: { secretKey: a, property: username }", "target: { creationPolicy: Merge, name: shared-NAME }"),
    ("property: { secretKey: a, property: username }", "target: { creationPolicy: Orphan, immutable: true }"),
    ("property: { secretKey: a, property: username }", "target: { creationPolicy: None }"),
    ("property: { secretKey: a, property: username }", "refreshPolicy: CreatedOnce\n  refreshInterval: \"0\""),
    (
        "property: { secretKey: a, property: username }",
        "refreshPolicy: OnChange\n  refreshInterval: 90m\n  others: [dataFrom: { sourceRef: { generatorRef: { kind: Password, name: made } } }]",
    ),
    (
        "property: { secretKey: a, property: username }",
        "others: [data: { secretKey: b, remoteRef: { key: elsewhere }, sourceRef: { storeRef: { name: gcp } } }]",
    ),
];

/// An inventory of every kind, `rounds` times, and the values in an account.
pub(crate) struct Kinds(Vec<Piece>);

impl Kinds {
    /// `mount` is where they will go: one name begins with it.
    pub(crate) fn make(rounds: usize, mount: &str) -> Self {
        let canary = Canary::of_this_run();
        let mut pieces = Vec::new();
        for round in 0..rounds {
            for (at, (read, declared)) in KINDS.iter().enumerate() {
                let name = format!("platform-data/kinds/k{at}-{round}");
                pieces.push(piece(&canary, &name, &name, "", read, declared));
            }
            let name = |kind: &str| format!("platform-data/kinds/{kind}-{round}");
            let legacy = format!("Prod/Legacy_{round}");
            pieces.push(piece(&canary, &name("legacy"), &legacy, &format!("  legacyName: {legacy}\n"), "extract: {}", ""));
            let beginning = format!("{mount}/kinds/{round}");
            let exception = "  nameException: begins with the mount\n";
            pieces.push(piece(&canary, &beginning, &beginning, exception, "extract: {}", ""));
            let staying = piece(&canary, &name("stays"), &name("stays"), "", "whole: { secretKey: stays }", "");
            let entry = staying.entry.replace("disposition: moves", "disposition: { stays: made by a service }");
            pieces.push(Piece { entry: entry.replace(&object(&name("stays")), &object(&name("k0"))), ..staying });
            let bytes = piece(&canary, &name("bytes"), &name("bytes"), "", "whole: { secretKey: bytes }", "");
            pieces.push(Piece { value: Value::Binary(canary.binary()), ..bytes });
            let everywhere = piece(&canary, &name("everywhere"), &name("everywhere"), "", "extract: {}", "");
            let entry = everywhere.entry.replace("externalSecret: { namespace: apps, ", "clusterExternalSecret: { ");
            let declared = format!(
                "- name: {}\n  cluster: {{ namespaceSelectors: [{{ matchLabels: {{ secrets: \"yes\" }} }}], refreshTime: 5m }}\n",
                object(&name("everywhere"))
            );
            pieces.push(Piece { entry, declared: Some(declared), ..everywhere });
            // Several secrets in one ExternalSecret.
            for part in ["one", "two"] {
                let several = piece(
                    &canary,
                    &name(part),
                    &name(part),
                    "",
                    &format!("property: {{ secretKey: {part}, property: username }}"),
                    "",
                );
                let entry = several.entry.replace(&object(&name(part)), &object(&name("several")));
                pieces.push(Piece { entry, ..several });
            }
        }
        Self(pieces)
    }

    /// The same without the secrets of one kind.
    pub(crate) fn without(mut self, kind: &str) -> Self {
        self.0.retain(|piece| !piece.source.starts_with(&format!("platform-data/kinds/{kind}-")));
        self
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// `secrets-inventory.yaml`
    pub(crate) fn inventory(&self) -> String {
        let declared: String = self.0.iter().filter_map(|piece| piece.declared.as_deref()).collect();
        let secrets: String = self.0.iter().map(|piece| piece.entry.as_str()).collect();
        format!("apiVersion: migrate/v1\nexternalSecrets:\n{declared}secrets:\n{secrets}")
    }

    pub(crate) async fn seed(&self, account: &AwsAccount) {
        for piece in &self.0 {
            match &piece.value {
                Value::Text(text) => account.create_text(&piece.source, text).await,
                Value::Binary(bytes) => account.create_binary(&piece.source, bytes).await,
            };
            // One kind is found by its tag.
            if piece.source.contains("/k12-") {
                let tags = serde_json::json!({ "SecretId": piece.source, "Tags": [{ "Key": "kind", "Value": "on" }] });
                account.call("TagResource", tags).await;
            }
        }
    }
}

fn object(name: &str) -> String {
    name.to_lowercase().replace(['/', '_'], "-")
}

fn piece(canary: &Canary, name: &str, source: &str, extra: &str, read: &str, declared: &str) -> Piece {
    let (object, read) = (object(name), read.replace("SOURCE", source));
    let entry = format!(
        "- name: {name}\n{extra}  owner: Team {name}\n  category: data\n  class: runtime\n  disposition: moves\n  consumers:\n  - application: {object}\n    externalSecret: {{ namespace: apps, name: {object}, reads: [{read}] }}\n"
    );
    let declared = (!declared.is_empty()).then(|| {
        format!("- name: {object}\n  namespace: apps\n  {}\n", declared.replace("SOURCE", source).replace("NAME", &object))
    });
    let word = || canary.word();
    let docker = serde_json::json!({ "auths": { "registry.example": { "auth": word() } } }).to_string();
    let text = serde_json::json!({
        "username": word(), "password": word(), "a.b": word(), "docker": docker, "db": { "host": word(), "port": "5432" },
        "nested": { "one": { "x": word() }, "two": { "x": word(), "y": word() } },
    });
    Piece { source: source.to_owned(), value: Value::Text(text.to_string()), entry, declared }
}
