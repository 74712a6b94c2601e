//! A setting and where it came from.

use std::fmt;

use crate::environment::Environment;

/// Where a setting came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// An environment variable.
    Variable(&'static str),
    /// `migrate.toml`.
    File,
    /// `~/.vault-token`, where `vault login` leaves it.
    TokenFile,
}

/// A setting with its origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sourced<T> {
    /// What it says.
    pub value: T,
    /// Who says it.
    pub origin: Origin,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Variable(name) => name,
            Self::File => super::CONFIG_FILE,
            Self::TokenFile => "~/.vault-token",
        })
    }
}

/// Looks settings up, variables first, and remembers where they overrode the file.
pub(super) struct Lookup<'e> {
    environment: &'e Environment,
    pub(super) notes: Vec<String>,
}

impl<'e> Lookup<'e> {
    pub(super) fn new(environment: &'e Environment) -> Self {
        Self { environment, notes: Vec::new() }
    }

    pub(super) fn first(&mut self, key: &str, variables: &[&'static str], file: Option<String>) -> Option<Sourced<String>> {
        for variable in variables {
            let Some(value) = self.environment.variable(variable) else { continue };
            if let Some(file) = &file
                && file != value
            {
                self.notes.push(format!("{variable} is used, and overrides `{key}` of {}", super::CONFIG_FILE));
            }
            return Some(Sourced { value: value.to_owned(), origin: Origin::Variable(variable) });
        }
        file.map(|value| Sourced { value, origin: Origin::File })
    }
}
