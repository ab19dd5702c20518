//! The nodes that packages are about: groups of nodes that meet in one place on the machine, in one profile, or in
//! neither, with good values, others and bad ones.

use std::sync::LazyLock;

use mdm_protocol::{Thumbprint, base64};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair};

/// The account of the devices here.
pub const PROVIDER: &str = "./Device/Vendor/MSFT/DMClient/Provider/Contoso";

/// A node and what may be done with it.
#[derive(Debug, Clone)]
pub struct Node {
    /// Its address.
    pub address: String,
    /// Values for Add, Replace and Exec.
    pub values: Vec<String>,
    /// Whether it is run instead of being set.
    pub is_run: bool,
}

/// Nodes that meet.
pub type Nodes = Vec<Node>;

pub(crate) fn set(address: &str, values: &[&str]) -> Node {
    Node {
        address: address.to_owned(),
        values: values.iter().map(|value| (*value).to_owned()).collect(),
        is_run: false,
    }
}

fn run(address: &str, values: &[&str]) -> Node {
    Node { is_run: true, ..set(address, values) }
}

/// How many of the groups, from the first on, are settings and nothing else.
pub const SETTINGS: usize = 11;

/// All groups; those that begin something, or speak of what a machine is, come last.
pub static GROUPS: LazyLock<Vec<Nodes>> = LazyLock::new(|| {
    vec![
        kernel(),
        not_installed(),
        time_zone(),
        password(),
        wifi(),
        enterprise(),
        vpn(),
        roots(),
        browser(),
        mail(),
        compliance(),
        account(),
        host_name(),
        scep(),
        push(),
        authority(),
        renewal(),
        actions(),
        nowhere(),
    ]
});

fn kernel() -> Nodes {
    vec![
        set("./Device/Vendor/LinuxMDM/Config/Sysctl/vm.swappiness", &["10", "60", "a\nb"]),
        set("./Vendor/LinuxMDM/Config/Sysctl/vm%2Eswappiness", &["10", "70"]),
        set("./User/Vendor/LinuxMDM/Config/Sysctl/vm.swappiness", &["10", "70"]),
        set("./Device/Vendor/LinuxMDM/Config/Sysctl/net.ipv4.ip_forward", &["0", "1", "a\nb"]),
        set("./Device/Vendor/LinuxMDM/Config/Sysctl/bad", &["1"]),
        set("./Device/Vendor/LinuxMDM/Config/Sysctl", &[]),
    ]
}

fn not_installed() -> Nodes {
    vec![
        set("./Device/Vendor/LinuxMDM/Config/ScreenLock/IdleSeconds", &["60", "x"]),
        set("./Device/Vendor/MSFT/Policy/Config/Camera/AllowCamera", &["0", "9"]),
        set("./Device/Vendor/MSFT/Policy/Config/No/Such", &["1"]),
    ]
}

fn time_zone() -> Nodes {
    let zones = ["Europe/Berlin", "Etc/UTC", "Mars/Phobos", "../etc"];
    vec![
        set("./Device/Vendor/LinuxMDM/Config/Time/Zone", &zones),
        set("./Device/Vendor/MSFT/Policy/Config/TimeLanguageSettings/ConfigureTimeZone", &zones),
    ]
}

fn password() -> Nodes {
    vec![
        set("./Device/Vendor/MSFT/Policy/Config/DeviceLock/MinDevicePasswordLength", &["8", "12", "999"]),
        set("./Device/Vendor/LinuxMDM/Config/Password/MinimumLength", &["8", "14", "no"]),
        set("./Device/Vendor/MSFT/Policy/Config/DeviceLock/MaxDevicePasswordFailedAttempts", &["5", "-1"]),
        set("./Device/Vendor/MSFT/Policy/Result/DeviceLock/MinDevicePasswordLength", &["1"]),
        set("./Device/Vendor/MSFT/Policy/Config/DeviceLock", &[]),
    ]
}

pub(crate) fn host_name() -> Nodes {
    vec![
        set("./DevDetail/Ext/Microsoft/DeviceName", &["lap-1", "lap-2", "-"]),
        set("./Device/Vendor/LinuxMDM/Config/Device/Name", &["lap-1", "lap-3", "a b"]),
        set("./DevDetail/Ext/Microsoft/DNSComputerName", &["x"]),
    ]
}

fn wlan(name: &str, security: &str) -> String {
    format!(
        "<WLANProfile><name>{name}</name><SSIDConfig><SSID><name>{name}</name></SSID></SSIDConfig><MSM><security>{security}\
         </security></MSM></WLANProfile>"
    )
}

pub(crate) fn passphrase(value: &str) -> String {
    wlan(
        "W1",
        &format!(
            "<authEncryption><authentication>WPA2PSK</authentication><encryption>AES</encryption></authEncryption><sharedKey>\
             <keyType>passPhrase</keyType><protected>false</protected><keyMaterial>{value}</keyMaterial></sharedKey>"
        ),
    )
}

fn wifi() -> Nodes {
    let root = "./Device/Vendor/MSFT/WiFi/Profile/W1";
    vec![
        set(root, &[""]),
        set(
            &format!("{root}/WlanXml"),
            &[&passphrase("correct horse"), &passphrase("battery staple"), "<WLANProfile>"],
        ),
        set(&format!("{root}/WiFiCost"), &["1", "2", "9", "x"]),
        set(&format!("{root}/Proxy"), &["proxy.example:8080", "no port", ""]),
        set(&format!("{root}/ProxyPacUrl"), &["http://pac.example/", "::"]),
    ]
}

/// A root certificate that is the same in every run of a process.
static ROOT: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name.push(DnType::CommonName, "Contoso Root CA");
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("the system has random numbers");
    parameters.self_signed(&key).expect("the parameters are complete").der().to_vec()
});

/// The profile of a certificate authority, and the value of its certificate.
pub fn root_authority() -> (String, String) {
    (format!("./Device/Vendor/MSFT/RootCATrustedCertificates/Root/{}", Thumbprint::of(&ROOT)), base64::encode(&*ROOT))
}

/// The `WlanXml` of an enterprise network whose servers that authority vouches for.
pub fn enterprise_network() -> String {
    trusting(25, Thumbprint::of(&ROOT))
}

fn trusting(method: u8, thumbprint: Thumbprint) -> String {
    wlan(
        "W2",
        &format!(
            "<authEncryption><authentication>WPA2</authentication><encryption>AES</encryption></authEncryption><OneX>\
             <EAPConfig><EapHostConfig><EapMethod><Type>{method}</Type></EapMethod><Config><Eap>\
             <Type>{method}</Type><EapType><ServerValidation><TrustedRootCA>{thumbprint}</TrustedRootCA></ServerValidation>\
             </EapType></Eap></Config></EapHostConfig></EAPConfig></OneX>"
        ),
    )
}

fn enterprise() -> Nodes {
    let known = Thumbprint::of(&ROOT);
    let values =
        [enterprise_network(), trusting(13, known), trusting(25, Thumbprint::of(b"other")), trusting(99, known)];
    vec![
        set("./Device/Vendor/MSFT/WiFi/Profile/W2/WlanXml", &values.each_ref().map(String::as_str)),
        set("./Device/Vendor/MSFT/WiFi/Profile/W2", &[""]),
        certificate("Root"),
    ]
}

fn certificate(store: &str) -> Node {
    let address = format!("./Device/Vendor/MSFT/RootCATrustedCertificates/{store}/{}", Thumbprint::of(&ROOT));
    set(&format!("{address}/EncodedCertificate"), &[&base64::encode(&*ROOT), "bm90IGEgY2VydGlmaWNhdGU=", "***"])
}

fn roots() -> Nodes {
    let root = format!("./Device/Vendor/MSFT/RootCATrustedCertificates/Root/{}", Thumbprint::of(&ROOT));
    vec![
        certificate("Root"),
        certificate("CA"),
        set(&root, &[""]),
        set(&format!("{root}/IssuedTo"), &["x"]),
        set(&format!("{root}/ValidTo"), &[]),
    ]
}

fn vpn() -> Nodes {
    let root = "./Device/Vendor/MSFT/VPNv2/Head";
    vec![
        set(root, &[""]),
        set(&format!("{root}/NativeProfile/Servers"), &["vpn.example.org", "a b"]),
        set(&format!("{root}/NativeProfile/NativeProtocolType"), &["IKEv2", "L2tp"]),
        set(&format!("{root}/NativeProfile/Authentication/MachineMethod"), &["Certificate", "Eap"]),
        set(&format!("{root}/NativeProfile/RoutingPolicyType"), &["SplitTunnel", "ForceTunnel"]),
        set(&format!("{root}/RouteList/0/Address"), &["10.0.0.0", "ten"]),
        set(&format!("{root}/RouteList/0/PrefixSize"), &["8", "99"]),
        set(&format!("{root}/AlwaysOn"), &["true", "maybe"]),
        set(&format!("{root}/RouteList"), &[]),
    ]
}

fn scep() -> Nodes {
    let root = "./Device/Vendor/MSFT/ClientCertificateInstall/SCEP/office";
    vec![
        set(root, &[""]),
        set(&format!("{root}/Install/ServerURL"), &["https://ca.example/scep", "ftp://x"]),
        set(&format!("{root}/Install/SubjectName"), &["CN=device", ""]),
        set(&format!("{root}/Install/KeyLength"), &["2048", "12"]),
        set(&format!("{root}/Install/Challenge"), &["once"]),
        run(&format!("{root}/Install/Enroll"), &[""]),
        set(&format!("{root}/Status"), &[]),
        set(&format!("{root}/ErrorCode"), &[]),
    ]
}

fn browser() -> Nodes {
    let policy = "./Device/Vendor/MSFT/Policy/Config/Chrome~Policy~googlechrome/HomepageLocation";
    let enabled = |value: &str| format!("<enabled/><data id=\"HomepageLocation\" value=\"{value}\"/>");
    vec![
        set(policy, &[&enabled("https://a.example"), &enabled("https://b.example"), "<enabled>"]),
        set(
            "./Device/Vendor/LinuxMDM/Config/Chrome/HomepageLocation",
            &["\"https://a.example\"", "\"https://c.example\"", "1"],
        ),
        set("./Device/Vendor/LinuxMDM/Config/Firefox/DisableTelemetry", &["true", "perhaps"]),
    ]
}

fn mail() -> Nodes {
    let root = "./User/Vendor/MSFT/EMAIL2/%7Ba%7D";
    let leaves = [
        ("SERVICENAME", ["Contoso", "Other"]),
        ("SERVICETYPE", ["IMAP4", "X400"]),
        ("INSERVER", ["imap.contoso.example", "a b"]),
        ("OUTSERVER", ["smtp.contoso.example", "a b"]),
        ("AUTHNAME", ["ada", "eve"]),
        ("REPLYADDR", ["ada@contoso.example", "nobody"]),
    ];
    let leaves = leaves.iter().map(|(name, values)| set(&format!("{root}/{name}"), values));
    leaves.chain([set(root, &[])]).collect()
}

fn compliance() -> Nodes {
    let root = "./Device/Vendor/LinuxMDM/Compliance";
    vec![
        set(&format!("{root}/linux_deviceencryption_required"), &["true", "maybe"]),
        set(&format!("{root}/no_such_rule"), &["1"]),
        set(&format!("{root}/firewall_required/Value"), &["true", "x"]),
        set(&format!("{root}/firewall_required/GracePeriod"), &["60", "x"]),
    ]
}

fn account() -> Nodes {
    vec![
        set(&format!("{PROVIDER}/HelpPhoneNumber"), &["1", "2"]),
        set(&format!("{PROVIDER}/HelpWebsite"), &["https://help.example"]),
        set(&format!("{PROVIDER}/EntDMID"), &["entity-8"]),
        set(&format!("{PROVIDER}/Poll/PollOnLogin"), &["true", "false", "x"]),
        set(&format!("{PROVIDER}/Poll/NumberOfFirstRetries"), &["3", "x"]),
        set(&format!("{PROVIDER}/Poll"), &[]),
        set(PROVIDER, &[]),
    ]
}

fn push() -> Nodes {
    vec![
        set(&format!("{PROVIDER}/Push/PFN"), &["ntfy:https://push.example", "other", ""]),
        set(&format!("{PROVIDER}/Push/ChannelURI"), &[]),
        set(&format!("{PROVIDER}/Push/Status"), &[]),
        set(&format!("{PROVIDER}/Push"), &[""]),
    ]
}

fn authority() -> Nodes {
    vec![
        set("./Device/Vendor/LinuxMDM/Authority/Name", &["Contoso", " "]),
        set("./Device/Vendor/LinuxMDM/Authority/ChangedAt", &["20260101T000000Z"]),
    ]
}

fn renewal() -> Nodes {
    let root = "./Device/Vendor/MSFT/CertificateStore/MY/WSTEP/Renew";
    vec![
        set(&format!("{root}/RenewPeriod"), &["30", "0", "x"]),
        set(&format!("{root}/RetryInterval"), &["3"]),
        set(&format!("{root}/ServerURL"), &["https://renew.example/", "http://renew.example/"]),
        run(&format!("{root}/RenewNow"), &[""]),
        set(&format!("{root}/Status"), &[]),
    ]
}

fn actions() -> Nodes {
    vec![
        run("./Device/Vendor/MSFT/DMClient/Unenroll", &["Contoso", "Someone"]),
        run(&format!("{PROVIDER}/Unenroll"), &["", "Someone"]),
        run("./Device/Vendor/MSFT/RemoteLock/Lock", &[""]),
        run("./Device/Vendor/LinuxMDM/RemoteLock/Unlock", &[""]),
        run("./Device/Vendor/MSFT/Reboot/RebootNow", &[""]),
        run("./Device/Vendor/MSFT/RemoteWipe/doWipe", &[""]),
        run("./Device/Vendor/LinuxMDM/RemoteWipe/Confirm", &["token"]),
    ]
}

fn nowhere() -> Nodes {
    vec![
        set("./Nowhere", &["1"]),
        set("./DevInfo/DevId", &["1"]),
        set("./DevInfo?list=StructData", &[]),
        set("./Device/Vendor/MSFT/WiFi/Profile?list=StructData", &[]),
        set("./Device/Vendor/LinuxMDM/Config?list=StructData", &[]),
        set("not an address", &["1"]),
    ]
}
