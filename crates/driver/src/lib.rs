//! Runs the handover protocol over the ports. Knows no product: what to do is decided in `migrate-core`, how a store is spoken to in the
//! phase crates; here the two meet, in order, with the ledger on disk between them.
//!
//! ```text
//!   decide(state) ──► step ──► intent on disk ──► still leading? ──► effect through a port ──► outcome on disk ──┐
//!        ▲                                                                                                       │
//!        └───────────────────────────────────────── state = fold of the ledger ◄─────────────────────────────────┘
//! ```
//!
//! | module | what it does |
//! |---|---|
//! | [`ledger_file`] | append, fsync, lock, torn tail |
//! | `lead` | opens a ledger against its anchor, takes the lead, makes decisive records count |
//! | [`shared`](mod@shared), [`ledger_git`] | a ledger that several operators share, and the Git ref on which it lies |
//! | `steps` | which step comes next; begin, preflight |
//! | `fence` | rotation, fence, settle |
//! | `commit` | commit, confirm |
//! | `switch` | lets deliveries read the incoming authority |
//! | `seal` | closes old copies to readers, admits writers |
//! | `urgent` | one new value after the commit |
//! | `retire` | takes the old copies away |
//! | `undo` | what takes away what was added |
//! | `copy`, `replay`, `prove` | the pipeline and its proof: with `survey` and `delivered` the only code that holds values on their way |
//! | [`survey`](mod@survey) | looks at everything a plan needs |
//! | [`delivered`] | compares what consumers mount with what the authority holds |
//! | [`inspect`](mod@inspect) | looks at everything a verdict needs, changing nothing |
//!
//! The clock, the interrupt and the progress are injected.

mod commit;
mod copy;
mod delivered;
mod error;
mod fence;
pub mod inspect;
mod lead;
pub mod ledger_file;
pub mod ledger_git;
mod prove;
mod replay;
mod retire;
mod rim;
mod seal;
pub mod shared;
mod steps;
pub mod survey;
mod switch;
mod undo;
mod urgent;

pub use delivered::{HeldBy, Wanted, delivered};
pub use error::{Stopped, Where};
pub use lead::{Session, SessionSettings};
pub use ledger_file::{LedgerError, LedgerFile};
pub use ledger_git::GitLedger;
pub use retire::{RetireTerms, Retirement};
pub use rim::{Clock, Interrupt, Pace, Processes, Progress, Silent, Systems, TokioClock};
pub use shared::{OpenLedger, SharedError, SharedLedger};
pub use steps::{ApplyTerms, Report, StepTime};
