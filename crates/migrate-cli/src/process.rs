//! This process and its neighbours: panics that don't talk, interrupts, and whether another process still lives.

use std::{fs, path::Path};

use driver::{Interrupt, Processes};
use migrate_core::handover::Runner;

use crate::environment::Environment;

/// Makes panics say where, and never what: a payload may hold whatever the code was handling (REQ OPS-1).
pub(crate) fn quiet_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|at| format!("{}:{}", at.file(), at.line())).unwrap_or_default();
        crate::ui::panicked(&place);
    }));
}

/// Listens for Ctrl-C and SIGTERM: the first asks the run to stop at its next safe point, the second ends the process at once, which every
/// step survives.
pub(crate) fn interrupt() -> Interrupt {
    let (stop, stopped) = tokio::sync::watch::channel(false);
    tokio::spawn(async move {
        asked_to_stop().await;
        crate::ui::stopping();
        if stop.send(true).is_err() {
            return;
        }
        asked_to_stop().await;
        leave();
    });
    Interrupt::new(stopped)
}

#[cfg(unix)]
async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(not(unix))]
async fn asked_to_stop() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[expect(clippy::disallowed_methods, reason = "the second Ctrl-C means now; the ledger is whole at every moment")]
fn leave() {
    std::process::exit(i32::from(crate::exit::Exit::Incomplete.code()));
}

/// This process, as another one can look for it.
pub(crate) fn runner(environment: &Environment) -> Runner {
    Runner { host: host(environment).into(), process: std::process::id() }
}

/// The host, its boot and its process-id namespace: a process id means nothing beyond them.
fn host(environment: &Environment) -> String {
    let mut host = environment.host();
    if let Ok(boot) = fs::read_to_string("/proc/sys/kernel/random/boot_id") {
        host = format!("{host}/{}", boot.trim().chars().take(8).collect::<String>());
    }
    if let Some(namespace) = fs::read_link("/proc/self/ns/pid").ok().and_then(|link| link.to_str().map(str::to_owned)) {
        let digits: String = namespace.chars().filter(char::is_ascii_digit).collect();
        host = format!("{host}/{digits}");
    }
    host
}

/// Looks processes up in `/proc`. Where there is none, or the runner was elsewhere, it can't tell.
pub(crate) struct Proc {
    host: String,
}

impl Proc {
    pub(crate) fn new(environment: &Environment) -> Self {
        Self { host: host(environment) }
    }
}

impl Processes for Proc {
    fn is_dead(&self, runner: &Runner) -> Option<bool> {
        if *runner.host != *self.host || !Path::new("/proc/self").exists() {
            return None;
        }
        Some(!Path::new("/proc").join(runner.process.to_string()).exists())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_process_of_this_very_host_can_be_told_dead() {
        let environment = Environment::made_up("/".into(), [("HOSTNAME".to_owned(), "here".to_owned())]);
        let processes = Proc::new(&environment);
        let me = runner(&environment);
        assert_eq!(processes.is_dead(&me), Some(false));
        // Linux gives out ids below 2^22.
        assert_eq!(processes.is_dead(&Runner { process: u32::MAX, ..me }), Some(true));
        assert_eq!(processes.is_dead(&Runner { host: "elsewhere".into(), process: u32::MAX }), None);
    }
}
