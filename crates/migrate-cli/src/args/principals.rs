//! `migrate inventory principals`

use camino::Utf8PathBuf;
use clap::Args as ClapArgs;
use migrate_core::{name::SecretName, principals::Principal};
use phase0_sdk::trail::LOOKUP_DAYS;

/// `migrate inventory principals`
#[derive(Debug, ClapArgs)]
pub struct Principals {
    /// Files of CloudTrail to look in, or folders of them: as delivered to S3, or as `aws cloudtrail lookup-events` printed them
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub trail: Vec<Utf8PathBuf>,
    /// Ask CloudTrail itself (LookupEvents): 50 events a request, two requests a second at most
    #[arg(long)]
    pub lookup: bool,
    /// How many days back to ask for
    #[arg(long, value_name = "N", requires = "lookup", default_value_t = LOOKUP_DAYS, value_parser = clap::value_parser!(u32).range(1..=i64::from(LOOKUP_DAYS)))]
    pub days: u32,
    /// Further regions to ask in, such as those of replicas [default: the environment's alone]
    #[arg(long = "region", value_name = "REGION", requires = "lookup", num_args = 1..)]
    pub regions: Vec<String>,
    /// The account whose secrets are meant, where files hold several [default with --lookup: the caller's]
    #[arg(long, value_name = "ACCOUNT", value_parser = account)]
    pub account: Option<String>,
    /// Declare a principal that was found, as what it was found to do: secret's name, `=`, principal
    #[arg(long, value_name = "NAME=PRINCIPAL", num_args = 1.., value_parser = declared, conflicts_with = "declare_all")]
    pub declare: Vec<(SecretName, Principal)>,
    /// Declare every principal that was found
    #[arg(long)]
    pub declare_all: bool,
}

fn account(text: &str) -> Result<String, String> {
    let is_account = text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
    if is_account { Ok(text.to_owned()) } else { Err("an account has 12 digits".to_owned()) }
}

fn declared(text: &str) -> Result<(SecretName, Principal), String> {
    // Both a name and a role's path may hold `=`; no principal begins with one.
    let (name, principal) = text
        .match_indices('=')
        .find_map(|(at, _)| Some((&text[..at], Principal::parse(&text[at + 1..]).ok()?)))
        .ok_or("this is NAME=PRINCIPAL, such as platform-data/postgres/orders=arn:aws:iam::111122223333:role/orders")?;
    Ok((SecretName::parse(name).map_err(|error| error.to_string())?, principal))
}
