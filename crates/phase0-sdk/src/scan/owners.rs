//! Who is asked about a credential: what CODEOWNERS says of its file, or the folder that it lies in.

use std::fmt;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// Who may own a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Whom CODEOWNERS names for the file.
    CodeOwners(String),
    /// The folder right below the root, where repositories of many teams have one for each.
    Folder(String),
    /// Nobody is named.
    Unknown,
}

/// A line of CODEOWNERS that can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the pattern on line {line} can't be read")]
pub struct InvalidPattern {
    /// The line, counted from 1.
    pub line: u64,
}

/// The rules of one CODEOWNERS file, in their order. The last that fits counts
/// (<https://docs.github.com/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners>).
#[derive(Debug, Default)]
pub struct Owners {
    rules: Vec<(Gitignore, Vec<String>)>,
}

impl Owners {
    /// Reads a CODEOWNERS file, in GitHub's form or GitLab's with its sections; what can't be read is told beside what can.
    #[must_use]
    pub fn parse(text: &str) -> (Self, Vec<InvalidPattern>) {
        let (mut owners, mut invalid) = (Self::default(), Vec::new());
        for (line, number) in text.lines().zip(1..) {
            let line = line.split(" #").next().unwrap_or_default().trim();
            if line.is_empty() || line.starts_with(['#', '[', '^']) {
                continue;
            }
            let mut words = line.split_whitespace();
            let pattern = words.next().unwrap_or_default();
            let mut builder = GitignoreBuilder::new("");
            match builder.add_line(None, pattern).and_then(|builder| builder.build()) {
                Ok(rule) => owners.rules.push((rule, words.map(str::to_owned).collect())),
                Err(_) => invalid.push(InvalidPattern { line: number }),
            }
        }
        (owners, invalid)
    }

    /// Who owns what lies at a path, relative to the repository.
    #[must_use]
    pub fn of(&self, path: &str) -> Owner {
        let rule = self.rules.iter().rev().find(|(rule, _)| rule.matched_path_or_any_parents(path, false).is_ignore());
        match rule.map(|(_, owners)| owners.as_slice()) {
            Some([]) => Owner::Unknown,
            Some(owners) => Owner::CodeOwners(owners.join(" ")),
            None => match path.split_once('/') {
                Some((folder, _)) if !folder.starts_with('.') => Owner::Folder(folder.to_owned()),
                _ => Owner::Unknown,
            },
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CodeOwners(owners) => f.write_str(owners),
            Self::Folder(folder) => write!(f, "{folder} (by folder)"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_rule_that_fits_counts_and_the_folder_where_none_does() {
        let text = "* @acme/all\n/orders/ @acme/orders @jo # the shop\n[Section]\norders/free/\n";
        let (owners, invalid) = Owners::parse(text);
        assert_eq!(invalid, []);
        assert_eq!(owners.of("orders/.env"), Owner::CodeOwners("@acme/orders @jo".to_owned()));
        assert_eq!(owners.of("billing/.env"), Owner::CodeOwners("@acme/all".to_owned()));
        assert_eq!(owners.of("orders/free/.env"), Owner::Unknown);
        let (none, invalid) = Owners::parse("a[z-b] @x\n");
        assert_eq!(invalid, [InvalidPattern { line: 1 }]);
        assert_eq!(none.of("orders/.env"), Owner::Folder("orders".to_owned()));
        assert_eq!(none.of(".env"), Owner::Unknown);
    }
}
