//! Validates manifests without a cluster: form against schemas, meaning by lints.
//!
//! ```text
//! files ──► yaml::read ──► objects ──┬─► structure   against the schemas of our table, or of the CRDs that were given
//!                                    └─► lint        deletion, ownership, cost, stores …
//! ```
//!
//! Pure, and blind to where the schemas come from: a set of [`Crds`] is data.

mod object;
mod structure;
#[cfg(test)]
mod tests;

use std::rc::Rc;

use migrate_core::name::SecretName;

pub use self::object::Object;
use crate::{
    crds::Crds,
    lint::{self, Calls, Finding},
    table::GROUP,
    version::{EsoVersion, Release},
    yaml::{Stream, YamlErrorKind},
};

/// One file that was read.
pub struct Source {
    /// Its name.
    pub file: Rc<str>,
    /// What stands in it.
    pub stream: Stream,
}

/// What to validate against.
#[derive(Clone, Copy, Default)]
pub struct Against<'a> {
    /// The version of the operator.
    pub version: EsoVersion,
    /// The CRDs that are in use; our table of the version where there are none.
    pub crds: Option<&'a Crds>,
    /// Names in the stores that are known, for what a `find` would reach.
    pub names: &'a [SecretName],
}

/// What was found.
pub struct Validated {
    /// How many objects were checked.
    pub checked: usize,
    /// How many objects of other groups were passed over, or looked at by lints only.
    pub passed_over: usize,
    /// What was found, in the order of files and places.
    pub findings: Vec<Finding>,
    /// What the ExternalSecrets ask of Secrets Manager.
    pub calls: Calls,
}

/// All objects, for lints that look at several.
pub(crate) struct Tree<'a> {
    pub(crate) objects: Vec<Object<'a>>,
    pub(crate) names: &'a [SecretName],
    pub(crate) release: Release,
}

/// Validates every object of the operator's groups.
#[must_use]
pub fn validate(sources: &[Source], against: Against<'_>) -> Validated {
    let mut findings = Vec::new();
    for Source { file, stream } in sources {
        findings.extend(stream.errors.iter().map(|error| {
            let lint = if error.kind == YamlErrorKind::HelmTemplate { &lint::HELM_TEMPLATE } else { &lint::NOT_YAML };
            Finding { lint, file: file.clone(), at: error.at, object: String::new(), message: error.to_string() }
        }));
    }
    let objects: Vec<_> = sources
        .iter()
        .flat_map(|source| source.stream.documents.iter().flat_map(|document| Object::all(&source.file, document)))
        .collect();
    let table;
    let crds = match against.crds {
        Some(crds) => crds,
        None => {
            table = Crds::of_table(against.version.release());
            &table
        }
    };
    let mut structure = structure::Structure::new(crds, against);
    let checked = objects.iter().filter(|object| structure.check(object, &mut findings)).count();
    structure.compare_defaults(&objects, &mut findings);
    let tree = Tree { objects, names: against.names, release: against.version.release() };
    let calls = lint::run(&tree, &mut findings);
    let order = |file: &Rc<str>| sources.iter().position(|source| source.file == *file);
    findings.sort_by_cached_key(|finding| (order(&finding.file), finding.at, finding.lint.id, finding.message.clone()));
    findings.dedup();
    Validated { checked, passed_over: tree.objects.len() - checked, findings, calls }
}

/// Whether a group is one of the operator's.
fn is_ours(group: &str) -> bool {
    group == GROUP || group.strip_suffix(GROUP).is_some_and(|before| before.ends_with('.'))
}
