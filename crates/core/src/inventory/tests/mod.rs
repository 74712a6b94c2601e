//! The inventory from outside: what is read, what is refused and where, what is written back, and the schema that is published.

mod adopting;
mod bad_input;
mod declaring;
mod importing;
mod populating;
mod properties;
mod published_schema;
mod reading;
mod reconciling;

use super::*;

/// An inventory with every key.
const COMPLETE: &str = include_str!("complete.yaml");

/// The problems of a text, one a line.
fn problems(text: &str) -> String {
    match Inventory::parse(text) {
        Ok(_) => "valid".to_owned(),
        Err(problems) => problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
    }
}

/// An inventory whose entries are given, each with the keys that are always needed after its own.
fn with_entries(entries: &[&str]) -> String {
    let mut text = "apiVersion: migrate/v1\nsecrets:\n".to_owned();
    for entry in entries {
        for (at, line) in entry.lines().enumerate() {
            text.push_str(if at == 0 { "- " } else { "  " });
            text.push_str(line);
            text.push('\n');
        }
        for needed in ["category: data", "class: runtime", "disposition: moves"] {
            let key = needed.split_once(':').map_or(needed, |(key, _)| key);
            if !entry.lines().any(|line| line.starts_with(key)) {
                text.push_str(&format!("  {needed}\n"));
            }
        }
    }
    text
}

fn name(text: &str) -> SecretName {
    SecretName::parse(text).unwrap()
}
