//! A plan as a person reads it. The file is JSON; this is what `migrate plan` prints.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{Blocks, Existence, FenceMode, Plan, PlannedMember};
use crate::{codec::Encoding, handover::judge::Obstacle, principals::LookedFor, writers::PlannedWriters};

/// Members shown before the rest is counted.
const SHOWN: usize = 40;

/// Renders a plan as plain text, deterministic, without values.
#[must_use]
pub fn render(plan: &Plan) -> String {
    let mut out = String::new();
    // Writing into a String can't fail, so the results are dropped throughout.
    let _ = writeln!(
        out,
        "Wave {} · {} · {} to hand over, {} waiting",
        plan.wave,
        plan.environment,
        plan.members.len(),
        plan.waiting.len()
    );
    let _ = writeln!(out, "  from  Secrets Manager, account {}, region {}", plan.outgoing.account, plan.outgoing.region);
    let target = &plan.incoming;
    let _ = writeln!(
        out,
        "  to    {} {} at {}, mount {}/",
        target.survey.product, target.survey.version, target.address, target.mount
    );
    let _ = writeln!(out);
    for member in plan.members.iter().take(SHOWN) {
        let _ = writeln!(out, "  {}", line(member));
        for left in &member.carried.left {
            let _ = writeln!(out, "    ~ {left}; it stays readable in the plan file");
        }
    }
    if plan.members.len() > SHOWN {
        let _ = writeln!(out, "  … and {} more, in the plan file", plan.members.len() - SHOWN);
    }
    let mut finds: BTreeMap<String, usize> = BTreeMap::new();
    for found_by in plan.members.iter().flat_map(PlannedMember::found_by) {
        *finds.entry(found_by).or_default() += 1;
    }
    for (external_secret, count) in finds {
        let _ = writeln!(
            out,
            "  ~ the `find` of {external_secret} becomes explicit reads of the {count} it matches today: secrets made later no longer join by themselves"
        );
    }
    for waiting in plan.waiting.iter().filter(|waiting| !matches!(waiting.obstacle, Obstacle::ForeignWriters { .. })) {
        let until = match waiting.blocks {
            Blocks::Begin => "waits",
            Blocks::Commit => "can't be committed:",
        };
        let _ = writeln!(out, "  ! {} {until} {}", waiting.name, waiting.obstacle);
    }
    foreign_writers(&mut out, &target.writers);
    let forecast = &plan.forecast;
    let _ = writeln!(out);
    let rotated = plan.members.iter().filter(|member| member.rotation.is_some()).count();
    if rotated > 0 {
        let _ = writeln!(
            out,
            "  rotation of {rotated} is cancelled first, then {} are waited until none can be in flight; a rollback gives it back",
            duration(plan.fence.rotation_wait_seconds)
        );
    }
    let _ = writeln!(
        out,
        "  fence {} ({} requests) · settle {} · copy and verify {} · commit {}",
        duration(forecast.fence_seconds),
        forecast.policy_requests,
        duration(forecast.settle_seconds),
        duration(forecast.copy_seconds),
        duration(forecast.commit_seconds),
    );
    let _ = writeln!(out, "  nobody can write these secrets for about {}", duration(forecast.write_outage_seconds));
    match plan.fence.mode {
        FenceMode::ResourcePolicy => {}
        FenceMode::Tag => {
            let _ = writeln!(out, "  fenced by a tag, which a resource control policy of the organisation must look for");
        }
        FenceMode::External => {
            let _ = writeln!(
                out,
                "  fenced by the organisation: apply its policies once the wave has begun, and take them away after it"
            );
        }
    }
    if plan.fence.observed_by_probe {
        let _ =
            writeln!(out, "  the fence counts once the probe was refused everywhere for {}", duration(plan.fence.settle_seconds));
    } else {
        let _ = writeln!(
            out,
            "  enforcement of the fence is assumed after {}, not observed: no probe principal is given",
            duration(plan.fence.settle_seconds)
        );
    }
    let exempt: Vec<String> = plan.fence.exempt.iter().map(|principal| principal.clone() + unseen(plan, principal)).collect();
    let _ = writeln!(out, "  exempt from the fence: {}", exempt.join(", "));
    if let Some(known) = writers_known(&target.writers) {
        let _ = writeln!(out, "  {known}");
    }
    let _ = writeln!(out, "  {}", looked_for(plan.looked_for.as_ref()));
    out
}

fn line(member: &PlannedMember) -> String {
    let mut line = member.name.to_string();
    if member.source != member.name {
        let _ = write!(line, " (today {})", member.source);
    }
    let encoding = match &member.choice.encoding {
        Encoding::Text { .. } => "text",
        Encoding::Binary { .. } => "binary",
        Encoding::Fields { .. } => "fields",
    };
    let _ = write!(line, " · {encoding}");
    if member.rotation.is_some() {
        let _ = write!(line, " · rotated");
    }
    if !member.choice.stringified.is_empty() {
        let _ = write!(line, " · becomes strings: {}", member.choice.stringified.join(", "));
    }
    if !member.history.is_empty() {
        let _ = write!(line, " · version {}, after {} older", 1 + member.history.len(), member.history.len());
    }
    if !member.consumers.is_empty() {
        let names: Vec<&str> = member.consumers.iter().map(|consumer| consumer.application.as_str()).collect();
        let _ = write!(line, " · read by {}", names.join(", "));
    }
    line
}

/// What is to be said of an exempt principal that was not seen to exist.
fn unseen<'a>(plan: &Plan, principal: &str) -> &'a str {
    match plan.fence.existence.get(principal) {
        None | Some(Existence::Exists) => "",
        Some(Existence::Absent) => " (does not exist)",
        Some(Existence::Elsewhere { .. }) => " (has another path)",
        Some(Existence::Pattern) => " (a pattern, not looked up)",
        Some(Existence::NotLookedUp { .. }) => " (not looked up)",
    }
}

/// Who else may write at the incoming authority: once for each policy, since one that reaches a member mostly reaches them all.
fn foreign_writers(out: &mut String, writers: &PlannedWriters) {
    for foreign in &writers.foreign {
        let rules: Vec<String> = foreign
            .rules
            .iter()
            .map(|rule| {
                let capabilities: Vec<&str> = rule.capabilities.iter().map(String::as_str).collect();
                format!("{} on {}", capabilities.join(", "), rule.path)
            })
            .collect();
        let (sign, so) = if writers.is_administrator(&foreign.policy) {
            ("~", "named as one of administrators")
        } else {
            ("!", "can't be committed until that right is taken away, or the policy is named in `administrators`")
        };
        let _ = writeln!(
            out,
            "  {sign} policy {} lets write to {} of these ({}): {so}",
            foreign.policy,
            foreign.entries,
            rules.join("; ")
        );
    }
    if let Some(obstacle) = writers.unknown() {
        let _ = writeln!(out, "  ! can't be committed: every member {obstacle}");
    }
}

/// How it is known that nobody else may write there; nothing where it is not.
fn writers_known(writers: &PlannedWriters) -> Option<String> {
    let unread: Vec<String> = writers.unread.iter().map(ToString::to_string).collect();
    match (unread.is_empty(), writers.unknown()) {
        (true, _) => {
            let ours: Vec<&str> = writers.ours.iter().map(String::as_str).collect();
            let ours = if ours.is_empty() { "not known".to_owned() } else { ours.join(", ") };
            Some(format!("who else may write there was observed, by its policies; our own: {ours}"))
        }
        (false, None) => Some(format!("that nobody else may write there is declared, not observed, for {}", unread.join(", "))),
        (false, Some(_)) => None,
    }
}

/// How far readers and writers were looked for: what nobody looked at is said, and not taken for agreement.
fn looked_for(looked: Option<&LookedFor>) -> String {
    let Some(looked) = looked else {
        return "readers and writers are as the inventory declares them; nobody looked for others (`migrate inventory principals`)"
            .to_owned();
    };
    let day = |at: jiff::Timestamp| at.strftime("%Y-%m-%d").to_string();
    let span = match (looked.from, looked.until) {
        (Some(from), Some(until)) => format!("from {} to {}", day(from), day(until)),
        _ => "without any record".to_owned(),
    };
    let mut text = format!("readers and writers were looked for on {} in {}, {span}", day(looked.at), looked.sources.join(", "));
    if looked.unreadable > 0 {
        let _ = write!(text, "; {} records there could not be read", looked.unreadable);
    }
    text
}

/// Seconds as a person says them.
fn duration(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} s"),
        _ => format!("{} min", seconds.div_ceil(60)),
    }
}
