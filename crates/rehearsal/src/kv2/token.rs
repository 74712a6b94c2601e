//! Tokens and what they may do: as much of Vault's policies as tests of refusal need.

use std::collections::BTreeSet;

/// A capability in a Vault policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Capability {
    /// Write where nothing is yet.
    Create,
    /// Delete.
    Delete,
    /// List.
    List,
    /// Merge.
    Patch,
    /// Read.
    Read,
    /// Write where something is.
    Update,
}

impl Capability {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Delete => "delete",
            Self::List => "list",
            Self::Patch => "patch",
            Self::Read => "read",
            Self::Update => "update",
        }
    }
}

/// What a token may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grants {
    /// Everything.
    Root,
    /// By path (`secret/data/a`, or a prefix that ends with `*`); the longest match decides.
    Paths(Vec<(String, BTreeSet<Capability>)>),
}

impl Grants {
    /// Grants by path.
    #[must_use]
    pub fn paths(grants: &[(&str, &[Capability])]) -> Self {
        Self::Paths(
            grants.iter().map(|(path, capabilities)| ((*path).to_owned(), capabilities.iter().copied().collect())).collect(),
        )
    }

    pub(super) fn allows(&self, path: &str, capability: Capability) -> bool {
        match self {
            Self::Root => true,
            Self::Paths(grants) => matching(grants, path).is_some_and(|granted| granted.contains(&capability)),
        }
    }

    /// As `sys/capabilities-self` answers.
    pub(super) fn names(&self, path: &str) -> Vec<&'static str> {
        match self {
            Self::Root => vec!["root"],
            Self::Paths(grants) => match matching(grants, path) {
                Some(granted) if !granted.is_empty() => granted.iter().map(|capability| capability.name()).collect(),
                _ => vec!["deny"],
            },
        }
    }

    /// Whether anything below a mount is granted at all.
    pub(super) fn reaches(&self, mount: &str) -> bool {
        match self {
            Self::Root => true,
            Self::Paths(grants) => grants.iter().any(|(path, granted)| path.starts_with(mount) && !granted.is_empty()),
        }
    }
}

fn matching<'a>(grants: &'a [(String, BTreeSet<Capability>)], path: &str) -> Option<&'a BTreeSet<Capability>> {
    grants
        .iter()
        .filter(|(pattern, _)| match pattern.strip_suffix('*') {
            Some(prefix) => path.starts_with(prefix),
            None => path == pattern,
        })
        .max_by_key(|(pattern, _)| (pattern.len(), !pattern.ends_with('*')))
        .map(|(_, granted)| granted)
}
