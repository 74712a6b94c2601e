//! `migrate urgent`: one new value for a secret that was handed over, from standard input (P10).

use std::io::{IsTerminal as _, Read as _};

use driver::{Session, TokioClock};
use migrate_core::{
    codec::Encoding,
    handover::Handover,
    id::WaveName,
    name::SecretName,
    plan::{PlannedDelivery, PlannedMember},
    quota::SECRET_VALUE_BYTES,
    value::{SecretBytes, SecretText, SecretValue},
};
use serde::Serialize;

use super::{Context, apply::session_settings, rollback::plan_of, stopped::stopped};
use crate::{
    args,
    error::{CommandError, Reason},
    exit::Exit,
    ledger,
    process::Proc,
    systems::Systems,
    ui::Report,
};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    name: SecretName,
    wave: WaveName,
    /// The version that it has in the incoming store now.
    version: u64,
    /// ExternalSecrets that read the new value only once they are switched.
    readers: Vec<String>,
    ledger: String,
}

impl Report for Written {
    fn text(&self) -> String {
        let mut text =
            format!("{} has a new value, version {}, read back equal and recorded in {}\n", self.name, self.version, self.ledger);
        if !self.readers.is_empty() {
            text += "read through ExternalSecrets, which deliver it once they read from Vault:\n";
            self.readers.iter().for_each(|reader| text += &format!("  {reader}\n"));
        }
        text
    }
}

pub(super) async fn run(context: &Context, args: &args::Urgent) -> Result<Exit, CommandError> {
    let settings = context.settings()?;
    let file = ledger::to_write(&settings, &context.environment, context.printer).await?;
    let wave = may_be_written(file.state(), &args.name)?;
    let plan = plan_of(&settings, file.state(), &wave)?;
    let member = plan.plan().members.iter().find(|member| member.name == args.name).cloned();
    let member = member.ok_or_else(|| not_handed_over(&args.name))?;
    let value = from_standard_input(&member)?;

    let systems = Systems::connect(&settings, &context.environment).await?;
    let progress = context.progress();
    let processes = Proc::new(&context.environment);
    let session = session_settings(context);
    let interrupt = context.interrupt.clone();
    let opened = Session::open(systems.ports(), file, &TokioClock, &progress, &processes, interrupt, session).await;
    let mut session = opened.map_err(|error| stopped(&settings, &error, None))?;
    let written = session.urgent(&plan, &args.name, &value).await.map_err(|error| stopped(&settings, &error, None))?;
    context.printer.show(&Written {
        name: args.name.clone(),
        version: written.0,
        readers: readers(&member),
        ledger: settings.shown(&settings.ledger),
        wave,
    });
    Ok(Exit::Done)
}

/// The wave that handed the secret over. Before that a member that must be written is let out of its wave.
fn may_be_written(state: &Handover, name: &SecretName) -> Result<WaveName, CommandError> {
    match state.holder_of(name) {
        Some((wave, held)) if held.stage.is_committed() && held.members.contains_key(name) => Ok(wave.clone()),
        Some((wave, _)) => {
            Err(CommandError::new(Reason::NotAMember, format!("{name} is not handed over yet: wave {wave} holds it"))
                .hint(format!("`migrate apply --leave-out {name}` lets it out; then Secrets Manager takes the new value")))
        }
        None => Err(not_handed_over(name)),
    }
}

fn not_handed_over(name: &SecretName) -> CommandError {
    CommandError::new(Reason::NotAMember, format!("{name} was not handed over"))
        .because_of("no wave holds it, so its authority is Secrets Manager")
        .hint("write it there: `aws secretsmanager put-secret-value`")
}

/// The value to the byte. Nothing about it is ever said.
fn from_standard_input(member: &PlannedMember) -> Result<SecretValue, CommandError> {
    let refused = |why: &str| {
        CommandError::usage(why).hint(format!("`printf %s \"$VALUE\" | migrate urgent {}`, kept to the byte", member.name))
    };
    let input = std::io::stdin();
    if input.is_terminal() {
        return Err(refused("the new value comes from standard input, which is a terminal"));
    }
    // Room for all of it from the start, so that no growing buffer leaves a copy behind.
    let mut bytes = Vec::with_capacity(SECRET_VALUE_BYTES + 1);
    let limit = SECRET_VALUE_BYTES as u64 + 1;
    let read = input.take(limit).read_to_end(&mut bytes);
    let bytes = SecretBytes::new(bytes);
    read.map_err(|error| CommandError::file("standard input can't be read", &error))?;
    match bytes.expose().len() {
        0 => return Err(refused("standard input held nothing")),
        length if length > SECRET_VALUE_BYTES => return Err(refused("standard input held more than a secret may")),
        _ => {}
    }
    if matches!(member.choice.encoding, Encoding::Binary { .. }) {
        return Ok(SecretValue::Binary(bytes));
    }
    match std::str::from_utf8(bytes.expose()) {
        Ok(text) => Ok(SecretValue::Text(SecretText::new(text.to_owned()))),
        Err(_) => Err(refused("standard input is no text, and the secret is one")),
    }
}

fn readers(member: &PlannedMember) -> Vec<String> {
    let named = member.consumers.iter().filter_map(|consumer| match &consumer.delivery {
        PlannedDelivery::ExternalSecret { namespace, name, .. } => {
            Some(namespace.as_ref().map_or_else(|| name.clone(), |namespace| format!("{namespace}/{name}")))
        }
        PlannedDelivery::Sdk => None,
    });
    named.collect()
}
