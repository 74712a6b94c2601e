//! The `migrate` command: the one place where core, driver and the phase crates meet.
//!
//! ```text
//!   args (what was typed) ──► settings (what it means) ──► commands ──► systems (the stores, behind ports)
//!                                                            │
//!                                       ui (the only place that prints) ◄── reports, errors
//! ```

pub mod args;
mod commands;
mod emitted;
pub mod environment;
pub mod error;
pub mod exit;
mod files;
mod ledger;
mod logging;
mod manifests;
mod process;
pub mod settings;
mod shared;
mod systems;
pub mod ui;

use std::{
    ffi::OsString,
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
};

use clap::{CommandFactory as _, Parser as _, error::ErrorKind};

use crate::{
    args::Args,
    commands::Context,
    environment::Environment,
    error::{CommandError, Reason},
    exit::Exit,
    ui::Printer,
};

/// The command line, for the generated `docs/cli.md`.
#[must_use]
pub fn command() -> clap::Command {
    Args::command()
}

/// Everything that `migrate eso validate` finds, for the generated `docs/eso-lints.md`.
#[must_use]
pub fn eso_lints() -> &'static [&'static phase1_eso::lint::Lint] {
    phase1_eso::lint::ALL
}

/// Runs the command of this process's arguments to its end.
#[must_use]
pub fn run() -> ExitCode {
    process::quiet_panics();
    let result = catch_unwind(AssertUnwindSafe(|| run_with(std::env::args_os().collect())));
    result.unwrap_or(Exit::Unexpected).into()
}

fn run_with(arguments: Vec<OsString>) -> Exit {
    let wants_json = arguments.iter().any(|argument| argument == "--json");
    let args = match Args::try_parse_from(arguments) {
        Ok(args) => args,
        Err(error) => return typed_wrong(&error, Printer::new(wants_json, false)),
    };
    let printer = Printer::new(args.global.json, args.global.verbose > 0);
    let result = Environment::of_process().and_then(|environment| {
        logging::start(environment.variable("RUST_LOG"), args.global.verbose, environment.is_terminal);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| CommandError::new(Reason::Internal, "can't start").because(&error))?;
        runtime.block_on(async {
            let interrupt = process::interrupt();
            let context = Context { global: args.global, environment, printer, interrupt };
            commands::run(args.command, &context).await.map_err(|error| error.through_proxies(&context.environment))
        })
    });
    result.unwrap_or_else(|error| {
        printer.error(&error);
        error.exit
    })
}

/// Help and version are no errors; everything else that clap says is one of ours.
fn typed_wrong(error: &clap::Error, printer: Printer) -> Exit {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let _ = error.print();
            Exit::Done
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            Exit::Usage
        }
        _ => {
            // "error: what\n\n  tip: …\n\nUsage: …": clap's own words, in our frame.
            let text = error.render().to_string();
            let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
            let heading = lines.next().unwrap_or_default().trim_start_matches("error: ").to_owned();
            let mut typed = CommandError::usage(heading);
            for line in lines.filter(|line| !line.starts_with("For more information")) {
                match line.strip_prefix("tip: ") {
                    Some(tip) => typed.hints.push(tip.to_owned()),
                    None => typed.findings.push(line.to_owned()),
                }
            }
            printer.error(&typed.hint("`migrate --help` shows everything"));
            Exit::Usage
        }
    }
}
