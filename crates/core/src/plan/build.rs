//! Builds a plan from what is declared and what was seen. Pure; nothing fails here, it waits by name.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    Blocks, Carried, FORMAT, Fence, Plan, PlannedConsumer, PlannedDelivery, PlannedMember, PlannedVersion, Target, Waiting,
    forecast::forecast,
};
use crate::{
    codec::{Choice, Unencodable},
    handover::{
        Handover,
        judge::{Obstacle, rotation_of, source_may_join, target_is_free},
    },
    id::{LedgerId, WaveName},
    name::SecretName,
    observed::{FenceSeen, Sighting, SourceIdentity, SourceSecret, TargetEntry},
    ports::PortError,
    principals::{LookedFor, Seen},
    writers::{Declared, PlannedWriters, WritersSeen},
};

/// One selected secret with everything that is known of it.
#[derive(Debug)]
pub struct Candidate {
    /// Its name in the inventory.
    pub name: SecretName,
    /// Its name at the outgoing authority.
    pub source: SecretName,
    /// The inventory's reason why it stays, where it does.
    pub stays: Option<String>,
    /// Who reads it.
    pub consumers: Vec<PlannedConsumer>,
    /// What DescribeSecret showed.
    pub seen: Sighting<SourceSecret>,
    /// What stands at its fence.
    pub fence: Sighting<FenceSeen>,
    /// What stands at its path in the incoming store.
    pub target: Sighting<TargetEntry>,
    /// The encoding that its value and its readers allow; the value itself stays where it was read.
    pub choice: Result<Choice, Unreadable>,
    /// Older versions to replay before the current one, oldest first.
    pub history: Result<Vec<PlannedVersion>, Unreadable>,
}

/// Why no encoding was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// The value could not be read.
    Port(PortError),
    /// The value moved between the look at its versions and the read.
    Moved,
    /// It was not tried, since something else already stands in the way.
    NotTried,
    /// No encoding serves every reader.
    Codec(Unencodable),
}

/// What a plan is made for.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The wave's name.
    pub wave: WaveName,
    /// The environment.
    pub environment: String,
    /// Now.
    pub now: Timestamp,
    /// The ledger.
    pub ledger: LedgerId,
    /// Who we are at the outgoing authority.
    pub outgoing: SourceIdentity,
    /// What the incoming authority is; who may write there is filled in from the next two.
    pub incoming: Target,
    /// Who else may write there, entry by entry.
    pub writers: WritersSeen,
    /// What the operators declare about that.
    pub declared: Declared,
    /// How secrets are fenced.
    pub fence: Fence,
    /// Readers and writers that were looked for.
    pub principals: Principals,
    /// Requests a second that the client allows itself of each quota, as a share from 0 to 1.
    pub quota_share: f64,
}

/// What was looked for, and found, of readers and writers.
#[derive(Clone, Debug, Default)]
pub struct Principals {
    /// How far; `None` where nobody looked.
    pub looked_for: Option<LookedFor>,
    /// Who was found and is not declared, by the names in the inventory.
    pub undeclared: BTreeMap<SecretName, Vec<Seen>>,
}

/// Builds a plan: members in the order of their names, and what waits.
#[must_use]
pub fn build(setting: Setting, state: &Handover, candidates: Vec<Candidate>) -> Plan {
    let mut members = Vec::new();
    let mut waiting = Vec::new();
    let mut candidates: BTreeMap<SecretName, Candidate> =
        candidates.into_iter().map(|candidate| (candidate.name.clone(), candidate)).collect();
    while let Some((name, candidate)) = candidates.pop_first() {
        match member(state, &setting.wave, candidate) {
            Ok(member) => {
                let applications: Vec<&str> = member.sdk_applications().collect();
                if !applications.is_empty() {
                    let obstacle = Obstacle::SdkConsumers { applications: applications.join(", ") };
                    waiting.push(Waiting { name: name.clone(), blocks: Blocks::Commit, obstacle });
                }
                if let Some(seen) = setting.principals.undeclared.get(&name).filter(|seen| !seen.is_empty()) {
                    let principals = seen.iter().map(Seen::to_string).collect::<Vec<_>>().join(", ");
                    let obstacle = Obstacle::UndeclaredPrincipals { principals };
                    waiting.push(Waiting { name: name.clone(), blocks: Blocks::Commit, obstacle });
                }
                let beyond = member.found_beyond();
                if !beyond.is_empty() {
                    let names = beyond.into_iter().map(SecretName::as_str).collect::<Vec<_>>().join(", ");
                    let obstacle = Obstacle::FoundTogether { names };
                    waiting.push(Waiting { name: name.clone(), blocks: Blocks::Commit, obstacle });
                }
                // What can't be known is said once, for the whole plan.
                let obstacle = setting.writers.obstacle(&member.path, &setting.declared);
                if let Some(obstacle @ Obstacle::ForeignWriters { .. }) = obstacle {
                    waiting.push(Waiting { name, blocks: Blocks::Commit, obstacle });
                }
                members.push(member);
            }
            Err(obstacle) => waiting.push(Waiting { name, blocks: Blocks::Begin, obstacle }),
        }
    }
    let mut incoming = setting.incoming;
    let entries = members.iter().map(|member| &member.path).collect();
    incoming.writers = PlannedWriters::of(&setting.writers, setting.declared, &entries);
    let older = members.iter().map(|member| member.history.len()).sum();
    let forecast = forecast(members.len(), older, setting.fence.settle_seconds, setting.quota_share);
    Plan {
        format: FORMAT,
        wave: setting.wave,
        environment: setting.environment,
        made_at: setting.now,
        ledger: setting.ledger,
        outgoing: setting.outgoing,
        incoming,
        fence: setting.fence,
        looked_for: setting.principals.looked_for,
        members,
        waiting,
        forecast,
    }
}

fn member(state: &Handover, wave: &WaveName, candidate: Candidate) -> Result<PlannedMember, Obstacle> {
    if let Some(why) = candidate.stays {
        return Err(Obstacle::Stays { why });
    }
    if let Some((holder, _)) = state.holder_of(&candidate.name)
        && holder != wave
    {
        return Err(Obstacle::Held { wave: holder.to_string() });
    }
    let path = candidate.name.vault_path().map_err(|error| Obstacle::Path { why: error.to_string() })?;
    let seen = source_may_join(&candidate.seen)?;
    match &candidate.fence {
        Sighting::Present(FenceSeen::Open | FenceSeen::Outside) | Sighting::Absent => {}
        Sighting::Present(FenceSeen::Unfenceable { why }) => return Err(Obstacle::Unfenceable { why: why.clone() }),
        Sighting::Present(FenceSeen::Ours(mark)) => {
            return Err(Obstacle::FencedByOthers { ledger: mark.ledger.to_string(), wave: mark.wave.to_string() });
        }
        Sighting::Present(FenceSeen::Altered { what }) => return Err(Obstacle::FenceAltered { what: what.clone() }),
        Sighting::Unknown(error) => return Err(Obstacle::unknown(error)),
        Sighting::Unreadable(error) => return Err(Obstacle::Unreadable { error: error.to_string() }),
    }
    target_is_free(&candidate.target)?;
    let unreadable = |why| match why {
        Unreadable::Port(error) => Obstacle::ValueUnreadable { error: error.to_string() },
        Unreadable::Moved | Unreadable::NotTried => Obstacle::SourceMoved,
        Unreadable::Codec(why) => Obstacle::Unencodable(why),
    };
    let choice = candidate.choice.map_err(unreadable)?;
    let history = candidate.history.map_err(unreadable)?;
    Ok(PlannedMember {
        name: candidate.name,
        source: candidate.source,
        path,
        arn: seen.arn.clone(),
        versions: seen.versions.clone().into(),
        rotation: rotation_of(seen),
        choice,
        consumers: candidate.consumers,
        carried: Carried::of(seen),
        history,
    })
}

impl PlannedConsumer {
    /// A consumer through the SDK.
    #[must_use]
    pub fn sdk(application: impl Into<String>) -> Self {
        Self { application: application.into(), delivery: PlannedDelivery::Sdk }
    }
}
