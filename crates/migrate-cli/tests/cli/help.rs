//! Help and what is typed wrongly.

use crate::bench::{Bench, shows};

#[test]
fn help_shows_every_command() {
    shows!(Bench::new().run("migrate --help"), @r"
    $ migrate --help
    --- stdout
    Hand authority over secrets from AWS Secrets Manager to Vault or OpenBao

    A wave of secrets is planned, fenced, copied, verified and committed; every step stands in a ledger
    in your Git repository, and after any interruption the same command goes on. Nothing changes a
    system but `populate`, `apply`, `rollback`, `urgent` and `retire`.

    Usage: migrate [OPTIONS] <COMMAND>

    Commands:
      init       Write migrate.toml and an empty ledger into this Git repository
      scan       Find credentials that lie in configuration files; changes nothing, shows no value
      populate   Put values that lie in a file into Secrets Manager: creates only, reads back, and
                 writes the inventory
      inventory  Build, check and show secrets-inventory.yaml
      sdk        Emit the typed modules through which applications read their secrets
      eso        Import, emit, compare and check manifests of External Secrets Operator
      plan       Look at both stores and write the plan of a wave; changes nothing
      apply      Carry a plan out, as far as --through says; the same command resumes
      rollback   Take a wave back to before it began; not after its commit. The same command resumes
      urgent     Give a secret that was handed over one new value, from standard input; recorded. Before
                 its commit leave it out of its wave instead
      retire     Schedule deletion of the old copies of a wave that is handed over; the same command
                 resumes
      status     Show how far each wave is, what it waits for, and the next command
      verify     Look again at everything that was handed over, and compare; changes nothing
      ledger     Show or check the ledger, or free it from a run that died
      hook       Print a pre-commit configuration that keeps invalid inventories, and values in them,
                 out of Git
      vault      Describe what Vault must hold, and compare it
      rehearse   Practise a whole handover against stores built into this program

    Options:
          --environment <NAME>
              Environment of migrate.toml [variable: MIGRATE_ENVIRONMENT; default: the only one]

          --config <FILE>
              Configuration [default: migrate.toml here, or above within the repository]

          --json
              Print one JSON document on stdout, and talk on stderr only

      -v, --verbose...
              Say more; twice for every step [variable: RUST_LOG]

      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version
    --- exit 0
    ");
}

#[test]
fn help_of_apply_says_that_commit_is_asked_for_by_name() {
    shows!(Bench::new().run("migrate apply -h"), @r"
    $ migrate apply -h
    --- stdout
    Carry a plan out, as far as --through says; the same command resumes

    Usage: migrate apply [OPTIONS] [FILE]

    Arguments:
      [FILE]  Plan to apply [default: the only open one]

    Options:
          --environment <NAME>  Environment of migrate.toml [variable: MIGRATE_ENVIRONMENT; default: the
                                only one]
          --through <STEP>      How far to go; authority moves with commit, and there is no way back
                                from it [default: verify] [possible values: fence, copy, verify, commit,
                                switch, seal, complete]
          --config <FILE>       Configuration [default: migrate.toml here, or above within the
                                repository]
          --leave-out <NAME>    Let this member out of the wave: our copy and fence are taken away from
                                it, the others go on; can be repeated (recorded)
          --json                Print one JSON document on stdout, and talk on stderr only
          --mode <MODE>         Who changes the ExternalSecrets when they are switched [default: git]
                                [possible values: git, direct]
          --out <DIR>           With --mode git: folder for their manifests, as `migrate eso emit --out`
                                writes it [default: manifests]
      -v, --verbose...          Say more; twice for every step [variable: RUST_LOG]
          --layout <LAYOUT>     With --mode git: how its files are laid out [default: kustomize]
                                [possible values: kustomize, argocd, flat]
          --gone <NAME>         This ExternalSecret (NAMESPACE/NAME) is gone from the cluster, and
                                nobody reads through it; can be repeated (recorded)
          --lift-seal           Let the old copies of a sealed wave be read again, and do nothing else
                                (recorded)
      -h, --help                Print help (see more with '--help')
    --- exit 0
    ");
}

#[test]
fn a_misspelled_command_is_usage() {
    shows!(Bench::new().run("migrate aply"), @r"
    $ migrate aply
    --- stderr
    error: unrecognized subcommand 'aply'
      Usage: migrate [OPTIONS] <COMMAND>
    hint: a similar subcommand exists: 'apply'
    hint: `migrate --help` shows everything
    --- exit 64
    ");
}

#[test]
fn a_misspelled_flag_is_usage_in_json_too() {
    shows!(Bench::new().run("migrate status --ofline --json"), @r#"
    $ migrate status --ofline --json
    --- stdout
    {
      "error": {
        "exit": "usage",
        "reason": {
          "type": "usage"
        },
        "heading": "unexpected argument '--ofline' found",
        "because": [],
        "findings": [
          "Usage: migrate status --offline"
        ],
        "hints": [
          "a similar argument exists: '--offline'",
          "`migrate --help` shows everything"
        ]
      }
    }
    --- stderr
    error: unexpected argument '--ofline' found
      Usage: migrate status --offline
    hint: a similar argument exists: '--offline'
    hint: `migrate --help` shows everything
    --- exit 64
    "#);
}
