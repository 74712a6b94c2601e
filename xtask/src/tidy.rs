//! The rules about files that no compiler checks. Each is a function from a file's text to findings, so each can be tested.

use std::{
    collections::BTreeSet,
    fmt, fs,
    path::{Component, Path, PathBuf},
};

use anyhow::{Context as _, Result};

use crate::{
    arrows::report,
    workspace::{files, root},
};

/// More lines than this need a reason.
const LONG: usize = 500;
/// How a file that must be longer begins.
const LONG_BECAUSE: &str = "// long because ";
/// Where the requirements are listed.
const REQUIREMENTS: &str = "docs/requirements.md";

/// One broken rule at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    file: PathBuf,
    line: usize,
    what: String,
}

impl Finding {
    pub(crate) fn new(file: &Path, line: usize, what: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, what: what.into() }
    }

    #[cfg(test)]
    pub(crate) fn line(&self) -> usize {
        self.line
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.what)
    }
}

/// `cargo xtask tidy`.
pub(crate) fn run() -> Result<()> {
    let files = files()?;
    let requirements = fs::read_to_string(root().join(REQUIREMENTS)).context(REQUIREMENTS)?;
    let known = listed(&requirements);
    let mut findings = Vec::new();
    for file in &files {
        let bytes = fs::read(root().join(file)).with_context(|| file.display().to_string())?;
        // What is no text has no lines to judge.
        let Ok(text) = String::from_utf8(bytes) else { continue };
        findings.extend(whitespace(file, &text));
        findings.extend(places_of_one_machine(file, &text));
        findings.extend(cited(file, &text, &known));
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("rs") => {
                findings.extend(length(file, &text));
                findings.extend(beginning(file, &text));
                findings.extend(unfinished(file, &text));
            }
            Some("md") => findings.extend(links(file, &text, &|target| root().join(target).exists())),
            _ => {}
        }
    }
    report(&findings)
}

fn whitespace(file: &Path, text: &str) -> Vec<Finding> {
    let generated = file.ends_with("Cargo.lock") || file.extension().is_some_and(|extension| extension == "snap");
    let mut found = Vec::new();
    if !generated {
        let trailing = text.lines().enumerate().filter(|(_, line)| line.ends_with([' ', '\t', '\r']));
        found.extend(trailing.map(|(number, _)| Finding::new(file, number + 1, "ends with a space")));
    }
    if !text.is_empty() && !text.ends_with('\n') {
        found.push(Finding::new(file, text.lines().count(), "does not end with a new line"));
    }
    found
}

fn length(file: &Path, text: &str) -> Option<Finding> {
    let lines = text.lines().count();
    let excused = text.lines().next().is_some_and(|first| first.starts_with(LONG_BECAUSE));
    (lines > LONG && !excused)
        .then(|| Finding::new(file, 1, format!("{lines} lines: split it by meaning, or begin it with `{LONG_BECAUSE}…`")))
}

fn beginning(file: &Path, text: &str) -> Option<Finding> {
    let first = text.lines().find(|line| !line.starts_with(LONG_BECAUSE));
    let says = first.is_some_and(|line| line.strip_prefix("//! ").is_some_and(|rest| rest.len() > 3));
    (!says).then(|| Finding::new(file, 1, "begins with no `//!` that says what it is"))
}

/// Folders that exist where somebody worked and nowhere else.
fn places_of_one_machine(file: &Path, text: &str) -> Vec<Finding> {
    // Put together here, so that this line is not a finding.
    let places = ["root", "home", "work", "Users"].map(|folder| format!("/{folder}/"));
    let stands_alone = |line: &str, at: usize| {
        !line.get(..at).and_then(|head| head.chars().next_back()).is_some_and(|c| c.is_alphanumeric() || ".-_}$~>*".contains(c))
    };
    let hit = |line: &str| places.iter().any(|place| line.match_indices(place.as_str()).any(|(at, _)| stands_alone(line, at)));
    let lines = text.lines().enumerate().filter(|(_, line)| hit(line));
    lines.map(|(number, _)| Finding::new(file, number + 1, "names a folder of one machine")).collect()
}

fn unfinished(file: &Path, text: &str) -> Vec<Finding> {
    let marks = ["todo", "unimplemented"].map(|name| format!("{name}!("));
    let words = ["FIX", "XX", "TO", "HA"].iter().zip(["ME", "X", "DO", "CK"]).map(|(a, b)| format!("{a}{b}")).collect::<Vec<_>>();
    let ignored = format!("#[{}", "ignore");
    let hit = |line: &str| {
        marks.iter().any(|mark| line.contains(mark.as_str()))
            || line.trim_start().starts_with(&ignored)
            || line.split(|c: char| !c.is_alphanumeric()).any(|word| words.iter().any(|mark| mark == word))
    };
    let lines = text.lines().enumerate().filter(|(_, line)| hit(line));
    lines.map(|(number, _)| Finding::new(file, number + 1, "is unfinished, or a test that does not run")).collect()
}

/// The ids that the list of requirements has: the first cell of each row.
fn listed(requirements: &str) -> BTreeSet<&str> {
    let cells = requirements.lines().filter_map(|line| line.strip_prefix("| ")?.split(' ').next());
    cells.filter(|cell| is_id(cell)).collect()
}

/// Three capital letters, a hyphen, a number.
fn is_id(word: &str) -> bool {
    word.split_once('-').is_some_and(|(area, number)| {
        area.len() == 3
            && area.bytes().all(|byte| byte.is_ascii_uppercase())
            && !number.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Every id of an area that the list has, and every word after `REQ`, must be in the list.
fn cited(file: &Path, text: &str, known: &BTreeSet<&str>) -> Vec<Finding> {
    let areas: BTreeSet<_> = known.iter().filter_map(|id| id.split('-').next()).collect();
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let words: Vec<_> =
            line.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').filter(|word| !word.is_empty()).collect();
        for (at, word) in words.iter().enumerate() {
            let of_an_area = is_id(word) && word.split('-').next().is_some_and(|area| areas.contains(area));
            let after_req = at.checked_sub(1).and_then(|before| words.get(before)).is_some_and(|before| *before == "REQ");
            if (of_an_area || (after_req && is_id(word))) && !known.contains(word) {
                found.push(Finding::new(file, number + 1, format!("cites {word}, which {REQUIREMENTS} does not have")));
            }
        }
    }
    found
}

/// Links within the project lead somewhere.
fn links(file: &Path, text: &str, exists: &dyn Fn(&Path) -> bool) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut in_code = false;
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        let targets = line.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
        for target in targets.filter(|target| !target.contains("://") && !target.starts_with('#')) {
            let path = target.split('#').next().unwrap_or_default();
            let from = file.parent().unwrap_or(Path::new(""));
            if !exists(&flattened(&from.join(path))) {
                found.push(Finding::new(file, number + 1, format!("links to {target}, which is not there")));
            }
        }
    }
    found
}

/// A path without `..`, so that it can be looked up where a folder in between is missing.
fn flattened(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut flat, part| {
        match part {
            Component::ParentDir => drop(flat.pop()),
            Component::CurDir => {}
            other => flat.push(other),
        }
        flat
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "docs/page.md";

    fn lines(found: impl IntoIterator<Item = Finding>) -> Vec<usize> {
        found.into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn this_project_is_tidy() {
        run().unwrap();
    }

    #[test]
    fn a_long_file_needs_a_reason() {
        let long = "//! text\n".repeat(LONG + 1);
        assert_eq!(lines(length(Path::new(FILE), &long)), [1]);
        assert_eq!(length(Path::new(FILE), &format!("{LONG_BECAUSE}it is a table\n{long}")), None);
        assert_eq!(length(Path::new(FILE), &"//! text\n".repeat(LONG)), None);
    }

    #[test]
    fn a_file_says_what_it_is() {
        assert_eq!(lines(beginning(Path::new(FILE), "use std::fs;\n//! Late.\n")), [1]);
        assert_eq!(lines(beginning(Path::new(FILE), "")), [1]);
        assert_eq!(beginning(Path::new(FILE), &format!("{LONG_BECAUSE}it is a table\n//! A table.\n")), None);
    }

    #[test]
    fn folders_of_one_machine_are_found_and_others_are_not() {
        let (bad, good) = (format!("see /{}/x\nin \"/{}/me\"", "root", "home"), "~/work/ and a/home/b and https://x.org/work/\n");
        assert_eq!(lines(places_of_one_machine(Path::new(FILE), &bad)), [1, 2]);
        assert_eq!(places_of_one_machine(Path::new(FILE), good), []);
    }

    #[test]
    fn unfinished_work_is_found() {
        let text = format!(
            "fine\n{}!()\n  #[{}]\n// {}: x\n{}!(\"x\")\nHACKS\n",
            "todo",
            "ignore",
            ["FIX", "ME"].concat(),
            "unimplemented"
        );
        assert_eq!(lines(unfinished(Path::new(FILE), &text)), [2, 3, 4, 5]);
    }

    #[test]
    fn an_unknown_requirement_is_found() {
        let known = listed("| id | says |\n|---|---|\n| AUT-1 | one |\n| VLT-2 | two |\n");
        assert_eq!(known, BTreeSet::from(["AUT-1", "VLT-2"]));
        let text = format!("// REQ AUT-1, VLT-2\n// REQ AUT-{0}\nsee VLT-{0}.\n// UTF-8, SHA-256, AES-128\n// REQ FOO-{0}\n", 99);
        assert_eq!(lines(cited(Path::new(FILE), &text, &known)), [2, 3, 5]);
    }

    #[test]
    fn a_link_that_leads_nowhere_is_found() {
        let text =
            "[a](there.md#part) [b](../README.md)\n[c](gone.md)\n[d](https://example.org) [e](#here)\n```\n[f](gone.md)\n```\n";
        let exists = |path: &Path| [Path::new("docs/there.md"), Path::new("README.md")].contains(&path);
        assert_eq!(lines(links(Path::new(FILE), text, &exists)), [2]);
    }

    #[test]
    fn trailing_space_and_a_missing_last_line_end_are_found() {
        assert_eq!(lines(whitespace(Path::new(FILE), "a \nb\nc")), [1, 3]);
        assert_eq!(whitespace(Path::new(FILE), ""), []);
    }
}
