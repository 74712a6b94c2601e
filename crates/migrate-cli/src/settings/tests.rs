//! What counts where: file, variables and flags, and what is wrong with a file.

use phase1_eso::store::{AwsAuth, CaSource, Conditions, Identity, VaultAuth};

use super::*;
use crate::{exit::Exit, files};

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

// REQ VLT-3, ESO-1
#[test]
fn stores_follow_the_file_alone_and_have_documented_defaults() {
    let toml =
        "[environment.prod.outgoing]\nregion = \"eu-central-1\"\n[environment.prod.incoming]\naddress = \"https://file\"\n";
    let eso = resolved(toml, &[("VAULT_ADDR", "https://variable"), ("AWS_REGION", "us-east-1")]).eso;
    let (aws, vault) = (eso.aws_store().unwrap(), eso.vault_store().unwrap());
    assert_eq!(
        (aws.store.name.as_str(), aws.region.as_str(), aws.auth),
        ("aws-secrets-manager", "eu-central-1", AwsAuth::Controller)
    );
    assert_eq!(
        (vault.store.name.as_str(), vault.address.as_str(), vault.mount.as_str()),
        ("vault-backend", "https://file", "secret")
    );
    let VaultAuth::Kubernetes { path, role, identity: Identity::ServiceAccount(account) } = vault.auth else {
        panic!("the default")
    };
    assert_eq!((path.as_str(), role.as_str(), account.name.as_str()), ("kubernetes", "external-secrets", "external-secrets"));
    assert_eq!((account.namespace.unwrap().as_str(), account.audiences), ("external-secrets", vec!["vault".to_owned()]));
    assert_eq!((eso.version.to_string().as_str(), eso.refresh_interval.to_string().as_str()), ("0.20.4", "1h0m0s"));

    let eso = resolved("[environment.prod]", &[("VAULT_ADDR", "https://variable"), ("AWS_REGION", "us-east-1")]).eso;
    assert_eq!(eso.aws_store().unwrap_err().heading, "migrate.toml does not say the `region` of environment prod");
    assert_eq!(eso.vault_store().unwrap_err().heading, "migrate.toml does not say the `address` of environment prod");
}

#[test]
fn stores_are_read_in_full() {
    let toml = r#"
        [environment.prod.eso]
        refresh_policy = "OnChange"
        refresh_interval = "90m"
        deletion_policy = "Merge"
        [environment.prod.eso.aws]
        store = "aws"
        kind = "SecretStore"
        region = "eu-west-1"
        role = "arn:aws:iam::111111111111:role/eso"
        external_id = "x"
        session_tags = { team = "platform" }
        prefix = "prod/"
        static_keys = { name = "aws-keys", access_key_id = "id", secret_access_key = "key", session_token = "session" }
        conditions = []
        [environment.prod.eso.vault]
        store = "vault"
        address = "https://vault.example:8200"
        mount = "team/kv"
        namespace = "team"
        ca = { config_map = "vault-ca", namespace = "vault", key = "ca.crt" }
        jwt = { path = "cluster", role = "eso", service_account = { name = "eso", audiences = ["openbao"] } }
        conditions = [{ namespaces = ["orders"], namespace_regexes = ["^team-"], match_labels = { secrets = "yes" } }]
    "#;
    let eso = resolved(toml, &[]).eso;
    let (aws, vault) = (eso.aws_store().unwrap(), eso.vault_store().unwrap());
    assert_eq!(eso.refresh_interval.to_string(), "1h30m0s");
    assert_eq!((aws.prefix.as_deref(), aws.conditions), (Some("prod/"), Conditions::Listed(Vec::new())));
    let AwsAuth::StaticKeys { session_token: Some(session), .. } = aws.auth else { panic!("static keys") };
    assert_eq!((session.name.as_str(), session.key.as_str()), ("aws-keys", "session"));
    let VaultAuth::Jwt { path, identity: Identity::ServiceAccount(account), .. } = vault.auth else { panic!("jwt") };
    assert_eq!((path.as_str(), account.namespace, account.audiences), ("cluster", None, vec!["openbao".to_owned()]));
    let Some(CaSource::ConfigMap(ca)) = vault.ca else { panic!("a ConfigMap") };
    assert_eq!((ca.key.as_str(), vault.mount.as_str()), ("ca.crt", "team/kv"));
    let Conditions::Listed(conditions) = vault.conditions else { panic!("conditions") };
    assert_eq!(conditions[0].namespace_regexes, ["^team-"]);
}

// REQ OPS-1
#[test]
fn only_certificates_go_into_a_manifest() {
    let folder = tempfile::tempdir().unwrap();
    let config = camino::Utf8Path::from_path(folder.path()).unwrap().join("migrate.toml");
    let store = |pem: &str| {
        files::replace(&config.with_file_name("ca.pem"), pem).unwrap();
        let file = parse("[environment.prod.incoming]\naddress = \"https://file\"\nca_cert = \"ca.pem\"").unwrap();
        let name = EnvironmentName::parse("prod").unwrap();
        Settings::resolve(config.clone(), name.clone(), file.environments[&name].clone(), &surroundings(&[]))
            .unwrap()
            .eso
            .vault_store()
    };
    let certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert_eq!(store(&format!("# ours\r\n{certificate}")).unwrap().ca, Some(CaSource::Bundle(certificate.to_owned())));
    for refused in ["", "-----BEGIN CERTIFICATE-----\nAAAA\n", &format!("{certificate}-----BEGIN PRIVATE KEY-----\ncanary\n")] {
        let error = store(refused).unwrap_err();
        assert!(error.heading.ends_with("is no PEM file of certificates") && !format!("{error:?}").contains("canary"));
    }
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
