//! Forms of texts: lengths and characters that a CRD asks for.

/// What form a text has to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// Any text.
    Any,
    /// Any text but the empty one.
    NotEmpty,
    /// The name of an object: a DNS subdomain of RFC 1123 with up to 253 characters.
    ObjectName,
    /// The name of a namespace: a DNS label of RFC 1123 with up to 63 characters.
    Namespace,
    /// A key of a Secret or ConfigMap: up to 253 letters, digits, `-`, `_` and `.`.
    DataKey,
    /// A schedule of cron with five fields, or one like `@daily`.
    Schedule,
    /// Bytes in base64.
    Base64,
}

impl Form {
    /// The regular expression that a CRD has for it.
    #[must_use]
    pub const fn pattern(self) -> Option<&'static str> {
        Some(match self {
            Self::Any | Self::NotEmpty | Self::Base64 => return None,
            Self::ObjectName => r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
            Self::Namespace => r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
            Self::DataKey => r"^[-._a-zA-Z0-9]+$",
            Self::Schedule => r"^(@(annually|yearly|monthly|weekly|daily|midnight|hourly)|@every [^\s]+.*|[^\s]+( [^\s]+){4})$",
        })
    }

    /// The format that a CRD names for it.
    #[must_use]
    pub const fn format(self) -> Option<&'static str> {
        match self {
            Self::Base64 => Some("byte"),
            _ => None,
        }
    }

    /// The least and the greatest number of characters.
    #[must_use]
    pub const fn length(self) -> (usize, Option<usize>) {
        match self {
            Self::Any | Self::Base64 => (0, None),
            Self::NotEmpty | Self::Schedule => (1, None),
            Self::ObjectName | Self::DataKey => (1, Some(253)),
            Self::Namespace => (1, Some(63)),
        }
    }

    /// What it wants, as the end of a sentence that begins with `expected`.
    #[must_use]
    pub const fn wants(self) -> &'static str {
        match self {
            Self::Any => "a text",
            Self::NotEmpty => "a text that is not empty",
            Self::ObjectName => {
                "a name of at most 253 lower-case letters, digits, `-` and `.`, beginning and ending with a letter or digit"
            }
            Self::Namespace => {
                "a name of at most 63 lower-case letters, digits and `-`, beginning and ending with a letter or digit"
            }
            Self::DataKey => "a key of at most 253 letters, digits, `-`, `_` and `.`",
            Self::Schedule => "a schedule of five fields, or one like `@daily` or `@every 6h`",
            Self::Base64 => "bytes in base64",
        }
    }

    /// Whether a text has this form.
    #[must_use]
    pub fn accepts(self, text: &str) -> bool {
        let (least, most) = self.length();
        let length = text.chars().count();
        let fits = length >= least && most.is_none_or(|most| length <= most);
        fits && match self {
            Self::Any | Self::NotEmpty => true,
            Self::ObjectName => text.split('.').all(is_label),
            Self::Namespace => is_label(text),
            Self::DataKey => text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)),
            Self::Schedule => is_schedule(text),
            Self::Base64 => is_base64(text),
        }
    }
}

fn is_label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let (first, last) = (text.bytes().next(), text.bytes().next_back());
    first.is_some_and(inner) && last.is_some_and(inner) && text.bytes().all(|byte| inner(byte) || byte == b'-')
}

fn is_schedule(text: &str) -> bool {
    // Of regular expressions' white space, which has the vertical tab in it.
    let space = |char: char| char.is_whitespace();
    let named = ["@annually", "@yearly", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"].contains(&text);
    let every =
        text.strip_prefix("@every ").is_some_and(|rest| !rest.starts_with(space) && !rest.is_empty() && !rest.contains('\n'));
    let mut fields = text.split(' ');
    named
        || every
        || (fields.by_ref().take(5).filter(|field| !field.is_empty() && !field.contains(space)).count() == 5
            && fields.next().is_none())
}

fn is_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    text.len().is_multiple_of(4)
        && text.len() - body.len() <= 2
        && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(&byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    proptest! {
        #[test]
        fn a_form_accepts_what_its_pattern_matches(text in "[a-cA-Z0-9._@ \u{b}\n-]{0,8}|@(every )?[a-z0-9 ]{0,7}|([a-z0-9*/]{1,2} ?){4,6}|@daily") {
            for form in [Form::ObjectName, Form::Namespace, Form::DataKey, Form::Schedule] {
                let schema = json!({"type": "string", "pattern": form.pattern(), "minLength": form.length().0});
                let matches = jsonschema::validator_for(&schema).unwrap().is_valid(&json!(text));
                prop_assert_eq!(form.accepts(&text), matches, "{:?} {:?}", form, text);
            }
        }
    }

    #[test]
    fn bounds_are_those_of_kubernetes() {
        for (form, most) in [(Form::ObjectName, 253), (Form::Namespace, 63), (Form::DataKey, 253)] {
            assert!(form.accepts(&"a".repeat(most)) && !form.accepts(&"a".repeat(most + 1)) && !form.accepts(""), "{form:?}");
        }
        for (text, is) in [("", true), ("aGk=", true), ("aGk", false), ("a===", false), ("a b=", false), ("-----BEGIN", false)] {
            assert_eq!(Form::Base64.accepts(text), is, "{text}");
        }
    }
}
