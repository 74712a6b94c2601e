//! Why a run stopped.

use migrate_core::{
    delivery::Halted,
    handover::{Refusal, Runner, judge::Blocked},
    id::Epoch,
    ledger::{SharedStanding, Standing},
    ports::PortError,
};

use crate::{LedgerError, shared::SharedError};

/// The step that a run was in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Where(pub &'static str);

/// Why a run stopped before its goal. What it had done stands in the ledger.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// The ledger file: missing, locked, broken, or not writable.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The ledger does not stand to its anchor as it must.
    #[error("the ledger does not agree with its anchor")]
    Unsound(Standing),
    /// The local copy, the remote and the anchor of a shared ledger do not stand to each other as they must.
    #[error("the shared ledger is not the one that its anchor or this clone knows")]
    NotShared(SharedStanding),
    /// The place of a shared ledger can't be reached, or does not take a record.
    #[error(transparent)]
    Shared(#[from] SharedError),
    /// The run before did not end, and nobody can tell from here whether it still lives.
    #[error("the run at epoch {epoch} (process {} on {}) did not end and may still live", runner.process, runner.host)]
    MayLive {
        /// Its epoch.
        epoch: Epoch,
        /// Where it ran.
        runner: Runner,
    },
    /// The run that has the lead is another one than was named.
    #[error("the run that did not end is {0}")]
    OtherHolder(String),
    /// The run that has the lead can be seen to live.
    #[error("process {} lives, on this host", .0.process)]
    Lives(Runner),
    /// Another run has taken the lead.
    #[error("another run has taken the lead; this one stopped before it changed anything more")]
    LeadLost,
    /// The world has moved since the plan was made. Nothing was changed.
    #[error("the plan is stale: {} of its secrets are not as planned", .0.len())]
    Stale(Vec<Blocked>),
    /// Another plan than the one that the wave began with, or a plan for other stores.
    #[error("the plan does not belong here: {0}")]
    OtherPlan(String),
    /// Somebody must decide.
    #[error("{} secrets can't go on at {}", blocked.len(), step.0)]
    Blocked {
        /// Where.
        step: Where,
        /// Who and why.
        blocked: Vec<Blocked>,
    },
    /// A store did not answer as hoped; running the same command again goes on.
    #[error("{} secrets are not through {} yet", blocked.len(), step.0)]
    Incomplete {
        /// Where.
        step: Where,
        /// Who and why.
        blocked: Vec<Blocked>,
    },
    /// Consumers read through deliveries that can't go on.
    #[error("{} deliveries can't go on at {}", halted.len(), step.0)]
    Halted {
        /// Where.
        step: Where,
        /// Which and why.
        halted: Vec<Halted>,
    },
    /// There are deliveries to look at or to switch, and no cluster to do it in.
    #[error("{0} deliveries are to be switched, and no cluster is set up")]
    NoCluster(usize),
    /// Somebody else wrote to, or opened, what the protocol holds closed. Recorded.
    #[error("authority violation: {} secrets were changed by somebody else", .0.len())]
    Violated(Vec<Blocked>),
    /// A call that is about no single member failed.
    #[error("{} stopped", step.0)]
    Port {
        /// Where.
        step: Where,
        /// What failed.
        #[source]
        error: PortError,
    },
    /// The protocol does not allow it.
    #[error("the protocol does not allow it")]
    Refused(#[from] Refusal),
    /// What was read just before commit was older than a minute when the last look came back.
    #[error(
        "looking at {members} secrets took {seconds} s, longer than the minute for which a look counts; hand over fewer at once"
    )]
    EvidenceTooOld {
        /// How many members.
        members: usize,
        /// How long it took.
        seconds: u64,
    },
    /// The operator stopped it at a safe point.
    #[error("stopped at {} as asked", .0.0)]
    Interrupted(Where),
}
