//! Free texts of an inventory.

use std::{borrow::Cow, fmt, sync::Arc};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A free text: not empty, no blanks around it, at most 2,048 characters, no control characters but line breaks and tabs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Prose(Arc<str>);

/// Why a text is no [`Prose`]. Does not quote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidProse {
    /// Empty, or with blanks around it.
    #[error("a text is neither empty nor surrounded by blanks")]
    Blanks,
    /// Too long.
    #[error("a text has at most {} characters", crate::quota::DESCRIPTION_CHARACTERS)]
    Length,
    /// A control character.
    #[error("a text holds no control characters but line breaks and tabs")]
    Control,
}

impl Prose {
    /// Parses a text.
    ///
    /// # Errors
    /// [`InvalidProse`].
    pub fn parse(text: &str) -> Result<Self, InvalidProse> {
        if text.is_empty() || text.trim() != text {
            Err(InvalidProse::Blanks)
        } else if text.chars().count() > crate::quota::DESCRIPTION_CHARACTERS {
            Err(InvalidProse::Length)
        } else if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
            Err(InvalidProse::Control)
        } else {
            Ok(Self(text.into()))
        }
    }

    /// A text of our own, known to be one.
    pub(super) fn fixed(text: &'static str) -> Self {
        debug_assert!(Self::parse(text).is_ok(), "texts of our own keep the rule");
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Prose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for Prose {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Block scalars (`|`) end in a line break that nobody means.
        let text = String::deserialize(deserializer)?;
        Self::parse(text.strip_suffix('\n').unwrap_or(&text)).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Prose {
    fn schema_name() -> Cow<'static, str> {
        "Prose".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1, "maxLength": crate::quota::DESCRIPTION_CHARACTERS })
    }
}
