//! The rules that hold between things: within an entry, and between entries.

mod external_secrets;

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Deserializer, de::IgnoredAny};

use super::{
    decode::{self, Fault},
    entry::{ApiVersion, Category, Consumer, Secret},
    external_secret::{DeclaredExternalSecret, ExternalSecretId},
    node::{Content, Key, Node, Position, Shape},
    problem::{Problem, ProblemKind, SyntaxFault},
    suspect,
};
use crate::{
    name::{
        SecretName,
        convention::{ConventionalName, Tree},
        vault,
    },
    principals::Principal,
    reads::Read,
};

/// What stands around the entries.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "read for its rules; there is one version")]
struct Header {
    api_version: ApiVersion,
    #[serde(default)]
    external_secrets: Option<Entries>,
    secrets: Entries,
}

/// What a text holds when it has no problems.
pub(super) struct Checked {
    pub(super) external_secrets: Vec<DeclaredExternalSecret>,
    pub(super) secrets: Vec<Secret>,
}

/// The entries, which are read one by one.
struct Entries;

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

/// Parses and checks a text.
pub(super) fn inventory(text: &str) -> Result<Checked, Vec<Problem>> {
    let root = Node::read(text).map_err(|error| {
        let at = error.location().map_or(Position { line: 1, column: 1 }, Position::from);
        vec![Problem { at, secret: None, path: String::new(), kind: ProblemKind::Syntax(SyntaxFault::from(&error)) }]
    })?;
    let mut found = Findings::default();
    if matches!(root.content, Content::Null) {
        found.add(root.at, None, ProblemKind::Empty);
        return Err(found.0);
    }
    if let Err(faults) = decode::decode::<Header>(&root) {
        found.add_faults(None, faults);
    }
    for (key, value) in root.entries().iter().filter(|(key, _)| key.text != "secrets") {
        look_for_values(Some(key), value, None, &mut found);
    }
    let mut secrets: Vec<(Secret, &Node)> = Vec::new();
    if let Some(list) = root.get("secrets") {
        match &list.content {
            Content::List(entries) if !entries.is_empty() => {
                secrets = entries.iter().filter_map(|entry| Some((check_entry(entry, &mut found)?, entry))).collect();
                check_names(entries, &mut found);
            }
            Content::List(_) | Content::Null => found.add(list.at, None, ProblemKind::Empty),
            _ => found.add(list.at, None, ProblemKind::Shape { expected: Shape::List, found: list.shape() }),
        }
    }
    let declared = declared(&root, &mut found);
    external_secrets::check(&secrets, &declared, &mut found);
    if found.0.is_empty() {
        let external_secrets = declared.into_iter().map(|(declared, _)| declared).collect();
        Ok(Checked { external_secrets, secrets: secrets.into_iter().map(|(secret, _)| secret).collect() })
    } else {
        found.0.sort_by_key(|problem| problem.at);
        Err(found.0)
    }
}

fn declared<'n>(root: &'n Node, found: &mut Findings) -> Vec<(DeclaredExternalSecret, &'n Node)> {
    let Some(list) = root.get("externalSecrets") else { return Vec::new() };
    let Content::List(entries) = &list.content else {
        found.add(list.at, None, ProblemKind::Shape { expected: Shape::List, found: list.shape() });
        return Vec::new();
    };
    let mut read = |entry: &'n Node| match decode::decode::<DeclaredExternalSecret>(entry) {
        Ok(declared) => Some((declared, entry)),
        Err(faults) => {
            found.add_faults(None, faults);
            None
        }
    };
    entries.iter().filter_map(&mut read).collect()
}

/// What was found so far.
#[derive(Default)]
pub(super) struct Findings(Vec<Problem>);

impl Findings {
    pub(super) fn add(&mut self, at: Position, secret: Option<&SecretName>, kind: ProblemKind) {
        self.0.push(Problem { at, secret: secret.cloned(), path: String::new(), kind });
    }

    fn add_faults(&mut self, secret: Option<&SecretName>, faults: Vec<Fault>) {
        let problem = |Fault { at, path, kind }| Problem { at, secret: secret.cloned(), path, kind };
        self.0.extend(faults.into_iter().map(problem));
    }
}

/// A name that may be quoted: it is one, and it does not look like a token.
fn name_at(entry: &Node, key: &str) -> Option<SecretName> {
    let text = entry.get(key)?.text()?;
    SecretName::parse(text).ok().filter(|_| suspect::suspicion_of_name(text).is_none())
}

fn check_entry(entry: &Node, found: &mut Findings) -> Option<Secret> {
    let name = name_at(entry, "name");
    look_for_values(None, entry, name.as_ref(), found);
    match decode::decode::<Secret>(entry) {
        // What looks like a token is not quoted by further problems.
        Ok(_) if name.is_none() => None,
        Ok(secret) => {
            check_name(&secret, entry, found);
            check_consumers(&secret, entry, found);
            Some(secret)
        }
        Err(faults) => {
            found.add_faults(name.as_ref(), faults);
            None
        }
    }
}

/// REQ INV-2: nothing anywhere may look like a value, be it key or text.
fn look_for_values(key: Option<&Key>, node: &Node, secret: Option<&SecretName>, found: &mut Findings) {
    if let Some((key, suspicion)) = key.and_then(|key| suspect::suspicion(&key.text).map(|suspicion| (key, suspicion))) {
        found.add(key.at, secret, ProblemKind::LooksLikeValue(suspicion));
    }
    match &node.content {
        Content::Text(text) => {
            let is_name = key.is_some_and(|key| matches!(key.text.as_str(), "name" | "legacyName"));
            // Roles that CloudFormation made end in a random text.
            let is_principal =
                key.is_some_and(|key| matches!(key.text.as_str(), "reads" | "writes")) && Principal::parse(text).is_ok();
            let suspicion = if is_principal || is_name && SecretName::parse(text).is_ok() {
                suspect::suspicion_of_name(text)
            } else {
                suspect::suspicion(text)
            };
            if let Some(suspicion) = suspicion {
                found.add(node.at, secret, ProblemKind::LooksLikeValue(suspicion));
            }
        }
        Content::List(items) => items.iter().for_each(|item| look_for_values(None, item, secret, found)),
        Content::Map(entries) => entries.iter().for_each(|(key, value)| look_for_values(Some(key), value, secret, found)),
        Content::Null | Content::Bool(_) | Content::Number => {}
    }
}

fn check_name(secret: &Secret, entry: &Node, found: &mut Findings) {
    let mut add = |at: &str, kind| found.add(entry.at(at), Some(&secret.name), kind);
    if let Err(refused) = secret.name.vault_path() {
        add("name", ProblemKind::VaultPath(refused));
    }
    if secret.legacy_name.as_ref() == Some(&secret.name) {
        add("legacyName", ProblemKind::LegacyNameRepeats);
    }
    match (ConventionalName::parse(&secret.name), &secret.name_exception) {
        (Ok(_), Some(_)) => add("nameException", ProblemKind::NeedlessException),
        (Err(violations), None) => {
            let proposed = ConventionalName::propose(&secret.name).map(|name| name.to_string());
            add("name", ProblemKind::Unconventional { violations, proposed });
        }
        // REQ NAM-5
        (Ok(name), None) => {
            let tree = match secret.category {
                Category::Data => Tree::Data,
                Category::Configuration => Tree::Config,
            };
            if name.tree() != tree {
                add("category", ProblemKind::CategoryDisagrees);
            }
        }
        (Err(_), Some(_)) => {}
    }
    if secret.moves() && secret.source_name().as_str().contains('!') {
        add("disposition", ProblemKind::ServiceOwnedMoves);
    }
}

fn check_consumers(secret: &Secret, entry: &Node, found: &mut Findings) {
    let nodes = entry.get("consumers").map(Node::items).unwrap_or_default();
    let mut seen = HashSet::new();
    for (consumer, node) in secret.consumers.iter().zip(nodes) {
        if !seen.insert(identity(consumer)) {
            found.add(node.at, Some(&secret.name), ProblemKind::DuplicateConsumer);
        }
        let (Some(external_secret), Some(node)) = (consumer.external_secret(), means_node(node)) else { continue };
        if external_secret.reads.is_empty() {
            found.add(node.at("reads"), Some(&secret.name), ProblemKind::NoReads);
        }
        let reads = node.get("reads").map(Node::items).unwrap_or_default();
        for (read, node) in external_secret.reads.iter().zip(reads) {
            if matches!(read, Read::Find { name, .. } if name != secret.source_name().as_str()) {
                found.add(node.at, Some(&secret.name), ProblemKind::FindsAnother);
            }
        }
    }
}

/// Where a consumer says through which object it reads.
pub(super) fn means_node(consumer: &Node) -> Option<&Node> {
    consumer.get("externalSecret").or_else(|| consumer.get("clusterExternalSecret"))
}

fn identity(consumer: &Consumer) -> Result<&ExternalSecretId, &str> {
    consumer.external_secret().map(|external_secret| &external_secret.id).ok_or(consumer.application.as_str())
}

/// Names, sources and Vault paths are unique. Looks at the tree, so that entries with other faults count too.
fn check_names(entries: &[Node], found: &mut Findings) {
    let mut names: BTreeMap<String, (SecretName, u64)> = BTreeMap::new();
    let mut sources: BTreeMap<SecretName, u64> = BTreeMap::new();
    for entry in entries {
        let Some(name) = name_at(entry, "name") else { continue };
        let at = entry.at("name");
        // Vault keeps names apart by their cleaned text; equal names are equal there too.
        match names.get(&vault::cleaned(name.as_str())) {
            Some((first, first_line)) => {
                let (first_line, first) = (*first_line, first.clone());
                let same = first == name;
                let kind =
                    if same { ProblemKind::DuplicateName { first_line } } else { ProblemKind::SamePath { first, first_line } };
                found.add(at, Some(&name), kind);
                continue;
            }
            None => {
                names.insert(vault::cleaned(name.as_str()), (name.clone(), at.line));
            }
        }
        let legacy = name_at(entry, "legacyName");
        let at = entry.at(if legacy.is_some() { "legacyName" } else { "name" });
        let source = legacy.unwrap_or_else(|| name.clone());
        match sources.get(&source) {
            Some(first_line) => found.add(at, Some(&name), ProblemKind::DuplicateSource { first_line: *first_line }),
            None => {
                sources.insert(source, at.line);
            }
        }
    }
}
