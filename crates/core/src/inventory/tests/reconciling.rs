//! Drift: each kind once, and nothing where all agree.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;

use super::{importing::listed, *};
use crate::{
    codec::Encoding,
    handover::{Begun, Event, Handover, RunKind, Runner, next},
    id::{Epoch, LedgerId, SourceVersion, TargetVersion, WaveName},
    inventory::reconcile::{Drift, DriftKind, Seen, mended, reconcile},
    name::SecretArn,
    observed::{ListedSecret, Sighting, TargetEntry, VersionMap},
    ports::{PortError, PortErrorKind},
};

const NAME: &str = "platform-data/postgres/orders";

/// A ledger in which the named secrets were handed over as `fields:value`.
fn handed_over(names: &[&str]) -> Handover {
    let wave = WaveName::parse("one").unwrap();
    let versions: Arc<VersionMap> = VersionMap::default().into();
    let begun = |text: &&str| {
        let begun = Begun {
            source: name(text),
            path: name(text).vault_path().unwrap(),
            arn: SecretArn::new("arn"),
            versions: versions.clone(),
            encoding: Encoding::Fields { whole: Some("value".into()) },
            rotation: None,
            history: Vec::new(),
        };
        (name(text), Arc::new(begun))
    };
    let members: BTreeMap<_, _> = names.iter().map(begun).collect();
    let all: std::collections::BTreeSet<_> = members.keys().cloned().collect();
    let runner = Runner { host: "h".into(), process: 1 };
    let of = || wave.clone();
    let target = TargetVersion(1);
    let events = [
        Event::Lead { wave: of(), run: RunKind::Apply, runner, declared_dead: None },
        Event::Begin { wave: of(), plan: crate::handover::PlanDigest("d".into()), members },
        Event::Preflighted { wave: of() },
        Event::FenceIntended { wave: of(), members: all.clone() },
        Event::Fenced { wave: of(), members: all.clone() },
        Event::Settled {
            wave: of(),
            after_seconds: 0,
            probes: 0,
            members: all
                .iter()
                .map(|name| {
                    let current = (SourceVersion::new("v"), ["AWSCURRENT".to_owned()].into());
                    (name.clone(), Arc::new(VersionMap([current].into())))
                })
                .collect(),
        },
        Event::CopyIntended { wave: of(), members: all.clone() },
        Event::Copied { wave: of(), members: all.iter().map(|name| (name.clone(), target)).collect() },
        Event::Verified {
            wave: of(),
            members: all.iter().map(|name| (name.clone(), (SourceVersion::new("v"), target))).collect(),
        },
        Event::Committed { wave: of() },
    ];
    let created = next(Handover::default(), Epoch(0), &Event::Created { ledger: LedgerId::new("l") }).unwrap();
    events.iter().fold(created, |state, event| next(state, Epoch(1), event).unwrap())
}

fn entry() -> TargetEntry {
    TargetEntry {
        current_version: Some(TargetVersion(1)),
        gone_versions: [].into(),
        mark: None,
        custom_metadata: BTreeMap::new(),
        delete_version_after_seconds: 0,
    }
}

fn unknown<T>() -> Sighting<T> {
    Sighting::Unknown(PortError::new(PortErrorKind::Unreachable, "describe", NAME, "no route"))
}

struct World {
    inventory: Inventory,
    state: Handover,
    listed: Vec<ListedSecret>,
    unlisted: BTreeMap<SecretName, Sighting<crate::observed::SourceSecret>>,
    targets: BTreeMap<SecretName, Sighting<TargetEntry>>,
    target_paths: BTreeSet<String>,
}

impl World {
    /// One secret, on which all agree.
    fn agreeing(keys: &str, state: Handover) -> Self {
        let target = if state.is_handed_over(&name(NAME)) { Sighting::Present(entry()) } else { Sighting::Absent };
        Self {
            inventory: Inventory::parse(&with_entries(&[&format!("name: {NAME}\n{keys}")])).unwrap(),
            state,
            listed: vec![listed(NAME)],
            unlisted: BTreeMap::new(),
            targets: [(name(NAME), target)].into(),
            target_paths: [NAME.to_owned()].into(),
        }
    }

    fn drift(&self) -> Vec<Drift> {
        let seen = Seen {
            listed: &self.listed,
            unlisted: &self.unlisted,
            targets: Some(&self.targets),
            target_paths: Some(&self.target_paths),
        };
        reconcile(&self.inventory, &self.state, seen)
    }

    fn told(&self) -> String {
        let told = |drift: &Drift| {
            let secret = drift.secret.as_ref().map(ToString::to_string).unwrap_or_default();
            format!("{secret} {}; {}", drift.kind, drift.kind.mend())
        };
        self.drift().iter().map(told).collect::<Vec<_>>().join("\n")
    }
}

fn with(change: impl FnOnce(&mut World)) -> String {
    let mut world = World::agreeing("owner: someone", Handover::default());
    change(&mut world);
    world.told().replace(&format!("{NAME} "), "")
}

fn with_handed_over(keys: &str, change: impl FnOnce(&mut World)) -> String {
    let mut world = World::agreeing(keys, handed_over(&[NAME]));
    change(&mut world);
    world.told().replace(&format!("{NAME} "), "")
}

#[test]
fn what_vault_has_and_nobody_declared_is_drift() {
    let told = with(|world| {
        let token = "ghp_0123456789abcdefghijABCDEFGHIJ012345";
        world.target_paths.extend(["platform-data/redis/who".to_owned(), "platform-data/a b".to_owned(), token.to_owned()]);
    });
    insta::assert_snapshot!(told, @r"
     is in Vault and not in the inventory; find out whose it is, then declare it, or have its owner delete it in Vault
    platform-data/redis/who is in Vault and not in the inventory; find out whose it is, then declare it, or have its owner delete it in Vault
    ");
    // What the ledger knows is told once, as what it is.
    let mut world = World::agreeing("owner: someone", handed_over(&["platform-data/redis/gone"]));
    world.target_paths.insert("platform-data/redis/gone".to_owned());
    assert_eq!(world.drift().iter().map(|drift| &drift.kind).collect::<Vec<_>>(), [&DriftKind::HandedOverUndeclared]);
}

const RECORDED: &str = "encoding: {fields: {whole: value}}";

// REQ INV-4
#[test]
fn nothing_is_told_where_all_agree() {
    assert_eq!(with(|_| ()), "");
    assert_eq!(with_handed_over(RECORDED, |_| ()), "");
    // What was handed over may be deleted at its old place.
    assert_eq!(with_handed_over(RECORDED, |world| world.listed.clear()), "");
    // The list is behind; a look by name counts.
    let fresh = with(|world| {
        world.listed.clear();
        let seen = crate::observed::SourceSecret::plain(SecretArn::new("arn"), VersionMap::default());
        world.unlisted.insert(name(NAME), Sighting::Present(seen));
    });
    assert_eq!(fresh, "");
}

// REQ INV-4
#[test]
fn each_kind_of_drift_is_told_with_what_mends_it() {
    let mut all = vec![
        with(|world| world.listed.push(listed("prod/other"))),
        with(|world| world.listed.push(listed("prod/glpat-0123456789abcdefghij"))),
        with(|world| world.listed.clear()),
        with(|world| {
            world.listed.clear();
            world.unlisted.insert(name(NAME), unknown());
        }),
        with(|world| world.listed[0].deleted_at = Some(Timestamp::UNIX_EPOCH)),
        with(|world| world.listed[0].rotation_enabled = true),
        with(|world| world.listed[0].owning_service = Some("rds".into())),
        with(|world| {
            world.targets.insert(name(NAME), Sighting::Present(entry()));
        }),
        with(|world| {
            world.targets.insert(name(NAME), unknown());
        }),
    ];
    all.extend([
        with_handed_over("owner: someone", |_| ()),
        with_handed_over("encoding: {text: {property: value}}", |_| ()),
        with_handed_over(&format!("{RECORDED}\ndisposition: {{stays: RDS}}"), |_| ()),
        with_handed_over(RECORDED, |world| {
            world.targets.insert(name(NAME), Sighting::Absent);
        }),
        with_handed_over(RECORDED, |world| {
            let gone = TargetEntry { gone_versions: [TargetVersion(1)].into(), ..entry() };
            world.targets.insert(name(NAME), Sighting::Present(gone));
        }),
        with_handed_over(RECORDED, |world| world.state = handed_over(&[NAME, "platform-data/a/b"])),
    ]);
    insta::assert_snapshot!(all.join("\n"), @r"
    prod/other is in Secrets Manager and not in the inventory; `migrate inventory import` adds it, or delete it in Secrets Manager if nobody needs it
     is in Secrets Manager and not in the inventory; `migrate inventory import` adds it, or delete it in Secrets Manager if nobody needs it
    is in the inventory and not in Secrets Manager; create it in Secrets Manager, or take the entry out
    could not be looked at: describe for platform-data/postgres/orders: no route; mend the access that it names, and run this again
    is scheduled for deletion in Secrets Manager since 1970-01-01T00:00:00Z; `aws secretsmanager restore-secret` if it is needed, else take the entry out
    rotation is on in Secrets Manager and off in the inventory; `--write` puts it into the inventory
    rotation writes it, and `writers` does not say so; `--write` puts it into the inventory
    is managed by rds, and the inventory says that it moves; write `disposition: {stays: <reason>}`
    is not handed over, and something stands at its path in Vault; find out whose it is; a plan that selects the secret is blocked by it
    could not be looked at: describe for platform-data/postgres/orders: no route; mend the access that it names, and run this again
    is laid out in Vault as fields:value, and the inventory says nothing; `--write` puts it into the inventory
    is laid out in Vault as fields:value, and the inventory says text:value; `--write` puts it into the inventory
    was handed over, and the inventory says that it stays; write `disposition: moves`: authority only goes forward
    was handed over, and Vault does not have it; `migrate verify` looks closer; the old copy in Secrets Manager may still hold the value
    was handed over, and Vault does not have it; `migrate verify` looks closer; the old copy in Secrets Manager may still hold the value
    platform-data/a/b was handed over, and the inventory does not have it; put the entry back from Git's history: what was handed over stays declared
    ");
}

#[test]
fn what_is_mended_in_the_inventory_is_told_no_more() {
    let mut world = World::agreeing("rotation: {enabled: false, notes: weekly}", Handover::default());
    world.listed[0].rotation_enabled = true;
    let drift = world.drift();
    assert_eq!(drift.len(), 2);
    world.inventory = mended(&world.inventory, &world.state, &drift);
    assert_eq!(world.told(), "");
    let rotation = world.inventory.secrets()[0].rotation.clone().unwrap();
    assert_eq!(rotation.notes.as_ref().map(Prose::as_str), Some("weekly"));

    let mut world = World::agreeing("owner: someone", handed_over(&[NAME]));
    world.inventory = mended(&world.inventory, &world.state, &world.drift());
    assert_eq!(world.told(), "");
}

#[test]
fn what_a_person_wrote_stays_where_it_is_mended() {
    let text = "\
# ours
apiVersion: migrate/v1
secrets:
- name: platform-data/postgres/orders # the big one
  category: data
  class: runtime
  disposition: moves
  rotation: { enabled: false, notes: weekly }
  # to be told
  notes: |
    Two lines,
    and no more.

# the other one
- name: platform-data/postgres/billing
  category: data
  class: runtime
  disposition: moves
  encoding:
    text:
      property: value
";
    let inventory = Inventory::parse(text).unwrap();
    let names = ["platform-data/postgres/orders", "platform-data/postgres/billing"];
    let (open, over) = (handed_over(&names[1..]), handed_over(&names));
    let mut listing = vec![listed(names[0]), listed(names[1])];
    listing[0].rotation_enabled = true;
    let seen = Seen { listed: &listing, unlisted: &BTreeMap::new(), targets: None, target_paths: None };
    let mend = |text: &str, state: &Handover| {
        let inventory = Inventory::parse(text).unwrap();
        rewritten(text, &mended(&inventory, state, &reconcile(&inventory, state, seen))).unwrap()
    };
    let once = mend(text, &open);
    assert_ne!(Inventory::parse(&once).unwrap(), inventory);
    insta::assert_snapshot!(mend(&once, &over), @r"
    # ours
    apiVersion: migrate/v1
    secrets:
    - name: platform-data/postgres/orders # the big one
      category: data
      class: runtime
      disposition: moves
      writers:
      - rotation: Secrets Manager
      rotation:
        enabled: true
        notes: weekly
      encoding:
        fields:
          whole: value
      # to be told
      notes: |
        Two lines,
        and no more.

    # the other one
    - name: platform-data/postgres/billing
      category: data
      class: runtime
      disposition: moves
      encoding:
        fields:
          whole: value
    ");
    // What can't be changed without losing a comment is handed back to put there by hand.
    let commented = text.replace("property: value", "property: value # as always");
    let inventory = Inventory::parse(&commented).unwrap();
    let new = mended(&inventory, &open, &reconcile(&inventory, &open, seen));
    assert!(rewritten(&commented, &new).unwrap_err().contains("whole: value"));
}
