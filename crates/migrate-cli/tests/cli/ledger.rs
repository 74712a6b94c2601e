//! `migrate ledger` on ledgers that are whole, torn, edited, missing.

use std::fs;

use crate::bench::{Bench, shows};

const LEDGER: &str = "migrate/default/ledger.jsonl";

fn bench() -> Bench {
    let bench = Bench::new();
    bench.run("migrate init");
    bench
}

#[test]
fn a_new_ledger_is_whole_and_shown() {
    let bench = bench();
    shows!(bench.run("migrate ledger verify"), @r"
    $ migrate ledger verify
    --- stdout
    migrate/default/ledger.jsonl: 1 record, chain whole, every step allowed by the protocol
      ledger  [uuid]
      head    [hash]
      epoch   0
      waves   0 (0 secrets handed over)
      anchor  not compared with its anchor
    --- stderr
    note: the anchor in the incoming store was not looked at
    --- exit 0
    ");
    shows!(bench.run("migrate ledger show"), @r"
    $ migrate ledger show
    --- stdout
    SEQ  AT                    EPOCH  OPERATOR       EVENT    WAVE  MEMBERS
    0    [time]  0      operator@host  created
    --- exit 0
    ");
}

#[test]
fn a_ledger_that_another_process_works_on_is_locked() {
    let bench = bench();
    let lock = fs::File::create(bench.path("migrate/default/ledger.jsonl.lock")).expect("a lock file");
    lock.lock().expect("the lock");
    shows!(bench.run("migrate apply"), @r"
    $ migrate apply
    --- stderr
    error: another process works on the ledger
      because: migrate/default/ledger.jsonl is locked by another process since [time]
    hint: let it end, or stop it; the lock goes with its process
    --- exit 6
    ");
}

#[test]
fn missing_torn_corrupt_and_newer_are_different_answers() {
    let bench = bench();
    let whole = bench.read(LEDGER);

    fs::remove_file(bench.path(LEDGER)).expect("removed");
    shows!(bench.run("migrate ledger verify"), @r"
    $ migrate ledger verify
    --- stderr
    error: there is no ledger at migrate/default/ledger.jsonl
    hint: restore it from Git: `git log --all -- migrate/default/ledger.jsonl` shows where it was
    hint: where nothing has begun yet, `migrate init` makes one
    --- exit 6
    ");

    bench.write(LEDGER, &format!("{whole}{}", "{\"format\":1,\"seq"));
    shows!(bench.run("migrate ledger verify"), @r"
    $ migrate ledger verify
    --- stderr
    error: the ledger migrate/default/ledger.jsonl ends in part of a record
      because: what stands after 1 whole record has no line end (from byte [n])
      because: a write was cut off before it counted; nothing is lost
    hint: the next `migrate apply` cuts it off
    --- exit 6
    ");
    shows!(bench.run("migrate status"), @r"
    $ migrate status
    --- stdout
    environment default · ledger migrate/default/ledger.jsonl · epoch 0
    no wave and no plan yet
      next: `migrate inventory import`
    --- stderr
    note: the ledger ends in part of a record; it never counted, and the next `migrate apply` cuts it off
    --- exit 0
    ");

    bench.write(LEDGER, &whole.replace("\"sequence\":0", "\"sequence\":7"));
    shows!(bench.run("migrate ledger verify"), @r"
    $ migrate ledger verify
    --- stderr
    error: the ledger migrate/default/ledger.jsonl is corrupt
      because: line 1: record 7 stands where record 0 belongs; lines were removed, added or re-ordered
    hint: it is append-only: restore the last good one from Git (`git log -- migrate/default/ledger.jsonl`) and run `migrate ledger verify`
    --- exit 6
    ");

    bench.write(LEDGER, &whole.replace("\"format\":1", "\"format\":99"));
    shows!(bench.run("migrate ledger verify --json"), @r#"
    $ migrate ledger verify --json
    --- stdout
    {
      "error": {
        "exit": "ledger",
        "reason": {
          "type": "ledger-newer"
        },
        "heading": "the ledger migrate/default/ledger.jsonl was written by a newer build",
        "because": [
          "line 1: written in format 99, this build reads 1; use a newer migrate"
        ],
        "findings": [],
        "hints": [
          "use the build that wrote it, or a newer one"
        ]
      }
    }
    --- stderr
    error: the ledger migrate/default/ledger.jsonl was written by a newer build
      because: line 1: written in format 99, this build reads 1; use a newer migrate
    hint: use the build that wrote it, or a newer one
    --- exit 6
    "#);
}
