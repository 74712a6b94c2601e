//! Files of the repository other than the ledger: written whole or not at all.

use std::{fs, io::Write as _};

use camino::{Utf8Path, Utf8PathBuf};

use crate::error::{CommandError, Reason};

/// Puts `text` in the place of a file: a crash leaves the old or the new one.
pub(crate) fn replace(path: &Utf8Path, text: &str) -> Result<(), CommandError> {
    replace_as(path, text, false)
}

/// The same, as a program where that is wanted.
pub(crate) fn replace_as(path: &Utf8Path, text: &str, is_executable: bool) -> Result<(), CommandError> {
    let failed = |error: &std::io::Error| CommandError::file(format!("can't write {path}"), error);
    let folder = path.parent().filter(|folder| !folder.as_str().is_empty()).unwrap_or(Utf8Path::new("."));
    fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    let mut file = tempfile::Builder::new().prefix(".migrate-").tempfile_in(folder).map_err(|error| failed(&error))?;
    file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(|error| failed(&error))?;
    readable(file.as_file(), is_executable).map_err(|error| failed(&error))?;
    file.persist(path).map_err(|error| failed(&error.error))?;
    Ok(())
}

/// Temporary files are for their owner alone; what we write is meant for Git.
fn readable(file: &fs::File, is_executable: bool) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        file.set_permissions(fs::Permissions::from_mode(if is_executable { 0o755 } else { 0o644 }))?;
    }
    let _ = (file, is_executable);
    Ok(())
}

/// Reads a file; `None` where there is none.
pub(crate) fn read(path: &Utf8Path) -> Result<Option<String>, CommandError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(CommandError::file(format!("can't read {path}"), &error)),
    }
}

/// The files of a folder with that extension, in the order of their names; none where there is no folder.
pub(crate) fn listed(folder: &Utf8Path, extension: &str) -> Result<Vec<Utf8PathBuf>, CommandError> {
    let entries = match folder.read_dir_utf8() {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(CommandError::new(Reason::File, format!("can't read {folder}")).because(&error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| CommandError::file(format!("can't read {folder}"), &error))?.into_path();
        if path.extension() == Some(extension) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
