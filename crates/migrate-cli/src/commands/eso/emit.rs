//! `migrate eso emit`: the inventory as manifests, for one environment or all of them.

use migrate_core::inventory::Inventory;
use phase1_eso::{
    emit::{self as eso, Defaults, EmittedText, Environment, FromVault, Refusal, Wanted},
    store::VaultStore,
    version::EsoVersion,
};
use serde::Serialize;

use super::{
    super::{Context, inventory},
    sources::{self, Sources},
};
use crate::{
    args::{
        Global,
        eso::{Emit, Layout, Store},
    },
    emitted::{self, Comment, Emission, EmittedFile},
    error::{CommandError, Reason},
    exit::Exit,
    settings::{self, EnvironmentName, Settings},
    ui::{Report, count},
};

pub(in crate::commands) const ORIGIN: &str = "migrate eso emit";

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Emitted {
    environments: Vec<Version>,
    /// What is not as it was.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    losses: Vec<String>,
    #[serde(flatten)]
    emission: Emission,
}

/// What an environment's manifests are made for.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    environment: String,
    eso_version: String,
    knowledge: String,
}

impl Report for Emitted {
    fn text(&self) -> String {
        let mut text = self.emission.text();
        for Version { environment, eso_version, knowledge } in &self.environments {
            text += &format!("{environment}: for External Secrets Operator {eso_version} ({knowledge})\n");
        }
        for loss in &self.losses {
            text += &format!("~ {loss}\n");
        }
        text
    }
}

pub(in crate::commands) fn run(context: &Context, args: &Emit) -> Result<Exit, CommandError> {
    let layout = layout(args.layout, args.helm)?;
    let names = environments(context)?;
    if args.layout == Layout::Flat && names.len() > 1 {
        return Err(CommandError::usage(format!("--layout flat is for one environment, and there are {}", names.len()))
            .hint("name it with --environment"));
    }
    let (mut made, mut versions, mut losses) = (Vec::new(), Vec::new(), Vec::new());
    for name in names {
        let settings = of(context, &name)?;
        let version = args.eso_version.unwrap_or(settings.eso.version);
        let emitted = one(context, args, &settings, version)?;
        losses.extend(emitted.losses.iter().map(|loss| format!("{name}: {loss}")));
        let knowledge = version.knowledge().to_string();
        versions.push(Version { environment: name.to_string(), eso_version: version.to_string(), knowledge });
        made.push(Environment { name: name.to_string(), emitted });
    }
    let files: Vec<EmittedFile> = eso::files(&made, layout).into_iter().map(file).collect();
    let out = &args.emitting.out;
    let folder = context.environment.directory.join(out);
    let emission = emitted::emit(&folder, out.as_str(), ORIGIN, &files, (&args.emitting).into())?;
    if args.ahead_of_commit {
        context.printer.note("apply nothing of this before `migrate status` says that its waves are committed");
    }
    let exit = emission.exit();
    context.printer.show(&Emitted { environments: versions, losses, emission });
    Ok(exit)
}

/// How files are laid out.
pub(in crate::commands) fn layout(layout: Layout, helm: bool) -> Result<eso::Layout, CommandError> {
    match (layout, helm) {
        (Layout::Flat, helm) => Ok(eso::Layout::Flat { helm }),
        (_, true) => Err(CommandError::usage("--helm goes with --layout flat")
            .because_of("Helm does not read what kustomize builds")
            .hint("add `--layout flat`, or leave `--helm` out")),
        (Layout::Kustomize, false) => Ok(eso::Layout::Kustomize),
        (Layout::Argocd, false) => Ok(eso::Layout::ArgoCd),
    }
}

/// The manifests of another environment, each secret read from its authority.
pub(in crate::commands) fn by_authority(context: &Context, name: &EnvironmentName) -> Result<Environment, CommandError> {
    let settings = of(context, name)?;
    let inventory = inventory::of(&settings)?;
    let sources = sources::sources(context, &settings, &inventory, Store::Authority, false)?;
    Ok(Environment { name: name.to_string(), emitted: reading(&settings, &inventory, settings.eso.version, sources)? })
}

/// The environments that have `eso`.
pub(in crate::commands) fn declared(context: &Context) -> Result<Vec<EnvironmentName>, CommandError> {
    let (_, file) = settings::find(&context.global, &context.environment)?;
    Ok(file.environments.into_iter().filter(|(_, table)| table.eso.is_some()).map(|(name, _)| name).collect())
}

/// The environment that was named, else all that have `eso`, else the only one.
fn environments(context: &Context) -> Result<Vec<EnvironmentName>, CommandError> {
    if let Some(name) = settings::wanted(&context.global, &context.environment)? {
        return Ok(vec![name]);
    }
    let declared = declared(context)?;
    if declared.is_empty() { Ok(vec![Settings::load(&context.global, &context.environment)?.environment]) } else { Ok(declared) }
}

fn of(context: &Context, name: &EnvironmentName) -> Result<Settings, CommandError> {
    let global = Global { environment: Some(name.to_string()), ..context.global.clone() };
    Settings::load(&global, &context.environment)
}

fn one(context: &Context, args: &Emit, settings: &Settings, version: EsoVersion) -> Result<eso::Emitted, CommandError> {
    let inventory = inventory::of(settings)?;
    let sources = sources::sources(context, settings, &inventory, args.store, args.ahead_of_commit)?;
    reading(settings, &inventory, version, sources)
}

/// The manifests of one environment, each secret read from where `sources` says.
pub(in crate::commands) fn reading(
    settings: &Settings,
    inventory: &Inventory,
    version: EsoVersion,
    sources: Sources,
) -> Result<eso::Emitted, CommandError> {
    let aws = settings.eso.aws_store()?;
    let vault = if sources.0.is_empty() { None } else { Some(settings.eso.vault_store()?) };
    let defaults = Defaults {
        refresh_policy: settings.eso.refresh_policy,
        refresh_interval: settings.eso.refresh_interval,
        deletion_policy: settings.eso.deletion_policy,
    };
    let vault = vault.as_ref().map(|store| from_vault(settings, store, sources)).transpose()?;
    let emitted = eso::emit(&Wanted { inventory, version, defaults, aws: &aws, vault })
        .map_err(|refused| not_emitted(settings, inventory, &refused))?;
    if emitted.external_secrets.is_empty() {
        return Err(CommandError::new(Reason::NothingSelected, "the inventory has no ExternalSecret")
            .because_of(format!("{} names no consumer that reads through one", settings.shown(&settings.inventory)))
            .hint("`migrate eso import` takes over the ones that you have, or say who reads each secret under `consumers`"));
    }
    Ok(emitted)
}

fn from_vault<'s>(settings: &Settings, store: &'s VaultStore, sources: Sources) -> Result<FromVault<'s>, CommandError> {
    let mut secrets = std::collections::BTreeMap::new();
    for (name, source) in sources.0 {
        if source.mount.trim_matches('/') != store.mount.trim_matches('/') {
            let environment = &settings.environment;
            return Err(CommandError::configuration(format!(
                "the store reads from the mount {}, and {name} goes to {}",
                store.mount, source.mount
            ))
            .hint(format!("`mount` below [environment.{environment}.eso.vault] must be the one that the plan was made for")));
        }
        secrets.insert(name, source.spelled);
    }
    Ok(FromVault { store, secrets })
}

fn not_emitted(settings: &Settings, inventory: &Inventory, refused: &[Refusal]) -> CommandError {
    let shown = settings.shown(&settings.inventory);
    let heading = format!("no manifests can be made of {shown} ({}, {})", settings.environment, count(inventory.len(), "secret"));
    CommandError::new(Reason::NotEmitted, heading)
        .because_of("nothing was written")
        .findings(refused)
        .hint(format!("mend them in {shown}"))
}

pub(in crate::commands) fn file(text: EmittedText) -> EmittedFile {
    let EmittedText { path, text } = text;
    if path.ends_with(".md") {
        EmittedFile { comment: Comment::Markup, ..EmittedFile::new(path, text) }
    } else {
        EmittedFile::new(path, text)
    }
}
