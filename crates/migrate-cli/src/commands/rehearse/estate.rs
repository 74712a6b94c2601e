//! What a rehearsal hands over: names, made-up values that their declared reads can read, and an inventory.

use std::collections::{BTreeMap, BTreeSet};

use migrate_core::{
    inventory::{ConsumerMeans, Inventory, Secret},
    name::SecretName,
    reads::Read,
    value::{SecretText, SecretValue},
};
use rehearsal::{seed::Kind, world::World};

use crate::error::{CommandError, Reason};

/// What stands in the made-up store, and what is to become of it.
pub(super) struct Estate {
    /// The inventory to begin with.
    pub(super) inventory: String,
    /// What will be handed over, by its name in the inventory.
    pub(super) moving: Vec<SecretName>,
    /// What will not, and why.
    pub(super) left_out: Vec<(SecretName, &'static str)>,
    values: BTreeMap<SecretName, Made>,
    /// Patterns for the first and the second wave, where names alone would be long.
    patterns: Option<[&'static str; 2]>,
}

/// How a value is made up.
enum Made {
    /// One of the kinds that are hard to carry.
    Kind(Kind),
    /// A JSON object that has these members, since somebody reads them.
    Members(BTreeSet<String>),
}

/// Who reads the kinds that somebody declares to read; the others are found by the import.
const DECLARED: [(Kind, &str); 9] = [
    (Kind::Text, "whole: { secretKey: password }"),
    (Kind::Fields, "extract: {}"),
    (Kind::Numbers, "property: { secretKey: port, property: port }"),
    (Kind::Nested, "property: { secretKey: host, property: db.host }"),
    (Kind::DottedKeys, "property: { secretKey: password, property: db.password }"),
    (Kind::Pem, "whole: { secretKey: tls.key }"),
    (Kind::Unicode, "whole: { secretKey: motto }"),
    (Kind::AllBytes, "whole: { secretKey: keystore }"),
    (Kind::LargestBinary, "whole: { secretKey: keystore }"),
];

impl Estate {
    /// One secret of every kind, in two datasources, one for each wave.
    pub(super) fn of_every_kind() -> Self {
        let half = Kind::ALL.len() / 2;
        let named = Kind::ALL.iter().enumerate().filter_map(|(at, kind)| {
            let datasource = if at < half { "mysql" } else { "kafka" };
            Some((SecretName::parse(&format!("platform-data/{datasource}/{}", kind.slug())).ok()?, *kind))
        });
        let values: BTreeMap<SecretName, Kind> = named.collect();
        let mut inventory =
            "# yaml-language-server: $schema=secrets-inventory.v1.json\napiVersion: migrate/v1\nsecrets:\n".to_owned();
        for (kind, read) in DECLARED {
            let Some((name, _)) = values.iter().find(|(_, of)| **of == kind) else { continue };
            inventory += &format!(
                "- name: {name}\n  category: data\n  class: runtime\n  disposition: moves\n  consumers:\n  - application: orders\n    \
                 externalSecret:\n      namespace: orders\n      name: {}\n      reads:\n      - {read}\n",
                kind.slug()
            );
        }
        Self {
            inventory,
            moving: values.keys().cloned().collect(),
            left_out: Vec::new(),
            values: values.into_iter().map(|(name, kind)| (name, Made::Kind(kind))).collect(),
            patterns: Some(["platform-data/mysql/*", "platform-data/kafka/*"]),
        }
    }

    /// The names of an inventory, with values of every kind in turn; where reads are declared, values that have what is read.
    pub(super) fn of(text: &str, inventory: &Inventory) -> Self {
        let mut estate = Self {
            inventory: text.to_owned(),
            moving: Vec::new(),
            left_out: Vec::new(),
            values: BTreeMap::new(),
            patterns: None,
        };
        for (secret, kind) in inventory.secrets().iter().zip(Kind::ALL.into_iter().cycle()) {
            match reason_to_stay(secret) {
                Some(reason) => estate.left_out.push((secret.name.clone(), reason)),
                None => estate.moving.push(secret.name.clone()),
            }
            let members: BTreeSet<String> = secret.reads().filter_map(member_read).collect();
            let extracts = secret.reads().any(|read| matches!(read, Read::Extract { .. }));
            let made = match (members.is_empty(), extracts) {
                (true, false) => Made::Kind(kind),
                (true, true) => Made::Members(["username", "password"].map(str::to_owned).into()),
                (false, _) => Made::Members(members),
            };
            estate.values.insert(secret.source_name().clone(), made);
        }
        estate
    }

    /// How many secrets there are.
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// Puts the values into the store.
    pub(super) fn fill(&self, world: &World) -> Result<(), CommandError> {
        for ((name, made), number) in self.values.iter().zip(0..) {
            let value = match made {
                Made::Kind(kind) => world.value(*kind, number),
                Made::Members(members) => object(world, members, number),
            };
            world.secrets_manager.create(name.as_str(), value).map_err(|error| {
                CommandError::new(Reason::Internal, format!("the made-up store refused {name}")).because(&error)
            })?;
        }
        Ok(())
    }

    /// What is selected for each of two waves. A name is a pattern for itself: it holds nothing that is special in one.
    pub(super) fn waves(&self) -> [Vec<String>; 2] {
        if let Some(patterns) = self.patterns {
            return patterns.map(|pattern| vec![pattern.to_owned()]);
        }
        let (first, second) = self.moving.split_at(self.moving.len().div_ceil(2));
        [first, second].map(|names| names.iter().map(ToString::to_string).collect())
    }
}

/// A JSON object of strings with these members, each another word of text.
fn object(world: &World, members: &BTreeSet<String>, number: u64) -> SecretValue {
    let mut object = serde_json::Map::new();
    for (member, offset) in members.iter().zip(0..) {
        let word = world.value(Kind::Text, number.wrapping_mul(1000) + offset);
        object.insert(member.clone(), String::from_utf8_lossy(word.expose()).into());
    }
    SecretValue::Text(SecretText::new(serde_json::Value::Object(object).to_string()))
}

fn reason_to_stay(secret: &Secret) -> Option<&'static str> {
    if !secret.moves() {
        return Some("stays by its disposition");
    }
    let by_sdk = secret.consumers.iter().any(|consumer| matches!(consumer.means, ConsumerMeans::Sdk(_)));
    by_sdk.then_some("is read through the SDK, which a commit would leave behind")
}

/// The member that a read needs, where it needs one.
fn member_read(read: &Read) -> Option<String> {
    match read {
        Read::Property { property, .. } | Read::Extract { property: Some(property), .. } => Some(property.clone()),
        Read::Whole { .. } | Read::Extract { property: None, .. } | Read::Find { .. } => None,
    }
}
