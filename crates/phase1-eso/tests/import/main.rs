//! More than sixty manifests after the shapes of the operator's documentation, taken into an inventory, and what they meant is still there.

// Always true here; it tells clippy that helpers, too, may fail by `expect`.
#![cfg(test)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use migrate_core::{
    go_duration::GoDuration,
    inventory::{Inventory, adopt, external_secret::DeletionPolicy},
};
use phase1_eso::{
    emit::{Defaults, Object, Wanted, emit},
    import::{Document, Finding, Imported, Surroundings, Weight, import},
    meaning::{Difference, Meaning},
    store::{AwsAuth, AwsStore, Conditions},
    table::{Content, Kind, Shape},
    version::Release,
    yaml::{self, Node},
};

/// The operator's version that the documentation was read for.
const RELEASE: Release = Release::V0_20_4;

/// Every document of the folder, in the order of its files.
fn corpus() -> Vec<Document> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/manifests");
    let mut files: Vec<_> = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
        .iter()
        .flat_map(|file| {
            documents(&file.file_name().expect("a name").to_string_lossy(), &fs::read_to_string(file).expect("a text"))
        })
        .collect()
}

fn documents(file: &str, text: &str) -> Vec<Document> {
    let stream = yaml::read(text);
    assert_eq!(stream.errors, [], "{file}");
    stream.documents.into_iter().map(|node| Document { file: file.into(), node }).collect()
}

fn taken_in(documents: &[Document]) -> (Imported, Inventory) {
    let imported = import(documents, &Surroundings::default());
    let adopted = adopt(None, &imported.found, false).expect("an inventory");
    assert_eq!(adopted.conflicts, []);
    // Read anew from its text: what is written down is what counts.
    let inventory = Inventory::parse(&adopted.text).expect("a valid inventory");
    (imported, inventory)
}

/// The inventory's ExternalSecrets, emitted for the store that was taken for the environment's.
fn emitted(inventory: &Inventory, imported: &Imported) -> String {
    let aws = AwsStore {
        store: imported.store.clone().expect("a store"),
        region: "eu-central-1".to_owned(),
        role: None,
        external_id: None,
        session_tags: BTreeMap::new(),
        prefix: None,
        auth: AwsAuth::Controller,
        conditions: Conditions::Inventory,
    };
    let defaults =
        Defaults { refresh_policy: None, refresh_interval: GoDuration::from_secs(3600), deletion_policy: DeletionPolicy::Retain };
    let wanted = Wanted { inventory, version: RELEASE.version(), defaults, aws: &aws, vault: None };
    let emitted = emit(&wanted).expect("manifests");
    emitted.external_secrets.iter().map(Object::to_yaml).collect::<Vec<_>>().join("---\n")
}

/// What the inventory's ExternalSecrets mean.
fn meaning_of(inventory: &Inventory, imported: &Imported) -> Meaning {
    Meaning::of(&yaml::read(&emitted(inventory, imported)).documents, RELEASE)
}

fn without_stores(documents: &[Document]) -> impl Iterator<Item = &Node> {
    documents.iter().map(|document| &document.node).filter(|node| {
        let kind = node.peek("kind").and_then(Node::text).unwrap_or_default();
        !kind.ends_with("Store")
    })
}

/// Whether a finding tells of a difference.
fn tells(findings: &[Finding], difference: &Difference) -> bool {
    findings.iter().any(|finding| {
        finding.kind.weight() != Weight::Look
            && finding.object.as_deref() == Some(difference.object.to_string().as_str())
            && difference.path.starts_with(&finding.path)
    })
}

#[test]
fn what_is_imported_means_the_same() {
    let documents = corpus();
    let before = Meaning::of(without_stores(&documents), RELEASE);
    assert!(before.objects() >= 60, "{}", before.objects());
    let (imported, inventory) = taken_in(&documents);
    let left_alone: Vec<String> =
        imported.findings.iter().filter(|finding| finding.kind.weight() == Weight::LeftAlone).map(ToString::to_string).collect();
    assert_eq!(left_alone.len(), 2, "a store of another cloud and one of another service: {left_alone:#?}");
    let differences = before.differences(&meaning_of(&inventory, &imported));
    let untold: Vec<String> =
        differences.iter().filter(|difference| !tells(&imported.findings, difference)).map(ToString::to_string).collect();
    assert_eq!(untold, Vec::<String>::new());
    // Nothing but what an inventory has no place for is told as lost.
    let lost: BTreeSet<&str> = imported
        .findings
        .iter()
        .filter(|finding| finding.kind.weight() == Weight::NotKept)
        .map(|finding| finding.kind.name())
        .collect();
    assert_eq!(lost, BTreeSet::from(["conversion-without-effect"]));
}

#[test]
fn importing_twice_changes_nothing() {
    let documents = corpus();
    let (imported, _) = taken_in(&documents);
    let first = adopt(None, &imported.found, false).expect("an inventory");
    let second = adopt(Some(&first.text), &imported.found, true).expect("an inventory");
    assert_eq!((second.text == first.text, second.taken.len()), (true, 0));
    // What is emitted of it is known to it, and means the same to an inventory that knows nothing.
    let text = emitted(&first.inventory, &imported);
    let mut again = self::documents("again", &text);
    again.extend(corpus().into_iter().filter(|document| &*document.file == "stores.yaml"));
    let known = import(&again, &Surroundings { inventory: Some(&first.inventory), ..Surroundings::default() });
    assert_eq!(known.found.external_secrets, []);
    let (imported, inventory) = taken_in(&again);
    assert_eq!(emitted(&inventory, &imported), text);
}

/// Every way to a field that the release has, lists without a step of their own.
fn ways(shape: &Shape, path: &str, found: &mut BTreeSet<String>) {
    for field in shape.fields_of(RELEASE) {
        let path = if path.is_empty() { field.name.to_owned() } else { format!("{path}.{}", field.name) };
        match &field.content {
            Content::Object(shape) | Content::List(Content::Object(shape), _) => ways(shape, &path, found),
            _ => {}
        }
        found.insert(path);
    }
}

fn ways_of(node: &Node, path: &str, found: &mut BTreeSet<String>) {
    for item in node.items() {
        ways_of(item, path, found);
    }
    for (key, below) in node.entries() {
        let path = if path.is_empty() { key.text.clone() } else { format!("{path}.{}", key.text) };
        ways_of(below, &path, found);
        found.insert(path);
    }
}

// REQ ESO-1
#[test]
fn every_field_of_v1_is_in_a_manifest() {
    for (kind, exceptions) in [(Kind::ExternalSecret, &[""; 0]), (Kind::ClusterExternalSecret, &[])] {
        let mut there = BTreeSet::new();
        for document in corpus() {
            let nodes: Vec<&Node> = match document.node.peek("items") {
                Some(items) => items.items().iter().collect(),
                None => vec![&document.node],
            };
            for node in nodes.into_iter().filter(|node| node.peek("kind").and_then(Node::text) == Some(kind.name())) {
                ways_of(node, "", &mut there);
            }
        }
        let mut all = BTreeSet::new();
        ways(kind.shape(), "", &mut all);
        let missing: Vec<&String> = all.difference(&there).filter(|way| !exceptions.contains(&way.as_str())).collect();
        assert_eq!(missing, Vec::<&String>::new(), "{}", kind.name());
    }
}

/// The manifests of one text, imported next to the corpus's stores.
fn imported(text: &str) -> (Imported, Inventory) {
    let mut all = documents("given.yaml", text);
    all.extend(corpus().into_iter().filter(|document| &*document.file == "stores.yaml"));
    taken_in(&all)
}

fn told(imported: &Imported) -> String {
    let told = imported.findings.iter().filter(|finding| &*finding.file == "given.yaml");
    told.map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_predecessors_manifests_mean_what_they_meant() {
    let (imported, inventory) = imported(
        "apiVersion: kubernetes-client.io/v1
kind: ExternalSecret
metadata: {name: old, namespace: shop, labels: {app: old}}
spec:
  backendType: secretsManager
  region: eu-central-1
  controllerId: one
  data:
  - {key: prod/login, name: password, property: password}
  - {key: prod/login, name: previous, versionStage: AWSPREVIOUS}
  - {key: prod/login, name: current, versionStage: AWSCURRENT}
  - {key: prod/keystore, name: keystore.jks, isBinary: true, versionId: abc}
  dataFrom: [prod/all]
  template:
    type: kubernetes.io/basic-auth
    metadata: {labels: {a: b}}
---
apiVersion: kubernetes-client.io/v1
kind: ExternalSecret
metadata: {name: rendered, namespace: shop}
spec: {backendType: secretsManager, data: [{key: a, name: b}], template: {stringData: {x: '<%= data.x %>'}}}
---
apiVersion: kubernetes-client.io/v1
kind: ExternalSecret
metadata: {name: parameters, namespace: shop}
spec: {backendType: systemManager, data: [{key: /a/b, name: b}]}
---
apiVersion: kubernetes-client.io/v1
kind: ExternalSecret
metadata: {name: vault, namespace: shop}
spec: {backendType: vault, vaultMountPoint: kubernetes, vaultRole: r, data: [{key: secret/data/a, name: b, property: c}]}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: new, namespace: shop, labels: {app: new}}
spec: {secretStoreRef: {name: aws, kind: ClusterSecretStore}, data: [{secretKey: a, remoteRef: {key: a}}]}
",
    );
    insta::assert_snapshot!(told(&imported), @r#"
    given.yaml:1:1: ExternalSecret shop/old: kubernetes-external-secrets writes numbers and objects inside of JSON in its own way; compare the Kubernetes Secrets
    given.yaml:6:3: ExternalSecret shop/old: spec.region: not kept: this belongs to the store: one for each role and region
    given.yaml:12:46: ExternalSecret shop/old: spec.data[3].isBinary: isBinary became decodingStrategy Base64; take that out where Secrets Manager holds the bytes themselves (SecretBinary)
    given.yaml:21:75: ExternalSecret shop/rendered: spec.template.stringData: left alone: a template of kubernetes-external-secrets has no counterpart; write `target.template` by hand
    given.yaml:26:8: ExternalSecret shop/parameters: spec.backendType: left alone: a store of Parameter Store, not of Secrets Manager
    given.yaml:31:8: ExternalSecret shop/vault: spec.backendType: left alone: a store of Vault, not of Secrets Manager
    "#);
    let expected = "apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: old, namespace: shop, labels: {app: old}}
spec:
  secretStoreRef: {name: aws, kind: ClusterSecretStore}
  target: {template: {type: kubernetes.io/basic-auth, metadata: {labels: {a: b}}}}
  data:
  - {secretKey: password, remoteRef: {key: prod/login, property: password}}
  - {secretKey: previous, remoteRef: {key: prod/login, version: AWSPREVIOUS}}
  - {secretKey: current, remoteRef: {key: prod/login}}
  - {secretKey: keystore.jks, remoteRef: {key: prod/keystore, version: uuid/abc, decodingStrategy: Base64}}
  dataFrom: [{extract: {key: prod/all}}]
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: new, namespace: shop, labels: {app: new}}
spec: {secretStoreRef: {name: aws, kind: ClusterSecretStore}, data: [{secretKey: a, remoteRef: {key: a}}]}
";
    let expected = Meaning::of(&yaml::read(expected).documents, RELEASE);
    assert_eq!(expected.differences(&meaning_of(&inventory, &imported)), []);
}

// REQ OPS-1, INV-2
#[test]
fn everything_that_does_not_come_along_is_told_at_its_place_and_not_quoted() {
    let long = "x".repeat(254);
    let (imported, _) = imported(&format!(
        "apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {{name: kept, namespace: shop, labels: {{app: shop}}, annotations: {{note: password=hunter2}}}}
spec:
  secretStoreRef: {{name: aws, kind: ClusterSecretStore}}
  future: {{a: {{b: c}}}}
  data:
  - {{secretKey: a, remoteRef: {{key: prod/a, conversionStrategy: Unicode}}}}
  - {{secretKey: a, remoteRef: {{key: prod/b, nullBytePolicy: Fail}}}}
  - {{secretKey: b, remoteRef: {{key: 'prod/ä'}}}}
  - {{secretKey: c, remoteRef: {{key: 'arn:aws:secretsmanager:eu-west-9:123456789012:secret:prod/c-AbC123'}}}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {{name: value, namespace: shop}}
spec:
  secretStoreRef: {{name: aws, kind: ClusterSecretStore}}
  target: {{template: {{data: {{url: 'postgres://app:hunter2@db/x'}}}}}}
  data: [{{secretKey: a, remoteRef: {{key: prod/a}}}}]
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {{name: {long}, namespace: shop}}
spec: {{data: [{{secretKey: a, remoteRef: {{key: prod/a}}}}]}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {{name: odd, namespace: shop}}
spec:
  secretStoreRef: {{name: aws, kind: ClusterSecretStore}}
  refreshInterval: 1 hour
  target: {{creationPolicy: Sometimes, immutable: 'yes', name: 3}}
  data: [{{secretKey: a b, remoteRef: {{key: prod/a}}}}, {{secretKey: c}}]
  dataFrom: [{{extract: {{key: a}}, rewrite: [{{}}]}}]
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {{name: nowhere}}
spec: {{data: [{{secretKey: a, remoteRef: {{key: prod/a}}}}]}}
---
apiVersion: external-secrets.io/v1beta1
kind: ExternalSecret
metadata: {{name: first-engine, namespace: shop}}
spec: {{secretStoreRef: {{name: aws, kind: ClusterSecretStore}}, target: {{template: {{engineVersion: v1}}}}, data: [{{secretKey: a, remoteRef: {{key: prod/a}}}}]}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {{name: made, namespace: shop, ownerReferences: [{{kind: ClusterExternalSecret, name: x, controller: true}}]}}
spec: {{data: [{{secretKey: a, remoteRef: {{key: prod/a}}}}]}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {{name: cloudy, namespace: shop}}
spec: {{secretStoreRef: {{name: gcp, kind: ClusterSecretStore}}, data: [{{secretKey: a, remoteRef: {{key: a}}}}]}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {{name: twice, namespace: shop}}
spec: {{secretStoreRef: {{name: aws, kind: ClusterSecretStore}}, data: [{{secretKey: a, remoteRef: {{key: prod/a}}}}]}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {{name: twice, namespace: shop}}
spec: {{secretStoreRef: {{name: aws, kind: ClusterSecretStore}}, data: [{{secretKey: a, remoteRef: {{key: prod/b}}}}]}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {{name: assumed, namespace: shop, labels: {{app: shop}}}}
spec: {{secretStoreRef: {{name: unknown}}, dataFrom: [{{find: {{name: {{regexp: 'a**'}}}}}}, {{find: {{name: {{regexp: nothing}}}}}}]}}
"
    ));
    let shown = told(&imported);
    assert!(!shown.contains("hunter2"), "{shown}");
    insta::assert_snapshot!(shown, @r#"
    given.yaml:3:76: ExternalSecret shop/kept: metadata.annotations: not kept: this looks like a connection string with a password
    given.yaml:6:3: ExternalSecret shop/kept: spec.future: not kept: nothing in an inventory stands for this field
    given.yaml:8:5: ExternalSecret shop/kept: spec.data[0].secretKey: not kept: a later item has the same secretKey and wins
    given.yaml:9:5: ExternalSecret shop/kept: spec.data[1].remoteRef.nullBytePolicy: not kept: how null bytes are treated can be said of other reads only
    given.yaml:10:5: ExternalSecret shop/kept: spec.data[2].remoteRef.key: no name that Secrets Manager has in this region; this read stays as it is and will not be switched
    given.yaml:11:5: ExternalSecret shop/kept: spec.data[3]: an ARN; it was taken for a secret of the environment's own account, and goes by its name from now on
    given.yaml:18:30: ExternalSecret shop/value: spec.target.template.data: left alone: this looks like a URL with a password; move the value into a secret and name it in the template
    given.yaml:23:12: metadata.name: left alone: a Kubernetes object's name has 1 to 253 lower case letters, digits, `-` and `.`, with a letter or digit at both ends and around each `.`
    given.yaml:31:3: ExternalSecret shop/odd: spec.refreshInterval: left alone: a duration is written as Go does: `1h`, `90s`, `1h30m`, `300ms`, or `0`
    given.yaml:32:12: ExternalSecret shop/odd: spec.target.creationPolicy: left alone: not one of the values that are known for this field
    given.yaml:32:39: ExternalSecret shop/odd: spec.target.immutable: left alone: true or false is expected, not a text
    given.yaml:32:57: ExternalSecret shop/odd: spec.target.name: left alone: a text is expected, not a number
    given.yaml:33:11: ExternalSecret shop/odd: spec.data[0].secretKey: left alone: a key of a Kubernetes Secret has 1 to 253 letters, digits, `-`, `_` and `.`
    given.yaml:33:54: ExternalSecret shop/odd: spec.data[1]: left alone: `remoteRef` is missing
    given.yaml:34:44: ExternalSecret shop/odd: spec.dataFrom[0].rewrite[0]: left alone: exactly one of `regexp`, `transform` and `merge` belongs here
    given.yaml:38:1: ExternalSecret nowhere: metadata: left alone: it has no `metadata.namespace`; render it first (`kustomize build DIR | migrate eso import -`), or say --namespace
    given.yaml:44:83: ExternalSecret shop/first-engine: spec.target.template.engineVersion: left alone: its template is one of engine v1, which the operator dropped; rewrite it for engineVersion v2
    given.yaml:48:1: ExternalSecret shop/made: metadata: left alone: another object makes it; its maker is what counts
    given.yaml:51:1: ExternalSecret shop/cloudy: left alone: it reads nothing from Secrets Manager
    given.yaml:56:1: ExternalSecret shop/twice: left alone: given.yaml:61 says something else of the same object; import one of the two
    given.yaml:61:1: ExternalSecret shop/twice: left alone: given.yaml:56 says something else of the same object; import one of the two
    given.yaml:66:1: ExternalSecret shop/assumed: SecretStore unknown is not among the manifests; it was taken for the environment's Secrets Manager
    given.yaml:69:52: ExternalSecret shop/assumed: spec.dataFrom[0].find: this expression can't be followed exactly; add a `find` read to each secret that it matches
    given.yaml:69:85: ExternalSecret shop/assumed: spec.dataFrom[1].find: no secret that is known matches
    "#);
}

#[test]
fn what_the_operator_defaults_is_spelled_out_where_the_environment_has_another_default() {
    let text = "{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: a, namespace: b}, spec: {secretStoreRef: {name: aws}, dataFrom: [{extract: {key: a}}]}}";
    let shape = |minutes: u32| {
        let defaults = Defaults {
            refresh_policy: None,
            refresh_interval: GoDuration::from_secs(minutes * 60),
            deletion_policy: DeletionPolicy::Retain,
        };
        let around = Surroundings { defaults: Some(defaults), ..Surroundings::default() };
        import(&documents("a.yaml", text), &around).found.external_secrets.remove(0).shape
    };
    assert_eq!((shape(60).refresh_interval, shape(30).refresh_interval), (None, Some(GoDuration::from_secs(60 * 60))));
    assert_eq!(shape(30).target.deletion_policy, None);
}

#[test]
fn writers_come_from_push_secrets_to_secrets_manager() {
    let (imported, _) = imported(
        "apiVersion: external-secrets.io/v1alpha1
kind: PushSecret
metadata: {name: push, namespace: billing}
spec:
  deletionPolicy: Delete
  secretStoreRefs:
  - {name: team-store, kind: SecretStore}
  - {name: vault-backend, kind: ClusterSecretStore}
  - {labelSelector: {matchLabels: {a: b}}}
  selector: {secret: {name: source}}
  template: {data: {x: 'password=hunter2'}}
  data:
  - {match: {secretKey: a, remoteRef: {remoteKey: pushed/a, property: p}}}
  - {match: {secretKey: b, remoteRef: {remoteKey: pushed/a, property: q}}, metadata: {x: y}}
",
    );
    let writers: Vec<String> = imported.found.writers.iter().map(|(name, by)| format!("{name} {}", by.len())).collect();
    assert_eq!(writers, ["pushed/a 1"]);
    insta::assert_snapshot!(told(&imported), @"given.yaml:9:6: PushSecret billing/push: spec.secretStoreRefs[2].labelSelector: which stores have these labels is known to the cluster only; add the writer by hand");
}

#[test]
fn stores_become_settings_without_credentials() {
    let (imported, _) = imported(
        "apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: a, namespace: billing, labels: {app: a}}
spec: {secretStoreRef: {name: team-store}, dataFrom: [{extract: {key: a}}]}
---
apiVersion: external-secrets.io/v1
kind: ClusterSecretStore
metadata: {name: prefixed}
spec: {provider: {aws: {service: SecretsManager, region: eu-central-1, prefix: prod/, additionalRoles: [x]}}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: b, namespace: billing, labels: {app: a}}
spec: {secretStoreRef: {name: prefixed, kind: ClusterSecretStore}, dataFrom: [{extract: {key: a}}]}
",
    );
    let settings: Vec<String> =
        imported.stores.iter().map(|found| format!("# {} {}\n{}", found.table, found.store.name, found.settings)).collect();
    insta::assert_snapshot!(settings.join("\n"), @r#"
    # aws prefixed
    store = "prefixed"
    kind = "ClusterSecretStore"
    region = "eu-central-1"
    prefix = "prod/"
    conditions = []

    # aws aws
    store = "aws"
    kind = "ClusterSecretStore"
    region = "eu-central-1"
    role = "arn:aws:iam::123456789012:role/external-secrets"
    external_id = "shop"
    session_tags = { "team" = "shop" }
    service_account = { name = "external-secrets", namespace = "external-secrets" }
    conditions = [{ namespaces = ["shop", "billing"] }, { match_labels = { "team" = "shop" } }]

    # aws team-store
    store = "team-store"
    kind = "SecretStore"
    region = "eu-central-1"
    static_keys = { name = "awssm-secret", access_key_id = "access-key", secret_access_key = "secret-access-key" }
    conditions = []

    # vault vault-backend
    store = "vault-backend"
    kind = "ClusterSecretStore"
    address = "https://vault.example.org:8200"
    mount = "secret"
    namespace = "team-a"
    ca = { config_map = "vault-ca", namespace = "external-secrets", key = "ca.crt" }
    kubernetes = { path = "kubernetes", role = "external-secrets", service_account = { name = "external-secrets", namespace = "external-secrets", audiences = ["vault"] } }
    conditions = []
    "#);
    insta::assert_snapshot!(told(&imported), @"given.yaml:9:87: ClusterSecretStore prefixed: spec.provider.aws.additionalRoles: not kept: nothing in an inventory stands for this field");
    let read: Vec<&str> =
        imported.found.external_secrets.iter().flat_map(|found| found.reads.keys()).map(|name| name.as_str()).collect();
    assert_eq!(read, ["a", "prod/a"]);
}
