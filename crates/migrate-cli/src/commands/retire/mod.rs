//! `migrate retire`: schedules deletion of the old copies of a wave, and says what to remove with them (REQ VLT-6).

mod completion;
mod remains;

use driver::{RetireTerms, Session, Stopped, TokioClock};
use jiff::Timestamp;
use migrate_core::{
    handover::{Handover, Refusal, Retirement, Stage},
    id::WaveName,
    name::{SecretArn, SecretName},
};
use serde::Serialize;

use self::remains::Remains;
use super::{Context, apply::session_settings, inventory, stopped::stopped};
use crate::{
    args,
    error::{CommandError, Reason},
    exit::Exit,
    ledger,
    process::Proc,
    settings::Settings,
    systems::Systems,
    ui::{Report, count},
};

/// Secrets shown before the rest is counted; `--json` has all.
const SHOWN: usize = 40;

/// What a run did.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Retired {
    wave: String,
    /// Nothing was changed: it was only looked at, or retired before.
    nothing_to_do: bool,
    dry_run: bool,
    secrets: Vec<Gone>,
    /// What is to be removed now, where each stands in somebody's code or account.
    remains: Remains,
    ledger: String,
}

/// One old copy.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Gone {
    name: SecretName,
    /// Its name in Secrets Manager.
    source: SecretName,
    arn: SecretArn,
    /// Regions whose replicas are removed first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    replicas: Vec<String>,
    /// Until when it can be restored; nothing where its deletion is not scheduled.
    until: Option<Timestamp>,
}

impl Report for Retired {
    fn text(&self) -> String {
        let secrets = count(self.secrets.len(), "old copy").replace("copys", "copies");
        let mut text = match (self.dry_run, self.nothing_to_do) {
            (true, _) => format!("wave {}: {secrets} may go; nothing was changed\n", self.wave),
            (false, true) => format!("nothing to do: the {secrets} of wave {} are scheduled for deletion already\n", self.wave),
            (false, false) => format!("wave {}: {secrets} scheduled for deletion\n", self.wave),
        };
        for Gone { source, until, replicas, .. } in self.secrets.iter().take(SHOWN) {
            text += &format!("  {source}");
            if !replicas.is_empty() {
                text += &format!(" · replicas in {} first", replicas.join(", "));
            }
            if let Some(until) = until {
                text += &format!(" · until {}", day(*until));
            }
            text += "\n";
        }
        if self.secrets.len() > SHOWN {
            text += &format!("  … and {} more\n", self.secrets.len() - SHOWN);
        }
        if self.dry_run {
            return text + &format!("next: `migrate retire {}`\n", self.wave);
        }
        text += &self.remains.text();
        text += "until its date each can be restored: `aws secretsmanager restore-secret --secret-id NAME`; it comes back fenced, and Vault holds what counts\n";
        text += &format!("commit {}\nnext: `migrate retire --report` says what is left of the migration\n", self.ledger);
        text
    }
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

pub(super) async fn run(context: &Context, args: &args::Retire) -> Result<Exit, CommandError> {
    let settings = context.settings()?;
    let Some(wave) = &args.wave else { return completion::run(context, &settings).await };
    let inventory = inventory::of(&settings)?;
    let file = ledger::to_write(&settings, &context.environment, context.printer).await?;
    may_retire(file.state(), wave)?;
    let systems = Systems::connect(&settings, &context.environment).await?;
    let progress = context.progress();
    let processes = Proc::new(&context.environment);
    let session = session_settings(context);
    let interrupt = context.interrupt.clone();
    let opened = Session::open(systems.ports(), file, &TokioClock, &progress, &processes, interrupt, session).await;
    let mut session = opened.map_err(|error| stopped(&settings, &error, None))?;
    let terms = RetireTerms { soak: args.soak, window_days: args.recovery_window_days, dry_run: args.dry_run };
    let report = session.retire(wave, terms).await.map_err(|error| refused(&settings, &error))?;

    let held = session.state().waves.get(wave);
    let members = held.into_iter().flat_map(|wave| &wave.members);
    let secrets: Vec<Gone> = members
        .filter(|(name, _)| !args.dry_run || report.going.contains(*name))
        .map(|(name, member)| Gone {
            name: name.clone(),
            source: member.begun.source.clone(),
            arn: member.begun.arn.clone(),
            replicas: report.replicas.get(name).cloned().unwrap_or_default(),
            until: match member.retirement {
                Retirement::Scheduled { until } => Some(until),
                _ => None,
            },
        })
        .collect();
    let found = inventory::principals::stored(&settings)?.unwrap_or_default();
    let arns = secrets.iter().map(|gone| (&gone.name, &gone.arn)).collect();
    context.printer.show(&Retired {
        wave: wave.to_string(),
        nothing_to_do: report.nothing_to_do,
        dry_run: args.dry_run,
        remains: Remains::of(&inventory, &found, &arns),
        secrets,
        ledger: settings.shown(&settings.ledger),
    });
    Ok(Exit::Done)
}

/// P8, as far as the ledger alone tells.
fn may_retire(state: &Handover, name: &WaveName) -> Result<(), CommandError> {
    let refused = |why: &str, hint: &str| {
        let error = CommandError::new(Reason::MembersBlocked, format!("the old copies of wave {name} can't go"));
        Err(error.because_of(why).hint(hint))
    };
    match state.waves.get(name).map(|wave| wave.stage) {
        None => refused("it has not begun", "`migrate status` lists the waves"),
        Some(stage) if stage.is_completed() => Ok(()),
        Some(stage) if stage.is_committed() => refused(
            "it is handed over, and not complete: somebody may still read them",
            "`migrate apply --through complete` switches who reads, seals the old copies and admits writers",
        ),
        Some(Stage::RolledBack) => {
            refused("it was rolled back: Secrets Manager holds what counts", "`migrate status` lists the waves")
        }
        Some(_) => refused("it is not committed: Secrets Manager holds what counts", "`migrate status` says what it waits for"),
    }
}

fn refused(settings: &Settings, error: &Stopped) -> CommandError {
    match error {
        Stopped::Refused(Refusal::Stage { .. }) => {
            CommandError::new(Reason::MembersBlocked, "the wave is not where its old copies can go").because(error)
        }
        _ => stopped(settings, error, None),
    }
}
