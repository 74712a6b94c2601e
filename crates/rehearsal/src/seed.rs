//! Made-up values, of every kind that a consumer may read: the same ones for the same seed.

use migrate_core::{
    quota::{KV_ENTRY_PROPERTIES, SECRET_VALUE_BYTES},
    value::{SecretBytes, SecretText, SecretValue},
};

/// A kind of value, after what makes it hard to carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A password.
    Text,
    /// A JSON object of strings: user name, password, host.
    Fields,
    /// A JSON object with numbers, booleans and null, among them ones that Go writes differently.
    Numbers,
    /// A JSON object with objects and lists in it.
    Nested,
    /// Keys with dots, and a nested key that reads the same.
    DottedKeys,
    /// A JSON object with one key twice.
    DuplicateKeys,
    /// The empty JSON object.
    EmptyObject,
    /// A JSON list.
    List,
    /// A bare JSON number.
    Number,
    /// Text that begins like JSON and is none.
    AlmostJson,
    /// What a PEM file looks like.
    Pem,
    /// Several lines with CR LF, and a last one without.
    CrLf,
    /// Text with NUL in it.
    Nul,
    /// Letters of many scripts, combining marks, emoji, the line separators.
    Unicode,
    /// Characters that HTML and Go escape.
    Markup,
    /// White space at both ends.
    Spaces,
    /// Every byte once, in some order.
    AllBytes,
    /// Bytes that are text.
    TextInBinary,
    /// The largest text: 65,536 bytes.
    LargestText,
    /// The largest binary: 65,536 bytes.
    LargestBinary,
    /// A JSON object with more keys than an entry of KV v2 should have.
    ManyKeys,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 21] = [
        Self::Text,
        Self::Fields,
        Self::Numbers,
        Self::Nested,
        Self::DottedKeys,
        Self::DuplicateKeys,
        Self::EmptyObject,
        Self::List,
        Self::Number,
        Self::AlmostJson,
        Self::Pem,
        Self::CrLf,
        Self::Nul,
        Self::Unicode,
        Self::Markup,
        Self::Spaces,
        Self::AllBytes,
        Self::TextInBinary,
        Self::LargestText,
        Self::LargestBinary,
        Self::ManyKeys,
    ];

    /// A short name in kebab case, fit for a secret's name.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Fields => "fields",
            Self::Numbers => "numbers",
            Self::Nested => "nested",
            Self::DottedKeys => "dotted-keys",
            Self::DuplicateKeys => "duplicate-keys",
            Self::EmptyObject => "empty-object",
            Self::List => "list",
            Self::Number => "number",
            Self::AlmostJson => "almost-json",
            Self::Pem => "pem",
            Self::CrLf => "cr-lf",
            Self::Nul => "nul",
            Self::Unicode => "unicode",
            Self::Markup => "markup",
            Self::Spaces => "spaces",
            Self::AllBytes => "all-bytes",
            Self::TextInBinary => "text-in-binary",
            Self::LargestText => "largest-text",
            Self::LargestBinary => "largest-binary",
            Self::ManyKeys => "many-keys",
        }
    }
}

/// Bytes of the largest values.
const LARGEST: usize = SECRET_VALUE_BYTES;
/// More than an entry of KV v2 should have.
const MANY_KEYS: usize = KV_ENTRY_PROPERTIES + 50;

/// A value of a kind, that no other seed gives again (but for the kinds that have only one value).
#[must_use]
pub fn made_up(kind: Kind, seed: u64) -> SecretValue {
    let mut random = fastrand::Rng::with_seed(seed ^ (kind as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let word = word(&mut random);
    let text = match kind {
        Kind::Text => word,
        Kind::Fields => format!(r#"{{"username":"app","password":"{word}","host":"db.internal"}}"#),
        Kind::Numbers => format!(
            r#"{{"port":{},"ratio":1.10,"big":12345678901234567890,"exp":1e10,"tls":true,"extra":null,"password":"{word}"}}"#,
            random.u16(..)
        ),
        Kind::Nested => format!(r#"{{"db": {{"host":"h","ports":[1,2,{{"x":"<y>"}}]}}, "password":"{word}", "list":[]}}"#),
        Kind::DottedKeys => format!(r#"{{"db.password":"{word}","db":{{"password":"other-{word}"}},"a.b.c":"1"}}"#),
        Kind::DuplicateKeys => format!(r#"{{"password":"{word}-1","password":"{word}-2"}}"#),
        Kind::EmptyObject => "{}".to_owned(),
        Kind::List => format!(r#"["{word}",1,{{"a":"b"}}]"#),
        Kind::Number => random.u32(..).to_string(),
        Kind::AlmostJson => format!(r#"{{"password": {word}, not json}}"#),
        Kind::Pem => pem(&mut random),
        Kind::CrLf => format!("user=app\r\npassword={word}\r\n\r\nlast line"),
        Kind::Nul => format!("{word}\0after\0"),
        Kind::Unicode => format!("pässwörd-пароль-密碼-كلمة-e\u{301}-\u{1f511}-\u{2028}-\u{2029}-\u{feff}-{word}"),
        Kind::Markup => format!("<a href=\"x?y&z\">{word}</a> \\ ' \" `$()` {{{{ .x }}}}"),
        Kind::Spaces => format!(" \t\n{word}\n\n "),
        Kind::LargestText => {
            let mut text = word;
            text.extend(std::iter::repeat_with(|| random.alphanumeric()).take(LARGEST - text.len()));
            text
        }
        Kind::ManyKeys => {
            let members: Vec<String> = (0..MANY_KEYS).map(|n| format!(r#""key-{n}":"{word}-{n}""#)).collect();
            format!("{{{}}}", members.join(","))
        }
        Kind::AllBytes => {
            let mut bytes: Vec<u8> = (0..=u8::MAX).collect();
            random.shuffle(&mut bytes);
            return SecretValue::Binary(SecretBytes::new(bytes));
        }
        Kind::TextInBinary => return SecretValue::Binary(SecretBytes::new(format!(r#"{{"in":"{word}"}}"#).into_bytes())),
        Kind::LargestBinary => {
            let bytes = std::iter::repeat_with(|| random.u8(..)).take(LARGEST).collect();
            return SecretValue::Binary(SecretBytes::new(bytes));
        }
    };
    SecretValue::Text(SecretText::new(text))
}

fn word(random: &mut fastrand::Rng) -> String {
    std::iter::repeat_with(|| random.alphanumeric()).take(24).collect()
}

/// The look of a PEM file; what is in it is noise.
fn pem(random: &mut fastrand::Rng) -> String {
    let line = |random: &mut fastrand::Rng| -> String { std::iter::repeat_with(|| random.alphanumeric()).take(64).collect() };
    let lines: Vec<String> = (0..24).map(|_| line(random)).collect();
    // In two parts, so that nothing that looks for keys in sources finds one.
    let label = concat!("PRIVATE", " KEY");
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_values_and_another_one_others() {
        for kind in Kind::ALL {
            assert!(made_up(kind, 7) == made_up(kind, 7), "{kind:?}");
            let has_one_value = kind == Kind::EmptyObject;
            assert_eq!(made_up(kind, 7) == made_up(kind, 8), has_one_value, "{kind:?}");
        }
    }

    #[test]
    fn every_value_fits_and_has_the_shape_it_is_named_after() {
        for kind in Kind::ALL {
            let value = made_up(kind, 1);
            assert!(value.expose().len() <= LARGEST, "{kind:?}");
            let is_object = serde_json::from_slice::<serde_json::Value>(value.expose()).is_ok_and(|json| json.is_object());
            use Kind::*;
            let objects =
                [Fields, Numbers, Nested, DottedKeys, DuplicateKeys, EmptyObject, TextInBinary, ManyKeys].contains(&kind);
            assert_eq!(is_object, objects, "{kind:?}");
        }
        assert_eq!(made_up(Kind::LargestText, 1).expose().len(), LARGEST);
        assert_eq!(made_up(Kind::LargestBinary, 1).expose().len(), LARGEST);
    }

    #[test]
    fn slugs_are_distinct() {
        let slugs: std::collections::BTreeSet<_> = Kind::ALL.iter().map(|kind| kind.slug()).collect();
        assert_eq!(slugs.len(), Kind::ALL.len());
    }
}
