//! Where the workspace is, how cargo is called in it, and which files it holds.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use tokio::process::Command;

/// The folder of the root `Cargo.toml`.
pub(crate) fn root() -> &'static Path {
    // xtask is built where it is used: the folder above its own is the workspace's.
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// The cargo that runs us, in the workspace; ends when it is dropped.
pub(crate) fn cargo<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root()).kill_on_drop(true);
    command
}

/// Where cargo builds.
pub(crate) fn target() -> Result<PathBuf> {
    let metadata = cargo_metadata::MetadataCommand::new().current_dir(root()).no_deps().exec().context("cargo metadata")?;
    Ok(metadata.target_directory.into_std_path_buf())
}

/// Runs a command to its end; a failure names what was run.
pub(crate) async fn succeed(command: &mut Command) -> Result<()> {
    let shown = show(command);
    let status = command.status().await.with_context(|| format!("can't start `{shown}`"))?;
    ensure!(status.success(), "`{shown}` ended with {status}");
    Ok(())
}

/// A command as a person would type it.
pub(crate) fn show(command: &Command) -> String {
    let command = command.as_std();
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args()).map(OsStr::to_string_lossy);
    words.collect::<Vec<_>>().join(" ")
}

/// Every file of the project, relative to [`root`]: tracked by Git or about to be.
pub(crate) fn files() -> Result<Vec<PathBuf>> {
    let listing = std::process::Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .context("can't start git")?;
    ensure!(listing.status.success(), "git ls-files failed: {}", String::from_utf8_lossy(&listing.stderr).trim());
    let listing = String::from_utf8(listing.stdout).context("a file name that is not UTF-8")?;
    let mut files: Vec<_> = listing.split_terminator('\0').map(PathBuf::from).collect();
    // A file that was deleted and not yet committed is still listed.
    files.retain(|file| root().join(file).is_file());
    files.sort();
    files.dedup();
    Ok(files)
}
