//! Templates that can't parse: actions without an end, blocks that do not match. A scanner, not a parser: what it does not understand it
//! leaves to Go, so that no pipeline of sprig's functions is refused (<https://pkg.go.dev/text/template>).

use super::{Finding, TEMPLATE_BROKEN};
use crate::{
    table::Kind,
    validate::Tree,
    yaml::{Node, Position},
};

pub(super) fn check(tree: &Tree<'_>, findings: &mut Vec<Finding>) {
    for object in &tree.objects {
        let mut look = |node: Option<&Node>, path: &str| {
            if let Some((fault, node)) = node.and_then(|node| Some((fault(node.text()?)?, node))) {
                findings.push(object.finding(&TEMPLATE_BROKEN, place(node, fault.line), format!("{path}: {}", fault.what)));
            }
        };
        let way: &[&str] = match object.known() {
            Some(Kind::ExternalSecret) => &["spec"],
            Some(Kind::ClusterExternalSecret) => &["spec", "externalSecretSpec"],
            Some(Kind::PushSecret) => &["spec"],
            Some(Kind::ClusterPushSecret) => &["spec", "pushSecretSpec"],
            _ => continue,
        };
        let (spec, path) = (object.at(way), way.join("."));
        let Some(spec) = spec else { continue };
        let (template, template_path) = match spec.peek_at(&["target", "template"]) {
            Some(template) => (Some(template), format!("{path}.target.template")),
            None => (spec.peek("template"), format!("{path}.template")),
        };
        let parts = ["data", "metadata"].map(|part| template.and_then(|template| template.peek(part)));
        let maps = [parts[0], parts[1].and_then(|m| m.peek("labels")), parts[1].and_then(|m| m.peek("annotations"))];
        for (map, name) in maps.into_iter().zip(["data", "metadata.labels", "metadata.annotations"]) {
            for (_, node) in map.map(Node::entries).unwrap_or_default() {
                look(Some(node), &format!("{template_path}.{name}"));
            }
        }
        let from = template.and_then(|template| template.peek("templateFrom")).map(Node::items).unwrap_or_default();
        for (index, item) in from.iter().enumerate() {
            look(item.peek("literal"), &format!("{template_path}.templateFrom[{index}].literal"));
        }
        for (index, item) in spec.peek("dataFrom").map(Node::items).unwrap_or_default().iter().enumerate() {
            for (step, rewrite) in item.peek("rewrite").map(Node::items).unwrap_or_default().iter().enumerate() {
                let path = format!("{path}.dataFrom[{index}].rewrite[{step}].transform.template");
                look(rewrite.peek_at(&["transform", "template"]), &path);
            }
        }
    }
}

/// A text of several lines is one node; in block style, its first line is the one below the indicator.
fn place(node: &Node, line: u64) -> Position {
    if line == 0 { node.at } else { Position { line: node.at.line + line, column: 1 } }
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Lines after the first.
    line: u64,
    /// What is wrong; quotes nothing of the template.
    pub(crate) what: &'static str,
}

/// The first thing that can't parse.
pub(crate) fn fault(text: &str) -> Option<Fault> {
    let mut open = Vec::new();
    let mut at = 0;
    while let Some(start) = text.get(at..)?.find("{{").map(|found| at + found) {
        let line = |at: usize| text.get(..at).unwrap_or_default().matches('\n').count() as u64;
        let Some(length) = action(text.get(start + 2..)?) else {
            return Some(Fault { line: line(start), what: "`{{` has no `}}`" });
        };
        let action = text.get(start + 2..start + 2 + length)?;
        let body = action.strip_prefix('-').unwrap_or(action).trim_start();
        let word: String = body.chars().take_while(|char| char.is_alphanumeric() || *char == '_').collect();
        match word.as_str() {
            "if" | "range" | "with" | "define" | "block" => open.push(line(start)),
            "end" if open.pop().is_none() => return Some(Fault { line: line(start), what: "`end` has nothing to end" }),
            "else" if open.is_empty() => return Some(Fault { line: line(start), what: "`else` stands in no block" }),
            _ => {}
        }
        at = start + 2 + length + 2;
    }
    open.pop().map(|line| Fault { line, what: "a block has no `end`" })
}

/// How long an action is up to its `}}`, past texts and comments; `None` where it has no end.
fn action(text: &str) -> Option<usize> {
    let comment = text.strip_prefix("- ").unwrap_or(text);
    if comment.starts_with("/*") {
        let end = text.find("*/")? + 2;
        return text.get(end..)?.find("}}").map(|found| end + found);
    }
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '}' if text.get(at..)?.starts_with("}}") => return Some(at),
            '`' => drop(chars.by_ref().find(|(_, char)| *char == '`')?),
            '"' | '\'' => loop {
                match chars.next()?.1 {
                    '\\' => drop(chars.next()),
                    '\n' => return None,
                    end if end == char => break,
                    _ => {}
                }
            },
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_go_refuses_is_found_at_its_line() {
        for (text, line) in [
            ("{{ .a", 0),
            ("{{ .a }", 0),
            ("a\n{{ \"x }}\n", 1),
            ("{{ if .a }}x", 0),
            ("{{ .a }}{{ end }}", 0),
            ("x\n{{- else }}", 1),
            ("{{ range . }}{{ if . }}{{ end }}", 0),
            ("{{ `a }}", 0),
            ("{{/* a }}", 0),
        ] {
            assert_eq!(fault(text).map(|fault| fault.line), Some(line), "{text}");
        }
    }

    #[test]
    fn what_go_takes_is_left_alone() {
        for text in [
            "",
            "{{ .a }}",
            "}} a }",
            "{ {{ .a }} }",
            "{{ \"}}\" }}",
            "{{ `}}\n` }}",
            "{{ '}' }}",
            "{{ \"a\\\"}}\" }}",
            "{{- /* }} \" */ -}}",
            "{{/* it's */}}",
            "{{- range $k, $v := . -}}{{ $k }}: {{ $v | quote }}{{ else }}none{{- end -}}",
            "{{ if and (eq .a \"b\") (not .c) }}x{{ else if .d }}y{{ end }}",
            "{{ define \"t\" }}x{{ end }}{{ template \"t\" . }}",
            "{{ .endpoint }}{{ $end := 1 }}{{ endsWith \"a\" .b }}{{ .if }}",
            "{{ .tls | pkcs12cert | toString\n  | b64enc }}",
            "{{ printf \"%s:%d\" .host 5432 }}",
            "{{ with $x := .a }}{{ . }}{{ end }}",
        ] {
            assert_eq!(fault(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "([{}\"'`/*\\\\ a\n-]|if|end|else|\u{e9}){0,40}") {
            let _ = fault(&text);
        }
    }
}
