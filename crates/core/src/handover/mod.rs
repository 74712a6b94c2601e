//! The handover protocol: one state, one list of events, one total function [`next`], and one function [`decide`] that says what is to do.
//!
//! It names no product. What hands authority over is *outgoing*, what receives it is *incoming*. The state is never stored: it is the
//! fold of the ledger's events, so recovery and the normal course are the same function (OPS-2, AUT-6).
//!
//! ```text
//!  begin ─► preflight ─► (rotation) ─► fence ─► settle ─► copy ─► verify ─► COMMIT ─► confirm ─► switch ─► seal ─► COMPLETE ─► retire
//!    └───────────┴──────────┴────────┴────────┴────────┴──► rollback
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | [`state`](Handover) | waves, members, who leads |
//! | [`event`](Event) | what a ledger record can say |
//! | [`next`] | which event may follow, and what it changes |
//! | [`decide`] | the next step towards a goal |
//! | [`judge`] | what a fresh look at a store means for a member |
//! | [`retire`] | whether an old copy may go |
//! | [`promise`] | P1–P10 as predicates |

mod decide;
mod event;
pub mod judge;
mod next;
pub mod promise;
mod refusal;
pub mod retire;
mod state;

pub use decide::{Goal, Step, decide};
pub use event::{Begun, Event, Outcome, RunKind, Runner, Violation, ViolationKind};
pub use next::next;
pub use refusal::Refusal;
pub use state::{
    DeliveryStep, Handover, Lead, Member, MemberStep, PlanDigest, Retirement, RotationStep, SealStep, Stage, UrgentStep, Wave,
};
