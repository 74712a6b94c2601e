//! A shared ledger as commands meet it: opened for a run, looked at, and what is wrong with it.

use std::{sync::Arc, time::Duration};

use driver::{
    GitLedger, LedgerError, OpenLedger, SharedError, SharedLedger, Stopped,
    ledger_git::GitSettings,
    shared::{Brought, Founded, Refreshed, bring_up_to_date, chain, found, refresh},
};
use jiff::Timestamp;
use migrate_core::{
    id::LedgerId,
    ledger::{Broken, Chain, SharedStanding, Standing},
};

use crate::{
    environment::Environment,
    error::{CommandError, Reason, Side},
    ledger,
    settings::{Settings, Shared},
    systems,
    ui::{Printer, count},
};

/// How long one call of Git may take.
const TIME_OUT: Duration = Duration::from_secs(60);

/// The place where the ledger is shared.
fn place(settings: &Settings, shared: &Shared, environment: &Environment) -> GitLedger {
    GitLedger::new(GitSettings {
        folder: settings.root.clone().into_std_path_buf(),
        remote: shared.remote.clone(),
        reference: shared.reference.clone(),
        variables: environment.variables().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        time_out: environment.variable("MIGRATE_GIT_TIMEOUT").and_then(seconds).unwrap_or(TIME_OUT),
    })
}

fn seconds(text: &str) -> Option<Duration> {
    text.parse().ok().filter(|seconds| *seconds > 0).map(Duration::from_secs)
}

/// Opens it for a run: fetched, judged against the anchor, and the local file brought up to date.
pub(crate) async fn to_write(
    settings: &Settings,
    environment: &Environment,
    printer: Printer,
) -> Result<OpenLedger, CommandError> {
    let Some(shared) = &settings.shared else { return Err(CommandError::new(Reason::Internal, "the ledger is not shared")) };
    let incoming = systems::incoming(settings, environment)?;
    let place: Arc<dyn SharedLedger> = Arc::new(place(settings, shared, environment));
    let opened = bring_up_to_date(settings.ledger.as_std_path(), &environment.operator(), place, &incoming).await;
    let (open, brought) = opened.map_err(|error| failed(settings, &error))?;
    tell(printer, brought);
    Ok(open)
}

fn tell(printer: Printer, brought: Brought) {
    if brought.torn {
        printer.note("part of a record at the end of the ledger was cut off; it never counted");
    }
    if brought.trimmed > 0 {
        let trimmed = count(brought.trimmed, "record");
        printer.note(format!("{trimmed} of this clone never counted, since another run was first; trimmed"));
    }
}

/// Adds to the local file what the remote has, for commands that only read. Where that can't be, it is said and nothing fails.
pub(crate) async fn look(settings: &Settings, environment: &Environment, printer: Printer) -> Result<(), CommandError> {
    let Some(shared) = &settings.shared else { return Ok(()) };
    let looked = refresh(settings.ledger.as_std_path(), &environment.operator(), &place(settings, shared, environment)).await;
    match looked {
        Ok(Refreshed::Current | Refreshed::Held) => {}
        Ok(Refreshed::Differs) => printer.note(
            "this clone holds records that the remote does not have; `migrate ledger verify` judges them, the next run settles them",
        ),
        Err(Stopped::Shared(error @ (SharedError::Unreachable(_) | SharedError::Missing))) => {
            printer.note(format!("what follows may be behind: {error}"));
        }
        Err(error) => return Err(failed(settings, &error)),
    }
    Ok(())
}

/// The remote's ledger, for `ledger verify`; nothing where the ledger is this clone's own.
pub(crate) async fn remote(settings: &Settings, environment: &Environment) -> Result<Option<Chain>, CommandError> {
    let Some(shared) = &settings.shared else { return Ok(None) };
    let fetched = place(settings, shared, environment).fetch().await.map_err(|error| refused(settings, &error))?;
    let fetched = fetched.ok_or_else(|| refused(settings, &SharedError::Missing))?;
    chain(&fetched.bytes).map(Some).map_err(|error| refused(settings, &error))
}

/// Sees to it that it lies here and there, for `init`.
pub(crate) async fn make(
    settings: &Settings,
    shared: &Shared,
    environment: &Environment,
    ledger: &LedgerId,
    now: Timestamp,
) -> Result<Founded, CommandError> {
    let place = place(settings, shared, environment);
    let made = found(settings.ledger.as_std_path(), ledger, &environment.operator(), now, &place).await;
    made.map_err(|error| failed(settings, &error))
}

/// Why it could not be opened.
fn failed(settings: &Settings, stopped: &Stopped) -> CommandError {
    match stopped {
        Stopped::Ledger(LedgerError::Missing(_)) => refused(settings, &SharedError::Missing),
        Stopped::Ledger(error) => ledger::broken(settings, error),
        Stopped::Shared(error) => refused(settings, error),
        Stopped::NotShared(standing) => not_shared(settings, standing),
        Stopped::Port { step, error } => CommandError::at_port(Side::Incoming, format!("{} stopped", step.0), error),
        Stopped::LeadLost => CommandError::new(Reason::LeadLost, stopped.to_string())
            .hint("`migrate status` says who leads; run the same command again when that run has ended"),
        _ => CommandError::new(Reason::Internal, "the shared ledger can't be opened").because(stopped),
    }
}

/// What a place that does not answer, or does not take a record, means for the operator.
pub(crate) fn refused(settings: &Settings, error: &SharedError) -> CommandError {
    let (remote, reference) = named(settings);
    let told = |reason: Reason, heading: String| CommandError::new(reason, heading).because(error);
    let again = "then run the same command again; it goes on where it stopped";
    match error {
        SharedError::NoGit(_) => told(Reason::Git, "the shared ledger needs git".to_owned()).hint("install git 2.30 or newer"),
        SharedError::Git { .. } => told(Reason::Git, "git failed in this repository".to_owned())
            .hint("`git fsck` and `git status` show what is wrong with it")
            .hint(again),
        SharedError::NoRemote(_) => told(Reason::Configuration, format!("the ledger can't be shared through {remote}"))
            .hint(format!("`git remote add {remote} ADDRESS`, or name another one below [environment.NAME.shared] in migrate.toml")),
        SharedError::Unreachable(_) => {
            told(Reason::LedgerRemoteUnreachable, format!("the shared ledger at {remote} can't be reached"))
                .hint(format!("`git ls-remote {remote}` shows whether it can be reached and read"))
                .hint(again)
        }
        SharedError::Missing => told(Reason::LedgerRemoteMissing, format!("there is no shared ledger at {remote} {reference}"))
            .hint("where nothing has begun yet, or the ref was deleted: `migrate init` puts the ledger of this clone, or a new one, there"),
        SharedError::NotALedger(_) => {
            told(Reason::LedgerRemoteCorrupt, format!("{reference} at {remote} holds no ledger"))
                .hint("name another `ref` below [environment.NAME.shared], or restore the ref")
        }
        SharedError::Broken(Broken::Newer { .. }) => {
            told(Reason::LedgerNewer, "the shared ledger was written by a newer build".to_owned())
                .hint("use the build that wrote it, or a newer one")
        }
        SharedError::Broken(_) => {
            told(Reason::LedgerRemoteCorrupt, format!("the shared ledger at {remote} {reference} is corrupt"))
                .hint("somebody rewrote it; put the last good commit back: another clone has it at refs/migrate-seen/")
        }
        SharedError::Lost => told(Reason::LeadLost, "another run was first; this one changed nothing more".to_owned())
            .hint("`migrate status` says who leads; run the same command again when that run has ended"),
        SharedError::Declined(_) => told(Reason::LedgerPushDeclined, format!("{remote} declined a record of the ledger"))
            .because_of("a hook or a rule of the server refused it; the record never counted, and nothing was changed by it")
            .hint(format!("let the server take fast-forward pushes to {reference}, or name another `ref` below [environment.NAME.shared]"))
            .hint(again),
        SharedError::NotAllowed(_) => told(Reason::LedgerPushNotAllowed, format!("{remote} takes no push from here"))
            .because_of("the record never counted, and nothing was changed by it")
            .hint(format!("get the right to push to {reference} at {remote}"))
            .hint(again),
        SharedError::Unanswered(_) => told(Reason::LedgerRemoteUnanswered, format!("{remote} gave no answer to a record of the ledger"))
            .hint("run the same command again; it looks whether the record arrived, and goes on from there"),
    }
}

/// How copy, remote and anchor stand, where nobody can go on from there.
pub(crate) fn not_shared(settings: &Settings, standing: &SharedStanding) -> CommandError {
    let (remote, reference) = named(settings);
    let shown = settings.shown(&settings.ledger);
    let back = format!(
        "put the newest ledger back: whoever ran last has it at `{}`; push that commit to {reference}",
        reference.replacen("refs/", "refs/migrate-seen/", 1)
    );
    match standing {
        SharedStanding::Remote(Standing::Behind) => {
            CommandError::new(Reason::LedgerRemoteBehind, format!("the shared ledger at {remote} is behind its anchor"))
                .because_of("the anchor in the incoming store names a record that the remote does not have: the ref was force-pushed, reset, or restored")
                .hint(back)
        }
        SharedStanding::Remote(Standing::Forked) => {
            CommandError::new(Reason::LedgerRemoteRewritten, format!("the shared ledger at {remote} was rewritten"))
                .because_of("it has another record where the anchor in the incoming store names one: somebody force-pushed the ref")
                .hint(back)
        }
        SharedStanding::Remote(standing) => ledger::unsound(settings, standing)
            .unwrap_or_else(|| CommandError::new(Reason::Internal, "the shared ledger can't be judged")),
        SharedStanding::Forked { sequence } => {
            CommandError::new(Reason::LedgerForked, format!("the ledger {shown} went another way than {remote}"))
                .because_of(format!("from record {sequence} on it holds records that counted, and the remote does not have them"))
                .hint(format!("look at both: `migrate ledger show`, and `git show {}:ledger.jsonl`", reference.replacen("refs/", "refs/migrate-seen/", 1)))
                .hint(format!("where the remote is right, remove {shown}; the next command fetches it anew"))
        }
        SharedStanding::Foreign(theirs) => {
            let theirs = theirs.as_ref().map_or_else(|| "no ledger".to_owned(), |id| format!("ledger {id}"));
            CommandError::new(Reason::LedgerForeign, format!("the ledger {shown} is another one than that at {remote}"))
                .because_of(format!("{remote} has {theirs} at {reference}"))
                .hint(format!("where nothing has begun here, remove {shown}; the next command fetches the shared one"))
                .hint("or give the environment its own `ref` below [environment.NAME.shared]")
        }
        SharedStanding::Sound(_) => CommandError::new(Reason::Internal, "the shared ledger is sound"),
    }
}

fn named(settings: &Settings) -> (String, String) {
    settings.shared.as_ref().map_or_else(
        || ("the remote".to_owned(), "the ref".to_owned()),
        |shared| (shared.remote.to_string(), shared.reference.to_string()),
    )
}
