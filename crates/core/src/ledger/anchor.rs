//! The anchor: the last decisive record, kept by check-and-set in the incoming store, and how a ledger stands to it.

use serde::{Deserialize, Serialize};

use super::{Head, RecordHash};
use crate::id::{Epoch, LedgerId};

/// The head that counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Anchor {
    /// Which ledger.
    pub ledger: LedgerId,
    /// The record's epoch.
    pub epoch: Epoch,
    /// The record's sequence number.
    pub sequence: u64,
    /// The hash of the record's line.
    pub hash: RecordHash,
}

impl Anchor {
    /// The anchor that names `head`.
    #[must_use]
    pub fn naming(ledger: LedgerId, head: &Head) -> Self {
        Self { ledger, epoch: head.epoch, sequence: head.sequence, hash: head.hash }
    }

    fn names(&self, head: &Head) -> bool {
        self.sequence == head.sequence && self.hash == head.hash
    }
}

/// How a ledger stands to its anchor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// No decisive record and no anchor: nothing has begun.
    Fresh,
    /// The anchor names the last decisive record.
    Current,
    /// One decisive record was written and the anchor not yet moved: it is anchored again, or trimmed where that fails.
    Unanchored(Head),
    /// The anchor names a record that this ledger does not have: it was cut, reset, or belongs to an older clone.
    Behind,
    /// The ledger has another record at the anchor's place: two copies went different ways.
    Forked,
    /// The anchor belongs to another ledger.
    Foreign(LedgerId),
    /// The anchor is older than decisive records that counted, or gone: the incoming store was set back.
    AnchorSetBack,
}

impl Standing {
    /// Whether a run may go on from here.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        matches!(self, Self::Fresh | Self::Current | Self::Unanchored(_))
    }
}

/// Judges a ledger's heads against the anchor that the incoming store holds. Pure: the driver and the model both ask here.
///
/// Records after a decisive one are only ever written once the anchor moved to it. So at most one decisive record may lie past the anchor,
/// and it is the last record of all.
#[must_use]
pub fn judge(ledger: Option<&LedgerId>, heads: &[Head], anchor: Option<&Anchor>) -> Standing {
    let decisive = || heads.iter().filter(|head| head.decisive);
    let last = heads.last();
    let Some(anchor) = anchor else {
        return match (decisive().count(), last) {
            (0, _) => Standing::Fresh,
            (1, Some(last)) if last.decisive => Standing::Unanchored(*last),
            _ => Standing::AnchorSetBack,
        };
    };
    if ledger != Some(&anchor.ledger) {
        return Standing::Foreign(anchor.ledger.clone());
    }
    let Some(at) = usize::try_from(anchor.sequence).ok().and_then(|at| heads.get(at)) else {
        return Standing::Behind;
    };
    if !anchor.names(at) {
        return Standing::Forked;
    }
    let mut after = heads.iter().filter(|head| head.decisive && head.sequence > anchor.sequence);
    match (after.next(), after.next(), last) {
        (None, _, _) => Standing::Current,
        (Some(one), None, Some(last)) if one == last => Standing::Unanchored(*one),
        _ => Standing::AnchorSetBack,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(sequence: u64, decisive: bool) -> Head {
        Head { sequence, hash: RecordHash::of(&sequence.to_le_bytes()), epoch: Epoch(1), decisive }
    }

    fn stands(heads: &[Head], anchored: Option<u64>) -> Standing {
        let ledger = LedgerId::new("l");
        let anchor = anchored.map(|sequence| Anchor::naming(ledger.clone(), &head(sequence, true)));
        judge(Some(&ledger), heads, anchor.as_ref())
    }

    #[test]
    fn missing_cut_forked_and_set_back_are_different_answers() {
        let (a, b, c) = (head(0, false), head(1, true), head(2, true));
        assert_eq!(stands(&[a], None), Standing::Fresh);
        assert_eq!(stands(&[a, b], None), Standing::Unanchored(b));
        assert_eq!(stands(&[a, b], Some(1)), Standing::Current);
        assert_eq!(stands(&[a, b, c], Some(1)), Standing::Unanchored(c));
        assert_eq!(stands(&[a, b], Some(2)), Standing::Behind);
        assert_eq!(stands(&[], Some(2)), Standing::Behind);
        assert_eq!(stands(&[a, b, c, head(3, false)], Some(1)), Standing::AnchorSetBack);
        assert_eq!(stands(&[a, b, c], None), Standing::AnchorSetBack);
        let other = Head { hash: RecordHash::of(b"other"), ..b };
        assert_eq!(stands(&[a, other], Some(1)), Standing::Forked);
    }
}
