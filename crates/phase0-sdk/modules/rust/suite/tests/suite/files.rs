//! Mounted Kubernetes Secrets.

use std::{
    fs,
    io::Write as _,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use suite::{Mounted, POSTGRES, STRIPE, TLS, count, ends, made_up, same, scene, until};
use suite_secrets::{ExposeSecret as _, Secrets};

async fn mounted(mounted: &Mounted, test: impl Future<Output = ()>) {
    let variables = [
        ("SECRETS_SOURCE", Some("files")),
        ("SECRETS_DIR", Some(mounted.shown())),
        ("SECRETS_REFRESH_SECONDS", Some("1")),
    ];
    scene(&variables, test).await;
}

#[tokio::test]
async fn each_file_is_taken_as_it_is() {
    let word = made_up("word") + "\n";
    let files = Mounted::plain(&word);
    files.write("tls-suite", "keystore.p12", &[word.as_bytes(), b"\0\xff\n"].concat());
    files.write("mail", "2fa", b"");
    mounted(&files, async {
        let secrets = Secrets::open().await.unwrap();
        assert!(same(secrets.postgres_suite().await.password.expose_secret(), &word));
        assert!(same(secrets.smtp_suite().await.user_name.expose_secret(), &word));
        assert!(same(secrets.smtp_suite().await.x2fa.expose_secret(), ""));
        assert!(same(secrets.stripe_suite().await.expose_secret(), &word));
        assert!(same(secrets.tls_suite().await.expose_secret(), [word.as_bytes(), b"\0\xff\n"].concat()));
        assert_eq!(count(STRIPE).await, 0, "Secrets Manager is not asked");

        let new = made_up("new");
        files.write("stripe-suite", "value", new.as_bytes());
        assert!(same(secrets.stripe_suite().await.expose_secret(), &word), "within the interval nobody looks");
        until("the new value", async || same(secrets.stripe_suite().await.expose_secret(), &new)).await;
    })
    .await;
}

#[tokio::test]
async fn what_is_missing_is_named_and_what_was_read_stays() {
    let word = made_up("word");
    let files = Mounted::plain(&word);
    mounted(&files, async {
        let secrets = Secrets::open().await.unwrap();
        fs::remove_file(files.file("postgres-suite", "password")).unwrap();
        fs::remove_dir_all(files.file("tls-suite", "")).unwrap();
        files.write("mail", "url", b"\xff");
        files.write("stripe-suite", "value", b"\xff");
        let error = Secrets::open().await.unwrap_err();
        let dir = files.shown();
        let text = format!(
            "suite can't start: 4 of 4 secrets could not be read from {dir}\n  \
             platform-data/postgres/suite: there is no file {dir}/postgres-suite/password\n  \
             platform-data/smtp/suite: its property `url` is no UTF-8 text\n  \
             platform-data/stripe/suite: it is no UTF-8 text\n  \
             platform-data/tls/suite: there is no file {dir}/tls-suite/keystore.p12\n\
             check that the Kubernetes Secrets are mounted there"
        );
        assert_eq!(error.to_string(), text);
        secrets.refresh().await;
        assert!(same(secrets.postgres_suite().await.password.expose_secret(), &word));
        assert_eq!(secrets.stale().len(), 4);
        files.write("postgres-suite", "password", word.as_bytes());
        secrets.refresh().await;
        assert!(secrets.stale().iter().all(|stale| stale.name != POSTGRES));
        assert!(secrets.stale().iter().any(|stale| stale.name == TLS));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_swap_under_readers_never_mixes_two_versions() {
    let files = Arc::new(Mounted::plain(&made_up("plain")));
    let version = |number: usize| {
        let word = made_up(&number.to_string());
        move |files: &Mounted| {
            files.swap("postgres-suite", number, &[("username", &word), ("password", &word), ("port", &word)]);
        }
    };
    version(0)(&files);
    mounted(&files, async {
        let secrets = Secrets::open().await.unwrap();
        let is_over = Arc::new(AtomicBool::new(false));
        let swapping = thread::spawn({
            let (files, is_over) = (Arc::clone(&files), Arc::clone(&is_over));
            move || {
                let mut number = 1;
                while !is_over.load(Ordering::Relaxed) {
                    version(number)(&files);
                    number += 1;
                }
            }
        });
        let (mut seen, mut last) = (0, None);
        until("two hundred versions", async || {
            secrets.refresh().await;
            let read = secrets.postgres_suite().await;
            assert!(same(read.username.expose_secret(), read.password.expose_secret()));
            assert!(same(read.username.expose_secret(), read.port.expose_secret()));
            let now = read.username.expose_secret().to_owned();
            seen += usize::from(last.replace(now.clone()).is_none_or(|last| !same(last, now)));
            seen == 200
        })
        .await;
        is_over.store(true, Ordering::Relaxed);
        swapping.join().unwrap();
        secrets.refresh().await;
        assert!(secrets.stale().is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_is_taken_away_while_it_is_read_is_given_up_for_the_next() {
    let [first, second, third] = ["first", "second", "third"].map(made_up);
    let files = Mounted::plain(&first);
    let swap = |number, word: &str| {
        files.swap("postgres-suite", number, &[("username", word), ("password", word), ("port", word)]);
    };
    swap(1, &first);
    mounted(&files, async {
        let secrets: &'static Secrets = Box::leak(Box::new(Secrets::open().await.unwrap()));
        swap(2, &second);
        // Whoever reads this one waits for the writer, and so can be caught between two files.
        let pipe = files.file("postgres-suite", "..version_2").join("username");
        fs::remove_file(&pipe).unwrap();
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let refreshing = tokio::spawn(secrets.refresh());
        let opening = tokio::task::spawn_blocking(move || fs::OpenOptions::new().write(true).open(pipe));
        let mut writer = ends("the reader opens the file", opening).await.unwrap().unwrap();
        swap(3, &third);
        writer.write_all(second.as_bytes()).unwrap();
        drop(writer);
        ends("refresh", refreshing).await.unwrap();
        assert!(secrets.stale().is_empty());
        let read = secrets.postgres_suite().await;
        assert!([&read.username, &read.password, &read.port].iter().all(|value| same(value.expose_secret(), &third)));
    })
    .await;
}
