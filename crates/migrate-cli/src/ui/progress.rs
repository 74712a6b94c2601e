//! How far a run is: a bar with rate and time left on a terminal, a plain line now and then elsewhere.

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::Printer;

/// Between two plain lines about one step.
const INTERVAL: Duration = Duration::from_secs(10);
/// Between two drawings of a bar.
const TICK: Duration = Duration::from_millis(250);

/// Hears how far a run is, and shows it on stderr.
#[derive(Debug)]
pub struct Bars {
    printer: Printer,
    is_terminal: bool,
    step: Mutex<Option<Step>>,
}

#[derive(Debug)]
struct Step {
    name: &'static str,
    members: usize,
    done: usize,
    began: Instant,
    told: Instant,
    bar: ProgressBar,
}

impl Bars {
    /// For a run whose talk goes to a terminal, or not.
    #[must_use]
    pub fn new(printer: Printer, is_terminal: bool) -> Self {
        Self { printer, is_terminal, step: Mutex::new(None) }
    }

    /// Progress is no reason to fail: a poisoned lock is as good as any.
    fn step(&self) -> MutexGuard<'_, Option<Step>> {
        self.step.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl driver::Progress for Bars {
    fn begin(&self, name: &'static str, members: usize) {
        let target = if self.is_terminal && members > 0 { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(members as u64), target);
        if let Ok(style) = ProgressStyle::with_template("{msg:16} {bar:30} {pos}/{len}  {pace}") {
            bar.set_style(style.with_key("pace", pace));
        }
        if self.is_terminal && members > 0 {
            // Waiting for a fence to settle moves nothing, and is still no standstill.
            bar.enable_steady_tick(TICK);
        }
        bar.set_message(name);
        let now = Instant::now();
        *self.step() = Some(Step { name, members, done: 0, began: now, told: now, bar });
    }

    fn advance(&self, members: usize) {
        let mut step = self.step();
        let Some(step) = step.as_mut() else { return };
        step.done += members;
        step.bar.inc(members as u64);
        if !self.is_terminal && step.told.elapsed() >= INTERVAL {
            step.told = Instant::now();
            self.printer.talk(step.line());
        }
    }

    fn end(&self) {
        let Some(step) = self.step().take() else { return };
        step.bar.finish_and_clear();
        // Short steps need no word on a terminal, where the report follows; a log wants one for each.
        if !self.is_terminal && step.members > 0 {
            self.printer.talk(format!(
                "{:16} {} of {} in {}",
                step.name,
                step.done.max(step.members),
                step.members,
                super::duration(step.began.elapsed())
            ));
        }
    }

    fn note(&self, text: &str) {
        match self.step().as_ref() {
            Some(step) => step.bar.suspend(|| self.printer.note(text)),
            None => self.printer.note(text),
        }
    }
}

/// Rate and time left; until something is done, how long it has taken.
fn pace(state: &ProgressState, out: &mut dyn fmt::Write) {
    // A line that can't be written is no reason to stop.
    let _ = match state.pos() {
        0 => write!(out, "{} so far", super::duration(Duration::from_secs(state.elapsed().as_secs().max(1)))),
        _ => write!(out, "{:.0} a second, {} left", state.per_sec(), super::duration(state.eta())),
    };
}

impl Step {
    fn line(&self) -> String {
        let rate = self.done as f64 / self.began.elapsed().as_secs_f64().max(0.001);
        let left =
            Duration::try_from_secs_f64(self.members.saturating_sub(self.done) as f64 / rate.max(0.001)).unwrap_or_default();
        format!("{:16} {} of {}, {rate:.0} a second, about {} left", self.name, self.done, self.members, super::duration(left))
    }
}
