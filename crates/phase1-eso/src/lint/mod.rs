//! What can be wrong with manifests: every kind of finding with an id that stays, and the checks that need more than a schema.
//!
//! An id is never given to another meaning. `ESO0xx` are about form, `ESO1xx` about ExternalSecrets, `ESO2xx` about PushSecrets, `ESO3xx`
//! about stores, `ESO4xx` about the operator.

mod catalogue;
mod external_secret;
mod find;
mod operator;
mod push_secret;
mod refresh;
mod store;
mod template;
#[cfg(test)]
mod tests;

use std::{fmt, rc::Rc};

use migrate_core::inventory::Position;
use serde::{Serialize, Serializer};

pub(crate) use self::template::fault;
pub use self::{catalogue::*, refresh::Calls};
use crate::validate::Tree;

/// A kind of finding.
#[derive(Debug, PartialEq, Eq)]
pub struct Lint {
    /// As in `ESO101`.
    pub id: &'static str,
    /// As in `deletion-policy-delete`.
    pub name: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What it is about: one sentence.
    pub what: &'static str,
    /// Why it hurts.
    pub why: &'static str,
    /// What to do.
    pub instead: &'static str,
    /// Where that is written, or how it was seen.
    pub source: &'static str,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// It may hurt, and may be meant.
    Warning,
    /// The API server refuses it or drops part of it, or it can't work.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

impl Lint {
    /// The lint of that id or name.
    #[must_use]
    pub fn of(text: &str) -> Option<&'static Self> {
        ALL.iter().copied().find(|lint| lint.id.eq_ignore_ascii_case(text) || lint.name == text)
    }
}

impl Serialize for Lint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown<'a> {
            id: &'a str,
            name: &'a str,
            severity: Severity,
            what: &'a str,
            why: &'a str,
            instead: &'a str,
            source: &'a str,
        }
        let Self { id, name, severity, what, why, instead, source } = *self;
        Shown { id, name, severity, what, why, instead, source }.serialize(serializer)
    }
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which kind.
    pub lint: &'static Lint,
    /// The file, as it was named.
    pub file: Rc<str>,
    /// Where in it.
    pub at: Position,
    /// The object, as in `ExternalSecret shop/orders`; empty where there is none.
    pub object: String,
    /// What was found there; it quotes names and nothing else of the file.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Lint { id, severity, .. } = self.lint;
        write!(f, "{}:{}:{}: {severity} {id}: ", self.file, self.at.line, self.at.column)?;
        if !self.object.is_empty() {
            write!(f, "{}: ", self.object)?;
        }
        f.write_str(&self.message)
    }
}

/// Runs every check that looks at meaning rather than form.
pub(crate) fn run(tree: &Tree<'_>, findings: &mut Vec<Finding>) -> Calls {
    external_secret::check(tree, findings);
    find::check(tree, findings);
    template::check(tree, findings);
    push_secret::check(tree, findings);
    store::check(tree, findings);
    operator::check(tree, findings);
    refresh::check(tree, findings)
}
