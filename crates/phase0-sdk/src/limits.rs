//! Every request waits here until its quota has room. One set of limiters for the whole port, since quotas are per account.

use std::{collections::BTreeMap, num::NonZeroU32};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use migrate_core::quota::RateClass;

/// One limiter for each [`RateClass`].
pub(crate) struct Limits(BTreeMap<RateClass, DefaultDirectRateLimiter>);

impl Limits {
    /// Limiters at `percent` of each quota.
    pub(crate) fn at(percent: u32) -> Self {
        Self(RateClass::ALL.into_iter().map(|class| (class, RateLimiter::direct(quota(class, percent)))).collect())
    }

    /// Waits until one more request of this operation keeps its quota. Operations that have none here (STS) pass at once.
    pub(crate) async fn admit(&self, operation: &str) {
        if let Some(limiter) = RateClass::of_operation(operation).and_then(|class| self.0.get(&class)) {
            limiter.until_ready().await;
        }
    }
}

/// The rate, with a burst of a tenth of it: a burst of a whole second would make the first second twice as busy as allowed.
fn quota(class: RateClass, percent: u32) -> Quota {
    let rate = u64::from(class.per_second()) * u64::from(percent) / 100;
    let at_least_one = |n: u64| NonZeroU32::new(u32::try_from(n).unwrap_or(u32::MAX)).unwrap_or(NonZeroU32::MIN);
    Quota::per_second(at_least_one(rate)).allow_burst(at_least_one(rate / 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_second_exceeds_the_quota_even_with_its_burst() {
        for class in RateClass::ALL {
            let quota = quota(class, 80);
            let rate = 1_000_000_000 / u64::try_from(quota.replenish_interval().as_nanos()).unwrap();
            assert!(rate + u64::from(quota.burst_size().get()) <= u64::from(class.per_second()), "{class:?}");
            assert!(rate >= u64::from(class.per_second()) * 79 / 100, "{class:?}");
        }
    }

    #[test]
    fn a_share_that_rounds_to_nothing_still_lets_one_through() {
        assert_eq!(quota(RateClass::ResourcePolicy, 0).burst_size().get(), 1);
    }
}
