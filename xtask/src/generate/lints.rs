//! `docs/eso-lints.md` from the catalogue: what `migrate eso explain` says, on one page.

/// The page.
pub(super) fn page() -> String {
    let mut page = "# What `migrate eso validate` finds\n\nGenerated from the program by `cargo xtask generate`; `migrate eso explain ID` says \
                    the same. An id keeps its meaning. Errors end with `blocked`; warnings do with `--strict`.\n\n\
                    | id | name | severity | what |\n|---|---|---|---|\n"
        .to_owned();
    for lint in migrate_cli::eso_lints() {
        page +=
            &format!("| [{}](#{}) | `{}` | {} | {} |\n", lint.id, lint.id.to_lowercase(), lint.name, lint.severity, lint.what);
    }
    for lint in migrate_cli::eso_lints() {
        page += &format!(
            "\n## {}\n\n{}\n\n- **Why**: {}\n- **Instead**: {}\n- **Source**: {}\n",
            lint.id, lint.what, lint.why, lint.instead, lint.source
        );
    }
    page
}
