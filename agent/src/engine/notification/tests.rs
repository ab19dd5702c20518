use super::*;
use crate::engine::time::Now;

const NOW: Now = Now { boot_ms: 0, wall: 1_800_000_000 };

fn doomed(name: &str) -> Note {
    Note::new(DOOMED, NOW).with("kind", "wifi").with("name", name).with("until", "20270115T080000Z")
}

fn complies(to: &str) -> Note {
    Note::new(COMPLIANCE, NOW).with("from", "compliant").with("to", to).with("rules", "firewall_required")
}

#[test]
fn people_are_told_of_what_would_lock_them_out_and_of_nothing_else() {
    let mail = Note::new("mail-sign-in-needed", NOW).with("name", "Contoso Mail").with("authority", "Intune");
    let order = |what: &str| Note::new("order-accepted", NOW).with("order", "1").with("what", what);
    for (note, expected) in [
        (mail, Some(("Sign in to your mail again", false))),
        (doomed("Corp"), Some(("Settings of your organisation will be removed", true))),
        (complies("in grace"), Some(("This computer does not meet your organisation's rules", false))),
        (complies("not compliant"), Some(("This computer does not meet your organisation's rules", true))),
        (complies("compliant"), None),
        (complies("cannot tell"), None),
        (order("lock"), Some(("This computer is being locked by its administrator", true))),
        (order("unlock"), None),
        (Note::new("session", NOW), None),
    ] {
        let found = of(&note);
        let found = found.as_ref().map(|found| (found.title.as_str(), found.urgent));
        assert_eq!(found, expected, "{note:?}");
    }
}

#[test]
fn deadlines_are_told_as_people_read_them() {
    let body = of(&complies("in grace").with("until", "20270115T080000Z")).unwrap().body;
    assert!(body.contains("by 2027-01-15 08:00 UTC (firewall_required)"), "{body}");
    assert!(of(&doomed("Corp")).unwrap().body.contains("The wifi settings Corp are removed at 2027-01-15 08:00 UTC"));
}

#[test]
fn what_a_server_names_is_short_plain_and_no_markup() {
    let name = format!("<b>a & b</b>\u{1b}[2J\n\u{202e}{}", "x".repeat(500));
    let body = of(&doomed(&name)).unwrap().body;
    assert!(body.contains("&lt;b&gt;a &amp; b&lt;/b&gt;[2J"), "{body}");
    assert!(!body.contains(['<', '\u{1b}', '\n', '\u{202e}']) && body.len() < 400, "{body}");
}

#[test]
fn nobody_is_told_of_one_cause_twice_until_it_was_over() {
    let mut told = Told::default();
    assert_eq!(told.tell(&[complies("not compliant")]).len(), 1);
    assert_eq!(told.tell(&[complies("not compliant")]).len(), 0);
    assert_eq!(told.tell(&[complies("compliant")]).len(), 0);
    assert_eq!(told.tell(&[complies("not compliant")]).len(), 1, "it was mended in between");
    assert_eq!(told.tell(&[doomed("a")]).len(), 1);
    assert_eq!(told.tell(&[doomed("a")]).len(), 0);
}

#[test]
fn many_profiles_that_go_together_are_told_as_one() {
    let notes: Vec<Note> = (0..20).map(|number| doomed(&number.to_string())).collect();
    let all = Told::default().tell(&notes);
    assert_eq!(all.len(), 1);
    assert!(all[0].body.starts_with("20 settings"), "{}", all[0].body);
}

#[test]
fn a_batch_and_what_is_remembered_have_bounds() {
    let mut told = Told::default();
    let mail = |number: usize| Note::new("mail-sign-in-needed", NOW).with("name", number.to_string());
    assert_eq!(told.tell(&(0..50).map(mail).collect::<Vec<_>>()).len(), MAX_AT_ONCE);
    (0..500).for_each(|number| drop(told.tell(&[mail(number)])));
    assert_eq!(told.causes.len(), MAX_TOLD);
}
