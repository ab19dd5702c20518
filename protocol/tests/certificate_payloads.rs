//! Certificates to trust, certificates with their key, and certificates to be requested.

use mdm_protocol::csp::Leaves;
use mdm_protocol::csp::certificate::{
    AlternativeName, PfxInstall, PfxPassword, ScepInstall, TrustedCertificate, Validity,
};
use mdm_protocol::syncml::StatusCode;
use mdm_protocol::{Secret, Thumbprint, base64};

#[test]
fn a_certificate_is_filed_under_its_thumbprint() {
    let nodes = Leaves::default().with("encodedcertificate", Some(format!("\n{}\n", base64::encode("a certificate"))));
    let name = Thumbprint::of(b"a certificate").to_string();
    for name in [name.clone(), name.to_lowercase()] {
        assert_eq!(TrustedCertificate::from_leaves(&name, &nodes).unwrap().der, b"a certificate");
    }
}

#[test]
fn a_certificate_under_another_thumbprint_is_refused() {
    let nodes = Leaves::default().with("EncodedCertificate", Some(base64::encode("a certificate")));
    for name in
        ["", "nonsense", &Thumbprint::of(b"another").to_string(), &Thumbprint::of(b"a certificate").to_string()[1..]]
    {
        let error = TrustedCertificate::from_leaves(name, &nodes).unwrap_err();
        assert_eq!(
            (error.status, error.node.as_str()),
            (StatusCode::UNSUPPORTED_FORMAT, "EncodedCertificate"),
            "{name}"
        );
    }
}

#[test]
fn a_certificate_that_is_missing_or_no_base64_is_refused() {
    assert_eq!(TrustedCertificate::from_leaves("AA", &Leaves::default()).unwrap_err().status, StatusCode::INCOMPLETE);
    let nodes = Leaves::default().with("EncodedCertificate", Some("*"));
    assert_eq!(TrustedCertificate::from_leaves("AA", &nodes).unwrap_err().status, StatusCode::UNSUPPORTED_FORMAT);
}

#[test]
fn a_file_with_a_key_is_read_with_its_password_to_the_letter() {
    let install = PfxInstall::from_leaves(&pfx().with("PFXCertPassword", Some(" pass word "))).unwrap();
    assert_eq!(install.password, Some(PfxPassword::Plain(Secret::new(" pass word "))));
    assert_eq!((install.blob.expose(), install.key_location), ("UEtDUyMxMg==", 3));
}

#[test]
fn a_password_may_be_encrypted_to_the_device_but_not_to_others() {
    let with_kind = |kind: &str| {
        PfxInstall::from_leaves(
            &pfx().with("PFXCertPassword", Some("MIIB")).with("PFXCertPasswordEncryptionType", Some(kind)),
        )
    };
    assert_eq!(with_kind("1").unwrap().password, Some(PfxPassword::EncryptedToDevice(Secret::new("MIIB"))));
    assert_eq!(with_kind("2").unwrap_err().status, StatusCode::NOT_SUPPORTED);
    assert_eq!(with_kind("cms").unwrap_err().status, StatusCode::UNSUPPORTED_FORMAT);
}

#[test]
fn a_file_with_a_key_that_cannot_be_used_is_refused() {
    assert_eq!(PfxInstall::from_leaves(&Leaves::default()).unwrap_err().status, StatusCode::INCOMPLETE);
    assert_eq!(
        PfxInstall::from_leaves(&pfx().with("PFXCertBlob", Some("?"))).unwrap_err().status,
        StatusCode::UNSUPPORTED_FORMAT
    );
    for location in ["0", "5", "TPM"] {
        let error = PfxInstall::from_leaves(&pfx().with("KeyLocation", Some(location))).unwrap_err();
        assert_eq!((error.status, error.node.as_str()), (StatusCode::UNSUPPORTED_FORMAT, "KeyLocation"));
    }
}

#[test]
fn a_request_lists_servers_and_purposes() {
    let nodes = scep()
        .with("ServerURL", Some("https://a/scep;https://b/scep; "))
        .with("EKUMapping", Some("1.3.6.1.5.5.7.3.2+1.3.6.1.5.5.7.3.4"))
        .with("Challenge", Some("one time"))
        .with("CAThumbprint", Some(Thumbprint::of(b"ca").to_string()));
    let request = ScepInstall::from_leaves(&nodes).unwrap();
    assert_eq!(request.servers, ["https://a/scep", "https://b/scep"]);
    assert_eq!(request.purposes, ["1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.4"]);
    assert_eq!((request.challenge, request.authority), (Some(Secret::new("one time")), Some(Thumbprint::of(b"ca"))));
}

#[test]
fn what_a_request_does_not_say_has_its_default() {
    let request = ScepInstall::from_leaves(&scep()).unwrap();
    assert_eq!((request.key_length, request.retry_delay_minutes, request.retry_count), (2048, 5, 3));
    assert_eq!((request.challenge, request.authority, request.purposes.len()), (None, None, 0));
    assert_eq!((request.key_usage, request.key_protection, request.validity), (0xA0, 3, None));
    assert!(request.alternative_names.is_empty() && request.hashes.is_empty());
}

#[test]
fn a_request_names_its_subject_in_several_ways() {
    let names = "2+ada@contoso.example; 3+laptop.contoso.example;7+https://contoso.example/a+b;11+ädä@contoso.example;";
    let request = ScepInstall::from_leaves(&scep().with("SubjectAlternativeNames", Some(names))).unwrap();
    assert_eq!(
        request.alternative_names,
        [
            AlternativeName::Email("ada@contoso.example".to_owned()),
            AlternativeName::Dns("laptop.contoso.example".to_owned()),
            AlternativeName::Uri("https://contoso.example/a+b".to_owned()),
            AlternativeName::UserPrincipal("ädä@contoso.example".to_owned()),
        ]
    );
    for (names, status) in [
        ("2", StatusCode::UNSUPPORTED_FORMAT),
        ("3+", StatusCode::UNSUPPORTED_FORMAT),
        ("3+bücher.example", StatusCode::UNSUPPORTED_FORMAT),
        ("1+anything", StatusCode::NOT_SUPPORTED),
        (&"3+a;".repeat(65), StatusCode::UNSUPPORTED_FORMAT),
    ] {
        let error = ScepInstall::from_leaves(&scep().with("SubjectAlternativeNames", Some(names))).unwrap_err();
        assert_eq!((error.status, error.node.as_str()), (status, "SubjectAlternativeNames"), "{names}");
    }
}

#[test]
fn a_request_says_what_the_key_is_for_and_how_long_the_certificate_should_last() {
    let nodes = scep()
        .with("KeyUsage", Some("128"))
        .with("HashAlgorithm", Some("SHA-1+SHA-2"))
        .with("ValidPeriod", Some("Months"))
        .with("ValidPeriodUnits", Some("6"))
        .with("KeyProtection", Some("1"));
    let request = ScepInstall::from_leaves(&nodes).unwrap();
    assert_eq!((request.key_usage, request.key_protection), (0x80, 1));
    assert_eq!(request.hashes, ["SHA-1", "SHA-2"]);
    assert_eq!(request.validity, Some(Validity::Months(6)));
    for (node, value) in [("KeyUsage", "0"), ("KeyUsage", "4"), ("KeyUsage", "256"), ("KeyProtection", "9")] {
        let error = ScepInstall::from_leaves(&scep().with(node, Some(value))).unwrap_err();
        assert_eq!((error.status, error.node.as_str()), (StatusCode::UNSUPPORTED_FORMAT, node));
    }
    let nodes = scep().with("ValidPeriod", Some("Weeks")).with("ValidPeriodUnits", Some("1"));
    assert_eq!(ScepInstall::from_leaves(&nodes).unwrap_err().node, "ValidPeriod");
}

#[test]
fn the_patience_of_a_request_is_brought_into_range() {
    let request =
        ScepInstall::from_leaves(&scep().with("RetryDelay", Some("0")).with("RetryCount", Some("99"))).unwrap();
    assert_eq!((request.retry_delay_minutes, request.retry_count), (1, 30));
}

#[test]
fn a_request_that_cannot_be_made_is_refused_with_its_node() {
    for node in ["ServerURL", "SubjectName"] {
        let error = ScepInstall::from_leaves(&scep().with(node, Some(""))).unwrap_err();
        assert_eq!((error.status, error.node.as_str()), (StatusCode::INCOMPLETE, node));
    }
    for (node, value) in [("KeyLength", "512"), ("KeyLength", "long"), ("CAThumbprint", "short"), ("RetryDelay", "-1")]
    {
        let error = ScepInstall::from_leaves(&scep().with(node, Some(value))).unwrap_err();
        assert_eq!((error.status, error.node.as_str()), (StatusCode::UNSUPPORTED_FORMAT, node));
    }
}

fn pfx() -> Leaves {
    Leaves::default().with("PFXCertBlob", Some("UEtDUyMxMg=="))
}

fn scep() -> Leaves {
    Leaves::default().with("ServerURL", Some("https://a/scep")).with("SubjectName", Some("CN=ada"))
}
