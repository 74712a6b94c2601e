//! Who else may write to entries: reads every policy that these credentials may read, and judges each as the server would. No effect.
//!
//! Policies of the namespaces above ours count too, since their rules reach into the namespaces below. What this can't see: tokens of the
//! `root` policy, which has no rules, and who could give himself a policy.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, stream};
use migrate_core::{
    name::VaultPath,
    ports::{PortError, PortErrorKind},
    writers::{ForeignWriter, UnreadPolicies, WritersSeen, WritingRule},
};
use serde::Deserialize;

use crate::{
    acl::Acl,
    check::parse,
    client::{Call, Client, Endpoint},
};

/// What one entry is reached by, below the mount.
const DOORS: [&str; 5] = ["data", "metadata", "delete", "undelete", "destroy"];
/// The policy that every token carries unless it says otherwise: no proof of who we are.
const DEFAULT: &str = "default";
/// The policy without text.
const ROOT: &str = "root";

/// `GET auth/token/lookup-self`, as far as it names policies.
#[derive(Debug, Default, Deserialize)]
struct OwnToken {
    #[serde(default)]
    policies: Option<Vec<String>>,
    #[serde(default)]
    identity_policies: Option<Vec<String>>,
    #[serde(default)]
    external_namespace_policies: Option<BTreeMap<String, Vec<String>>>,
    /// The namespace that the token was made in.
    #[serde(default)]
    namespace_path: Option<String>,
}

pub(crate) async fn writers(client: &Client, concurrency: usize, paths: &[VaultPath]) -> Result<WritersSeen, PortError> {
    let own = client.namespace().trim_matches('/').to_owned();
    let ours = our_policies(client, &own).await?;
    let mut seen = WritersSeen { ours, ..WritersSeen::default() };
    for namespace in upwards(&own) {
        let Some(names) = names(client, namespace, namespace == own).await? else {
            seen.unread.insert(UnreadPolicies::Namespace { namespace: namespace.to_owned() });
            continue;
        };
        let foreign = names.into_iter().map(|name| (known_as(namespace, &own, &name), name));
        let foreign: Vec<_> = foreign.filter(|(policy, name)| name != ROOT && !seen.ours.contains(policy)).collect();
        let reads = foreign.into_iter().map(|(policy, name)| async move { (policy, text(client, namespace, &name).await) });
        let texts: Vec<_> = stream::iter(reads).buffered(concurrency).collect().await;
        let inside = own.strip_prefix(namespace).unwrap_or(&own).trim_start_matches('/');
        let places = places(inside, client.mount(), paths);
        for (policy, text) in texts {
            match text? {
                // It went away between the list and this.
                Text::Absent => {}
                Text::Denied => {
                    seen.unread.insert(UnreadPolicies::Denied { policy });
                }
                Text::Is(text) => match parse(&text) {
                    Some(parsed) => seen.foreign.extend(judge(policy, &Acl::of(&parsed), &places)),
                    None => {
                        seen.unread.insert(UnreadPolicies::NotUnderstood { policy });
                    }
                },
            }
        }
    }
    Ok(seen)
}

/// A namespace and those above it, ours first, the root namespace (empty) last.
fn upwards(own: &str) -> Vec<&str> {
    let mut all = vec![own];
    while let Some(below) = all.last().filter(|namespace| !namespace.is_empty()) {
        all.push(below.rsplit_once('/').map_or("", |(above, _)| above));
    }
    all
}

/// The name that a plan and `migrate.toml` give to a policy.
fn known_as(namespace: &str, own: &str, name: &str) -> String {
    match namespace {
        _ if namespace == own => name.to_owned(),
        "" => format!("{name}@{ROOT}"),
        _ => format!("{name}@{namespace}"),
    }
}

/// Every path by which each entry can be changed, as the policies of a namespace spell it.
fn places<'p>(inside: &str, mount: &VaultPath, paths: &'p [VaultPath]) -> Vec<(&'p VaultPath, [String; 5])> {
    let before = if inside.is_empty() { mount.to_string() } else { format!("{inside}/{mount}") };
    paths.iter().map(|path| (path, DOORS.map(|door| format!("{before}/{door}/{path}")))).collect()
}

fn judge(policy: String, acl: &Acl, places: &[(&VaultPath, [String; 5])]) -> Option<ForeignWriter> {
    if !acl.writes_at_all() {
        return None;
    }
    let (mut rules, mut reaches) = (BTreeMap::new(), BTreeSet::new());
    for (path, doors) in places {
        for (rule, capabilities) in doors.iter().flat_map(|door| acl.writing(door)) {
            rules.entry(rule).or_insert(capabilities);
            reaches.insert((*path).clone());
        }
    }
    let rules = rules.into_iter().map(|(path, capabilities)| WritingRule {
        path: path.to_owned(),
        capabilities: capabilities.iter().map(|capability| capability.as_str().to_owned()).collect(),
    });
    let rules: BTreeSet<WritingRule> = rules.collect();
    (!reaches.is_empty()).then_some(ForeignWriter { policy, rules, reaches })
}

/// The policies of our token, by the names that a plan gives them; none where it may not look at itself.
async fn our_policies(client: &Client, own: &str) -> Result<BTreeSet<String>, PortError> {
    let call = Call::get(Endpoint::TokenSelf);
    let token: OwnToken = match client.send(Call::get(Endpoint::TokenSelf)).await {
        Ok(answer) => client.parse(&call, &answer)?,
        Err(error) if error.kind == PortErrorKind::Denied => OwnToken::default(),
        Err(error) => return Err(error),
    };
    let home = token.namespace_path.as_deref().map_or(own, |path| path.trim_matches('/')).to_owned();
    let mut by_namespace = token.external_namespace_policies.unwrap_or_default();
    let at_home = by_namespace.entry(home).or_default();
    at_home.extend(token.policies.into_iter().chain(token.identity_policies).flatten());
    let all = by_namespace.iter().flat_map(|(namespace, names)| {
        names.iter().filter(|name| *name != DEFAULT).map(|name| known_as(namespace.trim_matches('/'), own, name))
    });
    Ok(all.collect())
}

/// The names of a namespace's policies; `None` where these credentials may not list them. A token may be good in its own namespace and unknown
/// in those above.
async fn names(client: &Client, namespace: &str, is_own: bool) -> Result<Option<Vec<String>>, PortError> {
    #[derive(Deserialize)]
    struct Keys {
        keys: Vec<String>,
    }
    let endpoint = Endpoint::PolicyNames { namespace };
    match client.send(Call::get(endpoint)).await {
        Ok(answer) if answer.is_not_found => Ok(Some(Vec::new())),
        Ok(answer) => Ok(Some(client.parse::<Keys>(&Call::get(endpoint), &answer)?.keys)),
        Err(error) if error.kind == PortErrorKind::Denied => Ok(None),
        Err(error) if error.kind == PortErrorKind::Unauthenticated && !is_own => Ok(None),
        Err(error) => Err(error),
    }
}

enum Text {
    Is(String),
    Absent,
    Denied,
}

async fn text(client: &Client, namespace: &str, name: &str) -> Result<Text, PortError> {
    #[derive(Deserialize)]
    struct Policy {
        policy: String,
    }
    let endpoint = Endpoint::Policy { namespace, name };
    match client.send(Call::get(endpoint)).await {
        Ok(answer) if answer.is_not_found => Ok(Text::Absent),
        Ok(answer) => Ok(Text::Is(client.parse::<Policy>(&Call::get(endpoint), &answer)?.policy)),
        Err(error) if error.kind == PortErrorKind::Denied => Ok(Text::Denied),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_are_walked_up_and_their_policies_told_apart() {
        assert_eq!(upwards(""), [""]);
        assert_eq!(upwards("team/one"), ["team/one", "team", ""]);
        assert_eq!(known_as("team", "team", "admin"), "admin");
        assert_eq!(known_as("", "", "admin"), "admin");
        assert_eq!(known_as("team", "team/one", "admin"), "admin@team");
        assert_eq!(known_as("", "team/one", "admin"), "admin@root");
    }

    #[test]
    fn every_door_of_an_entry_counts() {
        let path = VaultPath::parse("platform-data/a").unwrap();
        let other = VaultPath::parse("platform-data/b").unwrap();
        let (mount, paths) = (VaultPath::parse("team/kv").unwrap(), [path.clone(), other]);
        for door in DOORS {
            let text = format!("path \"one/team/kv/{door}/platform-data/a\" {{\n  capabilities = [\"update\"]\n}}");
            let acl = Acl::of(&parse(&text).unwrap());
            let writer = judge("p".into(), &acl, &places("one", &mount, &paths)).unwrap();
            assert_eq!(writer.reaches, BTreeSet::from([path.clone()]), "{door}");
            assert_eq!(judge("p".into(), &acl, &places("", &mount, &paths)), None, "{door}");
        }
        let text =
            "path \"team/kv/config\" {\n  capabilities = [\"update\"]\n}\npath \"team/kv/*\" {\n  capabilities = [\"read\"]\n}";
        assert_eq!(judge("p".into(), &Acl::of(&parse(text).unwrap()), &places("", &mount, &paths)), None);
    }
}
