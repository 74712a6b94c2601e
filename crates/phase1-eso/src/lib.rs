//! External Secrets Operator: what `migrate` emits for it. Pure; stores, whole manifests and the cluster's side follow.

pub mod emit;
