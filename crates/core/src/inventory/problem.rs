//! What can be wrong with an inventory: every kind typed, at its place, free of anything that stands in the file but names.

use std::fmt;

use super::{
    node::{Position, Shape},
    suspect::Suspicion,
};
use crate::name::{InvalidVaultPath, SecretName, convention::NameViolation};

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Problem {
    /// Where it stands.
    pub at: Position,
    /// The secret it belongs to, where its name can be read.
    pub secret: Option<SecretName>,
    /// The way from the entry to the place, as in `consumers[0].externalSecret`; empty for the entry itself.
    pub path: String,
    /// What is wrong.
    pub kind: ProblemKind,
}

/// Kinds of problems. `Display` says what is wrong and what to do next, and quotes no text of the file but names of secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProblemKind {
    /// The text is no YAML.
    #[error("not YAML: {0}")]
    Syntax(SyntaxFault),
    /// No secrets in it.
    #[error("the inventory lists no secret; run `migrate inventory import`, or write entries under `secrets`")]
    Empty,
    /// Something of another kind is expected.
    #[error("{}", mismatch(*.expected, *.found))]
    Shape {
        /// What belongs here.
        expected: Shape,
        /// What stands here.
        found: Shape,
    },
    /// A text that its type refuses.
    #[error("{rule}")]
    Unfit {
        /// The rule that it breaks.
        rule: String,
    },
    /// A key is missing.
    #[error("`{key}` is missing; add it")]
    Missing {
        /// The key.
        key: &'static str,
    },
    /// A key stands twice.
    #[error("`{key}` stands here a second time; keep one")]
    RepeatedKey {
        /// The key.
        key: &'static str,
    },
    /// A key of a free mapping stands twice. The key is not quoted.
    #[error("this key stands here a second time; keep one")]
    RepeatedEntry,
    /// A key that the schema does not have. The key is not quoted: it may stand here by mistake.
    #[error("unknown key; {}", .meant.map_or_else(|| format!("known here: {}", list(.known)), |meant| format!("did you mean `{meant}`?")))]
    UnknownKey {
        /// The known key that is spelled nearly like it.
        meant: Option<&'static str>,
        /// The keys that are known here.
        known: &'static [&'static str],
    },
    /// A key under which people keep values (INV-2).
    #[error(
        "`{key}` has no place here: the inventory holds metadata, never a value; take it out, and rotate the secret if a value was ever written here"
    )]
    ValueKey {
        /// The key, as this tool spells it.
        key: &'static str,
    },
    /// A text that looks like a secret value (INV-2).
    #[error("this looks like {0}: the inventory holds metadata, never a value; take it out, and rotate the secret if it was one")]
    LooksLikeValue(Suspicion),
    /// None of a fixed set of words.
    #[error("expected {}", choice(.expected))]
    NoneOf {
        /// The words.
        expected: &'static [&'static str],
    },
    /// A variant that needs something after it.
    #[error("`{key}` needs something after it, as in `{key}: …`")]
    Bare {
        /// The variant.
        key: &'static str,
    },
    /// A variant that takes nothing after it.
    #[error("`{key}` stands alone; write just `{key}`")]
    NotBare {
        /// The variant.
        key: &'static str,
    },
    /// Two entries with one name.
    #[error("the name stands on line {first_line} already; keep one of the two")]
    DuplicateName {
        /// Line of the first.
        first_line: u64,
    },
    /// Two names that Vault would keep at one path.
    #[error("Vault would keep it at the same path as {first} on line {first_line}; give one of the two another `name`")]
    SamePath {
        /// The first.
        first: SecretName,
        /// Its line.
        first_line: u64,
    },
    /// Two entries for one secret of Secrets Manager.
    #[error("line {first_line} is about the same secret of Secrets Manager; keep one of the two")]
    DuplicateSource {
        /// Line of the first.
        first_line: u64,
    },
    /// `legacyName` says what `name` says.
    #[error("`legacyName` repeats `name`; take it out")]
    LegacyNameRepeats,
    /// A name that breaks the convention and is not marked as exception (NAM-1, 2, 3).
    #[error(
        "the name breaks the convention: {}; {}, or say `nameException: <reason>` to carry it as it is",
        sentence(.violations),
        .proposed.as_ref().map_or_else(
            || "give it a conventional `name` and move this one to `legacyName`".to_owned(),
            |name| format!("use `name: {name}` with this one as `legacyName`"),
        )
    )]
    Unconventional {
        /// How.
        violations: Vec<NameViolation>,
        /// A name that keeps it, where this one says enough.
        proposed: Option<String>,
    },
    /// A conventional name marked as exception.
    #[error("the name keeps the convention, so `nameException` says something untrue; take it out")]
    NeedlessException,
    /// Vault would keep the entry under another name, or two of them at one path.
    #[error("{0}; choose a `name` that Vault keeps as it is, and move this one to `legacyName`")]
    VaultPath(InvalidVaultPath),
    /// `category` and the name's first segment disagree (NAM-5).
    #[error("`category` and the name disagree: secrets (data) lie under platform-data/, configuration under platform-config/")]
    CategoryDisagrees,
    /// A secret that an AWS service owns can't move.
    #[error(
        "names with `!` belong to secrets that an AWS service manages; they can't move, so write `disposition: {{ stays: <reason> }}`"
    )]
    ServiceOwnedMoves,
    /// The same consumer twice.
    #[error("this consumer is declared already; keep one")]
    DuplicateConsumer,
    /// An ExternalSecret without reads.
    #[error("`reads` is empty; list what this ExternalSecret reads of the secret")]
    NoReads,
    /// A `find` that names another secret.
    #[error("`find` names another secret; its `name` is that of this secret in Secrets Manager")]
    FindsAnother,
    /// Two reads of one ExternalSecret write one key.
    #[error("two reads of this ExternalSecret write the same `secretKey`, the first for line {first_line}; keep one")]
    DuplicateSecretKey {
        /// Line of the first.
        first_line: u64,
    },
    /// An ExternalSecret that is declared twice.
    #[error("this ExternalSecret is declared on line {first_line} already; keep one of the two")]
    DuplicateExternalSecret {
        /// Line of the first.
        first_line: u64,
    },
    /// Two ExternalSecrets that own one Kubernetes Secret.
    #[error(
        "line {first_line} is about an ExternalSecret that owns the same Kubernetes Secret; name another target, or let one of them have \
         `creationPolicy: Merge`"
    )]
    SharedTarget {
        /// Line of the first.
        first_line: u64,
    },
    /// An ExternalSecret that reads nothing.
    #[error("no consumer names this ExternalSecret and it reads nothing else; declare its consumers, or take it out")]
    ReadsNothing,
    /// `stores` or `order` names a secret that the ExternalSecret does not read.
    #[error("this ExternalSecret does not read {name}; take it out, or declare the consumer")]
    NotRead {
        /// The secret.
        name: SecretName,
    },
    /// `order` does not list each item once.
    #[error("`order` lists each `extract` of a consumer and each `dataFrom` of `others` once, or is left out")]
    Order,
}

/// Why a text is no YAML that can be read as inventory.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxFault {
    /// The parser's own words, which are fixed texts.
    #[error("{0}")]
    Grammar(String),
    /// It ends too early.
    #[error("the text ends too early")]
    Truncated,
    /// More than one document.
    #[error("the file holds more than one document; keep what stands before the second `---`")]
    SeveralDocuments,
    /// An alias without its anchor.
    #[error("an alias names an anchor that is not defined")]
    UnknownAnchor,
    /// `<<`.
    #[error("merge keys (`<<`) are not taken; write the keys out")]
    MergeKey,
    /// Bigger or deeper than any inventory.
    #[error("the text is larger, deeper or more repetitive than an inventory can be")]
    TooLarge,
    /// A key that is no text.
    #[error("something here can't be read; keys are texts, and tags have no place")]
    Other,
}

impl ProblemKind {
    /// Judges a key that is not known here.
    pub(super) fn unknown_key(key: &str, known: &'static [&'static str]) -> Self {
        let meant = known.iter().copied().find(|candidate| is_near(key, candidate));
        match (meant, super::suspect::value_key(key)) {
            (None, Some(key)) => Self::ValueKey { key },
            (meant, _) => Self::UnknownKey { meant, known },
        }
    }
}

impl From<&serde_saphyr::Error> for SyntaxFault {
    fn from(error: &serde_saphyr::Error) -> Self {
        use serde_saphyr::{Error, ExternalMessageSource, granit_parser::ErrorKind};
        match error.without_snippet() {
            Error::ExternalMessage { source, msg, .. } => match source.as_ref() {
                ExternalMessageSource::Parser(scan) if !matches!(scan.kind(), ErrorKind::Custom(_)) => Self::Grammar(msg.clone()),
                _ => Self::Other,
            },
            Error::Eof { .. } => Self::Truncated,
            Error::MultipleDocuments { .. } => Self::SeveralDocuments,
            Error::UnknownAnchor { .. } => Self::UnknownAnchor,
            Error::MergeKeyNotAllowed { .. } => Self::MergeKey,
            Error::Budget { .. }
            | Error::AliasReplayLimitExceeded { .. }
            | Error::AliasExpansionLimitExceeded { .. }
            | Error::AliasReplayStackDepthExceeded { .. } => Self::TooLarge,
            Error::AliasError { error, .. } => Self::from(error.as_ref()),
            _ => Self::Other,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: ", self.at.line, self.at.column)?;
        if let Some(secret) = &self.secret {
            write!(f, "{secret}: ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        self.kind.fmt(f)
    }
}

fn mismatch(expected: Shape, found: Shape) -> String {
    match (expected, found) {
        (Shape::Text, Shape::Number | Shape::Boolean) => {
            format!("expected a text, found what YAML reads as {found}; put it in quotes")
        }
        (Shape::Boolean, Shape::Text) => format!("expected {expected} without quotes, found a text"),
        _ => format!("expected {expected}, found {found}"),
    }
}

fn list(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

fn choice(words: &[&str]) -> String {
    match words {
        [word] => format!("`{word}`"),
        words => format!("one of {}", list(words)),
    }
}

fn sentence(violations: &[NameViolation]) -> String {
    violations.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Whether a key is a known one with a slip or two: another case, or up to two letters changed, left out, added or swapped.
fn is_near(key: &str, known: &str) -> bool {
    let plain = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect::<Vec<_>>();
    let (key, known) = (plain(key), plain(known));
    if key.len().abs_diff(known.len()) > 2 {
        return false;
    }
    let slips = strsim::generic_damerau_levenshtein(&key, &known);
    slips <= if known.len() <= 4 { 1 } else { 2 }
}
