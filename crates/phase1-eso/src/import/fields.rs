//! Reads fields of a manifest into types, and remembers every one that does not fit.

use std::{cell::RefCell, collections::BTreeMap, fmt::Display, str::FromStr};

use migrate_core::inventory::{Position, Suspicion, suspicion};
use serde::{
    Deserialize,
    de::{IntoDeserializer as _, value::StrDeserializer},
};

use super::finding::{FindingKind, LeftAlone, NotKept};
use crate::yaml::{Content, Node, push_key};

/// What was found while one object was read: place, path, kind.
#[derive(Default)]
pub(super) struct Notes(RefCell<Vec<(Position, String, FindingKind)>>);

impl Notes {
    pub(super) fn add(&self, at: Position, path: &str, kind: FindingKind) {
        self.0.borrow_mut().push((at, path.to_owned(), kind));
    }

    /// Whether the object is to be left alone.
    pub(super) fn leave_alone(&self) -> bool {
        self.0.borrow().iter().any(|(.., kind)| matches!(kind, FindingKind::LeftAlone(_)))
    }

    pub(super) fn into_inner(self) -> Vec<(Position, String, FindingKind)> {
        self.0.into_inner()
    }
}

/// A mapping of a manifest, and the way to it. Reading a field asks for it.
pub(super) struct Fields<'n> {
    pub(super) node: &'n Node,
    pub(super) path: String,
    notes: &'n Notes,
}

impl<'n> Fields<'n> {
    /// The whole object.
    pub(super) fn of(node: &'n Node, notes: &'n Notes) -> Self {
        Self { node, path: String::new(), notes }
    }

    fn path_of(&self, key: &str) -> String {
        let mut path = self.path.clone();
        push_key(&mut path, key);
        path
    }

    /// Notes something about a field, or about this whole where the key is empty.
    pub(super) fn note(&self, key: &str, kind: FindingKind) {
        let path = if key.is_empty() { self.path.clone() } else { self.path_of(key) };
        self.notes.add(self.node.place_of(key), &path, kind);
    }

    pub(super) fn unfit(&self, key: &str, rule: impl Display) {
        self.note(key, FindingKind::LeftAlone(LeftAlone::Unfit(rule.to_string())));
    }

    /// The node under a key; Kubernetes takes `null` for nothing.
    pub(super) fn node(&self, key: &str) -> Option<&'n Node> {
        self.node.get(key).filter(|node| !matches!(node.content, Content::Null))
    }

    /// Whether there is such a key; it is not asked for.
    pub(super) fn has(&self, key: &str) -> bool {
        self.node.peek(key).is_some_and(|node| !matches!(node.content, Content::Null))
    }

    pub(super) fn text(&self, key: &str) -> Option<String> {
        let node = self.node(key)?;
        let Some(text) = node.text() else {
            self.unfit(key, format_args!("a text is expected, not {}", node.shape()));
            return None;
        };
        if let Some(suspicion) = suspicion(text) {
            self.note(key, FindingKind::LeftAlone(LeftAlone::LooksLikeValue(suspicion)));
            return None;
        }
        Some(text.to_owned())
    }

    pub(super) fn required(&self, key: &str) -> String {
        if !self.has(key) {
            self.unfit("", format_args!("`{key}` is missing"));
        }
        self.text(key).unwrap_or_default()
    }

    /// A text that has a type of its own. The rule comes from the type, and never quotes.
    pub(super) fn parsed<T, E: Display>(&self, key: &str, parse: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        match parse(&self.text(key)?) {
            Ok(parsed) => Some(parsed),
            Err(rule) => {
                self.unfit(key, rule);
                None
            }
        }
    }

    pub(super) fn typed<T: FromStr<Err: Display>>(&self, key: &str) -> Option<T> {
        self.parsed(key, T::from_str)
    }

    /// One of the values of an enum.
    pub(super) fn one_of<T: for<'de> Deserialize<'de>>(&self, key: &str) -> Option<T> {
        self.parsed(key, |text| {
            let text: StrDeserializer<'_, serde::de::value::Error> = text.into_deserializer();
            T::deserialize(text).map_err(|_| "not one of the values that are known for this field")
        })
    }

    pub(super) fn truth(&self, key: &str) -> Option<bool> {
        let node = self.node(key)?;
        if node.truth().is_none() {
            self.unfit(key, format_args!("true or false is expected, not {}", node.shape()));
        }
        node.truth()
    }

    /// The mapping under a key.
    pub(super) fn within(&self, key: &str) -> Option<Self> {
        let node = self.node(key)?;
        if !matches!(node.content, Content::Map(_)) {
            self.unfit(key, format_args!("a mapping is expected, not {}", node.shape()));
            return None;
        }
        Some(Self { node, path: self.path_of(key), notes: self.notes })
    }

    fn nodes(&self, key: &str) -> Vec<(String, &'n Node)> {
        let Some(node) = self.node(key) else { return Vec::new() };
        if !matches!(node.content, Content::List(_)) {
            self.unfit(key, format_args!("a list is expected, not {}", node.shape()));
        }
        let path = self.path_of(key);
        node.get_items().enumerate().map(|(index, item)| (format!("{path}[{index}]"), item)).collect()
    }

    /// The mappings of a list.
    pub(super) fn items(&self, key: &str) -> Vec<Self> {
        let nodes = self.nodes(key).into_iter();
        let items = nodes.map(|(path, node)| Self { node, path, notes: self.notes }).inspect(|item| {
            if !matches!(item.node.content, Content::Map(_)) {
                item.unfit("", format_args!("a mapping is expected, not {}", item.node.shape()));
            }
        });
        items.collect()
    }

    /// The texts of a list.
    pub(super) fn texts(&self, key: &str) -> Vec<String> {
        let mut texts = Vec::new();
        for (path, node) in self.nodes(key) {
            let kind = match node.text() {
                Some(text) => match suspicion(text) {
                    None => {
                        texts.push(text.to_owned());
                        continue;
                    }
                    Some(suspicion) => LeftAlone::LooksLikeValue(suspicion),
                },
                None => LeftAlone::Unfit(format!("a text is expected, not {}", node.shape())),
            };
            self.notes.add(node.at, &path, FindingKind::LeftAlone(kind));
        }
        texts
    }

    /// Templates, tags and the like: what looks like a value leaves the object alone.
    pub(super) fn map(&self, key: &str) -> BTreeMap<String, String> {
        self.entries(key, "", |suspicion| FindingKind::LeftAlone(LeftAlone::LooksLikeValue(suspicion)))
    }

    /// Labels and annotations: what looks like a value is left out.
    pub(super) fn metadata(&self, key: &str) -> BTreeMap<String, String> {
        self.entries(key, "", |suspicion| FindingKind::NotKept(NotKept::LooksLikeValue(suspicion)))
    }

    /// The same without one key, which is not asked for.
    pub(super) fn without(&self, key: &str, left_out: &str) -> BTreeMap<String, String> {
        self.entries(key, left_out, |suspicion| FindingKind::NotKept(NotKept::LooksLikeValue(suspicion)))
    }

    fn entries(&self, key: &str, left_out: &str, kind: impl Fn(Suspicion) -> FindingKind) -> BTreeMap<String, String> {
        let mut entries = BTreeMap::new();
        let Some(within) = self.within(key) else { return entries };
        let keys = within.node.entries().iter().map(|(key, _)| key).filter(|key| key.text != left_out);
        for (key, node) in keys.filter_map(|key| Some((key, within.node.get(&key.text)?))) {
            let Some(text) = node.text() else {
                within.unfit(&key.text, format_args!("a text is expected, not {}", node.shape()));
                continue;
            };
            match suspicion(&key.text).or_else(|| suspicion(text)) {
                Some(suspicion) => within.notes.add(key.at, &within.path, kind(suspicion)),
                None => {
                    entries.insert(key.text.clone(), text.to_owned());
                }
            }
        }
        entries
    }
}
