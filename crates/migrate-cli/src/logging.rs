//! Diagnostics on stderr. Our crates speak as loudly as asked; every other crate at warnings and above, whatever RUST_LOG says: at trace
//! the AWS SDK prints the bodies of requests, which hold values (REQ OPS-1).

use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::{
    EnvFilter, Layer as _, Registry,
    filter::{FilterExt as _, filter_fn},
    fmt::MakeWriter,
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

const OURS: [&str; 7] = ["migrate_cli", "migrate_core", "phase0_sdk", "phase1_eso", "phase2_vault", "driver", "rehearsal"];

/// Starts logging for this process; a second start changes nothing.
pub(crate) fn start(rust_log: Option<&str>, verbose: u8, colours: bool) {
    let _ = subscriber(rust_log, verbose, colours, std::io::stderr).try_init();
}

fn subscriber<W>(rust_log: Option<&str>, verbose: u8, colours: bool, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let level = match verbose {
        0 => "warn",
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    let asked = EnvFilter::builder().parse_lossy(rust_log.unwrap_or(level));
    let layer =
        tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(colours).with_filter(asked.and(filter_fn(may_speak)));
    Registry::default().with(layer)
}

fn may_speak(metadata: &Metadata<'_>) -> bool {
    let name = metadata.target().split("::").next().unwrap_or_default();
    *metadata.level() <= Level::WARN || OURS.contains(&name)
}

#[cfg(test)]
mod tests {
    use std::{
        io::{self, Write},
        sync::{Arc, Mutex},
    };

    use super::*;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn said(rust_log: Option<&str>, verbose: u8) -> String {
        let buffer = Buffer::default();
        let writer = buffer.clone();
        let subscriber = subscriber(rust_log, verbose, false, move || writer.clone());
        tracing::subscriber::with_default(subscriber, || {
            tracing::trace!(target: "some_sdk::client", "body: canary");
            tracing::info!(target: "driverless", "body: canary");
            tracing::trace_span!(target: "hyper", "request", body = "canary").in_scope(|| {
                tracing::trace!(target: "driver::copy", "ours at trace");
            });
            tracing::info!(target: "phase2_vault", "ours at info");
            tracing::warn!(target: "hyper", "a warning");
        });
        let bytes = buffer.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn dependencies_stay_at_warn_whatever_is_asked() {
        for rust_log in ["trace", "some_sdk=trace,hyper=trace,driverless=trace,driver=trace,phase2_vault=trace"] {
            let text = said(Some(rust_log), 0);
            assert!(!text.contains("canary"), "{text}");
            assert!(text.contains("ours at trace") && text.contains("ours at info"), "{text}");
        }
    }

    #[test]
    fn nobody_asked_means_warnings_and_v_means_info() {
        assert!(!said(None, 0).contains("ours") && said(None, 0).contains("a warning"));
        assert!(said(None, 1).contains("ours at info") && !said(None, 1).contains("ours at trace"));
    }
}
