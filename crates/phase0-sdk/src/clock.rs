//! How this machine's clock and the service's differ: told from the time in a request's signature and the date of its answer.
//!
//! The SDK learns the service's clock from the first answer and signs with it from then on, so a wrong clock does no harm by itself. Where the
//! service refuses a signature all the same, the difference is what an operator must hear of.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use jiff::{SignedDuration, Timestamp, fmt::rfc2822};

/// From here on the SDK, too, takes a refused signature for one of a wrong clock (AWS itself allows five minutes).
const COUNTS: SignedDuration = SignedDuration::from_mins(4);

/// What was seen of both clocks. Shared by clones.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClockSkew(Arc<Seen>);

/// Seconds. Requests in flight together are signed within seconds of each other, and minutes are what counts.
#[derive(Debug, Default)]
struct Seen {
    /// When the newest request was signed, by this machine's clock; 0 before the first.
    signed: AtomicI64,
    /// How far this machine is behind.
    behind: AtomicI64,
}

impl ClockSkew {
    /// Notes the time in a request's signature (`X-Amz-Date`).
    pub(crate) fn signed_at(&self, text: &str) {
        if let Ok(signed) = text.parse::<Timestamp>() {
            self.0.signed.store(signed.as_second(), Ordering::Relaxed);
        }
    }

    /// Notes the date of an answer. The largest difference stays: later requests are signed with the service's time.
    pub(crate) fn answered_at(&self, text: &str) {
        let (signed, Ok(answered)) = (self.0.signed.load(Ordering::Relaxed), rfc2822::parse(text)) else { return };
        let behind = answered.timestamp().as_second() - signed;
        if signed != 0 && behind.abs() > self.0.behind.load(Ordering::Relaxed).abs() {
            self.0.behind.store(behind, Ordering::Relaxed);
        }
    }

    /// The difference in words, where it is large enough to count.
    pub(crate) fn words(&self) -> Option<String> {
        let skew = SignedDuration::from_secs(self.0.behind.load(Ordering::Relaxed));
        let direction = if skew.is_negative() { "ahead of" } else { "behind" };
        (skew.abs() >= COUNTS).then(|| format!("this machine's clock is {} min {direction} the service's", skew.abs().as_mins()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_counts_from_four_minutes_on() {
        let words = |signed: &str, answered: &str| {
            let skew = ClockSkew::default();
            skew.signed_at(signed);
            skew.answered_at(answered);
            skew.words()
        };
        let date = "Thu, 26 Nov 2026 08:00:00 GMT";
        let behind = "this machine's clock is 360 min behind the service's".to_owned();
        assert_eq!(words("20261126T020000Z", date), Some(behind));
        let ahead = "this machine's clock is 61 min ahead of the service's".to_owned();
        assert_eq!(words("20261126T090100Z", date), Some(ahead));
        assert_eq!(words("20261126T080359Z", date), None);
        assert_eq!(words("yesterday", date), None);
    }
}
