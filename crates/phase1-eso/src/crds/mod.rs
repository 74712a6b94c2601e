//! CustomResourceDefinitions as data: those that a user runs, taken from files (or, one day, from a cluster), or those that our table
//! stands for.

pub(crate) mod cel;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    table::{GROUP, Kind},
    version::Release,
    yaml::{Node, Stream, YamlError, read},
};

/// Schemas by group, kind and version.
#[derive(Clone, Debug, Default)]
pub struct Crds {
    kinds: BTreeMap<(String, String), Vec<Version>>,
}

/// One version of a kind.
#[derive(Clone, Debug)]
pub struct Version {
    /// As in `v1`.
    pub name: String,
    /// Whether the API server takes it.
    pub is_served: bool,
    /// Whether it is the one that is stored.
    pub is_stored: bool,
    /// Its structural schema.
    pub schema: Value,
}

impl Crds {
    /// What our table says about a release.
    #[must_use]
    pub fn of_table(release: Release) -> Self {
        let mut crds = Self::default();
        for kind in Kind::ALL {
            let versions = kind.api_versions().iter().map(|version| Version {
                name: version.name.to_owned(),
                is_served: version.is_served,
                is_stored: version.is_stored,
                schema: if version.is_served { kind.schema(release) } else { Value::Null },
            });
            crds.kinds.insert((GROUP.to_owned(), kind.name().to_owned()), versions.collect());
        }
        crds
    }

    /// Adds every CustomResourceDefinition of a YAML text, and says how many there were. Other objects are passed over.
    ///
    /// # Errors
    /// The documents that are no YAML.
    pub fn add(&mut self, text: &str) -> Result<usize, Vec<YamlError>> {
        let Stream { documents, errors } = read(text);
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(documents.iter().filter(|document| self.add_document(document)).count())
    }

    fn add_document(&mut self, document: &Node) -> bool {
        if document.peek("kind").and_then(Node::text) == Some("List") {
            let items = document.peek("items").map(Node::items).unwrap_or_default();
            return items.iter().filter(|item| self.add_document(item)).count() > 0;
        }
        if document.peek("kind").and_then(Node::text) != Some("CustomResourceDefinition") {
            return false;
        }
        let text = |way: &[&str]| document.peek_at(way).and_then(Node::text).map(str::to_owned);
        let (Some(group), Some(kind)) = (text(&["spec", "group"]), text(&["spec", "names", "kind"])) else { return false };
        let versions = document.peek_at(&["spec", "versions"]).map(Node::items).unwrap_or_default();
        let flag = |node: &Node, key: &str| node.peek(key).and_then(Node::truth).unwrap_or_default();
        let versions = versions.iter().filter_map(|version| {
            Some(Version {
                name: version.peek("name")?.text()?.to_owned(),
                is_served: flag(version, "served"),
                is_stored: flag(version, "storage"),
                schema: version.peek_at(&["schema", "openAPIV3Schema"]).map(Node::to_json).unwrap_or_default(),
            })
        });
        self.kinds.insert((group, kind), versions.collect());
        true
    }

    /// The versions of a kind; none where the kind is not known.
    #[must_use]
    pub fn versions(&self, group: &str, kind: &str) -> &[Version] {
        self.kinds.get(&(group.to_owned(), kind.to_owned())).map_or(&[], Vec::as_slice)
    }

    /// Every group and kind.
    pub fn kinds(&self) -> impl Iterator<Item = (&str, &str)> {
        self.kinds.keys().map(|(group, kind)| (group.as_str(), kind.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_found_among_other_objects_and_in_lists() {
        let one = |kind: &str| {
            format!(
                "kind: CustomResourceDefinition\nspec:\n  group: a.io\n  names: {{kind: {kind}}}\n  versions:\n  - name: v1\n    served: true\n    \
                 storage: true\n    schema: {{openAPIV3Schema: {{type: object}}}}\n"
            )
        };
        let mut crds = Crds::default();
        let count = crds.add(&format!("{}---\nkind: Secret\n---\n{}", one("A"), one("B"))).unwrap();
        assert_eq!((count, crds.kinds().count()), (2, 2));
        let indented = one("C").replace('\n', "\n  ");
        assert_eq!(crds.add(&format!("kind: List\nitems:\n- {indented}\n")), Ok(1));
        let [version] = crds.versions("a.io", "C") else { panic!("one version") };
        assert!(version.is_served && version.is_stored && version.schema["type"] == "object");
        assert!(crds.versions("a.io", "D").is_empty());
        assert!(crds.add("a: [").is_err());
    }
}
