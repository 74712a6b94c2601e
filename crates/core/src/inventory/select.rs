//! Choosing secrets by glob.

use globset::GlobBuilder;

use super::{Inventory, Secret};

/// Why a selection fails.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// A pattern that is no glob.
    #[error("`{pattern}` is no pattern: {reason}")]
    Invalid {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A pattern that matches no secret: most likely misspelled, so the selection is not what was meant.
    #[error("`{pattern}` matches no secret of the inventory (`*` stops at `/`, `**` does not)")]
    Unmatched {
        /// The pattern.
        pattern: String,
    },
}

impl Inventory {
    /// The secrets that match any of the patterns by their name or their legacy name, in the order of the file; all of them where there
    /// is no pattern. `*` and `?` stop at `/`; `**`, `[a-z]` and `{a,b}` mean what they mean in a shell.
    ///
    /// # Errors
    /// [`SelectError`] for the first pattern that is none or matches nothing.
    pub fn select<P: AsRef<str>>(&self, patterns: &[P]) -> Result<Vec<&Secret>, SelectError> {
        if patterns.is_empty() {
            return Ok(self.secrets.iter().collect());
        }
        let mut chosen = vec![false; self.secrets.len()];
        for pattern in patterns.iter().map(AsRef::as_ref) {
            let matcher = GlobBuilder::new(pattern)
                .literal_separator(true)
                .build()
                .map_err(|error| SelectError::Invalid { pattern: pattern.to_owned(), reason: error.kind().to_string() })?
                .compile_matcher();
            let mut matches = 0;
            for (secret, chosen) in self.secrets.iter().zip(&mut chosen) {
                if matcher.is_match(secret.name.as_str()) || matcher.is_match(secret.source_name().as_str()) {
                    matches += 1;
                    *chosen = true;
                }
            }
            if matches == 0 {
                return Err(SelectError::Unmatched { pattern: pattern.to_owned() });
            }
        }
        Ok(self.secrets.iter().zip(chosen).filter_map(|(secret, chosen)| chosen.then_some(secret)).collect())
    }
}
