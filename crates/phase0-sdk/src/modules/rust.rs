//! Modules in Rust: a crate of a generated `lib.rs` and files that are the same for every application.
//!
//! What is generated is formatted as rustfmt would format it. The package has its own `rustfmt.toml`, by which a construct stands on one
//! line where that line fits and is broken in one way where it doesn't, so it is enough to measure; a test compares with rustfmt.

use askama::Template;

use super::{Comments, EmittedText, Module, ModuleContent, ModuleField, ModuleSecret, Refused, words};

/// `max_width` of `modules/rust/rustfmt.toml`.
const WIDTH: usize = 120;
/// Where the text of a description is broken.
const COMMENT_WIDTH: usize = 96;

/// Words that can't be identifiers, by the editions up to 2024; `self` and its like can't even be raw ones.
const KEYWORDS: &str = " abstract as async await become box break const continue crate do dyn else enum extern false final fn for gen if \
    impl in let loop macro match mod move mut override priv pub ref return self static struct super trait true try type typeof unsafe \
    unsized use virtual where while yield ";
/// What the type of all secrets has beside the accessors; and `new`, which clippy takes for what makes one.
const METHODS: &str = " new open open_mock read_from refresh stale store ";
/// Types that the generated file names.
const TYPES: &str = " Arc Box Content Debug Default Err ExposeSecret None Ok OpenError Option Reason Result SecretSlice SecretString Secrets \
    Self Slot Some Stale Store String Value Vec ";
/// Crates that every crate sees by these names.
const CRATES: &str = " alloc core proc_macro std test ";

#[derive(Template)]
#[template(path = "rust/lib.rs.jinja", escape = "none")]
struct Library {
    crate_name: String,
    application: Application,
    has_properties: bool,
    secrets: Vec<Secret>,
}

struct Application {
    shown: String,
    constant: String,
}

struct Secret {
    docs: Vec<String>,
    accessor: String,
    value: String,
    slot: String,
    signature: String,
    filled: String,
    fields: Vec<Field>,
}

struct Field {
    shown: String,
    name: String,
    filled: String,
}

#[derive(Template)]
#[template(path = "rust/Cargo.toml.jinja", escape = "none")]
struct Manifest {
    package: String,
    description: String,
}

/// The files of a module.
pub(super) fn files(module: &Module) -> Result<Vec<EmittedText>, Vec<Refused>> {
    let package = package(module).map_err(|refused| vec![refused])?;
    let secrets: Vec<Secret> = module.secrets().iter().map(secret).collect();
    let constant = one_line_or(
        format!("const APPLICATION: &str = {};", literal(module.application())),
        format!("const APPLICATION: &str =\n    {};", literal(module.application())),
    );
    let library = Library {
        crate_name: package.replace('-', "_"),
        application: Application { shown: code(module.application()), constant },
        has_properties: secrets.iter().any(|secret| !secret.fields.is_empty()),
        secrets,
    };
    let description = format!("The secrets of {}, by name", module.application());
    let manifest = Manifest { package, description: toml::Value::String(description).to_string() };
    let rendered = |template: Result<String, askama::Error>| {
        template.map_err(|_| vec![Refused::Unrendered { module: module.package().join("-") }])
    };
    let text = |path: &str, text: &str, comments| EmittedText {
        path: path.to_owned(),
        text: format!("{}\n", text.trim_end()),
        comments,
    };
    Ok(vec![
        text("Cargo.toml", &rendered(manifest.render())?, Comments::Hash),
        text("rustfmt.toml", include_str!("../../modules/rust/module/rustfmt.toml"), Comments::Hash),
        text("src/lib.rs", &rendered(library.render())?, Comments::Slashes),
        text("src/mock.rs", include_str!("../../modules/rust/module/src/mock.rs"), Comments::Slashes),
        text("src/runtime.rs", include_str!("../../modules/rust/module/src/runtime.rs"), Comments::Slashes),
        text("src/source.rs", include_str!("../../modules/rust/module/src/source.rs"), Comments::Slashes),
    ])
}

/// The name of the package.
fn package(module: &Module) -> Result<String, Refused> {
    let Some(wanted) = module.wanted_package() else { return Ok(module.package().join("-")) };
    let is_plain = wanted.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte));
    let is_crate = is_plain && wanted.starts_with(|c: char| c.is_ascii_lowercase()) && wanted.len() <= 64;
    if is_crate && !has(KEYWORDS, wanted) && !has(CRATES, wanted) {
        return Ok(wanted.to_owned());
    }
    let rule = "up to 64 small letters, digits, hyphens and underscores, beginning with a letter, and no word of the language";
    Err(Refused::Package { package: wanted.to_owned(), rule })
}

fn secret(secret: &ModuleSecret) -> Secret {
    let accessor = free(words::snake(&secret.words), &[KEYWORDS, METHODS]);
    let (value, mounted) = match &secret.content {
        ModuleContent::Text { key } => ("SecretString".to_owned(), format!("{}/{key}", secret.folder)),
        ModuleContent::Binary { key } => ("SecretSlice<u8>".to_owned(), format!("{}/{key}", secret.folder)),
        ModuleContent::Properties(_) => (free(words::pascal(&secret.words), &[TYPES]), secret.folder.clone()),
    };
    let fields = match &secret.content {
        ModuleContent::Properties(fields) => fields.iter().map(field).collect(),
        ModuleContent::Text { .. } | ModuleContent::Binary { .. } => Vec::new(),
    };
    let slot =
        one_line_or(format!("    {accessor}: Arc<Slot<{value}>>,"), format!("    {accessor}:\n        Arc<Slot<{value}>>,"));
    let signature = one_line_or(
        format!("    pub async fn {accessor}(&self) -> Arc<{value}> {{"),
        format!("    pub async fn {accessor}(\n        &self,\n    ) -> Arc<{value}> {{"),
    );
    let filled = call(&accessor, "Slot::of", &["&mut store", &literal(&secret.id), &literal(&mounted)], "");
    Secret { docs: docs(secret), accessor, value, slot, signature, filled, fields }
}

fn field(field: &ModuleField) -> Field {
    let name = free(words::snake(&field.words), &[KEYWORDS]);
    let filled = call(&name, "property", &[&literal(&field.property), &literal(&field.key)], "?");
    Field { shown: code(&field.property), name, filled }
}

/// A field of a struct that a call fills.
fn call(name: &str, function: &str, arguments: &[&str], behind: &str) -> String {
    let broken: String = arguments.iter().map(|argument| format!("                {argument},\n")).collect();
    one_line_or(
        format!("            {name}: {function}({}){behind},", arguments.join(", ")),
        format!("            {name}: {function}(\n{broken}            ){behind},"),
    )
}

fn one_line_or(line: String, broken: String) -> String {
    if line.chars().count() <= WIDTH { line } else { broken }
}

/// A name that is nobody's.
fn free(name: String, taken: &[&str]) -> String {
    if taken.iter().any(|words| has(words, &name)) { name + "_" } else { name }
}

fn has(words: &str, word: &str) -> bool {
    words.split_whitespace().any(|one| one == word)
}

/// A string literal of ASCII alone: what can't be seen, or turns the direction of text, is written out.
fn literal(text: &str) -> String {
    let escaped = text.chars().map(|c| match c {
        '"' | '\\' => format!("\\{c}"),
        ' '..='~' => c.to_string(),
        _ => c.escape_unicode().to_string(),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

fn docs(secret: &ModuleSecret) -> Vec<String> {
    let mut paragraphs = vec![vec![code(&secret.id)]];
    paragraphs.extend(secret.description.as_deref().map(|text| lines(text, "")));
    paragraphs.extend(secret.owner.as_deref().map(|text| lines(text, "Owner: ")));
    paragraphs.retain(|lines| !lines.is_empty());
    let paragraphs: Vec<String> = paragraphs
        .into_iter()
        .map(|lines| lines.into_iter().map(|line| format!("/// {line}")).collect::<Vec<_>>().join("\n"))
        .collect();
    paragraphs.join("\n///\n").lines().map(str::to_owned).collect()
}

/// A text as lines of Markdown that show it as it is.
fn lines(text: &str, before: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in visible(text).split(' ').filter(|word| !word.is_empty()).map(escaped) {
        let is_first = lines.is_empty();
        match lines.last_mut().filter(|line| line.chars().count() + 1 + word.chars().count() <= COMMENT_WIDTH) {
            Some(line) => *line += &format!(" {word}"),
            None if is_first && !before.is_empty() => lines.push(format!("{before}{word}")),
            None => lines.push(first_of_line(word)),
        }
    }
    lines
}

/// A text on one line, without what can't be seen: the compiler refuses a comment whose direction is turned.
fn visible(text: &str) -> String {
    let spaced = text.chars().map(|c| if c.is_whitespace() || c.is_control() { ' ' } else { c });
    spaced
        .filter(|c| {
            !matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
        })
        .collect()
}

/// A word that Markdown would take for markup or a link, shown as it is.
fn escaped(word: &str) -> String {
    let escaped: String =
        word.chars().map(|c| if "\\`*_[]<>&~|$".contains(c) { format!("\\{c}") } else { c.to_string() }).collect();
    escaped.replace("://", "\\://")
}

/// A word that would begin a list, a heading or a rule where it begins a line.
fn first_of_line(word: String) -> String {
    let digits = word.chars().take_while(char::is_ascii_digit).count();
    match word.chars().nth(digits) {
        Some('.' | ')') if digits > 0 => format!("{}\\{}", &word[..digits], &word[digits..]),
        Some('#' | '-' | '+' | '=') if digits == 0 => format!("\\{word}"),
        _ => word,
    }
}

/// A text as code in Markdown.
fn code(text: &str) -> String {
    let text = visible(text);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    let space = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

#[cfg(test)]
mod tests {
    use migrate_core::inventory::Inventory;

    use super::*;

    /// One secret, read by an application.
    fn entry(name: &str, application: &str, said: &str) -> String {
        let application = literal(application);
        format!(
            "  - name: {name}\n    category: data\n    class: runtime\n    disposition: moves\n{said}    consumers:\n      - application: {application}\n"
        )
    }

    fn module(secrets: &str, application: &str, package: Option<&str>) -> Module {
        let inventory = Inventory::parse(&format!("apiVersion: migrate/v1\nsecrets:\n{secrets}"))
            .unwrap_or_else(|problems| panic!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")));
        Module::build(&inventory, application, package).unwrap().expect("the application reads something")
    }

    fn emitted(secrets: &str, application: &str, path: &str) -> String {
        let files = files(&module(secrets, application, None)).unwrap();
        files.into_iter().find(|file| file.path == path).expect("the file").text
    }

    /// What the suite is written for.
    fn suite() -> String {
        let read = |name: &str, content: &str, target: &str, reads: &str| {
            let prose =
                if name.contains("postgres") { "    description: The main database.\n    owner: team-suite\n" } else { "" };
            let by = format!("        externalSecret: {{ namespace: suite, name: {target}, reads: [{reads}] }}\n");
            entry(name, "suite", &format!("{prose}    content: {content}\n")) + &by
        };
        let mail = "property: { secretKey: MAIL_CLASS, property: class } }, { property: { secretKey: MAIL_USER, property: user-name } }, { extract: {}";
        [
            read(
                "platform-data/postgres/suite",
                "{ properties: [username, password, port] }",
                "postgres-suite",
                "{ extract: {} }",
            ),
            read("platform-data/smtp/suite", "{ properties: [class, user-name, 2fa, url] }", "mail", &format!("{{ {mail} }}")),
            read("platform-data/stripe/suite", "text", "stripe-suite", "{ whole: { secretKey: value } }"),
            read("platform-data/tls/suite", "binary", "tls-suite", "{ whole: { secretKey: keystore.p12 } }"),
        ]
        .concat()
    }

    // REQ SDK-2
    #[test]
    fn the_package_in_this_project_is_what_is_emitted_for_the_suite() {
        let files = files(&module(&suite(), "suite", None)).unwrap();
        for file in &files {
            let path = format!("{}/modules/rust/module/{}", env!("CARGO_MANIFEST_DIR"), file.path);
            let there = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(there == file.text, "{path} is to be:\n{}", file.text);
        }
        assert_eq!(files.len(), 6);
        assert!(files.is_sorted_by_key(|file| &file.path));
    }

    #[test]
    fn names_that_are_taken_get_an_underscore() {
        let sdk = |accessor: &str| format!("        accessor: {accessor}\n        sdk: {{}}\n");
        let secrets = ["self", "open", "store", "type", "vec", "string", "gen"].map(|accessor| {
            let properties = "    content: { properties: [type, self, open, Self, 2fa, read_from] }\n";
            let properties = if accessor == "gen" { properties.replace("Self, ", "") } else { properties.replace("self, ", "") };
            entry(&format!("platform-data/odd/{accessor}"), "odd", &properties) + &sdk(accessor)
        });
        let text = emitted(&secrets.concat(), "odd", "src/lib.rs");
        for expected in [
            "pub async fn self_(&self) -> Arc<Self_>",
            "pub async fn open_(&self) -> Arc<Open>",
            "pub async fn store_(&self) -> Arc<Store_>",
            "pub async fn type_(&self) -> Arc<Type>",
            "pub async fn vec(&self) -> Arc<Vec_>",
            "pub async fn string(&self) -> Arc<String_>",
            "    pub self_: SecretString,",
            "    pub type_: SecretString,",
            "    pub open: SecretString,",
            "    pub x2fa: SecretString,",
        ] {
            assert!(text.contains(expected), "{expected}\n{text}");
        }
    }

    #[test]
    fn a_description_is_shown_as_it_is_and_can_not_end_a_comment_or_begin_markup() {
        assert_eq!(lines("The main database.", ""), ["The main database."]);
        assert_eq!(lines("a\r\n\tb\u{202e}c\u{0}", ""), ["a bc"]);
        assert_eq!(lines("*/ `x` [y] <z> &amp; a_b https://x", ""), [r"\*/ \`x\` \[y\] \<z\> \&amp; a\_b https\://x"]);
        for begins in ["- a", "# a", "+ a", "1. a", "23) a", "--- a", "=== a"] {
            let [line] = &lines(begins, "")[..] else { panic!("one line") };
            assert!(line.contains('\\'), "{line}");
        }
        assert_eq!(lines("1. a", "Owner: "), ["Owner: 1. a"]);
        assert_eq!(lines(" \u{200b} ", ""), [""; 0]);
        let long = lines(&"word ".repeat(100), "");
        assert!(long.len() > 4 && long.iter().all(|line| line.len() <= COMMENT_WIDTH));
        assert_eq!([code("a"), code("a`b"), code("`")], ["`a`", "``a`b``", "`` ` ``"]);
    }

    #[test]
    fn a_literal_is_ascii() {
        assert_eq!(literal("a\"\\\n\u{fc}\u{202e}'{}"), r#""a\"\\\u{a}\u{fc}\u{202e}'{}""#);
    }

    #[test]
    fn a_package_has_the_name_that_was_asked_for() {
        let secrets = entry("platform-data/tls/a", "a", "") + "        sdk: {}\n";
        let name = |package| files(&module(&secrets, "a", package)).map(|files| files[0].text.lines().nth(1).unwrap().to_owned());
        assert_eq!(name(None).unwrap(), r#"name = "a-secrets""#);
        assert_eq!(name(Some("my_own-2")).unwrap(), r#"name = "my_own-2""#);
        let long = "a".repeat(65);
        for wrong in ["", "A", "2a", "-a", "a b", "a/b", "type", "std", "a\"", &long] {
            assert!(matches!(name(Some(wrong)).unwrap_err()[..], [Refused::Package { .. }]), "{wrong}");
        }
    }

    #[test]
    fn the_least_module_imports_no_more_than_it_needs() {
        let secrets = entry("platform-data/tls/a", "a", "    content: binary\n") + "        sdk: {}\n";
        let text = emitted(&secrets, "a", "src/lib.rs");
        assert!(!text.contains("use source::"), "{text}");
    }
}
