//! Looks at the store; nothing here has an effect.

use std::{collections::BTreeMap, sync::atomic::Ordering};

use migrate_core::{
    codec::StoredFields,
    go_duration::GoDuration,
    id::{Epoch, LedgerId, TargetVersion},
    ledger::{Anchor, RecordHash},
    name::VaultPath,
    observed::{Sighting, TargetEntry, TargetSurvey},
    ports::{AnchorSeen, PortError, PortErrorKind, TargetReading},
};

use serde_json::value::RawValue;

use crate::{
    client::{Answer, Call, Client, Endpoint},
    mark,
    wire::{Data, Health, Metadata, MountConfig, MountInfo, text},
};

/// What the store is, how its mount is set, and whether our token works.
pub(crate) async fn survey(client: &Client) -> Result<TargetSurvey, PortError> {
    let health = serving(client).await?;
    let token = Call::get(Endpoint::TokenSelf);
    match client.send(token).await {
        Ok(_) => {}
        // A policy may withhold this look; that the token is known is then shown by the next ones.
        Err(error) if error.kind == PortErrorKind::Denied => {}
        Err(error) => return Err(error),
    }
    let config = Call::get(Endpoint::MountConfig);
    let call = Call::get(Endpoint::MountInfo);
    let mount: MountInfo = match client.send(Call::get(Endpoint::MountInfo)).await {
        Ok(answer) => client.parse(&call, &answer)?,
        // The same answer stands for a missing mount and for a lack of rights; a token with rights learns which by asking on.
        Err(error) if error.kind == PortErrorKind::Denied => {
            return Err(client.send(config).await.err().unwrap_or(error));
        }
        Err(error) => return Err(error),
    };
    let version = mount.options.as_ref().and_then(|options| options.get("version")).map_or("1", String::as_str);
    if mount.engine != "kv" || version != "2" {
        let detail = format!("the mount is of type {} version {version}, and KV version 2 is needed", mount.engine);
        return Err(call.error(client, PortErrorKind::Misconfigured, detail));
    }
    let answer = client.send(Call::get(Endpoint::MountConfig)).await?;
    if answer.is_not_found {
        return Err(config.error(client, PortErrorKind::Unexpected, "the mount has no configuration"));
    }
    let settings: MountConfig = client.parse(&config, &answer)?;
    let delete_version_after_seconds = seconds(client, &config, &settings.delete_version_after)?;
    client.is_openbao.store(settings.metadata_cas_required.is_some(), Ordering::Relaxed);
    Ok(TargetSurvey {
        product: product(&health, &mount).to_owned(),
        version: health.version,
        cluster_id: health.cluster_id,
        is_kv2: true,
        delete_version_after_seconds,
        cas_required: settings.cas_required,
        max_versions: settings.max_versions,
    })
}

/// The health of a store that serves; else what keeps it from serving.
async fn serving(client: &Client) -> Result<Health, PortError> {
    let health: Health = client.look(Endpoint::Health).await?;
    let not_serving = |detail: &str| Err(Call::get(Endpoint::Health).error(client, PortErrorKind::NotServing, detail));
    if !health.initialized {
        not_serving("not initialised; initialise and unseal it, then run again")
    } else if health.sealed {
        not_serving("sealed; unseal it, then run again")
    } else if health.replication_dr_mode.as_deref() == Some("secondary") {
        not_serving("a disaster recovery secondary, which serves nobody; use the address of the primary")
    } else {
        Ok(health)
    }
}

fn product(health: &Health, mount: &MountInfo) -> &'static str {
    let plugin = mount.running_plugin_version.as_deref().unwrap_or_default();
    if plugin.ends_with("builtin.bao") || !plugin.contains("builtin") && health.performance_standby.is_none() {
        "OpenBao"
    } else {
        "Vault"
    }
}

/// Whether a node may answer a read from a copy that lags behind. A plain standby of Vault passes every request on.
fn may_lag(health: &Health) -> bool {
    match health.performance_standby {
        Some(performance_standby) => performance_standby,
        None => health.standby,
    }
}

/// Turns absences that a standby may have made up into [`Sighting::Unknown`]; asks once for a whole batch, and only where something is absent.
/// Caveat: behind a balancer another node may answer this question than the one that answered the read.
pub(crate) async fn doubt_absence<T>(client: &Client, sightings: &mut [Sighting<T>]) {
    if !sightings.iter().any(|sighting| matches!(sighting, Sighting::Absent)) {
        return;
    }
    let doubt = match serving(client).await {
        Ok(health) if !may_lag(&health) => return,
        Ok(_) => Call::get(Endpoint::Health).error(
            client,
            PortErrorKind::NotServing,
            "a standby answered, which may be behind, so absence is not known; use the address of the active node",
        ),
        Err(error) => error,
    };
    for sighting in sightings.iter_mut().filter(|sighting| matches!(sighting, Sighting::Absent)) {
        *sighting = Sighting::Unknown(doubt.clone());
    }
}

/// Metadata of one entry as the API gives it; absence is not doubted yet.
pub(crate) async fn metadata(client: &Client, path: &VaultPath) -> Result<Option<Metadata>, PortError> {
    let call = Call::get(Endpoint::Metadata(path));
    let answer = client.send(Call::get(Endpoint::Metadata(path))).await?;
    if answer.is_not_found { Ok(None) } else { client.parse(&call, &answer).map(Some) }
}

pub(crate) async fn describe(client: &Client, path: &VaultPath) -> Sighting<TargetEntry> {
    let entry = async {
        let Some(seen) = metadata(client, path).await? else { return Ok(None) };
        let call = Call::get(Endpoint::Metadata(path));
        let custom_metadata = seen.custom_metadata.unwrap_or_default();
        Ok(Some(TargetEntry {
            current_version: (seen.current_version > 0).then_some(TargetVersion(seen.current_version)),
            gone_versions: seen
                .versions
                .iter()
                .filter(|(_, state)| state.is_gone())
                .map(|(version, _)| TargetVersion(*version))
                .collect(),
            mark: mark::seen_in(&custom_metadata),
            custom_metadata,
            delete_version_after_seconds: seconds(client, &call, &seen.delete_version_after)?,
        }))
    };
    sighting(entry.await)
}

/// The newest version, or the one that is named.
pub(crate) async fn read(client: &Client, path: &VaultPath, version: Option<TargetVersion>) -> Sighting<TargetReading> {
    let reading = async {
        let endpoint = version.map_or(Endpoint::Data(path), |version| Endpoint::DataAt(path, version.0));
        let answer = client.send(Call::get(endpoint)).await?;
        let Some(seen) = data(client, path, &answer)? else { return Ok(None) };
        let mark = mark::seen_in(&seen.metadata.custom_metadata.unwrap_or_default());
        // One member that is no string makes the whole entry not ours.
        let fields = seen.data.and_then(|members| {
            let fields = members.into_iter().map(|(property, member)| Some((property, text(member)?)));
            fields.collect::<Option<_>>().map(StoredFields)
        });
        Ok(Some(TargetReading { version: TargetVersion(seen.metadata.version), fields, mark }))
    };
    sighting(reading.await)
}

/// The anchor, with absence not doubted yet.
pub(crate) async fn anchor(client: &Client, path: &VaultPath) -> Sighting<AnchorSeen> {
    let seen = async {
        let answer = client.send(Call::get(Endpoint::Data(path))).await?;
        let Some(seen) = data(client, path, &answer)? else { return Ok(None) };
        let strange = |detail: &str| Call::get(Endpoint::Data(path)).error(client, PortErrorKind::InvalidState, detail);
        let members = seen.data.ok_or_else(|| strange("the anchor was deleted; undelete it, or find out who took it away"))?;
        let anchor = anchor_of(&members).ok_or_else(|| strange("the entry that should be the anchor holds something else"))?;
        Ok(Some(AnchorSeen { anchor, version: TargetVersion(seen.metadata.version) }))
    };
    sighting(seen.await)
}

/// Four members, all of them texts, and no other.
fn anchor_of(members: &BTreeMap<String, &RawValue>) -> Option<Anchor> {
    let member = |name: &str| text(members.get(name)?);
    let anchor = Anchor {
        ledger: LedgerId::new(member("ledger")?.expose()),
        epoch: Epoch(member("epoch")?.expose().parse().ok()?),
        sequence: member("sequence")?.expose().parse().ok()?,
        hash: RecordHash::parse(member("hash")?.expose())?,
    };
    (members.len() == 4).then_some(anchor)
}

/// The newest version; `None` where there is none.
fn data<'a>(client: &Client, path: &VaultPath, answer: &'a Answer) -> Result<Option<Data<'a>>, PortError> {
    let seen = client.parse(&Call::get(Endpoint::Data(path)), answer);
    // 404 with metadata: the newest version is deleted or destroyed. 404 without: there is none.
    if answer.is_not_found { Ok(seen.ok()) } else { seen.map(Some) }
}

fn seconds(client: &Client, call: &Call<'_>, duration: &str) -> Result<u64, PortError> {
    if duration.is_empty() {
        return Ok(0);
    }
    duration.parse().map(GoDuration::seconds_ceil).map_err(|_| {
        call.error(client, PortErrorKind::Unexpected, format!("delete_version_after is {duration:?}, which is no duration"))
    })
}

fn sighting<T>(seen: Result<Option<T>, PortError>) -> Sighting<T> {
    match seen {
        Ok(Some(thing)) => Sighting::Present(thing),
        Ok(None) => Sighting::Absent,
        Err(error) if matches!(error.kind, PortErrorKind::Denied | PortErrorKind::Unauthenticated) => Sighting::Unreadable(error),
        Err(error) => Sighting::Unknown(error),
    }
}
