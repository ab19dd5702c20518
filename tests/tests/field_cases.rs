//! Inputs rebuilt from what administrators reported publicly (own values, nothing real), each with the right answer: what
//! is on the machine because of it, or the reason why it is refused.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;

use mdm_agent::engine::profile::Stored;
use mdm_agent::platform::force::Platform;
use mdm_agent::platform::preview::Preview;
use mdm_tests::machine_root;

/// After the certificates of the cases begin, before they end: 2026-12-01.
const NOW: i64 = 1_796_083_200;

/// What has to come of a case.
enum Answer {
    /// Files whose contents have these lines and not those.
    Applied(&'static [&'static str], &'static [&'static str]),
    /// A refusal with this status that says this.
    Refused(u16, &'static str),
}
use Answer::{Applied, Refused};

/// What would be done with a case on a desktop, or on a machine with swanctl alone.
fn foreseen(case: &str, prepare: fn(&Path) -> std::io::Result<()>) -> Preview {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases").join(case);
    let fragment = String::from_utf8(std::fs::read(file).unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (root, state) = (folder.path().join("root"), folder.path().join("state"));
    std::fs::create_dir_all(&state).unwrap();
    prepare(&root).unwrap();
    let platform = Platform::of(root, &state);
    platform.foresee_fragments(&Stored::default(), &[fragment], NOW).unwrap()
}

/// What would be written, line by line.
fn written(preview: &Preview) -> String {
    let lines = preview.steps.iter().flat_map(|step| step.difference.iter());
    lines.filter_map(|line| line.strip_prefix("+ ")).map(|line| format!("{line}\n")).collect()
}

fn check(case: &str, answer: &Answer, prepare: fn(&Path) -> std::io::Result<()>) {
    let preview = foreseen(case, prepare);
    match answer {
        Applied(there, absent) => {
            assert!(preview.refused.is_empty() && preview.waiting.is_empty(), "{case}: {preview:#?}");
            let text = written(&preview);
            let told: String = preview.without_effect.iter().map(|(_, part)| format!("{part}\n")).collect();
            for line in *there {
                let is_there = match line.strip_prefix("no effect: ") {
                    Some(part) => told.contains(part),
                    None => text.contains(line),
                };
                assert!(is_there, "{case}: {line} is not in\n{text}\n{told}");
            }
            for line in *absent {
                assert!(!text.contains(line), "{case}: {line} is in\n{text}");
            }
        }
        Refused(status, reason) => {
            let found = preview.refused.iter().find(|(_, why)| why.contains(reason));
            let (_, why) = found.unwrap_or_else(|| panic!("{case}: {reason}: {preview:#?}"));
            assert!(why.ends_with(&format!("({status})")), "{case}: {why}");
        }
    }
}

#[test]
fn wireless_networks_from_the_field() {
    for (case, answer) in [
        (
            "01/wifi.xml",
            Applied(
                &[
                    "eap=ttls;\n",
                    "phase2-auth=pap\n",
                    "anonymous-identity=anonymous@campus.example\n",
                    "ca-cert=",
                    "domain-match=radius1.campus.example;radius2.campus.example\n",
                ],
                &[],
            ),
        ),
        (
            "01/wifi-mschapv2.xml",
            Applied(&["eap=ttls;\n", "phase2-auth=mschapv2\n", "no effect: UseWinlogonCredentials"], &[]),
        ),
        ("04/wifi.xml", Applied(&["domain-suffix-match=srv3.com;srv1;srv2\n"], &[])),
        ("04/wifi2.xml", Refused(406, r"^nps0[12]\.contoso\.example$")),
        ("05/wifi-true.xml", Applied(&["cloned-mac-address=random\n"], &[])),
        ("05/wifi-false.xml", Applied(&["cloned-mac-address=permanent\n"], &[])),
        ("09/wifi.xml", Applied(&["key-mgmt=wpa-eap-suite-b-192\n"], &[])),
        ("09/wifi-fips.xml", Refused(406, "FIPS mode")),
        ("11/wifi.xml", Applied(&["eap=peap;\n", "phase2-autheap=tls\n", "phase2-client-cert="], &[])),
    ] {
        check(case, &answer, machine_root::debian);
    }
}

#[test]
fn tunnels_from_the_field() {
    for (case, answer) in [
        ("20/vpn.xml", Applied(&["setenv FORWARD_COMPATIBLE 1\n", "setenv opt tls-version-min 1.0 or-highest\n"], &[])),
        ("22/vpn.xml", Applied(&["remote-cert-tls server\n"], &[])),
        (
            "22/vpn-win.xml",
            Applied(&["lport 0\n", "setenv CLIENT_CERT 0\n", "no effect: block-outside-dns"], &["block-outside-dns"]),
        ),
        ("23/vpn.xml", Applied(&["static-challenge \"Enter TOTP code\" 1\n"], &[])),
        ("26/vpn.xml", Applied(&["fwmark=51820\n"], &["peer-routes", "route-table"])),
        ("26/vpn0.xml", Applied(&["peer-routes=false\n"], &[])),
        ("26/vpn2.xml", Applied(&["type=wireguard\n"], &[])),
        ("26/vpn3.xml", Applied(&["fwmark=0\n"], &[])),
        ("28/vpn.xml", Refused(406, "TrafficFilter")),
        (
            "29/vpn-automatic.xml",
            Applied(
                &[
                    "method=eap-tls\n",
                    "dns-search=corp.contoso.example;~corp.contoso.example;\n",
                    "corp.contoso.example) exit 0",
                ],
                &[],
            ),
        ),
        ("29/vpn-peap.xml", Refused(406, "PEAP")),
        ("30/vpn.xml", Refused(406, "ExclusionRoute")),
    ] {
        check(case, &answer, machine_root::debian);
    }
    let nothing_else = Applied(&["remote_ts = dynamic\n"], &["0.0.0.0/0", "remote_ts = ::/0"]);
    check("29/vpn-eaptls.xml", &nothing_else, |root| {
        machine_root::debian(root)?;
        std::fs::remove_file(root.join("usr/sbin/NetworkManager"))
    });
}

#[test]
fn mail_from_the_field() {
    for (case, answer) in [
        (
            "95/tls-143-587.xml",
            Applied(
                &["<port>143</port><socketType>STARTTLS", "<port>587</port><socketType>STARTTLS"],
                &["<socketType>SSL"],
            ),
        ),
        (
            "95/tls-110-25.xml",
            Applied(
                &["<port>110</port><socketType>STARTTLS", "<port>25</port><socketType>STARTTLS"],
                &["<socketType>SSL"],
            ),
        ),
        (
            "95/tls-no-port.xml",
            Applied(&["<port>993</port><socketType>SSL", "<port>465</port><socketType>SSL"], &["STARTTLS"]),
        ),
        (
            "95/notag-993-465.xml",
            Applied(&["<port>993</port><socketType>SSL", "<port>465</port><socketType>SSL"], &["STARTTLS"]),
        ),
        ("95/smtpalt.xml", Applied(&["<username>relay-ada</username>", "no effect: SMTPALTPASSWORD"], &[])),
        ("95/case.xml", Applied(&["<username>%EMAILADDRESS%</username>"], &["contoso.example</username>"])),
        ("95/domain-user.xml", Applied(&[r"<username>CONTOSO\%EMAILLOCALPART%</username>"], &[])),
        ("95/amp.xml", Applied(&["R&amp;D &lt;mail&gt;"], &[])),
    ] {
        check(case, &answer, machine_root::debian);
    }
}
