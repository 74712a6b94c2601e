// long because a contract is read in one place, and has many cases
//! The contract of [`Incoming`], case by case: every guarantee in its documentation, seen from outside the port.
//!
//! Each case has paths of its own below `contract/`, so that the suite runs on one mount at a time; the anchor's entry is taken away first.
//! Values are made up here; none is in the message of a failed case.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use async_trait::async_trait;
use migrate_core::{
    codec::Encoded,
    id::{Epoch, LedgerId, SourceVersion, TargetVersion, WaveName},
    ledger::{Anchor, RecordHash},
    name::{SecretName, VaultPath},
    observed::{Mark, Sighting, TargetEntry},
    ports::{AnchorSeen, Incoming, PortError, PortErrorKind, Stamp, TargetClear, TargetReading, TargetWrite},
    value::SecretText,
    writers::{WritersSeen, WritingRule},
};
use serde_json::{Value, json};

/// The store behind the port, reached beside it: the HTTP API below the mount, with all rights, through another client.
#[async_trait]
pub trait IncomingWorld: Send + Sync {
    /// Sends one request to `/v1/<mount>/<path>` and gives status and body (`null` where it is empty). A patch is a merge patch.
    async fn api(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        self.root(method, &format!("{}/{path}", self.mount()), body).await
    }

    /// The same, to `/v1/<path>`.
    async fn root(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value);

    /// The mount of the port under test.
    fn mount(&self) -> String;

    /// The entry below the mount that keeps the anchor of the port under test.
    fn anchor(&self) -> VaultPath;
}

/// Why a case failed, free of values.
type Failed = String;
type Outcome = Result<(), Failed>;

macro_rules! ensure {
    ($holds:expr, $($why:tt)+) => {
        if !$holds {
            return Err(format!($($why)+));
        }
    };
}

/// Runs every case and panics with the names of those that failed.
///
/// # Panics
/// Where a guarantee does not hold.
pub async fn run(port: &dyn Incoming, world: &dyn IncomingWorld) {
    let suite = Suite { port, world };
    let mut failures = Vec::new();
    macro_rules! cases {
        ($($case:ident)*) => {$(
            if let Err(why) = suite.$case(stringify!($case)).await {
                failures.push(format!("{}: {why}", stringify!($case)));
            }
        )*};
    }
    cases! {
        a_survey_knows_the_mount
        nothing_is_absent
        answers_come_in_the_order_of_the_questions
        what_is_created_is_kept_to_the_byte
        three_hundred_properties_pass
        an_entry_beyond_the_limit_leaves_nothing
        nothing_is_created_over_anything
        of_two_creations_one_wins
        a_stamp_makes_an_entry_without_a_value
        a_stamp_keeps_what_others_wrote
        every_state_of_an_entry_is_described
        what_is_no_map_of_strings_is_read_as_not_ours
        the_newest_version_is_read
        what_bears_our_mark_is_cleared
        what_others_hold_is_not_cleared
        older_versions_are_replayed_in_order
        what_a_source_says_of_itself_is_kept_and_taken_back
        who_else_may_write_is_named
        the_anchor_moves_only_from_where_it_was_seen
        a_strange_anchor_is_no_anchor
    }
    assert!(failures.is_empty(), "the Incoming port breaks its contract:\n  {}", failures.join("\n  "));
}

/// Texts that encoders like to change: one entry of each is written in one batch.
fn awkward() -> Vec<(&'static str, String)> {
    vec![
        ("empty", String::new()),
        ("nul", "a\0b".into()),
        ("controls", (0_u8..32).map(char::from).chain(['\u{7f}', '\u{85}']).collect()),
        ("separators", "\u{2028}\u{2029}".into()),
        ("emoji", "🔑👩‍👩‍👧".into()),
        ("beyond-bmp-and-bom", "\u{feff}\u{10ffff}\u{fffd}".into()),
        ("html", "<a href=\"x\">&amp;</a>'".into()),
        ("escapes", r#"\n \u0041 \\ " /"#.into()),
        ("crlf", "one\r\ntwo\r\n".into()),
        ("spaces", "  \t x \n".into()),
        ("looks-like-json", r#"{"port":3306,"big":12345678901234567890,"f":1.10}"#.into()),
        ("64-kib", "x".repeat(64 * 1024)),
        ("64-kib-escaped", "\u{1}".repeat(64 * 1024)),
        ("combining", "e\u{301} é".into()),
    ]
}

struct Suite<'a> {
    port: &'a dyn Incoming,
    world: &'a dyn IncomingWorld,
}

impl Suite<'_> {
    async fn a_survey_knows_the_mount(&self, _: &str) -> Outcome {
        let seen = done(self.port.survey().await)?;
        ensure!(seen.is_kv2, "the mount is KV version 2");
        ensure!(["Vault", "OpenBao"].contains(&seen.product.as_str()), "no product is called {:?}", seen.product);
        ensure!(!seen.version.is_empty(), "there is a version");
        ensure!(
            seen.delete_version_after_seconds == 0 && !seen.cas_required,
            "the mount has its defaults, and {seen:?} was seen"
        );

        self.expect("POST", "config", Some(json!({"delete_version_after": "1h30m", "cas_required": true, "max_versions": 7})))
            .await?;
        let set = done(self.port.survey().await)?;
        self.expect("POST", "config", Some(json!({"delete_version_after": "0s", "cas_required": false, "max_versions": 0})))
            .await?;
        let settings = (set.delete_version_after_seconds, set.cas_required, set.max_versions);
        ensure!(settings == (5_400, true, 7), "the settings of the mount are seen, not {settings:?}");
        Ok(())
    }

    async fn nothing_is_absent(&self, case: &str) -> Outcome {
        ensure!(matches!(self.describe(&path(case, "nothing")).await, Sighting::Absent), "describe says absent");
        ensure!(matches!(self.read(&path(case, "nothing")).await, Sighting::Absent), "read says absent");
        ensure!(self.port.describe(&[]).await.is_empty(), "no question, no answer");
        Ok(())
    }

    async fn answers_come_in_the_order_of_the_questions(&self, case: &str) -> Outcome {
        let paths: Vec<_> = (0..50).map(|nth| path(case, &format!("n{nth}"))).collect();
        for nth in (0..50).step_by(2) {
            self.write(&paths[nth], json!({"nth": nth.to_string()})).await?;
        }
        let described = self.port.describe(&paths).await;
        let read = self.port.read(&paths).await;
        ensure!((described.len(), read.len()) == (50, 50), "one answer each");
        for (nth, (described, read)) in described.iter().zip(&read).enumerate() {
            let is_there = nth % 2 == 0;
            ensure!(matches!(described, Sighting::Present(_)) == is_there, "describe mixes up number {nth}");
            match read {
                Sighting::Present(reading) => {
                    ensure!(is_there && holds(reading, &[("nth", &nth.to_string())]), "read mixes up number {nth}");
                }
                _ => ensure!(!is_there, "read misses number {nth}"),
            }
        }
        let created = self.create_all(&paths.iter().map(|path| (path.clone(), entry(&[("k", "v")]))).collect::<Vec<_>>()).await;
        for (nth, created) in created.iter().enumerate() {
            ensure!(created.is_ok() == (nth % 2 == 1), "create mixes up number {nth}");
        }
        Ok(())
    }

    async fn what_is_created_is_kept_to_the_byte(&self, case: &str) -> Outcome {
        let values = awkward();
        let mut entries: Vec<_> = values.iter().map(|(name, text)| (path(case, name), entry(&[("value", text)]))).collect();
        let odd_names = ["", ".", "a.b", "a/b", "ключ", "with space", "\"quoted\\", "data", "<&>\u{2028}"];
        entries.push((path(case, "odd-names"), entry(&odd_names.map(|name| (name, name)))));
        for (nth, created) in self.create_all(&entries).await.into_iter().enumerate() {
            let version = done(created)?;
            ensure!(version == TargetVersion(1), "{} became version {version}", entries[nth].0);
        }
        let paths: Vec<_> = entries.iter().map(|(path, _)| path.clone()).collect();
        for ((path, entry), reading) in entries.iter().zip(self.port.read(&paths).await) {
            let reading = present(reading)?;
            ensure!(reading.version == TargetVersion(1), "{path} is at version 1");
            ensure!(reading.mark.is_none(), "{path} bears no mark");
            ensure!(reading.fields.is_some_and(|fields| entry.is_equal_to(&fields)), "{path} reads back through the port");
            let raw = self.expect("GET", &format!("data/{path}"), None).await?;
            let expected: BTreeMap<_, _> = entry.0.iter().map(|(property, text)| (property.as_str(), text.expose())).collect();
            ensure!(raw["data"]["data"] == json!(expected), "{path} reads back beside the port");
        }
        Ok(())
    }

    async fn three_hundred_properties_pass(&self, case: &str) -> Outcome {
        let properties: Vec<_> = (0..300).map(|nth| (format!("property-{nth}"), format!("text-{nth}"))).collect();
        let whole = entry(&properties.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect::<Vec<_>>());
        let path = path(case, "many");
        let writes = [TargetWrite { path: &path, value: &whole, after: None }];
        done(only(self.port.create(&writes).await)?)?;
        let reading = present(self.read(&path).await)?;
        ensure!(reading.fields.is_some_and(|fields| whole.is_equal_to(&fields)), "all of them read back");
        Ok(())
    }

    async fn an_entry_beyond_the_limit_leaves_nothing(&self, case: &str) -> Outcome {
        let path = path(case, "large");
        let created = self.create(&path, &[("value", &"x".repeat(1_100_000))]).await;
        refused(created, PortErrorKind::TooLarge)?;
        ensure!(matches!(self.describe(&path).await, Sighting::Absent), "nothing is left of it");
        Ok(())
    }

    async fn nothing_is_created_over_anything(&self, case: &str) -> Outcome {
        const OURS: &str = "canary-of-ours";
        let create = async |path: &VaultPath| self.create(path, &[("value", OURS)]).await;

        let existing = path(case, "existing");
        self.write(&existing, json!({"theirs": "1"})).await?;
        let error = refused(create(&existing).await, PortErrorKind::Conflict)?;
        let told = format!("{error} {error:?}");
        ensure!(!told.contains(OURS), "the error does not quote the value");
        ensure!(holds(&present(self.read(&existing).await)?, &[("theirs", "1")]), "their value stands");
        ensure!(self.version(&existing).await? == 1, "no version was added");

        let deleted = path(case, "deleted");
        self.write(&deleted, json!({"theirs": "1"})).await?;
        self.expect("DELETE", &format!("data/{deleted}"), None).await?;
        refused(create(&deleted).await, PortErrorKind::Conflict)?;

        let destroyed = path(case, "destroyed");
        self.write(&destroyed, json!({"theirs": "1"})).await?;
        self.expect("PUT", &format!("destroy/{destroyed}"), Some(json!({"versions": [1]}))).await?;
        refused(create(&destroyed).await, PortErrorKind::Conflict)?;
        ensure!(self.version(&destroyed).await? == 1, "no version was added");

        let metadata_only = path(case, "metadata-only");
        self.metadata(&metadata_only, json!({"custom_metadata": {"owner": "them"}})).await?;
        ensure!(done(create(&metadata_only).await)? == TargetVersion(1), "an entry without a value takes its first");

        let again = path(case, "again");
        done(create(&again).await)?;
        refused(create(&again).await, PortErrorKind::Conflict)?;
        Ok(())
    }

    async fn of_two_creations_one_wins(&self, case: &str) -> Outcome {
        for nth in 0..10 {
            let path = path(case, &format!("race-{nth}"));
            let (one, other) = futures::join!(self.create(&path, &[("by", "one")]), self.create(&path, &[("by", "other")]));
            let winner = match (&one, &other) {
                (Ok(_), Err(error)) if error.kind == PortErrorKind::Conflict => "one",
                (Err(error), Ok(_)) if error.kind == PortErrorKind::Conflict => "other",
                _ => return Err(format!("race {nth} has one winner and one conflict")),
            };
            ensure!(holds(&present(self.read(&path).await)?, &[("by", winner)]), "race {nth}: the winner's value stands");
        }
        Ok(())
    }

    async fn a_stamp_makes_an_entry_without_a_value(&self, case: &str) -> Outcome {
        let path = path(case, "entry");
        for epoch in [3, 3, 4] {
            self.stamp(&path, &mark("wave-1", epoch)).await?;
            let seen = present(self.describe(&path).await)?;
            ensure!(seen.mark == Some(mark("wave-1", epoch)), "the mark of epoch {epoch} stands");
            ensure!(seen.current_version.is_none(), "no value was written");
        }
        let texts = present(self.describe(&path).await)?.custom_metadata;
        for part in ["legacy/name", "0f1e2d3c-source-version", "fields"] {
            ensure!(texts.values().any(|text| text == part), "{part} is recorded");
        }
        ensure!(matches!(self.read(&path).await, Sighting::Absent), "there is no version to read");

        ensure!(done(self.create(&path, &[("k", "v")]).await)? == TargetVersion(1), "the value is version 1");
        ensure!(present(self.read(&path).await)?.mark == Some(mark("wave-1", 4)), "the mark is read along with the value");
        self.stamp(&path, &mark("wave-1", 5)).await?;
        let reading = present(self.read(&path).await)?;
        ensure!(reading.version == TargetVersion(1) && holds(&reading, &[("k", "v")]), "a later stamp leaves the value alone");
        Ok(())
    }

    async fn a_stamp_keeps_what_others_wrote(&self, case: &str) -> Outcome {
        let path = path(case, "entry");
        let theirs =
            json!({"custom_metadata": {"owner": "them", "managed-by": "hand"}, "max_versions": 5, "delete_version_after": "1h"});
        self.metadata(&path, theirs).await?;
        self.stamp(&path, &mark("wave-1", 1)).await?;
        let seen = present(self.describe(&path).await)?;
        ensure!(seen.mark == Some(mark("wave-1", 1)), "our mark stands");
        let kept = |key: &str| seen.custom_metadata.get(key).map(String::as_str);
        ensure!((kept("owner"), kept("managed-by")) == (Some("them"), Some("hand")), "their keys stand");
        let raw = self.expect("GET", &format!("metadata/{path}"), None).await?;
        ensure!(raw["data"]["max_versions"] == 5 && seen.delete_version_after_seconds == 3_600, "their settings stand");
        Ok(())
    }

    async fn every_state_of_an_entry_is_described(&self, case: &str) -> Outcome {
        let entry = path(case, "entry");
        self.metadata(&entry, json!({"custom_metadata": {"owner": "them"}, "delete_version_after": "26h3m"})).await?;
        let seen = present(self.describe(&entry).await)?;
        ensure!(seen.current_version.is_none() && seen.gone_versions.is_empty(), "metadata alone has no version");
        ensure!(seen.mark.is_none(), "a stranger's metadata is no mark");
        ensure!(seen.custom_metadata == BTreeMap::from([("owner".into(), "them".into())]), "their keys are seen");
        ensure!(seen.delete_version_after_seconds == 93_780, "its expiry is seen, in seconds");
        self.write(&entry, json!({"k": "1"})).await?;
        let seen = present(self.describe(&entry).await)?;
        ensure!(is_gone(&seen, 1), "a version that will delete itself does not count");

        let many = path(case, "many-versions");
        for nth in 1..=4 {
            self.write(&many, json!({"k": nth})).await?;
        }
        self.expect("POST", &format!("delete/{many}"), Some(json!({"versions": [2]}))).await?;
        self.expect("PUT", &format!("destroy/{many}"), Some(json!({"versions": [3]}))).await?;
        let seen = present(self.describe(&many).await)?;
        ensure!(seen.current_version == Some(TargetVersion(4)), "the newest is current");
        ensure!(
            [1, 2, 3, 4].map(|version| is_gone(&seen, version)) == [false, true, true, false],
            "deleted and destroyed are gone"
        );
        Ok(())
    }

    async fn what_is_no_map_of_strings_is_read_as_not_ours(&self, case: &str) -> Outcome {
        for (name, data) in [
            ("number", json!({"a": "text", "b": 1})),
            ("nested", json!({"a": {"b": "c"}})),
            ("list", json!({"a": ["b"]})),
            ("null", json!({"a": null})),
            ("boolean", json!({"a": true})),
        ] {
            let path = path(case, name);
            self.write(&path, data).await?;
            ensure!(present(self.read(&path).await)?.fields.is_none(), "{name} is no string");
        }
        let empty = path(case, "empty");
        self.write(&empty, json!({})).await?;
        ensure!(holds(&present(self.read(&empty).await)?, &[]), "an empty map is a map of strings");
        Ok(())
    }

    async fn the_newest_version_is_read(&self, case: &str) -> Outcome {
        let path = path(case, "entry");
        self.write(&path, json!({"k": "old"})).await?;
        self.write(&path, json!({"k": "new"})).await?;
        let reading = present(self.read(&path).await)?;
        ensure!(reading.version == TargetVersion(2) && holds(&reading, &[("k", "new")]), "version 2 is read");
        self.expect("DELETE", &format!("data/{path}"), None).await?;
        let reading = present(self.read(&path).await)?;
        ensure!(reading.version == TargetVersion(2) && reading.fields.is_none(), "a deleted newest version is no absence");
        Ok(())
    }

    async fn what_bears_our_mark_is_cleared(&self, case: &str) -> Outcome {
        let (valued, stamped, nothing) = (path(case, "valued"), path(case, "stamped"), path(case, "nothing"));
        self.stamp(&valued, &mark("wave-1", 1)).await?;
        done(self.create(&valued, &[("k", "v")]).await)?;
        self.stamp(&stamped, &mark("wave-1", 1)).await?;
        let paths = [valued, stamped, nothing];
        for round in ["at first", "again"] {
            // A later run of the same wave takes back what an earlier one left.
            for cleared in self.port.clear(&once(&paths), &mark("wave-1", 2)).await {
                done(cleared).map_err(|why| format!("{round}: {why}"))?;
            }
        }
        for path in &paths {
            let (status, _) = self.world.api("GET", &format!("metadata/{path}"), None).await;
            ensure!(status == 404, "{path} is gone with its history");
        }
        ensure!(done(self.create(&paths[0], &[("k", "v")]).await)? == TargetVersion(1), "its name is free again");
        Ok(())
    }

    async fn what_others_hold_is_not_cleared(&self, case: &str) -> Outcome {
        let ours = mark("wave-1", 1);
        let cases = [
            ("unmarked", None, false),
            ("other-wave", Some(mark("wave-2", 1)), false),
            ("other-ledger", Some(Mark { ledger: LedgerId::new("another"), ..ours.clone() }), false),
            ("changed", Some(ours.clone()), true),
        ];
        for (name, bears, is_changed) in cases {
            let path = path(case, name);
            match &bears {
                Some(mark) => self.stamp(&path, mark).await?,
                None => self.metadata(&path, json!({"custom_metadata": {"migrate-wave": "wave-1"}})).await?,
            }
            done(self.create(&path, &[("k", "v")]).await)?;
            if is_changed {
                self.write(&path, json!({"k": "theirs"})).await?;
            }
            let cleared = only(self.port.clear(&once(std::slice::from_ref(&path)), &ours).await)?;
            refused(cleared, PortErrorKind::Conflict).map_err(|why| format!("{name}: {why}"))?;
            let value = if is_changed { "theirs" } else { "v" };
            ensure!(holds(&present(self.read(&path).await)?, &[("k", value)]), "{name}: its value stands");
            ensure!(present(self.describe(&path).await)?.mark == bears, "{name}: its mark stands");
        }
        Ok(())
    }

    async fn older_versions_are_replayed_in_order(&self, case: &str) -> Outcome {
        let path = path(case, "entry");
        self.stamp(&path, &mark("wave-1", 1)).await?;
        let values: Vec<Encoded> = (1..=3).map(|nth| entry(&[("nth", &nth.to_string())])).collect();
        let after = |nth: u64| (nth > 0).then_some(TargetVersion(nth));
        for (nth, value) in (0..).zip(&values) {
            let write = |after| [TargetWrite { path: &path, value, after }];
            refused(only(self.port.create(&write(after(nth + 1))).await)?, PortErrorKind::Conflict)?;
            let version = done(only(self.port.create(&write(after(nth))).await)?)?;
            ensure!(version == TargetVersion(nth + 1), "version {} became {version}", nth + 1);
            refused(only(self.port.create(&write(after(nth))).await)?, PortErrorKind::Conflict)?;
        }
        let wanted: Vec<_> = (1..=4).map(|nth| (path.clone(), TargetVersion(nth))).collect();
        let read = self.port.read_versions(&wanted).await;
        ensure!(read.len() == 4 && matches!(read[3], Sighting::Absent), "a version that is not there is absent");
        for (nth, reading) in (1..=3_u64).zip(read) {
            let reading = present(reading)?;
            ensure!(reading.version == TargetVersion(nth), "version {nth} is answered by {}", reading.version);
            ensure!(holds(&reading, &[("nth", &nth.to_string())]), "version {nth} holds what was written");
            ensure!(reading.mark == Some(mark("wave-1", 1)), "the mark is read along with version {nth}");
        }
        // A part of what we left goes; more than that does not.
        let clear = |newest| [TargetClear { path: path.clone(), newest: TargetVersion(newest) }];
        refused(only(self.port.clear(&clear(2), &mark("wave-1", 1)).await)?, PortErrorKind::Conflict)?;
        done(only(self.port.clear(&clear(4), &mark("wave-1", 1)).await)?)?;
        ensure!(matches!(self.describe(&path).await, Sighting::Absent), "its history is gone");
        Ok(())
    }

    async fn what_a_source_says_of_itself_is_kept_and_taken_back(&self, case: &str) -> Outcome {
        let path = path(case, "entry");
        // As many as fit, with the longest key and text, and every kind of character that may be printed.
        let mut carried: BTreeMap<String, String> = (0..55).map(|nth| (format!("aws-tag/t{nth:02}"), "x".repeat(512))).collect();
        carried.insert(format!("aws-tag/{}", "k".repeat(120)), "1".into());
        carried.insert("aws-tag/Team é+-=._:/@ \"quoted\\'".into(), "Привет 🔑 e\u{301} \"\\'<&>".into());
        carried.insert("aws-description".into(), "who reads it, and why".into());
        for epoch in [1, 2] {
            self.stamp_with(&path, &mark("wave-1", epoch), carried.clone()).await?;
        }
        let seen = present(self.describe(&path).await)?;
        ensure!(seen.mark == Some(mark("wave-1", 2)), "our mark stands beside it");
        for (key, text) in &carried {
            ensure!(seen.custom_metadata.get(key) == Some(text), "{key} is kept as it was");
        }
        // What the plan leaves out is what the store refuses.
        let other = self::path(case, "other");
        self.stamp(&other, &mark("wave-1", 1)).await?;
        for (key, text) in [
            ("aws-tag/empty", String::new()),
            ("aws-tag/long", "x".repeat(513)),
            ("aws-tag/lines", "one\ntwo".into()),
            ("aws-tag/no-break", "one\u{a0}two".into()),
            ("aws-tag/mark", "\u{200f}one".into()),
            ("aws-tag/private", "\u{e000}".into()),
            ("aws-tag/in\u{200b}visible", "one".into()),
            (&"k".repeat(129), "one".into()),
        ] {
            let refused = self.stamp_with(&other, &mark("wave-1", 2), BTreeMap::from([(key.to_owned(), text)])).await;
            ensure!(refused.is_err(), "{key:?} is taken, where it is due to be refused");
        }
        done(only(self.port.clear(&once(std::slice::from_ref(&path)), &mark("wave-1", 2)).await)?)?;
        ensure!(matches!(self.describe(&path).await, Sighting::Absent), "a rollback takes it back");
        Ok(())
    }

    async fn who_else_may_write_is_named(&self, case: &str) -> Outcome {
        let (entry, other) = (path(case, "entry"), path(case, "other"));
        let mount = self.world.mount();
        // Policies are the whole server's, so theirs are told by names of our own.
        let name = |what: &str| format!("contract-{}-{what}", mount.replace('/', "-"));
        let rule = |path: &str, capabilities: &str| format!("path \"{path}\" {{\n  capabilities = [{capabilities}]\n}}\n");
        let data = format!("{mount}/data/{entry}");
        let cases = [
            ("data", rule(&data, "\"create\", \"update\""), vec![&entry]),
            ("metadata", rule(&format!("{mount}/metadata/contract/{case}/*"), "\"delete\""), vec![&entry, &other]),
            ("destroy", rule(&format!("{mount}/destroy/+/{case}/ent*"), "\"update\""), vec![&entry]),
            ("undelete", rule(&format!("{mount}/undelete/{entry}"), "\"update\""), vec![&entry]),
            ("patch", rule(&format!("{mount}/+/contract/+/other"), "\"patch\", \"read\""), vec![&other]),
            ("reader", rule(&format!("{mount}/*"), "\"read\", \"list\""), vec![]),
            (
                "denied",
                rule(&format!("{mount}/data/*"), "\"update\"") + &rule(&format!("{mount}/data/contract/+/entry"), "\"deny\""),
                vec![&other],
            ),
            ("config", rule(&format!("{mount}/config"), "\"update\""), vec![]),
            ("elsewhere", rule(&format!("{mount}-other/*"), "\"update\""), vec![]),
        ];
        for (what, text, _) in &cases {
            self.policy("PUT", &name(what), Some(json!({ "policy": text }))).await?;
        }
        let seen = done(self.port.writers(&[entry.clone(), other.clone()]).await);
        let nobody = done(self.port.writers(&[path("elsewhere", "entry")]).await);
        for (what, ..) in &cases {
            self.policy("DELETE", &name(what), None).await?;
        }
        let (seen, nobody, after) = (seen?, nobody?, done(self.port.writers(&[entry.clone(), other.clone()]).await)?);
        ensure!(seen.unread.is_empty(), "every policy can be read: {:?}", seen.unread);
        ensure!(!seen.ours.is_empty(), "our own policies are known");
        let reached = |seen: &WritersSeen, what: &str| {
            seen.foreign.iter().find(|writer| writer.policy == name(what)).map(|writer| writer.reaches.clone())
        };
        for (what, _, expected) in &cases {
            let expected: BTreeSet<VaultPath> = expected.iter().map(|path| (*path).clone()).collect();
            let found = reached(&seen, what).unwrap_or_default();
            ensure!(found == expected, "policy {what} reaches {found:?}");
            ensure!(reached(&nobody, what).is_none(), "policy {what} does not reach elsewhere");
            ensure!(reached(&after, what).is_none(), "policy {what} is gone");
        }
        let rules = seen.foreign.iter().find(|writer| writer.policy == name("data")).map(|writer| &writer.rules);
        let expected = WritingRule { path: data, capabilities: BTreeSet::from(["create".into(), "update".into()]) };
        ensure!(rules == Some(&BTreeSet::from([expected])), "the rule is told as the policy spells it");
        Ok(())
    }

    async fn policy(&self, method: &str, name: &str, body: Option<Value>) -> Outcome {
        let (status, _) = self.world.root(method, &format!("sys/policies/acl/{name}"), body).await;
        if (200..300).contains(&status) { Ok(()) } else { Err(format!("the world answers {status} to {method} of a policy")) }
    }

    async fn the_anchor_moves_only_from_where_it_was_seen(&self, _: &str) -> Outcome {
        self.without_anchor().await?;
        ensure!(matches!(self.port.anchor().await, Sighting::Absent), "no anchor is absent");
        refused(self.port.move_anchor(Some(TargetVersion(1)), &anchor(1)).await, PortErrorKind::Conflict)?;
        let first = done(self.port.move_anchor(None, &anchor(1)).await)?;
        ensure!(self.port.anchor().await == Sighting::Present(AnchorSeen { anchor: anchor(1), version: first }), "it is created");
        refused(self.port.move_anchor(None, &anchor(2)).await, PortErrorKind::Conflict)?;
        let second = done(self.port.move_anchor(Some(first), &anchor(2)).await)?;
        refused(self.port.move_anchor(Some(first), &anchor(3)).await, PortErrorKind::Conflict)?;
        refused(self.port.move_anchor(Some(TargetVersion(99)), &anchor(3)).await, PortErrorKind::Conflict)?;
        ensure!(
            self.port.anchor().await == Sighting::Present(AnchorSeen { anchor: anchor(2), version: second }),
            "it moved once"
        );

        let (three, four) = (anchor(3), anchor(4));
        let race = futures::join!(self.port.move_anchor(Some(second), &three), self.port.move_anchor(Some(second), &four));
        ensure!(race.0.is_ok() != race.1.is_ok(), "of two moves from one place one wins");
        Ok(())
    }

    async fn a_strange_anchor_is_no_anchor(&self, _: &str) -> Outcome {
        for strange in
            [json!({"k": "v"}), json!({"ledger": "l", "epoch": "1", "sequence": "x", "hash": "00"}), json!({"epoch": 1})]
        {
            self.without_anchor().await?;
            self.write(&self.world.anchor(), strange).await?;
            ensure!(is_invalid(&self.port.anchor().await), "another entry in its place is not taken for it");
        }
        self.without_anchor().await?;
        done(self.port.move_anchor(None, &anchor(1)).await)?;
        self.expect("DELETE", &format!("data/{}", self.world.anchor()), None).await?;
        ensure!(is_invalid(&self.port.anchor().await), "a deleted anchor is not absent");
        refused(self.port.move_anchor(None, &anchor(1)).await, PortErrorKind::Conflict)?;
        self.without_anchor().await
    }

    async fn create_all(&self, entries: &[(VaultPath, Encoded)]) -> Vec<Result<TargetVersion, PortError>> {
        let writes: Vec<_> = entries.iter().map(|(path, value)| TargetWrite { path, value, after: None }).collect();
        self.port.create(&writes).await
    }

    async fn create(&self, path: &VaultPath, members: &[(&str, &str)]) -> Result<TargetVersion, PortError> {
        let value = entry(members);
        self.port.create(&[TargetWrite { path, value: &value, after: None }]).await.remove(0)
    }

    async fn describe(&self, path: &VaultPath) -> Sighting<TargetEntry> {
        self.port.describe(std::slice::from_ref(path)).await.remove(0)
    }

    async fn read(&self, path: &VaultPath) -> Sighting<TargetReading> {
        self.port.read(std::slice::from_ref(path)).await.remove(0)
    }

    async fn stamp(&self, path: &VaultPath, mark: &Mark) -> Outcome {
        self.stamp_with(path, mark, BTreeMap::new()).await
    }

    async fn stamp_with(&self, path: &VaultPath, mark: &Mark, carried: BTreeMap<String, String>) -> Outcome {
        let source = (SecretName::parse("legacy/name").map_err(failed)?, SourceVersion::new("0f1e2d3c-source-version"));
        let stamp = Stamp { path: path.clone(), mark: mark.clone(), source, encoding: "fields".into(), carried };
        done(only(self.port.stamp(&[stamp]).await)?)
    }

    async fn write(&self, path: &VaultPath, data: Value) -> Outcome {
        self.expect("POST", &format!("data/{path}"), Some(json!({"data": data}))).await.map(|_| ())
    }

    async fn metadata(&self, path: &VaultPath, body: Value) -> Outcome {
        self.expect("POST", &format!("metadata/{path}"), Some(body)).await.map(|_| ())
    }

    async fn version(&self, path: &VaultPath) -> Result<u64, Failed> {
        let raw = self.expect("GET", &format!("metadata/{path}"), None).await?;
        raw["data"]["current_version"].as_u64().ok_or_else(|| format!("{path} has no version"))
    }

    async fn without_anchor(&self) -> Outcome {
        self.expect("DELETE", &format!("metadata/{}", self.world.anchor()), None).await.map(|_| ())
    }

    async fn expect(&self, method: &str, path: &str, body: Option<Value>) -> Result<Value, Failed> {
        let (status, body) = self.world.api(method, path, body).await;
        if (200..300).contains(&status) { Ok(body) } else { Err(format!("the world answers {status} to {method} {path}")) }
    }
}

fn path(case: &str, name: &str) -> VaultPath {
    let text = format!("contract/{case}/{name}");
    VaultPath::parse(&text).unwrap_or_else(|_| unreachable!("{text} is clean"))
}

/// Entries that hold one version of ours.
fn once(paths: &[VaultPath]) -> Vec<TargetClear> {
    paths.iter().map(|path| TargetClear { path: path.clone(), newest: TargetVersion(1) }).collect()
}

fn mark(wave: &str, epoch: u64) -> Mark {
    let wave = WaveName::parse(wave).unwrap_or_else(|_| unreachable!("{wave} is a wave name"));
    Mark { ledger: LedgerId::new("11111111-2222-4333-8444-555555555555"), wave, epoch: Epoch(epoch) }
}

fn anchor(sequence: u64) -> Anchor {
    let hash = RecordHash::of(&sequence.to_be_bytes());
    Anchor { ledger: LedgerId::new("11111111-2222-4333-8444-555555555555"), epoch: Epoch(2), sequence, hash }
}

fn entry(members: &[(&str, &str)]) -> Encoded {
    Encoded(members.iter().map(|(property, text)| ((*property).to_owned(), SecretText::new((*text).to_owned()))).collect())
}

fn holds(reading: &TargetReading, members: &[(&str, &str)]) -> bool {
    reading.fields.as_ref().is_some_and(|fields| entry(members).is_equal_to(fields))
}

fn is_gone(entry: &TargetEntry, version: u64) -> bool {
    entry.gone_versions.contains(&TargetVersion(version))
}

fn is_invalid(seen: &Sighting<AnchorSeen>) -> bool {
    matches!(seen, Sighting::Unknown(error) if error.kind == PortErrorKind::InvalidState)
}

fn only<T>(mut answers: Vec<T>) -> Result<T, Failed> {
    if answers.len() == 1 { Ok(answers.remove(0)) } else { Err(format!("{} answers to one question", answers.len())) }
}

fn present<T>(sighting: Sighting<T>) -> Result<T, Failed> {
    match sighting {
        Sighting::Present(thing) => Ok(thing),
        Sighting::Absent => Err("absent where something is".into()),
        Sighting::Unknown(error) => Err(format!("unknown: {error}")),
        Sighting::Unreadable(error) => Err(format!("unreadable: {error}")),
    }
}

fn done<T>(outcome: Result<T, PortError>) -> Result<T, Failed> {
    outcome.map_err(failed)
}

fn refused<T>(outcome: Result<T, PortError>, kind: PortErrorKind) -> Result<PortError, Failed> {
    match outcome {
        Ok(_) => Err(format!("done, where {kind:?} is due")),
        Err(error) if error.kind == kind => Ok(error),
        Err(error) => Err(format!("{kind:?} is due, not {:?}: {error}", error.kind)),
    }
}

fn failed(error: impl fmt::Display) -> Failed {
    error.to_string()
}
