//! One value at its place, whatever the format it was read from.

use std::sync::Arc;

use migrate_core::{inventory::Position, value::SecretText};

use super::finding::Kind;

/// A value, the way of keys to it, and what its place says about it.
pub(super) struct Assignment {
    pub(super) at: Position,
    /// From the outermost key; empty for text that no key stands before.
    pub(super) path: Vec<String>,
    pub(super) value: SecretText,
    pub(super) role: Role,
    /// The name of the Kubernetes object that it stands in.
    pub(super) object: Option<Arc<str>>,
}

/// What a place says about its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// A setting as any other.
    Setting,
    /// An entry of a Kubernetes Secret: somebody declared it secret.
    Declared,
    /// A place where the format keeps a credential.
    Credential(Kind),
    /// A text, a comment, a part of a script: only what has a format of its own counts.
    Text,
    /// Encrypted, or the name of something: never a credential.
    Reference,
}

impl Assignment {
    pub(super) fn new(at: Position, path: Vec<String>, value: &str, role: Role) -> Self {
        Self { at, path, value: SecretText::new(value.to_owned()), role, object: None }
    }

    /// The innermost key that is a name: what stands in a list goes by the list's.
    pub(super) fn key(&self) -> &str {
        self.path.last().map_or("", String::as_str)
    }

    /// The key around that one.
    pub(super) fn outer_key(&self) -> &str {
        self.path.len().checked_sub(2).and_then(|at| self.path.get(at)).map_or("", String::as_str)
    }
}
