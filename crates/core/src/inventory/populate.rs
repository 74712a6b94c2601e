//! Entries for secrets that were put into Secrets Manager by hand (REQ INV-5, INV-6): how each first came stands in the inventory, and the
//! commit that changes it is the record.

use super::{Inventory, Problem, entry::Secret, rewritten};

/// Why an inventory can't take the entries.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PopulateError {
    /// The old text has problems of its own.
    #[error("the inventory has problems; `migrate inventory validate` lists them")]
    Invalid(Vec<Problem>),
    /// The entries break a rule of the inventory.
    #[error("the entries break a rule of the inventory")]
    Refused(Vec<Problem>),
    /// The text can't be changed without losing what a person wrote.
    #[error("the inventory is laid out so that it can't be changed without losing what a person wrote")]
    Layout {
        /// What belongs into it, as YAML.
        entries: String,
    },
}

/// The text with an entry for each secret. One that is there stays as it is but for its origin, its content where that is not said, and
/// applications that it does not name as consumers; the others are put at the end, in their order.
///
/// # Errors
/// [`PopulateError`].
pub fn populated(text: Option<&str>, secrets: &[Secret]) -> Result<String, PopulateError> {
    let old = text.map(Inventory::parse).transpose().map_err(PopulateError::Invalid)?;
    let mut entries = old.as_ref().map(|old| old.secrets().to_vec()).unwrap_or_default();
    for secret in secrets {
        match entries.iter_mut().find(|entry| entry.source_name() == secret.source_name()) {
            Some(there) => {
                there.origin.clone_from(&secret.origin);
                // What a person said of it stands.
                there.content = there.content.take().or_else(|| secret.content.clone());
                for consumer in &secret.consumers {
                    let is_known = there.consumers.iter().any(|known| known.application == consumer.application);
                    there.consumers.extend((!is_known).then(|| consumer.clone()));
                }
            }
            None => entries.push(secret.clone()),
        }
    }
    let declared = old.map(|old| old.external_secrets().to_vec()).unwrap_or_default();
    let new = Inventory::of(declared, entries);
    let whole = new.to_yaml(super::DEFAULT_SCHEMA_URL);
    Inventory::parse(&whole).map_err(PopulateError::Refused)?;
    match text {
        None => Ok(whole),
        Some(text) => rewritten(text, &new).map_err(|entries| PopulateError::Layout { entries }),
    }
}
