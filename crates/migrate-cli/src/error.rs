//! The one error of the commands: heading, causes, hints and exit code. Printed once, at the rim, by the printer.
//!
//! Lower layers return typed errors; here they become what a person reads. No foreign error is ever formatted with `{:?}`, which for some
//! libraries shows tokens and bodies (REQ OPS-1).

use std::{error::Error, fmt::Display};

use migrate_core::ports::{PortError, PortErrorKind};
use serde::Serialize;

use crate::{environment::Environment, exit::Exit};

/// What a command that did not succeed says. `--json` prints it as `{"error": …}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CommandError {
    /// The name of the exit code.
    pub exit: Exit,
    /// Which kind of failure, for machines.
    pub reason: Reason,
    /// What failed: a lower-case fragment.
    pub heading: String,
    /// Why, outermost first.
    pub because: Vec<String>,
    /// Single findings, one a line: problems of a file, secrets that can't go on.
    pub findings: Vec<String>,
    /// What to do next.
    pub hints: Vec<String>,
}

/// Why a command did not succeed. Decides the exit code; everything else in an error is for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Reason {
    /// The command line, or surroundings that are refused.
    Usage,
    /// `migrate.toml` is missing, wrong, or names no such environment.
    Configuration,
    /// Not inside a Git repository.
    NoRepository,
    /// No inventory yet.
    InventoryMissing,
    /// The inventory has problems.
    InventoryInvalid,
    /// Manifests can't be read, or say what can't be.
    ManifestsInvalid,
    /// No secret is selected.
    NothingSelected,
    /// A file of values can't be taken as it is, or a secret is there already.
    ValuesRefused,
    /// No plan, or none that is open.
    NoPlan,
    /// Several plans are open.
    SeveralPlans,
    /// A file is no plan, or a newer build made it.
    PlanInvalid,
    /// The plan was made for another environment or ledger, or another plan of the wave has begun.
    PlanForeign,
    /// The plan can't be applied: members wait, or the mount is not fit.
    PlanRefused,
    /// The world is not as planned.
    PlanStale,
    /// Members can't go on.
    MembersBlocked,
    /// A secret was named that is not in the wave, or its wave has not begun.
    NotAMember,
    /// A wave that has not begun or is committed can't be taken back.
    NoWayBack,
    /// Consumers would be left behind by a commit.
    Consumers,
    /// ExternalSecrets can't be switched, or are not as they were left.
    Deliveries,
    /// ExternalSecrets are to be looked at, and no cluster is set up.
    NoCluster,
    /// A store did not answer for some members; the same command goes on.
    Unfinished,
    /// The run was interrupted by its operator.
    Interrupted,
    /// Somebody else changed what a wave relies on.
    Violation,
    /// Stores disagree.
    Differs,
    /// There is no ledger.
    LedgerMissing,
    /// It ends in part of a record.
    LedgerTorn,
    /// Its chain is broken, or holds what the protocol forbids.
    LedgerCorrupt,
    /// A newer build wrote it.
    LedgerNewer,
    /// It lacks records that its anchor names.
    LedgerBehindAnchor,
    /// It has another record where the anchor names one.
    LedgerForked,
    /// The anchor belongs to another ledger.
    LedgerForeign,
    /// The incoming store was set back to before records that counted.
    AnchorSetBack,
    /// Another process holds it.
    LedgerLocked,
    /// The remote of a shared ledger has none.
    LedgerRemoteMissing,
    /// What lies at the ref is no ledger, or its chain is broken.
    LedgerRemoteCorrupt,
    /// The remote lacks records that the anchor names: its ref was set back.
    LedgerRemoteBehind,
    /// The remote has another record where the anchor names one: its ref was rewritten.
    LedgerRemoteRewritten,
    /// The remote does not answer, or can't be read.
    LedgerRemoteUnreachable,
    /// The remote gave no answer to a record, which may have arrived.
    LedgerRemoteUnanswered,
    /// The remote's server declined a record: a hook or a rule of its own.
    LedgerPushDeclined,
    /// The remote can be read and not written to.
    LedgerPushNotAllowed,
    /// Git failed in this repository, or can't be started.
    Git,
    /// The run that has the lead is another one than was named.
    OtherHolder,
    /// A run before this one did not end and may still act.
    PredecessorMayLive,
    /// Another run took the lead.
    LeadLost,
    /// A store failed.
    Port {
        /// Which.
        side: Side,
        /// How.
        kind: PortErrorKind,
    },
    /// What is to be emitted can't be made of the inventory.
    NotEmitted,
    /// A file that would be overwritten is not as it was emitted.
    Edited,
    /// A file can't be read or written.
    File,
    /// A fault of the tool.
    Internal,
}

/// Which side of the handover an error came from; decides which hints fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// Secrets Manager.
    Outgoing,
    /// Vault or OpenBao.
    Incoming,
}

impl Reason {
    /// The exit code that goes with it.
    #[must_use]
    pub const fn exit(self) -> Exit {
        match self {
            Self::Usage | Self::Configuration | Self::NoCluster | Self::NoRepository => Exit::Usage,
            Self::InventoryMissing
            | Self::InventoryInvalid
            | Self::ManifestsInvalid
            | Self::NothingSelected
            | Self::ValuesRefused
            | Self::NoPlan
            | Self::SeveralPlans
            | Self::PlanInvalid
            | Self::PlanForeign
            | Self::PlanRefused
            | Self::PlanStale
            | Self::MembersBlocked
            | Self::NotAMember
            | Self::NoWayBack
            | Self::Consumers
            | Self::Deliveries
            | Self::Differs
            | Self::NotEmitted
            | Self::Edited
            | Self::LedgerPushDeclined
            | Self::LedgerPushNotAllowed
            | Self::OtherHolder
            | Self::PredecessorMayLive => Exit::Blocked,
            Self::Unfinished
            | Self::Interrupted
            | Self::LedgerRemoteUnreachable
            | Self::LedgerRemoteUnanswered
            | Self::LeadLost => Exit::Incomplete,
            Self::Violation => Exit::Violation,
            Self::LedgerMissing
            | Self::LedgerTorn
            | Self::LedgerCorrupt
            | Self::LedgerNewer
            | Self::LedgerBehindAnchor
            | Self::LedgerForked
            | Self::LedgerForeign
            | Self::AnchorSetBack
            | Self::LedgerRemoteMissing
            | Self::LedgerRemoteCorrupt
            | Self::LedgerRemoteBehind
            | Self::LedgerRemoteRewritten
            | Self::LedgerLocked => Exit::Ledger,
            Self::Port { kind, .. } => exit_of(kind),
            Self::File | Self::Git | Self::Internal => Exit::Unexpected,
        }
    }
}

impl CommandError {
    /// An error for that reason.
    pub fn new(reason: Reason, heading: impl Into<String>) -> Self {
        Self {
            exit: reason.exit(),
            reason,
            heading: heading.into(),
            because: Vec::new(),
            findings: Vec::new(),
            hints: Vec::new(),
        }
    }

    /// The command line, or surroundings that are refused.
    pub fn usage(heading: impl Into<String>) -> Self {
        Self::new(Reason::Usage, heading)
    }

    /// `migrate.toml` can't be used.
    pub fn configuration(heading: impl Into<String>) -> Self {
        Self::new(Reason::Configuration, heading)
    }

    /// A file can't be read or written.
    pub fn file(heading: impl Into<String>, error: &std::io::Error) -> Self {
        Self::new(Reason::File, heading).because(error)
    }

    /// Adds an error and everything below it, by `Display`, dropping what only repeats the line before.
    #[must_use]
    pub fn because(mut self, error: &(dyn Error + 'static)) -> Self {
        let mut cause = Some(error);
        while let Some(error) = cause {
            let text = error.to_string();
            if !self.because.last().is_some_and(|before| before.contains(&text)) {
                self.because.push(text);
            }
            cause = error.source();
        }
        self
    }

    /// Adds one reason in our own words.
    #[must_use]
    pub fn because_of(mut self, reason: impl Into<String>) -> Self {
        self.because.push(reason.into());
        self
    }

    /// Adds single findings.
    #[must_use]
    pub fn findings<T: Display>(mut self, findings: impl IntoIterator<Item = T>) -> Self {
        self.findings.extend(findings.into_iter().map(|finding| finding.to_string()));
        self
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// A failure at one side of the handover, with the hint that its kind calls for.
    pub fn at_port(side: Side, heading: impl Into<String>, error: &PortError) -> Self {
        let mut this = Self::new(Reason::Port { side, kind: error.kind }, heading).because(error);
        if let Some(hint) = hint_for(side, error.kind) {
            this.hints.push(hint.to_owned());
        }
        this
    }
}

impl CommandError {
    /// The same, naming the proxies that stood between where a store could not be reached.
    #[must_use]
    pub fn through_proxies(mut self, environment: &Environment) -> Self {
        if let Reason::Port { kind: PortErrorKind::Unreachable | PortErrorKind::TimedOut, .. } = self.reason {
            for (variable, proxy) in environment.proxies() {
                self.hints.push(format!(
                    "{variable} names the proxy {proxy}; unless NO_PROXY names the store's host, it must answer and let this through"
                ));
            }
        }
        self
    }
}

/// The exit code of a command that failed at a port: what may pass by itself is run again, everything else waits for somebody.
const fn exit_of(kind: PortErrorKind) -> Exit {
    match kind {
        PortErrorKind::Unreachable | PortErrorKind::TimedOut | PortErrorKind::Throttled | PortErrorKind::NotServing => {
            Exit::Incomplete
        }
        PortErrorKind::Misconfigured => Exit::Usage,
        PortErrorKind::Unexpected => Exit::Unexpected,
        PortErrorKind::Unauthenticated
        | PortErrorKind::ClockSkewed
        | PortErrorKind::Denied
        | PortErrorKind::NotFound
        | PortErrorKind::Conflict
        | PortErrorKind::TooLarge
        | PortErrorKind::InvalidState => Exit::Blocked,
    }
}

fn hint_for(side: Side, kind: PortErrorKind) -> Option<&'static str> {
    Some(match (side, kind) {
        (Side::Outgoing, PortErrorKind::Unauthenticated) => {
            "`aws sts get-caller-identity` shows whether the credentials of this profile work"
        }
        (_, PortErrorKind::ClockSkewed) => {
            "set this machine's clock (`timedatectl` shows whether it is synchronised), then run the same command again"
        }
        (Side::Outgoing, PortErrorKind::Denied) => {
            "the refused action is named above; allow it to the migration role, and look for a Deny in the secret's own policy"
        }
        (Side::Outgoing, PortErrorKind::Unreachable | PortErrorKind::TimedOut) => {
            "`migrate status -v` shows region and endpoint and where each was set"
        }
        (Side::Outgoing, PortErrorKind::Misconfigured | PortErrorKind::NotFound) => {
            "set AWS_REGION, or `region` below [environment.NAME.outgoing] in migrate.toml"
        }
        (Side::Incoming, PortErrorKind::Unauthenticated) => {
            "`vault login`, or set VAULT_TOKEN; `vault token lookup` shows what it may do"
        }
        (Side::Incoming, PortErrorKind::Denied) => {
            "`vault token lookup` shows whose token it is, `vault token capabilities PATH` what it may do there"
        }
        (Side::Incoming, PortErrorKind::Unreachable | PortErrorKind::TimedOut) => {
            "`migrate status -v` shows the address and where it was set; a private CA is named by VAULT_CACERT"
        }
        (Side::Incoming, PortErrorKind::NotServing) => {
            "`vault status` shows whether it is sealed; unseal it, then run the same command again"
        }
        (Side::Incoming, PortErrorKind::NotFound | PortErrorKind::Misconfigured) => {
            "`vault secrets list` shows the mounts; the mount is `mount` below [environment.NAME.incoming] in migrate.toml"
        }
        (_, PortErrorKind::Throttled) => "run the same command again; `quota_share` in migrate.toml lowers the rate",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use migrate_core::ports::Effect;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] Inner);

    #[derive(Debug, thiserror::Error)]
    #[error("inner")]
    struct Inner;

    #[test]
    fn the_chain_is_told_once_and_outermost_first() {
        let error = CommandError::usage("failed").because(&Outer(Inner));
        assert_eq!(error.because, ["outer", "inner"]);
    }

    #[test]
    fn a_sealed_vault_may_pass_and_a_missing_mount_does_not() {
        let port = |kind| PortError {
            kind,
            effect: Effect::NotDone,
            operation: "GET /v1/sys/health".into(),
            subject: "https://vault.example".into(),
            detail: "503".into(),
        };
        let sealed = CommandError::at_port(Side::Incoming, "failed", &port(PortErrorKind::NotServing));
        assert_eq!(sealed.exit, Exit::Incomplete);
        assert_eq!(sealed.because, ["GET /v1/sys/health for https://vault.example: 503"]);
        assert!(sealed.hints[0].contains("unseal"));
        assert_eq!(exit_of(PortErrorKind::NotFound), Exit::Blocked);
    }
}
