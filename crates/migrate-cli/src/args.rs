//! What was typed. What it means is decided in [`crate::settings`] and in each command.

pub mod eso;
mod principals;
mod retire;
mod sdk;
mod vault;

use camino::Utf8PathBuf;
use clap::{ArgAction, Args as ClapArgs, Parser, Subcommand, ValueEnum};
use driver::ledger_git::RemoteName;
use migrate_core::{
    handover::Goal,
    id::{DeliveryName, WaveName},
    inventory::{Consumer, ConsumerMeans, Prose, Sdk as SdkConsumer},
    name::SecretName,
};
use phase0_sdk::populate::Piece;

pub use self::{
    principals::Principals,
    retire::Retire,
    sdk::{EmitModule, Policy, PolicyKind, Sdk},
    vault::{Check, Vault},
};

/// Hand authority over secrets from AWS Secrets Manager to Vault or OpenBao
///
/// A wave of secrets is planned, fenced, copied, verified and committed; every step stands in a ledger in your Git repository, and after
/// any interruption the same command goes on. Nothing changes a system but `populate`, `apply`, `rollback`, `urgent` and
/// `retire`.
#[derive(Debug, Parser)]
#[command(name = "migrate", version, max_term_width = 100, disable_help_subcommand = true, arg_required_else_help = true)]
pub struct Args {
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// What holds for every command.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct Global {
    /// Environment of migrate.toml [variable: MIGRATE_ENVIRONMENT; default: the only one]
    #[arg(long, global = true, value_name = "NAME")]
    pub environment: Option<String>,
    /// Configuration [default: migrate.toml here, or above within the repository]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<Utf8PathBuf>,
    /// Print one JSON document on stdout, and talk on stderr only
    #[arg(long, global = true)]
    pub json: bool,
    /// Say more; twice for every step [variable: RUST_LOG]
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write migrate.toml and an empty ledger into this Git repository
    Init(Init),
    /// Find credentials that lie in configuration files; changes nothing, shows no value
    Scan(Scan),
    /// Put values that lie in a file into Secrets Manager: creates only, reads back, and writes the inventory
    Populate(Populate),
    /// Build, check and show secrets-inventory.yaml
    #[command(subcommand)]
    Inventory(Inventory),
    /// Emit the typed modules through which applications read their secrets
    #[command(subcommand)]
    Sdk(Sdk),
    /// Import, emit, compare and check manifests of External Secrets Operator
    #[command(subcommand)]
    Eso(eso::Eso),
    /// Look at both stores and write the plan of a wave; changes nothing
    Plan(Plan),
    /// Carry a plan out, as far as --through says; the same command resumes
    Apply(Apply),
    /// Take a wave back to before it began; not after its commit. The same command resumes
    Rollback(Rollback),
    /// Give a secret that was handed over one new value, from standard input; recorded. Before its commit leave it out of its wave instead
    Urgent(Urgent),
    /// Schedule deletion of the old copies of a wave that is handed over; the same command resumes
    Retire(Retire),
    /// Show how far each wave is, what it waits for, and the next command
    Status(Status),
    /// Look again at everything that was handed over, and compare; changes nothing
    Verify(Verify),
    /// Show or check the ledger, or free it from a run that died
    #[command(subcommand)]
    Ledger(Ledger),
    /// Print a pre-commit configuration that keeps invalid inventories, and values in them, out of Git
    Hook,
    /// Describe what Vault must hold, and compare it
    #[command(subcommand)]
    Vault(Vault),
    /// Practise a whole handover against stores built into this program
    Rehearse(Rehearse),
}

/// `migrate init`
#[derive(Debug, Default, ClapArgs)]
pub struct Init {
    /// Share the ledger with other operators through this Git remote, on a ref of its own; joins the one that is there
    #[arg(long, value_name = "REMOTE", value_parser = remote)]
    pub shared: Option<RemoteName>,
}

/// `migrate scan`
#[derive(Debug, ClapArgs)]
pub struct Scan {
    /// Folders or files to scan [default: this folder]
    #[arg(value_name = "PATH")]
    pub paths: Vec<Utf8PathBuf>,
    /// Write the findings as SARIF 2.1.0, too, for code hosts
    #[arg(long, value_name = "FILE")]
    pub sarif: Option<Utf8PathBuf>,
}

/// `migrate inventory`
#[derive(Debug, Subcommand)]
pub enum Inventory {
    /// Write the inventory from what is in Secrets Manager; entries that exist stay as they are
    Import,
    /// Check the inventory and show every problem at its line
    Validate {
        /// Inventory to check [default: the environment's]
        #[arg(value_name = "FILE")]
        file: Option<Utf8PathBuf>,
    },
    /// Compare the inventory with Secrets Manager and Vault, and say what mends each difference
    Reconcile(Reconcile),
    /// Find out from CloudTrail who reads and who writes each secret, and declare them
    Principals(Principals),
    /// Draw who writes and who reads each secret
    Graph(Graph),
    /// Print the JSON Schema of the inventory
    Schema,
    /// Show every secret, who is its authority now, and who reads it
    Show,
}

/// `migrate inventory reconcile`
#[derive(Debug, ClapArgs)]
pub struct Reconcile {
    /// Exit with `changes-pending` where anything differs, for a job on a schedule
    #[arg(long)]
    pub fail_on_drift: bool,
    /// Put right in the inventory what is metadata only: rotation, who writes, encodings
    #[arg(long)]
    pub write: bool,
}

/// `migrate inventory graph`
#[derive(Debug, ClapArgs)]
pub struct Graph {
    /// Language of the drawing
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: GraphFormat,
}

/// The language of a drawing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    /// Mermaid, which code hosts draw in Markdown
    #[default]
    Mermaid,
    /// DOT, for Graphviz
    Dot,
}

/// `migrate populate`
#[derive(Debug, ClapArgs)]
pub struct Populate {
    /// File that holds the values; `-` for standard input
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub from: Utf8PathBuf,
    /// What becomes which secret: KEY=NAME, KEY=NAME:PROPERTY for a member of a JSON object, or NAME for the whole file
    #[arg(long, required = true, num_args = 1.., value_name = "PIECE", value_parser = piece)]
    pub map: Vec<Piece>,
    /// How the file is read [default: by its name; whole where no piece has a key]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: Option<ValueFormat>,
    /// Who answers for the secrets: goes into the inventory, and as tag `owner`
    #[arg(long, value_name = "WHO")]
    pub owner: Option<String>,
    /// Applications that read the secrets through the SDK, with their language: orders, or orders:python
    #[arg(long = "consumer", value_name = "APPLICATION[:LANGUAGE]", value_parser = consumer)]
    pub consumers: Vec<Consumer>,
    /// Further tags
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = tag)]
    pub tags: Vec<(String, String)>,
    /// KMS key [default: the account's key for Secrets Manager]
    #[arg(long, value_name = "KEY")]
    pub kms_key_id: Option<String>,
    /// Why names that break the convention are taken all the same
    #[arg(long, value_name = "REASON")]
    pub name_exception: Option<String>,
    /// Change nothing: say what would be created
    #[arg(long)]
    pub check: bool,
}

/// How a file of values is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ValueFormat {
    /// Lines of KEY=value
    Env,
    /// A JSON object
    Json,
    /// The file as it is, one value
    Whole,
}

/// `migrate plan`
#[derive(Debug, ClapArgs)]
pub struct Plan {
    /// Name of the wave [default: wave-1, wave-2, …, the next free one]
    #[arg(long, value_name = "NAME", value_parser = wave)]
    pub wave: Option<WaveName>,
    /// Names to hand over; may be given more than once [default: all that move and are in no wave]
    #[arg(long, value_name = "GLOB", num_args = 1..)]
    pub select: Vec<String>,
    /// Replay up to so many older versions of each secret before the current one; only versions with a label can be
    #[arg(long, default_value_t = 0, value_name = "COUNT")]
    pub history: usize,
    /// Where to write the plan [default: the environment's folder of plans]
    #[arg(long, value_name = "FILE")]
    pub out: Option<Utf8PathBuf>,
}

/// `migrate apply`
#[derive(Debug, ClapArgs)]
pub struct Apply {
    /// Plan to apply [default: the only open one]
    #[arg(value_name = "FILE")]
    pub file: Option<Utf8PathBuf>,
    /// How far to go; authority moves with commit, and there is no way back from it
    #[arg(long, value_enum, default_value_t = Through::Verify, value_name = "STEP")]
    pub through: Through,
    /// Let this member out of the wave: our copy and fence are taken away from it, the others go on; can be repeated (recorded)
    #[arg(long, value_name = "NAME", value_parser = secret)]
    pub leave_out: Vec<SecretName>,
    /// Who changes the ExternalSecrets when they are switched
    #[arg(long, value_enum, default_value_t = Mode::Git, value_name = "MODE")]
    pub mode: Mode,
    /// With --mode git: folder for their manifests, as `migrate eso emit --out` writes it
    #[arg(long, value_name = "DIR", default_value = "manifests")]
    pub out: Utf8PathBuf,
    /// With --mode git: how its files are laid out
    #[arg(long, value_enum, default_value_t = eso::Layout::Kustomize, value_name = "LAYOUT")]
    pub layout: eso::Layout,
    /// This ExternalSecret (NAMESPACE/NAME) is gone from the cluster, and nobody reads through it; can be repeated (recorded)
    #[arg(long, value_name = "NAME", value_parser = delivery)]
    pub gone: Vec<DeliveryName>,
    /// Let the old copies of a sealed wave be read again, and do nothing else (recorded)
    #[arg(long, conflicts_with_all = ["through", "leave_out", "gone"])]
    pub lift_seal: bool,
}

fn delivery(text: &str) -> Result<DeliveryName, String> {
    match text.split_once('/') {
        Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() => {
            Ok(DeliveryName::external_secret(Some(namespace), name))
        }
        None if !text.is_empty() => Ok(DeliveryName::external_secret(None, text)),
        _ => Err("an ExternalSecret is named NAMESPACE/NAME, a ClusterExternalSecret NAME".to_owned()),
    }
}

/// `migrate rollback`
#[derive(Debug, ClapArgs)]
pub struct Rollback {
    /// Wave to take back: our copies are cleared first, then our fences taken away, and nothing else is touched
    #[arg(value_name = "WAVE", value_parser = wave)]
    pub wave: WaveName,
}

/// `migrate urgent`
#[derive(Debug, ClapArgs)]
pub struct Urgent {
    /// Secret, as the inventory names it; its new value is read from standard input and kept to the byte
    #[arg(value_name = "NAME", value_parser = secret)]
    pub name: SecretName,
}

/// `migrate status`
#[derive(Debug, ClapArgs)]
pub struct Status {
    /// Read the ledger only: don't look at fences and copies
    #[arg(long)]
    pub offline: bool,
}

/// `migrate verify`
#[derive(Debug, ClapArgs)]
pub struct Verify {
    /// Only this wave [default: every wave]
    #[arg(long, value_name = "NAME", value_parser = wave)]
    pub wave: Option<WaveName>,
    /// Compare the Secret of every ExternalSecret with what its authority holds, in memory, instead of the stores with each other
    #[arg(long, conflicts_with = "wave")]
    pub cluster: bool,
}

/// `migrate ledger`
#[derive(Debug, Subcommand)]
pub enum Ledger {
    /// Show every record
    Show,
    /// Check chain, protocol and anchor
    Verify {
        /// Check the file only: don't ask the incoming store for the anchor
        #[arg(long)]
        offline: bool,
    },
    /// Take the lead from a run that did not end, and free it for the next one
    ///
    /// A run that was killed still has the lead. On its own host the next run sees that the process is gone; from elsewhere nobody can, and
    /// effects of it may still be on their way. By this command you say that you know the process to be dead. It is recorded, under your
    /// name. Should the run live after all, it stops at its next effect.
    ///
    /// The lock on the file is another matter: it goes with its process, and nothing else takes it away.
    Unlock {
        /// Id of the run, as the refusal and `migrate status` show it
        #[arg(value_name = "HOLDER")]
        holder: String,
    },
}

/// `migrate rehearse`
#[derive(Debug, ClapArgs)]
pub struct Rehearse {
    /// Inventory whose names to practise with, values are made up [default: one secret of every kind]
    #[arg(value_name = "INVENTORY")]
    pub inventory: Option<Utf8PathBuf>,
}

/// Where a command emits files, and whether it may.
#[derive(Clone, Debug, ClapArgs)]
pub struct Emitting {
    /// Folder to emit to; what this command emitted there before and no longer does is removed
    #[arg(long, value_name = "DIR")]
    pub out: Utf8PathBuf,
    /// Change nothing, and end with `changes-pending` where files differ: for CI
    #[arg(long, conflicts_with = "force")]
    pub check: bool,
    /// Overwrite files that somebody edited
    #[arg(long)]
    pub force: bool,
}

/// How far `apply` goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Through {
    /// Every member fenced, and the fences settled
    Fence,
    /// Every member copied
    Copy,
    /// Every copy proved equal
    Verify,
    /// Authority moved
    Commit,
    /// Every ExternalSecret reads Vault, its Secret unchanged
    Switch,
    /// Nobody can read the old copies in Secrets Manager
    Seal,
    /// Writers are admitted to Vault
    Complete,
}

/// Who changes ExternalSecrets when their store is switched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Manifests are written for you to commit; the run goes on once the cluster shows them
    Git,
    /// They are changed in the cluster: not where Argo CD or Flux would set them back
    Direct,
}

impl From<Through> for Goal {
    fn from(through: Through) -> Self {
        match through {
            Through::Fence => Self::Fence,
            Through::Copy => Self::Copy,
            Through::Verify => Self::Verify,
            Through::Commit => Self::Commit,
            Through::Switch => Self::Switch,
            Through::Seal => Self::Seal,
            Through::Complete => Self::Complete,
        }
    }
}

fn piece(text: &str) -> Result<Piece, String> {
    text.parse().map_err(|error: phase0_sdk::populate::InvalidPiece| error.to_string())
}

fn consumer(text: &str) -> Result<Consumer, String> {
    let (application, language) =
        text.split_once(':').map_or((text, None), |(application, language)| (application, Some(language)));
    let prose = |text: &str| Prose::parse(text).map_err(|error| error.to_string());
    let sdk = SdkConsumer { language: language.map(prose).transpose()? };
    Ok(Consumer { application: prose(application)?, accessor: None, means: ConsumerMeans::Sdk(sdk) })
}

fn tag(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or("a tag is KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

fn remote(text: &str) -> Result<RemoteName, String> {
    RemoteName::parse(text).ok_or_else(|| "the name of a Git remote, as `git remote` lists it, not its address".to_owned())
}

fn wave(text: &str) -> Result<WaveName, String> {
    WaveName::parse(text).map_err(|error| error.to_string())
}

fn secret(text: &str) -> Result<SecretName, String> {
    SecretName::parse(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_holds_together() {
        super::Args::command().debug_assert();
    }
}
