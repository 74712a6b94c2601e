//! Which secrets a `find` reaches, as far as names tell (<https://external-secrets.io/latest/guides/getallsecrets/>).

use std::collections::BTreeSet;

use migrate_core::{inventory::external_secret::FindSpec, name::SecretName};
use regex::Regex;

use super::finding::Look;

/// The names that it reaches among those that are known.
///
/// # Errors
/// Why that can't be told.
pub(super) fn reached(find: &FindSpec, names: &BTreeSet<SecretName>) -> Result<Vec<SecretName>, Look> {
    let Some(name) = &find.name else { return Err(Look::FindByTags) };
    let path = find.path.as_deref().unwrap_or_default();
    // Secrets Manager takes a filter that begins so for its opposite.
    if path.starts_with('!') || !is_the_same_in_go(&name.regexp) {
        return Err(Look::FindRegexp);
    }
    let regex = Regex::new(&name.regexp).map_err(|_| Look::FindRegexp)?;
    Ok(names.iter().filter(|name| name.as_str().starts_with(path) && regex.is_match(name.as_str())).cloned().collect())
}

/// Whether an expression means the same to Go's `regexp` (<https://github.com/google/re2/wiki/Syntax>) and to the crate `regex` over ASCII
/// text, which names are. What one of the two refuses is refused here: sets within sets and operators between them, flags and escapes that
/// only one has, repeated repetition, and counts without a beginning or beyond 1,000.
fn is_the_same_in_go(regexp: &str) -> bool {
    let chars: Vec<char> = regexp.chars().collect();
    let (mut at, mut in_class, mut repeated) = (0, false, false);
    while at < chars.len() {
        let (here, next) = (chars[at], chars.get(at + 1).copied().unwrap_or('\0'));
        let was_repeated = std::mem::take(&mut repeated);
        match here {
            '\\' if "<>uUR".contains(next) || next == 'b' && chars.get(at + 2) == Some(&'{') => return false,
            '\\' => at += 1,
            ']' if in_class => in_class = false,
            '[' if in_class => match next {
                // `[[:alpha:]]`
                ':' => match chars[at..].windows(2).position(|pair| pair == [':', ']']) {
                    Some(length) => at += length + 1,
                    None => return false,
                },
                _ => return false,
            },
            '&' | '~' | '-' if in_class && next == here => return false,
            _ if in_class => {}
            '[' => {
                in_class = true;
                at += usize::from(next == '^');
                // Right after the beginning it stands for itself.
                at += usize::from(chars.get(at + 1) == Some(&']'));
            }
            '(' if next == '?' => {
                let flags: String = chars[at + 2..].iter().take_while(|c| !":)<".contains(**c)).collect();
                if !flags.chars().all(|flag| "imsU-P".contains(flag)) {
                    return false;
                }
            }
            '{' if !next.is_ascii_digit() || was_repeated => return false,
            '{' => {
                let count: String = chars[at + 1..].iter().take_while(|c| **c != '}').collect();
                if count.split(',').any(|number| number.len() > 4 || number.parse::<u16>().is_ok_and(|number| number > 1000)) {
                    return false;
                }
                at += count.len() + 1;
                repeated = true;
            }
            '*' | '+' if was_repeated => return false,
            // Once more it means: as few as possible.
            '?' if was_repeated => {}
            '*' | '+' | '?' => repeated = true,
            _ => {}
        }
        at += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_else_in_go_is_not_followed() {
        for same in [
            "^prod/",
            "a|b",
            "(?i)DB$",
            "[a-z]+?",
            "[]a]",
            "[^]a]",
            "[[:alpha:]_]",
            "\\d{2,3}",
            "(?P<x>a)",
            "(?:a)*",
            "a-b",
            "\\.",
            "[-a]",
            "a??",
        ] {
            assert!(is_the_same_in_go(same), "{same}");
        }
        for other in [
            "[a[b]]",
            "[a&&b]",
            "[a--b]",
            "[a~~b]",
            "(?x)a b",
            "\\<a",
            "\\u0041",
            "a**",
            "a+*",
            "a{2}{3}",
            "a{,3}",
            "a{1001}",
            "\\b{start}a",
            "(?u)a",
            "[[:alpha",
        ] {
            assert!(!is_the_same_in_go(other), "{other}");
        }
    }

    #[test]
    fn names_are_reached_below_a_path_and_by_expression() {
        let names: BTreeSet<SecretName> = ["prod/a", "prod/b", "dev/a"].map(|name| SecretName::parse(name).unwrap()).into();
        let find = |path: Option<&str>, regexp: &str| {
            let name = Some(migrate_core::inventory::external_secret::FindName { regexp: regexp.into() });
            let find = FindSpec { path: path.map(Into::into), name, ..FindSpec::default() };
            reached(&find, &names).map(|names| names.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert_eq!(find(None, "a"), Ok(vec!["dev/a".into(), "prod/a".into()]));
        assert_eq!(find(Some("prod"), "a$"), Ok(vec!["prod/a".into()]));
        assert_eq!(find(Some("!prod"), "a"), Err(Look::FindRegexp));
        assert_eq!(find(None, "\\Qa\\E"), Err(Look::FindRegexp), "only Go knows it");
        assert_eq!(reached(&FindSpec::default(), &names), Err(Look::FindByTags));
    }
}
