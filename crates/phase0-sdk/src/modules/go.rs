//! Modules in Go.

use super::{EmittedText, Module, Refused};

/// The files of a module.
pub(super) fn files(module: &Module) -> Result<Vec<EmittedText>, Vec<Refused>> {
    Err(vec![Refused::NoTemplate { module: module.package().join("-") }])
}
