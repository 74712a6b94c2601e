//! `migrate init`, once and twice.

use crate::bench::{Bench, shows};

#[test]
fn init_writes_three_files_and_a_second_run_none() {
    let bench = Bench::new();
    shows!(bench.run("migrate init"), @r"
    $ migrate init
    --- stdout
    environment default is set up:
      wrote migrate.toml
      wrote migrate/default/ledger.jsonl
      wrote migrate/default/.gitignore
    commit these files, then `migrate inventory import`
    --- exit 0
    ");
    shows!(bench.read("migrate.toml"), @r#"
    # Which stores, and where what is about them lies. Never a credential: those come from the AWS credential chain,
    # and from VAULT_TOKEN or `vault login`. Environment variables go before what stands here.

    [environment.default]
    inventory = "secrets-inventory.yaml"
    # ledger = "migrate/default/ledger.jsonl"
    # plans = "migrate/default/plans"

    [environment.default.outgoing]
    # region = "eu-central-1"
    # Roles that the fence lets through, with their paths: of this tool, and of break-glass. Default: the caller alone.
    # exempt_principals = ["arn:aws:iam::111111111111:role/migrate"]
    # How long a fence must stand before it is relied on.
    # settle = "5m"
    # What closes a secret: its resource policy, a tag, or what the organisation applies (`migrate sdk policy`).
    # fence = "resource-policy"
    # How long a rotation in flight can take; a Lambda function runs for 15 minutes at most.
    # rotation_wait = "15m"
    # How long a reader may keep a value; what a seal waits.
    # seal_wait = "1h"
    # Ask CloudTrail whose reads were refused after a seal.
    # cloudtrail = true
    # An ordinary writer, not exempt, that tries to write and must be refused before a fence counts (or `probe_profile`).
    # probe_role = "arn:aws:iam::111111111111:role/migrate-probe"
    # Share of each service quota that may be used.
    # quota_share = 0.8

    [environment.default.incoming]
    # address = "https://vault.example.internal:8200"
    # namespace = "platform"
    # ca_cert = "ca.pem"
    # mount = "secret"
    # Policies whose holders may write members before the handover is complete, besides our own token's.
    # administrators = ["admin"]
    # Where policies can't be read (those of a namespace above): declares that none of them lets write.
    # policies_declared = true
    # Where the ledger's anchor is kept below the mount.
    # anchor = "migrate/anchor"
    "#);
    shows!(bench.read("migrate/default/ledger.jsonl"), @r#"
    {"format":1,"sequence":0,"previous":"[hash]","at":"[time]","operator":"operator@host","epoch":0,"event":{"type":"created","ledger":"[uuid]"}}
    "#);
    let before = bench.read("migrate.toml") + &bench.read("migrate/default/ledger.jsonl");
    shows!(bench.run("migrate init"), @r"
    $ migrate init
    --- stdout
    environment default is set up already; nothing was changed
    --- exit 0
    ");
    assert_eq!(before, bench.read("migrate.toml") + &bench.read("migrate/default/ledger.jsonl"));
    assert_eq!(bench.read("migrate/default/.gitignore"), "*.lock\n");
}

#[test]
fn what_the_surroundings_say_is_written_down_but_no_credential() {
    let bench = Bench::new()
        .with("AWS_REGION", "eu-central-1")
        .with("AWS_SECRET_ACCESS_KEY", "canary")
        .with("VAULT_ADDR", "https://vault.example:8200")
        .with("VAULT_TOKEN", "canary");
    shows!(bench.run("migrate init --json"), @r#"
    $ migrate init --json
    --- stdout
    {
      "environment": "default",
      "config": "migrate.toml",
      "ledger": "migrate/default/ledger.jsonl",
      "ledgerId": "[uuid]",
      "written": [
        "migrate.toml",
        "migrate/default/ledger.jsonl",
        "migrate/default/.gitignore"
      ]
    }
    --- exit 0
    "#);
    let text = bench.read("migrate.toml");
    assert!(
        text.contains("\nregion = \"eu-central-1\"\n") && text.contains("\naddress = \"https://vault.example:8200\"\n"),
        "{text}"
    );
    assert!(!text.contains("canary"), "{text}");
}

#[test]
fn a_second_environment_gets_a_ledger_and_an_anchor_of_its_own() {
    let bench = Bench::new().with("VAULT_ADDR", "https://vault.example:8200");
    bench.run("migrate init");
    shows!(bench.run("migrate init --environment staging"), @r"
    $ migrate init --environment staging
    --- stdout
    environment staging is set up:
      wrote migrate.toml
      wrote migrate/staging/ledger.jsonl
      wrote migrate/staging/.gitignore
    commit these files, then `migrate inventory import`
    --- exit 0
    ");
    let text = bench.read("migrate.toml");
    assert!(text.contains("[environment.default]") && text.contains("anchor = \"migrate/staging/anchor\""), "{text}");
    shows!(bench.run("migrate status"), @r"
    $ migrate status
    --- stderr
    error: which environment? migrate.toml has: default, staging
    hint: name it with --environment, or in MIGRATE_ENVIRONMENT
    --- exit 64
    ");
    shows!(bench.run("migrate status --environment staging"), @r"
    $ migrate status --environment staging
    --- stdout
    environment staging · ledger migrate/staging/ledger.jsonl · epoch 0
    no wave and no plan yet
      next: `migrate inventory import`
    --- exit 0
    ");
}

#[test]
fn outside_of_git_nothing_is_written() {
    let bench = Bench::without_git();
    shows!(bench.run("migrate init"), @r"
    $ migrate init
    --- stderr
    error: this is no Git repository
      because: the ledger and the inventory are the audit record, and live in Git
    hint: `git init`, or go to the repository that shall hold them
    --- exit 64
    ");
    assert!(!bench.path("migrate.toml").exists());
}
