//! `migrate status`: how far each wave is, what it waits for and since when, and the next command.

use std::collections::BTreeMap;

use driver::inspect;
use jiff::Timestamp;
use migrate_core::{
    handover::{
        DeliveryStep, Event, Goal, Handover, Member, MemberStep, RunKind, Stage, Step, Wave, decide,
        judge::{Blocked, holder_id, violation},
    },
    id::WaveName,
    ledger::Record,
    plan::FenceMode,
};
use phase0_sdk::Probe;
use serde::Serialize;

use super::{
    Context,
    ledger::moment,
    plans::{self, PlanFile},
};
use crate::{
    args,
    error::CommandError,
    exit::Exit,
    ledger,
    settings::{DEFAULT_ROTATION_WAIT, DEFAULT_SEAL_WAIT, DEFAULT_SETTLE, Settings, Sourced},
    systems::Systems,
    ui::{Report, count, duration},
};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    environment: String,
    ledger: String,
    epoch: u64,
    /// The run that leads and has not said that it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    running: Option<Running>,
    waves: Vec<WaveStatus>,
    /// Plans that have not begun.
    plans: Vec<PlanStatus>,
    has_inventory: bool,
    /// Whether fences and copies were looked at.
    looked: bool,
    /// Why they were not, where that was not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_looked_because: Option<CommandError>,
    /// With `-v`: what is set, and where.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    settings: Vec<Setting>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Running {
    wave: String,
    host: String,
    process: u32,
    /// What `migrate ledger unlock` takes, where that process is dead.
    id: String,
    operator: String,
    since: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct WaveStatus {
    wave: String,
    stage: Stage,
    members: usize,
    /// Members by how far they are.
    steps: BTreeMap<&'static str, usize>,
    waits_for: WaitsFor,
    /// Since when: the time of its last record.
    since: Option<Timestamp>,
    /// Somebody else changed what it relies on, and that is recorded.
    violated: bool,
    /// Its ExternalSecrets by how far they are, from the moment on at which they are switched.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    deliveries: BTreeMap<&'static str, usize>,
    /// What is not as it should be now, where somebody looked.
    findings: Vec<Blocked>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// What a wave waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum WaitsFor {
    Preflight,
    Rotation,
    Fence,
    Settle,
    Copy,
    Verify,
    Commit,
    Confirm,
    /// ExternalSecrets still read Secrets Manager.
    Switch,
    /// The old copies can still be read.
    Seal,
    /// Writers are not admitted yet.
    Complete,
    /// Members that were left out still have something of ours, or their rotation is still off.
    Release,
    Rollback,
    /// Old copies are going, and some are still there.
    Retire,
    Nothing,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PlanStatus {
    wave: String,
    file: String,
    members: usize,
    made_at: Timestamp,
}

#[derive(Debug, Serialize)]
struct Setting {
    name: &'static str,
    value: String,
    from: String,
}

impl Report for Status {
    fn text(&self) -> String {
        let mut text = format!("environment {} · ledger {} · epoch {}\n", self.environment, self.ledger, self.epoch);
        for setting in &self.settings {
            text += &format!("  {:13} {}  ({})\n", setting.name, setting.value, setting.from);
        }
        if let Some(running) = &self.running {
            let since = running.since.map(|at| format!(" since {}", moment(at))).unwrap_or_default();
            text += &format!(
                "a run of wave {} has not ended: process {} on {}, led by {}{since}; its id is {}\n",
                running.wave, running.process, running.host, running.operator, running.id
            );
        }
        for wave in &self.waves {
            text += &wave.text();
        }
        for plan in &self.plans {
            text += &format!(
                "\nplan {} · {} · made {} · not begun\n  next: `migrate apply {}`\n",
                plan.wave,
                count(plan.members, "secret"),
                moment(plan.made_at),
                plan.file
            );
        }
        if self.waves.is_empty() && self.plans.is_empty() {
            let next = if self.has_inventory { "migrate plan" } else { "migrate inventory import" };
            text += &format!("no wave and no plan yet\n  next: `{next}`\n");
        }
        if let Some(error) = &self.not_looked_because {
            text += &format!("\nfences were not looked at: {}\n", error.heading);
            for because in &error.because {
                text += &format!("  because: {because}\n");
            }
        }
        text
    }
}

impl WaveStatus {
    fn text(&self) -> String {
        let stage = stage(self.stage);
        let steps = self.steps.iter().map(|(step, count)| format!("{count} {step}")).collect::<Vec<_>>().join(", ");
        let mut text = format!("\nwave {} · {stage} · {} ({steps})\n", self.wave, count(self.members, "secret"));
        let since = self.since.map(|at| format!(" since {}", moment(at))).unwrap_or_default();
        match self.waits_for {
            WaitsFor::Nothing => text += &format!("  nothing is left to do{since}\n"),
            step => text += &format!("  waits for {}{since}\n", kebab(step)),
        }
        if !self.deliveries.is_empty() {
            let ways = self.deliveries.iter().map(|(way, count)| format!("{count} {way}")).collect::<Vec<_>>().join(", ");
            text += &format!("  ExternalSecrets: {ways}\n");
        }
        if self.violated {
            text += "  an authority violation is recorded (`migrate ledger show`)\n";
        }
        for finding in &self.findings {
            text += &format!("  ! {} {}\n", finding.name, finding.obstacle);
        }
        if let Some(next) = &self.next {
            text += &format!("  next: {next}\n");
        }
        text
    }
}

fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Begun => "begun",
        Stage::Preflighted => "being fenced",
        Stage::Settled => "fenced",
        Stage::Committed => "committed",
        Stage::Confirmed => "handed over",
        Stage::Switching => "being switched",
        Stage::Sealed => "sealed",
        Stage::Completed => "complete",
        Stage::RollingBack => "rolling back",
        Stage::RolledBack => "rolled back",
        Stage::Retiring => "being retired",
        Stage::Retired => "retired",
    }
}

fn kebab(step: WaitsFor) -> &'static str {
    match step {
        WaitsFor::Preflight => "preflight",
        WaitsFor::Rotation => "rotation to be cancelled and to end",
        WaitsFor::Fence => "fence",
        WaitsFor::Settle => "settle",
        WaitsFor::Copy => "copy",
        WaitsFor::Verify => "verify",
        WaitsFor::Commit => "commit",
        WaitsFor::Confirm => "confirm",
        WaitsFor::Switch => "switch",
        WaitsFor::Seal => "seal",
        WaitsFor::Complete => "complete",
        WaitsFor::Release => "release of what was left out",
        WaitsFor::Rollback => "rollback",
        WaitsFor::Retire => "retire",
        WaitsFor::Nothing => "nothing",
    }
}

pub(super) async fn run(context: &Context, args: &args::Status) -> Result<Exit, CommandError> {
    let settings = context.settings()?;
    let read = ledger::open(&settings, context.printer)?;
    let state = read.chain.state();
    let plans = plans::all(&settings)?;
    let mut waves: Vec<WaveStatus> =
        state.waves.iter().map(|(name, wave)| wave_status(&settings, &plans, &read.records, state, (name, wave))).collect();
    let has_fences = state.waves.values().any(is_fenced);
    let mut not_looked_because = None;
    if has_fences && !args.offline {
        match Systems::connect(&settings, &context.environment).await {
            Ok(systems) => look(context, &systems, state, &mut waves).await,
            Err(error) => not_looked_because = Some(error),
        }
    }
    let is_violated = waves.iter().any(|wave| wave.findings.iter().any(|finding| violation(&finding.obstacle).is_some()));
    let waiting: Vec<PlanStatus> = plans
        .iter()
        .filter(|file| plans::is_waiting(state, &file.plan))
        .map(|file| PlanStatus {
            wave: file.plan.wave.to_string(),
            file: settings.shown(&file.path),
            members: file.plan.members.len(),
            made_at: file.plan.made_at,
        })
        .collect();
    let is_pending = !waiting.is_empty() || waves.iter().any(|wave| wave.waits_for != WaitsFor::Nothing);
    context.printer.show(&Status {
        environment: settings.environment.to_string(),
        ledger: settings.shown(&settings.ledger),
        epoch: state.epoch.0,
        running: running(state, &read.records),
        waves,
        plans: waiting,
        has_inventory: settings.inventory.exists(),
        looked: has_fences && !args.offline && not_looked_because.is_none(),
        not_looked_because,
        settings: if context.printer.is_verbose() { settings_in_use(&settings) } else { Vec::new() },
    });
    Ok(match (is_violated, is_pending) {
        (true, _) => Exit::Violation,
        (false, true) => Exit::ChangesPending,
        (false, false) => Exit::Done,
    })
}

/// Reads the fences of every wave again (the tool is not alone: controllers rewrite policies).
async fn look(context: &Context, systems: &Systems, state: &Handover, waves: &mut [WaveStatus]) {
    let Some(ledger) = &state.ledger else { return };
    let progress = context.progress();
    for (status, (name, wave)) in waves.iter_mut().zip(&state.waves) {
        if is_fenced(wave) {
            status.findings = inspect::closed(systems.ports(), &progress, ledger, name, wave).await;
        }
    }
}

fn running(state: &Handover, records: &[Record]) -> Option<Running> {
    let lead = state.lead.as_ref().filter(|lead| !lead.ended)?;
    let record = records.iter().rev().find(|record| matches!(record.event, Event::Lead { .. }));
    Some(Running {
        wave: lead.wave.to_string(),
        host: lead.runner.host.to_string(),
        process: lead.runner.process,
        id: holder_id(state.epoch, &lead.runner),
        operator: record.map(|record| record.operator.clone()).unwrap_or_default(),
        since: record.map(|record| record.at),
    })
}

fn is_fenced(wave: &Wave) -> bool {
    wave.stage != Stage::RolledBack && wave.members.values().any(|member| member.step.is_fenced())
}

fn wave_status(
    settings: &Settings,
    plans: &[PlanFile],
    records: &[Record],
    state: &Handover,
    (name, wave): (&WaveName, &Wave),
) -> WaveStatus {
    let mut steps: BTreeMap<&'static str, usize> = BTreeMap::new();
    for member in wave.members.values() {
        *steps.entry(step(member)).or_default() += 1;
    }
    if !wave.leaving.is_empty() {
        steps.insert("leaving", wave.leaving.len());
    }
    let waits_for = waits_for(state, name, wave);
    let file = plans.iter().find(|file| &file.plan.wave == name).map(|file| format!(" {}", settings.shown(&file.path)));
    let file = file.unwrap_or_default();
    let mut deliveries: BTreeMap<&'static str, usize> = BTreeMap::new();
    for way in wave.deliveries.values() {
        *deliveries.entry(shown(*way)).or_default() += 1;
    }
    WaveStatus {
        wave: name.to_string(),
        stage: wave.stage,
        members: wave.members.len(),
        steps,
        waits_for,
        since: records.iter().rev().find(|record| record.event.wave() == Some(name)).map(|record| record.at),
        violated: wave.violated,
        deliveries,
        findings: Vec::new(),
        next: match waits_for {
            WaitsFor::Nothing => None,
            WaitsFor::Rollback => Some(format!("`migrate rollback {name}`")),
            WaitsFor::Retire => Some(format!("`migrate retire {name}`")),
            WaitsFor::Commit | WaitsFor::Confirm => Some(format!("`migrate apply{file} --through commit`")),
            WaitsFor::Switch => Some(format!("`migrate apply{file} --through switch`")),
            WaitsFor::Seal => Some(format!("`migrate apply{file} --through seal`")),
            WaitsFor::Complete => Some(format!("`migrate apply{file} --through complete`")),
            _ => Some(format!("`migrate apply{file}`")),
        },
    }
}

fn shown(way: DeliveryStep) -> &'static str {
    match way {
        DeliveryStep::Old => "not switched",
        DeliveryStep::Intended => "being switched",
        DeliveryStep::Switched => "switched",
        DeliveryStep::GivenBack => "done",
        DeliveryStep::Gone => "declared gone",
    }
}

fn step(member: &Member) -> &'static str {
    match member.step {
        MemberStep::Planned => "planned",
        MemberStep::FenceIntended => "being fenced",
        MemberStep::Fenced => "fenced",
        MemberStep::CopyIntended { .. } => "being copied",
        MemberStep::Copied { .. } => "copied",
        MemberStep::Verified { .. } => "verified",
        MemberStep::Cleared => "cleared",
        MemberStep::Unfenced => "unfenced",
    }
}

/// What stands between the wave and its end, by the same decision that a run takes.
fn waits_for(state: &Handover, name: &WaveName, wave: &Wave) -> WaitsFor {
    match wave.stage {
        _ if wave.stage.is_committed() && !wave.leaving.is_empty() => return WaitsFor::Release,
        Stage::Committed => return WaitsFor::Confirm,
        Stage::RollingBack => return WaitsFor::Rollback,
        Stage::Completed | Stage::RolledBack | Stage::Retired => return WaitsFor::Nothing,
        Stage::Confirmed | Stage::Switching | Stage::Sealed => {
            return match decide(state, name, RunKind::Apply, Goal::Complete) {
                Step::BeginSwitch | Step::Switch(_) => WaitsFor::Switch,
                Step::Seal(_) | Step::SettleSeal | Step::GiveBack(_) => WaitsFor::Seal,
                _ => WaitsFor::Complete,
            };
        }
        Stage::Retiring => return WaitsFor::Retire,
        Stage::Begun | Stage::Preflighted | Stage::Settled => {}
    }
    match decide(state, name, RunKind::Apply, Goal::Verify) {
        Step::Begin | Step::Preflight => WaitsFor::Preflight,
        Step::CancelRotation(_) | Step::AwaitRotation(_) => WaitsFor::Rotation,
        Step::Fence(_) => WaitsFor::Fence,
        Step::Settle => WaitsFor::Settle,
        Step::Copy { .. } => WaitsFor::Copy,
        Step::Verify(_) => WaitsFor::Verify,
        Step::Clear(_) | Step::Unfence(_) | Step::RestoreRotation(_) => WaitsFor::Release,
        Step::BeginRollback | Step::FinishRollback => WaitsFor::Rollback,
        // Before the commit, towards verify, nothing else is decided.
        _ => WaitsFor::Commit,
    }
}

fn kebab_mode(mode: FenceMode) -> &'static str {
    match mode {
        FenceMode::ResourcePolicy => "resource-policy",
        FenceMode::Tag => "tag",
        FenceMode::External => "external",
    }
}

fn setting_of_file(name: &'static str, value: &str) -> Setting {
    Setting { name, value: value.to_owned(), from: crate::settings::CONFIG_FILE.to_owned() }
}

fn settings_in_use(settings: &Settings) -> Vec<Setting> {
    let sourced = |name, setting: &Option<Sourced<String>>, unset: &str| match setting {
        Some(setting) => Setting { name, value: setting.value.clone(), from: setting.origin.to_string() },
        None => Setting { name, value: unset.to_owned(), from: "not set".to_owned() },
    };
    let (outgoing, incoming) = (&settings.outgoing, &settings.incoming);
    let token = incoming.token.as_ref().map_or("not set".to_owned(), |token| token.origin.to_string());
    let defaulted = |name, value: String, default: &str| {
        let from = if value == default { "default" } else { crate::settings::CONFIG_FILE };
        Setting { name, value, from: from.to_owned() }
    };
    vec![
        sourced("region", &outgoing.region, "the profile's"),
        sourced("profile", &outgoing.profile, "default"),
        sourced("endpoint_url", &outgoing.endpoint_url, "AWS's own"),
        defaulted("settle", duration(outgoing.settle), &duration(DEFAULT_SETTLE)),
        defaulted("fence", kebab_mode(outgoing.fence).to_owned(), kebab_mode(FenceMode::default())),
        defaulted("rotation_wait", duration(outgoing.rotation_wait), &duration(DEFAULT_ROTATION_WAIT)),
        defaulted("seal_wait", duration(outgoing.seal_wait), &duration(DEFAULT_SEAL_WAIT)),
        match &outgoing.probe {
            Some(Probe::Role(role)) => setting_of_file("probe_role", role),
            Some(Probe::Profile(profile)) => setting_of_file("probe_profile", profile),
            None => Setting { name: "probe", value: "none: fences are not observed".to_owned(), from: "not set".to_owned() },
        },
        sourced("address", &incoming.address, "none"),
        sourced("namespace", &incoming.namespace, "none"),
        defaulted("mount", incoming.mount.to_string(), phase2_vault::Settings::DEFAULT_MOUNT),
        defaulted("anchor", incoming.anchor.to_string(), phase2_vault::Settings::DEFAULT_ANCHOR),
        sourced("ca_cert", &incoming.ca_cert, "the system's"),
        Setting { name: "token", value: "(never shown)".to_owned(), from: token },
    ]
}
