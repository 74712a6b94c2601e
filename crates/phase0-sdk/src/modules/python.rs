//! Modules in Python: a package in the `src` layout, formatted as ruff does with the settings that it brings.
//!
//! Nothing is emitted that the length of a name could make ruff break or join: what could be on one line has a comma at its end where it is
//! not, and the longest line of code is shorter than the package's own `line-length`.

#[cfg(test)]
mod tests;

use askama::Template;

use super::{Comments, EmittedText, Module, ModuleContent, ModuleSecret, Refused, words};

/// What the parts of a package import. A package that is called so would stand in the way of its own imports.
const IMPORTED: &str = "\
    base64 binascii botocore collections concurrent dataclasses datetime functools hashlib hmac \
    json logging os pathlib random re secrets ssl threading time typing";

/// `keyword.kwlist` of Python 3.11 to 3.14, those in lower case.
const KEYWORDS: &str = "\
    and as assert async await break class continue def del elif else except finally for from global if import in is lambda \
    nonlocal not or pass raise return try while with yield";

/// The names of `builtins` that are in lower case; without those that only an interactive Python has.
const BUILTINS: &str = "\
    abs aiter all anext any ascii bin bool breakpoint bytearray bytes callable chr classmethod compile complex delattr dict \
    dir divmod enumerate eval exec filter float format frozenset getattr globals hasattr hash hex id input int isinstance \
    issubclass iter len list locals map max memoryview min next object oct open ord pow print property range repr reversed \
    round set setattr slice sorted staticmethod str sum super tuple type vars zip";

/// What else can't be a method or a field: the letter that looks like a digit (E741 of ruff).
const MORE: &str = "l self";

/// Methods of every `Secrets`; `open` is a builtin already.
const METHODS: &str = "refresh stale";

/// What a type can't be called: what the package itself has, words of Python, and letters that look like digits (E742 of ruff).
const TYPES: &str = "False I None O SecretBytes SecretText Secrets SecretsError SettingsError Stale True";

/// The names of `builtins` that look like a type of ours: its errors and two constants.
const BUILTIN_TYPES: &str = "\
    ArithmeticError AssertionError AttributeError BaseException BaseExceptionGroup BlockingIOError BrokenPipeError \
    BufferError BytesWarning ChildProcessError ConnectionAbortedError ConnectionError ConnectionRefusedError \
    ConnectionResetError DeprecationWarning EOFError Ellipsis EncodingWarning EnvironmentError Exception ExceptionGroup \
    FileExistsError FileNotFoundError FloatingPointError FutureWarning GeneratorExit IOError ImportError ImportWarning \
    IndentationError IndexError InterruptedError IsADirectoryError KeyError KeyboardInterrupt LookupError MemoryError \
    ModuleNotFoundError NameError NotADirectoryError NotImplemented NotImplementedError OSError OverflowError \
    PendingDeprecationWarning PermissionError ProcessLookupError PythonFinalizationError RecursionError ReferenceError \
    ResourceWarning RuntimeError RuntimeWarning StopAsyncIteration StopIteration SyntaxError SyntaxWarning SystemError \
    SystemExit TabError TimeoutError TypeError UnboundLocalError UnicodeDecodeError UnicodeEncodeError UnicodeError \
    UnicodeTranslateError UnicodeWarning UserWarning ValueError Warning ZeroDivisionError";

/// Characters that turn the direction of what follows or can't be seen: source code that holds one need not be what it looks like.
const HIDDEN: [char; 20] = [
    '\u{ad}', '\u{61c}', '\u{180e}', '\u{200b}', '\u{200e}', '\u{200f}', '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}',
    '\u{202e}', '\u{2060}', '\u{2061}', '\u{2062}', '\u{2063}', '\u{2064}', '\u{2066}', '\u{2067}', '\u{2068}', '\u{2069}',
];

/// The files of a module.
pub(super) fn files(module: &Module) -> Result<Vec<EmittedText>, Vec<Refused>> {
    let package = package(module).map_err(|refused| vec![refused])?;
    let secrets: Vec<Named<'_>> = module.secrets().iter().map(Named::of).collect();
    let mut exported: Vec<String> = TYPES.split(' ').filter(|name| name.starts_with('S')).map(ToString::to_string).collect();
    exported.extend(secrets.iter().filter(|secret| secret.has_type()).map(|secret| secret.type_name.clone()));
    exported.sort();
    let application = lines(module.application()).join(" ");
    let accessors = Accessors {
        application: documented(&application),
        application_literal: literal(module.application()),
        package: &package,
        has_properties: secrets.iter().any(Named::has_type),
        exported: &exported,
        secrets: &secrets,
    };
    let project = Project {
        distribution: package.replace('_', "-"),
        description: basic_string(&format!("The secrets of {application}, by name.")),
        package: &package,
    };
    let file = |path: String, text: String| EmittedText { path, text, comments: Comments::Hash };
    // A template's last line feed is not rendered.
    let rendered = |text: Result<String, askama::Error>| {
        text.map(|text| text + "\n").map_err(|_| vec![Refused::Unrendered { module: module.package().join("-") }])
    };
    Ok(vec![
        file("pyproject.toml".to_owned(), rendered(project.render())?),
        file(format!("src/{package}/__init__.py"), rendered(accessors.render())?),
        file(format!("src/{package}/_runtime.py"), include_str!("../../modules/python/runtime.py").to_owned()),
        file(format!("src/{package}/mock.py"), include_str!("../../modules/python/mock.py").to_owned()),
        file(format!("src/{package}/py.typed"), "# Type checkers look for this file: the package has types.\n".to_owned()),
    ])
}

/// The name by which the package is imported: what was asked for, with `_` for `-`, or the words of the application.
fn package(module: &Module) -> Result<String, Refused> {
    let name = module.wanted_package().map_or_else(|| words::snake(&module.package()), |wanted| wanted.replace('-', "_"));
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase());
    let is_plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_') && !name.ends_with('_');
    let is_free = !is_among(&name, &[KEYWORDS, IMPORTED]);
    if begins && is_plain && is_free {
        return Ok(name);
    }
    let rule = if begins && is_plain {
        "a keyword, or a package that is itself imported, can't be its name; say another with `--package`"
    } else {
        "lower case letters, digits and `_` between them, and a letter at its beginning"
    };
    Err(Refused::Package { package: module.wanted_package().map_or(name, str::to_owned), rule })
}

#[derive(Template)]
#[template(path = "python/__init__.py.jinja", escape = "none")]
struct Accessors<'m> {
    application: String,
    application_literal: String,
    package: &'m str,
    has_properties: bool,
    exported: &'m [String],
    secrets: &'m [Named<'m>],
}

#[derive(Template)]
#[template(path = "python/pyproject.toml.jinja", escape = "none")]
struct Project<'m> {
    distribution: String,
    description: String,
    package: &'m str,
}

/// A secret as Python calls it. Texts that are quoted are literals, with their quotes.
struct Named<'m> {
    id: &'m str,
    /// Description and owner, line by line.
    said: Vec<String>,
    accessor: String,
    /// Without the underscore at its beginning.
    constant: String,
    /// What the accessor returns.
    type_name: String,
    folder: String,
    held: Held,
}

/// What a secret holds, as Python makes it.
enum Held {
    Whole { key: String, make: &'static str },
    Properties(Vec<Field>),
}

struct Field {
    name: String,
    doc: String,
    property: String,
    key: String,
}

impl<'m> Named<'m> {
    fn of(secret: &'m ModuleSecret) -> Self {
        let (type_name, held) = match &secret.content {
            ModuleContent::Text { key } => ("SecretText".to_owned(), Held::Whole { key: literal(key), make: "_runtime.text" }),
            ModuleContent::Binary { key } => ("SecretBytes".to_owned(), Held::Whole { key: literal(key), make: "SecretBytes" }),
            ModuleContent::Properties(fields) => {
                let fields = fields.iter().map(|field| Field {
                    name: free(words::snake(&field.words), &[KEYWORDS, BUILTINS, MORE]),
                    doc: documented(&lines(&field.property).join(" ")),
                    property: literal(&field.property),
                    key: literal(&field.key),
                });
                (free(words::pascal(&secret.words), &[TYPES, BUILTIN_TYPES]), Held::Properties(fields.collect()))
            }
        };
        let mut said = secret.description.as_deref().map(lines).unwrap_or_default();
        if let Some(owner) = &secret.owner {
            if !said.is_empty() {
                said.push(String::new());
            }
            said.push(format!("Owner: {}", lines(owner).join(" ")));
        }
        Self {
            id: &secret.id,
            said,
            accessor: free(words::snake(&secret.words), &[KEYWORDS, BUILTINS, MORE, METHODS]),
            constant: words::snake(&secret.words).to_ascii_uppercase(),
            type_name,
            folder: literal(&secret.folder),
            held,
        }
    }

    fn has_type(&self) -> bool {
        matches!(self.held, Held::Properties(_))
    }

    /// What stands between the quotes of its documentation: on one line where there is no more than its name.
    fn doc(&self, indent: &str) -> String {
        if self.said.is_empty() {
            return self.id.to_owned();
        }
        let mut text = format!("{}\n", self.id);
        for line in std::iter::once("").chain(self.said.iter().map(String::as_str)) {
            if !line.is_empty() {
                text.push_str(indent);
            }
            text.push_str(&documented(line));
            text.push('\n');
        }
        text + indent
    }
}

/// A name, with an underscore at its end where it is taken.
fn free(name: String, taken: &[&str]) -> String {
    if is_among(&name, taken) { name + "_" } else { name }
}

/// Whether a name is in one of the lists, in which blanks stand between names.
fn is_among(name: &str, lists: &[&str]) -> bool {
    lists.iter().flat_map(|names| names.split(' ')).any(|one| one == name)
}

/// The lines of a text, without blanks around them and without what would be seen otherwise than it is read.
fn lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in text.split(['\n', '\u{2028}', '\u{2029}']) {
        let line: String = line.chars().filter(|c| !HIDDEN.contains(c) && *c != '\u{feff}').collect();
        let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        // Empty lines part paragraphs, one each.
        if !line.is_empty() || lines.last().is_some_and(|last| !last.is_empty()) {
            lines.push(line);
        }
    }
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

/// A line for documentation: nothing in it ends the string or begins an escape.
fn documented(line: &str) -> String {
    line.replace('\\', r"\\").replace(r#"""""#, r#"\"\"\""#)
}

/// A Python literal, in the quotes that ruff chooses: double ones, unless single ones leave less to escape.
fn literal(text: &str) -> String {
    let quote = if text.matches('"').count() > text.matches('\'').count() { '\'' } else { '"' };
    let mut literal = String::from(quote);
    for c in text.chars() {
        match c {
            '\n' => literal.push_str(r"\n"),
            '\t' => literal.push_str(r"\t"),
            '\\' => literal.push_str(r"\\"),
            _ if c == quote => literal.extend(['\\', c]),
            ' '..='~' => literal.push(c),
            _ if c.is_alphanumeric() => literal.push(c),
            _ => literal.push_str(&match u32::from(c) {
                code @ 0..=0xff => format!(r"\x{code:02x}"),
                code @ 0x100..=0xffff => format!(r"\u{code:04x}"),
                code => format!(r"\U{code:08x}"),
            }),
        }
    }
    literal.push(quote);
    literal
}

/// A basic string of TOML, of a text that [`lines`] made.
fn basic_string(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', r"\\").replace('"', r#"\""#))
}
