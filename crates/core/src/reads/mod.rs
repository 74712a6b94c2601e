//! What a consumer reads from each store: both sides of every row of the delivery table, as pure functions.
//!
//! ```text
//!   SecretValue ──► secrets_manager ──┐                        ┌──► Delivered (what the Kubernetes Secret holds)
//!                                     ├──► Selected ──► controller
//!   KV v2 entry ──► kv2 ──────────────┘     (before keys are converted and values decoded)
//! ```
//!
//! The two providers differ, and so do the two JSON readers behind them: [`gjson`](https://github.com/tidwall/gjson) takes the first of
//! two equal keys and formats numbers, Go's `encoding/json` takes the last and keeps them or squeezes them through a float. What is done
//! here follows External Secrets Operator 0.20.4 (run) and 2.9 (read); in what a *value* becomes, the two agree. Where they do not,
//! which is in metadata and `find`, see [`Read`].
//!
//! Nothing is guessed: what these functions can't follow exactly is a [`ReadError`].

mod controller;
mod float;
mod gjson;
mod json;
mod kv2;
mod secrets_manager;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fmt};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::value::{SecretBytes, SecretText, SecretValue};

pub use gjson::PathFeature;
pub(crate) use json::{marshal_strings, members};
pub(crate) use kv2::marshalled_len;

/// One read that an ExternalSecret does of one secret, in the words of external-secrets.io/v1. The key is the secret itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Read {
    /// `data[]` with `remoteRef.key` only: the whole secret under one key.
    Whole {
        /// `secretKey`: the key in the Kubernetes Secret.
        secret_key: String,
        /// `remoteRef.decodingStrategy`.
        #[serde(default, skip_serializing_if = "DecodingStrategy::is_none")]
        decoding_strategy: DecodingStrategy,
        /// `remoteRef.version`. Only `AWSCURRENT`, or none, can be carried without history.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<String>,
        /// `remoteRef.metadataPolicy`.
        #[serde(default, skip_serializing_if = "MetadataPolicy::is_none")]
        metadata_policy: MetadataPolicy,
    },
    /// `data[]` with `remoteRef.property`.
    Property {
        /// `secretKey`: the key in the Kubernetes Secret.
        secret_key: String,
        /// `remoteRef.property`: a literal key or a gjson path.
        property: String,
        /// `remoteRef.decodingStrategy`.
        #[serde(default, skip_serializing_if = "DecodingStrategy::is_none")]
        decoding_strategy: DecodingStrategy,
        /// `remoteRef.version`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<String>,
        /// `remoteRef.metadataPolicy`.
        #[serde(default, skip_serializing_if = "MetadataPolicy::is_none")]
        metadata_policy: MetadataPolicy,
    },
    /// `dataFrom[].extract`: every member of a JSON object.
    Extract {
        /// `extract.property`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        property: Option<String>,
        /// `extract.conversionStrategy`.
        #[serde(default, skip_serializing_if = "ConversionStrategy::is_default")]
        conversion_strategy: ConversionStrategy,
        /// `extract.decodingStrategy`.
        #[serde(default, skip_serializing_if = "DecodingStrategy::is_none")]
        decoding_strategy: DecodingStrategy,
        /// `extract.version`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<String>,
        /// `extract.metadataPolicy`.
        #[serde(default, skip_serializing_if = "MetadataPolicy::is_none")]
        metadata_policy: MetadataPolicy,
        /// The `rewrite` list of the `dataFrom` entry: where there is one, keys go through it instead of the conversion.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        rewrite: Vec<Rewrite>,
    },
    /// `dataFrom[].find` that matches this secret today: the whole secret under a key made from its name. What else it matches is not
    /// told here. Against KV v2 it is spelled out as an explicit read, so secrets made later no longer join by themselves.
    Find {
        /// The name under which Secrets Manager lists the secret; the key in the Kubernetes Secret is made from it.
        name: String,
        /// `find.conversionStrategy`.
        #[serde(default, skip_serializing_if = "ConversionStrategy::is_default")]
        conversion_strategy: ConversionStrategy,
        /// `find.decodingStrategy`.
        #[serde(default, skip_serializing_if = "DecodingStrategy::is_none")]
        decoding_strategy: DecodingStrategy,
    },
}

/// `decodingStrategy` of external-secrets.io/v1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum DecodingStrategy {
    /// As it is.
    #[default]
    None,
    /// Standard base64.
    Base64,
    /// URL-safe base64.
    Base64URL,
    /// Tries both, else as it is.
    Auto,
}

/// `conversionStrategy` of external-secrets.io/v1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum ConversionStrategy {
    /// A character that a key can't hold becomes `_`.
    #[default]
    Default,
    /// It becomes its code point: `_U0040_`.
    Unicode,
}

/// `metadataPolicy` of external-secrets.io/v1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum MetadataPolicy {
    /// The value.
    #[default]
    None,
    /// Tags or custom metadata instead of the value.
    Fetch,
}

/// One item of `dataFrom[].rewrite`. What it makes of keys and values depends on nothing but them, so what is equal before it is equal after
/// it; it is carried as it is and not followed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Rewrite {
    /// Keys that match a regular expression of Go's syntax.
    Regexp {
        /// The expression.
        source: String,
        /// What it becomes, `$1` being its first group.
        target: String,
    },
    /// Keys by template.
    Transform {
        /// Go template of a key; `{{ .value }}` is the key it had.
        template: String,
    },
    /// JSON objects under several keys become one.
    Merge {
        /// `into`: the key for the outcome, with strategy `JSON`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        into: Option<String>,
        /// `priority`: keys that win, the first least.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        priority: Vec<String>,
        /// `priorityPolicy`, from 0.20 on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        priority_policy: Option<MergePriorityPolicy>,
        /// `strategy`
        #[serde(default, skip_serializing_if = "Option::is_none")]
        strategy: Option<MergeStrategy>,
        /// `conflictPolicy`
        #[serde(default, skip_serializing_if = "Option::is_none")]
        conflict_policy: Option<MergeConflictPolicy>,
    },
}

/// `rewrite[].merge.priorityPolicy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum MergePriorityPolicy {
    /// A key of `priority` may be missing.
    IgnoreNotFound,
    /// It may not.
    Strict,
}

/// `rewrite[].merge.strategy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum MergeStrategy {
    /// Members become keys.
    Extract,
    /// Members become one JSON object.
    #[serde(rename = "JSON")]
    Json,
}

/// `rewrite[].merge.conflictPolicy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum MergeConflictPolicy {
    /// The later one wins.
    Ignore,
    /// Two equal keys are an error.
    Error,
}

/// What one read puts into the Kubernetes Secret: key → bytes.
#[derive(Debug, PartialEq, Eq)]
pub struct Delivered(pub BTreeMap<String, SecretBytes>);

/// What a provider answers, before the controller converts keys and decodes values.
#[derive(Debug)]
pub(crate) enum Selected {
    /// `GetSecret`.
    One(SecretBytes),
    /// `GetSecretMap`.
    Many(BTreeMap<String, SecretBytes>),
}

/// Why a read delivers nothing, or nothing that can be told exactly. Names keys and properties, never a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase", tag = "error")]
pub enum ReadError {
    /// It asks for a version other than the current one, and history is not carried.
    #[error("it asks for version {version:?}, and only the current version is carried")]
    Version {
        /// As the read says it.
        version: String,
    },
    /// It asks for tags instead of the value, and tags are not carried.
    #[error("it asks for tags (metadataPolicy: Fetch), which are not carried")]
    Metadata,
    /// There is no such property.
    #[error("there is no property {property:?}")]
    NoProperty {
        /// The property asked for.
        property: String,
    },
    /// `extract` of something that is no JSON object.
    #[error("it extracts members of something that is no JSON object")]
    NotAnObject,
    /// A gjson path beyond dots, indexes and literal keys.
    #[error("property {property:?} uses {feature}, which can't be followed exactly")]
    UnsupportedPath {
        /// The property asked for.
        property: String,
        /// What is not followed.
        feature: PathFeature,
    },
    /// A number that JSON does not allow: gjson would make something of it, encoding/json would refuse it.
    #[error("what stands at {key:?} looks like a number and is none")]
    MalformedNumber {
        /// Where.
        key: String,
    },
    /// A number too large for a float: Go refuses to parse it.
    #[error("a number is too large for the controller to parse")]
    NumberOutOfRange,
    /// Nested deeper than anything reasonable.
    #[error("it is nested too deeply")]
    TooDeep,
    /// Half of a surrogate pair: the two JSON readers make different things of it.
    #[error("what stands at {key:?} holds half of a surrogate pair, which is no character")]
    LoneSurrogate {
        /// Where.
        key: String,
    },
    /// `decodingStrategy` does not fit.
    #[error("what stands at {key:?} can't be decoded as its decodingStrategy says")]
    NotDecodable {
        /// The key in the Kubernetes Secret.
        key: String,
    },
    /// Two members get one key after conversion.
    #[error("two members become the key {key:?}")]
    KeyCollision {
        /// The key in the Kubernetes Secret.
        key: String,
    },
    /// The controller or Kubernetes refuses the key.
    #[error("{key:?} can't be a key of a Kubernetes Secret")]
    KeyRefused {
        /// The key in the Kubernetes Secret.
        key: String,
    },
}

/// What the consumer gets from Secrets Manager.
///
/// # Errors
/// [`ReadError`] where the controller fails, or does something that is not followed here.
pub fn from_secrets_manager(value: &SecretValue, read: &Read) -> Result<Delivered, ReadError> {
    controller::deliver(read, select_from_secrets_manager(value, read)?)
}

/// What the consumer gets from a KV v2 entry whose fields are all strings.
///
/// # Errors
/// As for [`from_secrets_manager`].
pub fn from_kv2(entry: &BTreeMap<String, SecretText>, read: &Read) -> Result<Delivered, ReadError> {
    controller::deliver(read, kv2::select(entry, read)?)
}

/// What the Secrets Manager provider answers.
pub(crate) fn select_from_secrets_manager(value: &SecretValue, read: &Read) -> Result<Selected, ReadError> {
    secrets_manager::select(value, read)
}

/// The key under which a [`Read::Find`] delivers the secret; `None` for another read, or where no key can be made of the name.
#[must_use]
pub fn key_of_find(read: &Read) -> Option<String> {
    match read {
        Read::Find { name, conversion_strategy, .. } => controller::converted(*conversion_strategy, name).ok(),
        _ => None,
    }
}

impl Read {
    /// The whole secret under `secret_key`, nothing else said.
    #[must_use]
    pub fn whole(secret_key: impl Into<String>) -> Self {
        Self::Whole {
            secret_key: secret_key.into(),
            decoding_strategy: DecodingStrategy::None,
            version: None,
            metadata_policy: MetadataPolicy::None,
        }
    }

    /// One property under `secret_key`, nothing else said.
    #[must_use]
    pub fn property(secret_key: impl Into<String>, property: impl Into<String>) -> Self {
        Self::Property {
            secret_key: secret_key.into(),
            property: property.into(),
            decoding_strategy: DecodingStrategy::None,
            version: None,
            metadata_policy: MetadataPolicy::None,
        }
    }

    /// Every member, nothing else said.
    #[must_use]
    pub fn extract() -> Self {
        Self::Extract {
            property: None,
            conversion_strategy: ConversionStrategy::Default,
            decoding_strategy: DecodingStrategy::None,
            version: None,
            metadata_policy: MetadataPolicy::None,
            rewrite: Vec::new(),
        }
    }

    /// The same read with another decoding strategy.
    #[must_use]
    pub fn decoded(mut self, strategy: DecodingStrategy) -> Self {
        match &mut self {
            Self::Whole { decoding_strategy, .. }
            | Self::Property { decoding_strategy, .. }
            | Self::Extract { decoding_strategy, .. }
            | Self::Find { decoding_strategy, .. } => *decoding_strategy = strategy,
        }
        self
    }

    /// `decodingStrategy`.
    #[must_use]
    pub fn decoding_strategy(&self) -> DecodingStrategy {
        match self {
            Self::Whole { decoding_strategy, .. }
            | Self::Property { decoding_strategy, .. }
            | Self::Extract { decoding_strategy, .. }
            | Self::Find { decoding_strategy, .. } => *decoding_strategy,
        }
    }

    /// The property it names. The controller takes an empty one for none.
    #[must_use]
    pub fn named_property(&self) -> Option<&str> {
        match self {
            Self::Property { property, .. } | Self::Extract { property: Some(property), .. } if !property.is_empty() => {
                Some(property)
            }
            _ => None,
        }
    }

    /// Whether it takes members apart (`dataFrom.extract`) rather than one piece.
    #[must_use]
    pub fn is_extract(&self) -> bool {
        matches!(self, Self::Extract { .. })
    }

    /// Refuses what is not about the current value.
    fn about_current_value(&self) -> Result<(), ReadError> {
        let (version, metadata_policy) = match self {
            Self::Whole { version, metadata_policy, .. }
            | Self::Property { version, metadata_policy, .. }
            | Self::Extract { version, metadata_policy, .. } => (version.as_deref(), *metadata_policy),
            Self::Find { .. } => (None, MetadataPolicy::None),
        };
        if metadata_policy == MetadataPolicy::Fetch {
            return Err(ReadError::Metadata);
        }
        match version {
            // The provider's own default when the field is empty (secretsmanager.go, `fetch`).
            None | Some("" | "AWSCURRENT") => Ok(()),
            Some(version) => Err(ReadError::Version { version: version.to_owned() }),
        }
    }
}

impl fmt::Display for Read {
    /// As an operator would point at it: never holds a value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole { secret_key, .. } => write!(f, "secretKey {secret_key:?}"),
            Self::Property { secret_key, property, .. } => write!(f, "secretKey {secret_key:?} (property {property:?})"),
            Self::Extract { property: Some(property), .. } => write!(f, "extract (property {property:?})"),
            Self::Extract { property: None, .. } => f.write_str("extract"),
            Self::Find { name, .. } => write!(f, "find ({name:?})"),
        }
    }
}

impl DecodingStrategy {
    fn is_none(&self) -> bool {
        *self == Self::None
    }
}

impl ConversionStrategy {
    fn is_default(&self) -> bool {
        *self == Self::Default
    }
}

impl MetadataPolicy {
    fn is_none(&self) -> bool {
        *self == Self::None
    }
}
