//! Installs what the languages of emitted modules are checked and tested with, as the lock files of their suites pin it: the packages of
//! Python and Node.js into the cache, the modules of Go and the crates of Rust into those tools' own caches.
//!
//! ```text
//! crates/phase0-sdk/modules/<language>/suite/: requirements.txt · package-lock.json · go.sum · Cargo.lock
//! ```

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result, ensure};
use tokio::process::Command;

use crate::{
    setup::{self, Interpreter, install},
    workspace::{cargo, root, succeed, target},
};

const SUITES: &str = "crates/phase0-sdk/modules";

/// What was installed.
#[derive(Clone, Debug)]
pub(crate) struct Installed {
    python: PathBuf,
    node: PathBuf,
    target: PathBuf,
}

impl Installed {
    /// The variables by which tests find it.
    pub(crate) fn environment(&self) -> [(&'static str, String); 3] {
        [
            ("MIGRATE_TEST_MODULES_PYTHON", self.python.display().to_string()),
            ("MIGRATE_TEST_MODULES_NODE", self.node.display().to_string()),
            ("MIGRATE_TEST_MODULES_TARGET", self.target.display().to_string()),
        ]
    }
}

/// Finds what today's lock files name, installing it where it is not there yet.
pub(crate) async fn installed(python: &Interpreter) -> Result<Installed> {
    go().await?;
    rust().await?;
    Ok(Installed {
        python: python.site(&format!("{SUITES}/python/suite/requirements.txt"), "what Python modules are tested with").await?,
        node: node().await?,
        // Kept between runs, and apart from our own: the modules have lock files and features of their own.
        target: target()?.join("modules"),
    })
}

/// A folder with `node_modules`.
async fn node() -> Result<PathBuf> {
    let suite = root().join(SUITES).join("typescript/suite");
    let version = Command::new("node").arg("--version").output().await;
    let version = version.context("TypeScript modules are tested with Node.js: install it (20 or newer) with npm")?;
    let files = ["package.json", "package-lock.json"].map(|name| suite.join(name));
    let mut pins = Vec::new();
    for file in &files {
        pins.extend(fs::read(file).with_context(|| file.display().to_string())?);
    }
    let place = setup::cache()?.join(setup::key(&pins, String::from_utf8_lossy(&version.stdout).trim()));
    install(&place, async |whole| {
        eprintln!("xtask: installing what TypeScript modules are tested with into {} (once)", place.display());
        for file in &files {
            fs::copy(file, whole.join(file.file_name().unwrap_or_default()))?;
        }
        let mut npm = Command::new("npm");
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(whole).kill_on_drop(true);
        succeed(&mut npm).await.context("npm could not install; is the package registry reachable?")
    })
    .await?;
    Ok(place)
}

/// Go checks what it fetches against `go.sum` itself.
async fn go() -> Result<()> {
    for module in ["go/suite", "go/suite/tools"] {
        let folder = root().join(SUITES).join(module);
        let mut go = Command::new("go");
        go.args(["mod", "download"]).current_dir(&folder).env("GOWORK", "off").kill_on_drop(true);
        let answer = go.output().await.context("Go modules are tested with Go: install it (1.26 or newer)")?;
        let said = String::from_utf8_lossy(&answer.stderr);
        ensure!(answer.status.success(), "go can't fetch what {module} pins; is the module proxy reachable?\n{said}");
    }
    Ok(())
}

/// Cargo checks what it fetches against `Cargo.lock` itself.
async fn rust() -> Result<()> {
    let manifest = root().join(SUITES).join("rust/suite/Cargo.toml");
    let mut fetch = cargo(["fetch", "--locked", "--quiet", "--manifest-path"]);
    fetch.arg(manifest);
    succeed(&mut fetch).await.context("cargo can't fetch what the Rust suite pins; is the registry reachable?")
}
