//! Rules about several fields of one object. A CRD says them as bounds on the number of members or in CEL; here they are data.

use serde_json::Value;

use super::Content;

/// A rule about the fields of one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Exactly one field is set, whichever.
    OneMember,
    /// Exactly one of these two is set.
    Either(&'static str, &'static str),
    /// The field is set, and in it at least one of these two.
    Names(&'static str, &'static str, &'static str),
    /// The list has no items where the field is set.
    Excludes(&'static str, &'static str),
}

impl Rule {
    /// The rule as CEL, as in the CRDs; `None` where it is said by bounds.
    #[must_use]
    pub fn cel(&self) -> Option<String> {
        Some(match self {
            Self::OneMember => return None,
            Self::Either(one, other) => {
                format!("(has(self.{one}) && !has(self.{other})) || (!has(self.{one}) && has(self.{other}))")
            }
            Self::Names(field, one, other) => {
                format!("has(self.{field}) && (has(self.{field}.{one}) || has(self.{field}.{other}))")
            }
            Self::Excludes(field, list) => format!("!has(self.{field}) || !has(self.{list}) || size(self.{list}) == 0"),
        })
    }

    /// Whether an object keeps it.
    #[must_use]
    pub fn holds(&self, object: &Value) -> bool {
        let has = |field: &str| object.get(field).is_some();
        match self {
            Self::OneMember => object.as_object().is_none_or(|members| members.len() == 1),
            Self::Either(one, other) => has(one) != has(other),
            Self::Names(field, one, other) => {
                object.get(field).is_some_and(|below| below.get(one).is_some() || below.get(other).is_some())
            }
            Self::Excludes(field, list) => !has(field) || object.get(list).and_then(Value::as_array).is_none_or(Vec::is_empty),
        }
    }

    /// What it wants, as a sentence.
    #[must_use]
    pub fn wants(&self) -> String {
        match self {
            Self::OneMember => "exactly one field has to be set here".to_owned(),
            Self::Either(one, other) => format!("exactly one of `{one}` and `{other}` has to be set"),
            Self::Names(field, one, other) => format!("`{field}` has to be set, with `{one}` or `{other}`"),
            Self::Excludes(field, list) => format!("`{list}` has no place beside `{field}`"),
        }
    }
}

impl Content {
    /// The rule about keys of a mapping as CEL; `None` where all keys are free.
    #[must_use]
    pub fn reserved_keys_cel(&self) -> Option<String> {
        let Self::Texts(reserved) = self else { return None };
        let parts: Vec<_> = reserved.iter().map(|key| format!("!('{key}' in self)")).collect();
        if parts.is_empty() { None } else { Some(parts.join(" && ")) }
    }
}
