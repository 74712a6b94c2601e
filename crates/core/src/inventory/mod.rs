//! `secrets-inventory.yaml`: what secrets there are, who reads and who writes them, and where they go. Never a value (INV-1…3).
//!
//! ```text
//!   text ──► node (tree with places) ──► decode (types, all faults) ──► check (rules between things) ──► Inventory
//!   listed secrets ──► import ──► text that parses to the same Inventory
//!   what manifests say ──► adopt ──► layout (text edited in place) ──► text that parses to the same Inventory
//! ```
//!
//! An [`Inventory`] is parsed or it is not there: half-valid ones don't exist. Every problem is reported at once, each with line, column
//! and the secret's name, and none quotes what stands in the file (a value written there by mistake must not travel into a log).

mod adopt;
mod check;
mod content;
mod declare;
mod decode;
mod emit;
mod entry;
pub mod external_secret;
mod import;
mod layout;
mod node;
mod populate;
mod problem;
mod prose;
pub mod reconcile;
mod schema;
mod select;
pub mod suspect;

use std::collections::BTreeMap;

pub use self::{
    adopt::{AdoptError, Adopted, Conflict, ConflictKind, Found, FoundExternalSecret, adopt},
    content::{Accessor, Content, InvalidAccessor, InvalidProperties, Properties},
    emit::DEFAULT_SCHEMA_URL,
    entry::{
        ApiVersion, Category, Class, Consumer, ConsumerMeans, Disposition, ExternalSecret, KnownPrincipal, Origin, PushSecret,
        RecordedEncoding, Rotation, Sdk, Secret, Writer,
    },
    external_secret::{DeclaredExternalSecret, ExternalSecretId},
    import::{Finding, FindingKind, ImportError, ImportedInventory, MergeError, Merged, import, merge},
    node::{Position, Shape},
    populate::{PopulateError, populated},
    problem::{Problem, ProblemKind, SyntaxFault},
    prose::{InvalidProse, Prose},
    schema::{SCHEMA_FILE, SCHEMA_ID, schema},
    select::SelectError,
    suspect::{Suspicion, suspicion},
};
use crate::name::SecretName;

/// The text of an inventory with what differs in `new`: whole lines are put in or exchanged, so that comments and order stay. `new` has
/// every secret of the text, in its order, and others behind them.
///
/// # Errors
/// What belongs into the text, as YAML, where it is laid out so that something would be lost, or is no inventory itself.
pub fn rewritten(text: &str, new: &Inventory) -> Result<String, String> {
    let whole = || new.to_yaml(DEFAULT_SCHEMA_URL);
    let old = Inventory::parse(text).map_err(|_| whole())?;
    let text = layout::edited(text, &old, new)?;
    // What was written must be read as what was meant, whatever the file looks like.
    if Inventory::parse(&text).as_ref() == Ok(new) { Ok(text) } else { Err(whole()) }
}

/// A valid inventory: at least one secret; names, sources and Vault paths are unique, and no two ExternalSecrets are at odds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inventory {
    external_secrets: Vec<DeclaredExternalSecret>,
    secrets: Vec<Secret>,
    by_name: BTreeMap<SecretName, usize>,
}

impl Inventory {
    /// Parses the text of an inventory.
    ///
    /// # Errors
    /// Every [`Problem`] that was found, in the order of the file.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        check::inventory(text).map(|checked| Self::of(checked.external_secrets, checked.secrets))
    }

    fn of(external_secrets: Vec<DeclaredExternalSecret>, secrets: Vec<Secret>) -> Self {
        let by_name = secrets.iter().enumerate().map(|(at, secret)| (secret.name.clone(), at)).collect();
        Self { external_secrets, secrets, by_name }
    }

    /// The ExternalSecrets that are declared, in the order of the file. One that consumers name and that is not among them is made with
    /// the defaults of the environment.
    #[must_use]
    pub fn external_secrets(&self) -> &[DeclaredExternalSecret] {
        &self.external_secrets
    }

    /// All secrets, in the order of the file.
    #[must_use]
    pub fn secrets(&self) -> &[Secret] {
        &self.secrets
    }

    /// The secret of a name (the new one, where it is renamed).
    #[must_use]
    pub fn get(&self, name: &SecretName) -> Option<&Secret> {
        self.by_name.get(name).map(|at| &self.secrets[*at])
    }

    /// How many secrets there are; at least one.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "an empty inventory does not exist")]
    pub fn len(&self) -> usize {
        self.secrets.len()
    }
}

#[cfg(test)]
mod tests;
