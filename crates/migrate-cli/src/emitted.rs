//! Folders of files that a command emits and people keep in Git: what nobody touched is renewed, what somebody edited is not overwritten.
//!
//! Each file bears a mark in its first line (in its second, after `#!` or the `{` of a JSON object): which command emitted it, and a checksum over its path and
//! everything below the mark. So a file says itself whether it is still as it was emitted, without a list beside it that could get out of
//! step; and one that was copied or moved is taken for somebody else's. The checksum protects from haste, not from malice.
//!
//! ```text
//! files to emit ──► compare with the folder ──► nothing edited, or --force ──► write what differs, remove what is no longer emitted
//!                                           ├─► --check: say what would change
//!                                           └─► edited: refuse all, name each
//! ```

use std::{collections::BTreeSet, fs, io};

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::{
    args::Emitting,
    error::{CommandError, Reason},
    exit::Exit,
    files,
    ui::{Report, count},
};

/// One file to emit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EmittedFile {
    /// Where, relative to the folder; plain names only.
    pub(crate) path: Utf8PathBuf,
    /// Its text without the mark, with a line feed at its end.
    pub(crate) text: String,
    /// How a comment is written in it.
    pub(crate) comment: Comment,
    /// Whether it is a program.
    pub(crate) is_executable: bool,
}

/// How a comment is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comment {
    /// YAML, HCL, TOML, Python, shell.
    Hash,
    /// Go, Rust, TypeScript.
    Slashes,
    /// Markdown; the text that follows closes the comment.
    Markup,
    /// JSON has no comments: a member `//` of the object that the file is.
    JsonMember,
}

impl Comment {
    /// What stands around the words of the mark on its line.
    const fn around(self) -> (&'static str, &'static str) {
        match self {
            Self::Hash => ("# ", ""),
            Self::Slashes => ("// ", ""),
            Self::Markup => ("<!-- ", ""),
            Self::JsonMember => ("  \"//\": \"", JSON_MEMBER_END),
        }
    }
}

/// What follows the mark in a JSON object.
const JSON_MEMBER_END: &str = "\",";

impl EmittedFile {
    /// A file whose comments begin with `#`: YAML, HCL, shell.
    pub(crate) fn new(path: impl Into<Utf8PathBuf>, text: impl Into<String>) -> Self {
        Self { path: path.into(), text: text.into(), comment: Comment::Hash, is_executable: false }
    }
}

/// What may be done to the folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Write and remove, unless somebody edited one of the files.
    Write,
    /// Write and remove, over edits too.
    Force,
    /// Change nothing, say what would change.
    Check,
}

impl From<&Emitting> for Mode {
    fn from(typed: &Emitting) -> Self {
        match (typed.check, typed.force) {
            (true, _) => Self::Check,
            (false, true) => Self::Force,
            (false, false) => Self::Write,
        }
    }
}

/// What was done, or with [`Mode::Check`] would be.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Emission {
    folder: String,
    /// Whether nothing was changed, by request.
    checked: bool,
    /// Files that are new or differ.
    written: Vec<Utf8PathBuf>,
    /// Files of an earlier run that are no longer emitted.
    removed: Vec<Utf8PathBuf>,
    /// Of those that are written, the ones that somebody edited.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    edited: Vec<Utf8PathBuf>,
    /// Files that this command emitted, or copies of such, which are no longer emitted, were edited, and so were left.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    left: Vec<Utf8PathBuf>,
    /// How many files are as they should be.
    unchanged: usize,
}

impl Emission {
    /// 0, or with [`Mode::Check`] that changes are pending.
    pub(crate) fn exit(&self) -> Exit {
        let is_done = !self.checked || self.written.is_empty() && self.removed.is_empty();
        if is_done { Exit::Done } else { Exit::ChangesPending }
    }
}

impl Report for Emission {
    fn text(&self) -> String {
        let (wrote, removed) = if self.checked { ("would write", "would remove") } else { ("wrote", "removed") };
        let mut text = String::new();
        for path in &self.written {
            let edited = if self.edited.contains(path) { " (edited by hand)" } else { "" };
            text += &format!("{wrote} {path}{edited}\n");
        }
        for path in &self.removed {
            text += &format!("{removed} {path}\n");
        }
        for path in &self.left {
            text += &format!("left {path}: it is no longer emitted, and was edited or copied by hand\n");
        }
        let unchanged = count(self.unchanged, "file");
        text + &format!("{}: {unchanged} unchanged\n", self.folder)
    }
}

/// Brings a folder to hold `files`, in their order. `shown` is its path as it was typed, `origin` the command whose files these are: files
/// of another origin are left alone unless one of `files` would take their place.
///
/// # Guarantees
/// - Nothing is changed where a file is refused, and nothing with [`Mode::Check`].
/// - A file that this command did not emit, or that was edited since, is neither overwritten (but with [`Mode::Force`]) nor removed.
/// - No link below the folder is followed.
/// - Each file is written whole or not at all; the same command again goes on.
///
/// # Errors
/// [`CommandError`] with every file that is refused, or for the one that can't be read or written.
pub(crate) fn emit(
    folder: &Utf8Path,
    shown: &str,
    origin: &str,
    files: &[EmittedFile],
    mode: Mode,
) -> Result<Emission, CommandError> {
    let mut emission = Emission {
        folder: shown.to_owned(),
        checked: mode == Mode::Check,
        written: Vec::new(),
        removed: Vec::new(),
        edited: Vec::new(),
        left: Vec::new(),
        unchanged: 0,
    };
    let mut wanted = BTreeSet::new();
    for file in files {
        if !is_plain(&file.path) || !wanted.insert(&file.path) {
            let heading = format!("can't emit {}: not the path of one file below a folder", file.path);
            return Err(CommandError::new(Reason::Internal, heading));
        }
        refuse_link(folder, shown, &file.path)?;
        let there = read(&folder.join(&file.path))?;
        match there {
            Some(text) if text == marked(file, origin) => emission.unchanged += 1,
            Some(text) if !is_untouched(&file.path, &text) => {
                emission.edited.push(file.path.clone());
                emission.written.push(file.path.clone());
            }
            _ => emission.written.push(file.path.clone()),
        }
    }
    if mode == Mode::Write && !emission.edited.is_empty() {
        let edited = emission.edited.iter().map(|path| format!("{shown}/{path}"));
        let heading = format!("{} would be overwritten that somebody else wrote or edited", count(emission.edited.len(), "file"));
        return Err(CommandError::new(Reason::Edited, heading)
            .because_of("nothing was written")
            .findings(edited)
            .hint("move what you need out of them, or `--force` to overwrite them; `--check` shows all that would change"));
    }
    for path in others(folder, &wanted)? {
        let Some(text) = read(&folder.join(&path))? else { continue };
        match mark_of(&text) {
            Some((of, _)) if of != origin => {}
            Some(_) if is_untouched(&path, &text) => emission.removed.push(path),
            Some(_) => emission.left.push(path),
            None => {}
        }
    }
    if mode != Mode::Check {
        for file in files.iter().filter(|file| emission.written.contains(&file.path)) {
            files::replace_as(&folder.join(&file.path), &marked(file, origin), file.is_executable)?;
        }
        for path in &emission.removed {
            remove(folder, path)?;
        }
    }
    Ok(emission)
}

/// Names below the folder and nothing else: no `..`, no root.
fn is_plain(path: &Utf8Path) -> bool {
    !path.as_str().is_empty() && path.components().all(|part| matches!(part, Utf8Component::Normal(_)))
}

/// The file with its mark.
fn marked(file: &EmittedFile, origin: &str) -> String {
    let (first, rest) = opening(&file.text);
    let (before, behind) = file.comment.around();
    let mark = format!("{before}{BEGINNING}{origin}{MIDDLE}{}{END}{behind}", checksum(&file.path, first, rest));
    format!("{first}{mark}\n{rest}")
}

const BEGINNING: &str = "Emitted by `";
const MIDDLE: &str = "`. Edit its input instead: an edited file is not overwritten. (";
const END: &str = ")";

/// The line that must stay the first, since it names a program's interpreter or opens a JSON object, and what follows it.
fn opening(text: &str) -> (&str, &str) {
    match text.split_once('\n') {
        Some((first, rest)) if first.starts_with("#!") || first == "{" => (&text[..=first.len()], rest),
        _ => ("", text),
    }
}

fn checksum(path: &Utf8Path, first: &str, rest: &str) -> String {
    let digest = [path.as_str(), "\n", first, rest].iter().fold(Sha256::new(), |digest, part| digest.chain_update(part));
    digest.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Origin and checksum of a file that bears a mark.
fn mark_of(text: &str) -> Option<(&str, &str)> {
    let (_, rest) = opening(text);
    let (_, mark) = rest.lines().next()?.split_once(BEGINNING)?;
    mark.strip_suffix(JSON_MEMBER_END).unwrap_or(mark).strip_suffix(END)?.split_once(MIDDLE)
}

/// Whether a file is as it was emitted, by whichever command and build.
fn is_untouched(path: &Utf8Path, text: &str) -> bool {
    let Some((_, claimed)) = mark_of(text) else { return false };
    let (first, rest) = opening(text);
    let below = rest.split_once('\n').map_or("", |(_, below)| below);
    checksum(path, first, below) == claimed
}

/// A file's text with plain line feeds, since Git may have checked it out with others; `None` where there is none. A file that is no text
/// is somebody else's.
fn read(path: &Utf8Path) -> Result<Option<String>, CommandError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8(bytes).unwrap_or_default().replace("\r\n", "\n"))),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(CommandError::file(format!("can't read {path}"), &error)),
    }
}

/// Refuses a path on which a link lies: it may lead out of the folder.
fn refuse_link(folder: &Utf8Path, shown: &str, path: &Utf8Path) -> Result<(), CommandError> {
    let mut place = folder.to_owned();
    for part in path.components() {
        place.push(part);
        if fs::symlink_metadata(&place).is_ok_and(|seen| seen.is_symlink()) {
            let link = place.strip_prefix(folder).unwrap_or(&place);
            return Err(CommandError::new(Reason::Edited, format!("{shown}/{link} is a link"))
                .because_of("a link may lead out of the folder, so none is followed; nothing was written")
                .hint("remove the link, or choose another folder"));
        }
    }
    Ok(())
}

/// What the tools of languages fill with copies of what is emitted, and with what others wrote.
const BUILT: [&str; 4] = ["__pycache__", "dist", "node_modules", "target"];

/// Every file below the folder that is not wanted. Links are not followed; folders that begin with a dot (`.git`) are none of ours, nor
/// are those that are built.
fn others(folder: &Utf8Path, wanted: &BTreeSet<&Utf8PathBuf>) -> Result<Vec<Utf8PathBuf>, CommandError> {
    let mut found = Vec::new();
    let mut waiting = vec![Utf8PathBuf::new()];
    while let Some(below) = waiting.pop() {
        let place = folder.join(&below);
        let failed = |error: &io::Error| CommandError::file(format!("can't read {place}"), error);
        let entries = match place.read_dir_utf8() {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(failed(&error)),
        };
        for entry in entries {
            let entry = entry.map_err(|error| failed(&error))?;
            let kind = entry.file_type().map_err(|error| failed(&error))?;
            let path = below.join(entry.file_name());
            let is_others = entry.file_name().starts_with('.') || BUILT.contains(&entry.file_name());
            if kind.is_dir() && !is_others {
                waiting.push(path);
            } else if kind.is_file() && !wanted.contains(&path) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Removes a file, and the folders that it leaves empty.
fn remove(folder: &Utf8Path, path: &Utf8Path) -> Result<(), CommandError> {
    let file = folder.join(path);
    fs::remove_file(&file).map_err(|error| CommandError::file(format!("can't remove {file}"), &error))?;
    let emptied = path.ancestors().skip(1).take_while(|below| !below.as_str().is_empty());
    for below in emptied {
        // A folder that holds something else refuses, as it should.
        if fs::remove_dir(folder.join(below)).is_err() {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: &str = "migrate vault emit";

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn path(&self) -> &Utf8Path {
            Utf8Path::from_path(self.0.path()).unwrap()
        }

        fn emit(&self, files: &[EmittedFile], mode: Mode) -> Result<Emission, CommandError> {
            emit(self.path(), "out", ORIGIN, files, mode)
        }

        fn read(&self, path: &str) -> String {
            fs::read_to_string(self.path().join(path)).unwrap()
        }

        fn put(&self, path: &str, text: &str) {
            files::replace(&self.path().join(path), text).unwrap();
        }

        fn has(&self, path: &str) -> bool {
            self.path().join(path).exists()
        }
    }

    fn two() -> Vec<EmittedFile> {
        vec![EmittedFile::new("a.yaml", "a: 1\n"), EmittedFile::new("below/b.sh", "#!/bin/sh\nset -eu\n")]
    }

    #[test]
    fn a_second_run_changes_nothing_and_a_check_agrees() {
        let folder = Folder::new();
        assert_eq!(folder.emit(&two(), Mode::Check).unwrap().exit(), Exit::ChangesPending);
        assert!(!folder.has("a.yaml"));
        let first = folder.emit(&two(), Mode::Write).unwrap();
        assert_eq!((first.written.len(), first.unchanged, first.exit()), (2, 0, Exit::Done));
        let before = (folder.read("a.yaml"), folder.read("below/b.sh"));
        assert!(before.0.starts_with("# Emitted by `migrate vault emit`") && before.0.ends_with("\na: 1\n"), "{}", before.0);
        assert!(before.1.starts_with("#!/bin/sh\n# Emitted by"), "{}", before.1);
        let second = folder.emit(&two(), Mode::Write).unwrap();
        assert_eq!((second.written.len(), second.unchanged), (0, 2));
        assert_eq!(folder.emit(&two(), Mode::Check).unwrap().exit(), Exit::Done);
        assert_eq!(before, (folder.read("a.yaml"), folder.read("below/b.sh")));
    }

    #[test]
    fn what_nobody_touched_is_renewed() {
        let folder = Folder::new();
        folder.emit(&two(), Mode::Write).unwrap();
        folder.emit(&[EmittedFile::new("a.yaml", "a: 2\n")], Mode::Write).unwrap();
        assert!(folder.read("a.yaml").ends_with("a: 2\n"));
        assert!(!folder.has("below"), "what is no longer emitted is gone, and so is its folder");
    }

    #[test]
    fn what_somebody_edited_is_refused_by_name_and_nothing_else_is_written() {
        let folder = Folder::new();
        folder.emit(&two(), Mode::Write).unwrap();
        folder.put("below/b.sh", &folder.read("below/b.sh").replace("-eu", "-e"));
        let changed = [EmittedFile::new("a.yaml", "a: 2\n"), EmittedFile::new("below/b.sh", "#!/bin/sh\nset -eux\n")];
        let refused = folder.emit(&changed, Mode::Write).unwrap_err();
        assert_eq!((refused.exit, refused.findings.as_slice()), (Exit::Blocked, ["out/below/b.sh".to_owned()].as_slice()));
        assert!(folder.read("a.yaml").ends_with("a: 1\n"));
        let checked = folder.emit(&changed, Mode::Check).unwrap();
        assert!(checked.text().contains("would write below/b.sh (edited by hand)"), "{}", checked.text());
        folder.emit(&changed, Mode::Force).unwrap();
        assert!(folder.read("below/b.sh").ends_with("set -eux\n"));
    }

    #[test]
    fn files_of_others_are_never_touched() {
        let folder = Folder::new();
        folder.put("theirs.yaml", "b: 1\n");
        emit(folder.path(), "out", "migrate eso emit", &[EmittedFile::new("eso.yaml", "c: 1\n")], Mode::Write).unwrap();
        folder.emit(&two(), Mode::Write).unwrap();
        // Copied, so no longer where it was emitted.
        folder.put("copy.yaml", &folder.read("a.yaml"));
        let emission = folder.emit(&[], Mode::Write).unwrap();
        assert_eq!(emission.removed, ["a.yaml", "below/b.sh"]);
        assert_eq!(emission.left, ["copy.yaml"]);
        assert!(folder.has("theirs.yaml") && folder.has("eso.yaml") && folder.has("copy.yaml"));
        // Not even where one of ours would take its place.
        let refused = folder.emit(&[EmittedFile::new("theirs.yaml", "b: 2\n")], Mode::Write).unwrap_err();
        assert_eq!(refused.findings, ["out/theirs.yaml"]);
        assert_eq!(folder.read("theirs.yaml"), "b: 1\n");
    }

    #[test]
    fn line_feeds_of_another_system_are_no_edit() {
        let folder = Folder::new();
        folder.emit(&two(), Mode::Write).unwrap();
        folder.put("a.yaml", &folder.read("a.yaml").replace('\n', "\r\n"));
        assert_eq!(folder.emit(&two(), Mode::Check).unwrap().exit(), Exit::Done);
    }

    #[cfg(unix)]
    #[test]
    fn no_link_is_followed() {
        use std::os::unix::fs::symlink;
        let (folder, elsewhere) = (Folder::new(), Folder::new());
        elsewhere.emit(&two(), Mode::Write).unwrap();
        symlink(elsewhere.path().join("below"), folder.path().join("below")).unwrap();
        let refused = folder.emit(&two(), Mode::Force).unwrap_err();
        assert_eq!(refused.heading, "out/below is a link");
        assert!(!folder.has("a.yaml"));
        folder.emit(&[], Mode::Force).unwrap();
        assert!(elsewhere.has("below/b.sh"));
    }

    #[test]
    fn a_path_that_leads_out_is_a_fault_of_ours() {
        let folder = Folder::new();
        for path in ["../a", "/a", ""] {
            assert_eq!(folder.emit(&[EmittedFile::new(path, "")], Mode::Write).unwrap_err().reason, Reason::Internal, "{path}");
        }
    }

    #[test]
    fn what_was_built_of_it_is_no_business_of_ours() {
        let folder = Folder::new();
        folder.emit(&two(), Mode::Write).unwrap();
        folder.put("dist/b.sh", &folder.read("below/b.sh"));
        let again = folder.emit(&two(), Mode::Write).unwrap();
        assert_eq!((again.left.len(), again.unchanged), (0, 2), "{again:?}");
        assert!(folder.has("dist/b.sh"));
    }

    #[test]
    fn a_json_object_stays_one_and_bears_its_mark() {
        let folder = Folder::new();
        let json = || vec![EmittedFile { comment: Comment::JsonMember, ..EmittedFile::new("a.json", "{\n  \"b\": 1\n}\n") }];
        folder.emit(&json(), Mode::Write).unwrap();
        let read: serde_json::Value = serde_json::from_str(&folder.read("a.json")).unwrap();
        assert!(read["b"] == 1 && read["//"].as_str().is_some_and(|mark| mark.starts_with("Emitted by")), "{read}");
        assert_eq!(folder.emit(&json(), Mode::Write).unwrap().unchanged, 1);
        folder.put("a.json", &folder.read("a.json").replace('1', "2"));
        assert_eq!(folder.emit(&json(), Mode::Write).unwrap_err().reason, Reason::Edited);
    }

    #[cfg(unix)]
    #[test]
    fn a_program_can_be_run() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = Folder::new();
        let program = EmittedFile { is_executable: true, ..EmittedFile::new("a.sh", "#!/bin/sh\n") };
        folder.emit(&[program], Mode::Write).unwrap();
        assert_eq!(fs::metadata(folder.path().join("a.sh")).unwrap().permissions().mode() & 0o777, 0o755);
    }
}
