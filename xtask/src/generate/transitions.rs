//! The transition table of `docs/handover.md`: every state that a wave of one secret can reach through the production `next`, and every
//! event that may follow there.

use std::collections::{BTreeSet, VecDeque};

use anyhow::{Context as _, Result};
use migrate_core::{
    handover::{Handover, Retirement, Stage, next},
    id::Epoch,
};
use serde_json::Value;

use super::sample;

/// What the table says about a state: the wave's stage and its member's step.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Shown {
    stage: String,
    step: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Change {
    event: &'static str,
    from: Shown,
    to: Shown,
}

/// The table: a row for each change that an event can make, states in the order in which a wave first gets there.
pub(super) fn table() -> Result<String> {
    let changes = changes()?;
    let mut states: Vec<&Shown> = Vec::new();
    for state in changes.iter().flat_map(|change| [&change.from, &change.to]) {
        if !states.contains(&state) {
            states.push(state);
        }
    }
    let rows = states.into_iter().flat_map(|state| changes.iter().filter(move |change| &change.from == state));
    let rows = rows.map(|Change { event, from, to }| {
        format!("| {} | {} | `{event}` | {} | {} |\n", from.stage, from.step, to.stage, to.step)
    });
    let head = "| wave | member | event | wave afterwards | member afterwards |\n|---|---|---|---|---|\n";
    Ok(rows.fold(head.to_owned(), |table, row| table + &row))
}

/// Every change that some run can make, those that need the fewest events before them first.
fn changes() -> Result<Vec<Change>> {
    let mut events = sample::events()?;
    let created = events.remove(0);
    // What a run says about itself changes who leads, and no wave.
    events.retain(|event| event.kind() != "ended");
    let start = next(Handover::default(), Epoch(0), &created)?;

    let mut changes = Vec::new();
    let mut seen = BTreeSet::new();
    let mut queue = VecDeque::from([start]);
    while let Some(state) = queue.pop_front() {
        if !seen.insert(key(&state)?) {
            continue;
        }
        for event in &events {
            // A lead raises the epoch; everything else is said by the run that leads.
            let leads = event.kind() == "lead";
            let epoch = if leads { state.epoch.raised() } else { state.epoch };
            let Ok(after) = next(state.clone(), epoch, event) else { continue };
            let change = Change { event: event.kind(), from: shown(&state)?, to: shown(&after)? };
            if !leads && change.from != change.to && !changes.contains(&change) {
                changes.push(change);
            }
            queue.push_back(after);
        }
    }
    Ok(changes)
}

/// What tells states apart for the protocol: epochs matter only in whether the member's is the present one.
fn key(state: &Handover) -> Result<(Shown, String)> {
    Ok((shown(state)?, format!("{:?}", state.lead.as_ref().map(|lead| (lead.run, lead.ended)))))
}

fn shown(state: &Handover) -> Result<Shown> {
    let Some(wave) = state.waves.values().next() else {
        return Ok(Shown { stage: "none".into(), step: "none".into() });
    };
    let stage = serde_json::to_value(wave.stage)?;
    let step = wave.members.values().next().map(|member| serde_json::to_value(member.step)).context("a wave has a member")??;
    let older = step["epoch"].as_u64().is_some_and(|epoch| epoch < state.epoch.0);
    let word = |value: &Value| value.as_str().map(|word| word.replace('-', " ")).context("stages and steps are words");
    let gone = match wave.members.values().next().map(|member| member.retirement) {
        None | Some(Retirement::Kept) => None,
        Some(Retirement::RemovingReplicas) => Some("replicas being removed"),
        Some(Retirement::Alone) => Some("without replicas"),
        Some(Retirement::DeleteIntended) => Some("delete intended"),
        Some(Retirement::Scheduled { .. }) => Some("scheduled for deletion"),
    };
    if let Some(gone) = gone {
        return Ok(Shown { stage: word(&stage)?, step: gone.to_owned() });
    }
    if matches!(wave.stage, Stage::Switching | Stage::Sealed) {
        let way = wave.deliveries.values().next().map(serde_json::to_value).transpose()?;
        let way = way.map_or(Ok("no delivery".to_owned()), |way| word(&way).map(|way| format!("delivery {way}")))?;
        let seal =
            wave.members.values().next().map(|member| serde_json::to_value(member.seal)).context("a wave has a member")??;
        return Ok(Shown { stage: word(&stage)?, step: format!("{way}, seal {}", word(&seal)?) });
    }
    let step = word(&step["step"])?;
    Ok(Shown { stage: word(&stage)?, step: if older { format!("{step} by an earlier run") } else { step } })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn followers(step: &str) -> BTreeSet<&'static str> {
        let changes = changes().unwrap().into_iter();
        changes
            .filter(|change| change.from == Shown { stage: "settled".into(), step: step.into() })
            .map(|change| change.event)
            .collect()
    }

    #[test]
    fn a_wave_can_get_from_its_beginning_to_each_of_its_ends() {
        let ends: BTreeSet<_> = changes().unwrap().into_iter().map(|change| change.to.stage).collect();
        assert!(["confirmed", "sealed", "completed", "rolled back", "retired"].iter().all(|end| ends.contains(*end)), "{ends:?}");
    }

    #[test]
    fn a_copy_of_an_earlier_run_is_taken_up_anew_before_it_is_verified() {
        assert_eq!(followers("copied by an earlier run"), BTreeSet::from(["copy-intended", "rollback-begun"]));
        assert!(followers("copied").contains("verified"));
    }
}
