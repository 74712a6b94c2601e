//! The module in Rust: rustfmt, clippy, rustdoc and the suite, on packages that were emitted.

use std::fs;

use super::{
    Scene,
    inventories::{LEAST, ORDINARY, SUITE, awkward},
};
use crate::support::variable;

// REQ SDK-1, SDK-2, SDK-3
#[tokio::test(flavor = "multi_thread")]
async fn what_is_emitted_in_rust_passes_its_tools_and_does_what_it_must() {
    let scene = Scene::new("modules-rust").await;
    let suite = scene.suite("rust");
    let module = scene.emit(SUITE, "suite", "rust", "module");
    // The same as a member, since clippy looks at no path dependency.
    let renamed = ["--language", "rust", "--package", "renamed", "--out", "suite/packages/renamed"];
    scene.bench.migrate(&[&["sdk", "emit", "--application", "suite"], &renamed[..]].concat()).expect_code(0);
    // Others become members of the suite's workspace: so what all of them need is built once, with the same features.
    scene.emit(&awkward(), "the \"odd\" one", "rust", "suite/packages/awkward");
    scene.emit(&lengths(), "lengths", "rust", "suite/packages/lengths");
    scene.emit(LEAST, "a", "rust", "suite/packages/least");
    scene.emit(ORDINARY, "orders", "rust", "suite/packages/ordinary");
    let manifest = fs::read_to_string(suite.join("Cargo.toml")).expect("a manifest");
    scene.bench.write("suite/Cargo.toml", &(manifest + "members = [\"packages/*\"]\n"));

    let mut variables = scene.variables(&module).await;
    variables.push(("CARGO_TARGET_DIR", variable("MIGRATE_TEST_MODULES_TARGET")));
    variables.push(("RUSTDOCFLAGS", "-D warnings".to_owned()));
    let cargo = |arguments: &[&str]| scene.run(&suite, "cargo", arguments, &variables).expect_code(0);
    // Formats path dependencies too, and so the module.
    cargo(&["fmt", "--all", "--check"]);
    // Not `--locked`: the packages join the lock file.
    cargo(&["clippy", "--workspace", "--all-targets", "--offline", "--quiet", "--", "-D", "warnings"]);
    cargo(&["doc", "--workspace", "--no-deps", "--offline", "--quiet"]);
    cargo(&["test", "--package", "suite", "--offline", "--quiet"]);
}

/// Names of all lengths, so that whatever stands on one line while it fits is there once with the last character that fits, and once with
/// one more.
fn lengths() -> String {
    let mut yaml = "apiVersion: migrate/v1\nsecrets:\n".to_owned();
    let mut entry = |accessor: String, properties: &[String]| {
        yaml += &format!(
            "  - name: platform-data/x/{accessor}\n    category: data\n    class: runtime\n    disposition: moves\n    content: {{ properties: [{}] }}\n    consumers:\n      - application: lengths\n        accessor: {accessor}\n        sdk: {{}}\n",
            properties.join(", ")
        );
    };
    for length in 1..=60 {
        entry("a".repeat(length), &["p".repeat(length)]);
    }
    for length in 1..=57 {
        entry(format!("b-{}", "b".repeat(length)), &[format!("2{}", "f".repeat(length)), format!("g.{}", "g".repeat(length))]);
    }
    yaml
}
