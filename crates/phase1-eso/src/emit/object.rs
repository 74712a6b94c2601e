//! An object as it stands in a manifest: ordered as a person would write it.

use std::collections::BTreeMap;

use migrate_core::yaml::{self, BlockText};
use serde::{Serialize, Serializer, ser::SerializeMap as _};

use crate::table::Kind;

/// A tree whose mappings have an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ordered {
    /// A mapping.
    Map(Vec<(String, Ordered)>),
    /// A list.
    List(Vec<Ordered>),
    /// A text.
    Text(String),
    /// `true` or `false`
    Boolean(bool),
    /// A whole number.
    Integer(i64),
}

impl Serialize for Ordered {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
            Self::List(items) => serializer.collect_seq(items),
            Self::Text(text) => BlockText(text).serialize(serializer),
            Self::Boolean(boolean) => serializer.serialize_bool(*boolean),
            Self::Integer(integer) => serializer.serialize_i64(*integer),
        }
    }
}

/// One object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Its namespace, where it has one.
    pub namespace: Option<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// Its `spec`.
    pub spec: Ordered,
}

impl Object {
    /// The manifest.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        let text = |text: &str| Ordered::Text(text.to_owned());
        let mut metadata = vec![("name".to_owned(), text(&self.name))];
        metadata.extend(self.namespace.as_deref().map(|namespace| ("namespace".to_owned(), text(namespace))));
        for (key, texts) in [("labels", &self.labels), ("annotations", &self.annotations)] {
            if !texts.is_empty() {
                let entries = texts.iter().map(|(key, value)| (key.clone(), text(value))).collect();
                metadata.push((key.to_owned(), Ordered::Map(entries)));
            }
        }
        yaml::to_yaml(&Ordered::Map(vec![
            ("apiVersion".to_owned(), text(self.kind.served())),
            ("kind".to_owned(), text(self.kind.name())),
            ("metadata".to_owned(), Ordered::Map(metadata)),
            ("spec".to_owned(), self.spec.clone()),
        ]))
    }
}
