//! `migrate`: everything is in the library, so that documents and tests can ask it.

fn main() -> std::process::ExitCode {
    migrate_cli::run()
}
