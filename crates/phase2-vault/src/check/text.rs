//! What a policy's text means, whoever wrote it: HCL in any order and spacing, or JSON.
//!
//! Servers read HCL 1, the library here HCL 2, which is stricter about line ends. What only the former takes is not understood here, and
//! that is said; it is never taken for equal.

use std::collections::BTreeSet;

use hcl::{Body, Expression, Structure};
use serde_json::{Map, Value};

use crate::emit::{Allowed, Capability};

/// What a policy allows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParsedPolicy {
    /// Capabilities by path; the same path given twice counts once, with both.
    pub allowed: Allowed,
    /// Paths with conditions: parameters that are demanded or forbidden, wrapping times, limits of pages, ends.
    pub constrained: BTreeSet<String>,
}

/// Reads a policy as the server would; `None` where it can't be understood.
#[must_use]
pub fn parse(text: &str) -> Option<ParsedPolicy> {
    if text.trim_start().starts_with('{') {
        let document: Map<String, Value> = serde_json::from_str(text).ok()?;
        return json(&document);
    }
    let body: Body = hcl::parse(text).ok()?;
    let mut parsed = ParsedPolicy::default();
    for structure in body {
        match structure {
            Structure::Block(block) if block.identifier.as_str() == "path" => {
                let [label] = block.labels.as_slice() else { return None };
                let path = label.as_str();
                parsed.path(path);
                for structure in block.body {
                    match structure {
                        Structure::Attribute(attribute) => {
                            parsed.member(path, attribute.key.as_str(), words(&attribute.expr).as_deref())?;
                        }
                        // `allowed_parameters { … }`
                        Structure::Block(_) => parsed.constrain(path),
                    }
                }
            }
            Structure::Attribute(attribute) if attribute.key.as_str() == "name" => {}
            _ => return None,
        }
    }
    Some(parsed)
}

/// `{"path": {"secret/*": {"capabilities": ["read"]}}}`
fn json(document: &Map<String, Value>) -> Option<ParsedPolicy> {
    let mut parsed = ParsedPolicy::default();
    for (key, value) in document {
        match (key.as_str(), value) {
            ("name", _) => {}
            ("path", Value::Object(paths)) => {
                for (path, members) in paths {
                    parsed.path(path);
                    for (key, value) in members.as_object()? {
                        let words = match value {
                            Value::String(word) => Some(vec![word.clone()]),
                            Value::Array(words) => words.iter().map(|word| word.as_str().map(str::to_owned)).collect(),
                            _ => None,
                        };
                        parsed.member(path, key, words.as_deref())?;
                    }
                }
            }
            _ => return None,
        }
    }
    Some(parsed)
}

/// A text, or a list of texts.
fn words(expression: &Expression) -> Option<Vec<String>> {
    match expression {
        Expression::String(word) => Some(vec![word.clone()]),
        Expression::Array(words) => {
            let word = |word: &Expression| if let Expression::String(word) = word { Some(word.clone()) } else { None };
            words.iter().map(word).collect()
        }
        _ => None,
    }
}

impl ParsedPolicy {
    fn path(&mut self, path: &str) {
        self.allowed.entry(path.to_owned()).or_default();
    }

    fn constrain(&mut self, path: &str) {
        self.constrained.insert(path.to_owned());
    }

    /// One member of a path's block; `None` where it is not understood.
    fn member(&mut self, path: &str, key: &str, words: Option<&[String]>) -> Option<()> {
        use Capability::{Create, Delete, Deny, List, Read, Sudo, Update};
        match key {
            "capabilities" => {
                let capabilities = words?.iter().map(|word| Capability::parse(word)).collect::<Option<Vec<_>>>()?;
                self.allowed.entry(path.to_owned()).or_default().extend(capabilities);
            }
            // The words of old: <https://developer.hashicorp.com/vault/docs/concepts/policies> calls them deprecated.
            "policy" => {
                let capabilities: &[Capability] = match words? {
                    [word] if word == "deny" => &[Deny],
                    [word] if word == "read" => &[Read, List],
                    [word] if word == "write" => &[Create, Read, Update, Delete, List],
                    [word] if word == "sudo" => &[Create, Read, Update, Delete, List, Sudo],
                    _ => return None,
                };
                self.allowed.entry(path.to_owned()).or_default().extend(capabilities);
            }
            // For people only.
            "comment" => {}
            _ => self.constrain(path),
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(text: &str) -> Vec<String> {
        let parsed = parse(text).unwrap();
        let line = |(path, capabilities): (String, BTreeSet<Capability>)| {
            format!("{path}: {}", capabilities.iter().map(|capability| capability.as_str()).collect::<Vec<_>>().join(" "))
        };
        parsed.allowed.into_iter().map(line).collect()
    }

    #[test]
    fn order_comments_and_spacing_mean_nothing() {
        let one = "# why\npath \"a/*\" {\n  capabilities = [\"read\", \"list\"]\n}\npath \"b\" { capabilities = [\"deny\"] }\n";
        let other = "/* b */ path \"b\" {\n capabilities=[\n\"deny\"\n]\n}\n// a\npath \"a/*\" { capabilities = [\"list\"] }\npath \"a/*\" { capabilities = [\"read\",] }";
        let third = r#"{"path": {"b": {"capabilities": ["deny"]}, "a/*": {"policy": "read"}}}"#;
        for text in [one, other, third] {
            assert_eq!(allowed(text), ["a/*: read list", "b: deny"], "{text}");
        }
        assert_eq!(parse("").unwrap(), ParsedPolicy::default());
    }

    #[test]
    fn conditions_are_seen() {
        for text in [
            "path \"a\" {\n capabilities = [\"update\"]\n allowed_parameters = {\n \"x\" = []\n }\n}",
            "path \"a\" {\n capabilities = [\"update\"]\n max_wrapping_ttl = \"1h\"\n}",
            "path \"a\" {\n capabilities = [\"update\"]\n denied_parameters { x = [] }\n}",
        ] {
            let parsed = parse(text).unwrap();
            assert_eq!(parsed.constrained.into_iter().collect::<Vec<_>>(), ["a"], "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_is_not_guessed() {
        for text in [
            "path",
            "path \"a\" { capabilities = [\"fly\"] }",
            "path \"a\" { capabilities = [x] }",
            "rule \"a\" {}",
            "{\"a\":",
            "x = 1",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
