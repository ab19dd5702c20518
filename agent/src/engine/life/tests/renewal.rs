//! Certificates over the years (rules I2 and I3).

use super::*;
use crate::engine::certificates::{RenewalStatus, Slot};
use crate::engine::testing::certificate_for;

#[test]
fn the_opening_of_the_window_starts_a_session_of_its_own() {
    let mut account = account();
    account.poll.sets = [(10_000_000, 0); 3];
    let mut beginning = beginning(Some(account), Progress::default(), 1);
    beginning.certificates.active = Some(certificate_for(365));
    let now = Now { boot_ms: 0, wall: NOW };
    let mut world = World { life: Life::new(beginning, now), now };
    assert_eq!(world.next(), Some((323 * DAY, TimerReason::CertificateRenewal)));
    world.wait();
    let (plan, follow) = world.hold(Ended::Completed, None);
    assert!(plan.triggers.contains(Trigger::CertificateDue) && follow.renew);
}

#[test]
fn a_certificate_that_came_back_dated_is_not_renewed_at_once() {
    let mut account = account();
    account.poll.sets = [(10_000_000, 0); 3];
    account.renew_period_days = 365;
    let mut beginning = beginning(Some(account), Progress::default(), 1);
    // As several servers issue it: valid for a year, of which half is over when the device enrolls.
    let dated = CertificateTerms { not_before: NOW - 180 * DAY, not_after: NOW + 184 * DAY, ..certificate_for(365) };
    beginning.certificates.active = Some(dated);
    let now = Now { boot_ms: 0, wall: NOW };
    let mut world = World { life: Life::new(beginning, now), now };
    assert_eq!(world.next(), Some((92 * DAY, TimerReason::CertificateRenewal)));
    assert!(!world.ask(Ended::Completed, None).1.renew);
    // The next one counts from when it is put in use, not from the enrollment.
    world.pass(92 * DAY);
    world.life.renewal_succeeded(CertificateTerms { not_after: NOW + 276 * DAY, ..dated });
    world.hold(Ended::Completed, None);
    assert_eq!(world.life.renewal_opens(), Some(NOW + 184 * DAY));
}

#[test]
fn a_new_certificate_speaks_in_the_next_session_and_is_promoted_by_it() {
    let mut world = World::with(certificate_for(365));
    world.pass(330 * DAY);
    let (plan, follow) = world.ask(Ended::Completed, None);
    assert_eq!((plan.slot, follow.renew), (Slot::Active, true));
    world.life.renewal_begins(world.now);
    let renewed = CertificateTerms { not_after: NOW + 700 * DAY, ..certificate_for(365) };
    world.life.renewal_succeeded(renewed);
    let (plan, follow) = world.hold(Ended::Completed, None);
    assert_eq!((plan.slot, follow.promote, follow.renew), (Slot::Pending, true, false));
    assert_eq!((world.life.certificates().active, world.life.certificates().pending), (Some(renewed), None));
    let renewal = world.life.progress().renewal;
    assert_eq!((renewal.status, renewal.unreported), (RenewalStatus::Succeeded, true));
}

#[test]
fn a_renewal_that_fails_changes_nothing_and_waits_for_its_interval() {
    let mut world = World::with(certificate_for(365));
    world.pass(323 * DAY + 1);
    assert!(world.ask(Ended::Completed, None).1.renew);
    world.life.renewal_begins(world.now);
    world.life.renewal_failed(0x8018_0016);
    assert_eq!(world.life.progress().renewal.status, RenewalStatus::Failed);
    assert!(!world.ask(Ended::Completed, None).1.renew);
    world.pass(8 * DAY);
    assert!(world.ask(Ended::Completed, None).1.renew);
}

#[test]
fn a_new_certificate_that_is_refused_gives_way_to_the_old_one_and_is_given_up_after_three_refusals() {
    let mut world = World::with(certificate_for(365));
    world.pass(330 * DAY);
    world.ask(Ended::Completed, None);
    world.life.renewal_begins(world.now);
    world.life.renewal_succeeded(certificate_for(700));
    let mut slots = Vec::new();
    for _ in 0..5 {
        world.life.request(Trigger::User);
        let plan = world.life.begin(world.now).unwrap();
        let ended = if plan.slot == Slot::Pending { refused() } else { Ended::Completed };
        let follow = world.life.settle(&plan, Outcome { ended, told: None }, world.now);
        slots.push((plan.slot, follow.discard_pending));
    }
    use Slot::{Active, Pending};
    let expected = [(Pending, false), (Active, false), (Pending, false), (Active, false), (Pending, true)];
    assert_eq!(slots, expected);
    assert_eq!(world.life.progress().refusals, 0, "nobody disowned the device");
    assert_eq!(world.ask(Ended::Completed, None).0.slot, Active);
}

#[test]
fn who_refuses_everybody_costs_no_certificate() {
    let mut world = World::with(certificate_for(365));
    world.pass(330 * DAY);
    world.ask(Ended::Completed, None);
    world.life.renewal_begins(world.now);
    world.life.renewal_succeeded(certificate_for(700));
    for _ in 0..20 {
        assert!(!world.ask(refused(), None).1.discard_pending);
    }
    assert!(world.life.certificates().pending.is_some());
}

#[test]
fn a_clock_that_was_ahead_at_enrolment_still_renews_in_the_servers_window() {
    let mut world =
        World::with(CertificateTerms { not_before: NOW - 60 * DAY, not_after: NOW + 305 * DAY, ..certificate() });
    world.life.confirm_time(NOW - 60 * DAY, world.now);
    world.pass(340 * DAY);
    assert!(world.ask(Ended::Completed, None).1.renew, "by the server's clock it is in its window");
}

#[test]
fn a_recovery_goes_where_the_server_says() {
    let mut world = World::new();
    world.ask(Ended::Completed, Some(&told("Contoso", OTHER)));
    world.hold(Ended::Completed, Some(&told("Contoso", OTHER)));
    assert_eq!(world.life.home(), OTHER);
    let account = world.life.account().cloned().unwrap();
    let certificates = *world.life.certificates();
    world.life.recovered(account, certificates);
    assert_eq!(world.life.home(), crate::engine::testing::SERVER);
}

#[test]
fn an_order_of_the_server_renews_at_once_and_only_once() {
    let mut world = World::with(certificate_for(365));
    let order = Told { renew_now: true, ..Told::default() };
    assert!(world.ask(Ended::Completed, Some(&order)).1.renew);
    world.life.renewal_begins(world.now);
    world.life.renewal_failed(1);
    assert!(!world.ask(Ended::Completed, None).1.renew);
}

#[test]
fn s46_a_device_that_is_left_alone_for_a_thousand_days_always_has_a_valid_certificate() {
    let mut world = World::with(certificate_for(90));
    let mut renewals = 0;
    while world.age() < 1000 * DAY {
        world.wait();
        let active = world.life.certificates().active.unwrap();
        assert!(active.not_after > world.now.wall, "no valid certificate at day {}", world.age() / DAY);
        let Some(plan) = world.life.begin(world.now) else { continue };
        let follow = world.life.settle(&plan, Outcome { ended: Ended::Completed, told: None }, world.now);
        if follow.renew {
            world.life.renewal_begins(world.now);
            let terms =
                CertificateTerms { not_before: world.now.wall, not_after: world.now.wall + 90 * DAY, ..certificate() };
            world.life.renewal_succeeded(terms);
            renewals += 1;
        }
    }
    assert!((18..=22).contains(&renewals), "{renewals} renewals");
}

#[test]
fn an_expired_identity_is_a_state_that_a_recovery_ends() {
    let mut world = World::with(certificate_for(30));
    world.pass(31 * DAY);
    assert!(world.life.is_expired(world.now));
    world.ask(refused(), None);
    assert_eq!(world.next().map(|(_, reason)| reason), Some(TimerReason::ScheduledCheckIn), "no retries");
    let account = world.life.account().cloned().unwrap();
    let active = CertificateTerms { not_after: world.now.wall + 365 * DAY, ..certificate() };
    world.life.recovered(account, Certificates { active: Some(active), pending: None });
    assert!(!world.life.is_expired(world.now));
    let (plan, _) = world.hold(Ended::Completed, None);
    assert!(plan.triggers.contains(Trigger::Enrolment));
    assert_eq!(world.life.progress().failures, 0);
}

#[test]
fn an_identity_that_has_expired_only_by_a_clock_that_nobody_confirmed_goes_on_trying() {
    let now = Now { boot_ms: 0, wall: NOW + 4000 * DAY };
    let mut beginning = beginning(Some(account()), Progress { rebuilt_unreported: true, ..Progress::default() }, 1);
    beginning.certificates.active = Some(certificate_for(365));
    let mut world = World { life: Life::new(beginning, now), now };
    assert!(world.life.is_expired(world.now), "by every clock, after the store was lost");
    world.life.collect_due(world.now);
    world.ask(failed(), None);
    assert_eq!(world.next().map(|(_, reason)| reason), Some(TimerReason::Retry), "the connection broke");
    world.life.confirm_time(NOW, world.now);
    assert!(!world.life.is_expired(world.now));
}

#[test]
fn a_server_whose_clock_is_years_off_makes_no_certificate_expire() {
    let mut world = World::with(certificate_for(365));
    world.life.confirm_time(NOW + 4000 * DAY, world.now);
    assert!(!world.life.is_expired(world.now));
    assert!(!world.ask(Ended::Completed, None).1.renew);
    world.life.confirm_time(NOW - 4000 * DAY, world.now);
    world.pass(330 * DAY);
    assert!(world.ask(Ended::Completed, None).1.renew);
}
