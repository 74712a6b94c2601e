//! `migrate rehearse`: a whole handover against stores built into this program, through the real clients over loopback sockets, in a folder of
//! its own. Needs nothing and touches nothing else; all values are made up.
//!
//! ```text
//! estate (names, made-up values, inventory) ──► world (both stores, quotas and late fences in front of them)
//! init ─► inventory import ─► plan ─► apply --through commit, twice ─► apply again ─► verify ─► ledger verify
//! ```
//! The commands are the ones that an operator types, run in made-up surroundings instead of this process's.

mod estate;

use std::{sync::Arc, time::Instant};

use camino::{Utf8Path, Utf8PathBuf};
use clap::Parser as _;
use driver::{Clock as _, TokioClock};
use migrate_core::inventory::Inventory;
use rehearsal::{
    felt::TakesEffect,
    world::{World, WorldSettings},
};
use serde::Serialize;

use self::estate::Estate;
use super::Context;
use crate::{
    args::{self, Args, Command},
    environment::Environment,
    error::{CommandError, Reason},
    exit::Exit,
    files,
    settings::{CONFIG_FILE, DEFAULT_INVENTORY},
    ui::{Report, count, duration},
};

/// A stored policy is felt this much later: a fence is not one at once.
const FELT_AFTER: std::time::Duration = std::time::Duration::from_millis(700);
/// The settle time of the rehearsal; what is five minutes in an account is seconds here.
const SETTLE: &str = "2s";

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Rehearsed {
    folder: String,
    ledger: String,
    /// Secrets in the made-up store.
    secrets: usize,
    handed_over: usize,
    /// Left out of the waves, each with the reason.
    left_out: Vec<LeftOut>,
    milliseconds: u64,
}

#[derive(Debug, Serialize)]
struct LeftOut {
    name: String,
    reason: &'static str,
}

impl Report for Rehearsed {
    fn text(&self) -> String {
        let took = duration(std::time::Duration::from_millis(self.milliseconds));
        let mut text = format!(
            "\nrehearsed: {} of {} handed over and verified in {took}\n",
            self.handed_over,
            count(self.secrets, "secret")
        );
        for left in &self.left_out {
            text += &format!("  left out: {} {}\n", left.name, left.reason);
        }
        text + &format!("  folder  {}\n  ledger  {}\n", self.folder, self.ledger)
    }
}

pub(super) async fn run(context: &Context, args: &args::Rehearse) -> Result<Exit, CommandError> {
    let began = Instant::now();
    let given = args.inventory.as_ref().map(|path| read(context, path)).transpose()?;
    let folder = folder()?;
    let world = start().await?;
    let estate = match &given {
        Some((text, inventory)) => Estate::of(text, inventory),
        None => Estate::of_every_kind(),
    };
    estate.fill(&world)?;
    files::replace(&folder.join(DEFAULT_INVENTORY), &estate.inventory)?;
    files::replace(&folder.join(CONFIG_FILE), &configuration())?;
    std::fs::create_dir_all(folder.join(".git")).map_err(|error| CommandError::file(format!("can't write {folder}"), &error))?;

    let practice = Practice { context: context.practising(surroundings(context, &folder, &world)) };
    let [first, second] = estate.waves();
    practice.run(&["init"]).await?;
    practice.run(&["inventory", "import"]).await?;
    for (wave, select) in [("wave-1", first), ("wave-2", second)] {
        if select.is_empty() {
            continue;
        }
        let select: Vec<&str> = select.iter().map(String::as_str).collect();
        practice.run(&[["plan", "--wave", wave, "--select"].as_slice(), &select].concat()).await?;
        // Once as far as nothing is lost by stopping, once through the step that there is no way back from.
        practice.run(&["apply"]).await?;
        practice.run(&["apply", "--through", "commit"]).await?;
    }
    practice.run(&["apply", "--through", "commit"]).await?;
    practice.run(&["verify"]).await?;
    practice.run(&["ledger", "verify"]).await?;

    let ledger = folder.join("migrate/rehearsal/ledger.jsonl");
    let state = driver::ledger_file::read(ledger.as_std_path())
        .map_err(|error| CommandError::new(Reason::LedgerCorrupt, "the rehearsal left no ledger").because(&error))?;
    let handed_over = estate.moving.iter().filter(|name| state.chain.state().is_handed_over(name)).count();
    if handed_over != estate.moving.len() {
        return Err(CommandError::new(Reason::Internal, "the rehearsal ended before every secret was handed over")
            .because_of(format!("the ledger speaks of {handed_over} of {}", estate.moving.len())));
    }
    context.printer.show(&Rehearsed {
        folder: folder.to_string(),
        ledger: ledger.to_string(),
        secrets: estate.len(),
        handed_over,
        left_out: estate.left_out.iter().map(|(name, reason)| LeftOut { name: name.to_string(), reason }).collect(),
        milliseconds: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
    });
    Ok(Exit::Done)
}

fn read(context: &Context, path: &Utf8Path) -> Result<(String, Inventory), CommandError> {
    let full = context.environment.directory.join(path);
    let inventory = super::inventory::read(&full, path.as_str())?;
    Ok((files::read(&full)?.unwrap_or_default(), inventory))
}

/// A folder that stays: a person may want to look at what was written.
fn folder() -> Result<Utf8PathBuf, CommandError> {
    let made = tempfile::Builder::new().prefix("migrate-rehearsal-").tempdir();
    let path = made.map_err(|error| CommandError::file("can't make a folder for the rehearsal", &error))?.keep();
    Utf8PathBuf::from_path_buf(path)
        .map_err(|path| CommandError::usage(format!("the path of the temporary folder is no UTF-8: {}", path.display())))
}

async fn start() -> Result<World, CommandError> {
    let mut settings = WorldSettings::new(uuid::Uuid::new_v4().as_u64_pair().0, Arc::new(|| TokioClock.now()));
    settings.takes_effect = TakesEffect::After(FELT_AFTER);
    World::start(settings)
        .await
        .map_err(|error| CommandError::new(Reason::Internal, "the world to practise in can't start").because(&error))
}

fn configuration() -> String {
    format!(
        "# Written by `migrate rehearse`; the stores that it speaks of ended with it.\n\
         [environment.rehearsal]\n\n\
         [environment.rehearsal.outgoing]\n\
         settle = \"{SETTLE}\"\n"
    )
}

/// What the commands see instead of this process's environment: they can't reach anything else.
fn surroundings(context: &Context, folder: &Utf8Path, world: &World) -> Environment {
    let endpoints = world.endpoints();
    let variables = [
        ("AWS_REGION", endpoints.region),
        ("AWS_ENDPOINT_URL", endpoints.aws_url),
        ("AWS_ACCESS_KEY_ID", endpoints.migration.id),
        ("AWS_SECRET_ACCESS_KEY", endpoints.migration.secret.expose().to_owned()),
        ("VAULT_ADDR", endpoints.vault_addr),
        ("VAULT_TOKEN", endpoints.vault_token.expose().to_owned()),
        ("USER", "rehearsal".to_owned()),
        ("HOSTNAME", context.environment.host()),
    ];
    let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value));
    Environment::made_up(folder.to_owned(), variables).on_terminal(context.environment.is_terminal)
}

/// Runs command lines as if they had been typed.
struct Practice {
    context: Context,
}

impl Practice {
    /// Runs one, shows it, and stops the rehearsal unless it succeeds.
    async fn run(&self, typed: &[&str]) -> Result<(), CommandError> {
        let line = format!("migrate {}", abbreviated(typed));
        self.context.printer.aside(format!("\n$ {line}\n"));
        let args = Args::try_parse_from(std::iter::once(&"migrate").chain(typed))
            .map_err(|error| CommandError::new(Reason::Internal, "the rehearsal mistyped").because(&error))?;
        let exit = match args.command {
            Command::Init(args) => super::init::run(&self.context, &args).await,
            Command::Inventory(args::Inventory::Import) => super::inventory::import::run(&self.context).await,
            Command::Plan(args) => super::plan::run(&self.context, &args).await,
            Command::Apply(args) => super::apply::run(&self.context, &args).await,
            Command::Verify(args) => super::verify::run(&self.context, &args).await,
            Command::Ledger(args::Ledger::Verify { offline }) => super::ledger::verify(&self.context, offline).await,
            _ => Err(CommandError::new(Reason::Internal, format!("{line} is not part of a rehearsal"))),
        }?;
        match exit {
            Exit::Done => Ok(()),
            _ => Err(CommandError::new(Reason::MembersBlocked, format!("the rehearsal stopped at `{line}`"))
                .hint("what stands above would stop the real handover, too")),
        }
    }
}

/// A long list of names is no help to a reader.
fn abbreviated(typed: &[&str]) -> String {
    const SHOWN: usize = 6;
    let mut line = typed.iter().take(SHOWN).map(|word| if word.contains('*') { format!("'{word}'") } else { (*word).to_owned() });
    let shown = line.by_ref().collect::<Vec<_>>().join(" ");
    match typed.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} … (and {more} more names)"),
    }
}
