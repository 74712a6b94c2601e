//! The name of an environment: part of paths and of plans.

use std::fmt;

use migrate_core::id::WaveName;

/// A name such as `prod`: lower case letters, digits and hyphens, 1 to 40 of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnvironmentName(String);

impl EnvironmentName {
    /// The one that is used where nobody names one.
    #[must_use]
    pub fn default_name() -> Self {
        Self("default".to_owned())
    }

    /// Parses a name. Waves have the same rule, for the same reason: the name becomes part of a file's.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        WaveName::parse(text).ok().map(|_| Self(text.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EnvironmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
