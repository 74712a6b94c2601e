//! `migrate eso diff`: where two sets of manifests mean different things.

use camino::Utf8Path;
use phase1_eso::meaning::{Difference, Meaning, Side};
use serde::Serialize;

use super::super::Context;
use crate::{
    args::eso::Diff,
    error::CommandError,
    exit::Exit,
    manifests,
    ui::{Report, count},
};

/// Where two sets differ. Places only: what stands there is not repeated.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Differences {
    eso_version: String,
    before: usize,
    after: usize,
    differences: Vec<Place>,
}

#[derive(Debug, Serialize)]
struct Place {
    object: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    path: String,
    side: &'static str,
}

impl Report for Differences {
    fn text(&self) -> String {
        if self.differences.is_empty() {
            return format!("{} and {} mean the same\n", count(self.before, "object"), self.after);
        }
        let line = |Place { object, path, side }: &Place| {
            let path = if path.is_empty() { String::new() } else { format!("{path}: ") };
            format!("{object}: {path}{side}\n")
        };
        self.differences.iter().map(line).collect()
    }
}

pub(in crate::commands) fn run(context: &Context, args: &Diff) -> Result<Exit, CommandError> {
    let release = args.eso_version.release();
    let meaning = |path: &Utf8Path| -> Result<Meaning, CommandError> {
        let files = manifests::gather(&context.environment.directory, &[path.to_owned()])?;
        let documents = manifests::documents(&files)?;
        Ok(Meaning::of(documents.iter().map(|document| &document.node), release))
    };
    let (before, after) = (meaning(&args.before)?, meaning(&args.after)?);
    let differences: Vec<Place> = before.differences(&after).into_iter().map(place).collect();
    let exit = if differences.is_empty() { Exit::Done } else { Exit::ChangesPending };
    let (before, after) = (before.objects(), after.objects());
    context.printer.show(&Differences { eso_version: args.eso_version.to_string(), before, after, differences });
    Ok(exit)
}

fn place(difference: Difference) -> Place {
    let side = match difference.side {
        Side::First => "only before",
        Side::Second => "only after",
        Side::Both => "differs",
    };
    Place { object: difference.object.to_string(), path: difference.path, side }
}
