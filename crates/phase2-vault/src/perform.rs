//! The effects on the store. Each one is guarded by check-and-set where the API has it, and says so where it has not.

use std::{collections::BTreeMap, sync::atomic::Ordering};

use migrate_core::{
    id::TargetVersion,
    ledger::Anchor,
    name::VaultPath,
    observed::{Mark, Sighting},
    ports::{Effect, PortError, PortErrorKind, Stamp, TargetClear, TargetWrite},
    quota,
};

use crate::{
    client::{Call, Client, Endpoint, Repeat, Verb},
    mark, observe,
    wire::{AnchorFields, Body, CheckAndSet, DataMetadata, Exposed, PutData, PutMetadata, body},
};

/// Requests before a stamp gives up against somebody who keeps changing the entry.
const STAMP_TRIES: usize = 6;

/// Puts our keys into `custom_metadata`; keys of others stay.
///
/// A merge patch changes an entry that exists, a post creates one. Where metadata can be checked and set (OpenBao, as the survey saw it), the
/// post comes first: it is refused where metadata is or was. Elsewhere (Vault) it follows a patch that found nothing, and metadata that a
/// stranger writes in that instant would be replaced.
pub(crate) async fn stamp(client: &Client, stamp: &Stamp) -> Result<(), PortError> {
    let keys = mark::keys_of(stamp);
    let endpoint = Endpoint::Metadata(&stamp.path);
    let create = (Verb::Post, Some(0));
    let mut request = if client.is_openbao.load(Ordering::Relaxed) { create } else { (Verb::Patch, None) };
    for _ in 1..STAMP_TRIES {
        let (verb, metadata_cas) = request;
        match client.send(put_keys(client, endpoint, &keys, request)?).await {
            Ok(answer) if !answer.is_not_found => return Ok(()),
            Ok(_) => request = create,
            Err(error) if error.kind == PortErrorKind::Conflict && verb == Verb::Post => request = (Verb::Patch, None),
            // The mount demands `metadata_cas`, or the number that we gave is old by now.
            Err(error)
                if error.kind == PortErrorKind::Misconfigured && metadata_cas.is_none()
                    || error.kind == PortErrorKind::Conflict =>
            {
                let seen = observe::metadata(client, &stamp.path).await?;
                let number = seen.and_then(|seen| seen.current_metadata_version).ok_or(error)?;
                request = (Verb::Patch, Some(number));
            }
            Err(error) => return Err(error),
        }
    }
    client.send(put_keys(client, endpoint, &keys, request)?).await.map(|_| ())
}

fn put_keys<'a>(
    client: &Client,
    endpoint: Endpoint<'a>,
    keys: &BTreeMap<&str, String>,
    (verb, metadata_cas): (Verb, Option<u64>),
) -> Result<Call<'a>, PortError> {
    let call = Call { verb, endpoint, body: None, repeat: Repeat::Safely };
    with_body(client, call, &PutMetadata { custom_metadata: keys, metadata_cas })
}

/// Creates the version after the named one; check-and-set 0 is refused where any version is or was.
pub(crate) async fn create(client: &Client, write: &TargetWrite<'_>) -> Result<TargetVersion, PortError> {
    let call = Call { verb: Verb::Post, endpoint: Endpoint::Data(write.path), body: None, repeat: Repeat::Safely };
    let put = PutData { data: Exposed(write.value), options: CheckAndSet { cas: write.after.map_or(0, |version| version.0) } };
    put_data(client, with_body(client, call, &put)?).await
}

/// Deletes an entry with its history, where it still is what `mark`'s wave left there.
///
/// The API can't delete with a condition: what changes between the look and the deletion is lost, and P9 rests on the fence and on the
/// decisive record that comes before. So the deletion is not sent again after a lost answer.
pub(crate) async fn clear(client: &Client, clear: &TargetClear, mark: &Mark) -> Result<(), PortError> {
    let path = &clear.path;
    let mut seen = [observe::describe(client, path).await];
    observe::doubt_absence(client, &mut seen).await;
    let [seen] = seen;
    let call = Call { verb: Verb::Delete, endpoint: Endpoint::Metadata(path), body: None, repeat: Repeat::IfNotDone };
    let entry = match seen {
        Sighting::Present(entry) => entry,
        Sighting::Absent => return Ok(()),
        Sighting::Unknown(error) | Sighting::Unreadable(error) => return Err(error),
    };
    let conflict = |detail: &str| Err(call.error(client, PortErrorKind::Conflict, detail));
    match &entry.mark {
        Some(found) if found.ledger == mark.ledger && found.wave == mark.wave => {}
        Some(_) => return conflict("the entry bears the mark of another wave or ledger"),
        None => return conflict("the entry does not bear our mark"),
    }
    if entry.current_version.is_some_and(|version| version > clear.newest) {
        return conflict("the entry was changed after it was copied");
    }
    client.send(call).await.map(|_| ())
}

/// Moves the anchor. A lost answer, also one that a retry turned into a conflict, is settled by looking.
pub(crate) async fn move_anchor(
    client: &Client,
    path: &VaultPath,
    expected: Option<TargetVersion>,
    to: &Anchor,
) -> Result<TargetVersion, PortError> {
    let expected = expected.map_or(0, |version| version.0);
    let call = Call { verb: Verb::Post, endpoint: Endpoint::Data(path), body: None, repeat: Repeat::Safely };
    let put = PutData { data: AnchorFields::from(to), options: CheckAndSet { cas: expected } };
    let error = match put_data(client, with_body(client, call, &put)?).await {
        Err(error) if error.effect == Effect::Unknown => error,
        settled => return settled,
    };
    match observe::anchor(client, path).await {
        Sighting::Present(seen) if seen.version.0 == expected + 1 && seen.anchor == *to => Ok(seen.version),
        // Somebody else's move stands where ours would.
        Sighting::Present(seen) if seen.version.0 > expected => {
            Err(PortError { kind: PortErrorKind::Conflict, effect: Effect::NotDone, ..error })
        }
        _ => Err(error),
    }
}

async fn put_data(client: &Client, call: Call<'_>) -> Result<TargetVersion, PortError> {
    let (endpoint, verb) = (call.endpoint, call.verb);
    let answer = client.send(call).await?;
    let call = Call { verb, endpoint, body: None, repeat: Repeat::Never };
    if answer.is_not_found {
        return Err(call.error(client, PortErrorKind::NotFound, "the mount takes no data"));
    }
    let written: DataMetadata = client.parse(&call, &answer).map_err(PortError::maybe_done)?;
    Ok(TargetVersion(written.version))
}

fn with_body<'a>(client: &Client, mut call: Call<'a>, content: &impl serde::Serialize) -> Result<Call<'a>, PortError> {
    let body: Body =
        body(content).map_err(|_| call.error(client, PortErrorKind::Unexpected, "the request can't be written as JSON"))?;
    if body.len() > quota::KV_ENTRY_BYTES {
        let detail = format!("more than {} bytes, which raft storage refuses", quota::KV_ENTRY_BYTES);
        return Err(call.error(client, PortErrorKind::TooLarge, detail));
    }
    call.body = Some(body);
    Ok(call)
}
