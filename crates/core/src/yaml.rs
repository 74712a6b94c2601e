//! YAML as this tool writes it: deterministic, and read alike by parsers of YAML 1.1 and 1.2. Reading is another matter.

use serde::{Serialize, Serializer};

/// The text of a value, with a line feed at its end.
#[must_use]
pub fn to_yaml(value: &impl Serialize) -> String {
    let options = serde_saphyr::ser_options! {
        // Without it, quoting follows YAML 1.1 too, whose parsers read `on`, `1e3` or `12:30` as something else than text.
        yaml_12: false,
        no_lang_directive: true,
        prefer_block_scalars: false,
        compact_list_indent: true,
    };
    let mut text = String::new();
    // Writing to a string fails for no reason that these types could give.
    let written = serde_saphyr::to_fmt_writer_with_options(&mut text, value, options);
    debug_assert!(written.is_ok(), "our types can be written");
    text
}

/// A text that is written as a block (`|`) where it has several lines and a block holds it exactly, else quoted where it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockText<'a>(pub &'a str);

impl Serialize for BlockText<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if fits_block(self.0) { serde_saphyr::LitStr(self.0).serialize(serializer) } else { serializer.serialize_str(self.0) }
    }
}

/// Whether a block is sure to be read back as it was, by every parser and after editors: no blanks at line ends, nothing to indent by, no
/// character that some parser takes for a line break.
fn fits_block(text: &str) -> bool {
    let plain = |c: char| c == '\n' || c == ' ' || c.is_ascii_graphic() || (c.is_alphanumeric() && !c.is_ascii());
    let body = text.strip_suffix('\n').unwrap_or(text);
    body.contains('\n')
        && !body.starts_with([' ', '\n'])
        && !body.ends_with('\n')
        && text.chars().all(plain)
        && body.split('\n').all(|line| !line.ends_with(' '))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn written(text: &str) -> String {
        to_yaml(&BTreeMap::from([("a", BlockText(text))]))
    }

    #[test]
    fn several_lines_are_a_block_and_what_looks_like_something_else_is_quoted() {
        assert_eq!(written("one\ntwo\n"), "a: |\n  one\n  two\n");
        assert_eq!(written("one\n\n  two"), "a: |-\n  one\n\n    two\n");
        assert_eq!(written("{{ .a }}\n"), "a: \"{{ .a }}\\n\"\n");
        for text in
            ["on", "y", "1e3", "12:30", "0o7", "010", "~", "null", "", " a", "a ", "0x1", ".5", "1_000", "=", "<<", "a: b", "- a"]
        {
            assert!(written(text).contains(['"', '\'']), "{text}");
        }
        for text in [" a\nb", "a \nb", "a\tb\nc", "a\n\n", "\na", "a\u{85}\nb", "a\rb\nc"] {
            assert!(!written(text).contains('|'), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn every_text_is_read_back_as_it_was(text in "([ -~]{0,12}\n?){0,4}|\\PC{0,20}") {
            let back: BTreeMap<String, String> = serde_saphyr::from_str(&written(&text)).unwrap();
            prop_assert_eq!(&back["a"], &text);
        }
    }
}
