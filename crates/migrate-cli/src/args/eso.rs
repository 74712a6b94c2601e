//! `migrate eso`

use camino::Utf8PathBuf;
use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use migrate_core::name::kubernetes::Namespace;
use phase1_eso::{delivery::rights::Subject, version::EsoVersion};

use super::Emitting;

/// `migrate eso`
#[derive(Debug, Subcommand)]
pub enum Eso {
    /// Take ExternalSecrets, PushSecrets and stores that you have into the inventory; shows what would change
    Import(Import),
    /// Write ExternalSecrets and their stores into a folder, made of the inventory
    Emit(Emit),
    /// Print the roles that a switch, or `verify --cluster`, needs in Kubernetes
    Rights(Rights),
    /// Show where two sets of manifests mean different things to the operator; order and defaults do not count
    Diff(Diff),
    /// Check manifests without a cluster: their form, and what would hurt when a store is switched
    Validate(Validate),
    /// Say what a finding of validate means, why it hurts, and what to do; all of them without ID
    Explain {
        /// Id or name of a finding, as in ESO101
        #[arg(value_name = "ID")]
        id: Option<String>,
    },
}

/// `migrate eso emit`
#[derive(Debug, ClapArgs)]
pub struct Emit {
    /// Where ExternalSecrets read from
    #[arg(long, value_enum, value_name = "STORE")]
    pub store: Store,
    /// How files are laid out
    #[arg(long, value_enum, default_value_t = Layout::Kustomize, value_name = "LAYOUT")]
    pub layout: Layout,
    /// With --layout flat: keep Helm from reading what belongs to External Secrets Operator's templates
    #[arg(long)]
    pub helm: bool,
    /// Version of External Secrets Operator that will read them [default: `version` in migrate.toml, else 0.20.4]
    #[arg(long, value_name = "VERSION", value_parser = version)]
    pub eso_version: Option<EsoVersion>,
    /// Read from Vault what is not committed yet: I apply none of it before
    #[arg(long)]
    pub ahead_of_commit: bool,
    /// Where to, and whether.
    #[command(flatten)]
    pub emitting: Emitting,
}

/// Where ExternalSecrets read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Store {
    /// Secrets Manager; refused where a secret was handed over
    Aws,
    /// Vault or OpenBao, but for secrets that stay; refused where one is not committed yet
    Vault,
    /// Each secret from its authority, as the ledger says
    Authority,
}

/// How files are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Layout {
    /// A base, and an overlay for each environment
    Kustomize,
    /// The same with sync waves: stores before ExternalSecrets before workloads
    Argocd,
    /// One folder, for one environment
    Flat,
}

/// `migrate eso import`
#[derive(Debug, ClapArgs)]
pub struct Import {
    /// Manifests: folders, files, or - for standard input
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<Utf8PathBuf>,
    /// Write the inventory; Git shows what changed
    #[arg(long)]
    pub write: bool,
    /// Where the inventory says otherwise, believe the manifest
    #[arg(long)]
    pub replace: bool,
    /// Namespace of manifests that name none
    #[arg(long, value_name = "NAMESPACE", value_parser = namespace)]
    pub namespace: Option<Namespace>,
}

/// `migrate eso rights`
#[derive(Debug, ClapArgs)]
pub struct Rights {
    /// What is to be done
    #[arg(long = "for", value_enum, default_value_t = Task::Git, value_name = "TASK")]
    pub task: Task,
    /// ServiceAccount that gets the rights, as NAMESPACE/NAME
    #[arg(long, value_name = "ACCOUNT", value_parser = account)]
    pub service_account: Subject,
}

/// What rights are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Task {
    /// `verify --cluster`
    Verify,
    /// `apply --through switch --mode git`, and what follows
    Git,
    /// The same with `--mode direct`
    Direct,
}

fn account(text: &str) -> Result<Subject, String> {
    match text.split_once('/') {
        Some((namespace, name)) if Namespace::parse(namespace).is_ok() && !name.is_empty() => {
            Ok(Subject { namespace: namespace.to_owned(), name: name.to_owned() })
        }
        _ => Err("a ServiceAccount is named NAMESPACE/NAME".to_owned()),
    }
}

/// `migrate eso diff`
#[derive(Debug, ClapArgs)]
pub struct Diff {
    /// Manifests before: a folder, a file, or - for standard input
    #[arg(value_name = "BEFORE")]
    pub before: Utf8PathBuf,
    /// Manifests after
    #[arg(value_name = "AFTER")]
    pub after: Utf8PathBuf,
    /// Version of External Secrets Operator whose defaults are filled in
    #[arg(long, value_name = "VERSION", default_value_t = EsoVersion::DEFAULT, value_parser = version)]
    pub eso_version: EsoVersion,
}

/// `migrate eso validate`
#[derive(Debug, ClapArgs)]
pub struct Validate {
    /// Manifests: folders, files, or - for standard input
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<Utf8PathBuf>,
    /// Version of External Secrets Operator that will read them [default: `version` in migrate.toml, else 0.20.4]
    #[arg(long, value_name = "VERSION", value_parser = version)]
    pub eso_version: Option<EsoVersion>,
    /// CustomResourceDefinitions that you run, instead of what is known of the version: a folder or file
    #[arg(long, value_name = "PATH")]
    pub crds: Option<Utf8PathBuf>,
    /// Inventory whose names tell what a `find` would reach
    #[arg(long, value_name = "FILE")]
    pub inventory: Option<Utf8PathBuf>,
    /// End with `blocked` for warnings, too
    #[arg(long)]
    pub strict: bool,
}

fn version(text: &str) -> Result<EsoVersion, String> {
    EsoVersion::parse(text).map_err(|error| error.to_string())
}

fn namespace(text: &str) -> Result<Namespace, String> {
    Namespace::parse(text).map_err(|error| error.to_string())
}
