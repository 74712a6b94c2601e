//! The hash chain over a ledger's bytes: read, checked, extended.

use jiff::Timestamp;

use super::{FORMAT, Heads, Record, RecordHash};
use crate::{
    handover::{Event, Handover, Refusal, next},
    id::Epoch,
};

/// What identifies one record: the anchor names it by these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Head {
    /// Its sequence number.
    pub sequence: u64,
    /// The hash of its line.
    pub hash: RecordHash,
    /// Its epoch.
    pub epoch: Epoch,
    /// Whether it only counts once the anchor names it ([`Event::is_decisive`]).
    pub decisive: bool,
}

/// How the bytes ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// With a whole record.
    Whole,
    /// With part of a record: the write was cut off before its fsync, so it never counted. The first `keep` bytes are whole.
    Torn {
        /// Bytes to keep.
        keep: usize,
    },
}

/// Why bytes are no ledger. Each says the line, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// A newer build wrote it.
    #[error("line {line}: written in format {found}, this build reads {FORMAT}; use a newer migrate")]
    Newer {
        /// Line.
        line: usize,
        /// Its format.
        found: u32,
    },
    /// Not a record.
    #[error("line {line}: not a ledger record ({why})")]
    NotARecord {
        /// Line.
        line: usize,
        /// What the parser said.
        why: String,
    },
    /// The sequence number does not follow.
    #[error("line {line}: record {found} stands where record {expected} belongs; lines were removed, added or re-ordered")]
    Sequence {
        /// Line.
        line: usize,
        /// What belongs here.
        expected: u64,
        /// What stands here.
        found: u64,
    },
    /// The hash of the line before does not match.
    #[error("line {line}: does not continue the line before it; that line or this one was edited")]
    Hash {
        /// Line.
        line: usize,
    },
    /// The chain is whole, but the protocol could not have taken this step.
    #[error("line {line}: {refusal}")]
    Impossible {
        /// Line.
        line: usize,
        /// What forbids it.
        refusal: Refusal,
    },
}

/// A checked ledger: the state that it folds to, and the heads that an anchor may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    state: Handover,
    heads: Vec<Head>,
}

impl Default for Chain {
    fn default() -> Self {
        Self::new()
    }
}

impl Chain {
    /// The empty ledger.
    #[must_use]
    pub fn new() -> Self {
        Self { state: Handover::default(), heads: Vec::new() }
    }

    /// Reads and checks a whole ledger. `visit` sees every record in order (for `ledger show`).
    ///
    /// # Errors
    /// [`Broken`] at the first line that does not hold; what stands before it is good.
    pub fn read(bytes: &[u8], mut visit: impl FnMut(&Record)) -> Result<(Self, Tail), Broken> {
        let mut chain = Self::new();
        let mut start = 0;
        while start < bytes.len() {
            let Some(length) = bytes[start..].iter().position(|byte| *byte == b'\n') else {
                return Ok((chain, Tail::Torn { keep: start }));
            };
            let line = &bytes[start..start + length];
            chain.take_line(line, &mut visit)?;
            start += length + 1;
        }
        Ok((chain, Tail::Whole))
    }

    fn take_line(&mut self, line: &[u8], visit: &mut impl FnMut(&Record)) -> Result<(), Broken> {
        #[derive(serde::Deserialize)]
        struct Format {
            format: u32,
        }
        let number = self.heads.len() + 1;
        let not_a_record = |error: serde_json::Error| Broken::NotARecord { line: number, why: error.to_string() };
        let Format { format } = serde_json::from_slice(line).map_err(not_a_record)?;
        if format != FORMAT {
            return Err(Broken::Newer { line: number, found: format });
        }
        let record: Record = serde_json::from_slice(line).map_err(not_a_record)?;
        if record.sequence != self.next_sequence() {
            return Err(Broken::Sequence { line: number, expected: self.next_sequence(), found: record.sequence });
        }
        if record.previous != self.last_hash() {
            return Err(Broken::Hash { line: number });
        }
        self.accept(&record, RecordHash::of(line)).map_err(|refusal| Broken::Impossible { line: number, refusal })?;
        visit(&record);
        Ok(())
    }

    /// Shapes the record that would come next, and its line; nothing changes until [`Chain::accept`].
    ///
    /// # Errors
    /// [`Refusal`] where the protocol forbids it: checked here, so that no record is written that can't be read again.
    pub fn draft(&self, at: Timestamp, operator: &str, epoch: Epoch, event: Event) -> Result<Record, Refusal> {
        self.state.allows(epoch, &event)?;
        Ok(Record {
            format: FORMAT,
            sequence: self.next_sequence(),
            previous: self.last_hash(),
            at,
            operator: operator.to_owned(),
            epoch,
            event,
        })
    }

    /// Takes a record as the next one.
    ///
    /// # Errors
    /// [`Refusal`] where the protocol forbids it; the chain is then as before.
    pub fn accept(&mut self, record: &Record, hash: RecordHash) -> Result<(), Refusal> {
        self.state.allows(record.epoch, &record.event)?;
        self.state = next(std::mem::take(&mut self.state), record.epoch, &record.event)?;
        self.heads.push(Head { sequence: record.sequence, hash, epoch: record.epoch, decisive: record.event.is_decisive() });
        Ok(())
    }

    /// The state that the records fold to.
    #[must_use]
    pub fn state(&self) -> &Handover {
        &self.state
    }

    /// Every record's head, in order.
    #[must_use]
    pub fn heads(&self) -> &[Head] {
        &self.heads
    }

    /// Id and heads: what standing is judged by.
    #[must_use]
    pub fn standing(&self) -> Heads<'_> {
        Heads { ledger: self.state.ledger.as_ref(), heads: &self.heads }
    }

    fn next_sequence(&self) -> u64 {
        self.heads.last().map_or(0, |head| head.sequence + 1)
    }

    fn last_hash(&self) -> RecordHash {
        self.heads.last().map_or(RecordHash::NONE, |head| head.hash)
    }
}
