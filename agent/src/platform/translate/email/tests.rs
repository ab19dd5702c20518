use mdm_protocol::syncml::StatusCode;

use crate::platform::machine::{Machine, ThunderbirdPlace};
use crate::platform::testing::{desired_on, everything, only_file, profile, refusal, waiting};

const ROOT: &str = "./User/Vendor/MSFT/EMAIL2/{1}";

fn mailbox<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut leaves = vec![
        ("SERVICENAME", "Corp <Mail>"),
        ("SERVICETYPE", "IMAP4"),
        ("REPLYADDR", "ada@Example.org"),
        ("AUTHNAME", "ada"),
        ("AUTHSECRET", "hunter2-secret"),
        ("INSERVER", "imap.example.org:993"),
        ("OUTSERVER", "smtp.example.org"),
        ("AUTHREQUIRED", "1"),
        ("TAGPROPS/8128000B", "1"),
        ("TAGPROPS/812C000B", "1"),
    ];
    leaves.retain(|(name, _)| more.iter().all(|(other, _)| name != other));
    leaves.extend_from_slice(more);
    leaves
}

#[test]
fn a_mailbox_becomes_a_description_of_its_domain_without_the_password() {
    let desired = desired_on(&everything(), &[profile(ROOT, &mailbox(&[]))]);
    let text = only_file(&desired, "/usr/share/thunderbird/isp");
    for part in [
        "<emailProvider id=\"example.org\">",
        "<displayName>Corp &lt;Mail&gt;</displayName>",
        "<incomingServer type=\"imap\"><hostname>imap.example.org</hostname><port>993</port><socketType>SSL</socketType>\
         <username>%EMAILLOCALPART%</username>",
        "<outgoingServer type=\"smtp\"><hostname>smtp.example.org</hostname><port>465</port>",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!format!("{desired:?}{text}").contains("hunter2"), "the password is written");
    let policy = only_file(&desired, "/etc/thunderbird/policies");
    assert!(policy.contains("\"mail.provider.enabled\""), "{policy}");
}

#[test]
fn a_mailbox_at_exchange_is_reached_by_its_web_services() {
    let leaves = [
        ("EmailAddress", "ada@example.org"),
        ("ServerName", "mail.example.org"),
        ("UserName", "ada"),
        ("Domain", "CORP"),
    ];
    let profile = profile("./User/Vendor/MSFT/ActiveSync/Accounts/{2}", &leaves);
    let text = only_file(&desired_on(&everything(), &[profile]), "/usr/share/thunderbird/isp");
    assert!(text.contains("<username>CORP\\%EMAILLOCALPART%</username>"), "{text}");
    assert!(text.contains("<ewsURL>https://mail.example.org/EWS/Exchange.asmx</ewsURL>"), "{text}");
    assert!(text.contains("<outgoingServer type=\"smtp\"><hostname>mail.example.org</hostname>"), "{text}");
}

#[test]
fn the_name_of_a_domain_never_leads_to_another_file() {
    for address in ["ada@../../etc/cron.d/x", "ada@a/b", "ada@", "ada", "ada@a..b", "ada@\u{e9}.example"] {
        let (code, _) = refusal(&everything(), &profile(ROOT, &mailbox(&[("REPLYADDR", address)])));
        assert_eq!(code, StatusCode::UNSUPPORTED_FORMAT, "{address}");
    }
}

#[test]
fn two_accounts_that_want_different_things_for_one_domain_are_not_both_in_force() {
    let other = profile("./User/Vendor/MSFT/EMAIL2/{2}", &mailbox(&[("INSERVER", "other.example.org")]));
    let desired = desired_on(&everything(), &[profile(ROOT, &mailbox(&[])), other.clone()]);
    assert_eq!(desired.without.len(), 1);
    assert!(desired.without.contains_key(&other.root.to_string()), "{desired:?}");
}

#[test]
fn where_thunderbird_cannot_be_told_the_administrator_hears_what_to_do_instead() {
    let (code, reason) = refusal(&Machine::default(), &profile(ROOT, &mailbox(&[])));
    assert_eq!((code, reason.contains("not installed")), (StatusCode::NOT_SUPPORTED, true));
    let elsewhere = Machine { thunderbird: Some(ThunderbirdPlace { providers: None }), ..everything() };
    let (_, reason) = refusal(&elsewhere, &profile(ROOT, &mailbox(&[])));
    assert!(reason.contains("https://autoconfig.example.org/mail/config-v1.1.xml"), "{reason}");
    let read_only = Machine { read_only: ["/usr/share/thunderbird/isp".to_owned()].into(), ..everything() };
    let (_, reason) = refusal(&read_only, &profile(ROOT, &mailbox(&[])));
    assert!(reason.contains("read-only") && reason.contains("https://autoconfig."), "{reason}");
    let half = profile(ROOT, &[("SERVICENAME", "Corp")]);
    assert!(waiting(&desired_on(&everything(), &[half])).contains("SERVICETYPE"));
}
