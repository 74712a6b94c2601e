//! What the port must know, before anything is connected.

use std::time::Duration;

use migrate_core::{plan::FenceMode, value::SecretText};

/// How Secrets Manager is reached and how hard it may be asked.
///
/// What is not set here comes from where the AWS SDK looks: environment, then the shared configuration files, then the
/// instance's metadata.
#[derive(Debug)]
pub struct Settings {
    /// Profile of the shared configuration files; else `AWS_PROFILE`.
    pub profile: Option<String>,
    /// Region; else `AWS_REGION`, the profile's, the instance's.
    pub region: Option<String>,
    /// Endpoint of *every* AWS service asked (Secrets Manager and STS), as `AWS_ENDPOINT_URL` means it, which it outranks.
    /// Where only Secrets Manager has an endpoint of its own (a VPC endpoint), leave this empty and set
    /// `AWS_ENDPOINT_URL_SECRETS_MANAGER`, or `endpoint_url` in a `services` section of the profile.
    ///
    /// An endpoint for every service on a loopback address is never asked through a proxy. Any other is, where `HTTPS_PROXY`,
    /// `HTTP_PROXY` or `ALL_PROXY` (either case) name one and `NO_PROXY` does not exclude it.
    pub endpoint_url: Option<String>,
    /// Whose keys are used.
    pub credentials: Credentials,
    /// Principals that the fence lets through, as `aws:PrincipalArn` spells them: the role of this tool, of whoever retires,
    /// of break-glass, with their paths. Empty means the caller alone, whose ARN does not show a role's path: a role with a
    /// path must be listed.
    pub exempt: Vec<String>,
    /// What closes a secret.
    pub fence: FenceMode,
    /// The principal that tries to write to fenced secrets, and must be refused. None: enforcement is not observed.
    pub probe: Option<Probe>,
    /// Whether CloudTrail is asked for reads that were refused (`cloudtrail:LookupEvents`).
    pub asks_trail: bool,
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest wait for the first byte of an answer.
    pub read_timeout: Duration,
    /// Longest duration of one attempt in all.
    pub attempt_timeout: Duration,
    /// Attempts per request, the first included.
    pub attempts: u32,
    /// Wait before the second attempt; doubled for each further one, with jitter, up to [`longest_pause`](Self::longest_pause).
    pub first_pause: Duration,
    /// Longest wait between two attempts.
    pub longest_pause: Duration,
    /// Requests in flight at once, per operation.
    pub concurrency: usize,
    /// Share of each service quota that this process may use, in percent: others in the account need theirs. Over 100 only
    /// where AWS has raised the quota, or where the endpoint is not AWS.
    pub quota_percent: u32,
}

/// Who tries to write to a fenced secret: an ordinary principal, with `secretsmanager:PutSecretValue` and `DescribeSecret`, that the fence
/// does not exempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// A profile of the shared configuration files.
    Profile(String),
    /// A role, which our own credentials assume (`sts:AssumeRole`).
    Role(String),
}

/// Whose keys sign the requests.
#[derive(Debug, Default)]
pub enum Credentials {
    /// The SDK's default chain: environment, profile (static keys, SSO, assumed roles, processes such as IAM Roles Anywhere),
    /// web identity, container, instance.
    #[default]
    DefaultChain,
    /// These, for a world that was made for practice. Together with a region and an endpoint, neither environment nor
    /// configuration files are read at all, so a rehearsal can't end up in a real account.
    Given(GivenCredentials),
}

/// A set of keys. Printing it shows the key id alone.
#[derive(Debug)]
pub struct GivenCredentials {
    /// Access key id.
    pub access_key_id: String,
    /// Secret access key.
    pub secret_access_key: SecretText,
    /// Session token, for temporary keys.
    pub session_token: Option<SecretText>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            profile: None,
            region: None,
            endpoint_url: None,
            credentials: Credentials::DefaultChain,
            exempt: Vec::new(),
            fence: FenceMode::ResourcePolicy,
            probe: None,
            asks_trail: false,
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(20),
            attempt_timeout: Duration::from_secs(30),
            attempts: 8,
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(10),
            concurrency: 16,
            quota_percent: 80,
        }
    }
}
