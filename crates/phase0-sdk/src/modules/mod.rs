//! Typed modules: one small package through which one application reads its secrets (REQ SDK-1, SDK-2). Pure: the same inventory gives the
//! same text, to the byte.
//!
//! ```text
//! inventory ──► Module (names, words, contents, mounted files; in no language yet)
//!                 └──► python, typescript, go, rust: identifiers and rendering ──► texts
//!                                                          ▲
//!                       modules/<language>/: the runtime, word for word, and templates
//! ```
//!
//! What a module does at run time is the same in every language; `docs/sdk-modules.md` says what. A module holds names, never a value.

mod build;
mod go;
mod python;
mod refused;
mod rust;
mod typescript;
mod words;

#[cfg(test)]
mod tests;

use std::{fmt, str::FromStr};

pub use self::{
    build::{Module, ModuleContent, ModuleField, ModuleSecret},
    refused::Refused,
};

/// A file of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmittedText {
    /// Where, relative to the module's folder.
    pub path: String,
    /// Its text, with a line feed at its end.
    pub text: String,
    /// How comments are written in it.
    pub comments: Comments,
}

/// How comments are written in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comments {
    /// `#` up to the end of the line.
    Hash,
    /// `//` up to the end of the line.
    Slashes,
    /// Not at all: the file is one JSON object, written over several lines.
    JsonObject,
}

/// A language that modules are emitted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    /// TypeScript, for Node.js.
    TypeScript,
    /// Python.
    Python,
    /// Go.
    Go,
    /// Rust.
    Rust,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::TypeScript, Self::Python, Self::Go, Self::Rust];

    /// As it is written on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TypeScript => "typescript",
            Self::Python => "python",
            Self::Go => "go",
            Self::Rust => "rust",
        }
    }

    /// The files of a module in this language, in the order of their paths.
    ///
    /// # Errors
    /// Every [`Refused`].
    pub fn files(self, module: &Module) -> Result<Vec<EmittedText>, Vec<Refused>> {
        match self {
            Self::TypeScript => typescript::files(module),
            Self::Python => python::files(module),
            Self::Go => go::files(module),
            Self::Rust => rust::files(module),
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text names none of the languages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("modules are emitted in typescript, python, go and rust")]
pub struct UnknownLanguage;

impl FromStr for Language {
    type Err = UnknownLanguage;

    /// As people write it in an inventory: `Python`, `golang`, `TypeScript`.
    fn from_str(text: &str) -> Result<Self, UnknownLanguage> {
        match text.to_ascii_lowercase().as_str() {
            "typescript" | "ts" => Ok(Self::TypeScript),
            "python" => Ok(Self::Python),
            "go" | "golang" => Ok(Self::Go),
            "rust" => Ok(Self::Rust),
            _ => Err(UnknownLanguage),
        }
    }
}
