//! Proves the arrows of `docs/architecture.md`: which crate may depend on which, that an outside library is named in one file, and that the
//! product starts no process but `git`, and that in one file.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use anyhow::{Context as _, Result, ensure};
use cargo_metadata::{MetadataCommand, Package};

use crate::{
    tidy::Finding,
    workspace::{files, root},
};

/// What each crate may know of the others. A crate that is not listed may not exist.
pub(crate) const ARROWS: [(&str, &[&str]); 8] = [
    ("migrate-core", &[]),
    ("phase0-sdk", &["migrate-core"]),
    ("phase1-eso", &["migrate-core"]),
    ("phase2-vault", &["migrate-core"]),
    ("driver", &["migrate-core"]),
    ("rehearsal", &["migrate-core"]),
    ("migrate-cli", &["migrate-core", "phase0-sdk", "phase1-eso", "phase2-vault", "driver", "rehearsal"]),
    ("xtask", &["migrate-core", "migrate-cli"]),
];

/// Libraries that speak to a product; a name ending in `-` stands for a family.
const PRODUCT: [&str; 8] = ["aws-", "kube", "k8s-openapi", "vaultrs", "reqwest", "hyper", "ureq", "git2"];

/// What acts or waits: core declares `async` and runs nothing.
const RUNTIME: [&str; 5] = ["tokio", "futures", "async-std", "smol", "rand"];

/// How source code names the libraries that only `client.rs` of a phase crate may name.
const RIM: [&str; 7] = ["aws_sdk_", "aws_config", "aws_smithy_", "aws_credential_types", "reqwest", "kube::", "vaultrs"];

/// `cargo xtask arrows`.
pub(crate) fn run() -> Result<()> {
    let metadata = MetadataCommand::new().current_dir(root()).no_deps().exec().context("cargo metadata")?;
    let mut findings = crate_arrows(&metadata.workspace_packages());
    for file in files()?.iter().filter(|file| is_product_source(file)) {
        let text = fs::read_to_string(root().join(file)).with_context(|| file.display().to_string())?;
        findings.extend(rim(file, &text));
        findings.extend(processes(file, &text));
    }
    report(&findings)
}

/// Fails with all findings, one on a line.
pub(crate) fn report(findings: &[Finding]) -> Result<()> {
    let lines: Vec<_> = findings.iter().map(ToString::to_string).collect();
    ensure!(lines.is_empty(), "{} found\n{}", lines.len(), lines.join("\n"));
    Ok(())
}

fn crate_arrows(packages: &[&Package]) -> Vec<Finding> {
    let allowed = BTreeMap::from(ARROWS);
    let members: BTreeSet<_> = packages.iter().map(|package| package.name.as_str()).collect();
    let mut findings = Vec::new();
    for package in packages {
        let mut find = |what: String| findings.push(Finding::new(package.manifest_path.as_std_path(), 1, what));
        let Some(arrows) = allowed.get(package.name.as_str()) else {
            find(format!("{} has no place in the architecture: add it to ARROWS and to docs/architecture.md", package.name));
            continue;
        };
        let dependencies: BTreeSet<_> = package.dependencies.iter().map(|dependency| dependency.name.as_str()).collect();
        for dependency in &dependencies {
            if members.contains(dependency) && !arrows.contains(dependency) {
                find(format!("{} may not know {dependency}", package.name));
            }
            let product = PRODUCT.iter().any(|name| dependency.starts_with(name));
            if product && matches!(package.name.as_str(), "migrate-core" | "driver") {
                find(format!("{} knows no product, hence not {dependency}", package.name));
            }
            if RUNTIME.contains(dependency) && package.name.as_str() == "migrate-core" {
                find(format!("{} acts not and waits not, hence without {dependency}", package.name));
            }
        }
    }
    findings
}

fn is_product_source(file: &Path) -> bool {
    let mut parts = file.components().map(|part| part.as_os_str());
    parts.next().is_some_and(|part| part == "crates")
        && parts.nth(1).is_some_and(|part| part == "src")
        && file.extension().is_some_and(|extension| extension == "rs")
}

/// A rim's library is named in `client.rs` of a phase crate (or below `client/`) only, and there in nothing that is `pub`.
fn rim(file: &Path, text: &str) -> Vec<Finding> {
    let in_phase = file.components().any(|part| part.as_os_str().to_string_lossy().starts_with("phase"));
    let in_client = file.ends_with("src/client.rs") || file.components().any(|part| part.as_os_str() == "client");
    let code = || text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
    let find = |number: usize, what: &str| Finding::new(file, number + 1, what);
    if !(in_phase && in_client) {
        let named = code().filter(|(_, line)| RIM.iter().any(|library| names(line, library)));
        return named.map(|(number, _)| find(number, "names a library that only client.rs of a phase crate may name")).collect();
    }
    let imported = imported(text);
    let shows = |line: &str| {
        RIM.iter().any(|library| names(line, library)) || imported.iter().any(|name| words(line).any(|word| word == name))
    };
    let public = code().filter(|(_, line)| line.trim_start().starts_with("pub ") && shows(line));
    public.map(|(number, _)| find(number, "shows the rim's library in a public signature")).collect()
}

/// The one file that starts a process. A ledger is shared by push, as handover.md wants it, and there is no Git library whose transports,
/// credential helpers and hooks behave as an operator's own `git` does. Its arguments are fixed words, names by a narrow rule and object ids,
/// and a test in it shows that no token of a store is inherited.
const STARTS_GIT: &str = "crates/driver/src/ledger_git.rs";

/// REQ OPS-1: the product starts no process, so nothing of it can show in an argument list or be inherited as a variable.
fn processes(file: &Path, text: &str) -> Vec<Finding> {
    if file == Path::new(STARTS_GIT) {
        return Vec::new();
    }
    let code = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
    let starts = code.filter(|(_, line)| names(line, "process::Command") || names(line, "Command::new"));
    starts.map(|(number, _)| Finding::new(file, number + 1, "starts a process, which the product never does")).collect()
}

/// Whether a line of code names a library, which neither a text in quotes nor a longer word of ours does.
fn names(line: &str, library: &str) -> bool {
    line.match_indices(library).any(|(at, _)| {
        let head = line.get(..at).unwrap_or_default();
        let in_text = head.matches('"').count() % 2 == 1;
        !in_text && !head.ends_with(|char: char| char.is_alphanumeric() || char == '_')
    })
}

/// The names that `use` statements bring in from the rim's libraries.
fn imported(text: &str) -> Vec<String> {
    let statements = text.split(';').filter_map(|statement| statement.rsplit_once("use ").map(|(_, path)| path));
    let rims = statements.filter(|path| RIM.iter().any(|library| path.starts_with(library)));
    let leaves = rims.flat_map(|path| path.split([',', '{', '}']).filter_map(|part| words(part).last()).map(str::to_owned));
    leaves.filter(|name| name.starts_with(|char: char| char.is_ascii_uppercase())).collect()
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|char: char| !char.is_alphanumeric() && char != '_').filter(|word| !word.is_empty())
}

/// For `docs/architecture.md`: the table of [`ARROWS`].
pub(crate) fn table() -> String {
    let row = |(name, known): (&str, &[&str])| {
        let known: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
        format!("| `{name}` | {} |\n", if known.is_empty() { "none".into() } else { known.join(", ") })
    };
    let rows: String = ARROWS.into_iter().map(row).collect();
    format!("| crate | crates of ours that it may know |\n|---|---|\n{rows}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(file: &str, text: &str) -> Vec<usize> {
        rim(Path::new(file), text).iter().map(Finding::line).collect()
    }

    #[test]
    fn this_workspace_keeps_its_arrows() {
        run().unwrap();
    }

    #[test]
    fn a_library_is_named_in_client_only() {
        let text =
            "//! speaks to aws_sdk_sts\nuse aws_sdk_sts::Client;\nlet x = reqwest::get();\nlet my_reqwest = \"reqwest\";\n";
        assert_eq!(found("crates/phase0-sdk/src/observe.rs", text), [2, 3]);
        assert_eq!(found("crates/migrate-cli/src/client.rs", text), [2, 3]);
        assert_eq!(found("crates/phase0-sdk/src/client.rs", text), [0usize; 0]);
        assert_eq!(found("crates/phase0-sdk/src/client/retry.rs", text), [0usize; 0]);
    }

    #[test]
    fn nothing_public_shows_the_library() {
        let text = "use aws_sdk_sts::{Client, error::{SdkError, X as Y}};\npub struct Ours { client: Client }\n    pub fn a(c: &Client) {}\n\
                    pub fn b() -> Y {}\npub(crate) fn c(c: Client) {}\npub fn d() -> aws_config::SdkConfig {}\npub fn e() {}\n";
        assert_eq!(found("crates/phase0-sdk/src/client.rs", text), [2, 3, 4, 6]);
    }

    #[test]
    fn a_started_process_is_found() {
        let text = "// process::Command\nuse std::process::Command;\nlet git = Command::new(\"git\");\nenum Command { New }\n";
        let lines: Vec<_> = processes(Path::new("crates/a/src/x.rs"), text).iter().map(Finding::line).collect();
        assert_eq!(lines, [2, 3]);
        assert!(processes(Path::new(STARTS_GIT), text).is_empty());
        assert_eq!(processes(Path::new("crates/phase0-sdk/src/ledger_git.rs"), text).len(), 2);
    }

    #[test]
    fn sources_of_the_product_are_those_below_src() {
        for (file, is) in [
            ("crates/a/src/x.rs", true),
            ("crates/a/tests/it/x.rs", false),
            ("xtask/src/x.rs", false),
            ("crates/a/src/x.md", false),
        ] {
            assert_eq!(is_product_source(Path::new(file)), is, "{file}");
        }
    }
}
