//! Every lint: `migrate eso explain` and `docs/eso-lints.md` say what stands here.

use super::{
    Lint,
    Severity::{Error, Note, Warning},
};

/// Defines the constants and the list of all.
macro_rules! lints {
    ($($constant:ident $id:literal $name:literal $severity:ident { $what:literal $why:literal $instead:literal $source:literal })*) => {
        $(#[doc = $what] pub static $constant: Lint = Lint {
            id: $id, name: $name, severity: $severity, what: $what, why: $why, instead: $instead, source: $source,
        };)*
        /// Every lint, in the order of the ids.
        pub static ALL: &[&Lint] = &[$(&$constant),*];
    };
}

lints! {
NOT_YAML "ESO001" "not-yaml" Error {
    "The document is no YAML that Kubernetes reads."
    "Nothing in it was checked, and `kubectl apply` refuses it."
    "Mend it at the place that is named; the other documents were checked."
    "https://yaml.org/spec/1.2.2/; scalars as sigs.k8s.io/yaml reads them"
}
HELM_TEMPLATE "ESO002" "helm-template" Error {
    "The file is a Helm template, not a manifest."
    "What it will say depends on values that are not here."
    "Render it first: `helm template RELEASE CHART | migrate eso validate -`."
    "https://helm.sh/docs/helm/helm_template/"
}
NOT_SERVED "ESO003" "api-version-not-served" Error {
    "The API version is not served by this version of the operator."
    "The API server refuses the object, and Argo CD can't compare it. v1beta1 was served last before 0.17.0."
    "Use the API version that is named, and validate again: its fields are then checked."
    "the CRDs of each release: https://github.com/external-secrets/external-secrets/tree/main/config/crds/bases"
}
UNKNOWN_FIELD "ESO004" "unknown-field" Error {
    "The field is not in the schema."
    "The API server drops it in silence where validation is not strict, so what was meant never happens."
    "Spell it as the API reference does, or take it out. Some fields came with a later version."
    "https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#field-pruning"
}
WRONG_TYPE "ESO005" "wrong-type" Error {
    "Something of another type belongs there."
    "The API server refuses the object. Often a text that YAML reads as a number or a boolean."
    "Write what is named; put quotes around a text such as \"1\", \"yes\" or \"null\"."
    "the schema of the CRD"
}
MISSING_FIELD "ESO006" "missing-field" Error {
    "A field that is required is missing."
    "The API server refuses the object."
    "Add it."
    "the schema of the CRD"
}
NOT_ALLOWED "ESO007" "word-not-allowed" Error {
    "The text is none of the words that are allowed there."
    "The API server refuses the object."
    "Use one of the words that are named; some came with a later version."
    "the schema of the CRD"
}
OUT_OF_BOUNDS "ESO008" "out-of-bounds" Error {
    "A text, number or list is outside of what is allowed: length, characters, size."
    "The API server refuses the object."
    "Names have at most 253 characters, namespaces 63; keys of a Secret are letters, digits, `-`, `_` and `.`."
    "the schema of the CRD; https://kubernetes.io/docs/concepts/overview/working-with-objects/names/"
}
BROKEN_RULE "ESO009" "broken-rule" Error {
    "Several fields together break a rule, such as \"exactly one of\"."
    "The API server refuses the object."
    "Keep the rule that is named."
    "the schema of the CRD and its CEL rules"
}
NOT_EVALUATED "ESO010" "rule-not-evaluated" Warning {
    "A rule of the CRD could not be evaluated here."
    "The object may break it, and only the API server will say so."
    "Try the manifest against the API server: `kubectl apply --dry-run=server`."
    "https://kubernetes.io/docs/reference/using-api/cel/"
}
OTHER_DEFAULT "ESO011" "other-default" Note {
    "The CRDs that were given fill in something else than the version that was named."
    "Manifests that were emitted for that version differ from what the cluster stores; a GitOps tool may show them as out of sync."
    "Name the version that you run with --eso-version."
    "compared with our table of that version"
}
REPEATED_KEY "ESO012" "repeated-key" Error {
    "A key stands twice in one mapping."
    "Only the last one counts; strict tools refuse the file."
    "Keep one."
    "YAML 1.2, 3.2.1.3: keys are unique"
}
UNKNOWN_KIND "ESO013" "unknown-kind" Error {
    "The kind is not one of the operator's."
    "The API server refuses the object."
    "Spell it as the API reference does."
    "https://external-secrets.io/latest/api/spec/"
}
BAD_NAME "ESO014" "bad-name" Error {
    "The object has no name, or one that Kubernetes refuses."
    "The API server refuses it; a Secret is named after its ExternalSecret where no other name is given."
    "Use at most 253 lower-case letters, digits, `-` and `.`."
    "https://kubernetes.io/docs/concepts/overview/working-with-objects/names/"
}
DELETION_POLICY "ESO101" "deletion-policy-delete" Warning {
    "deletionPolicy Delete removes the Secret when the store says that nothing is there."
    "When the store is switched and a path is missing, the Secret is deleted and the ExternalSecret says Ready; pods that restart then fail."
    "Use Retain, at least across a switch."
    "seen with 0.20.4; https://external-secrets.io/latest/guides/ownership-deletion-policy/"
}
SHARED_TARGET "ESO102" "shared-target" Error {
    "Two ExternalSecrets of one namespace own one Secret."
    "The operator lets the first one own it and refuses the other, which never gets ready; which of them was first may change with every new cluster."
    "Give each its own target, or let one own it and the other use creationPolicy Merge."
    "ErrSecretIsOwned in pkg/controllers/externalsecret/externalsecret_controller.go of the operator"
}
FOREIGN_TARGET "ESO103" "foreign-target" Error {
    "An ExternalSecret owns a Secret that another manifest here makes as well."
    "Both write it: whoever applied last wins, and deleting the ExternalSecret deletes the Secret."
    "Keep one of them; creationPolicy Merge adds keys to a Secret that others own."
    "https://external-secrets.io/latest/guides/ownership-deletion-policy/"
}
MERGE_DROPS "ESO104" "merge-drops-keys" Warning {
    "creationPolicy Merge or deletionPolicy Merge takes keys away when the store says that nothing is there."
    "When the store is switched and a path is missing, the keys vanish from the Secret and the ExternalSecret says Ready."
    "Prove that every path is there before the switch."
    "seen with 0.20.4; https://external-secrets.io/latest/guides/ownership-deletion-policy/"
}
NEVER_REFRESHED "ESO105" "never-refreshed" Warning {
    "The ExternalSecret is read once and not again: refreshInterval 0, or refreshPolicy CreatedOnce."
    "A switch to another store is never seen, nor is a rotated value."
    "Use refreshPolicy OnChange across the switch, or an interval."
    "shouldRefresh in pkg/controllers/externalsecret/externalsecret_controller.go of the operator"
}
TEMPLATE_BROKEN "ESO106" "template-does-not-parse" Error {
    "A template has an action that does not end, or blocks that do not match."
    "The operator can't render it: the Secret is not made, or not renewed."
    "Close `{{` with `}}`, and each if, range, with, define and block with `end`."
    "https://pkg.go.dev/text/template"
}
BAD_KEY "ESO107" "bad-secret-key" Error {
    "A template makes a key that a Secret can't have."
    "The API server refuses the Secret, and with it every other key."
    "Use at most 253 letters, digits, `-`, `_` and `.`."
    "https://kubernetes.io/docs/concepts/configuration/secret/#restriction-names-data"
}
REPEATED_SECRET_KEY "ESO108" "repeated-secret-key" Error {
    "Two items of `data` write one key."
    "The second one wins, and the first is read for nothing."
    "Keep one, or give them different keys."
    "the controller fills a map in the order of the list"
}
MOUNT_IN_KEY "ESO109" "mount-in-key" Warning {
    "The key begins with the mount of its Vault store."
    "The operator cuts the mount off the key, so `secret/a` in mount `secret` reads `a`: an entry that really lies below a folder of that name can't be read."
    "Leave the mount out of the key."
    "buildPath in pkg/provider/vault/client_get.go of the operator"
}
FIND_ALL "ESO110" "find-reaches-all" Warning {
    "A `find` has neither a name nor tags."
    "With Vault it takes every entry below its path, those of tomorrow included; with Secrets Manager it fails."
    "Name what is read: one `data` or `extract` for each, or an anchored regexp."
    "GetAllSecrets of both providers of the operator"
}
FIND_UNANCHORED "ESO111" "find-not-anchored" Warning {
    "The regexp of a `find` may match in the middle of a name."
    "`orders` also reaches `reorders/admin`; a name of tomorrow may fall into it, and into the Secret."
    "Begin it with `^`, and end it with `$` or with what may follow."
    "https://pkg.go.dev/regexp: MatchString looks for a match anywhere"
}
COSTLY_REFRESH "ESO112" "costly-refresh" Warning {
    "The ExternalSecret makes more than 100,000 calls of Secrets Manager a month."
    "Each call is paid, and all ExternalSecrets of an account and region share its rate."
    "Read more members from fewer secrets (`extract`), or refresh less often."
    "https://aws.amazon.com/secrets-manager/pricing/"
}
PUSH_BINARY "ESO201" "push-binary" Warning {
    "A PushSecret to Secrets Manager writes SecretBinary unless it says otherwise."
    "Applications and SDK modules that read SecretString find nothing; a secret changes its kind when it is pushed first."
    "Set `secretPushFormat: string` in the metadata of each item."
    "PushSecret of pkg/provider/aws/secretsmanager/secretsmanager.go of the operator"
}
PUSH_METADATA "ESO202" "push-replaces-metadata" Warning {
    "A PushSecret to Vault writes the entry's custom_metadata as a whole."
    "What others keep there (owner, rotation policy, the mark of a handover) is gone, and only `managed-by: external-secrets` is left."
    "Keep metadata of such entries elsewhere, or let somebody else write them."
    "PushSecret of pkg/provider/vault/client_push.go of the operator"
}
PUSH_DELETES "ESO203" "push-deletes" Warning {
    "deletionPolicy Delete of a PushSecret deletes what it pushed when the PushSecret or the key goes."
    "In Vault every version of the entry and its metadata are purged; nothing is left to go back to."
    "Use None, and delete by hand."
    "DeleteSecret of both providers of the operator"
}
OPEN_STORE "ESO301" "open-cluster-store" Warning {
    "A ClusterSecretStore has no conditions."
    "Whoever may create an ExternalSecret in any namespace reads everything that the store's role may read."
    "Name the namespaces in `conditions`, and keep the role's rights small."
    "https://external-secrets.io/latest/api/clustersecretstore/"
}
CROSS_NAMESPACE "ESO302" "cross-namespace" Error {
    "A SecretStore names a Secret or service account of another namespace."
    "The operator refuses the store: a SecretStore uses what is in its own namespace only."
    "Take the namespace out and put the Secret there, or use a ClusterSecretStore."
    "ValidateSecretSelector in pkg/esutils/utils.go of the operator"
}
STORE_ELSEWHERE "ESO303" "store-elsewhere" Error {
    "The SecretStore of that name is in another namespace."
    "A SecretStore serves its own namespace only; the ExternalSecret never gets ready."
    "Add the store to the namespace, or use a ClusterSecretStore."
    "https://external-secrets.io/latest/api/secretstore/"
}
FORCE_DELETE "ESO304" "force-delete" Warning {
    "The store deletes secrets without a recovery window."
    "With a PushSecret's deletionPolicy Delete a secret of Secrets Manager is gone at once, for good."
    "Take forceDeleteWithoutRecovery out, or set recoveryWindowInDays."
    "https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteSecret.html"
}
VAULT_TOKEN "ESO401" "vault-token-in-operator" Error {
    "The operator's environment sets VAULT_TOKEN."
    "The operator uses it before a store's own auth, for every store, and revokes it afterwards."
    "Take it out; stores authenticate by their own role."
    "seen with 0.20.4"
}
}
