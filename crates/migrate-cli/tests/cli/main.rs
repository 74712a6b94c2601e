//! What an operator sees without any server: every run is printed as one whole (stdout, stderr, exit code) and compared as one.

// Always true here; it tells clippy that helpers, too, may fail by `expect`.
#![cfg(test)]

mod bench;
mod configuration;
mod eso_emit;
mod eso_import;
mod eso_validate;
mod help;
mod init;
mod inventory;
mod ledger;
mod principals;
mod rehearse;
mod retire;
mod scan;
mod sdk;
mod stores;
mod vault;
