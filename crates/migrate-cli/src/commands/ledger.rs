//! `migrate ledger show | verify | unlock`

use driver::{Session, TokioClock};
use migrate_core::{
    handover::Event,
    ledger::{Record, SharedStanding, Standing, Tail, judge, judge_shared},
    observed::Sighting,
    ports::Incoming as _,
};
use serde::Serialize;

use super::{Context, apply::session_settings, stopped::stopped};
pub(super) use crate::ledger::moment;
use crate::{
    error::{CommandError, Reason},
    exit::Exit,
    ledger,
    process::Proc,
    shared,
    systems::{self, Systems},
    ui::{Report, Table, count},
};

/// `migrate ledger show`
#[derive(Debug, Serialize)]
struct Shown {
    ledger: String,
    /// The records, exactly as they stand in the file.
    records: Vec<Record>,
}

impl Report for Shown {
    fn text(&self) -> String {
        let mut table = Table::new(["seq", "at", "epoch", "operator", "event", "wave", "members"]);
        for record in &self.records {
            table.row([
                record.sequence.to_string(),
                moment(record.at),
                record.epoch.to_string(),
                record.operator.clone(),
                record.event.kind().to_owned(),
                record.event.wave().map(ToString::to_string).unwrap_or_default(),
                members(&record.event).map(|count| count.to_string()).unwrap_or_default(),
            ]);
        }
        table.to_string()
    }
}

pub(super) fn show(context: &Context) -> Result<Exit, CommandError> {
    let settings = context.settings()?;
    let read = ledger::open(&settings, context.printer)?;
    let id = read.chain.state().ledger.as_ref().map(ToString::to_string).unwrap_or_default();
    context.printer.show(&Shown { ledger: id, records: read.records });
    Ok(Exit::Done)
}

fn members(event: &Event) -> Option<usize> {
    Some(match event {
        Event::Begin { members, .. } => members.len(),
        Event::FenceIntended { members, .. }
        | Event::Fenced { members, .. }
        | Event::CopyIntended { members, .. }
        | Event::Cleared { members, .. }
        | Event::Unfenced { members, .. } => members.len(),
        Event::Settled { members, .. } => members.len(),
        Event::Copied { members, .. } => members.len(),
        Event::Verified { members, .. } => members.len(),
        Event::Violated { violations, .. } => violations.len(),
        _ => return None,
    })
}

/// `migrate ledger verify`
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Verified {
    ledger: String,
    file: String,
    records: usize,
    /// Hash of the last line, in hexadecimal.
    head: String,
    epoch: u64,
    waves: usize,
    handed_over: usize,
    anchor: AnchorState,
}

/// How the ledger stands to its anchor.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
enum AnchorState {
    /// Nothing has begun, and there is no anchor.
    Fresh,
    /// The anchor names the last decisive record.
    Current,
    /// The last decisive record is not anchored yet; the next run does it.
    Unanchored,
    /// Nobody looked (`--offline`, or no incoming store is configured).
    NotChecked,
}

impl Report for Verified {
    fn text(&self) -> String {
        let anchor = match self.anchor {
            AnchorState::Fresh => "nothing has begun, and there is no anchor yet",
            AnchorState::Current => "the anchor names its last decisive record",
            AnchorState::Unanchored => "its last decisive record is not anchored yet; the next `migrate apply` does it",
            AnchorState::NotChecked => "not compared with its anchor",
        };
        format!(
            "{}: {}, chain whole, every step allowed by the protocol\n  ledger  {}\n  head    {}\n  epoch   {}\n  waves   {} ({} handed over)\n  anchor  {anchor}\n",
            self.file,
            count(self.records, "record"),
            self.ledger,
            self.head,
            self.epoch,
            self.waves,
            count(self.handed_over, "secret")
        )
    }
}

pub(super) async fn verify(context: &Context, offline: bool) -> Result<Exit, CommandError> {
    let settings = context.settings()?;
    // Not `ledger::open`: here a torn end is an answer of its own.
    let read = driver::ledger_file::read(settings.ledger.as_std_path()).map_err(|error| ledger::broken(&settings, &error))?;
    if let Tail::Torn { keep } = read.tail {
        let shown = settings.shown(&settings.ledger);
        return Err(CommandError::new(Reason::LedgerTorn, format!("the ledger {shown} ends in part of a record"))
            .because_of(format!(
                "what stands after {} has no line end (from byte {keep})",
                count(read.records.len(), "whole record")
            ))
            .because_of("a write was cut off before it counted; nothing is lost")
            .hint("the next `migrate apply` cuts it off"));
    }
    let state = read.chain.state();
    let anchor = if offline || settings.incoming.address.is_none() {
        context.printer.note("the anchor in the incoming store was not looked at");
        AnchorState::NotChecked
    } else {
        let vault = systems::incoming(&settings, &context.environment)?;
        let seen = match vault.anchor().await {
            Sighting::Present(seen) => Some(seen.anchor),
            Sighting::Absent => None,
            Sighting::Unknown(error) | Sighting::Unreadable(error) => {
                return Err(systems::incoming_failed("the chain is whole, but the anchor can't be read", &error)
                    .hint("`--offline` checks the file alone"));
            }
        };
        if let Some(remote) = shared::remote(&settings, &context.environment).await? {
            match judge_shared(Some(read.chain.standing()), remote.standing(), seen.as_ref()) {
                SharedStanding::Sound(_) => {}
                unsound => return Err(shared::not_shared(&settings, &unsound)),
            }
        }
        let standing = judge(state.ledger.as_ref(), read.chain.heads(), seen.as_ref());
        if let Some(error) = ledger::unsound(&settings, &standing) {
            return Err(error);
        }
        match standing {
            Standing::Fresh => AnchorState::Fresh,
            Standing::Unanchored(_) => AnchorState::Unanchored,
            _ => AnchorState::Current,
        }
    };
    context.printer.show(&Verified {
        ledger: state.ledger.as_ref().map(ToString::to_string).unwrap_or_default(),
        file: settings.shown(&settings.ledger),
        records: read.records.len(),
        head: read.chain.heads().last().map(|head| head.hash.to_string()).unwrap_or_default(),
        epoch: state.epoch.0,
        waves: state.waves.len(),
        handed_over: state.waves.values().filter(|wave| wave.stage.is_committed()).map(|wave| wave.members.len()).sum(),
        anchor,
    });
    Ok(Exit::Done)
}

/// `migrate ledger unlock`
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Unlocked {
    /// The id that was named.
    holder: String,
    /// Nobody held the lead.
    nothing_to_do: bool,
    /// The epoch that now counts.
    epoch: u64,
}

impl Report for Unlocked {
    fn text(&self) -> String {
        if self.nothing_to_do {
            return "nothing to do: every run has ended\n".to_owned();
        }
        format!("the lead is free: run {} is recorded as dead, and epoch {} counts now\n", self.holder, self.epoch)
    }
}

pub(super) async fn unlock(context: &Context, holder: &str) -> Result<Exit, CommandError> {
    let settings = context.settings()?;
    let file = ledger::to_write(&settings, &context.environment, context.printer).await?;
    let systems = Systems::connect(&settings, &context.environment).await?;
    let (progress, processes) = (context.progress(), Proc::new(&context.environment));
    let (interrupt, session) = (context.interrupt.clone(), session_settings(context));
    let opened = Session::open(systems.ports(), file, &TokioClock, &progress, &processes, interrupt, session).await;
    let mut session = opened.map_err(|error| stopped(&settings, &error, None))?;
    let done = session.unlock(holder).await.map_err(|error| stopped(&settings, &error, None))?;
    let epoch = session.state().epoch.0;
    context.printer.show(&Unlocked { holder: holder.to_owned(), nothing_to_do: !done, epoch });
    Ok(Exit::Done)
}
