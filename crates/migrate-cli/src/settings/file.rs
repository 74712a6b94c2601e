//! `migrate.toml`: its shape, and everything that can be wrong with it, each at its line. A text of the file is never quoted where it could
//! be a token or a value: only keys and our own words are.

mod cluster;
mod eso;
mod vault;

use std::{collections::BTreeMap, fmt, ops::Range};

use driver::ledger_git::{RefName, RemoteName};
use jiff::SignedDuration;
use migrate_core::{name::VaultPath, plan::FenceMode};
use phase0_sdk::Probe;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use self::cluster::ClusterTable;
pub use self::{
    eso::{AwsTable, CaTable, EsoTable, VaultTable},
    vault::{PublisherTable, VaultNeedsTable},
};
use super::name::EnvironmentName;

/// A whole file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConfigFile {
    /// Every environment.
    pub environments: BTreeMap<EnvironmentName, EnvironmentTable>,
}

/// `[environment.NAME]`: what stands in the file, nothing filled in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EnvironmentTable {
    /// `inventory`
    pub inventory: Option<String>,
    /// `ledger`
    pub ledger: Option<String>,
    /// `plans`
    pub plans: Option<String>,
    /// `[environment.NAME.shared]`, where there is one
    pub shared: Option<SharedTable>,
    /// `[environment.NAME.outgoing]`
    pub outgoing: OutgoingTable,
    /// `[environment.NAME.incoming]`
    pub incoming: IncomingTable,
    /// `[environment.NAME.eso]`, where there is one
    pub eso: Option<EsoTable>,
    /// `[environment.NAME.cluster]`, where there is one
    pub cluster: Option<ClusterTable>,
    /// `[environment.NAME.vault]`
    pub vault: VaultNeedsTable,
}

/// `[environment.NAME.shared]`: the ledger is shared through a Git remote.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SharedTable {
    /// `remote`
    pub remote: Option<RemoteName>,
    /// `ref`
    pub reference: Option<RefName>,
}

/// `[environment.NAME.outgoing]`: Secrets Manager.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OutgoingTable {
    /// `region`
    pub region: Option<String>,
    /// `profile`
    pub profile: Option<String>,
    /// `endpoint_url`
    pub endpoint_url: Option<String>,
    /// `exempt_principals`
    pub exempt_principals: Option<Vec<String>>,
    /// `settle`
    pub settle: Option<SignedDuration>,
    /// `fence`
    pub fence: Option<FenceMode>,
    /// `rotation_wait`
    pub rotation_wait: Option<SignedDuration>,
    /// `seal_wait`
    pub seal_wait: Option<SignedDuration>,
    /// `cloudtrail`
    pub cloudtrail: Option<bool>,
    /// `probe_role` or `probe_profile`
    pub probe: Option<Probe>,
    /// `quota_share`, above 0
    pub quota_share: Option<f64>,
    /// `concurrency`
    pub concurrency: Option<usize>,
}

/// `[environment.NAME.incoming]`: Vault or OpenBao.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IncomingTable {
    /// `address`
    pub address: Option<String>,
    /// `namespace`
    pub namespace: Option<String>,
    /// `mount`
    pub mount: Option<VaultPath>,
    /// `ca_cert`
    pub ca_cert: Option<String>,
    /// `anchor`
    pub anchor: Option<VaultPath>,
    /// `administrators`
    pub administrators: Option<Vec<String>>,
    /// `policies_declared`
    pub policies_declared: Option<bool>,
    /// `concurrency`
    pub concurrency: Option<usize>,
}

/// One thing that is wrong with the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigProblem {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub kind: ConfigProblemKind,
}

/// What can be wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigProblemKind {
    /// No TOML. Holds the parser's fixed words.
    #[error("not TOML: {0}")]
    Syntax(String),
    /// A key that is not known here.
    #[error("unknown key `{key}`; known here: {}", .known.join(", "))]
    UnknownKey {
        /// The key.
        key: String,
        /// What is known.
        known: &'static [&'static str],
    },
    /// A key under which people keep credentials.
    #[error("`{key}` has no place here: this file is in Git and never holds a credential; {instead}")]
    Credential {
        /// The key.
        key: String,
        /// Where it belongs.
        instead: &'static str,
    },
    /// Another kind of thing belongs here.
    #[error("`{key}` takes {expected}")]
    Kind {
        /// The key.
        key: &'static str,
        /// What belongs here.
        expected: &'static str,
    },
    /// The name of an environment.
    #[error("an environment's name has 1 to 40 lower case letters, digits and hyphens")]
    EnvironmentName,
    /// Several keys that exclude each other, or none of them.
    #[error("exactly one of {keys} belongs here")]
    OneOf {
        /// The keys.
        keys: &'static str,
    },
    /// A key that must be there.
    #[error("`{of}` needs `{key}`")]
    Needed {
        /// The table.
        of: &'static str,
        /// The key.
        key: &'static str,
    },
    /// A namespace where only the store's own is meant.
    #[error(
        "`{key}` names a namespace, and a SecretStore may only use its own; leave `namespace` out, or make it a ClusterSecretStore"
    )]
    ForeignNamespace {
        /// The key.
        key: &'static str,
    },
    /// User and password in an address.
    #[error("`{key}` holds user information; this file never holds a credential")]
    UserInformation {
        /// The key.
        key: &'static str,
    },
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.kind)
    }
}

const ROOT: &[&str] = &["environment"];
const ENVIRONMENT: &[&str] = &["inventory", "ledger", "plans", "shared", "outgoing", "incoming", "eso", "cluster", "vault"];
const SHARED: &[&str] = &["remote", "ref"];
const OUTGOING: &[&str] = &[
    "region",
    "profile",
    "endpoint_url",
    "exempt_principals",
    "settle",
    "fence",
    "rotation_wait",
    "seal_wait",
    "cloudtrail",
    "probe_role",
    "probe_profile",
    "quota_share",
    "concurrency",
];
const INCOMING: &[&str] =
    &["address", "namespace", "mount", "ca_cert", "anchor", "administrators", "policies_declared", "concurrency"];

/// Parts of a key that say that a credential stands behind it, and where that belongs.
const CREDENTIALS: [(&str, &str); 7] = [
    ("token", "VAULT_TOKEN or `vault login` gives the token"),
    ("secret", "AWS's own credential chain gives keys, `profile` names one of its profiles"),
    ("access_key", "AWS's own credential chain gives keys, `profile` names one of its profiles"),
    ("password", "VAULT_TOKEN or `vault login` gives the token"),
    ("credential", "AWS's own credential chain gives keys, `profile` names one of its profiles"),
    ("private_key", "VAULT_CLIENT_KEY names the file of a client certificate's key"),
    ("skip_verify", "certificates are always verified; name a private CA with `ca_cert`"),
];

/// Parses the file.
///
/// # Errors
/// Every [`ConfigProblem`], in the order of lines.
pub fn parse(text: &str) -> Result<ConfigFile, Vec<ConfigProblem>> {
    let mut reader = Reader { text, problems: Vec::new() };
    let file = match DeTable::parse(text) {
        Ok(root) => reader.root(root.get_ref()),
        Err(error) => {
            let at = error.span().unwrap_or(0..0);
            // toml's message speaks of the grammar; its Display would show the line.
            reader.problem(&at, ConfigProblemKind::Syntax(error.message().lines().next().unwrap_or_default().to_owned()));
            ConfigFile::default()
        }
    };
    reader.problems.sort_by_key(|problem| (problem.line, problem.column));
    if reader.problems.is_empty() { Ok(file) } else { Err(reader.problems) }
}

struct Reader<'t> {
    text: &'t str,
    problems: Vec<ConfigProblem>,
}

type Entry<'a, 'i> = &'a Spanned<DeValue<'i>>;

impl Reader<'_> {
    fn problem(&mut self, at: &Range<usize>, kind: ConfigProblemKind) {
        let before = self.text.get(..at.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        self.problems.push(ConfigProblem { line, column, kind });
    }

    fn root(&mut self, table: &DeTable<'_>) -> ConfigFile {
        let mut file = ConfigFile::default();
        self.each(table, ROOT, |reader, _, value| {
            let Some(environments) = reader.table("environment", value) else { return };
            for (name, value) in environments {
                match EnvironmentName::parse(name.get_ref()) {
                    Some(parsed) => {
                        if let Some(table) = reader.table("environment.NAME", value) {
                            let table = reader.environment(table);
                            file.environments.insert(parsed, table);
                        }
                    }
                    None => reader.problem(&name.span(), ConfigProblemKind::EnvironmentName),
                }
            }
        });
        file
    }

    fn environment(&mut self, table: &DeTable<'_>) -> EnvironmentTable {
        let mut read = EnvironmentTable::default();
        self.each(table, ENVIRONMENT, |reader, key, value| match key {
            "inventory" => read.inventory = reader.text(key, value),
            "ledger" => read.ledger = reader.text(key, value),
            "plans" => read.plans = reader.text(key, value),
            "shared" => {
                if let Some(table) = reader.table(key, value) {
                    read.shared = Some(reader.shared(table));
                }
            }
            "outgoing" => {
                if let Some(table) = reader.table(key, value) {
                    read.outgoing = reader.outgoing(table);
                }
            }
            "eso" => {
                if let Some(table) = reader.table(key, value) {
                    read.eso = Some(reader.eso(table));
                }
            }
            "cluster" => {
                if let Some(table) = reader.table(key, value) {
                    read.cluster = Some(reader.cluster(table));
                }
            }
            "incoming" => {
                if let Some(table) = reader.table(key, value) {
                    read.incoming = reader.incoming(table);
                }
            }
            _ => {
                if let Some(table) = reader.table(key, value) {
                    read.vault = reader.vault_needs(table);
                }
            }
        });
        read
    }

    fn shared(&mut self, table: &DeTable<'_>) -> SharedTable {
        let mut read = SharedTable::default();
        self.each(table, SHARED, |reader, key, value| match key {
            "remote" => {
                read.remote = reader
                    .expect(key, value, "the name of a Git remote, not its address", |value| RemoteName::parse(value.as_str()?));
            }
            _ => {
                read.reference = reader
                    .expect(key, value, "a whole ref such as \"refs/migrate/prod\"", |value| RefName::parse(value.as_str()?));
            }
        });
        read
    }

    fn outgoing(&mut self, table: &DeTable<'_>) -> OutgoingTable {
        let mut read = OutgoingTable::default();
        self.each(table, OUTGOING, |reader, key, value| match key {
            "region" => read.region = reader.text(key, value),
            "profile" => read.profile = reader.text(key, value),
            "endpoint_url" => read.endpoint_url = reader.url(key, value),
            "exempt_principals" => read.exempt_principals = reader.texts(key, value),
            "settle" => read.settle = reader.duration(key, value),
            "fence" => {
                read.fence =
                    reader.expect(key, value, "\"resource-policy\", \"tag\" or \"external\"", |value| match value.as_str()? {
                        "resource-policy" => Some(FenceMode::ResourcePolicy),
                        "tag" => Some(FenceMode::Tag),
                        "external" => Some(FenceMode::External),
                        _ => None,
                    });
            }
            "rotation_wait" => read.rotation_wait = reader.duration(key, value),
            "seal_wait" => read.seal_wait = reader.duration(key, value),
            "cloudtrail" => read.cloudtrail = reader.flag(key, value),
            "probe_role" | "probe_profile" => {
                let named = reader.text(key, value);
                if read.probe.is_some() {
                    let keys = "`probe_role` and `probe_profile`";
                    reader.problem(&value.span(), ConfigProblemKind::OneOf { keys });
                }
                read.probe = named.map(if key == "probe_role" { Probe::Role } else { Probe::Profile });
            }
            "quota_share" => read.quota_share = reader.share(key, value),
            _ => read.concurrency = reader.count(key, value),
        });
        read
    }

    fn incoming(&mut self, table: &DeTable<'_>) -> IncomingTable {
        let mut read = IncomingTable::default();
        self.each(table, INCOMING, |reader, key, value| match key {
            "address" => read.address = reader.url(key, value),
            "namespace" => read.namespace = reader.text(key, value),
            "mount" => read.mount = reader.path(key, value),
            "ca_cert" => read.ca_cert = reader.text(key, value),
            "anchor" => read.anchor = reader.path(key, value),
            "administrators" => read.administrators = reader.texts(key, value),
            "policies_declared" => read.policies_declared = reader.flag(key, value),
            _ => read.concurrency = reader.count(key, value),
        });
        read
    }

    /// Visits the known keys and reports the others.
    fn each(
        &mut self,
        table: &DeTable<'_>,
        known: &'static [&'static str],
        mut visit: impl FnMut(&mut Self, &'static str, Entry<'_, '_>),
    ) {
        for (key, value) in table {
            let name: &str = key.get_ref();
            if let Some(known) = known.iter().find(|known| **known == name) {
                visit(self, known, value);
                continue;
            }
            let spelled = name.to_ascii_lowercase().replace('-', "_");
            let credential = CREDENTIALS.iter().find(|(part, _)| spelled.contains(part));
            let kind = match credential {
                Some((_, instead)) => ConfigProblemKind::Credential { key: shortened(name), instead },
                None => ConfigProblemKind::UnknownKey { key: shortened(name), known },
            };
            self.problem(&key.span(), kind);
        }
    }

    fn table<'a, 'i>(&mut self, key: &'static str, value: Entry<'a, 'i>) -> Option<&'a DeTable<'i>> {
        self.expect(key, value, "a table", DeValue::as_table)
    }

    fn text(&mut self, key: &'static str, value: Entry<'_, '_>) -> Option<String> {
        self.expect(key, value, "a text that is not empty", |value| {
            value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
        })
    }

    fn texts(&mut self, key: &'static str, value: Entry<'_, '_>) -> Option<Vec<String>> {
        self.expect(key, value, "a list of texts", |value| {
            value.as_array()?.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect()
        })
    }

    fn url(&mut self, key: &'static str, value: Entry<'_, '_>) -> Option<String> {
        let url = self.expect(key, value, "an address that begins with https:// (or http:// for this machine)", |value| {
            value.as_str().filter(|text| text.starts_with("https://") || text.starts_with("http://")).map(str::to_owned)
        })?;
        if super::has_user_information(&url) {
            self.problem(&value.span(), ConfigProblemKind::UserInformation { key });
            return None;
        }
        Some(url)
    }

    fn path(&mut self, key: &'static str, value: Entry<'_, '_>) -> Option<VaultPath> {
        self.expect(key, value, "a path in Vault, without slash at its beginning or end", |value| {
            VaultPath::parse(value.as_str()?).ok()
        })
    }

    fn duration(&mut self, key: &'static str, value: Entry<'_, '_>) -> Option<SignedDuration> {
        self.expect(key, value, "a duration such as \"5m\" or \"90s\"", |value| {
            value.as_str()?.parse().ok().filter(|duration: &SignedDuration| !duration.is_negative())
        })
    }

    fn count(&mut self, key: &'static str, value: Entry<'_, '_>) -> Option<usize> {
        self.expect(key, value, "a whole number from 1 to 1000", |value| {
            let integer = value.as_integer()?;
            usize::from_str_radix(integer.as_str(), integer.radix()).ok().filter(|count| (1..=1000).contains(count))
        })
    }

    fn share(&mut self, key: &'static str, value: Entry<'_, '_>) -> Option<f64> {
        self.expect(key, value, "a number above 0, 0.8 meaning 80 % of each quota", |value| {
            let number = value.as_float().map(|float| float.as_str().to_owned());
            let number = number.or_else(|| value.as_integer().map(|integer| integer.as_str().to_owned()))?;
            number.parse().ok().filter(|share: &f64| (0.01..=100.0).contains(share))
        })
    }

    fn expect<'a, 'i, T>(
        &mut self,
        key: &'static str,
        value: Entry<'a, 'i>,
        expected: &'static str,
        read: impl FnOnce(&'a DeValue<'i>) -> Option<T>,
    ) -> Option<T> {
        let found = read(value.get_ref());
        if found.is_none() {
            self.problem(&value.span(), ConfigProblemKind::Kind { key, expected });
        }
        found
    }
}

/// A key as far as it is safe to repeat: what is longer than any key of ours was hardly meant as one.
fn shortened(key: &str) -> String {
    match key.char_indices().nth(24) {
        Some((end, _)) => format!("{}…", &key[..end]),
        None => key.to_owned(),
    }
}

#[cfg(test)]
mod tests;
