//! What trees mean: Kubernetes manifests, compose files, Docker's login file; everything else is settings below keys.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use migrate_core::inventory::Position;

use super::{
    assignment::{Assignment, Role},
    finding::Kind,
    format::Format,
    tree::{Body, Node},
};

/// Reads every setting of some documents. `source` is the text that they were read from.
pub(super) fn read(documents: &[Node], source: &str) -> Vec<Assignment> {
    let mut walk = Walk { source, object: None, found: Vec::new() };
    for document in documents {
        walk.object = None;
        walk.node(document, &mut Vec::new(), Role::Setting);
    }
    walk.found
}

struct Walk<'a> {
    source: &'a str,
    /// The name of the object that is walked.
    object: Option<Arc<str>>,
    found: Vec<Assignment>,
}

/// Kinds of External Secrets Operator: they name secrets, and their templates show where values will stand.
const NAMING_KINDS: [&str; 6] =
    ["ExternalSecret", "ClusterExternalSecret", "PushSecret", "ClusterPushSecret", "SecretStore", "ClusterSecretStore"];

impl Walk<'_> {
    fn node(&mut self, node: &Node, path: &mut Vec<String>, role: Role) {
        match &node.body {
            Body::Alias => {}
            Body::Scalar { text, block } => self.scalar(node.at, path, text.expose(), *block, role),
            Body::List(items) => self.list(items, path, role),
            Body::Map(entries) => self.map(node, entries, path, role),
        }
    }

    fn push(&mut self, assignment: Assignment) {
        self.found.push(Assignment { object: self.object.clone(), ..assignment });
    }

    fn map(&mut self, node: &Node, entries: &[(String, Node)], path: &mut Vec<String>, role: Role) {
        let kind = node.get("apiVersion").and_then(|_| node.get("kind")).and_then(Node::text).unwrap_or_default();
        if !kind.is_empty()
            && let Some(name) = node.get("metadata").and_then(|metadata| metadata.get("name")).and_then(Node::text)
        {
            self.object = Some(name.into());
        }
        let role = if NAMING_KINDS.contains(&kind) { Role::Text } else { role };
        // `- name: DB_PASSWORD` over `value: …`: the name is the key.
        let named = node.get("name").and_then(Node::text).filter(|_| node.get("value").is_some());
        for (key, entry) in entries {
            let depth = path.len();
            match (kind, key.as_str(), named) {
                (_, "value", Some(name)) => path.push(name.to_owned()),
                (_, "name", Some(_)) => continue,
                _ => path.push(key.clone()),
            }
            match (kind, key.as_str()) {
                ("SealedSecret", "spec") => {}
                ("Secret", "data") => self.base64(entry, path),
                ("Secret", "stringData") => self.node(entry, path, Role::Declared),
                _ => self.node(entry, path, login(path).unwrap_or(role)),
            }
            path.truncate(depth);
        }
    }

    fn list(&mut self, items: &[Node], path: &mut Vec<String>, role: Role) {
        let mut flag: Option<&str> = None;
        for item in items {
            let depth = path.len();
            let text = item.text().unwrap_or_default();
            // `["--password", "…"]`: two items of one argument.
            if let Some(flag) = flag.take().filter(|_| !text.starts_with('-')) {
                path.push(flag.to_owned());
            }
            flag = text.strip_prefix("--").filter(|name| !name.contains(['=', ' ']));
            match text.split_once('=').filter(|(name, _)| is_variable(name)) {
                Some((name, value)) => {
                    path.push(name.to_owned());
                    let at = Position { column: item.at.column + name.chars().count() as u64 + 1, ..item.at };
                    self.scalar(at, path, value, None, role);
                }
                None => self.node(item, path, role),
            }
            path.truncate(depth);
        }
    }

    /// A block of lines may be a file of its own, or a script; its lines are lines of the file.
    fn scalar(&mut self, at: Position, path: &[String], text: &str, block: Option<u64>, role: Role) {
        let indent = block.map_or(0, |line| self.indent_of(line));
        let within = |inner: Position| match block {
            Some(line) => Position { line: line + inner.line - 1, column: indent + inner.column },
            None => at,
        };
        let file = text.trim_end().contains('\n').then(|| path.last().and_then(|key| Format::of(key))).flatten();
        match file {
            Some(format) => {
                for mut inner in super::read(format, text).0 {
                    inner.at = within(inner.at);
                    inner.path.splice(0..0, path.iter().cloned());
                    self.push(inner);
                }
            }
            None if block.is_some() && role != Role::Declared && !text.contains("-----BEGIN ") => {
                for (line, number) in text.lines().zip(1..) {
                    let at = within(Position { line: number, column: 1 });
                    self.push(Assignment::new(at, path.to_vec(), line, Role::Text));
                }
            }
            None => self.push(Assignment::new(at, path.to_vec(), text, role)),
        }
    }

    /// How far a line is indented.
    fn indent_of(&self, line: u64) -> u64 {
        let line = usize::try_from(line).ok().and_then(|line| self.source.lines().nth(line.saturating_sub(1)));
        line.map_or(0, |line| line.chars().take_while(|c| *c == ' ').count() as u64)
    }

    /// The entries of a Secret's `data`. What is no base64 is encrypted or a template.
    fn base64(&mut self, data: &Node, path: &mut Vec<String>) {
        let Body::Map(entries) = &data.body else { return };
        for (key, entry) in entries {
            let Some(encoded) = entry.text() else { continue };
            path.push(key.clone());
            let packed: String = encoded.split_whitespace().collect();
            match STANDARD.decode(&packed) {
                Ok(bytes) => {
                    let text = String::from_utf8(bytes).unwrap_or_else(|error| {
                        // Bytes that are no text are a key or a keystore; one character for each serves to judge them.
                        error.into_bytes().iter().map(|byte| char::from(*byte)).collect()
                    });
                    self.push(Assignment::new(entry.at, path.clone(), &text, Role::Declared));
                    migrate_core::value::wipe(&mut text.into_bytes());
                }
                Err(_) => self.push(Assignment::new(entry.at, path.clone(), encoded, Role::Text)),
            }
            path.pop();
        }
    }
}

/// What Docker keeps below `auths` (<https://docs.docker.com/reference/cli/docker/login/>).
fn login(path: &[String]) -> Option<Role> {
    match path {
        [auths, _, key] if auths == "auths" => match key.as_str() {
            "auth" => Some(Role::Credential(Kind::RegistryLogin)),
            "identitytoken" | "registrytoken" => Some(Role::Credential(Kind::Token)),
            "password" => Some(Role::Credential(Kind::Password)),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a text is the name of an environment variable.
fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
}
