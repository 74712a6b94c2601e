//! Properties of reading and importing over inventories that nobody thought of.

use proptest::prelude::*;

use super::{importing::listed, *};
use crate::observed::ListedSecret;

const CANARY: &str = "canaryQ7x";

fn listed_secret() -> impl Strategy<Value = ListedSecret> {
    // Names from few letters, so that unclean ones and collisions are common.
    let name = prop_oneof!["[ab/.]{1,6}", "[A-Za-z0-9/_+=.@!-]{1,40}", "platform-(data|config)/[a-c]/[a-c]"];
    let text = prop_oneof![
        Just(None),
        "\\PC{0,40}".prop_map(Some),
        prop::sample::select(vec![
            "password=hunter2",
            "yes",
            "on",
            "~",
            "null",
            "1e3",
            "0x1F",
            "0o17",
            "12:30",
            "1_000",
            "2024-01-02",
            "=",
            "<<",
            "- a",
            "a: b",
            "a #b",
            "'",
            "\"",
            "#x",
            "&a",
            "*a",
            "!x",
            "%x",
            "@x",
            "`x",
            "{",
            "[",
            "?",
            "|",
            ">",
            ".inf",
            ".NaN",
            "a\nb",
            "a\n\n b",
            "\ta",
            "\u{feff}x",
            "x\u{2028}y",
            "x\u{a0}",
            "true",
            "a:",
            "---",
            "...",
        ])
        .prop_map(|text| Some(text.to_owned())),
    ];
    (name, text.clone(), text, any::<bool>(), any::<bool>()).prop_map(|(name, description, owner, rotation_enabled, owned)| {
        ListedSecret {
            description,
            tags: owner.into_iter().map(|owner| ("team".to_owned(), owner)).collect(),
            rotation_enabled,
            owning_service: owned.then(|| "rds".to_owned()),
            ..listed(&name)
        }
    })
}

proptest! {
    #[test]
    fn what_is_imported_parses_to_the_same(secrets in prop::collection::vec(listed_secret(), 1..12)) {
        if let Ok(imported) = import(&secrets) {
            let text = imported.inventory.to_yaml(DEFAULT_SCHEMA_URL);
            prop_assert_eq!(Inventory::parse(&text).map_err(|_| problems(&text)), Ok(imported.inventory), "{}", text);
        }
    }

    #[test]
    fn what_is_merged_keeps_the_old_and_adds_the_new(
        old in prop::collection::vec(listed_secret(), 1..6),
        new in prop::collection::vec(listed_secret(), 0..6),
    ) {
        if let Ok(imported) = import(&old) {
            let text = imported.inventory.to_yaml(DEFAULT_SCHEMA_URL);
            let merged = merge(&text, &new).map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert!(merged.text.starts_with(&text));
            prop_assert_eq!(merged.inventory.len(), imported.inventory.len() + merged.added.len());
        }
    }

    #[test]
    fn parse_never_panics(text in "\\PC*") {
        let _ = Inventory::parse(&text);
    }

    #[test]
    fn parse_never_panics_on_what_looks_like_yaml(text in "([a-c:{}\\[\\]\"'|>&*!%#?~,-]|\n|  |- |: |name|secrets|consumers|reads|extract){0,60}") {
        let _ = Inventory::parse(&format!("apiVersion: migrate/v1\nsecrets:\n{text}"));
        let _ = Inventory::parse(&text);
    }

    // REQ OPS-1, INV-2: whatever stands where, no message repeats it.
    #[test]
    fn no_message_repeats_what_stands_in_the_file(at in any::<prop::sample::Index>(), form in prop::sample::select(vec![
        CANARY.to_owned(), format!("\"{CANARY}\""), format!("[{CANARY}]"), format!("{{{CANARY}: 1}}"), format!("{CANARY}: {CANARY}"),
        format!("*{CANARY}"), format!("&{CANARY} x"), format!("!{CANARY} x"), format!("|\n  {CANARY}"), format!("\"{CANARY}"),
        format!("{CANARY} ]"), format!("-----BEGIN {CANARY}"), format!("postgres://a:{CANARY}@h"), format!("%{CANARY}"), format!("<<{CANARY}"),
    ])) {
        // Every scalar of the complete inventory in turn, but for names, which messages are there to tell.
        let lines: Vec<&str> = COMPLETE.lines().collect();
        let places: Vec<usize> = (0..lines.len())
            .filter(|line| lines[*line].contains(": ") && !lines[*line].contains("ame: ") && !lines[*line].starts_with('#'))
            .collect();
        let place = *at.get(&places);
        let text: Vec<String> = lines
            .iter()
            .enumerate()
            .map(|(at, line)| match line.split_once(": ") {
                Some((key, _)) if at == place => format!("{key}: {form}"),
                _ => (*line).to_owned(),
            })
            .collect();
        let shown = problems(&text.join("\n"));
        prop_assert!(!shown.contains(CANARY), "{}", shown);
    }
}
