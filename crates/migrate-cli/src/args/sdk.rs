//! `migrate sdk`

use clap::{Args as ClapArgs, Subcommand};
use phase0_sdk::modules::Language;

use super::Emitting;

/// `migrate sdk`
#[derive(Debug, Subcommand)]
pub enum Sdk {
    /// Write the typed module through which an application reads its secrets, from Secrets Manager or mounted files
    Emit(EmitModule),
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
