//! Owns both output streams.

use std::{
    fmt::Display,
    io::{self, Write},
};

use owo_colors::OwoColorize as _;
use serde::Serialize;

use super::json;
use crate::error::CommandError;

/// What a command has to say, in both forms. The JSON form is part of the interface: fields are added, never changed.
pub trait Report: Serialize {
    /// For a person, with a line feed at its end.
    fn text(&self) -> String;
}

/// Prints. Failing to print (a closed pipe) is no failure of a command, so nothing here returns an error.
#[derive(Clone, Copy, Debug)]
pub struct Printer {
    json: bool,
    verbose: bool,
    /// A command inside a rehearsal: it is shown to the person, and the machine only wants the end.
    practising: bool,
}

impl Printer {
    /// A printer as the flags want it.
    #[must_use]
    pub fn new(json: bool, verbose: bool) -> Self {
        Self { json, verbose, practising: false }
    }

    /// Whether `-v` was said.
    #[must_use]
    pub fn is_verbose(self) -> bool {
        self.verbose
    }

    /// Whether stdout belongs to a machine.
    #[must_use]
    pub fn is_json(self) -> bool {
        self.json
    }

    /// A printer for commands inside a rehearsal.
    #[must_use]
    pub fn practising(self) -> Self {
        Self { practising: true, ..self }
    }

    /// Prints what belongs to the course of a rehearsal: to a person's stdout, or beside a machine's.
    pub fn aside(self, text: impl Display) {
        let text = text.to_string();
        if self.json { Self::say(&text) } else { self.data(&text) }
    }

    /// Prints the result of a command.
    pub fn show(self, report: &impl Report) {
        if self.practising {
            return self.aside(report.text());
        }
        let text = if self.json { json::document(report) } else { report.text() };
        self.data(&text);
    }

    /// Prints text that is the same in both forms (a JSON Schema).
    pub fn data(self, text: &str) {
        let mut out = anstream::stdout().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    /// Says something on the way.
    pub fn talk(self, text: impl Display) {
        Self::say(&format!("{text}\n"));
    }

    /// Says something that the operator should not miss.
    pub fn note(self, text: impl Display) {
        Self::say(&format!("{} {text}\n", "note:".yellow().bold()));
    }

    /// Prints an error: once, here, and nowhere else.
    pub fn error(self, error: &CommandError) {
        Self::say(&rendered(error));
        if self.json {
            #[derive(Serialize)]
            struct Document<'a> {
                error: &'a CommandError,
            }
            self.data(&json::document(&Document { error }));
        }
    }

    fn say(text: &str) {
        let mut err = anstream::stderr().lock();
        let _: io::Result<()> = err.write_all(text.as_bytes());
    }
}

fn rendered(error: &CommandError) -> String {
    let mut text = format!("{} {}\n", "error:".red().bold(), error.heading);
    for because in &error.because {
        text += &format!("  because: {because}\n");
    }
    for finding in &error.findings {
        text += &format!("  {finding}\n");
    }
    for hint in &error.hints {
        text += &format!("{} {hint}\n", "hint:".green().bold());
    }
    text
}
