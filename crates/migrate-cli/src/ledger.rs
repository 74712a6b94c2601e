//! The ledger as commands meet it: what is wrong with it becomes one of four different answers.

use driver::{
    LedgerError, LedgerFile, OpenLedger,
    ledger_file::{ReadLedger, read},
};
use jiff::Timestamp;
use migrate_core::ledger::{Broken, Standing, Tail};

use crate::{
    environment::Environment,
    error::{CommandError, Reason},
    settings::Settings,
    shared,
    ui::Printer,
};

/// Opens the ledger for a run, under its lock. One that is shared is brought up to date first.
pub(crate) async fn to_write(
    settings: &Settings,
    environment: &Environment,
    printer: Printer,
) -> Result<OpenLedger, CommandError> {
    if settings.shared.is_some() {
        return shared::to_write(settings, environment, printer).await;
    }
    let opened = LedgerFile::open(settings.ledger.as_std_path(), &environment.operator());
    let (file, torn) = opened.map_err(|error| broken(settings, &error))?;
    if torn {
        printer.note("part of a record at the end of the ledger was cut off; it never counted");
    }
    Ok(file.into())
}

/// Reads the ledger without locking it. A torn end is told and otherwise ignored: that record never counted.
pub(crate) fn open(settings: &Settings, printer: Printer) -> Result<ReadLedger, CommandError> {
    let ledger = read(settings.ledger.as_std_path()).map_err(|error| broken(settings, &error))?;
    if let Tail::Torn { .. } = ledger.tail {
        printer.note("the ledger ends in part of a record; it never counted, and the next `migrate apply` cuts it off");
    }
    Ok(ledger)
}

/// Whole seconds, UTC.
pub(crate) fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// What is wrong with a ledger file.
pub(crate) fn broken(settings: &Settings, error: &LedgerError) -> CommandError {
    let shown = settings.shown(&settings.ledger);
    match error {
        LedgerError::Missing(_) => CommandError::new(Reason::LedgerMissing, format!("there is no ledger at {shown}"))
            .hint(format!("restore it from Git: `git log --all -- {shown}` shows where it was"))
            .hint("where nothing has begun yet, `migrate init` makes one"),
        LedgerError::Locked { holder, since, .. } => {
            let since = since.map(|at| format!(" since {}", moment(at))).unwrap_or_default();
            CommandError::new(Reason::LedgerLocked, "another process works on the ledger")
                .because_of(format!("{shown} is locked by {holder}{since}"))
                .hint("let it end, or stop it; the lock goes with its process")
        }
        LedgerError::Broken { why: why @ Broken::Newer { .. }, .. } => {
            CommandError::new(Reason::LedgerNewer, format!("the ledger {shown} was written by a newer build"))
                .because(why)
                .hint("use the build that wrote it, or a newer one")
        }
        LedgerError::Broken { why, .. } => {
            CommandError::new(Reason::LedgerCorrupt, format!("the ledger {shown} is corrupt")).because(why).hint(format!(
                "it is append-only: restore the last good one from Git (`git log -- {shown}`) and run `migrate ledger verify`"
            ))
        }
        LedgerError::Exists(_) | LedgerError::Io { .. } | LedgerError::Failed(_) => {
            CommandError::new(Reason::File, format!("can't use the ledger {shown}")).because(error)
        }
        LedgerError::Refused(_) => CommandError::new(Reason::Internal, "the protocol forbids the record").because(error),
    }
}

/// How a ledger stands to its anchor, where it can't go on from there; `None` where it can.
pub(crate) fn unsound(settings: &Settings, standing: &Standing) -> Option<CommandError> {
    let shown = settings.shown(&settings.ledger);
    let newest = format!("get the newest one (`git pull`; `git log --all -- {shown}`), then `migrate ledger verify`");
    Some(match standing {
        Standing::Fresh | Standing::Current | Standing::Unanchored(_) => return None,
        Standing::Behind => {
            CommandError::new(Reason::LedgerBehindAnchor, format!("the ledger {shown} is behind its anchor"))
                .because_of("the anchor in the incoming store names a record that this ledger does not have: it was cut, reset, or is an older clone")
                .hint(newest)
        }
        Standing::Forked => CommandError::new(Reason::LedgerForked, format!("the ledger {shown} went another way than its anchor"))
            .because_of("it has another record where the anchor names one: two copies were written beside each other")
            .hint(newest),
        Standing::Foreign(ledger) => {
            CommandError::new(Reason::LedgerForeign, "the anchor in the incoming store belongs to another ledger")
                .because_of(format!("it names ledger {ledger}"))
                .hint("each environment has its own anchor: check `address`, `namespace`, `mount` and `anchor` with `migrate status -v`")
                .hint(format!("or {shown} was made anew; restore the one that the anchor names from Git"))
        }
        Standing::AnchorSetBack => CommandError::new(Reason::AnchorSetBack, "the anchor is older than records that counted")
            .because_of("the incoming store was set back, for example restored from an older backup; copies may be missing there")
            .hint("don't go on before you know what is missing: `migrate verify` names the members"),
    })
}
