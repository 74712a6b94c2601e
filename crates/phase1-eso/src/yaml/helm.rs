//! Recognises Helm templates: text with `{{ … }}` that Helm fills in before it is YAML.
//!
//! The templates of ExternalSecrets look alike (`{{ .password }}`, with sprig's functions), but stand inside of scalars and know none of
//! Helm's objects. So a template is Helm's where braces stand outside of a scalar, where it uses an object or function that only Helm has,
//! or where braces are escaped for Helm.

use migrate_core::inventory::Position;

/// What only Helm has: its objects and functions (<https://helm.sh/docs/chart_template_guide/builtin_objects/>).
const OF_HELM: [&str; 8] = [".Values", ".Release.", ".Chart.", ".Capabilities.", ".Files.", ".Template.", "include \"", "tpl "];
/// How braces are escaped for Helm: a template that prints them.
const ESCAPED: [&str; 3] = ["{{ `", "{{`", "{{ \"{{"];

/// Whether a scalar can only be meant for Helm.
pub(super) fn is_in(scalar: &str) -> bool {
    scalar.contains("{{") && (ESCAPED.iter().any(|escaped| scalar.contains(escaped)) || actions(scalar).any(is_of_helm))
}

/// Where a text that is no YAML shows that it is a Helm template: on a line with Helm's own words, or around the place of the error.
pub(super) fn around(text: &str, error: Position) -> Option<Position> {
    let place = |(index, line): (usize, &str)| {
        let column = line.find("{{").map_or(0, |byte| line.get(..byte).map_or(0, |before| before.chars().count()));
        Position { line: index as u64 + 1, column: column as u64 + 1 }
    };
    let near = |index: usize| (index as u64 + 2 == error.line) || (index as u64 + 1 == error.line);
    let shows = |(index, line): &(usize, &str)| is_in(line) || near(*index) && stands_outside(line);
    text.lines().enumerate().find(shows).map(place)
}

/// Whether braces open where YAML would want a value or an entry.
fn stands_outside(line: &str) -> bool {
    let line = line.trim_start();
    let value = line.split_once(": ").map_or(line, |(_, value)| value.trim_start());
    let item = line.trim_start_matches("- ");
    [line, value, item].iter().any(|start| start.starts_with("{{"))
}

fn actions(text: &str) -> impl Iterator<Item = &str> {
    text.split("{{").skip(1).map(|rest| rest.split_once("}}").map_or(rest, |(action, _)| action))
}

fn is_of_helm(action: &str) -> bool {
    OF_HELM.iter().any(|word| {
        action.match_indices(word).any(|(at, _)| {
            // `.Values` of another object, as in `.x.Values`, or a word that merely ends like `tpl `.
            !action.get(..at).unwrap_or_default().ends_with(|before: char| before.is_alphanumeric() || "._".contains(before))
        })
    })
}
