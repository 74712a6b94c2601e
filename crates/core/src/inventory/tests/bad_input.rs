//! Every kind of bad input with the whole answer: `bad_input.txt` holds texts and what is said about them. A new case is a new paragraph
//! there: `=== title`, the text, `>>>`, the problems.

use super::*;

const CASES: &str = include_str!("bad_input.txt");

#[test]
fn every_problem_is_told_at_its_place() {
    let mut answered = String::new();
    for case in CASES.split("=== ").skip(1) {
        let (title, rest) = case.split_once('\n').unwrap();
        let (text, _) = rest.split_once(">>>\n").unwrap();
        answered.push_str(&format!("=== {title}\n{text}>>>\n{}\n", problems(text)));
    }
    assert!(answered == CASES, "bad_input.txt says something else than this:\n{answered}");
}
