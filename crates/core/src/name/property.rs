//! The agreed names of properties inside a secret (NAM-4).

/// The agreed names.
pub const AGREED: [&str; 5] = ["username", "password", "host", "port", "token"];

/// The agreed name for a property that is spelled otherwise; `None` where it is agreed already or means something else.
#[must_use]
pub fn suggestion(property: &str) -> Option<&'static str> {
    let plain: String = property.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    let agreed = match plain.as_str() {
        "username" | "user" | "login" | "dbuser" | "dbusername" | "userid" => "username",
        "password" | "pass" | "passwd" | "pwd" | "dbpassword" | "dbpass" => "password",
        "host" | "hostname" | "dbhost" | "server" | "endpoint" => "host",
        "port" | "dbport" => "port",
        "token" | "apitoken" | "accesstoken" | "authtoken" => "token",
        _ => return None,
    };
    (agreed != property).then_some(agreed)
}

#[cfg(test)]
mod tests {
    use super::*;

    // REQ NAM-4
    #[test]
    fn other_spellings_of_agreed_names_are_recognised() {
        assert_eq!(suggestion("DB_USER"), Some("username"));
        assert_eq!(suggestion("Password"), Some("password"));
        assert_eq!(suggestion("dbHost"), Some("host"));
        assert_eq!(suggestion("privateKey"), None);
        assert!(AGREED.iter().all(|agreed| suggestion(agreed).is_none()));
    }
}
