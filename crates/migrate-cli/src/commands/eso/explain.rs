//! `migrate eso explain`: what a finding means.

use phase1_eso::lint::{self, Lint};
use serde::Serialize;

use crate::{
    commands::Context,
    error::CommandError,
    exit::Exit,
    ui::{Report, Table},
};

#[derive(Serialize)]
#[serde(transparent)]
struct One(&'static Lint);

impl Report for One {
    fn text(&self) -> String {
        let Lint { id, name, severity, what, why, instead, source } = self.0;
        format!("{id} {name} ({severity})\n\n{what}\n\nwhy:     {why}\ninstead: {instead}\nsource:  {source}\n")
    }
}

#[derive(Serialize)]
struct All {
    lints: &'static [&'static Lint],
}

impl Report for All {
    fn text(&self) -> String {
        let mut table = Table::new(["id", "severity", "what"]);
        for lint in self.lints {
            table.row([lint.id.to_owned(), lint.severity.to_string(), lint.what.to_owned()]);
        }
        table.to_string()
    }
}

pub(in crate::commands) fn run(context: &Context, id: Option<&str>) -> Result<Exit, CommandError> {
    match id {
        None => context.printer.show(&All { lints: lint::ALL }),
        Some(id) => {
            let lint = Lint::of(id).ok_or_else(|| {
                CommandError::usage(format!("there is no finding {id}")).hint("`migrate eso explain` shows all")
            })?;
            context.printer.show(&One(lint));
        }
    }
    Ok(Exit::Done)
}
