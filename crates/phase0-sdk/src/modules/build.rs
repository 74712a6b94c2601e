//! One application's module, made of the inventory, in no language yet.

use std::collections::BTreeMap;

use migrate_core::{
    inventory::{Accessor, Consumer, Content, ExternalSecret, Inventory, Secret},
    name::{
        SecretName,
        convention::{ConventionalName, Tree},
        kubernetes::KubernetesName,
    },
    reads::Read,
};

use super::{Refused, words};

/// What an application's module is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    application: String,
    package: Option<String>,
    secrets: Vec<ModuleSecret>,
}

/// One secret that the application reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleSecret {
    /// Its name in Secrets Manager, which is what it is called to people and in errors, too.
    pub id: String,
    /// The words of its accessor: at least one, the first beginning with a letter; with `_` between them at most 60 characters.
    pub words: Vec<String>,
    /// What it is for. May be of several lines, of any characters but control characters.
    pub description: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// The folder of its files where they are mounted, below the folder of all secrets.
    pub folder: String,
    /// What it holds.
    pub content: ModuleContent,
}

/// What a secret holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModuleContent {
    /// A text; the file that holds it where it is mounted.
    Text {
        /// The file, below the secret's folder.
        key: String,
    },
    /// Bytes.
    Binary {
        /// The file, below the secret's folder.
        key: String,
    },
    /// Properties of a JSON object; at least one.
    Properties(Vec<ModuleField>),
}

/// One property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleField {
    /// Its name in the JSON object.
    pub property: String,
    /// The words of the field that holds it, like those of an accessor.
    pub words: Vec<String>,
    /// The file, below the secret's folder.
    pub key: String,
}

impl Module {
    /// Makes the module of an application: every secret that it is a consumer of, in the order of their names in Secrets Manager. `None`
    /// where it is a consumer of none. A secret that does not say what it holds is taken for a text, which every value but a binary one is.
    ///
    /// # Errors
    /// Every [`Refused`].
    pub fn build(inventory: &Inventory, application: &str, package: Option<&str>) -> Result<Option<Self>, Vec<Refused>> {
        let (mut secrets, mut refused) = (Vec::new(), Vec::new());
        for secret in inventory.secrets() {
            let consumers: Vec<&Consumer> =
                secret.consumers.iter().filter(|one| one.application.as_str() == application).collect();
            if consumers.is_empty() {
                continue;
            }
            match of_secret(inventory, secret, &consumers) {
                Ok(made) => secrets.push((&secret.name, made)),
                Err(errors) => refused.extend(errors),
            }
        }
        let mut called: BTreeMap<String, &SecretName> = BTreeMap::new();
        for (name, made) in &secrets {
            if let Some(first) = called.insert(words::flat(&made.words), name) {
                refused.push(Refused::SameAccessor { first: first.clone(), second: (*name).clone(), words: made.words.clone() });
            }
        }
        if !refused.is_empty() {
            return Err(refused);
        }
        let mut secrets: Vec<ModuleSecret> = secrets.into_iter().map(|(_, made)| made).collect();
        secrets.sort_by(|one, other| one.id.cmp(&other.id));
        let module = Self { application: application.to_owned(), package: package.map(str::to_owned), secrets };
        Ok((!module.secrets.is_empty()).then_some(module))
    }

    /// The application, as the inventory calls it: any text.
    #[must_use]
    pub fn application(&self) -> &str {
        &self.application
    }

    /// The package's name, where it was asked for by name; each language says what it takes for one.
    #[must_use]
    pub fn wanted_package(&self) -> Option<&str> {
        self.package.as_deref()
    }

    /// The words of the package's name, where none was asked for: those of the application, and `secrets`.
    #[must_use]
    pub fn package(&self) -> Vec<String> {
        let mut words = words::words(&self.application);
        words.push("secrets".to_owned());
        words
    }

    /// Its secrets, at least one, sorted by `id`.
    #[must_use]
    pub fn secrets(&self) -> &[ModuleSecret] {
        &self.secrets
    }
}

fn of_secret(inventory: &Inventory, secret: &Secret, consumers: &[&Consumer]) -> Result<ModuleSecret, Vec<Refused>> {
    let name = &secret.name;
    let mut refused = Vec::new();
    let words = accessor(name, consumers).unwrap_or_else(|error| {
        refused.push(error);
        Vec::new()
    });
    let mounted = Mounted::of(inventory, secret, consumers);
    let content = match &secret.content {
        Some(Content::Binary) => ModuleContent::Binary { key: mounted.key_of_whole() },
        Some(Content::Properties(properties)) => {
            ModuleContent::Properties(fields(name, properties.iter(), &mounted, &mut refused))
        }
        Some(Content::Text) | None => ModuleContent::Text { key: mounted.key_of_whole() },
    };
    if !refused.is_empty() {
        return Err(refused);
    }
    Ok(ModuleSecret {
        id: secret.source_name().as_str().to_owned(),
        words,
        description: secret.description.as_ref().map(ToString::to_string),
        owner: secret.owner.as_ref().map(ToString::to_string),
        folder: mounted.folder,
        content,
    })
}

/// The declared accessor, else the last two parts of a conventional name (with `config` behind those of configuration), else all parts.
fn accessor(name: &SecretName, consumers: &[&Consumer]) -> Result<Vec<String>, Refused> {
    let mut declared = consumers.iter().filter_map(|consumer| consumer.accessor.as_ref());
    if let Some(first) = declared.next() {
        if declared.any(|other| other != first) {
            return Err(Refused::TwoAccessors { name: name.clone() });
        }
        return Ok(first.words().map(str::to_owned).collect());
    }
    let words = match ConventionalName::parse(name) {
        Ok(conventional) => {
            let (_, parts) = name.as_str().split_once('/').unwrap_or(("", name.as_str()));
            let mut words = words::words(parts);
            if conventional.tree() == Tree::Config {
                words.push("config".to_owned());
            }
            words
        }
        Err(_) => words::words(name.as_str()),
    };
    fitting(words).ok_or_else(|| Refused::NoAccessor { name: name.clone() })
}

fn fitting(words: Vec<String>) -> Option<Vec<String>> {
    (1..=Accessor::LONGEST).contains(&words::snake(&words).len()).then_some(words)
}

fn fields<'p>(
    name: &SecretName,
    properties: impl Iterator<Item = &'p str>,
    mounted: &Mounted,
    refused: &mut Vec<Refused>,
) -> Vec<ModuleField> {
    let mut called: BTreeMap<String, &str> = BTreeMap::new();
    let mut fields = Vec::new();
    for property in properties {
        let Some(words) = fitting(words::words(property)) else {
            refused.push(Refused::NoField { name: name.clone(), property: property.to_owned() });
            continue;
        };
        if let Some(first) = called.insert(words::flat(&words), property) {
            refused.push(Refused::SameField {
                name: name.clone(),
                first: first.to_owned(),
                second: property.to_owned(),
                words: words.clone(),
            });
        }
        fields.push(ModuleField { property: property.to_owned(), words, key: mounted.key_of(property) });
    }
    fields
}

/// Where the files of a secret are, in a pod: in a folder named after the Kubernetes Secret, as `migrate eso emit` shows workloads to mount
/// it, under the keys that the ExternalSecret gives.
struct Mounted {
    folder: String,
    whole: Option<String>,
    properties: BTreeMap<String, String>,
}

impl Mounted {
    fn of(inventory: &Inventory, secret: &Secret, consumers: &[&Consumer]) -> Self {
        let Some(external_secret) = consumers.iter().find_map(|consumer| consumer.external_secret()) else {
            let made = KubernetesName::for_secret(&secret.name).map(|name| name.to_string());
            let folder = made.unwrap_or_else(|_| words::words(secret.name.as_str()).join("-"));
            return Self { folder, whole: None, properties: BTreeMap::new() };
        };
        let mut mounted = Self { folder: folder(inventory, external_secret), whole: None, properties: BTreeMap::new() };
        for read in &external_secret.reads {
            match read {
                Read::Whole { secret_key, .. } => mounted.whole = Some(secret_key.clone()),
                Read::Property { secret_key, property, .. } => {
                    mounted.properties.insert(property.clone(), secret_key.clone());
                }
                Read::Extract { .. } | Read::Find { .. } => {}
            }
        }
        mounted
    }

    /// What ESO's examples call a whole secret, and our codec too, where no read says another key.
    fn key_of_whole(&self) -> String {
        self.whole.clone().unwrap_or_else(|| "value".to_owned())
    }

    /// The key under which a property is read; an `extract` keeps its name but for what a key can't hold.
    fn key_of(&self, property: &str) -> String {
        let converted =
            || property.chars().map(|c| if c.is_ascii_alphanumeric() || "-._".contains(c) { c } else { '_' }).collect();
        self.properties.get(property).cloned().unwrap_or_else(converted)
    }
}

fn folder(inventory: &Inventory, external_secret: &ExternalSecret) -> String {
    let declared = inventory.external_secrets().iter().find(|declared| declared.id == external_secret.id);
    let target = declared.and_then(|declared| declared.shape.target.name.as_ref());
    target.unwrap_or_else(|| external_secret.id.name()).to_string()
}
