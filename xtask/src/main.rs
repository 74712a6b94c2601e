//! The project's own tasks: `cargo xtask --help`.
//!
//! ```text
//! test ──► setup ► fmt ► clippy ► doc ► generate --check ► tidy ► arrows ► servers + cargo test + canary search
//! ```
//!
//! Nothing of the product lives here: a task checks, runs or generates what is elsewhere.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a task speaks to the person who started it")]

mod arrows;
mod bench;
mod canary;
mod cluster;
mod generate;
mod go;
mod kubernetes;
mod modules;
mod servers;
mod setup;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

/// What can be done here.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask", about = "The project's own tasks", disable_help_subcommand = true)]
enum Task {
    /// Install the pinned servers that tests need
    Setup,
    /// Check and test everything, on real servers
    Test {
        /// Do this part only
        #[arg(long, value_name = "PART")]
        only: Option<test::Part>,
        /// Arguments for the test binaries: a filter, --nocapture
        #[arg(last = true, requires = "only")]
        filter: Vec<String>,
    },
    /// Start the servers, print the variables that tests read, and stay until Ctrl-C
    Servers,
    /// Compare our verified copy with a script's, on the real servers
    Bench(bench::Bench),
    /// Rewrite what is generated from the types: schema, tables, references
    Generate {
        /// Change nothing; fail where something would change
        #[arg(long)]
        check: bool,
    },
    /// Check the rules about files that no compiler checks
    Tidy,
    /// Check which crate may depend on which, and who may name an outside library
    Arrows,
}

#[tokio::main]
async fn main() -> ExitCode {
    let task = Task::parse();
    // What a task has started is stopped when its future is dropped: an interrupt ends it in order.
    tokio::select! {
        outcome = run(task) => match outcome {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("\nxtask: {error:#}");
                ExitCode::FAILURE
            }
        },
        number = interrupted() => {
            eprintln!("\nxtask: interrupted; what was started is being stopped");
            ExitCode::from(128 + number)
        }
    }
}

async fn run(task: Task) -> Result<()> {
    match task {
        Task::Setup => setup::stack().await.map(|stack| println!("{}", stack.site.display())),
        Task::Test { only, filter } => test::run(only, &filter).await,
        Task::Servers => servers::stay().await,
        Task::Bench(bench) => bench::run(bench).await,
        Task::Generate { check } => generate::run(check),
        Task::Tidy => tidy::run(),
        Task::Arrows => arrows::run(),
    }
}

/// Resolves to the number of the first signal that asks us to end.
async fn interrupted() -> u8 {
    let kinds = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()), signal(SignalKind::hangup()));
    let (Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)) = kinds else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => 2,
        _ = terminate.recv() => 15,
        _ = hangup.recv() => 1,
    }
}
