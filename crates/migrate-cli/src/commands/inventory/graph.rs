//! `migrate inventory graph`: who writes and who reads each secret, as a drawing.

use std::{collections::BTreeMap, fmt::Write as _};

use migrate_core::inventory::{ConsumerMeans, Inventory, KnownPrincipal, Writer};
use serde::Serialize;

use super::Context;
use crate::{
    args::{Graph, GraphFormat},
    error::CommandError,
    exit::Exit,
    ui::Report,
};

/// What is drawn.
#[derive(Debug, Default, Serialize)]
struct Drawing {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    #[serde(skip)]
    format: GraphFormat,
}

#[derive(Debug, Serialize)]
struct Node {
    label: String,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Secret,
    Writer,
    Application,
}

/// From and to, as places among the nodes.
#[derive(Debug, Serialize)]
struct Edge {
    from: usize,
    to: usize,
    /// Through what.
    by: String,
}

pub(in crate::commands) fn run(context: &Context, args: &Graph) -> Result<Exit, CommandError> {
    let settings = context.settings()?;
    let inventory = super::of(&settings)?;
    context.printer.show(&Drawing { format: args.format, ..draw(&inventory) });
    Ok(Exit::Done)
}

fn draw(inventory: &Inventory) -> Drawing {
    let mut drawing = Drawing::default();
    let mut known: BTreeMap<(Kind, String), usize> = BTreeMap::new();
    for secret in inventory.secrets() {
        let at = drawing.node(&mut known, Kind::Secret, secret.name.to_string());
        for writer in &secret.writers {
            let (label, by) = match writer {
                Writer::People(who) => (who.to_string(), "by hand"),
                Writer::Rotation(by) => (by.to_string(), "rotation"),
                Writer::Terraform(place) => (place.to_string(), "Terraform"),
                Writer::PushSecret(push) => (format!("{}/{}", push.namespace, push.name), "PushSecret"),
            };
            let from = drawing.node(&mut known, Kind::Writer, label);
            drawing.edges.push(Edge { from, to: at, by: by.to_owned() });
        }
        for principal in &secret.principals {
            let (kind, principal) = match principal {
                KnownPrincipal::Reads(principal) => (Kind::Application, principal),
                KnownPrincipal::Writes(principal) => (Kind::Writer, principal),
            };
            let who = drawing.node(&mut known, kind, principal.to_string());
            let (from, to) = if kind == Kind::Writer { (who, at) } else { (at, who) };
            drawing.edges.push(Edge { from, to, by: "AWS".to_owned() });
        }
        for consumer in &secret.consumers {
            let to = drawing.node(&mut known, Kind::Application, consumer.application.to_string());
            let by = match &consumer.means {
                ConsumerMeans::Sdk(_) => "SDK".to_owned(),
                ConsumerMeans::ExternalSecret(by) => by.id.to_string(),
            };
            drawing.edges.push(Edge { from: at, to, by });
        }
    }
    drawing
}

impl Drawing {
    fn node(&mut self, known: &mut BTreeMap<(Kind, String), usize>, kind: Kind, label: String) -> usize {
        *known.entry((kind, label)).or_insert_with_key(|(kind, label)| {
            self.nodes.push(Node { label: label.clone(), kind: *kind });
            self.nodes.len() - 1
        })
    }

    /// Source: <https://mermaid.js.org/syntax/flowchart.html>; quoted texts take entities for what would end them.
    fn mermaid(&self) -> String {
        let quoted = |text: &str| text.replace('#', "#35;").replace('"', "#quot;").replace(['\n', '\t'], " ");
        let mut text = "flowchart LR\n".to_owned();
        for (at, node) in self.nodes.iter().enumerate() {
            let (open, close) = match node.kind {
                Kind::Secret => ("[", "]"),
                Kind::Writer => ("[/", "/]"),
                Kind::Application => ("([", "])"),
            };
            // Writing to a string can't fail.
            let _ = writeln!(text, "  n{at}{open}\"{}\"{close}", quoted(&node.label));
        }
        for Edge { from, to, by } in &self.edges {
            let _ = writeln!(text, "  n{from} -->|\"{}\"| n{to}", quoted(by));
        }
        text
    }

    /// Source: <https://graphviz.org/doc/info/lang.html>.
    fn dot(&self) -> String {
        let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace(['\n', '\t'], " ");
        let mut text = "digraph secrets {\n  rankdir=LR;\n".to_owned();
        for (at, node) in self.nodes.iter().enumerate() {
            let shape = match node.kind {
                Kind::Secret => "box",
                Kind::Writer => "parallelogram",
                Kind::Application => "ellipse",
            };
            let _ = writeln!(text, "  n{at} [label=\"{}\", shape={shape}];", quoted(&node.label));
        }
        for Edge { from, to, by } in &self.edges {
            let _ = writeln!(text, "  n{from} -> n{to} [label=\"{}\"];", quoted(by));
        }
        text + "}\n"
    }
}

impl Report for Drawing {
    fn text(&self) -> String {
        match self.format {
            GraphFormat::Mermaid => self.mermaid(),
            GraphFormat::Dot => self.dot(),
        }
    }
}
