//! Policies that are objects or arrays by their makers' documentation and have no row of their own. In templates they are
//! text: without their type, text that is no JSON would be written as it is, and the browser would ignore it.

use super::Browser;
use super::ValueType::{self, Array, Object};

/// The policies of Chrome, Chromium and Edge; those that only one of them has are ignored by the others.
const CHROMIUM_FAMILY: &[(&str, ValueType)] = &[
    ("AutoLaunchProtocolsFromOrigins", Array),
    ("ExemptDomainFileTypePairsFromFileTypeDownloadWarnings", Array),
    ("ExemptFileTypeDownloadWarnings", Array),
    ("ManagedConfigurationPerOrigin", Array),
    ("ManagedSearchEngines", Array),
    ("NewTabPageManagedQuickLinks", Array),
    ("PrintingPaperSizeDefault", Object),
    ("RegisteredProtocolHandlers", Array),
    ("RelaunchWindow", Object),
    ("SerialAllowUsbDevicesForUrls", Array),
    ("SiteSearchSettings", Array),
    ("WebAppInstallForceList", Array),
    ("WebAppSettings", Array),
    ("WebHidAllowAllDevicesForUrls", Array),
    ("WebHidAllowDevicesForUrls", Array),
    ("WebHidAllowDevicesWithHidUsagesForUrls", Array),
    ("WebUsbAllowDevicesForUrls", Array),
];

/// The policies of Firefox and Thunderbird.
const MOZILLA: &[(&str, ValueType)] = &[
    ("3rdparty", Object),
    ("AutoLaunchProtocolsFromOrigins", Array),
    ("Containers", Object),
    ("ExemptDomainFileTypePairsFromFileTypeDownloadWarnings", Array),
    ("Handlers", Object),
    ("Permissions", Object),
];

/// The type of the policy at this place.
pub(super) fn at(browser: Browser, path: &[String]) -> Option<ValueType> {
    let [name] = path else { return None };
    let family = match browser {
        Browser::Chrome | Browser::Chromium | Browser::Edge => CHROMIUM_FAMILY,
        Browser::Firefox | Browser::Thunderbird => MOZILLA,
    };
    family.iter().find(|(policy, _)| policy == name).map(|(_, value_type)| *value_type)
}

#[cfg(test)]
mod tests {
    use super::super::{Known, rows};
    use super::*;

    #[test]
    fn no_policy_stands_in_both_tables() {
        for (browser, family) in
            [(Browser::Chrome, CHROMIUM_FAMILY), (Browser::Edge, CHROMIUM_FAMILY), (Browser::Firefox, MOZILLA)]
        {
            for (policy, _) in family {
                let twice = rows::ROWS.iter().any(|known: &Known| known.is_of(browser) && known.path == [*policy]);
                assert!(!twice, "{policy}");
            }
        }
    }
}
