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
    shows!(bench.run("migrate sdk emit --application order --language go --out secrets"), @"");
}

#[test]
fn the_language_is_the_inventorys_or_is_asked_for() {
    let of = |languages: &[&str]| {
        let names = ["platform-data/postgres/orders", "platform-data/redis/orders"];
        let entries = languages.iter().zip(names).map(|(language, name)| secret(name, &sdk("orders", language)));
        bench(&entries.collect::<String>()).run("migrate sdk emit --application orders --out secrets")
    };
    let told = [of(&[""]), of(&["language: java"]), of(&["language: go", "language: Rust"])];
    shows!(told.join("\n"), @"");
}

#[test]
fn what_is_emitted_is_checked_renewed_and_never_overwritten_once_edited() {
    let bench = bench(&secret("platform-data/postgres/orders", &sdk("orders", "language: python")));
    let emit = "migrate sdk emit --application orders --out secrets";
    shows!(bench.run(emit), @"");
    shows!(bench.run(&format!("{emit} --check --json")), @"");
    bench.write("secrets/pyproject.toml", &(bench.read("secrets/pyproject.toml") + "# mine\n"));
    shows!(bench.run(emit), @"");
    // Another language takes the place of the first one, but for what somebody edited.
    shows!(bench.run(&format!("{emit} --language rust --force")), @"");
}

#[test]
fn names_that_can_not_be_told_apart_are_refused_all_at_once() {
    let secrets = secret("platform-data/postgres/a-b", &sdk("orders", "language: go"))
        + &secret("platform-data/postgres/ab", &sdk("orders", ""));
    shows!(bench(&secrets).run("migrate sdk emit --application orders --out secrets"), @"");
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
    shows!(bad.join("\n"), @"");
}
