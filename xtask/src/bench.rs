//! Measures our verified copy against what a good script does, in one run, on the same real servers, by turns.
//!
//! ```text
//! each round:  fill an account ──► script into a mount of its own ──► migrate into another     (every other round the other way)
//! ```
//!
//! Both sides begin with a list of names and end when every entry was read back and compared. What comes before is not measured: the fence's
//! rate is bound by AWS's quotas and not by us, and a script has none.

use std::{collections::BTreeMap, fmt, fs, io::Write as _, path::Path};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use tokio::process::Command;

use crate::{
    servers::Servers,
    setup::{self, Stack},
    workspace::{cargo, root, show, succeed, target},
};

const REGION: &str = "eu-central-1";

/// What is measured how often.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Bench {
    /// Secrets in each round
    #[arg(long, default_value_t = 500)]
    secrets: u32,
    /// Rounds; the median counts
    #[arg(long, default_value_t = 3)]
    rounds: u32,
}

/// Variables that make a process see one account and one mount's server.
type Variables = BTreeMap<String, String>;

/// `cargo xtask bench`.
pub(crate) async fn run(bench: Bench) -> Result<()> {
    let stack = setup::stack().await?;
    succeed(&mut cargo(["build", "--release", "--package", "migrate-cli"])).await?;
    let migrate = target()?.join("release/migrate");
    let scratch = tempfile::Builder::new().prefix("migrate-bench-").tempdir()?;
    let servers = Servers::start(&stack, scratch.path()).await?;

    let (mut script, mut ours) = (Vec::new(), Vec::new());
    for round in 1..=bench.rounds {
        let variables = fill(&stack, &servers, bench.secrets).await?;
        let mounts = [format!("script-{round}"), format!("migrate-{round}")];
        for mount in &mounts {
            servers.mount(mount).await?;
        }
        let here = scratch.path().join(format!("round-{round}"));
        // By turns, so that what the first leaves warm or slow behind falls to each.
        if round % 2 == 1 {
            script.push(by_script(&stack, &variables, &mounts[0], bench.secrets).await?);
            ours.push(by_migrate(&migrate, &variables, &mounts[1], &here, bench.secrets).await?);
        } else {
            ours.push(by_migrate(&migrate, &variables, &mounts[1], &here, bench.secrets).await?);
            script.push(by_script(&stack, &variables, &mounts[0], bench.secrets).await?);
        }
        if let (Some(script), Some(ours)) = (script.last(), ours.last()) {
            println!("round {round}: script {script:.2} s, migrate {ours:.2} s");
        }
    }
    servers.stop().await?;
    println!("{}", Comparison { secrets: bench.secrets, script: median(script)?, ours: median(ours)? });
    Ok(())
}

/// What came out.
struct Comparison {
    secrets: u32,
    script: f64,
    ours: f64,
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = |seconds: f64| f64::from(self.secrets) / seconds;
        writeln!(f, "{} secrets copied and verified, medians:", self.secrets)?;
        writeln!(f, "  boto3 and hvac, 16 writers  {:6.2} s  {:6.0} a second", self.script, rate(self.script))?;
        writeln!(f, "  migrate                     {:6.2} s  {:6.0} a second", self.ours, rate(self.ours))?;
        write!(f, "  migrate is {:.1} times as fast", self.script / self.ours)
    }
}

/// Makes an account with secrets of every kind, and says how to reach it and the vault.
async fn fill(stack: &Stack, servers: &Servers, count: u32) -> Result<Variables> {
    let mut fill = stack.python();
    fill.arg(root().join("stack/bench/fill.py")).args(["--count", &count.to_string()]);
    fill.envs(moto(servers)?);
    let account: Variables = answer(&mut fill).await?;
    let vault = [
        ("MIGRATE_TEST_BAO_ADDR", "VAULT_ADDR"),
        ("MIGRATE_TEST_BAO_TOKEN", "VAULT_TOKEN"),
        ("MIGRATE_TEST_BAO_CACERT", "VAULT_CACERT"),
    ];
    let vault = vault.map(|(from, to)| Ok((to.to_owned(), servers.variable(from)?.to_owned())));
    account.into_iter().map(Ok).chain(vault).collect()
}

fn moto(servers: &Servers) -> Result<[(&'static str, String); 4]> {
    Ok([
        ("AWS_ENDPOINT_URL", servers.variable("MIGRATE_TEST_MOTO_URL")?.to_owned()),
        ("AWS_REGION", REGION.to_owned()),
        ("AWS_DEFAULT_REGION", REGION.to_owned()),
        ("NO_PROXY", "127.0.0.1".to_owned()),
    ])
}

/// Seconds that the script says it took.
async fn by_script(stack: &Stack, variables: &Variables, mount: &str, count: u32) -> Result<f64> {
    #[derive(Deserialize)]
    struct Copied {
        secrets: u32,
        seconds: f64,
    }
    let mut script = stack.python();
    script.arg(root().join("stack/bench/baseline.py")).args(["--mount", mount]);
    script.envs(variables).env("AWS_DEFAULT_REGION", REGION).env("NO_PROXY", "127.0.0.1");
    let copied: Copied = answer(&mut script).await?;
    ensure!(copied.secrets == count, "the script copied {} of {count} secrets", copied.secrets);
    Ok(copied.seconds)
}

/// Seconds that `migrate apply` spends on copying and verifying, as its report says.
async fn by_migrate(migrate: &Path, variables: &Variables, mount: &str, here: &Path, count: u32) -> Result<f64> {
    #[derive(Deserialize)]
    struct Applied {
        members: u32,
        steps: Vec<Step>,
    }
    #[derive(Deserialize)]
    struct Step {
        step: String,
        milliseconds: u32,
    }
    fs::create_dir_all(here)?;
    let operator = |program: &Path, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(here).env_clear().env("HOME", here).envs(variables).kill_on_drop(true);
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
    };
    succeed(&mut operator(Path::new("git"), &["init", "--quiet"])).await?;
    // Fencing 500 secrets at AWS's rates takes most of a minute, and settling five: neither is measured, moto asks for neither.
    let settings = format!(
        "[environment.bench.outgoing]\nsettle = \"1s\"\nquota_share = 20.0\n\n[environment.bench.incoming]\nmount = \"{mount}\"\n"
    );
    fs::File::create(here.join("migrate.toml"))?.write_all(settings.as_bytes())?;
    for arguments in [&["init"][..], &["inventory", "import"], &["plan"], &["apply", "--through", "fence"]] {
        let mut command = operator(migrate, arguments);
        let shown = show(&command);
        let output = command.output().await?;
        ensure!(output.status.success(), "`{shown}` ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    let applied: Applied = answer(&mut operator(migrate, &["apply", "--through", "verify", "--json"])).await?;
    ensure!(applied.members == count, "migrate copied {} of {count} secrets", applied.members);
    let copying = applied.steps.iter().filter(|step| step.step.contains("copy") || step.step.contains("verify"));
    let milliseconds: u32 = copying.map(|step| step.milliseconds).sum();
    ensure!(milliseconds > 0, "the report of migrate names no step of copying");
    Ok(f64::from(milliseconds) / 1000.0)
}

/// Runs a command that answers in JSON.
async fn answer<T: serde::de::DeserializeOwned>(command: &mut Command) -> Result<T> {
    let shown = show(command);
    let output = command.output().await.with_context(|| format!("can't start `{shown}`"))?;
    ensure!(
        output.status.success(),
        "`{shown}` ended with {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    );
    serde_json::from_slice(&output.stdout).with_context(|| format!("`{shown}` answered something else than was asked"))
}

fn median(mut seconds: Vec<f64>) -> Result<f64> {
    seconds.sort_by(f64::total_cmp);
    seconds.get(seconds.len() / 2).copied().context("at least one round")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_counts_and_the_ratio_says_who_is_faster() {
        assert_eq!(median(vec![9.0, 1.0, 2.0]).unwrap(), 2.0);
        assert!(median(Vec::new()).is_err());
        let shown = Comparison { secrets: 500, script: 6.0, ours: 1.5 }.to_string();
        assert!(shown.contains("333 a second") && shown.ends_with("4.0 times as fast"), "{shown}");
    }
}
