//! `migrate eso import` and `migrate eso diff`: what people have becomes consumers, and nothing is lost in silence.

use std::{io::Write as _, process::Stdio};

use crate::bench::{Bench, shows};

fn bench() -> Bench {
    let bench = Bench::new();
    bench.run("migrate init");
    bench
}

const ORDERS: &str = "apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata:
  name: orders-db
  namespace: shop
  labels: {app: orders}
spec:
  secretStoreRef: {name: aws, kind: ClusterSecretStore}
  target:
    template:
      data:
        url: \"postgres://{{ .username }}:{{ .password }}@db/orders\"
  dataFrom:
  - extract: {key: platform-data/postgres/orders}
";

const STORE: &str = "apiVersion: external-secrets.io/v1
kind: ClusterSecretStore
metadata: {name: aws}
spec:
  provider:
    aws: {service: SecretsManager, region: eu-central-1}
";

const INVENTORY: &str = "apiVersion: migrate/v1
# Ours.
secrets:
- name: platform-data/postgres/orders   # the shop's
  category: data
  class: runtime
  disposition: moves
";

#[test]
fn what_would_change_is_shown_and_then_written_around_what_a_person_wrote() {
    let bench = bench();
    bench.write("secrets-inventory.yaml", INVENTORY);
    bench.write("k8s/orders.yaml", ORDERS);
    bench.write("k8s/stores/aws.yaml", STORE);
    bench.write("k8s/app.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: orders}\n");
    shows!(bench.run("migrate eso import k8s"), @r#"
    $ migrate eso import k8s
    --- stdout
    read: 1 ExternalSecret, 1 store
    ignored: 1 object of other kinds
    secrets-inventory.yaml: 1 ExternalSecret taken over, 0 known already; 0 entries new, 1 changed
    for migrate.toml, from ClusterSecretStore aws (k8s/stores/aws.yaml):
      [environment.default.eso.aws]
      store = "aws"
      kind = "ClusterSecretStore"
      region = "eu-central-1"
      conditions = []
    nothing was written; --write does, and `git diff` shows it then
    --- exit 2
    "#);
    assert_eq!(bench.read("secrets-inventory.yaml"), INVENTORY);
    shows!(bench.run("migrate eso import k8s --write"), @r#"
    $ migrate eso import k8s --write
    --- stdout
    read: 1 ExternalSecret, 1 store
    ignored: 1 object of other kinds
    secrets-inventory.yaml: 1 ExternalSecret taken over, 0 known already; 0 entries new, 1 changed
    for migrate.toml, from ClusterSecretStore aws (k8s/stores/aws.yaml):
      [environment.default.eso.aws]
      store = "aws"
      kind = "ClusterSecretStore"
      region = "eu-central-1"
      conditions = []
    written; look at it with `git diff`, commit it, then `migrate inventory show`
    --- exit 0
    "#);
    insta::assert_snapshot!(bench.read("secrets-inventory.yaml"), @r#"
    apiVersion: migrate/v1
    externalSecrets:
    - name: orders-db
      namespace: shop
      labels:
        app: orders
      target:
        template:
          data:
            url: postgres://{{ .username }}:{{ .password }}@db/orders
    # Ours.
    secrets:
    - name: platform-data/postgres/orders   # the shop's
      category: data
      class: runtime
      disposition: moves
      consumers:
      - application: orders
        externalSecret:
          namespace: shop
          name: orders-db
          reads:
          - extract:
              {}
    "#);
    shows!(bench.run("migrate eso import k8s"), @r#"
    $ migrate eso import k8s
    --- stdout
    read: 1 ExternalSecret, 1 store
    ignored: 1 object of other kinds
    secrets-inventory.yaml: 0 ExternalSecrets taken over, 1 known already; 0 entries new, 0 changed
    for migrate.toml, from ClusterSecretStore aws (k8s/stores/aws.yaml):
      [environment.default.eso.aws]
      store = "aws"
      kind = "ClusterSecretStore"
      region = "eu-central-1"
      conditions = []
    nothing to change
    --- exit 0
    "#);
}

#[test]
fn without_an_inventory_one_is_written_and_json_says_everything() {
    let bench = bench();
    bench
        .write("orders.yaml", &ORDERS.replace("platform-data/postgres/orders", "prod/db").replace("spec:", "spec:\n  future: 1"));
    shows!(bench.run("migrate eso import orders.yaml --write --json"), @r#"
    $ migrate eso import orders.yaml --write --json
    --- stdout
    {
      "file": "secrets-inventory.yaml",
      "environment": "default",
      "written": true,
      "changes": true,
      "read": {
        "externalSecrets": 1,
        "clusterExternalSecrets": 0,
        "stores": 0,
        "pushSecrets": 0,
        "others": 0,
        "serverSideFields": 0
      },
      "added": [
        "prod/db"
      ],
      "changed": [],
      "taken": [
        "shop/orders-db"
      ],
      "known": [],
      "conflicts": [],
      "findings": [
        {
          "at": "orders.yaml:1:1",
          "object": "ExternalSecret shop/orders-db",
          "weight": "look",
          "kind": "store-assumed",
          "text": "ClusterSecretStore aws is not among the manifests; it was taken for the environment's Secrets Manager"
        },
        {
          "at": "orders.yaml:8:3",
          "object": "ExternalSecret shop/orders-db",
          "path": "spec.future",
          "weight": "not-kept",
          "kind": "unknown-field",
          "text": "nothing in an inventory stands for this field"
        },
        {
          "object": "prod/db",
          "weight": "look",
          "kind": "unconventional",
          "text": "the name breaks the convention: it begins with neither platform-data/ nor platform-config/, it has 2 segments instead of 3, `prod` names an environment; it says too little to propose another"
        },
        {
          "object": "prod/db",
          "weight": "look",
          "kind": "from-manifests",
          "text": "a new entry, known from manifests only; add `owner`"
        }
      ],
      "stores": []
    }
    --- exit 0
    "#);
    shows!(bench.run("migrate inventory validate"), @r#"
    $ migrate inventory validate
    --- stdout
    secrets-inventory.yaml: 1 secret, 1 to move; no problems
    --- exit 0
    "#);
}

#[test]
fn broken_files_among_good_ones_are_all_told_and_nothing_is_written() {
    let bench = bench();
    bench.write("k8s/a.yaml", ORDERS);
    bench.write("k8s/b.yaml", "a: [canary\n");
    bench.write("k8s/chart/templates/c.yaml", "metadata:\n  name: {{ .Values.canary }}\n");
    bench.write("k8s/d.yaml", "a: 1\n---\n\tb: canary\n");
    shows!(bench.run("migrate eso import k8s --write"), @r#"
    $ migrate eso import k8s --write
    --- stderr
    error: the manifests have 2 problems
      k8s/b.yaml:1:4: not YAML: unclosed bracket '['
      k8s/chart/templates/c.yaml:2:10: a Helm template, not a manifest: render it first, as in `helm template RELEASE CHART | migrate eso … -`
    hint: mend them, or name only the files that are manifests
    --- exit 3
    "#);
    assert!(!bench.path("secrets-inventory.yaml").exists());
}

#[test]
fn nothing_to_import_is_told() {
    let bench = bench();
    std::fs::create_dir(bench.path("empty")).expect("a folder");
    shows!(bench.run("migrate eso import empty"), @r#"
    $ migrate eso import empty
    --- stderr
    error: there are no manifests in empty
    hint: name a folder or file with .yaml, .yml or .json, or pipe manifests in: `kustomize build DIR | migrate eso … -`
    --- exit 3
    "#);
    shows!(bench.run("migrate eso import nowhere"), @r#"
    $ migrate eso import nowhere
    --- stderr
    error: there is no file or folder nowhere
    --- exit 64
    "#);
    bench.write("others.yaml", "kind: Deployment\n");
    shows!(bench.run("migrate eso import others.yaml"), @r#"
    $ migrate eso import others.yaml
    --- stderr
    error: can't import into secrets-inventory.yaml
      because: the manifests read and write no secret of Secrets Manager
    --- exit 3
    "#);
    bench.write("secrets-inventory.yaml", INVENTORY);
    shows!(bench.run("migrate eso import others.yaml"), @r#"
    $ migrate eso import others.yaml
    --- stdout
    read: 0 ExternalSecrets
    ignored: 1 object of other kinds
    secrets-inventory.yaml: 0 ExternalSecrets taken over, 0 known already; 0 entries new, 0 changed
    nothing to change
    --- exit 0
    "#);
}

#[test]
fn a_value_in_a_template_is_withheld_and_two_manifests_at_odds_are_left_alone() {
    let bench = bench();
    bench.write("a.yaml", &ORDERS.replace("{{ .username }}:{{ .password }}", "app:hunter2"));
    bench.write("b/one.yaml", &ORDERS.replace("orders-db", "twice"));
    bench.write("b/two.yaml", &ORDERS.replace("orders-db", "twice").replace("/orders}", "/other}"));
    bench.write("c.yaml", &ORDERS.replace("orders-db", "good"));
    shows!(bench.run("migrate eso import a.yaml b c.yaml"), @r#"
    $ migrate eso import a.yaml b c.yaml
    --- stdout
    read: 4 ExternalSecrets
    secrets-inventory.yaml: 1 ExternalSecret taken over, 0 known already; 1 entry new, 0 changed
    left alone:
      a.yaml:12:9: ExternalSecret shop/orders-db: spec.target.template.data: this looks like a URL with a password; move the value into a secret and name it in the template
      b/one.yaml:1:1: ExternalSecret shop/twice: b/two.yaml:1 says something else of the same object; import one of the two
      b/two.yaml:1:1: ExternalSecret shop/twice: b/one.yaml:1 says something else of the same object; import one of the two
    to look at:
      c.yaml:1:1: ExternalSecret shop/good: ClusterSecretStore aws is not among the manifests; it was taken for the environment's Secrets Manager
      platform-data/postgres/orders: a new entry, known from manifests only; add `owner`
    nothing was written; --write does, and `git diff` shows it then
    --- exit 2
    "#);
}

#[test]
fn what_contradicts_the_inventory_is_listed_and_wins_only_when_asked_to() {
    let bench = bench();
    bench.write("secrets-inventory.yaml", INVENTORY);
    bench.write("orders.yaml", ORDERS);
    bench.run("migrate eso import orders.yaml --write");
    let before = bench.read("secrets-inventory.yaml");
    bench.write(
        "orders.yaml",
        &ORDERS.replace(
            "- extract: {key: platform-data/postgres/orders}",
            "- extract: {key: platform-data/postgres/orders, property: inner}",
        ),
    );
    shows!(bench.run("migrate eso import orders.yaml --write"), @r#"
    $ migrate eso import orders.yaml --write
    --- stdout
    read: 1 ExternalSecret
    secrets-inventory.yaml: 0 ExternalSecrets taken over, 0 known already; 0 entries new, 0 changed
    to look at:
      orders.yaml:1:1: ExternalSecret shop/orders-db: ClusterSecretStore aws is not among the manifests; it was taken for the environment's Secrets Manager
    at odds with the inventory:
      shop/orders-db: the inventory says otherwise what it reads of platform-data/postgres/orders; left as it is; --replace takes the manifest for right
    nothing to change
    --- exit 2
    "#);
    assert_eq!(bench.read("secrets-inventory.yaml"), before);
    shows!(bench.run("migrate eso import orders.yaml --write --replace"), @r#"
    $ migrate eso import orders.yaml --write --replace
    --- stdout
    read: 1 ExternalSecret
    secrets-inventory.yaml: 1 ExternalSecret taken over, 0 known already; 0 entries new, 1 changed
    to look at:
      orders.yaml:1:1: ExternalSecret shop/orders-db: ClusterSecretStore aws is not among the manifests; it was taken for the environment's Secrets Manager
    at odds with the inventory:
      shop/orders-db: the inventory says otherwise what it reads of platform-data/postgres/orders; the manifest was taken for right
    written; look at it with `git diff`, commit it, then `migrate inventory show`
    --- exit 0
    "#);
    assert!(bench.read("secrets-inventory.yaml").contains("property: inner"));
}

#[test]
fn a_layout_that_can_not_be_kept_is_refused_with_what_belongs_there() {
    let bench = bench();
    let braces = "apiVersion: migrate/v1\nsecrets:\n- {name: platform-data/postgres/orders, category: data, class: runtime, disposition: moves} # ours\n";
    bench.write("secrets-inventory.yaml", braces);
    bench.write("orders.yaml", ORDERS);
    shows!(bench.run("migrate eso import orders.yaml --write"), @r#"
    $ migrate eso import orders.yaml --write
    --- stderr
    error: can't import into secrets-inventory.yaml
      because: the file is laid out so that it can't be changed without losing comments or more; change it by hand
      - name: platform-data/postgres/orders
        category: data
        class: runtime
        disposition: moves
        consumers:
        - application: orders
          externalSecret:
            namespace: shop
            name: orders-db
            reads:
            - extract:
                {}
    hint: put the entries in by hand, or write the entries that are named there as plain block lists, then run it again
    --- exit 3
    "#);
    assert_eq!(bench.read("secrets-inventory.yaml"), braces);
}

#[test]
fn a_store_is_compared_with_what_migrate_toml_says_of_it() {
    let bench = bench();
    let said = "[environment.default.eso.aws]\nstore = \"aws\"\nregion = \"eu-central-1\"\nconditions = []\n";
    bench.write("migrate.toml", &format!("{}\n{said}", bench.read("migrate.toml")));
    bench.write("k8s/aws.yaml", STORE);
    bench.write("k8s/orders.yaml", ORDERS);
    let shown = bench.run("migrate eso import k8s");
    assert!(!shown.contains("for migrate.toml"), "{shown}");
    bench.write("k8s/aws.yaml", &STORE.replace("eu-central-1}", "eu-central-1, role: 'arn:aws:iam::123456789012:role/eso'}"));
    let shown = bench.run("migrate eso import k8s");
    assert!(shown.contains("for migrate.toml, which says something else of it, from ClusterSecretStore aws"), "{shown}");
    bench.write("k8s/aws.yaml", &STORE.replace("eu-central-1}", "eu-west-9}"));
    let shown = bench.run("migrate eso import k8s");
    assert!(shown.contains("a store for another region than the environment's"), "{shown}");
    assert!(shown.contains("ExternalSecret shop/orders-db: left alone: it reads nothing from Secrets Manager"), "{shown}");
}

const GUIDE: &str = include_str!("../../../../docs/guides/import-your-eso-manifests.md");

/// The blocks of the guide in that language.
fn blocks(language: &str) -> impl Iterator<Item = &'static str> {
    let begin = format!("```{language}\n");
    GUIDE.split("```").enumerate().filter(|(at, _)| at % 2 == 1).filter_map(move |(_, block)| {
        format!("```{block}").starts_with(&begin).then(|| block.split_once('\n').map(|(_, text)| text)).flatten()
    })
}

#[test]
fn the_guide_shows_what_happens() {
    let bench = bench();
    bench.write("k8s/orders.yaml", blocks("yaml").next().expect("a manifest"));
    for block in blocks("console") {
        for step in block.split("$ ").skip(1) {
            let (line, expected) = step.split_once('\n').expect("a command and what it prints");
            let shown = bench.run(line);
            let shown = shown.split_once("--- stdout\n").map_or("", |(_, rest)| rest);
            let shown = shown.rsplit_once("--- exit").map_or(shown, |(shown, _)| shown);
            assert_eq!(shown.trim_end(), expected.trim_end(), "$ {line}");
        }
    }
}

#[test]
fn standard_input_and_a_namespace_are_taken() {
    let bench = bench();
    let mut child = bench
        .command("migrate eso import - --namespace billing --write")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the migrate binary starts");
    let text = ORDERS.replace("  namespace: shop\n", "").replace('\n', "\r\n");
    child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("a reader");
    assert!(child.wait().expect("an end").success());
    assert!(bench.read("secrets-inventory.yaml").contains("namespace: billing"));
}

#[test]
fn two_sets_are_compared_by_what_they_mean() {
    let bench = bench();
    bench.write("before/a.yaml", ORDERS);
    bench.write(
        "after/a.yaml",
        &ORDERS
            .replace("external-secrets.io/v1", "external-secrets.io/v1beta1")
            .replace("spec:", "spec:\n  refreshInterval: 60m"),
    );
    shows!(bench.run("migrate eso diff before after"), @r#"
    $ migrate eso diff before after
    --- stdout
    1 object and 1 mean the same
    --- exit 0
    "#);
    bench.write("after/a.yaml", &ORDERS.replace("kind: ClusterSecretStore", "kind: SecretStore"));
    bench.write("after/b.yaml", STORE);
    shows!(bench.run("migrate eso diff before after --eso-version 2.9"), @r#"
    $ migrate eso diff before after --eso-version 2.9
    --- stdout
    ExternalSecret shop/orders-db: spec.dataFrom[0].sourceRef.storeRef.kind: differs
    ClusterSecretStore aws: only after
    --- exit 2
    "#);
    shows!(bench.run("migrate eso diff before after --eso-version 0.9"), @r#"
    $ migrate eso diff before after --eso-version 0.9
    --- stderr
    error: invalid value '0.9' for '--eso-version <VERSION>': External Secrets Operator 0.9.0 is older than what is known here; known are 0.17.0, 0.18.2, 0.19.2, 0.20.1, 0.20.4, 1.3.2, 2.9.0, and versions between them behave like the nearest one below
    hint: `migrate --help` shows everything
    --- exit 64
    "#);
}
