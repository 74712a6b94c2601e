//! Why no module can be made.

use migrate_core::name::SecretName;

use super::words;

/// Why no module can be made of an inventory for an application.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Two secrets would be called the same.
    #[error("{first} and {second} would both be called `{}`; give one of them an `accessor` below its consumer", words::snake(.words))]
    SameAccessor {
        /// One.
        first: SecretName,
        /// The other.
        second: SecretName,
        /// What they would be called.
        words: Vec<String>,
    },
    /// Nothing of the name can be in an identifier, or too much of it.
    #[error("{name}: its name makes no accessor of 1 to 60 letters; give it an `accessor` below its consumer")]
    NoAccessor {
        /// Of which secret.
        name: SecretName,
    },
    /// Two consumers of one application name different accessors.
    #[error("{name}: the application's consumers name two accessors; keep one")]
    TwoAccessors {
        /// Of which secret.
        name: SecretName,
    },
    /// Two properties would be called the same.
    #[error("{name}: the properties `{first}` and `{second}` would both be called `{}`; declare one of them", words::snake(.words))]
    SameField {
        /// Of which secret.
        name: SecretName,
        /// One.
        first: String,
        /// The other.
        second: String,
        /// What they would be called.
        words: Vec<String>,
    },
    /// Nothing of the property's name can be in an identifier, or too much of it.
    #[error("{name}: the property `{property}` makes no field of 1 to 60 letters; leave it out of `content`")]
    NoField {
        /// Of which secret.
        name: SecretName,
        /// The property.
        property: String,
    },
    /// A package of this name can't be.
    #[error("`{package}` is no name for a package in this language: {rule}")]
    Package {
        /// The name.
        package: String,
        /// What holds.
        rule: &'static str,
    },
    /// A template can't be filled, which is a fault of ours.
    #[error("the template for {module} can't be filled")]
    Unrendered {
        /// Whose module.
        module: String,
    },
}
