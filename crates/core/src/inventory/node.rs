//! A YAML document as a tree that remembers where everything stood. Scalars that are no text lose their content at once: the
//! inventory has no place for numbers, and what stands there by mistake may be a value.

use std::fmt;

use serde::{Deserialize, Deserializer, de};
use serde_saphyr::{Location, Spanned};

/// A place in the file, both counted from 1. Columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Line.
    pub line: u64,
    /// Column.
    pub column: u64,
}

/// A thing at its place. No `Debug`: it may hold what should not have been written down.
pub(super) struct Node {
    pub(super) at: Position,
    pub(super) content: Content,
}

/// A thing.
pub(super) enum Content {
    Null,
    Bool(bool),
    Number,
    Text(String),
    List(Vec<Node>),
    /// Keys in the order of the file, repeated ones included.
    Map(Vec<(Key, Node)>),
}

/// A key at its place.
pub(super) struct Key {
    pub(super) at: Position,
    pub(super) text: String,
}

/// What kind of thing stands somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Nothing, `null` or `~`.
    Nothing,
    /// `true` or `false`.
    Boolean,
    /// A number, or a text that YAML reads as one.
    Number,
    /// A text.
    Text,
    /// A list.
    List,
    /// A mapping of keys to values.
    Mapping,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "nothing",
            Self::Boolean => "true or false",
            Self::Number => "a number",
            Self::Text => "a text",
            Self::List => "a list",
            Self::Mapping => "a mapping",
        })
    }
}

impl From<Location> for Position {
    fn from(location: Location) -> Self {
        Self { line: location.line(), column: location.column() }
    }
}

impl Node {
    /// Reads one YAML document.
    ///
    /// # Errors
    /// Where the text is no YAML, holds several documents, or goes beyond what an inventory of 50,000 secrets needs.
    pub(super) fn read(text: &str) -> Result<Self, serde_saphyr::Error> {
        // About 12 nodes and 26 events an entry were counted; the default budget ends at some 20,000 entries.
        let options = serde_saphyr::options! {
            budget: serde_saphyr::budget! {
                max_events: 20_000_000,
                max_nodes: 10_000_000,
                max_total_scalar_bytes: 512 * 1024 * 1024,
                // One more than is taken, so that a second one is told apart from sheer size.
                max_documents: 2,
            },
            duplicate_keys: serde_saphyr::options::DuplicateKeyPolicy::PassThrough,
            merge_keys: serde_saphyr::options::MergeKeyPolicy::Error,
            strict_booleans: true,
            non_finite_float_policy: serde_saphyr::NonFiniteFloatPolicy::PassThrough,
            // A snippet would print neighbouring lines, which may hold what should not have been written down.
            with_snippet: false,
            emit_comments: false,
        };
        serde_saphyr::from_str_with_options(text, options)
    }

    pub(super) fn shape(&self) -> Shape {
        match &self.content {
            Content::Null => Shape::Nothing,
            Content::Bool(_) => Shape::Boolean,
            Content::Number => Shape::Number,
            Content::Text(_) => Shape::Text,
            Content::List(_) => Shape::List,
            Content::Map(_) => Shape::Mapping,
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn items(&self) -> &[Node] {
        match &self.content {
            Content::List(items) => items,
            _ => &[],
        }
    }

    pub(super) fn entries(&self) -> &[(Key, Node)] {
        match &self.content {
            Content::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The first value under a key.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|(k, _)| k.text == key).map(|(_, node)| node)
    }

    /// Where the value under a key stands, or else this node.
    pub(super) fn at(&self, key: &str) -> Position {
        self.get(key).map_or(self.at, |node| node.at)
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Content>::deserialize(deserializer)?;
        Ok(Self { at: spanned.referenced.into(), content: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<String>::deserialize(deserializer)?;
        Ok(Self { at: spanned.referenced.into(), text: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Content;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }

            fn visit_unit<E>(self) -> Result<Content, E> {
                Ok(Content::Null)
            }

            fn visit_none<E>(self) -> Result<Content, E> {
                Ok(Content::Null)
            }

            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Content, D::Error> {
                Content::deserialize(deserializer)
            }

            fn visit_bool<E>(self, truth: bool) -> Result<Content, E> {
                Ok(Content::Bool(truth))
            }

            fn visit_i64<E>(self, _: i64) -> Result<Content, E> {
                Ok(Content::Number)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Content, E> {
                Ok(Content::Number)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Content, E> {
                Ok(Content::Number)
            }

            fn visit_str<E>(self, text: &str) -> Result<Content, E> {
                Ok(Content::Text(text.to_owned()))
            }

            fn visit_string<E>(self, text: String) -> Result<Content, E> {
                Ok(Content::Text(text))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Content, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Content::List(items))
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Content, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Content::Map(entries))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}
