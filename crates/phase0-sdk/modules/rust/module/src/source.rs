//! Where secrets are read: Secrets Manager, or the files of mounted Kubernetes Secrets. The same text for every application.
//!
//! What a parser says may quote what it parsed, so it ends here: a [`Reason`] tells nothing of a value.

use std::{
    collections::HashMap,
    error::Error,
    fs,
    io::ErrorKind,
    iter,
    path::{Path, PathBuf},
    pin::Pin,
    time::Duration,
};

use aws_config::{BehaviorVersion, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_secretsmanager::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::get_secret_value::GetSecretValueError,
};
use secrecy::{SecretSlice, SecretString, zeroize::Zeroizing};
use serde_json::value::RawValue;

/// How long one of at most three attempts may take to connect, and then to wait for the answer.
const CONNECT: Duration = Duration::from_secs(3);
const ANSWER: Duration = Duration::from_secs(5);
const ATTEMPTS: u32 = 3;
/// The longest piece of a foreign message that is passed on.
const MESSAGE_CHARACTERS: usize = 300;

/// A secret, as the generated code names it.
pub(crate) struct Secret {
    /// In Secrets Manager.
    pub(crate) name: &'static str,
    /// Below `SECRETS_DIR`: the folder with a file for each property, or the file that holds all of it.
    pub(crate) mounted: &'static str,
}

/// Why a secret can't be used.
pub(crate) struct Reason(pub(crate) String);

impl From<&str> for Reason {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// What a secret is to the application. Its default stands there until the secret is read first, and nobody sees it.
pub(crate) trait Value: Default + Send + Sync + 'static {
    fn read(from: &dyn Content) -> Result<Self, Reason>;
}

impl Value for SecretString {
    fn read(from: &dyn Content) -> Result<Self, Reason> {
        from.text()
    }
}

impl Value for SecretSlice<u8> {
    fn read(from: &dyn Content) -> Result<Self, Reason> {
        Ok(from.bytes()?.to_vec().into())
    }
}

pub(crate) trait Source: Send + Sync {
    /// Where that is, and what to check when something can't be read there.
    fn place(&self) -> (String, &'static str);

    fn content<'a>(&'a self, secret: &'a Secret) -> Reading<'a>;
}

pub(crate) type Reading<'a> = Pin<Box<dyn Future<Output = Result<Box<dyn Content>, Reason>> + Send + 'a>>;

/// One secret of a source, of one version.
pub(crate) trait Content: Send {
    fn bytes(&self) -> Result<Zeroizing<Vec<u8>>, Reason>;

    fn text(&self) -> Result<SecretString, Reason> {
        Ok(utf8(&self.bytes()?, "it")?.into())
    }

    #[allow(dead_code, reason = "an application may have no secret with properties")]
    fn properties(&self) -> Result<Properties<'_>, Reason>;
}

/// Gives a property by its name in the JSON object and the file that holds it where it is mounted.
pub(crate) type Properties<'a> = Box<dyn Fn(&str, &str) -> Result<SecretString, Reason> + 'a>;

fn utf8<'a>(bytes: &'a [u8], what: &str) -> Result<&'a str, Reason> {
    str::from_utf8(bytes).map_err(|_| Reason(format!("{what} is no UTF-8 text")))
}

/// Reads with the AWS SDK. What is kept, and for how long, [`Slot`](crate::runtime::Slot) decides.
pub(crate) struct SecretsManager(Client);

impl SecretsManager {
    pub(crate) async fn connect() -> Self {
        let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT).read_timeout(ANSWER).build();
        let retries = RetryConfig::standard().with_max_attempts(ATTEMPTS);
        let config = aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts).retry_config(retries);
        Self(Client::new(&config.load().await))
    }

    async fn ask(&self, name: &str) -> Result<Box<dyn Content>, Reason> {
        let answer = self.0.get_secret_value().secret_id(name).version_stage("AWSCURRENT").send().await;
        let answer = answer.map_err(|error| refusal(&error))?;
        let bytes = match (answer.secret_string, answer.secret_binary) {
            (Some(text), _) => text.into_bytes(),
            (None, Some(binary)) => binary.into_inner(),
            (None, None) => return Err("it holds no value".into()),
        };
        Ok(Box::new(Answer(Zeroizing::new(bytes))))
    }
}

impl Source for SecretsManager {
    fn place(&self) -> (String, &'static str) {
        let hint = "check names, region and the rights of this process; \
            `aws secretsmanager describe-secret --secret-id NAME` shows what it may see";
        ("Secrets Manager".to_owned(), hint)
    }

    fn content<'a>(&'a self, secret: &'a Secret) -> Reading<'a> {
        Box::pin(self.ask(secret.name))
    }
}

/// What went wrong, in one line: what the service said, else what each layer of the client says.
fn refusal(error: &SdkError<GetSecretValueError>) -> Reason {
    let said = match error {
        SdkError::ServiceError(refused) => match (refused.err().code(), refused.err().message()) {
            (Some(code), Some(message)) => format!("{code}: {message}"),
            (Some(code), None) => code.to_owned(),
            (None, _) => format!("HTTP {}", refused.raw().status().as_u16()),
        },
        SdkError::ResponseError(_) => "the answer is none of Secrets Manager's".to_owned(),
        _ => {
            let layers = iter::successors(Some(error as &dyn Error), |error| (*error).source());
            layers.map(ToString::to_string).collect::<Vec<_>>().join(": ")
        }
    };
    let line = said.split_whitespace().collect::<Vec<_>>().join(" ");
    Reason(line.chars().take(MESSAGE_CHARACTERS).collect())
}

struct Answer(Zeroizing<Vec<u8>>);

impl Content for Answer {
    fn bytes(&self) -> Result<Zeroizing<Vec<u8>>, Reason> {
        Ok(self.0.clone())
    }

    fn properties(&self) -> Result<Properties<'_>, Reason> {
        let object = json_object(utf8(&self.0, "it")?)?;
        Ok(Box::new(move |name, _| json_property(&object, name)))
    }
}

/// The properties of an object, each as it is written. Of equal names the last counts.
pub(crate) type JsonObject<'a> = HashMap<String, &'a RawValue>;

pub(crate) fn json_object(text: &str) -> Result<JsonObject<'_>, Reason> {
    serde_json::from_str(text).map_err(|_| "it is no JSON object".into())
}

pub(crate) fn json_property(object: &JsonObject<'_>, name: &str) -> Result<SecretString, Reason> {
    let written = object.get(name).ok_or_else(|| Reason(format!("it has no property `{name}`")))?.get();
    match written.as_bytes() {
        [b'"', ..] => json_text(written),
        // A number keeps its digits, whatever a floating-point number would make of them.
        [b'-' | b'0'..=b'9' | b't' | b'f', ..] => Some(written.into()),
        _ => None,
    }
    .ok_or_else(|| Reason(format!("its property `{name}` is no text")))
}

pub(crate) fn json_text(written: &str) -> Option<SecretString> {
    let text: Zeroizing<String> = serde_json::from_str(written).map(Zeroizing::new).ok()?;
    Some(text.as_str().into())
}

/// The folder below which Kubernetes Secrets are mounted.
pub(crate) struct Files(pub(crate) PathBuf);

impl Source for Files {
    fn place(&self) -> (String, &'static str) {
        (self.0.display().to_string(), "check that the Kubernetes Secrets are mounted there")
    }

    fn content<'a>(&'a self, secret: &'a Secret) -> Reading<'a> {
        let content: Box<dyn Content> = Box::new(Mounted(self.0.join(secret.mounted)));
        Box::pin(async { Ok(content) })
    }
}

/// The folder, or the one file, of a Kubernetes Secret.
struct Mounted(PathBuf);

impl Content for Mounted {
    fn bytes(&self) -> Result<Zeroizing<Vec<u8>>, Reason> {
        let Self(file) = self;
        Version::of(file.parent().unwrap_or(file)).file(file.file_name().unwrap_or_default().as_ref())
    }

    fn properties(&self) -> Result<Properties<'_>, Reason> {
        let version = Version::of(&self.0);
        Ok(Box::new(move |name, key| {
            let bytes = version.file(key.as_ref())?;
            Ok(utf8(&bytes, &format!("its property `{name}`"))?.into())
        }))
    }
}

/// Kubernetes points `..data` at another folder when a Secret changes. All files are read from the one it points at now.
struct Version<'a> {
    shown: &'a Path,
    now: PathBuf,
}

impl<'a> Version<'a> {
    fn of(shown: &'a Path) -> Self {
        Self {
            shown,
            now: fs::canonicalize(shown.join("..data")).unwrap_or_else(|_| shown.to_owned()),
        }
    }

    fn file(&self, key: &Path) -> Result<Zeroizing<Vec<u8>>, Reason> {
        let shown = self.shown.join(key);
        let read = fs::read(self.now.join(key)).map(Zeroizing::new);
        read.map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => Reason(format!("there is no file {}", shown.display())),
            _ => Reason(format!("can't read {}: {error}", shown.display())),
        })
    }
}
