//! Which nodes there are, which commands they take and which format they have (from the providers' DDF files).

use mdm_protocol::LocUri;
use mdm_protocol::syncml::Format;

/// The commands that a node takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access(u8);

impl Access {
    /// Add.
    pub const ADD: Self = Self(1);
    /// Delete.
    pub const DELETE: Self = Self(2);
    /// Get.
    pub const GET: Self = Self(4);
    /// Replace.
    pub const REPLACE: Self = Self(8);
    /// Exec.
    pub const EXEC: Self = Self(16);

    const fn parse(letters: &str) -> Self {
        let letters = letters.as_bytes();
        let mut access = 0;
        let mut index = 0;
        while index < letters.len() {
            access |= match letters[index] {
                b'A' => Self::ADD.0,
                b'D' => Self::DELETE.0,
                b'G' => Self::GET.0,
                b'R' => Self::REPLACE.0,
                b'X' => Self::EXEC.0,
                _ => panic!("an access letter is one of A, D, G, R, X"),
            };
            index += 1;
        }
        Self(access)
    }

    /// Whether the command is among them.
    pub fn allows(self, command: Self) -> bool {
        self.0 & command.0 != 0
    }
}

/// The rule for one node, or for all nodes of one pattern.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// The address below the scope: fixed names, `<>` for a name of the server's choice, `...` at the end for any
    /// number of further segments.
    pattern: &'static str,
    /// How many segments an address of the pattern has, at least where `...` is its last one.
    depth: usize,
    /// The commands that the node takes.
    pub access: Access,
    /// The format of its value.
    pub format: Kind,
    /// Whether a Get must not tell the value.
    pub secret: bool,
}

/// Formats as rules need them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A signed 32-bit number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// Base64.
    Base64,
    /// Whatever the command says.
    Any,
    /// An interior node.
    Interior,
    /// No value.
    Nothing,
}

impl Kind {
    /// The format in which such a node is reported.
    pub fn format(self) -> Format {
        match self {
            Self::Text | Self::Any => Format::Chr,
            Self::Number => Format::Int,
            Self::Boolean => Format::Bool,
            Self::Base64 => Format::B64,
            Self::Interior => Format::Node,
            Self::Nothing => Format::Null,
        }
    }
}

const fn depth(pattern: &str) -> usize {
    let pattern = pattern.as_bytes();
    let (mut index, mut depth) = (0, 1);
    while index < pattern.len() {
        if pattern[index] == b'/' {
            depth += 1;
        }
        index += 1;
    }
    depth
}

const fn rule(pattern: &'static str, access: &str, format: Kind) -> Rule {
    Rule { pattern, depth: depth(pattern), access: Access::parse(access), format, secret: false }
}

const fn secret(pattern: &'static str, access: &str) -> Rule {
    Rule { pattern, depth: depth(pattern), access: Access::parse(access), format: Kind::Text, secret: true }
}

use Kind::{Any, Base64, Boolean, Interior, Nothing, Number, Text};

/// More special patterns come before more general ones.
#[rustfmt::skip]
static RULES: &[Rule] = &[
    rule("DevInfo/DevId", "G", Text),
    rule("DevInfo/Man", "G", Text),
    rule("DevInfo/Mod", "G", Text),
    rule("DevInfo/DmV", "G", Text),
    rule("DevInfo/Lang", "G", Text),
    rule("DevInfo/Ext/ICCID", "G", Text),
    rule("DevDetail/URI/MaxDepth", "G", Text),
    rule("DevDetail/URI/MaxTotLen", "G", Text),
    rule("DevDetail/URI/MaxSegLen", "G", Text),
    rule("DevDetail/DevTyp", "G", Text),
    rule("DevDetail/OEM", "G", Text),
    rule("DevDetail/FwV", "G", Text),
    rule("DevDetail/SwV", "G", Text),
    rule("DevDetail/HwV", "G", Text),
    rule("DevDetail/LrgObj", "G", Boolean),
    rule("DevDetail/VoLTEServiceSetting", "G", Boolean),
    rule("DevDetail/Ext/Microsoft/DeviceName", "GR", Text),
    rule("DevDetail/Ext/Microsoft/OSPlatform", "G", Text),
    rule("DevDetail/Ext/Microsoft/LocalTime", "G", Text),
    rule("DevDetail/Ext/Microsoft/DNSComputerName", "G", Text),
    rule("DevDetail/Ext/Microsoft/Resolution", "G", Text),
    rule("DevDetail/Ext/Microsoft/SMBIOSSerialNumber", "G", Text),
    rule("DevDetail/Ext/Microsoft/SMBIOSVersion", "G", Text),
    rule("DevDetail/Ext/Microsoft/SystemSKU", "G", Text),
    rule("DevDetail/Ext/Microsoft/RadioSwV", "G", Text),
    rule("DevDetail/Ext/Microsoft/MobileID", "G", Text),
    rule("DevDetail/Ext/Microsoft/CommercializationOperator", "G", Text),
    rule("DevDetail/Ext/Microsoft/ProcessorArchitecture", "G", Number),
    rule("DevDetail/Ext/Microsoft/ProcessorType", "G", Number),
    rule("DevDetail/Ext/Microsoft/TotalRAM", "G", Number),
    rule("DevDetail/Ext/Microsoft/TotalStorage", "G", Number),
    rule("DevDetail/Ext/Microsoft/FreeStorage", "G", Number),
    rule("DevDetail/Ext/WLANMACAddress", "G", Text),
    rule("DevDetail/Ext/WlanIPv4Address", "G", Text),
    rule("DevDetail/Ext/WlanIPv6Address", "G", Text),
    rule("DevDetail/Ext/WlanDnsSuffix", "G", Text),
    rule("DevDetail/Ext/WlanSubnetMask", "G", Text),
    rule("DevDetail/Ext/DeviceHardwareData", "G", Text),
    secret("SyncML/DMAcc/<>/AppAuth/<>/AAuthSecret", "AR"),
    rule("SyncML/DMAcc/<>/AppAuth/<>/AAuthName", "AR", Text),
    rule("SyncML/DMAcc/<>/AppAuth/<>/AAuthData", "AR", Any),
    rule("Vendor/MSFT/DMClient/HWDevID", "G", Text),
    rule("Vendor/MSFT/DMClient/Unenroll", "GX", Nothing),
    rule("Vendor/MSFT/DMClient/Provider/<>", "G", Interior),
    rule("Vendor/MSFT/DMClient/Provider/<>/Unenroll", "GX", Nothing),
    rule("Vendor/MSFT/DMClient/Provider/<>/ManagementServiceAddress", "G", Text),
    rule("Vendor/MSFT/DMClient/Provider/<>/ManagementServerAddressList", "GR", Text),
    rule("Vendor/MSFT/DMClient/Provider/<>/MaxSyncApplicationVersion", "G", Text),
    rule("Vendor/MSFT/DMClient/Provider/<>/EnrollmentType", "G", Text),
    rule("Vendor/MSFT/DMClient/Provider/<>/HWDevID", "G", Text),
    rule("Vendor/MSFT/DMClient/Provider/<>/AADDeviceID", "G", Text),
    rule("Vendor/MSFT/DMClient/Provider/<>/EntDeviceName", "ADGR", Text),
    rule("Vendor/MSFT/DMClient/Provider/<>/ExchangeID", "ADGR", Text),
    rule("Vendor/MSFT/DMClient/Provider/<>/EntDMID", "ADGR", Text),
    rule("Vendor/MSFT/DMClient/Provider/<>/SignedEntDMID", "ADGR", Text),
    rule("Vendor/MSFT/DMClient/Provider/<>/CertRenewTimeStamp", "ADGR", Text),
    rule("Vendor/MSFT/DMClient/Provider/<>/PublisherDeviceID", "ADGR", Text),
    rule("Vendor/MSFT/DMClient/Provider/<>/HelpPhoneNumber", "ADGR", Text),
    rule("Vendor/MSFT/DMClient/Provider/<>/HelpWebsite", "ADGR", Text),
    rule("Vendor/MSFT/DMClient/Provider/<>/HelpEmailAddress", "ADGR", Text),
    rule("Vendor/MSFT/DMClient/Provider/<>/CommercialID", "ADGR", Text),
    rule("Vendor/MSFT/DMClient/Provider/<>/UPN", "AGR", Text),
    rule("Vendor/MSFT/DMClient/Provider/<>/AADResourceID", "AGR", Text),
    rule("Vendor/MSFT/DMClient/Provider/<>/RequireMessageSigning", "ADGR", Boolean),
    rule("Vendor/MSFT/DMClient/Provider/<>/AADSendDeviceToken", "ADGR", Boolean),
    rule("Vendor/MSFT/DMClient/Provider/<>/ForceAadToken", "ADGR", Text),
    rule("Vendor/MSFT/DMClient/Provider/<>/EnableOmaDmKeepAliveMessage", "GR", Boolean),
    rule("Vendor/MSFT/DMClient/Provider/<>/SyncApplicationVersion", "ADGR", Text),
    rule("Vendor/MSFT/DMClient/Provider/<>/NumberOfDaysAfterLostContactToUnenroll", "ADGR", Number),
    rule("Vendor/MSFT/DMClient/Provider/<>/Push", "ADG", Interior),
    rule("Vendor/MSFT/DMClient/Provider/<>/Push/PFN", "ADGR", Text),
    rule("Vendor/MSFT/DMClient/Provider/<>/Push/ChannelURI", "G", Text),
    rule("Vendor/MSFT/DMClient/Provider/<>/Push/Status", "G", Number),
    rule("Vendor/MSFT/DMClient/Provider/<>/Poll/PollOnLogin", "ADGR", Boolean),
    rule("Vendor/MSFT/DMClient/Provider/<>/Poll/AllUsersPollOnFirstLogin", "ADGR", Boolean),
    rule("Vendor/MSFT/DMClient/Provider/<>/Poll/IntervalForFirstSetOfRetries", "ADGR", Number),
    rule("Vendor/MSFT/DMClient/Provider/<>/Poll/NumberOfFirstRetries", "ADGR", Number),
    rule("Vendor/MSFT/DMClient/Provider/<>/Poll/IntervalForSecondSetOfRetries", "ADGR", Number),
    rule("Vendor/MSFT/DMClient/Provider/<>/Poll/NumberOfSecondRetries", "ADGR", Number),
    rule("Vendor/MSFT/DMClient/Provider/<>/Poll/IntervalForRemainingScheduledRetries", "ADGR", Number),
    rule("Vendor/MSFT/DMClient/Provider/<>/Poll/NumberOfRemainingScheduledRetries", "ADGR", Number),
    rule("Vendor/MSFT/DMClient/Provider/<>/ConfigRefresh/Enabled", "ADGR", Boolean),
    rule("Vendor/MSFT/DMClient/Provider/<>/ConfigRefresh/Cadence", "ADGR", Number),
    rule("Vendor/MSFT/DMClient/Provider/<>/ConfigRefresh/PausePeriod", "ADGR", Number),
    rule("Vendor/MSFT/DMClient/Provider/<>/FirstSyncStatus/ServerHasFinishedProvisioning", "GR", Boolean),
    rule("Vendor/MSFT/DMClient/Provider/<>/FirstSyncStatus/IsSyncDone", "GR", Boolean),
    rule("Vendor/MSFT/DMClient/Provider/<>/FirstSyncStatus/<>", "GR", Any),
    rule("Vendor/MSFT/WiFi/Profile/<>", "ADGR", Interior),
    rule("Vendor/MSFT/WiFi/Profile/<>/WlanXml", "ADGR", Text),
    rule("Vendor/MSFT/WiFi/Profile/<>/Proxy", "ADGR", Text),
    rule("Vendor/MSFT/WiFi/Profile/<>/ProxyPacUrl", "ADGR", Text),
    rule("Vendor/MSFT/WiFi/Profile/<>/ProxyWPAD", "ADGR", Boolean),
    rule("Vendor/MSFT/WiFi/Profile/<>/WiFiCost", "ADGR", Number),
    rule("Vendor/MSFT/WiFi/Profile/<>/ProfileSource", "GR", Number),
    rule("Vendor/MSFT/VPNv2/<>", "ADGR", Interior),
    rule("Vendor/MSFT/VPNv2/<>/AlwaysOn", "ADGR", Boolean),
    rule("Vendor/MSFT/VPNv2/<>/DeviceTunnel", "ADGR", Boolean),
    rule("Vendor/MSFT/VPNv2/<>/RememberCredentials", "ADGR", Boolean),
    rule("Vendor/MSFT/VPNv2/<>/ByPassForLocal", "ADGR", Boolean),
    rule("Vendor/MSFT/VPNv2/<>/RegisterDNS", "ADGR", Boolean),
    rule("Vendor/MSFT/VPNv2/<>/RouteList/<>/PrefixSize", "ADGR", Number),
    rule("Vendor/MSFT/VPNv2/<>/RouteList/<>/Metric", "ADGR", Number),
    rule("Vendor/MSFT/VPNv2/<>/RouteList/<>/ExclusionRoute", "ADGR", Boolean),
    secret("Vendor/MSFT/VPNv2/<>/NativeProfile/L2tpPsk", "ADGR"),
    rule("Vendor/MSFT/VPNv2/<>/...", "ADGR", Any),
    rule("Vendor/MSFT/EMAIL2/<>", "ADG", Interior),
    secret("Vendor/MSFT/EMAIL2/<>/AUTHSECRET", "ADGR"),
    secret("Vendor/MSFT/EMAIL2/<>/SMTPALTPASSWORD", "ADGR"),
    rule("Vendor/MSFT/EMAIL2/<>/...", "ADGR", Text),
    rule("Vendor/MSFT/ActiveSync/Accounts/<>", "ADG", Interior),
    secret("Vendor/MSFT/ActiveSync/Accounts/<>/Password", "ADGR"),
    rule("Vendor/MSFT/ActiveSync/Accounts/<>/...", "ADGR", Text),
    rule("Vendor/MSFT/RootCATrustedCertificates/Root/<>", "DG", Interior),
    rule("Vendor/MSFT/RootCATrustedCertificates/CA/<>", "DG", Interior),
    rule("Vendor/MSFT/RootCATrustedCertificates/TrustedPublisher/<>", "DG", Interior),
    rule("Vendor/MSFT/RootCATrustedCertificates/TrustedPeople/<>", "DG", Interior),
    rule("Vendor/MSFT/RootCATrustedCertificates/UntrustedCertificates/<>", "DG", Interior),
    rule("Vendor/MSFT/RootCATrustedCertificates/OemEsim/<>", "DG", Interior),
    rule("Vendor/MSFT/RootCATrustedCertificates/Root/<>/EncodedCertificate", "AGR", Base64),
    rule("Vendor/MSFT/RootCATrustedCertificates/CA/<>/EncodedCertificate", "AGR", Base64),
    rule("Vendor/MSFT/RootCATrustedCertificates/TrustedPublisher/<>/EncodedCertificate", "AGR", Base64),
    rule("Vendor/MSFT/RootCATrustedCertificates/TrustedPeople/<>/EncodedCertificate", "AGR", Base64),
    rule("Vendor/MSFT/RootCATrustedCertificates/UntrustedCertificates/<>/EncodedCertificate", "AGR", Base64),
    rule("Vendor/MSFT/RootCATrustedCertificates/OemEsim/<>/EncodedCertificate", "AGR", Base64),
    rule("Vendor/MSFT/RootCATrustedCertificates/Root/<>/IssuedBy", "G", Text),
    rule("Vendor/MSFT/RootCATrustedCertificates/Root/<>/IssuedTo", "G", Text),
    rule("Vendor/MSFT/RootCATrustedCertificates/Root/<>/ValidFrom", "G", Text),
    rule("Vendor/MSFT/RootCATrustedCertificates/Root/<>/ValidTo", "G", Text),
    rule("Vendor/MSFT/RootCATrustedCertificates/CA/<>/IssuedBy", "G", Text),
    rule("Vendor/MSFT/RootCATrustedCertificates/CA/<>/IssuedTo", "G", Text),
    rule("Vendor/MSFT/RootCATrustedCertificates/CA/<>/ValidFrom", "G", Text),
    rule("Vendor/MSFT/RootCATrustedCertificates/CA/<>/ValidTo", "G", Text),
    rule("Vendor/MSFT/CertificateStore/ROOT/System/<>", "DG", Interior),
    rule("Vendor/MSFT/CertificateStore/CA/System/<>", "DG", Interior),
    rule("Vendor/MSFT/CertificateStore/ROOT/System/<>/EncodedCertificate", "AGR", Base64),
    rule("Vendor/MSFT/CertificateStore/CA/System/<>/EncodedCertificate", "AGR", Base64),
    rule("Vendor/MSFT/CertificateStore/ROOT/System/<>/IssuedBy", "G", Text),
    rule("Vendor/MSFT/CertificateStore/ROOT/System/<>/IssuedTo", "G", Text),
    rule("Vendor/MSFT/CertificateStore/ROOT/System/<>/ValidFrom", "G", Text),
    rule("Vendor/MSFT/CertificateStore/ROOT/System/<>/ValidTo", "G", Text),
    rule("Vendor/MSFT/CertificateStore/CA/System/<>/IssuedBy", "G", Text),
    rule("Vendor/MSFT/CertificateStore/CA/System/<>/IssuedTo", "G", Text),
    rule("Vendor/MSFT/CertificateStore/CA/System/<>/ValidFrom", "G", Text),
    rule("Vendor/MSFT/CertificateStore/CA/System/<>/ValidTo", "G", Text),
    rule("Vendor/MSFT/CertificateStore/MY/WSTEP/CertThumprint", "G", Text),
    rule("Vendor/MSFT/CertificateStore/MY/WSTEP/Renew/RenewPeriod", "ADGR", Number),
    rule("Vendor/MSFT/CertificateStore/MY/WSTEP/Renew/RetryInterval", "ADGR", Number),
    rule("Vendor/MSFT/CertificateStore/MY/WSTEP/Renew/ServerURL", "ADGR", Text),
    rule("Vendor/MSFT/CertificateStore/MY/WSTEP/Renew/ROBOSupport", "ADGR", Boolean),
    rule("Vendor/MSFT/CertificateStore/MY/WSTEP/Renew/RetryAfterExpiryInterval", "AGR", Number),
    rule("Vendor/MSFT/CertificateStore/MY/WSTEP/Renew/Status", "G", Number),
    rule("Vendor/MSFT/CertificateStore/MY/WSTEP/Renew/ErrorCode", "G", Number),
    rule("Vendor/MSFT/CertificateStore/MY/WSTEP/Renew/LastRenewalAttemptTime", "G", Text),
    rule("Vendor/MSFT/CertificateStore/MY/WSTEP/Renew/RenewNow", "X", Nothing),
    rule("Vendor/MSFT/ClientCertificateInstall/PFXCertInstall/<>", "ADG", Interior),
    rule("Vendor/MSFT/ClientCertificateInstall/PFXCertInstall/<>/KeyLocation", "AGR", Number),
    secret("Vendor/MSFT/ClientCertificateInstall/PFXCertInstall/<>/PFXCertBlob", "AGR"),
    secret("Vendor/MSFT/ClientCertificateInstall/PFXCertInstall/<>/PFXCertPassword", "ADGR"),
    rule("Vendor/MSFT/ClientCertificateInstall/PFXCertInstall/<>/PFXCertPasswordEncryptionType", "ADGR", Number),
    rule("Vendor/MSFT/ClientCertificateInstall/PFXCertInstall/<>/PFXKeyExportable", "ADGR", Boolean),
    rule("Vendor/MSFT/ClientCertificateInstall/PFXCertInstall/<>/Thumbprint", "G", Text),
    rule("Vendor/MSFT/ClientCertificateInstall/PFXCertInstall/<>/Status", "G", Number),
    rule("Vendor/MSFT/ClientCertificateInstall/PFXCertInstall/<>/<>", "ADGR", Text),
    rule("Vendor/MSFT/ClientCertificateInstall/SCEP/<>", "ADG", Interior),
    rule("Vendor/MSFT/ClientCertificateInstall/SCEP/<>/CertThumbprint", "G", Text),
    rule("Vendor/MSFT/ClientCertificateInstall/SCEP/<>/Status", "G", Number),
    rule("Vendor/MSFT/ClientCertificateInstall/SCEP/<>/ErrorCode", "G", Number),
    rule("Vendor/MSFT/ClientCertificateInstall/SCEP/<>/RespondentServerUrl", "G", Text),
    rule("Vendor/MSFT/ClientCertificateInstall/SCEP/<>/Install/Enroll", "X", Nothing),
    rule("Vendor/MSFT/ClientCertificateInstall/SCEP/<>/Install", "ADG", Interior),
    secret("Vendor/MSFT/ClientCertificateInstall/SCEP/<>/Install/Challenge", "ADGR"),
    rule("Vendor/MSFT/ClientCertificateInstall/SCEP/<>/Install/KeyUsage", "ADGR", Number),
    rule("Vendor/MSFT/ClientCertificateInstall/SCEP/<>/Install/KeyProtection", "ADGR", Number),
    rule("Vendor/MSFT/ClientCertificateInstall/SCEP/<>/Install/KeyLength", "ADGR", Number),
    rule("Vendor/MSFT/ClientCertificateInstall/SCEP/<>/Install/RetryCount", "ADGR", Number),
    rule("Vendor/MSFT/ClientCertificateInstall/SCEP/<>/Install/RetryDelay", "ADGR", Number),
    rule("Vendor/MSFT/ClientCertificateInstall/SCEP/<>/Install/<>", "ADGR", Text),
    rule("Vendor/MSFT/Policy/Config/<>", "G", Interior),
    rule("Vendor/MSFT/Policy/Config/<>/<>", "ADGR", Any),
    rule("Vendor/MSFT/Policy/Result/<>", "G", Interior),
    rule("Vendor/MSFT/Policy/Result/<>/<>", "G", Any),
    rule("Vendor/MSFT/Policy/ConfigOperations/ADMXInstall/<>/Policy/<>", "ADGR", Text),
    rule("Vendor/MSFT/Policy/ConfigOperations/ADMXInstall/<>/Preference/<>", "ADGR", Text),
    rule("Vendor/MSFT/DeviceStatus/...", "G", Any),
    rule("Vendor/MSFT/DeviceManageability/Capabilities/CSPVersions", "G", Any),
    rule("Vendor/LinuxMDM/Compliance/<>", "ADGR", Any),
    rule("Vendor/LinuxMDM/Compliance/<>/<>", "ADGR", Text),
    rule("Vendor/LinuxMDM/ComplianceStatus/Overall", "G", Text),
    rule("Vendor/LinuxMDM/ComplianceStatus/CheckedAt", "G", Text),
    rule("Vendor/LinuxMDM/ComplianceStatus/Rule/<>", "G", Interior),
    rule("Vendor/LinuxMDM/ComplianceStatus/Rule/<>/<>", "G", Text),
    rule("Vendor/MSFT/RemoteLock/Lock", "GX", Nothing),
    rule("Vendor/MSFT/RemoteWipe/doWipe", "X", Text),
    rule("Vendor/MSFT/RemoteWipe/doWipeProtected", "X", Text),
    rule("Vendor/MSFT/RemoteWipe/<>", "X", Text),
    rule("Vendor/MSFT/Reboot/RebootNow", "GX", Nothing),
    rule("Vendor/LinuxMDM/RemoteLock/Unlock", "X", Nothing),
    rule("Vendor/LinuxMDM/RemoteWipe/Confirm", "X", Text),
    rule("Vendor/LinuxMDM/Orders/<>", "G", Interior),
    rule("Vendor/LinuxMDM/Orders/<>/Kind", "G", Text),
    rule("Vendor/LinuxMDM/Orders/<>/State", "G", Text),
    rule("Vendor/LinuxMDM/Orders/<>/Detail", "G", Text),
    rule("Vendor/LinuxMDM/Authority/Name", "AGR", Text),
    rule("Vendor/LinuxMDM/Authority/ChangedAt", "AGR", Text),
    rule("Vendor/LinuxMDM/Inventory/Digest", "G", Text),
    rule("Vendor/LinuxMDM/Inventory/Profiles", "G", Text),
    rule("Vendor/LinuxMDM/Config/<>", "G", Interior),
    rule("Vendor/LinuxMDM/Config/<>/<>", "ADGR", Any),
];

const WILDCARD: &str = "<>";
const OPEN_END: &str = "...";

/// The rule for a node, and the node's address with its fixed names in their conventional case.
pub fn find(uri: &LocUri) -> Option<(&'static Rule, LocUri)> {
    RULES.iter().find_map(|rule| Some((rule, rule.matches(uri)?)))
}

/// All rules.
pub(super) fn rules() -> &'static [Rule] {
    RULES
}

impl Rule {
    pub(super) fn pattern(&self) -> &'static str {
        self.pattern
    }

    fn matches(&self, uri: &LocUri) -> Option<LocUri> {
        // Every node of every session is looked up here: what cannot be it is not even compared.
        let length = uri.segments().len();
        if length < self.depth || length > self.depth && !self.pattern.ends_with(OPEN_END) {
            return None;
        }
        let fits = self
            .pattern
            .split('/')
            .zip(uri.segments())
            .all(|(step, segment)| step == OPEN_END || step == WILDCARD || segment.eq_ignore_ascii_case(step));
        fits.then(|| self.canonical(uri)).flatten()
    }

    fn canonical(&self, uri: &LocUri) -> Option<LocUri> {
        let mut segments = uri.segments().iter();
        let mut canonical = Vec::with_capacity(segments.len());
        for step in self.pattern.split('/') {
            if step == OPEN_END {
                let rest = segments.as_slice();
                canonical.extend_from_slice(rest);
                return (!rest.is_empty()).then(|| LocUri::new(uri.scope(), canonical));
            }
            let segment = segments.next()?;
            if step != WILDCARD && !segment.eq_ignore_ascii_case(step) {
                return None;
            }
            canonical.push(if step == WILDCARD { segment.clone() } else { step.to_owned() });
        }
        segments.as_slice().is_empty().then(|| LocUri::new(uri.scope(), canonical))
    }
}

impl Rule {
    /// The node of the server's choice that a node of this rule belongs to: the account or the profile above it.
    pub(super) fn owner(&self, uri: &LocUri) -> Option<LocUri> {
        let (above, _) = self.pattern.rsplit_once('/')?;
        let depth = above.split('/').collect::<Vec<_>>().iter().rposition(|step| *step == WILDCARD)? + 1;
        Some(LocUri::new(uri.scope(), uri.segments().iter().take(depth).cloned()))
    }

    /// Whether the value may contain a secret among other things: a Wi-Fi key in a WLAN profile, a VPN client's own
    /// configuration. Nobody reads such a value with the secrets in it.
    pub fn may_hold_secret(&self) -> bool {
        ["/WlanXml", "VPNv2/<>/..."].iter().any(|end| self.pattern.ends_with(end))
    }
}

/// Whether an address is that of a fixed interior node: one that is there even while it is empty. Answers with the
/// address in its conventional case and the fixed interior nodes directly below it.
pub fn fixed_interior(uri: &LocUri) -> Option<(LocUri, Vec<&'static str>)> {
    let depth = uri.segments().len();
    let mut found: Option<(LocUri, Vec<&'static str>)> = None;
    for rule in RULES {
        let steps: Vec<&str> = rule.pattern.split('/').collect();
        let leads_here = steps.len() > depth
            && steps
                .iter()
                .zip(uri.segments())
                .all(|(step, segment)| *step != WILDCARD && step.eq_ignore_ascii_case(segment));
        if !leads_here {
            continue;
        }
        let canonical = steps[..depth].iter().map(|step| (*step).to_owned());
        let (_, below) = found.get_or_insert_with(|| (LocUri::new(uri.scope(), canonical), Vec::new()));
        let next = steps[depth];
        if steps.len() > depth + 1 && next != WILDCARD && next != OPEN_END && !below.contains(&next) {
            below.push(next);
        }
    }
    found
}
