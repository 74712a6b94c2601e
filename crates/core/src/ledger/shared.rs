//! A ledger that several operators share: a copy here, the ledger itself at a remote, and the anchor as the high-water mark of both.
//!
//! What lies at the remote counts. A copy may lack its newest records, and may hold some that the remote does not have:
//!
//! | of the copy's own records | they are | and then |
//! |---|---|---|
//! | any up to the last decisive one that others follow | counted, since nothing is written behind a decisive record before it counts | refused: the copy went another way |
//! | a decisive one, as the last | never counted: it was not pushed, or lost | trimmed |
//! | others, the remote having nothing in their place | what this copy's last run did | pushed |
//! | others, the remote having other records in their place | what a run did that somebody else has taken over from | trimmed |

use super::{Anchor, Head, Standing, judge};
use crate::id::LedgerId;

/// A ledger, as far as standing is judged by it.
#[derive(Clone, Copy, Debug)]
pub struct Heads<'a> {
    /// Its id; `None` for an empty one.
    pub ledger: Option<&'a LedgerId>,
    /// Its records' heads.
    pub heads: &'a [Head],
}

/// What brings a copy and its remote together. Counts of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Follow {
    /// The copy's first records that stay; the rest never counted.
    pub keep: usize,
    /// The remote's records that follow them.
    pub take: usize,
    /// The copy's last ones among those kept, which the remote lacks.
    pub push: usize,
}

/// How a copy, its remote and the anchor stand to each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SharedStanding {
    /// A run can go on from here.
    Sound(Follow),
    /// The remote's ledger does not agree with the anchor: it was force-pushed, or the incoming store was set back.
    Remote(Standing),
    /// The copy holds records that counted, and the remote does not have them.
    Forked {
        /// The first record that differs.
        sequence: u64,
    },
    /// The copy is of another ledger than the remote's, which has this id.
    Foreign(Option<LedgerId>),
}

/// Judges a copy against its remote and the anchor. Pure: what it says is done by the driver.
///
/// The anchor must be the same before and after the remote was read, or both are of different moments.
#[must_use]
pub fn judge_shared(copy: Option<Heads<'_>>, remote: Heads<'_>, anchor: Option<&Anchor>) -> SharedStanding {
    let standing = judge(remote.ledger, remote.heads, anchor);
    if !standing.is_sound() {
        return SharedStanding::Remote(standing);
    }
    align(copy, remote)
}

/// Judges a copy against its remote alone: for those that only look.
#[must_use]
pub fn align(copy: Option<Heads<'_>>, remote: Heads<'_>) -> SharedStanding {
    let Some(copy) = copy.filter(|copy| !copy.heads.is_empty()) else {
        return SharedStanding::Sound(Follow { keep: 0, take: remote.heads.len(), push: 0 });
    };
    if copy.ledger != remote.ledger {
        return SharedStanding::Foreign(remote.ledger.cloned());
    }
    let common = copy.heads.iter().zip(remote.heads).take_while(|(ours, theirs)| ours.hash == theirs.hash).count();
    let own = copy.heads.get(common..).unwrap_or_default();
    let take = remote.heads.len() - common;
    let (last, before) = match own.split_last() {
        None => return SharedStanding::Sound(Follow { keep: common, take, push: 0 }),
        Some(split) => split,
    };
    if before.iter().any(|head| head.decisive) {
        return SharedStanding::Forked { sequence: own.first().map_or(0, |head| head.sequence) };
    }
    let push = match (take, last.decisive) {
        (0, true) => before.len(),
        (0, false) => own.len(),
        _ => 0,
    };
    SharedStanding::Sound(Follow { keep: common + push, take, push })
}

/// How a push ended, as far as a program can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushEnd {
    /// Well.
    Done,
    /// With the word that the ref was not taken.
    Rejected,
    /// Badly, without a word about the ref.
    Failed,
    /// Not within its time.
    TimedOut,
}

/// What the remote shows after a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// What was pushed.
    Ours,
    /// What was there before.
    Before,
    /// Something else.
    Other,
    /// Nobody knows: it does not answer.
    Nothing,
}

/// What became of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// It is there, whatever the push said: an answer may have been lost.
    Counts,
    /// Somebody else was first.
    Lost,
    /// The server would not take it: a hook, or a rule of its own.
    Declined,
    /// The remote can be read from here and not written to.
    NotAllowed,
    /// It may arrive yet.
    Unanswered,
}

/// Judges a push by how it ended and by what a fetch then shows. Only what was seen is believed.
#[must_use]
pub const fn judge_push(end: PushEnd, shown: Shown) -> Pushed {
    match (shown, end) {
        (Shown::Ours, _) => Pushed::Counts,
        (Shown::Other, _) => Pushed::Lost,
        (Shown::Before, PushEnd::Rejected) => Pushed::Declined,
        (Shown::Before, PushEnd::Failed) => Pushed::NotAllowed,
        (Shown::Before, PushEnd::Done | PushEnd::TimedOut) | (Shown::Nothing, _) => Pushed::Unanswered,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{id::Epoch, ledger::RecordHash};

    /// Records by one letter each: upper case for decisive ones. The letter is the hash.
    fn heads(text: &str) -> Vec<Head> {
        let head = |(at, letter): (usize, char)| Head {
            sequence: at as u64,
            hash: RecordHash::of(&[letter as u8]),
            epoch: Epoch(1),
            decisive: letter.is_uppercase(),
        };
        text.chars().enumerate().map(head).collect()
    }

    fn stands(copy: &str, remote: &str, anchored: Option<usize>) -> SharedStanding {
        let ledger = LedgerId::new("l");
        let (copy, remote) = (heads(copy), heads(remote));
        let anchor = anchored.map(|at| Anchor::naming(ledger.clone(), &remote[at]));
        let of = |heads| Heads { ledger: Some(&ledger), heads };
        judge_shared(Some(of(&copy)), of(&remote), anchor.as_ref())
    }

    fn follows(copy: &str, remote: &str, anchored: Option<usize>) -> (usize, usize, usize) {
        match stands(copy, remote, anchored) {
            SharedStanding::Sound(Follow { keep, take, push }) => (keep, take, push),
            other => panic!("{copy} {remote}: {other:?}"),
        }
    }

    #[test]
    fn a_copy_follows_its_remote() {
        assert_eq!(follows("aLBc", "aLBc", Some(2)), (4, 0, 0));
        assert_eq!(follows("", "aLB", Some(2)), (0, 3, 0));
        assert_eq!(follows("a", "aLB", Some(2)), (1, 2, 0));
        assert_eq!(follows("a", "aLB", Some(1)), (1, 2, 0), "a decisive record that is not anchored yet");
        assert_eq!(follows("a", "a", None), (1, 0, 0));
    }

    #[test]
    fn what_was_done_here_is_pushed_where_nobody_took_over() {
        assert_eq!(follows("aLBcd", "aLB", Some(2)), (5, 0, 2));
        assert_eq!(follows("aLBcd", "aLBx", Some(2)), (3, 1, 0), "another run's records stand in their place");
        assert_eq!(follows("aLBcd", "aLBL", Some(3)), (3, 1, 0), "another run took over");
    }

    #[test]
    fn a_decisive_record_that_never_counted_is_trimmed() {
        assert_eq!(follows("aL", "a", None), (1, 0, 0));
        assert_eq!(follows("aLBcC", "aLB", Some(2)), (4, 0, 1), "what was done before it stays");
        assert_eq!(follows("aLBC", "aLBX", Some(3)), (3, 1, 0), "somebody else was first");
    }

    #[test]
    fn a_copy_with_counted_records_of_its_own_went_another_way() {
        assert_eq!(stands("aLBc", "a", None), SharedStanding::Forked { sequence: 1 });
        assert_eq!(stands("aMb", "aLB", Some(2)), SharedStanding::Forked { sequence: 1 });
        assert_eq!(follows("aMB", "aMX", Some(2)), (2, 1, 0), "the last one may never have counted");
    }

    #[test]
    fn a_remote_that_its_anchor_is_ahead_of_or_beside_was_force_pushed() {
        let ledger = LedgerId::new("l");
        let whole = heads("aLB");
        let anchor = Anchor::naming(ledger.clone(), &whole[2]);
        let judged = |remote: &[Head]| {
            judge_shared(
                Some(Heads { ledger: Some(&ledger), heads: &whole }),
                Heads { ledger: Some(&ledger), heads: remote },
                Some(&anchor),
            )
        };
        assert_eq!(judged(&whole[..2]), SharedStanding::Remote(Standing::Behind));
        assert_eq!(judged(&heads("aXY")), SharedStanding::Remote(Standing::Forked));
        assert_eq!(judged(&heads("aLBcCdD")), SharedStanding::Remote(Standing::AnchorSetBack));
    }

    #[test]
    fn a_copy_of_another_ledger_is_foreign() {
        let (ours, theirs) = (LedgerId::new("ours"), LedgerId::new("theirs"));
        let (copy, remote) = (heads("a"), heads("b"));
        let judged = align(Some(Heads { ledger: Some(&ours), heads: &copy }), Heads { ledger: Some(&theirs), heads: &remote });
        assert_eq!(judged, SharedStanding::Foreign(Some(theirs)));
    }

    #[test]
    fn only_what_is_seen_is_believed() {
        use PushEnd::{Done, Failed, Rejected, TimedOut};
        let every = [Done, Rejected, Failed, TimedOut];
        let judged = |shown| every.map(|end| judge_push(end, shown));
        assert_eq!(judged(Shown::Ours), [Pushed::Counts; 4]);
        assert_eq!(judged(Shown::Other), [Pushed::Lost; 4]);
        assert_eq!(judged(Shown::Nothing), [Pushed::Unanswered; 4]);
        assert_eq!(judged(Shown::Before), [Pushed::Unanswered, Pushed::Declined, Pushed::NotAllowed, Pushed::Unanswered]);
    }
}
