//! What `apply` switches: the manifests before and after a wave, the cluster that they are in, and, in Git's mode, the folder that they are
//! written to as each delivery gets so far.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use async_trait::async_trait;
use camino::Utf8PathBuf;
use migrate_core::{
    delivery::{Compared, DeliverySeen, Stuck},
    handover::{DeliveryStep, Handover},
    id::DeliveryName,
    name::SecretName,
    observed::{Mark, Sighting},
    plan::Plan,
    ports::Delivery,
    value::SecretBytes,
};
use phase1_eso::{
    delivery::{Deliveries, Mode, switching},
    emit::{Emitted, Environment, Layout, Object, files},
};

use super::{
    Context,
    eso::{emit as eso_emit, sources},
    inventory,
};
use crate::{
    args,
    emitted::{self, EmittedFile},
    error::{CommandError, Reason},
    settings::Settings,
};

/// The manifests of one environment, on both sides of a wave's switch.
struct Sides {
    before: Emitted,
    after: Emitted,
}

/// The deliveries of the plan's members, where a cluster is set up and there are any.
pub(super) async fn deliveries(
    context: &Context,
    settings: &Settings,
    state: &Handover,
    plan: &Plan,
    left_out: &BTreeSet<SecretName>,
    args: &args::Apply,
) -> Result<Option<Box<dyn Delivery>>, CommandError> {
    let Some(cluster) = &settings.cluster else { return Ok(None) };
    if plan.members.iter().all(|member| member.deliveries().next().is_none()) {
        return Ok(None);
    }
    let inventory = inventory::of(settings)?;
    let (before, after) = sources::around(settings, state, &inventory, plan, left_out)?;
    let version = settings.eso.version;
    let sides = Sides {
        before: eso_emit::reading(settings, &inventory, version, before)?,
        after: eso_emit::reading(settings, &inventory, version, after)?,
    };
    let mode = match args.mode {
        args::Mode::Direct => Mode::Direct,
        args::Mode::Git => Mode::Git { folder: args.out.to_string() },
    };
    let connected = Deliveries::connect(cluster, &sides.before, &sides.after, version.release(), mode).await;
    let inner = connected.map_err(|error| {
        CommandError::new(Reason::Configuration, "the cluster can't be used")
            .because(&error)
            .hint("`kubectl --context CONTEXT get externalsecrets` shows whether a kubeconfig works")
    })?;
    Ok(Some(match args.mode {
        args::Mode::Direct => Box::new(inner),
        args::Mode::Git => Box::new(InGit {
            inner,
            others: others(context, settings)?,
            environment: settings.environment.to_string(),
            layout: eso_emit::layout(args.layout, false)?,
            folder: context.environment.directory.join(&args.out),
            shown: args.out.clone(),
            stands: Mutex::new(stands(state, plan)),
            sides,
        }),
    }))
}

/// The other environments whose manifests lie in the same folder, as they are.
fn others(context: &Context, settings: &Settings) -> Result<Vec<Environment>, CommandError> {
    let names = eso_emit::declared(context)?.into_iter().filter(|name| name != &settings.environment);
    names.map(|name| eso_emit::by_authority(context, &name)).collect()
}

/// How far a manifest is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stand {
    Before,
    Switching,
    After,
}

fn stands(state: &Handover, plan: &Plan) -> BTreeMap<DeliveryName, Stand> {
    let known = state.waves.get(&plan.wave).map(|wave| wave.deliveries.clone()).unwrap_or_default();
    let planned = plan.members.iter().flat_map(|member| member.deliveries());
    planned
        .map(|name| {
            let stand = match known.get(&name) {
                None | Some(DeliveryStep::Old) => Stand::Before,
                Some(DeliveryStep::Intended | DeliveryStep::Switched) => Stand::Switching,
                Some(DeliveryStep::GivenBack | DeliveryStep::Gone) => Stand::After,
            };
            (name, stand)
        })
        .collect()
}

/// Deliveries that Git changes: their manifests are written, and the cluster is looked at until it shows them.
struct InGit {
    inner: Deliveries,
    sides: Sides,
    others: Vec<Environment>,
    environment: String,
    layout: Layout,
    folder: Utf8PathBuf,
    shown: Utf8PathBuf,
    stands: Mutex<BTreeMap<DeliveryName, Stand>>,
}

impl InGit {
    /// Writes all manifests, these of them as they are now to be.
    fn write(&self, names: &[DeliveryName], stand: Stand) -> Result<(), Stuck> {
        let mut stands = self.stands.lock().map_err(|_| Stuck::Refused { error: "another write failed".to_owned() })?;
        stands.extend(names.iter().map(|name| (name.clone(), stand)));
        let mut environments = self.others.clone();
        environments.push(Environment { name: self.environment.clone(), emitted: mixed(&self.sides, &stands) });
        environments.sort_by(|a, b| a.name.cmp(&b.name));
        let written: Vec<EmittedFile> = files(&environments, self.layout).into_iter().map(eso_emit::file).collect();
        emitted::emit(&self.folder, self.shown.as_str(), eso_emit::ORIGIN, &written, emitted::Mode::Write)
            .map(drop)
            .map_err(|error| Stuck::Refused { error: format!("{}: {}", error.heading, error.findings.join(", ")) })
    }
}

fn mixed(sides: &Sides, stands: &BTreeMap<DeliveryName, Stand>) -> Emitted {
    let name = |object: &Object| DeliveryName::external_secret(object.namespace.as_deref(), &object.name);
    let before: BTreeMap<_, _> = sides.before.external_secrets.iter().map(|object| (name(object), object)).collect();
    let objects = sides.after.external_secrets.iter().map(|after| match stands.get(&name(after)) {
        Some(Stand::Before) => before.get(&name(after)).map_or_else(|| after.clone(), |before| (*before).clone()),
        Some(Stand::Switching) => switching(after),
        Some(Stand::After) | None => after.clone(),
    });
    let place = |object: &Object| (object.kind, object.namespace.clone(), object.name.clone());
    let stores: BTreeMap<_, _> =
        sides.before.stores.iter().chain(&sides.after.stores).map(|store| (place(store), store.clone())).collect();
    Emitted { external_secrets: objects.collect(), stores: stores.into_values().collect(), ..sides.after.clone() }
}

#[async_trait]
impl Delivery for InGit {
    async fn observe(&self, names: &[DeliveryName]) -> Vec<Sighting<DeliverySeen>> {
        self.inner.observe(names).await
    }

    async fn holds(&self, expected: &[(DeliveryName, BTreeMap<String, SecretBytes>)]) -> Vec<Result<Compared, Stuck>> {
        self.inner.holds(expected).await
    }

    async fn shadow(&self, names: &[DeliveryName], mark: &Mark) -> Vec<Result<(), Stuck>> {
        // The store that shadows read from comes this way, too.
        match self.write(&[], Stand::Before) {
            Ok(()) => self.inner.shadow(names, mark).await,
            Err(stuck) => vec![Err(stuck); names.len()],
        }
    }

    async fn repoint(&self, names: &[DeliveryName], mark: &Mark) -> Vec<Result<(), Stuck>> {
        match self.write(names, Stand::Switching) {
            Ok(()) => self.inner.repoint(names, mark).await,
            Err(stuck) => vec![Err(stuck); names.len()],
        }
    }

    async fn follow(&self, names: &[DeliveryName], mark: &Mark) -> Vec<Result<(), Stuck>> {
        self.inner.follow(names, mark).await
    }

    async fn remove_shadows(&self, names: &[DeliveryName], mark: &Mark) -> Vec<Result<(), Stuck>> {
        self.inner.remove_shadows(names, mark).await
    }

    async fn give_back(&self, names: &[DeliveryName]) -> Vec<Result<(), Stuck>> {
        match self.write(names, Stand::After) {
            Ok(()) => self.inner.give_back(names).await,
            Err(stuck) => vec![Err(stuck); names.len()],
        }
    }
}
