//! What a wave will take, from the quota table: requests, minutes, and how long nobody can write (P10).

use serde::{Deserialize, Serialize};

use crate::quota::{BATCH_GET_IDS, RateClass};

/// A prediction, in whole seconds rounded up. Rates are quotas, not measurements: a store may be slower.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Forecast {
    /// Requests to the resource-policy APIs for fencing: read, validate, put, read back, for each member.
    pub policy_requests: u64,
    /// Seconds that fencing takes at our share of that quota.
    pub fence_seconds: u64,
    /// Seconds until the last fence has settled.
    pub settle_seconds: u64,
    /// Seconds that copying and proving takes at our share of the read quota, and `TARGET_WRITES_PER_SECOND`; each fence is read again.
    pub copy_seconds: u64,
    /// Seconds that the last look before commit takes (each fence is read again).
    pub commit_seconds: u64,
    /// Seconds from the first fence to commit in which a member can't be written by anybody, if nothing stops the wave.
    pub write_outage_seconds: u64,
}

/// Policy requests that fencing one secret takes.
const POLICY_REQUESTS_PER_FENCE: u64 = 4;

/// Copies a second that a small Vault was seen to take with a mark, a create and a read-back each: a cautious figure for a prediction.
const TARGET_WRITES_PER_SECOND: f64 = 200.0;

/// Predicts for `members` secrets, before whose values `older` versions in all are replayed.
#[must_use]
pub fn forecast(members: usize, older: usize, settle_seconds: u64, quota_share: f64) -> Forecast {
    let count = members as u64;
    let at_rate = |requests: u64, class: RateClass| seconds(requests as f64, f64::from(class.per_second()) * quota_share);
    let policy_requests = count * POLICY_REQUESTS_PER_FENCE;
    let fence_seconds = at_rate(policy_requests, RateClass::ResourcePolicy);
    let read = at_rate(count.div_ceil(BATCH_GET_IDS as u64), RateClass::BatchGetSecretValue);
    let commit_seconds = at_rate(count, RateClass::ResourcePolicy);
    // What was proved equal counts once its fence was read again.
    let copy_seconds = read.max(seconds((members + older) as f64, TARGET_WRITES_PER_SECOND)) + commit_seconds;
    // Settling reads every fence again before it counts.
    let settle_seconds = settle_seconds + commit_seconds;
    let write_outage_seconds = fence_seconds + settle_seconds + copy_seconds + commit_seconds;
    Forecast { policy_requests, fence_seconds, settle_seconds, copy_seconds, commit_seconds, write_outage_seconds }
}

fn seconds(requests: f64, rate: f64) -> u64 {
    if requests <= 0.0 || rate <= 0.0 {
        return 0;
    }
    // Bounded by the number of secrets in an account; f64 holds it exactly.
    (requests / rate).ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fencing_ten_thousand_takes_over_ten_minutes_and_reading_them_seconds() {
        let forecast = forecast(10_000, 0, 300, 1.0);
        assert!(forecast.fence_seconds > 600, "{forecast:?}");
        assert!(forecast.copy_seconds - forecast.commit_seconds <= 50, "{forecast:?}");
        assert!(forecast.write_outage_seconds >= forecast.fence_seconds + 300);
    }
}
