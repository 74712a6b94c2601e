//! Typed modules as their users have them: emitted by the command, checked by the tools of their language, and used by a test suite in that
//! language against moto (REQ SDK-1, SDK-2, SDK-3).
//!
//! A suite lies in `crates/phase0-sdk/modules/<language>/suite/`, with its lock files. It is copied beside the module that was emitted for
//! it, and steers the server through [`control`]. The tools come from these lock files, installed by xtask:
//!
//! | variable | what it names |
//! |---|---|
//! | `MIGRATE_TEST_MODULES_PYTHON` | a folder for `PYTHONPATH` |
//! | `MIGRATE_TEST_MODULES_NODE` | a folder that has `node_modules` |
//! | `MIGRATE_TEST_MODULES_TARGET` | a folder for `CARGO_TARGET_DIR`, kept between runs |
//!
//! Go and Cargo find what they need in their own caches.

mod acme;
mod control;
mod go;
mod inventories;
mod python;
mod rust;
mod typescript;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use self::control::Control;
use crate::support::{AwsAccount, Canary, Servers, Whole, Workbench};

/// A repository in which modules are emitted, and the server that they read.
struct Scene {
    bench: Workbench,
    account: AwsAccount,
    control: Control,
    /// Where a suite writes values, which it may do nowhere else.
    values: tempfile::TempDir,
}

impl Scene {
    async fn new(name: &str) -> Self {
        let account = AwsAccount::fresh(&Servers::from_env()).await;
        let control = Control::start(account.clone(), inventories::SEEDS).await;
        let bench = Workbench::new(name);
        bench.write("migrate.toml", "[environment.test]\n");
        // Not below the folder that is searched for values.
        let values = tempfile::Builder::new().prefix("values-").tempdir_in(std::env::temp_dir()).expect("a folder");
        Self { bench, account, control, values }
    }

    /// Emits the module of an application into a folder of the repository, and returns that folder.
    fn emit(&self, inventory: &str, application: &str, language: &str, folder: &str) -> PathBuf {
        self.bench.write("secrets-inventory.yaml", inventory);
        let arguments = ["sdk", "emit", "--application", application, "--language", language, "--out", folder];
        self.bench.migrate(&arguments).expect_code(0);
        // Again: the same, to the byte.
        self.bench.migrate(&[&arguments[..], &["--check"]].concat()).expect_code(0);
        self.bench.repository().join(folder)
    }

    /// Copies the suite of a language into the repository, as `suite/`; the module that it is for is emitted into `module/`.
    fn suite(&self, language: &str) -> PathBuf {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../phase0-sdk/modules").join(language).join("suite");
        let to = self.bench.repository().join("suite");
        copy(&from, &to);
        to
    }

    /// What a suite is told, beside what its language needs.
    async fn variables(&self, module: &Path) -> Vec<(&'static str, String)> {
        let mut variables: Vec<_> = self.account.environment().into();
        variables.push(("AWS_ENDPOINT_URL", self.control.endpoint().await));
        variables.push(("CONTROL_URL", self.control.url.clone()));
        variables.push(("MODULE_DIR", module.display().to_string()));
        variables.push(("VALUES_DIR", self.values.path().display().to_string()));
        variables.push(("MIGRATE_TEST_CANARY", Canary::of_this_run().prefix().to_owned()));
        variables
    }

    /// Runs a tool in a folder, kept and searched like every run.
    fn run(&self, folder: &Path, program: &str, arguments: &[&str], variables: &[(&str, String)]) -> Whole {
        run(&self.bench, folder, program, arguments, variables)
    }
}

/// Runs a tool in a folder, in the environment that we have, since tools look for their caches in it.
fn run(bench: &Workbench, folder: &Path, program: &str, arguments: &[&str], variables: &[(&str, String)]) -> Whole {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).envs(variables.iter().map(|(name, value)| (name, value)));
    let output = command.output().unwrap_or_else(|error| panic!("{program}: {error}"));
    let mut whole = bench.keep(arguments, output);
    whole.command = format!("{program} {}", arguments.join(" "));
    whole
}

/// Copies a folder with all that is below it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display())) {
        let entry = entry.expect("an entry");
        let place = to.join(entry.file_name());
        if entry.file_type().expect("a kind").is_dir() {
            copy(&entry.path(), &place);
        } else {
            fs::copy(entry.path(), &place).expect("a copied file");
        }
    }
}
