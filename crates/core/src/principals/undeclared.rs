//! What was found and nobody declared.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Access, Found, Principal, Seen};
use crate::{
    aws_policy::Exempt,
    inventory::{KnownPrincipal, Secret, Writer},
};

/// The service that turns a rotation function on: its own records of a rotation name it and no role.
const ROTATING: &str = "secretsmanager.amazonaws.com";

/// How far readers and writers were looked for, as a plan tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LookedFor {
    /// When, the last time.
    pub at: Timestamp,
    /// Where, each once.
    pub sources: Vec<String>,
    /// The time of the first record that was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// The time of the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Records that could not be read.
    pub unreadable: u64,
}

impl LookedFor {
    /// What the looks say together; `None` where there was none.
    #[must_use]
    pub fn of(found: &Found) -> Option<Self> {
        let at = found.looks.iter().map(|look| look.at).max()?;
        Some(Self {
            at,
            sources: found.looks.iter().map(|look| look.source.clone()).collect(),
            from: found.looks.iter().filter_map(|look| look.from).min(),
            until: found.looks.iter().filter_map(|look| look.until).max(),
            unreadable: found.looks.iter().map(|look| look.unreadable).sum(),
        })
    }
}

/// Whether the inventory says that this principal does this.
#[must_use]
pub fn is_declared(secret: &Secret, principal: &Principal, access: Access) -> bool {
    let named = secret.principals.iter().any(|known| match known {
        KnownPrincipal::Reads(known) => access == Access::Reads && known == principal,
        KnownPrincipal::Writes(known) => access == Access::Writes && known == principal,
    });
    let rotates = access == Access::Writes
        && principal.as_str() == ROTATING
        && secret.writers.iter().any(|writer| matches!(writer, Writer::Rotation(_)));
    named || rotates
}

/// Who did something with a secret and is neither declared nor exempt. Refused attempts alone do not count: they got nothing.
pub fn undeclared<'a>(secret: &'a Secret, found: &'a Found, exempt: Option<&'a Exempt>) -> impl Iterator<Item = &'a Seen> {
    found.secrets.get(secret.source_name()).into_iter().flatten().filter(move |seen| {
        let is_ours = exempt.is_some_and(|exempt| exempt.covers_principal(seen.principal.as_str()));
        seen.done > 0 && !is_ours && !is_declared(secret, &seen.principal, seen.access)
    })
}
