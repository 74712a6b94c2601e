//! `migrate inventory` without a store: validate, show, schema.

use crate::bench::{Bench, shows};

const GOOD: &str = "apiVersion: migrate/v1
secrets:
- name: platform-data/mysql/orders
  category: data
  class: runtime
  disposition: moves
  consumers:
  - application: orders
    sdk: {}
- name: platform-data/mysql/billing
  category: data
  class: runtime
  disposition:
    stays: stays in AWS
";

#[test]
fn a_good_inventory_is_counted_and_shown() {
    let bench = Bench::new();
    bench.write("secrets-inventory.yaml", GOOD);
    shows!(bench.run("migrate inventory validate secrets-inventory.yaml"), @r"
    $ migrate inventory validate secrets-inventory.yaml
    --- stdout
    secrets-inventory.yaml: 2 secrets, 1 to move; no problems
    --- exit 0
    ");
    bench.run("migrate init");
    shows!(bench.run("migrate inventory show"), @r"
    $ migrate inventory show
    --- stdout
    NAME                         AUTHORITY        WAVE  DISPOSITION          CONSUMERS
    platform-data/mysql/orders   Secrets Manager        moves                orders (SDK)
    platform-data/mysql/billing  Secrets Manager        stays: stays in AWS
    --- exit 0
    ");
    shows!(bench.run("migrate inventory show --json"), @r#"
    $ migrate inventory show --json
    --- stdout
    {
      "secrets": [
        {
          "name": "platform-data/mysql/orders",
          "authority": "secrets-manager",
          "disposition": "moves",
          "consumers": [
            "orders (SDK)"
          ]
        },
        {
          "name": "platform-data/mysql/billing",
          "authority": "secrets-manager",
          "disposition": {
            "stays": "stays in AWS"
          },
          "consumers": []
        }
      ]
    }
    --- exit 0
    "#);
}

#[test]
fn every_problem_is_told_at_its_line_and_no_value_is_quoted() {
    let bench = Bench::new();
    bench.write(
        "bad.yaml",
        "apiVersion: migrate/v1
secrets:
- name: platform-data/mysql/orders
  category: data
  class: runtime
  disposition: moves
  password: canary
- name: platform-data/mysql/orders
  category: data
  clas: runtime
  disposition: moves
",
    );
    shows!(bench.run("migrate inventory validate bad.yaml"), @r"
    $ migrate inventory validate bad.yaml
    --- stderr
    error: bad.yaml has 3 problems
      bad.yaml:7:3: platform-data/mysql/orders: `password` has no place here: the inventory holds metadata, never a value; take it out, and rotate the secret if a value was ever written here
      bad.yaml:8:9: platform-data/mysql/orders: the name stands on line 3 already; keep one of the two
      bad.yaml:10:3: platform-data/mysql/orders: unknown key; did you mean `class`?
    hint: mend them, then `migrate inventory validate`
    --- exit 3
    ");
}

#[test]
fn an_empty_or_missing_inventory_is_no_inventory() {
    let bench = Bench::new();
    bench.run("migrate init");
    shows!(bench.run("migrate inventory validate"), @r"
    $ migrate inventory validate
    --- stderr
    error: there is no inventory at secrets-inventory.yaml
    hint: `migrate inventory import` builds one from Secrets Manager
    --- exit 3
    ");
    bench.write("secrets-inventory.yaml", "");
    shows!(bench.run("migrate inventory validate --json"), @r#"
    $ migrate inventory validate --json
    --- stdout
    {
      "error": {
        "exit": "blocked",
        "reason": {
          "type": "inventory-invalid"
        },
        "heading": "secrets-inventory.yaml has 1 problem",
        "because": [],
        "findings": [
          "secrets-inventory.yaml:1:1: the inventory lists no secret; run `migrate inventory import`, or write entries under `secrets`"
        ],
        "hints": [
          "mend them, then `migrate inventory validate`"
        ]
      }
    }
    --- stderr
    error: secrets-inventory.yaml has 1 problem
      secrets-inventory.yaml:1:1: the inventory lists no secret; run `migrate inventory import`, or write entries under `secrets`
    hint: mend them, then `migrate inventory validate`
    --- exit 3
    "#);
}

#[test]
fn the_schema_is_json_on_stdout() {
    let whole = Bench::new().run("migrate inventory schema");
    let json = whole.split_once("--- stdout\n").and_then(|(_, rest)| rest.split_once("\n--- exit 0")).expect("data and exit 0").0;
    assert!(serde_json::from_str::<serde_json::Value>(json).expect("JSON")["properties"]["secrets"].is_object());
}

const DRAWN: &str = "apiVersion: migrate/v1
secrets:
- name: platform-data/mysql/orders
  category: data
  class: runtime
  disposition: moves
  consumers:
  - application: 'the \"orders\" #1'
    sdk: {}
  - application: batch
    externalSecret: {namespace: batch, name: orders-db, reads: [extract: {}]}
  writers:
  - people: team-orders
  - pushSecret: {namespace: orders, name: orders-db}
- name: platform-data/mysql/billing
  category: data
  class: runtime
  disposition: moves
  consumers:
  - application: batch
    clusterExternalSecret: {name: everywhere, reads: [extract: {}]}
";

#[test]
fn the_graph_says_who_writes_and_who_reads() {
    let bench = Bench::new();
    bench.run("migrate init");
    bench.write("secrets-inventory.yaml", DRAWN);
    shows!(bench.run("migrate inventory graph"), @r#"
    $ migrate inventory graph
    --- stdout
    flowchart LR
      n0["platform-data/mysql/orders"]
      n1[/"team-orders"/]
      n2[/"orders/orders-db"/]
      n3(["the #quot;orders#quot; #35;1"])
      n4(["batch"])
      n5["platform-data/mysql/billing"]
      n1 -->|"by hand"| n0
      n2 -->|"PushSecret"| n0
      n0 -->|"SDK"| n3
      n0 -->|"batch/orders-db"| n4
      n5 -->|"ClusterExternalSecret everywhere"| n4
    --- exit 0
    "#);
    shows!(bench.run("migrate inventory graph --format dot"), @r#"
    $ migrate inventory graph --format dot
    --- stdout
    digraph secrets {
      rankdir=LR;
      n0 [label="platform-data/mysql/orders", shape=box];
      n1 [label="team-orders", shape=parallelogram];
      n2 [label="orders/orders-db", shape=parallelogram];
      n3 [label="the \"orders\" #1", shape=ellipse];
      n4 [label="batch", shape=ellipse];
      n5 [label="platform-data/mysql/billing", shape=box];
      n1 -> n0 [label="by hand"];
      n2 -> n0 [label="PushSecret"];
      n0 -> n3 [label="SDK"];
      n0 -> n4 [label="batch/orders-db"];
      n5 -> n4 [label="ClusterExternalSecret everywhere"];
    }
    --- exit 0
    "#);
}

#[test]
fn the_hook_looks_at_the_inventory_of_the_environment() {
    let bench = Bench::new();
    bench.run("migrate init");
    let config = bench.read("migrate.toml").replace("secrets-inventory.yaml", "envs/it's+prod.yaml");
    bench.write("migrate.toml", &config);
    shows!(bench.run("migrate hook"), @r"
    $ migrate hook
    --- stdout
    # .pre-commit-config.yaml; `pre-commit install` puts it to work
    repos:
    - repo: local
      hooks:
      - id: migrate-inventory
        name: the secrets inventory is valid and holds no value
        entry: migrate inventory validate
        language: system
        files: '^envs/it''s\+prod\.yaml$'
    --- exit 0
    ");
}
