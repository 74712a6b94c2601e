//! `migrate inventory import | validate | reconcile | principals | graph | schema | show`

pub(super) mod graph;
pub(super) mod import;
pub(super) mod principals;
pub(super) mod reconcile;
pub(super) mod show;

use camino::Utf8Path;
use migrate_core::inventory::{self, Inventory, Problem};
use serde::Serialize;

use super::Context;
use crate::{
    error::{CommandError, Reason},
    exit::Exit,
    files,
    settings::Settings,
    ui::{Report, count},
};

/// `migrate inventory validate`
#[derive(Debug, Serialize)]
struct Valid {
    file: String,
    secrets: usize,
    moves: usize,
}

impl Report for Valid {
    fn text(&self) -> String {
        format!("{}: {}, {} to move; no problems\n", self.file, count(self.secrets, "secret"), self.moves)
    }
}

pub(super) fn validate(context: &Context, file: Option<&Utf8Path>) -> Result<Exit, CommandError> {
    let (path, shown) = match file {
        // A file that was named needs no configuration.
        Some(file) => (context.environment.directory.join(file), file.to_string()),
        None => {
            let settings = context.settings()?;
            let shown = settings.shown(&settings.inventory);
            (settings.inventory, shown)
        }
    };
    let inventory = read(&path, &shown)?;
    let moves = inventory.secrets().iter().filter(|secret| secret.moves()).count();
    context.printer.show(&Valid { file: shown, secrets: inventory.len(), moves });
    Ok(Exit::Done)
}

pub(super) fn schema(context: &Context) -> Result<Exit, CommandError> {
    context.printer.data(&schema_text()?);
    Ok(Exit::Done)
}

pub(super) fn schema_text() -> Result<String, CommandError> {
    let text = serde_json::to_string_pretty(&inventory::schema())
        .map_err(|error| CommandError::new(Reason::Internal, "the schema has no JSON form").because(&error))?;
    Ok(text + "\n")
}

/// Reads the environment's inventory.
pub(super) fn of(settings: &Settings) -> Result<Inventory, CommandError> {
    read(&settings.inventory, &settings.shown(&settings.inventory))
}

/// Reads an inventory; `shown` is its path as it was typed.
pub(super) fn read(path: &Utf8Path, shown: &str) -> Result<Inventory, CommandError> {
    let Some(text) = files::read(path)? else {
        return Err(CommandError::new(Reason::InventoryMissing, format!("there is no inventory at {shown}"))
            .hint("`migrate inventory import` builds one from Secrets Manager"));
    };
    Inventory::parse(&text).map_err(|problems| invalid(shown, &problems))
}

/// An inventory that can't take what is to be written into it.
fn not_rewritten(shown: &str, entries: &str) -> CommandError {
    CommandError::new(Reason::InventoryInvalid, format!("{shown} can't be changed without losing what a person wrote"))
        .because_of("it is laid out otherwise than `migrate` writes it; nothing was written")
        .findings(entries.lines())
        .hint("put these entries into it by hand")
}

/// Every problem at its place, in a form that editors jump to.
pub(super) fn invalid(shown: &str, problems: &[Problem]) -> CommandError {
    let lines = problems.iter().map(|problem| {
        let secret = problem.secret.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
        let path = if problem.path.is_empty() { String::new() } else { format!("{}: ", problem.path) };
        format!("{shown}:{}:{}: {secret}{path}{}", problem.at.line, problem.at.column, problem.kind)
    });
    CommandError::new(Reason::InventoryInvalid, format!("{shown} has {}", count(problems.len(), "problem")))
        .findings(lines)
        .hint("mend them, then `migrate inventory validate`")
}
