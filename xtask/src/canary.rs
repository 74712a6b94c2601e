//! Searches what a test run wrote for the run's canary: a word that stands in every value that tests make up. REQ OPS-1.
//!
//! The canary is new in each run and is handed to tests by a variable, so it can stand nowhere by right.

use std::{
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::{Context as _, Result, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};

/// The forms in which one canary can show.
#[derive(Clone, Debug)]
pub(crate) struct Canary {
    word: String,
    forms: Vec<(&'static str, String)>,
}

impl Canary {
    /// A canary that has never been used.
    pub(crate) fn fresh() -> Self {
        let random = uuid::Uuid::new_v4().simple().to_string();
        Self::of(format!("CANARY-{}", random.get(..8).unwrap_or(&random)))
    }

    fn of(word: String) -> Self {
        let hex: String = word.bytes().map(|byte| format!("{byte:02x}")).collect();
        let mut forms = vec![("as it is", word.clone()), ("in hexadecimal", hex.to_uppercase()), ("in hexadecimal", hex)];
        for before in 0..3 {
            let base64 = base64_after(before, word.as_bytes());
            let base64url = base64.replace('+', "-").replace('/', "_");
            forms.extend([("in base64", base64), ("in base64url", base64url)]);
        }
        Self { word, forms }
    }

    /// The word that tests put into values.
    pub(crate) fn word(&self) -> &str {
        &self.word
    }

    /// In which form the canary stands in these bytes.
    fn form_in(&self, bytes: &[u8]) -> Option<&'static str> {
        // Every form is ASCII, which survives this; and the search in `str` is an optimised one in any profile.
        let text = String::from_utf8_lossy(bytes);
        self.forms.iter().find(|(_, form)| text.contains(form.as_str())).map(|(name, _)| *name)
    }

    /// Searches all files below `folder` that `counts`, and says how many they were; a find is an error that names the files.
    pub(crate) fn search(&self, folder: &Path, counts: &dyn Fn(&Path, &fs::Metadata) -> bool) -> Result<usize> {
        let mut files = Vec::new();
        walk(folder, counts, &mut files)?;
        let mut found = Vec::new();
        for file in &files {
            let bytes = fs::read(file).with_context(|| file.display().to_string())?;
            if let Some(form) = self.form_in(&bytes) {
                found.push(format!("  {form} in {}", file.display()));
            }
        }
        ensure!(found.is_empty(), "a value that a test made up was written out:\n{}", found.join("\n"));
        Ok(files.len())
    }
}

/// For [`Canary::search`]: what was written since then.
pub(crate) fn since(start: SystemTime) -> impl Fn(&Path, &fs::Metadata) -> bool {
    move |_, metadata| metadata.is_dir() || metadata.modified().is_ok_and(|time| time >= start)
}

/// What base64 makes of these bytes wherever they stand `before` bytes (0 to 2) after a group's beginning, without the characters at
/// both ends that depend on what is around them.
fn base64_after(before: usize, bytes: &[u8]) -> String {
    let padded = [vec![0; before], bytes.to_vec()].concat();
    let encoded = STANDARD_NO_PAD.encode(&padded);
    // Each character stands for six bits.
    let (first, last) = ((before * 8).div_ceil(6), padded.len() * 8 / 6);
    encoded.get(first..last).unwrap_or_default().to_owned()
}

fn walk(folder: &Path, counts: &dyn Fn(&Path, &fs::Metadata) -> bool, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
        if !counts(&path, &metadata) {
            continue;
        }
        if metadata.is_dir() {
            walk(&path, counts, files)?;
        } else if metadata.is_file() {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use base64::engine::general_purpose::{STANDARD, URL_SAFE};

    use super::*;

    fn anything(_: &Path, _: &fs::Metadata) -> bool {
        true
    }

    #[test]
    fn every_form_is_found_wherever_it_stands() {
        let canary = Canary::of("CANARY-7f3a91cd".into());
        for before in 0..7 {
            let text = [&b"\xff\xfe\x00\x01\x02\x03\x04"[..before], b"CANARY-7f3a91cd-and-more"].concat();
            assert!(canary.form_in(&text).is_some(), "as it is after {before}");
            for encoded in [STANDARD.encode(&text), URL_SAFE.encode(&text)] {
                assert!(canary.form_in(encoded.as_bytes()).is_some_and(|form| form.contains("base64")), "{encoded}");
            }
            let hex: String = text.iter().map(|byte| format!("{byte:02X}")).collect();
            assert_eq!(canary.form_in(hex.as_bytes()), Some("in hexadecimal"));
        }
    }

    #[test]
    fn another_canary_is_not_found() {
        assert_eq!(Canary::of("CANARY-7f3a91cd".into()).form_in(b"CANARY-00000000"), None);
        assert_ne!(Canary::fresh().word(), Canary::fresh().word());
    }

    #[test]
    fn a_find_names_the_file_and_not_the_value() {
        let folder = tempfile::tempdir().unwrap();
        let canary = Canary::fresh();
        fs::create_dir(folder.path().join("below")).unwrap();
        for (name, text) in [("clean", "nothing"), ("below/ledger", &format!("x{}-tail", canary.word()))] {
            fs::File::create(folder.path().join(name)).unwrap().write_all(text.as_bytes()).unwrap();
        }
        let error = canary.search(folder.path(), &anything).unwrap_err().to_string();
        assert!(error.contains("below/ledger") && !error.contains("clean") && !error.contains(canary.word()), "{error}");
        let not_below = |path: &Path, _: &fs::Metadata| !path.ends_with("below");
        assert_eq!(canary.search(folder.path(), &not_below).unwrap(), 1);
    }
}
