//! The copy pipeline: with `prove`, the only code that holds values on their way.
//!
//! ```text
//!  group of members ─► copy-intended on disk
//!    ├─ batch ─► look at targets ─► read values ─► encode + prove ─► still leading? ─► stamp ─► create (older ones first) ─► read back, compare ─► wiped
//!    ├─ batch ─► …                                (several batches at once, each no more than one BatchGetSecretValue)
//!    └─ batch ─► …
//!  copied and verified on disk
//! ```
//!
//! A value lives from its batch's read to the end of that batch. Nothing grows with the number of secrets but names and versions.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt as _;
use migrate_core::{
    handover::{
        Event,
        judge::{Blocked, Obstacle, TargetVerdict, target_for_replay},
    },
    id::{TargetVersion, WaveName},
    name::{SecretName, VaultPath},
    observed::Mark,
    plan::CheckedPlan,
    ports::{Effect, PortErrorKind, Stamp, TargetWrite},
};

use crate::{
    Session,
    error::{Stopped, Where},
    prove::{Compare, Job, Outcome, Passenger, compare, encoded, prove},
    replay::{compare_older, create_older},
    steps::{COPY, VERIFY},
};

impl Session<'_> {
    /// Copies these members, or adopts the copies that an earlier run left; with `verify` each is proved while its value is in memory.
    pub(crate) async fn copy(
        &mut self,
        wave: &WaveName,
        plan: &CheckedPlan,
        members: &[SecretName],
        verify: bool,
    ) -> Result<(), Stopped> {
        for group in members.chunks(self.settings.pace.group) {
            self.pause(COPY)?;
            let names: BTreeSet<SecretName> = group.iter().cloned().collect();
            self.record(Event::CopyIntended { wave: wave.clone(), members: names })?;
            let jobs = self.jobs(wave, plan, group);
            let mark = self.mark(wave);
            let mut results = self.batches(&jobs, |batch| self.copy_batch(batch, &mark, verify)).await;
            let copied: BTreeMap<SecretName, TargetVersion> =
                results.done.iter().map(|(job, target)| (job.name.clone(), *target)).collect();
            if !copied.is_empty() {
                self.record(Event::Copied { wave: wave.clone(), members: copied })?;
                if verify {
                    self.record_verified(wave, COPY, &results.done).await?;
                }
            }
            self.finish_group(wave, COPY, &mut results)?;
        }
        Ok(())
    }

    /// Proves these copies equal to their sources.
    pub(crate) async fn verify(&mut self, wave: &WaveName, plan: &CheckedPlan, members: &[SecretName]) -> Result<(), Stopped> {
        for group in members.chunks(self.settings.pace.group) {
            self.pause(VERIFY)?;
            let jobs = self.jobs(wave, plan, group);
            let mark = self.mark(wave);
            let mut results =
                self.batches(&jobs, |batch| async { Ok(prove(self.systems, batch, &mark, Compare::Created).await) }).await;
            if !results.done.is_empty() {
                self.record_verified(wave, VERIFY, &results.done).await?;
            }
            self.finish_group(wave, VERIFY, &mut results)?;
        }
        Ok(())
    }

    async fn record_verified(&mut self, wave: &WaveName, step: Where, done: &[(&Job, TargetVersion)]) -> Result<(), Stopped> {
        let names: Vec<SecretName> = done.iter().map(|(job, _)| job.name.clone()).collect();
        self.still_closed(wave, step, &names).await?;
        let members = done.iter().map(|(job, target)| (job.name.clone(), (job.version.clone(), *target))).collect();
        self.record(Event::Verified { wave: wave.clone(), members })
    }

    fn finish_group(&mut self, wave: &WaveName, step: Where, results: &mut Results<'_>) -> Result<(), Stopped> {
        if let Some(stopped) = results.stopped.take() {
            return Err(stopped);
        }
        let blocked = std::mem::take(&mut results.blocked);
        // A source that has another version than the settled one was written behind its fence.
        if blocked.iter().any(|blocked| blocked.obstacle == Obstacle::SourceMoved) {
            return self.stop_or_violated(wave, step, blocked);
        }
        crate::steps::stop_if_any(step, blocked)
    }

    /// Runs batches concurrently, bounded. Once a store stops answering, or a stop is asked for, no new batch is begun.
    async fn batches<'j, F, Fut>(&self, jobs: &'j [Job], run: F) -> Results<'j>
    where
        F: Fn(&'j [Job]) -> Fut,
        Fut: Future<Output = Result<Vec<Outcome>, Stopped>>,
    {
        let mut results = Results::default();
        let mut waiting = jobs.chunks(self.settings.pace.batch);
        let mut running = futures::stream::FuturesUnordered::new();
        loop {
            while running.len() < self.settings.pace.batches && !results.halts() && !self.interrupt.requested() {
                let Some(batch) = waiting.next() else { break };
                let future = run(batch);
                running.push(async move { (batch, future.await) });
            }
            let Some((batch, outcome)) = running.next().await else { break };
            match outcome {
                Ok(outcomes) => {
                    for (job, outcome) in batch.iter().zip(outcomes) {
                        match outcome {
                            Ok(target) => results.done.push((job, target)),
                            Err(obstacle) => results.blocked.push(Blocked { name: job.name.clone(), obstacle }),
                        }
                    }
                    self.progress.advance(batch.len());
                }
                Err(stopped) => results.stopped = Some(stopped),
            }
        }
        results
    }

    async fn copy_batch(&self, jobs: &[Job], mark: &Mark, verify: bool) -> Result<Vec<Outcome>, Stopped> {
        let paths: Vec<VaultPath> = jobs.iter().map(|job| job.path.clone()).collect();
        let (targets, values) = futures::join!(self.systems.incoming.describe(&paths), encoded(self.systems, jobs));
        let mut passengers = Vec::new();
        let mut outcomes: Vec<Option<Outcome>> = Vec::new();
        // Whole copies, those of which a part of the history stands, and what is not there yet.
        let (mut adopt, mut part, mut create) = (Vec::new(), Vec::new(), Vec::new());
        for ((at, job), (target, encoded)) in jobs.iter().enumerate().zip(targets.iter().zip(values)) {
            let verdict = target_for_replay(mark, job.newest(), target).and_then(|verdict| Ok((verdict, encoded?)));
            match verdict {
                Ok((verdict, encoded)) => {
                    let (list, standing) = match verdict {
                        TargetVerdict::Create => (&mut create, 0),
                        TargetVerdict::Adopt(version) if version == job.newest() => (&mut adopt, version.0),
                        TargetVerdict::Adopt(version) => (&mut part, version.0),
                    };
                    list.push(passengers.len());
                    passengers.push((at, Passenger { job, encoded, standing, outcome: None }));
                    outcomes.push(None);
                }
                Err(obstacle) => outcomes.push(Some(Err(obstacle))),
            }
        }
        // A copy that an earlier run left is compared before it is stamped: what is not equal is not ours to stamp.
        let old: Vec<usize> = adopt.iter().chain(&part).copied().collect();
        compare_older(self.systems, &mut passengers, &old, mark, Compare::Adopting).await;
        adopt.retain(|at| passengers[*at].1.outcome.is_none());
        compare(self.systems, &mut passengers, &adopt, mark, Compare::Adopting).await;
        create.extend(part);
        let sound = |at: &usize| !matches!(passengers[*at].1.outcome, Some(Err(_)));
        let stamped: Vec<usize> = adopt.iter().chain(&create).copied().filter(sound).collect();
        self.still_leading(COPY).await?;
        self.stamp(&mut passengers, &stamped, mark).await;
        create_older(self.systems, &mut passengers, &create, mark).await;
        create.retain(|at| passengers[*at].1.outcome.is_none());
        let uncertain = self.create(&mut passengers, &create).await;
        // Where an answer was lost, looking tells; and what is verified is read back in any case.
        compare(self.systems, &mut passengers, &uncertain, mark, Compare::AfterLostAnswer).await;
        if verify {
            let fresh: Vec<usize> =
                create.iter().copied().filter(|at| matches!(passengers[*at].1.outcome, Some(Ok(_)))).collect();
            compare(self.systems, &mut passengers, &fresh, mark, Compare::Created).await;
            for at in &fresh {
                passengers[*at].1.standing = passengers[*at].1.job.newest().0;
            }
            compare_older(self.systems, &mut passengers, &fresh, mark, Compare::Created).await;
        }
        for (at, passenger) in passengers {
            outcomes[at] = passenger.outcome;
        }
        Ok(outcomes.into_iter().map(|outcome| outcome.unwrap_or(Err(Obstacle::TargetMoved))).collect())
    }

    async fn stamp(&self, passengers: &mut [(usize, Passenger<'_>)], which: &[usize], mark: &Mark) {
        let stamps: Vec<Stamp> = which
            .iter()
            .map(|at| {
                let job = passengers[*at].1.job;
                Stamp {
                    path: job.path.clone(),
                    mark: mark.clone(),
                    source: (job.source.clone(), job.version.clone()),
                    encoding: job.choice.encoding.to_string(),
                    carried: job.carried.clone(),
                }
            })
            .collect();
        if stamps.is_empty() {
            return;
        }
        for (at, result) in which.iter().zip(self.systems.incoming.stamp(&stamps).await) {
            if let Err(error) = result {
                passengers[*at].1.outcome = Some(Err(Obstacle::of_effect(&error)));
            }
        }
    }

    /// Creates each entry; returns those of which only a look can tell whether they stand.
    async fn create(&self, passengers: &mut [(usize, Passenger<'_>)], which: &[usize]) -> Vec<usize> {
        if which.is_empty() {
            return Vec::new();
        }
        let writes: Vec<TargetWrite<'_>> = which.iter().map(|at| latest(&passengers[*at].1)).collect();
        let results = self.systems.incoming.create(&writes).await;
        let mut uncertain = Vec::new();
        for (at, result) in which.iter().zip(results) {
            match result {
                Ok(version) => passengers[*at].1.outcome = Some(Ok(version)),
                Err(error) if error.effect == Effect::Unknown || error.kind == PortErrorKind::Conflict => {
                    uncertain.push(*at);
                }
                Err(error) => passengers[*at].1.outcome = Some(Err(Obstacle::of_effect(&error))),
            }
        }
        uncertain
    }
}

/// The current value, after the older ones.
fn latest<'p>(passenger: &'p Passenger<'_>) -> TargetWrite<'p> {
    let older = passenger.job.history.len() as u64;
    TargetWrite { path: &passenger.job.path, value: &passenger.encoded, after: (older > 0).then_some(TargetVersion(older)) }
}

/// What the batches of a group gave.
#[derive(Default)]
struct Results<'j> {
    done: Vec<(&'j Job, TargetVersion)>,
    blocked: Vec<Blocked>,
    stopped: Option<Stopped>,
}

impl Results<'_> {
    fn halts(&self) -> bool {
        self.stopped.is_some() || self.blocked.iter().any(|blocked| blocked.obstacle.may_pass())
    }
}
