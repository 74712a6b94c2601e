//! Builds the servers of Kubernetes, and External Secrets Operator, from the two small Go modules below `stack/`, whose `go.sum` pins all
//! that they are made of.
//!
//! Cold it takes minutes and fetches some 350 MB; the finished binaries stay in the cache, under a key made of everything that decides them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use tokio::process::Command;

use crate::{
    go, setup,
    workspace::{root, succeed},
};

/// What the API server and kubectl say that they are; the module they are built in can't know.
const VERSION: &str = "-X k8s.io/component-base/version.gitVersion=v1.36.3";
const KUBERNETES: &str = "stack/kubernetes";
const OPERATOR: &str = "stack/external-secrets";
const OPERATOR_MODULE: &str = "github.com/external-secrets/external-secrets";
/// In the name of every file that holds a CRD: the group's end, before the resource.
const CRD: &str = ".io_";
/// Folder of a main package, and what it is called once it is built.
const PROGRAMS: [(&str, &str, &str); 4] = [
    (KUBERNETES, "apiserver", "kube-apiserver"),
    (KUBERNETES, "etcd", "etcd"),
    (KUBERNETES, "kubectl", "kubectl"),
    (OPERATOR, "controller", "external-secrets"),
];

/// What was built.
#[derive(Clone, Debug)]
pub(crate) struct Installed {
    folder: PathBuf,
}

impl Installed {
    /// One of the programs.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.folder.join("bin").join(name)
    }

    /// The operator's CRDs.
    pub(crate) fn crds(&self) -> PathBuf {
        self.folder.join("crds")
    }

    /// The variables by which tests find it.
    pub(crate) fn environment(&self) -> [(&'static str, String); 1] {
        [("MIGRATE_TEST_KUBECTL", self.program("kubectl").display().to_string())]
    }
}

/// Finds what today's modules make, building it where it is not there yet.
pub(crate) async fn installed() -> Result<Installed> {
    let mut sources = Vec::new();
    for module in [KUBERNETES, OPERATOR] {
        for file in ["go.mod", "go.sum"] {
            sources.extend(read(&root().join(module).join(file))?);
        }
    }
    for (module, folder, _) in PROGRAMS {
        sources.extend(read(&root().join(module).join(folder).join("main.go"))?);
    }
    sources.extend(VERSION.as_bytes());
    let folder = setup::cache()?.join(setup::key(&sources, &go::platform().await?));
    setup::install(&folder, async |whole| build(whole).await).await?;
    Ok(Installed { folder })
}

async fn build(whole: &Path) -> Result<()> {
    eprintln!(
        "xtask: building Kubernetes and External Secrets Operator for tests (once; 10 minutes on two cores, 350 MB to fetch)"
    );
    for (module, folder, name) in PROGRAMS {
        let flags = format!("-s -w {VERSION}");
        let mut build = go::go(&root().join(module));
        build.args(["build", "-mod=readonly", "-trimpath", "-ldflags", &flags, "-o"]).arg(whole.join("bin").join(name));
        succeed(build.arg(format!("./{folder}"))).await.with_context(|| format!("{name} could not be built"))?;
    }
    let mut list = go::go(&root().join(OPERATOR));
    let answer = list.args(["list", "-mod=readonly", "-m", "-f", "{{.Dir}}", OPERATOR_MODULE]).output().await?;
    ensure!(answer.status.success(), "go list failed: {}", String::from_utf8_lossy(&answer.stderr).trim());
    let module = PathBuf::from(String::from_utf8_lossy(&answer.stdout).trim());
    copy(&module.join("config/crds/bases"), &whole.join("crds"))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("no CRDs in {}", from.display()))? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().contains(CRD) {
            // Read and written, not copied: what lies in Go's cache is read-only, and would stay so.
            go::put(&to.join(entry.file_name()), &read(&entry.path())?)?;
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| path.display().to_string())
}

/// kubectl, with the rights of whoever a kubeconfig names, reading nothing of the user's own.
pub(crate) fn kubectl(installed: &Installed, kubeconfig: &Path) -> Command {
    let mut command = Command::new(installed.program("kubectl"));
    // Else it keeps what it learnt of the API in the folder where it runs.
    command.env_clear().arg("--cache-dir").arg(kubeconfig.with_extension("cache"));
    command.arg("--kubeconfig").arg(kubeconfig).kill_on_drop(true);
    command
}
