use std::fmt::Write as _;

use super::*;
use mdm_protocol::base64;

const SECRET: &str = "cañary & <\"pass'word\"> 7/9";

fn redacted(text: &str) -> String {
    Redactor::new([SECRET.to_owned()]).redact(text).0
}

#[test]
fn a_secret_is_found_in_every_form() {
    let percent = SECRET.bytes().fold(String::new(), |mut text, byte| {
        match byte.is_ascii_alphanumeric() {
            true => text.push(char::from(byte)),
            false => drop(write!(text, "%{byte:02X}")),
        }
        text
    });
    let forms = [
        SECRET.to_owned(),
        base64::encode(SECRET.as_bytes()),
        "cañary &amp; &lt;\"pass'word\"&gt; 7/9".to_owned(),
        "cañary &amp;amp; &amp;lt;\"pass'word\"&amp;gt; 7/9".to_owned(),
        percent,
        serde_json::Value::from(SECRET).to_string(),
        format!("{SECRET:?}"),
    ];
    for form in forms {
        let text = format!("before {form} behind");
        let clean = redacted(&text);
        assert!(
            clean.contains(CONCEALED) && clean.starts_with("before") && clean.ends_with("behind"),
            "{form}: {clean}"
        );
        for rest in ["ary", "pass", "word"] {
            assert!(!clean.contains(rest), "{form}: {clean}");
        }
    }
}

#[test]
fn a_secret_is_found_in_base64_of_something_larger() {
    let secret = "correct horse battery";
    let redactor = Redactor::new([secret.to_owned()]);
    for user in ["a", "ab", "abc", "abcd"] {
        let header = base64::encode(format!("{user}:{secret}!").as_bytes());
        let (clean, found) = redactor.redact(&format!("Proxy: {header}"));
        assert_eq!(found, 1, "{header}: {clean}");
        assert!(!clean.contains(&header[8..16]), "{clean}");
    }
}

#[test]
fn the_longest_secret_at_a_place_is_taken_and_nothing_of_it_is_left() {
    let redactor = Redactor::new(["secret".to_owned(), "secret-and-more".to_owned()]);
    assert_eq!(redactor.redact("x secret-and-more secret y").0, "x ******** ******** y");
}

#[test]
fn what_is_too_short_is_counted_and_not_searched_for() {
    let redactor = Redactor::new(["ab".to_owned(), String::new()]);
    assert_eq!((redactor.too_short(), redactor.redact("abc").0.as_str()), (1, "abc"));
}

#[test]
fn secrets_are_found_inside_larger_values() {
    let wlan = "<sharedKey><keyType>passPhrase</keyType><keyMaterial>hush &amp; hush</keyMaterial></sharedKey>";
    let found = buried::buried(wlan);
    assert!(found.contains("hush & hush") && found.contains("hush &amp; hush"), "{found:?}");
    let key = base64::encode([7; 32]);
    let tunnel = format!("[Interface]\nPrivateKey = {key}\nAddress = 10.0.0.1/32\n");
    let found = buried::buried(&tunnel);
    assert!(found.contains(&key) && !found.contains("10.0.0.1/32"), "{found:?}");
    let inline = format!("remote vpn.example 1194\n<tls-crypt>\n{}\n</tls-crypt>\n", "0123456789abcdef".repeat(2));
    let redactor = Redactor::new(buried::buried(&inline));
    assert_eq!(redactor.redact(&inline).0.matches("0123456789abcdef").count(), 0);
}

#[test]
fn what_looks_like_a_secret_goes_without_being_known() {
    let redactor = Redactor::default();
    for (text, clean) in [
        ("a -----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY----- b", "a ******** b"),
        ("a -----BEGIN EC PRIVATE KEY-----\\nMII", "a ********"),
        ("proxy http://me:hush@proxy:1/ down", "proxy http://********@proxy:1/ down"),
        ("sent password=hush, then", "sent password=********, then"),
        ("sent client_secret=\"hu sh\" then", "sent client_secret=\"********\" then"),
        ("Authorization: Bearer abc", "Authorization: ********"),
        ("header \"Bearer abc\" sent", "header \"Bearer ********\" sent"),
    ] {
        assert_eq!(redactor.redact(text).0, clean);
    }
    for harmless in [
        "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----",
        "https://x/?a=b@c",
        "ñ=1 session=3 outcome=completed",
    ] {
        assert_eq!(redactor.redact(harmless), (harmless.to_owned(), 0));
    }
}

#[test]
fn what_was_redacted_is_left_as_it_is() {
    let redactor = Redactor::new([SECRET.to_owned()]);
    let once = redactor.redact(&format!("password={SECRET} http://a:b@c/")).0;
    assert_eq!(redactor.redact(&once).0, once);
}
