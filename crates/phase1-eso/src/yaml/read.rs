//! From text to trees: an event at a time, without recursion, within limits.

use std::{collections::HashMap, rc::Rc};

use granit_parser::{ErrorKind, Event, Marker, Parser, ScalarStyle, ScanError, StrInput, options};

use super::{Content, Key, MAX_DEPTH, MAX_NODES, MAX_TEXT, Node, Position, Stream, YamlError, YamlErrorKind, helm, scalar};

/// Reads every document of a text.
#[must_use]
pub fn read(text: &str) -> Stream {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let options = options! { emit_comments: false };
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut stream = Stream::default();
    let mut budget = Budget { nodes: MAX_NODES, text: MAX_TEXT };
    loop {
        match document(&mut parser, &mut budget) {
            Ok(Some(Node { content: Content::Null, .. })) => {}
            Ok(Some(node)) => stream.documents.push(node),
            Ok(None) => return stream,
            Err(mut error) => {
                if let (YamlErrorKind::Syntax(_), Some(at)) = (&error.kind, helm::around(text, error.at)) {
                    error = YamlError { at, kind: YamlErrorKind::HelmTemplate };
                }
                let is_final = matches!(error.kind, YamlErrorKind::TooLarge | YamlErrorKind::HelmTemplate);
                stream.errors.push(error);
                // A Helm template is one whole, however many documents it renders to; what is too large stays so.
                if is_final || !matches!(parser.proceed_next_document(), Ok(true)) {
                    return stream;
                }
            }
        }
    }
}

/// What is still left of the limits.
struct Budget {
    nodes: usize,
    text: usize,
}

impl Budget {
    fn spend(&mut self, nodes: usize, text: usize, at: Position) -> Result<(), YamlError> {
        let left = self.nodes.checked_sub(nodes).zip(self.text.checked_sub(text));
        (self.nodes, self.text) = left.ok_or(YamlError { at, kind: YamlErrorKind::TooLarge })?;
        Ok(())
    }
}

/// A collection that is not at its end.
struct Open {
    at: Position,
    anchor: usize,
    /// Items, or values once their keys are known.
    filling: Filling,
    before: (usize, usize),
}

enum Filling {
    List(Vec<Node>),
    Map { entries: Vec<(Key, Node)>, key: Option<Key>, is_flow: bool },
}

/// What an alias stands for, with its weight in nodes and bytes.
type Anchored = Rc<(Node, usize, usize)>;

/// Reads one document; `None` at the end of the stream.
fn document<'a>(parser: &mut Parser<'a, StrInput<'a>>, budget: &mut Budget) -> Result<Option<Node>, YamlError> {
    let mut open: Vec<Open> = Vec::new();
    let mut anchors: HashMap<usize, Anchored> = HashMap::new();
    let mut root = None;
    loop {
        let Some(event) = parser.next() else { return Ok(None) };
        let (event, span) = event.map_err(|error| syntax(&error))?;
        let at = place(&span.start);
        let fail = |kind| Err(YamlError { at, kind });
        let before = (budget.nodes, budget.text);
        let (mut node, anchor, before) = match event {
            Event::StreamEnd => return Ok(None),
            Event::DocumentEnd => return Ok(Some(root.unwrap_or_else(|| Node::new(at, Content::Null)))),
            Event::Scalar(text, style, anchor, tag) => {
                budget.spend(1, text.len(), at)?;
                if helm::is_in(&text) {
                    return fail(YamlErrorKind::HelmTemplate);
                }
                let is_plain = style == ScalarStyle::Plain && !tag.is_some_and(|tag| tag.is_yaml_core_schema_tag("str"));
                let content = if is_plain { scalar::plain(&text) } else { Content::Text(text.into_owned()) };
                (Node::new(at, content), anchor, before)
            }
            Event::SequenceStart(_, anchor, _) => {
                budget.spend(1, 0, at)?;
                open.push(Open { at, anchor, filling: Filling::List(Vec::new()), before });
                if open.len() > MAX_DEPTH {
                    return fail(YamlErrorKind::TooDeep);
                }
                continue;
            }
            Event::MappingStart(style, anchor, _) => {
                budget.spend(1, 0, at)?;
                let is_flow = style == granit_parser::StructureStyle::Flow;
                if let Some(Open { filling: Filling::Map { key: None, is_flow: true, entries }, .. }) = open.last()
                    && is_flow
                    && entries.is_empty()
                {
                    // `{{` outside of a scalar: a mapping as the first key of another one, which nobody writes by hand.
                    return fail(YamlErrorKind::HelmTemplate);
                }
                open.push(Open { at, anchor, filling: Filling::Map { entries: Vec::new(), key: None, is_flow }, before });
                if open.len() > MAX_DEPTH {
                    return fail(YamlErrorKind::TooDeep);
                }
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(done) = open.pop() else { continue };
                let content = match done.filling {
                    Filling::List(items) => Content::List(items),
                    Filling::Map { entries, .. } => Content::Map(merged(entries)?),
                };
                (Node::new(done.at, content), done.anchor, done.before)
            }
            Event::Alias(id) => {
                let Some(anchored) = anchors.get(&id) else { return fail(YamlErrorKind::Alias) };
                budget.spend(anchored.1, anchored.2, at)?;
                (anchored.0.clone(), 0, before)
            }
            Event::UnresolvedAlias(_) => return fail(YamlErrorKind::Alias),
            _ => continue,
        };
        if anchor != 0 {
            let (nodes, text) = (before.0 - budget.nodes, before.1 - budget.text);
            budget.spend(nodes, text, at)?;
            anchors.insert(anchor, Rc::new((node.clone(), nodes, text)));
        }
        match open.last_mut() {
            None => root = Some(node),
            Some(Open { filling: Filling::List(items), .. }) => items.push(node),
            Some(Open { filling: Filling::Map { entries, key, .. }, .. }) => match key.take() {
                Some(key) => entries.push((key, node)),
                None => {
                    let text = match &mut node.content {
                        Content::Text(text) | Content::Number(text) => std::mem::take(text),
                        Content::Bool(truth) => truth.to_string(),
                        Content::Null => "null".to_owned(),
                        Content::List(_) | Content::Map(_) => return fail(YamlErrorKind::ComplexKey),
                    };
                    *key = Some(Key { at: node.at, text });
                }
            },
        }
    }
}

/// Puts in what `<<` names, after the mapping's own keys; what is there already counts.
fn merged(entries: Vec<(Key, Node)>) -> Result<Vec<(Key, Node)>, YamlError> {
    let (merges, mut own): (Vec<_>, Vec<_>) = entries.into_iter().partition(|(key, _)| key.text == "<<");
    for (key, node) in merges {
        let fail = |at| YamlError { at, kind: YamlErrorKind::Merge };
        let sources = match node.content {
            Content::Map(_) => vec![node],
            Content::List(items) => items,
            _ => return Err(fail(key.at)),
        };
        for source in sources {
            let Content::Map(entries) = source.content else { return Err(fail(source.at)) };
            for (key, node) in entries {
                if !own.iter().any(|(there, _)| there.text == key.text) {
                    own.push((key, node));
                }
            }
        }
    }
    Ok(own)
}

fn place(marker: &Marker) -> Position {
    Position { line: marker.line() as u64, column: marker.col() as u64 + 1 }
}

fn syntax(error: &ScanError) -> YamlError {
    let rule = match error.kind() {
        ErrorKind::UnexpectedCharacter { .. } => "a character that has no place here".to_owned(),
        ErrorKind::RecursionLimitExceeded => return YamlError { at: place(error.marker()), kind: YamlErrorKind::TooDeep },
        ErrorKind::UnknownAnchor => return YamlError { at: place(error.marker()), kind: YamlErrorKind::Alias },
        // These carry texts of their own, which nobody has looked at.
        ErrorKind::Custom(_) | ErrorKind::InputIo { .. } | ErrorKind::InputDecoding { .. } => "it can't be read".to_owned(),
        kind => kind.to_string(),
    };
    YamlError { at: place(error.marker()), kind: YamlErrorKind::Syntax(rule) }
}
