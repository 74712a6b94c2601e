//! Packages for Go: formatted as gofmt does it, taken by the compiler, `go vet` and staticcheck, and used by the suite.

use std::path::Path;

use super::{Scene, copy, inventories};

/// Nothing is fetched that xtask did not fetch, and no variable of whoever runs the tests changes what is built.
const OFFLINE: [(&str, &str); 4] = [("GOPROXY", "off"), ("GOWORK", "off"), ("GOFLAGS", "-mod=readonly"), ("CGO_ENABLED", "1")];

fn go(scene: &Scene, folder: &Path, arguments: &[&str], more: &[(&str, String)]) {
    let mut variables: Vec<(&str, String)> = OFFLINE.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    variables.extend_from_slice(more);
    scene.run(folder, "go", arguments, &variables).expect_code(0);
}

/// Checks packages that lie below the folder of a suite, with and without what the tag `mock` adds.
fn check(scene: &Scene, suite: &Path, packages: &[&str]) {
    let unformatted = scene.run(suite, "gofmt", &["-l", "."], &[]).expect_code(0);
    assert_eq!(unformatted.stdout, "", "gofmt would change these");
    go(scene, suite, &["build", "-C", "tools", "-o", "../bin/staticcheck", "honnef.co/go/tools/cmd/staticcheck"], &[]);
    let staticcheck = suite.join("bin/staticcheck").display().to_string();
    for tags in ["-tags=", "-tags=mock"] {
        go(scene, suite, &[&["vet", tags], packages].concat(), &[]);
        let variables = OFFLINE.map(|(name, value)| (name, value.to_owned()));
        scene.run(suite, &staticcheck, &[&["-checks=all", tags], packages].concat(), &variables).expect_code(0);
    }
}

// REQ SDK-1, SDK-2, SDK-3
#[tokio::test(flavor = "multi_thread")]
async fn a_package_for_go_does_what_its_suite_asks() {
    let scene = Scene::new("modules-go").await;
    let emitted = scene.emit(inventories::SUITE, "suite", "go", "module");
    let suite = scene.suite("go");
    // A package lies within the module of its application, which is the suite's here.
    let package = suite.join("secrets");
    copy(&emitted, &package);
    check(&scene, &suite, &["./..."]);
    // The newest that they use is in Go 1.24, which the AWS SDK asks for too.
    go(&scene, &suite, &["build", "-tags=mock", "-gcflags=-lang=go1.24", "./secrets"], &[]);
    let variables = scene.variables(&package).await;
    go(&scene, &suite, &["test", "-race", "-count=1", "-tags=mock", "./..."], &variables);
}

// REQ SDK-2
#[tokio::test(flavor = "multi_thread")]
async fn packages_for_go_are_sound_whatever_their_names() {
    let scene = Scene::new("modules-go-names").await;
    let suite = scene.suite("go");
    let awkward = inventories::awkward();
    let each = [(inventories::ORDINARY, "orders"), (inventories::LEAST, "a"), (&*awkward, "the \"odd\" one")];
    for (number, (inventory, application)) in each.into_iter().enumerate() {
        let emitted = scene.emit(inventory, application, "go", &format!("module{number}"));
        copy(&emitted, &suite.join(format!("package{number}")));
    }
    check(&scene, &suite, &["./package0", "./package1", "./package2"]);
}
