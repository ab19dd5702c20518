//! Policies of browsers and of Thunderbird: from templates that the server installed (ADMX), from the table of policies
//! that are known without one, and from settings that only Linux has. Decides which of these a profile is; whatever is
//! no browser's is left to others.

mod admx;
pub mod catalogue;
mod defaults;
mod linux;
pub mod target;
mod template;
mod typed;

#[cfg(test)]
mod tests;

use mdm_protocol::csp::PayloadError;
use mdm_protocol::csp::profile::ProfileAddress;

use crate::engine::profile::Profile;
use crate::platform::desired::{Share, Untranslatable};
use crate::platform::translate::Context;

/// What a policy of a browser asks of the machine; `None` if it is not one.
pub(super) fn translate(
    profile: &Profile,
    address: &ProfileAddress,
    context: &Context<'_>,
) -> Option<Result<Share, Untranslatable>> {
    let segments: Vec<&str> = address.root.segments().iter().map(String::as_str).collect();
    match segments.as_slice() {
        ["Vendor", "MSFT", "Policy", "ConfigOperations", "ADMXInstall", ..] => {
            Some(value(profile).and_then(|text| template::install(text, address.scope)))
        }
        ["Vendor", "MSFT", "Policy", "Config", area, policy] => {
            let area = template::Area::parse(area)?;
            Some(value(profile).and_then(|text| template::set(&area, policy, text, address.scope, context)))
        }
        ["Vendor", "LinuxMDM", "Config", browser, policy] => {
            let browser = target::Browser::named(browser)?;
            Some(value(profile).and_then(|text| linux::set(browser, policy, text, context)))
        }
        _ => None,
    }
}

fn value(profile: &Profile) -> Result<&str, Untranslatable> {
    match profile.nodes.get("") {
        Some(node) => Ok(&node.value),
        None => Err(PayloadError::missing("the value").into()),
    }
}
