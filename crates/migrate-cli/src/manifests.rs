//! Manifests that were named on the command line: folders with all below them, files, or standard input.

use std::{collections::BTreeSet, fs, io, io::Read as _, rc::Rc};

use camino::{Utf8Path, Utf8PathBuf};
use phase1_eso::{import::Document, yaml};

use crate::{
    error::{CommandError, Reason},
    ui::count,
};

/// One file, read.
pub(crate) struct ManifestFile {
    /// Its path as it was typed, or below what was typed; `-` for standard input.
    pub(crate) shown: String,
    /// What stands in it.
    pub(crate) text: String,
}

/// Reads every manifest below the paths: `.yaml`, `.yml` and `.json`, in the order of their names, each once. Hidden folders are left out.
///
/// # Errors
/// [`CommandError`] where a path is not there or can't be read, or where there is no manifest at all.
pub(crate) fn gather(directory: &Utf8Path, paths: &[Utf8PathBuf]) -> Result<Vec<ManifestFile>, CommandError> {
    let mut gathered = Gathered::default();
    for path in paths {
        if path == "-" {
            let mut bytes = Vec::new();
            io::stdin()
                .lock()
                .read_to_end(&mut bytes)
                .map_err(|error| CommandError::file("can't read standard input", &error))?;
            gathered.add("-".to_owned(), bytes)?;
            continue;
        }
        let full = directory.join(path);
        match fs::metadata(&full) {
            Ok(of) if of.is_dir() => gathered.folder(&full, path)?,
            Ok(_) => gathered.file(&full, path)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(CommandError::usage(format!("there is no file or folder {path}")));
            }
            Err(error) => return Err(CommandError::file(format!("can't read {path}"), &error)),
        }
    }
    if gathered.files.is_empty() {
        let shown: Vec<&str> = paths.iter().map(|path| path.as_str()).collect();
        return Err(CommandError::new(Reason::NothingSelected, format!("there are no manifests in {}", shown.join(", "))).hint(
            "name a folder or file with .yaml, .yml or .json, or pipe manifests in: `kustomize build DIR | migrate eso … -`",
        ));
    }
    Ok(gathered.files)
}

/// Every document of the files.
///
/// # Errors
/// [`CommandError`] with every document of every file that can't be read, Helm templates among them.
pub(crate) fn documents(files: &[ManifestFile]) -> Result<Vec<Document>, CommandError> {
    let (mut documents, mut problems) = (Vec::new(), Vec::new());
    for ManifestFile { shown, text } in files {
        let stream = yaml::read(text);
        let file: Rc<str> = shown.as_str().into();
        documents.extend(stream.documents.into_iter().map(|node| Document { file: file.clone(), node }));
        problems.extend(stream.errors.iter().map(|error| format!("{shown}:{}:{}: {error}", error.at.line, error.at.column)));
    }
    if problems.is_empty() {
        return Ok(documents);
    }
    Err(CommandError::new(Reason::ManifestsInvalid, format!("the manifests have {}", count(problems.len(), "problem")))
        .findings(problems)
        .hint("mend them, or name only the files that are manifests"))
}

#[derive(Default)]
struct Gathered {
    files: Vec<ManifestFile>,
    /// Real paths: a link may lead back, and two paths may name one file.
    seen: BTreeSet<std::path::PathBuf>,
}

impl Gathered {
    fn folder(&mut self, full: &Utf8Path, shown: &Utf8Path) -> Result<(), CommandError> {
        let failed = |error: &io::Error| CommandError::file(format!("can't read {shown}"), error);
        if !self.is_new(full).map_err(|error| failed(&error))? {
            return Ok(());
        }
        let mut names = Vec::new();
        for entry in full.read_dir_utf8().map_err(|error| failed(&error))? {
            names.push(entry.map_err(|error| failed(&error))?.file_name().to_owned());
        }
        names.sort();
        for name in names.iter().filter(|name| !name.starts_with('.')) {
            let (full, shown) = (full.join(name), shown.join(name));
            // A link that leads nowhere is no manifest.
            let Ok(of) = fs::metadata(&full) else { continue };
            if of.is_dir() {
                self.folder(&full, &shown)?;
            } else if matches!(shown.extension(), Some("yaml" | "yml" | "json")) {
                self.file(&full, &shown)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, full: &Utf8Path, shown: &Utf8Path) -> Result<(), CommandError> {
        let failed = |error: io::Error| CommandError::file(format!("can't read {shown}"), &error);
        if self.is_new(full).map_err(failed)? {
            self.add(shown.to_string(), fs::read(full).map_err(failed)?)?;
        }
        Ok(())
    }

    fn is_new(&mut self, full: &Utf8Path) -> io::Result<bool> {
        Ok(self.seen.insert(full.canonicalize()?))
    }

    fn add(&mut self, shown: String, bytes: Vec<u8>) -> Result<(), CommandError> {
        let text = String::from_utf8(bytes).map_err(|error| {
            // The error would show the bytes.
            let at = error.utf8_error().valid_up_to();
            CommandError::new(Reason::ManifestsInvalid, format!("{shown} is no UTF-8 text, from byte {at} on"))
        })?;
        self.files.push(ManifestFile { shown, text });
        Ok(())
    }
}
