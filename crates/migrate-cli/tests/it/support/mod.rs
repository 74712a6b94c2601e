//! What the tests here share: the servers' addresses, a world of one's own in each, values with a canary in them, and a runner
//! for the `migrate` binary.
//!
//! ```text
//! Servers::from_env ──► AwsAccount::fresh   an account that nobody else uses, reached by plain HTTP, not by our client
//!                   ├─► Mount::fresh        a KV v2 mount that nobody else uses, likewise
//!                   ├─► World::real         both, behind proxies; World::embedded: the same on the emulators
//!                   └─► Workbench::new      an empty Git repository, a cleared environment, `migrate` run to one printed whole
//! ```

mod aws;
mod canary;
mod cli;
mod cluster;
mod vault;
mod world;

pub(crate) use aws::AwsAccount;
pub(crate) use canary::Canary;
pub(crate) use cli::{Whole, Workbench};
pub(crate) use cluster::{Cluster, Held};
pub(crate) use vault::Mount;
pub(crate) use world::World;

use std::{env, path::PathBuf};

/// Where the servers are, as `cargo xtask test` says by environment variables.
#[derive(Clone, Debug)]
pub(crate) struct Servers {
    /// Base address of moto: Secrets Manager, STS and IAM.
    pub(crate) moto_url: String,
    /// Base address of OpenBao.
    pub(crate) bao_addr: String,
    /// PEM file of the authority that signed OpenBao's certificate.
    pub(crate) bao_cacert: PathBuf,
    /// OpenBao's root token.
    pub(crate) bao_token: String,
    /// OpenBao's command line.
    pub(crate) bao: PathBuf,
    /// The Python packages of the stack, PyYAML among them.
    pub(crate) python_packages: PathBuf,
    /// kustomize.
    pub(crate) kustomize: PathBuf,
}

impl Servers {
    /// Reads the variables; a missing one is a failed test that says what to do.
    pub(crate) fn from_env() -> Self {
        Self {
            moto_url: variable("MIGRATE_TEST_MOTO_URL"),
            bao_addr: variable("MIGRATE_TEST_BAO_ADDR"),
            bao_cacert: variable("MIGRATE_TEST_BAO_CACERT").into(),
            bao_token: variable("MIGRATE_TEST_BAO_TOKEN"),
            bao: variable("MIGRATE_TEST_BAO").into(),
            python_packages: variable("MIGRATE_TEST_PYTHON_PACKAGES").into(),
            kustomize: variable("MIGRATE_TEST_KUSTOMIZE").into(),
        }
    }

    /// An HTTP client that trusts OpenBao's authority, follows no redirect and ignores proxies.
    pub(crate) fn http(&self) -> reqwest::Client {
        let pem = std::fs::read(&self.bao_cacert).expect("the CA file that MIGRATE_TEST_BAO_CACERT names");
        reqwest::Client::builder()
            .tls_certs_only([reqwest::Certificate::from_pem(&pem).expect("a PEM certificate")])
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .expect("a TLS client")
    }
}

/// Where tests leave what they write, so that the run can search it for canaries when all tests are done.
pub(crate) fn scratch() -> PathBuf {
    variable("MIGRATE_TEST_SCRATCH").into()
}

/// A variable of the test command; a missing one is a failed test that says what to do.
pub(crate) fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| {
        panic!(
            "{name} is not set: this test needs real servers. Run it with `cargo xtask test --only it -- FILTER`, or start them \
             with `cargo xtask servers` and copy what it prints"
        )
    })
}
