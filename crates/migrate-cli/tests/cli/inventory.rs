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
