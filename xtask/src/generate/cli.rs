//! `docs/cli.md` from the command tree itself: what `--help` says, on one page.

use clap::{Arg, ArgAction, Command};

/// The reference of a command and all below it.
pub(super) fn reference(mut command: Command) -> String {
    // Until it is built, a subcommand does not know the options that it inherits, nor its full name.
    command.build();
    let mut page = format!(
        "# {} on the command line\n\nGenerated from the program by `cargo xtask generate`; `--help` says the same.\n",
        command.get_name()
    );
    section(&command, 2, &mut page);
    page
}

fn section(command: &Command, depth: usize, page: &mut String) {
    let name = command.get_bin_name().unwrap_or(command.get_name());
    *page += &format!("\n{} `{name}`\n\n", "#".repeat(depth));
    let about = command.get_long_about().or(command.get_about());
    if let Some(about) = about {
        *page += &format!("{}\n\n", about.to_string().trim_end());
    }
    let usage = command.clone().render_usage().to_string();
    *page += &format!("```text\n{}\n```\n", usage.trim_start_matches("Usage: ").trim());

    let own = |arg: &&Arg| !arg.is_hide_set() && !is_help(arg) && (depth == 2 || !arg.is_global_set());
    let rows: Vec<_> = command.get_arguments().filter(own).map(row).collect();
    if !rows.is_empty() {
        *page += &format!("\n| argument | what it does |\n|---|---|\n{}", rows.concat());
    }
    let below = command.get_subcommands().filter(|below| !below.is_hide_set() && below.get_name() != "help");
    for below in below {
        section(below, 3, page);
    }
}

/// Every command has these, and everybody knows them.
fn is_help(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Help | ArgAction::HelpShort | ArgAction::HelpLong | ArgAction::Version)
}

fn row(arg: &Arg) -> String {
    let short = arg.get_short().map(|short| format!("-{short}, ")).unwrap_or_default();
    let value = if arg.get_action().takes_values() {
        let names = arg.get_value_names().unwrap_or_default().iter().map(|name| name.to_string());
        names.collect::<Vec<_>>().join(" ")
    } else {
        String::new()
    };
    let many = if arg.get_num_args().is_some_and(|count| count.max_values() > 1) { "…" } else { "" };
    let written = match arg.get_long() {
        Some(long) if value.is_empty() => format!("{short}--{long}"),
        Some(long) => format!("{short}--{long} {value}{many}"),
        None => format!("{value}{many}"),
    };
    let mut says = vec![arg.get_long_help().or(arg.get_help()).map(|help| help.to_string()).unwrap_or_default()];
    let values: Vec<_> = arg.get_possible_values().iter().filter(|value| !value.is_hide_set()).map(possible).collect();
    if arg.get_action().takes_values() && !values.is_empty() {
        says.push(values.join("; "));
    }
    let default: Vec<_> = arg.get_default_values().iter().map(|value| format!("`{}`", value.to_string_lossy())).collect();
    if arg.get_action().takes_values() && !default.is_empty() {
        says.push(format!("default: {}", default.join(" ")));
    }
    format!("| `{written}` | {} |\n", says.join("<br>").replace('|', "\\|").replace('\n', " "))
}

fn possible(value: &clap::builder::PossibleValue) -> String {
    let help = value.get_help().map(|help| format!(": {help}")).unwrap_or_default();
    format!("`{}`{help}", value.get_name())
}

#[cfg(test)]
mod tests {
    use clap::{Subcommand, ValueEnum};

    use super::*;

    #[derive(clap::Parser)]
    #[command(name = "tool", about = "Do things")]
    struct Tool {
        /// Speak JSON
        #[arg(long, global = true)]
        json: bool,
        #[command(subcommand)]
        command: Below,
    }

    #[derive(Subcommand)]
    enum Below {
        /// Do one thing
        One {
            /// Which
            #[arg(value_name = "FILE")]
            file: Option<String>,
            /// How | far
            #[arg(long, value_enum, default_value_t = Far::Near, value_name = "STEP")]
            through: Far,
        },
    }

    #[derive(Clone, Copy, ValueEnum)]
    enum Far {
        /// Not far
        Near,
    }

    #[test]
    fn the_page_holds_what_a_person_can_type() {
        let page = reference(<Tool as clap::CommandFactory>::command());
        let rest = "```text\ntool [OPTIONS] <COMMAND>\n```\n\n| argument | what it does |\n|---|---|\n| `--json` | Speak JSON |\n\n\
                    ### `tool one`\n\nDo one thing\n\n```text\ntool one [OPTIONS] [FILE]\n```\n\n| argument | what it does |\n|---|---|\n\
                    | `FILE` | Which |\n| `--through STEP` | How \\| far<br>`near`: Not far<br>default: `near` |\n";
        assert!(page.ends_with(rest), "{page}");
    }
}
