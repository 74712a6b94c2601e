//! `migrate sdk emit`: what is asked for, and what is refused, without any server (REQ SDK-2).

use crate::bench::{Bench, shows};

fn bench(secrets: &str) -> Bench {
    let bench = Bench::new();
    bench.write("migrate.toml", "[environment.prod]\n");
    bench.write("secrets-inventory.yaml", &format!("apiVersion: migrate/v1\nsecrets:\n{secrets}"));
    bench
}

fn secret(name: &str, consumers: &str) -> String {
    format!("- name: {name}\n  category: data\n  class: runtime\n  disposition: moves\n  consumers:\n{consumers}")
}

fn sdk(application: &str, said: &str) -> String {
    format!("  - application: {application}\n    sdk: {{{said}}}\n")
}

#[test]
fn an_application_without_secrets_is_told_which_ones_there_are() {
    let bench = bench(&secret("platform-data/postgres/orders", &(sdk("orders", "") + &sdk("reports", ""))));
    shows!(bench.run("migrate sdk emit --application order --language go --out secrets"), @r"
    $ migrate sdk emit --application order --language go --out secrets
    --- stderr
    error: order reads no secret
      because: secrets-inventory.yaml names it as no secret's consumer
    hint: applications that it names: orders, reports
    --- exit 3
    ");
}

#[test]
fn the_language_is_the_inventorys_or_is_asked_for() {
    let of = |languages: &[&str]| {
        let names = ["platform-data/postgres/orders", "platform-data/redis/orders"];
        let entries = languages.iter().zip(names).map(|(language, name)| secret(name, &sdk("orders", language)));
        bench(&entries.collect::<String>()).run("migrate sdk emit --application orders --out secrets")
    };
    let told = [of(&[""]), of(&["language: java"]), of(&["language: go", "language: Rust"])];
    shows!(told.join("\n"), @r"
    $ migrate sdk emit --application orders --out secrets
    --- stderr
    error: in which language is the module of orders to be?
      because: secrets-inventory.yaml names none below `sdk` of its consumers
    hint: say `--language typescript`, `python`, `go` or `rust`
    --- exit 64
    $ migrate sdk emit --application orders --out secrets
    --- stderr
    error: in which language is the module of orders to be?
      because: secrets-inventory.yaml says java
      because: modules are emitted in typescript, python, go and rust
    hint: say `--language typescript`, `python`, `go` or `rust`
    --- exit 64
    $ migrate sdk emit --application orders --out secrets
    --- stderr
    error: in which language is the module of orders to be?
      because: secrets-inventory.yaml names several: Rust, go
    hint: say `--language typescript`, `python`, `go` or `rust`
    --- exit 64
    ");
}

#[test]
fn what_is_emitted_is_checked_renewed_and_never_overwritten_once_edited() {
    let bench = bench(&secret("platform-data/postgres/orders", &sdk("orders", "language: python")));
    let emit = "migrate sdk emit --application orders --out secrets";
    shows!(bench.run(emit), @r"
    $ migrate sdk emit --application orders --out secrets
    --- stdout
    wrote pyproject.toml
    wrote src/orders_secrets/__init__.py
    wrote src/orders_secrets/_runtime.py
    wrote src/orders_secrets/mock.py
    wrote src/orders_secrets/py.typed
    secrets: 0 files unchanged
    orders: 1 secret in python
    ~ platform-data/postgres/orders: taken for a text; its `content` says what it holds: text, binary or properties
    --- exit 0
    ");
    shows!(bench.run(&format!("{emit} --check --json")), @r#"
    $ migrate sdk emit --application orders --out secrets --check --json
    --- stdout
    {
      "application": "orders",
      "language": "python",
      "secrets": 1,
      "takenForText": [
        "platform-data/postgres/orders"
      ],
      "folder": "secrets",
      "checked": true,
      "written": [],
      "removed": [],
      "unchanged": 5
    }
    --- exit 0
    "#);
    bench.write("secrets/pyproject.toml", &(bench.read("secrets/pyproject.toml") + "# mine\n"));
    shows!(bench.run(emit), @r"
    $ migrate sdk emit --application orders --out secrets
    --- stderr
    error: 1 file would be overwritten that somebody else wrote or edited
      because: nothing was written
      secrets/pyproject.toml
    hint: move what you need out of them, or `--force` to overwrite them; `--check` shows all that would change
    --- exit 3
    ");
    // Another language takes the place of the first one, but for what somebody edited.
    shows!(bench.run(&format!("{emit} --language rust --force")), @r"
    $ migrate sdk emit --application orders --out secrets --language rust --force
    --- stdout
    wrote Cargo.toml
    wrote rustfmt.toml
    wrote src/lib.rs
    wrote src/mock.rs
    wrote src/runtime.rs
    wrote src/source.rs
    removed src/orders_secrets/__init__.py
    removed src/orders_secrets/_runtime.py
    removed src/orders_secrets/mock.py
    removed src/orders_secrets/py.typed
    left pyproject.toml: it is no longer emitted, and was edited or copied by hand
    secrets: 0 files unchanged
    orders: 1 secret in rust
    ~ platform-data/postgres/orders: taken for a text; its `content` says what it holds: text, binary or properties
    --- exit 0
    ");
}

#[test]
fn names_that_can_not_be_told_apart_are_refused_all_at_once() {
    let secrets = secret("platform-data/postgres/a-b", &sdk("orders", "language: go"))
        + &secret("platform-data/postgres/ab", &sdk("orders", ""));
    shows!(bench(&secrets).run("migrate sdk emit --application orders --out secrets"), @r"
    $ migrate sdk emit --application orders --out secrets
    --- stderr
    error: no module can be made for orders
      because: nothing was written
      platform-data/postgres/a-b and platform-data/postgres/ab would both be called `postgres_ab`; give one of them an `accessor` below its consumer
    hint: mend them in secrets-inventory.yaml
    --- exit 3
    ");
    let named = bench(&secret("platform-data/postgres/a", &sdk("orders", "language: go")));
    shows!(named.run("migrate sdk emit --application orders --out secrets --package Orders"), @r"
    $ migrate sdk emit --application orders --out secrets --package Orders
    --- stderr
    error: no module can be made for orders
      because: nothing was written
      `Orders` is no name for a package in this language: lower case letters, digits and `_`, a letter first, no word of the language and not `main`
    hint: choose another name with `--package`
    --- exit 3
    ");
    let bad = ["a b", "1", "..", "a/../b", "", "class", "-a"].map(|package| {
        let languages = ["python", "typescript", "go", "rust"];
        languages
            .map(|language| {
                let bench = bench(&secret("platform-data/postgres/a", &sdk("orders", "")));
                let mut command = bench
                    .command(&format!("migrate sdk emit --application orders --out secrets --language {language} --package"));
                let code = command.arg(package).output().expect("migrate starts").status.code();
                format!("{package:?} in {language}: {code:?}")
            })
            .join("\n")
    });
    shows!(bad.join("\n"), @r#"
    "a b" in python: Some(3)
    "a b" in typescript: Some(3)
    "a b" in go: Some(3)
    "a b" in rust: Some(3)
    "1" in python: Some(3)
    "1" in typescript: Some(0)
    "1" in go: Some(3)
    "1" in rust: Some(3)
    ".." in python: Some(3)
    ".." in typescript: Some(3)
    ".." in go: Some(3)
    ".." in rust: Some(3)
    "a/../b" in python: Some(3)
    "a/../b" in typescript: Some(3)
    "a/../b" in go: Some(3)
    "a/../b" in rust: Some(3)
    "" in python: Some(3)
    "" in typescript: Some(3)
    "" in go: Some(3)
    "" in rust: Some(3)
    "class" in python: Some(3)
    "class" in typescript: Some(0)
    "class" in go: Some(0)
    "class" in rust: Some(0)
    "-a" in python: Some(64)
    "-a" in typescript: Some(64)
    "-a" in go: Some(64)
    "-a" in rust: Some(64)
    "#);
}
