//! Does a policy deny a principal an action? Enough of the language for our own fence and its like.
//!
//! Known: `Effect: Deny`, `Principal` (`*`, accounts, exact ARNs), `Action`/`NotAction` with wildcards, and the string and ARN
//! operators on `aws:PrincipalArn`. Everything else that could change the answer makes it [`Verdict::Undecided`].

use serde_json::{Map, Value};

use super::PolicyDocument;

/// What a policy says about one principal and one action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A statement denies it.
    Denied,
    /// No statement denies it. Whether anything *allows* it is another question.
    NotDenied,
    /// It hangs on something that is not understood here.
    Undecided,
}

/// What `policy`, attached to a secret, says about `principal` (as `aws:PrincipalArn` spells it) doing `action`
/// (`secretsmanager:PutSecretValue`) to that secret.
#[must_use]
pub fn denies(policy: &PolicyDocument, principal: &str, action: &str) -> Verdict {
    let denial = any(policy
        .statements()
        .filter(|statement| statement.get("Effect").and_then(Value::as_str) == Some("Deny"))
        .map(|statement| {
            all([
                principal_applies(statement, principal),
                action_applies(statement, action),
                resource_applies(statement),
                conditions_hold(statement, principal),
            ])
        }));
    match denial {
        Some(true) => Verdict::Denied,
        Some(false) => Verdict::NotDenied,
        None => Verdict::Undecided,
    }
}

/// True, false, or not known.
type Known = Option<bool>;

fn all(parts: impl IntoIterator<Item = Known>) -> Known {
    let mut known = true;
    for part in parts {
        match part {
            Some(false) => return Some(false),
            Some(true) => {}
            None => known = false,
        }
    }
    known.then_some(true)
}

fn any(parts: impl IntoIterator<Item = Known>) -> Known {
    all(parts.into_iter().map(|part| part.map(|known| !known))).map(|none| !none)
}

/// The strings of a set that may be written as one; `None` where something else stands there.
fn strings(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(single) => Some(vec![single]),
        Value::Array(members) => members.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

fn principal_applies(statement: &Map<String, Value>, principal: &str) -> Known {
    match statement.get("Principal")? {
        Value::String(everybody) => (everybody == "*").then_some(true),
        Value::Object(kinds) => any(kinds.iter().map(|(kind, named)| match kind.as_str() {
            "AWS" => any(strings(named)?.into_iter().map(|named| names(named, principal))),
            // Services and foreign identity providers are no IAM principals.
            "Service" | "Federated" | "CanonicalUser" => Some(false),
            _ => None,
        })),
        _ => None,
    }
}

/// Whether an `AWS` principal of a statement means `principal`.
fn names(named: &str, principal: &str) -> Known {
    let account = principal.split(':').nth(4)?;
    let whole_account = named == account || (named.ends_with(":root") && named.split(':').nth(4) == Some(account));
    if named == "*" || whole_account || named == principal {
        return Some(true);
    }
    // A session of the role may be named, or the role by its unique id.
    if named.contains(":assumed-role/") || !named.contains(':') && !named.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(false)
}

fn action_applies(statement: &Map<String, Value>, action: &str) -> Known {
    let action = action.to_ascii_lowercase();
    let listed = |set: &Value| {
        strings(set).map(|patterns| patterns.iter().any(|pattern| wildcard(&pattern.to_ascii_lowercase(), &action)))
    };
    match (statement.get("Action"), statement.get("NotAction")) {
        (Some(set), None) => listed(set),
        (None, Some(set)) => listed(set).map(|is_listed| !is_listed),
        _ => None,
    }
}

/// In a secret's own policy `*` is the secret. Narrower resources would need its ARN.
fn resource_applies(statement: &Map<String, Value>) -> Known {
    strings(statement.get("Resource")?)?.contains(&"*").then_some(true)
}

fn conditions_hold(statement: &Map<String, Value>, principal: &str) -> Known {
    let Some(conditions) = statement.get("Condition") else { return Some(true) };
    all(conditions.as_object()?.iter().map(|(operator, keys)| {
        let keys = keys.as_object()?;
        all(keys.iter().map(|(key, values)| {
            if key.eq_ignore_ascii_case("aws:PrincipalArn") {
                condition_holds(operator, &strings(values)?, principal)
            } else {
                None
            }
        }))
    }))
}

fn condition_holds(operator: &str, values: &[&str], principal: &str) -> Known {
    // The key is there for every IAM principal, so `IfExists` changes nothing.
    let operator = operator.strip_suffix("IfExists").unwrap_or(operator);
    // `${…}` is a policy variable, whose value is not known here.
    if values.iter().any(|value| value.contains("${")) {
        return None;
    }
    let one = |matches: fn(&str, &str) -> bool| values.iter().any(|value| matches(value, principal));
    match operator {
        "ArnEquals" | "ArnLike" => Some(one(arn_like)),
        "ArnNotEquals" | "ArnNotLike" => Some(!one(arn_like)),
        "StringEquals" => Some(one(|a, b| a == b)),
        "StringNotEquals" => Some(!one(|a, b| a == b)),
        "StringEqualsIgnoreCase" => Some(one(|a, b| a.eq_ignore_ascii_case(b))),
        "StringNotEqualsIgnoreCase" => Some(!one(|a, b| a.eq_ignore_ascii_case(b))),
        "StringLike" => Some(one(wildcard)),
        "StringNotLike" => Some(!one(wildcard)),
        _ => None,
    }
}

/// ARNs are compared part by part, so that a `*` never reaches over a colon but in the last part
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_ARN>).
pub(super) fn arn_like(pattern: &str, arn: &str) -> bool {
    let (patterns, parts): (Vec<&str>, Vec<&str>) = (pattern.splitn(6, ':').collect(), arn.splitn(6, ':').collect());
    patterns.len() == 6 && parts.len() == 6 && patterns.iter().zip(&parts).all(|(pattern, part)| wildcard(pattern, part))
}

/// `*` stands for any text, `?` for one character.
pub(super) fn wildcard(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    // Where the last star stood and how much text it had taken: the only place ever to go back to.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && pattern[p] == b'*' {
            star = Some((p, t));
            p += 1;
        } else if p < pattern.len() && (pattern[p] == b'?' || pattern[p] == text[t]) {
            p += 1;
            t += 1;
        } else if let Some((at, taken)) = star {
            star = Some((at, taken + 1));
            p = at + 1;
            t = taken + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&b| b == b'*')
}
