//! Credentials that lie scattered in configuration files (SDK-6): from the text of one file to findings. No file is opened here.
//!
//! ```text
//! bytes ──► decode ──► text ──► lines / tree ──► assignments ──► judge ──► findings (place, key, kind, why, proposed name)
//!                        format: which reader                   words, shape: what a key means, what a value is
//! ```
//!
//! A finding names a place, never what stands there: no value, no part of one, nothing computed from one (REQ OPS-1). Values are held in
//! [`SecretText`](migrate_core::value::SecretText) from where they are read; what a parser copies on its way is not ours to wipe.

mod allow;
mod assignment;
mod credential_files;
mod decode;
mod finding;
mod format;
mod judge;
mod lines;
mod manifest;
mod owners;
mod propose;
mod shape;
#[cfg(test)]
mod tests;
mod tree;
mod words;

use self::{
    assignment::{Assignment, Role},
    judge::Verdict,
    propose::Surroundings,
};
pub use self::{
    decode::{Decoded, Encoding, decode},
    finding::{Confidence, Evidence, Finding, Kind, Placeholder, Trouble},
    format::Format,
    lines::Dialect,
    owners::{InvalidPattern, Owner, Owners},
    propose::{Missing, Proposal},
};

/// The most bytes of one file that are read. Configuration that people write is far smaller; of a larger file the rest is not looked at,
/// which is said.
pub const MAX_BYTES: u64 = 4 << 20;

/// What one file holds.
#[derive(Debug, Default)]
pub struct Scanned {
    /// Credentials, in the order of the file.
    pub findings: Vec<Finding>,
    /// Where a credential belongs and none is: `changeme` and the like.
    pub placeholders: Vec<Placeholder>,
    /// How many findings a comment `migrate:allow REASON` took out.
    pub allowed: usize,
    /// What kept the file from being understood whole.
    pub troubles: Vec<Trouble>,
}

/// Looks for credentials in the text of one file. `path` is relative to the folder that is scanned, with `/` between its parts: names are
/// proposed from it.
#[must_use]
pub fn scan(path: &str, format: Format, text: &str) -> Scanned {
    let (assignments, broken_at) = read(format, text);
    let mut scanned = Scanned::default();
    scanned.troubles.extend(broken_at.map(|line| Trouble::Broken { line }));
    let allows = allow::Allows::of(text);
    scanned.troubles.extend(allows.without_reason().map(|line| Trouble::AllowWithoutReason { line }));
    let is_example = format::is_example(path);
    let surroundings = Surroundings::of(path, &assignments);
    for assignment in &assignments {
        let at = assignment.at;
        match judge::judge(assignment) {
            Verdict::Nothing => {}
            Verdict::Placeholder => scanned.placeholders.push(Placeholder { at, key: finding::shown(&assignment.path) }),
            // A file that shows how another one is to be filled holds made-up passwords; a token of an issuer is one even there.
            Verdict::Credential(_, evidence) if is_example && evidence.confidence() != Confidence::Certain => {
                scanned.placeholders.push(Placeholder { at, key: finding::shown(&assignment.path) });
            }
            Verdict::Credential(..) if allows.covers(at.line) => scanned.allowed += 1,
            Verdict::Credential(kind, evidence) => {
                let name = surroundings.propose(assignment, kind, evidence);
                scanned.findings.push(Finding { at, key: finding::shown(&assignment.path), kind, evidence, name });
            }
        }
    }
    scanned.findings.sort_by(|a, b| (a.at, &a.key).cmp(&(b.at, &b.key)));
    // A comment inside of a block is seen as a comment and as a line of the block, which has a key.
    scanned.findings.dedup_by(|later, earlier| {
        let is_same = later.at == earlier.at && (later.key == earlier.key || earlier.key.is_empty());
        if is_same {
            std::mem::swap(later, earlier);
        }
        is_same
    });
    scanned
}

/// Everything that is assigned in a text, and the line from which on it could not be read as its format has it.
fn read(format: Format, text: &str) -> (Vec<Assignment>, Option<u64>) {
    match format {
        Format::Pgpass => (credential_files::pgpass(text), None),
        Format::Netrc => (credential_files::netrc(text), None),
        Format::Lines(dialect) => (lines::read(text, dialect), None),
        Format::Yaml | Format::Json => {
            let tree = tree::yaml(text);
            let mut assignments = manifest::read(&tree.documents, text);
            if let Some(line) = tree.broken_from {
                assignments.extend(lines::read_from(text, lines::Dialect::Loose, line));
            }
            assignments.extend(lines::comments(text));
            (assignments, tree.broken_at)
        }
        Format::Toml => match tree::toml(text) {
            Ok(tree) => {
                let mut assignments = manifest::read(&[tree], text);
                assignments.extend(lines::comments(text));
                (assignments, None)
            }
            Err(line) => (lines::read(text, lines::Dialect::Ini), Some(line)),
        },
    }
}

/// What a value holds that is itself a file: a finding of it, if there is one.
fn inner(role: Role, key: &str, text: &str) -> Option<(Kind, Evidence)> {
    let format = Format::of(key).or_else(|| text.trim_start().starts_with('{').then_some(Format::Json))?;
    let (assignments, _) = read(format, text);
    assignments.iter().find_map(|assignment| match judge::judge(assignment) {
        Verdict::Credential(kind, evidence) if role == Role::Declared => Some((kind, evidence)),
        Verdict::Credential(kind, evidence) if evidence.confidence() >= Confidence::Likely => Some((kind, evidence)),
        _ => None,
    })
}
