//! Values that are refused with the command that brings them, and profiles in a few words.

use mdm_protocol::syncml::StatusCode;
use mdm_protocol::{LocUri, Thumbprint, base64};

use super::{check, summary};
use crate::engine::testing::{WIFI, add, stored_after, wlan};

#[test]
fn values_that_no_profile_can_be_made_of_are_refused() {
    let trusted = |name: &str| format!("./Device/Vendor/MSFT/RootCATrustedCertificates/Root/{name}/EncodedCertificate");
    let right = Thumbprint::of(b"der").to_string();
    let protected = wlan("swordfish").replace("<protected>false", "<protected>true");
    let unknown = wlan("swordfish").replace("WPA2PSK", "WPA9");
    let pfx = "./Device/Vendor/MSFT/ClientCertificateInstall/PFXCertInstall/A/PFXCertBlob".to_owned();
    let vpn = "./Device/Vendor/MSFT/VPNv2/Head/ProfileXML".to_owned();
    let wifi = WIFI.to_owned();
    for (address, value, expected) in [
        (&wifi, wlan("swordfish"), Ok(())),
        (&wifi, protected, Err(StatusCode::UNSUPPORTED_FORMAT)),
        (&wifi, wlan("short"), Err(StatusCode::UNSUPPORTED_FORMAT)),
        (&wifi, unknown, Err(StatusCode::NOT_SUPPORTED)),
        (&wifi, "<WLANProfile><name>".to_owned(), Err(StatusCode::UNSUPPORTED_FORMAT)),
        (&wifi, "<Other/>".to_owned(), Err(StatusCode::UNSUPPORTED_FORMAT)),
        (&trusted(&right), base64::encode(b"der"), Ok(())),
        (&trusted(&right.to_lowercase()), base64::encode(b"der"), Ok(())),
        (&trusted(&right), base64::encode(b"another"), Err(StatusCode::UNSUPPORTED_FORMAT)),
        (&trusted("NoThumbprint"), base64::encode(b"der"), Err(StatusCode::UNSUPPORTED_FORMAT)),
        (&trusted(&right), "no base64!".to_owned(), Err(StatusCode::UNSUPPORTED_FORMAT)),
        (&trusted(&right), String::new(), Err(StatusCode::INCOMPLETE)),
        (&pfx, base64::encode(b"pfx"), Ok(())),
        (&pfx, "no base64!".to_owned(), Err(StatusCode::UNSUPPORTED_FORMAT)),
        (&vpn, "<VPNProfile".to_owned(), Err(StatusCode::UNSUPPORTED_FORMAT)),
        (&"./DevInfo/DevId".to_owned(), "anything".to_owned(), Ok(())),
    ] {
        let uri = LocUri::parse(address).unwrap();
        let found = check(&uri, &value).map_err(|error| error.status);
        assert_eq!(found, expected, "{address} {value:.60}");
    }
}

#[test]
fn the_reason_of_a_refusal_never_contains_the_value() {
    let uri = LocUri::parse(WIFI).unwrap();
    for value in [wlan("pass"), wlan("swordfish").replace("passPhrase", "networkKey"), "<swordfish>".to_owned()] {
        let error = check(&uri, &value).unwrap_err().to_string();
        assert!(!error.contains("swordfish") && !error.contains("pass<"), "{error}");
    }
}

#[test]
fn profiles_are_described_in_a_few_words() {
    let mail = "./User/Vendor/MSFT/EMAIL2/M";
    for (nodes, expected) in [
        (vec![(WIFI.to_owned(), wlan("swordfish"))], "Corp WPA2PSK, automatic"),
        (
            vec![
                (format!("{mail}/SERVICENAME"), "Work".to_owned()),
                (format!("{mail}/SERVICETYPE"), "IMAP4".to_owned()),
                (format!("{mail}/REPLYADDR"), "ada@x.org".to_owned()),
                (format!("{mail}/INSERVER"), "imap.x.org:993".to_owned()),
                (format!("{mail}/OUTSERVER"), "smtp.x.org".to_owned()),
            ],
            "Work <ada@x.org> at imap.x.org:993",
        ),
        (vec![("./Vendor/MSFT/Policy/Config/A/B".to_owned(), "1".to_owned())], "1 value"),
        (
            vec![("./Vendor/MSFT/ClientCertificateInstall/PFXCertInstall/A/KeyLocation".to_owned(), "1".to_owned())],
            "client certificate",
        ),
        (vec![("./Vendor/MSFT/VPNv2/Head/AlwaysOn".to_owned(), "true".to_owned())], "no server yet"),
    ] {
        let adds = nodes.iter().enumerate().map(|(id, (address, value))| add(&format!("n{id}"), address, value));
        let stored = stored_after(adds.collect());
        assert_eq!(summary(&stored.profiles[0]).as_deref(), Ok(expected));
    }
}
