//! The description: what is wanted, in an operator's words, and what follows from it, in Vault's.

use std::collections::BTreeSet;

use migrate_core::name::{
    VaultPath,
    kubernetes::{KubernetesName, Namespace},
};
use serde::Serialize;

use super::policy::Policy;

/// What an environment says about its Vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Namespace of Vault Enterprise or OpenBao in which everything lies.
    pub namespace: Option<String>,
    /// The KV v2 mount.
    pub mount: Mount,
    /// The auth method.
    pub auth: KubernetesAuth,
    /// Where the ledger's anchor is kept below the mount.
    pub anchor: VaultPath,
    /// What the operator may read and a migration may write below: `platform-data`, `platform-config`.
    pub trees: Vec<VaultPath>,
    /// Names outside the trees that are listed as exceptions (REQ NAM-3), each with a line of its own.
    pub legacy: Vec<VaultPath>,
    /// The role that the store names.
    pub role: String,
    /// The operator's account.
    pub operator: Account,
    /// Whether ExternalSecrets use `find`, which lists.
    pub may_find: bool,
    /// The account that migrates from within the cluster; without it a token of the policy does.
    pub migration: Option<Account>,
    /// Who may write after the handover is complete.
    pub publishers: Vec<Publisher>,
    /// How long logins last.
    pub tokens: Tokens,
    /// What the names of all policies begin with, for environments that share a Vault.
    pub policy_prefix: String,
}

/// The KV v2 mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Its path.
    pub path: VaultPath,
    /// Versions kept of each entry, 0 for the server's default of 10; `None` leaves what is set.
    pub max_versions: Option<u32>,
    /// Whether every write must be check-and-set; `None` leaves what is set.
    pub cas_required: Option<bool>,
}

/// The auth method of type `kubernetes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubernetesAuth {
    /// Its path below `auth/`.
    pub path: VaultPath,
    /// Address of the Kubernetes API as the server reaches it.
    pub host: String,
    /// Authority of the API's certificate; `None` only where the server runs in that cluster.
    pub ca_cert: Option<Authority>,
    /// Whether the server leaves alone the token and CA of the pod that it runs in: true outside of the cluster.
    pub disable_local_ca_jwt: bool,
}

/// Certificates of an authority: public, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    /// The file that they came from, as an operator would type it.
    pub file: String,
    /// The certificates as PEM, with a line feed at the end.
    pub pem: String,
}

impl Authority {
    /// Takes the certificates out of a PEM file; what stands around them is left out.
    ///
    /// # Errors
    /// [`NeedsError::NoCertificate`] where there is none, or anything else that PEM can hold: a private key would be published.
    pub fn parse(file: &str, text: &str) -> Result<Self, NeedsError> {
        const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
        const END: &str = "-----END CERTIFICATE-----";
        let mut pem = String::new();
        let mut is_inside = false;
        let mut is_certificates = !text.is_empty();
        for line in text.lines().map(str::trim) {
            match line {
                BEGIN => is_certificates &= !std::mem::replace(&mut is_inside, true),
                END => is_certificates &= std::mem::replace(&mut is_inside, false),
                _ if line.starts_with("-----") => is_certificates = false,
                _ if is_inside => {
                    is_certificates &= line.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
                }
                _ => continue,
            }
            pem += line;
            pem.push('\n');
        }
        if is_certificates && !is_inside && !pem.is_empty() {
            Ok(Self { file: file.to_owned(), pem })
        } else {
            Err(NeedsError::NoCertificate(file.to_owned()))
        }
    }
}

/// A ServiceAccount that may log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its name.
    pub name: KubernetesName,
    /// Its namespace.
    pub namespace: Namespace,
    /// The audience that its tokens are made for; `None` takes any.
    pub audience: Option<String>,
}

/// Who may write keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publisher {
    /// Names its role and policy: `publisher-NAME`.
    pub name: KubernetesName,
    /// The account that its PushSecrets' store logs in with.
    pub account: Account,
    /// The keys, one by one.
    pub names: Vec<VaultPath>,
    /// Whether its PushSecrets delete (`deletionPolicy: Delete`), which purges every version.
    pub deletes: bool,
}

/// How long logins last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// Seconds until a token must be renewed.
    pub ttl_seconds: u64,
    /// Seconds until it can't be renewed any more.
    pub max_ttl_seconds: u64,
    /// Stored by the server and revocable, or neither.
    pub token_type: TokenType,
}

/// Kind of the tokens that a login gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenType {
    /// Stored, renewable, revocable.
    Service,
    /// Not stored: cheap for the server, and good until its time is over.
    Batch,
}

impl TokenType {
    /// The word of the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Batch => "batch",
        }
    }
}

/// One thing that the server must hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case", tag = "type", content = "name")]
pub enum Place {
    /// The mount.
    Mount,
    /// Its settings.
    MountConfig,
    /// The auth method.
    Auth,
    /// Its settings.
    AuthConfig,
    /// A policy.
    Policy(String),
    /// A role of the auth method.
    Role(String),
}

/// What the server must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needs {
    /// Namespace in which everything lies.
    pub namespace: Option<String>,
    /// The mount.
    pub mount: Mount,
    /// The auth method.
    pub auth: KubernetesAuth,
    /// From the start: the operator, the migration, the check.
    pub now: Grants,
    /// Once the handover is complete, and not before: until then another system counts (REQ AUT-1).
    pub publishers: Grants,
    /// What the policies are about, as patterns: who else reaches it is worth knowing (REQ AUT-9).
    pub protected: Vec<String>,
}

/// Policies, and roles that carry them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// The policies.
    pub policies: Vec<Policy>,
    /// The roles.
    pub roles: Vec<Role>,
}

/// A role of the auth method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Who may log in.
    pub account: Account,
    /// Its only policy.
    pub policy: String,
    /// How long a login lasts.
    pub tokens: Tokens,
}

/// Why nothing follows from what is wanted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NeedsError {
    /// A policy would read it as a pattern and grant more than was meant.
    #[error("{0:?} would be a pattern in a policy: no part of a path may be \"+\", and none may hold \"*\" or \"{{\"")]
    Wildcard(String),
    /// Two roles of one name.
    #[error("the role {0} is described twice; give each publisher a name of its own")]
    RoleTwice(String),
    /// A publisher without keys, or with one twice.
    #[error("the publisher {0} names no key, or one key twice")]
    Keys(String),
    /// Two publishers of one key: neither is in charge.
    #[error("the key {0:?} has two publishers")]
    TwoPublishers(String),
    /// The server refuses it (OpenBao 2.7.2): it has neither a CA of its pod nor another.
    #[error("a server outside of the cluster must be told the CA of the Kubernetes API")]
    NoAuthority,
    /// Not a PEM file of certificates alone. Quotes nothing of it.
    #[error("{0} is no PEM file of certificates alone")]
    NoCertificate(String),
    /// A publisher of the ledger's anchor.
    #[error("{0:?} is the ledger's anchor, which nobody publishes")]
    Anchor(String),
}

impl Wanted {
    /// The name of a policy, with the environment's prefix.
    pub(super) fn policy_name(&self, name: &str) -> String {
        format!("{}{name}", self.policy_prefix)
    }
}

impl Needs {
    /// What follows from what is wanted.
    ///
    /// # Errors
    /// [`NeedsError`].
    pub fn of(wanted: &Wanted) -> Result<Self, NeedsError> {
        if wanted.auth.disable_local_ca_jwt && wanted.auth.ca_cert.is_none() {
            return Err(NeedsError::NoAuthority);
        }
        let role = |name: &str, account: &Account, policy: &Policy| Role {
            name: name.to_owned(),
            account: account.clone(),
            policy: policy.name.clone(),
            tokens: wanted.tokens,
        };
        let (reader, migration) = (Policy::reader(wanted)?, Policy::migration(wanted)?);
        let mut now = Grants { roles: vec![role(&wanted.role, &wanted.operator, &reader)], policies: Vec::new() };
        if let Some(account) = &wanted.migration {
            now.roles.push(role("migrate", account, &migration));
        }
        now.policies = vec![reader, migration, Policy::checker(wanted)?];
        let mut publishers = Grants::default();
        let mut published = BTreeSet::new();
        for publisher in &wanted.publishers {
            let keys: BTreeSet<_> = publisher.names.iter().collect();
            if keys.is_empty() || keys.len() < publisher.names.len() {
                return Err(NeedsError::Keys(publisher.name.to_string()));
            }
            for key in keys {
                if *key == wanted.anchor {
                    return Err(NeedsError::Anchor(key.to_string()));
                }
                if !published.insert(key) {
                    return Err(NeedsError::TwoPublishers(key.to_string()));
                }
            }
            let policy = Policy::publisher(wanted, publisher)?;
            publishers.roles.push(role(&format!("publisher-{}", publisher.name), &publisher.account, &policy));
            publishers.policies.push(policy);
        }
        let mut names = BTreeSet::new();
        if let Some(twice) = now.roles.iter().chain(&publishers.roles).find(|role| !names.insert(role.name.as_str())) {
            return Err(NeedsError::RoleTwice(twice.name.clone()));
        }
        let mount = &wanted.mount.path;
        // Data, metadata, destroy and whatever else a KV mount has.
        let below = wanted.trees.iter().map(|tree| format!("{mount}/+/{tree}/*"));
        let exact = wanted.legacy.iter().chain([&wanted.anchor]).map(|path| format!("{mount}/+/{path}"));
        Ok(Self {
            namespace: wanted.namespace.clone(),
            mount: wanted.mount.clone(),
            auth: wanted.auth.clone(),
            now,
            publishers,
            protected: below.chain(exact).collect(),
        })
    }
}
