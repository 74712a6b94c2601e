//! How well the scan does on whole files, which were labelled before it was tuned: precision and recall, printed and held to 0.9.
//!
//! `tests/corpus/README.md` says how files are labelled and how values are made up.

#![cfg(test)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use phase0_sdk::scan::{Format, Scanned, scan};

/// What the issue asks for, of each set and both figures.
const LEAST: f64 = 0.9;

/// A file of the corpus as it is scanned, and the lines that its author labelled.
struct Labelled {
    path: String,
    text: String,
    positive: BTreeSet<u64>,
    negative: BTreeSet<u64>,
    /// Every value that was made up for it.
    made_up: Vec<String>,
}

#[derive(Default)]
struct Score {
    files: usize,
    positives: usize,
    negatives: usize,
    found: usize,
    wrong: Vec<String>,
    missed: Vec<String>,
}

impl Score {
    fn precision(&self) -> f64 {
        self.found as f64 / (self.found + self.wrong.len()) as f64
    }

    fn recall(&self) -> f64 {
        self.found as f64 / self.positives as f64
    }
}

// REQ SDK-6
#[test]
fn precision_and_recall_are_at_least_nine_tenths() {
    let (mut positives, mut negatives) = (0, 0);
    for set in ["tuned", "held-out"] {
        let score = score(set);
        println!(
            "{set}: {} files, {} positives, {} negatives; precision {:.3}, recall {:.3}",
            score.files,
            score.positives,
            score.negatives,
            score.precision(),
            score.recall()
        );
        // What is held out is not looked at while tuning: its figures alone are shown.
        if set == "tuned" || std::env::var_os("SCAN_CORPUS_SHOW").is_some() {
            score.wrong.iter().for_each(|line| println!("  wrong:  {line}"));
            score.missed.iter().for_each(|line| println!("  missed: {line}"));
        }
        assert!(score.precision() >= LEAST && score.recall() >= LEAST, "{set}: below {LEAST}");
        positives += score.positives;
        negatives += score.negatives;
    }
    assert!(positives >= 150 && negatives >= 300, "{positives} positives and {negatives} negatives are too few to judge by");
}

// REQ OPS-1
#[test]
fn nothing_that_comes_out_holds_a_value() {
    for file in ["tuned", "held-out"].into_iter().flat_map(corpus) {
        let shown = format!("{:?}", scanned(&file));
        for value in file.made_up.iter().filter(|value| value.len() >= 8) {
            assert!(!shown.contains(value.as_str()), "{}: {shown}", file.path);
        }
    }
}

/// Every prefix of every file, as if a write was cut off: no panic, and no value.
#[test]
fn a_file_that_ends_anywhere_is_scanned() {
    for file in corpus("tuned") {
        let format = Format::of(&file.path).expect("a known format");
        for (at, _) in file.text.char_indices().step_by(7) {
            let _ = scan(&file.path, format, &file.text[..at]);
        }
    }
}

fn scanned(file: &Labelled) -> Scanned {
    scan(&file.path, Format::of(&file.path).unwrap_or_else(|| panic!("{}: no known format", file.path)), &file.text)
}

fn score(set: &str) -> Score {
    let mut score = Score::default();
    for file in corpus(set) {
        let lines: BTreeMap<u64, String> = scanned(&file)
            .findings
            .into_iter()
            .map(|finding| (finding.at.line, format!("{} ({}, {})", finding.key, finding.kind.slug(), finding.evidence.slug())))
            .collect();
        score.files += 1;
        score.positives += file.positive.len();
        score.negatives += file.negative.len();
        score.found += lines.keys().filter(|line| file.positive.contains(line)).count();
        let of = |line: u64| file.text.lines().nth(line as usize - 1).unwrap_or_default().trim().to_owned();
        let wrong = lines.iter().filter(|(line, _)| !file.positive.contains(line));
        score.wrong.extend(wrong.map(|(line, what)| format!("{}:{line}: {what}: {}", file.path, of(*line))));
        let missed = file.positive.iter().filter(|line| !lines.contains_key(line));
        score.missed.extend(missed.map(|line| format!("{}:{line}: {}", file.path, of(*line))));
    }
    score
}

fn corpus(set: &str) -> Vec<Labelled> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(set);
    let mut files = Vec::new();
    below(&root, &mut files);
    files.sort();
    files.iter().map(|file| labelled(&root, file)).collect()
}

fn below(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the corpus") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { below(&path, files) } else { files.push(path) }
    }
}

fn labelled(root: &Path, file: &Path) -> Labelled {
    let path = file.strip_prefix(root).expect("below the root").to_str().expect("UTF-8").to_owned();
    let mut labelled =
        Labelled { path, text: String::new(), positive: BTreeSet::new(), negative: BTreeSet::new(), made_up: Vec::new() };
    // A seed for each file: adding one leaves the values of the others as they are.
    let mut random = Random(
        labelled.path.bytes().fold(0xcbf2_9ce4_8422_2325, |seed, byte| (seed ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)),
    );
    for (line, number) in fs::read_to_string(file).expect("a file of the corpus").lines().zip(1..) {
        let line = match (line.strip_suffix(" «+»"), line.strip_suffix(" «-»")) {
            (Some(line), _) => {
                labelled.positive.insert(number);
                line
            }
            (_, Some(line)) => {
                labelled.negative.insert(number);
                line
            }
            _ => line,
        };
        labelled.text += &filled(line, &mut random, &mut labelled.made_up);
        labelled.text += "\n";
    }
    labelled
}

/// Fills `⟦alphabet:length⟧` with made-up characters and `⟦base64:text⟧` with the encoded text, the innermost first.
fn filled(line: &str, random: &mut Random, made_up: &mut Vec<String>) -> String {
    let mut line = line.to_owned();
    while let Some(end) = line.find('⟧') {
        let start = line[..end].rfind('⟦').expect("an opening bracket");
        let inside = &line[start + '⟦'.len_utf8()..end];
        let value = match inside.split_once(':') {
            Some(("base64", text)) => STANDARD.encode(text),
            Some((alphabet, length)) => random.text(alphabet, length.parse().expect("a length")),
            None if inside == "uuid" => [8, 4, 4, 4, 12].map(|length| random.text("hex", length)).join("-"),
            None => String::new(),
        };
        made_up.push(value.clone());
        line.replace_range(start..end + '⟧'.len_utf8(), &value);
    }
    line
}

/// SplitMix64 (<https://prng.di.unimi.it/splitmix64.c>): the same values in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn text(&mut self, alphabet: &str, length: usize) -> String {
        const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let characters: Vec<u8> = match alphabet {
            "hex" => b"0123456789abcdef".to_vec(),
            "hexup" => b"0123456789ABCDEF".to_vec(),
            "dig" => b"0123456789".to_vec(),
            "low" => b"abcdefghijklmnopqrstuvwxyz0123456789".to_vec(),
            "up" => b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".to_vec(),
            "b62" => LETTERS.as_bytes()[..62].to_vec(),
            "b64" => LETTERS.as_bytes().to_vec(),
            "b64url" => LETTERS.replace('+', "-").replace('/', "_").into_bytes(),
            other => panic!("no alphabet: {other}"),
        };
        (0..length).map(|_| char::from(characters[(self.next() % characters.len() as u64) as usize])).collect()
    }
}
