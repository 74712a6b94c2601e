//! The commands, one file each. A command reads settings, asks the stores through their ports, and hands a report to the printer.

mod apply;
mod delivered;
mod eso;
mod hook;
mod init;
mod inventory;
mod ledger;
mod plan;
mod plans;
mod policy;
mod populate;
mod rehearse;
mod retire;
mod rollback;
mod scan;
mod sdk;
mod status;
mod stopped;
mod switching;
mod urgent;
mod vault;
mod verify;

use driver::{Clock as _, Interrupt, TokioClock};

use crate::{
    args::{Command, Global, Inventory, Ledger, Sdk, Vault, eso::Eso},
    environment::Environment,
    error::CommandError,
    exit::Exit,
    settings::Settings,
    shared,
    ui::{Bars, Printer},
};

/// What every command is given.
pub(crate) struct Context {
    pub(crate) global: Global,
    pub(crate) environment: Environment,
    pub(crate) printer: Printer,
    pub(crate) interrupt: Interrupt,
}

impl Context {
    /// The settings, with everything said that the operator should hear about them.
    fn settings(&self) -> Result<Settings, CommandError> {
        let settings = Settings::load(&self.global, &self.environment)?;
        for note in &settings.notes {
            self.printer.note(note);
        }
        Ok(settings)
    }

    /// Where a run says how far it is.
    fn progress(&self) -> Bars {
        Bars::new(self.printer, self.environment.is_terminal)
    }

    /// The same, in other surroundings: what commands show there is talk here.
    fn practising(&self, environment: Environment) -> Self {
        Self { global: Global::default(), environment, printer: self.printer.practising(), interrupt: self.interrupt.clone() }
    }

    fn now(&self) -> jiff::Timestamp {
        TokioClock.now()
    }
}

/// Whether a command reads the ledger without leading, and may ask the network for it.
fn looks_at_the_ledger(command: &Command) -> bool {
    match command {
        Command::Status(args) => !args.offline,
        Command::Ledger(Ledger::Verify { offline }) => !offline,
        Command::Ledger(Ledger::Show)
        | Command::Plan(_)
        | Command::Verify(_)
        | Command::Populate(_)
        | Command::Inventory(Inventory::Reconcile(_) | Inventory::Show)
        | Command::Vault(Vault::Check(_))
        | Command::Eso(Eso::Emit(_) | Eso::Import(_) | Eso::Diff(_)) => true,
        _ => false,
    }
}

/// Runs one command.
pub(crate) async fn run(command: Command, context: &Context) -> Result<Exit, CommandError> {
    if looks_at_the_ledger(&command)
        && let Ok(settings) = Settings::load(&context.global, &context.environment)
    {
        // What is wrong with the settings is told by the command itself.
        shared::look(&settings, &context.environment, context.printer).await?;
    }
    match command {
        Command::Init(args) => init::run(context, &args).await,
        Command::Scan(args) => scan::run(context, &args),
        Command::Inventory(Inventory::Import) => inventory::import::run(context).await,
        Command::Inventory(Inventory::Validate { file }) => inventory::validate(context, file.as_deref()),
        Command::Inventory(Inventory::Reconcile(args)) => inventory::reconcile::run(context, &args).await,
        Command::Inventory(Inventory::Principals(args)) => inventory::principals::run(context, &args).await,
        Command::Inventory(Inventory::Graph(args)) => inventory::graph::run(context, &args),
        Command::Hook => hook::run(context),
        Command::Inventory(Inventory::Schema) => inventory::schema(context),
        Command::Inventory(Inventory::Show) => inventory::show::run(context),
        Command::Eso(Eso::Emit(args)) => eso::emit::run(context, &args),
        Command::Eso(Eso::Import(args)) => eso::import::run(context, &args),
        Command::Eso(Eso::Rights(args)) => eso::rights::run(context, &args),
        Command::Eso(Eso::Diff(args)) => eso::diff::run(context, &args),
        Command::Eso(Eso::Validate(args)) => eso::validate::run(context, &args),
        Command::Eso(Eso::Explain { id }) => eso::explain::run(context, id.as_deref()),
        Command::Sdk(Sdk::Emit(args)) => sdk::run(context, &args),
        Command::Sdk(Sdk::Policy(args)) => policy::run(context, &args),
        Command::Populate(args) => populate::run(context, &args).await,
        Command::Plan(args) => plan::run(context, &args).await,
        Command::Apply(args) => apply::run(context, &args).await,
        Command::Retire(args) => retire::run(context, &args).await,
        Command::Rollback(args) => rollback::run(context, &args).await,
        Command::Urgent(args) => urgent::run(context, &args).await,
        Command::Status(args) => status::run(context, &args).await,
        Command::Verify(args) => verify::run(context, &args).await,
        Command::Vault(Vault::Emit(args)) => vault::emit::run(context, &args),
        Command::Vault(Vault::Check(args)) => vault::check::run(context, args).await,
        Command::Rehearse(args) => rehearse::run(context, &args).await,
        Command::Ledger(Ledger::Show) => ledger::show(context),
        Command::Ledger(Ledger::Verify { offline }) => ledger::verify(context, offline).await,
        Command::Ledger(Ledger::Unlock { holder }) => ledger::unlock(context, &holder).await,
    }
}
