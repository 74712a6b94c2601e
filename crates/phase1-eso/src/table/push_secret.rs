//! PushSecret and ClusterPushSecret, v1alpha1. Field names are those of <https://external-secrets.io/latest/api/pushsecret/>.

use super::{
    Content, Field, Form, Rule, Shape, fields, list, object,
    shapes::{GENERATOR_REF, LABEL_SELECTOR, METADATA, REFRESH_INTERVAL, REGEXP, STORES, TEMPLATE, TRANSFORM},
    text, word,
};
use crate::version::Release::{V0_17_0, V2_9_0};

pub(super) const PUSH_SECRET: Shape = fields(&[object("spec", &SPEC)]);

const SPEC: Shape = fields(&[
    list("data", &Content::Object(&DATA)),
    list("dataTo", &Content::Object(&DATA_TO)).since(V2_9_0),
    word("deletionPolicy", &["Delete", "None"]).or("None"),
    REFRESH_INTERVAL[0],
    REFRESH_INTERVAL[1],
    list("secretStoreRefs", &Content::Object(&STORE_REF)).required(),
    object("selector", &SELECTOR).required(),
    object("template", &TEMPLATE),
    word("updatePolicy", &["Replace", "IfNotExists"]).or("Replace"),
]);

const DATA: Shape = fields(&[CONVERSION, object("match", &MATCH).required(), METADATA_OF_PROVIDER]);
const CONVERSION: Field = word("conversionStrategy", &["None", "ReverseUnicode"]).or("None");
/// Each provider reads its own fields in it.
const METADATA_OF_PROVIDER: Field = Field::new("metadata", Content::Anything);
const MATCH: Shape = fields(&[object("remoteRef", &REMOTE_REF).required(), text("secretKey", Form::Any)]);
const REMOTE_REF: Shape = fields(&[text("property", Form::Any), text("remoteKey", Form::Any).required()]);

/// A store, by name or by labels.
const STORE_REF: Shape =
    fields(&[word("kind", STORES).or("SecretStore"), object("labelSelector", &LABEL_SELECTOR), text("name", Form::ObjectName)]);

const DATA_TO: Shape = Shape {
    fields: &[
        CONVERSION,
        object("match", &MATCH_REGEXP),
        METADATA_OF_PROVIDER,
        text("remoteKey", Form::Any),
        list("rewrite", &Content::Object(&REWRITE)),
        object("storeRef", &STORE_REF),
    ],
    rules: &[(V2_9_0, Rule::Names("storeRef", "name", "labelSelector")), (V2_9_0, Rule::Excludes("remoteKey", "rewrite"))],
};
const MATCH_REGEXP: Shape = fields(&[text("regexp", Form::Any)]);
const REWRITE: Shape = Shape {
    fields: &[object("regexp", &REGEXP), object("transform", &TRANSFORM)],
    rules: &[(V2_9_0, Rule::Either("regexp", "transform"))],
};

/// What is pushed: a Secret or what a generator makes.
const SELECTOR: Shape =
    Shape { fields: &[object("generatorRef", &GENERATOR_REF), object("secret", &SECRET)], rules: &[(V0_17_0, Rule::OneMember)] };
const SECRET: Shape = fields(&[text("name", Form::ObjectName), object("selector", &LABEL_SELECTOR)]);

pub(super) const CLUSTER_PUSH_SECRET: Shape = fields(&[object("spec", &CLUSTER_SPEC)]);

const CLUSTER_SPEC: Shape = fields(&[
    list("namespaceSelectors", &Content::Object(&LABEL_SELECTOR)),
    object("pushSecretMetadata", &METADATA),
    text("pushSecretName", Form::ObjectName),
    object("pushSecretSpec", &SPEC).required(),
    text("refreshTime", Form::Any),
]);
