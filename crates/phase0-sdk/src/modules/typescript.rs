//! Modules in TypeScript: an npm package. Its lines are as prettier leaves them, which is why lengths are counted here.

use askama::Template;

use super::{Comments, EmittedText, Module, ModuleContent, ModuleField, ModuleSecret, Refused, words};

/// How wide lines are; `package.json` tells prettier so.
const WIDTH: usize = 120;
/// Prettier puts a long text below a key from this length on. It is its tab width and 3.
const SHORT_KEY: usize = 5;
/// The longest name that npm takes.
const LONGEST_PACKAGE: usize = 214;

/// What can't be a variable, and what every object has or is taken for a promise by having.
const TAKEN: &str = "arguments await break case catch class const constructor continue debugger default delete do else enum eval export \
    extends false finally for function hasOwnProperty if implements import in instanceof interface isPrototypeOf let new \
    null package private propertyIsEnumerable protected public return static super switch then this throw toLocaleString \
    toString true try typeof undefined valueOf var void while with yield";
/// What `Secrets` has beside accessors.
const METHODS: &str = "open openFrom refresh stale";
/// What the generated file knows by these names, and what people would not know any more by theirs.
const TYPES: &str = "Array Boolean Buffer Connect Date Error Function Log Map Number Object OpenError Options Partial Promise Readonly \
    Record SecretBytes SecretText Secrets Set Stale Store String Symbol";

#[derive(Template)]
#[template(path = "typescript/index.ts.jinja", escape = "none")]
struct Index {
    application: String,
    imports: String,
    constant: String,
    secrets: Vec<Secret>,
}

struct Secret {
    accessor: String,
    /// Members of the table, each a line or two.
    name: String,
    folder: String,
    /// Where it is no properties.
    key: Option<String>,
    holds: &'static str,
    fields: Vec<Field>,
    /// The type that reading it gives.
    gives: String,
    /// For the type and for the accessor, which stands further in.
    type_comment: String,
    comment: String,
}

struct Field {
    name: String,
    comment: String,
    entry: String,
}

#[derive(Template)]
#[template(path = "typescript/package.json.jinja", escape = "none")]
struct Package {
    name: String,
    description: String,
}

/// The files of a module.
pub(super) fn files(module: &Module) -> Result<Vec<EmittedText>, Vec<Refused>> {
    let package = package(module).map_err(|refused| vec![refused])?;
    let failed = |_| vec![Refused::Unrendered { module: package.clone() }];
    let manifest = Package {
        name: json(&package),
        description: json(&format!("The secrets of {}, typed", in_one_line(module.application()))),
    };
    let text = |path: &str, comments, text: &str| EmittedText { path: path.to_owned(), text: text.to_owned(), comments };
    Ok(vec![
        text("package.json", Comments::JsonObject, &(manifest.render().map_err(failed)? + "\n")),
        text("src/index.ts", Comments::Slashes, &(index(module).render().map_err(failed)? + "\n")),
        text("src/mock.ts", Comments::Slashes, include_str!("../../modules/typescript/mock.ts")),
        text("src/runtime.ts", Comments::Slashes, include_str!("../../modules/typescript/runtime.ts")),
        text("tsconfig.json", Comments::JsonObject, include_str!("../../modules/typescript/tsconfig.json")),
    ])
}

/// The package's name, as npm takes it for one that is new.
fn package(module: &Module) -> Result<String, Refused> {
    let made = || module.package().join("-");
    let package = module.wanted_package().map_or_else(made, str::to_owned);
    let is_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-._".contains(c))
    };
    let is_one = match package.strip_prefix('@') {
        Some(scoped) => scoped.split_once('/').is_some_and(|(scope, name)| is_part(scope) && is_part(name)),
        None => is_part(&package),
    };
    if is_one && package.len() <= LONGEST_PACKAGE {
        return Ok(package);
    }
    let rule = "lower case letters, digits, `-`, `.` and `_`, at most 214, beginning with a letter or digit; before it `@scope/` if you like";
    Err(Refused::Package { package, rule })
}

fn index(module: &Module) -> Index {
    let secrets: Vec<Secret> = module.secrets().iter().map(secret).collect();
    let application = in_one_line(module.application());
    let is_text = |secret: &Secret| secret.holds != "binary";
    let mut imports = vec!["type Connect", "type Options"];
    imports.extend(secrets.iter().any(|secret| !is_text(secret)).then_some("type SecretBytes"));
    imports.extend(secrets.iter().any(is_text).then_some("type SecretText"));
    imports.extend(["type Stale", "Store"]);
    let literal = literal(module.application());
    let line = format!("const APPLICATION = {literal};");
    let constant = if line.len() <= WIDTH { line } else { format!("const APPLICATION =\n  {literal};") };
    Index { application, imports: imports.join(", "), constant, secrets }
}

fn secret(secret: &ModuleSecret) -> Secret {
    let accessor = identifier(words::camel(&secret.words), &[TAKEN, METHODS]);
    let (holds, key, fields, gives) = match &secret.content {
        ModuleContent::Text { key } => ("text", Some(key), Vec::new(), "SecretText".to_owned()),
        ModuleContent::Binary { key } => ("binary", Some(key), Vec::new(), "SecretBytes".to_owned()),
        ModuleContent::Properties(fields) => {
            ("properties", None, fields.iter().map(field).collect(), identifier(words::pascal(&secret.words), &[TYPES]))
        }
    };
    let lines = lines_about(secret);
    Secret {
        accessor,
        name: member(4, "name", &secret.id),
        folder: member(4, "folder", &secret.folder),
        key: key.map(|key| member(4, "key", key)),
        holds,
        fields,
        gives,
        type_comment: comment(0, &lines),
        comment: comment(2, &lines),
    }
}

fn field(field: &ModuleField) -> Field {
    let name = identifier(words::camel(&field.words), &[TAKEN]);
    let line = format!("{name}: {{ property: {}, key: {} }},", literal(&field.property), literal(&field.key));
    let entry = if 6 + line.len() <= WIDTH {
        line
    } else {
        format!(
            "{name}: {{\n        {}\n        {}\n      }},",
            member(8, "property", &field.property),
            member(8, "key", &field.key)
        )
    };
    Field { comment: comment(2, &[format!("Property `{}`.", in_one_line(&field.property))]), name, entry }
}

fn identifier(name: String, taken: &[&str]) -> String {
    if taken.iter().any(|taken| taken.split(' ').any(|word| word == name)) { name + "_" } else { name }
}

/// A member of an object that begins this far in.
fn member(indent: usize, key: &str, text: &str) -> String {
    let literal = literal(text);
    let line = format!("{key}: {literal},");
    if indent + line.len() <= WIDTH || key.len() < SHORT_KEY { line } else { format!("{key}:\n{:indent$}  {literal},", "") }
}

/// A string in the quotes that need fewer escapes, as prettier wants it, and of ASCII alone, so that its width is known.
fn literal(text: &str) -> String {
    let quote = if text.matches('"').count() > text.matches('\'').count() { '\'' } else { '"' };
    let mut literal = String::from(quote);
    for c in text.chars() {
        match c {
            '\\' => literal.push_str("\\\\"),
            '\n' => literal.push_str("\\n"),
            '\t' => literal.push_str("\\t"),
            _ if c == quote => literal.extend(['\\', c]),
            ' '..='~' => literal.push(c),
            _ => literal.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}"))),
        }
    }
    literal.push(quote);
    literal
}

fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn lines_about(secret: &ModuleSecret) -> Vec<String> {
    let mut lines = vec![format!("`{}`", secret.id)];
    let owner = secret.owner.as_ref().map(|owner| format!("Owner: {owner}"));
    for paragraph in [secret.description.clone(), owner].into_iter().flatten() {
        lines.push(String::new());
        lines.extend(paragraph.lines().map(in_one_line));
    }
    lines
}

/// A comment that documents what follows it; its first line is not indented.
fn comment(indent: usize, lines: &[String]) -> String {
    match lines {
        [line] => format!("/** {line} */"),
        lines => {
            let lines: Vec<String> = lines.iter().map(|line| format!("{:indent$} * {line}", "").trim_end().to_owned()).collect();
            format!("/**\n{}\n{:indent$} */", lines.join("\n"), "")
        }
    }
}

/// A text that ends no comment, is no instruction to a tool and has nothing in it that is not seen.
fn in_one_line(text: &str) -> String {
    let mut line = String::new();
    for (at, c) in text.char_indices() {
        let before = line.chars().next_back();
        match c {
            '/' if before == Some('*') => line.push_str("\\/"),
            // `@deprecated` is an order to the compiler, and `@internal` is one wherever it stands. `me@example.org` is none.
            '@' if before.is_none_or(|c| !c.is_ascii_alphanumeric()) || is_at(text, at, "@internal") => line.push_str("&#64;"),
            // Marks that turn the direction of writing show code as what it is not.
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                line.extend(c.escape_unicode());
            }
            // Blanks to eslint, not to Rust.
            '\u{180e}' | '\u{200b}' | '\u{feff}' => line.push(' '),
            c if c.is_whitespace() || c.is_control() => line.push(' '),
            c => line.push(c),
        }
    }
    line.trim_end().to_owned()
}

fn is_at(text: &str, at: usize, part: &str) -> bool {
    text.get(at..).is_some_and(|rest| rest.starts_with(part))
}

#[cfg(test)]
mod tests {
    use migrate_core::inventory::Inventory;

    use super::*;

    fn module(application: &str, package: Option<&str>, said: &str) -> Module {
        let text = format!(
            "apiVersion: migrate/v1\nsecrets:\n  - name: platform-data/smtp/orders\n    category: data\n    class: runtime\n    \
             disposition: moves\n{said}    consumers:\n      - application: {application}\n        sdk: {{}}\n"
        );
        let inventory = Inventory::parse(&text).expect("an inventory");
        Module::build(&inventory, application, package).expect("a module").expect("of something")
    }

    fn emitted(module: &Module, path: &str) -> String {
        let files = files(module).expect("files");
        files.into_iter().find(|file| file.path == path).expect("the file").text
    }

    #[test]
    fn the_generated_file_is_a_table_and_accessors() {
        let said = "    description: Mail.\n    content:\n      properties: [class, user-name]\n";
        let index = emitted(&module("orders", None, said), "src/index.ts");
        let (table, rest) = index.split_once("/**\n * The secrets of orders, read").expect("a class");
        insta::assert_snapshot!(table, @r#"
        // The secrets of orders.

        import { type Connect, type Options, type SecretText, type Stale, Store } from "./runtime.js";

        export { type Log, type Options, type Stale, OpenError, SecretBytes, SecretText } from "./runtime.js";

        const APPLICATION = "orders";

        const SECRETS = {
          smtpOrders: {
            name: "platform-data/smtp/orders",
            holds: "properties",
            folder: "platform-data-smtp-orders",
            fields: {
              class_: { property: "class", key: "class" },
              userName: { property: "user-name", key: "user-name" },
            },
          },
        } as const;

        /**
         * `platform-data/smtp/orders`
         *
         * Mail.
         */
        export interface SmtpOrders {
          /** Property `class`. */
          readonly class_: SecretText;
          /** Property `user-name`. */
          readonly userName: SecretText;
        }
        "#);
        let (_, accessors) = rest.split_once("  stale()").expect("what each class has");
        insta::assert_snapshot!(accessors, @r#"
        : readonly Stale[] {
            return this.#store.stale();
          }

          /**
           * `platform-data/smtp/orders`
           *
           * Mail.
           */
          smtpOrders(): Promise<SmtpOrders> {
            return this.#store.read("smtpOrders");
          }
        }
        "#);
    }

    #[test]
    fn types_are_imported_where_they_are_used() {
        for (content, imports) in [
            ("text", "type Connect, type Options, type SecretText, type Stale, Store"),
            ("binary", "type Connect, type Options, type SecretBytes, type Stale, Store"),
        ] {
            let index = emitted(&module("orders", None, &format!("    content: {content}\n")), "src/index.ts");
            assert!(index.contains(&format!("\nimport {{ {imports} }} from \"./runtime.js\";\n")), "{index}");
        }
    }

    #[test]
    fn files_are_in_the_order_of_their_paths() {
        let files = files(&module("orders", None, "")).expect("files");
        assert!(files.is_sorted_by(|one, other| one.path < other.path));
        assert!(files.iter().all(|file| file.text.ends_with("}\n")));
    }

    #[test]
    fn a_package_is_called_after_the_application_or_as_is_asked() {
        for (application, package, expected) in [
            ("orders", None, Some("orders-secrets")),
            ("The \"Odd\" One", None, Some("the-odd-one-secrets")),
            ("日本", None, Some("secrets")),
            ("orders", Some("@shop/orders.secrets"), Some("@shop/orders.secrets")),
            ("orders", Some("Orders"), None),
            ("orders", Some("@shop"), None),
            ("orders", Some("../orders"), None),
            ("orders", Some(".orders"), None),
            ("orders", Some(""), None),
            ("orders", Some(&"a".repeat(215)), None),
        ] {
            let module = module(application, package, "");
            let name = files(&module).ok().map(|_| emitted(&module, "package.json"));
            let name =
                name.and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok()?["name"].as_str().map(str::to_owned));
            assert_eq!(name.as_deref(), expected, "{application} {package:?}");
        }
    }

    #[test]
    fn what_is_taken_gets_an_underscore() {
        assert_eq!(identifier("class".to_owned(), &[TAKEN, METHODS]), "class_");
        assert_eq!(identifier("open".to_owned(), &[TAKEN, METHODS]), "open_");
        assert_eq!(identifier("open".to_owned(), &[TAKEN]), "open");
    }

    #[test]
    fn a_long_text_stands_below_its_key_unless_that_is_short() {
        let fits = "x".repeat(WIDTH - 4 - "folder: \"\",".len());
        assert_eq!(member(4, "folder", &fits), format!("folder: \"{fits}\","));
        assert_eq!(member(4, "folder", &format!("{fits}x")), format!("folder:\n      \"{fits}x\","));
        assert_eq!(member(4, "name", &"x".repeat(500)).lines().count(), 1);
    }

    #[test]
    fn a_literal_is_ascii_in_the_quotes_that_need_fewer_escapes() {
        for (text, expected) in [
            ("it's", r#""it's""#),
            ("say \"it\"", r#"'say "it"'"#),
            ("'\"", r#""'\"""#),
            ("a\\b\n\t", r#""a\\b\n\t""#),
            ("é😀\u{2028}", r#""\u00e9\ud83d\ude00\u2028""#),
            ("${x}`", r#""${x}`""#),
        ] {
            assert_eq!(literal(text), expected);
        }
    }

    #[test]
    fn a_comment_can_not_be_left_and_orders_nothing() {
        for (text, expected) in [
            ("a */ b **/", "a *\\/ b **\\/"),
            ("@deprecated {@link x} me@example.org", "&#64;deprecated {&#64;link x} me@example.org"),
            ("me@internal.example.org", "me&#64;internal.example.org"),
            ("a\tb\u{a0}c\u{feff}\u{200b}d \n", "a b c  d"),
            ("\u{202e}abc", "\\u{202e}abc"),
            ("\u{1f468}\u{200d}\u{1f469}", "\u{1f468}\u{200d}\u{1f469}"),
        ] {
            assert_eq!(in_one_line(text), expected);
        }
        assert_eq!(comment(2, &["a".to_owned()]), "/** a */");
        assert_eq!(comment(2, &["a", "", "b"].map(str::to_owned)), "/**\n   * a\n   *\n   * b\n   */");
    }
}
