//! The lines of the page that one device's life can show.

use super::*;

const NOW: i64 = 1_800_000_000;
const LICENSED: UserStanding = UserStanding { entitled: true, co_managed: false };
const CO_MANAGED: UserStanding = UserStanding { entitled: false, co_managed: true };
const BASIC: UserStanding = UserStanding { entitled: false, co_managed: false };

fn life(authority: Authority) -> DeviceLife {
    let mut life = DeviceLife::enrolled(authority, NOW, NOW, NOW + 365 * DAY);
    told(&mut life, authority);
    completed(&mut life, authority, NOW);
    life
}

#[test]
fn s8_s9_s29_the_user_decides_in_coexistence() {
    let device = life(Authority::Office365);
    for (owner, expected) in
        [(BASIC, Authority::Office365), (LICENSED, Authority::Intune), (CO_MANAGED, Authority::Intune)]
    {
        assert_eq!(effective(TenantMode::Coexistence, Some(owner), &device), expected);
    }
}

#[test]
fn s10_a_licence_switches_a_device_with_its_next_completed_session() {
    let mut device = life(Authority::Office365);
    let answer = on_check_in(TenantMode::Coexistence, Some(LICENSED), &device, Authority::Office365);
    assert_eq!(answer, CheckInAnswer::Move(Authority::Intune));
    assert_eq!(registration(TenantMode::Coexistence, Some(LICENSED), &device), Registration::Moving);
    told(&mut device, Authority::Intune);
    let answer = on_check_in(TenantMode::Coexistence, Some(LICENSED), &device, Authority::Intune);
    let arrived = CheckInAnswer::Home { newly_arrived: true, remove_former: true, tell: Telling::Nothing };
    assert_eq!(answer, arrived);
    completed(&mut device, Authority::Intune, NOW + 9);
    assert_eq!(registration(TenantMode::Coexistence, Some(LICENSED), &device), Registration::Registered);
    let answer = on_check_in(TenantMode::Coexistence, Some(LICENSED), &device, Authority::Intune);
    assert_eq!(answer, CheckInAnswer::Home { newly_arrived: false, remove_former: false, tell: Telling::Nothing });
}

#[test]
fn s25_a_device_without_a_user_keeps_its_authority() {
    for mode in [TenantMode::Intune, TenantMode::CoManagement, TenantMode::Coexistence] {
        assert_eq!(effective(mode, None, &life(Authority::Office365)), Authority::Office365);
    }
}

#[test]
fn s37_bms_cannot_be_unprovisioned() {
    for from in [TenantMode::Office365, TenantMode::Coexistence] {
        assert_eq!(from.set(TenantMode::CoManagement), Err(TransitionRefusal::BmsStays));
    }
    assert_eq!(TenantMode::Coexistence.set(TenantMode::Intune), Err(TransitionRefusal::BmsStays));
    assert_eq!(TenantMode::Coexistence.set(TenantMode::Office365), Err(TransitionRefusal::BmsStays));
    assert_eq!(TenantMode::Intune.set(TenantMode::Office365), Err(TransitionRefusal::IntuneStays));
}

#[test]
fn s41_adding_intune_to_office_365_enables_coexistence() {
    assert_eq!(TenantMode::Office365.set(TenantMode::Intune), Ok(TenantMode::Coexistence));
}

#[test]
fn s49_the_authority_cannot_go_back_to_unknown() {
    for from in [TenantMode::Intune, TenantMode::CoManagement, TenantMode::Office365, TenantMode::Coexistence] {
        assert_eq!(from.set(TenantMode::Unknown), Err(TransitionRefusal::BackToUnknown));
        assert_eq!(from.set(from), Ok(from));
        assert_eq!(TenantMode::Unknown.set(from), Ok(from));
    }
}

#[test]
fn a_change_of_the_whole_tenant_removes_nothing() {
    let device = life(Authority::Intune);
    let answer = on_check_in(TenantMode::CoManagement, Some(LICENSED), &device, Authority::CoManagement);
    assert_eq!(answer, CheckInAnswer::Home { newly_arrived: true, remove_former: false, tell: Telling::Correction });
}

#[test]
fn a_change_that_was_taken_back_is_corrected() {
    let mut device = life(Authority::Intune);
    told(&mut device, Authority::CoManagement);
    let answer = on_check_in(TenantMode::Intune, Some(LICENSED), &device, Authority::Intune);
    assert_eq!(answer, CheckInAnswer::Home { newly_arrived: false, remove_former: false, tell: Telling::Correction });
    assert_eq!(registration(TenantMode::Intune, Some(LICENSED), &device), Registration::Registered);
}

#[test]
fn a_new_device_is_told_its_authority_in_its_first_session() {
    let device = DeviceLife::enrolled(Authority::Intune, NOW, NOW, NOW + DAY);
    let answer = on_check_in(TenantMode::Intune, Some(LICENSED), &device, Authority::Intune);
    assert_eq!(answer, CheckInAnswer::Home { newly_arrived: false, remove_former: false, tell: Telling::Name });
    assert_eq!(registration(TenantMode::Intune, Some(LICENSED), &device), Registration::Enrolled);
}

#[test]
fn s48_a_device_is_listed_until_180_days_after_its_certificate() {
    let device = life(Authority::Intune);
    let end = device.certificate_not_after + LISTED_AFTER_EXPIRY;
    assert!(is_listed(&device, end - 1));
    assert!(!is_listed(&device, end));
    assert!(!is_listed(&device, end + 1));
}

#[test]
fn s46_the_window_opens_42_days_before_the_end_and_not_before_half_of_the_life() {
    let mut device = life(Authority::Intune);
    let opens = device.certificate_not_after - 42 * DAY;
    assert_eq!(renewal_allowed(&device, opens - 1, 42), Err(RenewalRefusal::TooEarly { opens }));
    assert_eq!(renewal_allowed(&device, opens, 42), Ok(()));
    assert_eq!(renewal_allowed(&device, device.certificate_not_after, 42), Ok(()));
    assert_eq!(renewal_allowed(&device, device.certificate_not_after + 1, 42), Err(RenewalRefusal::Expired));
    device.renewed(NOW, NOW + 10 * DAY);
    assert_eq!(renewal_opens(&device, 42), NOW + 5 * DAY);
}

#[test]
fn an_order_to_renew_opens_the_window_once_and_a_block_closes_it() {
    let mut device = life(Authority::Intune);
    device.renewal_ordered = true;
    assert_eq!(renewal_allowed(&device, NOW, 42), Ok(()));
    device.blocked = true;
    assert_eq!(renewal_allowed(&device, NOW, 42), Err(RenewalRefusal::Blocked));
    device.blocked = false;
    device.renewed(NOW, NOW + 365 * DAY);
    assert!(matches!(renewal_allowed(&device, NOW, 42), Err(RenewalRefusal::TooEarly { .. })));
}

#[test]
fn a_life_is_small() {
    assert!(size_of::<DeviceLife>() <= 64, "{}", size_of::<DeviceLife>());
}
