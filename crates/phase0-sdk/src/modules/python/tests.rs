//! What Python packages are made of.

use migrate_core::inventory::Inventory;

use super::*;

/// The files for an application that reads these secrets, each an entry's name and what the entry says.
fn emitted(application: &str, package: Option<&str>, secrets: &[(&str, &str)]) -> Result<Vec<EmittedText>, Vec<Refused>> {
    let entry = |(name, said): &(&str, &str)| {
        format!(
            "  - name: {name}\n    category: data\n    class: runtime\n    disposition: moves\n    {said}\n    consumers:\n      - application: {application:?}\n        sdk: {{}}\n"
        )
    };
    let text = format!("apiVersion: migrate/v1\nsecrets:\n{}", secrets.iter().map(entry).collect::<String>());
    let inventory = Inventory::parse(&text).expect("an inventory");
    files(&Module::build(&inventory, application, package).expect("a module").expect("of something"))
}

fn text_of(files: &[EmittedText], path: &str) -> String {
    files.iter().find(|file| file.path == path).map(|file| file.text.clone()).expect(path)
}

#[test]
fn a_package_has_a_method_for_each_secret_and_a_field_for_each_property() {
    let secrets = [
        (
            "platform-data/postgres/orders",
            "description: |\n      The \"\"\"main\"\"\" one.\n\n\n      Ask \\ us.\n    owner: team\n    content: {properties: [user-name, class]}",
        ),
        ("platform-data/stripe/orders", "content: text"),
    ];
    let files = emitted("orders", None, &secrets).unwrap();
    let paths: Vec<_> = files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "pyproject.toml",
            "src/orders_secrets/__init__.py",
            "src/orders_secrets/_runtime.py",
            "src/orders_secrets/mock.py",
            "src/orders_secrets/py.typed"
        ]
    );
    assert!(files.iter().all(|file| file.text.ends_with('\n') && !file.text.ends_with("\n\n")));
    assert!(text_of(&files, "pyproject.toml").contains("\nname = \"orders-secrets\"\n"));
    insta::assert_snapshot!(text_of(&files, "src/orders_secrets/__init__.py"), @r####"
    """The secrets of orders, by name.

        from orders_secrets import Secrets

        secrets = Secrets.open()

    `Secrets` lists what there is. A value shows itself to nobody but the caller of its `expose()`.
    """

    from dataclasses import dataclass

    from . import _runtime
    from ._runtime import SecretBytes, SecretsError, SecretText, SettingsError, Stale

    __all__ = [
        "PostgresOrders",
        "SecretBytes",
        "SecretText",
        "Secrets",
        "SecretsError",
        "SettingsError",
        "Stale",
    ]


    @dataclass(frozen=True)
    class PostgresOrders:
        """platform-data/postgres/orders

        The \"\"\"main\"\"\" one.

        Ask \\ us.

        Owner: team
        """

        user_name: SecretText
        """The property `user-name`."""
        class_: SecretText
        """The property `class`."""


    _POSTGRES_ORDERS = _runtime.Spec(
        name="platform-data/postgres/orders",
        folder="platform-data-postgres-orders",
        files={
            "user-name": "user-name",
            "class": "class",
        },
        make=PostgresOrders,
    )
    _STRIPE_ORDERS = _runtime.Spec(
        name="platform-data/stripe/orders",
        folder="platform-data-stripe-orders",
        files="value",
        make=_runtime.text,
    )


    class Secrets(_runtime.Store):
        """The secrets of orders, each under its own method.

        Call `open` once, and share what it returns with all threads. A method returns what is in memory, and asks the store first where
        that is due, which may take seconds: in an event loop, call it through `asyncio.to_thread`.
        """

        _application = "orders"
        _specs = (
            _POSTGRES_ORDERS,
            _STRIPE_ORDERS,
        )

        def postgres_orders(self) -> PostgresOrders:
            """platform-data/postgres/orders

            The \"\"\"main\"\"\" one.

            Ask \\ us.

            Owner: team
            """
            return self._read(_POSTGRES_ORDERS)

        def stripe_orders(self) -> SecretText:
            """platform-data/stripe/orders"""
            return self._read(_STRIPE_ORDERS)
    "####);
}

#[test]
fn a_package_without_properties_imports_no_more_than_it_uses() {
    let files = emitted("a", None, &[("platform-data/tls/a", "content: binary")]).unwrap();
    let text = text_of(&files, "src/a_secrets/__init__.py");
    assert!(!text.contains("dataclass") && text.contains("def tls_a(self) -> SecretBytes:"), "{text}");
    // What ruff makes of a tuple of one.
    assert!(text.contains("\n    _specs = (_TLS_A,)\n\n"), "{text}");
}

#[test]
fn a_name_that_is_taken_ends_with_an_underscore() {
    for (name, expected) in
        [("class", "class_"), ("open", "open_"), ("stale", "stale_"), ("l", "l_"), ("match", "match"), ("license", "license")]
    {
        assert_eq!(free(name.to_owned(), &[KEYWORDS, BUILTINS, MORE, METHODS]), expected);
    }
    for (name, expected) in [("Secrets", "Secrets_"), ("RuntimeError", "RuntimeError_"), ("None", "None_"), ("Open", "Open")] {
        assert_eq!(free(name.to_owned(), &[TYPES, BUILTIN_TYPES]), expected);
    }
    for names in [KEYWORDS, BUILTINS, TYPES, BUILTIN_TYPES, IMPORTED] {
        assert!(names.split(' ').is_sorted() && !names.contains("  "), "{names}");
    }
}

#[test]
fn a_literal_is_quoted_as_ruff_quotes() {
    for (text, expected) in [
        ("a", r#""a""#),
        ("it's", r#""it's""#),
        ("a\"b", r#"'a"b'"#),
        ("'\"", r#""'\"""#),
        ("\\\n\t", r#""\\\n\t""#),
        ("é日\u{a0}\u{202e}🔑", r#""é日\xa0\u202e\U0001f511""#),
    ] {
        assert_eq!(literal(text), expected);
    }
    assert_eq!(basic_string("a \"b\" \\ 'c'"), r#""a \"b\" \\ 'c'""#);
}

#[test]
fn a_description_is_only_what_can_be_seen() {
    assert_eq!(lines(" a\tb  c\n\n\n\u{202e}d\u{2028}\n\u{200b}\n"), ["a b c", "", "d"]);
    assert_eq!(lines("\u{200b}"), [""; 0]);
    assert_eq!(documented(r#"""" \ """" "#), r#"\"\"\" \\ \"\"\"" "#);
}

#[test]
fn a_package_is_called_what_python_can_import() {
    let of = |application: &str, package: Option<&str>| {
        let files = emitted(application, package, &[("platform-data/tls/a", "content: binary")]);
        files.map(|files| files[1].path.clone()).map_err(|refused| refused[0].to_string())
    };
    assert_eq!(of("Orders API", None).unwrap(), "src/orders_api_secrets/__init__.py");
    assert_eq!(of("2fa", None).unwrap(), "src/x2fa_secrets/__init__.py");
    assert_eq!(of("a", Some("shop-vault")).unwrap(), "src/shop_vault/__init__.py");
    let keyword = "a keyword, or a package that is itself imported, can't be its name; say another with `--package`";
    for package in ["class", "secrets", "json"] {
        assert_eq!(
            of("a", Some(package)).unwrap_err(),
            format!("`{package}` is no name for a package in this language: {keyword}")
        );
    }
    assert!(of("日本", None).unwrap_err().starts_with("`secrets` is no name"));
    for package in ["", "Shop", "1a", "a.b", "a/b", "../a", "_a", "a-", "é"] {
        assert!(of("a", Some(package)).unwrap_err().ends_with("and a letter at its beginning"), "{package}");
    }
}
