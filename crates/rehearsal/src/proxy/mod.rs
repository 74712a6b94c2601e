//! A proxy with the limits that a cloud has, in front of an emulator or a real server.
//!
//! ```text
//! request ─► frozen? ─► fault? ─► quota ─► limits ─► fence ─► effect n, before ─► upstream ─► effect n, after ─► answer
//!              hang      answer   throttle  refuse    deny      hook                             hook
//! ```
//!
//! Bytes pass unchanged both ways; the answer is streamed. The journal holds names, paths and status codes, never a value.

mod effect;
mod fault;
mod journal;
mod operation;
mod upstream;

use std::{
    collections::BTreeMap,
    future, io,
    num::NonZeroU32,
    sync::{Arc, Mutex},
};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use migrate_core::quota::RateClass;
use serde::Deserialize;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

pub use effect::{Effect, Side, Then};
pub use fault::{Fault, When};
pub use journal::{Entry, Outcome};
pub use operation::{KvOperation, Operation};
pub use upstream::{Upstream, UpstreamError};

use effect::Effects;
use fault::Faults;
use operation::{name_of, subjects};
use upstream::Forward;

use crate::{
    felt::{Call, FeltPolicies, Judge, TakesEffect},
    http::{Body, HangUp, Server, respond, take_body},
    lock,
    secrets_manager::{AwsError, Principal, limits, principal::access_key},
};

/// What the proxy enforces.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Requests a second.
    pub quotas: Quotas,
    /// Whether the limits of Secrets Manager's model (batch of 20, sizes, names) are checked here, for servers that don't.
    pub limits: bool,
    /// Resource policies enforced here, for servers that only store them.
    pub fences: Option<Fences>,
}

/// Requests a second, by class of operation, each with a burst of one second's worth.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Quotas {
    /// As fast as it goes.
    #[default]
    Unlimited,
    /// What AWS allows an account in a region.
    Real,
    /// Of one's own; classes that are not named are unlimited.
    PerSecond(BTreeMap<RateClass, NonZeroU32>),
}

/// How resource policies are enforced.
#[derive(Clone, Debug)]
pub struct Fences {
    /// What a policy denies.
    pub judge: Judge,
    /// When a stored policy is felt.
    pub takes_effect: TakesEffect,
    /// Callers by access key id; more can be added later ([`Proxy::know`]). A caller that is not known has no principal ARN,
    /// so that no exemption fits it.
    pub principals: BTreeMap<String, Principal>,
}

/// Why a proxy could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No port on 127.0.0.1 could be had.
    #[error("no port on 127.0.0.1 could be bound")]
    Bind(#[from] io::Error),
    /// The upstream can't be used.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
}

/// A running proxy. Dropping it closes its port.
#[derive(Debug)]
pub struct Proxy {
    server: Server,
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    forward: Forward,
    limiters: BTreeMap<RateClass, DefaultDirectRateLimiter>,
    has_limits: bool,
    fences: Option<Mutex<FenceState>>,
    faults: Mutex<Faults>,
    effects: Mutex<Effects>,
    journal: Mutex<Vec<Entry>>,
}

#[derive(Debug)]
struct FenceState {
    felt: FeltPolicies,
    principals: BTreeMap<String, Principal>,
}

/// Larger than what any server behind it takes, so that the server's own answer is seen.
const REQUEST_BYTES: usize = 64 << 20;

impl Proxy {
    /// Starts on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(upstream: &Upstream, rules: Rules) -> Result<Self, StartError> {
        let fences = rules.fences.map(|fences| {
            Mutex::new(FenceState { felt: FeltPolicies::new(fences.takes_effect, fences.judge), principals: fences.principals })
        });
        let inner = Arc::new(Inner {
            forward: upstream.connect()?,
            limiters: limiters(&rules.quotas),
            has_limits: rules.limits,
            fences,
            faults: Mutex::default(),
            effects: Mutex::default(),
            journal: Mutex::default(),
        });
        let answering = Arc::clone(&inner);
        let server = Server::start(move |request| {
            let inner = Arc::clone(&answering);
            async move { inner.answer(request).await }
        })
        .await?;
        Ok(Self { server, inner })
    }

    /// The address: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Everything that came in so far, in order of arrival.
    #[must_use]
    pub fn journal(&self) -> Vec<Entry> {
        lock(&self.inner.journal).clone()
    }

    /// How many effects were let through so far.
    #[must_use]
    pub fn effects(&self) -> u64 {
        lock(&self.inner.effects).count
    }

    /// Lets something go wrong.
    pub fn inject(&self, when: When, fault: Fault) {
        lock(&self.inner.faults).add(when, fault);
    }

    /// Forgets every fault that has not hit yet.
    pub fn clear_faults(&self) {
        lock(&self.inner.faults).clear();
    }

    /// Calls `hook` at both sides of every effect; it replaces the one before.
    pub fn on_effect(&self, hook: impl FnMut(&Effect, Side) -> Then + Send + 'static) {
        lock(&self.inner.effects).set_hook(Box::new(hook));
    }

    /// Freezes the world at one side of the effect with this number, and says when it is reached. From then on every
    /// request hangs, so that a client can be killed exactly there.
    pub fn freeze_at(&self, number: u64, side: Side) -> oneshot::Receiver<Effect> {
        lock(&self.inner.effects).freeze_at(number, side)
    }

    /// Lets new requests through again, without a hook. What hangs stays hung: its client is supposed to be dead.
    pub fn thaw(&self) {
        lock(&self.inner.effects).thaw();
    }

    /// All stored policies are felt now.
    pub fn settle(&self) {
        if let Some(fences) = &self.inner.fences {
            lock(fences).felt.settle();
        }
    }

    /// Adds a caller, by access key id.
    pub fn know(&self, access_key: impl Into<String>, principal: Principal) {
        if let Some(fences) = &self.inner.fences {
            lock(fences).principals.insert(access_key.into(), principal);
        }
    }
}

fn limiters(quotas: &Quotas) -> BTreeMap<RateClass, DefaultDirectRateLimiter> {
    let rate = |class: RateClass| match quotas {
        Quotas::Unlimited => None,
        Quotas::Real => NonZeroU32::new(class.per_second()),
        Quotas::PerSecond(rates) => rates.get(&class).copied(),
    };
    RateClass::ALL.into_iter().filter_map(|class| Some((class, RateLimiter::direct(Quota::per_second(rate(class)?))))).collect()
}

impl Inner {
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Body>, HangUp> {
        let (head, body) = request.into_parts();
        let Ok(body) = take_body(body, REQUEST_BYTES).await else { return Err(HangUp) };
        let operation = Operation::of(&head);
        let subjects = subjects(&operation, &head, &body);
        let at = self.record(&operation, &subjects);
        if lock(&self.effects).is_frozen {
            return future::pending().await;
        }
        let fault = lock(&self.faults).strike(&operation, &subjects);
        match &fault {
            Some(Fault::Answer { status, headers, body }) => {
                self.outcome(at, Outcome::Injected(status.as_u16()));
                return Ok(injected(*status, headers, body));
            }
            Some(Fault::DropBefore) => {
                self.outcome(at, Outcome::DroppedBefore);
                return Err(HangUp);
            }
            Some(Fault::Delay(delay)) => tokio::time::sleep(*delay).await,
            Some(Fault::DropAfter) | None => {}
        }
        if let Err((outcome, error)) = self.admit(&operation, &head.headers, &body, &subjects) {
            self.outcome(at, outcome);
            return Ok(error.response("refused-by-the-proxy"));
        }
        let stored = self.policy_change(&operation, &body);
        let Some(effect) = self.begin_effect(operation, subjects, at) else { return future::pending().await };
        let Ok(response) = self.forward.send(&head, body).await else {
            self.outcome(at, Outcome::Unreachable);
            return Err(HangUp);
        };
        if let Some(change) = stored
            && response.status().is_success()
        {
            self.remember(&change);
        }
        if let Started::Effect(effect) = &effect
            && lock(&self.effects).reach(effect, Side::After)
        {
            return future::pending().await;
        }
        let status = response.status().as_u16();
        if fault == Some(Fault::DropAfter) {
            self.outcome(at, Outcome::DroppedAfter(status));
            return Err(HangUp);
        }
        self.outcome(at, Outcome::Answered(status));
        Ok(response.map(BodyExt::boxed))
    }

    fn record(&self, operation: &Operation, subjects: &[String]) -> usize {
        let mut journal = lock(&self.journal);
        journal.push(Entry { operation: operation.clone(), subjects: subjects.to_vec(), effect: None, outcome: Outcome::Open });
        journal.len() - 1
    }

    fn outcome(&self, at: usize, outcome: Outcome) {
        if let Some(entry) = lock(&self.journal).get_mut(at) {
            entry.outcome = outcome;
        }
    }

    /// Quota, limits, fence: in the order in which the cloud applies them.
    fn admit(
        &self,
        operation: &Operation,
        headers: &HeaderMap,
        body: &[u8],
        subjects: &[String],
    ) -> Result<(), (Outcome, AwsError)> {
        let Operation::SecretsManager(name) = operation else { return Ok(()) };
        if let Some(limiter) = operation.rate_class().and_then(|class| self.limiters.get(&class))
            && limiter.check().is_err()
        {
            return Err((Outcome::Throttled, AwsError::throttled()));
        }
        if self.has_limits {
            limits::check(name, body).map_err(|error| (Outcome::Limited, error))?;
        }
        let Some(fences) = &self.fences else { return Ok(()) };
        let fences = &mut *lock(fences);
        let caller = access_key(headers).and_then(|key| fences.principals.get(key));
        let (principal, shown) = caller.map_or(("", "an unknown principal"), |known| (&known.arn, &known.caller_arn));
        // Each secret of a batch needs the permission to be read in its own right.
        let read = if name == "BatchGetSecretValue" { "GetSecretValue" } else { name };
        let action = format!("secretsmanager:{read}");
        for subject in subjects {
            if fences.felt.denies(subject, Call { principal, action: &action }) {
                return Err((Outcome::Denied, AwsError::denied(shown, &action, subject)));
            }
        }
        Ok(())
    }

    /// Numbers an effect and runs the hook before it, as one step; `None` where the world now stands still.
    fn begin_effect(&self, operation: Operation, subjects: Vec<String>, at: usize) -> Option<Started> {
        if !operation.is_effect() {
            return Some(Started::Read);
        }
        let mut effects = lock(&self.effects);
        let effect = Effect { number: effects.number(), operation, subjects };
        if let Some(entry) = lock(&self.journal).get_mut(at) {
            entry.effect = Some(effect.number);
        }
        (!effects.reach(&effect, Side::Before)).then_some(Started::Effect(effect))
    }

    /// What a request will do to a policy, where fences are enforced here.
    fn policy_change(&self, operation: &Operation, body: &[u8]) -> Option<PolicyChange> {
        self.fences.as_ref()?;
        let Operation::SecretsManager(name) = operation else { return None };
        let change: PolicyChange = serde_json::from_slice(body).ok()?;
        match name.as_str() {
            "PutResourcePolicy" if change.resource_policy.is_some() => Some(change),
            "DeleteResourcePolicy" => Some(change),
            "DeleteSecret" if change.force_delete_without_recovery => Some(change),
            _ => None,
        }
    }

    fn remember(&self, change: &PolicyChange) {
        let Some(fences) = &self.fences else { return };
        let (mut fences, name) = (lock(fences), name_of(&change.secret_id));
        if change.force_delete_without_recovery {
            fences.felt.forget(name);
        } else {
            fences.felt.stored(name, change.resource_policy.as_deref());
        }
    }
}

/// A request that is let through.
enum Started {
    Read,
    Effect(Effect),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyChange {
    secret_id: String,
    resource_policy: Option<String>,
    #[serde(default)]
    force_delete_without_recovery: bool,
}

fn injected(status: StatusCode, headers: &[(http::HeaderName, http::HeaderValue)], body: &str) -> Response<Body> {
    let mut response = respond(status, "application/json", Zeroizing::new(body.as_bytes().to_vec()));
    response.headers_mut().extend(headers.iter().cloned());
    response
}
