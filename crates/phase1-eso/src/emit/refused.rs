//! Why a manifest is not made.

use migrate_core::name::SecretName;

use crate::version::EsoVersion;

/// One reason why an object is not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{object}: {what}")]
pub struct Refusal {
    /// The object.
    pub object: String,
    /// Why.
    pub what: Refused,
}

/// Why an object is not made. Quotes names of fields, keys and secrets; never a template or another text that may hold a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The version does not have the field.
    #[error("External Secrets Operator {version} has no `{path}`; leave it out, or run a version that has it")]
    NoField {
        /// The field.
        path: String,
        /// The version.
        version: EsoVersion,
    },
    /// The version does not have the word.
    #[error("External Secrets Operator {version} does not take that for `{path}`: it wants {wants}")]
    NoWord {
        /// The field.
        path: String,
        /// The version.
        version: EsoVersion,
        /// What it takes.
        wants: String,
    },
    /// A key that Kubernetes refuses.
    #[error("Kubernetes refuses a key of `{path}`: a key of a Secret has 1 to 253 letters, digits, `-`, `_` and `.`")]
    Key {
        /// Where.
        path: &'static str,
    },
    /// A label that Kubernetes refuses.
    #[error(
        "Kubernetes refuses a label of `{path}`: its value has at most 63 letters, digits, `-`, `_` and `.`, with a letter or digit at both ends"
    )]
    Label {
        /// Where.
        path: &'static str,
    },
    /// A type of Secret without the keys that it must have.
    #[error("a Secret of type {kind} needs the key {key:?}, and neither its template nor its reads give it")]
    MissingKey {
        /// The type.
        kind: String,
        /// The key.
        key: &'static str,
    },
    /// A template that does not parse.
    #[error("the template of {key:?} does not parse: {fault}")]
    Template {
        /// The key.
        key: String,
        /// Why.
        fault: &'static str,
    },
    /// A policy of deletion that does not go with the policy of creation.
    #[error("deletionPolicy {deletion} does not go with creationPolicy {creation}: the operator's webhook refuses it")]
    Policies {
        /// `deletionPolicy`
        deletion: &'static str,
        /// `creationPolicy`
        creation: &'static str,
    },
    /// A name without the prefix that the operator puts before every key.
    #[error("the name of {name} does not begin with the `prefix` of store {store}, which the operator puts before every key")]
    Prefix {
        /// The secret.
        name: SecretName,
        /// The store.
        store: String,
    },
    /// A read that no plan proved.
    #[error(
        "no plan proved how the read of {read} of {name} is spelled for Vault; `migrate plan` looks at the declared reads anew"
    )]
    NotProved {
        /// The secret.
        name: SecretName,
        /// The read.
        read: String,
    },
    /// A `find` with rewrite, whose keys nobody can tell.
    #[error(
        "its `find` has `rewrite`, so it can't be spelled out for Vault; replace it by reads by name, or leave its secrets in Secrets Manager"
    )]
    FindRewritten,
    /// A `find` that no secret declares.
    #[error(
        "it has a `find`, and no secret declares a read `find` of it, so nobody knows what to read from Vault; declare them, or import it again"
    )]
    FindUnknown,
    /// A read `find` of which no key can be made.
    #[error("no key can be made of the name of {name}, which its `find` reaches")]
    FindKey {
        /// The secret.
        name: SecretName,
    },
    /// A ClusterExternalSecret that makes nothing.
    #[error("it says nowhere in which namespaces; declare it below `externalSecrets`, with `cluster`")]
    NoNamespaces,
    /// A ClusterExternalSecret with a store that lives in one namespace.
    #[error(
        "it makes ExternalSecrets in several namespaces, and the store {store} is a SecretStore; make that a ClusterSecretStore"
    )]
    StoreOfOneNamespace {
        /// The store.
        store: String,
    },
}
