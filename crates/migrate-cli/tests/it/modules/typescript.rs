//! The module in TypeScript: judged by prettier, eslint and the compiler at their strictest, and used by its suite.

use super::{Scene, inventories};
use crate::support::variable;

/// Makes the tools known to everything below the repository.
fn tools(scene: &Scene) {
    let installed = std::path::Path::new(&variable("MIGRATE_TEST_MODULES_NODE")).join("node_modules");
    std::os::unix::fs::symlink(installed, scene.bench.repository().join("node_modules")).expect("a link");
}

/// Runs a program of the tools, which must be content.
fn content(scene: &Scene, program: &str, arguments: &[&str]) {
    let program = format!("node_modules/{program}");
    let arguments: Vec<&str> = [program.as_str()].into_iter().chain(arguments.iter().copied()).collect();
    scene.run(&scene.bench.repository(), "node", &arguments, &[]).expect_code(0);
}

const PRETTIER: &str = "prettier/bin/prettier.cjs";
const ESLINT: &str = "eslint/bin/eslint.js";
const TSC: &str = "typescript/bin/tsc";

// REQ SDK-1, SDK-2, SDK-3
#[tokio::test(flavor = "multi_thread")]
async fn a_typescript_module_does_what_its_suite_asks_of_it() {
    let scene = Scene::new("typescript-suite").await;
    tools(&scene);
    let module = scene.emit(inventories::SUITE, "suite", "typescript", "module");
    let suite = scene.suite("typescript");
    content(&scene, PRETTIER, &["--check", "module", "suite"]);
    content(&scene, TSC, &["--build", "module"]);
    content(&scene, TSC, &["--build", "suite"]);
    content(&scene, ESLINT, &["--config", "suite/eslint.config.js", "module/src", "suite/src"]);

    let variables = scene.variables(&module).await;
    let built = std::fs::read_dir(suite.join("build")).expect("what was built");
    let names = built.map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"));
    let mut tests: Vec<String> = names.filter(|name| name.ends_with(".test.js")).map(|name| format!("build/{name}")).collect();
    tests.sort();
    // One after the other: they share the server.
    let arguments = ["--test", "--test-concurrency=1"].into_iter().chain(tests.iter().map(String::as_str));
    scene.run(&suite, "node", &arguments.collect::<Vec<_>>(), &variables).expect_code(0);
}

// REQ SDK-2
#[tokio::test(flavor = "multi_thread")]
async fn every_inventory_makes_a_typescript_module_that_tools_are_content_with() {
    let scene = Scene::new("typescript-inventories").await;
    tools(&scene);
    scene.suite("typescript");
    let awkward = inventories::awkward();
    for (inventory, application, folder) in [
        (inventories::ORDINARY, "orders", "ordinary"),
        (inventories::LEAST, "a", "least"),
        (awkward.as_str(), "the \"odd\" one", "awkward"),
    ] {
        scene.emit(inventory, application, "typescript", folder);
    }
    content(&scene, PRETTIER, &["--check", "ordinary", "least", "awkward"]);
    content(&scene, TSC, &["--build", "ordinary", "least", "awkward"]);
    content(&scene, ESLINT, &["--config", "suite/eslint.config.js", "ordinary/src", "least/src", "awkward/src"]);
}
