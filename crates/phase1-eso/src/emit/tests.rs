//! Objects as they come out, for versions and stores, and what is refused.

mod layouts;

use std::collections::BTreeMap;

use migrate_core::{
    inventory::external_secret::{StoreKind, StoreRef},
    name::kubernetes::KubernetesName,
    reads::{ConversionStrategy, DecodingStrategy},
};

use super::*;
use crate::store::{AwsAuth, Conditions, Identity, ServiceAccountRef, VaultAuth};

const INVENTORY: &str = r#"
apiVersion: migrate/v1
externalSecrets:
- name: orders-db
  namespace: orders
  labels: { team: orders }
  target:
    name: orders-login
    template:
      data: { url: "postgres://{{ .username }}@{{ .host }}/orders" }
  others:
  - dataFrom: { sourceRef: { generatorRef: { kind: Password, name: made } } }
secrets:
- name: platform-data/postgres/orders
  legacyName: prod/orders/db
  owner: Team Orders
  category: data
  class: runtime
  disposition: moves
  consumers:
  - application: orders
    externalSecret:
      namespace: orders
      name: orders-db
      reads: [extract: {}, property: { secretKey: host, property: db.host }]
- name: platform-data/redis/cache
  category: data
  class: runtime
  disposition: { stays: made by a service }
  consumers:
  - application: orders
    externalSecret: { namespace: orders, name: orders-db, reads: [whole: { secretKey: "on", decodingStrategy: Base64 }] }
"#;

fn name(text: &str) -> KubernetesName {
    KubernetesName::parse(text).unwrap()
}

fn aws(prefix: Option<&str>) -> AwsStore {
    AwsStore {
        store: StoreRef { name: name("aws"), kind: StoreKind::ClusterSecretStore },
        region: "eu-central-1".to_owned(),
        role: None,
        external_id: None,
        session_tags: BTreeMap::new(),
        prefix: prefix.map(str::to_owned),
        auth: AwsAuth::Controller,
        conditions: Conditions::Inventory,
    }
}

fn vault() -> VaultStore {
    let account = ServiceAccountRef { name: name("external-secrets"), namespace: None, audiences: vec!["vault".to_owned()] };
    VaultStore {
        store: StoreRef { name: name("vault-backend"), kind: StoreKind::SecretStore },
        address: "https://vault.example:8200".to_owned(),
        mount: "secret".to_owned(),
        namespace: None,
        ca: None,
        auth: VaultAuth::Kubernetes {
            path: "kubernetes".to_owned(),
            role: "external-secrets".to_owned(),
            identity: Identity::ServiceAccount(account),
        },
        conditions: Conditions::Inventory,
    }
}

fn emitted(
    inventory: &str,
    version: &str,
    prefix: Option<&str>,
    spelled: Option<&[(&str, Spelled)]>,
) -> Result<Emitted, Vec<Refusal>> {
    let inventory = Inventory::parse(inventory).unwrap();
    let (aws, vault) = (aws(prefix), vault());
    let secrets = spelled
        .map(|spelled| spelled.iter().map(|(name, spelled)| (SecretName::parse(name).unwrap(), spelled.clone())).collect());
    emit(&Wanted {
        inventory: &inventory,
        version: EsoVersion::parse(version).unwrap(),
        defaults: Defaults {
            refresh_policy: None,
            refresh_interval: GoDuration::from_secs(3600),
            deletion_policy: DeletionPolicy::Retain,
        },
        aws: &aws,
        vault: secrets.map(|secrets| FromVault { store: &vault, secrets }),
    })
}

fn yaml(emitted: &Emitted) -> String {
    emitted.stores.iter().chain(&emitted.external_secrets).map(Object::to_yaml).collect::<Vec<_>>().join("---\n")
}

fn refusals(refused: Result<Emitted, Vec<Refusal>>) -> String {
    refused.unwrap_err().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

// REQ ESO-1, ESO-2, NAM-3
#[test]
fn from_secrets_manager_everything_is_written_that_the_version_would_fill_in() {
    insta::assert_snapshot!(yaml(&emitted(INVENTORY, "0.20.4", None, None).unwrap()), @r#"
    apiVersion: external-secrets.io/v1
    kind: ClusterSecretStore
    metadata:
      name: aws
      labels:
        app.kubernetes.io/managed-by: migrate
    spec:
      provider:
        aws:
          service: SecretsManager
          region: eu-central-1
      conditions:
      - namespaces:
        - orders
    ---
    apiVersion: external-secrets.io/v1
    kind: ExternalSecret
    metadata:
      name: orders-db
      namespace: orders
      labels:
        app.kubernetes.io/managed-by: migrate
        app.kubernetes.io/part-of: orders
        team: orders
      annotations:
        migrate/applications: orders
        migrate/owners: Team Orders
        migrate/secrets: platform-data/postgres/orders, platform-data/redis/cache
    spec:
      refreshPolicy: Periodic
      refreshInterval: 1h0m0s
      secretStoreRef:
        kind: ClusterSecretStore
        name: aws
      target:
        name: orders-login
        creationPolicy: Owner
        deletionPolicy: Retain
        template:
          engineVersion: v2
          mergePolicy: Replace
          metadata: {}
          data:
            url: postgres://{{ .username }}@{{ .host }}/orders
      data:
      - secretKey: host
        remoteRef:
          key: prod/orders/db
          property: db.host
          conversionStrategy: Default
          decodingStrategy: None
          metadataPolicy: None
      - secretKey: "on"
        remoteRef:
          key: platform-data/redis/cache
          conversionStrategy: Default
          decodingStrategy: Base64
          metadataPolicy: None
      dataFrom:
      - extract:
          key: prod/orders/db
          conversionStrategy: Default
          decodingStrategy: None
          metadataPolicy: None
      - sourceRef:
          generatorRef:
            apiVersion: generators.external-secrets.io/v1alpha1
            kind: Password
            name: made
    "#);
}

// REQ ESO-1
#[test]
fn the_newest_version_fills_no_strategies_in_and_so_they_are_left_out() {
    let yaml = yaml(&emitted(INVENTORY, "2.9", None, None).unwrap());
    assert!(!yaml.contains("conversionStrategy") && yaml.matches("decodingStrategy").count() == 1, "{yaml}");
    assert!(yaml.contains("deletionPolicy: Retain") && yaml.contains("mergePolicy: Replace"), "{yaml}");
}

// REQ VLT-3, VLT-4, ESO-5
#[test]
fn from_vault_reads_are_spelled_as_proved_and_what_stays_names_its_store() {
    let spelled =
        Spelled(vec![(Read::extract(), Read::extract()), (Read::property("host", "db.host"), Read::property("host", "read-1"))]);
    let from_vault = emitted(INVENTORY, "0.20.4", None, Some(&[("platform-data/postgres/orders", spelled)])).unwrap();
    insta::assert_snapshot!(yaml(&from_vault), @r#"
    apiVersion: external-secrets.io/v1
    kind: ClusterSecretStore
    metadata:
      name: aws
      labels:
        app.kubernetes.io/managed-by: migrate
    spec:
      provider:
        aws:
          service: SecretsManager
          region: eu-central-1
      conditions:
      - namespaces:
        - orders
    ---
    apiVersion: external-secrets.io/v1
    kind: SecretStore
    metadata:
      name: vault-backend
      namespace: orders
      labels:
        app.kubernetes.io/managed-by: migrate
    spec:
      provider:
        vault:
          server: https://vault.example:8200
          path: secret
          version: v2
          auth:
            kubernetes:
              mountPath: kubernetes
              role: external-secrets
              serviceAccountRef:
                name: external-secrets
                audiences:
                - vault
    ---
    apiVersion: external-secrets.io/v1
    kind: ExternalSecret
    metadata:
      name: orders-db
      namespace: orders
      labels:
        app.kubernetes.io/managed-by: migrate
        app.kubernetes.io/part-of: orders
        team: orders
      annotations:
        migrate/applications: orders
        migrate/owners: Team Orders
        migrate/secrets: platform-data/postgres/orders, platform-data/redis/cache
    spec:
      refreshPolicy: Periodic
      refreshInterval: 1h0m0s
      secretStoreRef:
        kind: SecretStore
        name: vault-backend
      target:
        name: orders-login
        creationPolicy: Owner
        deletionPolicy: Retain
        template:
          engineVersion: v2
          mergePolicy: Replace
          metadata: {}
          data:
            url: postgres://{{ .username }}@{{ .host }}/orders
      data:
      - secretKey: host
        remoteRef:
          key: platform-data/postgres/orders
          property: read-1
          conversionStrategy: Default
          decodingStrategy: None
          metadataPolicy: None
      - secretKey: "on"
        remoteRef:
          key: platform-data/redis/cache
          conversionStrategy: Default
          decodingStrategy: Base64
          metadataPolicy: None
        sourceRef:
          storeRef:
            kind: ClusterSecretStore
            name: aws
      dataFrom:
      - extract:
          key: platform-data/postgres/orders
          conversionStrategy: Default
          decodingStrategy: None
          metadataPolicy: None
      - sourceRef:
          generatorRef:
            apiVersion: generators.external-secrets.io/v1alpha1
            kind: Password
            name: made
    "#);
    assert!(from_vault.losses.is_empty());
}

const FINDS: &str = r#"
apiVersion: migrate/v1
externalSecrets:
- name: all
  namespace: apps
  others:
  - dataFrom: { find: { path: prod, name: { regexp: "^prod/" } } }
  - data: { secretKey: other, remoteRef: { key: elsewhere } }
secrets:
- name: platform-data/postgres/orders
  legacyName: prod/orders
  category: data
  class: runtime
  disposition: moves
  consumers:
  - application: apps
    externalSecret: { namespace: apps, name: all, reads: [find: { name: prod/orders }] }
- name: secret/billing
  nameException: kept
  legacyName: prod/billing
  category: data
  class: runtime
  disposition: { stays: why }
  consumers:
  - application: apps
    externalSecret: { namespace: apps, name: all, reads: [find: { name: prod/billing }] }
"#;

// REQ VLT-4
#[test]
fn a_find_is_left_as_it_is_for_secrets_manager_and_spelled_out_for_vault() {
    let today = emitted(FINDS, "0.20.4", None, None).unwrap();
    let yaml_today = yaml(&today);
    assert!(
        yaml_today.contains("regexp: ^prod/") && today.losses.is_empty() && !yaml_today.contains("key: prod/orders"),
        "{yaml_today}"
    );

    let find = |name: &str| Read::Find {
        name: name.to_owned(),
        conversion_strategy: ConversionStrategy::Default,
        decoding_strategy: DecodingStrategy::None,
    };
    let orders = Spelled(vec![(find("prod/orders"), Read::property("prod_orders", "value"))]);
    let later = emitted(FINDS, "0.20.4", None, Some(&[("platform-data/postgres/orders", orders.clone())])).unwrap();
    let external_secret = later.external_secrets[0].to_yaml();
    insta::assert_snapshot!(external_secret, @r"
    apiVersion: external-secrets.io/v1
    kind: ExternalSecret
    metadata:
      name: all
      namespace: apps
      labels:
        app.kubernetes.io/managed-by: migrate
        app.kubernetes.io/part-of: apps
      annotations:
        migrate/applications: apps
        migrate/secrets: platform-data/postgres/orders, secret/billing
    spec:
      refreshPolicy: Periodic
      refreshInterval: 1h0m0s
      secretStoreRef:
        kind: SecretStore
        name: vault-backend
      target:
        creationPolicy: Owner
        deletionPolicy: Retain
        template:
          engineVersion: v2
          mergePolicy: Replace
          metadata: {}
      data:
      - secretKey: prod_orders
        remoteRef:
          key: platform-data/postgres/orders
          property: value
          conversionStrategy: Default
          decodingStrategy: None
          metadataPolicy: None
      - secretKey: prod_billing
        remoteRef:
          key: prod/billing
          conversionStrategy: Default
          decodingStrategy: None
          metadataPolicy: None
        sourceRef:
          storeRef:
            kind: ClusterSecretStore
            name: aws
      - secretKey: other
        remoteRef:
          key: elsewhere
          conversionStrategy: Default
          decodingStrategy: None
          metadataPolicy: None
        sourceRef:
          storeRef:
            kind: ClusterSecretStore
            name: aws
    ");
    insta::assert_snapshot!(later.losses[0].to_string(), @r"apps/all: its `find` became explicit reads of prod/orders, prod/billing that it matches today; secrets made later no longer join by themselves");

    let billing = Spelled(vec![(find("prod/billing"), Read::property("prod_billing", "value"))]);
    let both = [("platform-data/postgres/orders", orders), ("secret/billing", billing)];
    // A name that begins with the mount gets the mount before it.
    assert!(yaml(&emitted(FINDS, "0.20.4", None, Some(&both)).unwrap()).contains("key: secret/secret/billing"));

    let rewritten = FINDS.replace("{ find: {", "{ rewrite: [regexp: { source: a, target: b }], find: {");
    insta::assert_snapshot!(refusals(emitted(&rewritten, "0.20.4", None, Some(&both))), @r"apps/all: its `find` has `rewrite`, so it can't be spelled out for Vault; replace it by reads by name, or leave its secrets in Secrets Manager");
}

#[test]
fn what_no_plan_proved_is_refused_by_name() {
    let none = emitted(INVENTORY, "0.20.4", None, Some(&[("platform-data/postgres/orders", Spelled::default())]));
    insta::assert_snapshot!(refusals(none), @r#"
    orders/orders-db: no plan proved how the read of extract of platform-data/postgres/orders is spelled for Vault; `migrate plan` looks at the declared reads anew
    orders/orders-db: no plan proved how the read of secretKey "host" (property "db.host") of platform-data/postgres/orders is spelled for Vault; `migrate plan` looks at the declared reads anew
    "#);
}

#[test]
fn a_name_without_the_stores_prefix_is_refused() {
    assert!(
        refusals(emitted(INVENTORY, "0.20.4", Some("prod/"), None)).contains("platform-data/redis/cache does not begin with")
    );
    let only = INVENTORY.split("- name: platform-data/redis").next().unwrap();
    assert!(yaml(&emitted(only, "0.20.4", Some("prod/"), None).unwrap()).contains("key: orders/db\n"));
}

const EVERYTHING: &str = include_str!("../../../core/src/inventory/tests/complete.yaml");

// REQ ESO-1
#[test]
fn every_field_is_written_for_a_version_that_has_it_and_refused_by_name_for_one_that_has_not() {
    let newest =
        yaml(&emitted(&EVERYTHING.replace("url: \"postgres", "tls.crt: a, tls.key: \"postgres"), "2.9", None, None).unwrap());
    for expected in [
        "syncWindows:",
        "nullBytePolicy: Fail",
        "priorityPolicy: Strict",
        "finalizers:",
        "templateAs: Values",
        "namespaceSelectors:",
    ] {
        assert!(newest.contains(expected), "{expected} in {newest}");
    }
    insta::assert_snapshot!(refusals(emitted(EVERYTHING, "0.20.1", None, None)), @r"
    orders/orders-db: External Secrets Operator 0.20.1 has no `spec.data.remoteRef.nullBytePolicy`; leave it out, or run a version that has it
    orders/orders-db: External Secrets Operator 0.20.1 has no `spec.dataFrom.find.nullBytePolicy`; leave it out, or run a version that has it
    orders/orders-db: External Secrets Operator 0.20.1 has no `spec.syncWindows`; leave it out, or run a version that has it
    orders/orders-db: External Secrets Operator 0.20.1 has no `spec.target.manifest`; leave it out, or run a version that has it
    orders/orders-db: External Secrets Operator 0.20.1 has no `spec.target.template.templateFrom.valuesDecodingStrategy`; leave it out, or run a version that has it
    ClusterExternalSecret everywhere: External Secrets Operator 0.20.1 has no `spec.externalSecretSpec.dataFrom.rewrite.merge.priorityPolicy`; leave it out, or run a version that has it
    ");
}

#[test]
fn what_kubernetes_or_the_operator_would_refuse_is_refused_here() {
    let refused = |target: &str| {
        let inventory = INVENTORY.replace(
            "    name: orders-login\n    template:\n      data: { url: \"postgres://{{ .username }}@{{ .host }}/orders\" }\n",
            target,
        );
        refusals(emitted(&inventory, "0.20.4", None, None))
    };
    insta::assert_snapshot!([
        refused("    deletionPolicy: Delete\n    creationPolicy: Merge\n"),
        refused("    template: { type: kubernetes.io/tls, data: { tls.crt: \"{{ .a }}\" } }\n"),
        refused("    template: { data: { \"a b\": x } }\n"),
        refused("    template: { data: { a: \"{{ .b\" } }\n"),
        refused("    template: { metadata: { labels: { a: \"b c\" } } }\n"),
        refused("    creationPolicy: CreateOrMerge\n"),
    ].join("\n"), @r#"
    orders/orders-db: deletionPolicy Delete does not go with creationPolicy Merge: the operator's webhook refuses it
    orders/orders-db: a Secret of type kubernetes.io/tls needs the key "tls.key", and neither its template nor its reads give it
    orders/orders-db: Kubernetes refuses a key of `target.template.data`: a key of a Secret has 1 to 253 letters, digits, `-`, `_` and `.`
    orders/orders-db: the template of "a" does not parse: `{{` has no `}}`
    orders/orders-db: Kubernetes refuses a label of `target.template.metadata.labels`: its value has at most 63 letters, digits, `-`, `_` and `.`, with a letter or digit at both ends
    orders/orders-db: External Secrets Operator 0.20.4 does not take that for `spec.target.creationPolicy`: it wants Owner, Orphan, Merge, None
    "#);
    assert!(
        emitted(
            &INVENTORY.replace("template:\n", "template:\n      type: kubernetes.io/tls\n      mergePolicy: Merge\n"),
            "0.20.4",
            None,
            None
        )
        .is_ok(),
        "an extract may give the keys"
    );
}
