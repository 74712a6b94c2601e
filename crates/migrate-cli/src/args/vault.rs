//! `migrate vault`

use clap::{Args as ClapArgs, Subcommand};

use super::Emitting;

/// `migrate vault`
#[derive(Debug, Subcommand)]
pub enum Vault {
    /// Write policies, a script and Terraform for what Vault must hold; talks to no server
    Emit(Emitting),
    /// Compare the server with what `emit` describes, and name every difference; changes nothing
    Check(Check),
}

/// `migrate vault check`
#[derive(Clone, Copy, Debug, ClapArgs)]
pub struct Check {
    /// Expect the publishers' part too: the handover of their keys is complete
    #[arg(long)]
    pub publishers: bool,
}
