//! Every test that needs a real server, in one binary: it is linked once, and `cargo xtask test` starts the servers once for it.
//!
//! A test here fails, and says how to run it, where the servers are missing; it never passes by skipping.
// Always true here; it tells clippy that helpers, too, may fail by `expect`.
#![cfg(test)]

mod awkward;
mod cluster;
mod contract_embedded;
mod contract_incoming;
mod contract_outgoing;
mod eso_emit;
mod eso_kinds;
mod estate;
mod exempt;
mod felt;
mod guides;
mod handover;
mod history;
mod killed;
mod modules;
mod populate;
mod proxied;
mod reconcile;
mod refused;
mod retire;
mod rollback;
mod stack;
mod support;
mod target_states;
mod two_operators;
mod urgent;
mod vault_check;
mod vault_rights;
mod vault_side;
mod way_back;
mod writers;
