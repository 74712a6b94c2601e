//! `find`: what it reaches, and what it may reach tomorrow.

use migrate_core::name::SecretName;
use regex::Regex;

use super::{
    FIND_ALL, FIND_UNANCHORED, Finding,
    external_secret::ExternalSecret,
    store::{Provider, Stores},
};
use crate::{validate::Tree, yaml::Node};

pub(super) fn check(tree: &Tree<'_>, findings: &mut Vec<Finding>) {
    let stores = Stores::of(tree);
    for secret in ExternalSecret::all(tree) {
        for find in secret.reads().filter(|reading| reading.is_find) {
            let regexp = find.node.peek_at(&["name", "regexp"]);
            let tags = find.node.peek("tags").map(Node::entries).unwrap_or_default();
            let path = find.node.peek("path").and_then(Node::text);
            let Some(text) = regexp.and_then(Node::text) else {
                if tags.is_empty() {
                    let what = match secret.store(&stores, find.source) {
                        Some(Provider::SecretsManager) => "Secrets Manager's provider refuses it".to_owned(),
                        _ => format!("it reads everything{}", reaches(tree.names, "", path)),
                    };
                    findings.push(secret.object.finding(
                        &FIND_ALL,
                        find.node.at,
                        format!("{}: neither a name nor tags; {what}", find.path),
                    ));
                }
                continue;
            };
            if !is_anchored(text) {
                let message =
                    format!("{}.name.regexp: it may match in the middle of a name{}", find.path, reaches(tree.names, text, path));
                findings.push(secret.object.finding(&FIND_UNANCHORED, regexp.map_or(find.node.at, |node| node.at), message));
            }
        }
    }
}

/// Whether the expression says where a name begins, and where it ends or that it may go on.
fn is_anchored(regexp: &str) -> bool {
    let begins = regexp.starts_with('^') || regexp.starts_with(r"\A");
    let ends = [r"$", ".*", ".+", "/", r"\z"].iter().any(|end| regexp.ends_with(end)) && !regexp.ends_with(r"\$");
    begins && ends && !alternates(regexp)
}

/// Whether a `|` stands outside of all parentheses: then `^` and `$` belong to one side only.
fn alternates(regexp: &str) -> bool {
    let (mut depth, mut is_class, mut chars) = (0_u32, false, regexp.chars());
    while let Some(char) = chars.next() {
        match char {
            '\\' => drop(chars.next()),
            '[' => is_class = true,
            ']' => is_class = false,
            '(' if !is_class => depth += 1,
            ')' if !is_class => depth = depth.saturating_sub(1),
            '|' if !is_class && depth == 0 => return true,
            _ => {}
        }
    }
    false
}

/// Which known names it reaches today, as the end of a sentence; nothing where none are known, or where Go's expression is not ours.
fn reaches(names: &[SecretName], regexp: &str, path: Option<&str>) -> String {
    const SHOWN: usize = 3;
    let Ok(regexp) = Regex::new(regexp) else { return String::new() };
    let below = |name: &str| path.is_none_or(|path| name.starts_with(path));
    let reached: Vec<_> = names.iter().map(SecretName::as_str).filter(|name| below(name) && regexp.is_match(name)).collect();
    match reached.len() {
        0 => String::new(),
        count if count <= SHOWN => format!("; of the inventory it reaches {}", reached.join(", ")),
        count => {
            let first: Vec<_> = reached.into_iter().take(SHOWN).collect();
            format!("; of the inventory it reaches {} and {} more", first.join(", "), count - SHOWN)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_anchored_where_both_ends_are_said() {
        for (regexp, is) in [
            ("^orders$", true),
            ("^platform-data/.*", true),
            ("^(a|b)/.+", true),
            ("^[a|b]$", true),
            ("orders", false),
            ("^orders", false),
            ("orders$", false),
            ("^a|b$", false),
            (r"^a\|b$", true),
            (r"^a\$", false),
            (".*", false),
        ] {
            assert_eq!(is_anchored(regexp), is, "{regexp}");
        }
    }
}
