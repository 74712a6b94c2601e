//! `migrate sdk`

use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use phase0_sdk::modules::Language;

use super::Emitting;

/// `migrate sdk`
#[derive(Debug, Subcommand)]
pub enum Sdk {
    /// Write the typed module through which an application reads its secrets, from Secrets Manager or mounted files
    Emit(EmitModule),
    /// Print a policy: of the role that migrates, or what an organisation applies where `fence` is "tag" or "external"
    Policy(Policy),
}

/// `migrate sdk policy`
#[derive(Debug, ClapArgs)]
pub struct Policy {
    /// Which one
    #[arg(value_enum, value_name = "KIND")]
    pub kind: PolicyKind,
    /// Beginning of the names of the secrets that it is about
    #[arg(long, value_name = "PREFIX", default_value = "platform-data/")]
    pub prefix: String,
    /// Key that encrypts secrets, by its ARN, where it is a customer-managed one; can be repeated
    #[arg(long = "key", value_name = "ARN")]
    pub keys: Vec<String>,
}

/// A policy that can be printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PolicyKind {
    /// Identity policy of the role that runs this tool
    Migration,
    /// Resource control policy that closes the secrets of the prefix, or those with the fence's tag
    ResourceControl,
    /// Service control policy that keeps names of the prefix from being created anew
    ServiceControl,
}

/// `migrate sdk emit`
#[derive(Debug, ClapArgs)]
pub struct EmitModule {
    /// Application, as the inventory's consumers call it
    #[arg(long, value_name = "NAME")]
    pub application: String,
    /// typescript, python, go or rust [default: what the inventory says below `sdk`]
    #[arg(long, value_name = "LANGUAGE", value_parser = language)]
    pub language: Option<Language>,
    /// Name of the package [default: made of the application's]
    #[arg(long, value_name = "NAME")]
    pub package: Option<String>,
    /// Where the files go.
    #[command(flatten)]
    pub emitting: Emitting,
}

fn language(text: &str) -> Result<Language, String> {
    text.parse().map_err(|error: phase0_sdk::modules::UnknownLanguage| error.to_string())
}
