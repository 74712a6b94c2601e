//! What the tests share: the control of the server that they talk to, their variables, the log, and folders as Kubernetes mounts them.

use std::{
    collections::BTreeMap,
    env, fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

pub const POSTGRES: &str = "platform-data/postgres/suite";
pub const SMTP: &str = "platform-data/smtp/suite";
pub const STRIPE: &str = "platform-data/stripe/suite";
pub const TLS: &str = "platform-data/tls/suite";

/// Longer than anything here takes, so that it ends a test that would never end.
const DEADLINE: Duration = Duration::from_secs(30);

/// What must not be inherited from whoever runs the tests.
const CLEARED: [&str; 10] = [
    "SECRETS_SOURCE",
    "SECRETS_DIR",
    "SECRETS_REFRESH_SECONDS",
    "CI",
    "KUBERNETES_SERVICE_HOST",
    "ECS_CONTAINER_METADATA_URI",
    "ECS_CONTAINER_METADATA_URI_V4",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_EXECUTION_ENV",
    "SYSTEMD_EXEC_PID",
];

/// Runs a test with these variables and a fresh server. One at a time, since all share variables, server and log.
pub async fn scene(variables: &[(&str, Option<&str>)], test: impl Future<Output = ()>) {
    let mut all: BTreeMap<&str, Option<&str>> = CLEARED.into_iter().map(|name| (name, None)).collect();
    all.extend(variables.iter().copied());
    temp_env::async_with_vars(all.into_iter().collect::<Vec<_>>(), async {
        post("/reset", b"").await;
        logged().clear();
        test.await;
    })
    .await;
}

/// A text that is nobody's and has the word in it for which all output is searched afterwards.
pub fn made_up(what: &str) -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    format!("{}-{what}-{}", canary(), COUNT.fetch_add(1, Ordering::Relaxed))
}

pub fn canary() -> String {
    variable("MIGRATE_TEST_CANARY")
}

/// Whether two values are equal. `assert_eq!` would print them.
pub fn same(a: impl AsRef<[u8]>, b: impl AsRef<[u8]>) -> bool {
    a.as_ref() == b.as_ref()
}

fn variable(name: &str) -> String {
    env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: the suite is run by the test `modules::rust` of migrate"))
}

/// How many requests for a secret reached the server.
pub async fn count(name: &str) -> usize {
    let text = send("GET", &format!("/count?name={name}"), b"").await;
    String::from_utf8_lossy(&text).trim().parse().expect("a number")
}

/// What is at the server.
pub async fn value(name: &str) -> Vec<u8> {
    send("GET", &format!("/value?name={name}"), b"").await
}

pub async fn property(name: &str, property: &str) -> Vec<u8> {
    send("GET", &format!("/value?name={name}&property={property}"), b"").await
}

pub async fn put(name: &str, text: &str) {
    post(&format!("/put?name={name}"), text.as_bytes()).await;
}

/// In the place of what is there. The server in these tests would keep a text beside it.
pub async fn put_binary(name: &str, bytes: &[u8]) {
    delete(name).await;
    post(&format!("/put-binary?name={name}"), bytes).await;
}

pub async fn delete(name: &str) {
    post(&format!("/delete?name={name}"), b"").await;
}

pub async fn deny(name: &str) {
    post(&format!("/deny?name={name}"), b"").await;
}

pub async fn slow(milliseconds: u32) {
    post(&format!("/slow?milliseconds={milliseconds}"), b"").await;
}

pub async fn stop() {
    post("/stop", b"").await;
}

pub async fn start() {
    post("/start", b"").await;
}

async fn post(path: &str, body: &[u8]) {
    send("POST", path, body).await;
}

/// One request over one connection. An answer that is no success fails the test.
async fn send(method: &str, path: &str, body: &[u8]) -> Vec<u8> {
    let url = variable("CONTROL_URL");
    let host = url.trim_start_matches("http://").trim_end_matches('/');
    let mut connection = TcpStream::connect(host).await.expect("the control listens");
    let length = body.len();
    let head =
        format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    connection.write_all(&[head.as_bytes(), body].concat()).await.expect("the control reads");
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await.expect("the control answers");
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
    let body = answer.split_off(end + 4);
    let head = String::from_utf8_lossy(&answer).into_owned();
    let is_success = head.split(' ').nth(1).is_some_and(|status| status.starts_with('2'));
    assert!(is_success, "{method} {path}: {}", head.lines().next().unwrap_or_default());
    assert!(!head.to_lowercase().contains("chunked"), "the control sends its answers whole");
    body
}

/// Tries again until it is so.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !is_so().await {
        assert!(start.elapsed() < DEADLINE, "it never came about: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits for what must end.
pub async fn ends<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.unwrap_or_else(|_| panic!("it never ended: {what}"))
}

/// All that was logged in this test, at every level.
#[derive(Clone, Copy)]
pub struct Log(&'static Mutex<Vec<u8>>);

pub fn logged() -> Log {
    static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());
    static ONCE: OnceLock<()> = OnceLock::new();
    ONCE.get_or_init(|| {
        let everything = tracing_subscriber::fmt().with_max_level(tracing_subscriber::filter::LevelFilter::TRACE);
        everything.with_ansi(false).with_writer(|| Log(&LOG)).init();
    });
    Log(&LOG)
}

impl Log {
    pub fn text(self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// How many lines of a level have this in them.
    pub fn lines(self, level: &str, part: &str) -> usize {
        self.text().lines().filter(|line| line.contains(&format!(" {level} ")) && line.contains(part)).count()
    }

    fn clear(self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A folder that is taken for `SECRETS_DIR`. What is in it lies where no search for values looks.
pub struct Mounted(tempfile::TempDir);

impl Mounted {
    /// The four secrets, without `..data`.
    pub fn plain(word: &str) -> Self {
        let mounted = Self::empty();
        for (folder, key) in [("stripe-suite", "value"), ("tls-suite", "keystore.p12")] {
            mounted.write(folder, key, word.as_bytes());
        }
        for key in ["username", "password", "port"] {
            mounted.write("postgres-suite", key, word.as_bytes());
        }
        for key in ["MAIL_CLASS", "MAIL_USER", "2fa", "url"] {
            mounted.write("mail", key, word.as_bytes());
        }
        mounted
    }

    pub fn empty() -> Self {
        Self(tempfile::tempdir_in(variable("VALUES_DIR")).expect("a folder for values"))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn shown(&self) -> &str {
        self.path().to_str().expect("a path in UTF-8")
    }

    pub fn file(&self, folder: &str, key: &str) -> PathBuf {
        self.path().join(folder).join(key)
    }

    pub fn write(&self, folder: &str, key: &str, bytes: &[u8]) {
        let file = self.file(folder, key);
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::write(file, bytes).expect("a file");
    }

    /// Makes a folder a new version of what Kubernetes mounts: links to `..data`, which is a link to the folder of that version.
    pub fn swap(&self, folder: &str, version: usize, files: &[(&str, &str)]) {
        let folder = self.path().join(folder);
        let name = format!("..version_{version}");
        fs::create_dir_all(folder.join(&name)).expect("the folder of a version");
        for (key, value) in files {
            fs::write(folder.join(&name).join(key), value).expect("a file");
            let link = folder.join(key);
            if fs::symlink_metadata(&link).is_ok_and(|there| !there.is_symlink()) {
                fs::remove_file(&link).expect("the plain file is gone");
            }
            if fs::symlink_metadata(&link).is_err() {
                symlink(Path::new("..data").join(key), &link).expect("a link");
            }
        }
        let before = fs::read_link(folder.join("..data"));
        symlink(&name, folder.join("..data_tmp")).expect("a link");
        fs::rename(folder.join("..data_tmp"), folder.join("..data")).expect("the swap");
        if let Ok(before) = before {
            fs::remove_dir_all(folder.join(before)).expect("the old version is gone");
        }
    }
}
