//! Counting effects, and stopping the world at one of them.

use std::fmt;

use tokio::sync::oneshot;

use super::Operation;

/// Before or after the upstream did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The upstream has not seen the request.
    Before,
    /// The upstream has done it; the client has no answer yet.
    After,
}

/// A request that changes something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// Counted from 1, over the life of the proxy.
    pub number: u64,
    /// What it does.
    pub operation: Operation,
    /// To which secrets, or which path.
    pub subjects: Vec<String>,
}

/// What a hook wants to happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Go on.
    Proceed,
    /// Freeze: this request and every later one hang until their client goes away. See [`super::Proxy::thaw`].
    Freeze,
}

/// Called at both sides of every effect, in the order in which effects are numbered (before) or done (after).
pub(super) type Hook = Box<dyn FnMut(&Effect, Side) -> Then + Send>;

/// The counter, the hook, and whether the world stands still.
#[derive(Default)]
pub(super) struct Effects {
    pub(super) count: u64,
    pub(super) is_frozen: bool,
    hook: Option<Hook>,
}

impl fmt::Debug for Effects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Effects").field("count", &self.count).field("is_frozen", &self.is_frozen).finish_non_exhaustive()
    }
}

impl Effects {
    pub(super) fn set_hook(&mut self, hook: Hook) {
        self.hook = Some(hook);
    }

    /// Sets a hook that freezes at one side of one effect, and says so.
    pub(super) fn freeze_at(&mut self, number: u64, side: Side) -> oneshot::Receiver<Effect> {
        let (tell, told) = oneshot::channel();
        let mut tell = Some(tell);
        self.set_hook(Box::new(move |effect, at| {
            if effect.number != number || at != side {
                return Then::Proceed;
            }
            if let Some(tell) = tell.take() {
                // Nobody may be waiting; the world freezes all the same.
                let _ = tell.send(effect.clone());
            }
            Then::Freeze
        }));
        told
    }

    /// Takes the next number.
    pub(super) fn number(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    /// Runs the hook; true where the world now stands still.
    pub(super) fn reach(&mut self, effect: &Effect, side: Side) -> bool {
        if let Some(hook) = &mut self.hook
            && hook(effect, side) == Then::Freeze
        {
            self.is_frozen = true;
        }
        self.is_frozen
    }

    pub(super) fn thaw(&mut self) {
        self.is_frozen = false;
        self.hook = None;
    }
}
