//! `migrate vault emit | check` without a server: what is written, and what is refused before anything is tried.

use std::process::Command;

use crate::bench::{Bench, shows};

const SETTINGS: &str = r#"[environment.prod]
[environment.prod.incoming]
mount = "team/kv"
namespace = "platform"
[environment.prod.vault]
kubernetes_host = "https://kubernetes.example.internal:6443"
kubernetes_ca_cert = "kubernetes-ca.pem"
max_versions = 10
[[environment.prod.vault.publishers]]
name = "cnpg"
service_account = { name = "publisher", namespace = "databases" }
names = ["platform-data/postgres/orders"]
"#;

const INVENTORY: &str = "apiVersion: migrate/v1
secrets:
  - {name: platform-data/postgres/orders, category: data, class: internal, disposition: moves}
  - {name: legacy/billing, nameException: three services read it, category: data, class: runtime, disposition: moves}
";

const CERTIFICATE: &str = "the cluster's\n-----BEGIN CERTIFICATE-----\nMIIBjjCCATSgAwIBAgIUMk7y\n-----END CERTIFICATE-----\n";

fn bench() -> Bench {
    let bench = Bench::new();
    bench.write("migrate.toml", SETTINGS);
    bench.write("secrets-inventory.yaml", INVENTORY);
    bench.write("kubernetes-ca.pem", CERTIFICATE);
    bench
}

// REQ VLT-3
#[test]
fn what_vault_needs_is_written_once_and_a_check_agrees() {
    let bench = bench();
    shows!(bench.run("migrate vault emit --out vault --check"), @"
    $ migrate vault emit --out vault --check
    --- stdout
    would write policies/external-secrets-read.hcl
    would write policies/migrate.hcl
    would write policies/migrate-check.hcl
    would write apply.sh
    would write vault.tf
    would write publishers/policies/publisher-cnpg.hcl
    would write publishers/apply.sh
    would write publishers/vault.tf
    vault: 0 files unchanged
    --- exit 2
    ");
    shows!(bench.run("migrate vault emit --out vault"), @"
    $ migrate vault emit --out vault
    --- stdout
    wrote policies/external-secrets-read.hcl
    wrote policies/migrate.hcl
    wrote policies/migrate-check.hcl
    wrote apply.sh
    wrote vault.tf
    wrote publishers/policies/publisher-cnpg.hcl
    wrote publishers/apply.sh
    wrote publishers/vault.tf
    vault: 0 files unchanged
    --- exit 0
    ");
    shows!(bench.run("migrate vault emit --out vault"), @"
    $ migrate vault emit --out vault
    --- stdout
    vault: 8 files unchanged
    --- exit 0
    ");
    shows!(bench.run("migrate vault emit --out vault --check"), @"
    $ migrate vault emit --out vault --check
    --- stdout
    vault: 8 files unchanged
    --- exit 0
    ");
    shows!(bench.read("vault/policies/external-secrets-read.hcl"), @r#"
    # Emitted by `migrate vault emit`. Edit its input instead: an edited file is not overwritten. (60d34a6af89a5583)
    # What External Secrets Operator may do: read what ExternalSecrets ask for.

    # values
    path "team/kv/data/platform-data/*" {
      capabilities = ["read"]
    }

    # custom metadata
    path "team/kv/metadata/platform-data/*" {
      capabilities = ["read"]
    }

    # values
    path "team/kv/data/platform-config/*" {
      capabilities = ["read"]
    }

    # custom metadata
    path "team/kv/metadata/platform-config/*" {
      capabilities = ["read"]
    }

    # values of a legacy name
    path "team/kv/data/legacy/billing" {
      capabilities = ["read"]
    }

    # custom metadata of a legacy name
    path "team/kv/metadata/legacy/billing" {
      capabilities = ["read"]
    }

    # is its own token still good
    path "auth/token/lookup-self" {
      capabilities = ["read"]
    }

    # give its own token back
    path "auth/token/revoke-self" {
      capabilities = ["update"]
    }
    "#);
    shows!(bench.read("vault/apply.sh"), @r#"
    #!/bin/sh
    # Emitted by `migrate vault emit`. Edit its input instead: an edited file is not overwritten. (122c986a291ac3b9)
    # What External Secrets Operator and `migrate` need of Vault or OpenBao, call by call. Nothing here is secret, nothing is
    # deleted, and a second run changes nothing.
    #
    # Runs as whoever you are logged in as (VAULT_ADDR, VAULT_CACERT, VAULT_TOKEN or `vault login`). VAULT_CLI=bao takes OpenBao's
    # command line.
    set -eu
    cd "$(dirname "$0")"
    vault="${VAULT_CLI:-vault}"
    export VAULT_NAMESPACE=platform BAO_NAMESPACE=platform

    # KV version 2
    if ! "$vault" read sys/mounts/team/kv >/dev/null 2>&1; then
      "$vault" secrets enable -path=team/kv -version=2 kv
      # A new mount is not ready for a moment.
      tries=0
      until "$vault" read team/kv/config >/dev/null 2>&1; do
        tries=$((tries + 1))
        if [ "$tries" -gt 30 ]; then
          echo team/kv "is not ready after 30 seconds" >&2
          exit 1
        fi
        sleep 1
      done
    fi
    # On another kind of mount the next call would write an entry.
    mount="$("$vault" read -field=type sys/mounts/team/kv) $("$vault" read -field=options sys/mounts/team/kv)"
    case "$mount" in
    "kv "*version:2*) ;;
    *)
      echo team/kv "is a mount of another kind ($mount); KV version 2 is needed" >&2
      exit 1
      ;;
    esac
    "$vault" write team/kv/config delete_version_after=0s max_versions=10

    # Logins of ServiceAccounts
    if ! "$vault" read sys/auth/kubernetes >/dev/null 2>&1; then
      "$vault" auth enable -path=kubernetes kubernetes
    fi
    ca_cert='-----BEGIN CERTIFICATE-----
    MIIBjjCCATSgAwIBAgIUMk7y
    -----END CERTIFICATE-----'
    configure() {
      "$vault" write auth/kubernetes/config kubernetes_host=https://kubernetes.example.internal:6443 \
        disable_local_ca_jwt=true \
        kubernetes_ca_cert="$ca_cert" \
        "$@"
    }
    # A write takes away a reviewer's token that is set, and nobody can read it back. So one that may be there is only replaced by another:
    # TOKEN_REVIEWER_JWT_FILE names its file. Without one, tokens are reviewed by their own right (system:auth-delegator), or by that of the
    # pod that the server runs in.
    if [ -n "${TOKEN_REVIEWER_JWT_FILE:-}" ]; then
      configure token_reviewer_jwt=@"$TOKEN_REVIEWER_JWT_FILE"
    elif ! "$vault" read auth/kubernetes/config >/dev/null 2>&1 ||
      [ "$("$vault" read -field=token_reviewer_jwt_set auth/kubernetes/config 2>/dev/null)" = false ]; then
      configure
    else
      echo "a reviewer's token is set, or may be; left alone:" auth/kubernetes/config >&2
    fi

    # What External Secrets Operator may do: read what ExternalSecrets ask for.
    "$vault" policy write external-secrets-read policies/external-secrets-read.hcl

    # What `migrate` may do: copy, mark and take back, up to commit.
    "$vault" policy write migrate policies/migrate.hcl

    # What `migrate vault check` may do: read settings, and no value.
    "$vault" policy write migrate-check policies/migrate-check.hcl

    # Who has external-secrets-read: the ServiceAccount external-secrets in namespace external-secrets
    "$vault" write auth/kubernetes/role/external-secrets bound_service_account_names=external-secrets \
      bound_service_account_namespaces=external-secrets \
      bound_service_account_namespace_selector= \
      audience=vault \
      token_policies=external-secrets-read \
      token_no_default_policy=true \
      token_ttl=600s \
      token_max_ttl=3600s \
      token_period=0s \
      token_type=service
    "#);
    shows!(bench.read("vault/vault.tf"), @r#"
    # Emitted by `migrate vault emit`. Edit its input instead: an edited file is not overwritten. (c57d8fea132b3f7a)
    # What External Secrets Operator and `migrate` need of Vault or OpenBao. What is there already is taken over by `terraform import`.

    terraform {
      required_providers {
        vault = {
          source  = "hashicorp/vault"
          version = ">= 4.0, < 6.0"
        }
      }
    }

    provider "vault" {
      namespace = "platform"
    }

    resource "vault_mount" "kv" {
      path    = "team/kv"
      type    = "kv"
      options = { version = "2" }
    }

    resource "vault_kv_secret_backend_v2" "kv" {
      mount                = vault_mount.kv.path
      delete_version_after = 0
      max_versions         = 10
    }

    resource "vault_auth_backend" "kubernetes" {
      type = "kubernetes"
      path = "kubernetes"
    }

    resource "vault_kubernetes_auth_backend_config" "kubernetes" {
      backend              = vault_auth_backend.kubernetes.path
      kubernetes_host      = "https://kubernetes.example.internal:6443"
      disable_local_ca_jwt = true

      kubernetes_ca_cert = <<-EOT
        -----BEGIN CERTIFICATE-----
        MIIBjjCCATSgAwIBAgIUMk7y
        -----END CERTIFICATE-----
      EOT

      # A reviewer's token would stand in Terraform's state: it is set by hand.
      lifecycle {
        ignore_changes = [token_reviewer_jwt]
      }
    }

    resource "vault_policy" "external-secrets-read" {
      name   = "external-secrets-read"
      policy = file("${path.module}/policies/external-secrets-read.hcl")
    }

    resource "vault_policy" "migrate" {
      name   = "migrate"
      policy = file("${path.module}/policies/migrate.hcl")
    }

    resource "vault_policy" "migrate-check" {
      name   = "migrate-check"
      policy = file("${path.module}/policies/migrate-check.hcl")
    }

    resource "vault_kubernetes_auth_backend_role" "operator" {
      backend                          = vault_auth_backend.kubernetes.path
      role_name                        = "external-secrets"
      bound_service_account_names      = ["external-secrets"]
      bound_service_account_namespaces = ["external-secrets"]
      audience                         = "vault"
      token_policies                   = [vault_policy.external-secrets-read.name]
      token_no_default_policy          = true
      token_ttl                        = 600
      token_max_ttl                    = 3600
      token_type                       = "service"
    }
    "#);
    shows!(bench.read("vault/publishers/policies/publisher-cnpg.hcl"), @r#"
    # Emitted by `migrate vault emit`. Edit its input instead: an edited file is not overwritten. (e53e825ed3431ed4)
    # What one publisher may do: write its own keys, one by one.

    # its value
    path "team/kv/data/platform-data/postgres/orders" {
      capabilities = ["create", "read", "update"]
    }

    # who manages it
    path "team/kv/metadata/platform-data/postgres/orders" {
      capabilities = ["create", "read", "update"]
    }

    # is its own token still good
    path "auth/token/lookup-self" {
      capabilities = ["read"]
    }

    # give its own token back
    path "auth/token/revoke-self" {
      capabilities = ["update"]
    }
    "#);
    shows!(bench.read("vault/publishers/apply.sh"), @r#"
    #!/bin/sh
    # Emitted by `migrate vault emit`. Edit its input instead: an edited file is not overwritten. (4d32871f291d41dd)
    # What publishers need to write their keys. Apply it when the handover of these keys is complete, and not before: until then
    # another system is their authority, and two would accept values. A second run changes nothing.
    #
    # Runs as whoever you are logged in as (VAULT_ADDR, VAULT_CACERT, VAULT_TOKEN or `vault login`). VAULT_CLI=bao takes OpenBao's
    # command line.
    set -eu
    cd "$(dirname "$0")"
    vault="${VAULT_CLI:-vault}"
    export VAULT_NAMESPACE=platform BAO_NAMESPACE=platform

    # What one publisher may do: write its own keys, one by one.
    "$vault" policy write publisher-cnpg policies/publisher-cnpg.hcl

    # Who has publisher-cnpg: the ServiceAccount publisher in namespace databases
    "$vault" write auth/kubernetes/role/publisher-cnpg bound_service_account_names=publisher \
      bound_service_account_namespaces=databases \
      bound_service_account_namespace_selector= \
      audience=vault \
      token_policies=publisher-cnpg \
      token_no_default_policy=true \
      token_ttl=600s \
      token_max_ttl=3600s \
      token_period=0s \
      token_type=service
    "#);
}

#[test]
fn both_scripts_are_shell() {
    let bench = bench();
    bench.run("migrate vault emit --out vault");
    for script in ["vault/apply.sh", "vault/publishers/apply.sh"] {
        let status = Command::new("sh").arg("-n").arg(bench.path(script)).status().expect("a shell");
        assert!(status.success(), "{script}");
    }
}

#[test]
fn an_edited_file_is_not_overwritten_unless_that_is_asked_for() {
    let bench = bench();
    bench.run("migrate vault emit --out vault");
    bench.write("vault/apply.sh", "#!/bin/sh\necho mine\n");
    shows!(bench.run("migrate vault emit --out vault"), @"
    $ migrate vault emit --out vault
    --- stderr
    error: 1 file would be overwritten that somebody else wrote or edited
      because: nothing was written
      vault/apply.sh
    hint: move what you need out of them, or `--force` to overwrite them; `--check` shows all that would change
    --- exit 3
    ");
    shows!(bench.run("migrate vault emit --out vault --check"), @"
    $ migrate vault emit --out vault --check
    --- stdout
    would write apply.sh (edited by hand)
    vault: 7 files unchanged
    --- exit 2
    ");
    assert!(bench.read("vault/apply.sh").contains("mine"));
    // Without publishers their folder goes, too.
    bench.write("migrate.toml", SETTINGS.split("[[").next().unwrap_or_default());
    shows!(bench.run("migrate vault emit --out vault --force"), @"
    $ migrate vault emit --out vault --force
    --- stdout
    wrote apply.sh (edited by hand)
    removed publishers/apply.sh
    removed publishers/policies/publisher-cnpg.hcl
    removed publishers/vault.tf
    vault: 4 files unchanged
    --- exit 0
    ");
    assert!(!bench.path("vault/publishers").exists());
}

#[test]
fn what_can_not_be_described_is_refused_before_anything_is_written() {
    let bench = bench();
    let refused = |settings: &str| {
        bench.write("migrate.toml", settings);
        bench.run("migrate vault emit --out vault")
    };
    shows!(refused("[environment.prod]\n"), @"
    $ migrate vault emit --out vault
    --- stderr
    error: it is not known where Vault reaches the Kubernetes API
    hint: set `kubernetes_host` below [environment.prod.vault] in migrate.toml
    --- exit 64
    ");
    shows!(refused("[environment.prod]\nvault = { kubernetes_host = \"https://kubernetes.example.internal\" }\n"), @"
    $ migrate vault emit --out vault
    --- stderr
    error: can't describe what Vault must hold
      because: a server outside of the cluster must be told the CA of the Kubernetes API
    hint: set `kubernetes_ca_cert`, or `disable_local_ca_jwt = false` where Vault runs in that cluster, below [environment.NAME.vault]
    --- exit 64
    ");
    shows!(refused(&SETTINGS.replace("kubernetes-ca.pem", "nowhere.pem")), @"
    $ migrate vault emit --out vault
    --- stderr
    error: there is no file nowhere.pem, which `kubernetes_ca_cert` names
    hint: `kubectl config view --raw --minify --flatten` has it, as certificate-authority-data in base64
    --- exit 64
    ");
    bench.write("key.pem", "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----\n");
    shows!(refused(&SETTINGS.replace("kubernetes-ca.pem", "key.pem")), @"
    $ migrate vault emit --out vault
    --- stderr
    error: can't describe what Vault must hold
      because: key.pem is no PEM file of certificates alone
    hint: mend migrate.toml, or the name in the inventory; nothing was written
    --- exit 64
    ");
    shows!(refused(&SETTINGS.replace("platform-data/postgres/orders", "platform-data/*")), @r#"
    $ migrate vault emit --out vault
    --- stderr
    error: can't describe what Vault must hold
      because: "platform-data/*" would be a pattern in a policy: no part of a path may be "+", and none may hold "*" or "{"
    hint: mend migrate.toml, or the name in the inventory; nothing was written
    --- exit 64
    "#);
    shows!(refused(&SETTINGS.replace("platform-data/postgres/orders", "migrate/anchor")), @r#"
    $ migrate vault emit --out vault
    --- stderr
    error: can't describe what Vault must hold
      because: "migrate/anchor" is the ledger's anchor, which nobody publishes
    hint: mend migrate.toml, or the name in the inventory; nothing was written
    --- exit 64
    "#);
    shows!(refused(&SETTINGS.replace("names = [\"platform-data/postgres/orders\"]", "names = []")), @"
    $ migrate vault emit --out vault
    --- stderr
    error: can't describe what Vault must hold
      because: the publisher cnpg names no key, or one key twice
    hint: mend migrate.toml, or the name in the inventory; nothing was written
    --- exit 64
    ");
    shows!(refused(&(SETTINGS.to_owned() + "[[environment.prod.vault.publishers]]\nname = \"other\"\nservice_account = { name = \"a\", namespace = \"b\" }\nnames = [\"platform-data/postgres/orders\"]\n")), @r#"
    $ migrate vault emit --out vault
    --- stderr
    error: can't describe what Vault must hold
      because: the key "platform-data/postgres/orders" has two publishers
    hint: mend migrate.toml, or the name in the inventory; nothing was written
    --- exit 64
    "#);
    shows!(refused(&(SETTINGS.to_owned() + "[[environment.prod.vault.publishers]]\nname = \"half\"\n")), @"
    $ migrate vault emit --out vault
    --- stderr
    error: migrate.toml can't be used
      migrate.toml:13:1: `publishers` needs `service_account`
      migrate.toml:13:1: `publishers` needs `names`
    hint: mend these lines; nothing was tried
    --- exit 64
    ");
    bench.write("secrets-inventory.yaml", &INVENTORY.replace("legacy/billing", "legacy/+/billing"));
    shows!(refused(SETTINGS), @r#"
    $ migrate vault emit --out vault
    --- stderr
    error: can't describe what Vault must hold
      because: "legacy/+/billing" would be a pattern in a policy: no part of a path may be "+", and none may hold "*" or "{"
    hint: mend migrate.toml, or the name in the inventory; nothing was written
    --- exit 64
    "#);
    assert!(!bench.path("vault").exists());
}

#[test]
fn a_server_that_does_not_answer_is_no_difference() {
    let bench = bench().with("VAULT_ADDR", "https://127.0.0.1:1").with("VAULT_TOKEN", "canary");
    bench.run("migrate init");
    let whole = bench.run("migrate vault check");
    assert!(whole.contains("error: can't compare the server") && whole.ends_with("--- exit 4"), "{whole}");
}
