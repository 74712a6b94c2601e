//! The encodings of a value in KV v2 (`text`, `binary`, `fields`) and the proof that every declared read stays equal.
//!
//! ```text
//!  value + reads ──► choose ──► Choice (encoding, how each read is spelled against KV v2)      may be stored: free of values
//!                                  │
//!  value + reads + Choice ──► encode ──► Encoded ──► written ──► read back ──► prove ──► Proof  in memory only
//! ```
//!
//! Nothing is taken for equal because of its shape: [`choose`] tries spellings of each read in order of naturalness and keeps the first
//! under which [`prove`] holds. `text` and `binary` keep the value itself and can be decoded; `fields` keeps what its readers read.

mod choose;
mod layout;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    reads::{self, Read, ReadError},
    value::{SecretText, SecretValue},
};

pub use choose::choose;
pub use layout::{decode, encode};

/// How a value is laid out in KV v2. Free of values: it may be stored in a plan and, as its short text, in `custom_metadata`.
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
    /// Top-level members whose JSON type becomes a string (`fields` only), sorted.
    pub stringified: Vec<String>,
}

/// Says that every declared read gives the same bytes from Secrets Manager and from KV v2. Made by [`prove`] only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a proof is what allows a copy to count as verified"]
pub struct Proof {
    reads: usize,
}

impl Proof {
    /// How many reads were compared.
    #[must_use]
    pub fn reads(self) -> usize {
        self.reads
    }
}

/// Why a value can't be carried so that every declared read stays equal. Typed; never quotes a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum Unencodable {
    /// A declared read delivers nothing today, or nothing that can be told exactly.
    #[error("the read of {read} can't be carried: {error}")]
    Unreadable {
        /// Which of the declared reads, counted from 0.
        nth: usize,
        /// That read, as an operator would point at it.
        read: String,
        /// Why.
        error: ReadError,
    },
    /// A read delivers something else, or nothing, from KV v2.
    #[error("the read of {read} would give something else from KV v2{}", .key.as_ref().map(|key| format!(" at key {key:?}")).unwrap_or_default())]
    Differs {
        /// Which of the declared reads, counted from 0.
        nth: usize,
        /// That read, as an operator would point at it.
        read: String,
        /// The first key of the Kubernetes Secret that differs; none where the read itself fails.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
    },
    /// What a read delivers is no UTF-8, and the only place left for it is a JSON object of strings.
    #[error("what the read of {read} delivers is no text, and KV v2 holds text")]
    NotText {
        /// Which of the declared reads, counted from 0.
        nth: usize,
        /// That read, as an operator would point at it.
        read: String,
    },
    /// Its readers need more properties than one entry takes.
    #[error("its readers need more than {} properties in one entry", crate::quota::KV_ENTRY_PROPERTIES)]
    TooManyProperties,
    /// Laid out for its readers, it is larger than an entry may be.
    #[error("laid out for its readers it is larger than the {} bytes of one entry", crate::quota::KV_ENTRY_BYTES)]
    TooLarge,
    /// The choice was made for other reads or another kind of value.
    #[error("the encoding was chosen for other reads, or for a value of another kind")]
    ChoiceMismatch,
}

/// Why an entry can't be turned back into its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undecodable {
    /// `fields` keeps what its readers read, not the value.
    #[error("the encoding keeps what its readers read and not the value itself")]
    NotInvertible,
    /// The reserved property is missing.
    #[error("the reserved property is missing")]
    Missing,
    /// The reserved property holds no base64.
    #[error("the reserved property holds no base64")]
    NotBase64,
}

/// Proves that each of `reads` against Secrets Manager gives the same bytes as its counterpart in `rewritten` against `entry`, compared in
/// constant time. `entry` is what was encoded or, better, what was read back.
///
/// # Errors
/// [`Unencodable`] names the first read, and the first consumer key, that differs.
pub fn prove(
    value: &SecretValue,
    reads: &[Read],
    entry: &BTreeMap<String, SecretText>,
    rewritten: &[Read],
) -> Result<Proof, Unencodable> {
    if reads.len() != rewritten.len() {
        return Err(Unencodable::ChoiceMismatch);
    }
    for (nth, (read, counterpart)) in reads.iter().zip(rewritten).enumerate() {
        let today = reads::from_secrets_manager(value, read).map_err(|error| Unencodable::Unreadable {
            nth,
            read: read.to_string(),
            error,
        })?;
        compare(&today, entry, counterpart).map_err(|key| Unencodable::Differs { nth, read: read.to_string(), key })?;
    }
    Ok(Proof { reads: reads.len() })
}

/// Whether `counterpart` against `entry` delivers what is delivered today; else the first key that differs, if there is one.
fn compare(today: &reads::Delivered, entry: &BTreeMap<String, SecretText>, counterpart: &Read) -> Result<(), Option<String>> {
    let after = reads::from_kv2(entry, counterpart).map_err(|_| None)?;
    if today == &after {
        return Ok(());
    }
    let differs = |key: &&String| today.0.get(*key) != after.0.get(*key);
    Err(today.0.keys().chain(after.0.keys()).find(differs).cloned())
}

impl fmt::Display for Encoding {
    /// `text:PROPERTY`, `binary:PROPERTY`, `fields`, `fields:PROPERTY`: well under the 512 bytes of a `custom_metadata` value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text { property } => write!(f, "text:{property}"),
            Self::Binary { property } => write!(f, "binary:{property}"),
            Self::Fields { whole: None } => f.write_str("fields"),
            Self::Fields { whole: Some(property) } => write!(f, "fields:{property}"),
        }
    }
}

/// A text that names no encoding.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} names no encoding")]
pub struct UnknownEncoding(pub String);

impl FromStr for Encoding {
    type Err = UnknownEncoding;

    fn from_str(text: &str) -> Result<Self, UnknownEncoding> {
        let property = |property: &str| property.to_owned();
        match text.split_once(':') {
            Some(("text", name)) if !name.is_empty() => Ok(Self::Text { property: property(name) }),
            Some(("binary", name)) if !name.is_empty() => Ok(Self::Binary { property: property(name) }),
            Some(("fields", name)) if !name.is_empty() => Ok(Self::Fields { whole: Some(property(name)) }),
            None if text == "fields" => Ok(Self::Fields { whole: None }),
            _ => Err(UnknownEncoding(text.to_owned())),
        }
    }
}
