//! One event of each kind, about one wave with one member, spelled as the ledger spells it.

use anyhow::{Context as _, Result};
use migrate_core::handover::Event;
use serde_json::{Value, json};

const DELIVERY: &str = "orders/orders-db";
const SECRET: &str = "platform-data/mysql/app";
const VERSION: &str = "11111111-1111-4111-8111-111111111111";

/// All of them, in the order of a wave's life: to its commit, then back, then away.
pub(super) fn events() -> Result<Vec<Event>> {
    let versions = json!({VERSION: ["AWSCURRENT"]});
    let begun = json!({
        "source": SECRET,
        "path": SECRET,
        "arn": format!("arn:aws:secretsmanager:eu-central-1:123456789012:secret:{SECRET}-AbCdEf"),
        "versions": versions,
        "encoding": {"kind": "text", "property": "value"},
    });
    let runner = json!({"host": "build-7", "process": 4711});
    let plan = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    let events = [
        json!({"type": "created", "ledger": "6f1c0a52-8f0e-4d0b-9a57-3c1de2b0a9f4"}),
        json!({"type": "lead", "run": "apply", "runner": runner}),
        json!({"type": "begin", "plan": plan, "members": {SECRET: begun}}),
        json!({"type": "preflighted"}),
        json!({"type": "rotation-cancel-intended", "members": [SECRET]}),
        json!({"type": "rotation-cancelled", "members": [SECRET]}),
        json!({"type": "rotation-ended", "afterSeconds": 900, "members": [SECRET]}),
        json!({"type": "fence-intended", "members": [SECRET]}),
        json!({"type": "fenced", "members": [SECRET]}),
        json!({"type": "settled", "afterSeconds": 300, "probes": 9, "members": {SECRET: versions}}),
        json!({"type": "copy-intended", "members": [SECRET]}),
        json!({"type": "copied", "members": {SECRET: 1}}),
        json!({"type": "verified", "members": {SECRET: [VERSION, 1]}}),
        json!({"type": "committed"}),
        json!({"type": "confirmed"}),
        json!({"type": "switch-begun", "deliveries": [DELIVERY]}),
        json!({"type": "switch-intended", "deliveries": [DELIVERY]}),
        json!({"type": "switched", "deliveries": [DELIVERY]}),
        json!({"type": "set-back", "deliveries": [DELIVERY]}),
        json!({"type": "switch-intended", "deliveries": [DELIVERY]}),
        json!({"type": "switched", "deliveries": [DELIVERY]}),
        json!({"type": "declared-gone", "deliveries": [DELIVERY]}),
        json!({"type": "seal-intended", "members": [SECRET]}),
        json!({"type": "sealed", "members": [SECRET]}),
        json!({"type": "seal-settled", "afterSeconds": 3_600, "denied": {SECRET: ["arn:aws:iam::111122223333:role/report"]}}),
        json!({"type": "seal-lifted", "members": [SECRET]}),
        json!({"type": "given-back", "deliveries": [DELIVERY]}),
        json!({"type": "completed"}),
        json!({"type": "urgent-intended", "name": SECRET, "after": 1}),
        json!({"type": "urgent-written", "name": SECRET, "target": 2}),
        json!({"type": "violated", "violations": [{"name": SECRET, "kind": "fence-removed"}]}),
        json!({"type": "ended", "outcome": "reached"}),
        json!({"type": "left-out", "members": [SECRET]}),
        json!({"type": "lead", "run": "rollback", "runner": runner}),
        json!({"type": "rollback-begun"}),
        json!({"type": "cleared", "members": [SECRET]}),
        json!({"type": "unfenced", "members": [SECRET]}),
        json!({"type": "rotation-restored", "members": [SECRET]}),
        json!({"type": "rolled-back"}),
        json!({"type": "lead", "run": "retire", "runner": runner}),
        json!({"type": "retire-begun", "windowDays": 30, "soakSeconds": 604_800, "members": [SECRET]}),
        json!({"type": "replica-removal-intended", "members": {SECRET: ["eu-west-1"]}}),
        json!({"type": "replicas-removed", "members": {SECRET: ["eu-west-1"]}}),
        json!({"type": "delete-intended", "members": [SECRET]}),
        json!({"type": "delete-scheduled", "members": {SECRET: "2027-02-11T00:00:00Z"}}),
        json!({"type": "retired"}),
    ];
    events.into_iter().map(event).collect()
}

fn event(mut body: Value) -> Result<Event> {
    let kind = body["type"].to_string();
    if kind != "\"created\"" {
        body["wave"] = "first".into();
    }
    serde_json::from_value(body).with_context(|| format!("an event of type {kind} has another shape today: mend sample.rs"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// A new kind of event makes this fail to compile: then it belongs into the sample, and the number grows.
    fn kinds() -> usize {
        let every = |event: &Event| match event {
            Event::Created { .. }
            | Event::Lead { .. }
            | Event::Begin { .. }
            | Event::Preflighted { .. }
            | Event::RotationCancelIntended { .. }
            | Event::RotationCancelled { .. }
            | Event::RotationEnded { .. }
            | Event::RotationRestored { .. }
            | Event::UrgentIntended { .. }
            | Event::UrgentWritten { .. }
            | Event::LeftOut { .. }
            | Event::FenceIntended { .. }
            | Event::Fenced { .. }
            | Event::Settled { .. }
            | Event::CopyIntended { .. }
            | Event::Copied { .. }
            | Event::Verified { .. }
            | Event::Committed { .. }
            | Event::Confirmed { .. }
            | Event::SwitchBegun { .. }
            | Event::SwitchIntended { .. }
            | Event::Switched { .. }
            | Event::SetBack { .. }
            | Event::DeclaredGone { .. }
            | Event::SealIntended { .. }
            | Event::Sealed { .. }
            | Event::SealSettled { .. }
            | Event::SealLifted { .. }
            | Event::GivenBack { .. }
            | Event::Completed { .. }
            | Event::Violated { .. }
            | Event::RollbackBegun { .. }
            | Event::Cleared { .. }
            | Event::Unfenced { .. }
            | Event::RolledBack { .. }
            | Event::RetireBegun { .. }
            | Event::ReplicaRemovalIntended { .. }
            | Event::ReplicasRemoved { .. }
            | Event::DeleteIntended { .. }
            | Event::DeleteScheduled { .. }
            | Event::Retired { .. }
            | Event::Ended { .. } => 42,
        };
        events().unwrap().first().map_or(0, every)
    }

    #[test]
    fn no_kind_of_event_is_left_out() {
        let sampled: BTreeSet<_> = events().unwrap().iter().map(Event::kind).collect();
        assert_eq!(sampled.len(), kinds(), "{sampled:?}");
    }
}
