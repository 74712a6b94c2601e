//! What an answer that is no success means: status and error texts → kind, effect, and whether asking again can help. Pure.
//!
//! Vault and OpenBao say some things by status alone and some only in the text of `errors`; every text that counts stands here, once.
//! Texts seen on OpenBao 2.7.2; those of Vault from `vault-plugin-secrets-kv` and `vault/http`, which OpenBao shares.

use migrate_core::ports::{Effect, PortErrorKind};

/// What a refusal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Judgement {
    pub(crate) kind: PortErrorKind,
    pub(crate) effect: Effect,
    /// Asking again can help.
    pub(crate) again: bool,
    /// Our own words, for requests whose answer might quote a value.
    pub(crate) words: &'static str,
}

const fn refused(kind: PortErrorKind, words: &'static str) -> Judgement {
    Judgement { kind, effect: Effect::NotDone, again: false, words }
}

const fn not_yet(kind: PortErrorKind, words: &'static str) -> Judgement {
    Judgement { kind, effect: Effect::NotDone, again: true, words }
}

const fn perhaps(kind: PortErrorKind, words: &'static str) -> Judgement {
    Judgement { kind, effect: Effect::Unknown, again: true, words }
}

/// Judges an answer that is neither a success nor a plain "nothing there".
pub(crate) fn judge(status: u16, errors: &[String]) -> Judgement {
    use PortErrorKind as Kind;
    let says = |text: &str| errors.iter().any(|error| error.contains(text));
    match status {
        300..=399 => refused(Kind::Misconfigured, "redirected; redirects are not followed, since the token would go along"),
        // Plain "permission denied" comes before any policy is looked at; a policy's refusal is wrapped ("1 error occurred").
        403 if says("invalid token") || says("bad token") || errors == ["permission denied"] => {
            refused(Kind::Unauthenticated, "the token is missing, wrong, expired or revoked")
        }
        401 => refused(Kind::Unauthenticated, "not authenticated"),
        403 => refused(Kind::Denied, "the token's policies do not allow it"),
        404 if says("namespace not found") => refused(Kind::NotFound, "there is no such namespace"),
        404 if says("no handler for route") => refused(Kind::NotFound, "nothing is mounted there"),
        404 => refused(Kind::Unexpected, "not found, but the answer is not one of Vault's: is the address that of a Vault?"),
        400 if says("check-and-set parameter did not match") || says("check-and-set parameter does not match") => {
            refused(Kind::Conflict, "check-and-set did not match the current version")
        }
        400 if says("check-and-set parameter required") => refused(Kind::Misconfigured, "the mount demands check-and-set here"),
        400 if says("high complexity") || says("custom_metadata validation failed") => {
            refused(Kind::TooLarge, "too many properties or keys for one request")
        }
        400 if says("No secret engine mount at") => refused(Kind::NotFound, "nothing is mounted there"),
        // A new KV v2 mount, for a second or two.
        400 if says("Upgrading from non-versioned") => not_yet(Kind::NotServing, "the mount is being upgraded to KV v2"),
        413 => refused(Kind::TooLarge, "the request is too large"),
        500 if says("too large") => refused(Kind::TooLarge, "the entry is too large for the storage"),
        408 | 504 => perhaps(Kind::TimedOut, "timed out on the way"),
        // Vault says 412. OpenBao 2.7.2 says 429, without a word, where rate limits give reasons.
        412 => not_yet(Kind::NotServing, "the node that answers is behind a state that was already seen"),
        429 if errors.is_empty() => {
            not_yet(Kind::Throttled, "throttled, or the node that answers is behind a state that was already seen")
        }
        429 => not_yet(Kind::Throttled, "throttled"),
        503 if says("sealed") => not_yet(Kind::NotServing, "sealed; unseal it and run again"),
        500..=503 if says("active cluster node not found") || says("not active") || status != 500 => {
            perhaps(Kind::NotServing, "no node is serving")
        }
        500..=599 => perhaps(Kind::Unexpected, "the server failed"),
        _ => refused(Kind::Unexpected, "refused as malformed"),
    }
}

#[cfg(test)]
mod tests {
    use PortErrorKind as Kind;

    use super::*;

    #[test]
    fn every_answer_that_was_seen_has_its_kind() {
        let cases: &[(u16, &str, Kind, Effect, bool)] = &[
            (307, "", Kind::Misconfigured, Effect::NotDone, false),
            (400, "check-and-set parameter did not match the current version", Kind::Conflict, Effect::NotDone, false),
            (400, "metadata check-and-set parameter does not match the current version", Kind::Conflict, Effect::NotDone, false),
            (400, "metadata check-and-set parameter required for this call", Kind::Misconfigured, Effect::NotDone, false),
            (
                400,
                "refused JSON input due to high complexity: exceeded maximum number of strings",
                Kind::TooLarge,
                Effect::NotDone,
                false,
            ),
            (
                400,
                "Upgrading from non-versioned to versioned data. This backend will be unavailable",
                Kind::NotServing,
                Effect::NotDone,
                true,
            ),
            (400, "No secret engine mount at nope/", Kind::NotFound, Effect::NotDone, false),
            (400, "whatever else", Kind::Unexpected, Effect::NotDone, false),
            (403, "permission denied", Kind::Unauthenticated, Effect::NotDone, false),
            (
                403,
                "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n",
                Kind::Unauthenticated,
                Effect::NotDone,
                false,
            ),
            (403, "1 error occurred:\n\t* permission denied\n\n", Kind::Denied, Effect::NotDone, false),
            (403, "preflight capability check returned 403, please ensure", Kind::Denied, Effect::NotDone, false),
            (404, "no handler for route \"nope/config\". route entry not found.", Kind::NotFound, Effect::NotDone, false),
            (404, "namespace not found", Kind::NotFound, Effect::NotDone, false),
            (404, "<html>", Kind::Unexpected, Effect::NotDone, false),
            (412, "required index state not present", Kind::NotServing, Effect::NotDone, true),
            (413, "http: request body too large", Kind::TooLarge, Effect::NotDone, false),
            (429, "", Kind::Throttled, Effect::NotDone, true),
            (500, "put failed due to value being too large; max 1048576 bytes", Kind::TooLarge, Effect::NotDone, false),
            (500, "local node not active but active cluster node not found", Kind::NotServing, Effect::Unknown, true),
            (500, "internal error", Kind::Unexpected, Effect::Unknown, true),
            (502, "", Kind::NotServing, Effect::Unknown, true),
            (503, "Vault is sealed", Kind::NotServing, Effect::NotDone, true),
            (503, "upstream connect error", Kind::NotServing, Effect::Unknown, true),
            (504, "", Kind::TimedOut, Effect::Unknown, true),
        ];
        for (status, text, kind, effect, again) in cases {
            let judged = judge(*status, &[(*text).to_owned()]);
            assert_eq!((judged.kind, judged.effect, judged.again), (*kind, *effect, *again), "{status} {text}");
        }
    }
}
