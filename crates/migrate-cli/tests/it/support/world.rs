//! Both stores behind proxies, real ones or embedded ones, so that one table of cases runs on either.
//!
//! ```text
//! test ──► account, mount          the stores themselves, by plain HTTP
//! migrate ──► aws, vault (proxies) ──► moto, OpenBao | the emulators of `rehearsal`
//! ```

use std::sync::Arc;

use driver::{Clock as _, TokioClock};
use rehearsal::{
    kv2::Kv2,
    proxy::{Proxy, Quotas, Rules, Upstream},
    secrets_manager::SecretsManager,
    world::WorldSettings,
};

use super::{AwsAccount, Mount, Servers, Workbench};

/// An account and a mount that nobody else uses, each behind a proxy that can be made to misbehave.
pub(crate) struct World {
    /// `moto-openbao` or `embedded`.
    pub(crate) name: &'static str,
    /// Secrets Manager itself, past the proxy.
    pub(crate) account: AwsAccount,
    /// KV v2 itself, past the proxy.
    pub(crate) mount: Mount,
    /// What `migrate` takes for Secrets Manager.
    pub(crate) aws: Proxy,
    /// What `migrate` takes for Vault.
    pub(crate) vault: Proxy,
    /// The emulators; they end with the world.
    embedded: Option<(SecretsManager, Kv2)>,
}

impl World {
    /// On the real servers.
    pub(crate) async fn real() -> Self {
        let servers = Servers::from_env();
        let (account, mount) = (AwsAccount::fresh(&servers).await, Mount::fresh(&servers).await);
        let ca = std::fs::read_to_string(&servers.bao_cacert).expect("the CA file");
        let moto = Upstream::at(&servers.moto_url).expect("moto's address");
        let bao = Upstream::at(&servers.bao_addr).expect("OpenBao's address").with_ca(ca);
        let aws = Proxy::start(&moto, Rules::default()).await.expect("a proxy");
        let vault = Proxy::start(&bao, Rules::default()).await.expect("a proxy");
        Self { name: "moto-openbao", account, mount, aws, vault, embedded: None }
    }

    /// On the embedded ones.
    pub(crate) async fn embedded() -> Self {
        let settings = WorldSettings { quotas: Quotas::Unlimited, ..WorldSettings::new(7, Arc::new(|| TokioClock.now())) };
        let world = rehearsal::world::World::start(settings).await.expect("a world");
        let endpoints = world.endpoints();
        let servers =
            Servers { bao_addr: world.kv2.url(), bao_token: endpoints.vault_token.expose().to_owned(), ..Servers::from_env() };
        let mut account = AwsAccount::embedded(&servers, &endpoints, &endpoints.migration);
        account.endpoint = world.secrets_manager.url();
        let mount = Mount::at(&servers, endpoints.mount);
        let embedded = Some((world.secrets_manager, world.kv2));
        Self { name: "embedded", account, mount, aws: world.aws_proxy, vault: world.vault_proxy, embedded }
    }

    /// The embedded Secrets Manager, where this is one: for what only a service can do to a secret.
    pub(crate) fn emulator(&self) -> Option<&SecretsManager> {
        self.embedded.as_ref().map(|(secrets_manager, _)| secrets_manager)
    }

    /// A repository whose `migrate` sees both stores through the proxies: no settle time, no wait for rotation, no rate but the servers' own.
    pub(crate) fn bench(&self, name: &str) -> Workbench {
        let bench = Workbench::new(&format!("{name}-{}", self.name)).between(&self.account, &self.mount);
        let bench = bench.with("AWS_ENDPOINT_URL", self.aws.url()).with("VAULT_ADDR", self.vault.url()).with("RUST_LOG", "trace");
        bench.write(
            "migrate.toml",
            &format!(
                "[environment.test]\n\n[environment.test.outgoing]\nsettle = \"0s\"\nrotation_wait = \"0s\"\nquota_share = 50.0\n\n\
                 [environment.test.incoming]\nmount = \"{}\"\n",
                self.mount.path
            ),
        );
        bench.migrate(&["init"]).expect_code(0);
        bench
    }
}
