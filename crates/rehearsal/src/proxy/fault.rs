//! Things that go wrong on purpose.

use std::time::Duration;

use http::{HeaderName, HeaderValue, StatusCode};

use super::Operation;

/// Which requests a fault waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct When {
    operation: Option<Operation>,
    subject: Option<String>,
    skip: u64,
    times: u64,
}

impl When {
    /// Any request, the next one.
    #[must_use]
    pub fn next() -> Self {
        Self { operation: None, subject: None, skip: 0, times: 1 }
    }

    /// The next request of this kind.
    #[must_use]
    pub fn operation(operation: Operation) -> Self {
        Self { operation: Some(operation), ..Self::next() }
    }

    /// Only where it is about this secret or path.
    #[must_use]
    pub fn about(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// The n-th that fits (from 1) instead of the first.
    #[must_use]
    pub fn nth(mut self, nth: u64) -> Self {
        self.skip = nth.saturating_sub(1);
        self
    }

    /// That many in a row instead of one.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = times;
        self
    }

    /// Every one from there on.
    #[must_use]
    pub fn always(self) -> Self {
        self.times(u64::MAX)
    }
}

/// What happens instead of, or around, the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This answer; the upstream never sees the request.
    Answer {
        /// Status.
        status: StatusCode,
        /// Headers, such as `retry-after`.
        headers: Vec<(HeaderName, HeaderValue)>,
        /// Body.
        body: String,
    },
    /// The connection closes; the upstream never sees the request.
    DropBefore,
    /// The upstream does what was asked, then the connection closes: a lost answer.
    DropAfter,
    /// The request waits, then goes on.
    Delay(Duration),
}

impl Fault {
    /// An error of AWS, by its code.
    #[must_use]
    pub fn aws(status: StatusCode, code: &str) -> Self {
        let headers = HeaderValue::from_str(code).map(|value| (HeaderName::from_static("x-amzn-errortype"), value));
        let body = serde_json::json!({"__type": code, "Message": "injected by the rehearsal's proxy"}).to_string();
        Self::Answer { status, headers: headers.into_iter().collect(), body }
    }

    /// An error of Vault, by its text.
    #[must_use]
    pub fn vault(status: StatusCode, error: &str) -> Self {
        Self::Answer { status, headers: Vec::new(), body: serde_json::json!({ "errors": [error] }).to_string() }
    }
}

/// The faults that wait.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<(When, Fault)>);

impl Faults {
    pub(super) fn add(&mut self, when: When, fault: Fault) {
        self.0.push((when, fault));
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The fault that hits this request, if any. Every fault that the request fits counts it; the first one due hits.
    pub(super) fn strike(&mut self, operation: &Operation, subjects: &[String]) -> Option<Fault> {
        let mut hit = None;
        for (when, fault) in &mut self.0 {
            let fits = when.operation.as_ref().is_none_or(|wanted| wanted == operation)
                && when.subject.as_ref().is_none_or(|wanted| subjects.contains(wanted));
            if !fits || hit.is_some() && when.skip == 0 {
                continue;
            }
            if when.skip > 0 {
                when.skip -= 1;
            } else {
                when.times = when.times.saturating_sub(1);
                hit = Some(fault.clone());
            }
        }
        self.0.retain(|(when, _)| when.times > 0);
        hit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_hit_what_they_wait_for_and_are_spent() {
        let put = Operation::aws("PutSecretValue");
        let mut faults = Faults::default();
        faults.add(When::operation(put.clone()).nth(2).times(2), Fault::DropBefore);
        faults.add(When::next().about("b").always(), Fault::DropAfter);
        let mut strike = |operation: &Operation, about: &str| faults.strike(operation, &[about.to_owned()]);
        assert_eq!(strike(&put, "a"), None);
        assert_eq!(strike(&Operation::Other, "a"), None);
        assert_eq!(strike(&Operation::Other, "b"), Some(Fault::DropAfter));
        assert_eq!(strike(&put, "a"), Some(Fault::DropBefore));
        assert_eq!(strike(&put, "a"), Some(Fault::DropBefore));
        assert_eq!(strike(&put, "a"), None);
        assert_eq!(strike(&put, "b"), Some(Fault::DropAfter));
    }
}
