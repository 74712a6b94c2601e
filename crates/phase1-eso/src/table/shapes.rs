//! Shapes that several kinds share.

use super::{Content, Field, Form, Rule, Shape, fields, growing, item, list, object, text, texts, word};
use crate::version::Release::{V0_17_0, V0_18_2, V0_19_2, V0_20_1, V1_3_2, V2_9_0};

/// How bytes are decoded.
pub(super) const DECODING: &[&str] = &["Auto", "Base64", "Base64URL", "None"];
/// Both kinds of stores.
pub(super) const STORES: &[&str] = &["SecretStore", "ClusterSecretStore"];

/// `refreshInterval`: the same hour, written otherwise from 1.3.2 on.
pub(super) const REFRESH_INTERVAL: [Field; 2] =
    [text("refreshInterval", Form::Any).or("1h").until(V1_3_2), text("refreshInterval", Form::Any).or("1h0m0s").since(V1_3_2)];

pub(super) const TEXT: Content = item(Form::Any);
pub(super) const NAMESPACE: Content = item(Form::Namespace);

/// A key of a Secret.
pub(super) const SECRET_KEY_SELECTOR: Shape =
    fields(&[text("key", Form::DataKey), text("name", Form::ObjectName), text("namespace", Form::Namespace)]);

/// A service account.
pub(super) const SERVICE_ACCOUNT_SELECTOR: Shape =
    fields(&[list("audiences", &TEXT), text("name", Form::ObjectName).required(), text("namespace", Form::Namespace)]);

/// Kubernetes' own selector of labels.
pub(super) const LABEL_SELECTOR: Shape =
    fields(&[list("matchExpressions", &Content::Object(&MATCH_EXPRESSION)), texts("matchLabels")]);
const MATCH_EXPRESSION: Shape =
    fields(&[text("key", Form::Any).required(), text("operator", Form::Any).required(), list("values", &TEXT)]);

/// A store of an ExternalSecret. The kind is no default of the CRD: the controller takes what is not `ClusterSecretStore` for the other.
pub(super) const STORE_REF: Shape = fields(&[word("kind", STORES).taken_as("SecretStore"), text("name", Form::ObjectName)]);

/// A generator.
pub(super) const GENERATOR_REF: Shape = fields(&[
    text("apiVersion", Form::Any).or("generators.external-secrets.io/v1alpha1"),
    growing("kind", GENERATORS, LATER_GENERATORS).required(),
    text("name", Form::ObjectName).required(),
]);
const GENERATORS: &[&str] = &[
    "ACRAccessToken",
    "ClusterGenerator",
    "ECRAuthorizationToken",
    "Fake",
    "GCRAccessToken",
    "GithubAccessToken",
    "Grafana",
    "Password",
    "QuayAccessToken",
    "STSSessionToken",
    "UUID",
    "VaultDynamicSecret",
    "Webhook",
];
const LATER_GENERATORS: &[(crate::version::Release, &str)] = &[
    (V0_18_2, "MFA"),
    (V0_19_2, "SSHKey"),
    (V0_20_1, "CloudsmithAccessToken"),
    (V2_9_0, "BeyondtrustWorkloadCredentialsDynamicSecret"),
    (V2_9_0, "GitlabDeployToken"),
];

/// Another store or a generator for one read.
pub(super) const SOURCE_REF: Shape = Shape {
    fields: &[object("generatorRef", &GENERATOR_REF), object("storeRef", &STORE_REF)],
    rules: &[(V0_17_0, Rule::OneMember)],
};

/// The template of a Secret.
pub(super) const TEMPLATE: Shape = fields(&[
    texts("data"),
    word("engineVersion", &["v2"]).or("v2"),
    word("mergePolicy", &["Replace", "Merge"]).or("Replace"),
    object("metadata", &TEMPLATE_METADATA),
    list("templateFrom", &Content::Object(&TEMPLATE_FROM)),
    text("type", Form::Any),
]);
const TEMPLATE_METADATA: Shape = fields(&[texts("annotations"), list("finalizers", &TEXT).since(V0_20_1), texts("labels")]);
const TEMPLATE_FROM: Shape = fields(&[
    object("configMap", &TEMPLATE_SOURCE),
    text("literal", Form::Any),
    object("secret", &TEMPLATE_SOURCE),
    word("target", &["Data", "Annotations", "Labels"]).or("Data").until(V1_3_2),
    text("target", Form::Any).or("Data").since(V1_3_2),
    word("valuesDecodingStrategy", DECODING).since(V2_9_0),
]);
const TEMPLATE_SOURCE: Shape =
    fields(&[list("items", &Content::Object(&TEMPLATE_ITEM)).required(), text("name", Form::ObjectName).required()]);
const TEMPLATE_ITEM: Shape =
    fields(&[text("key", Form::DataKey).required(), word("templateAs", &["Values", "KeysAndValues"]).or("Values")]);

/// Labels and annotations for objects that the operator makes.
pub(super) const METADATA: Shape = fields(&[texts("annotations"), texts("labels")]);

/// `rewrite` by a regular expression.
pub(super) const REGEXP: Shape = fields(&[text("source", Form::Any).required(), text("target", Form::Any).required()]);
/// `rewrite` by a template.
pub(super) const TRANSFORM: Shape = fields(&[text("template", Form::Any).required()]);
