//! `migrate eso validate`: what is wrong with manifests, each finding at its line.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use migrate_core::name::SecretName;
use phase1_eso::{
    crds::Crds,
    lint::{Calls, Finding, HELM_TEMPLATE, Severity},
    validate::{Against, Source, Validated, validate},
    version::{EsoVersion, Knowledge},
    yaml::{Position, read},
};
use serde::Serialize;

use crate::{
    args::eso::Validate,
    commands::{Context, inventory},
    error::{CommandError, Reason},
    exit::Exit,
    manifests::{self, ManifestFile},
    ui::{Report, count},
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    /// The version, where no CRDs were given; with them, the one whose defaults they are compared with.
    eso_version: String,
    /// How its behaviour is known.
    known_by: String,
    /// Whether nobody named the version.
    assumed: bool,
    /// Where the CRDs came from, where they were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    crds: Option<String>,
    /// How many objects were checked, and how many are not the operator's.
    checked: usize,
    passed_over: usize,
    findings: Vec<Row>,
    errors: usize,
    warnings: usize,
    notes: usize,
    secrets_manager: Calls,
}

#[derive(Serialize)]
struct Row {
    id: &'static str,
    name: &'static str,
    severity: Severity,
    file: String,
    line: u64,
    column: u64,
    object: String,
    message: String,
    /// The line for people.
    #[serde(skip)]
    line_of_text: String,
}

impl Report for Shown {
    fn text(&self) -> String {
        let mut text: String = self.findings.iter().map(|row| format!("{}\n", row.line_of_text)).collect();
        let others =
            if self.passed_over == 0 { String::new() } else { format!(", {} of other kinds passed over", self.passed_over) };
        text += &format!("{} checked{others}: ", count(self.checked, "object"));
        text += &format!("{}, {}, {}\n", count(self.errors, "error"), count(self.warnings, "warning"), count(self.notes, "note"));
        let assumed = if self.assumed { "; assumed, --eso-version names another" } else { "" };
        match &self.crds {
            Some(crds) => text += &format!("against the CRDs of {crds}\n"),
            None => text += &format!("against External Secrets Operator {} ({}{assumed})\n", self.eso_version, self.known_by),
        }
        let calls = &self.secrets_manager;
        if calls.counted > 0 {
            text += &format!("Secrets Manager: at least {} calls a month, {}", calls.a_month, calls.cost());
            if calls.unknown > 0 {
                text += &format!("; without {} whose store is not here", count(calls.unknown, "ExternalSecret"));
            }
            text += "\n";
        }
        if let Some(first) = self.findings.first() {
            text += &format!("`migrate eso explain {}` says why, and what to do\n", first.id);
        }
        text
    }
}

pub(in crate::commands) fn run(context: &Context, args: &Validate) -> Result<Exit, CommandError> {
    let directory = &context.environment.directory;
    let files = manifests::gather(directory, &args.paths)?;
    let (version, assumed) = version(context, args.eso_version);
    let crds = args.crds.as_deref().map(|path| crds(directory, path)).transpose()?;
    let names = args.inventory.as_deref().map(|file| names(directory, file)).transpose()?.unwrap_or_default();

    let (mut sources, mut charts) = (Vec::new(), Vec::new());
    for ManifestFile { shown, text } in &files {
        if is_of_chart(directory, shown) {
            charts.push(Finding {
                lint: &HELM_TEMPLATE,
                file: shown.as_str().into(),
                at: START,
                object: String::new(),
                message: CHART.to_owned(),
            });
        } else {
            sources.push(Source { file: shown.as_str().into(), stream: read(text) });
        }
    }
    let mut validated = validate(&sources, Against { version, crds: crds.as_ref(), names: &names });
    validated.findings.splice(0..0, charts);
    if validated.checked == 0 && validated.findings.is_empty() {
        let shown: Vec<_> = args.paths.iter().map(|path| path.as_str()).collect();
        let heading = format!("no object of External Secrets Operator is in {}", shown.join(", "));
        return Err(CommandError::new(Reason::NothingSelected, heading).hint("name the folder that holds them"));
    }
    let shown = report(validated, version, assumed, args.crds.as_ref());
    let is_good = shown.errors == 0 && !(args.strict && shown.warnings > 0);
    context.printer.show(&shown);
    Ok(if is_good { Exit::Done } else { Exit::Blocked })
}

const START: Position = Position { line: 1, column: 1 };
const CHART: &str =
    "it lies in the templates of a Helm chart: render it first, as in `helm template RELEASE CHART | migrate eso validate -`";

fn report(validated: Validated, version: EsoVersion, assumed: bool, crds: Option<&Utf8PathBuf>) -> Shown {
    let Validated { checked, passed_over, findings, calls } = validated;
    let mut counts = BTreeMap::new();
    for finding in &findings {
        *counts.entry(finding.lint.severity).or_insert(0) += 1;
    }
    let number = |severity| counts.get(&severity).copied().unwrap_or_default();
    let known_by: Knowledge = version.knowledge();
    Shown {
        eso_version: version.to_string(),
        known_by: known_by.to_string(),
        assumed,
        crds: crds.map(ToString::to_string),
        checked,
        passed_over,
        errors: number(Severity::Error),
        warnings: number(Severity::Warning),
        notes: number(Severity::Note),
        findings: findings.into_iter().map(row).collect(),
        secrets_manager: calls,
    }
}

fn row(finding: Finding) -> Row {
    let line_of_text = finding.to_string();
    let Finding { lint, file, at, object, message } = finding;
    Row {
        id: lint.id,
        name: lint.name,
        severity: lint.severity,
        file: file.to_string(),
        line: at.line,
        column: at.column,
        object,
        message,
        line_of_text,
    }
}

/// What was typed, else what migrate.toml says, else the default, which nobody named. Manifests need no configuration: one that is missing
/// or can't be used is no reason to stop here.
fn version(context: &Context, typed: Option<EsoVersion>) -> (EsoVersion, bool) {
    match typed.or_else(|| context.settings().ok().map(|settings| settings.eso.version)) {
        Some(version) => (version, false),
        None => (EsoVersion::DEFAULT, true),
    }
}

fn crds(directory: &Utf8Path, path: &Utf8Path) -> Result<Crds, CommandError> {
    let mut crds = Crds::default();
    let mut found = 0;
    for ManifestFile { shown, text } in manifests::gather(directory, &[path.to_owned()])? {
        found += crds.add(&text).map_err(|errors| {
            let lines = errors.iter().map(|error| format!("{shown}:{}:{}: {error}", error.at.line, error.at.column));
            CommandError::new(Reason::ManifestsInvalid, format!("{shown} can't be read")).findings(lines)
        })?;
    }
    if found == 0 {
        return Err(CommandError::new(Reason::NothingSelected, format!("no CustomResourceDefinition is in {path}"))
            .hint("`kubectl get crd -o yaml > crds.yaml` writes those of a cluster"));
    }
    Ok(crds)
}

fn names(directory: &Utf8Path, file: &Utf8Path) -> Result<Vec<SecretName>, CommandError> {
    let inventory = inventory::read(&directory.join(file), file.as_str())?;
    Ok(inventory.secrets().iter().map(|secret| secret.name.clone()).collect())
}

/// Whether a file lies below `templates/` of a Helm chart.
fn is_of_chart(directory: &Utf8Path, shown: &str) -> bool {
    let path = directory.join(shown);
    path.ancestors().skip(1).any(|folder| {
        folder.file_name() == Some("templates") && folder.parent().is_some_and(|chart| chart.join("Chart.yaml").is_file())
    })
}
