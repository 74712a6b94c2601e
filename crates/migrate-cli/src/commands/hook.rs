//! `migrate hook`: a configuration for pre-commit (<https://pre-commit.com/#new-hooks>) that lets no invalid inventory, and nothing in one that
//! looks like a value, into Git (REQ INV-2).

use super::Context;
use crate::{error::CommandError, exit::Exit};

pub(super) fn run(context: &Context) -> Result<Exit, CommandError> {
    let settings = context.settings()?;
    let inventory = settings.shown(&settings.inventory);
    context.printer.data(&format!(
        "# .pre-commit-config.yaml; `pre-commit install` puts it to work\n\
         repos:\n\
         - repo: local\n  \
           hooks:\n  \
           - id: migrate-inventory\n    \
             name: the secrets inventory is valid and holds no value\n    \
             entry: migrate inventory validate\n    \
             language: system\n    \
             files: '^{}$'\n",
        pattern(&inventory)
    ));
    Ok(Exit::Done)
}

/// A path as a Python regular expression inside single quotes of YAML.
fn pattern(path: &str) -> String {
    let mut pattern = String::new();
    for character in path.chars() {
        match character {
            '\'' => pattern.push_str("''"),
            c if c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-') || !c.is_ascii() => pattern.push(c),
            c => pattern.extend(['\\', c]),
        }
    }
    pattern
}
