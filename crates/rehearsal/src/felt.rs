//! Resource policies that are stored at once and *felt* later, as in the cloud.
//!
//! Secrets Manager stores a policy and reads it back before every front end enforces it. A protocol that trusts the stored policy loses
//! writes; so here a stored policy takes effect after a delay, or when a test says so. Shared by the emulator, which enforces
//! policies itself, and by the proxy, which enforces them in front of servers that don't.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::Arc,
    time::Duration,
};

use migrate_core::aws_policy::{PolicyDocument, Verdict, denies};
use tokio::time::Instant;

/// When a stored policy begins to be enforced (and a removed one ceases to be).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TakesEffect {
    /// With the answer to the request that stored it.
    #[default]
    AtOnce,
    /// That much later.
    After(Duration),
    /// When `settle()` is called.
    WhenSettled,
}

/// One request, as a policy sees it.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// `aws:PrincipalArn` of the caller.
    pub principal: &'a str,
    /// `secretsmanager:PutSecretValue` and the like.
    pub action: &'a str,
}

/// Says whether a resource policy denies a call: `(policy document, call) → denied`.
#[derive(Clone)]
pub struct Judge(Arc<Denies>);

type Denies = dyn Fn(&str, Call<'_>) -> bool + Send + Sync;

impl Judge {
    /// A judge of one's own.
    pub fn new(denies: impl Fn(&str, Call<'_>) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(denies))
    }

    /// Core's evaluator. A policy that it can't decide counts as a denial: a rehearsal must not be kinder than the cloud.
    #[must_use]
    pub fn strict() -> Self {
        Self::new(|policy, call| {
            PolicyDocument::parse(policy)
                .map_or(true, |policy| denies(&policy, call.principal, call.action) != Verdict::NotDenied)
        })
    }

    /// Never denies: what servers do that store policies without enforcing them.
    #[must_use]
    pub fn lenient() -> Self {
        Self::new(|_, _| false)
    }

    /// Whether `policy` denies `call`.
    #[must_use]
    pub fn denies(&self, policy: &str, call: Call<'_>) -> bool {
        (self.0)(policy, call)
    }
}

impl fmt::Debug for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Judge")
    }
}

/// The policies of many secrets: what is in force, and what is on its way.
#[derive(Debug)]
pub(crate) struct FeltPolicies {
    takes_effect: TakesEffect,
    judge: Judge,
    secrets: BTreeMap<String, Felt>,
}

type Policy = Option<Arc<str>>;

#[derive(Debug, Default)]
struct Felt {
    in_force: Policy,
    coming: VecDeque<(Option<Instant>, Policy)>,
}

impl FeltPolicies {
    pub(crate) fn new(takes_effect: TakesEffect, judge: Judge) -> Self {
        Self { takes_effect, judge, secrets: BTreeMap::new() }
    }

    /// The policy of `secret` is now stored as `policy` (`None`: removed); it will be felt in its time.
    pub(crate) fn stored(&mut self, secret: &str, policy: Option<&str>) {
        let felt = self.secrets.entry(secret.to_owned()).or_default();
        let policy = policy.map(Arc::from);
        match self.takes_effect {
            TakesEffect::AtOnce => felt.in_force = policy,
            TakesEffect::After(delay) => felt.coming.push_back((Some(Instant::now() + delay), policy)),
            TakesEffect::WhenSettled => felt.coming.push_back((None, policy)),
        }
    }

    /// The secret is gone for good, and its policy with it.
    pub(crate) fn forget(&mut self, secret: &str) {
        self.secrets.remove(secret);
    }

    /// Everything stored takes effect now.
    pub(crate) fn settle(&mut self) {
        for felt in self.secrets.values_mut() {
            if let Some((_, policy)) = felt.coming.drain(..).next_back() {
                felt.in_force = policy;
            }
        }
    }

    /// Whether the policy in force at `secret` denies `call`.
    pub(crate) fn denies(&mut self, secret: &str, call: Call<'_>) -> bool {
        let Some(felt) = self.secrets.get_mut(secret) else { return false };
        let now = Instant::now();
        while felt.coming.front().is_some_and(|(due, _)| due.is_some_and(|due| due <= now)) {
            if let Some((_, policy)) = felt.coming.pop_front() {
                felt.in_force = policy;
            }
        }
        felt.in_force.as_deref().is_some_and(|policy| self.judge.denies(policy, call))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: Call<'_> = Call { principal: "arn:aws:iam::1:role/x", action: "secretsmanager:PutSecretValue" };

    fn policies(takes_effect: TakesEffect) -> FeltPolicies {
        FeltPolicies::new(takes_effect, Judge::new(|policy, _| policy == "deny"))
    }

    #[test]
    fn a_stored_policy_is_felt_when_settled_and_so_is_its_removal() {
        let mut felt = policies(TakesEffect::WhenSettled);
        felt.stored("a", Some("deny"));
        assert!(!felt.denies("a", CALL));
        felt.settle();
        assert!(felt.denies("a", CALL));
        felt.stored("a", None);
        assert!(felt.denies("a", CALL), "removal is felt later as well");
        felt.settle();
        assert!(!felt.denies("a", CALL));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stored_policy_is_felt_after_its_delay_and_in_the_order_stored() {
        let mut felt = policies(TakesEffect::After(Duration::from_secs(5)));
        felt.stored("a", Some("deny"));
        tokio::time::advance(Duration::from_secs(4)).await;
        felt.stored("a", None);
        assert!(!felt.denies("a", CALL));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(felt.denies("a", CALL));
        assert!(!felt.denies("b", CALL));
        tokio::time::advance(Duration::from_secs(4)).await;
        assert!(!felt.denies("a", CALL));
    }
}
