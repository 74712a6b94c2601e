//! `[environment.NAME.vault]`: what Vault must hold for the operator, for publishers and for a migration from within the cluster.

use migrate_core::name::{VaultPath, kubernetes::KubernetesName};
use phase1_eso::store::{ServiceAccountRef, VaultStore};
use phase2_vault::emit::TokenType;
use toml::de::{DeTable, DeValue};

use super::{Entry, Reader};

/// `[environment.NAME.vault]`: what stands in the file, nothing filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VaultNeedsTable {
    /// `kubernetes_host`
    pub kubernetes_host: Option<String>,
    /// `kubernetes_ca_cert`
    pub kubernetes_ca_cert: Option<String>,
    /// `disable_local_ca_jwt`
    pub disable_local_ca_jwt: Option<bool>,
    /// `max_versions`
    pub max_versions: Option<u32>,
    /// `cas_required`
    pub cas_required: Option<bool>,
    /// `token_ttl`, in seconds
    pub token_ttl: Option<u64>,
    /// `token_max_ttl`, in seconds
    pub token_max_ttl: Option<u64>,
    /// `token_type`
    pub token_type: Option<TokenType>,
    /// `policy_prefix`
    pub policy_prefix: Option<String>,
    /// `find`
    pub find: Option<bool>,
    /// `migration`: the ServiceAccount that migrates from within the cluster
    pub migration: Option<ServiceAccountRef>,
    /// `[[environment.NAME.vault.publishers]]`
    pub publishers: Vec<PublisherTable>,
}

/// `[[environment.NAME.vault.publishers]]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublisherTable {
    /// `name`
    pub name: KubernetesName,
    /// `service_account`, with its namespace
    pub service_account: ServiceAccountRef,
    /// `names`
    pub names: Vec<VaultPath>,
    /// `deletes`
    pub deletes: bool,
}

const VAULT: &[&str] = &[
    "kubernetes_host",
    "kubernetes_ca_cert",
    "disable_local_ca_jwt",
    "max_versions",
    "cas_required",
    "token_ttl",
    "token_max_ttl",
    "token_type",
    "policy_prefix",
    "find",
    "migration",
    "publishers",
];
const PUBLISHER: &[&str] = &["name", "service_account", "names", "deletes"];

impl Reader<'_> {
    pub(super) fn vault_needs(&mut self, table: &DeTable<'_>) -> VaultNeedsTable {
        let mut read = VaultNeedsTable::default();
        self.each(table, VAULT, |reader, key, value| match key {
            "kubernetes_host" => read.kubernetes_host = reader.url(key, value),
            "kubernetes_ca_cert" => read.kubernetes_ca_cert = reader.text(key, value),
            "disable_local_ca_jwt" => read.disable_local_ca_jwt = reader.flag(key, value),
            "max_versions" => read.max_versions = reader.versions(key, value),
            "cas_required" => read.cas_required = reader.flag(key, value),
            "token_ttl" => read.token_ttl = reader.seconds(key, value),
            "token_max_ttl" => read.token_max_ttl = reader.seconds(key, value),
            "token_type" => read.token_type = reader.token_type(key, value),
            "policy_prefix" => read.policy_prefix = reader.prefix(key, value),
            "find" => read.find = reader.flag(key, value),
            "migration" => read.migration = reader.bound(key, value),
            _ => {
                let Some(items) = reader.expect(key, value, "a list of tables", DeValue::as_array) else { return };
                for item in items {
                    if let Some(table) = reader.table(key, item) {
                        read.publishers.extend(reader.publisher(item, table));
                    }
                }
            }
        });
        read
    }

    fn publisher(&mut self, at: Entry<'_, '_>, table: &DeTable<'_>) -> Option<PublisherTable> {
        let (mut name, mut service_account, mut names, mut deletes) = (None, None, None, false);
        self.each(table, PUBLISHER, |reader, key, value| match key {
            "name" => name = reader.label(key, value),
            "service_account" => service_account = reader.bound(key, value),
            "names" => names = reader.paths(key, value),
            _ => deletes = reader.flag(key, value).unwrap_or_default(),
        });
        let name = self.needed(table, "publishers", "name", at, name);
        let service_account = self.needed(table, "publishers", "service_account", at, service_account);
        let names = self.needed(table, "publishers", "names", at, names);
        Some(PublisherTable { name: name?, service_account: service_account?, names: names?, deletes })
    }

    /// A ServiceAccount that a role can be bound to: one of one namespace.
    fn bound(&mut self, key: &'static str, value: Entry<'_, '_>) -> Option<ServiceAccountRef> {
        let account = self.service_account(key, value, &[VaultStore::AUDIENCE])?;
        self.expect(key, value, "the name of a ServiceAccount and its namespace", |_| {
            Some(account).filter(|account| account.namespace.is_some())
        })
    }

    pub(super) fn flag(&mut self, key: &'static str, value: Entry<'_, '_>) -> Option<bool> {
        self.expect(key, value, "true or false", DeValue::as_bool)
    }

    fn versions(&mut self, key: &'static str, value: Entry<'_, '_>) -> Option<u32> {
        self.expect(key, value, "a whole number from 0 (the server's default) to 1000", |value| {
            let integer = value.as_integer()?;
            u32::from_str_radix(integer.as_str(), integer.radix()).ok().filter(|count| *count <= 1000)
        })
    }

    fn seconds(&mut self, key: &'static str, value: Entry<'_, '_>) -> Option<u64> {
        let duration = self.duration(key, value)?.unsigned_abs();
        self.expect(key, value, "whole seconds, at least one", |_| Some(duration.as_secs()).filter(|seconds| *seconds > 0))
    }

    fn token_type(&mut self, key: &'static str, value: Entry<'_, '_>) -> Option<TokenType> {
        self.expect(key, value, "\"service\" or \"batch\"", |value| match value.as_str()? {
            "service" => Some(TokenType::Service),
            "batch" => Some(TokenType::Batch),
            _ => None,
        })
    }

    fn prefix(&mut self, key: &'static str, value: Entry<'_, '_>) -> Option<String> {
        self.expect(key, value, "up to 40 lower case letters, digits and hyphens", |value| {
            let is_fine = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            value.as_str().filter(|text| text.len() <= 40 && text.bytes().all(is_fine)).map(str::to_owned)
        })
    }

    /// A name that is also part of a policy's and a file's.
    fn label(&mut self, key: &'static str, value: Entry<'_, '_>) -> Option<KubernetesName> {
        self.expect(key, value, "1 to 63 lower case letters, digits and hyphens", |value| {
            KubernetesName::parse(value.as_str().filter(|text| text.len() <= 63 && !text.contains('.'))?).ok()
        })
    }

    fn paths(&mut self, key: &'static str, value: Entry<'_, '_>) -> Option<Vec<VaultPath>> {
        self.expect(key, value, "a list of paths in Vault", |value| {
            value.as_array()?.iter().map(|item| VaultPath::parse(item.get_ref().as_str()?).ok()).collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::settings::{ConfigFile, ConfigProblem, EnvironmentName, parse};

    const WHOLE: &str = r#"
        [environment.prod.vault]
        kubernetes_host = "https://10.0.0.1:6443"
        kubernetes_ca_cert = "kubernetes-ca.pem"
        disable_local_ca_jwt = false
        max_versions = 0
        cas_required = true
        token_ttl = "10m"
        token_max_ttl = "1h"
        token_type = "batch"
        policy_prefix = "prod-"
        find = true
        migration = { name = "migrate", namespace = "migrate" }
        [[environment.prod.vault.publishers]]
        name = "cnpg"
        service_account = { name = "publisher.v1", namespace = "databases" }
        names = ["platform-data/postgres/orders"]
        deletes = true
    "#;

    fn read(text: &str) -> Result<ConfigFile, Vec<ConfigProblem>> {
        parse(text)
    }

    #[test]
    fn a_whole_table_is_read() {
        let file = read(WHOLE).unwrap();
        let vault = &file.environments[&EnvironmentName::parse("prod").unwrap()].vault;
        assert_eq!((vault.token_ttl, vault.token_max_ttl, vault.max_versions), (Some(600), Some(3600), Some(0)));
        assert_eq!(vault.migration.as_ref().unwrap().name.as_str(), "migrate");
        let publisher = &vault.publishers[0];
        assert_eq!((publisher.name.as_str(), publisher.names.len(), publisher.deletes), ("cnpg", 1, true));
    }

    #[test]
    fn every_problem_is_told_at_its_line_and_no_text_is_quoted() {
        let text = "[environment.prod.vault]\nkubernetes_host = \"canary\"\ntoken_type = \"canary\"\ntoken = \"canary\"\n\
                    migration = { name = \"Canary\" }\ntoken_ttl = \"0s\"\n\
                    [[environment.prod.vault.publishers]]\nname = \"a.b\"\nnames = [\"a//canary\"]\n";
        let problems = read(text).unwrap_err().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        insta::assert_snapshot!(problems, @r#"
        line 2, column 19: `kubernetes_host` takes an address that begins with https:// (or http:// for this machine)
        line 3, column 14: `token_type` takes "service" or "batch"
        line 4, column 1: `token` has no place here: this file is in Git and never holds a credential; VAULT_TOKEN or `vault login` gives the token
        line 5, column 22: `name` takes the name of an object in Kubernetes
        line 6, column 13: `token_ttl` takes whole seconds, at least one
        line 7, column 1: `publishers` needs `service_account`
        line 8, column 8: `name` takes 1 to 63 lower case letters, digits and hyphens
        line 9, column 9: `names` takes a list of paths in Vault
        "#);
    }
}
