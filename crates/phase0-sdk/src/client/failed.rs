//! What a failed request means in our words, free of values.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_secretsmanager::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
};

use crate::{attempts::Failed, failure::Outcome};

/// Longest piece of a service's message that goes into an error.
const DETAIL_CHARACTERS: usize = 300;

#[expect(clippy::needless_pass_by_value, reason = "the shape of `map_err`")]
pub(super) fn failed<E: ProvideErrorMetadata + Error + 'static>(error: SdkError<E, HttpResponse>) -> Failed {
    let outcome = match &error {
        SdkError::ServiceError(refused) => {
            let status = refused.raw().status().as_u16();
            match refused.err().code() {
                Some(code) => {
                    let detail = describe_refusal(code, refused.err().message());
                    return Failed { outcome: Outcome::Refused { status, code: code.to_owned() }, detail };
                }
                None => Outcome::Garbled { status },
            }
        }
        SdkError::ResponseError(garbled) => Outcome::Garbled { status: garbled.raw().status().as_u16() },
        SdkError::TimeoutError(_) => Outcome::TimedOut,
        SdkError::DispatchFailure(_) if caused_by::<CredentialsError>(&error).is_some() => Outcome::NoCredentials,
        SdkError::DispatchFailure(dispatch) if dispatch.is_timeout() => Outcome::TimedOut,
        SdkError::DispatchFailure(dispatch) if dispatch.is_io() && !connected(&error) => Outcome::NotConnected,
        SdkError::DispatchFailure(dispatch) if dispatch.is_user() => Outcome::NotSent,
        SdkError::DispatchFailure(_) => Outcome::Lost,
        _ if caused_by::<CredentialsError>(&error).is_some() => Outcome::NoCredentials,
        _ => Outcome::NotSent,
    };
    let detail = match outcome {
        // A parser's message may quote what it read.
        Outcome::Garbled { status } => format!("HTTP status {status} with an answer that is none of the service's"),
        _ => causes(&error),
    };
    Failed { outcome, detail }
}

pub(super) fn caused_by<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    chain(error).find_map(|cause| cause.downcast_ref::<T>())
}

pub(super) fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| (*error).source())
}

/// Whether a connection may have stood when it broke: unless the system says that none was made, it may.
pub(super) fn connected(error: &(dyn Error + 'static)) -> bool {
    use std::io::ErrorKind;
    let refused = caused_by::<std::io::Error>(error).is_some_and(|io| {
        matches!(io.kind(), ErrorKind::ConnectionRefused | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable)
    });
    let unresolved = chain(error).any(|cause| cause.to_string().starts_with("dns error"));
    !(refused || unresolved)
}

/// What happened, layer by layer, without repetition: connection errors and missing credentials name hosts and files.
pub(super) fn causes(error: &(dyn Error + 'static)) -> String {
    let mut said: Vec<String> = chain(error).map(ToString::to_string).collect();
    said.dedup();
    clean(&said.join(": "))
}

pub(super) fn describe_refusal(code: &str, message: Option<&str>) -> String {
    match message {
        Some(message) if !message.is_empty() => clean(&format!("{code}: {message}")),
        _ => clean(code),
    }
}

/// One line of bounded length.
pub(super) fn clean(text: &str) -> String {
    let line: Vec<&str> = text.split_whitespace().collect();
    line.join(" ").chars().filter(|c| !c.is_control()).take(DETAIL_CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_are_one_bounded_line() {
        assert_eq!(describe_refusal("Code", Some("a\n  b\u{7}")), "Code: a b");
        assert_eq!(describe_refusal("Code", None), "Code");
        assert_eq!(clean(&"x".repeat(1_000)).len(), DETAIL_CHARACTERS);
    }
}
