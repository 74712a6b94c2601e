//! Files whose format is made for credentials: `.pgpass` and `.netrc`.

use migrate_core::inventory::Position;

use super::{
    assignment::{Assignment, Role},
    finding::Kind,
};

/// `hostname:port:database:username:password`, with `\:` and `\\` inside of a field.
pub(super) fn pgpass(text: &str) -> Vec<Assignment> {
    let mut found = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        let mut is_escaped = false;
        let colons = line.char_indices().filter(|(_, c)| {
            let separates = *c == ':' && !is_escaped;
            is_escaped = *c == '\\' && !is_escaped;
            separates
        });
        let Some((colon, _)) = colons.take(4).nth(3).filter(|_| !line.starts_with('#')) else { continue };
        let at = Position { line: number, column: line[..=colon].chars().count() as u64 + 1 };
        let path = vec!["postgres".to_owned(), "password".to_owned()];
        found.push(Assignment::new(at, path, &line[colon + 1..], Role::Credential(Kind::Password)));
    }
    found
}

/// `machine NAME login NAME password SECRET`, on one line or several. An anonymous login has no password worth the name.
pub(super) fn netrc(text: &str) -> Vec<Assignment> {
    let mut found = Vec::new();
    let (mut machine, mut login) = (String::new(), String::new());
    let mut before = "";
    for (line, number) in text.lines().zip(1..) {
        if line.trim_start().starts_with('#') {
            continue;
        }
        let mut column = 0;
        for word in line.split([' ', '\t']) {
            let at = Position { line: number, column: column + 1 };
            column += word.chars().count() as u64 + 1;
            match (before, word) {
                (_, "") => continue,
                (_, "default") => (machine, login) = ("default".to_owned(), String::new()),
                ("machine", name) => (machine, login) = (name.to_owned(), String::new()),
                ("login", name) => name.clone_into(&mut login),
                ("password", password) if login != "anonymous" => {
                    let path = vec![machine.clone(), "password".to_owned()];
                    found.push(Assignment::new(at, path, password, Role::Credential(Kind::Password)));
                }
                _ => {}
            }
            before = if matches!(before, "machine" | "login" | "password" | "account") { "" } else { word };
        }
    }
    found
}
