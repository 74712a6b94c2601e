//! The tag of a fence that an organisation enforces: which ledger, wave and run closed the secret, in the tag's value.
//!
//! ```text
//! migrate-fence = 0b5ac1f4-…/payments/12      ledger/wave/epoch
//! migrate-seal  = the same, where it can't be read, either
//! ```

use std::collections::BTreeMap;

use super::fence::{Unmergeable, check_hold};
use crate::{
    id::{Epoch, LedgerId, WaveName},
    observed::{FenceSeen, Mark, SealSeen},
};

/// The fence's tag.
pub const FENCE_TAG: &str = "migrate-fence";
/// The seal's.
pub const SEAL_TAG: &str = "migrate-seal";

/// The tag's value under `mark`. Characters of ledger ids and wave names are among those that tags take.
#[must_use]
pub fn tag_of(mark: &Mark) -> String {
    format!("{}/{}/{}", mark.ledger, mark.wave, mark.epoch.0)
}

fn mark_of(value: &str) -> Option<Mark> {
    let (rest, epoch) = value.rsplit_once('/')?;
    let (ledger, wave) = rest.rsplit_once('/')?;
    let mark = Mark { ledger: LedgerId::new(ledger), wave: WaveName::parse(wave).ok()?, epoch: Epoch(epoch.parse().ok()?) };
    (tag_of(&mark) == value).then_some(mark)
}

/// What fence the tags of a secret say.
#[must_use]
pub fn seen_in_tags(tags: &BTreeMap<String, String>) -> FenceSeen {
    match found(tags, FENCE_TAG) {
        Ok(None) => FenceSeen::Open,
        Ok(Some(mark)) => FenceSeen::Ours(mark),
        Err(what) => FenceSeen::Altered { what },
    }
}

/// What seal the tags of a secret say.
#[must_use]
pub fn sealed_in_tags(tags: &BTreeMap<String, String>) -> SealSeen {
    match found(tags, SEAL_TAG) {
        Ok(None) => SealSeen::Open,
        Ok(Some(mark)) => SealSeen::Ours(mark),
        Err(what) => SealSeen::Altered { what },
    }
}

/// The mark in a tag; what the tag is called, where its value is none that we write.
fn found(tags: &BTreeMap<String, String>, key: &str) -> Result<Option<Mark>, String> {
    tags.get(key).map(|value| mark_of(value).ok_or_else(|| format!("the tag {key}"))).transpose()
}

/// The value to set the tag `key` to, so that the secret is fenced or sealed under `mark`; `None` where it is already.
///
/// # Errors
/// [`Unmergeable`] where another ledger, wave or a later run has set it, or somebody else's value stands there.
pub fn tag_to_set(tags: &BTreeMap<String, String>, key: &str, mark: &Mark) -> Result<Option<String>, Unmergeable> {
    let Some(standing) = found(tags, key).map_err(Unmergeable::Unreadable)? else { return Ok(Some(tag_of(mark))) };
    check_hold(&standing, mark)?;
    Ok((standing != *mark).then(|| tag_of(mark)))
}

/// Whether the tag `key` is `mark`'s ledger's and wave's to take away.
///
/// # Errors
/// [`Unmergeable::LaterEpoch`] where a later run has set it.
pub fn tag_is_ours(tags: &BTreeMap<String, String>, key: &str, mark: &Mark) -> Result<bool, Unmergeable> {
    match found(tags, key) {
        Ok(Some(standing)) if standing.ledger == mark.ledger && standing.wave == mark.wave => {
            check_hold(&standing, mark).map(|()| true)
        }
        _ => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(wave: &str, epoch: u64) -> Mark {
        let ledger = LedgerId::new("0b5ac1f4-9d5e-4d6c-8f5c-0123456789ab");
        Mark { ledger, wave: WaveName::parse(wave).unwrap(), epoch: Epoch(epoch) }
    }

    fn tagged(value: &str) -> BTreeMap<String, String> {
        BTreeMap::from([("team".to_owned(), String::new()), (FENCE_TAG.to_owned(), value.to_owned())])
    }

    #[test]
    fn a_tag_reads_back_and_only_what_we_write_is_ours() {
        let mark = mark("payments", 12);
        assert_eq!(seen_in_tags(&tagged(&tag_of(&mark))), FenceSeen::Ours(mark.clone()));
        assert_eq!(seen_in_tags(&BTreeMap::new()), FenceSeen::Open);
        for value in ["", "x", "l/payments/012", "l/Payments/1", "l/payments/"] {
            assert!(matches!(seen_in_tags(&tagged(value)), FenceSeen::Altered { .. }), "{value:?}");
            assert!(!tag_is_ours(&tagged(value), FENCE_TAG, &mark).unwrap());
            assert!(tag_to_set(&tagged(value), FENCE_TAG, &mark).is_err());
        }
        assert!(tag_of(&mark).len() <= 256, "the longest value of a tag");
    }

    #[test]
    fn a_later_run_takes_it_over_and_nobody_else_does() {
        let tags = tagged(&tag_of(&mark("payments", 3)));
        assert_eq!(tag_to_set(&tags, FENCE_TAG, &mark("payments", 3)), Ok(None));
        assert_eq!(tag_to_set(&tags, FENCE_TAG, &mark("payments", 4)), Ok(Some(tag_of(&mark("payments", 4)))));
        assert!(matches!(tag_to_set(&tags, FENCE_TAG, &mark("payments", 2)), Err(Unmergeable::LaterEpoch(_))));
        assert!(matches!(tag_to_set(&tags, FENCE_TAG, &mark("other", 9)), Err(Unmergeable::HeldBy(_))));
        assert!(matches!(tag_is_ours(&tags, FENCE_TAG, &mark("payments", 2)), Err(Unmergeable::LaterEpoch(_))));
        assert_eq!(tag_is_ours(&tags, FENCE_TAG, &mark("other", 9)), Ok(false));
        assert_eq!(tag_is_ours(&tags, FENCE_TAG, &mark("payments", 4)), Ok(true));
    }
}
