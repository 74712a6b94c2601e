//! `migrate init`: migrate.toml and an empty ledger, at the root of a Git repository. A second run changes nothing.

use camino::{Utf8Path, Utf8PathBuf};
use driver::{LedgerFile, ledger_git::RemoteName, shared::Founded};
use migrate_core::id::LedgerId;
use serde::Serialize;

use super::Context;
use crate::{
    args,
    error::{CommandError, Reason},
    exit::Exit,
    files, ledger,
    settings::{CONFIG_FILE, DEFAULT_REMOTE, EnvironmentName, Settings, default_reference, read_config, repository_of, wanted},
    shared,
    ui::Report,
};

/// What was made.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Made {
    environment: String,
    config: String,
    ledger: String,
    ledger_id: String,
    /// Paths that were written, relative to the repository; empty where nothing was to do.
    written: Vec<String>,
}

impl Report for Made {
    fn text(&self) -> String {
        if self.written.is_empty() {
            return format!("environment {} is set up already; nothing was changed\n", self.environment);
        }
        let mut text = format!("environment {} is set up:\n", self.environment);
        for path in &self.written {
            text += &format!("  wrote {path}\n");
        }
        text + "commit these files, then `migrate inventory import`\n"
    }
}

pub(super) async fn run(context: &Context, args: &args::Init) -> Result<Exit, CommandError> {
    let config = config_path(context)?;
    let mut written = Vec::new();
    let existing = config.exists().then(|| read_config(&config)).transpose()?;
    let name = match wanted(&context.global, &context.environment)? {
        Some(name) => name,
        None => only(existing.as_ref()).unwrap_or_else(EnvironmentName::default_name),
    };
    if existing.as_ref().is_none_or(|file| !file.environments.contains_key(&name)) {
        let is_first = existing.as_ref().is_none_or(|file| file.environments.is_empty());
        let before = files::read(&config)?.unwrap_or_default();
        files::replace(&config, &(before.clone() + &table(context, &name, is_first, before.is_empty())))?;
        written.push(CONFIG_FILE.to_owned());
    }
    if let Some(remote) = &args.shared
        && share(&config, &name, remote)?
        && !written.iter().any(|path| path == CONFIG_FILE)
    {
        written.push(CONFIG_FILE.to_owned());
    }
    let mut global = context.global.clone();
    (global.config, global.environment) = (Some(config.clone()), Some(name.to_string()));
    let settings = Settings::load(&global, &context.environment)?;
    let id = LedgerId::new(uuid::Uuid::new_v4().to_string());
    if let Some(shared) = &settings.shared {
        match shared::make(&settings, shared, &context.environment, &id, context.now()).await? {
            Founded::Made | Founded::Put => written.push(format!("{} to {}", shared.reference, shared.remote)),
            Founded::Joined => written.push(format!("{} from {}", settings.shown(&settings.ledger), shared.remote)),
            Founded::There => {}
        }
    }
    let ledger_id = match driver::ledger_file::read(settings.ledger.as_std_path()) {
        Ok(ledger) => ledger.chain.state().ledger.clone(),
        Err(driver::LedgerError::Missing(_)) => {
            LedgerFile::create(settings.ledger.as_std_path(), id.clone(), &context.environment.operator(), context.now())
                .map_err(|error| ledger::broken(&settings, &error))?;
            written.push(settings.shown(&settings.ledger));
            Some(id)
        }
        Err(error) => return Err(ledger::broken(&settings, &error)),
    };
    if let Some(path) = ignore(&settings)? {
        written.push(path);
    }
    context.printer.show(&Made {
        environment: name.to_string(),
        config: settings.shown(&config),
        ledger: settings.shown(&settings.ledger),
        ledger_id: ledger_id.map(|id| id.to_string()).unwrap_or_default(),
        written,
    });
    Ok(Exit::Done)
}

fn config_path(context: &Context) -> Result<Utf8PathBuf, CommandError> {
    let directory = &context.environment.directory;
    let path = context.global.config.as_ref().map(|path| directory.join(path));
    let folder = path.as_deref().and_then(Utf8Path::parent).unwrap_or(directory);
    let repository = repository_of(folder).ok_or_else(|| {
        CommandError::new(Reason::NoRepository, "this is no Git repository")
            .because_of("the ledger and the inventory are the audit record, and live in Git")
            .hint("`git init`, or go to the repository that shall hold them")
    })?;
    Ok(path.unwrap_or_else(|| repository.join(CONFIG_FILE)))
}

fn only(file: Option<&crate::settings::ConfigFile>) -> Option<EnvironmentName> {
    let mut names = file?.environments.keys();
    names.next().filter(|_| names.next().is_none()).cloned()
}

/// The table of a new environment. What the surroundings say about where the stores are is written down, so that a repository names its
/// stores itself; credentials never are.
fn table(context: &Context, name: &EnvironmentName, is_first: bool, is_new_file: bool) -> String {
    let mut text = String::new();
    if is_new_file {
        text += "# Which stores, and where what is about them lies. Never a credential: those come from the AWS credential chain,\n\
                 # and from VAULT_TOKEN or `vault login`. Environment variables go before what stands here.\n";
    }
    text += &format!(
        "\n[environment.{name}]\n\
         inventory = \"{}\"\n\
         # ledger = \"{}\"\n\
         # plans = \"migrate/{name}/plans\"\n",
        crate::settings::DEFAULT_INVENTORY,
        crate::settings::default_ledger(name),
    );
    let variable = |names: &[&str]| names.iter().find_map(|name| context.environment.variable(name));
    let setting = |key: &str, found: Option<&str>, example: &str| match found {
        Some(found) if !crate::settings::has_user_information(found) => format!("{key} = {}\n", toml::Value::from(found)),
        _ => format!("# {key} = {example}\n"),
    };
    text += &format!("\n[environment.{name}.outgoing]\n");
    text += &setting("region", variable(&["AWS_REGION", "AWS_DEFAULT_REGION"]), "\"eu-central-1\"");
    text += "# Roles that the fence lets through, with their paths: of this tool, and of break-glass. Default: the caller alone.\n\
             # exempt_principals = [\"arn:aws:iam::111111111111:role/migrate\"]\n\
             # How long a fence must stand before it is relied on.\n\
             # settle = \"5m\"\n\
             # What closes a secret: its resource policy, a tag, or what the organisation applies (`migrate sdk policy`).\n\
             # fence = \"resource-policy\"\n\
             # How long a rotation in flight can take; a Lambda function runs for 15 minutes at most.\n\
             # rotation_wait = \"15m\"\n\
             # How long a reader may keep a value; what a seal waits.\n\
             # seal_wait = \"1h\"\n\
             # Ask CloudTrail whose reads were refused after a seal.\n\
             # cloudtrail = true\n\
             # An ordinary writer, not exempt, that tries to write and must be refused before a fence counts (or `probe_profile`).\n\
             # probe_role = \"arn:aws:iam::111111111111:role/migrate-probe\"\n\
             # Share of each service quota that may be used.\n\
             # quota_share = 0.8\n";
    text += &format!("\n[environment.{name}.incoming]\n");
    text += &setting("address", variable(&["BAO_ADDR", "VAULT_ADDR"]), "\"https://vault.example.internal:8200\"");
    text += &setting("namespace", variable(&["BAO_NAMESPACE", "VAULT_NAMESPACE"]), "\"platform\"");
    text += "# ca_cert = \"ca.pem\"\n# mount = \"secret\"\n";
    text += "# Policies whose holders may write members before the handover is complete, besides our own token's.\n\
             # administrators = [\"admin\"]\n\
             # Where policies can't be read (those of a namespace above): declares that none of them lets write.\n\
             # policies_declared = true\n";
    if is_first {
        text += "# Where the ledger's anchor is kept below the mount.\n# anchor = \"migrate/anchor\"\n";
    } else {
        text += &format!("anchor = \"migrate/{name}/anchor\"\n");
    }
    text
}

/// Adds the table that shares the ledger of an environment, where there is none. Says whether it was added.
fn share(config: &Utf8Path, name: &EnvironmentName, remote: &RemoteName) -> Result<bool, CommandError> {
    let known = read_config(config)?.environments.get(name).and_then(|table| table.shared.clone());
    match known {
        Some(known) if known.remote.as_ref().map_or(DEFAULT_REMOTE, RemoteName::as_str) == remote.as_str() => Ok(false),
        Some(_) => Err(CommandError::configuration(format!("the ledger of environment {name} is shared through another remote"))
            .hint(format!("change `remote` below [environment.{name}.shared] in {CONFIG_FILE}"))),
        None => {
            let before = files::read(config)?.unwrap_or_default();
            let table = format!(
                "\n# The ledger lies on a Git ref of its own, which every operator pushes to; the file here is a copy of it.\n\
                 [environment.{name}.shared]\nremote = \"{remote}\"\n# ref = \"{}\"\n",
                default_reference(name)
            );
            files::replace(config, &(before + &table))?;
            Ok(true)
        }
    }
}

/// The lock beside the ledger is about this machine and stays out of Git; so does the copy of a ledger that is shared.
fn ignore(settings: &Settings) -> Result<Option<String>, CommandError> {
    const LOCK: &str = "*.lock";
    let Some(folder) = settings.ledger.parent() else { return Ok(None) };
    let path = folder.join(".gitignore");
    let text = files::read(&path)?.unwrap_or_default();
    let copy = settings.shared.as_ref().and(settings.ledger.file_name());
    let missing: Vec<&str> =
        [Some(LOCK), copy].into_iter().flatten().filter(|line| !text.lines().any(|there| there.trim() == *line)).collect();
    if missing.is_empty() {
        return Ok(None);
    }
    let separator = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    files::replace(&path, &format!("{text}{separator}{}\n", missing.join("\n")))?;
    Ok(Some(settings.shown(&path)))
}
