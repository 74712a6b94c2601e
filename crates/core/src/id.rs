//! Numbers and short names that must not be confused with each other: versions, epochs, waves, ledgers.

use std::{fmt, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A `VersionId` of Secrets Manager: 32 to 64 characters, in practice a UUID. Random, hence not derived from a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SourceVersion(Arc<str>);

/// A version number of a KV v2 entry. The first is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TargetVersion(pub u64);

/// A term: every run that may act takes the lead by raising it. 0 means that nobody has led yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub u64);

/// The name of a wave: lower case letters, digits and hyphens, 1 to 40 characters, so that it fits into a policy Sid, a tag and a file name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct WaveName(Arc<str>);

/// Identifies one ledger for ever; random, made when the ledger is created.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LedgerId(Arc<str>);

impl SourceVersion {
    /// Wraps what the API answered.
    #[must_use]
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self(id.into())
    }

    /// The id as the API spells it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Epoch {
    /// The epoch that a run takes when it takes the lead from this one.
    #[must_use]
    pub fn raised(self) -> Self {
        Self(self.0 + 1)
    }
}

/// Why a text is no [`WaveName`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a wave name has 1 to 40 lower case letters, digits and hyphens and begins with a letter or digit; {0:?} does not fit")]
pub struct InvalidWaveName(pub String);

impl WaveName {
    /// Characters of the longest name.
    pub const LONGEST: usize = 40;

    /// Parses a wave name.
    ///
    /// # Errors
    /// [`InvalidWaveName`] where it breaks the rule in the type's description.
    pub fn parse(text: &str) -> Result<Self, InvalidWaveName> {
        let fits = (1..=Self::LONGEST).contains(&text.len())
            && !text.starts_with('-')
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if fits { Ok(Self(text.into())) } else { Err(InvalidWaveName(text.to_owned())) }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for WaveName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl LedgerId {
    /// Wraps an id made at the rim (a UUID).
    #[must_use]
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self(id.into())
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Names one delivery, through which a consumer reads: `orders/orders-db` for an ExternalSecret, `ClusterExternalSecret orders-db` for one
/// that makes several. As [`crate::inventory::ExternalSecretId`] is shown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeliveryName(Arc<str>);

impl DeliveryName {
    /// The name of an ExternalSecret, or of a ClusterExternalSecret where there is no namespace.
    #[must_use]
    pub fn external_secret(namespace: Option<&str>, name: &str) -> Self {
        let shown = namespace.map_or_else(|| format!("ClusterExternalSecret {name}"), |namespace| format!("{namespace}/{name}"));
        Self(shown.into())
    }

    /// Wraps a name as the inventory shows it.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! display_inner {
    ($($type:ty),*) => {$(
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}
display_inner!(SourceVersion, TargetVersion, Epoch, WaveName, LedgerId, DeliveryName);
