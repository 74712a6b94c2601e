//! Which file each object stands in.
//!
//! ```text
//! kustomize, argocd   base/             what all environments have alike
//!                     overlays/NAME/    the stores, and what this environment has otherwise or alone
//! flat                every object of one environment
//! all                 workloads/APPLICATION/   examples for people; no kustomization names them
//! ```
//!
//! There are no patches: an object that is not the same everywhere stands whole in each overlay, so that a reviewer reads what is applied.

use std::collections::BTreeSet;

use migrate_core::yaml;
use sha2::{Digest as _, Sha256};

use super::{Emitted, object::Object, object::Ordered, workload};
use crate::table::Kind;

/// How files are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// A base, and an overlay for each environment.
    Kustomize,
    /// The same, with Argo CD's sync waves: stores before ExternalSecrets before everything else.
    ArgoCd,
    /// The objects of one environment in one folder.
    Flat {
        /// Whether Helm will read the files: what it would take for its own actions is wrapped so that it prints it.
        helm: bool,
    },
}

/// One environment and what was made for it.
#[derive(Clone, Debug)]
pub struct Environment {
    /// Its name.
    pub name: String,
    /// Its objects.
    pub emitted: Emitted,
}

/// A file to emit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmittedText {
    /// Where, relative to the folder.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// Argo CD applies lower waves first; what says nothing is in wave 0 (<https://argo-cd.readthedocs.io/en/stable/user-guide/sync-waves/>).
const SYNC_WAVE: &str = "argocd.argoproj.io/sync-wave";
/// A file's name may have 255 bytes on common systems; this leaves room for what tools append.
const NAME_BYTES: usize = 200;

/// Lays the objects of all environments out in files, ordered by path. [`Layout::Flat`] is for one environment.
#[must_use]
pub fn files(environments: &[Environment], layout: Layout) -> Vec<EmittedText> {
    let mut files = match layout {
        Layout::Flat { helm } => {
            let objects = environments.iter().flat_map(|environment| environment.emitted.objects());
            objects.map(|object| EmittedText { path: file_name(object), text: text(object, helm) }).collect()
        }
        Layout::Kustomize => overlaid(environments, |_, _| {}),
        Layout::ArgoCd => overlaid(environments, |object, wave| {
            object.annotations.entry(SYNC_WAVE.to_owned()).or_insert_with(|| wave.to_string());
        }),
    };
    files.extend(workload::files(environments));
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

impl Emitted {
    fn objects(&self) -> impl Iterator<Item = &Object> {
        self.stores.iter().chain(&self.external_secrets)
    }
}

fn overlaid(environments: &[Environment], prepare: impl Fn(&mut Object, i8)) -> Vec<EmittedText> {
    let prepared: Vec<(&str, Vec<Object>, Vec<Object>)> = environments
        .iter()
        .map(|environment| {
            let with = |objects: &[Object], wave| {
                let mut objects = objects.to_vec();
                objects.iter_mut().for_each(|object| prepare(object, wave));
                objects
            };
            (environment.name.as_str(), with(&environment.emitted.stores, -2), with(&environment.emitted.external_secrets, -1))
        })
        .collect();
    let is_shared = |object: &Object| prepared.iter().all(|(_, _, others)| others.contains(object));
    let first = prepared.first().map(|(_, _, objects)| objects.as_slice()).unwrap_or_default();
    let shared: Vec<&Object> = first.iter().filter(|object| is_shared(object)).collect();
    let mut files = Vec::new();
    folder("base", &shared, false, &mut files);
    for (name, stores, external_secrets) in &prepared {
        let own: Vec<&Object> = stores.iter().chain(external_secrets.iter().filter(|object| !is_shared(object))).collect();
        folder(&format!("overlays/{name}"), &own, !shared.is_empty(), &mut files);
    }
    files
}

/// A folder that kustomize builds.
fn folder(path: &str, objects: &[&Object], has_base: bool, files: &mut Vec<EmittedText>) {
    if objects.is_empty() && !has_base {
        return;
    }
    let text = |text: &str| Ordered::Text(text.to_owned());
    let names: BTreeSet<String> = objects.iter().map(|object| file_name(object)).collect();
    let base = has_base.then(|| "../../base".to_owned());
    let resources = base.into_iter().chain(names).map(|name| text(&name)).collect();
    let kustomization = Ordered::Map(vec![
        ("apiVersion".to_owned(), text("kustomize.config.k8s.io/v1beta1")),
        ("kind".to_owned(), text("Kustomization")),
        ("resources".to_owned(), Ordered::List(resources)),
    ]);
    files.push(EmittedText { path: format!("{path}/kustomization.yaml"), text: yaml::to_yaml(&kustomization) });
    files.extend(
        objects.iter().map(|object| EmittedText { path: format!("{path}/{}", file_name(object)), text: object.to_yaml() }),
    );
}

fn text(object: &Object, helm: bool) -> String {
    let text = object.to_yaml();
    // Helm prints what stands between backquotes; and the file stays YAML before it does.
    if helm { text.replace("{{", "{{`{{`}}") } else { text }
}

/// `external-secret.NAMESPACE.NAME.yaml`. Kinds and namespaces have no dots, so no two objects have one file; names are lower case, so
/// they have none either where case does not count.
fn file_name(object: &Object) -> String {
    let kind = match object.kind {
        Kind::ClusterExternalSecret => "cluster-external-secret",
        Kind::SecretStore => "secret-store",
        Kind::ClusterSecretStore => "cluster-secret-store",
        _ => "external-secret",
    };
    let namespace = object.namespace.as_ref().map(|namespace| format!("{namespace}.")).unwrap_or_default();
    format!("{}.yaml", bounded(format!("{kind}.{namespace}{}", object.name)))
}

/// A name that is too long is cut, and told apart by a checksum of the whole.
fn bounded(name: String) -> String {
    if name.len() <= NAME_BYTES {
        return name;
    }
    let digest: String = Sha256::digest(&name).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let head: String = name.chars().take(NAME_BYTES - digest.len() - 2).collect();
    // No name of Kubernetes has a `-` after a dot, so a cut one is no other's whole one.
    format!("{head}.-{digest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_cut_and_stay_apart() {
        let (one, two) = (bounded("a".repeat(320)), bounded("a".repeat(321)));
        assert!(one.len() <= NAME_BYTES && two.len() <= NAME_BYTES && one != two, "{one}");
        assert_eq!(bounded("a".repeat(NAME_BYTES)), "a".repeat(NAME_BYTES));
    }
}
