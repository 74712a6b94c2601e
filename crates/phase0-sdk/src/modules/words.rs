//! Names as words, of which each language makes identifiers in its own case: lower case letters and digits of ASCII.

/// The words of a name: cut where anything but an ASCII letter or digit stands, and before a capital that follows a small letter or a digit.
/// The first word begins with a letter: before a digit `x` is put. Empty where nothing of the name can be in an identifier.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = None;
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            let is_hump = c.is_ascii_uppercase() && before.is_some_and(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
            let begins = is_hump || !before.is_some_and(|c| c.is_ascii_alphanumeric());
            match words.last_mut().filter(|_| !begins) {
                Some(word) => word.push(c.to_ascii_lowercase()),
                None => words.push(c.to_ascii_lowercase().to_string()),
            }
        }
        before = Some(c);
    }
    if let Some(first) = words.first_mut().filter(|first| first.starts_with(|c: char| c.is_ascii_digit())) {
        first.insert(0, 'x');
    }
    words
}

/// What two lists of words must not have in common, so that their identifiers differ in every language and case.
pub(super) fn flat(words: &[String]) -> String {
    words.concat()
}

/// `orders_db`
pub(super) fn snake(words: &[String]) -> String {
    words.join("_")
}

/// `OrdersDb`
pub(super) fn pascal(words: &[String]) -> String {
    words.iter().map(|word| word.get(..1).unwrap_or_default().to_ascii_uppercase() + word.get(1..).unwrap_or_default()).collect()
}

/// `ordersDb`
pub(super) fn camel(words: &[String]) -> String {
    words.first().map(|first| first.clone() + &pascal(words.get(1..).unwrap_or_default())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_cut_into_words() {
        for (name, expected) in [
            ("postgres/orders", "postgres orders"),
            ("userName", "user name"),
            ("DB_PASSWORD", "db password"),
            ("HTTPProxy", "httpproxy"),
            ("2fa", "x2fa"),
            ("v2Token", "v2 token"),
            ("größe", "gr e"),
            ("日本", ""),
            ("--", ""),
        ] {
            assert_eq!(words(name).join(" "), expected, "{name}");
        }
    }

    #[test]
    fn words_are_joined_in_each_case() {
        let words = words("orders-db2");
        assert_eq!(
            [snake(&words), pascal(&words), camel(&words), flat(&words)],
            ["orders_db2", "OrdersDb2", "ordersDb2", "ordersdb2"]
        );
        assert_eq!([snake(&[]), pascal(&[]), camel(&[])], [""; 3]);
    }
}
