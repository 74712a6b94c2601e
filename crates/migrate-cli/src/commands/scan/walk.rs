//! Which files are scanned: those whose names say configuration, unless an ignore file hides them.
//!
//! Files that exist to hold credentials are usually ignored by Git, and are just what is looked for. So Git's rules (and `.ignore`) hide the
//! others only; `.migrateignore` hides everything it names.

use std::{collections::BTreeMap, fs};

use camino::{Utf8Path, Utf8PathBuf};
use ignore::{DirEntry, WalkBuilder};
use phase0_sdk::scan::Format;

use super::{Notice, Noticed};
use crate::error::CommandError;

/// Our own ignore file, in Git's form (<https://git-scm.com/docs/gitignore>).
const IGNORE_FILE: &str = ".migrateignore";

/// Folders of what others wrote, where Git's rules are not looked at and a `.env` is somebody else's.
const FOREIGN: [&str; 5] = [".git", "node_modules", ".venv", ".terraform", "__pycache__"];

/// What was typed, and what it lies in.
pub(super) struct Source {
    path: Utf8PathBuf,
    here: Utf8PathBuf,
    /// The repository around it, or it itself.
    pub(super) root: Utf8PathBuf,
}

/// A file to scan.
pub(super) struct Candidate {
    pub(super) path: Utf8PathBuf,
    pub(super) format: Format,
}

impl Source {
    pub(super) fn new(path: &Utf8Path, here: &Utf8Path) -> Result<Self, CommandError> {
        let failed = |error: &std::io::Error| CommandError::usage(format!("can't scan {}", shown(path, here))).because(error);
        let path = path.canonicalize_utf8().map_err(|error| failed(&error))?;
        let is_folder = fs::metadata(&path).map_err(|error| failed(&error))?.is_dir();
        let folder = if is_folder { path.as_path() } else { path.parent().unwrap_or(&path) };
        let root = folder.ancestors().find(|folder| folder.join(".git").exists()).unwrap_or(folder).to_owned();
        let here = here.canonicalize_utf8().unwrap_or_else(|_| here.to_owned());
        Ok(Self { path, here, root })
    }

    /// A path as it is shown: from where the command was typed.
    pub(super) fn shown(&self, path: &Utf8Path) -> String {
        shown(path, &self.here)
    }

    /// A path from the root of the repository.
    pub(super) fn below_root(&self, path: &Utf8Path) -> String {
        shown(path, &self.root)
    }

    /// A path from which names are proposed: the repository's own folder may name the application.
    pub(super) fn for_names(&self, path: &Utf8Path) -> String {
        shown(path, self.root.parent().unwrap_or(&self.root))
    }
}

fn shown(path: &Utf8Path, from: &Utf8Path) -> String {
    path.strip_prefix(from).unwrap_or(path).to_string()
}

/// The files to scan in the order of their paths, and what was passed over.
pub(super) fn walk(source: &Source) -> (Vec<Candidate>, Vec<Noticed>) {
    if !source.path.is_dir() {
        let format = Format::of(source.path.as_str()).unwrap_or(Format::ANY);
        let notice = Noticed { file: source.shown(&source.path), kind: Notice::NotFollowed, text: "no regular file".to_owned() };
        return match source.path.is_file() {
            true => (vec![Candidate { path: source.path.clone(), format }], Vec::new()),
            false => (Vec::new(), vec![notice]),
        };
    }
    let mut walk = Walk { source, candidates: BTreeMap::new(), noticed: Vec::new() };
    walk.all(&mut builder(source, true), false);
    walk.all(&mut builder(source, false), true);
    (walk.candidates.into_values().collect(), walk.noticed)
}

/// Links are not followed: they may lead out of what was named, or round in circles. What they lead to inside of it is scanned there.
fn builder(source: &Source, by_git: bool) -> WalkBuilder {
    let mut builder = WalkBuilder::new(&source.path);
    builder.hidden(false).follow_links(false).require_git(false).git_global(false);
    builder.git_ignore(by_git).git_exclude(by_git).ignore(by_git).add_custom_ignore_filename(IGNORE_FILE);
    builder.filter_entry(move |entry| {
        let name = entry.file_name().to_string_lossy();
        name != ".git" && (by_git || entry.depth() == 0 || !FOREIGN.contains(&name.as_ref()))
    });
    builder
}

struct Walk<'a> {
    source: &'a Source,
    candidates: BTreeMap<Utf8PathBuf, Candidate>,
    noticed: Vec<Noticed>,
}

impl Walk<'_> {
    fn all(&mut self, builder: &mut WalkBuilder, only_known: bool) {
        for entry in builder.build() {
            match entry {
                Ok(entry) => self.entry(&entry, only_known),
                Err(error) => self.failed(&error),
            }
        }
    }

    fn entry(&mut self, entry: &DirEntry, only_known: bool) {
        let Some(path) = Utf8Path::from_path(entry.path()) else {
            return self.notice(&entry.path().to_string_lossy(), Notice::NotFollowed, "its name is no UTF-8");
        };
        let format = Format::of(path.as_str()).filter(|_| !only_known || Format::holds_credentials(path.as_str()));
        let shown = self.source.shown(path);
        match (entry.file_type(), format) {
            (Some(kind), format) if kind.is_symlink() && (format.is_some() || (!only_known && path.is_dir())) => {
                self.notice(&shown, Notice::NotFollowed, "a link, which is not followed");
            }
            (Some(kind), Some(format)) if kind.is_file() => {
                self.candidates.insert(path.to_owned(), Candidate { path: path.to_owned(), format });
            }
            (Some(kind), Some(_)) if !kind.is_dir() && !kind.is_symlink() => {
                self.notice(&shown, Notice::NotFollowed, "no regular file");
            }
            _ => {}
        }
        if let Some(error) = entry.error() {
            self.failed(error);
        }
    }

    fn failed(&mut self, error: &ignore::Error) {
        let file = place(error).map(|path| self.source.shown(&path)).unwrap_or_default();
        match error.io_error() {
            Some(io) => self.notice(&file, Notice::Unreadable, &io.kind().to_string()),
            None => self.notice(&file, Notice::Pattern, "an ignore file has a pattern that can't be read"),
        }
    }

    fn notice(&mut self, file: &str, kind: Notice, text: &str) {
        self.noticed.push(Noticed { file: file.to_owned(), kind, text: text.to_owned() });
    }
}

/// Which path an error is about.
fn place(error: &ignore::Error) -> Option<Utf8PathBuf> {
    match error {
        ignore::Error::WithPath { path, .. } => Utf8PathBuf::from_path_buf(path.clone()).ok(),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => place(err),
        ignore::Error::Partial(errors) => errors.first().and_then(place),
        _ => None,
    }
}
