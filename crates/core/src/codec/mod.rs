//! The encodings of a value in KV v2 (`text`, `binary`, `fields`) and the proof that every declared read stays equal.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    reads::Read,
    value::{SecretText, SecretValue},
};

/// How a value is laid out in KV v2. Free of values: it may be stored in a plan and in `custom_metadata`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum Encoding {
    /// One reserved property holds the exact `SecretString`.
    Text {
        /// The reserved property.
        property: String,
    },
    /// One reserved property holds base64 of the exact bytes; read with `decodingStrategy: Base64`.
    Binary {
        /// The reserved property.
        property: String,
    },
    /// A JSON object as a map of strings.
    Fields {
        /// The reserved property that also holds the exact text, where a whole read needs it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        whole: Option<String>,
    },
}

/// A value as it goes to KV v2: property → string.
#[derive(Debug, PartialEq, Eq)]
pub struct Encoded(pub BTreeMap<String, SecretText>);

/// A KV v2 data map of strings, as read back.
#[derive(Debug, PartialEq, Eq)]
pub struct StoredFields(pub BTreeMap<String, SecretText>);

impl Encoded {
    /// Whether what was read back is exactly what was written; constant time in the contents.
    #[must_use]
    pub fn is_equal_to(&self, stored: &StoredFields) -> bool {
        self.0 == stored.0
    }
}

/// The chosen encoding and what it costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Choice {
    /// The layout.
    pub encoding: Encoding,
    /// How each declared read is spelled against KV v2, in the order of the declared reads.
    pub rewritten: Vec<Read>,
    /// Top-level members whose JSON type becomes a string (`fields` only).
    pub stringified: Vec<String>,
}

/// Why a value can't be carried so that every declared read stays equal. Typed; never quotes a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum Unencodable {
    /// Placeholder until the codec is complete.
    #[error("not yet")]
    NotYet,
}

/// Chooses an encoding for `value` that serves every one of `reads`, and proves it.
///
/// # Errors
/// [`Unencodable`] where none does.
pub fn choose(value: &SecretValue, reads: &[Read]) -> Result<Choice, Unencodable> {
    let _ = (value, reads);
    Err(Unencodable::NotYet)
}

/// Lays `value` out as `choice` says and proves again that every read is equal.
///
/// # Errors
/// [`Unencodable`] where the value no longer fits the choice.
pub fn encode(value: &SecretValue, choice: &Choice, reads: &[Read]) -> Result<Encoded, Unencodable> {
    let _ = (value, choice, reads);
    Err(Unencodable::NotYet)
}
