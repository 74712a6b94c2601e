//! Modules in Go: one folder with a package, inside the module of the application. Its `go.mod` stays the application's.

use askama::Template;

use super::{Comments, EmittedText, Module, ModuleContent, ModuleSecret, Refused, words};

/// What is the same for every application: the package as it is called in these texts, and the files.
const PACKAGE: &str = "secrets";
const FILES: [(&str, &str); 3] = [
    ("mock.go", include_str!("../../modules/go/mock.go")),
    ("runtime.go", include_str!("../../modules/go/runtime.go")),
    ("sources.go", include_str!("../../modules/go/sources.go")),
];

/// Exported names that the package has already, and methods that `go vet` expects to be like those of the standard library.
const TAKEN: &[&str] = &[
    "As",
    "Binary",
    "Error",
    "Format",
    "GoString",
    "GobDecode",
    "GobEncode",
    "Is",
    "MarshalJSON",
    "MarshalXML",
    "Open",
    "OpenError",
    "OpenMock",
    "Peek",
    "ReadByte",
    "ReadFrom",
    "ReadRune",
    "Refresh",
    "Scan",
    "Secrets",
    "Seek",
    "Stale",
    "String",
    "Text",
    "UnmarshalJSON",
    "UnmarshalXML",
    "UnreadByte",
    "UnreadRune",
    "Unwrap",
    "WriteByte",
    "WriteTo",
];

/// Words that Go writes in capitals: those of its code review comments.
const INITIALISMS: &[&str] = &[
    "acl", "api", "ascii", "cpu", "css", "dns", "eof", "guid", "html", "http", "https", "id", "ip", "json", "lhs", "qps", "ram",
    "rhs", "rpc", "sla", "smtp", "sql", "ssh", "tcp", "tls", "ttl", "udp", "ui", "uid", "uri", "url", "utf8", "uuid", "vm",
    "xml", "xmpp", "xsrf", "xss",
];

/// <https://go.dev/ref/spec#Keywords>
const KEYWORDS: &[&str] = &[
    "break",
    "case",
    "chan",
    "const",
    "continue",
    "default",
    "defer",
    "else",
    "fallthrough",
    "for",
    "func",
    "go",
    "goto",
    "if",
    "import",
    "interface",
    "map",
    "package",
    "range",
    "return",
    "select",
    "struct",
    "switch",
    "type",
    "var",
];

/// No line of a comment is longer, but for a word that is.
const WIDTH: usize = 128;

#[derive(Template)]
#[template(path = "go/secrets.go.jinja", escape = "none")]
struct Generated<'m> {
    application: String,
    application_literal: String,
    package: &'m str,
    /// How a value is read.
    example: String,
    secrets: Vec<Secret<'m>>,
}

struct Secret<'m> {
    id: &'m str,
    identifier: String,
    /// Lines of a comment.
    about: Vec<String>,
    name: String,
    folder: String,
    content: Content,
}

/// Names and files are literals.
enum Content {
    Text { key: String },
    Binary { key: String },
    Properties { fields: Vec<Field> },
}

struct Field {
    identifier: String,
    /// The property, in a comment.
    shown: String,
    property: String,
    key: String,
}

/// The files of a module.
pub(super) fn files(module: &Module) -> Result<Vec<EmittedText>, Vec<Refused>> {
    let package = package(module.wanted_package()).map_err(|refused| vec![refused])?;
    let secrets: Vec<_> = module.secrets().iter().map(secret).collect();
    let generated = Generated {
        application: comment(module.application()),
        application_literal: literal(module.application()),
        package,
        example: secrets.first().map(example).unwrap_or_default(),
        secrets,
    };
    let mut text = generated.render().map_err(|_| vec![Refused::Unrendered { module: module.application().to_owned() }])?;
    // A template loses the last line feed of its file.
    text.push('\n');
    let of_runtime = FILES.map(|(path, text)| file(path, named(text, package)));
    // In the order of their paths, which secrets.go is in the midst of.
    let [mock, runtime, sources] = of_runtime;
    Ok(vec![mock, runtime, file("secrets.go", text), sources])
}

fn file(path: &str, text: String) -> EmittedText {
    EmittedText { path: path.to_owned(), text, comments: Comments::Slashes }
}

fn package(wanted: Option<&str>) -> Result<&str, Refused> {
    let Some(package) = wanted else { return Ok(PACKAGE) };
    let is_name = package.starts_with(|c: char| c.is_ascii_lowercase())
        && package.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && !KEYWORDS.contains(&package)
        && package != "main";
    let rule = "lower case letters, digits and `_`, a letter first, no word of the language and not `main`";
    if is_name { Ok(package) } else { Err(Refused::Package { package: package.to_owned(), rule }) }
}

/// The text with the name of the package in its package clause.
fn named(text: &str, package: &str) -> String {
    text.replacen(&format!("\npackage {PACKAGE}\n"), &format!("\npackage {package}\n"), 1)
}

fn secret(secret: &ModuleSecret) -> Secret<'_> {
    let content = match &secret.content {
        ModuleContent::Text { key } => Content::Text { key: literal(key) },
        ModuleContent::Binary { key } => Content::Binary { key: literal(key) },
        ModuleContent::Properties(fields) => Content::Properties {
            fields: fields
                .iter()
                .map(|field| Field {
                    identifier: exported(&field.words),
                    shown: comment(&field.property),
                    property: literal(&field.property),
                    key: literal(&field.key),
                })
                .collect(),
        },
    };
    let mut identifier = exported(&secret.words);
    if TAKEN.contains(&identifier.as_str()) {
        identifier.push('_');
    }
    let described = secret.description.iter().flat_map(|text| lines("Description", text));
    let owned = secret.owner.iter().flat_map(|text| lines("Owner", text));
    let about = described.chain(owned).collect();
    Secret { id: &secret.id, identifier, about, name: literal(&secret.id), folder: literal(&secret.folder), content }
}

fn example(secret: &Secret<'_>) -> String {
    let field = match &secret.content {
        Content::Properties { fields } => fields.first().map(|field| format!(".{}", field.identifier)),
        Content::Text { .. } | Content::Binary { .. } => None,
    };
    format!("{}(ctx){}", secret.identifier, field.unwrap_or_default())
}

/// `DatabaseURL`
fn exported(words: &[String]) -> String {
    let in_capitals = |word: &String| INITIALISMS.contains(&word.as_str());
    let spelled =
        |word: &String| if in_capitals(word) { word.to_ascii_uppercase() } else { words::pascal(std::slice::from_ref(word)) };
    words.iter().map(spelled).collect()
}

/// A string literal. What is not plainly visible is escaped.
fn literal(text: &str) -> String {
    let mut literal = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => literal.extend(['\\', c]),
            ' '..='~' => literal.push(c),
            _ if c.is_alphanumeric() => literal.push(c),
            _ => literal += &format!("\\U{:08x}", u32::from(c)),
        }
    }
    literal.push('"');
    literal
}

/// Text as one line of a comment. Go takes no byte order mark; gofmt makes typographic quotes of doubled ones; and what changes the
/// direction of a line can make code look like other code.
fn comment(text: &str) -> String {
    let is_unseen = |c: &char| {
        c.is_control()
            || "\u{feff}\u{61c}\u{200e}\u{200f}".contains(*c)
            || ('\u{202a}'..='\u{202e}').contains(c)
            || ('\u{2066}'..='\u{2069}').contains(c)
    };
    let words: Vec<String> = text
        .split_whitespace()
        .map(|word| word.chars().filter(|c| !is_unseen(c)).collect())
        .filter(|word: &String| !word.is_empty())
        .collect();
    let mut line = words.join(" ");
    for quotes in ["``", "''"] {
        while line.contains(quotes) {
            line = line.replace(quotes, &quotes[..1]);
        }
    }
    line
}

/// Text after its title, in lines of a comment. gofmt gives a meaning to some lines by how they begin (headings, lists, build
/// constraints), so that a line only ever begins with the title, or with a letter or digit.
fn lines(title: &str, text: &str) -> Vec<String> {
    let text = comment(text);
    let mut lines = Vec::new();
    let mut line = format!("{title}:");
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let is_full = line.chars().count() + word.chars().count() + "//  ".len() > WIDTH;
        if is_full && word.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            lines.push(std::mem::replace(&mut line, word.to_owned()));
        } else {
            line.push(' ');
            line += word;
        }
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use migrate_core::inventory::Inventory;

    use super::*;

    fn generated(inventory: &str, application: &str, package: Option<&str>) -> Vec<EmittedText> {
        let inventory = Inventory::parse(inventory).unwrap();
        files(&Module::build(&inventory, application, package).unwrap().unwrap()).unwrap()
    }

    const ORDERS: &str = r#"
apiVersion: migrate/v1
secrets:
  - name: platform-data/postgres/orders
    description: "The main database.\n\n- ``not'' a list\n# nor a heading"
    owner: team-orders
    category: data
    class: runtime
    disposition: moves
    content: { properties: [username, 2fa, "quo\"te"] }
    consumers: [{ application: orders, sdk: {} }]
  - name: platform-data/stripe/orders
    category: data
    class: runtime
    disposition: moves
    content: text
    consumers: [{ application: orders, accessor: open, sdk: {} }]
  - name: platform-data/tls/orders
    category: data
    class: runtime
    disposition: moves
    content: binary
    consumers: [{ application: orders, sdk: {} }]
"#;

    // REQ SDK-2
    #[test]
    fn a_package_has_a_method_for_each_secret() {
        let files = generated(ORDERS, "orders", None);
        assert_eq!(
            files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(),
            ["mock.go", "runtime.go", "secrets.go", "sources.go"]
        );
        insta::assert_snapshot!(files[2].text);
    }

    #[test]
    fn the_package_is_called_as_wanted_in_every_file() {
        for file in generated(ORDERS, "orders", Some("vault2")) {
            let clauses: Vec<_> = file.text.lines().filter(|line| line.starts_with("package ")).collect();
            assert_eq!(clauses, ["package vault2"], "{}", file.path);
            assert!(file.text.ends_with('\n') && !file.text.contains("package secrets"), "{}", file.path);
        }
        for bad in ["", "Orders", "2", "_x", "a-b", "func", "main", "größe"] {
            assert!(matches!(package(Some(bad)), Err(Refused::Package { .. })), "{bad}");
        }
    }

    #[test]
    fn words_become_names_that_go_exports() {
        for (words, name) in
            [("postgres orders", "PostgresOrders"), ("x2fa", "X2fa"), ("database url id", "DatabaseURLID"), ("idle", "Idle")]
        {
            assert_eq!(exported(&words.split(' ').map(str::to_owned).collect::<Vec<_>>()), name);
        }
        assert!(TAKEN.is_sorted());
    }

    #[test]
    fn a_literal_has_nothing_unseen_in_it() {
        assert_eq!(literal("a\"\\\n é\u{202e}\u{1f511}"), r#""a\"\\\U0000000a é\U0000202e\U0001f511""#);
    }

    #[test]
    fn a_comment_is_one_line_that_gofmt_leaves_as_it_is() {
        assert_eq!(comment(" a\n\tb\u{feff}\u{202e}  ```c``` ''d'' \u{2028}\u{1}*/"), "a b `c` 'd' */");
    }

    #[test]
    fn a_line_never_begins_with_a_sign() {
        let text = "word - # +build [x]: ".repeat(40);
        let lines = lines("Description", &text);
        assert!(lines.len() > 3);
        assert!(
            lines.iter().all(|line| line.starts_with(|c: char| c.is_ascii_alphanumeric()) && line.len() < WIDTH + 30),
            "{lines:?}"
        );
        assert_eq!(super::lines("Owner", "a"), ["Owner: a"]);
    }
}
