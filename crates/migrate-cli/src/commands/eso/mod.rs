//! `migrate eso import | emit | diff | validate | explain`

pub(super) mod diff;
pub(super) mod emit;
pub(super) mod explain;
pub(super) mod import;
pub(super) mod sources;
pub(super) mod validate;
