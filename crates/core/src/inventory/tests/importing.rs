//! Import: what Secrets Manager lists becomes entries, and entries that a person wrote stay as they are.

use std::collections::BTreeMap;

use super::*;
use crate::{name::SecretArn, observed::ListedSecret};

pub(super) fn listed(text: &str) -> ListedSecret {
    ListedSecret {
        name: name(text),
        arn: SecretArn::new(format!("arn:aws:secretsmanager:eu-west-1:123456789012:secret:{text}-AbC123")),
        description: None,
        tags: BTreeMap::from([("Owner".to_owned(), "team-platform".to_owned())]),
        rotation_enabled: false,
        owning_service: None,
        deleted_at: None,
    }
}

fn findings(findings: &[Finding]) -> String {
    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn estate() -> Vec<ListedSecret> {
    vec![
        ListedSecret { rotation_enabled: true, ..listed("platform-data/postgres/orders") },
        ListedSecret { description: Some("on".into()), ..listed("prod/redis/orders") },
        listed("dev/redis/orders"),
        listed("/prod/redis//orders"),
        ListedSecret { description: Some("password=hunter2".into()), tags: BTreeMap::new(), ..listed("orders") },
        ListedSecret { owning_service: Some("rds".into()), ..listed("rds!cluster-1") },
        ListedSecret { deleted_at: Some("2026-01-02T03:04:05Z".parse().unwrap()), ..listed("gone") },
        listed("hvs.0123456789abcdefghijABCDEFGHIJ"),
        listed("platform-config/kafka/main"),
    ]
}

#[test]
fn an_estate_is_carried_as_it_is() {
    let imported = import(&estate()).unwrap();
    let text = imported.inventory.to_yaml(DEFAULT_SCHEMA_URL);
    insta::assert_snapshot!(text, @r#"
    # yaml-language-server: $schema=secrets-inventory.v1.json
    # What secrets there are. Metadata only: a value has no place here.
    apiVersion: migrate/v1
    secrets:
    - name: dev/redis/orders
      nameException: carried from Secrets Manager as it is
      owner: team-platform
      category: data
      class: runtime
      disposition: moves
      rotation:
        enabled: false
    - name: orders
      nameException: carried from Secrets Manager as it is
      category: data
      class: runtime
      disposition: moves
      rotation:
        enabled: false
    - name: platform-config/kafka/main
      owner: team-platform
      category: configuration
      class: runtime
      disposition: moves
      rotation:
        enabled: false
    - name: platform-data/postgres/orders
      owner: team-platform
      category: data
      class: runtime
      disposition: moves
      writers:
      - rotation: Secrets Manager
      rotation:
        enabled: true
    - name: prod/redis/orders
      nameException: carried from Secrets Manager as it is
      description: "on"
      owner: team-platform
      category: data
      class: runtime
      disposition: moves
      rotation:
        enabled: false
    - name: prod/redis/orders-2
      legacyName: /prod/redis//orders
      nameException: carried from Secrets Manager as it is
      owner: team-platform
      category: data
      class: runtime
      disposition: moves
      rotation:
        enabled: false
    - name: rds!cluster-1
      nameException: carried from Secrets Manager as it is
      owner: team-platform
      category: data
      class: runtime
      disposition:
        stays: an AWS service manages it
      rotation:
        enabled: false
    "#);
    insta::assert_snapshot!(findings(&imported.findings), @r#"
    a secret was left out because its name looks like a token; give it another one in Secrets Manager
    /prod/redis//orders: the name breaks the convention: it begins with neither platform-data/ nor platform-config/, `prod` names an environment; platform-data/redis/orders would fit, but fits another secret too
    /prod/redis//orders: the entry is called prod/redis/orders-2: Vault would not keep this name as it is, or another entry has it
    dev/redis/orders: the name breaks the convention: it begins with neither platform-data/ nor platform-config/, `dev` names an environment; platform-data/redis/orders would fit, but fits another secret too
    gone: left out: scheduled for deletion since 2026-01-02T03:04:05Z
    orders: the name breaks the convention: it begins with neither platform-data/ nor platform-config/, it has 1 segment instead of 3; it says too little to propose another
    orders: its description was not copied: it looks like a value, or is no plain text
    orders: no tag says who owns it; add `owner`
    prod/redis/orders: the name breaks the convention: it begins with neither platform-data/ nor platform-config/, `prod` names an environment; platform-data/redis/orders would fit, but fits another secret too
    rds!cluster-1: an AWS service manages it, so it stays in Secrets Manager
    "#);
    assert_eq!(Inventory::parse(&text), Ok(imported.inventory));
}

#[test]
fn the_order_of_the_listing_does_not_matter() {
    let mut backwards = estate();
    backwards.reverse();
    assert_eq!(import(&backwards), import(&estate()));
}

#[test]
fn nothing_to_import() {
    let gone = ListedSecret { deleted_at: Some("2026-01-02T03:04:05Z".parse().unwrap()), ..listed("gone") };
    let ImportError::Nothing { findings } = import(&[gone]).unwrap_err();
    assert_eq!(findings.len(), 1);
    assert_eq!(import(&[]), Err(ImportError::Nothing { findings: Vec::new() }));
}

#[test]
fn a_merge_keeps_what_is_there() {
    let old = "apiVersion: migrate/v1
secrets:
    # the first
    - name: platform-data/postgres/orders  # ours
      legacyName: prod/db
      category: data
      class: runtime
      disposition: moves
    - {name: platform-data/a/gone, category: data, class: runtime, disposition: moves}";
    let now = [listed("platform-data/postgres/orders"), listed("prod/db"), listed("platform-data/b/new")];
    let merged = merge(old, &now).unwrap();
    assert!(merged.text.starts_with(old));
    insta::assert_snapshot!(&merged.text[old.len()..], @r#"

    - name: platform-data/b/new
      owner: team-platform
      category: data
      class: runtime
      disposition: moves
      rotation:
        enabled: false
    - name: platform-data/postgres/orders-2
      legacyName: platform-data/postgres/orders
      owner: team-platform
      category: data
      class: runtime
      disposition: moves
      rotation:
        enabled: false
    "#);
    insta::assert_snapshot!(findings(&merged.findings), @r#"
    platform-data/a/gone: it is in the inventory and not in Secrets Manager; take the entry out if that is meant, else look where it went
    platform-data/postgres/orders: the entry is called platform-data/postgres/orders-2: Vault would not keep this name as it is, or another entry has it
    "#);
    assert_eq!(merged.added, [name("platform-data/b/new"), name("platform-data/postgres/orders-2")]);
    assert_eq!(merge(&merged.text, &now).unwrap().text, merged.text, "a second merge changes nothing");
}

#[test]
fn a_merge_that_can_not_append_gives_the_entries() {
    let old =
        "{apiVersion: migrate/v1, secrets: [{name: platform-data/a/b, category: data, class: runtime, disposition: moves}]}";
    let Err(MergeError::Layout { entries }) = merge(old, &[listed("platform-data/a/b"), listed("platform-data/a/c")]) else {
        panic!("expected a layout error");
    };
    assert!(entries.starts_with("- name: platform-data/a/c\n"), "{entries}");
    let last =
        "secrets:\n- {name: platform-data/a/b, category: data, class: runtime, disposition: moves}\napiVersion: migrate/v1\n";
    assert!(matches!(merge(last, &[listed("platform-data/a/c")]), Err(MergeError::Layout { .. })));
}

// Whoever reads the file with a YAML 1.1 parser (PyYAML, Ruby, older Go) must read the same texts.
#[test]
fn what_yaml_1_1_reads_otherwise_is_quoted() {
    for text in [
        "yes",
        "No",
        "on",
        "OFF",
        "y",
        "n",
        "true",
        "~",
        "null",
        "Null",
        "1e3",
        "1.5",
        "0x1F",
        "017",
        "0o17",
        "12:30",
        "1_000",
        "2024-01-02",
        "2001-12-14t21:59:43.10-05:00",
        "=",
        "<<",
        ".inf",
        "-",
        "+1",
    ] {
        let imported = import(&[ListedSecret { description: Some(text.to_owned()), ..listed("platform-data/a/b") }]).unwrap();
        let yaml = imported.inventory.to_yaml(DEFAULT_SCHEMA_URL);
        let line = yaml.lines().find_map(|line| line.strip_prefix("  description: ")).unwrap();
        assert!(line.starts_with(['"', '\'']), "{text} is written as {line}");
    }
}
