//! YAML as Kubernetes' tools read it, as trees in which every node knows where it stands.
//!
//! ```text
//! text ──► read ──► Stream: documents (trees of Node) and, for those that are no YAML, where and why
//!                      │
//!                      ├─► Node::get, texts, items, take   reads, and remembers what was asked for
//!                      └─► Node::unasked                   what nobody asked for, by path and place
//! ```
//!
//! - A document that is broken does not hide the others of its stream.
//! - Anchors, aliases and `<<` are resolved; how far they may swell is limited. A repeated key is kept, both times.
//! - Scalars follow YAML 1.1 as the Kubernetes tools do (`sigs.k8s.io/yaml`, goyaml.v2): a plain `yes` is a boolean, a date is a text. A
//!   number stays as it was written.
//! - A Helm template is no YAML yet: it is recognised and refused, rather than misread.
//! - Reading by [`Node::get`] and its like marks a node as asked for; [`Node::peek`] and the bare slices don't. So whoever must not lose
//!   anything reads with the first kind, and lists the rest by [`Node::unasked`] in the end.
//!
//! Nodes have no `Debug` and errors quote nothing: what stands in a manifest by mistake may be a value (REQ OPS-1).

mod helm;
mod read;
mod scalar;
#[cfg(test)]
mod tests;

use std::{cell::Cell, fmt};

pub use migrate_core::inventory::{Position, Shape};

pub use self::read::read;

/// What was read from one text.
#[derive(Default)]
pub struct Stream {
    /// The documents, in order; empty ones are left out.
    pub documents: Vec<Node>,
    /// What could not be read, in order.
    pub errors: Vec<YamlError>,
}

/// Why a document could not be read, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct YamlError {
    /// Where it was noticed.
    pub at: Position,
    /// Why.
    pub kind: YamlErrorKind,
}

/// Why a document could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum YamlErrorKind {
    /// The text breaks a rule of YAML, here in the parser's words, which quote nothing.
    #[error("not YAML: {0}")]
    Syntax(String),
    /// It is a Helm template, not a manifest.
    #[error("a Helm template, not a manifest: render it first, as in `helm template RELEASE CHART | migrate eso … -`")]
    HelmTemplate,
    /// A key that is no scalar.
    #[error("a key that is itself a list or a mapping; Kubernetes knows only texts as keys")]
    ComplexKey,
    /// An alias inside of what it stands for, or for something that is not there.
    #[error("an alias for something that is not there, or that contains it")]
    Alias,
    /// `<<` with something that has no keys.
    #[error("`<<` merges mappings only")]
    Merge,
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("nested more than {MAX_DEPTH} levels deep")]
    TooDeep,
    /// More than [`MAX_NODES`] or [`MAX_TEXT`], counted after aliases were resolved.
    #[error("it holds more than {MAX_NODES} nodes or {} MiB of text once its aliases are resolved", MAX_TEXT >> 20)]
    TooLarge,
}

/// How deep a tree may be. The deepest field of ESO's kinds lies at 12.
pub const MAX_DEPTH: usize = 100;
/// How many nodes a stream may hold: a file of 10 MB has fewer, what swells by aliases quickly has more.
pub const MAX_NODES: usize = 3_000_000;
/// How many bytes of scalars a stream may hold.
pub const MAX_TEXT: usize = 64 << 20;

/// A thing at its place.
#[derive(Clone)]
pub struct Node {
    /// Where it stands. What came from an alias stands where it was written.
    pub at: Position,
    /// What it is.
    pub content: Content,
    asked: Cell<bool>,
}

/// A thing.
#[derive(Clone)]
pub enum Content {
    /// Nothing, `null` or `~`.
    Null,
    /// `true`, `false`, or what YAML 1.1 reads as such.
    Bool(bool),
    /// A number as it was written.
    Number(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// Keys and what stands behind them, in the order of the file, repeated ones included.
    Map(Vec<(Key, Node)>),
}

/// A key at its place.
#[derive(Clone)]
pub struct Key {
    /// Where it stands.
    pub at: Position,
    /// The key.
    pub text: String,
}

/// A node that nobody asked for; nothing above it was read whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unasked {
    /// Keys and indexes from the top, as in `spec.data[0].remoteRef`.
    pub path: String,
    /// Where its key stands, or the node itself in a list.
    pub at: Position,
}

impl Node {
    fn new(at: Position, content: Content) -> Self {
        Self { at, content, asked: Cell::new(false) }
    }

    /// What kind of thing it is.
    #[must_use]
    pub fn shape(&self) -> Shape {
        match &self.content {
            Content::Null => Shape::Nothing,
            Content::Bool(_) => Shape::Boolean,
            Content::Number(_) => Shape::Number,
            Content::Text(_) => Shape::Text,
            Content::List(_) => Shape::List,
            Content::Map(_) => Shape::Mapping,
        }
    }

    /// The value under a key, asked for. Of repeated keys the last counts, as for Kubernetes.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.asked.set(true);
        let node = self.peek(key)?;
        node.asked.set(true);
        Some(node)
    }

    /// The same, without asking.
    #[must_use]
    pub fn peek(&self, key: &str) -> Option<&Node> {
        self.entries().iter().rfind(|(there, _)| there.text == key).map(|(_, node)| node)
    }

    /// What lies at the end of a way of keys, without asking.
    #[must_use]
    pub fn peek_at(&self, keys: &[&str]) -> Option<&Node> {
        keys.iter().try_fold(self, |node, key| node.peek(key))
    }

    /// The text under a key, asked for, where it is one.
    #[must_use]
    pub fn get_text(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(Node::text)
    }

    /// The items of a list, each asked for; none where it is no list.
    pub fn get_items(&self) -> impl Iterator<Item = &Node> {
        self.asked.set(true);
        self.items().iter().inspect(|item| item.asked.set(true))
    }

    /// The entries of a mapping, each asked for; none where it is no mapping.
    pub fn get_entries(&self) -> impl Iterator<Item = (&Key, &Node)> {
        self.asked.set(true);
        self.entries().iter().map(|(key, node)| {
            node.asked.set(true);
            (key, node)
        })
    }

    /// Marks this and all below as asked for: it was read whole.
    pub fn take(&self) -> &Self {
        self.asked.set(true);
        for below in self.items().iter().chain(self.entries().iter().map(|(_, node)| node)) {
            below.take();
        }
        self
    }

    /// The text, where it is one. A number or a boolean is none.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The truth, where it is one.
    #[must_use]
    pub fn truth(&self) -> Option<bool> {
        match self.content {
            Content::Bool(truth) => Some(truth),
            _ => None,
        }
    }

    /// The whole number, where it is one that 64 bits hold.
    #[must_use]
    pub fn integer(&self) -> Option<i64> {
        match &self.content {
            Content::Number(written) => scalar::integer(written),
            _ => None,
        }
    }

    /// The items of a list; none where it is no list.
    #[must_use]
    pub fn items(&self) -> &[Node] {
        match &self.content {
            Content::List(items) => items,
            _ => &[],
        }
    }

    /// The entries of a mapping; none where it is no mapping.
    #[must_use]
    pub fn entries(&self) -> &[(Key, Node)] {
        match &self.content {
            Content::Map(entries) => entries,
            _ => &[],
        }
    }

    /// Where a key stands, or else this node.
    #[must_use]
    pub fn place_of(&self, key: &str) -> Position {
        self.entries().iter().rfind(|(there, _)| there.text == key).map_or(self.at, |(key, _)| key.at)
    }

    /// Everything that nobody asked for: the topmost nodes only, in the order of the file.
    #[must_use]
    pub fn unasked(&self) -> Vec<Unasked> {
        let mut found = Vec::new();
        self.collect_unasked(&mut String::new(), &mut found);
        found
    }

    fn collect_unasked(&self, path: &mut String, found: &mut Vec<Unasked>) {
        let length = path.len();
        let mut visit = |node: &Self, at: Position, path: &mut String| {
            match node.asked.get() {
                true => node.collect_unasked(path, found),
                false => found.push(Unasked { path: path.clone(), at }),
            }
            path.truncate(length);
        };
        for (index, item) in self.items().iter().enumerate() {
            path.push_str(&format!("[{index}]"));
            visit(item, item.at, path);
        }
        for (key, node) in self.entries() {
            push_key(path, &key.text);
            visit(node, key.at, path);
        }
    }

    /// The node as JSON, as the tools of Kubernetes hand it to the API server. A number that JSON can't hold stays a text.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value;
        match &self.content {
            Content::Null => Value::Null,
            Content::Bool(truth) => Value::Bool(*truth),
            Content::Number(written) => {
                scalar::json_number(written).map_or_else(|| Value::String(written.clone()), Value::Number)
            }
            Content::Text(text) => Value::String(text.clone()),
            Content::List(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            Content::Map(entries) => entries.iter().map(|(key, node)| (key.text.clone(), node.to_json())).collect(),
        }
    }
}

/// Adds a key to a path, in quotes where it would be misread.
pub(crate) fn push_key(path: &mut String, key: &str) {
    let is_plain = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_/".contains(&byte));
    match is_plain {
        true if path.is_empty() => path.push_str(key),
        true => {
            path.push('.');
            path.push_str(key);
        }
        false => path.push_str(&format!("[{key:?}]")),
    }
}

impl fmt::Display for Unasked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.at.line, self.at.column, self.path)
    }
}
