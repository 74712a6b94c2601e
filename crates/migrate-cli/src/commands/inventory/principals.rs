//! `migrate inventory principals`: who reads and who writes each secret, as CloudTrail shows it (REQ INV-1), and who of them nobody declared.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use jiff::{SignedDuration, Timestamp};
use migrate_core::{
    aws_policy::Exempt,
    inventory::{self, Inventory, KnownPrincipal, Secret},
    name::SecretName,
    observed::{LastAccess, Sighting},
    ports::Outgoing as _,
    principals::{Access, Found, Seen, is_declared, undeclared},
};
use phase0_sdk::{
    SecretsManager,
    trail::{Fault, Gather, Gathered},
};
use serde::Serialize;

use super::Context;
use crate::{
    args,
    error::{CommandError, Reason},
    exit::Exit,
    files,
    settings::Settings,
    systems,
    ui::{Report, count},
};

/// Secrets, and faults, shown before the rest is counted; `--json` and the file have all.
const SHOWN: usize = 40;
/// Folders beside the records in which CloudTrail keeps no records of calls.
const WITHOUT_RECORDS: [&str; 2] = ["CloudTrail-Digest", "CloudTrail-Insight"];

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Looked {
    /// Where what was found is kept.
    file: String,
    /// The secrets of which something was found, those with undeclared principals first.
    secrets: Vec<Used>,
    /// How many principals are not declared.
    undeclared: usize,
    /// What could not be read, in this run.
    faults: Vec<String>,
    /// Entries of the inventory to which principals were added.
    declared: Vec<SecretName>,
    /// Where they were added.
    inventory: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Used {
    name: SecretName,
    by: Vec<User>,
    /// `LastAccessedDate`, where Secrets Manager was asked: a day in each region, our own reads included.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    last_accessed: Vec<LastAccess>,
}

#[derive(Debug, Serialize)]
struct User {
    #[serde(flatten)]
    seen: Seen,
    standing: Standing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Standing {
    Declared,
    /// The fence lets it through: the migration itself, or break-glass.
    Exempt,
    Undeclared,
    /// Every call was refused.
    Refused,
}

impl Report for Looked {
    fn text(&self) -> String {
        let mut text = String::new();
        for Used { name, by, last_accessed } in self.secrets.iter().take(SHOWN) {
            text += &format!("{name}\n");
            for user in by {
                text += &format!("  {}\n", line(user));
            }
            for access in last_accessed {
                let day = access.day.map_or("never".to_owned(), day);
                text += &format!("  last accessed in {}: {day}\n", access.region);
            }
        }
        if self.secrets.len() > SHOWN {
            text += &format!("… and {} more, in {}\n", self.secrets.len() - SHOWN, self.file);
        }
        if !self.faults.is_empty() {
            text += &format!("{} could not be read, and may name others:\n", count(self.faults.len(), "record"));
            self.faults.iter().take(SHOWN).for_each(|fault| text += &format!("  {fault}\n"));
            if self.faults.len() > SHOWN {
                text += &format!("  … and {} more\n", self.faults.len() - SHOWN);
            }
        }
        if !self.declared.is_empty() {
            text += &format!("declared in {}: principals of {}\n", self.inventory, count(self.declared.len(), "secret"));
        }
        text += &match self.undeclared {
            0 => format!("every principal that was found is declared; commit {}\n", self.file),
            some => format!(
                "{} not declared: a plan with these secrets can't be committed; commit {}\n\
                 next: find out whose they are, then --declare NAME=PRINCIPAL, or --declare-all\n",
                count(some, "principal"),
                self.file
            ),
        };
        text
    }
}

fn line(User { seen, standing }: &User) -> String {
    let access = match seen.access {
        Access::Reads => "reads ",
        Access::Writes => "writes",
    };
    let mut line = format!("{access} {} · {} · last {}", seen.principal, count_of(seen), day(seen.last));
    if !seen.regions.is_empty() {
        line += &format!(" · {}", seen.regions.iter().cloned().collect::<Vec<_>>().join(", "));
    }
    line + match standing {
        Standing::Declared => "",
        Standing::Exempt => " · exempt from the fence",
        Standing::Undeclared => " · NOT DECLARED",
        Standing::Refused => " · got nothing",
    }
}

fn count_of(seen: &Seen) -> String {
    let times = |count: u64| if count == 1 { "once".to_owned() } else { format!("{count} times") };
    match (seen.done, seen.refused) {
        (0, refused) => format!("refused {}", times(refused)),
        (done, 0) => times(done),
        (done, refused) => format!("{}, refused {}", times(done), times(refused)),
    }
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

pub(in crate::commands) async fn run(context: &Context, args: &args::Principals) -> Result<Exit, CommandError> {
    let settings = context.settings()?;
    let inventory = super::of(&settings)?;
    let file = settings.shown(&settings.principals);
    let stored = stored(&settings)?;
    if stored.is_none() && args.trail.is_empty() && !args.lookup {
        return Err(CommandError::new(Reason::NothingSelected, "nobody has looked for readers and writers yet")
            .because_of(format!("there is no {file}"))
            .hint("--trail with files of CloudTrail, or --lookup to ask it"));
    }
    let mut found = stored.unwrap_or_default();
    let names: BTreeSet<SecretName> = inventory.secrets().iter().map(|secret| secret.source_name().clone()).collect();
    let mut faults = Vec::new();
    let mut take = |gathered: Gathered| -> Result<(), CommandError> {
        one_account(&gathered)?;
        faults.extend(gathered.faults.iter().map(Fault::to_string));
        found.take(gathered.found);
        Ok(())
    };
    if !args.trail.is_empty() {
        take(from_files(context, args, names.clone())?)?;
    }
    let secrets_manager = if args.lookup { Some(systems::outgoing(&settings, &context.environment).await?) } else { None };
    if let Some(secrets_manager) = &secrets_manager {
        for gathered in looked_up(context, &settings, args, secrets_manager, &names).await? {
            take(gathered)?;
        }
    }
    if !args.trail.is_empty() || args.lookup {
        let text = found.to_json();
        let text =
            text.map_err(|error| CommandError::new(Reason::Internal, "what was found has no JSON form").because(&error))?;
        files::replace(&settings.principals, &text)?;
    }
    let exempt = exempt(&settings, secrets_manager.as_ref()).await?;
    let (inventory, declared) = declare(&settings, &inventory, &found, exempt.as_ref(), args)?;
    let mut secrets = used(&inventory, &found, exempt.as_ref());
    if let Some(secrets_manager) = &secrets_manager {
        last_accessed(secrets_manager, &inventory, &mut secrets).await;
    }
    let undeclared = secrets.iter().map(Used::undeclared).sum();
    let inventory = settings.shown(&settings.inventory);
    context.printer.show(&Looked { file, secrets, undeclared, faults, declared, inventory });
    Ok(Exit::Done)
}

/// What was found before; `None` where nobody looked.
pub(in crate::commands) fn stored(settings: &Settings) -> Result<Option<Found>, CommandError> {
    let Some(text) = files::read(&settings.principals)? else { return Ok(None) };
    Found::parse(&text).map(Some).map_err(|error| {
        CommandError::new(Reason::File, format!("can't read {}", settings.shown(&settings.principals)))
            .because(&error)
            .hint("restore it from Git, or delete it and look again: `migrate inventory principals`")
    })
}

/// Who needs no declaration: whom the fence lets through.
async fn exempt(settings: &Settings, secrets_manager: Option<&SecretsManager>) -> Result<Option<Exempt>, CommandError> {
    let configured = &settings.outgoing.exempt_principals;
    if !configured.is_empty() {
        let exempt = Exempt::new(configured.iter().cloned());
        return exempt.map(Some).map_err(|error| CommandError::configuration("can't use exempt_principals").because(&error));
    }
    let Some(secrets_manager) = secrets_manager else { return Ok(None) };
    let exempt = secrets_manager.exempt().await;
    exempt.cloned().map(Some).map_err(|error| systems::outgoing_failed("can't tell who is exempt", &error))
}

fn one_account(gathered: &Gathered) -> Result<(), CommandError> {
    if gathered.accounts.len() < 2 {
        return Ok(());
    }
    let accounts = gathered.accounts.iter().cloned().collect::<Vec<_>>().join(", ");
    Err(CommandError::usage("the files hold secrets of these names in several accounts")
        .because_of(format!("they are of {accounts}"))
        .hint("say with --account whose are meant"))
}

fn from_files(context: &Context, args: &args::Principals, names: BTreeSet<SecretName>) -> Result<Gathered, CommandError> {
    let mut gather = Gather::new(names, args.account.clone());
    for path in &args.trail {
        let files = below(&context.environment.directory.join(path))?;
        if files.is_empty() {
            return Err(CommandError::usage(format!("{path} holds no file of CloudTrail"))
                .because_of("below a folder those that end in .json, .json.gz and .jsonl are read"));
        }
        for file in files {
            let shown = file.strip_prefix(&context.environment.directory).unwrap_or(&file).to_string();
            // One file at a time: a trail has thousands.
            let bytes = std::fs::read(&file).map_err(|error| CommandError::file(format!("can't read {shown}"), &error))?;
            gather.file(&shown, bytes);
        }
    }
    let source = args.trail.iter().map(|path| path.as_str()).collect::<Vec<_>>().join(", ");
    Ok(gather.finish(to_the_second(context.now()), source))
}

/// A file itself, or every file of CloudTrail below a folder, in the order of their names. Links to folders are not followed.
fn below(path: &Utf8Path) -> Result<Vec<Utf8PathBuf>, CommandError> {
    let failed = |error: &std::io::Error| CommandError::file(format!("can't read {path}"), error);
    if !path.metadata().map_err(|error| failed(&error))?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in path.read_dir_utf8().map_err(|error| failed(&error))? {
        let entry = entry.map_err(|error| failed(&error))?;
        let kind = entry.file_type().map_err(|error| failed(&error))?;
        let name = entry.file_name();
        if kind.is_dir() && !WITHOUT_RECORDS.contains(&name) {
            files.extend(below(entry.path())?);
        } else if !kind.is_dir() && [".json", ".json.gz", ".jsonl"].iter().any(|end| name.ends_with(end)) {
            files.push(entry.into_path());
        }
    }
    files.sort();
    Ok(files)
}

async fn looked_up(
    context: &Context,
    settings: &Settings,
    args: &args::Principals,
    secrets_manager: &SecretsManager,
    names: &BTreeSet<SecretName>,
) -> Result<Vec<Gathered>, CommandError> {
    let identity = secrets_manager.identify().await;
    let identity = identity.map_err(|error| systems::outgoing_failed("AWS can't be asked who we are", &error))?;
    let account = args.account.clone().unwrap_or(identity.account);
    let since = context.now().checked_sub(SignedDuration::from_hours(24 * i64::from(args.days)));
    let since = since.map_err(|error| CommandError::usage("so far back there is no time").because(&error))?;
    let regions = BTreeSet::from_iter(args.regions.iter().cloned().chain([identity.region]));
    let mut looks = Vec::new();
    for region in regions {
        let trail = systems::trail(settings, &context.environment, region.clone()).await?;
        let mut gather = Gather::new(names.clone(), Some(account.clone()));
        context
            .printer
            .note(format!("asking CloudTrail in {region} for {} days; it answers one or two pages a second", args.days));
        let page = |events: usize| tracing::info!(region, events, "looked up");
        let done = trail.look(since, &mut gather, page).await;
        done.map_err(|error| systems::outgoing_failed("CloudTrail can't be asked", &error))?;
        looks.push(gather.finish(to_the_second(context.now()), format!("LookupEvents in {region}")));
    }
    Ok(looks)
}

/// What people read and compare in Git.
fn to_the_second(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

impl Used {
    fn undeclared(&self) -> usize {
        self.by.iter().filter(|user| user.standing == Standing::Undeclared).count()
    }
}

fn used(inventory: &Inventory, found: &Found, exempt: Option<&Exempt>) -> Vec<Used> {
    let standing = |secret: &Secret, seen: &Seen| {
        if exempt.is_some_and(|exempt| exempt.covers_principal(seen.principal.as_str())) {
            Standing::Exempt
        } else if is_declared(secret, &seen.principal, seen.access) {
            Standing::Declared
        } else if seen.done == 0 {
            Standing::Refused
        } else {
            Standing::Undeclared
        }
    };
    let mut secrets: Vec<Used> = inventory
        .secrets()
        .iter()
        .filter_map(|secret| {
            let seen = found.secrets.get(secret.source_name())?;
            let by = seen.iter().map(|seen| User { seen: seen.clone(), standing: standing(secret, seen) }).collect();
            Some(Used { name: secret.name.clone(), by, last_accessed: Vec::new() })
        })
        .collect();
    secrets.sort_by_key(|used| used.undeclared() == 0);
    secrets
}

/// Where a look fails nothing is said: the dates are shown, not judged.
async fn last_accessed(secrets_manager: &SecretsManager, inventory: &Inventory, secrets: &mut [Used]) {
    let source = |used: &Used| inventory.get(&used.name).map(|secret| secret.source_name().clone());
    let names: Vec<SecretName> = secrets.iter().filter_map(source).collect();
    for (used, seen) in secrets.iter_mut().zip(secrets_manager.last_accessed(&names).await) {
        if let Sighting::Present(regions) = seen {
            used.last_accessed = regions.into_iter().filter_map(Sighting::present).collect();
        }
    }
}

/// Writes what is to be declared into the inventory: the whole of it, or nothing.
fn declare(
    settings: &Settings,
    inventory: &Inventory,
    found: &Found,
    exempt: Option<&Exempt>,
    args: &args::Principals,
) -> Result<(Inventory, Vec<SecretName>), CommandError> {
    let known = |seen: &Seen| match seen.access {
        Access::Reads => KnownPrincipal::Reads(seen.principal.clone()),
        Access::Writes => KnownPrincipal::Writes(seen.principal.clone()),
    };
    let mut new: BTreeMap<SecretName, BTreeSet<KnownPrincipal>> = BTreeMap::new();
    if args.declare_all {
        for secret in inventory.secrets() {
            new.insert(secret.name.clone(), undeclared(secret, found, exempt).map(known).collect());
        }
    }
    for (name, principal) in &args.declare {
        let secret = inventory.get(name).ok_or_else(|| {
            CommandError::new(Reason::NothingSelected, format!("{name} is not in the inventory"))
                .hint("`migrate inventory show` lists the names")
        })?;
        let seen = found.secrets.get(secret.source_name()).into_iter().flatten();
        let does: Vec<KnownPrincipal> = seen.filter(|seen| seen.principal == *principal).map(known).collect();
        if does.is_empty() {
            return Err(CommandError::new(Reason::NothingSelected, format!("{principal} was not found at {name}"))
                .hint("`migrate inventory principals` shows who was; others are declared in the inventory by hand"));
        }
        new.entry(name.clone()).or_default().extend(does);
    }
    let declared = inventory.with_principals(&new);
    let differs = |secret: &&Secret| inventory.get(&secret.name) != Some(*secret);
    let changed: Vec<SecretName> = declared.secrets().iter().filter(differs).map(|secret| secret.name.clone()).collect();
    if !changed.is_empty() {
        let text = files::read(&settings.inventory)?.unwrap_or_default();
        let text = inventory::rewritten(&text, &declared)
            .map_err(|entries| super::not_rewritten(&settings.shown(&settings.inventory), &entries))?;
        files::replace(&settings.inventory, &text)?;
    }
    Ok((declared, changed))
}
