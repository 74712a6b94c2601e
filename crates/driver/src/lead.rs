//! A session on a ledger: opened against its anchor, leading or not, making decisive records count.

use std::sync::Arc;

use migrate_core::{
    handover::{
        Event, Handover, Outcome, RunKind, Runner,
        judge::{Takeover, holder_id, takeover},
    },
    id::{Epoch, LedgerId, TargetVersion, WaveName},
    ledger::{Anchor, SharedStanding, Standing, judge, judge_shared},
    observed::{Mark, Sighting},
    ports::{Effect, PortErrorKind},
};

use crate::{
    LedgerFile,
    error::{Stopped, Where},
    rim::{Clock, Interrupt, Pace, Processes, Progress, Systems},
    shared::{OpenLedger, SharedError, SharedLedger, Tip, anchor, chain, push},
};

/// What a session is opened with.
#[derive(Clone, Debug)]
pub struct SessionSettings {
    /// Who runs the tool (`user@host`), as every record says.
    pub operator: String,
    /// This process.
    pub runner: Runner,
    /// How much is under way at once.
    pub pace: Pace,
}

/// A ledger that is open for writing and agrees with its anchor.
pub struct Session<'a> {
    pub(crate) systems: Systems<'a>,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) progress: &'a dyn Progress,
    pub(crate) interrupt: Interrupt,
    pub(crate) settings: SessionSettings,
    pub(crate) ledger: LedgerFile,
    /// Where the ledger is shared, and the state there that this session builds on; nothing for a ledger of one's own.
    shared: Option<(Arc<dyn SharedLedger>, Tip)>,
    ledger_id: LedgerId,
    processes: &'a dyn Processes,
    /// The anchor's version at our last look; what the next check-and-set names.
    anchor: Option<TargetVersion>,
    /// The last record is decisive and the anchor does not name it yet: nothing may be written behind it, or the ledger would look as if
    /// the incoming store had been set back.
    uncounted: bool,
}

const OPENING: Where = Where("opening the ledger");
const LEADING: Where = Where("taking the lead");

impl<'a> Session<'a> {
    /// Opens a session: reads the anchor, refuses a ledger that does not agree with it, and anchors again what a crash left unanchored.
    ///
    /// # Errors
    /// [`Stopped::Unsound`], [`Stopped::Port`], [`Stopped::Ledger`].
    pub async fn open(
        systems: Systems<'a>,
        ledger: impl Into<OpenLedger>,
        clock: &'a dyn Clock,
        progress: &'a dyn Progress,
        processes: &'a dyn Processes,
        interrupt: Interrupt,
        settings: SessionSettings,
    ) -> Result<Self, Stopped> {
        let OpenLedger { file: ledger, following } = ledger.into();
        let Some(ledger_id) = ledger.state().ledger.clone() else {
            return Err(Stopped::Refused(migrate_core::handover::Refusal::Creation));
        };
        let (shared, seen) = match following {
            Some(following) => (Some((following.place, following.tip)), following.anchor),
            None => (None, anchor(systems.incoming, OPENING).await?),
        };
        let held = seen.as_ref().map(|seen| seen.version);
        let mut session = Self {
            systems,
            clock,
            progress,
            interrupt,
            settings,
            ledger,
            shared,
            ledger_id,
            processes,
            anchor: held,
            uncounted: false,
        };
        let standing = judge(Some(&session.ledger_id), session.ledger.heads(), seen.as_ref().map(|seen| &seen.anchor));
        match standing {
            Standing::Fresh | Standing::Current => Ok(session),
            Standing::Unanchored(head) => {
                let anchor = Anchor::naming(session.ledger_id.clone(), &head);
                session.make_count(&anchor).await?;
                Ok(session)
            }
            unsound => Err(Stopped::Unsound(unsound)),
        }
    }

    /// The state that the ledger folds to.
    #[must_use]
    pub fn state(&self) -> &Handover {
        self.ledger.state()
    }

    /// What this session signs its effects with.
    pub(crate) fn mark(&self, wave: &WaveName) -> Mark {
        Mark { ledger: self.ledger_id.clone(), wave: wave.clone(), epoch: self.state().epoch }
    }

    /// Whose ledger it is.
    #[must_use]
    pub fn ledger_id(&self) -> &LedgerId {
        &self.ledger_id
    }

    /// Takes the lead for a wave: a decisive record that raises the epoch. From then on no older run makes a decisive record.
    pub(crate) async fn take_lead(&mut self, wave: &WaveName, run: RunKind) -> Result<(), Stopped> {
        if let Takeover::MayLive { epoch, runner } = takeover(self.state(), |runner| self.processes.is_dead(runner), None) {
            return Err(Stopped::MayLive { epoch, runner });
        }
        self.lead(wave.clone(), run, None).await
    }

    async fn lead(&mut self, wave: WaveName, run: RunKind, declared_dead: Option<Epoch>) -> Result<(), Stopped> {
        let epoch = self.state().epoch.raised();
        let runner = self.settings.runner.clone();
        self.decisive_at(epoch, Event::Lead { wave, run, runner, declared_dead }).await
    }

    /// Takes the lead away from the run that has it and did not end, on the operator's word that it is dead, and gives it back at once. That
    /// run, should it live, stops at its next effect; the next one may take the lead. Says whether there was anything to take away.
    ///
    /// # Errors
    /// [`Stopped::OtherHolder`] where `holder` is not that run, [`Stopped::Lives`] where it can be seen to live.
    pub async fn unlock(&mut self, holder: &str) -> Result<bool, Stopped> {
        let Some(lead) = self.state().lead.clone().filter(|lead| !lead.ended) else { return Ok(false) };
        let epoch = self.state().epoch;
        let found = holder_id(epoch, &lead.runner);
        if found != holder {
            return Err(Stopped::OtherHolder(found));
        }
        if self.processes.is_dead(&lead.runner) == Some(false) {
            return Err(Stopped::Lives(lead.runner));
        }
        self.lead(lead.wave.clone(), lead.run, Some(epoch)).await?;
        self.end(&lead.wave, Outcome::Interrupted)?;
        self.share().await?;
        Ok(true)
    }

    /// Says in the ledger that this run ended by itself. Only a run that still leads may, and not behind a record that may yet count.
    pub(crate) fn end(&mut self, wave: &WaveName, outcome: Outcome) -> Result<(), Stopped> {
        if self.uncounted {
            return Ok(());
        }
        self.record(Event::Ended { wave: wave.clone(), outcome })
    }

    /// Puts what was recorded since the last decisive record where others see it.
    pub(crate) async fn share(&mut self) -> Result<(), Stopped> {
        let Some((place, tip)) = &mut self.shared else { return Ok(()) };
        if !self.uncounted {
            *tip = push(&**place, Some(tip), &self.ledger.bytes()?).await?;
        }
        Ok(())
    }

    /// Appends a record that is not decisive.
    pub(crate) fn record(&mut self, event: Event) -> Result<(), Stopped> {
        let epoch = self.state().epoch;
        self.ledger.append(self.clock.now(), &self.settings.operator, epoch, event)?;
        Ok(())
    }

    /// Appends a decisive record and makes it count.
    pub(crate) async fn decisive(&mut self, event: Event) -> Result<(), Stopped> {
        self.decisive_at(self.state().epoch, event).await
    }

    async fn decisive_at(&mut self, epoch: Epoch, event: Event) -> Result<(), Stopped> {
        let head = self.ledger.append(self.clock.now(), &self.settings.operator, epoch, event)?;
        self.uncounted = true;
        self.publish().await?;
        let anchor = Anchor::naming(self.ledger_id.clone(), &head);
        self.make_count(&anchor).await
    }

    /// Pushes a decisive record that is on disk. Where somebody else was first, or the server does not take it, it never counted and is
    /// trimmed; where nobody knows, it stays as the last one, and the next run finds out.
    async fn publish(&mut self) -> Result<(), Stopped> {
        let Some((place, tip)) = &mut self.shared else { return Ok(()) };
        match push(&**place, Some(tip), &self.ledger.bytes()?).await {
            Ok(moved) => {
                *tip = moved;
                Ok(())
            }
            Err(SharedError::Lost) => {
                let stopped = self.beaten().await;
                self.trim()?;
                Err(stopped)
            }
            Err(error) => {
                if error.is_not_done() {
                    self.trim()?;
                }
                Err(error.into())
            }
        }
    }

    /// Somebody else's state lies at the place: another run has the lead, or somebody rewrote what was there.
    async fn beaten(&self) -> Stopped {
        let Some((place, _)) = &self.shared else { return Stopped::LeadLost };
        let before = anchor(self.systems.incoming, LEADING).await;
        let fetched = place.fetch().await;
        let after = anchor(self.systems.incoming, LEADING).await;
        match (before, fetched, after) {
            (Ok(before), Ok(there), Ok(after)) if before == after => {
                let Some(there) = there else { return SharedError::Missing.into() };
                match chain(&there.bytes) {
                    Ok(remote) => match judge_shared(None, remote.standing(), after.as_ref().map(|seen| &seen.anchor)) {
                        SharedStanding::Sound(_) => Stopped::LeadLost,
                        unsound => Stopped::NotShared(unsound),
                    },
                    Err(error) => error.into(),
                }
            }
            _ => Stopped::LeadLost,
        }
    }

    fn trim(&mut self) -> Result<(), Stopped> {
        self.ledger.trim_last()?;
        self.uncounted = false;
        Ok(())
    }

    /// A record that is not anchored never counted, unless it is where others see it: then the next run anchors it.
    fn trim_own(&mut self) -> Result<(), Stopped> {
        if self.shared.is_none() { self.trim() } else { Ok(()) }
    }

    /// Moves the anchor to a record that is on disk. Where it went elsewhere the record never counted and is trimmed.
    async fn make_count(&mut self, to: &Anchor) -> Result<(), Stopped> {
        self.uncounted = true;
        let error = match self.systems.incoming.move_anchor(self.anchor, to).await {
            Ok(version) => {
                self.anchor = Some(version);
                self.uncounted = false;
                return Ok(());
            }
            Err(error) => error,
        };
        // A refusal and a lost answer are told apart by looking, never assumed.
        match self.systems.incoming.anchor().await {
            Sighting::Present(seen) if &seen.anchor == to => {
                self.anchor = Some(seen.version);
                self.uncounted = false;
                Ok(())
            }
            Sighting::Present(seen) if Some(seen.version) != self.anchor => {
                self.trim_own()?;
                Err(Stopped::LeadLost)
            }
            Sighting::Absent if self.anchor.is_some() => {
                self.trim_own()?;
                Err(Stopped::Unsound(Standing::AnchorSetBack))
            }
            // The anchor is where it was: the record stays, unanchored, and the next run anchors it again, unless the store
            // said for certain that it will not take it.
            _ => {
                if error.effect == Effect::NotDone && error.kind != PortErrorKind::Throttled {
                    self.trim_own()?;
                }
                Err(Stopped::Port { step: LEADING, error })
            }
        }
    }

    /// Re-checks that this run still leads; every effect is preceded by it.
    pub(crate) async fn still_leading(&self, step: Where) -> Result<(), Stopped> {
        match self.systems.incoming.anchor().await {
            Sighting::Present(seen) if Some(seen.version) == self.anchor => Ok(()),
            Sighting::Present(_) | Sighting::Absent => Err(Stopped::LeadLost),
            Sighting::Unknown(error) | Sighting::Unreadable(error) => Err(Stopped::Port { step, error }),
        }
    }

    /// Stops here if the operator asked for it.
    pub(crate) fn pause(&self, step: Where) -> Result<(), Stopped> {
        if self.interrupt.requested() { Err(Stopped::Interrupted(step)) } else { Ok(()) }
    }
}
