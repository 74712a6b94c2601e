//! Which secrets are read from Vault, and how: who is the authority stands in the ledger, how each read is spelled in the wave's plan.

use std::collections::{BTreeMap, BTreeSet};

use migrate_core::{
    handover::{Handover, Wave},
    inventory::{Inventory, Secret},
    name::SecretName,
    plan::{Plan, PlannedMember},
    reads::Read,
};
use phase1_eso::emit::Spelled;

use super::super::{
    Context,
    plans::{self, PlanFile},
};
use crate::{
    args::eso::Store,
    error::{CommandError, Reason},
    ledger,
    settings::Settings,
    ui::count,
};

/// The secrets that are read from Vault.
pub(in crate::commands) struct Sources(pub(super) BTreeMap<SecretName, Source>);

/// How one is read.
#[derive(Clone)]
pub(in crate::commands) struct Source {
    /// The mount that its plan was made for.
    pub(super) mount: String,
    pub(super) spelled: Spelled,
}

/// What an ExternalSecret may read from Vault is committed (REQ AUT-1); `ahead` is for those who prepare a commit.
pub(super) fn sources(
    context: &Context,
    settings: &Settings,
    inventory: &Inventory,
    store: Store,
    ahead: bool,
) -> Result<Sources, CommandError> {
    // Before anything began there may be no ledger, and Secrets Manager is the authority for everything.
    let has_ledger = store != Store::Aws || settings.ledger.exists();
    let read = has_ledger.then(|| ledger::open(settings, context.printer)).transpose()?;
    let nothing_yet = Handover::default();
    let state = read.as_ref().map_or(&nothing_yet, |read| read.chain.state());
    let is_read = |secret: &&Secret| secret.reads().next().is_some();
    let (handed_over, waiting): (Vec<&Secret>, Vec<&Secret>) =
        inventory.secrets().iter().filter(is_read).partition(|secret| state.is_handed_over(&secret.name));
    let wanted = match store {
        Store::Aws if !handed_over.is_empty() => return Err(moved_on(&handed_over)),
        Store::Aws => Vec::new(),
        Store::Authority => handed_over,
        Store::Vault => {
            let waiting: Vec<&Secret> = waiting.into_iter().filter(|secret| secret.moves()).collect();
            if !ahead && !waiting.is_empty() {
                return Err(not_committed(&waiting));
            }
            handed_over.into_iter().chain(waiting).collect()
        }
    };
    if wanted.is_empty() {
        return Ok(Sources(BTreeMap::new()));
    }
    let files = plans::all(settings)?;
    let (mut found, mut missing) = (BTreeMap::new(), Vec::new());
    for secret in wanted {
        match planned(&files, state, secret)? {
            Some((file, member)) => {
                found.insert(secret.name.clone(), Source::of(&file.plan, member));
            }
            None => missing.push(secret),
        }
    }
    if missing.is_empty() { Ok(Sources(found)) } else { Err(not_planned(settings, &missing)) }
}

/// What is read from Vault as the ledger says, each secret from its authority.
pub(in crate::commands) fn by_ledger(
    settings: &Settings,
    state: &Handover,
    inventory: &Inventory,
) -> Result<Sources, CommandError> {
    let files = plans::all(settings)?;
    let (mut found, mut missing) = (BTreeMap::new(), Vec::new());
    let handed_over = inventory.secrets().iter().filter(|secret| state.is_handed_over(&secret.name));
    for secret in handed_over.filter(|secret| secret.reads().next().is_some()) {
        match planned(&files, state, secret)? {
            Some((file, member)) => drop(found.insert(secret.name.clone(), Source::of(&file.plan, member))),
            None => missing.push(secret),
        }
    }
    if missing.is_empty() { Ok(Sources(found)) } else { Err(not_planned(settings, &missing)) }
}

impl Sources {
    /// Nothing is read from Vault.
    pub(in crate::commands) fn none() -> Self {
        Self(BTreeMap::new())
    }

    /// How a declared read of a secret is spelled for Vault; none where it is read from Secrets Manager.
    pub(in crate::commands) fn counterpart(&self, name: &SecretName, read: &Read) -> Option<&Read> {
        self.0.get(name)?.spelled.counterpart(read)
    }
}

/// What is read from Vault before a wave is committed, and after it: secrets of the wave by its own plan, those of earlier waves by theirs.
pub(in crate::commands) fn around(
    settings: &Settings,
    state: &Handover,
    inventory: &Inventory,
    plan: &Plan,
    left_out: &BTreeSet<SecretName>,
) -> Result<(Sources, Sources), CommandError> {
    let files = plans::all(settings)?;
    let of_wave = |name: &SecretName| plan.members.iter().any(|member| &member.name == name);
    let (mut before, mut missing) = (BTreeMap::new(), Vec::new());
    let earlier = inventory.secrets().iter().filter(|secret| state.is_handed_over(&secret.name) && !of_wave(&secret.name));
    for secret in earlier.filter(|secret| secret.reads().next().is_some()) {
        match planned(&files, state, secret)? {
            Some((file, member)) => drop(before.insert(secret.name.clone(), Source::of(&file.plan, member))),
            None => missing.push(secret),
        }
    }
    if !missing.is_empty() {
        return Err(not_planned(settings, &missing));
    }
    let members = plan.members.iter().filter(|member| !left_out.contains(&member.name));
    let ours = members.map(|member| (member.name.clone(), Source::of(plan, member)));
    let after = before.clone().into_iter().chain(ours).collect();
    Ok((Sources(before), Sources(after)))
}

impl Source {
    fn of(plan: &Plan, member: &PlannedMember) -> Self {
        let spelled = Spelled(member.reads().into_iter().zip(member.choice.rewritten.iter().cloned()).collect());
        Self { mount: plan.incoming.mount.clone(), spelled }
    }
}

/// The plan that says how a secret's reads are spelled: that of the wave which holds it, else the newest that has not begun.
fn planned<'f>(
    files: &'f [PlanFile],
    state: &Handover,
    secret: &Secret,
) -> Result<Option<(&'f PlanFile, &'f PlannedMember)>, CommandError> {
    let member = |file: &'f PlanFile| Some((file, file.plan.members.iter().find(|member| member.name == secret.name)?));
    let Some((wave, held)) = state.holder_of(&secret.name) else {
        let waiting = files.iter().filter(|file| plans::is_waiting(state, &file.plan)).filter_map(member);
        return Ok(waiting.max_by_key(|(file, _)| file.plan.made_at));
    };
    for file in files.iter().filter(|file| &file.plan.wave == wave) {
        if is_of(file, held)? {
            return Ok(member(file));
        }
    }
    Ok(None)
}

/// Whether a file is the plan that the ledger says the wave began with.
fn is_of(file: &PlanFile, wave: &Wave) -> Result<bool, CommandError> {
    let digest =
        file.plan.digest().map_err(|error| CommandError::new(Reason::Internal, "a plan has no JSON form").because(&error))?;
    Ok(digest == wave.plan)
}

fn moved_on(secrets: &[&Secret]) -> CommandError {
    CommandError::new(Reason::Consumers, format!("{} handed over to Vault", are(secrets.len())))
        .because_of("authority does not go back: what Secrets Manager still holds of them is an old copy")
        .findings(secrets.iter().map(|secret| &secret.name))
        .hint("`--store authority` reads each secret from where it is now, `--store vault` all that move from Vault")
}

fn not_committed(secrets: &[&Secret]) -> CommandError {
    CommandError::new(Reason::Consumers, format!("{} not committed to Vault", are(secrets.len())))
        .because_of("an ExternalSecret that reads from Vault before the commit reads what may still change")
        .findings(secrets.iter().map(|secret| &secret.name))
        .hint("`migrate apply --through commit` hands them over; `--store authority` leaves them at Secrets Manager until then")
        .hint("`--ahead-of-commit` writes them all the same, to be applied afterwards")
}

fn not_planned(settings: &Settings, secrets: &[&Secret]) -> CommandError {
    CommandError::new(Reason::NoPlan, format!("no plan says how to read {}", count(secrets.len(), "secret")))
        .because_of(format!(
            "how a read is spelled for Vault is proved by `migrate plan`, and looked up in {}",
            settings.shown(&settings.plans)
        ))
        .findings(secrets.iter().map(|secret| &secret.name))
        .hint("`migrate plan` makes a plan; that of a wave which has begun is the one in Git")
}

fn are(secrets: usize) -> String {
    if secrets == 1 { "1 secret is".to_owned() } else { format!("{secrets} secrets are") }
}
