//! One request, as often as it takes: each attempt under its quota, retried with growing, jittered pauses.
//!
//! The SDK's own retries are off, because they would pass the quota by (a throttled request asked again at once is what the
//! quota is about), and because the outcome of a *change* must be known exactly: a change is repeated here only after an
//! answer that says that nothing was done. What follows a lost answer is for the caller, who looks before it acts again.

use std::{future::Future, time::Duration};

use backon::{BackoffBuilder, ExponentialBuilder};
use migrate_core::ports::{Effect, PortError};

use crate::{
    clock::ClockSkew,
    failure::{Again, Outcome, classify, is_about_the_signature},
    limits::Limits,
    settings::Settings,
};

/// A failed attempt: what came of it, and what may be said about it.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) outcome: Outcome,
    /// Free of values.
    pub(crate) detail: String,
}

impl Failed {
    /// An answer came, and can't be used.
    pub(crate) fn unusable(what: &str) -> Self {
        Self { outcome: Outcome::Garbled { status: 200 }, detail: format!("the answer can't be used: {what}") }
    }

    /// The same, with the clock to blame where the signature was refused and the clocks differ.
    fn blaming(self, skew: &ClockSkew) -> Self {
        match (&self.outcome, skew.words()) {
            (Outcome::Refused { code, .. }, Some(words)) if is_about_the_signature(code) => {
                Self { outcome: Outcome::Skewed, detail: format!("{}; {words}", self.detail) }
            }
            _ => self,
        }
    }
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    /// The operation, as its documentation spells it.
    pub(crate) operation: &'static str,
    /// What it is about.
    pub(crate) subject: &'a str,
    /// Whether success changes something.
    pub(crate) changes: bool,
}

/// How requests are attempted; shared by all of them.
pub(crate) struct Attempts {
    limits: Limits,
    quota_percent: u32,
    pauses: ExponentialBuilder,
    /// How the clocks of this machine and of the service were seen to differ.
    pub(crate) skew: ClockSkew,
}

impl Attempts {
    pub(crate) fn new(settings: &Settings) -> Self {
        let pauses = ExponentialBuilder::default()
            .with_min_delay(settings.first_pause)
            .with_max_delay(settings.longest_pause)
            .with_max_times(settings.attempts.saturating_sub(1) as usize)
            .with_jitter();
        let percent = settings.quota_percent;
        Self { limits: Limits::at(percent), quota_percent: percent, pauses, skew: ClockSkew::default() }
    }

    /// The same in another region, whose quotas nothing was taken from yet.
    pub(crate) fn elsewhere(&self) -> Self {
        let percent = self.quota_percent;
        Self { limits: Limits::at(percent), quota_percent: percent, pauses: self.pauses, skew: self.skew.clone() }
    }

    /// The pauses between the attempts at one thing.
    pub(crate) fn pauses(&self) -> impl Iterator<Item = Duration> + Send + use<> {
        self.pauses.build()
    }

    /// Runs one request to its end.
    pub(crate) async fn run<T, F>(&self, request: Request<'_>, mut attempt: impl FnMut() -> F + Send) -> Result<T, PortError>
    where
        F: Future<Output = Result<T, Failed>> + Send,
    {
        let mut pauses = self.pauses();
        let mut attempted = 0_u32;
        loop {
            self.limits.admit(request.operation).await;
            attempted += 1;
            let failed = match attempt().await {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed.blaming(&self.skew),
            };
            let error = request.error(&failed);
            let again = match classify(&failed.outcome).again {
                Again::Never => false,
                Again::Once => attempted == 1,
                Again::Yes => error.effect == Effect::NotDone,
            };
            let Some(pause) = pauses.next().filter(|_| again) else { return Err(error) };
            tracing::debug!(operation = request.operation, subject = request.subject, kind = ?error.kind, "trying again");
            tokio::time::sleep(pause).await;
        }
    }
}

impl Request<'_> {
    /// The failure as the port reports it.
    pub(crate) fn error(&self, failed: &Failed) -> PortError {
        let verdict = classify(&failed.outcome);
        let error = PortError::new(verdict.kind, self.operation, self.subject, failed.detail.as_str());
        if self.changes && verdict.effect == Effect::Unknown { error.maybe_done() } else { error }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use migrate_core::ports::PortErrorKind;

    use super::*;

    fn quick(attempts: u32) -> Attempts {
        let pause = Duration::from_millis(1);
        Attempts::new(&Settings { attempts, first_pause: pause, longest_pause: pause, ..Settings::default() })
    }

    /// Runs a request whose first attempts have these outcomes and whose next one succeeds; says how often it was attempted.
    async fn run(changes: bool, outcomes: &[Outcome]) -> (Result<(), PortError>, u32) {
        let attempted = AtomicU32::new(0);
        let request = Request { operation: "PutResourcePolicy", subject: "s", changes };
        let result = quick(4)
            .run(request, || {
                let outcome = outcomes.get(attempted.fetch_add(1, Ordering::Relaxed) as usize).cloned();
                async move { outcome.map_or(Ok(()), |outcome| Err(Failed { outcome, detail: String::new() })) }
            })
            .await;
        (result, attempted.into_inner())
    }

    fn throttled() -> Outcome {
        Outcome::Refused { status: 400, code: "ThrottlingException".to_owned() }
    }

    // Those who were throttled together must not come back together.
    #[test]
    fn pauses_grow_and_no_two_callers_have_the_same() {
        let attempts = Attempts::new(&Settings { attempts: 6, ..Settings::default() });
        let (one, other): (Vec<_>, Vec<_>) = (attempts.pauses().collect(), attempts.pauses().collect());
        assert_eq!(one.len(), 5);
        assert!(one.iter().zip(1..).all(|(pause, nth)| *pause >= Duration::from_millis(50 << nth)), "{one:?}");
        assert_ne!(one, other);
    }

    #[tokio::test(start_paused = true)]
    async fn throttling_is_outlasted_and_reported_when_it_does_not_end() {
        assert_eq!(run(true, &[throttled(), throttled()]).await, (Ok(()), 3));
        let (result, attempted) = run(true, &[throttled(), throttled(), throttled(), throttled()]).await;
        assert_eq!((result.unwrap_err().kind, attempted), (PortErrorKind::Throttled, 4));
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_answer_is_asked_again_for_a_read_and_never_for_a_change() {
        assert_eq!(run(false, &[Outcome::Lost, Outcome::TimedOut]).await, (Ok(()), 3));
        let (result, attempted) = run(true, &[throttled(), Outcome::TimedOut]).await;
        assert_eq!((result.unwrap_err().effect, attempted), (Effect::Unknown, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_final_and_a_skewed_clock_gets_one_more_try() {
        let refused = |code: &str| Outcome::Refused { status: 400, code: code.to_owned() };
        assert_eq!(run(false, &[refused("AccessDeniedException")]).await.1, 1);
        let skewed = refused("InvalidSignatureException");
        assert_eq!(run(false, std::slice::from_ref(&skewed)).await, (Ok(()), 2));
        assert_eq!(run(false, &[skewed.clone(), skewed]).await.1, 2);
    }
}
