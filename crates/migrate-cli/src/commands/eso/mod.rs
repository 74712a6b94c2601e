//! `migrate eso emit`

pub(super) mod emit;
mod sources;
