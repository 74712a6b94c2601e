//! `migrate:allow REASON` in a comment: what stands on its line, or on the next one where the comment stands alone, is meant to be there.

use std::collections::BTreeSet;

const MARK: &str = "migrate:allow";

/// How a comment may begin in the formats that are read.
const COMMENTS: [&str; 4] = ["#", "//", ";", "!"];

#[derive(Default)]
pub(super) struct Allows {
    lines: BTreeSet<u64>,
    without_reason: Vec<u64>,
}

impl Allows {
    pub(super) fn of(text: &str) -> Self {
        let mut allows = Self::default();
        for (line, number) in text.lines().zip(1..) {
            let Some((before, reason)) = line.split_once(MARK) else { continue };
            // Within a value it is no comment.
            let Some(before) = COMMENTS.iter().find_map(|comment| before.trim_end().strip_suffix(comment)) else { continue };
            if !reason.chars().any(char::is_alphanumeric) {
                allows.without_reason.push(number);
            } else if before.trim_end_matches(['#', '/', ';', ' ', '\t']).is_empty() {
                allows.lines.insert(number + 1);
            } else {
                allows.lines.insert(number);
            }
        }
        allows
    }

    pub(super) fn covers(&self, line: u64) -> bool {
        self.lines.contains(&line)
    }

    pub(super) fn without_reason(&self) -> impl Iterator<Item = u64> {
        self.without_reason.iter().copied()
    }
}
