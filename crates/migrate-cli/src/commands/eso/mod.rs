//! `migrate eso import | emit | rights | diff | validate | explain`

pub(super) mod diff;
pub(super) mod emit;
pub(super) mod explain;
pub(super) mod import;
pub(super) mod rights;
pub(super) mod sources;
pub(super) mod validate;
