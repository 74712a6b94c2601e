//! The ledger on disk: what a crash, a second process and a person with an editor can do to it.
// Always true here; it tells clippy that helpers, too, may fail by `unwrap`.
#![cfg(test)]

use std::{fs, path::PathBuf};

use driver::{LedgerError, LedgerFile, ledger_file};
use jiff::Timestamp;
use migrate_core::{
    handover::{Event, RunKind, Runner},
    id::{Epoch, LedgerId, WaveName},
    ledger::{Broken, Tail},
};

struct Place {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("migrate/test/ledger.jsonl");
    Place { _folder: folder, path }
}

fn lead() -> Event {
    let runner = Runner { host: "host".into(), process: 1 };
    Event::Lead { wave: WaveName::parse("w1").unwrap(), run: RunKind::Apply, runner, declared_dead: None }
}

fn created(place: &Place) -> LedgerFile {
    LedgerFile::create(&place.path, LedgerId::new("l"), "me", Timestamp::UNIX_EPOCH).unwrap()
}

fn with_lead(place: &Place) {
    created(place).append(Timestamp::UNIX_EPOCH, "me", Epoch(1), lead()).unwrap();
}

#[test]
fn what_was_appended_is_read_again() {
    let place = place();
    with_lead(&place);
    let (opened, torn) = LedgerFile::open(&place.path, "me").unwrap();
    assert!(!torn);
    assert_eq!(opened.state().epoch, Epoch(1));
    assert_eq!(opened.heads().len(), 2);
}

#[test]
fn a_missing_ledger_is_missing_and_a_second_one_is_refused() {
    let place = place();
    assert!(matches!(LedgerFile::open(&place.path, "me"), Err(LedgerError::Missing(_))));
    drop(created(&place));
    let again = LedgerFile::create(&place.path, LedgerId::new("l2"), "me", Timestamp::UNIX_EPOCH);
    assert!(matches!(again, Err(LedgerError::Exists(_))));
}

// REQ OPS-2: a record cut off at any byte never counted, and everything before it stays.
#[test]
fn a_tail_torn_at_any_byte_is_cut_off() {
    let place = place();
    with_lead(&place);
    let whole = fs::read(&place.path).unwrap();
    let first = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    for cut in first + 1..whole.len() {
        replace(&place, &whole[..cut]);
        let read = ledger_file::read(&place.path).unwrap();
        assert_eq!(read.tail, Tail::Torn { keep: first }, "cut at {cut}");
        let (opened, torn) = LedgerFile::open(&place.path, "me").unwrap();
        assert!(torn);
        assert_eq!(opened.state().epoch, Epoch(0));
        assert_eq!(fs::read(&place.path).unwrap(), whole[..first]);
    }
}

#[test]
fn an_edited_line_a_removed_line_and_a_newer_format_are_told_apart() {
    let place = place();
    with_lead(&place);
    let whole = String::from_utf8(fs::read(&place.path).unwrap()).unwrap();
    let why = |text: &str| {
        replace(&place, text.as_bytes());
        match ledger_file::read(&place.path) {
            Err(LedgerError::Broken { why, .. }) => why,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(why(&whole.replacen("\"me\"", "\"you\"", 1)), Broken::Hash { line: 2 });
    let second = whole.lines().nth(1).unwrap();
    assert_eq!(why(&format!("{second}\n")), Broken::Sequence { line: 1, expected: 0, found: 1 });
    assert_eq!(why(&whole.replacen("\"format\":1", "\"format\":2", 1)), Broken::Newer { line: 1, found: 2 });
    assert!(matches!(why("not json\n"), Broken::NotARecord { line: 1, .. }));
}

// REQ P7: two processes, one writer; the other one is told who it is.
#[test]
fn a_second_writer_is_locked_out_and_a_reader_is_not() {
    let place = place();
    let held = created(&place);
    match LedgerFile::open(&place.path, "you") {
        Err(LedgerError::Locked { holder, .. }) => assert!(holder.starts_with("me, process "), "{holder}"),
        other => panic!("{other:?}"),
    }
    assert!(ledger_file::read(&place.path).is_ok());
    drop(held);
    assert!(LedgerFile::open(&place.path, "you").is_ok());
}

#[test]
fn a_trimmed_record_is_gone_and_the_next_one_takes_its_place() {
    let place = place();
    let mut ledger = created(&place);
    ledger.append(Timestamp::UNIX_EPOCH, "me", Epoch(1), lead()).unwrap();
    ledger.trim_last().unwrap();
    assert_eq!(ledger.state().epoch, Epoch(0));
    ledger.append(Timestamp::UNIX_EPOCH, "me", Epoch(1), lead()).unwrap();
    drop(ledger);
    assert_eq!(ledger_file::read(&place.path).unwrap().records.len(), 2);
}

#[test]
fn a_record_that_the_protocol_forbids_is_not_written() {
    let place = place();
    let mut ledger = created(&place);
    let before = fs::read(&place.path).unwrap();
    let refused = ledger.append(Timestamp::UNIX_EPOCH, "me", Epoch(7), lead());
    assert!(matches!(refused, Err(LedgerError::Refused(_))));
    assert_eq!(fs::read(&place.path).unwrap(), before);
}

#[expect(clippy::disallowed_methods, reason = "stands for a crash or a person with an editor")]
fn replace(place: &Place, bytes: &[u8]) {
    fs::write(&place.path, bytes).unwrap();
}
