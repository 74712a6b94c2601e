//! Single decisions of the scan; how well it does on whole files is measured in `tests/scan_corpus.rs`.

use super::*;

fn scanned(path: &str, text: &str) -> Scanned {
    scan(path, Format::of(path).expect("a known format"), text)
}

/// `LINE:COLUMN KEY KIND NAME` of each finding.
fn told(path: &str, text: &str) -> Vec<String> {
    let name = |proposal: &Proposal| match proposal {
        Proposal::Name(name) => name.to_string(),
        Proposal::TooLittle(missing) => format!("{missing:?}?"),
    };
    let told = |it: &Finding| format!("{}:{} {} {} {}", it.at.line, it.at.column, it.key, it.kind.slug(), name(&it.name));
    scanned(path, text).findings.iter().map(told).collect()
}

// REQ SDK-6, NAM-1, NAM-2
#[test]
fn names_come_from_what_stands_around() {
    let table: [(&str, &str, &[&str]); 9] = [
        (
            "orders/.env",
            "DB_HOST=mysql.internal\nDB_PASSWORD=Hundekuchen",
            &["2:13 DB_PASSWORD password platform-data/mysql/orders"],
        ),
        ("orders/.env", "DB_PORT=5432\nDB_PASSWORD=Hundekuchen", &["2:13 DB_PASSWORD password platform-data/postgres/orders"]),
        ("orders/.env", "DB_PASSWORD=Hundekuchen", &["1:13 DB_PASSWORD password Datasource?"]),
        (".env", "REDIS_PASSWORD=Hundekuchen", &["1:16 REDIS_PASSWORD password Consumer?"]),
        (
            "orders/config/prod/.env",
            "MAILGUN_API_KEY=7a1bd0f2e4c6",
            &["1:17 MAILGUN_API_KEY api-key platform-data/mailgun/orders"],
        ),
        (
            "etc/orders-api.service",
            "[Service]\nEnvironment=\"A=1\" \"PGPASSWORD=Hunde kuchen 7\"",
            &["2:31 Service.Environment.PGPASSWORD password platform-data/postgres/orders-api"],
        ),
        (
            "docker-compose.yml",
            "services:\n  shop:\n    environment:\n      - AMQP=amqp://shop:Hundekuchen@mq/\n",
            &["4:14 services.shop.environment.AMQP url-with-password platform-data/rabbitmq/shop"],
        ),
        (
            "k8s/all.yaml",
            "apiVersion: v1\nkind: Secret\nmetadata: {name: billing-db-credentials}\nstringData:\n  mysql-password: Hundekuchen\n",
            &["5:19 stringData.mysql-password password platform-data/mysql/billing"],
        ),
        (".npmrc", "//registry.npmjs.org/:_authToken=Hundekuchen", &["1:34 //registry.npmjs.org/:_authToken token Consumer?"]),
    ];
    for (path, text, expected) in table {
        assert_eq!(told(path, text), expected, "{text}");
    }
}

#[test]
fn a_comment_with_a_reason_allows_its_line_or_the_next_one() {
    let text = "A_PASSWORD=Hundekuchen # migrate:allow made up\n# migrate:allow made up\nB_PASSWORD=Hundekuchen\nC_PASSWORD=Hundekuchen\n\
                D_PASSWORD=Hundekuchen # migrate:allow\nE_PASSWORD=migrate:allow-is-no-comment\n";
    let scanned = scanned("orders/.env", text);
    assert_eq!(scanned.findings.iter().map(|it| it.at.line).collect::<Vec<_>>(), [4, 5, 6]);
    assert_eq!(scanned.allowed, 2);
    assert_eq!(scanned.troubles, [Trouble::AllowWithoutReason { line: 5 }]);
}

#[test]
fn what_came_before_a_fault_is_read_whole_and_the_rest_line_by_line() {
    let text = "apiVersion: v1\nkind: Secret\ndata:\n  password: SHVuZGVrdWNoZW4=\n---\nspec: [\npassword: Hundekuchen\n  }";
    let scanned = scanned("k8s/a.yaml", text);
    assert_eq!(
        scanned.findings.iter().map(|it| (it.at.line, it.evidence)).collect::<Vec<_>>(),
        [(4, Evidence::SecretManifest), (7, Evidence::Key)]
    );
    assert!(matches!(scanned.troubles[..], [Trouble::Broken { .. }]), "{:?}", scanned.troubles);
}

#[test]
fn nesting_beyond_reason_is_a_fault_and_no_overflow() {
    for text in ["[".repeat(20_000), "{\"a\":".repeat(20_000), "- ".repeat(20_000)] {
        assert!(scanned("a.json", &text).troubles.iter().any(|trouble| matches!(trouble, Trouble::Broken { .. })));
    }
}

/// Two MiB on one line: a reader that counts columns anew for each value takes minutes here.
#[test]
fn a_long_line_is_read_in_one_go() {
    let text = format!("a = {{ {} b_password = \"Hundekuchen\" }}", "\"x\", ".repeat(400_000));
    assert_eq!(told("a.tfvars", &text).len(), 1);
}

// REQ OPS-1
#[test]
fn a_key_that_looks_like_a_value_is_not_shown() {
    let token = format!("gh{}_{}", "p", "a1B2".repeat(9));
    let scanned = scanned("a.yaml", &format!("{token}:\n  password: Hundekuchen\n"));
    assert_eq!(scanned.findings[0].key, "….password");
    assert!(!format!("{scanned:?}").contains(&token));
}

#[test]
fn an_example_file_holds_placeholders_unless_an_issuer_made_them() {
    let token = format!("glp{}-{}", "at", "a1B2".repeat(5));
    let scanned = scanned("orders/.env.example", &format!("DB_PASSWORD=Hundekuchen\nGITLAB_TOKEN={token}\n"));
    assert_eq!((scanned.findings.len(), scanned.placeholders.len()), (1, 1));
    assert_eq!(scanned.findings[0].at.line, 2);
}

// REQ SDK-6
#[test]
fn references_and_public_things_are_no_credentials() {
    for value in [
        "${DB_PASSWORD}",
        "$DB_PASSWORD",
        "${DB_PASSWORD:?missing}",
        "{{ .password }}",
        "<password>",
        "changeme",
        "your-password-here",
        "/run/secrets/db",
        "secrets/db.txt",
        "arn:aws:secretsmanager:eu-central-1:111122223333:secret:a-AbCdEf",
        "vault:secret/data/orders#password",
        "ssm:/orders/password",
        "ENC[AES256_GCM,data:q7Fv2Zx9Lm4Kc8Tb,iv:AAAA,tag:BBBB,type:str]",
        "true",
        "none",
        "db.internal.acme-shop.de:5432",
        "https://example.com/login",
    ] {
        assert!(told("orders/.env", &format!("DB_PASSWORD={value}")).is_empty(), "{value}");
    }
    assert!(told("a/.env", "DB_URL=postgres://app:password@localhost/app").is_empty());
    assert_eq!(told("a/.env", "DB_PASSWORD=${X:-Hundekuchen}").len(), 1);
}
