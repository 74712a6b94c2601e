//! SecretStore and ClusterSecretStore, v1: the same fields (`conditions` has a meaning in the second only). Field names are those of
//! <https://external-secrets.io/latest/api/secretstore/>, `provider/aws-secrets-manager/` and `provider/hashicorp-vault/`.

use super::{
    Content, Field, Form, Rule, Shape, boolean, fields, integer, list, object,
    shapes::{LABEL_SELECTOR, NAMESPACE, SECRET_KEY_SELECTOR, SERVICE_ACCOUNT_SELECTOR, TEXT},
    text, texts, word,
};
use crate::version::Release::{V0_17_0, V0_20_1, V0_20_4, V1_3_2, V2_9_0};

pub(super) const STORE: Shape = fields(&[object("spec", &SPEC)]);

const SPEC: Shape = fields(&[
    list("conditions", &Content::Object(&CONDITION)),
    text("controller", Form::Any),
    object("provider", &PROVIDER).required(),
    integer("refreshInterval", None).until(V2_9_0),
    Field::new("refreshInterval", Content::IntegerOrText).since(V2_9_0),
    object("retrySettings", &RETRY),
]);
const CONDITION: Shape =
    fields(&[list("namespaceRegexes", &TEXT), object("namespaceSelector", &LABEL_SELECTOR), list("namespaces", &NAMESPACE)]);
const RETRY: Shape = fields(&[integer("maxRetries", Some(32)), text("retryInterval", Form::Any)]);

/// A provider that has no rows of its own.
const fn other(name: &'static str) -> Field {
    Field::new(name, Content::Foreign)
}

const PROVIDER: Shape = Shape {
    fields: &[
        other("akeyless"),
        other("alibaba").until(V2_9_0),
        object("aws", &AWS),
        other("azurekv"),
        other("barbican").since(V1_3_2),
        other("beyondtrust"),
        other("beyondtrustworkloadcredentials").since(V2_9_0),
        other("bitwardensecretsmanager"),
        other("chef"),
        other("cloudrusm"),
        other("conjur"),
        other("crd").since(V2_9_0),
        other("delinea"),
        other("device42").until(V2_9_0),
        other("doppler"),
        other("dvls").since(V1_3_2),
        other("fake"),
        other("fortanix"),
        other("gcpsm"),
        other("github"),
        other("gitlab"),
        other("ibm"),
        other("infisical"),
        other("keepersecurity"),
        other("kubernetes"),
        other("nebiusmysterybox").since(V2_9_0),
        other("ngrok").since(V0_20_4),
        other("onboardbase"),
        other("onepassword"),
        other("onepasswordSDK"),
        other("openBao").since(V2_9_0),
        other("oracle"),
        other("ovh").since(V2_9_0),
        other("passbolt"),
        other("passworddepot"),
        other("previder"),
        other("pulumi"),
        other("scaleway"),
        other("secretserver"),
        other("senhasegura"),
        object("vault", &VAULT),
        other("volcengine").since(V0_20_1),
        other("webhook"),
        other("yandexcertificatemanager"),
        other("yandexlockbox"),
    ],
    rules: &[(V0_17_0, Rule::OneMember)],
};

const AWS: Shape = fields(&[
    list("additionalRoles", &TEXT),
    object("auth", &AWS_AUTH),
    Field::new("customSessionTags", Content::Texts(&["esoNamespace", "esoStoreName", "esoStoreKind"])).since(V2_9_0),
    text("externalID", Form::Any),
    text("prefix", Form::Any),
    text("region", Form::Any).required(),
    text("role", Form::Any),
    object("secretsManager", &SECRETS_MANAGER),
    word("service", &["SecretsManager", "ParameterStore"]).required().until(V2_9_0),
    word("service", &["SecretsManager", "ParameterStore", "CertificateManager"]).required().since(V2_9_0),
    list("sessionTags", &Content::Object(&SESSION_TAG)),
    word("sessionTagsPolicy", &["None", "Simple", "Custom"]).or("None").since(V2_9_0),
    list("transitiveTagKeys", &TEXT),
]);
const SECRETS_MANAGER: Shape = fields(&[boolean("forceDeleteWithoutRecovery"), integer("recoveryWindowInDays", Some(64))]);
const SESSION_TAG: Shape = fields(&[text("key", Form::Any).required(), text("value", Form::Any).required()]);

/// How AWS is reached: a service account (`jwt`), keys (`secretRef`), or else whatever the operator's pod has.
const AWS_AUTH: Shape = fields(&[object("jwt", &AWS_JWT), object("secretRef", &AWS_SECRET_REF)]);
const AWS_JWT: Shape = fields(&[object("serviceAccountRef", &SERVICE_ACCOUNT_SELECTOR)]);
const AWS_SECRET_REF: Shape = fields(&[
    object("accessKeyIDSecretRef", &SECRET_KEY_SELECTOR),
    object("secretAccessKeySecretRef", &SECRET_KEY_SELECTOR),
    object("sessionTokenSecretRef", &SECRET_KEY_SELECTOR),
]);

const VAULT: Shape = fields(&[
    object("auth", &VAULT_AUTH),
    text("caBundle", Form::Base64),
    object("caProvider", &CA_PROVIDER),
    object("checkAndSet", &CHECK_AND_SET).since(V0_20_1),
    boolean("forwardInconsistent"),
    texts("headers"),
    text("namespace", Form::Any),
    text("path", Form::Any),
    boolean("readYourWrites"),
    text("server", Form::Any).required(),
    object("tls", &VAULT_TLS),
    word("version", &["v1", "v2"]).or("v2"),
]);
const CA_PROVIDER: Shape = fields(&[
    text("key", Form::DataKey),
    text("name", Form::ObjectName).required(),
    text("namespace", Form::Namespace),
    word("type", &["Secret", "ConfigMap"]).required(),
]);
const CHECK_AND_SET: Shape = fields(&[boolean("required")]);
const VAULT_TLS: Shape = fields(&[object("certSecretRef", &SECRET_KEY_SELECTOR), object("keySecretRef", &SECRET_KEY_SELECTOR)]);

const VAULT_AUTH: Shape = fields(&[
    object("appRole", &APP_ROLE),
    object("cert", &CERT),
    object("gcp", &GCP).since(V1_3_2),
    object("iam", &IAM),
    object("jwt", &JWT),
    object("kubernetes", &KUBERNETES),
    object("ldap", &LDAP),
    text("namespace", Form::Any),
    object("tokenSecretRef", &SECRET_KEY_SELECTOR),
    object("userPass", &USER_PASS),
]);
// A path that is required and has a default may be left out: the API server fills it in before it looks.
const APP_ROLE: Shape = fields(&[
    text("path", Form::Any).or("approle").required(),
    text("roleId", Form::Any),
    object("roleRef", &SECRET_KEY_SELECTOR),
    object("secretRef", &SECRET_KEY_SELECTOR).required(),
]);
const CERT: Shape = fields(&[
    object("clientCert", &SECRET_KEY_SELECTOR),
    text("path", Form::Any).or("cert").since(V0_20_4),
    object("secretRef", &SECRET_KEY_SELECTOR),
    text("vaultRole", Form::Any).since(V2_9_0),
]);
const GCP: Shape = fields(&[
    text("location", Form::Any),
    text("path", Form::Any).or("gcp"),
    text("projectID", Form::Any),
    text("role", Form::Any).required(),
    object("secretRef", &GCP_SECRET_REF),
    object("serviceAccountRef", &SERVICE_ACCOUNT_SELECTOR),
    object("workloadIdentity", &WORKLOAD_IDENTITY),
]);
const GCP_SECRET_REF: Shape = fields(&[object("secretAccessKeySecretRef", &SECRET_KEY_SELECTOR)]);
const WORKLOAD_IDENTITY: Shape = fields(&[
    text("clusterLocation", Form::Any),
    text("clusterName", Form::Any),
    text("clusterProjectID", Form::Any),
    object("serviceAccountRef", &SERVICE_ACCOUNT_SELECTOR).required(),
]);
const IAM: Shape = fields(&[
    text("externalID", Form::Any),
    object("jwt", &AWS_JWT),
    text("path", Form::Any),
    text("region", Form::Any),
    text("role", Form::Any),
    object("secretRef", &AWS_SECRET_REF),
    text("vaultAwsIamServerID", Form::Any),
    text("vaultRole", Form::Any).required(),
]);
const JWT: Shape = fields(&[
    object("kubernetesServiceAccountToken", &SERVICE_ACCOUNT_TOKEN),
    text("path", Form::Any).or("jwt").required(),
    text("role", Form::Any),
    object("secretRef", &SECRET_KEY_SELECTOR),
]);
const SERVICE_ACCOUNT_TOKEN: Shape = fields(&[
    list("audiences", &TEXT),
    integer("expirationSeconds", Some(64)),
    object("serviceAccountRef", &SERVICE_ACCOUNT_SELECTOR).required(),
]);
const KUBERNETES: Shape = fields(&[
    text("mountPath", Form::Any).or("kubernetes").required(),
    text("role", Form::Any).required(),
    object("secretRef", &SECRET_KEY_SELECTOR),
    object("serviceAccountRef", &SERVICE_ACCOUNT_SELECTOR),
]);
const LDAP: Shape = fields(&[
    text("path", Form::Any).or("ldap").required(),
    object("secretRef", &SECRET_KEY_SELECTOR),
    text("username", Form::Any).required(),
]);
const USER_PASS: Shape = fields(&[
    text("path", Form::Any).or("userpass").required(),
    object("secretRef", &SECRET_KEY_SELECTOR),
    text("username", Form::Any).required(),
]);
