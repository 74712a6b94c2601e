//! `[environment.NAME.eso]` and what is below it: what runs in the cluster, and the two stores that manifests name.

use std::collections::BTreeMap;

use migrate_core::{
    go_duration::GoDuration,
    inventory::external_secret::{DeletionPolicy, LabelSelector, RefreshPolicy, StoreKind},
    name::{
        VaultPath,
        kubernetes::{KubernetesName, Namespace},
    },
};
use phase1_eso::{
    store::{AwsAuth, Condition, Conditions, Identity, RoleId, SecretKeyRef, ServiceAccountRef, VaultAuth, VaultStore},
    version::EsoVersion,
};
use serde::{
    Deserialize,
    de::{IntoDeserializer as _, value::Error},
};
use toml::de::DeTable;

use super::{ConfigProblemKind, Entry, Reader};
use crate::settings::eso;

/// `[environment.NAME.eso]`
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EsoTable {
    /// `version`
    pub version: Option<EsoVersion>,
    /// `refresh_policy`
    pub refresh_policy: Option<RefreshPolicy>,
    /// `refresh_interval`
    pub refresh_interval: Option<GoDuration>,
    /// `deletion_policy`
    pub deletion_policy: Option<DeletionPolicy>,
    /// `[environment.NAME.eso.aws]`
    pub aws: AwsTable,
    /// `[environment.NAME.eso.vault]`
    pub vault: VaultTable,
}

/// `[environment.NAME.eso.aws]`: the store for Secrets Manager.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AwsTable {
    /// `store`
    pub store: Option<KubernetesName>,
    /// `kind`
    pub kind: Option<StoreKind>,
    /// `region`
    pub region: Option<String>,
    /// `role`
    pub role: Option<String>,
    /// `external_id`
    pub external_id: Option<String>,
    /// `session_tags`
    pub session_tags: BTreeMap<String, String>,
    /// `prefix`
    pub prefix: Option<String>,
    /// `service_account` or `static_keys`
    pub auth: Option<AwsAuth>,
    /// `conditions`
    pub conditions: Conditions,
}

/// `[environment.NAME.eso.vault]`: the store for Vault or OpenBao.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VaultTable {
    /// `store`
    pub store: Option<KubernetesName>,
    /// `kind`
    pub kind: Option<StoreKind>,
    /// `address`
    pub address: Option<String>,
    /// `mount`
    pub mount: Option<VaultPath>,
    /// `namespace`
    pub namespace: Option<String>,
    /// `ca`
    pub ca: Option<CaTable>,
    /// `kubernetes`, `jwt`, `app_role` or `token`
    pub auth: Option<VaultAuth>,
    /// `conditions`
    pub conditions: Conditions,
}

/// `ca` of `[environment.NAME.eso.vault]`.
#[derive(Clone, Debug, PartialEq)]
pub enum CaTable {
    /// `{ file }`: a PEM file, relative to `migrate.toml`.
    File(String),
    /// `{ config_map, namespace, key }`
    ConfigMap(SecretKeyRef),
    /// `{ secret, namespace, key }`
    Secret(SecretKeyRef),
}

const ESO: &[&str] = &["version", "refresh_policy", "refresh_interval", "deletion_policy", "aws", "vault"];
const AWS: &[&str] =
    &["store", "kind", "region", "role", "external_id", "session_tags", "prefix", "service_account", "static_keys", "conditions"];
const VAULT: &[&str] =
    &["store", "kind", "address", "mount", "namespace", "ca", "kubernetes", "jwt", "app_role", "token", "conditions"];
const SERVICE_ACCOUNT: &[&str] = &["name", "namespace", "audiences"];
const STATIC_KEYS: &[&str] = &["name", "namespace", "access_key_id", "secret_access_key", "session_token"];
const REFERENCE: &[&str] = &["name", "namespace", "key"];
const CA: &[&str] = &["file", "config_map", "secret", "namespace", "key"];
const BY_TOKEN: &[&str] = &["path", "role", "service_account", "secret"];
const APP_ROLE: &[&str] = &["path", "role_id", "role_id_secret", "secret_id"];
const CONDITION: &[&str] = &["namespaces", "namespace_regexes", "match_labels"];

impl Reader<'_> {
    pub(super) fn eso(&mut self, table: &DeTable<'_>) -> EsoTable {
        let mut read = EsoTable::default();
        self.each(table, ESO, |reader, key, value| match key {
            "version" => {
                read.version = reader.expect(
                    key,
                    value,
                    "a version of External Secrets Operator from 0.17.0 to 2.9, as in \"0.20.4\"",
                    |value| EsoVersion::parse(value.as_str()?).ok(),
                );
            }
            "refresh_policy" => read.refresh_policy = reader.word(key, value, "Periodic, OnChange or CreatedOnce"),
            "refresh_interval" => {
                read.refresh_interval = reader.expect(key, value, "a duration such as \"1h\" or \"30m\"", |value| {
                    value.as_str()?.parse().ok().filter(|interval: &GoDuration| interval.nanoseconds() >= 0)
                });
            }
            "deletion_policy" => read.deletion_policy = reader.word(key, value, "Retain, Merge or Delete"),
            "aws" => {
                if let Some(table) = reader.table(key, value) {
                    read.aws = reader.aws(table);
                }
            }
            _ => {
                if let Some(table) = reader.table(key, value) {
                    read.vault = reader.vault(table);
                }
            }
        });
        read
    }

    fn aws(&mut self, table: &DeTable<'_>) -> AwsTable {
        let mut read = AwsTable::default();
        let mut references = References::default();
        self.each(table, AWS, |reader, key, value| match key {
            "store" => read.store = reader.object(key, value),
            "kind" => read.kind = reader.kind(key, value),
            "region" => read.region = reader.text(key, value),
            "role" => {
                read.role = reader.expect(key, value, "the ARN of a role", |value| {
                    value.as_str().filter(|arn| arn.starts_with("arn:") && arn.contains(":role/")).map(str::to_owned)
                });
            }
            "external_id" => read.external_id = reader.text(key, value),
            "session_tags" => read.session_tags = reader.map(key, value).unwrap_or_default(),
            "prefix" => read.prefix = reader.text(key, value),
            "service_account" => {
                let auth = reader.service_account(key, value, &[]).map(AwsAuth::ServiceAccount);
                references.add(key, value, auth.as_ref().is_some_and(AwsAuth::names_namespace));
                reader.only(&mut read.auth, auth, value, "service_account and static_keys");
            }
            "static_keys" => {
                let auth = reader.static_keys(key, value);
                references.add(key, value, auth.as_ref().is_some_and(AwsAuth::names_namespace));
                reader.only(&mut read.auth, auth, value, "service_account and static_keys");
            }
            _ => read.conditions = reader.conditions(key, value),
        });
        references.check(self, read.kind);
        read
    }

    fn vault(&mut self, table: &DeTable<'_>) -> VaultTable {
        let mut read = VaultTable::default();
        let mut references = References::default();
        self.each(table, VAULT, |reader, key, value| match key {
            "store" => read.store = reader.object(key, value),
            "kind" => read.kind = reader.kind(key, value),
            "address" => read.address = reader.url(key, value),
            "mount" => read.mount = reader.path(key, value),
            "namespace" => read.namespace = reader.text(key, value),
            "ca" => {
                read.ca = reader.ca(key, value);
                let named = matches!(&read.ca, Some(CaTable::ConfigMap(of) | CaTable::Secret(of)) if of.namespace.is_some());
                references.add(key, value, named);
            }
            "conditions" => read.conditions = reader.conditions(key, value),
            _ => {
                let auth = match key {
                    "kubernetes" => reader.by_token(key, value, "kubernetes"),
                    "jwt" => reader.by_token(key, value, "jwt"),
                    "app_role" => reader.app_role(key, value),
                    _ => reader.reference(key, value).map(VaultAuth::Token),
                };
                references.add(key, value, auth.as_ref().is_some_and(VaultAuth::names_namespace));
                reader.only(&mut read.auth, auth, value, "kubernetes, jwt, app_role and token");
            }
        });
        references.check(self, read.kind);
        read
    }

    /// Keeps the first of several that exclude each other, and reports the others.
    fn only<T>(&mut self, kept: &mut Option<T>, read: Option<T>, value: Entry<'_, '_>, keys: &'static str) {
        match (&kept, read) {
            (Some(_), Some(_)) => self.problem(&value.span(), ConfigProblemKind::OneOf { keys }),
            (None, Some(read)) => *kept = Some(read),
            (_, None) => {}
        }
    }

    fn kind(&mut self, key: &'static str, value: Entry<'_, '_>) -> Option<StoreKind> {
        self.word(key, value, "SecretStore or ClusterSecretStore")
    }

    /// One of the words of an enum, as the API spells them.
    fn word<T: for<'de> Deserialize<'de>>(&mut self, key: &'static str, value: Entry<'_, '_>, words: &'static str) -> Option<T> {
        self.expect(key, value, words, |value| {
            let text: serde::de::value::StrDeserializer<'_, Error> = value.as_str()?.into_deserializer();
            T::deserialize(text).ok()
        })
    }

    pub(super) fn object(&mut self, key: &'static str, value: Entry<'_, '_>) -> Option<KubernetesName> {
        self.expect(key, value, "the name of an object in Kubernetes", |value| KubernetesName::parse(value.as_str()?).ok())
    }

    fn namespace(&mut self, key: &'static str, value: Entry<'_, '_>) -> Option<Namespace> {
        self.expect(key, value, "the name of a namespace in Kubernetes", |value| Namespace::parse(value.as_str()?).ok())
    }

    fn key(&mut self, key: &'static str, value: Entry<'_, '_>) -> Option<String> {
        self.expect(key, value, "a key of a Secret or ConfigMap: letters, digits, `-`, `_` and `.`", |value| {
            value.as_str().filter(|key| phase1_eso::is_secret_key(key)).map(str::to_owned)
        })
    }

    fn map(&mut self, key: &'static str, value: Entry<'_, '_>) -> Option<BTreeMap<String, String>> {
        self.expect(key, value, "a table of texts", |value| {
            let text = |(key, value): (&toml::Spanned<toml::de::DeString<'_>>, Entry<'_, '_>)| {
                Some((key.get_ref().to_string(), value.get_ref().as_str()?.to_owned()))
            };
            value.as_table()?.iter().map(text).collect()
        })
    }

    pub(super) fn service_account(
        &mut self,
        key: &'static str,
        value: Entry<'_, '_>,
        audiences: &[&str],
    ) -> Option<ServiceAccountRef> {
        let table = self.table(key, value)?;
        let (mut name, mut namespace) = (None, None);
        let mut audiences = audiences.iter().map(|audience| (*audience).to_owned()).collect();
        self.each(table, SERVICE_ACCOUNT, |reader, key, value| match key {
            "name" => name = reader.object(key, value),
            "namespace" => namespace = reader.namespace(key, value),
            _ => audiences = reader.texts(key, value).unwrap_or_default(),
        });
        let name = self.needed(table, key, "name", value, name)?;
        Some(ServiceAccountRef { name, namespace, audiences })
    }

    fn static_keys(&mut self, key: &'static str, value: Entry<'_, '_>) -> Option<AwsAuth> {
        let table = self.table(key, value)?;
        let (mut name, mut namespace, mut id, mut secret, mut session) = (None, None, None, None, None);
        self.each(table, STATIC_KEYS, |reader, key, value| match key {
            "name" => name = reader.object(key, value),
            "namespace" => namespace = reader.namespace(key, value),
            "access_key_id" => id = reader.key(key, value),
            "secret_access_key" => secret = reader.key(key, value),
            _ => session = reader.key(key, value),
        });
        let name = self.needed(table, key, "name", value, name);
        let id = self.needed(table, key, "access_key_id", value, id);
        let secret = self.needed(table, key, "secret_access_key", value, secret);
        let name = name?;
        let of = |key| SecretKeyRef { name: name.clone(), namespace: namespace.clone(), key };
        Some(AwsAuth::StaticKeys { access_key_id: of(id?), secret_access_key: of(secret?), session_token: session.map(of) })
    }

    fn reference(&mut self, key: &'static str, value: Entry<'_, '_>) -> Option<SecretKeyRef> {
        let table = self.table(key, value)?;
        let (mut name, mut namespace, mut at) = (None, None, None);
        self.each(table, REFERENCE, |reader, key, value| match key {
            "name" => name = reader.object(key, value),
            "namespace" => namespace = reader.namespace(key, value),
            _ => at = reader.key(key, value),
        });
        let (name, at) = (self.needed(table, key, "name", value, name), self.needed(table, key, "key", value, at));
        Some(SecretKeyRef { name: name?, namespace, key: at? })
    }

    fn ca(&mut self, key: &'static str, value: Entry<'_, '_>) -> Option<CaTable> {
        let table = self.table(key, value)?;
        let (mut file, mut config_map, mut secret, mut namespace, mut at) = (None, None, None, None, None);
        self.each(table, CA, |reader, key, value| match key {
            "file" => file = reader.text(key, value),
            "config_map" => config_map = reader.object(key, value),
            "secret" => secret = reader.object(key, value),
            "namespace" => namespace = reader.namespace(key, value),
            _ => at = reader.key(key, value),
        });
        let of = |name, key| SecretKeyRef { name, namespace, key };
        match (file, config_map, secret) {
            (Some(file), None, None) => Some(CaTable::File(file)),
            (None, Some(name), None) => Some(CaTable::ConfigMap(of(name, self.needed(table, key, "key", value, at)?))),
            (None, None, Some(name)) => Some(CaTable::Secret(of(name, self.needed(table, key, "key", value, at)?))),
            _ => {
                self.problem(&value.span(), ConfigProblemKind::OneOf { keys: "file, config_map and secret" });
                None
            }
        }
    }

    /// The Kubernetes and the JWT auth method: a token is shown that a ServiceAccount has, or that lies in a Secret.
    fn by_token(&mut self, key: &'static str, value: Entry<'_, '_>, method: &'static str) -> Option<VaultAuth> {
        let table = self.table(key, value)?;
        let (mut path, mut role, mut identity) = (method.to_owned(), VaultStore::ROLE.to_owned(), None);
        self.each(table, BY_TOKEN, |reader, key, value| match key {
            "path" => path = reader.path(key, value).map_or_else(String::new, |path| path.to_string()),
            "role" => role = reader.text(key, value).unwrap_or_default(),
            "service_account" => {
                let account = reader.service_account(key, value, &[VaultStore::AUDIENCE]).map(Identity::ServiceAccount);
                reader.only(&mut identity, account, value, "service_account and secret");
            }
            _ => {
                let secret = reader.reference(key, value).map(Identity::Secret);
                reader.only(&mut identity, secret, value, "service_account and secret");
            }
        });
        let identity = identity.or_else(eso::default_identity)?;
        Some(match method {
            "jwt" => VaultAuth::Jwt { path, role, identity },
            _ => VaultAuth::Kubernetes { path, role, identity },
        })
    }

    fn app_role(&mut self, key: &'static str, value: Entry<'_, '_>) -> Option<VaultAuth> {
        let table = self.table(key, value)?;
        let (mut path, mut role_id, mut secret_id) = ("approle".to_owned(), None, None);
        self.each(table, APP_ROLE, |reader, key, value| match key {
            "path" => path = reader.path(key, value).map_or_else(String::new, |path| path.to_string()),
            "role_id" => {
                let plain = reader.text(key, value).map(RoleId::Plain);
                reader.only(&mut role_id, plain, value, "role_id and role_id_secret");
            }
            "role_id_secret" => {
                let reference = reader.reference(key, value).map(RoleId::Reference);
                reader.only(&mut role_id, reference, value, "role_id and role_id_secret");
            }
            _ => secret_id = reader.reference(key, value),
        });
        let role_id = self.needed(table, key, "role_id", value, role_id);
        let secret_id = self.needed(table, key, "secret_id", value, secret_id);
        Some(VaultAuth::AppRole { path, role_id: role_id?, secret_id: secret_id? })
    }

    fn conditions(&mut self, key: &'static str, value: Entry<'_, '_>) -> Conditions {
        let items = self.expect(key, value, "a list of tables", |value| value.as_array());
        let mut listed = Vec::new();
        for item in items.into_iter().flat_map(|items| items.iter()) {
            let Some(table) = self.table("conditions[]", item) else { continue };
            let mut condition = Condition::default();
            self.each(table, CONDITION, |reader, key, value| match key {
                "namespaces" => {
                    let expected = "a list of namespaces";
                    let read = reader.expect(key, value, expected, |value| {
                        value.as_array()?.iter().map(|item| Namespace::parse(item.get_ref().as_str()?).ok()).collect()
                    });
                    condition.namespaces = read.unwrap_or_default();
                }
                "namespace_regexes" => condition.namespace_regexes = reader.texts(key, value).unwrap_or_default(),
                _ => {
                    let match_labels = reader.map(key, value).unwrap_or_default();
                    condition.namespace_selector = Some(LabelSelector { match_labels, match_expressions: Vec::new() });
                }
            });
            listed.push(condition);
        }
        Conditions::Listed(listed)
    }

    /// Reports a key that must be there; one that is there and wrong was reported already.
    pub(super) fn needed<T>(
        &mut self,
        table: &DeTable<'_>,
        of: &'static str,
        key: &'static str,
        at: Entry<'_, '_>,
        found: Option<T>,
    ) -> Option<T> {
        if found.is_none() && !table.keys().any(|there| there.get_ref() == key) {
            self.problem(&at.span(), ConfigProblemKind::Needed { of, key });
        }
        found
    }
}

/// The places that name a namespace, which a SecretStore must not: it may only use what is in its own.
#[derive(Default)]
struct References(Vec<(std::ops::Range<usize>, &'static str)>);

impl References {
    fn add(&mut self, key: &'static str, value: Entry<'_, '_>, names_namespace: bool) {
        if names_namespace {
            self.0.push((value.span(), key));
        }
    }

    fn check(self, reader: &mut Reader<'_>, kind: Option<StoreKind>) {
        if kind == Some(StoreKind::SecretStore) {
            for (at, key) in self.0 {
                reader.problem(&at, ConfigProblemKind::ForeignNamespace { key });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;

    fn problems(text: &str) -> String {
        parse(text).unwrap_err().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    // REQ OPS-1
    #[test]
    fn every_problem_of_the_stores_is_told_at_its_line_and_no_text_is_quoted() {
        let text = r#"
[environment.prod.eso]
refresh_interval = "canary"
version = "3.0"
refresh_policy = "Sometimes"
[environment.prod.eso.aws]
kind = "SecretStore"
role = "canary"
access_key = "canary"
service_account = { namespace = "kube-system", name = "eso" }
static_keys = { name = "keys", access_key_id = "id" }
conditions = [{ namespaces = ["A"] }, 3]
[environment.prod.eso.vault]
address = "https://canary:x@vault.example"
token = "canary"
kubernetes = { role = "external-secrets", secret = { name = "jwt", key = "a b" } }
app_role = { role_id = "r" }
ca = { file = "ca.pem", secret = "ca" }
"#;
        insta::assert_snapshot!(problems(text), @r#"
        line 3, column 20: `refresh_interval` takes a duration such as "1h" or "30m"
        line 4, column 11: `version` takes a version of External Secrets Operator from 0.17.0 to 2.9, as in "0.20.4"
        line 5, column 18: `refresh_policy` takes Periodic, OnChange or CreatedOnce
        line 8, column 8: `role` takes the ARN of a role
        line 9, column 1: `access_key` has no place here: this file is in Git and never holds a credential; AWS's own credential chain gives keys, `profile` names one of its profiles
        line 10, column 19: `service_account` names a namespace, and a SecretStore may only use its own; leave `namespace` out, or make it a ClusterSecretStore
        line 11, column 15: `static_keys` needs `secret_access_key`
        line 12, column 30: `namespaces` takes a list of namespaces
        line 12, column 39: `conditions[]` takes a table
        line 14, column 11: `address` holds user information; this file never holds a credential
        line 15, column 9: `token` takes a table
        line 16, column 74: `key` takes a key of a Secret or ConfigMap: letters, digits, `-`, `_` and `.`
        line 17, column 12: `app_role` needs `secret_id`
        line 18, column 6: exactly one of file, config_map and secret belongs here
        "#);
    }
}
