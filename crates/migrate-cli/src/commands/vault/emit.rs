//! `migrate vault emit`: one description as policy files, a script and Terraform; the publishers' part in a folder of its own.

use phase2_vault::emit::{Needs, Stage, script, terraform};

use super::super::Context;
use crate::{
    args::Emitting,
    emitted::{self, EmittedFile},
    error::CommandError,
    exit::Exit,
};

const ORIGIN: &str = "migrate vault emit";

pub(in crate::commands) fn run(context: &Context, args: &Emitting) -> Result<Exit, CommandError> {
    let settings = context.settings()?;
    let needs = super::needs(&settings)?;
    let mut files = of_stage(&needs, Stage::Now, "");
    if !needs.publishers.roles.is_empty() {
        files.extend(of_stage(&needs, Stage::Publishers, "publishers/"));
    }
    let folder = context.environment.directory.join(&args.out);
    let emission = emitted::emit(&folder, args.out.as_str(), ORIGIN, &files, args.into())?;
    context.printer.show(&emission);
    Ok(emission.exit())
}

fn of_stage(needs: &Needs, stage: Stage, folder: &str) -> Vec<EmittedFile> {
    let policies = needs.grants(stage).policies.iter();
    let mut files: Vec<_> =
        policies.map(|policy| EmittedFile::new(format!("{folder}policies/{}.hcl", policy.name), policy.to_hcl())).collect();
    files.push(EmittedFile { is_executable: true, ..EmittedFile::new(format!("{folder}apply.sh"), script(needs, stage)) });
    files.push(EmittedFile::new(format!("{folder}vault.tf"), terraform(needs, stage)));
    files
}
