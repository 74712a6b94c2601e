//! `spec` of an ExternalSecret, and what a ClusterExternalSecret has around it: every field of external-secrets.io/v1 and v1beta1
//! (<https://external-secrets.io/latest/api/spec/>) into the types of the inventory. What is not asked for here is told as not kept.

use migrate_core::{
    go_duration::GoDuration,
    inventory::external_secret::{
        ClusterPlacement, DeletionPolicy, FindName, FindSpec, GeneratorRef, LabelExpression, LabelSelector, ManifestTarget,
        OtherData, OtherDataFrom, RefreshPolicy, RemoteRef, SourceRef, StoreKind, StoreRef, SyncWindow, SyncWindows, Target,
        Template, TemplateFrom, TemplateMetadata, TemplateRef, TemplateRefItem,
    },
    name::kubernetes::{KubernetesName, Namespace},
    reads::Rewrite,
};

use super::{
    Defaults,
    fields::Fields,
    finding::{FindingKind, LeftAlone},
};

/// What a `spec` says.
#[derive(Default)]
pub(super) struct Spec {
    pub(super) store: Option<StoreRef>,
    pub(super) refresh_policy: Option<RefreshPolicy>,
    pub(super) refresh_interval: Option<GoDuration>,
    pub(super) sync_windows: Option<SyncWindows>,
    pub(super) target: Target,
    pub(super) data: Vec<(Place, OtherData)>,
    pub(super) data_from: Vec<(Place, OtherDataFrom)>,
}

/// Where an item stood.
pub(super) struct Place {
    pub(super) at: migrate_core::inventory::Position,
    pub(super) path: String,
}

impl Spec {
    pub(super) fn read(spec: &Fields<'_>) -> Self {
        let place = |item: &Fields<'_>| Place { at: item.node.at, path: item.path.clone() };
        Self {
            store: spec.within("secretStoreRef").and_then(|store| store_ref(&store)),
            refresh_policy: spec.one_of("refreshPolicy"),
            refresh_interval: spec.typed("refreshInterval"),
            sync_windows: spec.within("syncWindows").and_then(|windows| sync_windows(&windows)),
            target: spec.within("target").map(|of| target(&of)).unwrap_or_default(),
            data: spec.items("data").iter().map(|item| (place(item), data(item))).collect(),
            data_from: spec.items("dataFrom").iter().map(|item| (place(item), data_from(item))).collect(),
        }
    }

    /// Spells out what the operator takes where nothing is said, where the environment would emit something else.
    pub(super) fn unlike(mut self, defaults: &Defaults) -> Self {
        let (interval, deletion, policy) = (GoDuration::from_secs(60 * 60), DeletionPolicy::Retain, RefreshPolicy::Periodic);
        if defaults.refresh_interval != interval {
            self.refresh_interval.get_or_insert(interval);
        }
        if defaults.deletion_policy != deletion {
            self.target.deletion_policy.get_or_insert(deletion);
        }
        if defaults.refresh_policy.is_some_and(|default| default != policy) {
            self.refresh_policy.get_or_insert(policy);
        }
        self
    }

    /// The same in v1alpha1, where `dataFrom` knows keys only, and templates are those of the first engine unless they say otherwise.
    pub(super) fn read_first(spec: &Fields<'_>) -> Self {
        let template = spec.within("target").and_then(|target| target.within("template"));
        if let Some(template) = template.filter(|of| !of.has("engineVersion") && (of.has("data") || of.has("templateFrom"))) {
            template.note("", FindingKind::LeftAlone(LeftAlone::EngineV1));
        }
        let mut read = Self::read(spec);
        read.data_from = spec
            .items("dataFrom")
            .iter()
            .map(|item| {
                let place = Place { at: item.node.at, path: item.path.clone() };
                (place, OtherDataFrom { extract: Some(remote_ref(item)), ..OtherDataFrom::default() })
            })
            .collect();
        read
    }
}

/// A reference to a store. One without a name is none: an empty `secretStoreRef` is what the operator's own defaults make.
fn store_ref(of: &Fields<'_>) -> Option<StoreRef> {
    let kind: Option<StoreKind> = of.one_of("kind");
    let name = of.parsed("name", KubernetesName::parse)?;
    Some(StoreRef { name, kind: kind.unwrap_or_default() })
}

fn sync_windows(of: &Fields<'_>) -> Option<SyncWindows> {
    let windows = of.items("windows");
    let windows = windows
        .iter()
        .filter_map(|window| Some(SyncWindow { schedule: window.required("schedule"), duration: window.typed("duration")? }));
    Some(SyncWindows { windows: windows.collect(), kind: of.one_of("kind")? })
}

fn target(of: &Fields<'_>) -> Target {
    Target {
        name: of.parsed("name", KubernetesName::parse),
        creation_policy: of.one_of("creationPolicy"),
        deletion_policy: of.one_of("deletionPolicy"),
        immutable: of.truth("immutable"),
        manifest: of
            .within("manifest")
            .map(|of| ManifestTarget { api_version: of.required("apiVersion"), kind: of.required("kind") }),
        template: of.within("template").map(|of| template(&of)),
    }
}

fn template(of: &Fields<'_>) -> Template {
    let is_v1 = of.node.peek("engineVersion").and_then(crate::yaml::Node::text) == Some("v1");
    if is_v1 {
        of.note("engineVersion", FindingKind::LeftAlone(LeftAlone::EngineV1));
    }
    Template {
        secret_type: of.text("type"),
        engine_version: if is_v1 { None } else { of.one_of("engineVersion") },
        metadata: of.within("metadata").map(|of| template_metadata(&of)).unwrap_or_default(),
        merge_policy: of.one_of("mergePolicy"),
        data: of.map("data"),
        template_from: of.items("templateFrom").iter().map(template_from).collect(),
    }
}

pub(super) fn template_metadata(of: &Fields<'_>) -> TemplateMetadata {
    TemplateMetadata {
        labels: of.metadata("labels"),
        annotations: of.metadata("annotations"),
        finalizers: of.texts("finalizers"),
    }
}

fn template_from(of: &Fields<'_>) -> TemplateFrom {
    TemplateFrom {
        config_map: of.within("configMap").and_then(|of| template_ref(&of)),
        secret: of.within("secret").and_then(|of| template_ref(&of)),
        literal: of.text("literal"),
        target: of.text("target"),
        values_decoding_strategy: of.one_of("valuesDecodingStrategy"),
    }
}

fn template_ref(of: &Fields<'_>) -> Option<TemplateRef> {
    let items = of.items("items");
    let items = items.iter().map(|item| TemplateRefItem { key: item.required("key"), template_as: item.one_of("templateAs") });
    Some(TemplateRef { items: items.collect(), name: of.parsed("name", KubernetesName::parse)? })
}

fn data(of: &Fields<'_>) -> OtherData {
    if !of.has("remoteRef") {
        of.unfit("", "`remoteRef` is missing");
    }
    OtherData {
        secret_key: secret_key(of, "secretKey"),
        remote_ref: of.within("remoteRef").map_or_else(|| key_only(String::new()), |of| remote_ref(&of)),
        source_ref: of.within("sourceRef").and_then(|of| source_ref(&of)),
    }
}

/// The key that an item makes. Kubernetes refuses others.
pub(super) fn secret_key(of: &Fields<'_>, key: &str) -> String {
    let text = of.required(key);
    if of.has(key) && !crate::is_secret_key(&text) {
        of.unfit(key, "a key of a Kubernetes Secret has 1 to 253 letters, digits, `-`, `_` and `.`");
    }
    text
}

/// A reference that says nothing but the key.
pub(super) fn key_only(key: String) -> RemoteRef {
    RemoteRef {
        key,
        property: None,
        version: None,
        conversion_strategy: None,
        decoding_strategy: None,
        metadata_policy: None,
        null_byte_policy: None,
    }
}

fn remote_ref(of: &Fields<'_>) -> RemoteRef {
    RemoteRef {
        key: of.required("key"),
        // An empty one is none, for the operator too.
        property: of.text("property").filter(|property| !property.is_empty()),
        version: of.text("version").filter(|version| !version.is_empty()),
        conversion_strategy: of.one_of("conversionStrategy"),
        decoding_strategy: of.one_of("decodingStrategy"),
        metadata_policy: of.one_of("metadataPolicy"),
        null_byte_policy: of.one_of("nullBytePolicy"),
    }
}

fn data_from(of: &Fields<'_>) -> OtherDataFrom {
    OtherDataFrom {
        extract: of.within("extract").map(|of| remote_ref(&of)),
        find: of.within("find").map(|of| find(&of)),
        rewrite: of.items("rewrite").iter().filter_map(rewrite).collect(),
        source_ref: of.within("sourceRef").and_then(|of| source_ref(&of)),
    }
}

fn find(of: &Fields<'_>) -> FindSpec {
    FindSpec {
        path: of.text("path"),
        name: of.within("name").map(|of| FindName { regexp: of.text("regexp").unwrap_or_default() }),
        tags: of.map("tags"),
        conversion_strategy: of.one_of("conversionStrategy"),
        decoding_strategy: of.one_of("decodingStrategy"),
        null_byte_policy: of.one_of("nullBytePolicy"),
    }
}

fn rewrite(of: &Fields<'_>) -> Option<Rewrite> {
    let kinds = ["regexp", "transform", "merge"].into_iter().filter(|kind| of.has(kind)).count();
    if kinds != 1 {
        of.unfit("", "exactly one of `regexp`, `transform` and `merge` belongs here");
        return None;
    }
    if let Some(of) = of.within("regexp") {
        return Some(Rewrite::Regexp {
            source: of.text("source").unwrap_or_default(),
            target: of.text("target").unwrap_or_default(),
        });
    }
    if let Some(of) = of.within("transform") {
        return Some(Rewrite::Transform { template: of.text("template").unwrap_or_default() });
    }
    of.within("merge").map(|of| Rewrite::Merge {
        into: of.text("into").filter(|into| !into.is_empty()),
        priority: of.texts("priority"),
        priority_policy: of.one_of("priorityPolicy"),
        strategy: of.one_of("strategy"),
        conflict_policy: of.one_of("conflictPolicy"),
    })
}

fn source_ref(of: &Fields<'_>) -> Option<SourceRef> {
    let store = of.within("storeRef").and_then(|of| store_ref(&of)).map(SourceRef::StoreRef);
    let generator = of.within("generatorRef").and_then(|of| {
        let api_version = of.text("apiVersion");
        Some(GeneratorRef { api_version, kind: of.required("kind"), name: of.parsed("name", KubernetesName::parse)? })
    });
    match (store, generator.map(SourceRef::GeneratorRef)) {
        (Some(_), Some(_)) => {
            of.unfit("", "either `storeRef` or `generatorRef` belongs here");
            None
        }
        (store, generator) => store.or(generator),
    }
}

/// What a ClusterExternalSecret has around `externalSecretSpec`.
pub(super) fn placement(of: &Fields<'_>) -> ClusterPlacement {
    // The older field holds one of what the newer one holds many.
    let mut selectors: Vec<LabelSelector> = of.within("namespaceSelector").map(|of| selector(&of)).into_iter().collect();
    selectors.extend(of.items("namespaceSelectors").iter().map(selector));
    let namespaces = of.texts("namespaces");
    let namespaces =
        namespaces.iter().filter_map(|name| Namespace::parse(name).map_err(|rule| of.unfit("namespaces", rule)).ok());
    ClusterPlacement {
        namespaces: namespaces.collect(),
        external_secret_name: of.parsed("externalSecretName", KubernetesName::parse),
        external_secret_metadata: of.within("externalSecretMetadata").map(|of| template_metadata(&of)).unwrap_or_default(),
        refresh_time: of.typed("refreshTime"),
        namespace_selectors: selectors,
    }
}

pub(super) fn selector(of: &Fields<'_>) -> LabelSelector {
    let expressions = of.items("matchExpressions");
    let expressions = expressions.iter().filter_map(|of| {
        let (key, values) = (of.required("key"), of.texts("values"));
        Some(LabelExpression { key, operator: of.one_of("operator")?, values })
    });
    LabelSelector { match_expressions: expressions.collect(), match_labels: of.map("matchLabels") }
}
