//! Stores that are not there, or that nobody told of.

use crate::bench::{Bench, shows};

const INVENTORY: &str = "apiVersion: migrate/v1
secrets:
- name: platform-data/mysql/orders
  category: data
  class: runtime
  disposition: moves
";

#[test]
fn no_region_and_no_address_are_told_before_anything_is_tried() {
    let bench = Bench::new();
    bench.run("migrate init");
    bench.write("secrets-inventory.yaml", INVENTORY);
    shows!(bench.run("migrate inventory import"), @r"
    $ migrate inventory import
    --- stderr
    error: can't set up access to Secrets Manager
      because: connect for Secrets Manager: no region: set `region`, AWS_REGION, or the region of the profile
    hint: set AWS_REGION, or `region` below [environment.NAME.outgoing] in migrate.toml
    --- exit 64
    ");
    shows!(bench.run("migrate plan"), @r"
    $ migrate plan
    --- stderr
    error: can't set up access to Vault
      because: no address: neither VAULT_ADDR nor BAO_ADDR is set
    hint: set VAULT_ADDR, or `address` below [environment.NAME.incoming] in migrate.toml
    --- exit 64
    ");
}

#[test]
fn no_credentials_are_told_as_such() {
    let bench = Bench::new().with("AWS_REGION", "eu-central-1");
    bench.run("migrate init");
    shows!(bench.run("migrate inventory import"), @r"
    $ migrate inventory import
    --- stderr
    error: can't list the secrets of Secrets Manager
      because: ListSecrets for the account: dispatch failure: other: the credential provider was not enabled: no credentials found in chain. Attempted: Environment: the credential provider was not enabled: environment variable not set Profile: the credential provider was not enabled WebIdentityToken: the credential provider was not enabled: $
    hint: `aws sts get-caller-identity` shows whether the credentials of this profile work
    --- exit 3
    ");
}

#[test]
fn no_token_is_told_as_such() {
    let bench = Bench::new().with("AWS_REGION", "eu-central-1").with("VAULT_ADDR", "http://127.0.0.1:1");
    bench.run("migrate init");
    bench.write("secrets-inventory.yaml", INVENTORY);
    shows!(bench.run("migrate plan"), @r"
    $ migrate plan
    --- stderr
    error: can't set up access to Vault
      because: no token: set VAULT_TOKEN, or log in so that ~/.vault-token exists
    --- exit 3
    ");
}

#[test]
fn an_unreachable_vault_is_told_and_may_pass() {
    // Port 1 of the loopback address: refused at once.
    let bench = Bench::new().with("VAULT_ADDR", "http://127.0.0.1:1").with("VAULT_TOKEN", "canary");
    bench.run("migrate init");
    shows!(bench.run("migrate ledger verify"), @r"
    $ migrate ledger verify
    --- stderr
    error: the chain is whole, but the anchor can't be read
      because: GET /v1/secret/data/… for migrate/anchor: no connection: client error (Connect): tcp connect error: Connection refused (os error 111)
    hint: `migrate status -v` shows the address and where it was set; a private CA is named by VAULT_CACERT
    hint: `--offline` checks the file alone
    --- exit 4
    ");
    shows!(bench.run("migrate ledger verify --offline"), @r"
    $ migrate ledger verify --offline
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
}

#[test]
fn apply_without_a_plan_says_how_to_make_one() {
    let bench = Bench::new();
    bench.run("migrate init");
    shows!(bench.run("migrate apply"), @r"
    $ migrate apply
    --- stderr
    error: there is no plan in migrate/default/plans
    hint: `migrate plan` makes one
    --- exit 3
    ");
}
