//! Declaring principals that were found.

use std::collections::{BTreeMap, BTreeSet};

use super::{Inventory, entry::KnownPrincipal};
use crate::name::SecretName;

impl Inventory {
    /// The inventory with these principals declared, by the secrets' names in it, behind those that are.
    #[must_use]
    pub fn with_principals(&self, more: &BTreeMap<SecretName, BTreeSet<KnownPrincipal>>) -> Self {
        let mut secrets = self.secrets.clone();
        for secret in &mut secrets {
            for principal in more.get(&secret.name).into_iter().flatten() {
                if !secret.principals.contains(principal) {
                    secret.principals.push(principal.clone());
                }
            }
        }
        Self::of(self.external_secrets.clone(), secrets)
    }
}
