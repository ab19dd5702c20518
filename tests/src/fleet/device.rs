//! One device: the agent's own [`Life`], what the tenant knows of the device, and where the device is. It carries what
//! happens from one to the other in the order of time, and decides nothing that either of them decides.

use mdm_agent::engine::life::{Beginning, Life, Plan};
use mdm_agent::engine::profile::RetentionRules;
use mdm_agent::engine::progress::{Confirmation, Progress};
use mdm_agent::engine::{Now, TimerReason};
use mdm_sim_server::tenant::life::{Authority, DeviceLife, UserStanding};

use super::diary::Diary;
use super::holdings::{Holdings, Kinds};
use super::incident::Incidents;
use super::link::{Link, Place};
use super::scenario::Matter;
use super::tally::{By, Tally, Violation};
use super::time::{DAY_MS, HOUR_MS, Moment, NEVER, SECOND_MS, utc};
use super::watch::Watch;
use super::world::{Known, World};

/// What the boot clock shows when the agent starts.
const START_UP_MS: u64 = 20 * SECOND_MS;
/// Things that may happen at one and the same moment before it counts as going round in circles.
const MOST_AT_ONCE: u32 = 100;
/// For how long after a block a certificate may end: attempts to renew it are repeated after four days.
const RENEWED_WITHIN_MS: u64 = 10 * DAY_MS;

/// Where everything that happens is looked up and written down.
#[derive(Debug)]
pub struct Context<'a> {
    /// What all devices share.
    pub world: &'a World<'a>,
    /// What is counted.
    pub tally: &'a mut Tally,
    /// What is told of one device.
    pub diary: &'a mut Diary,
}

/// What the agent is doing.
#[derive(Debug, Clone, Copy)]
pub(super) enum Phase {
    /// Nothing.
    Idle,
    /// It holds a session.
    Session { plan: Plan, ends: Moment, fate: Fate },
    /// It renews its certificate.
    Renewing { ends: Moment, fate: Fate },
}

/// How what is under way will end, as far as the network is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Everything arrives.
    Arrives,
    /// The last answer is lost: the server has done its part, and the device does not know.
    AnswerLost,
    /// The connection breaks before anything has come of it.
    Breaks,
    /// There is no network.
    NoNetwork,
    /// The server does not answer.
    Unreachable,
}

/// One device.
#[derive(Debug)]
pub struct Device {
    pub(super) id: u64,
    pub(super) now: Moment,
    pub(super) life: Life,
    pub(super) phase: Phase,
    /// What the tenant knows of it.
    pub(super) record: DeviceLife,
    pub(super) owner: Option<UserStanding>,
    /// What the tenant has set on it.
    pub(super) known: Known,
    pub(super) holdings: Holdings,
    pub(super) link: Link,
    pub(super) random: fastrand::Rng,
    /// Which boot it is, and when it was.
    pub(super) boot: (u64, Moment),
    /// What the wall clock shows too much, in seconds.
    pub(super) wall_ahead: i64,
    /// When the ring of the change comes.
    pub(super) ring: Moment,
    /// Whether it was missed, and comes when the device is online again.
    pub(super) ring_waits: bool,
    /// Since when a check-in is due.
    pub(super) wanted: Option<Moment>,
    /// How it heard of the change.
    pub(super) heard_by: Option<By>,
    pub(super) watch: Watch,
    /// What else happens to it; most devices have nothing.
    pub(super) incidents: Option<Box<Incidents>>,
}

impl Device {
    /// A device that enrols; `None` if the tenant does not admit its user.
    pub fn enrol(id: u64, context: &mut Context<'_>) -> Option<Self> {
        let scenario = context.world.scenario();
        let mut random = scenario.random(id, Matter::Device);
        let now = random.u64(..scenario.enrolment_ms.max(1));
        let mode = context.world.mode(now);
        let owner = scenario.owner(id);
        let admitted = mode.enrols_under(owner).filter(|_| owner.is_none_or(|owner| mode.admits(owner)));
        let Some(authority) = admitted else {
            context.tally.not_admitted += 1;
            return None;
        };
        let ring = if scenario.lose_rings {
            NEVER
        } else {
            context.world.change_after(now).saturating_add(random.u64(super::presence::RINGS_WITHIN_MS))
        };
        let certificate = super::certificate::issue(now, scenario.certificate_days);
        let mut device = Self {
            id,
            now,
            life: Life::new(beginning(scenario.seed_of(id, Matter::Agent)), at_boot(now)),
            phase: Phase::Idle,
            record: DeviceLife::enrolled(authority, utc(now), certificate.not_before, certificate.not_after),
            owner,
            known: Known::default(),
            holdings: Holdings::default(),
            link: Link::new(scenario, id, now),
            random,
            boot: (1, now),
            wall_ahead: 0,
            ring,
            ring_waits: false,
            wanted: None,
            heard_by: None,
            watch: Watch::default(),
            incidents: Incidents::new(scenario, id, now),
        };
        let certificates = super::certificate::in_use(certificate);
        device.life.enrolled(std::sync::Arc::clone(context.world.account(authority)), certificates, device.clocks());
        context.tally.devices += 1;
        context.diary.note(now, || format!("enrols with {authority}"));
        device.begin_what_is_due(context);
        Some(device)
    }

    /// Lives on until a moment, or until something does not hold.
    pub fn live_until(&mut self, end: Moment, context: &mut Context<'_>) {
        let mut at_once = 0;
        while let Some(next) = Some(self.next_moment()).filter(|next| *next < end) {
            at_once = if next == self.now { at_once + 1 } else { 0 };
            self.now = next;
            context.tally.events += 1;
            let held = self.judge(context).and_then(|()| {
                let is_stuck = at_once > MOST_AT_ONCE;
                if is_stuck { Err("the agent goes round in circles".to_owned()) } else { self.go_on(context) }
            });
            if let Err(what) = held {
                context.diary.note(next, || format!("VIOLATION: {what}"));
                context.tally.note_violation(Violation { moment: next, device: self.id, what });
                return;
            }
            if self.link.place() == Place::Gone {
                return;
            }
        }
    }

    /// What both clocks of the machine show.
    pub(super) fn clocks(&self) -> Now {
        Now { boot_ms: self.now - self.boot.1 + START_UP_MS, wall: utc(self.now) + self.wall_ahead }
    }

    /// When the next thing happens.
    fn next_moment(&self) -> Moment {
        let own = match self.phase {
            Phase::Session { ends, .. } | Phase::Renewing { ends, .. } => ends,
            Phase::Idle if self.link.place().is_awake() => self.deadline().map_or(NEVER, |(at, _)| at.max(self.now)),
            Phase::Idle => NEVER,
        };
        let incident = self.incidents.as_ref().map_or(NEVER, |incidents| incidents.next);
        own.min(self.ring).min(self.link.until()).min(incident)
    }

    /// When the agent wants to be woken, which may be over, and what for.
    fn deadline(&self) -> Option<(Moment, TimerReason)> {
        let (at, reason) = self.life.next_deadline()?;
        let ahead = at.saturating_sub(self.life.clock().read_ms(self.clocks()));
        Some((self.now.saturating_add_signed(ahead), reason))
    }

    fn go_on(&mut self, context: &mut Context<'_>) -> Result<(), String> {
        if self.link.until() <= self.now {
            self.change_place(context);
        } else if self.incidents.as_ref().is_some_and(|incidents| incidents.next <= self.now) {
            self.incident_happens(context)?;
        } else if self.ring <= self.now {
            self.ring_comes(context);
        } else {
            match self.phase {
                Phase::Session { plan, fate, .. } => self.end_session(&plan, fate, context)?,
                Phase::Renewing { fate, .. } => self.end_renewal(fate, context),
                Phase::Idle => {
                    let due = self.deadline().filter(|(_, reason)| is_check_in(*reason));
                    self.wanted = self.wanted.or(due.map(|(at, _)| at.min(self.now)));
                    self.life.collect_due(self.clocks());
                }
            }
        }
        if self.link.place().is_awake() {
            self.begin_what_is_due(context);
            self.sweep_what_is_due(context)?;
        }
        Ok(())
    }

    fn begin_what_is_due(&mut self, context: &mut Context<'_>) {
        if let Phase::Idle = self.phase
            && let Some(plan) = self.life.begin(self.clocks())
        {
            self.begin_session(plan, context);
        }
    }

    fn judge(&mut self, context: &Context<'_>) -> Result<(), String> {
        self.watch.judge(&self.link, self.now)?;
        let certificates = self.life.certificates();
        let ends = certificates.active.into_iter().chain(certificates.pending).map(|known| known.not_after).max();
        let blocked_until = self.incidents.as_ref().map_or(0, |incidents| incidents.blocked_until);
        let excused = self.record.blocked || self.now < blocked_until + RENEWED_WITHIN_MS;
        self.watch.judge_certificate(ends.unwrap_or(i64::MIN), excused, &self.link, self.now)?;
        let changed = context.world.changed(self.now);
        if self.now <= changed + 8 * HOUR_MS {
            return Ok(());
        }
        let due = self.due_authority(context);
        let outage = &context.world.scenario().outage;
        let incident = self.incidents.as_ref().map_or(0, |incidents| incidents.last);
        let since = changed.max(if outage.start < self.now { outage.end } else { 0 }).max(incident);
        if due != self.record.authority {
            self.watch.judge_move(&self.link, since, self.now)?;
        } else if self.incidents.is_some() {
            let lacks = context.world.assigned(due).without(self.holdings.of(due)) != Kinds::NONE;
            self.watch.judge_lack(lacks, &self.link, since, self.now)?;
        }
        Ok(())
    }

    /// Writes down where the agent stands, so that a restart goes on from there.
    pub(super) fn keep(&mut self) {
        let progress = self.life.keep(self.clocks());
        if let Some(incidents) = &mut self.incidents {
            incidents.keep(progress);
        }
    }

    /// What the tenant knows of it.
    pub fn record(&self) -> &DeviceLife {
        &self.record
    }

    /// Where it is.
    pub fn place(&self) -> Place {
        self.link.place()
    }

    /// The authority that should manage it.
    pub(super) fn due_authority(&self, context: &Context<'_>) -> Authority {
        mdm_sim_server::tenant::life::effective(context.world.mode(self.now), self.owner, &self.record)
    }

    /// How many bytes its state takes, on the heap as well.
    pub fn state_bytes(&self) -> usize {
        let progress = self.life.progress();
        let ring = progress.push.last_ring.as_ref().map_or(0, String::capacity);
        let moving = progress.authority.moving.as_ref().map_or(0, |moving| {
            size_of_val(&**moving) + moving.addresses.capacity() * size_of::<std::sync::Arc<str>>()
        });
        size_of::<Self>() + progress.confirmations.capacity() * size_of::<Confirmation>() + ring + moving
    }
}

/// A machine that no agent has run on.
fn beginning(seed: u64) -> Beginning {
    Beginning {
        account: None,
        progress: Progress::default(),
        certificates: mdm_agent::engine::certificates::Certificates::default(),
        boot: 1,
        retention: RetentionRules::default(),
        seed,
    }
}

fn at_boot(now: Moment) -> Now {
    Now { boot_ms: START_UP_MS, wall: utc(now) }
}

fn is_check_in(reason: TimerReason) -> bool {
    match reason {
        TimerReason::ScheduledCheckIn
        | TimerReason::Retry
        | TimerReason::DelayedCheckIn
        | TimerReason::CertificateRenewal
        | TimerReason::LastChance
        | TimerReason::GracePeriod
        | TimerReason::UnfinishedFarewell => true,
        TimerReason::RetentionWarning
        | TimerReason::Retention
        | TimerReason::CertificateRequest
        | TimerReason::ConfigRefresh
        | TimerReason::KeepAlive => false,
    }
}
