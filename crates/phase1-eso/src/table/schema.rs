//! The rows of a kind as a structural schema, the form in which a CRD says the same
//! (<https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/>).

use serde_json::{Map, Value, json};

use super::{Content, Default, Field, Kind, Rule, Shape};
use crate::version::Release;

impl Kind {
    /// The structural schema of its served version, without descriptions. Another provider of a store may hold anything.
    #[must_use]
    pub fn schema(self, release: Release) -> Value {
        let mut schema = object(self.shape(), release);
        if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
            properties.insert("apiVersion".to_owned(), json!({"type": "string"}));
            properties.insert("kind".to_owned(), json!({"type": "string"}));
            properties.insert("metadata".to_owned(), json!({"type": "object", PRESERVED: true}));
            properties.insert("status".to_owned(), json!({"type": "object", PRESERVED: true}));
        }
        schema
    }
}

const PRESERVED: &str = "x-kubernetes-preserve-unknown-fields";

fn object(shape: &Shape, release: Release) -> Value {
    let properties: Map<_, _> = shape.fields_of(release).map(|field| (field.name.to_owned(), of_field(field, release))).collect();
    let mut required: Vec<_> = shape.fields_of(release).filter(|field| field.is_required).map(|field| field.name).collect();
    required.sort_unstable();
    let mut schema = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    if shape.rules_of(release).any(|rule| *rule == Rule::OneMember) {
        schema["minProperties"] = json!(1);
        schema["maxProperties"] = json!(1);
    }
    validations(&mut schema, shape.rules_of(release).filter_map(|rule| Some((rule.cel()?, rule.wants()))));
    schema
}

fn validations(schema: &mut Value, rules: impl Iterator<Item = (String, String)>) {
    let rules: Vec<_> = rules.map(|(rule, message)| json!({"rule": rule, "message": message})).collect();
    if !rules.is_empty() {
        schema["x-kubernetes-validations"] = json!(rules);
    }
}

fn of_field(field: &Field, release: Release) -> Value {
    let mut schema = of_content(&field.content, release);
    match field.default {
        None => {}
        Some(Default::Text(text)) => schema["default"] = json!(text),
        Some(Default::Object(members)) => {
            schema["default"] = members.iter().map(|(name, text)| ((*name).to_owned(), json!(text))).collect();
        }
    }
    schema
}

fn of_content(content: &Content, release: Release) -> Value {
    match content {
        Content::Text(text) => {
            let mut schema = json!({"type": "string"});
            let words: Vec<_> = text.words(release).collect();
            if !words.is_empty() {
                schema["enum"] = json!(words);
            }
            if let Some(pattern) = text.form.pattern() {
                schema["pattern"] = json!(pattern);
            }
            if let Some(format) = text.form.format() {
                schema["format"] = json!(format);
            }
            let (least, most) = text.form.length();
            if least > 0 {
                schema["minLength"] = json!(least);
            }
            if let Some(most) = most {
                schema["maxLength"] = json!(most);
            }
            schema
        }
        Content::Boolean => json!({"type": "boolean"}),
        Content::Integer(None) => json!({"type": "integer"}),
        Content::Integer(Some(bits)) => json!({"type": "integer", "format": format!("int{bits}")}),
        Content::IntegerOrText => json!({"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": true}),
        Content::Object(shape) => object(shape, release),
        Content::List(items, least) => {
            let mut schema = json!({"type": "array", "items": of_content(items, release)});
            if *least > 0 {
                schema["minItems"] = json!(least);
            }
            schema
        }
        Content::Texts(reserved) => {
            let mut schema = json!({"type": "object", "additionalProperties": {"type": "string"}});
            let message = || format!("the controller sets {} itself", reserved.join(", "));
            validations(&mut schema, content.reserved_keys_cel().map(|rule| (rule, message())).into_iter());
            schema
        }
        Content::Anything => json!({PRESERVED: true}),
        Content::Foreign => json!({"type": "object", PRESERVED: true}),
    }
}
