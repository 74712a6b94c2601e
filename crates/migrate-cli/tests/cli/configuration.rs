//! A configuration that is missing, wrong, or names no such environment.

use crate::bench::{Bench, shows};

#[test]
fn without_a_configuration_the_way_to_one_is_told() {
    shows!(Bench::new().run("migrate status"), @r"
    $ migrate status
    --- stderr
    error: there is no migrate.toml here, or above within the repository
    hint: `migrate init` writes one, at the root of a Git repository
    --- exit 64
    ");
}

#[test]
fn every_problem_of_the_file_is_told_at_its_place() {
    let bench = Bench::new();
    bench.write("migrate.toml", "[environment.prod]\nlegder = \"x\"\n[environment.prod.incoming]\ntoken = \"canary\"\n");
    shows!(bench.run("migrate status"), @r"
    $ migrate status
    --- stderr
    error: migrate.toml can't be used
      migrate.toml:2:1: unknown key `legder`; known here: inventory, ledger, plans, shared, outgoing, incoming, eso, cluster, vault
      migrate.toml:4:1: `token` has no place here: this file is in Git and never holds a credential; VAULT_TOKEN or `vault login` gives the token
    hint: mend these lines; nothing was tried
    --- exit 64
    ");
}

#[test]
fn an_unknown_environment_is_told_with_those_that_are_known() {
    let bench = Bench::new();
    bench.write("migrate.toml", "[environment.prod]\n[environment.staging]\n");
    shows!(bench.run("migrate status"), @r"
    $ migrate status
    --- stderr
    error: which environment? migrate.toml has: prod, staging
    hint: name it with --environment, or in MIGRATE_ENVIRONMENT
    --- exit 64
    ");
    shows!(bench.run("migrate status --environment prodd"), @r"
    $ migrate status --environment prodd
    --- stderr
    error: migrate.toml has no environment prodd; it has: prod, staging
    hint: `migrate init --environment prodd` adds it
    --- exit 64
    ");
}

#[test]
fn two_environments_with_one_ledger_are_refused() {
    let bench = Bench::new();
    bench.write("migrate.toml", "[environment.a]\nledger = \"l\"\n[environment.b]\nledger = \"l\"\n");
    shows!(bench.run("migrate status --environment a"), @r"
    $ migrate status --environment a
    --- stderr
    error: the environments a and b have one ledger
    hint: give each its own `ledger`
    --- exit 64
    ");
}

#[test]
fn surroundings_that_would_leak_are_refused() {
    let bench = Bench::new().with("LOG_SENSITIVE_BODIES", "true");
    bench.run("migrate init");
    shows!(bench.run("migrate init"), @r"
    $ migrate init
    --- stderr
    error: LOG_SENSITIVE_BODIES is set, which makes the AWS SDK print secret values
    hint: unset LOG_SENSITIVE_BODIES
    --- exit 64
    ");
    let bench = Bench::new().with("VAULT_SKIP_VERIFY", "true");
    shows!(bench.run("migrate init --json"), @r#"
    $ migrate init --json
    --- stdout
    {
      "error": {
        "exit": "usage",
        "reason": {
          "type": "usage"
        },
        "heading": "VAULT_SKIP_VERIFY asks to skip the verification of certificates, which is not offered",
        "because": [],
        "findings": [],
        "hints": [
          "unset VAULT_SKIP_VERIFY; name the CA of a private Vault with VAULT_CACERT"
        ]
      }
    }
    --- stderr
    error: VAULT_SKIP_VERIFY asks to skip the verification of certificates, which is not offered
    hint: unset VAULT_SKIP_VERIFY; name the CA of a private Vault with VAULT_CACERT
    --- exit 64
    "#);
}

#[test]
fn where_each_setting_came_from_is_shown_and_overriding_is_told() {
    let bench = Bench::new().with("VAULT_ADDR", "https://other.example:8200").with("VAULT_TOKEN", "canary");
    bench.write(
        "migrate.toml",
        "[environment.prod]\n[environment.prod.outgoing]\nregion = \"eu-west-1\"\n[environment.prod.incoming]\naddress = \"https://vault.example:8200\"\n",
    );
    bench.run("migrate init");
    shows!(bench.run("migrate status -v"), @r"
    $ migrate status -v
    --- stdout
    environment prod · ledger migrate/prod/ledger.jsonl · epoch 0
      region        eu-west-1  (migrate.toml)
      profile       default  (not set)
      endpoint_url  AWS's own  (not set)
      settle        5 min  (default)
      fence         resource-policy  (default)
      rotation_wait 15 min  (default)
      seal_wait     60 min  (default)
      probe         none: fences are not observed  (not set)
      address       https://other.example:8200  (VAULT_ADDR)
      namespace     none  (not set)
      mount         secret  (default)
      anchor        migrate/anchor  (default)
      ca_cert       the system's  (not set)
      token         (never shown)  (VAULT_TOKEN)
    no wave and no plan yet
      next: `migrate inventory import`
    --- stderr
    note: VAULT_ADDR is used, and overrides `address` of migrate.toml
    --- exit 0
    ");
}
