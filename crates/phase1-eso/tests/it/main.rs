//! Tests that need what `cargo xtask test` installs: the CRDs of real releases. They fail, and say how to run them, where it is missing.
// Always true here; it tells clippy that helpers, too, may fail by `expect`.
#![cfg(test)]

mod table;
