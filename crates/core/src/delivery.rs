//! What consumers read through, as a cluster shows it, and what stands in the way of a switch. Free of values: a difference is told by key.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{id::DeliveryName, observed::Sighting, ports::PortError};

/// Which authority a delivery reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reads", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum ReadsFrom {
    /// The outgoing one, as what is emitted for before the switch means.
    Outgoing,
    /// The incoming one, as what is emitted for after the switch means.
    Incoming,
    /// Something that was emitted for neither: somebody changed it in the cluster.
    Neither {
        /// The places in it that differ from what reads the outgoing authority, as `spec.target.name`.
        places: Vec<String>,
    },
}

/// How far the controller is with a delivery's latest specification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Reconciled {
    /// It has refreshed after the last change, and says that it is ready.
    Ready,
    /// It has not looked at the last change yet.
    Pending,
    /// It has looked, and says why it is not ready.
    Failed {
        /// The condition's `reason`.
        reason: String,
        /// The condition's `message`.
        message: String,
    },
}

/// One delivery as the cluster shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliverySeen {
    /// What it reads.
    pub from: ReadsFrom,
    /// How far its controller is.
    pub reconciled: Reconciled,
}

/// What a comparison of a materialized Secret with the authority gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Compared {
    /// Every key holds the same bytes.
    Equal,
    /// What is read can't be computed outside the controller (a template, a rewrite, a generator); compared when it is switched, by a shadow.
    NotComparable {
        /// Why.
        why: String,
    },
}

/// Why a delivery can't go on. Data, never prose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "reason", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Stuck {
    /// The cluster has no such object.
    #[error("is not in the cluster; apply it (`migrate eso emit`), or say that it is gone (`--gone`)")]
    Absent,
    /// The cluster does not serve this kind in the version that is spoken.
    #[error("is of a kind that the cluster does not serve: {what}")]
    NotServed {
        /// Group, version and kind.
        what: String,
    },
    /// Somebody changed it in the cluster: what would be lost is not known.
    #[error("was changed in the cluster ({}); take the change over (`migrate eso import`) or undo it", .places.join(", "))]
    Changed {
        /// Where it differs from what was emitted.
        places: Vec<String>,
    },
    /// Its controller says why it is not ready.
    #[error("is not ready: {condition}: {message}")]
    NotReady {
        /// The condition's `reason`.
        condition: String,
        /// The condition's `message`.
        message: String,
    },
    /// Its controller has not looked at it within the time to wait.
    #[error("was not reconciled within {seconds} s: does the operator run?")]
    NotReconciled {
        /// How long it was waited for.
        seconds: u64,
    },
    /// It reads the old authority's value of before: its Secret was not refreshed since.
    #[error("is stale: last refreshed at {since}")]
    Stale {
        /// When it was refreshed last, RFC 3339; `never` where it was not.
        since: String,
    },
    /// The store that it is to read from is not there, or can't be made.
    #[error("is to read from the store {store}, which is not in the cluster: {why}")]
    StoreAbsent {
        /// Kind and name.
        store: String,
        /// Why.
        why: String,
    },
    /// Its Secret is not there.
    #[error("has no Secret {secret}")]
    SecretAbsent {
        /// Namespace and name.
        secret: String,
    },
    /// Its Secret belongs to somebody else.
    #[error("does not own its Secret {secret}: {owner} does")]
    NotOwned {
        /// Namespace and name.
        secret: String,
        /// Who does.
        owner: String,
    },
    /// Its Secret holds other bytes than the authority.
    #[error("has a Secret {secret} that differs from what {authority} holds, in {}", .keys.join(", "))]
    Differs {
        /// Namespace and name.
        secret: String,
        /// Which authority.
        authority: String,
        /// Which keys; never what they hold.
        keys: Vec<String>,
    },
    /// It was switched, and somebody set it back.
    #[error("was set back by {manager} after it was switched: change it in Git (`--mode git`)")]
    SetBack {
        /// The field manager, or the tool that tracks it.
        manager: String,
    },
    /// Its manifests are written; the cluster does not show them yet.
    #[error("waits for its manifest in {folder} to reach the cluster: commit it and let it be synchronised")]
    InGit {
        /// Where the manifests were written.
        folder: String,
    },
    /// It was declared gone, and is there.
    #[error("was declared gone, and is in the cluster: delete it first")]
    Present,
    /// It could not be looked at or changed; the same command may go on later.
    #[error("could not be reached: {error}")]
    Unknown {
        /// Why.
        error: String,
    },
    /// The cluster refused.
    #[error("was refused: {error}")]
    Refused {
        /// Why.
        error: String,
    },
}

impl Stuck {
    /// What a failed call means for a delivery.
    #[must_use]
    pub fn of(error: &PortError) -> Self {
        let text = error.to_string();
        if error.is_passing() { Self::Unknown { error: text } } else { Self::Refused { error: text } }
    }

    /// Whether the same command may go on later without anybody deciding anything.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unknown { .. } | Self::InGit { .. } | Self::NotReconciled { .. } | Self::Stale { .. })
    }
}

/// A delivery that can't go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Halted {
    /// Which.
    pub delivery: DeliveryName,
    /// Why.
    #[serde(flatten)]
    pub stuck: Stuck,
}

impl fmt::Display for Halted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.delivery, self.stuck)
    }
}

/// Whether a delivery may be switched as it is seen.
///
/// # Errors
/// What stands in its way.
pub fn may_be_switched(seen: &Sighting<DeliverySeen>) -> Result<&DeliverySeen, Stuck> {
    match seen {
        Sighting::Present(seen) => match &seen.from {
            ReadsFrom::Outgoing | ReadsFrom::Incoming => Ok(seen),
            ReadsFrom::Neither { places } => Err(Stuck::Changed { places: places.clone() }),
        },
        Sighting::Absent => Err(Stuck::Absent),
        Sighting::Unknown(error) | Sighting::Unreadable(error) => Err(Stuck::of(error)),
    }
}

/// Whether a delivery that was followed to the incoming authority still reads it. One that its controller has not looked at since may be one
/// that never refreshes.
///
/// # Errors
/// What it says otherwise.
pub fn is_switched(seen: &Sighting<DeliverySeen>) -> Result<(), Stuck> {
    let seen = may_be_switched(seen)?;
    match (&seen.from, &seen.reconciled) {
        (ReadsFrom::Incoming, Reconciled::Ready | Reconciled::Pending) => Ok(()),
        (ReadsFrom::Incoming, Reconciled::Failed { reason, message }) => {
            Err(Stuck::NotReady { condition: reason.clone(), message: message.clone() })
        }
        _ => Err(Stuck::SetBack { manager: "somebody".to_owned() }),
    }
}

/// Whether a delivery that an operator calls gone is gone, as far as can be seen: a cluster that is gone with it does not answer.
///
/// # Errors
/// [`Stuck::Present`].
pub fn is_gone(seen: &Sighting<DeliverySeen>) -> Result<(), Stuck> {
    if matches!(seen, Sighting::Present(_)) { Err(Stuck::Present) } else { Ok(()) }
}
