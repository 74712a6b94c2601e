//! Choosing: spellings of each read are tried in order of naturalness until the proof holds for all of them at once.

use std::{
    collections::{BTreeMap, BTreeSet},
    vec,
};

use crate::{
    quota,
    reads::{self, DecodingStrategy, MetadataPolicy, Read},
    value::SecretValue,
};

use super::{
    Choice, Encoding, Unencodable, compare,
    layout::{self, Today},
};

/// The reserved property of `text` and `binary`, unless taken.
const MAIN: &str = "value";
/// The reserved property of an object for `extract`, unless taken.
const OBJECT: &str = "extract";
/// The reserved property of a single read, unless taken.
const SINGLE: &str = "read";

/// The three encodings, before it is known whether `fields` needs the whole text too.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Base {
    Text,
    Binary,
    Fields,
}

/// Chooses an encoding for `value` that serves every one of `reads`, and proves it.
///
/// With no reads, an object whose members are all strings goes as `fields`, everything else as `text` or `binary`. Reads of the whole keep
/// the value exact; reads of members make `fields` of a JSON object.
///
/// # Errors
/// [`Unencodable`] where none does.
pub fn choose(value: &SecretValue, reads: &[Read]) -> Result<Choice, Unencodable> {
    let today = layout::today(value, reads)?;
    let members = Members::of(value);
    let exact = match value {
        SecretValue::Text(_) => Base::Text,
        SecretValue::Binary(_) => Base::Binary,
    };
    let wants_members = reads.iter().any(|read| read.is_extract() || read.named_property().is_some());
    let is_plain_object = reads.is_empty() && exact == Base::Text && members.as_ref().is_some_and(Members::is_plain);
    if let Some(members) = &members
        && (wants_members || is_plain_object)
        && members.keys.len() <= quota::KV_ENTRY_PROPERTIES
        && let Ok(choice) = search(value, reads, &today, Base::Fields, Some(members))
    {
        return Ok(choice);
    }
    search(value, reads, &today, exact, members.as_ref())
}

/// The members of a JSON object that can go as `fields`.
struct Members {
    keys: BTreeSet<String>,
    stringified: BTreeSet<String>,
    has_twins: bool,
}

impl Members {
    /// `None` where the value is no JSON object, has no members, or holds what no string can.
    fn of(value: &SecretValue) -> Option<Self> {
        let mut of = Self { keys: BTreeSet::new(), stringified: BTreeSet::new(), has_twins: false };
        for member in reads::members(value.expose())? {
            member.value.as_field()?;
            if !member.value.is_string() {
                of.stringified.insert(member.key.clone());
            }
            of.has_twins |= !of.keys.insert(member.key);
        }
        (!of.keys.is_empty()).then_some(of)
    }

    /// All strings, each key once.
    fn is_plain(&self) -> bool {
        self.stringified.is_empty() && !self.has_twins
    }
}

/// Tries spellings of each read until all are equal at once. Each round that fails moves at least one read to its next spelling, so it ends.
fn search(
    value: &SecretValue,
    reads: &[Read],
    today: &[Today],
    base: Base,
    members: Option<&Members>,
) -> Result<Choice, Unencodable> {
    let mut names = Names::new(reads, members);
    let main = names.take(MAIN);
    let mut spellings: Vec<vec::IntoIter<Read>> =
        reads.iter().map(|read| spellings(read, base, &main, &mut names).into_iter()).collect();
    let mut rewritten = Vec::with_capacity(reads.len());
    for (nth, spellings) in spellings.iter_mut().enumerate() {
        rewritten.push(spellings.next().ok_or_else(|| layout::not_text(reads, nth))?);
    }
    loop {
        let encoding = match base {
            Base::Text => Encoding::Text { property: main.clone() },
            Base::Binary => Encoding::Binary { property: main.clone() },
            Base::Fields => {
                let whole = rewritten.iter().any(|read| read.named_property() == Some(&main)).then(|| main.clone());
                Encoding::Fields { whole }
            }
        };
        let mut failing = BTreeMap::new();
        match layout::lay_out(value, &encoding, reads, today, &rewritten) {
            Ok(entry) => {
                for (nth, (today, counterpart)) in today.iter().zip(&rewritten).enumerate() {
                    if let Err(key) = compare(&today.delivered, &entry, counterpart) {
                        failing.insert(nth, Unencodable::Differs { nth, read: layout::named(reads, nth), key });
                    }
                }
                if failing.is_empty() {
                    layout::check_size(&entry)?;
                    let stringified = match (base, members) {
                        (Base::Fields, Some(members)) => members.stringified.iter().cloned().collect(),
                        _ => Vec::new(),
                    };
                    return Ok(Choice { encoding, rewritten, stringified });
                }
            }
            Err(Some(nth)) => {
                failing.insert(nth, layout::not_text(reads, nth));
            }
            Err(None) => return Err(Unencodable::ChoiceMismatch),
        }
        for (nth, why) in failing {
            match (spellings.get_mut(nth).and_then(Iterator::next), rewritten.get_mut(nth)) {
                (Some(next), Some(counterpart)) => *counterpart = next,
                _ => return Err(why),
            }
        }
    }
}

/// Reserved properties that collide with no member and no property that anybody reads.
struct Names {
    taken: BTreeSet<String>,
    /// Of objects by the property that is extracted, of single reads by property and decoding: readers of the same share one.
    objects: BTreeMap<Option<String>, String>,
    singles: BTreeMap<(Option<String>, DecodingStrategy), String>,
}

impl Names {
    fn new(reads: &[Read], members: Option<&Members>) -> Self {
        let read = reads.iter().filter_map(Read::named_property).map(str::to_owned);
        let keys = members.iter().flat_map(|members| members.keys.iter().cloned());
        Self { taken: read.chain(keys).collect(), objects: BTreeMap::new(), singles: BTreeMap::new() }
    }

    /// `wish`, else `wish-2`, `wish-3`, …
    fn take(&mut self, wish: &str) -> String {
        let mut name = wish.to_owned();
        let mut nth = 2u32;
        while !self.taken.insert(name.clone()) {
            name = format!("{wish}-{nth}");
            nth += 1;
        }
        name
    }

    /// The property for the members that `read` extracts.
    fn object(&mut self, read: &Read) -> String {
        let of = read.named_property().map(str::to_owned);
        if let Some(name) = self.objects.get(&of) {
            return name.clone();
        }
        let name = self.take(OBJECT);
        self.objects.insert(of, name.clone());
        name
    }

    /// The property for the one piece that `read` gets.
    fn single(&mut self, read: &Read) -> String {
        let of = (read.named_property().map(str::to_owned), read.decoding_strategy());
        if let Some(name) = self.singles.get(&of) {
            return name.clone();
        }
        let name = self.take(SINGLE);
        self.singles.insert(of, name.clone());
        name
    }
}

/// How `read` may be spelled against KV v2, the most natural first.
fn spellings(read: &Read, base: Base, main: &str, names: &mut Names) -> Vec<Read> {
    let mut spellings = Vec::new();
    match read {
        Read::Extract { conversion_strategy, decoding_strategy, rewrite, .. } => {
            let with = |property: Option<String>| Read::Extract {
                property,
                conversion_strategy: *conversion_strategy,
                decoding_strategy: *decoding_strategy,
                version: None,
                metadata_policy: MetadataPolicy::None,
                rewrite: rewrite.clone(),
            };
            match (read.named_property(), base) {
                (Some(property), _) => spellings.push(with(Some(property.to_owned()))),
                (None, Base::Fields) => spellings.push(with(None)),
                (None, Base::Text) => spellings.push(with(Some(main.to_owned()))),
                (None, Base::Binary) => {}
            }
            spellings.push(with(Some(names.object(read))));
        }
        Read::Whole { .. } | Read::Property { .. } | Read::Find { .. } => {
            let strategy = read.decoding_strategy();
            let secret_key = match read {
                Read::Whole { secret_key, .. } | Read::Property { secret_key, .. } => secret_key.clone(),
                // A name that makes no key failed when it was read from Secrets Manager.
                Read::Find { .. } | Read::Extract { .. } => reads::key_of_find(read).unwrap_or_default(),
            };
            let with = |property: &str, strategy| Read::property(secret_key.clone(), property).decoded(strategy);
            match (read.named_property(), base) {
                (Some(property), _) => spellings.push(with(property, strategy)),
                (None, Base::Fields) => {
                    spellings.push(Read::whole(secret_key.clone()).decoded(strategy));
                    spellings.push(with(main, strategy));
                }
                (None, Base::Text) => spellings.push(with(main, strategy)),
                (None, Base::Binary) => spellings.push(with(main, DecodingStrategy::Base64)),
            }
            let single = names.single(read);
            spellings.push(with(&single, strategy));
            spellings.push(with(&single, DecodingStrategy::Base64));
        }
    }
    spellings
}
