//! `migrate eso rights`: the roles that `migrate` itself needs in the cluster, made of the inventory; changes and asks nothing.

use phase1_eso::delivery::rights::{self, Task};

use super::{
    super::{Context, inventory},
    emit,
    sources::Sources,
};
use crate::{
    args::eso::{self as args, Rights},
    error::CommandError,
    exit::Exit,
};

pub(in crate::commands) fn run(context: &Context, args: &Rights) -> Result<Exit, CommandError> {
    let settings = context.settings()?;
    let inventory = inventory::of(&settings)?;
    // Names are the same on both sides of a switch; what is read from where makes no difference to rights.
    let emitted = emit::reading(&settings, &inventory, settings.eso.version, Sources::none())?;
    let task = match args.task {
        args::Task::Verify => Task::Verify,
        args::Task::Git => Task::SwitchByGit,
        args::Task::Direct => Task::SwitchDirectly,
    };
    let stores = match args.task {
        args::Task::Verify => Vec::new(),
        args::Task::Git | args::Task::Direct => vec![settings.eso.aws_store()?.store, settings.eso.vault_store()?.store],
    };
    context.printer.data(&rights::to_yaml(&rights::rights(&emitted, &stores, task, &args.service_account)));
    Ok(Exit::Done)
}
