//! `migrate populate`: puts values that lie in a file into Secrets Manager, creates only, and leaves the record in the inventory (REQ SDK-6).

use camino::Utf8Path;
use migrate_core::{
    inventory::{self, Category, Class, Disposition, Origin, PopulateError, Prose, Secret},
    name::{
        SecretName,
        convention::{ConventionalName, Tree},
    },
    observed::{Sighting, SourceSecret},
    ports::{Outgoing as _, PortErrorKind},
    value::{SecretBuffer, SecretBytes, wipe},
};
use phase0_sdk::populate::{Creation, Draft, Format, Source, draft};
use serde::Serialize;

use super::Context;
use crate::{
    args,
    error::{CommandError, Reason},
    exit::Exit,
    files, ledger,
    settings::Settings,
    systems,
    ui::Report,
};

/// More than any file of values is, and less than would hurt.
const LARGEST_FILE: usize = 16 * 1024 * 1024;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Populated {
    /// Nothing was changed, by request.
    checked: bool,
    inventory: String,
    #[serde(skip)]
    has_consumers: bool,
    secrets: Vec<Done>,
    /// What now stands twice: lines of the file to take out, by a person.
    remove: Vec<Remove>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Done {
    name: SecretName,
    /// Whether it was not there before.
    is_new: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Remove {
    file: String,
    key: String,
    first_line: usize,
    last_line: usize,
}

impl Report for Populated {
    fn text(&self) -> String {
        let mut text = String::new();
        for done in &self.secrets {
            text += &match (self.checked, done.is_new) {
                (true, true) => format!("{}: would be created\n", done.name),
                (true, false) => format!("{}: is there; its value would be compared\n", done.name),
                (false, true) => format!("{}: created and read back\n", done.name),
                (false, false) => format!("{}: was there with this value\n", done.name),
            };
        }
        if self.checked {
            return text;
        }
        let next = if self.has_consumers { "" } else { "; then say who reads each secret (`consumers`)" };
        text += &format!("{}: commit it, the commit is the record{next}\n", self.inventory);
        if !self.remove.is_empty() {
            text += "take these lines out once their readers use Secrets Manager, and rotate what was ever committed:\n";
            for Remove { file, key, first_line, last_line } in &self.remove {
                let lines = if first_line == last_line { first_line.to_string() } else { format!("{first_line}-{last_line}") };
                text += &format!("  {file}:{lines} {key}\n");
            }
        }
        text
    }
}

pub(super) async fn run(context: &Context, args: &args::Populate) -> Result<Exit, CommandError> {
    let settings = context.settings()?;
    let drafts = drafts(context, args)?;
    let origin = Origin {
        at: to_the_second(context.now()),
        by: prose(&context.environment.operator())?,
        // Replaced for each secret by the keys that it is made of.
        from: prose(args.from.as_str())?,
    };
    let entries = drafts.iter().map(|draft| entry(draft, &origin, args)).collect::<Result<Vec<_>, _>>()?;
    let before = files::read(&settings.inventory)?;
    // The rules first: nothing is created that the inventory would not take.
    let (shown, has_consumers) = (settings.shown(&settings.inventory), !args.consumers.is_empty());
    inventory::populated(before.as_deref(), &entries).map_err(|error| refused(&shown, &error))?;
    not_handed_over(context, &settings, &drafts)?;

    let secrets_manager = systems::outgoing(&settings, &context.environment).await?;
    let names: Vec<SecretName> = drafts.iter().map(|draft| draft.name.clone()).collect();
    let there = secrets_manager.describe(&names).await;
    let is_there = names.iter().zip(&there).map(|(name, seen)| may_be_created(name, seen)).collect::<Result<Vec<_>, _>>()?;
    if args.check {
        let secrets = names.into_iter().zip(is_there).map(|(name, there)| Done { name, is_new: !there, version: None });
        context.printer.show(&Populated {
            checked: true,
            inventory: shown,
            has_consumers,
            secrets: secrets.collect(),
            remove: Vec::new(),
        });
        return Ok(Exit::ChangesPending);
    }
    let mut secrets = Vec::new();
    for (draft, entry) in drafts.iter().zip(&entries) {
        if context.interrupt.requested() {
            return Err(CommandError::new(Reason::Interrupted, "stopped as asked")
                .because_of(format!("{} of {} are done and in {shown}", secrets.len(), drafts.len()))
                .hint("run the same command again; it goes on where it stopped"));
        }
        let creation = Creation {
            description: None,
            kms_key_id: args.kms_key_id.clone(),
            tags: args.tags.iter().cloned().chain(args.owner.clone().map(|owner| ("owner".to_owned(), owner))).collect(),
        };
        let created = secrets_manager.create(&draft.name, &draft.value, &creation).await.map_err(|error| {
            let this = systems::outgoing_failed(&format!("{} is not populated", draft.name), &error);
            if error.kind == PortErrorKind::Conflict {
                this.hint("compare the two yourself; a value that is there is only ever changed by its own writers")
            } else {
                this.hint("run the same command again: what is there with this value counts as done")
            }
        })?;
        // After each, so that a run that dies leaves no secret without its entry but the last.
        let text = files::read(&settings.inventory)?;
        let text = inventory::populated(text.as_deref(), std::slice::from_ref(entry)).map_err(|error| refused(&shown, &error))?;
        files::replace(&settings.inventory, &text)?;
        secrets.push(Done {
            name: draft.name.clone(),
            is_new: created.is_new,
            version: Some(created.version.as_str().to_owned()),
        });
    }
    context.printer.show(&Populated {
        checked: false,
        inventory: shown,
        has_consumers,
        secrets,
        remove: to_remove(&drafts, args),
    });
    Ok(Exit::Done)
}

/// Reads the file and makes the secrets of it.
fn drafts(context: &Context, args: &args::Populate) -> Result<Vec<Draft>, CommandError> {
    let from = args.from.as_str();
    let bytes = if from == "-" {
        read_all(std::io::stdin().lock(), "standard input")?
    } else {
        let path = context.environment.directory.join(&args.from);
        let file = std::fs::File::open(&path).map_err(|error| CommandError::file(format!("can't read {from}"), &error))?;
        read_all(file, from)?
    };
    let format = match args.format {
        Some(args::ValueFormat::Env) => Format::Env,
        Some(args::ValueFormat::Json) => Format::Json,
        Some(args::ValueFormat::Whole) => Format::Whole,
        None if args.map.iter().all(|piece| piece.key.is_none()) => Format::Whole,
        None => by_name(&args.from).ok_or_else(|| {
            CommandError::usage(format!("how is {from} to be read?"))
                .hint("say `--format env`, `--format json` or `--format whole`")
        })?,
    };
    if format == Format::Whole && bytes.expose().ends_with(b"\n") {
        context.printer.note("the file ends in a line feed, which is part of the value");
    }
    let failed = || CommandError::new(Reason::ValuesRefused, format!("nothing can be made of {from}"));
    let source =
        Source::read(bytes, format).map_err(|error| failed().because(&error).hint("mend the file, or name its `--format`"))?;
    draft(source, &args.map).map_err(|errors| failed().findings(errors).hint("mend what is named; nothing was created"))
}

fn read_all(mut from: impl std::io::Read, shown: &str) -> Result<SecretBytes, CommandError> {
    let mut whole = SecretBuffer::default();
    let mut buffer = vec![0; 64 * 1024];
    let end = loop {
        match from.read(&mut buffer) {
            Ok(0) => break Ok(()),
            Ok(read) => whole.extend(buffer.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => break Err(CommandError::file(format!("can't read {shown}"), &error)),
        }
        if whole.expose().len() > LARGEST_FILE {
            let this = CommandError::new(Reason::ValuesRefused, format!("{shown} is larger than any file of values"));
            break Err(this.hint("take out what is no secret"));
        }
    };
    wipe(&mut buffer);
    end.map(|()| whole.into_bytes())
}

fn by_name(path: &Utf8Path) -> Option<Format> {
    let name = path.file_name()?;
    match path.extension() {
        Some("json") => Some(Format::Json),
        Some("env") => Some(Format::Env),
        _ if name == ".env" || name.starts_with(".env.") => Some(Format::Env),
        _ => None,
    }
}

fn entry(draft: &Draft, origin: &Origin, args: &args::Populate) -> Result<Secret, CommandError> {
    let keys: Vec<&str> = draft.made_of.iter().map(|(key, _)| key.as_str()).collect();
    let from = if args.from == "-" { "standard input" } else { args.from.as_str() };
    let from = if keys.is_empty() { from.to_owned() } else { format!("{from} ({})", keys.join(", ")) };
    let owner = args.owner.as_deref().map(prose).transpose()?;
    let exception = args.name_exception.as_deref().map(prose).transpose()?;
    let conventional = ConventionalName::parse(&draft.name);
    Ok(Secret {
        name: draft.name.clone(),
        legacy_name: None,
        name_exception: exception.filter(|_| conventional.is_err()),
        description: None,
        owner,
        category: match conventional {
            Ok(name) if name.tree() == Tree::Config => Category::Configuration,
            _ => Category::Data,
        },
        class: Class::Runtime,
        disposition: Disposition::Moves,
        content: draft.content.clone(),
        consumers: args.consumers.clone(),
        writers: Vec::new(),
        principals: Vec::new(),
        rotation: None,
        encoding: None,
        origin: Some(Origin { from: prose(&from)?, ..origin.clone() }),
        notes: None,
    })
}

/// What people read and compare in Git.
fn to_the_second(now: jiff::Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_second(now.as_second()).unwrap_or(now)
}

fn prose(text: &str) -> Result<Prose, CommandError> {
    Prose::parse(text).map_err(|error| CommandError::usage("this can't stand in an inventory").because(&error))
}

fn refused(shown: &str, error: &PopulateError) -> CommandError {
    let this = CommandError::new(Reason::InventoryInvalid, format!("{shown} can't take the entries; nothing was created"));
    match error {
        PopulateError::Invalid(problems) => super::inventory::invalid(shown, problems),
        PopulateError::Refused(problems) => this
            .findings(problems.iter().map(|problem| {
                problem.secret.as_ref().map_or_else(|| problem.kind.to_string(), |name| format!("{name}: {}", problem.kind))
            }))
            .hint("choose another name, or say `--name-exception REASON`"),
        PopulateError::Layout { entries } => {
            this.because(error).findings(entries.lines()).hint("put these entries into it by hand")
        }
    }
}

/// REQ AUT-5: values never flow back to an earlier authority.
fn not_handed_over(context: &Context, settings: &Settings, drafts: &[Draft]) -> Result<(), CommandError> {
    if !settings.ledger.exists() {
        return Ok(());
    }
    let read = ledger::open(settings, context.printer)?;
    let state = read.chain.state();
    let held: Vec<String> = drafts
        .iter()
        .filter_map(|draft| state.holder_of(&draft.name).map(|(wave, _)| format!("{} is in wave {wave}", draft.name)))
        .collect();
    if held.is_empty() {
        return Ok(());
    }
    Err(CommandError::new(Reason::ValuesRefused, "Secrets Manager may take no new value of these")
        .findings(held)
        .hint("`migrate status` shows the wave; once it is committed, Vault is where a new value goes"))
}

/// Whether it is there already. One that is may be ours, of a run that died; creating compares.
fn may_be_created(name: &SecretName, seen: &Sighting<SourceSecret>) -> Result<bool, CommandError> {
    match seen {
        Sighting::Absent => Ok(false),
        Sighting::Present(seen) if seen.deleted_at.is_some() => {
            Err(CommandError::new(Reason::ValuesRefused, format!("{name} is scheduled for deletion, and so its name is taken"))
                .hint(format!("`aws secretsmanager restore-secret --secret-id {name}`, or another name")))
        }
        Sighting::Present(_) => Ok(true),
        Sighting::Unknown(error) | Sighting::Unreadable(error) => {
            Err(systems::outgoing_failed(&format!("can't tell whether {name} is there"), error))
        }
    }
}

fn to_remove(drafts: &[Draft], args: &args::Populate) -> Vec<Remove> {
    let lines = drafts.iter().flat_map(|draft| &draft.made_of).map(|(key, (first_line, last_line))| Remove {
        file: args.from.to_string(),
        key: key.clone(),
        first_line: *first_line,
        last_line: *last_line,
    });
    let mut lines: Vec<Remove> = if args.from == "-" { Vec::new() } else { lines.collect() };
    lines.sort_by_key(|remove| remove.first_line);
    lines
}
