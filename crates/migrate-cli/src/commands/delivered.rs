//! `migrate verify --cluster`: does every Kubernetes Secret hold what the authority of its secrets holds? Changes nothing.

use std::collections::BTreeMap;

use driver::{HeldBy, Wanted, delivered};
use migrate_core::{
    delivery::{Compared, Halted, Stuck},
    handover::Handover,
    id::DeliveryName,
    inventory::{ExternalSecretId, Inventory},
};
use phase1_eso::delivery::{Deliveries, Mode};
use serde::Serialize;

use super::{
    Context,
    eso::{
        emit as eso_emit,
        sources::{self, Sources},
    },
    inventory,
};
use crate::{
    error::{CommandError, Reason},
    exit::Exit,
    ledger,
    settings::Settings,
    systems::Systems,
    ui::{Report, count},
};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Delivered {
    equal: usize,
    /// Those whose bytes can't be computed outside the controller.
    not_comparable: Vec<NotComparable>,
    /// Those that hold something else, or could not be looked at.
    halted: Vec<Halted>,
}

#[derive(Debug, Serialize)]
struct NotComparable {
    delivery: DeliveryName,
    why: String,
}

impl Report for Delivered {
    fn text(&self) -> String {
        let all = self.equal + self.not_comparable.len() + self.halted.len();
        let mut text = format!("{} of {}: the Secret holds what its authority holds\n", self.equal, count(all, "ExternalSecret"));
        for NotComparable { delivery, why } in &self.not_comparable {
            text += &format!("  ~ {delivery} is reconciled, and compared only when it is switched: {why}\n");
        }
        for halted in &self.halted {
            text += &format!("  ! {halted}\n");
        }
        text
    }
}

pub(super) async fn run(context: &Context, settings: &Settings) -> Result<Exit, CommandError> {
    let Some(cluster) = &settings.cluster else {
        return Err(CommandError::new(Reason::NoCluster, "no cluster is set up")
            .hint("set `kubeconfig` and `context` below [environment.NAME.cluster] in migrate.toml"));
    };
    let inventory = inventory::of(settings)?;
    let read = ledger::open(settings, context.printer)?;
    let state = read.chain.state();
    let version = settings.eso.version;
    let sources = sources::by_ledger(settings, state, &inventory)?;
    let (wanted, beyond) = wanted(&inventory, state, &sources);
    let emitted = eso_emit::reading(settings, &inventory, version, sources)?;
    // One that is not switched yet holds the same bytes.
    let before = eso_emit::reading(settings, &inventory, version, Sources::none())?;
    let connected = Deliveries::connect(cluster, &before, &emitted, version.release(), Mode::Direct).await;
    let deliveries =
        connected.map_err(|error| CommandError::new(Reason::Configuration, "the cluster can't be used").because(&error))?;
    let systems = Systems::connect(settings, &context.environment).await?;
    let ports = driver::Systems { delivery: Some(&deliveries), ..systems.ports() };
    let mut report = Delivered { equal: 0, not_comparable: beyond, halted: Vec::new() };
    for (delivery, result) in delivered(ports, &context.progress(), wanted).await {
        match result {
            Ok(Compared::Equal) => report.equal += 1,
            Ok(Compared::NotComparable { why }) => report.not_comparable.push(NotComparable { delivery, why }),
            Err(stuck) => report.halted.push(Halted { delivery, stuck }),
        }
    }
    let exit = match report.halted.iter().all(|halted| halted.stuck.is_passing()) {
        _ if report.halted.is_empty() => Exit::Done,
        true if !report.halted.iter().any(|halted| matches!(halted.stuck, Stuck::Stale { .. })) => Exit::Incomplete,
        _ => Exit::Blocked,
    };
    context.printer.show(&report);
    Ok(exit)
}

/// What each ExternalSecret of the inventory reads, and those that read what the inventory does not know.
fn wanted(inventory: &Inventory, state: &Handover, sources: &Sources) -> (Vec<Wanted>, Vec<NotComparable>) {
    let mut reads: BTreeMap<&ExternalSecretId, Vec<_>> = BTreeMap::new();
    for secret in inventory.secrets() {
        for consumer in secret.consumers.iter().filter_map(|consumer| consumer.external_secret()) {
            let held = consumer.reads.iter().map(|read| match sources.counterpart(&secret.name, read) {
                Some(counterpart) => {
                    let path =
                        state.holder_of(&secret.name).and_then(|(_, wave)| Some(wave.member(&secret.name)?.begun.path.clone()));
                    path.map(|path| (HeldBy::Incoming(path), counterpart.clone()))
                }
                None => Some((HeldBy::Outgoing(secret.source_name().clone()), read.clone())),
            });
            reads.entry(&consumer.id).or_default().extend(held.flatten());
        }
    }
    let (mut wanted, mut beyond) = (Vec::new(), Vec::new());
    for (id, reads) in reads {
        let delivery = DeliveryName::new(id.to_string());
        let declared = inventory.external_secrets().iter().find(|declared| &declared.id == id);
        if declared.is_some_and(|declared| !declared.shape.others.is_empty()) {
            beyond.push(NotComparable { delivery, why: "it reads more than the inventory knows".to_owned() });
        } else {
            wanted.push(Wanted { delivery, reads });
        }
    }
    (wanted, beyond)
}
