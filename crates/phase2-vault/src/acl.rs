//! What one policy lets its holders do at a path, by the server's own rules of precedence. Pure.
//!
//! A token may carry a policy alone, so each is judged alone; and what several together allow at a path, one of them allows there by itself,
//! since the rule that decides comes from one policy and is the most specific in it too.
//!
//! Source: <https://developer.hashicorp.com/vault/docs/concepts/policies#priority-matching>, `vault/acl.go` and `vault/policy.go` of Vault and
//! OpenBao: a rule that is the path itself decides; else the one whose first wildcard comes last, then one without `*` at its end, then the one
//! with fewer `+`, then the longer one, then the later one in the alphabet. Within one rule `deny` takes everything.

use std::collections::BTreeSet;

use crate::{
    check::ParsedPolicy,
    emit::{Allowed, Capability},
};

/// What changes an entry or takes it away. `sudo` opens no door of KV v2 by itself; it marks an administrator, whom somebody should name.
const WRITES: [Capability; 6] =
    [Capability::Create, Capability::Update, Capability::Patch, Capability::Delete, Capability::Sudo, Capability::Recover];

/// The rules of one policy that can matter, sorted by kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Acl {
    exact: Allowed,
    /// With wildcards, whole.
    patterns: Vec<Pattern>,
    /// With a template, which is filled with what nobody knows here.
    templates: Vec<Pattern>,
}

#[derive(Clone, Debug)]
struct Pattern {
    rule: String,
    capabilities: BTreeSet<Capability>,
    /// Without the `*` at its end.
    parts: Vec<String>,
    is_prefix: bool,
    /// A part of it is `+`, so that it is matched part by part; else it is a plain prefix.
    by_parts: bool,
}

impl Acl {
    /// Sorts the rules of a policy.
    pub(crate) fn of(policy: &ParsedPolicy) -> Self {
        let mut acl = Self::default();
        for (rule, capabilities) in &policy.allowed {
            let path = rule.strip_prefix('/').unwrap_or(rule);
            let by_parts = path == "+" || path.starts_with("+/") || path.contains("/+");
            let (plain, is_prefix) = path.strip_suffix('*').map_or((path, false), |plain| (plain, true));
            let pattern = || Pattern {
                rule: rule.clone(),
                capabilities: capabilities.clone(),
                parts: plain.split('/').map(str::to_owned).collect(),
                is_prefix,
                by_parts,
            };
            if path.contains("{{") {
                acl.templates.push(pattern());
            } else if by_parts || is_prefix {
                acl.patterns.push(pattern());
            } else {
                // With and without a slash before it is one rule.
                acl.exact.entry(path.to_owned()).or_default().extend(capabilities);
            }
        }
        acl
    }

    /// Whether it lets write anywhere.
    pub(crate) fn writes_at_all(&self) -> bool {
        let patterns = self.patterns.iter().chain(&self.templates).map(|pattern| &pattern.capabilities);
        self.exact.values().chain(patterns).any(|capabilities| !writes(capabilities).is_empty())
    }

    /// The rules by which it lets write at a path, each with what it allows. A template counts wherever it might fit, and keeps nobody out.
    pub(crate) fn writing(&self, path: &str) -> Vec<(&str, BTreeSet<Capability>)> {
        let parts: Vec<&str> = path.split('/').collect();
        let decides = match self.exact.get_key_value(path) {
            Some((rule, capabilities)) => Some((rule.as_str(), capabilities)),
            None => {
                let fitting = self.patterns.iter().filter(|pattern| pattern.fits(path, &parts));
                let first = fitting.max_by(|one, other| one.precedence().cmp(&other.precedence()));
                first.map(|pattern| (pattern.rule.as_str(), &pattern.capabilities))
            }
        };
        let templates = self.templates.iter().filter(|pattern| pattern.may_fit(&parts));
        let templates = templates.map(|pattern| (pattern.rule.as_str(), &pattern.capabilities));
        let all = decides.into_iter().chain(templates).map(|(rule, capabilities)| (rule, writes(capabilities)));
        all.filter(|(_, capabilities)| !capabilities.is_empty()).collect()
    }
}

/// What a rule lets change; nothing where it denies.
fn writes(capabilities: &BTreeSet<Capability>) -> BTreeSet<Capability> {
    if capabilities.contains(&Capability::Deny) {
        return BTreeSet::new();
    }
    WRITES.into_iter().filter(|capability| capabilities.contains(capability)).collect()
}

impl Pattern {
    /// The path of the rule, without slash before it and `*` behind it.
    fn plain(&self) -> &str {
        let path = self.rule.strip_prefix('/').unwrap_or(&self.rule);
        path.strip_suffix('*').unwrap_or(path)
    }

    fn fits(&self, path: &str, parts: &[&str]) -> bool {
        if !self.by_parts {
            return path.starts_with(self.plain());
        }
        if parts.len() < self.parts.len() || !self.is_prefix && parts.len() != self.parts.len() {
            return false;
        }
        let last = self.parts.len() - 1;
        self.parts
            .iter()
            .zip(parts)
            .enumerate()
            .all(|(at, (own, part))| own == "+" || own == part || self.is_prefix && at == last && part.starts_with(own.as_str()))
    }

    /// Whether it fits for some filling: what stands before the first template decides.
    fn may_fit(&self, parts: &[&str]) -> bool {
        for (at, own) in self.parts.iter().enumerate() {
            let Some(part) = parts.get(at) else { return false };
            if let Some((before, _)) = own.split_once("{{") {
                return part.starts_with(before);
            }
            if own != "+" && own != part {
                return false;
            }
        }
        false
    }

    /// What is compared, greatest first.
    fn precedence(&self) -> (usize, bool, std::cmp::Reverse<usize>, usize, &str) {
        let plain = self.plain();
        let first_wildcard = if self.by_parts { plain.find('+') } else { None }.unwrap_or(plain.len());
        let wildcards = self.parts.iter().filter(|part| *part == "+").count();
        (first_wildcard, !self.is_prefix, std::cmp::Reverse(wildcards), plain.len(), plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::parse;

    const PATH: &str = "secret/data/platform-data/postgres/orders";

    /// The rules of a policy that let write at [`PATH`], in few words.
    fn writing(rules: &[(&str, &str)]) -> Vec<String> {
        let text: String = rules
            .iter()
            .map(|(path, capabilities)| {
                let list: Vec<String> = capabilities.split_whitespace().map(|capability| format!("{capability:?}")).collect();
                format!("path {path:?} {{\n  capabilities = [{}]\n}}\n", list.join(", "))
            })
            .collect();
        let acl = Acl::of(&parse(&text).unwrap());
        let words = |capabilities: BTreeSet<Capability>| {
            capabilities.iter().map(|capability| capability.as_str()).collect::<Vec<_>>().join(" ")
        };
        acl.writing(PATH).into_iter().map(|(rule, capabilities)| format!("{rule}: {}", words(capabilities))).collect()
    }

    #[test]
    fn each_kind_of_rule_reaches_what_the_server_says() {
        for (rule, reaches) in [
            (PATH, true),
            ("/secret/data/platform-data/postgres/orders", true),
            ("*", true),
            ("secret/*", true),
            ("secret/data/platform-data/postgres/ord*", true),
            ("secret/data/+/postgres/orders", true),
            ("+/data/platform-data/+/orders", true),
            ("+/+/platform-data/*", true),
            ("secret/+/platform-data/post*", true),
            ("secret/data/{{identity.entity.name}}/postgres/orders", true),
            ("secret/data/plat{{identity.entity.name}}", true),
            ("secret/data/platform-data/postgres/order", false),
            ("secret/data/platform-data/postgres/orders/", false),
            ("secret/data/platform-data/postgres/orders/*", false),
            ("secret/data/+/orders", false),
            ("secret/data/+", false),
            ("+", false),
            ("secret/data/platform-data/postgres/+orders", false),
            ("other/*", false),
            ("other/{{identity.entity.name}}/*", false),
        ] {
            assert_eq!(!writing(&[(rule, "update")]).is_empty(), reaches, "{rule}");
        }
    }

    #[test]
    fn only_what_changes_something_counts() {
        assert!(writing(&[(PATH, "read list scan subscribe")]).is_empty());
        assert_eq!(writing(&[(PATH, "read create")]), [format!("{PATH}: create")]);
        assert_eq!(writing(&[("secret/*", "read patch delete recover sudo")]), ["secret/*: patch delete sudo recover"]);
        assert!(writing(&[(PATH, "update deny")]).is_empty());
    }

    // The first of each pair decides, whether it allows or denies.
    #[test]
    fn the_more_specific_rule_decides() {
        for (first, second) in [
            (PATH, "secret/data/platform-data/postgres/orders*"),
            (PATH, "secret/data/platform-data/postgres/+"),
            ("secret/data/platform-data/*", "secret/data/*"),
            ("secret/data/platform-data/*", "*"),
            // The first wildcard comes later.
            ("secret/data/platform-data/postgres/o*", "secret/data/platform-data/postgres/+"),
            ("secret/data/platform-data/+/orders", "secret/data/+/postgres/orders"),
            ("secret/data/p*", "secret/data/+/postgres/orders"),
            // Not open at its end.
            ("secret/data/+/postgres/orders", "secret/data/+/postgres/orders*"),
            ("secret/data/+/+/+", "secret/data/+/postgres/ord*"),
            // Fewer `+`.
            ("secret/data/+/postgres/orders", "secret/data/+/+/orders"),
            // Longer.
            ("secret/data/+/postgres/ord*", "secret/data/+/postgres/o*"),
        ] {
            assert_eq!(writing(&[(first, "update"), (second, "deny")]), [format!("{first}: update")], "{second}");
            assert!(writing(&[(first, "read"), (second, "update")]).is_empty(), "{first} {second}");
            assert!(writing(&[(first, "deny"), (second, "update")]).is_empty(), "{first} {second}");
        }
    }

    #[test]
    fn within_one_path_deny_takes_everything_and_a_template_keeps_nobody_out() {
        assert!(writing(&[(PATH, "update"), (PATH, "deny")]).is_empty());
        assert!(writing(&[(&format!("/{PATH}"), "deny"), (PATH, "update")]).is_empty());
        let template = "secret/data/platform-data/{{identity.entity.name}}/orders";
        assert_eq!(writing(&[(template, "deny"), ("secret/*", "update")]), ["secret/*: update"]);
        assert_eq!(writing(&[("secret/*", "read"), (template, "update")]), [format!("{template}: update")]);
    }
}
