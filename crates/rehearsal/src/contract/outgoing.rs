// long because a contract is read in one place, and has many cases
//! The contract of [`Outgoing`], case by case: every guarantee in its documentation, seen from outside the port.
//!
//! The suite wants an account and region of its own, empty at the start; each case names its secrets after itself. Values are
//! made up here; none is in the message of a failed case.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use futures::{StreamExt, TryStreamExt, stream};
use migrate_core::{
    id::{Epoch, LedgerId, SourceVersion, WaveName},
    name::SecretName,
    observed::{Felt, FenceSeen, LastAccess, Mark, Sighting, SourceSecret},
    ports::{Outgoing, PortError, PortErrorKind, SourceReading},
    quota::{BATCH_GET_IDS, LIST_PAGE, RESOURCE_POLICY_BYTES, SECRET_VALUE_BYTES},
    value::{SecretBytes, SecretText, SecretValue},
};
use serde_json::{Value, json};

/// The store behind the port, reached beside it: the JSON API of the same account and region, through another client.
#[async_trait]
pub trait OutgoingWorld: Send + Sync {
    /// Calls an operation of Secrets Manager and gives the body of its answer; `Err` is the body of a refusal.
    async fn call(&self, operation: &str, input: Value) -> Result<Value, Value>;

    /// The ARNs of two functions that RotateSecret takes for rotation functions.
    async fn rotation_functions(&self) -> [String; 2];
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
pub async fn run(port: &dyn Outgoing, world: &dyn OutgoingWorld) {
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
        the_caller_is_known
        a_listing_has_every_page_and_what_is_to_be_deleted
        a_description_tells_present_absent_and_deleted
        labels_move_with_a_new_value
        older_versions_are_told_and_read
        values_come_to_the_byte
        a_large_read_answers_each_name_in_order
        nothing_is_read_where_nothing_is_asked
        odd_names_are_not_confused
        a_fence_stands_and_changes_no_version
        fencing_again_changes_nothing
        a_fence_keeps_what_others_wrote_and_goes_without_a_trace
        what_others_add_to_a_fenced_policy_stays
        a_later_run_takes_a_fence_over
        fences_of_others_are_not_touched
        an_altered_fence_is_told_and_mended
        a_policy_too_large_is_left_alone
        one_refusal_leaves_the_others_alone
        a_probe_of_an_open_secret_is_let_through_and_changes_nothing
        rotation_goes_and_comes_back_as_it_was
        rotation_that_others_set_up_meanwhile_stays
        deletion_is_scheduled_once_and_can_be_undone
        replicas_go_before_their_secret
    }
    assert!(failures.is_empty(), "the Outgoing port breaks its contract:\n  {}", failures.join("\n  "));
}

/// Texts that encoders like to change.
fn awkward() -> Vec<(&'static str, String)> {
    vec![
        ("json-object", r#"{"user":"u","port":3306,"big":12345678901234567890,"f":1.10,"nested":{"a":[1,null]}}"#.into()),
        ("json-duplicate-keys", r#"{"a":1,"a":2}"#.into()),
        ("pem", "-----BEGIN X-----\r\nAAAA\r\n-----END X-----\n".into()),
        ("controls", (0_u8..32).map(char::from).chain(['\u{7f}', '\u{85}']).collect()),
        ("separators-and-bom", "\u{feff}\u{2028}\u{2029}\u{fffd}".into()),
        ("emoji", "🔑👩‍👩‍👧\u{10ffff}".into()),
        ("combining", "e\u{301} é".into()),
        ("html", "<a href=\"x\">&amp;</a>'".into()),
        ("escapes", r#"\n \u0041 \\ " /"#.into()),
        ("spaces", "  \t x \n".into()),
        ("64-kib", "x".repeat(SECRET_VALUE_BYTES)),
        ("64-kib-of-four-byte-characters", "🔑".repeat(SECRET_VALUE_BYTES / 4)),
    ]
}

fn mark(wave: &str, epoch: u64) -> Result<Mark, Failed> {
    let wave = WaveName::parse(wave).map_err(|error| error.to_string())?;
    Ok(Mark { ledger: LedgerId::new("0b5ac1f4-9d5e-4d6c-8f5c-0123456789ab"), wave, epoch: Epoch(epoch) })
}

/// A policy that somebody else wrote, with members that no fence has.
fn foreign_statement() -> Value {
    json!({
        "Sid": "Readers",
        "Effect": "Deny",
        "Principal": { "AWS": "arn:aws:iam::111122223333:root" },
        "Action": ["secretsmanager:GetSecretValue"],
        "Resource": "*",
        "Condition": { "Bool": { "aws:SecureTransport": "false" } },
    })
}

fn foreign_policy() -> Value {
    json!({ "Version": "2012-10-17", "Id": "theirs", "Statement": [foreign_statement()] })
}

struct Suite<'a> {
    port: &'a dyn Outgoing,
    world: &'a dyn OutgoingWorld,
}

impl Suite<'_> {
    async fn the_caller_is_known(&self, _: &str) -> Outcome {
        let seen = done(self.port.identify().await)?;
        ensure!(seen.account.len() == 12 && seen.account.bytes().all(|b| b.is_ascii_digit()), "no account: {:?}", seen.account);
        ensure!(seen.caller_arn.contains(&seen.account), "the caller {:?} is of the account", seen.caller_arn);
        ensure!(!seen.region.is_empty(), "there is a region");
        Ok(())
    }

    async fn a_listing_has_every_page_and_what_is_to_be_deleted(&self, case: &str) -> Outcome {
        let expected: BTreeSet<String> = (0..LIST_PAGE + 30).map(|n| format!("{case}/{n}")).collect();
        let created = stream::iter(expected.iter().map(String::as_str)).map(|name| self.create(name, "x")).buffer_unordered(8);
        created.try_collect::<Vec<_>>().await?;
        let (described, deleted) = (format!("{case}/0"), format!("{case}/1"));
        let tags = json!([{ "Key": "team", "Value": "a b" }, { "Key": "empty", "Value": "" }]);
        self.call("TagResource", json!({ "SecretId": described, "Tags": tags })).await?;
        self.call(
            "UpdateSecret",
            json!({ "SecretId": described, "Description": "what it is for", "ClientRequestToken": token(case, 0) }),
        )
        .await?;
        self.call("DeleteSecret", json!({ "SecretId": deleted, "RecoveryWindowInDays": 7 })).await?;

        let all = done(self.port.list().await)?;
        let ours: Vec<_> = all.into_iter().filter(|secret| secret.name.as_str().starts_with(case)).collect();
        let names: Vec<&str> = ours.iter().map(|secret| secret.name.as_str()).collect();
        ensure!(names.iter().copied().collect::<BTreeSet<_>>().len() == names.len(), "a name is listed twice");
        ensure!(names.iter().map(ToString::to_string).collect::<BTreeSet<_>>() == expected, "{} names are listed", names.len());
        for secret in &ours {
            let name = secret.name.as_str();
            ensure!(secret.arn.as_str().contains(&format!(":secret:{name}-")), "{name} has its full ARN");
            ensure!(secret.deleted_at.is_some() == (name == deleted), "{name} is deleted or not");
            ensure!(!secret.rotation_enabled && secret.owning_service.is_none(), "{name} is plain");
            let tags = BTreeMap::from([("team".to_owned(), "a b".to_owned()), ("empty".to_owned(), String::new())]);
            ensure!(secret.tags == if name == described { tags } else { BTreeMap::new() }, "tags of {name}: {:?}", secret.tags);
            let text = (name == described).then_some("what it is for");
            ensure!(secret.description.as_deref() == text, "description of {name}: {:?}", secret.description);
        }
        Ok(())
    }

    async fn a_description_tells_present_absent_and_deleted(&self, case: &str) -> Outcome {
        let names = self.names(case, &["present", "absent", "deleted", "empty"])?;
        let version = self.create(names[0].as_str(), "x").await?;
        self.create(names[2].as_str(), "x").await?;
        self.call("DeleteSecret", json!({ "SecretId": names[2], "RecoveryWindowInDays": 7 })).await?;
        self.call("CreateSecret", json!({ "Name": names[3], "ClientRequestToken": token(case, 3) })).await?;

        let seen = self.port.describe(&names).await;
        let [present, absent, deleted, empty] = &seen[..] else { return Err(format!("4 answers, not {}", seen.len())) };
        let present = self.present(present)?;
        ensure!(present.versions.current().map(|v| v.as_str()) == Some(&version), "the current version is the one created");
        ensure!(present.arn.as_str().contains(names[0].as_str()), "the ARN is its own");
        ensure!(present.deleted_at.is_none() && present.replica_regions.is_empty(), "it is neither deleted nor replicated");
        ensure!(present.primary_region.is_none() && !present.rotation_enabled, "it is neither a replica nor rotated");
        ensure!(*absent == Sighting::Absent, "what is not there is absent, not {}", kind(absent));
        ensure!(self.present(deleted)?.deleted_at.is_some(), "what is to be deleted is there and says so");
        ensure!(self.present(empty)?.versions.current().is_none(), "a secret without a value has no current version");
        Ok(())
    }

    async fn labels_move_with_a_new_value(&self, case: &str) -> Outcome {
        let names = self.names(case, &["s"])?;
        let first = self.create(names[0].as_str(), "one").await?;
        let put = json!({ "SecretId": names[0], "SecretString": "two", "ClientRequestToken": token(case, 1) });
        let second = text(&self.call("PutSecretValue", put).await?, "VersionId")?;
        let seen = self.port.describe(&names).await;
        let versions = &self.present(&seen[0])?.versions.0;
        let labels: BTreeMap<&str, BTreeSet<&str>> =
            versions.iter().map(|(id, labels)| (id.as_str(), labels.iter().map(String::as_str).collect())).collect();
        let expected = BTreeMap::from([
            (first.as_str(), BTreeSet::from(["AWSPREVIOUS"])),
            (second.as_str(), BTreeSet::from(["AWSCURRENT"])),
        ]);
        ensure!(labels == expected, "labels are {labels:?}");
        let read = self.port.read(&names).await;
        let reading = read.into_iter().next().ok_or("no answer")?;
        let reading = done(reading)?;
        ensure!(reading.version.as_str() == second, "the current version is read");
        ensure!(reading.value == SecretValue::Text(SecretText::new("two".into())), "the current value is read");
        Ok(())
    }

    async fn older_versions_are_told_and_read(&self, case: &str) -> Outcome {
        let names = self.names(case, &["s", "absent"])?;
        let first = self.create(names[0].as_str(), "one").await?;
        let keep = json!({ "SecretId": names[0], "VersionStage": "kept", "MoveToVersionId": first });
        let mut versions = vec![first];
        for (nth, value) in [(1, "two"), (2, "three"), (3, "four")] {
            let put = json!({ "SecretId": names[0], "SecretString": value, "ClientRequestToken": token(case, nth) });
            versions.push(text(&self.call("PutSecretValue", put).await?, "VersionId")?);
        }
        // moto takes labels of one's own away with the next value, so it is set last.
        self.call("UpdateSecretVersionStage", keep).await?;
        let seen = self.port.labelled(&names).await;
        // moto fails on a name that is not there.
        ensure!(seen.len() == 2 && !matches!(seen[1], Sighting::Present(_)), "what is not there has no versions");
        let Sighting::Present(labelled) = &seen[0] else { return Err("a secret with versions has none".into()) };
        let found: BTreeMap<&str, BTreeSet<&str>> =
            labelled.iter().map(|found| (found.version.as_str(), found.labels.iter().map(String::as_str).collect())).collect();
        // The second one has lost its labels: it may go at any time.
        let expected = BTreeMap::from([
            (versions[0].as_str(), BTreeSet::from(["kept"])),
            (versions[2].as_str(), BTreeSet::from(["AWSPREVIOUS"])),
            (versions[3].as_str(), BTreeSet::from(["AWSCURRENT"])),
        ]);
        ensure!(found == expected, "labelled versions are {found:?}");
        let wanted: Vec<_> = [(0, "one"), (2, "three"), (3, "four")].into();
        let asked: Vec<_> =
            wanted.iter().map(|(nth, _)| (names[0].clone(), SourceVersion::new(versions[*nth].as_str()))).collect();
        for ((nth, value), reading) in wanted.iter().zip(self.port.read_versions(&asked).await) {
            let reading = done(reading)?;
            ensure!(reading.version.as_str() == versions[*nth], "version {nth} is read");
            ensure!(reading.value == SecretValue::Text(SecretText::new((*value).into())), "the value of version {nth} is read");
        }
        let nothing = self.port.read_versions(&[(names[1].clone(), SourceVersion::new(token(case, 9)))]).await;
        ensure!(nothing.len() == 1 && nothing[0].is_err(), "what is not there can't be read");
        Ok(())
    }

    async fn values_come_to_the_byte(&self, case: &str) -> Outcome {
        let mut expected = Vec::new();
        for (kind, text) in awkward() {
            let name = format!("{case}/{kind}");
            let version = self.create(&name, &text).await?;
            expected.push((self.name(&name)?, version, SecretValue::Text(SecretText::new(text))));
        }
        let every_byte: Vec<u8> = (0..=255).collect();
        let largest: Vec<u8> = every_byte.iter().copied().cycle().take(SECRET_VALUE_BYTES).collect();
        for (kind, bytes) in
            [("every-byte", every_byte), ("one-byte", vec![0]), ("64-kib-binary", largest), ("text-as-binary", b"x".to_vec())]
        {
            let name = format!("{case}/{kind}");
            let input = json!({ "Name": name, "SecretBinary": BASE64.encode(&bytes), "ClientRequestToken": token(kind, 0) });
            let version = text(&self.call("CreateSecret", input).await?, "VersionId")?;
            expected.push((self.name(&name)?, version, SecretValue::Binary(SecretBytes::new(bytes))));
        }
        let names: Vec<SecretName> = expected.iter().map(|(name, _, _)| name.clone()).collect();
        let read = self.port.read(&names).await;
        ensure!(read.len() == expected.len(), "{} answers", read.len());
        for ((name, version, value), reading) in expected.iter().zip(read) {
            let reading = done(reading)?;
            ensure!(reading.version.as_str() == version, "the version of {name}");
            ensure!(reading.value == *value, "{name} differs from what was stored");
        }
        Ok(())
    }

    async fn a_large_read_answers_each_name_in_order(&self, case: &str) -> Outcome {
        let names = (0..2 * BATCH_GET_IDS + 5).map(|n| self.name(&format!("{case}/{n}"))).collect::<Result<Vec<_>, _>>()?;
        // Every seventh is missing and every eleventh to be deleted, so each batch is mixed.
        for (n, name) in names.iter().enumerate().filter(|(n, _)| n % 7 != 0) {
            self.create(name.as_str(), &n.to_string()).await?;
            if n % 11 == 0 {
                self.call("DeleteSecret", json!({ "SecretId": name, "RecoveryWindowInDays": 7 })).await?;
            }
        }
        let read = self.port.read(&names).await;
        ensure!(read.len() == names.len(), "{} answers to {} names", read.len(), names.len());
        for (n, (name, answer)) in names.iter().zip(read).enumerate() {
            match answer {
                Err(error) if n % 7 == 0 => {
                    ensure!(error.kind == PortErrorKind::NotFound, "{name} is missing, not {:?}", error.kind);
                    ensure!(error.subject == name.as_str(), "the error about {name} names {:?}", error.subject);
                }
                Err(error) if n % 11 == 0 => {
                    ensure!(error.kind == PortErrorKind::InvalidState, "{name} is to be deleted, not {:?}", error.kind);
                }
                Err(error) => return Err(format!("{name} could not be read: {error}")),
                Ok(reading) => {
                    ensure!(n % 7 != 0 && n % 11 != 0, "{name} was read and can't be");
                    ensure!(reading.value == SecretValue::Text(SecretText::new(n.to_string())), "{name} has another's value");
                }
            }
        }
        Ok(())
    }

    async fn nothing_is_read_where_nothing_is_asked(&self, _: &str) -> Outcome {
        ensure!(self.port.read(&[]).await.is_empty(), "no name, no reading");
        ensure!(self.port.describe(&[]).await.is_empty(), "no name, no description");
        Ok(())
    }

    async fn odd_names_are_not_confused(&self, case: &str) -> Outcome {
        let longest = format!("{case}/{}", "n".repeat(512 - case.len() - 1));
        // The first three look like a name with the random end of an ARN, or like its beginning.
        let odd = ["x-AbC123", "x-AbC123-AbC123", "y-AbC12", "/lead//and/trail/", "a+b=c.d@e_f-", ".", "UPPER", "upper", "-"];
        let mut names = odd.iter().map(|odd| self.name(&format!("{case}/{odd}"))).collect::<Result<Vec<_>, _>>()?;
        names.push(self.name(&longest)?);
        for name in &names {
            self.create(name.as_str(), name.as_str()).await?;
        }
        let (seen, read) = (self.port.describe(&names).await, self.port.read(&names).await);
        for ((name, seen), read) in names.iter().zip(&seen).zip(read) {
            let arn = self.present(seen)?.arn.as_str();
            let own = arn.rsplit_once('-').is_some_and(|(named, _)| named.ends_with(&format!(":secret:{name}")));
            ensure!(own, "{name} has the ARN of another, {arn}");
            ensure!(done(read)?.value == SecretValue::Text(SecretText::new(name.to_string())), "{name} has another's value");
        }
        let absent = self.names(case, &["x", "y", "X-AbC123", "lead"])?;
        for (name, seen) in absent.iter().zip(self.port.describe(&absent).await) {
            ensure!(seen == Sighting::Absent, "{name} is not there, and {} was seen", kind(&seen));
        }
        for (name, read) in absent.iter().zip(self.port.read(&absent).await) {
            ensure!(read.is_err_and(|error| error.kind == PortErrorKind::NotFound), "{name} is not there to be read");
        }
        Ok(())
    }

    async fn a_fence_stands_and_changes_no_version(&self, case: &str) -> Outcome {
        let names = self.created(case, &["a", "b"]).await?;
        let before = self.port.describe(&names).await;
        ensure!(
            self.port.fences(&names).await == [Sighting::Present(FenceSeen::Open), Sighting::Present(FenceSeen::Open)],
            "both are open"
        );
        let mark = mark("payments-2024", 3)?;
        self.fenced(&names[..1], &mark).await?;
        let seen = self.port.fences(&names).await;
        ensure!(seen[0] == Sighting::Present(FenceSeen::Ours(mark)), "ours stands at the first, not {:?}", seen[0]);
        ensure!(seen[1] == Sighting::Present(FenceSeen::Open), "the second is as open as before");
        ensure!(self.port.describe(&names).await == before, "versions, labels and ARNs are as before");
        let stored = self.policy(&names[0]).await?.ok_or("there is a policy")?;
        let statement = &stored["Statement"][0];
        ensure!(statement["Effect"] == "Deny" && statement["Principal"] == "*", "it denies everybody: {stored}");
        ensure!(statement["Condition"]["ArnNotEquals"]["aws:PrincipalArn"].is_array(), "it exempts by principal: {stored}");
        Ok(())
    }

    async fn fencing_again_changes_nothing(&self, case: &str) -> Outcome {
        let names = self.created(case, &["s"]).await?;
        let mark = mark("w", 1)?;
        self.fenced(&names, &mark).await?;
        let first = self.policy(&names[0]).await?;
        self.fenced(&names, &mark).await?;
        ensure!(self.policy(&names[0]).await? == first, "the policy is as after the first time");
        self.unfenced(&names, &mark).await?;
        ensure!(self.policy(&names[0]).await?.is_none(), "no policy is left where none was");
        self.unfenced(&names, &mark).await?;
        ensure!(self.policy(&names[0]).await?.is_none(), "taking it away twice changes nothing either");
        Ok(())
    }

    // P9: equal as a document.
    async fn a_fence_keeps_what_others_wrote_and_goes_without_a_trace(&self, case: &str) -> Outcome {
        let names = self.created(case, &["list", "bare"]).await?;
        let mut bare = foreign_policy();
        bare["Statement"] = foreign_statement();
        for (name, theirs) in names.iter().zip([foreign_policy(), bare]) {
            self.put_policy(name, &theirs).await?;
            self.fenced(std::slice::from_ref(name), &mark("w", 1)?).await?;
            let fenced = self.policy(name).await?.ok_or("there is a policy")?;
            let statements = fenced["Statement"].as_array().cloned().unwrap_or_default();
            ensure!(
                statements.len() == 2 && statements.contains(&foreign_statement()),
                "{name}: theirs stays beside ours: {fenced}"
            );
            ensure!(fenced["Id"] == "theirs", "{name}: the rest of the document stays: {fenced}");
            self.unfenced(std::slice::from_ref(name), &mark("w", 1)?).await?;
            let after = self.policy(name).await?;
            ensure!(after.as_ref() == Some(&theirs), "{name}: the document is what it was, not {after:?}");
        }
        Ok(())
    }

    async fn what_others_add_to_a_fenced_policy_stays(&self, case: &str) -> Outcome {
        let names = self.created(case, &["s"]).await?;
        self.fenced(&names, &mark("w", 1)?).await?;
        let mut policy = self.policy(&names[0]).await?.ok_or("there is a policy")?;
        policy["Statement"].as_array_mut().ok_or("a list of statements")?.insert(0, foreign_statement());
        self.put_policy(&names[0], &policy).await?;
        self.unfenced(&names, &mark("w", 1)?).await?;
        let after = self.policy(&names[0]).await?.ok_or("their policy stays")?;
        ensure!(after["Statement"] == json!([foreign_statement()]), "their statement stays alone: {after}");
        Ok(())
    }

    async fn a_later_run_takes_a_fence_over(&self, case: &str) -> Outcome {
        let names = self.created(case, &["s"]).await?;
        self.put_policy(&names[0], &foreign_policy()).await?;
        self.fenced(&names, &mark("w", 1)?).await?;
        self.fenced(&names, &mark("w", 4)?).await?;
        let seen = self.port.fences(&names).await;
        ensure!(seen[0] == Sighting::Present(FenceSeen::Ours(mark("w", 4)?)), "the later mark stands, not {:?}", seen[0]);
        // The earlier run wakes up: it neither fences nor releases.
        let stored = self.policy(&names[0]).await?;
        self.conflict(&self.port.fence(&names, &mark("w", 3)?).await)?;
        self.conflict(&self.port.unfence(&names, &mark("w", 3)?).await)?;
        ensure!(self.policy(&names[0]).await? == stored, "the policy is as the later run left it");
        self.unfenced(&names, &mark("w", 5)?).await?;
        ensure!(self.policy(&names[0]).await? == Some(foreign_policy()), "and a still later run takes it away");
        Ok(())
    }

    async fn fences_of_others_are_not_touched(&self, case: &str) -> Outcome {
        let names = self.created(case, &["wave", "ledger"]).await?;
        let theirs = [mark("other-wave", 1)?, Mark { ledger: LedgerId::new("another"), ..mark("w", 1)? }];
        for (name, theirs) in names.iter().zip(&theirs) {
            self.fenced(std::slice::from_ref(name), theirs).await?;
        }
        let stored = [self.policy(&names[0]).await?, self.policy(&names[1]).await?];
        self.conflict(&self.port.fence(&names, &mark("w", 9)?).await)?;
        // Where nothing of ours stands, there is nothing to take away.
        self.unfenced(&names, &mark("w", 9)?).await?;
        ensure!([self.policy(&names[0]).await?, self.policy(&names[1]).await?] == stored, "their fences stay as they are");
        for (seen, theirs) in self.port.fences(&names).await.into_iter().zip(theirs) {
            ensure!(seen == Sighting::Present(FenceSeen::Ours(theirs)), "whose fence it is can be read, not {seen:?}");
        }
        Ok(())
    }

    async fn an_altered_fence_is_told_and_mended(&self, case: &str) -> Outcome {
        let names = self.created(case, &["s"]).await?;
        let mark = mark("w", 2)?;
        self.fenced(&names, &mark).await?;
        let intact = self.policy(&names[0]).await?.ok_or("there is a policy")?;
        let mut altered = intact.clone();
        altered["Statement"][0]["Action"] = json!(["secretsmanager:DeleteSecret"]);
        self.put_policy(&names[0], &altered).await?;
        let seen = self.port.fences(&names).await;
        ensure!(
            matches!(&seen[0], Sighting::Present(FenceSeen::Altered { what }) if what == "Action"),
            "not altered: {:?}",
            seen[0]
        );
        self.fenced(&names, &mark).await?;
        ensure!(self.policy(&names[0]).await? == Some(intact), "fencing puts it right");
        Ok(())
    }

    async fn a_policy_too_large_is_left_alone(&self, case: &str) -> Outcome {
        let names = self.created(case, &["s"]).await?;
        let mut large = foreign_policy();
        let room = RESOURCE_POLICY_BYTES - large.to_string().len();
        large["Statement"][0]["Sid"] = "s".repeat(room).into();
        self.put_policy(&names[0], &large).await?;
        let refused = self.port.fence(&names, &mark("w", 1)?).await;
        ensure!(matches!(&refused[..], [Err(error)] if error.kind == PortErrorKind::TooLarge), "it is too large: {refused:?}");
        ensure!(self.policy(&names[0]).await? == Some(large), "and stays as it was");
        Ok(())
    }

    async fn one_refusal_leaves_the_others_alone(&self, case: &str) -> Outcome {
        let mut names = self.created(case, &["a", "b"]).await?;
        names.insert(1, self.name(&format!("{case}/missing"))?);
        let mark = mark("w", 1)?;
        for (what, results) in
            [("fence", self.port.fence(&names, &mark).await), ("unfence", self.port.unfence(&names, &mark).await)]
        {
            let kinds: Vec<_> = results.iter().map(|result| result.as_ref().err().map(|error| error.kind)).collect();
            ensure!(kinds == [None, Some(PortErrorKind::NotFound), None], "{what} gave {kinds:?}");
        }
        let seen = self.port.fences(&names).await;
        ensure!(seen[1] == Sighting::Absent, "no fence is at what is not there, and {} was seen", kind(&seen[1]));
        Ok(())
    }
}

impl Suite<'_> {
    // The port is set up with a probe that no policy denies anything.
    async fn a_probe_of_an_open_secret_is_let_through_and_changes_nothing(&self, case: &str) -> Outcome {
        let mut names = self.created(case, &["a", "b"]).await?;
        names.push(self.name(&format!("{case}/missing"))?);
        let before = self.port.describe(&names).await;
        for _ in 0..2 {
            let felt = self.port.probe(&names).await;
            ensure!(matches!(felt[..2], [Ok(Felt::Accepted), Ok(Felt::Accepted)]), "it is let through: {felt:?}");
            ensure!(felt[2].as_ref().is_err_and(|error| error.kind == PortErrorKind::NotFound), "nothing to try: {:?}", felt[2]);
        }
        ensure!(self.port.describe(&names).await == before, "versions and labels are as before");
        let values = self.port.read(&names[..2]).await;
        let kept = |reading: &Result<SourceReading, PortError>| {
            reading.as_ref().is_ok_and(|reading| reading.value == SecretValue::Text(SecretText::new("x".to_owned())))
        };
        ensure!(values.iter().all(kept), "and the values are, too");
        Ok(())
    }

    async fn rotation_goes_and_comes_back_as_it_was(&self, case: &str) -> Outcome {
        let names = self.created(case, &["s"]).await?;
        self.rotated(&names[0], 0).await?;
        let before = self.port.describe(&names).await;
        let rotation = self.present(&before[0])?.rotation.clone().ok_or("it is rotated")?;
        ensure!(self.present(&before[0])?.rotation_enabled && rotation.after_days == Some(30), "as it was set up: {rotation:?}");
        for _ in 0..2 {
            all_done(self.port.cancel_rotation(&names).await)?;
            let off = self.port.describe(&names).await;
            ensure!(!self.present(&off[0])?.rotation_enabled, "rotation is off");
        }
        for _ in 0..2 {
            all_done(self.port.restore_rotation(&[(names[0].clone(), rotation.clone())]).await)?;
            let on = self.port.describe(&names).await;
            let on = self.present(&on[0])?;
            ensure!(on.rotation_enabled && on.rotation.as_ref() == Some(&rotation), "it is on as it was, not {:?}", on.rotation);
            ensure!(on.versions.current() == self.present(&before[0])?.versions.current(), "and nothing was rotated");
        }
        Ok(())
    }

    async fn rotation_that_others_set_up_meanwhile_stays(&self, case: &str) -> Outcome {
        let names = self.created(case, &["on", "off"]).await?;
        for name in &names {
            self.rotated(name, 0).await?;
        }
        let ours = self.present(&self.port.describe(&names[..1]).await[0])?.rotation.clone().ok_or("it is rotated")?;
        all_done(self.port.cancel_rotation(&names).await)?;
        for name in &names {
            self.rotated(name, 1).await?;
        }
        all_done(self.port.cancel_rotation(&names[1..]).await)?;
        let theirs = self.port.describe(&names).await;
        let both: Vec<_> = names.iter().map(|name| (name.clone(), ours.clone())).collect();
        let results = self.port.restore_rotation(&both).await;
        ensure!(results[0].is_ok(), "what is on is on: {:?}", results[0]);
        self.conflict(&results[1..])?;
        ensure!(self.port.describe(&names).await == theirs, "theirs stays as it is");
        Ok(())
    }

    async fn deletion_is_scheduled_once_and_can_be_undone(&self, case: &str) -> Outcome {
        let names = self.created(case, &["s"]).await?;
        for _ in 0..2 {
            let dates = self.port.retire(&names, 7).await;
            ensure!(dates.iter().all(Result::is_ok), "it says when: {dates:?}");
            let seen = self.port.describe(&names).await;
            ensure!(self.present(&seen[0])?.deleted_at.is_some(), "and it is seen");
        }
        let read = self.port.read(&names).await;
        ensure!(read[0].as_ref().is_err_and(|error| error.kind == PortErrorKind::InvalidState), "nobody reads it: {read:?}");
        self.call("RestoreSecret", json!({ "SecretId": names[0] })).await?;
        let seen = self.port.describe(&names).await;
        ensure!(self.present(&seen[0])?.deleted_at.is_none(), "it comes back");
        let absent = self.port.retire(&self.names(case, &["absent"])?, 7).await;
        ensure!(absent[0].as_ref().is_err_and(|error| error.kind == PortErrorKind::NotFound), "nothing to delete: {absent:?}");
        Ok(())
    }

    async fn replicas_go_before_their_secret(&self, case: &str) -> Outcome {
        let names = self.created(case, &["s"]).await?;
        let input = json!({ "SecretId": names[0], "AddReplicaRegions": [{ "Region": "eu-west-1" }] });
        self.call("ReplicateSecretToRegions", input).await?;
        let regions = |accesses: &[Sighting<Vec<Sighting<LastAccess>>>]| match &accesses[0] {
            Sighting::Present(regions) => regions.len(),
            _ => 0,
        };
        ensure!(regions(&self.port.last_accessed(&names).await) == 2, "both regions are asked");
        let refused = self.port.retire(&names, 7).await;
        ensure!(refused[0].is_err(), "a secret with a replica stays: {refused:?}");
        let seen = self.port.describe(&names).await;
        ensure!(self.present(&seen[0])?.deleted_at.is_none(), "and is not scheduled");
        for _ in 0..2 {
            all_done(self.port.remove_replicas(&[(names[0].clone(), BTreeSet::from(["eu-west-1".to_owned()]))]).await)?;
            let seen = self.port.describe(&names).await;
            ensure!(self.present(&seen[0])?.replica_regions.is_empty(), "the replica is gone");
        }
        ensure!(regions(&self.port.last_accessed(&names).await) == 1, "one region is left");
        let dates = self.port.retire(&names, 7).await;
        ensure!(dates[0].is_ok(), "now it goes: {dates:?}");
        Ok(())
    }

    async fn rotated(&self, name: &SecretName, function: usize) -> Outcome {
        let input = json!({
            "SecretId": name,
            "RotationLambdaARN": self.world.rotation_functions().await[function],
            "RotationRules": { "AutomaticallyAfterDays": 30 },
            "RotateImmediately": false,
            "ClientRequestToken": token(name.as_str(), 90),
        });
        self.call("RotateSecret", input).await.map(drop)
    }
}

impl Suite<'_> {
    async fn call(&self, operation: &str, input: Value) -> Result<Value, Failed> {
        self.world.call(operation, input).await.map_err(|refusal| format!("{operation} was refused beside the port: {refusal}"))
    }

    /// Creates a secret with a text and gives its version.
    async fn create(&self, name: &str, value: &str) -> Result<String, Failed> {
        let input = json!({ "Name": name, "SecretString": value, "ClientRequestToken": token(name, 0) });
        text(&self.call("CreateSecret", input).await?, "VersionId")
    }

    /// Creates secrets named after the case, with a value that matters to nobody.
    async fn created(&self, case: &str, ends: &[&str]) -> Result<Vec<SecretName>, Failed> {
        let names = self.names(case, ends)?;
        for name in &names {
            self.create(name.as_str(), "x").await?;
        }
        Ok(names)
    }

    fn name(&self, name: &str) -> Result<SecretName, Failed> {
        SecretName::parse(name).map_err(|error| error.to_string())
    }

    fn names(&self, case: &str, ends: &[&str]) -> Result<Vec<SecretName>, Failed> {
        ends.iter().map(|end| self.name(&format!("{case}/{end}"))).collect()
    }

    fn present<'a>(&self, seen: &'a Sighting<SourceSecret>) -> Result<&'a SourceSecret, Failed> {
        seen.as_ref().present().ok_or_else(|| format!("it is there, and {} was seen", kind(seen)))
    }

    async fn policy(&self, name: &SecretName) -> Result<Option<Value>, Failed> {
        let answer = self.call("GetResourcePolicy", json!({ "SecretId": name })).await?;
        let stored = answer.get("ResourcePolicy").and_then(Value::as_str);
        stored.map(serde_json::from_str).transpose().map_err(|error| format!("the stored policy is no JSON: {error}"))
    }

    async fn put_policy(&self, name: &SecretName, policy: &Value) -> Outcome {
        self.call("PutResourcePolicy", json!({ "SecretId": name, "ResourcePolicy": policy.to_string() })).await.map(drop)
    }

    async fn fenced(&self, names: &[SecretName], mark: &Mark) -> Outcome {
        all_done(self.port.fence(names, mark).await)
    }

    async fn unfenced(&self, names: &[SecretName], mark: &Mark) -> Outcome {
        all_done(self.port.unfence(names, mark).await)
    }

    fn conflict(&self, results: &[Result<(), PortError>]) -> Outcome {
        let all = results.iter().all(|result| result.as_ref().is_err_and(|error| error.kind == PortErrorKind::Conflict));
        ensure!(all && !results.is_empty(), "what belongs to others is a conflict: {results:?}");
        Ok(())
    }
}

fn done<T>(result: Result<T, PortError>) -> Result<T, Failed> {
    result.map_err(|error| error.to_string())
}

fn all_done(results: Vec<Result<(), PortError>>) -> Outcome {
    results.into_iter().try_for_each(done)
}

fn text(answer: &Value, member: &str) -> Result<String, Failed> {
    answer[member].as_str().map(str::to_owned).ok_or_else(|| format!("the answer beside the port has no {member}"))
}

/// A request token, which becomes the version id: 32 to 64 characters, another one for each name and number.
fn token(name: &str, number: u32) -> String {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    format!("{:016x}-contract-suite-{number:016}", hasher.finish())
}

fn kind<T>(seen: &Sighting<T>) -> &'static str {
    match seen {
        Sighting::Present(_) => "present",
        Sighting::Absent => "absent",
        Sighting::Unknown(_) => "unknown",
        Sighting::Unreadable(_) => "unreadable",
    }
}
