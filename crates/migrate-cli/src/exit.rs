//! Every exit code, each a documented constant. `docs/exit-codes.md` is generated from [`ALL`].

use serde::Serialize;

/// How a command ended, as a script sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exit {
    /// 0
    Done,
    /// 1
    Unexpected,
    /// 2
    ChangesPending,
    /// 3
    Blocked,
    /// 4
    Incomplete,
    /// 5
    Violation,
    /// 6
    Ledger,
    /// 64
    Usage,
}

/// One row of the table of exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Documented {
    /// The exit.
    pub exit: Exit,
    /// Its name, as `--json` spells it.
    pub name: &'static str,
    /// What it means and what to do, as one sentence.
    pub meaning: &'static str,
}

/// Every exit code in ascending order.
pub const ALL: [Documented; 8] = [
    Documented {
        exit: Exit::Done,
        name: "done",
        meaning: "What was asked for is reached, or there was nothing to do. A plan that was made is done, too.",
    },
    Documented {
        exit: Exit::Unexpected,
        name: "unexpected",
        meaning: "A fault of the tool itself, or of the machine: a file that can't be written, an answer nobody foresaw.",
    },
    Documented {
        exit: Exit::ChangesPending,
        name: "changes-pending",
        meaning: "Nothing is wrong, and something waits: a wave or a plan that is not at its end, files that would be emitted anew, an inventory that an import would change or that differs from the stores, a server that is not as described, credentials that lie in files.",
    },
    Documented {
        exit: Exit::Blocked,
        name: "blocked",
        meaning: "Somebody must mend or decide something first; the typed reason says what. Running the same command again changes nothing.",
    },
    Documented {
        exit: Exit::Incomplete,
        name: "incomplete",
        meaning: "Stopped before the end by something that may pass (interrupted, unreachable, throttled). Run the same command again.",
    },
    Documented {
        exit: Exit::Violation,
        name: "violation",
        meaning: "Somebody else changed what a wave relies on: a fence, a source version or a copy. Look before you go on.",
    },
    Documented {
        exit: Exit::Ledger,
        name: "ledger",
        meaning: "The ledger is locked by another run, missing, torn, corrupt, or not the one that its anchor names; so, too, where it is shared, at its remote.",
    },
    Documented {
        exit: Exit::Usage,
        name: "usage",
        meaning: "What was typed, or stands in migrate.toml or the environment, makes no sense. Nothing was tried.",
    },
];

impl Exit {
    /// The number that the process ends with.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Unexpected => 1,
            Self::ChangesPending => 2,
            Self::Blocked => 3,
            Self::Incomplete => 4,
            Self::Violation => 5,
            Self::Ledger => 6,
            // As sysexits(3) has it: clear of the small numbers that scripts branch on.
            Self::Usage => 64,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_names_codes_as_json_does() {
        assert!(ALL.is_sorted_by(|a, b| a.exit.code() < b.exit.code()));
        for row in ALL {
            assert_eq!(serde_json::to_value(row.exit).unwrap(), row.name);
        }
    }
}
