//! Stores: which of them are Secrets Manager, and what they say as settings of `migrate.toml`. Never a credential: a store only ever names
//! where one lies.

use std::{collections::BTreeMap, rc::Rc};

use migrate_core::{
    inventory::external_secret::{StoreKind, StoreRef},
    name::{
        SecretArn, SecretName,
        kubernetes::{KubernetesName, Namespace},
    },
};

use super::{
    FindingKind, Imported, LeftAlone, NotKept, Surroundings,
    fields::Fields,
    object::{Kind, Object},
    resolve::Manifest,
};
use crate::yaml::Node;

/// A store as settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundStore {
    /// Its name and kind.
    pub store: StoreRef,
    /// Its namespace, where it has one.
    pub namespace: Option<Namespace>,
    /// The file that it stands in.
    pub file: Rc<str>,
    /// The table below `[environment.NAME.eso]`: `aws` or `vault`.
    pub table: &'static str,
    /// The lines of that table.
    pub settings: String,
}

/// What a store reads from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// Secrets Manager, and what is put before each key; it is known where its manifest or the environment says so.
    SecretsManager { prefix: String, is_known: bool },
    /// Something else.
    Other,
}

impl Source {
    pub(super) fn is_ours(&self) -> bool {
        matches!(self, Self::SecretsManager { .. })
    }
}

/// All stores that are known.
pub(super) struct Stores {
    found: Vec<(StoreRef, Option<Namespace>, Source)>,
    environment: Option<(StoreRef, String)>,
    region: Option<String>,
}

impl Stores {
    /// Reads the stores among the objects, and notes those that are not Secrets Manager.
    pub(super) fn read(objects: &[Object<'_>], around: &Surroundings<'_>, imported: &mut Imported) -> Self {
        let mut found = Vec::new();
        for object in objects.iter().filter(|object| matches!(object.kind, Kind::Store | Kind::ClusterStore)) {
            let Some((store, namespace, source, settings)) = read(object, around) else { continue };
            if let Some((table, settings)) = settings.filter(|_| !object.notes.leave_alone()) {
                let (store, namespace, file) = (store.clone(), namespace.clone(), object.file.clone());
                imported.stores.push(FoundStore { store, namespace, file, table, settings });
            }
            found.push((store, namespace, source));
        }
        let environment = around.store.as_ref().map(|own| (own.store.clone(), own.prefix.clone().unwrap_or_default()));
        Self { found, environment, region: around.region.clone() }
    }

    /// What a store reads from. Where a ClusterExternalSecret names a SecretStore, the first of that name counts.
    pub(super) fn source(&self, store: &StoreRef, namespace: Option<&Namespace>) -> Source {
        let fits = |(found, of, _): &&(StoreRef, Option<Namespace>, Source)| {
            found == store
                && (found.kind == StoreKind::ClusterSecretStore
                    || namespace.is_none()
                    || of.is_none()
                    || of.as_ref() == namespace)
        };
        if let Some((.., source)) = self.found.iter().find(fits) {
            return source.clone();
        }
        match &self.environment {
            Some((own, prefix)) if own == store => Source::SecretsManager { prefix: prefix.clone(), is_known: true },
            _ => Source::SecretsManager { prefix: String::new(), is_known: false },
        }
    }

    /// The name that a key stands for. A full ARN names the secret in its middle, unless it lies in another region.
    pub(super) fn name_of(&self, prefix: &str, key: &str) -> Option<SecretName> {
        if key.starts_with("arn:") && prefix.is_empty() {
            let parts = SecretArn::new(key).parts().ok()?;
            return (self.region.is_none() || self.region.as_ref() == Some(&parts.region)).then_some(parts.name);
        }
        SecretName::parse(&format!("{prefix}{key}")).ok()
    }

    /// The store of Secrets Manager that most ExternalSecrets read from; of two equals, the first by name.
    pub(super) fn most_used<'m>(&self, manifests: impl Iterator<Item = &'m Manifest>) -> Option<StoreRef> {
        let mut used: BTreeMap<StoreRef, usize> = BTreeMap::new();
        for manifest in manifests {
            for store in manifest.stores() {
                if self.source(&store, manifest.id.namespace()).is_ours() {
                    *used.entry(store).or_default() += 1;
                }
            }
        }
        let most = used.values().copied().max()?;
        used.into_iter().find(|(_, times)| *times == most).map(|(store, _)| store)
    }
}

type Read = (StoreRef, Option<Namespace>, Source, Option<(&'static str, String)>);

fn read(object: &Object<'_>, around: &Surroundings<'_>) -> Option<Read> {
    let fields = object.fields();
    let kind = if object.kind == Kind::Store { StoreKind::SecretStore } else { StoreKind::ClusterSecretStore };
    let store = StoreRef { name: object.name()?, kind };
    let namespace = if kind == StoreKind::SecretStore { object.namespace(around) } else { None };
    // Labels of a store are nothing that an inventory could lose.
    if let Some(metadata) = fields.within("metadata") {
        for key in ["labels", "annotations"] {
            let _ = metadata.node(key).map(Node::take);
        }
    }
    let spec = fields.within("spec")?;
    let provider = spec.within("provider")?;
    let mut lines = Lines::default();
    lines.text("store", Some(store.name.to_string()));
    lines.text("kind", Some(store.kind.to_string()));
    let (source, table) = if let Some(aws) = provider.within("aws") {
        let service = aws.text("service").unwrap_or_default();
        let region = aws.text("region");
        let prefix = aws.text("prefix");
        if service != "SecretsManager" {
            aws.note("service", FindingKind::LeftAlone(LeftAlone::Service(of_service(&service).into())));
            (Source::Other, None)
        } else if region.is_some() && around.region.is_some() && region != around.region {
            aws.note("region", FindingKind::LeftAlone(LeftAlone::Region));
            (Source::Other, None)
        } else {
            lines.text("region", region);
            lines.text("prefix", prefix.clone());
            aws_settings(&aws, &mut lines);
            (Source::SecretsManager { prefix: prefix.unwrap_or_default(), is_known: true }, Some("aws"))
        }
    } else if let Some(vault) = provider.within("vault") {
        vault_settings(&vault, &mut lines);
        (Source::Other, Some("vault"))
    } else {
        let other = provider.node.entries().first().map(|(key, _)| key.text.as_str());
        let is_word = |word: &&str| word.len() <= 40 && word.bytes().all(|b| b.is_ascii_alphanumeric());
        let other = other.filter(is_word).unwrap_or("another provider").to_owned();
        spec.note("provider", FindingKind::LeftAlone(LeftAlone::Provider(other)));
        (Source::Other, None)
    };
    lines.conditions(&spec);
    Some((store, namespace, source, table.map(|table| (table, lines.0))))
}

/// Only names that are known are told: a text may be anything.
fn of_service(service: &str) -> &'static str {
    match service {
        "ParameterStore" => "Parameter Store",
        "CertificateManager" => "Certificate Manager",
        _ => "another service of AWS",
    }
}

fn aws_settings(aws: &Fields<'_>, lines: &mut Lines) {
    lines.text("role", aws.text("role"));
    lines.text("external_id", aws.text("externalID"));
    let tags: BTreeMap<String, String> =
        aws.items("sessionTags").iter().filter_map(|tag| Some((tag.text("key")?, tag.text("value")?))).collect();
    lines.map("session_tags", &tags);
    let Some(auth) = aws.within("auth") else { return };
    if let Some(account) = auth.within("jwt").and_then(|jwt| jwt.within("serviceAccountRef")) {
        lines.inline("service_account", service_account(&account));
    }
    let Some(keys) = auth.within("secretRef") else { return };
    let of = |key| {
        keys.within(key)
            .map(|of| (of.parsed("name", KubernetesName::parse), of.parsed("namespace", Namespace::parse), of.text("key")))
    };
    let (id, secret, session) = (of("accessKeyIDSecretRef"), of("secretAccessKeySecretRef"), of("sessionTokenSecretRef"));
    let (Some((name, namespace, id)), Some((.., secret))) = (id, secret) else { return };
    lines.inline(
        "static_keys",
        vec![
            ("name", name.map(|name| quoted(name.as_str()))),
            ("namespace", namespace.map(|namespace| quoted(namespace.as_str()))),
            ("access_key_id", id.as_deref().map(quoted)),
            ("secret_access_key", secret.as_deref().map(quoted)),
            ("session_token", session.and_then(|(.., key)| key).as_deref().map(quoted)),
        ],
    );
}

fn vault_settings(vault: &Fields<'_>, lines: &mut Lines) {
    lines.text("address", vault.text("server"));
    lines.text("mount", vault.text("path"));
    lines.text("namespace", vault.text("namespace"));
    if vault.text("version").is_some_and(|version| version != "v2") {
        vault.note("version", FindingKind::NotKept(NotKept::KvVersion));
    }
    // Base64 of a certificate, which would be taken for a value.
    if let Some(bundle) = vault.node("caBundle") {
        bundle.take();
        vault.note("caBundle", FindingKind::NotKept(NotKept::CaBundle));
    }
    if let Some(ca) = vault.within("caProvider") {
        let kind = if ca.text("type").as_deref() == Some("Secret") { "secret" } else { "config_map" };
        let mut parts = reference(&ca);
        parts[0].0 = kind;
        lines.inline("ca", parts);
    }
    let Some(auth) = vault.within("auth") else { return };
    if let Some(of) = auth.within("tokenSecretRef") {
        lines.inline("token", reference(&of));
    }
    for (method, key, path) in [("kubernetes", "kubernetes", "mountPath"), ("jwt", "jwt", "path")] {
        let Some(of) = auth.within(key) else { continue };
        let mut parts = vec![("path", of.text(path).as_deref().map(quoted)), ("role", of.text("role").as_deref().map(quoted))];
        let token = of.within("kubernetesServiceAccountToken");
        if let Some(account) = token.as_ref().unwrap_or(&of).within("serviceAccountRef") {
            let mut account = service_account(&account);
            let audiences = token.map(|token| token.texts("audiences")).filter(|audiences| !audiences.is_empty());
            account.extend(audiences.map(|audiences| ("audiences", Some(list(&audiences)))));
            parts.push(("service_account", Some(table(account))));
        }
        if let Some(secret) = of.within("secretRef") {
            parts.push(("secret", Some(table(reference(&secret)))));
        }
        lines.inline(method, parts);
    }
    if let Some(of) = auth.within("appRole") {
        lines.inline(
            "app_role",
            vec![
                ("path", of.text("path").as_deref().map(quoted)),
                ("role_id", of.text("roleId").as_deref().map(quoted)),
                ("role_id_secret", of.within("roleRef").map(|of| table(reference(&of)))),
                ("secret_id", of.within("secretRef").map(|of| table(reference(&of)))),
            ],
        );
    }
}

type Parts = Vec<(&'static str, Option<String>)>;

fn reference(of: &Fields<'_>) -> Parts {
    vec![
        ("name", of.text("name").as_deref().map(quoted)),
        ("namespace", of.text("namespace").as_deref().map(quoted)),
        ("key", of.text("key").as_deref().map(quoted)),
    ]
}

fn service_account(of: &Fields<'_>) -> Parts {
    let audiences = of.texts("audiences");
    vec![
        ("name", of.text("name").as_deref().map(quoted)),
        ("namespace", of.text("namespace").as_deref().map(quoted)),
        ("audiences", (!audiences.is_empty()).then(|| list(&audiences))),
    ]
}

/// A text as TOML has it. What JSON escapes, TOML escapes alike.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn list(texts: &[String]) -> String {
    format!("[{}]", texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", "))
}

fn table(parts: Parts) -> String {
    let parts: Vec<String> = parts.into_iter().filter_map(|(key, value)| Some(format!("{key} = {}", value?))).collect();
    format!("{{ {} }}", parts.join(", "))
}

/// The lines of a table.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn text(&mut self, key: &str, text: Option<String>) {
        self.0.extend(text.map(|text| format!("{key} = {}\n", quoted(&text))));
    }

    fn inline(&mut self, key: &str, parts: Parts) {
        self.0 += &format!("{key} = {}\n", table(parts));
    }

    fn map(&mut self, key: &str, map: &BTreeMap<String, String>) {
        if !map.is_empty() {
            let parts: Vec<String> = map.iter().map(|(key, value)| format!("{} = {}", quoted(key), quoted(value))).collect();
            self.0 += &format!("{key} = {{ {} }}\n", parts.join(", "));
        }
    }

    /// Who may use it. Without conditions everybody may, which has to be said.
    fn conditions(&mut self, spec: &Fields<'_>) {
        let conditions: Vec<String> = spec.items("conditions").iter().map(condition).collect();
        self.0 += &format!("conditions = [{}]\n", conditions.join(", "));
    }
}

fn condition(of: &Fields<'_>) -> String {
    let lists = [("namespaces", of.texts("namespaces")), ("namespace_regexes", of.texts("namespaceRegexes"))];
    let mut parts: Parts = lists.into_iter().map(|(key, texts)| (key, (!texts.is_empty()).then(|| list(&texts)))).collect();
    if let Some(labels) =
        of.within("namespaceSelector").map(|selector| selector.map("matchLabels")).filter(|labels| !labels.is_empty())
    {
        let labels: Vec<String> = labels.iter().map(|(key, value)| format!("{} = {}", quoted(key), quoted(value))).collect();
        parts.push(("match_labels", Some(format!("{{ {} }}", labels.join(", ")))));
    }
    table(parts)
}
