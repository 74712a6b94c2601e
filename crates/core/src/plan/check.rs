//! A linter over a finished plan: only what passes can be applied.

use std::collections::BTreeSet;

use super::{Blocks, Existence, FORMAT, Plan, PlannedMember, kept_by};
use crate::{
    aws_policy::Exempt,
    handover::{Goal, PlanDigest, judge::Obstacle},
    name::SecretName,
};

/// What is wrong with a plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// A newer build made it.
    #[error("the plan has format {found}, this build reads {FORMAT}")]
    Format {
        /// Its format.
        found: u32,
    },
    /// No member.
    #[error("the plan has no member")]
    NoMember,
    /// A selected secret waits.
    #[error("{name} {obstacle}")]
    Waiting {
        /// Which.
        name: String,
        /// Why.
        obstacle: String,
    },
    /// Two members with one name, one source or one path.
    #[error("{0} stands twice in the plan")]
    Twice(String),
    /// A member at the anchor's own path.
    #[error("{0} is the path of the anchor")]
    AnchorPath(String),
    /// The mount is no KV version 2.
    #[error("the mount {0} is not a KV version 2 mount")]
    NotKv2(String),
    /// What is written would expire (P2).
    #[error("the mount {mount} deletes versions after {seconds} s (delete_version_after); set it to 0")]
    Expires {
        /// The mount.
        mount: String,
        /// Its `delete_version_after`.
        seconds: u64,
    },
    /// The fence would lock us out.
    #[error("the fence does not exempt {caller}, so that this run could not lift it; add it to exempt_principals")]
    LockedOut {
        /// Our principal.
        caller: String,
    },
    /// A fence that somebody else enforces, and nobody to feel it.
    #[error("this kind of fence is enforced by the organisation, and only a probe can tell whether it is: set probe_role")]
    NeedsProbe,
    /// The fence names somebody who is not there.
    #[error("the fence exempts {principal}, which does not exist: mend exempt_principals")]
    ExemptAbsent {
        /// The principal.
        principal: String,
    },
    /// The fence names somebody by another ARN than theirs.
    #[error("the fence exempts {principal}, whose ARN is {arn}: mend exempt_principals")]
    ExemptElsewhere {
        /// As it is listed.
        principal: String,
        /// As it is.
        arn: String,
    },
    /// The mount would throw away older versions that are replayed, or the first of them.
    #[error(
        "the mount {mount} keeps {kept} versions of an entry (max_versions), and {name} would need {needed}; raise it, or plan with a smaller --history"
    )]
    TooFewVersions {
        /// The mount.
        mount: String,
        /// Versions that it keeps.
        kept: u64,
        /// The member.
        name: String,
        /// Versions that it would have.
        needed: u64,
    },
    /// Who else may write at the incoming authority is not known, and nobody declared it.
    #[error("every member {0}")]
    WritersUnread(Obstacle),
    /// The plan could not be put into its canonical form.
    #[error("the plan can't be put into its canonical form: {0}")]
    Canonical(String),
}

/// A plan that passed [`check`]; the only kind that can be applied.
#[derive(Clone, Debug)]
pub struct CheckedPlan {
    plan: Plan,
    digest: PlanDigest,
    goal: Goal,
}

impl CheckedPlan {
    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Its digest.
    #[must_use]
    pub fn digest(&self) -> &PlanDigest {
        &self.digest
    }

    /// The goal that it was checked for.
    #[must_use]
    pub fn goal(&self) -> Goal {
        self.goal
    }
}

/// What a plan is checked for.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    /// How far it is to be carried out.
    pub goal: Goal,
    /// Members that were left out of its wave, or are about to be: what only they wait for stands in nobody's way.
    pub left_out: BTreeSet<SecretName>,
}

/// Checks a plan for a goal.
///
/// # Errors
/// Every [`Finding`], not only the first.
pub fn check(plan: Plan, terms: Terms) -> Result<CheckedPlan, Vec<Finding>> {
    let Terms { goal, left_out } = terms;
    let goes = |name: &SecretName| !left_out.contains(name);
    let mut findings = Vec::new();
    if plan.format != FORMAT {
        return Err(vec![Finding::Format { found: plan.format }]);
    }
    if plan.members.is_empty() && plan.waiting.is_empty() {
        findings.push(Finding::NoMember);
    }
    let mut waits = |name: &SecretName, obstacle: &Obstacle| {
        findings.push(Finding::Waiting { name: name.to_string(), obstacle: obstacle.to_string() });
    };
    for waiting in &plan.waiting {
        if goes(&waiting.name) && (waiting.blocks == Blocks::Begin || goal >= Goal::Commit) {
            waits(&waiting.name, &waiting.obstacle);
        }
    }
    if goal >= Goal::Commit && !left_out.is_empty() {
        for (name, obstacle) in parted(&plan, &left_out) {
            waits(name, &obstacle);
        }
    }
    let mut taken = BTreeSet::new();
    for member in &plan.members {
        for key in [("name", member.name.as_str()), ("source", member.source.as_str()), ("path", member.path.as_str())] {
            if !taken.insert(key) {
                findings.push(Finding::Twice(key.1.to_owned()));
            }
        }
        let (kept, needed) = (kept_by(plan.incoming.survey.max_versions), 1 + member.history.len() as u64);
        if needed > kept {
            let (mount, name) = (plan.incoming.mount.clone(), member.name.to_string());
            findings.push(Finding::TooFewVersions { mount, kept, name, needed });
        }
        if member.path == plan.incoming.anchor {
            findings.push(Finding::AnchorPath(member.path.to_string()));
        }
    }
    let survey = &plan.incoming.survey;
    if !survey.is_kv2 {
        findings.push(Finding::NotKv2(plan.incoming.mount.clone()));
    }
    if survey.delete_version_after_seconds != 0 {
        findings.push(Finding::Expires { mount: plan.incoming.mount.clone(), seconds: survey.delete_version_after_seconds });
    }
    let caller = &plan.outgoing.caller_arn;
    match Exempt::new(plan.fence.exempt.iter().cloned()) {
        Ok(exempt) if exempt.covers_caller(caller) => {}
        _ => findings.push(Finding::LockedOut { caller: caller.clone() }),
    }
    if plan.fence.mode.rests_on_organisation() && !plan.fence.observed_by_probe {
        findings.push(Finding::NeedsProbe);
    }
    for (principal, existence) in &plan.fence.existence {
        match existence {
            Existence::Absent => findings.push(Finding::ExemptAbsent { principal: principal.clone() }),
            Existence::Elsewhere { arn } => {
                findings.push(Finding::ExemptElsewhere { principal: principal.clone(), arn: arn.clone() });
            }
            Existence::Exists | Existence::Pattern | Existence::NotLookedUp { .. } => {}
        }
    }
    if let Some(obstacle) = plan.incoming.writers.unknown()
        && goal >= Goal::Commit
    {
        findings.push(Finding::WritersUnread(obstacle));
    }
    let digest = plan.digest().map_err(|error| Finding::Canonical(error.to_string()));
    match digest {
        Ok(digest) if findings.is_empty() => Ok(CheckedPlan { plan, digest, goal }),
        Ok(_) => Err(findings),
        Err(finding) => {
            findings.push(finding);
            Err(findings)
        }
    }
}

/// Members that go on and share a `find` with one that was left out: its one manifest can't be switched for some of them.
fn parted<'a>(plan: &'a Plan, left_out: &BTreeSet<SecretName>) -> Vec<(&'a SecretName, Obstacle)> {
    let (stay, go): (Vec<&PlannedMember>, Vec<&PlannedMember>) =
        plan.members.iter().partition(|member| left_out.contains(&member.name));
    let shared = |one: &PlannedMember, other: &PlannedMember| one.found_by().any(|found| other.found_by().any(|by| by == found));
    go.into_iter()
        .filter_map(|member| {
            let names: Vec<&str> = stay.iter().filter(|left| shared(member, left)).map(|left| left.name.as_str()).collect();
            (!names.is_empty()).then(|| (&member.name, Obstacle::FoundTogether { names: names.join(", ") }))
        })
        .collect()
}
