//! Names, and the only place that turns a name into an AWS id, a Vault path or a Kubernetes name (NAM-1…5).

pub mod arn;
pub mod convention;
pub mod kubernetes;
pub mod property;
pub mod vault;

use std::{borrow::Cow, fmt, sync::Arc};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A secret's name as Secrets Manager takes it: 1 to 512 of `A-Za-z0-9/_+=.@-`, and `!` in names that AWS services make
/// (<https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html>). Conventional or legacy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct SecretName(Arc<str>);

/// The full ARN of a secret, its random suffix included.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretArn(Arc<str>);

/// A path below a KV v2 mount, already clean: Vault answers it under exactly this spelling.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct VaultPath(Arc<str>);

/// Why a text is no [`SecretName`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSecretName {
    /// Empty, or longer than 512.
    #[error("a secret's name has 1 to 512 characters, this one has {0}")]
    Length(usize),
    /// A character that Secrets Manager refuses.
    #[error(
        "a secret's name can't hold {0:?}; Secrets Manager takes A-Z a-z 0-9 / _ + = . @ - (and ! in names made by AWS services)"
    )]
    Character(char),
}

/// Why a name is no [`VaultPath`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidVaultPath {
    /// Vault cleans the path, so it would answer under another name.
    #[error("Vault would read {0:?} as {1:?}")]
    NotClean(String, String),
    /// Empty after cleaning.
    #[error("the path is empty")]
    Empty,
}

impl SecretName {
    /// Parses a name.
    ///
    /// # Errors
    /// [`InvalidSecretName`].
    pub fn parse(text: &str) -> Result<Self, InvalidSecretName> {
        if text.is_empty() || text.len() > 512 {
            return Err(InvalidSecretName::Length(text.chars().count()));
        }
        match text.chars().find(|c| !(c.is_ascii_alphanumeric() || "/_+=.@-!".contains(*c))) {
            Some(c) => Err(InvalidSecretName::Character(c)),
            None => Ok(Self(text.into())),
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path of this name below a KV v2 mount: the same text, where Vault keeps it as it is (NAM-3).
    ///
    /// # Errors
    /// [`InvalidVaultPath`] where Vault would clean it (`//`, leading or trailing `/`, `/./`, `/../`).
    pub fn vault_path(&self) -> Result<VaultPath, InvalidVaultPath> {
        VaultPath::parse(&self.0)
    }
}

impl<'de> Deserialize<'de> for SecretName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for SecretName {
    fn schema_name() -> Cow<'static, str> {
        "SecretName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[A-Za-z0-9/_+=.@!-]{1,512}$" })
    }
}

impl SecretArn {
    /// Wraps what the API answered.
    #[must_use]
    pub fn new(arn: impl Into<Arc<str>>) -> Self {
        Self(arn.into())
    }

    /// The ARN.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl VaultPath {
    /// Parses a path.
    ///
    /// # Errors
    /// [`InvalidVaultPath`] where Vault would clean it.
    pub fn parse(text: &str) -> Result<Self, InvalidVaultPath> {
        let clean = vault::cleaned(text);
        if clean.is_empty() {
            Err(InvalidVaultPath::Empty)
        } else if clean == text {
            Ok(Self(text.into()))
        } else {
            Err(InvalidVaultPath::NotClean(text.to_owned(), clean))
        }
    }

    /// The path, without mount and without leading or trailing slash.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for VaultPath {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
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
display_inner!(SecretName, SecretArn, VaultPath);
