//! Configuration service providers: those that are here, as the schema has them, and those that Microsoft documents and
//! that are not.
//!
//! A server reads `DeviceManageability/Capabilities/CSPVersions` to learn the former, and is answered with 406 where it
//! speaks to one of the latter; only what nobody knows is 404.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::LazyLock;

use mdm_protocol::csp::profile::ProfileAddress;
use mdm_protocol::syncml::{Format, StatusCode};
use mdm_protocol::{LocUri, Scope};

use super::access::Refusal;
use super::schema;
use super::{Node, Tree};

/// The version of every provider here: the first one, since none is claimed to have what later ones added.
const VERSION: &str = "1.0";
/// Where the versions are read.
const NODE: [&str; 5] = ["Vendor", "MSFT", "DeviceManageability", "Capabilities", "CSPVersions"];

/// Providers below `./Vendor/MSFT` that Microsoft's reference lists, in alphabetical order. Those of the schema may be
/// among them.
#[rustfmt::skip]
const DOCUMENTED: &[&str] = &[
    "AccountManagement", "Accounts", "ActiveSync", "AllJoynManagement", "Application", "ApplicationControl",
    "AppLocker", "AppRestrictions", "AssignedAccess", "BitLocker", "BOOTSTRAP", "BrowserFavorite", "CellularSettings",
    "CertificateStore", "CleanPC", "ClientCertificateInstall", "CloudDesktop", "CM_CellularEntries",
    "CM_ProxyEntries", "CMPolicy", "CMPolicyEnterprise", "CustomDeviceUI", "DeclaredConfiguration", "Defender",
    "DeviceInstanceService", "DeviceLock", "DeviceManageability", "DevicePreparation", "DeviceStatus", "DeviceUpdate",
    "DiagnosticLog", "DMAcc", "DMClient", "DMSessionActions", "DynamicManagement", "EMAIL2",
    "EnrollmentStatusTracking", "EnterpriseAPN", "EnterpriseAppManagement", "EnterpriseAppVManagement",
    "EnterpriseAssignedAccess", "EnterpriseDataProtection", "EnterpriseDesktopAppManagement", "EnterpriseExt",
    "EnterpriseExtFileSystem", "EnterpriseModernAppManagement", "eUICCs", "FileSystem", "Firewall",
    "HealthAttestation", "HotSpot", "LanguagePackManagement", "LAPS", "Local", "Maps", "Messaging", "MultiSIM", "NAP",
    "NAPDEF", "NetworkProxy", "NetworkQoSPolicy", "NodeCache", "Office", "PassportForWork", "PDE", "Personalization",
    "Policy", "PrinterProvisioning", "Provisioning", "PROXY", "Reboot", "Registry", "RemoteFind", "RemoteLock",
    "RemoteRing", "RemoteWipe", "Reporting", "RootCATrustedCertificates", "SecureAssessment", "SecurityPolicy",
    "SharedPC", "Storage", "Storage_RemovableDevices", "SUPL", "SurfaceHub", "TenantLockdown", "TPMPolicy", "UEFI",
    "UnifiedWriteFilter", "UniversalPrint", "Update", "VPN", "VPNv2", "W4_APPLICATION", "W7_APPLICATION", "WiFi",
    "Win32AppInventory", "Win32CompatibilityAppraiser", "WindowsAdvancedThreatProtection", "WindowsAutoPilot",
    "WindowsDefenderApplicationGuard", "WindowsLicensing", "WindowsSecurityAuditing", "WiredNetwork",
];

/// The versions as they are read.
static VERSIONS: LazyLock<String> = LazyLock::new(|| {
    let mut text = "<?xml version=\"1.0\" encoding=\"utf-8\"?><DeviceManageability \
                    Version=\"com.microsoft/1.0/MDM/DeviceManageability\"><Capabilities><CSPVersions>"
        .to_owned();
    for node in available() {
        // Infallible for a string.
        let _ = write!(text, "<CSP Node=\"{node}\" Version=\"{VERSION}\"></CSP>");
    }
    text + "</CSPVersions></Capabilities></DeviceManageability>"
});

impl Tree {
    /// Puts in which providers there are.
    pub(super) fn provide_versions(&mut self) {
        let uri = LocUri::new(Scope::Device, NODE);
        self.provided.insert(uri, Node::new(&Format::Xml, VERSIONS.as_str()));
    }
}

/// The providers of the schema, in the user's scope too where they have profiles, as Windows names them.
pub(super) fn available() -> BTreeSet<String> {
    let mut nodes = BTreeSet::new();
    for rule in schema::rules() {
        let steps: Vec<&str> = rule.pattern().split('/').collect();
        let length = if steps[0] == "Vendor" { 3 } else { usize::from(steps[0] == "SyncML") + 1 };
        let Some(root) = steps.get(..length.min(steps.len())).map(|steps| steps.join("/")) else { continue };
        nodes.insert(if length == 3 { format!("./Device/{root}") } else { format!("./{root}") });
        let has_user_scope = ProfileAddress::locate(&LocUri::new(Scope::User, steps.iter().copied())).is_some();
        if length == 3 && has_user_scope {
            nodes.insert(format!("./User/{root}"));
        }
    }
    nodes
}

/// Why there is no such node: its provider is known and not here, or nothing is known of it.
pub(super) fn no_such_node(uri: &LocUri) -> Refusal {
    let [vendor, owner, provider, ..] = uri.segments() else { return Refusal::new(StatusCode::NOT_FOUND) };
    let is_documented = vendor.eq_ignore_ascii_case("Vendor")
        && owner.eq_ignore_ascii_case("MSFT")
        && DOCUMENTED.iter().any(|known| known.eq_ignore_ascii_case(provider));
    let root = LocUri::new(uri.scope(), uri.segments()[..3].iter().cloned());
    if is_documented && schema::fixed_interior(&root).is_none() {
        let reason = format!("the configuration service provider {provider} is not available on this device");
        return Refusal { status: StatusCode::NOT_SUPPORTED, reason };
    }
    Refusal::new(StatusCode::NOT_FOUND)
}
