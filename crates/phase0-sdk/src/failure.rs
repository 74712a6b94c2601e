//! What a failed attempt means. Pure: what came back is described in our words, and judged here.

use migrate_core::ports::{Effect, PortErrorKind};

/// What became of one attempt that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// No credentials could be had.
    NoCredentials,
    /// The request could not be built or signed.
    NotSent,
    /// No connection was made.
    NotConnected,
    /// A connection was there or may have been, and no answer came in time.
    TimedOut,
    /// The connection broke before an answer came.
    Lost,
    /// The service refused the signature, and its clock is another one than ours.
    Skewed,
    /// An answer came without an error code that could be read.
    Garbled {
        /// HTTP status.
        status: u16,
    },
    /// The service said no.
    Refused {
        /// HTTP status; 200 for a partial error in a batch.
        status: u16,
        /// The service's error code.
        code: String,
    },
}

/// When the same request is worth another attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// Never: the same answer would come.
    Never,
    /// One time: the SDK has learnt the service's clock from the answer and signs with it.
    Once,
    /// Until attempts run out.
    Yes,
}

/// The judgement over an [`Outcome`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) kind: PortErrorKind,
    /// Whether a *changing* request may have had its effect.
    pub(crate) effect: Effect,
    pub(crate) again: Again,
}

/// Judges an outcome. Codes: <https://docs.aws.amazon.com/secretsmanager/latest/apireference/CommonErrors.html>, the errors of
/// each operation, and what AWS services answer when they throttle
/// (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html>).
pub(crate) fn classify(outcome: &Outcome) -> Verdict {
    use PortErrorKind as Kind;
    let is = |kind, effect, again| Verdict { kind, effect, again };
    match outcome {
        Outcome::NoCredentials => is(Kind::Unauthenticated, Effect::NotDone, Again::Never),
        Outcome::NotSent => is(Kind::Misconfigured, Effect::NotDone, Again::Never),
        Outcome::NotConnected => is(Kind::Unreachable, Effect::NotDone, Again::Yes),
        Outcome::TimedOut => is(Kind::TimedOut, Effect::Unknown, Again::Yes),
        Outcome::Lost => is(Kind::Unreachable, Effect::Unknown, Again::Yes),
        Outcome::Skewed => is(Kind::ClockSkewed, Effect::NotDone, Again::Once),
        Outcome::Garbled { status } => of_status(*status),
        Outcome::Refused { status, code } => {
            let kind = match code.as_str() {
                // The second is IAM's.
                "ResourceNotFoundException" | "NoSuchEntity" => Kind::NotFound,
                "AccessDeniedException" | "AccessDenied" | "NotAuthorized" | "OptInRequired" => Kind::Denied,
                "ResourceExistsException" => Kind::Conflict,
                "LimitExceededException" => Kind::TooLarge,
                "InvalidRequestException" | "DecryptionFailure" | "EncryptionFailure" | "PreconditionNotMetException" => {
                    Kind::InvalidState
                }
                "MalformedPolicyDocumentException" | "PublicPolicyException" => Kind::InvalidState,
                "UnrecognizedClientException"
                | "InvalidClientTokenId"
                | "InvalidAccessKeyId"
                | "ExpiredToken"
                | "ExpiredTokenException"
                | "TokenRefreshRequired"
                | "MissingAuthenticationToken"
                | "MissingAuthenticationTokenException"
                | "IncompleteSignature"
                | "AuthFailure" => Kind::Unauthenticated,
                code if is_about_the_signature(code) => return is(Kind::Unauthenticated, Effect::NotDone, Again::Once),
                "RequestTimeTooSkewed" | "RequestExpired" | "RequestInTheFuture" => {
                    return is(Kind::ClockSkewed, Effect::NotDone, Again::Once);
                }
                code if is_throttling(code) => return is(Kind::Throttled, Effect::NotDone, Again::Yes),
                "InternalServiceError"
                | "InternalServiceErrorException"
                | "InternalFailure"
                | "InternalServerError"
                | "ServiceUnavailable"
                | "ServiceUnavailableException"
                | "RequestTimeout"
                | "RequestTimeoutException" => {
                    return is(Kind::NotServing, Effect::Unknown, Again::Yes);
                }
                _ => return of_status(*status),
            };
            is(kind, Effect::NotDone, Again::Never)
        }
    }
}

/// Whether a code says that a signature does not fit: by a wrong key, or by a wrong time in it.
pub(crate) fn is_about_the_signature(code: &str) -> bool {
    matches!(code, "InvalidSignatureException" | "SignatureDoesNotMatch")
}

/// A refusal whose code says nothing to us.
fn of_status(status: u16) -> Verdict {
    match status {
        429 => Verdict { kind: PortErrorKind::Throttled, effect: Effect::NotDone, again: Again::Yes },
        403 => Verdict { kind: PortErrorKind::Denied, effect: Effect::NotDone, again: Again::Never },
        400..500 => Verdict { kind: PortErrorKind::Unexpected, effect: Effect::NotDone, again: Again::Never },
        500.. => Verdict { kind: PortErrorKind::NotServing, effect: Effect::Unknown, again: Again::Yes },
        // Success or a redirect with a body that is none of the service's: it may well have acted.
        _ => Verdict { kind: PortErrorKind::Unexpected, effect: Effect::Unknown, again: Again::Never },
    }
}

fn is_throttling(code: &str) -> bool {
    matches!(
        code,
        "Throttling"
            | "ThrottlingException"
            | "ThrottledException"
            | "RequestThrottled"
            | "RequestThrottledException"
            | "TooManyRequestsException"
            | "RequestLimitExceeded"
            | "BandwidthLimitExceeded"
            | "ProvisionedThroughputExceededException"
            | "TransactionInProgressException"
            | "PriorRequestNotComplete"
            | "SlowDown"
    )
}

#[cfg(test)]
mod tests {
    use PortErrorKind as Kind;

    use super::*;

    fn refused(status: u16, code: &str) -> Verdict {
        classify(&Outcome::Refused { status, code: code.to_owned() })
    }

    #[test]
    fn codes_decide_before_the_status() {
        for (status, code, kind, effect, again) in [
            (400, "ResourceNotFoundException", Kind::NotFound, Effect::NotDone, Again::Never),
            (404, "ResourceNotFoundException", Kind::NotFound, Effect::NotDone, Again::Never),
            (400, "AccessDeniedException", Kind::Denied, Effect::NotDone, Again::Never),
            (400, "InvalidRequestException", Kind::InvalidState, Effect::NotDone, Again::Never),
            (400, "DecryptionFailure", Kind::InvalidState, Effect::NotDone, Again::Never),
            (400, "MalformedPolicyDocumentException", Kind::InvalidState, Effect::NotDone, Again::Never),
            (400, "ThrottlingException", Kind::Throttled, Effect::NotDone, Again::Yes),
            (503, "SlowDown", Kind::Throttled, Effect::NotDone, Again::Yes),
            (400, "UnrecognizedClientException", Kind::Unauthenticated, Effect::NotDone, Again::Never),
            (403, "ExpiredTokenException", Kind::Unauthenticated, Effect::NotDone, Again::Never),
            (403, "InvalidSignatureException", Kind::Unauthenticated, Effect::NotDone, Again::Once),
            (400, "RequestExpired", Kind::ClockSkewed, Effect::NotDone, Again::Once),
            (500, "InternalServiceError", Kind::NotServing, Effect::Unknown, Again::Yes),
            (200, "InternalServiceError", Kind::NotServing, Effect::Unknown, Again::Yes),
            (400, "InvalidParameterException", Kind::Unexpected, Effect::NotDone, Again::Never),
            (400, "FromTheFuture", Kind::Unexpected, Effect::NotDone, Again::Never),
            (503, "FromTheFuture", Kind::NotServing, Effect::Unknown, Again::Yes),
            (429, "FromTheFuture", Kind::Throttled, Effect::NotDone, Again::Yes),
        ] {
            assert_eq!(refused(status, code), Verdict { kind, effect, again }, "{status} {code}");
        }
    }

    #[test]
    fn an_effect_is_unknown_exactly_where_the_service_may_have_acted() {
        for (outcome, effect) in [
            (Outcome::NoCredentials, Effect::NotDone),
            (Outcome::NotSent, Effect::NotDone),
            (Outcome::NotConnected, Effect::NotDone),
            (Outcome::TimedOut, Effect::Unknown),
            (Outcome::Lost, Effect::Unknown),
            (Outcome::Skewed, Effect::NotDone),
            (Outcome::Garbled { status: 200 }, Effect::Unknown),
            (Outcome::Garbled { status: 400 }, Effect::NotDone),
            (Outcome::Garbled { status: 502 }, Effect::Unknown),
        ] {
            assert_eq!(classify(&outcome).effect, effect, "{outcome:?}");
        }
    }
}
