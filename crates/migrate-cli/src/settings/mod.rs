//! What was typed, what stands in `migrate.toml` and what the environment says become what is meant.
//!
//! ```text
//! args ─────────────┐
//! variables ────────┼──► Settings (one environment, every path absolute, every address with its origin) ──► systems
//! migrate.toml ─────┘
//! ```
//! An explicit flag goes before an environment variable, and that before the file: as the AWS and Vault command lines have it. Where a
//! variable overrides a different text of the file, that is said on every run.

mod eso;
mod file;
mod name;
mod origin;

use std::{collections::BTreeSet, time::Duration};

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use driver::ledger_git::{RefName, RemoteName};
use migrate_core::{name::VaultPath, plan::FenceMode, value::SecretText};
use phase0_sdk::Probe;

pub use self::{
    eso::{DEFAULT_AWS_STORE, DEFAULT_REFRESH_INTERVAL, Eso},
    file::{
        AwsTable, CaTable, ConfigFile, ConfigProblem, ConfigProblemKind, EnvironmentTable, EsoTable, IncomingTable,
        OutgoingTable, PublisherTable, SharedTable, VaultNeedsTable, VaultTable, parse,
    },
    name::EnvironmentName,
    origin::{Origin, Sourced},
};
use crate::{
    args::Global,
    environment::Environment,
    error::{CommandError, Reason},
};

/// The file's name.
pub const CONFIG_FILE: &str = "migrate.toml";

/// Everything that one command needs to know.
#[derive(Debug)]
pub struct Settings {
    /// The file that was read.
    pub config: Utf8PathBuf,
    /// Its folder: relative paths begin here.
    pub root: Utf8PathBuf,
    /// Which environment.
    pub environment: EnvironmentName,
    /// `secrets-inventory.yaml`.
    pub inventory: Utf8PathBuf,
    /// The ledger.
    pub ledger: Utf8PathBuf,
    /// The folder of plans.
    pub plans: Utf8PathBuf,
    /// What was found of readers and writers.
    pub principals: Utf8PathBuf,
    /// Where the ledger is shared; nothing where it is this clone's own.
    pub shared: Option<Shared>,
    /// Secrets Manager.
    pub outgoing: Outgoing,
    /// Vault or OpenBao.
    pub incoming: Incoming,
    /// External Secrets Operator.
    pub eso: Eso,
    /// The cluster in which ExternalSecrets are looked at and switched; none where the file names none.
    pub cluster: Option<phase1_eso::Settings>,
    /// What Vault must hold, as the file says it.
    pub vault: VaultNeedsTable,
    /// What the operator should hear: variables that override the file.
    pub notes: Vec<String>,
}

/// Where a shared ledger lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shared {
    /// The remote, by its name in this repository.
    pub remote: RemoteName,
    /// The ref there.
    pub reference: RefName,
}

/// How Secrets Manager is reached, and how it is fenced.
#[derive(Debug)]
pub struct Outgoing {
    /// Region, where somebody said one; else the SDK looks into profile and instance.
    pub region: Option<Sourced<String>>,
    /// Profile of AWS's own configuration files.
    pub profile: Option<Sourced<String>>,
    /// Endpoint, where it is not AWS's own.
    pub endpoint_url: Option<Sourced<String>>,
    /// Principals that the fence lets through; empty means the caller alone.
    pub exempt_principals: Vec<String>,
    /// How long a fence must stand before it is relied on.
    pub settle: Duration,
    /// What closes a secret.
    pub fence: FenceMode,
    /// How long a rotation in flight can take once rotation was cancelled.
    pub rotation_wait: Duration,
    /// For how long a reader may keep a value: what a seal waits.
    pub seal_wait: Duration,
    /// Whether CloudTrail is asked whose reads were refused after a seal.
    pub cloudtrail: bool,
    /// Who tries to write to fenced secrets and must be refused.
    pub probe: Option<Probe>,
    /// Share of each quota that is used, from 0 to 1 (more only where AWS raised a quota).
    pub quota_share: f64,
    /// Requests in flight at once.
    pub concurrency: Option<usize>,
}

/// How Vault is reached.
#[derive(Debug)]
pub struct Incoming {
    /// Address, where somebody said one.
    pub address: Option<Sourced<String>>,
    /// Namespace.
    pub namespace: Option<Sourced<String>>,
    /// KV v2 mount.
    pub mount: VaultPath,
    /// PEM file of the CA that signed the server's certificate.
    pub ca_cert: Option<Sourced<String>>,
    /// Where the anchor is kept below the mount.
    pub anchor: VaultPath,
    /// Policies that may write although they are not ours.
    pub administrators: BTreeSet<String>,
    /// Policies that can't be read are declared to let nobody write.
    pub policies_declared: bool,
    /// Requests in flight at once.
    pub concurrency: Option<usize>,
    /// The token, and where it came from.
    pub token: Option<Sourced<SecretText>>,
}

/// How long a fence must stand before it is relied on: all operations of Secrets Manager are eventually consistent, and AWS gives no bound.
pub const DEFAULT_SETTLE: Duration = Duration::from_secs(5 * 60);
/// How long a rotation in flight can take: a Lambda function runs for 15 minutes at most
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
pub const DEFAULT_ROTATION_WAIT: Duration = Duration::from_secs(15 * 60);
/// How long a reader may keep a value: an ExternalSecret refreshes every hour where it says nothing else, and the caches of AWS's own clients
/// keep a value as long (<https://docs.aws.amazon.com/secretsmanager/latest/userguide/retrieving-secrets.html>).
pub const DEFAULT_SEAL_WAIT: Duration = Duration::from_secs(60 * 60);
/// Share of each quota: others in the account need theirs.
pub const DEFAULT_QUOTA_SHARE: f64 = 0.8;
/// The inventory's file.
pub const DEFAULT_INVENTORY: &str = "secrets-inventory.yaml";

impl Settings {
    /// Reads the file of the surrounding repository and picks the environment.
    ///
    /// # Errors
    /// [`CommandError`] of kind usage, with every problem of the file.
    pub fn load(global: &Global, environment: &Environment) -> Result<Self, CommandError> {
        refuse_leaks(environment)?;
        let (config, file) = find(global, environment)?;
        let name = pick(global, environment, &file)?;
        refuse_sharing(&file)?;
        let table = file.environments.get(&name).cloned().unwrap_or_default();
        Self::resolve(config, name, table, environment)
    }

    fn resolve(
        config: Utf8PathBuf,
        name: EnvironmentName,
        table: EnvironmentTable,
        environment: &Environment,
    ) -> Result<Self, CommandError> {
        let root = config.parent().map(Utf8Path::to_owned).unwrap_or_default();
        let eso = Eso::resolve(&name, &root, &table);
        let ledger = root.join(table.ledger.unwrap_or_else(|| default_ledger(&name)));
        let plans = root.join(table.plans.unwrap_or_else(|| format!("migrate/{name}/plans")));
        let principals = root.join(format!("migrate/{name}/principals.json"));
        let shared = table.shared.map(|shared| Shared::resolve(&name, shared)).transpose()?;
        let inventory = root.join(table.inventory.unwrap_or_else(|| DEFAULT_INVENTORY.to_owned()));
        let cluster = table.cluster.map(|table| phase1_eso::Settings {
            // Relative to the file; without one, as kubectl finds it.
            kubeconfig: table.kubeconfig.map(|path| root.join(path).into_std_path_buf()),
            context: table.context,
            wait: table.wait.map_or(phase1_eso::DEFAULT_WAIT, jiff::SignedDuration::unsigned_abs),
            concurrency: table.concurrency.unwrap_or(phase1_eso::DEFAULT_CONCURRENCY),
        });
        let mut from = origin::Lookup::new(environment);
        let outgoing = Outgoing {
            region: from.first("region", &["AWS_REGION", "AWS_DEFAULT_REGION"], table.outgoing.region),
            profile: from.first("profile", &["AWS_PROFILE"], table.outgoing.profile),
            endpoint_url: from.first(
                "endpoint_url",
                &["AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_ENDPOINT_URL"],
                table.outgoing.endpoint_url,
            ),
            exempt_principals: table.outgoing.exempt_principals.unwrap_or_default(),
            settle: table.outgoing.settle.map_or(DEFAULT_SETTLE, jiff::SignedDuration::unsigned_abs),
            fence: table.outgoing.fence.unwrap_or_default(),
            rotation_wait: table.outgoing.rotation_wait.map_or(DEFAULT_ROTATION_WAIT, jiff::SignedDuration::unsigned_abs),
            seal_wait: table.outgoing.seal_wait.map_or(DEFAULT_SEAL_WAIT, jiff::SignedDuration::unsigned_abs),
            cloudtrail: table.outgoing.cloudtrail.unwrap_or_default(),
            probe: table.outgoing.probe.clone(),
            quota_share: table.outgoing.quota_share.unwrap_or(DEFAULT_QUOTA_SHARE),
            concurrency: table.outgoing.concurrency,
        };
        let incoming = Incoming {
            address: from.first("address", &["BAO_ADDR", "VAULT_ADDR"], table.incoming.address),
            namespace: from.first("namespace", &["BAO_NAMESPACE", "VAULT_NAMESPACE"], table.incoming.namespace),
            // Relative to the file: the CA of a private Vault is no secret and may lie in the repository.
            ca_cert: from.first(
                "ca_cert",
                &["BAO_CACERT", "VAULT_CACERT"],
                table.incoming.ca_cert.map(|path| root.join(path).into_string()),
            ),
            mount: table.incoming.mount.map_or_else(|| path(phase2_vault::Settings::DEFAULT_MOUNT), Ok)?,
            anchor: table.incoming.anchor.map_or_else(|| path(phase2_vault::Settings::DEFAULT_ANCHOR), Ok)?,
            administrators: table.incoming.administrators.unwrap_or_default().into_iter().collect(),
            policies_declared: table.incoming.policies_declared.unwrap_or_default(),
            concurrency: table.incoming.concurrency,
            token: token(environment),
        };
        for (what, url) in [("endpoint_url", &outgoing.endpoint_url), ("address", &incoming.address)] {
            if let Some(url) = url
                && has_user_information(&url.value)
            {
                return Err(CommandError::usage(format!("the {what} holds a user name or password"))
                    .because_of(format!("it comes from {}", url.origin))
                    .hint("credentials belong into the credential chain of AWS, or into VAULT_TOKEN"));
            }
        }
        Ok(Self {
            config,
            root,
            environment: name,
            inventory,
            ledger,
            plans,
            principals,
            shared,
            outgoing,
            incoming,
            eso,
            cluster,
            vault: table.vault,
            notes: from.notes,
        })
    }

    /// A path as a person in the repository would type it.
    #[must_use]
    pub fn shown(&self, path: &Utf8Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).to_string()
    }
}

impl Shared {
    fn resolve(name: &EnvironmentName, table: SharedTable) -> Result<Self, CommandError> {
        let default = || {
            let remote = RemoteName::parse(DEFAULT_REMOTE)?;
            Some(Self { remote, reference: RefName::parse(&default_reference(name))? })
        };
        let default = default().ok_or_else(|| CommandError::new(Reason::Internal, "a ref of our own does not hold"))?;
        Ok(Self { remote: table.remote.unwrap_or(default.remote), reference: table.reference.unwrap_or(default.reference) })
    }
}

/// The remote through which a ledger is shared unless the file says otherwise.
pub const DEFAULT_REMOTE: &str = "origin";

/// The ref on which an environment's shared ledger lies unless the file says otherwise.
#[must_use]
pub fn default_reference(name: &EnvironmentName) -> String {
    format!("refs/migrate/{name}")
}

/// Where an environment's ledger lies unless the file says otherwise, relative to the file.
#[must_use]
pub fn default_ledger(name: &EnvironmentName) -> String {
    format!("migrate/{name}/ledger.jsonl")
}

/// Whether an address carries `user:password@`, which would end up in plans and logs.
#[must_use]
pub fn has_user_information(url: &str) -> bool {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    authority.split(['/', '?', '#']).next().is_some_and(|authority| authority.contains('@'))
}

fn path(text: &'static str) -> Result<VaultPath, CommandError> {
    VaultPath::parse(text).map_err(|error| CommandError::new(Reason::Internal, "a path of our own does not hold").because(&error))
}

/// Refuses surroundings in which a value could be printed, or a certificate go unchecked (REQ OPS-1, OPS-9).
fn refuse_leaks(environment: &Environment) -> Result<(), CommandError> {
    if environment.variable("LOG_SENSITIVE_BODIES").is_some() {
        return Err(CommandError::usage("LOG_SENSITIVE_BODIES is set, which makes the AWS SDK print secret values")
            .hint("unset LOG_SENSITIVE_BODIES"));
    }
    for name in ["VAULT_SKIP_VERIFY", "BAO_SKIP_VERIFY"] {
        let set = environment.variable(name);
        if set.is_some_and(|value| !matches!(value.to_ascii_lowercase().as_str(), "0" | "f" | "false")) {
            return Err(CommandError::usage(format!(
                "{name} asks to skip the verification of certificates, which is not offered"
            ))
            .hint(format!("unset {name}; name the CA of a private Vault with VAULT_CACERT")));
        }
    }
    Ok(())
}

/// The token of the environment, or the one that `vault login` left.
fn token(environment: &Environment) -> Option<Sourced<SecretText>> {
    for variable in ["BAO_TOKEN", "VAULT_TOKEN"] {
        if let Some(token) = environment.variable(variable) {
            return Some(Sourced { value: SecretText::new(token.to_owned()), origin: Origin::Variable(variable) });
        }
    }
    let file = Utf8Path::new(environment.variable("HOME")?).join(".vault-token");
    let text = SecretText::new(std::fs::read_to_string(&file).ok()?);
    let token = text.expose().trim();
    (!token.is_empty()).then(|| Sourced { value: SecretText::new(token.to_owned()), origin: Origin::TokenFile })
}

/// The folder of the repository that surrounds `from`: the first one upwards that holds `.git` (a folder, or a file in a work tree).
#[must_use]
pub fn repository_of(from: &Utf8Path) -> Option<Utf8PathBuf> {
    from.ancestors().find(|folder| folder.join(".git").exists()).map(Utf8Path::to_owned)
}

/// The configuration that is meant, and what stands in it.
///
/// # Errors
/// [`CommandError`] of kind usage where there is none, or with every problem of it.
pub fn find(global: &Global, environment: &Environment) -> Result<(Utf8PathBuf, ConfigFile), CommandError> {
    let config = match &global.config {
        Some(path) => environment.directory.join(path),
        None => find_config(&environment.directory)?,
    };
    let file = read_config(&config)?;
    Ok((config, file))
}

fn find_config(from: &Utf8Path) -> Result<Utf8PathBuf, CommandError> {
    for folder in from.ancestors() {
        let file = folder.join(CONFIG_FILE);
        if file.exists() {
            return Ok(file);
        }
        if folder.join(".git").exists() {
            break;
        }
    }
    Err(CommandError::configuration(format!("there is no {CONFIG_FILE} here, or above within the repository"))
        .hint("`migrate init` writes one, at the root of a Git repository"))
}

/// Reads and parses the file.
///
/// # Errors
/// [`CommandError`] of kind usage, with every problem of the file.
pub fn read_config(path: &Utf8Path) -> Result<ConfigFile, CommandError> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        CommandError::configuration(format!("can't read {path}")).because(&error).hint("`migrate init` writes a configuration")
    })?;
    let name = path.file_name().unwrap_or(CONFIG_FILE);
    parse(&text).map_err(|problems| {
        let findings = problems.iter().map(|problem| format!("{name}:{}:{}: {}", problem.line, problem.column, problem.kind));
        CommandError::configuration(format!("{name} can't be used"))
            .findings(findings)
            .hint("mend these lines; nothing was tried")
    })
}

fn pick(global: &Global, environment: &Environment, file: &ConfigFile) -> Result<EnvironmentName, CommandError> {
    let known = || file.environments.keys().map(EnvironmentName::as_str).collect::<Vec<_>>().join(", ");
    if let Some(name) = wanted(global, environment)? {
        return if file.environments.contains_key(&name) {
            Ok(name)
        } else {
            Err(CommandError::configuration(format!("{CONFIG_FILE} has no environment {name}; it has: {}", known()))
                .hint(format!("`migrate init --environment {name}` adds it")))
        };
    }
    let mut names = file.environments.keys();
    match (names.next(), names.next()) {
        (Some(only), None) => Ok(only.clone()),
        (Some(_), Some(_)) => Err(CommandError::configuration(format!("which environment? {CONFIG_FILE} has: {}", known()))
            .hint("name it with --environment, or in MIGRATE_ENVIRONMENT")),
        (None, _) => Err(CommandError::configuration(format!("{CONFIG_FILE} has no environment"))
            .hint("`migrate init` adds [environment.default]")),
    }
}

/// The environment that somebody named, by flag or by variable.
///
/// # Errors
/// [`CommandError`] of kind usage where the name can't be one.
pub fn wanted(global: &Global, environment: &Environment) -> Result<Option<EnvironmentName>, CommandError> {
    let Some(text) = global.environment.as_deref().or_else(|| environment.variable("MIGRATE_ENVIRONMENT")) else {
        return Ok(None);
    };
    match EnvironmentName::parse(text) {
        Some(name) => Ok(Some(name)),
        None => Err(CommandError::configuration(ConfigProblemKind::EnvironmentName.to_string())),
    }
}

/// A path without `.` and with `..` resolved by its text.
fn lexical(path: &Utf8Path) -> Utf8PathBuf {
    path.components().fold(Utf8PathBuf::new(), |mut clean, part| {
        match part {
            Utf8Component::CurDir => {}
            Utf8Component::ParentDir if clean.file_name().is_some() => drop(clean.pop()),
            part => clean.push(part),
        }
        clean
    })
}

/// Two environments must not keep one ledger, nor one anchor: each would take the other's records for its own.
fn refuse_sharing(file: &ConfigFile) -> Result<(), CommandError> {
    let all: Vec<_> = file.environments.iter().collect();
    for (at, (a, one)) in all.iter().enumerate() {
        for (b, other) in &all[at + 1..] {
            let ledger = |name: &EnvironmentName, table: &EnvironmentTable| {
                let path = table.ledger.clone().unwrap_or_else(|| default_ledger(name));
                lexical(Utf8Path::new(&path))
            };
            if ledger(a, one) == ledger(b, other) {
                return Err(CommandError::configuration(format!("the environments {a} and {b} have one ledger"))
                    .hint("give each its own `ledger`"));
            }
            let place = |name: &EnvironmentName, table: &EnvironmentTable| {
                let shared = table.shared.clone()?;
                let remote = shared.remote.map_or_else(|| DEFAULT_REMOTE.to_owned(), |remote| remote.to_string());
                let reference = shared.reference.map_or_else(|| default_reference(name), |reference| reference.to_string());
                Some((remote, reference))
            };
            if place(a, one).is_some_and(|place_of_a| place(b, other) == Some(place_of_a)) {
                return Err(CommandError::configuration(format!("the environments {a} and {b} share one ledger"))
                    .hint("give each its own `ref` below [environment.NAME.shared]"));
            }
            // Without an address in the file it is the variable of the moment that says which Vault is meant; the anchor itself then
            // tells a foreign ledger apart.
            let (x, y) = (&one.incoming, &other.incoming);
            let same_store = x.address.is_some() && x.address == y.address && x.namespace == y.namespace;
            let default_mount = phase2_vault::Settings::DEFAULT_MOUNT;
            let mount = |table: &IncomingTable| table.mount.as_ref().map_or(default_mount, VaultPath::as_str).to_owned();
            if same_store && mount(x) == mount(y) && x.anchor == y.anchor {
                return Err(CommandError::configuration(format!("the environments {a} and {b} have one anchor"))
                    .hint("give each its own `anchor` below [environment.NAME.incoming]"));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
