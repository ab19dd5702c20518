//! Addresses and the payloads of profiles say the same after they were written and read.

#[path = "common/strategies.rs"]
mod strategies;

use mdm_protocol::csp::active_sync::ExchangeAccount;
use mdm_protocol::csp::dm_client::{Poll, PollSet};
use mdm_protocol::csp::email::{EmailAccount, MailServer, OutgoingUser, ServiceType};
use mdm_protocol::csp::policy::AdmxValue;
use mdm_protocol::csp::wifi::{Authentication, HardwareAddress, SharedKey, WlanProfile};
use mdm_protocol::{LocUri, Scope, Secret, Thumbprint, base64};
use proptest::prelude::*;
use strategies::{config, text, token, word};

proptest! {
    #![proptest_config(config(120))]

    #[test]
    fn an_address_that_was_written_reads_as_the_same_address(uri in loc_uri()) {
        prop_assert_eq!(LocUri::parse(&uri.to_string()).unwrap(), uri);
    }

    #[test]
    fn an_address_that_was_read_is_written_as_one_that_reads_the_same(text in "(\\./)?([Uu]ser/|[Dd]evice/)?[a-zA-Z%0-9/.* ]{0,20}") {
        if let Ok(uri) = LocUri::parse(&text) {
            prop_assert_eq!(LocUri::parse(&uri.to_string()).unwrap(), uri);
        }
    }

    #[test]
    fn base64_survives_with_white_space_inside(bytes in any::<Vec<u8>>(), gap in 1..10_usize) {
        let text = base64::encode(&bytes);
        let wrapped = text.as_bytes().chunks(gap).map(|line| std::str::from_utf8(line).unwrap()).collect::<Vec<_>>();
        prop_assert_eq!(base64::decode(&wrapped.join(" \r\n\t")).unwrap(), bytes);
    }

    #[test]
    fn a_thumbprint_survives(der in any::<Vec<u8>>()) {
        let thumbprint = Thumbprint::of(&der);
        prop_assert_eq!(Thumbprint::parse(&thumbprint.to_string()), Some(thumbprint));
    }

    #[test]
    fn a_mailbox_survives(account in email()) {
        prop_assert_eq!(EmailAccount::from_leaves(&account.to_leaves()).unwrap(), account);
    }

    #[test]
    fn an_exchange_account_survives(account in exchange()) {
        prop_assert_eq!(ExchangeAccount::from_leaves(&account.to_leaves()).unwrap(), account);
    }

    #[test]
    fn a_wireless_network_survives(profile in wlan()) {
        prop_assert_eq!(WlanProfile::parse(&profile.to_xml()).unwrap(), profile);
    }

    #[test]
    fn a_templated_setting_survives(data in prop::collection::vec((text(), text()), 0..5)) {
        let value = AdmxValue::Enabled(data);
        prop_assert_eq!(AdmxValue::parse("Policy", &value.to_xml()).unwrap(), value);
    }

    #[test]
    fn a_schedule_survives(numbers in any::<[(u32, u32); 3]>(), flags in any::<(bool, bool)>()) {
        let sets = numbers.map(|(interval_minutes, count)| PollSet { interval_minutes, count });
        let poll = Poll { sets, on_login: flags.0, all_users_on_first_login: flags.1 };
        let nodes = poll.to_nodes();
        prop_assert_eq!(Poll::from_nodes(nodes.iter().map(|(name, value)| (*name, value.as_str()))), poll);
    }
}

fn loc_uri() -> impl Strategy<Value = LocUri> {
    let scope = prop::sample::select(vec![Scope::Device, Scope::User]);
    let known =
        prop::sample::select(vec!["User", "user", "Device", "Vendor", "MSFT", ".", "..", "*", "%2F", "a?list=Struct"]);
    let segment = prop_oneof![known.prop_map(str::to_owned), word()];
    (scope, prop::collection::vec(segment, 0..6)).prop_map(|(scope, segments)| LocUri::new(scope, segments))
}

fn email() -> impl Strategy<Value = EmailAccount> {
    let password = prop::option::of(text().prop_filter("an empty password is none", |text| !text.is_empty()));
    let service = prop::sample::select(vec![ServiceType::Imap, ServiceType::Pop]);
    let texts = (token(), token(), token());
    let name = word().prop_map(|name| name.chars().take(32).collect::<String>().trim().to_owned());
    (name, service, texts, password, mail_server(), mail_server(), any::<[bool; 2]>(), token()).prop_map(
        |(
            service_name,
            service_type,
            texts,
            password,
            incoming,
            outgoing,
            [outgoing_authentication, outgoing_user],
            domain,
        )| EmailAccount {
            service_name,
            service_type,
            display_name: texts.0,
            address: texts.1,
            user_name: texts.2,
            password: password.map(Secret::new),
            incoming,
            outgoing,
            outgoing_authentication,
            domain,
            outgoing_user: outgoing_user.then(|| OutgoingUser { name: "relay".to_owned(), domain: String::new() }),
        },
    )
}

fn mail_server() -> impl Strategy<Value = MailServer> {
    let host = prop_oneof!["[a-z][a-z.]{0,15}", Just("[2001:db8::1]".to_owned())];
    (host, prop::option::of(any::<u16>()), any::<bool>()).prop_map(|(host, port, tls)| MailServer { host, port, tls })
}

fn exchange() -> impl Strategy<Value = ExchangeAccount> {
    (token(), word(), token(), word(), token(), any::<bool>()).prop_map(
        |(name, address, domain, server, user_name, tls)| ExchangeAccount {
            name,
            address,
            domain,
            server,
            user_name,
            tls,
        },
    )
}

fn wlan() -> impl Strategy<Value = WlanProfile> {
    let passphrase = "[ -~]{8,63}".prop_map(|text| (true, text));
    let key = prop_oneof![passphrase, "[0-9a-f]{64}".prop_map(|text| (false, text))];
    let kinds = vec![
        (Authentication::Open, "none"),
        (Authentication::Owe, "AES"),
        (Authentication::WpaPersonal, "TKIP"),
        (Authentication::Wpa2Personal, "AES"),
        (Authentication::Wpa3Personal, "AES"),
    ];
    let ssid = prop::collection::vec(any::<u8>(), 1..=32);
    (token(), ssid, any::<[bool; 4]>(), prop::sample::select(kinds), key).prop_map(
        |(
            name,
            ssid,
            [hidden, auto_connect, transition, random_address],
            (authentication, encryption),
            (is_passphrase, key),
        )| {
            let key = SharedKey { is_passphrase, material: Secret::new(key) };
            WlanProfile {
                name,
                ssid,
                hidden,
                auto_connect,
                authentication,
                transition,
                encryption: encryption.to_owned(),
                key: authentication.is_personal().then_some(key),
                one_x: None,
                hardware_address: random_address.then_some(HardwareAddress::Random),
            }
        },
    )
}
