//! What a secret's value is, and what an application's module calls the secret: what typed modules are made of (SDK-2).

use std::{borrow::Cow, collections::HashSet, fmt, sync::Arc};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::prose::Prose;

/// What the value is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Content {
    /// A text, read as a whole.
    Text,
    /// Bytes.
    Binary,
    /// A JSON object with these properties, each a text; others in it are not read (NAM-4).
    Properties(Properties),
}

/// The names of properties: at least one, each once, in the order in which they were declared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Properties(Vec<Prose>);

/// Why names are no [`Properties`]. Does not quote them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidProperties {
    /// There is none.
    #[error("name at least one property, or say `text`")]
    Empty,
    /// One stands twice.
    #[error("each property is named once")]
    Repeated,
}

impl Properties {
    /// Takes names.
    ///
    /// # Errors
    /// [`InvalidProperties`].
    pub fn new(names: Vec<Prose>) -> Result<Self, InvalidProperties> {
        let mut seen = HashSet::new();
        if names.is_empty() {
            Err(InvalidProperties::Empty)
        } else if names.iter().all(|name| seen.insert(name)) {
            Ok(Self(names))
        } else {
            Err(InvalidProperties::Repeated)
        }
    }

    /// The names.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(Prose::as_str)
    }
}

impl<'de> Deserialize<'de> for Properties {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Vec::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Properties {
    fn schema_name() -> Cow<'static, str> {
        "Properties".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let name = generator.subschema_for::<Prose>();
        json_schema!({ "type": "array", "items": name, "minItems": 1, "uniqueItems": true })
    }
}

/// What an application's module calls a secret: lower case words with single hyphens, 60 characters at most, a letter at its beginning.
/// Each language spells it its own way (`orders-db` is `ordersDb` and `orders_db`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Accessor(Arc<str>);

/// Why a text is no [`Accessor`]. Does not quote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an accessor is lower case letters and digits with single hyphens between words, begins with a letter, and has at most 60 characters"
)]
pub struct InvalidAccessor;

impl Accessor {
    /// More characters than a name that people type should have.
    pub const LONGEST: usize = 60;

    /// Parses an accessor.
    ///
    /// # Errors
    /// [`InvalidAccessor`].
    pub fn parse(text: &str) -> Result<Self, InvalidAccessor> {
        let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let is_one =
            text.len() <= Self::LONGEST && text.starts_with(|c: char| c.is_ascii_lowercase()) && text.split('-').all(is_word);
        if is_one { Ok(Self(text.into())) } else { Err(InvalidAccessor) }
    }

    /// Its words.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.0.split('-')
    }
}

impl fmt::Display for Accessor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for Accessor {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Accessor {
    fn schema_name() -> Cow<'static, str> {
        "Accessor".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[a-z][a-z0-9]*(-[a-z0-9]+)*$", "maxLength": Self::LONGEST })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_accessor_is_words_with_single_hyphens() {
        let longest = format!("a{}", "b".repeat(59));
        for good in ["a", "orders-db", "a1-2", &longest] {
            assert_eq!(Accessor::parse(good).unwrap().to_string(), good);
        }
        for bad in ["", "-a", "a-", "a--b", "A", "1a", "a_b", "é", &format!("{longest}c")] {
            assert_eq!(Accessor::parse(bad), Err(InvalidAccessor), "{bad}");
        }
    }

    #[test]
    fn properties_are_named_once() {
        let names = |names: &[&str]| Properties::new(names.iter().map(|name| Prose::parse(name).unwrap()).collect());
        assert_eq!(names(&["b", "a"]).unwrap().iter().collect::<Vec<_>>(), ["b", "a"]);
        assert_eq!(names(&[]), Err(InvalidProperties::Empty));
        assert_eq!(names(&["a", "b", "a"]), Err(InvalidProperties::Repeated));
    }
}
