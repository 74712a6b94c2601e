//! The emulators and the proxy through real sockets.

#[cfg(test)]
mod client;
#[cfg(test)]
mod kv2;
#[cfg(test)]
mod proxy;
#[cfg(test)]
mod secrets_manager;
#[cfg(test)]
mod world;
