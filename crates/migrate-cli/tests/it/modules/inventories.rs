//! The inventories that modules are emitted from in tests.

use super::control::{Seed, SeedValue};

/// What the suites of all languages are written for.
pub(super) const SUITE: &str = "\
apiVersion: migrate/v1
externalSecrets:
  - name: suite-mail
    namespace: suite
    target: { name: mail }
secrets:
  - name: platform-data/postgres/suite
    description: The main database.
    owner: team-suite
    category: data
    class: runtime
    disposition: moves
    content:
      properties: [username, password, port]
    consumers:
      - application: suite
        externalSecret: { namespace: suite, name: postgres-suite, reads: [extract: {}] }
  - name: platform-data/stripe/suite
    category: data
    class: runtime
    disposition: moves
    content: text
    consumers:
      - application: suite
        externalSecret: { namespace: suite, name: stripe-suite, reads: [whole: { secretKey: value }] }
  - name: platform-data/tls/suite
    category: data
    class: runtime
    disposition: moves
    content: binary
    consumers:
      - application: suite
        externalSecret: { namespace: suite, name: tls-suite, reads: [whole: { secretKey: keystore.p12 }] }
  - name: platform-data/smtp/suite
    category: data
    class: runtime
    disposition: moves
    content:
      properties: [class, user-name, 2fa, url]
    consumers:
      - application: suite
        externalSecret:
          namespace: suite
          name: suite-mail
          reads:
            - property: { secretKey: MAIL_CLASS, property: class }
            - property: { secretKey: MAIL_USER, property: user-name }
            - extract: {}
";

/// What is at the server when a suite begins, and after each reset.
pub(super) const SEEDS: &[Seed] = &[
    ("platform-data/postgres/suite", |canary| {
        SeedValue::Text(format!(r#"{{"username":"{}","password":"{}","port":"5432"}}"#, canary.word(), canary.word()))
    }),
    ("platform-data/stripe/suite", |canary| SeedValue::Text(canary.word())),
    ("platform-data/tls/suite", |canary| SeedValue::Binary(canary.binary())),
    ("platform-data/smtp/suite", |canary| {
        let [class, user, code, url] = [(); 4].map(|()| canary.word());
        SeedValue::Text(format!(r#"{{"class":"{class}","user-name":"{user}","2fa":"{code}","url":"smtp://{url}"}}"#))
    }),
];

/// An application like most.
pub(super) const ORDINARY: &str = "\
apiVersion: migrate/v1
secrets:
  - name: platform-data/postgres/orders
    description: Orders, read and written.
    owner: team-orders
    category: data
    class: runtime
    disposition: moves
    content:
      properties: [username, password, host]
    consumers:
      - application: orders
        sdk: {}
  - name: platform-data/rabbitmq/orders
    category: data
    class: runtime
    disposition: moves
    content: text
    consumers:
      - application: orders
        sdk: {}
";

/// One secret of one text: the least that a module can have.
pub(super) const LEAST: &str = "\
apiVersion: migrate/v1
secrets:
  - name: platform-data/tls/a
    category: data
    class: runtime
    disposition: moves
    content: binary
    consumers:
      - application: a
        sdk: {}
";

/// Names that are words of a language, long ones, and descriptions that would end a comment.
pub(super) fn awkward() -> String {
    let description = r#"Ends comments: */ --> """ ''' `x` ${x} {{ x }} {% x %} \ "quoted" //"#;
    let description = format!(
        "{description} \u{202e}right to left\u{202c} Z\u{fc}rich \u{1f511}\\n\\nSecond paragraph,\\ta tab. <b>&amp;</b> {}",
        "long ".repeat(60).trim()
    );
    let description = description.replace('"', "\\\"").replace("\\\\\"", "\\\"");
    let entry = |name: &str, accessor: &str, content: &str| {
        let exception = if name.starts_with("platform-data/") { "" } else { "    nameException: it is old\n" };
        let accessor = if accessor.is_empty() { String::new() } else { format!("        accessor: '{accessor}'\n") };
        format!(
            "  - name: {name}\n{exception}    description: \"{description}\"\n    owner: \"O'Neil & \\\"Sons\\\" */\"\n    category: data\n    class: runtime\n    disposition: moves\n    content: {content}\n    consumers:\n      - application: 'the \"odd\" one'\n{accessor}        sdk: {{}}\n"
        )
    };
    let mut yaml = String::from("apiVersion: migrate/v1\nsecrets:\n");
    let accessors = [
        "open",
        "refresh",
        "stale",
        "secrets",
        "self",
        "constructor",
        "then",
        "to-json",
        "string",
        "type",
        "async",
        "class",
        "import",
        "new",
        "error",
        "secret",
        "init",
        "main",
        "default",
        "none",
        "true",
        "await",
        "crate",
        "super",
        "box",
        "len",
        "context",
        "drop",
        "from",
        "into",
        "clone",
        "source",
        "module",
        "exports",
        "prototype",
        "hash",
        "eq",
        "print",
        "property",
        "dataclass",
    ];
    for accessor in accessors {
        yaml += &entry(&format!("platform-data/odd/{accessor}"), accessor, "text");
    }
    let properties = [
        "class",
        "self",
        "def",
        "type",
        "match",
        "fn",
        "await",
        "constructor",
        "__proto__",
        "toJSON",
        "then",
        "toString",
        "valueOf",
        "String",
        "error",
        "ok",
        "user-name",
        "x509",
        "2fa",
        "None",
        "true",
        "lambda",
        "pub",
        "func",
        "chan",
        "range",
        "interface",
        "package",
        "yield",
        "with",
        "let",
        "static",
        "expose",
        "of",
        "from",
        "read",
        "name",
        "id",
        "length",
        "field",
        "it's",
        "back\\slash",
        "dollar${x}",
        "quo\"te",
        "brace{{x}}",
        "inspect",
        "repr",
        "str",
        "bytes",
        "dict",
        "property",
        "slots",
    ];
    let properties: Vec<String> = properties.iter().map(|name| format!("'{}'", name.replace('\'', "''"))).collect();
    let longest = format!("'{}'", "long-property".repeat(4) + "-longest");
    yaml += &entry("platform-data/odd/fields", "", &format!("{{ properties: [{}, {longest}] }}", properties.join(", ")));
    yaml += &entry(
        &format!("legacy/{}", "Very_Long.Name+with@all=".repeat(21)),
        &format!("a{}", "-b23456789".repeat(5)),
        "{ properties: [a] }",
    );
    yaml += &entry("1/2/3", "", "binary");
    yaml
}

#[test]
fn each_of_them_makes_a_module() {
    use phase0_sdk::modules::Module;
    let awkward = awkward();
    for (text, application) in [(SUITE, "suite"), (ORDINARY, "orders"), (LEAST, "a"), (&awkward, "the \"odd\" one")] {
        let inventory = migrate_core::inventory::Inventory::parse(text)
            .unwrap_or_else(|problems| panic!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")));
        Module::build(&inventory, application, None).expect("a module").expect("of something");
    }
}
