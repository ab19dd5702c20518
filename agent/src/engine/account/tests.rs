//! The account: its credentials and its schedule, as provisioned and as changed since.

use mdm_protocol::Secret;
use mdm_protocol::csp::dm_client::Poll;
use mdm_protocol::syncml::CredentialsKind;

use super::Account;
use crate::engine::profile::Stored;
use crate::engine::testing::{PROVIDER, account, replace, stored_after, stored_credentials};

#[test]
fn an_account_without_credentials_has_none() {
    assert_eq!(account().session_credentials(&Stored::default(), Some(b"n".to_vec())), None);
}

#[test]
fn provisioned_credentials_are_used_with_the_newest_nonce() {
    let mut account = with_credentials(true);
    let nonce = |account: &Account, newest: Option<&[u8]>| {
        account.session_credentials(&Stored::default(), newest.map(<[u8]>::to_vec)).unwrap().nonce
    };
    assert_eq!(nonce(&account, None), None);
    account.credentials.as_mut().unwrap().nonce = Some(mdm_protocol::base64::encode("first"));
    assert_eq!(nonce(&account, None).as_deref(), Some(&b"first"[..]));
    assert_eq!(nonce(&account, Some(b"newest")).as_deref(), Some(&b"newest"[..]));
    account.credentials.as_mut().unwrap().nonce = Some("no base64!".to_owned());
    assert_eq!(nonce(&account, None), None);
}

#[test]
fn credentials_that_the_server_changed_take_the_place_of_the_provisioned_ones() {
    let base = "./SyncML/DMAcc/0042/AppAuth/CLCRED";
    let stored = stored_after(vec![
        replace("1", &format!("{base}/AAuthName"), "grace"),
        replace("2", &format!("{base}/AAuthSecret"), "hopper"),
        replace("3", "./SyncML/DMAcc/0042/AppAuth/SRVCRED/AAuthSecret", "the server's own"),
    ]);
    for (account, kind) in [
        (with_credentials(true), CredentialsKind::Md5),
        (with_credentials(false), CredentialsKind::Basic),
        (account(), CredentialsKind::Md5),
    ] {
        let credentials = account.session_credentials(&stored, None).unwrap();
        assert_eq!((credentials.name.as_str(), &credentials.secret), ("grace", &Secret::new("hopper")));
        assert_eq!(credentials.kind, kind);
    }
}

#[test]
fn a_name_that_the_server_changed_goes_with_the_provisioned_secret() {
    let stored = stored_after(vec![replace("1", "./SyncML/DMAcc/X/AppAuth/CLCRED/AAuthName", "grace")]);
    let credentials = with_credentials(true).session_credentials(&stored, None).unwrap();
    assert_eq!((credentials.name.as_str(), &credentials.secret), ("grace", &Secret::new("lovelace")));
}

#[test]
fn the_schedule_in_force_is_the_provisioned_one_with_what_the_server_set() {
    let stored = stored_after(vec![
        replace("1", &format!("{PROVIDER}/Poll/NumberOfSecondRetries"), "99"),
        replace("2", &format!("{PROVIDER}/Poll/PollOnLogin"), "true"),
        replace("3", "./Device/Vendor/MSFT/DMClient/Provider/Other/Poll/NumberOfFirstRetries", "1"),
    ]);
    let poll = account().effective_poll(&stored);
    let mut expected = Poll::DEFAULT;
    expected.sets[1].count = 99;
    expected.on_login = true;
    assert_eq!(poll, expected);
    assert_eq!(account().effective_poll(&Stored::default()), Poll::DEFAULT);
}

#[test]
fn a_nonsensical_schedule_leaves_what_was_there() {
    let stored = stored_after(vec![replace("1", &format!("{PROVIDER}/Poll/NumberOfFirstRetries"), "-5")]);
    assert_eq!(account().effective_poll(&stored), Poll::DEFAULT);
}

#[test]
fn an_id_with_odd_characters_is_escaped_in_the_accounts_address() {
    let account = Account { provider_id: "A/B C".to_owned(), ..account() };
    assert_eq!(account.provider_address(), "./Device/Vendor/MSFT/DMClient/Provider/A%2FB%20C");
    let uri = format!("{}/Poll/NumberOfFirstRetries", account.provider_address());
    let stored = stored_after(vec![replace("1", &uri, "9")]);
    assert_eq!(account.effective_poll(&stored).sets[0].count, 9);
}

#[test]
fn an_account_survives_its_file_and_shows_no_secret() {
    let account = with_credentials(true);
    let text = serde_json::to_string(&account).unwrap();
    assert_eq!(serde_json::from_str::<Account>(&text).unwrap(), account);
    assert!(!format!("{account:?}").contains("lovelace"));
}

fn with_credentials(digest: bool) -> Account {
    Account { credentials: Some(stored_credentials(digest)), ..account() }
}
