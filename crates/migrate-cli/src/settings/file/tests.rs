//! The file as it is read, and every problem told at its place.

use super::*;

fn problems(text: &str) -> String {
    parse(text).unwrap_err().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_full_file_is_read() {
    let file = parse(
        r#"
        [environment.prod]
        inventory = "secrets-inventory.yaml"
        [environment.prod.outgoing]
        region = "eu-central-1"
        settle = "90s"
        quota_share = 0.5
        exempt_principals = ["arn:aws:iam::111111111111:role/migrate"]
        [environment.prod.incoming]
        address = "https://vault.example:8200"
        mount = "secret"
        administrators = ["admin"]
        policies_declared = true
        concurrency = 16
        "#,
    )
    .unwrap();
    let prod = &file.environments[&EnvironmentName::parse("prod").unwrap()];
    assert_eq!(prod.outgoing.settle, Some(SignedDuration::from_secs(90)));
    assert_eq!(prod.outgoing.quota_share, Some(0.5));
    assert_eq!(prod.incoming.mount.as_ref().map(VaultPath::as_str), Some("secret"));
    assert_eq!(prod.incoming.administrators, Some(vec!["admin".to_owned()]));
    assert_eq!((prod.incoming.policies_declared, prod.incoming.concurrency), (Some(true), Some(16)));
}

#[test]
fn every_problem_is_told_at_its_line_and_no_text_is_quoted() {
    let text = "[environment.prod]\nregoin = \"canary\"\n[environment.prod.outgoing]\nsettle = \"canary\"\nconcurrency = 0\n\
                [environment.prod.incoming]\ntoken = \"canary\"\naddress = \"https://canary:x@vault.example\"\n[environment.Prod]\n";
    insta::assert_snapshot!(problems(text), @r#"
    line 2, column 1: unknown key `regoin`; known here: inventory, ledger, plans, shared, outgoing, incoming, eso, cluster, vault
    line 4, column 10: `settle` takes a duration such as "5m" or "90s"
    line 5, column 15: `concurrency` takes a whole number from 1 to 1000
    line 7, column 1: `token` has no place here: this file is in Git and never holds a credential; VAULT_TOKEN or `vault login` gives the token
    line 8, column 11: `address` holds user information; this file never holds a credential
    line 9, column 14: an environment's name has 1 to 40 lower case letters, digits and hyphens
    "#);
}

#[test]
fn broken_toml_shows_no_line_of_the_file() {
    let text = problems("[environment.prod]\nledger = canary\n");
    assert!(text.starts_with("line 2, column 10: not TOML: "), "{text}");
    assert!(!text.contains("canary"), "{text}");
}
