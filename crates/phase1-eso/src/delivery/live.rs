//! What an object in the cluster means, and how far its controller is. Pure.

use std::collections::BTreeSet;

use migrate_core::{
    delivery::{ReadsFrom, Reconciled},
    go_duration::GoDuration,
};
use serde_json::Value;

use super::spelled::Spelled;
use crate::{meaning::Meaning, version::Release, yaml};

/// What a delivery in the cluster reads, judged by what is emitted for it before and after the switch.
pub(super) fn reads_from(live: &Value, spelled: &Spelled, release: Release) -> ReadsFrom {
    let live = meaning(live, release);
    let differs = |other: &Value| places(&live, &meaning(other, release));
    if [&spelled.after, &spelled.switching].into_iter().any(|after| differs(after).is_empty()) {
        return ReadsFrom::Incoming;
    }
    match differs(&spelled.before) {
        places if places.is_empty() => ReadsFrom::Outgoing,
        places => ReadsFrom::Neither { places: places.into_iter().collect() },
    }
}

/// Whether it means what is emitted for after the switch, with the policies that it declares.
pub(super) fn is_given_back(live: &Value, spelled: &Spelled, release: Release) -> bool {
    places(&meaning(live, release), &meaning(&spelled.after, release)).is_empty()
}

/// Where two mean different things. Labels and annotations of the object itself are left out: whoever synchronises it adds its own.
fn places(live: &Meaning, other: &Meaning) -> BTreeSet<String> {
    let differences = live.differences(other);
    differences.into_iter().map(|difference| difference.path).filter(|path| path.is_empty() || path.starts_with("spec")).collect()
}

fn meaning(object: &Value, release: Release) -> Meaning {
    // JSON is YAML, and one reader serves both.
    Meaning::of(&yaml::read(&object.to_string()).documents, release)
}

/// How far the controller is. `Ready` is only believed of the newest generation: right after a change it still speaks of the one before
/// (`syncedResourceVersion` is the generation, `-`, and a hash of labels and annotations: `GetResourceVersion` of its source).
pub(super) fn reconciled(live: &Value) -> Reconciled {
    let generation = live["metadata"]["generation"].as_i64().unwrap_or_default();
    let synced = live["status"]["syncedResourceVersion"].as_str().unwrap_or_default();
    let is_newest = synced.split_once('-').is_some_and(|(seen, _)| seen == generation.to_string());
    let conditions = live["status"]["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let ready = conditions.iter().find(|condition| condition["type"] == "Ready");
    let text = |key: &str| ready.and_then(|ready| ready[key].as_str()).unwrap_or_default().to_owned();
    match ready.and_then(|ready| ready["status"].as_str()) {
        Some("True") if is_newest => Reconciled::Ready,
        // Its words are fixed in the operator's source; what a store or a parser said stands in events, which are not read.
        Some("False") => Reconciled::Failed { reason: text("reason"), message: text("message") },
        _ => Reconciled::Pending,
    }
}

/// When it was refreshed last, as the controller says it.
pub(super) fn refreshed_at(live: &Value) -> Option<String> {
    live["status"]["refreshTime"].as_str().map(str::to_owned)
}

/// Whether it was refreshed, is ready, and never will be again unless it is changed.
pub(super) fn has_refreshed_once(live: &Value) -> bool {
    let conditions = live["status"]["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_ready = conditions.iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "True");
    is_ready && refreshed_at(live).is_some() && never_refreshes(&live["spec"])
}

/// Whether it is refreshed when it is made and, at most, when it is changed.
pub(super) fn never_refreshes(spec: &Value) -> bool {
    let interval = spec["refreshInterval"].as_str().and_then(|text| text.parse::<GoDuration>().ok());
    matches!(spec["refreshPolicy"].as_str(), Some("CreatedOnce" | "OnChange"))
        || interval.is_some_and(|interval| interval.nanoseconds() <= 0)
}

/// Who changed it last, beside us and its controller.
pub(super) fn manager(live: &Value) -> String {
    let metadata = &live["metadata"];
    if metadata["annotations"]["argocd.argoproj.io/tracking-id"].is_string() {
        return "Argo CD".to_owned();
    }
    let fields = metadata["managedFields"].as_array().map(Vec::as_slice).unwrap_or_default();
    let others = fields.iter().filter(|field| field["subresource"] != "status" && field["manager"] != crate::client::MANAGER);
    let last = others.max_by_key(|field| field["time"].as_str().unwrap_or_default());
    last.and_then(|field| field["manager"].as_str()).unwrap_or("somebody").to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn with_status(status: &Value) -> Value {
        json!({ "metadata": { "generation": 3 }, "status": status })
    }

    #[test]
    fn ready_is_believed_of_the_newest_generation_alone() {
        let ready =
            |synced: &str| json!({ "syncedResourceVersion": synced, "conditions": [{ "type": "Ready", "status": "True" }] });
        assert_eq!(reconciled(&with_status(&ready("3-abc"))), Reconciled::Ready);
        for stale in ["2-abc", "30-abc", "", "3"] {
            assert_eq!(reconciled(&with_status(&ready(stale))), Reconciled::Pending, "{stale}");
        }
        assert_eq!(reconciled(&with_status(&json!({}))), Reconciled::Pending);
        let failed =
            json!({ "conditions": [{ "type": "Ready", "status": "False", "reason": "SecretSyncedError", "message": "m" }] });
        let told = Reconciled::Failed { reason: "SecretSyncedError".into(), message: "m".into() };
        assert_eq!(reconciled(&with_status(&failed)), told);
    }

    #[test]
    fn whoever_changed_it_last_is_named() {
        let field = |manager: &str, time: &str| json!({ "manager": manager, "time": time });
        let live = json!({ "metadata": { "managedFields": [field("flux", "2026-01-02"), field("kubectl", "2026-01-01"), field("migrate", "2026-01-03")] } });
        assert_eq!(manager(&live), "flux");
        assert_eq!(manager(&json!({ "metadata": { "annotations": { "argocd.argoproj.io/tracking-id": "a:b" } } })), "Argo CD");
    }
}
