//! Rules of a CRD in CEL (`x-kubernetes-validations`), evaluated by the crate `cel`.
//!
//! Kubernetes adds functions of its own (<https://kubernetes.io/docs/reference/using-api/cel/>) that the crate does not have, and lets a
//! rule look at the object before a change, which a file does not have. Such a rule is told as not evaluated; it never passes in silence.

use cel::{Context, ExecutionError, Program};
use serde_json::Value;

/// What became of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It holds.
    Holds,
    /// It does not.
    Broken,
    /// Nobody knows, and why.
    NotEvaluated(String),
}

/// Evaluates a rule for the value that it stands at.
pub(crate) fn evaluate(rule: &str, this: &Value) -> Verdict {
    let Ok(program) = Program::compile(rule) else {
        return Verdict::NotEvaluated("it can't be parsed".to_owned());
    };
    if program.references().has_variable("oldSelf") {
        return Verdict::NotEvaluated("`oldSelf` is the object before a change".to_owned());
    }
    let mut context = Context::default();
    // The message would show the value.
    if context.add_variable("self", this).is_err() {
        return Verdict::NotEvaluated("the value has no form in CEL".to_owned());
    }
    match program.execute(&context) {
        Ok(cel::Value::Bool(true)) => Verdict::Holds,
        Ok(cel::Value::Bool(false)) => Verdict::Broken,
        Ok(_) => Verdict::NotEvaluated("it is neither true nor false".to_owned()),
        Err(ExecutionError::UndeclaredReference(name)) => Verdict::NotEvaluated(format!("`{name}` is not known here")),
        Err(ExecutionError::NotSupportedAsMethod { method, .. }) => {
            Verdict::NotEvaluated(format!("`{method}` is not known here"))
        }
        Err(ExecutionError::FunctionError { function, .. }) => Verdict::NotEvaluated(format!("`{function}` failed")),
        Err(_) => Verdict::NotEvaluated("it could not be computed".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::table::Rule;

    #[test]
    fn rules_hold_break_or_are_told_as_not_evaluated() {
        let either = Rule::Either("regexp", "transform").cel().unwrap();
        let names = Rule::Names("storeRef", "name", "labelSelector").cel().unwrap();
        let excludes = Rule::Excludes("remoteKey", "rewrite").cel().unwrap();
        let reserved = "!('esoNamespace' in self) && !('esoStoreName' in self)";
        for (rule, this, verdict) in [
            (either.as_str(), json!({"regexp": {}}), Verdict::Holds),
            (&either, json!({"regexp": {}, "transform": {}}), Verdict::Broken),
            (&either, json!({}), Verdict::Broken),
            (&names, json!({"storeRef": {"name": "a"}}), Verdict::Holds),
            (&names, json!({"storeRef": {"kind": "a"}}), Verdict::Broken),
            (&names, json!({}), Verdict::Broken),
            (&excludes, json!({"remoteKey": "a", "rewrite": []}), Verdict::Holds),
            (&excludes, json!({"remoteKey": "a", "rewrite": [{}]}), Verdict::Broken),
            (reserved, json!({"a": "b"}), Verdict::Holds),
            (reserved, json!({"esoStoreName": "b"}), Verdict::Broken),
            ("size(self) <= 3 && self.all(x, x > 0)", json!([1, 2]), Verdict::Holds),
        ] {
            assert_eq!(evaluate(rule, &this), verdict, "{rule} of {this}");
        }
        for rule in
            ["self == oldSelf", "isURL(self)", "self.isSorted()", "quantity(self).isGreaterThan(quantity('1'))", "self.(", "self"]
        {
            assert!(matches!(evaluate(rule, &json!("canary")), Verdict::NotEvaluated(why) if !why.contains("canary")), "{rule}");
        }
    }
}
