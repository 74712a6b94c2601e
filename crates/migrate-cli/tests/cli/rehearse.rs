//! The whole handover, through the real clients and over sockets, in this very binary.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Command, Stdio},
};

use crate::bench::Bench;

// REQ OPS-2
#[test]
fn an_interrupt_is_obeyed_at_the_next_safe_point_and_says_how_to_go_on() {
    let bench = Bench::new();
    let folder = bench.path("");
    let bench = bench.with("TMPDIR", folder.to_str().expect("UTF-8"));
    let mut child = bench.command("migrate rehearse").stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut lines = BufReader::new(child.stderr.take().expect("stderr"));
    // Once a wave is fenced it waits for the fence to settle: there it is stopped.
    loop {
        let mut line = String::new();
        assert!(lines.read_line(&mut line).expect("a line") > 0, "it ended before it fenced anything");
        if line.starts_with("fence") {
            break;
        }
    }
    let told = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
    assert!(told.success());
    let mut rest = String::new();
    lines.read_to_string(&mut rest).expect("the rest");
    assert_eq!(child.wait().expect("it ends").code(), Some(4), "{rest}");
    assert!(rest.contains("stopping at the next safe point") && rest.contains("run the same command again"), "{rest}");
}

#[test]
fn a_rehearsal_hands_everything_over_and_its_ledger_agrees() {
    let bench = Bench::new();
    let folder = bench.path("");
    let whole = bench.with("TMPDIR", folder.to_str().expect("UTF-8")).run("migrate rehearse --json");
    assert!(whole.ends_with("--- exit 0"), "{whole}");
    let json = whole.split_once("--- stdout\n").and_then(|(_, rest)| rest.split_once("\n--- stderr")).expect("data").0;
    let report: serde_json::Value = serde_json::from_str(json).expect("one JSON document");
    assert!(report["secrets"].as_u64() >= Some(21) && report["handedOver"] == report["secrets"], "{whole}");
    for said in ["nothing to do: every wave", "10 of 10 secrets stand", "the anchor names its last decisive record"] {
        assert!(whole.contains(said), "{said}: {whole}");
    }
}

#[test]
fn an_inventory_is_rehearsed_by_its_own_names_and_says_what_can_not_be_committed() {
    let bench = Bench::new();
    bench.write(
        "estate.yaml",
        "apiVersion: migrate/v1
secrets:
- name: platform-data/mysql/orders
  category: data
  class: runtime
  disposition: moves
  consumers:
  - application: orders
    externalSecret:
      namespace: orders
      name: orders
      reads:
      - property: { secretKey: password, property: password }
- name: platform-data/mysql/billing
  category: data
  class: runtime
  disposition: moves
  consumers:
  - application: billing
    sdk: {}
- name: platform-data/redis/cache
  category: data
  class: runtime
  disposition: { stays: short-lived }
",
    );
    let folder = bench.path("");
    let whole = bench.with("TMPDIR", folder.to_str().expect("UTF-8")).run("migrate rehearse estate.yaml");
    assert!(whole.ends_with("--- exit 0"), "{whole}");
    assert!(whole.contains("rehearsed: 1 of 3 secrets handed over"), "{whole}");
    assert!(whole.contains("platform-data/mysql/billing is read through the SDK"), "{whole}");
    assert!(whole.contains("platform-data/redis/cache stays by its disposition"), "{whole}");
}
