//! What the driver is given from outside: ports, time, a way to be stopped, a way to say how far it is.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use migrate_core::{
    handover::Runner,
    ports::{Delivery, Incoming, Outgoing},
};
use tokio::sync::watch;

/// The two stores, and what consumers read through.
#[derive(Clone, Copy)]
pub struct Systems<'a> {
    /// What hands authority over.
    pub outgoing: &'a dyn Outgoing,
    /// What receives it.
    pub incoming: &'a dyn Incoming,
    /// What consumers read through; none where no cluster is set up, or none is needed.
    pub delivery: Option<&'a dyn Delivery>,
}

/// Time, injected so that tests and rehearsals can have their own.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Now, UTC.
    fn now(&self) -> Timestamp;
    /// Returns after this long.
    async fn sleep(&self, duration: Duration);
}

/// The machine's own clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokioClock;

#[async_trait]
impl Clock for TokioClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one clock that the others stand in for")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// Asks the operating system about processes of this host.
pub trait Processes: Send + Sync {
    /// Whether a runner is known to be dead; `None` where that can't be told from here (another host).
    fn is_dead(&self, runner: &Runner) -> Option<bool>;
}

/// A request to stop at the next safe point (Ctrl-C).
#[derive(Clone, Debug)]
pub struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    /// Stops once `true` is sent.
    #[must_use]
    pub fn new(receiver: watch::Receiver<bool>) -> Self {
        Self(receiver)
    }

    /// Never stops.
    #[must_use]
    pub fn never() -> Self {
        Self(watch::channel(false).1)
    }

    /// Whether a stop was asked for.
    #[must_use]
    pub fn requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns once a stop is asked for; never, where nobody can ask any more.
    pub async fn wait(&self) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|stop| *stop).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Hears how far a run is. Called from one task at a time; must not block.
pub trait Progress: Send + Sync {
    /// A step begins and will handle this many members.
    fn begin(&self, step: &'static str, members: usize);
    /// So many more members are done.
    fn advance(&self, members: usize);
    /// The step is done.
    fn end(&self);
    /// Something to tell that is no error: one line, free of values.
    fn note(&self, text: &str);
}

/// Says nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _: &'static str, _: usize) {}
    fn advance(&self, _: usize) {}
    fn end(&self) {}
    fn note(&self, _: &str) {}
}

/// How much is under way at once. Memory and the work that a crash repeats grow with these, not with the number of secrets.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Members in one batch: what one BatchGetSecretValue brings.
    pub batch: usize,
    /// Batches of the copy pipeline under way at once.
    pub batches: usize,
    /// Members that share one record and one fsync.
    pub group: usize,
    /// Deliveries that are switched together, and share one record.
    pub deliveries: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self { batch: migrate_core::quota::BATCH_GET_IDS, batches: 4, group: 500, deliveries: 50 }
    }
}
