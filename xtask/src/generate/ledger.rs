//! The tables of `docs/ledger-format.md`, written by the code that writes ledgers.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use migrate_core::{
    id::Epoch,
    ledger::{Chain, RecordHash},
};

use super::sample;

/// The first records of a ledger, a whole line each.
pub(super) fn lines() -> Result<String> {
    let at = "2026-01-31T09:00:00Z".parse().context("a time")?;
    let mut chain = Chain::new();
    let mut lines = String::new();
    for (epoch, event) in [Epoch(0), Epoch(1), Epoch(1)].into_iter().zip(sample::events()?) {
        let record = chain.draft(at, "ada@build-7", epoch, event)?;
        let line = record.to_line()?;
        chain.accept(&record, RecordHash::of(&line))?;
        lines += &format!("{}\n", String::from_utf8(line)?);
    }
    Ok(format!("```json\n{lines}```\n"))
}

/// Every kind of event with an example of its body.
pub(super) fn events() -> Result<String> {
    let mut seen = BTreeSet::new();
    let mut table = "| type | decisive | example |\n|---|---|---|\n".to_owned();
    for event in sample::events()? {
        if seen.insert(event.kind()) {
            let decisive = if event.is_decisive() { "yes" } else { "" };
            table += &format!("| `{}` | {decisive} | `{}` |\n", event.kind(), serde_json::to_string(&event)?);
        }
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_page_shows_is_a_ledger() {
        let page = lines().unwrap();
        let bytes = page.trim_start_matches("```json\n").trim_end_matches("```\n").as_bytes();
        let (chain, _) = Chain::read(bytes, |_| ()).unwrap();
        assert_eq!(chain.heads().len(), 3);
    }
}
