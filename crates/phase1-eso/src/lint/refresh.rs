//! How often ExternalSecrets ask Secrets Manager, and what that costs.
//!
//! Counted as the operator's provider does it: at each refresh one GetSecretValue for every key and version (a second read of the same one
//! comes from memory), and for a `find` at least one ListSecrets. What a `find` then reads is not counted, nor that a ClusterExternalSecret
//! serves several namespaces: the figure is a lower bound.

use std::collections::HashSet;

use migrate_core::go_duration::GoDuration;
use serde::Serialize;

use super::{
    COSTLY_REFRESH, Finding,
    external_secret::ExternalSecret,
    store::{Provider, Stores},
};
use crate::{
    table::Kind,
    validate::Tree,
    yaml::{Content, Node},
};

/// What a call costs: 0.05 US dollars for 10,000 (<https://aws.amazon.com/secrets-manager/pricing/>, the same in all commercial regions).
const MICRODOLLARS_A_CALL: u64 = 5;
/// A month as bills count it: 730 hours.
const MONTH: f64 = 730.0 * 3600.0;
/// From how many calls a month on one ExternalSecret is worth a word: half a dollar, and a call every 26 seconds.
const MANY: u64 = 100_000;

/// What all ExternalSecrets of a tree ask of Secrets Manager.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Calls {
    /// Calls a month, at least.
    pub a_month: u64,
    /// What they cost, in millionths of a US dollar.
    pub microdollars: u64,
    /// ExternalSecrets that were counted.
    pub counted: usize,
    /// ExternalSecrets whose store is not among the manifests.
    pub unknown: usize,
}

pub(super) fn check(tree: &Tree<'_>, findings: &mut Vec<Finding>) -> Calls {
    let stores = Stores::of(tree);
    let mut calls = Calls::default();
    // How many namespaces a ClusterExternalSecret serves is not known here; it counts once.
    for secret in ExternalSecret::all(tree) {
        let (mut keys, mut lists, mut is_unknown) = (HashSet::new(), 0_u64, false);
        for reading in secret.reads() {
            match secret.store(&stores, reading.source) {
                None => is_unknown = true,
                Some(Provider::SecretsManager) if reading.is_find => lists += 1,
                Some(Provider::SecretsManager) => {
                    let text = |key: &str| reading.node.peek(key).and_then(Node::text);
                    keys.insert((text("key"), text("version")));
                }
                Some(_) => {}
            }
        }
        calls.unknown += usize::from(is_unknown);
        let a_refresh = keys.len() as u64 + lists;
        let Some(refreshes) = refreshes(&secret, tree) else { continue };
        if a_refresh == 0 {
            continue;
        }
        let a_month = refreshes.saturating_mul(a_refresh);
        calls.counted += 1;
        calls.a_month = calls.a_month.saturating_add(a_month);
        if a_month > MANY {
            let message = format!(
                "{a_month} calls of Secrets Manager a month ({}), {a_refresh} at each refresh",
                dollars(a_month * MICRODOLLARS_A_CALL)
            );
            let at = secret.spec.peek("refreshInterval").map_or(secret.spec.at, |node| node.at);
            findings.push(secret.finding(&COSTLY_REFRESH, at, "refreshInterval", &message));
        }
    }
    calls.microdollars = calls.a_month.saturating_mul(MICRODOLLARS_A_CALL);
    calls
}

/// Refreshes a month; `None` where it is read once only, or the interval can't be read.
fn refreshes(secret: &ExternalSecret<'_, '_>, tree: &Tree<'_>) -> Option<u64> {
    if secret.text(&["refreshPolicy"]).is_some_and(|policy| policy != "Periodic") {
        return None;
    }
    let default = || Kind::ExternalSecret.field(tree.release, "spec.refreshInterval")?.effective();
    let written = match secret.spec.peek("refreshInterval") {
        Some(node) if !matches!(node.content, Content::Null) => node.text()?,
        _ => default()?,
    };
    let interval = duration(written).filter(|interval| *interval > 0.0)?;
    // A float beyond the range becomes the greatest number.
    Some((MONTH / interval).round() as u64)
}

/// Seconds of a duration.
pub(super) fn duration(text: &str) -> Option<f64> {
    let duration: GoDuration = text.parse().ok()?;
    Some(duration.nanoseconds() as f64 / 1e9)
}

/// As in `0.37 USD`.
fn dollars(micro: u64) -> String {
    let cents = micro.div_ceil(10_000);
    format!("{}.{:02} USD", cents / 100, cents % 100)
}

impl Calls {
    /// As in `0.37 USD`, rounded up.
    #[must_use]
    pub fn cost(&self) -> String {
        dollars(self.microdollars)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_rounded_up_to_the_cent() {
        assert_eq!(
            [dollars(0), dollars(1), dollars(500_000), dollars(1_234_567)],
            ["0.00 USD", "0.01 USD", "0.50 USD", "1.24 USD"]
        );
    }
}
