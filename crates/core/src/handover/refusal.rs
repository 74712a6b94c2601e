//! Why an event can't follow.

use super::Stage;
use crate::{
    id::{DeliveryName, Epoch, WaveName},
    name::SecretName,
};

/// Why an event can't follow. The state stays as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The ledger has no first record yet, or a second first one.
    #[error("the first record of a ledger, and only the first, says that it was created")]
    Creation,
    /// A run acts under an epoch that is not its own, or nobody leads.
    #[error("epoch {found} does not lead, the ledger is at epoch {current}")]
    NotLeading {
        /// The record's.
        found: Epoch,
        /// The ledger's.
        current: Epoch,
    },
    /// The lead was taken for another wave or another end, or has ended.
    #[error("the run that leads was not started for this ({event} of wave {wave})")]
    OtherRun {
        /// What was to be recorded.
        event: &'static str,
        /// For which wave.
        wave: WaveName,
    },
    /// No wave of that name.
    #[error("wave {0} has not begun")]
    NoSuchWave(WaveName),
    /// The wave is not at the stage that this needs.
    #[error("wave {wave} is {stage:?}: {event} can't follow")]
    Stage {
        /// Which wave.
        wave: WaveName,
        /// Where it is.
        stage: Stage,
        /// What was to be recorded.
        event: &'static str,
    },
    /// A member is not at the step that this needs.
    #[error("{name} is not at the step that {event} needs")]
    Step {
        /// Which member.
        name: SecretName,
        /// What was to be recorded.
        event: &'static str,
    },
    /// A delivery is not at the step that this needs, or is none of the wave's.
    #[error("the delivery {name} is not at the step that {event} needs")]
    Delivery {
        /// Which delivery.
        name: DeliveryName,
        /// What was to be recorded.
        event: &'static str,
    },
    /// No such member.
    #[error("{name} is no member of wave {wave}")]
    NotAMember {
        /// Which name.
        name: SecretName,
        /// Which wave.
        wave: WaveName,
    },
    /// Another wave holds the secret, or has handed it over (AUT-1, AUT-5).
    #[error("{name} belongs to wave {holder} already")]
    Held {
        /// Which secret.
        name: SecretName,
        /// By which wave.
        holder: WaveName,
    },
    /// A record about no member at all.
    #[error("{0} names no member")]
    Empty(&'static str),
    /// Not every member is where the whole wave must be.
    #[error("wave {wave} has members left behind: {event} speaks of all of them")]
    Incomplete {
        /// Which wave.
        wave: WaveName,
        /// What was to be recorded.
        event: &'static str,
    },
}
