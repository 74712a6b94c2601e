//! Awkward input: names, values, states and configurations as real estates have them. Each gives the right result, or one clear error with a
//! typed reason; nothing panics, and nothing is changed in silence.
//!
//! Every case is a row of a table: one wave carries them all. The same table runs on the real servers and on the embedded ones.

mod config;
mod names;
mod states;
mod values;

use serde_json::Value;

use crate::support::{Whole, Workbench};

const DONE: i32 = 0;
const BLOCKED: i32 = 3;
const INCOMPLETE: i32 = 4;
const VIOLATION: i32 = 5;
const LEDGER_CODE: i32 = 6;
const USAGE: i32 = 64;

const LEDGER: &str = "migrate/test/ledger.jsonl";

/// To the end, with consumers that nobody switches here.
const COMMIT: [&str; 3] = ["apply", "--through", "commit"];

/// Runs a command with `--json`; what it says is data.
#[track_caller]
fn told(bench: &Workbench, arguments: &[&str], code: i32) -> Value {
    let whole = bench.migrate(&[arguments, &["--json"]].concat()).expect_code(code);
    json_of(&whole)
}

#[track_caller]
fn json_of(whole: &Whole) -> Value {
    assert!(!whole.stderr.contains("panicked"), "{whole}");
    serde_json::from_str(&whole.stdout).unwrap_or_else(|_| panic!("no JSON\n{whole}"))
}

/// The typed reason of a command that must fail, which also says the next command.
#[track_caller]
fn refused(bench: &Workbench, arguments: &[&str], code: i32) -> Value {
    let told = told(bench, arguments, code);
    assert!(!told["error"]["hints"].as_array().is_none_or(Vec::is_empty), "no next command: {told:#}");
    told["error"].clone()
}

/// What is wrong with the rows of a table, so that one run tells all of them.
#[derive(Default)]
struct Problems(Vec<String>);

impl Problems {
    fn unless(&mut self, is_right: bool, problem: impl FnOnce() -> String) {
        if !is_right {
            self.0.push(problem());
        }
    }

    #[track_caller]
    fn none(self) {
        assert!(self.0.is_empty(), "{} problems:\n{}", self.0.len(), self.0.join("\n"));
    }
}

/// What a plan says of those that can't go on: by name, without the name.
fn waiting(planned: &Value) -> std::collections::BTreeMap<String, Value> {
    let waiting = planned["plan"]["waiting"].as_array().into_iter().flatten();
    waiting
        .map(|waiting| {
            let mut obstacle = waiting.clone();
            obstacle.as_object_mut().expect("an object").remove("name");
            (waiting["name"].as_str().expect("a name").to_owned(), obstacle)
        })
        .collect()
}
