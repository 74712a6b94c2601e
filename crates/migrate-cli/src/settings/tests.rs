//! What counts where: file, variables and flags, and what is wrong with a file.

use super::*;
use crate::exit::Exit;

fn resolved(toml: &str, variables: &[(&str, &str)]) -> Settings {
    let file = parse(toml).unwrap();
    let environment = surroundings(variables);
    let name = pick(&Global::default(), &environment, &file).unwrap();
    let table = file.environments[&name].clone();
    Settings::resolve("/repository/migrate.toml".into(), name, table, &environment).unwrap()
}

fn surroundings(variables: &[(&str, &str)]) -> Environment {
    Environment::made_up("/repository".into(), variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

#[test]
fn an_empty_table_means_the_documented_defaults() {
    let settings = resolved("[environment.prod]", &[]);
    assert_eq!(settings.ledger, "/repository/migrate/prod/ledger.jsonl");
    assert_eq!(settings.plans, "/repository/migrate/prod/plans");
    assert_eq!(settings.inventory, "/repository/secrets-inventory.yaml");
    assert_eq!(settings.outgoing.settle, Duration::from_secs(300));
    assert_eq!((settings.incoming.mount.as_str(), settings.incoming.anchor.as_str()), ("secret", "migrate/anchor"));
    assert!(settings.incoming.address.is_none() && settings.notes.is_empty());
}

#[test]
fn a_variable_goes_before_the_file_and_says_so() {
    let toml = "[environment.prod.incoming]\naddress = \"https://file\"\n";
    let settings = resolved(toml, &[("VAULT_ADDR", "https://variable")]);
    let address = settings.incoming.address.unwrap();
    assert_eq!((address.value.as_str(), address.origin), ("https://variable", Origin::Variable("VAULT_ADDR")));
    assert_eq!(settings.notes, ["VAULT_ADDR is used, and overrides `address` of migrate.toml"]);

    let settings = resolved(toml, &[("VAULT_ADDR", "")]);
    assert_eq!(settings.incoming.address.unwrap().origin, Origin::File);
    let settings = resolved(toml, &[("VAULT_ADDR", "https://file")]);
    assert!(settings.notes.is_empty(), "agreeing is not overriding");
}

#[test]
fn several_environments_are_told_apart_by_name_only() {
    let file = parse("[environment.a]\n[environment.b]").unwrap();
    let none = pick(&Global::default(), &surroundings(&[]), &file).unwrap_err();
    assert_eq!((none.exit, none.heading.as_str()), (Exit::Usage, "which environment? migrate.toml has: a, b"));
    let named = pick(&Global::default(), &surroundings(&[("MIGRATE_ENVIRONMENT", "b")]), &file).unwrap();
    assert_eq!(named.as_str(), "b");
    let flag = Global { environment: Some("a".into()), ..Global::default() };
    assert_eq!(pick(&flag, &surroundings(&[("MIGRATE_ENVIRONMENT", "b")]), &file).unwrap().as_str(), "a");
}

#[test]
fn two_environments_never_share_ledger_or_anchor() {
    let refused = |toml: &str| refuse_sharing(&parse(toml).unwrap()).unwrap_err().heading;
    assert_eq!(
        refused("[environment.a]\nledger = \"l.jsonl\"\n[environment.b]\nledger = \"./l.jsonl\""),
        "the environments a and b have one ledger"
    );
    let store = "[environment.a.incoming]\naddress = \"https://v\"\n[environment.b.incoming]\naddress = \"https://v\"\n";
    assert_eq!(refused(store), "the environments a and b have one anchor");
    assert!(refuse_sharing(&parse(&format!("{store}anchor = \"migrate/b\"")).unwrap()).is_ok());
    assert!(refuse_sharing(&parse(&format!("{store}namespace = \"b\"")).unwrap()).is_ok());
    assert!(refuse_sharing(&parse("[environment.a]\n[environment.b]").unwrap()).is_ok());
}

#[test]
fn surroundings_that_leak_or_skip_verification_are_refused() {
    let refused = |name, value| refuse_leaks(&surroundings(&[(name, value)])).is_err();
    assert!(refused("LOG_SENSITIVE_BODIES", "true"));
    assert!(refused("VAULT_SKIP_VERIFY", "1") && refused("BAO_SKIP_VERIFY", "TRUE"));
    assert!(!refused("VAULT_SKIP_VERIFY", "") && !refused("VAULT_SKIP_VERIFY", "false"));
}

#[test]
fn an_address_with_user_information_is_seen() {
    assert!(has_user_information("https://user:password@vault.example/"));
    assert!(!has_user_information("https://vault.example/a@b"));
}
