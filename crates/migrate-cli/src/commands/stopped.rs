//! Why a run stopped, as a person reads it: heading, causes, who can't go on and why, and the next command.

use driver::{Stopped, Where};
use migrate_core::{
    delivery::Stuck,
    handover::judge::{Blocked, Obstacle, holder_id},
    id::WaveName,
};

use crate::{
    error::{CommandError, Reason, Side},
    ledger,
    settings::Settings,
    shared,
};

/// Findings shown before the rest is counted.
const SHOWN: usize = 40;

/// Turns the driver's answer into the command's. `open` is the wave and how many members it has, where it has begun and can still go back.
pub(super) fn stopped(settings: &Settings, stopped: &Stopped, open: Option<(&WaveName, usize)>) -> CommandError {
    let error = without_way_back(settings, stopped, open.map(|(wave, _)| wave));
    match (open, stopped) {
        (Some((wave, members)), Stopped::Stale(blocked) | Stopped::Blocked { blocked, .. } | Stopped::Violated(blocked)) => {
            let error = match blocked.as_slice() {
                [] => error,
                // All of them go back together.
                _ if blocked.len() >= members => error,
                // What is being let go already.
                _ if matches!(stopped, Stopped::Blocked { step: Where("rollback"), .. }) => error,
                [first, rest @ ..] => {
                    let more = if rest.is_empty() { "" } else { " …" };
                    error.hint(format!("`migrate apply --leave-out {}{more}` lets it go, and the others go on", first.name))
                }
            };
            error.hint(format!("`migrate rollback {wave}` takes the wave back to before it began; then plan anew"))
        }
        _ => error,
    }
}

fn without_way_back(settings: &Settings, stopped: &Stopped, open: Option<&WaveName>) -> CommandError {
    let told = |reason: Reason| CommandError::new(reason, stopped.to_string());
    match stopped {
        Stopped::Ledger(error) => ledger::broken(settings, error),
        Stopped::Unsound(standing) => ledger::unsound(settings, standing).unwrap_or_else(|| told(Reason::Internal)),
        Stopped::MayLive { epoch, runner } => told(Reason::PredecessorMayLive)
            .because_of("effects of it may still be on their way, and from here nobody can look")
            .hint("let it go on, or stop it there and let it say so in the ledger")
            .hint(format!(
                "if you know that the process is dead: `migrate ledger unlock {}`, which is recorded",
                holder_id(*epoch, runner)
            )),
        Stopped::OtherHolder(_) => told(Reason::OtherHolder)
            .because_of("what was named is another run, or one that has ended since")
            .hint("`migrate status` shows the id of a run that did not end"),
        Stopped::Lives(_) => told(Reason::PredecessorMayLive)
            .hint("let it end, or stop it: Ctrl-C, or SIGTERM, ends it at its next safe point; then the lead is free"),
        Stopped::NotShared(standing) => shared::not_shared(settings, standing),
        Stopped::Shared(error) => shared::refused(settings, error),
        Stopped::LeadLost => told(Reason::LeadLost).hint("`migrate ledger show` on the newest ledger says who leads"),
        Stopped::Stale(blocked) => {
            let this = named(told(Reason::PlanStale), blocked);
            match open {
                None => this.because_of("nothing was changed").hint("plan the wave anew: `migrate plan --wave NAME`"),
                Some(_) => this.because_of("the wave has begun, and nothing is fenced or copied yet"),
            }
        }
        Stopped::OtherPlan(_) => told(Reason::PlanForeign).hint("`migrate status` shows which plan belongs to which wave"),
        Stopped::Blocked { blocked, .. } => {
            let lost = blocked.iter().any(|member| matches!(member.obstacle, Obstacle::LeadLost { .. }));
            let this = named(told(if lost { Reason::LeadLost } else { Reason::MembersBlocked }), blocked);
            this.hint("mend what is named, then run the same command again; what is done stays done")
        }
        Stopped::Incomplete { blocked, .. } => {
            // The commonest member failure is the store itself; its kind is in each finding.
            named(told(Reason::Unfinished), blocked).hint("run the same command again; it goes on where it stopped")
        }
        Stopped::Violated(blocked) => named(told(Reason::Violation), blocked)
            .because_of("it is recorded in the ledger")
            .hint("find out who did it (CloudTrail, Vault's audit log) before you go on"),
        Stopped::Port { step, error } => {
            let side = if error.operation.contains("/v1/") { Side::Incoming } else { Side::Outgoing };
            CommandError::at_port(side, format!("{} stopped", step.0), error)
                .hint("then run the same command again; it goes on where it stopped")
        }
        Stopped::Halted { halted, step } => {
            let passing = halted.iter().all(|halted| halted.stuck.is_passing());
            let this = told(if passing { Reason::Unfinished } else { Reason::Deliveries });
            let this = listed(this, halted.iter().map(ToString::to_string).collect());
            let waits = halted.iter().any(|halted| matches!(halted.stuck, Stuck::InGit { .. }));
            let this = if waits { this.hint("commit and push the manifests, and let them be synchronised") } else { this };
            let this = this.hint("run the same command again; it goes on where it stopped");
            if *step == Where("switch") { this.because_of("no Secret that is in use was changed") } else { this }
        }
        Stopped::NoCluster(_) => told(Reason::NoCluster)
            .because_of("the environment has no `cluster`")
            .hint("set `kubeconfig` and `context` below [environment.NAME.cluster] in migrate.toml")
            .hint("`--gone NAMESPACE/NAME` says that nobody reads through an ExternalSecret any more"),
        Stopped::Refused(refusal) => {
            CommandError::new(Reason::Internal, "the protocol does not allow this step").because(refusal)
        }
        Stopped::EvidenceTooOld { .. } => {
            told(Reason::MembersBlocked).hint("raise `quota_share`, or hand over fewer secrets in one wave")
        }
        Stopped::Interrupted(_) => told(Reason::Interrupted).hint("run the same command again; it goes on where it stopped"),
    }
}

fn named(error: CommandError, blocked: &[Blocked]) -> CommandError {
    listed(error, blocked.iter().map(|member| format!("{} {}", member.name, member.obstacle)).collect())
}

fn listed(error: CommandError, findings: Vec<String>) -> CommandError {
    let more = findings.len().saturating_sub(SHOWN);
    let error = error.findings(findings.into_iter().take(SHOWN));
    match more {
        0 => error,
        more => error.findings([format!("… and {more} more")]),
    }
}
