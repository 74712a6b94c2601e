//! The module in Python: formatted and checked by ruff and mypy with the settings that it brings, and used by its suite.

use std::path::Path;

use super::{Scene, inventories};
use crate::support::variable;

/// Where xtask installs what the lock file of the suite pins.
const PACKAGES: &str = "MIGRATE_TEST_MODULES_PYTHON";

/// What every tool is told: where it is, and to keep nothing.
fn tools() -> Vec<(&'static str, String)> {
    [
        ("PYTHONPATH", variable(PACKAGES)),
        ("PYTHONNOUSERSITE", "1".to_owned()),
        ("PYTHONDONTWRITEBYTECODE", "1".to_owned()),
        ("RUFF_NO_CACHE", "true".to_owned()),
        ("MYPY_CACHE_DIR", "/dev/null".to_owned()),
    ]
    .into()
}

/// Formatter, linter and strict type checker, none of which finds anything.
fn check(scene: &Scene, folder: &Path, sources: &str, seen: &Path) {
    let mut variables = tools();
    variables.push(("MYPYPATH", seen.display().to_string()));
    for arguments in [&["ruff", "format", "--diff", "."][..], &["ruff", "check", "."], &["mypy", sources]] {
        let arguments = [&["-m"], arguments].concat();
        scene.run(folder, "python3", &arguments, &variables).expect_code(0);
    }
}

// REQ SDK-1, SDK-3
#[tokio::test(flavor = "multi_thread")]
async fn a_python_application_reads_its_secrets_through_an_outage() {
    let scene = Scene::new("modules-python").await;
    let module = scene.emit(inventories::SUITE, "suite", "python", "module");
    check(&scene, &module, "src", Path::new("src"));
    let suite = scene.suite("python");
    check(&scene, &suite, ".", &module.join("src"));
    let mut variables = scene.variables(&module).await;
    variables.extend(tools());
    variables.push(("NO_PROXY", "127.0.0.1".to_owned()));
    scene.run(&suite, "python3", &["-m", "pytest"], &variables).expect_code(0);
}

// REQ SDK-2
#[tokio::test(flavor = "multi_thread")]
async fn a_python_package_of_any_names_satisfies_the_tools() {
    let scene = Scene::new("modules-python-names").await;
    let awkward = inventories::awkward();
    for (inventory, application, folder) in [
        (inventories::ORDINARY, "orders", "ordinary"),
        (inventories::LEAST, "a", "least"),
        (&awkward, "the \"odd\" one", "awkward"),
    ] {
        let module = scene.emit(inventory, application, "python", folder);
        check(&scene, &module, "src", Path::new("src"));
    }
}
