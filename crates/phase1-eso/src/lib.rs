//! External Secrets Operator: what each version knows, and the manifests that `migrate` emits for it. Pure; the cluster's side follows.

pub mod crds;
pub mod emit;
pub mod table;
pub mod version;
pub mod yaml;
