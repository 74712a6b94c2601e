//! YAML, JSON and TOML as trees in which every scalar knows its place. Tolerant: what came before a fault is kept.

use granit_parser::{Event, Marker, Parser, ScalarStyle, options};
use migrate_core::{inventory::Position, value::SecretText};
use toml::de::{DeTable, DeValue};

/// A thing at its place.
pub(super) struct Node {
    pub(super) at: Position,
    pub(super) body: Body,
}

/// A thing.
pub(super) enum Body {
    /// Text, number, truth or nothing, as it was written. `block`: of a literal block, whose lines are lines of the file, the first one.
    Scalar { text: SecretText, block: Option<u64> },
    /// A list.
    List(Vec<Node>),
    /// Keys and what stands behind them, in the order of the file.
    Map(Vec<(String, Node)>),
    /// An alias: what it stands for was read at its anchor.
    Alias,
}

/// What was read of a YAML or JSON text.
pub(super) struct Stream {
    pub(super) documents: Vec<Node>,
    /// The line at which a fault was noticed.
    pub(super) broken_at: Option<u64>,
    /// The first line of the document that holds it.
    pub(super) broken_from: Option<u64>,
}

/// How deep a tree may be; configuration that people write stays far below, and trees are walked recursively.
const MAX_DEPTH: usize = 100;

impl Node {
    /// What stands behind a key.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match &self.body {
            Body::Map(entries) => entries.iter().find(|(there, _)| there == key).map(|(_, node)| node),
            _ => None,
        }
    }

    /// The text of a scalar.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.body {
            Body::Scalar { text, .. } => Some(text.expose()),
            _ => None,
        }
    }
}

/// A collection that is not at its end.
enum Open {
    List(Position, Vec<Node>),
    Map(Position, Vec<(String, Node)>, Option<(String, Position)>),
}

/// Reads every document of a text, up to its first fault. JSON is read as the YAML that it is.
pub(super) fn yaml(text: &str) -> Stream {
    let parser = Parser::new_from_str_with_options(text, options! { emit_comments: false });
    let mut stream = Stream { documents: Vec::new(), broken_at: None, broken_from: None };
    let mut open: Vec<Open> = Vec::new();
    let mut document_from = 1;
    for event in parser {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => return stream.broken(error.marker().line() as u64, document_from),
        };
        let at = place(&span.start);
        let node = match event {
            Event::Scalar(text, style, ..) => {
                let text = SecretText::new(text.into_owned());
                let block = (style == ScalarStyle::Literal).then_some(at.line);
                // A block begins below its key; who looks for it looks for the key.
                let key = match open.last() {
                    Some(Open::Map(_, _, Some((_, key)))) if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) => {
                        Some(*key)
                    }
                    _ => None,
                };
                Node { at: key.unwrap_or(at), body: Body::Scalar { text, block } }
            }
            Event::SequenceStart(..) => {
                open.push(Open::List(at, Vec::new()));
                continue;
            }
            Event::MappingStart(..) => {
                open.push(Open::Map(at, Vec::new(), None));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::List(at, items)) => Node { at, body: Body::List(items) },
                Some(Open::Map(at, entries, _)) => Node { at, body: Body::Map(entries) },
                None => continue,
            },
            Event::Alias(_) | Event::UnresolvedAlias(_) => Node { at, body: Body::Alias },
            Event::DocumentEnd => {
                document_from = at.line;
                continue;
            }
            _ => continue,
        };
        if open.len() > MAX_DEPTH {
            return stream.broken(at.line, document_from);
        }
        match open.last_mut() {
            None => stream.documents.push(node),
            Some(Open::List(_, items)) => items.push(node),
            Some(Open::Map(_, entries, key)) => match key.take() {
                Some((key, _)) => entries.push((key, node)),
                // A key that is itself a collection has no name.
                None => *key = Some((node.text().unwrap_or_default().to_owned(), node.at)),
            },
        }
    }
    stream
}

impl Stream {
    fn broken(mut self, at: u64, from: u64) -> Self {
        (self.broken_at, self.broken_from) = (Some(at), Some(from));
        self
    }
}

fn place(marker: &Marker) -> Position {
    Position { line: marker.line() as u64, column: marker.col() as u64 + 1 }
}

/// Reads TOML.
///
/// # Errors
/// The line of the first fault.
pub(super) fn toml(text: &str) -> Result<Node, u64> {
    let starts: Vec<usize> = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
    let place = |byte: usize| {
        let line = starts.partition_point(|start| *start <= byte);
        let start = starts.get(line.wrapping_sub(1)).copied().unwrap_or_default();
        let column = text.get(start..byte).map_or(0, |before| before.chars().count());
        Position { line: line as u64, column: column as u64 + 1 }
    };
    match DeTable::parse(text) {
        Ok(table) => Ok(table_node(place(0), table.get_ref(), &place)),
        Err(error) => Err(place(error.span().map_or(0, |span| span.start)).line),
    }
}

fn table_node(at: Position, table: &DeTable<'_>, place: &dyn Fn(usize) -> Position) -> Node {
    let entry = |(key, value): (&toml::Spanned<std::borrow::Cow<'_, str>>, &toml::Spanned<DeValue<'_>>)| {
        (key.get_ref().to_string(), value_node(value, place))
    };
    Node { at, body: Body::Map(table.iter().map(entry).collect()) }
}

fn value_node(value: &toml::Spanned<DeValue<'_>>, place: &dyn Fn(usize) -> Position) -> Node {
    let at = place(value.span().start);
    let scalar = |text: &str| Node { at, body: Body::Scalar { text: SecretText::new(text.to_owned()), block: None } };
    match value.get_ref() {
        DeValue::String(text) => scalar(text),
        DeValue::Integer(number) => scalar(number.as_str()),
        DeValue::Float(number) => scalar(number.as_str()),
        DeValue::Boolean(truth) => scalar(if *truth { "true" } else { "false" }),
        DeValue::Datetime(_) => scalar(""),
        DeValue::Array(items) => Node { at, body: Body::List(items.iter().map(|item| value_node(item, place)).collect()) },
        DeValue::Table(table) => table_node(at, table, place),
    }
}
