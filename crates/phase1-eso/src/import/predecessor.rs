//! ExternalSecrets of kubernetes-external-secrets (`kubernetes-client.io/v1`), the operator's predecessor
//! (<https://github.com/external-secrets/kubernetes-external-secrets>), put into the words of the operator.

use migrate_core::{
    inventory::external_secret::{OtherData, OtherDataFrom, Target, Template},
    reads::DecodingStrategy,
};

use super::{
    FindingKind, LeftAlone, Look, NotKept, Surroundings,
    fields::Fields,
    object::Object,
    resolve::Manifest,
    spec::{self, Place, Spec},
};

/// Reads one. Only Secrets Manager as its backend is of interest.
pub(super) fn read(object: &Object<'_>, around: &Surroundings<'_>) -> Option<Manifest> {
    let fields = object.fields();
    let id = object.id(around)?;
    let [labels, annotations] = object.metadata();
    let application = object.application(&id, [&labels, &annotations])?;
    // Older ones call it `secretDescriptor`.
    let descriptor = fields.within("spec").or_else(|| fields.within("secretDescriptor"))?;
    match descriptor.text("backendType").as_deref() {
        Some("secretsManager") => {}
        Some("systemManager") => {
            descriptor.note("backendType", FindingKind::LeftAlone(LeftAlone::Service("Parameter Store".into())));
            return None;
        }
        Some("vault") => {
            descriptor.note("backendType", FindingKind::LeftAlone(LeftAlone::Provider("Vault".into())));
            return None;
        }
        _ => {
            descriptor.note("backendType", FindingKind::LeftAlone(LeftAlone::Provider("another provider".into())));
            return None;
        }
    }
    for key in ["roleArn", "region"].into_iter().filter(|key| descriptor.text(key).is_some()) {
        descriptor.note(key, FindingKind::NotKept(NotKept::BelongsToStore));
    }
    // Which of several controllers looks at it: there is one operator.
    let _ = descriptor.text("controllerId");
    let place = |of: &Fields<'_>| Place { at: of.node.at, path: of.path.clone() };
    let mut items = descriptor.items("data");
    if items.is_empty() {
        items = descriptor.items("properties");
    }
    let mut spec = Spec { data: items.iter().map(|item| (place(item), data(item))).collect(), ..Spec::default() };
    let at = descriptor.node.place_of("dataFrom");
    for (index, key) in descriptor.texts("dataFrom").into_iter().enumerate() {
        let place = Place { at, path: format!("{}.dataFrom[{index}]", descriptor.path) };
        let extract = Some(spec::key_only(key));
        spec.data_from.push((place, OtherDataFrom { extract, ..OtherDataFrom::default() }));
    }
    for item in descriptor.items("dataFromWithOptions") {
        let mut extract = spec::key_only(item.required("key"));
        extract.version = version(&item);
        extract.decoding_strategy = binary(&item);
        spec.data_from.push((place(&item), OtherDataFrom { extract: Some(extract), ..OtherDataFrom::default() }));
    }
    if let Some(of) = descriptor.within("template") {
        spec.target = Target { template: Some(template(&of)), ..Target::default() };
    }
    fields.note("", FindingKind::Look(Look::Predecessor));
    Some(Manifest { id, application, cluster: None, labels, annotations, spec, is_predecessor: true })
}

fn data(of: &Fields<'_>) -> OtherData {
    let mut remote_ref = spec::key_only(of.required("key"));
    remote_ref.property = of.text("property").filter(|property| !property.is_empty());
    remote_ref.version = version(of);
    remote_ref.decoding_strategy = binary(of);
    OtherData { secret_key: spec::secret_key(of, "name"), remote_ref, source_ref: None }
}

/// A stage as it is, and an id as the operator spells it.
fn version(of: &Fields<'_>) -> Option<String> {
    let stage = of.text("versionStage").filter(|stage| stage != "AWSCURRENT");
    of.text("versionId").map(|id| format!("uuid/{id}")).or(stage)
}

fn binary(of: &Fields<'_>) -> Option<DecodingStrategy> {
    of.truth("isBinary").filter(|is_binary| *is_binary).map(|_| {
        of.note("isBinary", FindingKind::Look(Look::Binary));
        DecodingStrategy::Base64
    })
}

/// A part of the Secret that is merged into it. What it fills in by lodash templates is left to a person.
fn template(of: &Fields<'_>) -> Template {
    for key in ["data", "stringData"].into_iter().filter(|key| of.has(key)) {
        of.note(key, FindingKind::LeftAlone(LeftAlone::OldTemplate));
    }
    let metadata = of.within("metadata").map(|of| spec::template_metadata(&of)).unwrap_or_default();
    let texts = metadata.labels.values().chain(metadata.annotations.values());
    if texts.into_iter().any(|text| text.contains("<%")) {
        of.note("metadata", FindingKind::LeftAlone(LeftAlone::OldTemplate));
    }
    Template { secret_type: of.text("type"), metadata, ..Template::default() }
}
