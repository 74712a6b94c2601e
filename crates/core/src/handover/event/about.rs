//! What can be told of any event without looking into it.

use super::Event;
use crate::id::WaveName;

impl Event {
    /// Whether the record only counts once the anchor names it.
    #[must_use]
    pub fn is_decisive(&self) -> bool {
        matches!(
            self,
            Self::Lead { .. }
                | Self::Begin { .. }
                | Self::LeftOut { .. }
                | Self::Committed { .. }
                | Self::Completed { .. }
                | Self::RollbackBegun { .. }
                | Self::RetireBegun { .. }
        )
    }

    /// The wave that it is about.
    #[must_use]
    pub fn wave(&self) -> Option<&WaveName> {
        match self {
            Self::Created { .. } => None,
            Self::Lead { wave, .. }
            | Self::Begin { wave, .. }
            | Self::Preflighted { wave }
            | Self::RotationCancelIntended { wave, .. }
            | Self::RotationCancelled { wave, .. }
            | Self::RotationEnded { wave, .. }
            | Self::FenceIntended { wave, .. }
            | Self::Fenced { wave, .. }
            | Self::Settled { wave, .. }
            | Self::CopyIntended { wave, .. }
            | Self::Copied { wave, .. }
            | Self::Verified { wave, .. }
            | Self::Committed { wave }
            | Self::Confirmed { wave }
            | Self::SwitchBegun { wave, .. }
            | Self::SwitchIntended { wave, .. }
            | Self::Switched { wave, .. }
            | Self::SetBack { wave, .. }
            | Self::DeclaredGone { wave, .. }
            | Self::SealIntended { wave, .. }
            | Self::Sealed { wave, .. }
            | Self::SealSettled { wave, .. }
            | Self::SealLifted { wave, .. }
            | Self::GivenBack { wave, .. }
            | Self::Completed { wave }
            | Self::UrgentIntended { wave, .. }
            | Self::UrgentWritten { wave, .. }
            | Self::Violated { wave, .. }
            | Self::LeftOut { wave, .. }
            | Self::RollbackBegun { wave }
            | Self::Cleared { wave, .. }
            | Self::Unfenced { wave, .. }
            | Self::RotationRestored { wave, .. }
            | Self::RolledBack { wave }
            | Self::RetireBegun { wave, .. }
            | Self::ReplicaRemovalIntended { wave, .. }
            | Self::ReplicasRemoved { wave, .. }
            | Self::DeleteIntended { wave, .. }
            | Self::DeleteScheduled { wave, .. }
            | Self::Retired { wave }
            | Self::Ended { wave, .. } => Some(wave),
        }
    }

    /// Its name in the ledger (`"type"`).
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Created { .. } => "created",
            Self::Lead { .. } => "lead",
            Self::Begin { .. } => "begin",
            Self::Preflighted { .. } => "preflighted",
            Self::RotationCancelIntended { .. } => "rotation-cancel-intended",
            Self::RotationCancelled { .. } => "rotation-cancelled",
            Self::RotationEnded { .. } => "rotation-ended",
            Self::FenceIntended { .. } => "fence-intended",
            Self::Fenced { .. } => "fenced",
            Self::Settled { .. } => "settled",
            Self::CopyIntended { .. } => "copy-intended",
            Self::Copied { .. } => "copied",
            Self::Verified { .. } => "verified",
            Self::Committed { .. } => "committed",
            Self::Confirmed { .. } => "confirmed",
            Self::SwitchBegun { .. } => "switch-begun",
            Self::SwitchIntended { .. } => "switch-intended",
            Self::Switched { .. } => "switched",
            Self::SetBack { .. } => "set-back",
            Self::DeclaredGone { .. } => "declared-gone",
            Self::SealIntended { .. } => "seal-intended",
            Self::Sealed { .. } => "sealed",
            Self::SealSettled { .. } => "seal-settled",
            Self::SealLifted { .. } => "seal-lifted",
            Self::GivenBack { .. } => "given-back",
            Self::Completed { .. } => "completed",
            Self::UrgentIntended { .. } => "urgent-intended",
            Self::UrgentWritten { .. } => "urgent-written",
            Self::Violated { .. } => "violated",
            Self::LeftOut { .. } => "left-out",
            Self::RollbackBegun { .. } => "rollback-begun",
            Self::Cleared { .. } => "cleared",
            Self::Unfenced { .. } => "unfenced",
            Self::RotationRestored { .. } => "rotation-restored",
            Self::RolledBack { .. } => "rolled-back",
            Self::RetireBegun { .. } => "retire-begun",
            Self::ReplicaRemovalIntended { .. } => "replica-removal-intended",
            Self::ReplicasRemoved { .. } => "replicas-removed",
            Self::DeleteIntended { .. } => "delete-intended",
            Self::DeleteScheduled { .. } => "delete-scheduled",
            Self::Retired { .. } => "retired",
            Self::Ended { .. } => "ended",
        }
    }
}
