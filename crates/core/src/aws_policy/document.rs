//! A policy document that keeps what it does not understand.

use std::fmt;

use serde_json::{Map, Value};

use super::Unmergeable;

/// A policy document: a JSON object, of which only `Statement` is looked into.
///
/// Equal as a *document* (promise P9): neither white space nor the order of keys counts, nor the order of values where the
/// policy language has sets, nor whether a set of one is written as a list.
#[derive(Clone, Debug)]
pub struct PolicyDocument(Map<String, Value>);

/// Members whose value is a set of strings, written as one string or as a list.
const SETS: [&str; 4] = ["Action", "NotAction", "Resource", "NotResource"];
/// Members that hold a map (of maps) of such sets.
const NESTED_SETS: [&str; 3] = ["Principal", "NotPrincipal", "Condition"];

impl PolicyDocument {
    /// Parses a stored policy.
    ///
    /// # Errors
    /// [`Unmergeable::NotAPolicy`] where it is no JSON object or its `Statement` holds something other than objects,
    /// [`Unmergeable::InexactNumber`] where a number would not survive being written again.
    pub fn parse(text: &str) -> Result<Self, Unmergeable> {
        let Ok(Value::Object(members)) = serde_json::from_str(text) else { return Err(Unmergeable::NotAPolicy) };
        let document = Self(members);
        let readable = match document.0.get("Statement") {
            None | Some(Value::Object(_)) => true,
            Some(Value::Array(statements)) => statements.iter().all(Value::is_object),
            Some(_) => false,
        };
        if !readable {
            return Err(Unmergeable::NotAPolicy);
        }
        if document.0.values().any(holds_float) {
            return Err(Unmergeable::InexactNumber);
        }
        Ok(document)
    }

    /// A document without statements.
    pub(super) fn empty() -> Self {
        Self(Map::from_iter([("Version".to_owned(), Value::from("2012-10-17"))]))
    }

    /// The statements, in order.
    pub(super) fn statements(&self) -> impl Iterator<Item = &Map<String, Value>> {
        match self.0.get("Statement") {
            Some(Value::Array(statements)) => statements.as_slice(),
            Some(statement) => std::slice::from_ref(statement),
            None => &[],
        }
        .iter()
        .filter_map(Value::as_object)
    }

    /// Whether `Statement` is written as a single object.
    pub(super) fn has_bare_statement(&self) -> bool {
        self.0.get("Statement").is_some_and(Value::is_object)
    }

    /// The same document with other statements; the other members stay.
    pub(super) fn with_statements(&self, statements: Vec<Map<String, Value>>, bare: bool) -> Self {
        let mut members = self.0.clone();
        let mut statements: Vec<Value> = statements.into_iter().map(Value::Object).collect();
        let written = if bare && statements.len() == 1 { statements.remove(0) } else { Value::Array(statements) };
        members.insert("Statement".to_owned(), written);
        Self(members)
    }

    fn canonical(&self) -> Value {
        let statements = self.statements().map(canonical_statement).collect();
        let mut members = self.0.clone();
        if members.contains_key("Statement") {
            members.insert("Statement".to_owned(), Value::Array(statements));
        }
        Value::Object(members)
    }
}

impl fmt::Display for PolicyDocument {
    /// The text to store.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Through a clone only because `Value` is what has a `Display`; documents have at most 20 KiB.
        Value::Object(self.0.clone()).fmt(f)
    }
}

impl PartialEq for PolicyDocument {
    fn eq(&self, other: &Self) -> bool {
        self.canonical() == other.canonical()
    }
}

impl Eq for PolicyDocument {}

/// A statement with its sets sorted and written as lists.
pub(super) fn canonical_statement(statement: &Map<String, Value>) -> Value {
    let members = statement.iter().map(|(key, value)| {
        let value = if SETS.contains(&key.as_str()) {
            canonical_set(value)
        } else if NESTED_SETS.contains(&key.as_str()) {
            canonical_nested(value)
        } else {
            value.clone()
        };
        (key.clone(), value)
    });
    Value::Object(members.collect())
}

fn canonical_nested(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            Value::Object(members.iter().map(|(key, value)| (key.clone(), canonical_nested(value))).collect())
        }
        leaf => canonical_set(leaf),
    }
}

fn canonical_set(value: &Value) -> Value {
    let mut members = match value {
        Value::Array(members) => members.clone(),
        single => vec![single.clone()],
    };
    members.sort_by_cached_key(Value::to_string);
    members.dedup();
    Value::Array(members)
}

fn holds_float(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(members) => members.iter().any(holds_float),
        Value::Object(members) => members.values().any(holds_float),
        _ => false,
    }
}
