//! Names as Kubernetes takes them: objects and namespaces. (The keys of a Secret are made by the controller, see `reads`.)

use std::{borrow::Cow, collections::BTreeMap, fmt, sync::Arc};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::SecretName;

/// The name of an object: an RFC 1123 subdomain, at most 253 characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct KubernetesName(Arc<str>);

/// The name of a namespace: an RFC 1123 label, at most 63 characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Namespace(Arc<str>);

/// Why a text is no name for Kubernetes. Never quotes the text, which may stand where it does by mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKubernetesName {
    /// No [`KubernetesName`].
    #[error(
        "a Kubernetes object's name has 1 to 253 lower case letters, digits, `-` and `.`, with a letter or digit at both ends and around each `.`"
    )]
    Object,
    /// No [`Namespace`].
    #[error("a namespace has 1 to 63 lower case letters, digits and `-`, and begins and ends with a letter or digit")]
    Namespace,
}

const SUBDOMAIN: &str = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
const LABEL: &str = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";

fn is_label(text: &str) -> bool {
    let edge = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let bytes = text.as_bytes();
    edge(bytes.first()) && edge(bytes.last()) && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
}

impl KubernetesName {
    /// Parses a name.
    ///
    /// # Errors
    /// [`InvalidKubernetesName::Object`].
    pub fn parse(text: &str) -> Result<Self, InvalidKubernetesName> {
        if text.len() <= 253 && text.split('.').all(is_label) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidKubernetesName::Object)
        }
    }

    /// The object name that stands for a secret: lower case, and whatever Kubernetes refuses becomes a hyphen. Always the same for
    /// the same name; two names may give the same, which [`distinct`] finds.
    ///
    /// # Errors
    /// [`InvalidKubernetesName::Object`] where nothing usable remains or it is too long.
    pub fn for_secret(name: &SecretName) -> Result<Self, InvalidKubernetesName> {
        let plain = name.as_str().to_ascii_lowercase();
        let words: Vec<&str> = plain.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
        Self::parse(&words.join("-"))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Namespace {
    /// Parses a namespace.
    ///
    /// # Errors
    /// [`InvalidKubernetesName::Namespace`].
    pub fn parse(text: &str) -> Result<Self, InvalidKubernetesName> {
        if text.len() <= 63 && is_label(text) { Ok(Self(text.into())) } else { Err(InvalidKubernetesName::Namespace) }
    }

    /// The namespace.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Two things that would get one name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{first} and {second} would both be called {shared}")]
pub struct Collision {
    /// The one that came first.
    pub first: SecretName,
    /// The other one.
    pub second: SecretName,
    /// The name both would get.
    pub shared: String,
}

/// Why a set of secrets gets no object names.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoObjectNames {
    /// A name gives no object name.
    #[error("no Kubernetes object name can be made of {name}")]
    Invalid {
        /// The secret.
        name: SecretName,
        /// Why.
        source: InvalidKubernetesName,
    },
    /// Two names give the same.
    #[error(transparent)]
    Collision(#[from] Collision),
}

/// The object name of each secret, all of them different.
///
/// # Errors
/// [`NoObjectNames`] for the first secret that can't have one of its own.
pub fn distinct<'a>(
    names: impl IntoIterator<Item = &'a SecretName>,
) -> Result<BTreeMap<SecretName, KubernetesName>, NoObjectNames> {
    let mut given = BTreeMap::new();
    let mut owners: BTreeMap<KubernetesName, &SecretName> = BTreeMap::new();
    for name in names {
        let object = KubernetesName::for_secret(name).map_err(|source| NoObjectNames::Invalid { name: name.clone(), source })?;
        if let Some(first) = owners.insert(object.clone(), name).filter(|first| *first != name) {
            return Err(Collision { first: first.clone(), second: name.clone(), shared: object.to_string() }.into());
        }
        given.insert(name.clone(), object);
    }
    Ok(given)
}

macro_rules! parsed_text {
    ($($type:ident: $schema:expr;)*) => {$(
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    )*};
}
parsed_text! {
    KubernetesName: json_schema!({ "type": "string", "maxLength": 253, "pattern": SUBDOMAIN });
    Namespace: json_schema!({ "type": "string", "maxLength": 63, "pattern": LABEL });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> SecretName {
        SecretName::parse(text).unwrap()
    }

    #[test]
    fn an_object_name_is_made_of_any_ordinary_name() {
        let made = |text: &str| KubernetesName::for_secret(&name(text)).map(|made| made.to_string());
        assert_eq!(made("platform-data/postgres/orders"), Ok("platform-data-postgres-orders".into()));
        assert_eq!(made("/Prod/DB_Main.v2@x/"), Ok("prod-db-main-v2-x".into()));
        assert_eq!(made("///"), Err(InvalidKubernetesName::Object));
        assert_eq!(made(&"a".repeat(254)), Err(InvalidKubernetesName::Object));
    }

    #[test]
    fn two_secrets_with_one_object_name_are_told_by_name() {
        let clash = distinct([&name("a/b"), &name("a-b")]).unwrap_err();
        assert_eq!(clash.to_string(), "a/b and a-b would both be called a-b");
        assert_eq!(distinct([&name("a/b"), &name("a/c")]).unwrap().len(), 2);
    }

    #[test]
    fn kubernetes_rules_for_objects_and_namespaces() {
        for good in ["a", "a.b", "orders-db", "0a"] {
            assert!(KubernetesName::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "A", "a..b", "-a", "a-", "a_b", ".a"] {
            assert!(KubernetesName::parse(bad).is_err(), "{bad}");
        }
        assert!(Namespace::parse("a.b").is_err());
        assert!(Namespace::parse(&"n".repeat(64)).is_err());
    }
}
