//! Rewrites what is written in the types already: tables, references, schema. A person edits the types, never the result.
//!
//! A generated file is whole, or a region of a Markdown page between `<!-- generated: NAME -->` and `<!-- end generated -->`.

mod cli;
mod ledger;
mod lints;
mod sample;
mod transitions;

use std::{fs, path::Path};

use anyhow::{Context as _, Result, ensure};
use migrate_cli::exit;

use crate::{arrows, workspace::root};

/// One thing that is generated.
struct Generated {
    /// Where it goes, from the workspace's folder.
    file: &'static str,
    /// The name of its region; `None` where the whole file is generated.
    region: Option<&'static str>,
    /// Makes the text.
    render: fn() -> Result<String>,
}

/// All that is generated. Add a line here.
const ALL: [Generated; 8] = [
    Generated { file: "docs/architecture.md", region: Some("arrows"), render: || Ok(arrows::table()) },
    Generated { file: "docs/cli.md", region: None, render: || Ok(cli::reference(migrate_cli::command())) },
    Generated { file: "docs/eso-lints.md", region: None, render: || Ok(lints::page()) },
    Generated { file: "docs/exit-codes.md", region: Some("exit-codes"), render: exit_codes },
    Generated { file: "docs/handover.md", region: Some("transitions"), render: transitions::table },
    Generated { file: "docs/ledger-format.md", region: Some("lines"), render: ledger::lines },
    Generated { file: "docs/ledger-format.md", region: Some("events"), render: ledger::events },
    Generated { file: "docs/schema/secrets-inventory.v1.json", region: None, render: schema },
];

fn exit_codes() -> Result<String> {
    let rows = exit::ALL.iter().map(|row| format!("| {} | `{}` | {} |\n", row.exit.code(), row.name, row.meaning));
    Ok(rows.fold("| code | name | means |\n|---|---|---|\n".to_owned(), |table, row| table + &row))
}

fn schema() -> Result<String> {
    Ok(format!("{:#}\n", migrate_core::inventory::schema()))
}

/// `cargo xtask generate`: writes what changed; with `check` it fails instead.
pub(crate) fn run(check: bool) -> Result<()> {
    let mut stale = Vec::new();
    for generated in ALL {
        let path = root().join(generated.file);
        let (old, new) = generated.renew(&path).with_context(|| format!("can't generate {}", generated.file))?;
        if old.as_ref() == Some(&new) {
            continue;
        }
        stale.push(generated.file);
        if !check {
            write(&path, &new)?;
            println!("wrote {}", generated.file);
        }
    }
    ensure!(!check || stale.is_empty(), "{} is not what the types say: run `cargo xtask generate`", stale.join(", "));
    Ok(())
}

impl Generated {
    /// The file as it is, where it is, and as it should be.
    fn renew(&self, path: &Path) -> Result<(Option<String>, String)> {
        let old = fs::read_to_string(path).ok();
        let text = (self.render)()?;
        let new = match self.region {
            None => text,
            Some(name) => replaced(old.as_deref().context("the page is not there")?, name, &text)?,
        };
        Ok((old, new))
    }
}

/// The page with another text in one of its regions.
fn replaced(page: &str, name: &str, text: &str) -> Result<String> {
    const END: &str = "<!-- end generated -->";
    let begin = format!("<!-- generated: {name} -->\n");
    let (before, rest) = page.split_once(&begin).with_context(|| format!("there is no line {}", begin.trim_end()))?;
    let (_, after) = rest.split_once(END).with_context(|| format!("region {name} has no end"))?;
    Ok(format!("{before}{begin}{}\n{END}{after}", text.trim_end()))
}

fn write(path: &Path, text: &str) -> Result<()> {
    use std::io::Write as _;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::File::create(path)?.write_all(text.as_bytes()).with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_region_changes_and_a_second_time_changes_nothing() {
        let page =
            "a\n<!-- generated: x -->\nold\n<!-- end generated -->\nb\n<!-- generated: y -->\nkept\n<!-- end generated -->\n";
        let new = replaced(page, "x", "new\n").unwrap();
        assert_eq!(new, page.replace("old", "new"));
        assert_eq!(replaced(&new, "x", "new\n").unwrap(), new);
    }

    #[test]
    fn a_missing_region_is_named() {
        assert!(replaced("text", "x", "").unwrap_err().to_string().contains("generated: x"));
        assert!(replaced("<!-- generated: x -->\n", "x", "").unwrap_err().to_string().contains("no end"));
    }
}
