//! A session on a ledger: opened against its anchor, leading or not, making decisive records count.

use migrate_core::{
    handover::{
        Event, Handover, Outcome, RunKind, Runner,
        judge::{Takeover, takeover},
    },
    id::{Epoch, LedgerId, TargetVersion, WaveName},
    ledger::{Anchor, Standing, judge},
    observed::{Mark, Sighting},
    ports::{Effect, PortErrorKind},
};

use crate::{
    LedgerFile,
    error::{Stopped, Where},
    rim::{Clock, Interrupt, Pace, Processes, Progress, Systems},
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
    /// The epoch of a predecessor that the operator says is dead.
    pub predecessor_dead: Option<Epoch>,
}

/// A ledger that is open for writing and agrees with its anchor.
pub struct Session<'a> {
    pub(crate) systems: Systems<'a>,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) progress: &'a dyn Progress,
    pub(crate) interrupt: Interrupt,
    pub(crate) settings: SessionSettings,
    pub(crate) ledger: LedgerFile,
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
        ledger: LedgerFile,
        clock: &'a dyn Clock,
        progress: &'a dyn Progress,
        processes: &'a dyn Processes,
        interrupt: Interrupt,
        settings: SessionSettings,
    ) -> Result<Self, Stopped> {
        let Some(ledger_id) = ledger.state().ledger.clone() else {
            return Err(Stopped::Refused(migrate_core::handover::Refusal::Creation));
        };
        let mut session =
            Self { systems, clock, progress, interrupt, settings, ledger, ledger_id, processes, anchor: None, uncounted: false };
        let seen = match systems.incoming.anchor().await {
            Sighting::Present(seen) => Some(seen),
            Sighting::Absent => None,
            Sighting::Unknown(error) | Sighting::Unreadable(error) => {
                return Err(Stopped::Port { step: OPENING, error });
            }
        };
        session.anchor = seen.as_ref().map(|seen| seen.version);
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
        let dead = self.settings.predecessor_dead;
        if let Takeover::MayLive { epoch, runner } = takeover(self.state(), |runner| self.processes.is_dead(runner), dead) {
            return Err(Stopped::MayLive { epoch, runner });
        }
        let epoch = self.state().epoch.raised();
        let declared_dead = dead.filter(|dead| *dead == self.state().epoch);
        let event = Event::Lead { wave: wave.clone(), run, runner: self.settings.runner.clone(), declared_dead };
        self.decisive_at(epoch, event).await
    }

    /// Says in the ledger that this run ended by itself. Only a run that still leads may, and not behind a record that may yet count.
    pub(crate) fn end(&mut self, wave: &WaveName, outcome: Outcome) -> Result<(), Stopped> {
        if self.uncounted {
            return Ok(());
        }
        self.record(Event::Ended { wave: wave.clone(), outcome })
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
        let anchor = Anchor::naming(self.ledger_id.clone(), &head);
        self.make_count(&anchor).await
    }

    fn trim(&mut self) -> Result<(), Stopped> {
        self.ledger.trim_last()?;
        self.uncounted = false;
        Ok(())
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
                self.trim()?;
                Err(Stopped::LeadLost)
            }
            Sighting::Absent if self.anchor.is_some() => {
                self.trim()?;
                Err(Stopped::Unsound(Standing::AnchorSetBack))
            }
            // The anchor is where it was: the record stays, unanchored, and the next run anchors it again, unless the store
            // said for certain that it will not take it.
            _ => {
                if error.effect == Effect::NotDone && error.kind != PortErrorKind::Throttled {
                    self.trim()?;
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
