//! `migrate eso emit` without any server: what is written, kept, refused.

use crate::bench::{Bench, shows};

const CONFIGURATION: &str = r#"[environment.prod]
[environment.prod.outgoing]
region = "eu-central-1"
[environment.prod.incoming]
address = "https://vault.example:8200"
[environment.prod.eso]
version = "0.20.4"
"#;

const INVENTORY: &str = r"apiVersion: migrate/v1
secrets:
- name: platform-data/postgres/orders
  owner: team-orders
  category: data
  class: runtime
  disposition: moves
  consumers:
  - application: orders
    externalSecret: { namespace: orders, name: orders-db, reads: [extract: {}] }
";

fn bench() -> Bench {
    let bench = Bench::new();
    bench.run("migrate init --environment prod");
    bench.write("migrate.toml", CONFIGURATION);
    bench.write("secrets-inventory.yaml", INVENTORY);
    bench
}

// REQ ESO-1, ESO-2
#[test]
fn manifests_are_written_once_and_checked_afterwards() {
    let bench = bench();
    shows!(bench.run("migrate eso emit --store aws --out deploy --check"), @r"
    $ migrate eso emit --store aws --out deploy --check
    --- stdout
    would write base/external-secret.orders.orders-db.yaml
    would write base/kustomization.yaml
    would write overlays/prod/cluster-secret-store.aws-secrets-manager.yaml
    would write overlays/prod/kustomization.yaml
    would write workloads/orders/README.md
    would write workloads/orders/patch.yaml
    deploy: 0 files unchanged
    prod: for External Secrets Operator 0.20.4 (compared with its CRDs by a test)
    --- exit 2
    ");
    shows!(bench.run("migrate eso emit --store aws --out deploy"), @r"
    $ migrate eso emit --store aws --out deploy
    --- stdout
    wrote base/external-secret.orders.orders-db.yaml
    wrote base/kustomization.yaml
    wrote overlays/prod/cluster-secret-store.aws-secrets-manager.yaml
    wrote overlays/prod/kustomization.yaml
    wrote workloads/orders/README.md
    wrote workloads/orders/patch.yaml
    deploy: 0 files unchanged
    prod: for External Secrets Operator 0.20.4 (compared with its CRDs by a test)
    --- exit 0
    ");
    shows!(bench.run("migrate eso emit --store aws --out deploy --check"), @r"
    $ migrate eso emit --store aws --out deploy --check
    --- stdout
    deploy: 6 files unchanged
    prod: for External Secrets Operator 0.20.4 (compared with its CRDs by a test)
    --- exit 0
    ");
    shows!(bench.read("deploy/base/external-secret.orders.orders-db.yaml"), @r"
    # Emitted by `migrate eso emit`. Edit its input instead: an edited file is not overwritten. (7045709e46176341)
    apiVersion: external-secrets.io/v1
    kind: ExternalSecret
    metadata:
      name: orders-db
      namespace: orders
      labels:
        app.kubernetes.io/managed-by: migrate
        app.kubernetes.io/part-of: orders
      annotations:
        migrate/applications: orders
        migrate/owners: team-orders
        migrate/secrets: platform-data/postgres/orders
    spec:
      refreshPolicy: Periodic
      refreshInterval: 1h0m0s
      secretStoreRef:
        kind: ClusterSecretStore
        name: aws-secrets-manager
      target:
        creationPolicy: Owner
        deletionPolicy: Retain
        template:
          engineVersion: v2
          mergePolicy: Replace
          metadata: {}
      dataFrom:
      - extract:
          key: platform-data/postgres/orders
          conversionStrategy: Default
          decodingStrategy: None
          metadataPolicy: None
    ");
}

#[test]
fn what_somebody_edited_is_not_overwritten() {
    let bench = bench();
    bench.run("migrate eso emit --store aws --out deploy --layout flat");
    let path = "deploy/external-secret.orders.orders-db.yaml";
    bench.write(path, &bench.read(path).replace("1h0m0s", "5m0s"));
    bench.write("secrets-inventory.yaml", &INVENTORY.replace("team-orders", "team-sales"));
    shows!(bench.run("migrate eso emit --store aws --out deploy --layout flat"), @r"
    $ migrate eso emit --store aws --out deploy --layout flat
    --- stderr
    error: 1 file would be overwritten that somebody else wrote or edited
      because: nothing was written
      deploy/external-secret.orders.orders-db.yaml
    hint: move what you need out of them, or `--force` to overwrite them; `--check` shows all that would change
    --- exit 3
    ");
}

// REQ AUT-1
#[test]
fn vault_is_refused_before_the_commit_and_without_a_plan() {
    let bench = bench();
    shows!(bench.run("migrate eso emit --store vault --out deploy"), @r"
    $ migrate eso emit --store vault --out deploy
    --- stderr
    error: 1 secret is not committed to Vault
      because: an ExternalSecret that reads from Vault before the commit reads what may still change
      platform-data/postgres/orders
    hint: `migrate apply --through commit` hands them over; `--store authority` leaves them at Secrets Manager until then
    hint: `--ahead-of-commit` writes them all the same, to be applied afterwards
    --- exit 3
    ");
    shows!(bench.run("migrate eso emit --store vault --out deploy --ahead-of-commit"), @r"
    $ migrate eso emit --store vault --out deploy --ahead-of-commit
    --- stderr
    error: no plan says how to read 1 secret
      because: how a read is spelled for Vault is proved by `migrate plan`, and looked up in migrate/prod/plans
      platform-data/postgres/orders
    hint: `migrate plan` makes a plan; that of a wave which has begun is the one in Git
    --- exit 3
    ");
}

#[test]
fn an_inventory_of_which_no_manifest_can_be_made_is_refused_with_every_reason() {
    let bench = bench();
    let declared = r#"externalSecrets:
- name: orders-db
  namespace: orders
  syncWindows: { kind: deny, windows: [{ schedule: "0 0 * * *", duration: 1h }] }
  target:
    deletionPolicy: Delete
    creationPolicy: Merge
    template: { type: kubernetes.io/ssh-auth, data: { "a/b": "{{ .canary" } }
secrets:
"#;
    bench.write("secrets-inventory.yaml", &INVENTORY.replace("secrets:\n", declared));
    shows!(bench.run("migrate eso emit --store aws --out deploy"), @r#"
    $ migrate eso emit --store aws --out deploy
    --- stderr
    error: no manifests can be made of secrets-inventory.yaml (prod, 1 secret)
      because: nothing was written
      orders/orders-db: deletionPolicy Delete does not go with creationPolicy Merge: the operator's webhook refuses it
      orders/orders-db: Kubernetes refuses a key of `target.template.data`: a key of a Secret has 1 to 253 letters, digits, `-`, `_` and `.`
      orders/orders-db: the template of "a/b" does not parse: `{{` has no `}}`
      orders/orders-db: External Secrets Operator 0.20.4 has no `spec.syncWindows`; leave it out, or run a version that has it
    hint: mend them in secrets-inventory.yaml
    --- exit 3
    "#);
    bench.write("secrets-inventory.yaml", INVENTORY.split("  consumers").next().unwrap());
    shows!(bench.run("migrate eso emit --store aws --out deploy"), @r"
    $ migrate eso emit --store aws --out deploy
    --- stderr
    error: the inventory has no ExternalSecret
      because: secrets-inventory.yaml names no consumer that reads through one
    hint: `migrate eso import` takes over the ones that you have, or say who reads each secret under `consumers`
    --- exit 3
    ");
}

#[test]
fn what_was_typed_wrong_is_told() {
    let bench = bench();
    shows!(bench.run("migrate eso emit --store aws --out deploy --eso-version 3.1"), @r"
    $ migrate eso emit --store aws --out deploy --eso-version 3.1
    --- stderr
    error: invalid value '3.1' for '--eso-version <VERSION>': External Secrets Operator 3.1.0 is newer than what is known here; known are 0.17.0, 0.18.2, 0.19.2, 0.20.1, 0.20.4, 1.3.2, 2.9.0, and versions between them behave like the nearest one below
    hint: `migrate --help` shows everything
    --- exit 64
    ");
    shows!(bench.run("migrate eso emit --store aws --out deploy --helm"), @r"
    $ migrate eso emit --store aws --out deploy --helm
    --- stderr
    error: --helm goes with --layout flat
      because: Helm does not read what kustomize builds
    hint: add `--layout flat`, or leave `--helm` out
    --- exit 64
    ");
    bench.write("migrate.toml", &CONFIGURATION.replace("region = \"eu-central-1\"\n", ""));
    shows!(bench.run("migrate eso emit --store aws --out deploy"), @r"
    $ migrate eso emit --store aws --out deploy
    --- stderr
    error: migrate.toml does not say the `region` of environment prod
      because: manifests go into Git, so no variable counts for them
    hint: add `region` below [environment.prod.outgoing]
    --- exit 64
    ");
}

// REQ OPS-8
#[test]
fn every_environment_that_has_the_operator_gets_an_overlay() {
    let bench = bench();
    let second =
        CONFIGURATION.replace("prod", "test").replace("eu-central-1", "eu-west-1").replace("vault.example", "vault.test.example");
    bench.write("migrate.toml", &format!("{CONFIGURATION}{second}[environment.laptop]\n"));
    shows!(bench.run("migrate eso emit --store aws --out deploy --layout argocd"), @r"
    $ migrate eso emit --store aws --out deploy --layout argocd
    --- stdout
    wrote base/external-secret.orders.orders-db.yaml
    wrote base/kustomization.yaml
    wrote overlays/prod/cluster-secret-store.aws-secrets-manager.yaml
    wrote overlays/prod/kustomization.yaml
    wrote overlays/test/cluster-secret-store.aws-secrets-manager.yaml
    wrote overlays/test/kustomization.yaml
    wrote workloads/orders/README.md
    wrote workloads/orders/patch.yaml
    deploy: 0 files unchanged
    prod: for External Secrets Operator 0.20.4 (compared with its CRDs by a test)
    test: for External Secrets Operator 0.20.4 (compared with its CRDs by a test)
    --- exit 0
    ");
    shows!(bench.read("deploy/overlays/test/cluster-secret-store.aws-secrets-manager.yaml"), @r#"
    # Emitted by `migrate eso emit`. Edit its input instead: an edited file is not overwritten. (61de2b94884c7c58)
    apiVersion: external-secrets.io/v1
    kind: ClusterSecretStore
    metadata:
      name: aws-secrets-manager
      labels:
        app.kubernetes.io/managed-by: migrate
      annotations:
        argocd.argoproj.io/sync-wave: "-2"
    spec:
      provider:
        aws:
          service: SecretsManager
          region: eu-west-1
      conditions:
      - namespaces:
        - orders
    "#);
    shows!(bench.run("migrate eso emit --store aws --out deploy --layout flat"), @r"
    $ migrate eso emit --store aws --out deploy --layout flat
    --- stderr
    error: --layout flat is for one environment, and there are 2
    hint: name it with --environment
    --- exit 64
    ");
}
