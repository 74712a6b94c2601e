// long because it is one deserializer, and serde asks for every method of it
//! From the located tree to types, through their own `Deserialize`, finding *every* fault and not only the first.
//!
//! Serde stops at the first error. So a faulty thing is noted, taken for a blank that fits any type, and the whole is read again until
//! nothing new is found; a value read with blanks in it is thrown away. Only entries with faults are read more than once. No message
//! quotes what stands in the file, only keys and variants that the types know.

use std::{cell::RefCell, collections::HashSet, fmt};

use serde::de::{self, DeserializeSeed, IntoDeserializer, Visitor, value::StrDeserializer};

use super::{
    node::{Content, Key, Node, Position, Shape},
    problem::ProblemKind,
};

/// A fault and its place.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) at: Position,
    /// Keys and indexes from the top of what was read, as in `consumers[0].sdk`; empty for the top itself.
    pub(super) path: String,
    pub(super) kind: ProblemKind,
}

/// Reads a `T` from the tree.
pub(super) fn decode<'de, T: de::Deserialize<'de>>(node: &Node) -> Result<T, Vec<Fault>> {
    let pass = Pass::default();
    loop {
        let outcome = T::deserialize(Cursor { node, pass: &pass });
        match outcome {
            Ok(value) if pass.faults.borrow().is_empty() => return Ok(value),
            Ok(_) => break,
            Err(stop) => {
                let (at, address, path) = match stop.place {
                    Some(place) => (place.at, place.address, path(&stop.steps)),
                    None => (node.at, address_of(node), String::new()),
                };
                let blank = stop.missing.map_or(Blank::Node(address), |field| Blank::Field(address, field));
                if !pass.blanks.borrow_mut().insert(blank) {
                    break;
                }
                pass.faults.borrow_mut().push(Fault { at, path, kind: *stop.kind });
            }
        }
    }
    Err(pass.faults.into_inner())
}

/// What was found so far.
#[derive(Default)]
struct Pass {
    faults: RefCell<Vec<Fault>>,
    blanks: RefCell<HashSet<Blank>>,
}

impl Pass {
    fn is_blank(&self, node: &Node) -> bool {
        let blanks = self.blanks.borrow();
        !blanks.is_empty() && blanks.contains(&Blank::Node(address_of(node)))
    }

    /// Notes a fault that does not stop the reading, once.
    fn note(&self, at: Position, kind: ProblemKind) {
        let fault = Fault { at, path: String::new(), kind };
        let mut faults = self.faults.borrow_mut();
        if !faults.contains(&fault) {
            faults.push(fault);
        }
    }
}

/// A node, known by where it lies in memory: the tree does not move while it is read.
#[derive(PartialEq, Eq, Hash)]
enum Blank {
    Node(usize),
    Field(usize, &'static str),
}

fn address_of(node: &Node) -> usize {
    std::ptr::from_ref(node).addr()
}

/// What stops one reading.
#[derive(Debug)]
pub(super) struct Stop {
    /// Boxed, so that results stay small.
    kind: Box<ProblemKind>,
    missing: Option<&'static str>,
    place: Option<Place>,
    /// The way to the place, innermost first.
    steps: Vec<Step>,
}

#[derive(Debug)]
struct Place {
    at: Position,
    address: usize,
}

#[derive(Debug)]
enum Step {
    Key(&'static str),
    Index(usize),
}

fn path(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps.iter().rev() {
        match step {
            Step::Key(key) if text.is_empty() => text.push_str(key),
            Step::Key(key) => {
                text.push('.');
                text.push_str(key);
            }
            Step::Index(index) => text.push_str(&format!("[{index}]")),
        }
    }
    text
}

impl Stop {
    fn new(kind: ProblemKind) -> Self {
        Self { kind: Box::new(kind), missing: None, place: None, steps: Vec::new() }
    }

    fn at(mut self, node: &Node) -> Self {
        self.place.get_or_insert(Place { at: node.at, address: address_of(node) });
        self
    }

    fn within(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl std::error::Error for Stop {}

impl de::Error for Stop {
    /// The messages come from `parse` functions of this crate, which do not quote what they refuse.
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(ProblemKind::Unfit { rule: message.to_string() })
    }

    fn missing_field(field: &'static str) -> Self {
        Self { missing: Some(field), ..Self::new(ProblemKind::Missing { key: field }) }
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new(ProblemKind::NoneOf { expected })
    }

    // The default messages of these quote what was found.
    fn invalid_type(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::new(ProblemKind::Unfit { rule: format!("expected {expected}") })
    }

    fn invalid_value(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::new(ProblemKind::Unfit { rule: format!("expected {expected}") })
    }
}

/// One node to read.
#[derive(Clone, Copy)]
struct Cursor<'n> {
    node: &'n Node,
    pass: &'n Pass,
}

impl Cursor<'_> {
    fn expected(&self, expected: Shape) -> Stop {
        Stop::new(ProblemKind::Shape { expected, found: self.node.shape() }).at(self.node)
    }
}

macro_rules! or_blank {
    ($self:ident, $method:ident ( $($argument:expr),* )) => {
        if $self.pass.is_blank($self.node) {
            return de::Deserializer::$method(Blanked, $($argument),*);
        }
    };
}

impl<'de> de::Deserializer<'de> for Cursor<'_> {
    type Error = Stop;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        match &self.node.content {
            Content::Null => visitor.visit_unit(),
            Content::Bool(truth) => visitor.visit_bool(*truth),
            Content::Number => Err(Stop::new(ProblemKind::Shape { expected: Shape::Text, found: Shape::Number }).at(self.node)),
            Content::Text(_) => self.deserialize_str(visitor),
            Content::List(_) => self.deserialize_seq(visitor),
            Content::Map(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        or_blank!(self, deserialize_bool(visitor));
        match self.node.content {
            Content::Bool(truth) => visitor.visit_bool(truth),
            _ => Err(self.expected(Shape::Boolean)),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        or_blank!(self, deserialize_str(visitor));
        match &self.node.content {
            Content::Text(text) => visitor.visit_str(text).map_err(|stop: Stop| stop.at(self.node)),
            _ => Err(self.expected(Shape::Text)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        or_blank!(self, deserialize_option(visitor));
        match self.node.content {
            Content::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Stop> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        or_blank!(self, deserialize_seq(visitor));
        match &self.node.content {
            Content::List(items) => visitor.visit_seq(Items { items: items.iter().enumerate(), pass: self.pass }),
            _ => Err(self.expected(Shape::List)),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        or_blank!(self, deserialize_map(visitor));
        match &self.node.content {
            Content::Map(entries) => {
                let mut seen = HashSet::new();
                for (key, _) in entries.iter().filter(|(key, _)| !seen.insert(&key.text)) {
                    self.pass.note(key.at, ProblemKind::RepeatedEntry);
                }
                visitor.visit_map(Entries { entries: entries.iter(), value: None, pass: self.pass })
            }
            _ => Err(self.expected(Shape::Mapping)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        or_blank!(self, deserialize_struct(name, fields, visitor));
        let Content::Map(entries) = &self.node.content else {
            return Err(self.expected(Shape::Mapping));
        };
        let mut seen = HashSet::new();
        for (key, _) in entries {
            match fields.iter().find(|field| **field == key.text) {
                Some(field) if !seen.insert(*field) => self.pass.note(key.at, ProblemKind::RepeatedKey { key: field }),
                Some(_) => {}
                None => {
                    let kind = ProblemKind::unknown_key(&key.text, fields);
                    if let ProblemKind::UnknownKey { meant: Some(meant), .. } = kind {
                        // A misspelled key is not missing too.
                        self.pass.blanks.borrow_mut().insert(Blank::Field(address_of(self.node), meant));
                    }
                    self.pass.note(key.at, kind);
                }
            }
        }
        visitor.visit_map(Fields::new(self, fields)).map_err(|stop| stop.at(self.node))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        or_blank!(self, deserialize_enum(name, variants, visitor));
        let (text, payload) = match &self.node.content {
            Content::Text(text) => (text, None),
            Content::Map(entries) if entries.len() == 1 => (&entries[0].0.text, Some(&entries[0].1)),
            _ => return Err(Stop::new(ProblemKind::NoneOf { expected: variants }).at(self.node)),
        };
        match variants.iter().find(|variant| *variant == text) {
            Some(variant) => {
                visitor.visit_enum(Variant { variant, payload, cursor: self }).map_err(|stop: Stop| stop.at(self.node))
            }
            None => Err(Stop::new(ProblemKind::NoneOf { expected: variants }).at(self.node)),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct
    }
}

struct Items<'n> {
    items: std::iter::Enumerate<std::slice::Iter<'n, Node>>,
    pass: &'n Pass,
}

impl<'de> de::SeqAccess<'de> for Items<'_> {
    type Error = Stop;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Stop> {
        // A blank can't always be made to fit an item as a whole; a list can do without it.
        let next = self.items.by_ref().find(|(_, node)| !self.pass.is_blank(node));
        next.map(|(index, node)| {
            seed.deserialize(Cursor { node, pass: self.pass }).map_err(|stop| stop.at(node).within(Step::Index(index)))
        })
        .transpose()
    }
}

/// A mapping whose keys nobody knows beforehand. An entry whose key or value is faulty is left out from then on.
struct Entries<'n> {
    entries: std::slice::Iter<'n, (Key, Node)>,
    value: Option<&'n Node>,
    pass: &'n Pass,
}

impl<'de> de::MapAccess<'de> for Entries<'_> {
    type Error = Stop;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Stop> {
        let next = self.entries.by_ref().find(|(_, node)| !self.pass.is_blank(node));
        next.map(|(key, node)| {
            self.value = Some(node);
            let text: StrDeserializer<'_, Stop> = key.text.as_str().into_deserializer();
            seed.deserialize(text).map_err(|mut stop| {
                stop.place.get_or_insert(Place { at: key.at, address: address_of(node) });
                stop
            })
        })
        .transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Stop> {
        match self.value.take() {
            Some(node) => seed.deserialize(Cursor { node, pass: self.pass }).map_err(|stop| stop.at(node)),
            None => seed.deserialize(Blanked),
        }
    }
}

/// The known keys of a mapping, each once, and then those that are missing and taken for blanks.
struct Fields<'n> {
    cursor: Cursor<'n>,
    fields: &'static [&'static str],
    next: usize,
    value: Option<&'n Node>,
}

impl<'n> Fields<'n> {
    fn new(cursor: Cursor<'n>, fields: &'static [&'static str]) -> Self {
        Self { cursor, fields, next: 0, value: None }
    }
}

impl<'de> de::MapAccess<'de> for Fields<'_> {
    type Error = Stop;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Stop> {
        while let Some(field) = self.fields.get(self.next) {
            self.next += 1;
            self.value = self.cursor.node.get(field);
            let is_blank = || {
                let blanks = self.cursor.pass.blanks.borrow();
                blanks.contains(&Blank::Field(address_of(self.cursor.node), field))
            };
            if self.value.is_some() || is_blank() {
                let key: StrDeserializer<'_, Stop> = (*field).into_deserializer();
                return seed.deserialize(key).map(Some);
            }
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Stop> {
        match self.value.take() {
            Some(node) => {
                let step = Step::Key(self.fields.get(self.next.saturating_sub(1)).copied().unwrap_or_default());
                seed.deserialize(Cursor { node, pass: self.cursor.pass }).map_err(|stop| stop.at(node).within(step))
            }
            None => seed.deserialize(Blanked),
        }
    }
}

struct Variant<'n> {
    variant: &'static str,
    payload: Option<&'n Node>,
    cursor: Cursor<'n>,
}

impl Variant<'_> {
    fn payload(&self) -> Result<&Node, Stop> {
        self.payload.ok_or_else(|| Stop::new(ProblemKind::Bare { key: self.variant }).at(self.cursor.node))
    }
}

impl<'de, 'n> de::EnumAccess<'de> for Variant<'n> {
    type Error = Stop;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Stop> {
        let key: StrDeserializer<'_, Stop> = self.variant.into_deserializer();
        Ok((seed.deserialize(key)?, self))
    }
}

impl<'de> de::VariantAccess<'de> for Variant<'_> {
    type Error = Stop;

    fn unit_variant(self) -> Result<(), Stop> {
        match self.payload {
            None => Ok(()),
            Some(node) => Err(Stop::new(ProblemKind::NotBare { key: self.variant }).at(node)),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Stop> {
        let node = self.payload()?;
        seed.deserialize(Cursor { node, pass: self.cursor.pass }).map_err(|stop| stop.at(node).within(Step::Key(self.variant)))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Stop> {
        let node = self.payload()?;
        de::Deserializer::deserialize_seq(Cursor { node, pass: self.cursor.pass }, visitor)
            .map_err(|stop| stop.at(node).within(Step::Key(self.variant)))
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Stop> {
        let node = self.payload()?;
        de::Deserializer::deserialize_struct(Cursor { node, pass: self.cursor.pass }, self.variant, fields, visitor)
            .map_err(|stop| stop.at(node).within(Step::Key(self.variant)))
    }
}

/// A blank that fits any type, so that reading can go on behind a fault.
struct Blanked;

impl<'de> de::Deserializer<'de> for Blanked {
    type Error = Stop;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        visitor.visit_str("blank")
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        visitor.visit_bool(false)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Stop> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        visitor.visit_seq(de::value::SeqDeserializer::new(std::iter::empty::<Nothing>()))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        visitor.visit_map(de::value::MapDeserializer::new(std::iter::empty::<(Nothing, Nothing)>()))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        visitor.visit_map(de::value::MapDeserializer::new(fields.iter().map(|field| (*field, Nothing))))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        visitor.visit_enum(BlankVariant(variants.first().copied().unwrap_or_default()))
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct tuple tuple_struct
        identifier ignored_any
    }
}

/// Becomes [`Blanked`].
struct Nothing;

impl IntoDeserializer<'_, Stop> for Nothing {
    type Deserializer = Blanked;

    fn into_deserializer(self) -> Blanked {
        Blanked
    }
}

struct BlankVariant(&'static str);

impl<'de> de::EnumAccess<'de> for BlankVariant {
    type Error = Stop;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Stop> {
        let key: StrDeserializer<'_, Stop> = self.0.into_deserializer();
        Ok((seed.deserialize(key)?, self))
    }
}

impl<'de> de::VariantAccess<'de> for BlankVariant {
    type Error = Stop;

    fn unit_variant(self) -> Result<(), Stop> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Stop> {
        seed.deserialize(Blanked)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Stop> {
        de::Deserializer::deserialize_seq(Blanked, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Stop> {
        de::Deserializer::deserialize_struct(Blanked, self.0, fields, visitor)
    }
}
