//! Values for a developer's machine: from a file, else made up. The same text for every application.
//!
//! Only the feature `mock` compiles it, and only a call of [`Secrets::open_mock`] leads here: no variable does.

use std::{collections::HashMap, env, fs, path::Path, process, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use secrecy::{ExposeSecret as _, SecretString, zeroize::Zeroizing};
use tracing::warn;

use crate::{
    APPLICATION, OpenError, Secrets,
    runtime::Store,
    source::{Content, Properties, Reading, Reason, Secret, Source, json_object, json_property, json_text},
};

/// What a platform sets for what runs on it.
const PLATFORM: [&str; 5] = [
    "KUBERNETES_SERVICE_HOST",
    "ECS_CONTAINER_METADATA_URI",
    "ECS_CONTAINER_METADATA_URI_V4",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_EXECUTION_ENV",
];
/// As where nothing else is said.
const INTERVAL: Duration = Duration::from_mins(5);

impl Secrets {
    /// Takes values from a JSON file, and makes up what it does not say.
    ///
    /// The file is one object that has names of secrets, and for each its text, an object of its properties, or, where it is
    /// binary, base64 text.
    ///
    /// # Errors
    /// On a platform, unless the variable `CI` is set; and where the file can't be used.
    pub async fn open_mock(file: Option<&Path>) -> Result<Self, OpenError> {
        if let Some(seen) = platform() {
            let problem = format!("mock values are for a developer's machine: {seen}");
            return Err(OpenError::new(APPLICATION, &problem));
        }
        let mock = Mock::read(file).map_err(|problem| OpenError::new(APPLICATION, &problem))?;
        warn!("{APPLICATION}: mock values: {}, and what is not there is made up", mock.place);
        Self::read_from(Store::new(APPLICATION, mock, INTERVAL)).await
    }
}

/// What tells that this is no developer's machine.
fn platform() -> Option<String> {
    if env::var_os("CI").is_some_and(|value| !value.is_empty()) {
        return None;
    }
    let set = PLATFORM.into_iter().find(|name| env::var_os(name).is_some());
    let is_unit = env::var("SYSTEMD_EXEC_PID").is_ok_and(|pid| pid == process::id().to_string());
    set.map(|name| format!("{name} is set")).or_else(|| is_unit.then(|| "SYSTEMD_EXEC_PID is this process".to_owned()))
}

/// The file.
struct Mock {
    place: String,
    /// The JSON of each secret that it has.
    said: HashMap<String, SecretString>,
}

impl Mock {
    fn read(file: Option<&Path>) -> Result<Self, String> {
        let Some(file) = file else {
            return Ok(Self {
                place: "no file".to_owned(),
                said: HashMap::new(),
            });
        };
        let place = file.display().to_string();
        let text =
            fs::read_to_string(file).map(Zeroizing::new).map_err(|error| format!("can't read {place}: {error}"))?;
        let Ok(object) = json_object(&text) else {
            return Err(format!("{place} is no JSON object"));
        };
        let said = object.into_iter().map(|(name, json)| (name, json.get().into())).collect();
        Ok(Self { place, said })
    }
}

impl Source for Mock {
    fn place(&self) -> (String, &'static str) {
        let hint =
            "a text is a text there, a binary secret base64 text, and any other secret an object of its properties";
        (self.place.clone(), hint)
    }

    fn content<'a>(&'a self, secret: &'a Secret) -> Reading<'a> {
        let content: Box<dyn Content> = Box::new(Made {
            name: secret.name,
            said: self.said.get(secret.name).cloned(),
        });
        Box::pin(async { Ok(content) })
    }
}

/// One secret: its JSON, where the file has it.
struct Made {
    name: &'static str,
    said: Option<SecretString>,
}

impl Content for Made {
    fn bytes(&self) -> Result<Zeroizing<Vec<u8>>, Reason> {
        let text = self.text()?;
        if self.said.is_none() {
            return Ok(Zeroizing::new(text.expose_secret().into()));
        }
        let bytes = BASE64_STANDARD.decode(text.expose_secret());
        bytes.map(Zeroizing::new).map_err(|_| "it is no base64 text".into())
    }

    fn text(&self) -> Result<SecretString, Reason> {
        match &self.said {
            Some(said) => json_text(said.expose_secret()).ok_or_else(|| "it is no text".into()),
            None => Ok(format!("mock-value-of-{}", self.name).into()),
        }
    }

    fn properties(&self) -> Result<Properties<'_>, Reason> {
        let said = self.said.as_ref().map(|said| json_object(said.expose_secret())).transpose()?;
        Ok(Box::new(move |name, _| match &said {
            Some(said) if said.contains_key(name) => json_property(said, name),
            _ => Ok(format!("mock-{name}-of-{}", self.name).into()),
        }))
    }
}
