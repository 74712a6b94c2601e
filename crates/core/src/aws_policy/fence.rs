//! Our statement: written, found, judged and removed.

use serde_json::{Map, Value, json};

use super::{
    PolicyDocument,
    document::canonical_statement,
    exempt::{Exempt, InvalidExempt},
    sid::{PREFIX, Sid},
};
use crate::{
    id::{Epoch, LedgerId, WaveName},
    observed::{FenceSeen, Mark},
    quota::RESOURCE_POLICY_BYTES,
};

/// Every action that gives a secret a new value, moves a label, or takes the fence away. Names from the service's list
/// (<https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecretsmanager.html>).
pub const FENCED_ACTIONS: [&str; 17] = [
    "secretsmanager:AcceptCrossAccountReplication",
    "secretsmanager:AssociateCrossAccountReplica",
    "secretsmanager:CancelRotateSecret",
    "secretsmanager:DeleteResourcePolicy",
    "secretsmanager:DeleteSecret",
    "secretsmanager:DisassociateCrossAccountReplica",
    "secretsmanager:PutResourcePolicy",
    "secretsmanager:PutSecretValue",
    "secretsmanager:RemoveRegionsFromReplication",
    "secretsmanager:ReplicateSecretToRegions",
    "secretsmanager:RestoreSecret",
    "secretsmanager:RotateSecret",
    "secretsmanager:StopReplicationToReplica",
    "secretsmanager:TagResource",
    "secretsmanager:UntagResource",
    "secretsmanager:UpdateSecret",
    "secretsmanager:UpdateSecretVersionStage",
];

/// Characters of a ledger's id, which is a UUID.
const LONGEST_LEDGER_ID: usize = 36;

/// What to do to a stored policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It already is as it should be.
    Nothing,
    /// Store this document.
    Put(PolicyDocument),
    /// No statement remains, and AWS stores no policy without one: delete the policy.
    Delete,
}

/// Why a fence can't be merged into, or taken out of, a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unmergeable {
    /// No JSON object, or statements that are no objects.
    #[error("the stored policy is not a policy document")]
    NotAPolicy,
    /// A fraction or a very large number: it might come back as another one.
    #[error("the stored policy holds a number that can't be carried over exactly")]
    InexactNumber,
    /// The merged policy is longer than Secrets Manager takes.
    #[error("the policy would have {bytes} bytes, Secrets Manager takes {RESOURCE_POLICY_BYTES}")]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// A deleted role or user is named by its unique id; AWS refuses to store such a policy again.
    #[error("the stored policy names principals that no longer exist ({}); remove them first", .0.join(", "))]
    OrphanedPrincipals(Vec<String>),
    /// The list of exempt principals.
    #[error(transparent)]
    Exempt(#[from] InvalidExempt),
    /// A fence of another ledger or wave stands there.
    #[error("it is fenced by wave {} of ledger {}, epoch {}", .0.wave, .0.ledger, .0.epoch)]
    HeldBy(Mark),
    /// A later run of the same wave has fenced it: this run has lost the lead.
    #[error("it was fenced in epoch {}, after this run's", .0.epoch)]
    LaterEpoch(Mark),
    /// A statement or tag looks like ours and is none that we write: nobody can say whose it is.
    #[error("its {0:?} looks like a fence and is none that we write")]
    Unreadable(String),
}

/// Merges our statement under `mark` into the `stored` policy, in place of an older one of the same ledger and wave.
///
/// # Errors
/// [`Unmergeable`].
pub fn fence(stored: Option<&str>, mark: &Mark, exempt: &Exempt) -> Result<Change, Unmergeable> {
    let document = stored.map(PolicyDocument::parse).transpose()?;
    let mut was_bare = document.as_ref().is_some_and(PolicyDocument::has_bare_statement);
    let document = document.unwrap_or_else(PolicyDocument::empty);
    let mut statements = Vec::new();
    for statement in document.statements() {
        match ours(statement) {
            None => statements.push(statement.clone()),
            Some(sid) => {
                let standing = Sid::read(sid).ok_or_else(|| Unmergeable::Unreadable(sid.to_owned()))?;
                check_hold(&standing.mark, mark)?;
                was_bare = standing.was_bare;
            }
        }
    }
    let orphans = orphans(&statements);
    if !orphans.is_empty() {
        return Err(Unmergeable::OrphanedPrincipals(orphans));
    }
    statements.push(statement(&Sid { mark: mark.clone(), was_bare }, exempt));
    let fenced = document.with_statements(statements, false);
    if stored.is_some() && fenced == document {
        return Ok(Change::Nothing);
    }
    let bytes = fenced.to_string().len();
    if bytes > RESOURCE_POLICY_BYTES {
        return Err(Unmergeable::TooLarge { bytes });
    }
    Ok(Change::Put(fenced))
}

/// Takes our statement out of the `stored` policy where it bears `mark`'s ledger and wave, altered or not; what others
/// wrote, before or after, stays.
///
/// # Errors
/// [`Unmergeable::NotAPolicy`], [`Unmergeable::InexactNumber`], and [`Unmergeable::LaterEpoch`] where a later run fenced it.
pub fn unfence(stored: Option<&str>, mark: &Mark) -> Result<Change, Unmergeable> {
    let Some(stored) = stored else { return Ok(Change::Nothing) };
    let document = PolicyDocument::parse(stored)?;
    let mut was_bare = None;
    let mut statements = Vec::new();
    for statement in document.statements() {
        match ours(statement).and_then(Sid::read) {
            Some(sid) if sid.mark.ledger == mark.ledger && sid.mark.wave == mark.wave => {
                check_hold(&sid.mark, mark)?;
                was_bare = Some(sid.was_bare);
            }
            _ => statements.push(statement.clone()),
        }
    }
    Ok(match was_bare {
        None => Change::Nothing,
        Some(_) if statements.is_empty() => Change::Delete,
        Some(was_bare) => Change::Put(document.with_statements(statements, was_bare)),
    })
}

/// What fence the `stored` policy holds, judged by the exempt principals that we would write today.
///
/// # Errors
/// [`Unmergeable::NotAPolicy`] and [`Unmergeable::InexactNumber`].
pub fn seen(stored: Option<&str>, exempt: &Exempt) -> Result<FenceSeen, Unmergeable> {
    let Some(stored) = stored else { return Ok(FenceSeen::Open) };
    let document = PolicyDocument::parse(stored)?;
    let mut found = document.statements().filter_map(|statement| Some((ours(statement)?, statement)));
    let Some((sid, standing)) = found.next() else { return Ok(open(stored, exempt)) };
    if found.next().is_some() {
        return Ok(FenceSeen::Altered { what: "more than one fence".to_owned() });
    }
    let Some(sid) = Sid::read(sid) else {
        return Ok(FenceSeen::Altered { what: "Sid".to_owned() });
    };
    Ok(match difference(standing, &statement(&sid, exempt)) {
        None => FenceSeen::Ours(sid.mark),
        Some(what) => FenceSeen::Altered { what },
    })
}

/// A policy without a fence: whether one can be merged, by trying it with the longest mark that there can be.
fn open(stored: &str, exempt: &Exempt) -> FenceSeen {
    let longest = WaveName::parse(&"w".repeat(WaveName::LONGEST)).map(|wave| Mark {
        ledger: LedgerId::new("0".repeat(LONGEST_LEDGER_ID)),
        wave,
        epoch: Epoch(u64::from(u32::MAX)),
    });
    // And the seal beside it, which comes after the moment at which there is a way back.
    let both = longest.map(|mark| match fence(Some(stored), &mark, exempt)? {
        Change::Put(fenced) => super::seal(Some(&fenced.to_string()), &mark, exempt),
        other => Ok(other),
    });
    match both {
        Ok(Err(why)) => FenceSeen::Unfenceable { why: why.to_string() },
        _ => FenceSeen::Open,
    }
}

/// Refuses to touch what another wave, another ledger or a later run put there.
pub(super) fn check_hold(standing: &Mark, mark: &Mark) -> Result<(), Unmergeable> {
    if standing.ledger != mark.ledger || standing.wave != mark.wave {
        Err(Unmergeable::HeldBy(standing.clone()))
    } else if standing.epoch > mark.epoch {
        Err(Unmergeable::LaterEpoch(standing.clone()))
    } else {
        Ok(())
    }
}

/// The Sid of a statement that looks like ours.
fn ours(statement: &Map<String, Value>) -> Option<&str> {
    statement.get("Sid").and_then(Value::as_str).filter(|sid| sid.starts_with(PREFIX))
}

fn statement(sid: &Sid, exempt: &Exempt) -> Map<String, Value> {
    let exempt: Vec<&str> = exempt.iter().collect();
    Map::from_iter([
        ("Sid".to_owned(), json!(sid.write())),
        ("Effect".to_owned(), json!("Deny")),
        ("Principal".to_owned(), json!("*")),
        ("Action".to_owned(), json!(FENCED_ACTIONS)),
        ("Resource".to_owned(), json!("*")),
        ("Condition".to_owned(), json!({ "ArnNotEquals": { "aws:PrincipalArn": exempt } })),
    ])
}

/// The first members that differ, by name.
pub(super) fn difference(standing: &Map<String, Value>, expected: &Map<String, Value>) -> Option<String> {
    let (standing, expected) = (canonical_statement(standing), canonical_statement(expected));
    let (standing, expected) = (standing.as_object()?, expected.as_object()?);
    let mut keys: Vec<&str> = standing.keys().chain(expected.keys()).map(String::as_str).collect();
    keys.sort_unstable();
    keys.dedup();
    keys.retain(|&key| standing.get(key) != expected.get(key));
    (!keys.is_empty()).then(|| keys.join(", "))
}

/// Principals that are unique ids (`AROA…` a role, `AIDA…` a user): what AWS shows of one that was deleted
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids>).
fn orphans(statements: &[Map<String, Value>]) -> Vec<String> {
    let named = statements.iter().flat_map(|statement| [statement.get("Principal"), statement.get("NotPrincipal")]).flatten();
    let mut orphans: Vec<String> = named
        .filter_map(|principal| principal.get("AWS"))
        .flat_map(|named| match named {
            Value::Array(several) => several.as_slice(),
            single => std::slice::from_ref(single),
        })
        .filter_map(Value::as_str)
        .filter(|id| {
            (id.starts_with("AROA") || id.starts_with("AIDA")) && id.len() >= 16 && id.bytes().all(|b| b.is_ascii_alphanumeric())
        })
        .map(str::to_owned)
        .collect();
    orphans.sort_unstable();
    orphans.dedup();
    orphans
}
