//! The composition root: settings become the two stores behind their ports.

use migrate_core::{ports::PortError, value::SecretText};
use phase0_sdk::{Credentials, GivenCredentials, SecretsManager, trail::Trail};
use phase2_vault::{ConnectError, EnvironmentError, Vault};

use crate::{
    environment::Environment,
    error::{CommandError, Reason, Side},
    settings::{Origin, Settings},
};

/// Both stores. Nothing was sent yet.
pub(crate) struct Systems {
    pub(crate) outgoing: SecretsManager,
    pub(crate) incoming: Vault,
}

impl Systems {
    /// Sets both up; what can be known without asking them is known afterwards.
    pub(crate) async fn connect(settings: &Settings, environment: &Environment) -> Result<Self, CommandError> {
        // Vault first: whether it can be reached at all is known without asking, for AWS it takes a look at files and the network.
        let incoming = incoming(settings, environment)?;
        Ok(Self { outgoing: outgoing(settings, environment).await?, incoming })
    }

    /// As the driver wants them, where no delivery is looked at.
    pub(crate) fn ports(&self) -> driver::Systems<'_> {
        driver::Systems { outgoing: &self.outgoing, incoming: &self.incoming, delivery: None }
    }
}

/// Secrets Manager alone.
pub(crate) async fn outgoing(settings: &Settings, environment: &Environment) -> Result<SecretsManager, CommandError> {
    let connected = SecretsManager::connect(aws(settings, environment)).await;
    connected.map_err(|error| outgoing_failed("can't set up access to Secrets Manager", &error))
}

/// CloudTrail, in that region.
pub(crate) async fn trail(settings: &Settings, environment: &Environment, region: String) -> Result<Trail, CommandError> {
    let connected = Trail::connect(&phase0_sdk::Settings { region: Some(region), ..aws(settings, environment) }).await;
    connected.map_err(|error| outgoing_failed("can't set up access to CloudTrail", &error))
}

fn aws(settings: &Settings, environment: &Environment) -> phase0_sdk::Settings {
    let wanted = &settings.outgoing;
    let defaults = phase0_sdk::Settings::default();
    // Endpoints that came from a variable are the SDK's own business: it knows which service each is for.
    let endpoint = wanted.endpoint_url.as_ref().filter(|url| url.origin == Origin::File || environment.is_made_up);
    let value = |sourced: &Option<crate::settings::Sourced<String>>| sourced.as_ref().map(|sourced| sourced.value.clone());
    phase0_sdk::Settings {
        region: value(&wanted.region),
        profile: value(&wanted.profile),
        endpoint_url: endpoint.map(|url| url.value.clone()),
        credentials: credentials(environment),
        exempt: wanted.exempt_principals.clone(),
        fence: wanted.fence,
        probe: wanted.probe.clone(),
        asks_trail: wanted.cloudtrail,
        concurrency: wanted.concurrency.unwrap_or(defaults.concurrency),
        quota_percent: percent(wanted.quota_share),
        ..defaults
    }
}

/// The SDK's own chain, which reads this process's environment; in made-up surroundings the keys that those give.
fn credentials(environment: &Environment) -> Credentials {
    match (environment.variable("AWS_ACCESS_KEY_ID"), environment.variable("AWS_SECRET_ACCESS_KEY")) {
        (Some(id), Some(secret)) if environment.is_made_up => Credentials::Given(GivenCredentials {
            access_key_id: id.to_owned(),
            secret_access_key: SecretText::new(secret.to_owned()),
            session_token: None,
        }),
        _ => Credentials::DefaultChain,
    }
}

/// Vault alone.
pub(crate) fn incoming(settings: &Settings, environment: &Environment) -> Result<Vault, CommandError> {
    let wanted = &settings.incoming;
    let from_file = |sourced: &Option<crate::settings::Sourced<String>>| {
        sourced.as_ref().filter(|sourced| sourced.origin == Origin::File).map(|sourced| sourced.value.clone())
    };
    // The file speaks where no variable does, in the place of the variable.
    let lookup = |name: &str| {
        environment.variable(name).map(str::to_owned).or_else(|| match name {
            "VAULT_ADDR" => from_file(&wanted.address),
            "VAULT_NAMESPACE" => from_file(&wanted.namespace),
            "VAULT_CACERT" => from_file(&wanted.ca_cert),
            _ => None,
        })
    };
    let mut vault = phase2_vault::Settings::from_environment(wanted.mount.clone(), wanted.anchor.clone(), lookup)
        .map_err(|error| refused_surroundings(&error))?;
    if vault.token.is_none() {
        vault.token = wanted.token.as_ref().map(|token| token.value.duplicate());
    }
    vault.concurrency = wanted.concurrency.unwrap_or(vault.concurrency);
    Vault::new(&vault).map_err(|error| not_connected(&error))
}

/// A failure at Secrets Manager.
pub(crate) fn outgoing_failed(heading: &str, error: &PortError) -> CommandError {
    CommandError::at_port(Side::Outgoing, heading, error)
}

/// A failure at Vault.
pub(crate) fn incoming_failed(heading: &str, error: &PortError) -> CommandError {
    CommandError::at_port(Side::Incoming, heading, error)
}

fn refused_surroundings(error: &EnvironmentError) -> CommandError {
    let this = CommandError::configuration("can't set up access to Vault").because(error);
    match error {
        EnvironmentError::NoAddress => {
            this.hint("set VAULT_ADDR, or `address` below [environment.NAME.incoming] in migrate.toml")
        }
        _ => this,
    }
}

fn not_connected(error: &ConnectError) -> CommandError {
    use migrate_core::ports::PortErrorKind::{Misconfigured, Unauthenticated};
    let kind = if matches!(error, ConnectError::NoToken) { Unauthenticated } else { Misconfigured };
    let this = CommandError::new(Reason::Port { side: Side::Incoming, kind }, "can't set up access to Vault").because(error);
    if kind == Misconfigured { this.hint("`migrate status -v` shows each setting and where it was set") } else { this }
}

/// A share of 0.8 is 80 percent; the file's bounds keep it small.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0.01 to 100 by the file's own rule")]
fn percent(share: f64) -> u32 {
    (share * 100.0).round().max(1.0) as u32
}
