//! What an emitted package must do, against a server that is controlled from here.

mod cache;
mod files;
mod mock;
mod outage;
mod printing;
mod refused;
mod starting;
mod values;
