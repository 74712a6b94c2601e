//! `migrate sdk emit`: one application's typed module, made of the inventory (REQ SDK-2).

use std::collections::BTreeSet;

use migrate_core::{
    inventory::{ConsumerMeans, Inventory},
    name::SecretName,
};
use phase0_sdk::modules::{Comments, EmittedText, Language, Module, Refused};
use serde::Serialize;

use super::{Context, inventory};
use crate::{
    args::EmitModule,
    emitted::{self, Comment, Emission, EmittedFile},
    error::{CommandError, Reason},
    exit::Exit,
    settings::Settings,
    ui::{Report, count},
};

const ORIGIN: &str = "migrate sdk emit";

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Emitted {
    application: String,
    language: &'static str,
    secrets: usize,
    /// Secrets that do not say what they hold, and were taken for texts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    taken_for_text: Vec<SecretName>,
    #[serde(flatten)]
    emission: Emission,
}

impl Report for Emitted {
    fn text(&self) -> String {
        let mut text = self.emission.text();
        text += &format!("{}: {} in {}\n", self.application, count(self.secrets, "secret"), self.language);
        for name in &self.taken_for_text {
            text += &format!("~ {name}: taken for a text; its `content` says what it holds: text, binary or properties\n");
        }
        text
    }
}

pub(super) fn run(context: &Context, args: &EmitModule) -> Result<Exit, CommandError> {
    let settings = context.settings()?;
    let inventory = inventory::of(&settings)?;
    let module = Module::build(&inventory, &args.application, args.package.as_deref())
        .map_err(|refused| not_emitted(&settings, &args.application, &refused))?
        .ok_or_else(|| no_secrets(&settings, &inventory, &args.application))?;
    let language = args.language.map_or_else(|| declared_language(&settings, &inventory, &args.application), Ok)?;
    let files = language.files(&module).map_err(|refused| not_emitted(&settings, &args.application, &refused))?;
    let files: Vec<EmittedFile> = files.into_iter().map(file).collect();
    let out = &args.emitting.out;
    let folder = context.environment.directory.join(out);
    let emission = emitted::emit(&folder, out.as_str(), ORIGIN, &files, (&args.emitting).into())?;
    let exit = emission.exit();
    context.printer.show(&Emitted {
        application: args.application.clone(),
        language: language.name(),
        secrets: module.secrets().len(),
        taken_for_text: undeclared(&inventory, &args.application),
        emission,
    });
    Ok(exit)
}

fn file(text: EmittedText) -> EmittedFile {
    let comment = match text.comments {
        Comments::Hash => Comment::Hash,
        Comments::Slashes => Comment::Slashes,
        Comments::JsonObject => Comment::JsonMember,
    };
    EmittedFile { comment, ..EmittedFile::new(text.path, text.text) }
}

/// The one language that the application's consumers name.
fn declared_language(settings: &Settings, inventory: &Inventory, application: &str) -> Result<Language, CommandError> {
    let shown = settings.shown(&settings.inventory);
    let consumers = inventory.secrets().iter().flat_map(|secret| &secret.consumers);
    let texts: BTreeSet<&str> = consumers
        .filter(|consumer| consumer.application.as_str() == application)
        .filter_map(|consumer| match &consumer.means {
            ConsumerMeans::Sdk(sdk) => sdk.language.as_ref().map(|language| language.as_str()),
            ConsumerMeans::ExternalSecret(_) => None,
        })
        .collect();
    let languages: Result<BTreeSet<Language>, _> = texts.iter().map(|text| text.parse()).collect();
    let this = CommandError::usage(format!("in which language is the module of {application} to be?"));
    let hint = "say `--language typescript`, `python`, `go` or `rust`";
    match languages.map(|languages| languages.into_iter().collect::<Vec<_>>()).as_deref() {
        Ok([language]) => Ok(*language),
        Ok([]) => Err(this.because_of(format!("{shown} names none below `sdk` of its consumers")).hint(hint)),
        Ok(_) => Err(this.because_of(format!("{shown} names several: {}", list(&texts))).hint(hint)),
        Err(error) => Err(this.because_of(format!("{shown} says {}", list(&texts))).because(error).hint(hint)),
    }
}

fn list(texts: &BTreeSet<&str>) -> String {
    texts.iter().copied().collect::<Vec<_>>().join(", ")
}

fn undeclared(inventory: &Inventory, application: &str) -> Vec<SecretName> {
    let reads = inventory.secrets().iter().filter(|secret| secret.content.is_none());
    let reads = reads.filter(|secret| secret.consumers.iter().any(|consumer| consumer.application.as_str() == application));
    reads.map(|secret| secret.name.clone()).collect()
}

fn not_emitted(settings: &Settings, application: &str, refused: &[Refused]) -> CommandError {
    let hint = if refused.iter().any(|refused| matches!(refused, Refused::Package { .. })) {
        "choose another name with `--package`".to_owned()
    } else {
        format!("mend them in {}", settings.shown(&settings.inventory))
    };
    CommandError::new(Reason::NotEmitted, format!("no module can be made for {application}"))
        .because_of("nothing was written")
        .findings(refused)
        .hint(hint)
}

fn no_secrets(settings: &Settings, inventory: &Inventory, application: &str) -> CommandError {
    let shown = settings.shown(&settings.inventory);
    let consumers = inventory.secrets().iter().flat_map(|secret| &secret.consumers);
    let known: BTreeSet<&str> = consumers.map(|consumer| consumer.application.as_str()).collect();
    let this = CommandError::new(Reason::NothingSelected, format!("{application} reads no secret"))
        .because_of(format!("{shown} names it as no secret's consumer"));
    if known.is_empty() {
        this.hint(format!("say who reads each secret, below `consumers` in {shown}"))
    } else {
        this.hint(format!("applications that it names: {}", list(&known)))
    }
}
