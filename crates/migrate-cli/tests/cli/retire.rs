//! `migrate retire` before it asks any store: what is typed wrongly, and what the ledger alone refuses.

use crate::bench::{Bench, shows};

const INVENTORY: &str = "apiVersion: migrate/v1
secrets:
- name: platform-data/mysql/orders
  category: data
  class: runtime
  disposition: moves
";

fn bench() -> Bench {
    let bench = Bench::new();
    bench.write("secrets-inventory.yaml", INVENTORY);
    bench.run("migrate init");
    bench
}

// REQ P8
#[test]
fn a_wave_that_has_not_begun_has_no_old_copies_to_retire() {
    shows!(bench().run("migrate retire wave-1"), @r"
    $ migrate retire wave-1
    --- stderr
    error: the old copies of wave wave-1 can't go
      because: it has not begun
    hint: `migrate status` lists the waves
    --- exit 3
    ");
}

#[test]
fn windows_and_times_that_the_service_or_nobody_knows_are_usage() {
    let bench = bench();
    shows!(bench.run("migrate retire"), @r"
    $ migrate retire
    --- stderr
    error: the following required arguments were not provided:
      <WAVE>
      Usage: migrate retire <WAVE>
    hint: `migrate --help` shows everything
    --- exit 64
    ");
    shows!(bench.run("migrate retire wave-1 --recovery-window-days 6"), @r"
    $ migrate retire wave-1 --recovery-window-days 6
    --- stderr
    error: invalid value '6' for '--recovery-window-days <N>': 6 is not in 7..=30
    hint: `migrate --help` shows everything
    --- exit 64
    ");
    shows!(bench.run("migrate retire wave-1 --soak soon"), @r"
    $ migrate retire wave-1 --soak soon
    --- stderr
    error: invalid value 'soon' for '--soak <TIME>': this is no length of time such as 7d, 36h or 90m
    hint: `migrate --help` shows everything
    --- exit 64
    ");
    shows!(bench.run("migrate retire wave-1 --soak -1h"), @r"
    $ migrate retire wave-1 --soak -1h
    --- stderr
    error: unexpected argument '-1' found
      Usage: migrate retire [OPTIONS] [WAVE]
    hint: to pass '-1' as a value, use '-- -1'
    hint: `migrate --help` shows everything
    --- exit 64
    ");
}
