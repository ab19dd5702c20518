use super::*;

const TERMS: RenewalTerms = RenewalTerms { period: 42, retry: 7 };
const YEAR: i64 = 365 * DAY;

fn of_days(days: i64) -> Certificates {
    let active =
        CertificateTerms { not_before: 0, not_after: days * DAY, thumbprint: Thumbprint::of(b"1"), key: KeyKind::P256 };
    Certificates { active: Some(active), pending: None }
}

#[test]
fn the_window_opens_as_the_terms_say_and_not_before_half_of_the_life() {
    let opens = |days, period| of_days(days).active.unwrap().window_opens(RenewalTerms { period, retry: 4 }, 0) / DAY;
    assert_eq!(opens(365, 42), 323);
    assert_eq!(opens(365, 365), 182, "365 days of 365 would renew without a pause");
    assert_eq!(opens(2, 42), 1);
}

#[test]
fn of_a_back_dated_certificate_half_of_what_remained_counts() {
    let active = of_days(365).active.unwrap();
    let opens = |period, since: i64| active.window_opens(RenewalTerms { period, retry: 4 }, since * DAY) / DAY;
    assert_eq!(opens(365, 180), 272, "185 days remained, of which the last 92 are the window");
    assert_eq!(opens(42, 180), 323, "terms that are within it count as they are");
    assert_eq!(opens(42, 355), 360);
    for wrong_clock in [-1, 365, 5000, i64::MIN / DAY] {
        assert_eq!(opens(365, wrong_clock), 182, "{wrong_clock}");
    }
    // The pauses between attempts go by it too: a tenth of what remained.
    let certificates = of_days(365);
    let tried = RenewalState { attempted: Some(360 * DAY), ..RenewalState::default() };
    let due = |since: i64, at: i64| certificates.renewal_is_due(&tried, TERMS, since * DAY, at, at);
    assert!(due(355, 361 * DAY) && !due(0, 361 * DAY - 1));
}

#[test]
fn failures_are_counted_until_a_new_certificate_is_in_use() {
    let mut state = RenewalState::default();
    state.note_failure();
    state.note_failure();
    assert_eq!((state.status, state.failures), (RenewalStatus::Failed, 2));
    state.note_promotion(7);
    assert_eq!((state.status, state.failures), (RenewalStatus::Succeeded, 0));
}

#[test]
fn renewal_is_tried_inside_the_window_at_most_every_retry_interval_unless_it_is_ordered() {
    let certificates = of_days(365);
    let due = |state: &RenewalState, at: i64| certificates.renewal_is_due(state, TERMS, 0, at, at);
    let never = RenewalState::default();
    assert!(!due(&never, 323 * DAY - 1));
    assert!(due(&never, 323 * DAY));
    let tried = RenewalState { attempted: Some(323 * DAY), ..never };
    assert!(!due(&tried, 328 * DAY));
    assert!(due(&tried, 330 * DAY));
    assert!(due(&RenewalState { forced: true, ..never }, 10 * DAY));
    // In the last tenth of its life, daily.
    let late = RenewalState { attempted: Some(340 * DAY), ..never };
    assert!(!due(&late, 341 * DAY - 1));
    assert!(due(&late, 341 * DAY));
}

#[test]
fn s47_what_is_over_is_never_renewed_by_itself() {
    let certificates = of_days(365);
    for forced in [false, true] {
        let state = RenewalState { forced, ..RenewalState::default() };
        assert!(certificates.renewal_is_due(&state, TERMS, 0, YEAR - 1, 0));
        assert!(!certificates.renewal_is_due(&state, TERMS, 0, YEAR, 0));
    }
    assert!(certificates.is_expired(YEAR) && !certificates.is_expired(YEAR - 1));
}

#[test]
fn a_new_certificate_speaks_first_and_is_given_up_after_three_refusals() {
    let mut certificates = of_days(365);
    let mut state = RenewalState::default();
    assert_eq!(certificates.slot(&state, false), Slot::Active);
    certificates.pending = certificates.active;
    assert_eq!(certificates.slot(&state, false), Slot::Pending);
    assert_eq!(certificates.slot(&state, true), Slot::Active);
    assert!(!certificates.renewal_is_due(&RenewalState { forced: true, ..state }, TERMS, 0, 0, 0), "one at a time");
    assert_eq!([state.note_refusal(), state.note_refusal(), state.note_refusal()], [false, false, true]);
    assert_eq!(state.status, RenewalStatus::Failed);
}

#[test]
fn short_lived_certificates_are_retried_often_enough() {
    let certificates = of_days(1);
    let state = RenewalState { attempted: Some(DAY / 2), ..RenewalState::default() };
    assert!(certificates.renewal_is_due(&state, TERMS, 0, DAY * 7 / 10, DAY * 7 / 10));
}
