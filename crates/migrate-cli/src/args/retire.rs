//! `migrate retire`

use clap::Args as ClapArgs;
use jiff::SignedDuration;
use migrate_core::{id::WaveName, quota::RECOVERY_WINDOW_DAYS};

/// `migrate retire`
#[derive(Debug, ClapArgs)]
pub struct Retire {
    /// Wave whose old copies are scheduled for deletion: one that is handed over, and whose old copies nobody reads
    #[arg(value_name = "WAVE", value_parser = super::wave, required_unless_present = "report", conflicts_with = "report")]
    pub wave: Option<WaveName>,
    /// How long nobody may have read an old copy, in any region, since authority moved: 7d, 36h
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = soak)]
    pub soak: SignedDuration,
    /// For how many days each can be restored
    #[arg(long, value_name = "N", default_value_t = RECOVERY_WINDOW_DAYS.1, value_parser = clap::value_parser!(u32).range(i64::from(RECOVERY_WINDOW_DAYS.0)..=i64::from(RECOVERY_WINDOW_DAYS.1)))]
    pub recovery_window_days: u32,
    /// Change nothing: say what would go, and what must not
    #[arg(long)]
    pub dry_run: bool,
    /// Say for every secret of the inventory whether it is in Vault alone: the end of the migration. Changes nothing
    #[arg(long)]
    pub report: bool,
}

fn soak(text: &str) -> Result<SignedDuration, String> {
    let days = || text.strip_suffix('d')?.parse::<i64>().ok()?.checked_mul(24).map(SignedDuration::from_hours);
    let time = days().or_else(|| text.parse().ok()).filter(|time| !time.is_negative());
    time.ok_or_else(|| "this is no length of time such as 7d, 36h or 90m".to_owned())
}
