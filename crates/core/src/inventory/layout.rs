//! Changing the text of an inventory without touching what a person wrote: whole lines are put in or exchanged, the rest stays as it is.
//!
//! Knows plain block lists, as `migrate` and most people write them. What is laid out otherwise is written anew, entry by entry, but only
//! where no comment would be lost. Whoever calls this parses the outcome and compares it with what was meant.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    Inventory, emit,
    entry::{Consumer, Secret},
    node::{Content, Key, Node},
};

/// The text with the differences between `old`, which it holds, and `new`. Secrets are only ever added at the end, ExternalSecrets too.
///
/// # Errors
/// What belongs into the text, where that can't be put there.
pub(super) fn edited(text: &str, old: &Inventory, new: &Inventory) -> Result<String, String> {
    let root = Node::read(text).map_err(|_| new.to_yaml(super::DEFAULT_SCHEMA_URL))?;
    let mut page = Page::of(text);
    let mut immovable = String::new();
    page.secrets(&root, old, new, &mut immovable);
    page.external_secrets(&root, old, new, &mut immovable);
    if immovable.is_empty() { Ok(page.finish()) } else { Err(immovable) }
}

/// The lines of a text, and what is to become of them.
struct Page<'t> {
    lines: Vec<&'t str>,
    /// Lines from…to (counted from 0, the last not included) that are exchanged for a text.
    edits: Vec<(usize, usize, String)>,
    line_end: &'static str,
}

/// A list item that begins with a dash on its own line.
#[derive(Clone, Copy)]
struct Item<'t> {
    line: usize,
    end: usize,
    margin: &'t str,
}

impl<'t> Page<'t> {
    fn of(text: &'t str) -> Self {
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let line_end = if lines.first().is_some_and(|line| line.ends_with("\r\n")) { "\r\n" } else { "\n" };
        Self { lines, edits: Vec::new(), line_end }
    }

    /// The text after all edits. Those at one place come in the order in which they were asked for.
    fn finish(mut self) -> String {
        self.edits.sort_by_key(|(from, to, _)| (*from, *to));
        let mut text = String::new();
        let mut at = 0;
        for (from, to, new) in &self.edits {
            text.extend(self.lines[at..*from].iter().copied());
            if !text.is_empty() && !text.ends_with('\n') {
                text.push_str(self.line_end);
            }
            text.push_str(&new.replace('\n', self.line_end));
            at = *to;
        }
        text.extend(self.lines[at..].iter().copied());
        text
    }

    fn secrets(&mut self, root: &Node, old: &Inventory, new: &Inventory, immovable: &mut String) {
        let entries = root.get("secrets").map(Node::items).unwrap_or_default();
        for ((before, now), node) in old.secrets().iter().zip(new.secrets()).zip(entries) {
            if before != now && self.change(node, before, now).is_none() && self.rewrite(node, now).is_none() {
                immovable.push_str(&emit::entry(now, ""));
            }
        }
        let fresh = &new.secrets()[old.len()..];
        match entries.last().and_then(|last| self.item(last)) {
            Some(Item { end, margin, .. }) => self.put(end, fresh.iter().map(|secret| emit::entry(secret, margin)).collect()),
            None => immovable.extend(fresh.iter().map(|secret| emit::entry(secret, ""))),
        }
    }

    fn external_secrets(&mut self, root: &Node, old: &Inventory, new: &Inventory, immovable: &mut String) {
        let before = old.external_secrets();
        let entries = root.get("externalSecrets").map(Node::items).unwrap_or_default();
        for ((before, now), node) in before.iter().zip(new.external_secrets()).zip(entries) {
            if before != now && self.rewrite(node, now).is_none() {
                immovable.push_str(&emit::entry(now, ""));
            }
        }
        let fresh = &new.external_secrets()[before.len()..];
        if fresh.is_empty() {
            return;
        }
        let written = |margin: &str| fresh.iter().map(|declared| emit::entry(declared, margin)).collect::<String>();
        if let Some(Item { end, margin, .. }) = entries.last().and_then(|last| self.item(last)) {
            return self.put(end, written(margin));
        }
        // Before the secrets, and before comments that belong to them.
        let key = root.entries().iter().find(|(key, _)| key.text == "secrets").map(|(key, _)| line_of(key.at.line));
        match key.filter(|line| root.get("externalSecrets").is_none() && self.lines[*line].starts_with("secrets")) {
            Some(mut line) => {
                while line > 0 && self.lines[line - 1].starts_with('#') {
                    line -= 1;
                }
                self.put(line, format!("externalSecrets:\n{}", written("")));
            }
            None => immovable.push_str(&written("")),
        }
    }

    /// Consumers, writers, principals, content, rotation, encoding and origin of an entry that changed in nothing else: items added at the end, consumers
    /// exchanged in place, the others put in or exchanged.
    fn change(&mut self, node: &Node, before: &Secret, now: &Secret) -> Option<()> {
        let edits = self.edits.len();
        let done = self.change_lists(node, before, now);
        if done.is_none() {
            self.edits.truncate(edits);
        }
        done
    }

    fn change_lists(&mut self, node: &Node, before: &Secret, now: &Secret) -> Option<()> {
        let kept = now.consumers.get(..before.consumers.len())?;
        let is_same = |(before, now): (&Consumer, &Consumer)| match (before.external_secret(), now.external_secret()) {
            (Some(before), Some(now)) => before.id == now.id,
            _ => before == now,
        };
        if !before.consumers.iter().zip(kept).all(is_same) {
            return None;
        }
        let nodes = node.get("consumers").map(Node::items).unwrap_or_default();
        for ((before, now), node) in before.consumers.iter().zip(kept).zip(nodes) {
            if before != now {
                self.rewrite(node, now)?;
            }
        }
        self.append(
            node,
            "consumers",
            &["writers", "principals", "rotation", "encoding", "origin", "notes"],
            &now.consumers[kept.len()..],
        )?;
        let writers = now.writers.get(before.writers.len()..)?;
        self.append(node, "writers", &["principals", "rotation", "encoding", "origin", "notes"], writers)?;
        let principals = now.principals.get(before.principals.len()..)?;
        self.append(node, "principals", &["rotation", "encoding", "origin", "notes"], principals)?;
        if before.content != now.content {
            self.set(
                node,
                "content",
                &["consumers", "writers", "principals", "rotation", "encoding", "origin", "notes"],
                now.content.as_ref()?,
            )?;
        }
        if before.rotation != now.rotation {
            self.set(node, "rotation", &["encoding", "origin", "notes"], now.rotation.as_ref()?)?;
        }
        if before.encoding != now.encoding {
            self.set(node, "encoding", &["origin", "notes"], now.encoding.as_ref()?)?;
        }
        if before.origin != now.origin {
            self.set(node, "origin", &["notes"], now.origin.as_ref()?)?;
        }
        Some(())
    }

    /// Gives a key of an entry a value, in the place of the one that it has or before the first of the keys that follow it.
    fn set(&mut self, entry: &Node, key: &'static str, followers: &[&str], value: &impl Serialize) -> Option<()> {
        let item = self.item(entry)?;
        let indent = self.indent_of(entry)?;
        let margin = indent.strip_prefix("  ")?;
        let written = emit::entry(&BTreeMap::from([(key, value)]), margin);
        let written = format!("{indent}{}", written.strip_prefix(margin)?.strip_prefix("- ")?);
        let keys = entry.entries();
        let Some(at) = keys.iter().position(|(there, _)| there.text == key) else {
            let line = self.before(keys, followers, &indent)?.unwrap_or(item.end);
            self.put(line, written);
            return Some(());
        };
        let line = line_of(keys[at].0.at.line);
        let next = keys.get(at + 1).map_or(item.end, |(next, _)| line_of(next.at.line));
        let is_plain = |line: &&str| !line.contains('#') && !line.trim().is_empty();
        let end = line + self.lines.get(line..next)?.iter().take_while(|line| is_plain(line)).count();
        // A comment in its middle, or behind it on its line, would be lost.
        let is_own = self.lines[line].starts_with(&format!("{indent}{key}:")) && end > line;
        let rest_is_other = self.lines[end..next].iter().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'));
        if !is_own || !rest_is_other {
            return None;
        }
        self.edits.push((line, end, written));
        Some(())
    }

    /// Puts items at the end of a list of an entry, which is begun before the first of the keys that follow it where there is none yet.
    fn append(&mut self, entry: &Node, key: &str, followers: &[&str], new: &[impl Serialize]) -> Option<()> {
        if new.is_empty() {
            return Some(());
        }
        let item = self.item(entry)?;
        if let Some(list) = entry.get(key) {
            let Item { end, margin, .. } = list.items().last().and_then(|last| self.item(last))?;
            self.put(end, new.iter().map(|new| emit::entry(new, margin)).collect());
            return Some(());
        }
        let indent = self.indent_of(entry)?;
        let line = self.before(entry.entries(), followers, &indent)?.unwrap_or(item.end);
        self.put(line, format!("{indent}{key}:\n{}", new.iter().map(|new| emit::entry(new, &indent)).collect::<String>()));
        Some(())
    }

    /// What stands before the keys of an entry: they stand below its first one. An entry in braces has none of them on a line of its own.
    fn indent_of(&self, entry: &Node) -> Option<String> {
        let column = usize::try_from(entry.at.column).ok()?.checked_sub(1)?;
        let (first, _) = entry.entries().first()?;
        (!self.is_braced(entry) && first.at == entry.at).then(|| " ".repeat(column))
    }

    /// The line of the first of `followers` that is there; `Some(None)` where none is, `None` where it has no line of its own.
    #[expect(clippy::option_option, reason = "none of them, and one that nothing can be put before, are two answers")]
    fn before(&self, keys: &[(Key, Node)], followers: &[&str], indent: &str) -> Option<Option<usize>> {
        match keys.iter().find(|(key, _)| followers.contains(&key.text.as_str())) {
            Some((key, _)) => {
                let line = line_of(key.at.line);
                if !self.lines.get(line)?.starts_with(&format!("{indent}{}", key.text)) {
                    return None;
                }
                // Comments above it are about it.
                let comments = self.lines[..line].iter().rev().take_while(|line| line.trim_start().starts_with('#'));
                Some(Some(line - comments.count()))
            }
            None => Some(None),
        }
    }

    fn is_braced(&self, node: &Node) -> bool {
        let line = self.lines.get(line_of(node.at.line)).copied().unwrap_or_default();
        let column = usize::try_from(node.at.column).unwrap_or(1).saturating_sub(1);
        matches!(node.content, Content::Map(_)) && line.chars().nth(column) == Some('{')
    }

    /// Writes a list item anew, where no comment is lost.
    fn rewrite(&mut self, node: &Node, new: &impl Serialize) -> Option<()> {
        let Item { line, end, margin } = self.item(node)?;
        let has_comment = |line: &&str| line.trim_start().starts_with('#') || line.contains(" #");
        if self.lines[line..end].iter().any(has_comment) {
            return None;
        }
        self.edits.push((line, end, emit::entry(new, margin)));
        Some(())
    }

    fn put(&mut self, line: usize, text: String) {
        if !text.is_empty() {
            self.edits.push((line, line, text));
        }
    }

    /// The item of a list whose content is this node.
    fn item(&self, node: &Node) -> Option<Item<'t>> {
        let line = line_of(node.at.line);
        let text = *self.lines.get(line)?;
        let margin = &text[..text.len() - text.trim_start_matches(' ').len()];
        // What stands behind the dash must be the node itself, and not a list or mapping around it.
        let before = text.get(margin.len()..)?.strip_prefix("- ")?;
        let column = margin.len() + 2 + (before.len() - before.trim_start_matches(' ').len()) + 1;
        if usize::try_from(node.at.column).ok()? != column {
            return None;
        }
        let mut end = line + 1;
        for (below, text) in self.lines.iter().enumerate().skip(line + 1) {
            let content = text.trim();
            let depth = text.len() - text.trim_start_matches(' ').len();
            if content.is_empty() || depth <= margin.len() && content.starts_with('#') {
                continue;
            }
            if depth <= margin.len() {
                break;
            }
            end = below + 1;
        }
        Some(Item { line, end, margin })
    }
}

/// Places count lines from 1.
fn line_of(line: u64) -> usize {
    usize::try_from(line).unwrap_or(usize::MAX).saturating_sub(1)
}
