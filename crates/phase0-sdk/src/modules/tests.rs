//! What a module is made of, for inventories as people write them.

use migrate_core::inventory::Inventory;

use super::{Language, Module, ModuleContent};

fn inventory(secrets: &str) -> Inventory {
    Inventory::parse(&format!("apiVersion: migrate/v1\nsecrets:\n{secrets}"))
        .unwrap_or_else(|problems| panic!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))
}

/// An entry with what is said of it, read by the application `orders`.
fn entry(name: &str, said: &str) -> String {
    let exception = if name.starts_with("platform-") { "" } else { "    nameException: it is old\n" };
    let category = if name.starts_with("platform-config/") { "configuration" } else { "data" };
    format!(
        "  - name: {name}\n{exception}    category: {category}\n    class: runtime\n    disposition: moves\n{said}    consumers:\n      - application: orders\n        sdk: {{}}\n"
    )
}

fn told(secrets: &str) -> Result<Vec<String>, Vec<String>> {
    let built = Module::build(&inventory(secrets), "orders", None);
    let built = built.map_err(|refused| refused.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    let module = built.expect("the application reads something");
    let told = module.secrets().iter().map(|secret| {
        let content = match &secret.content {
            ModuleContent::Text { key } => format!("text {key}"),
            ModuleContent::Binary { key } => format!("binary {key}"),
            ModuleContent::Properties(fields) => fields
                .iter()
                .map(|field| format!("{}={}:{}", field.property, field.words.join(" "), field.key))
                .collect::<Vec<_>>()
                .join(", "),
        };
        format!("{} as {} in {}: {content}", secret.id, secret.words.join(" "), secret.folder)
    });
    Ok(told.collect())
}

// REQ SDK-2, NAM-3
#[test]
fn a_module_has_every_secret_that_the_application_reads() {
    let secrets = [
        entry("platform-data/stripe/orders", "    content: text\n"),
        entry("platform-data/postgres/orders", "    content:\n      properties: [username, userPassword, 2fa]\n"),
        entry("platform-data/tls/orders", "    content: binary\n"),
        entry("platform-config/postgres/orders", "    legacyName: cfg/pg\n"),
        entry("platform-data/redis/other", "").replace("application: orders", "application: other"),
    ];
    insta::assert_snapshot!(told(&secrets.concat()).unwrap().join("\n"), @r"
    cfg/pg as postgres orders config in platform-config-postgres-orders: text value
    platform-data/postgres/orders as postgres orders in platform-data-postgres-orders: username=username:username, userPassword=user password:userPassword, 2fa=x2fa:2fa
    platform-data/stripe/orders as stripe orders in platform-data-stripe-orders: text value
    platform-data/tls/orders as tls orders in platform-data-tls-orders: binary value
    ");
    assert_eq!(Module::build(&inventory(&secrets.concat()), "nobody", None), Ok(None));
}

#[test]
fn mounted_files_are_where_the_external_secret_puts_them() {
    let by = "        externalSecret:\n          namespace: shop\n          name: orders-db\n          reads:\n            - property: {secretKey: DB_USER, property: username}\n            - extract: {}\n            - whole: {secretKey: all.json}\n";
    let read = entry("platform-data/postgres/orders", "    content:\n      properties: [username, pass/word]\n")
        .replace("        sdk: {}\n", by);
    assert_eq!(
        told(&read).unwrap(),
        [
            "platform-data/postgres/orders as postgres orders in orders-db: username=username:DB_USER, pass/word=pass word:pass_word"
        ]
    );
    let text = entry("platform-data/postgres/orders", "").replace("        sdk: {}\n", by);
    assert_eq!(told(&text).unwrap(), ["platform-data/postgres/orders as postgres orders in orders-db: text all.json"]);
    let declared = format!("{read}externalSecrets:\n  - name: orders-db\n    namespace: shop\n    target: {{name: orders}}\n");
    assert!(told(&declared).unwrap()[0].contains(" in orders: "));
}

#[test]
fn an_accessor_of_ones_own_wins_and_stays_when_the_means_change() {
    let named =
        |accessor: &str| entry("legacy/x", "").replace("        sdk", &format!("        accessor: {accessor}\n        sdk"));
    assert!(told(&named("main-db")).unwrap()[0].starts_with("legacy/x as main db in legacy-x"));
    let twice = named("main-db")
        + "      - application: orders\n        accessor: other\n        externalSecret: {namespace: a, name: b, reads: [{extract: {}}]}\n";
    assert_eq!(told(&twice).unwrap_err(), ["legacy/x: the application's consumers name two accessors; keep one"]);
}

#[test]
fn what_would_be_called_alike_or_not_at_all_is_refused_all_at_once() {
    let long = format!("platform-data/postgres/{}", "a".repeat(60));
    let secrets = [
        entry("platform-data/postgres/a-b", ""),
        entry("platform-data/postgres/ab", ""),
        entry("+", ""),
        entry(&long, ""),
        entry("platform-data/redis/x", "    content:\n      properties: [user-name, userName, '§', ok]\n"),
    ];
    let refused = told(&secrets.concat()).unwrap_err().join("\n").replace(&"a".repeat(60), "aaa");
    insta::assert_snapshot!(refused, @r"
    +: its name makes no accessor of 1 to 60 letters; give it an `accessor` below its consumer
    platform-data/postgres/aaa: its name makes no accessor of 1 to 60 letters; give it an `accessor` below its consumer
    platform-data/redis/x: the properties `user-name` and `userName` would both be called `user_name`; declare one of them
    platform-data/redis/x: the property `§` makes no field of 1 to 60 letters; leave it out of `content`
    platform-data/postgres/a-b and platform-data/postgres/ab would both be called `postgres_ab`; give one of them an `accessor` below its consumer
    ");
}

#[test]
fn a_language_is_read_as_people_write_it() {
    for (text, language) in
        [("Python", Language::Python), ("golang", Language::Go), ("TypeScript", Language::TypeScript), ("RUST", Language::Rust)]
    {
        assert_eq!(text.parse(), Ok(language));
    }
    assert!("java".parse::<Language>().unwrap_err().to_string().contains("typescript, python, go and rust"));
    assert!(Language::ALL.iter().all(|language| language.name().parse() == Ok(*language)));
}
