//! What changes in an application: an example patch, and a page about it. Neither is applied by anything; they are for people to take from.

use std::collections::{BTreeMap, BTreeSet};

use migrate_core::yaml;

use super::{
    Mounted,
    layout::{EmittedText, Environment},
    object::Ordered,
};

/// Environment variables shown for one Secret; the idea is clear by then.
const SHOWN_KEYS: usize = 5;

/// One folder for each application of all environments.
pub(super) fn files(environments: &[Environment]) -> Vec<EmittedText> {
    let mut applications: BTreeMap<&str, BTreeSet<&Mounted>> = BTreeMap::new();
    for environment in environments {
        for (application, mounted) in &environment.emitted.applications {
            applications.entry(application).or_default().extend(mounted);
        }
    }
    let mut taken = BTreeSet::new();
    let mut files = Vec::new();
    for (application, mounted) in applications {
        let folder = folder(application, &mut taken);
        files.push(EmittedText { path: format!("workloads/{folder}/patch.yaml"), text: patches(&folder, &mounted) });
        files.push(EmittedText { path: format!("workloads/{folder}/README.md"), text: page(application, &mounted) });
    }
    files
}

/// A folder's name made of an application's; the second of two alike gets a number.
fn folder(application: &str, taken: &mut BTreeSet<String>) -> String {
    let plain = application.to_lowercase();
    let words: Vec<&str> = plain.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let mut name: String = words.join("-").chars().take(50).collect::<String>().trim_end_matches('-').to_owned();
    if name.is_empty() {
        "application".clone_into(&mut name);
    }
    let free =
        (1_u32..).map(|nth| if nth == 1 { name.clone() } else { format!("{name}-{nth}") }).find(|name| !taken.contains(name));
    let free = free.unwrap_or(name);
    taken.insert(free.clone());
    free
}

/// One patch for each namespace.
fn patches(name: &str, mounted: &BTreeSet<&Mounted>) -> String {
    let mut places: BTreeMap<Option<&str>, Vec<&Mounted>> = BTreeMap::new();
    for mounted in mounted {
        let there = places.entry(mounted.namespace.as_deref()).or_default();
        if !there.iter().any(|known| known.secret == mounted.secret) {
            there.push(mounted);
        }
    }
    let patches: Vec<String> =
        places.into_iter().map(|(namespace, mounted)| yaml::to_yaml(&patch(name, namespace, &mounted))).collect();
    patches.join("---\n")
}

/// A strategic merge patch.
fn patch(name: &str, namespace: Option<&str>, mounted: &[&Mounted]) -> Ordered {
    let secrets: Vec<&str> = mounted.iter().map(|mounted| mounted.secret.as_str()).collect();
    let reload = map([("secret.reloader.stakater.com/reload", text(secrets.join(",")))]);
    let mut metadata = vec![("name".to_owned(), text(name))];
    metadata.extend(namespace.map(|namespace| ("namespace".to_owned(), text(namespace))));
    metadata.push(("annotations".to_owned(), reload));

    let mut container = vec![("name".to_owned(), text(name))];
    let variables: Vec<Ordered> = mounted.iter().flat_map(|mounted| variables(mounted)).collect();
    if !variables.is_empty() {
        container.push(("env".to_owned(), Ordered::List(variables)));
    }
    let whole: Vec<Ordered> = mounted
        .iter()
        .filter(|mounted| !mounted.is_complete)
        .map(|mounted| map([("secretRef", map([("name", text(&mounted.secret))]))]))
        .collect();
    if !whole.is_empty() {
        container.push(("envFrom".to_owned(), Ordered::List(whole)));
    }
    let volume_name = |nth: usize| text(format!("secret-{}", nth + 1));
    let mounts = secrets.iter().enumerate().map(|(nth, secret)| {
        let path = text(format!("/etc/secrets/{secret}"));
        map([("name", volume_name(nth)), ("mountPath", path), ("readOnly", Ordered::Boolean(true))])
    });
    let volumes = secrets
        .iter()
        .enumerate()
        .map(|(nth, secret)| map([("name", volume_name(nth)), ("secret", map([("secretName", text(*secret))]))]));
    container.push(("volumeMounts".to_owned(), Ordered::List(mounts.collect())));
    let pod = map([("containers", Ordered::List(vec![Ordered::Map(container)])), ("volumes", Ordered::List(volumes.collect()))]);
    map([
        ("apiVersion", text("apps/v1")),
        ("kind", text("Deployment")),
        ("metadata", Ordered::Map(metadata)),
        ("spec", map([("template", map([("spec", pod)]))])),
    ])
}

/// Keys that are known, as environment variables.
fn variables(mounted: &Mounted) -> Vec<Ordered> {
    let variable = |key: &String| {
        let name: String = key.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
        let name = if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name };
        let reference = map([("name", text(&mounted.secret)), ("key", text(key))]);
        map([("name", text(name)), ("valueFrom", map([("secretKeyRef", reference)]))])
    };
    mounted.keys.iter().take(SHOWN_KEYS).map(variable).collect()
}

fn page(application: &str, mounted: &BTreeSet<&Mounted>) -> String {
    // The mark of an emitted file opens a comment.
    let mut page = format!("-->\n# {application}: what changes in its workload\n\n");
    page += "It reads these Kubernetes Secrets, which External Secrets Operator keeps up to date:\n\n";
    page += "| namespace | Secret | keys |\n|---|---|---|\n";
    for mounted in mounted {
        let mut keys = mounted.keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
        if !mounted.is_complete {
            keys += if keys.is_empty() { "what its source holds" } else { ", and what its source holds" };
        }
        let namespace = mounted.namespace.as_deref().map_or_else(|| "several".to_owned(), |namespace| format!("`{namespace}`"));
        page += &format!("| {namespace} | `{}` | {keys} |\n", mounted.secret);
    }
    page += "\n`patch.yaml` is an example, applied by nothing: take what you need of it into your own manifests. It shows three ways in:\n\n\
             - `env`: one key as one environment variable, or `envFrom`: all keys. Read once, when the container starts.\n\
             - a volume: each key as a file. Renewed in place about a minute after the Secret, unless mounted with `subPath`.\n\
             - the annotation of [stakater/reloader](https://github.com/stakater/Reloader), which restarts the pods when a Secret changes; \
             without it or something alike, variables keep what they were.\n\n\
             The Secrets keep their names and keys when their authority moves to Vault: nothing here changes then. The workload mounts a \
             Secret and knows neither Secrets Manager nor Vault: no address, no role, no token. If it had any for secrets, take them out.\n";
    page
}

fn map<const N: usize>(entries: [(&str, Ordered); N]) -> Ordered {
    Ordered::Map(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

fn text(text: impl Into<String>) -> Ordered {
    Ordered::Text(text.into())
}
