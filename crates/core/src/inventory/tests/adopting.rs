//! Taking over what manifests say: what a person wrote stays, and what is added is read as what was meant.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::external_secret::{DataFromItem, ExternalSecretShape, StoreKind, StoreRef, Target},
    *,
};
use crate::{
    name::kubernetes::{KubernetesName, Namespace},
    reads::Read,
};

fn object(text: &str) -> KubernetesName {
    KubernetesName::parse(text).unwrap()
}

fn found(namespace: &str, id: &str, reads: &[(&str, Vec<Read>)]) -> FoundExternalSecret {
    let order = |(source, reads): &(&str, Vec<Read>)| {
        reads.iter().filter(|read| read.is_extract()).map(|_| DataFromItem::Secret(name(source))).collect::<Vec<_>>()
    };
    FoundExternalSecret {
        id: ExternalSecretId::Namespaced { namespace: Namespace::parse(namespace).unwrap(), name: object(id) },
        cluster: None,
        application: Prose::parse(id).unwrap(),
        reads: reads.iter().map(|(source, reads)| (name(source), reads.clone())).collect(),
        shape: ExternalSecretShape { order: reads.iter().flat_map(order).collect(), ..ExternalSecretShape::default() },
    }
}

fn all(external_secrets: Vec<FoundExternalSecret>) -> Found {
    Found { external_secrets, writers: BTreeMap::new() }
}

/// The lines of `new` that are not in `old`; those of `old` are all there, in order.
fn added<'n>(old: &str, new: &'n str) -> String {
    let mut left = old.lines().peekable();
    let added: Vec<&'n str> = new.lines().filter(|line| left.next_if_eq(line).is_none()).collect();
    assert_eq!(left.next(), None, "a line is lost in:\n{new}");
    added.join("\n")
}

const OLD: &str = "# ours
apiVersion: migrate/v1

# what there is
secrets:
  # the first
  - name: platform-data/postgres/orders  # ours
    legacyName: prod/db
    category: data
    class: runtime
    disposition: moves
    # who reads it
    consumers:
    - application: shop
      sdk: {}   # python
    notes: |
      many

      lines
  # the second
  - category: data
    name: platform-data/redis/orders
    class: runtime
    disposition: moves
    notes: x   # keep

  # the end
";

#[test]
fn what_is_added_leaves_every_line_as_it_is() {
    let mut one = found(
        "shop",
        "db",
        &[("prod/db", vec![Read::property("p", "password"), Read::extract()]), ("prod/new", vec![Read::extract()])],
    );
    one.shape.order.reverse();
    one.shape.store = Some(StoreRef { name: object("aws"), kind: StoreKind::ClusterSecretStore });
    let two = found("shop", "cache", &[("platform-data/redis/orders", vec![Read::whole("url")])]);
    let mut both = all(vec![one, two]);
    let writer = PushSecret { namespace: Namespace::parse("shop").unwrap(), name: object("push") };
    both.writers.insert(name("platform-data/redis/orders"), BTreeSet::from([writer]));
    let adopted = adopt(Some(OLD), &both, false).unwrap();
    insta::assert_snapshot!(added(OLD, &adopted.text), @r#"
    externalSecrets:
    - name: db
      namespace: shop
      store:
        name: aws
        kind: ClusterSecretStore
      order:
      - secret: prod/new
      - secret: platform-data/postgres/orders
        - application: db
          externalSecret:
            namespace: shop
            name: db
            reads:
            - property:
                secretKey: p
                property: password
            - extract:
                {}
        consumers:
        - application: cache
          externalSecret:
            namespace: shop
            name: cache
            reads:
            - whole:
                secretKey: url
        writers:
        - pushSecret:
            namespace: shop
            name: push
      - name: prod/new
        nameException: carried from Secrets Manager as it is
        category: data
        class: runtime
        disposition: moves
        consumers:
        - application: db
          externalSecret:
            namespace: shop
            name: db
            reads:
            - extract:
                {}
    "#);
    assert_eq!(adopted.added, [name("prod/new")]);
    assert_eq!(adopted.changed, [name("platform-data/postgres/orders"), name("platform-data/redis/orders")]);
    let again = adopt(Some(&adopted.text), &both, false).unwrap();
    assert_eq!((again.text.as_str(), again.known.len(), again.taken.len()), (adopted.text.as_str(), 2, 0));
    let crlf = OLD.replace('\n', "\r\n");
    assert_eq!(adopt(Some(&crlf), &both, false).unwrap().text, adopted.text.replace('\n', "\r\n"));
}

#[test]
fn without_an_inventory_one_is_made() {
    let adopted = adopt(
        None,
        &all(vec![found("a", "b", &[("prod/db", vec![Read::extract()]), ("platform-data/x/y", vec![Read::whole("k")])])]),
        false,
    )
    .unwrap();
    assert_eq!(adopted.added, [name("platform-data/x/y"), name("prod/db")]);
    assert!(adopted.inventory.external_secrets().is_empty(), "nothing but defaults");
    assert_eq!(adopt(None, &Found::default(), false), Err(AdoptError::Nothing));
}

#[test]
fn the_inventory_wins_unless_it_is_told_otherwise() {
    let first = found("shop", "db", &[("prod/db", vec![Read::whole("a")]), ("prod/other", vec![Read::whole("b")])]);
    let text = adopt(None, &all(vec![first.clone()]), false).unwrap().text;
    let mut second = found("shop", "db", &[("prod/db", vec![Read::whole("c")])]);
    second.application = Prose::parse("else").unwrap();
    second.shape.target.name = Some(object("login"));
    let kept = adopt(Some(&text), &all(vec![second.clone()]), false).unwrap();
    let kind = |replaced| ConflictKind::Differs { reads: vec![name("prod/db"), name("prod/other")], replaced };
    assert_eq!((kept.text.as_str(), &kept.conflicts[0].kind), (text.as_str(), &kind(false)));
    let replaced = adopt(Some(&text), &all(vec![second.clone()]), true).unwrap();
    assert_eq!(replaced.conflicts[0].kind, kind(true));
    insta::assert_snapshot!(replaced.text, @r#"
    # yaml-language-server: $schema=secrets-inventory.v1.json
    # What secrets there are. Metadata only: a value has no place here.
    apiVersion: migrate/v1
    externalSecrets:
    - name: db
      namespace: shop
      target:
        name: login
    secrets:
    - name: prod/db
      nameException: carried from Secrets Manager as it is
      category: data
      class: runtime
      disposition: moves
      consumers:
      - application: db
        externalSecret:
          namespace: shop
          name: db
          reads:
          - whole:
              secretKey: c
    - name: prod/other
      nameException: carried from Secrets Manager as it is
      category: data
      class: runtime
      disposition: moves
    "#);
    assert_eq!(adopt(Some(&replaced.text), &all(vec![second]), true).unwrap().text, replaced.text);
    // And back: what was declared stays, and says nothing.
    let back = adopt(Some(&replaced.text), &all(vec![first]), true).unwrap();
    assert_eq!(back.inventory.external_secrets()[0].shape, ExternalSecretShape::default());
}

#[test]
fn a_kubernetes_secret_has_one_owner() {
    let mut two = found("shop", "second", &[("prod/b", vec![Read::whole("k")])]);
    two.shape.target = Target { name: Some(object("db")), ..Target::default() };
    let adopted = adopt(None, &all(vec![found("shop", "db", &[("prod/a", vec![Read::whole("k")])]), two]), false).unwrap();
    assert!(matches!(&adopted.conflicts[0].kind, ConflictKind::SharedTarget { with, .. } if with.to_string() == "shop/db"));
    assert_eq!(adopted.added, [name("prod/a")], "what it alone reads is no entry");
}

#[test]
fn a_layout_that_can_not_be_kept_is_refused_with_what_belongs_there() {
    let read = || all(vec![found("shop", "db", &[("platform-data/a/b", vec![Read::whole("k")])])]);
    let plain =
        "apiVersion: migrate/v1\nsecrets:\n- {name: platform-data/a/b, category: data, class: runtime, disposition: moves}\n";
    let rewritten = adopt(Some(plain), &read(), false).unwrap().text;
    assert!(rewritten.contains("- name: platform-data/a/b\n"), "{rewritten}");
    let commented = plain.replace("}\n", "} # ours\n");
    let all_braces =
        "{apiVersion: migrate/v1, secrets: [{name: platform-data/a/b, category: data, class: runtime, disposition: moves}]}";
    for text in [commented.as_str(), all_braces] {
        let Err(AdoptError::Layout { entries }) = adopt(Some(text), &read(), false) else { panic!("{text}") };
        assert!(entries.contains("application: db"), "{entries}");
    }
}

#[test]
fn declared_ones_are_added_and_exchanged_in_their_list() {
    let adopted = adopt(Some(COMPLETE), &Found::default(), false).unwrap();
    assert_eq!(adopted.text, COMPLETE, "nothing found, nothing changed");
    let mut new = found("shop", "db", &[("prod/orders/db", vec![Read::whole("k")])]);
    new.shape.target.name = Some(object("login"));
    let text = adopt(Some(COMPLETE), &all(vec![new.clone()]), false).unwrap().text;
    insta::assert_snapshot!(added(COMPLETE, &text), @r#"
    - name: db
      namespace: shop
      target:
        name: login
      - application: db
        externalSecret:
          namespace: shop
          name: db
          reads:
          - whole:
              secretKey: k
    "#);
    new.shape.target.name = Some(object("other"));
    let exchanged = adopt(Some(&text), &all(vec![new]), true).unwrap().text;
    assert_eq!(exchanged, text.replace("name: login", "name: other"));
}
