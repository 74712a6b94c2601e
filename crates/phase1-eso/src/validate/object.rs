//! One Kubernetes object of a file: who it is, and where.

use std::rc::Rc;

use migrate_core::inventory::Position;

use crate::{
    lint::{Finding, Lint},
    table::{GROUP, Kind},
    yaml::Node,
};

/// An object at its place.
pub struct Object<'a> {
    pub(crate) file: &'a Rc<str>,
    pub(crate) node: &'a Node,
    pub(crate) group: &'a str,
    pub(crate) version: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) name: &'a str,
    /// Empty where none is written.
    pub(crate) namespace: &'a str,
}

impl<'a> Object<'a> {
    /// The objects of a document: itself, or the items of a `List`. What has no kind is none.
    pub(crate) fn all(file: &'a Rc<str>, document: &'a Node) -> Vec<Self> {
        let text = |way: &[&str]| document.peek_at(way).and_then(Node::text);
        let Some(kind) = text(&["kind"]) else { return Vec::new() };
        if kind.ends_with("List")
            && let Some(items) = document.peek("items")
        {
            return items.items().iter().flat_map(|item| Self::all(file, item)).collect();
        }
        let api = text(&["apiVersion"]).unwrap_or_default();
        let (group, version) = api.split_once('/').unwrap_or(("", api));
        let name = text(&["metadata", "name"]).unwrap_or_default();
        let namespace = text(&["metadata", "namespace"]).unwrap_or_default();
        vec![Self { file, node: document, group, version, kind, name, namespace }]
    }

    /// The kind, where it is one of the table.
    pub(crate) fn known(&self) -> Option<Kind> {
        if self.group == GROUP { Kind::parse(self.kind) } else { None }
    }

    /// What lies at the end of a way of keys.
    pub(crate) fn at(&self, way: &[&str]) -> Option<&'a Node> {
        self.node.peek_at(way)
    }

    /// A text at the end of a way of keys.
    pub(crate) fn text(&self, way: &[&str]) -> Option<&'a str> {
        self.at(way).and_then(Node::text)
    }

    /// As in `ExternalSecret shop/orders`.
    pub(crate) fn title(&self) -> String {
        match (self.namespace, self.name) {
            ("", "") => self.kind.to_owned(),
            ("", name) => format!("{} {name}", self.kind),
            (namespace, name) => format!("{} {namespace}/{name}", self.kind),
        }
    }

    /// A finding about it.
    pub(crate) fn finding(&self, lint: &'static Lint, at: Position, message: impl Into<String>) -> Finding {
        Finding { lint, file: self.file.clone(), at, object: self.title(), message: message.into() }
    }
}
