//! The module in this language.
