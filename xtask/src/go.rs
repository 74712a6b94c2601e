//! Takes from the Go module proxy what tests need, as `stack/go.txt` pins it: the CRDs of releases of External Secrets Operator, and
//! kustomize.
//!
//! A module is fetched by the Go tool, compared with the pinned hash, and only then used. Like the servers, an install is built beside its
//! final folder and moved there when it is whole.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use tokio::process::Command;

use crate::{
    setup,
    workspace::{root, succeed},
};

const PINS: &str = "stack/go.txt";
const OPERATOR: &str = "github.com/external-secrets/external-secrets";
const KUSTOMIZE: &str = "sigs.k8s.io/kustomize/kustomize/v5";
/// What the names of the operator's own CRDs begin with; those of its generators are others.
const CRDS: &str = "external-secrets.io_";

/// What was installed.
#[derive(Clone, Debug)]
pub(crate) struct Installed {
    folder: PathBuf,
}

impl Installed {
    /// The variables by which tests find it.
    pub(crate) fn environment(&self) -> [(&'static str, String); 2] {
        [
            ("MIGRATE_TEST_ESO_CRDS", self.folder.join("crds").display().to_string()),
            ("MIGRATE_TEST_KUSTOMIZE", self.folder.join("bin/kustomize").display().to_string()),
        ]
    }
}

/// Finds what today's pins name, installing it where it is not there yet.
pub(crate) async fn installed() -> Result<Installed> {
    let text = fs::read_to_string(root().join(PINS)).context(PINS)?;
    let folder = setup::cache()?.join(setup::key(text.as_bytes(), &platform().await?));
    install(&pins(&text)?, &folder).await?;
    Ok(Installed { folder })
}

#[derive(Debug, PartialEq, Eq)]
struct Pin<'a> {
    module: &'a str,
    version: &'a str,
    hash: &'a str,
}

fn pins(text: &str) -> Result<Vec<Pin<'_>>> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| match line.split_whitespace().collect::<Vec<_>>()[..] {
            [module, version, hash] => Ok(Pin { module, version, hash }),
            _ => bail!("{PINS}: not MODULE VERSION HASH: {line}"),
        })
        .collect()
}

/// The Go that is there, by what its programs fit.
pub(crate) async fn platform() -> Result<String> {
    let mut go = Command::new("go");
    let answer = go.args(["env", "GOOS", "GOARCH"]).output().await;
    let answer =
        answer.context("tests take Kubernetes, CRDs and kustomize from Go's module proxy: install Go (1.26 or newer)")?;
    ensure!(answer.status.success(), "go env failed: {}", String::from_utf8_lossy(&answer.stderr).trim());
    Ok(String::from_utf8_lossy(&answer.stdout).split_whitespace().collect::<Vec<_>>().join(" "))
}

async fn install(pins: &[Pin<'_>], folder: &Path) -> Result<()> {
    setup::install(folder, async |whole| {
        eprintln!("xtask: fetching CRDs and building kustomize into {} (once; about 80 MB to fetch)", folder.display());
        // Where no module is.
        let outside = tempfile::tempdir()?;
        let outside = outside.path();
        for pin in pins {
            let module = fetch(pin, outside).await?;
            match pin.module {
                OPERATOR => {
                    let release = pin.version.trim_start_matches('v');
                    copy_crds(&module.join("config/crds/bases"), &whole.join("crds").join(release))?;
                }
                KUSTOMIZE => build(pin, &whole.join("bin"), outside).await?,
                other => bail!("{PINS} names {other}, and nothing here knows what for"),
            }
        }
        Ok(())
    })
    .await
}

/// Downloads a module into Go's own cache, and compares its hash.
async fn fetch(pin: &Pin<'_>, outside: &Path) -> Result<PathBuf> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Module {
        dir: PathBuf,
        sum: String,
    }
    let name = format!("{}@{}", pin.module, pin.version);
    let answer = go(outside).args(["mod", "download", "-json", &name]).output().await?;
    let said = String::from_utf8_lossy(&answer.stdout);
    ensure!(
        answer.status.success(),
        "go can't fetch {name}; is the module proxy reachable?\n{said}{}",
        String::from_utf8_lossy(&answer.stderr)
    );
    let module: Module = serde_json::from_str(&said).with_context(|| format!("what go said about {name}"))?;
    ensure!(module.sum == pin.hash, "{name} has the hash {}, but {PINS} wants {}", module.sum, pin.hash);
    Ok(module.dir)
}

fn copy_crds(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    let mut count = 0;
    for entry in fs::read_dir(from).with_context(|| format!("no CRDs in {}", from.display()))? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(CRDS) {
            // Read and written, not copied: what lies in Go's cache is read-only, and would stay so.
            put(&to.join(entry.file_name()), &fs::read(entry.path())?)?;
            count += 1;
        }
    }
    ensure!(count > 0, "{} has no file that begins with {CRDS}", from.display());
    Ok(())
}

pub(crate) fn put(path: &Path, bytes: &[u8]) -> Result<()> {
    use std::io::Write as _;
    fs::File::create(path)?.write_all(bytes).with_context(|| path.display().to_string())
}

async fn build(pin: &Pin<'_>, bin: &Path, outside: &Path) -> Result<()> {
    let name = format!("{}@{}", pin.module, pin.version);
    succeed(go(outside).args(["install", &name]).env("GOBIN", bin)).await
}

/// The Go tool in a folder, without a C compiler.
pub(crate) fn go(folder: &Path) -> Command {
    let mut command = Command::new("go");
    command.current_dir(folder).env("CGO_ENABLED", "0").env("GOWORK", "off").kill_on_drop(true);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_a_module_a_version_and_a_hash() {
        let pin = Pin { module: "a/b", version: "v1", hash: "h1:x=" };
        assert_eq!(pins("# why\n\na/b v1 h1:x=\n").unwrap(), [pin]);
        assert!(pins("a/b v1\n").unwrap_err().to_string().contains("a/b v1"));
    }
}
