//! What surrounds the process, read once: variables, working directory, terminal. Everything below takes it as an argument.

use std::{collections::BTreeMap, io::IsTerminal as _};

use camino::Utf8PathBuf;

use crate::error::CommandError;

/// The surroundings of one run.
#[derive(Clone, Debug)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    /// Where the command was typed.
    pub directory: Utf8PathBuf,
    /// Whether talk goes to a terminal.
    pub is_terminal: bool,
    /// Not this process's: nothing may look past it at the real environment.
    pub is_made_up: bool,
}

impl Environment {
    /// The surroundings of this process. Variables that are no UTF-8 are left out: none of ours can be.
    ///
    /// # Errors
    /// [`CommandError`] where the working directory is gone or is no UTF-8.
    pub fn of_process() -> Result<Self, CommandError> {
        let directory =
            std::env::current_dir().map_err(|error| CommandError::usage("can't tell the working directory").because(&error))?;
        let directory = Utf8PathBuf::from_path_buf(directory)
            .map_err(|path| CommandError::usage(format!("the path of the working directory is no UTF-8: {}", path.display())))?;
        let variables =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect();
        Ok(Self { variables, directory, is_terminal: std::io::stderr().is_terminal(), is_made_up: false })
    }

    /// Made-up surroundings, for tests and the rehearsal.
    pub fn made_up(directory: Utf8PathBuf, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { variables: variables.into_iter().collect(), directory, is_terminal: false, is_made_up: true }
    }

    /// The same, talking to a terminal or not.
    #[must_use]
    pub fn on_terminal(self, is_terminal: bool) -> Self {
        Self { is_terminal, ..self }
    }

    /// A variable; one that is set but empty counts as not set, as the AWS and Vault CLIs have it.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Every variable, for what passes some of them on.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The proxies that are named for HTTPS, each with its variable; without the user information that an address may hold.
    pub(crate) fn proxies(&self) -> impl Iterator<Item = (&'static str, String)> {
        ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"].into_iter().filter_map(|variable| {
            let address = self.variable(variable)?;
            let (scheme, rest) = address.split_once("://").map_or(("http", address), |(scheme, rest)| (scheme, rest));
            let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            Some((variable, format!("{scheme}://{host}")))
        })
    }

    /// Who runs the tool, for the ledger: `user@host`.
    #[must_use]
    pub fn operator(&self) -> String {
        let user = ["MIGRATE_OPERATOR", "USER", "LOGNAME", "USERNAME"].iter().find_map(|name| self.variable(name));
        format!("{}@{}", user.unwrap_or("unknown"), self.host())
    }

    /// The host's name, as far as the environment or the kernel tells it.
    #[must_use]
    pub fn host(&self) -> String {
        let kernel = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
        let host = self.variable("HOSTNAME").map(str::to_owned).or_else(kernel).unwrap_or_default();
        let host = host.trim();
        if host.is_empty() { "unknown".to_owned() } else { host.to_owned() }
    }
}
