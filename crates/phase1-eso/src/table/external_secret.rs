//! ExternalSecret and ClusterExternalSecret, v1. Field names are those of
//! <https://external-secrets.io/latest/api/externalsecret/>.

use super::{
    Content, Default, Field, Form, Rule, Shape, boolean, fields, list, object,
    shapes::{
        DECODING, LABEL_SELECTOR, METADATA, NAMESPACE, REFRESH_INTERVAL, REGEXP, SOURCE_REF, STORE_REF, TEMPLATE, TEXT, TRANSFORM,
    },
    text, texts, word,
};
use crate::version::Release::{V0_18_2, V0_19_2, V0_20_4, V1_3_2, V2_9_0};

pub(super) const EXTERNAL_SECRET: Shape = fields(&[object("spec", &SPEC)]);

const SPEC: Shape = fields(&[
    list("data", &Content::Object(&DATA)),
    list("dataFrom", &Content::Object(&DATA_FROM)),
    REFRESH_INTERVAL[0],
    REFRESH_INTERVAL[1],
    word("refreshPolicy", &["CreatedOnce", "Periodic", "OnChange"]).taken_as("Periodic"),
    object("secretStoreRef", &STORE_REF),
    object("syncWindows", &SYNC_WINDOWS).since(V2_9_0),
    TARGET_FIELD,
]);

const DATA: Shape = fields(&[
    object("remoteRef", &REMOTE_REF).required(),
    text("secretKey", Form::DataKey).required(),
    object("sourceRef", &SOURCE_REF),
]);

/// `remoteRef`, and `extract`, which has the same fields. Until 1.3.2 the API server filled the strategies in; in 2.9.0 the controller does.
const REMOTE_REF: Shape = fields(&[
    CONVERSION[0],
    CONVERSION[1],
    STRATEGY[0],
    STRATEGY[1],
    text("key", Form::Any).required(),
    word("metadataPolicy", &["None", "Fetch"]).or("None").until(V2_9_0),
    word("metadataPolicy", &["None", "Fetch"]).taken_as("None").since(V2_9_0),
    NULL_BYTES,
    text("property", Form::Any),
    text("version", Form::Any),
]);
const CONVERSION: [Field; 2] = [
    word("conversionStrategy", &["Default", "Unicode"]).or("Default").until(V2_9_0),
    word("conversionStrategy", &["Default", "Unicode"]).taken_as("Default").since(V2_9_0),
];
const STRATEGY: [Field; 2] = [
    word("decodingStrategy", DECODING).or("None").until(V2_9_0),
    word("decodingStrategy", DECODING).taken_as("None").since(V2_9_0),
];
const NULL_BYTES: Field = word("nullBytePolicy", &["Ignore", "Fail"]).since(V2_9_0);

const DATA_FROM: Shape = fields(&[
    object("extract", &REMOTE_REF),
    object("find", &FIND),
    list("rewrite", &Content::Object(&REWRITE)),
    object("sourceRef", &SOURCE_REF),
]);
const FIND: Shape = fields(&[
    CONVERSION[0],
    CONVERSION[1],
    STRATEGY[0],
    STRATEGY[1],
    object("name", &FIND_NAME),
    NULL_BYTES,
    text("path", Form::Any),
    texts("tags"),
]);
const FIND_NAME: Shape = fields(&[text("regexp", Form::Any)]);
const REWRITE: Shape = Shape {
    fields: &[object("merge", &MERGE).since(V0_18_2), object("regexp", &REGEXP), object("transform", &TRANSFORM)],
    rules: &[(V0_19_2, Rule::OneMember)],
};
const MERGE: Shape = fields(&[
    text("conflictPolicy", Form::Any).or("Error").until(V0_20_4),
    word("conflictPolicy", &["Ignore", "Error"]).or("Error").since(V0_20_4),
    text("into", Form::Any).or(""),
    list("priority", &TEXT),
    word("priorityPolicy", &["IgnoreNotFound", "Strict"]).or("Strict").since(V0_20_4),
    text("strategy", Form::Any).or("Extract").until(V0_20_4),
    word("strategy", &["Extract", "JSON"]).or("Extract").since(V0_20_4),
]);

const TARGET_FIELD: Field = Field {
    default: Some(Default::Object(&[("creationPolicy", "Owner"), ("deletionPolicy", "Retain")])),
    ..object("target", &TARGET)
};
const TARGET: Shape = fields(&[
    word("creationPolicy", &["Owner", "Orphan", "Merge", "None"]).or("Owner").until(V2_9_0),
    word("creationPolicy", &["Owner", "Orphan", "Merge", "None", "CreateOrMerge"]).or("Owner").since(V2_9_0),
    word("deletionPolicy", &["Delete", "Merge", "Retain"]).or("Retain"),
    boolean("immutable"),
    object("manifest", &MANIFEST).since(V1_3_2),
    text("name", Form::ObjectName),
    object("template", &TEMPLATE),
]);
const MANIFEST: Shape = fields(&[text("apiVersion", Form::NotEmpty).required(), text("kind", Form::NotEmpty).required()]);

const SYNC_WINDOWS: Shape = fields(&[
    word("kind", &["allow", "deny"]).required(),
    Field::new("windows", Content::List(&Content::Object(&WINDOW), 1)).required(),
]);
const WINDOW: Shape = fields(&[text("duration", Form::Any).required(), text("schedule", Form::Schedule).required()]);

pub(super) const CLUSTER_EXTERNAL_SECRET: Shape = fields(&[object("spec", &CLUSTER_SPEC)]);

const CLUSTER_SPEC: Shape = fields(&[
    object("externalSecretMetadata", &METADATA),
    text("externalSecretName", Form::ObjectName),
    object("externalSecretSpec", &SPEC).required(),
    object("namespaceSelector", &LABEL_SELECTOR),
    list("namespaceSelectors", &Content::Object(&LABEL_SELECTOR)),
    list("namespaces", &NAMESPACE),
    text("refreshTime", Form::Any),
]);
