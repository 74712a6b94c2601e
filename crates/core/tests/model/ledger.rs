//! A ledger of the model: the production [`Chain`], shared between states, with a cheap hash in place of SHA-256 over JSON.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, LazyLock, Mutex, Weak},
};

use jiff::Timestamp;
use migrate_core::{
    handover::{Event, Handover, Refusal},
    id::Epoch,
    ledger::{Chain, Head, RecordHash},
};

/// One operator's ledger. Two with the same records are equal, and in memory the same.
#[derive(Clone)]
pub(crate) struct Ledger(Arc<Inner>);

struct Inner {
    digest: u64,
    chain: Chain,
    before: Option<Ledger>,
}

/// Every ledger that a state still holds, by digest: most appends happen in thousands of states, and the fold is done once.
static SEEN: LazyLock<Mutex<HashMap<u64, Weak<Inner>>>> = LazyLock::new(Mutex::default);

impl Ledger {
    /// No record.
    pub(crate) fn empty() -> Self {
        Self(Arc::new(Inner { digest: 0, chain: Chain::new(), before: None }))
    }

    /// The ledger with one more record, drafted and accepted by production code.
    pub(crate) fn append(&self, operator: &str, epoch: Epoch, event: Event) -> Result<Self, Refusal> {
        let mut hasher = DefaultHasher::new();
        (self.0.digest, operator, epoch, &event).hash(&mut hasher);
        let digest = hasher.finish();
        if let Some(known) = SEEN.lock().unwrap().get(&digest).and_then(Weak::upgrade) {
            return Ok(Self(known));
        }
        let mut chain = self.0.chain.clone();
        let record = chain.draft(Timestamp::UNIX_EPOCH, operator, epoch, event)?;
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&digest.to_le_bytes());
        chain.accept(&record, RecordHash(hash))?;
        let ledger = Self(Arc::new(Inner { digest, chain, before: Some(self.clone()) }));
        SEEN.lock().unwrap().insert(digest, Arc::downgrade(&ledger.0));
        Ok(ledger)
    }

    /// The ledger without its last record.
    pub(crate) fn trimmed(&self) -> Self {
        self.0.before.clone().unwrap_or_else(|| self.clone())
    }

    /// The first `length` records.
    pub(crate) fn prefix(&self, length: usize) -> Self {
        let mut at = self;
        while at.heads().len() > length {
            let Some(before) = &at.0.before else { break };
            at = before;
        }
        at.clone()
    }

    pub(crate) fn state(&self) -> &Handover {
        self.0.chain.state()
    }

    pub(crate) fn heads(&self) -> &[Head] {
        self.0.chain.heads()
    }

    pub(crate) fn head(&self) -> Option<&Head> {
        self.heads().last()
    }
}

impl PartialEq for Ledger {
    fn eq(&self, other: &Self) -> bool {
        self.0.digest == other.0.digest
    }
}

impl Eq for Ledger {}

impl Hash for Ledger {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.digest);
    }
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} records, {:x}", self.heads().len(), self.0.digest)
    }
}
