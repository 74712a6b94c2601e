//! What the compiler must refuse. The second line of each example is the code of the one error and a part of what is said.

use std::{env, fs, process::Command};

#[test]
fn no_example_compiles_and_each_for_its_own_reason() {
    let examples = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/examples")).unwrap();
    let mut number = 0;
    for example in examples {
        let path = example.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let expected = text.lines().nth(1).unwrap().trim_start_matches("//! ");
        let (code, part) = expected.split_once(": ").unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap();
        // Without the default features, as a build for production has it.
        let arguments = ["check", "--quiet", "--offline", "--locked", "--no-default-features", "--features", "refused"];
        let mut check = Command::new(env!("CARGO"));
        // What cargo tells a test about itself would look like a change to build scripts that ask for it.
        let told = env::vars_os().map(|(name, _)| name).filter(|name| {
            let name = name.to_string_lossy();
            name.starts_with("CARGO_") && !["CARGO_HOME", "CARGO_TARGET_DIR"].contains(&&*name)
        });
        for name in told {
            check.env_remove(name);
        }
        check.args(arguments).args(["--color", "never", "--example", name]).current_dir(env!("CARGO_MANIFEST_DIR"));
        let output = check.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{name} compiles");
        let errors: Vec<&str> = said.lines().filter(|line| line.starts_with("error[")).collect();
        assert!(
            matches!(&errors[..], [one] if one.starts_with(code) && one.contains(part)),
            "{name}: expected {expected}\n{said}"
        );
        number += 1;
    }
    assert_eq!(number, 8);
}
