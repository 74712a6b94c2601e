//! `migrate sdk policy`: policies for AWS, made of migrate.toml alone; changes and asks nothing.

use migrate_core::{aws_policy::Exempt, plan::FenceMode};
use phase0_sdk::emit::{Closed, MigrationRole, migration_policy};
use serde_json::Value;

use super::Context;
use crate::{
    args::{Policy, PolicyKind},
    error::{CommandError, Reason},
    exit::Exit,
    settings::Settings,
};

pub(super) fn run(context: &Context, args: &Policy) -> Result<Exit, CommandError> {
    let settings = context.settings()?;
    let policy = policy(&settings, args)?;
    let text = serde_json::to_string_pretty(&policy)
        .map_err(|error| CommandError::new(Reason::Internal, "the policy has no JSON form").because(&error))?;
    context.printer.data(&(text + "\n"));
    Ok(Exit::Done)
}

fn policy(settings: &Settings, args: &Policy) -> Result<Value, CommandError> {
    let exempt = Exempt::new(settings.outgoing.exempt_principals.iter().cloned()).map_err(|invalid| {
        CommandError::configuration("a policy names who is exempt, and migrate.toml does not say it")
            .because(&invalid)
            .hint("list the migration and break-glass roles, with their paths, as `exempt_principals`")
    })?;
    // Of the first one: they are all of the account that is migrated.
    let first: Vec<&str> = exempt.iter().next().unwrap_or_default().split(':').collect();
    let part = |at: usize| first.get(at).copied().unwrap_or_default().to_owned();
    let (partition, account, prefix) = (part(1), part(4), args.prefix.clone());
    if args.kind == PolicyKind::Migration {
        let region = settings.outgoing.region.as_ref().map(|region| region.value.clone()).ok_or_else(|| {
            CommandError::configuration("the region is not known").hint("set AWS_REGION, or `region` in migrate.toml")
        })?;
        return Ok(migration_policy(&MigrationRole { partition, region, account, prefix, keys: args.keys.clone() }));
    }
    let closed = Closed { partition, account, prefix, exempt };
    if args.kind == PolicyKind::ServiceControl {
        return Ok(closed.service_control_policy());
    }
    closed.resource_control_policy(settings.outgoing.fence).ok_or_else(|| {
        debug_assert_eq!(settings.outgoing.fence, FenceMode::ResourcePolicy);
        CommandError::configuration("secrets are closed by their own policies, so that the organisation has nothing to apply")
            .hint("`fence = \"tag\"` or `fence = \"external\"` below [environment.NAME.outgoing] changes that")
    })
}
