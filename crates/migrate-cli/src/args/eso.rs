//! `migrate eso`

use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use phase1_eso::version::EsoVersion;

use super::Emitting;

/// `migrate eso`
#[derive(Debug, Subcommand)]
pub enum Eso {
    /// Write ExternalSecrets and their stores into a folder, made of the inventory
    Emit(Emit),
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

fn version(text: &str) -> Result<EsoVersion, String> {
    EsoVersion::parse(text).map_err(|error| error.to_string())
}
