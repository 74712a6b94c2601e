//! `migrate eso import | emit | diff`

pub(super) mod diff;
pub(super) mod emit;
pub(super) mod import;
mod sources;
