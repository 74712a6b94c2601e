//! Who may write at the incoming authority beside us, by its policies. Pure: which policies reach what is observed behind the port; what that
//! means for a wave is said here, and the plan, the preflight and the commit ask the same questions.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{handover::judge::Obstacle, name::VaultPath};

/// What the operators say about writers at the incoming authority, by name. The plan keeps it, so that it is recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Declared {
    /// Policies that may write although they are not ours.
    pub administrators: BTreeSet<String>,
    /// Policies that can't be read let nobody write: declared, not observed.
    pub policies: bool,
}

/// One rule of a policy that lets write.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WritingRule {
    /// Its path, as the policy spells it.
    pub path: String,
    /// Those of its capabilities that change something.
    pub capabilities: BTreeSet<String>,
}

/// A policy that is not ours and lets write to entries that were asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignWriter {
    /// Its name; one of a namespace above ours is followed by `@` and that namespace.
    pub policy: String,
    /// By which rules.
    pub rules: BTreeSet<WritingRule>,
    /// Which entries.
    pub reaches: BTreeSet<VaultPath>,
}

/// Policies of which nothing is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "unread", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum UnreadPolicies {
    /// All of one namespace: these credentials may not list them.
    #[error("the policies of {}", of_namespace(.namespace))]
    Namespace {
        /// The namespace; empty for the root namespace.
        namespace: String,
    },
    /// One that these credentials may not read.
    #[error("policy {policy}, which may not be read")]
    Denied {
        /// Its name.
        policy: String,
    },
    /// One whose text is not understood.
    #[error("policy {policy}, whose text is not understood")]
    NotUnderstood {
        /// Its name.
        policy: String,
    },
}

fn of_namespace(name: &str) -> String {
    if name.is_empty() { "the root namespace".to_owned() } else { format!("namespace {name}") }
}

impl UnreadPolicies {
    fn is_declared(&self, declared: &Declared) -> bool {
        declared.policies
            || match self {
                Self::Namespace { .. } => false,
                Self::Denied { policy } | Self::NotUnderstood { policy } => declared.administrators.contains(policy),
            }
    }
}

/// Who may write, as far as could be seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WritersSeen {
    /// The policies of our own token, which are no foreign ones.
    pub ours: BTreeSet<String>,
    /// The foreign ones that let write, by name.
    pub foreign: Vec<ForeignWriter>,
    /// What could not be looked at.
    pub unread: BTreeSet<UnreadPolicies>,
}

impl WritersSeen {
    /// What stands in the way of committing the copy at one path.
    #[must_use]
    pub fn obstacle(&self, path: &VaultPath, declared: &Declared) -> Option<Obstacle> {
        let foreign = self.foreign.iter().filter(|writer| writer.reaches.contains(path));
        let policies: Vec<String> =
            foreign.map(|writer| &writer.policy).filter(|policy| !declared.administrators.contains(*policy)).cloned().collect();
        if policies.is_empty() { self.unknown(declared) } else { Some(Obstacle::ForeignWriters { policies }) }
    }

    /// What can't be known of any path, where nobody declared it.
    #[must_use]
    pub fn unknown(&self, declared: &Declared) -> Option<Obstacle> {
        unknown(&self.unread, declared)
    }
}

fn unknown(unread: &BTreeSet<UnreadPolicies>, declared: &Declared) -> Option<Obstacle> {
    let what: Vec<String> = unread.iter().filter(|unread| !unread.is_declared(declared)).map(ToString::to_string).collect();
    if what.is_empty() { None } else { Some(Obstacle::WritersUnread { what }) }
}

/// Who may write, as a plan keeps it: members are counted, not listed once for every policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlannedWriters {
    /// What the operators declared.
    pub declared: Declared,
    /// The policies of our own token.
    pub ours: BTreeSet<String>,
    /// The foreign ones that let write, those of administrators included.
    pub foreign: Vec<PlannedWriter>,
    /// What could not be looked at.
    pub unread: BTreeSet<UnreadPolicies>,
}

/// One foreign policy in a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlannedWriter {
    /// Its name.
    pub policy: String,
    /// By which rules it reaches entries of the plan.
    pub rules: BTreeSet<WritingRule>,
    /// How many entries.
    pub entries: usize,
}

impl PlannedWriters {
    /// What a plan keeps of what was seen, as far as it is about its own entries.
    #[must_use]
    pub fn of(seen: &WritersSeen, declared: Declared, entries: &BTreeSet<&VaultPath>) -> Self {
        let planned = |writer: &ForeignWriter| PlannedWriter {
            policy: writer.policy.clone(),
            rules: writer.rules.clone(),
            entries: writer.reaches.iter().filter(|path| entries.contains(path)).count(),
        };
        Self {
            declared,
            ours: seen.ours.clone(),
            foreign: seen.foreign.iter().map(planned).filter(|writer| writer.entries > 0).collect(),
            unread: seen.unread.clone(),
        }
    }

    /// Whether a policy was named as one of administrators.
    #[must_use]
    pub fn is_administrator(&self, policy: &str) -> bool {
        self.declared.administrators.contains(policy)
    }

    /// What can't be known of any member, where nobody declared it.
    #[must_use]
    pub fn unknown(&self) -> Option<Obstacle> {
        unknown(&self.unread, &self.declared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> VaultPath {
        VaultPath::parse(text).unwrap()
    }

    fn seen() -> WritersSeen {
        let writer = |policy: &str, reaches: &[&str]| ForeignWriter {
            policy: policy.into(),
            rules: BTreeSet::new(),
            reaches: reaches.iter().map(|text| path(text)).collect(),
        };
        WritersSeen {
            ours: BTreeSet::from(["migrate".into()]),
            foreign: vec![writer("admin", &["a", "b"]), writer("push", &["b"])],
            unread: BTreeSet::new(),
        }
    }

    fn declared(administrators: &[&str], policies: bool) -> Declared {
        Declared { administrators: administrators.iter().map(|name| (*name).to_owned()).collect(), policies }
    }

    fn foreign(policies: &[&str]) -> Option<Obstacle> {
        Some(Obstacle::ForeignWriters { policies: policies.iter().map(|name| (*name).to_owned()).collect() })
    }

    #[test]
    fn foreign_writers_stand_in_the_way_of_what_they_reach_until_they_are_named() {
        assert_eq!(seen().obstacle(&path("a"), &declared(&[], false)), foreign(&["admin"]));
        assert_eq!(seen().obstacle(&path("b"), &declared(&["admin"], false)), foreign(&["push"]));
        assert_eq!(seen().obstacle(&path("a"), &declared(&["admin"], false)), None);
        assert_eq!(seen().obstacle(&path("c"), &declared(&[], false)), None);
        // That unread policies are declared to be harmless says nothing about one that was read.
        assert_eq!(seen().obstacle(&path("a"), &declared(&[], true)), foreign(&["admin"]));
    }

    #[test]
    fn what_can_not_be_read_is_declared_or_stands_in_the_way() {
        let mut seen = seen();
        seen.unread.insert(UnreadPolicies::Namespace { namespace: String::new() });
        seen.unread.insert(UnreadPolicies::NotUnderstood { policy: "odd".into() });
        let told = seen.obstacle(&path("c"), &declared(&["odd"], false)).unwrap().to_string();
        assert!(told.contains("the policies of the root namespace") && !told.contains("odd"), "{told}");
        assert_eq!(seen.obstacle(&path("c"), &declared(&[], true)), None);
    }
}
