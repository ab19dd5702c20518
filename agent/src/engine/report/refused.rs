//! Profiles of which the server was told that they are refused, as users see them beside those that are held.

use std::collections::BTreeMap;

use mdm_protocol::LocUri;
use mdm_protocol::csp::profile::ProfileAddress;

use super::{ProfileView, Standing, scope_name};
use crate::engine::refusals::RefusedSetting;

/// Why profiles are refused, by the address of their own node.
pub(super) fn by_profile(standing: &Standing) -> BTreeMap<String, (ProfileAddress, &RefusedSetting)> {
    let settings = standing.progress.refused.iter().flat_map(|refused| refused.iter());
    let located = settings.filter_map(|(node, setting)| {
        let address = ProfileAddress::locate(&LocUri::parse(node).ok()?)?;
        Some((address.root.to_string(), (address, setting)))
    });
    located.collect()
}

/// Why a setting of this profile was refused, if one was.
pub(super) fn of_profile<'a>(root: &str, standing: &'a Standing) -> Option<&'a RefusedSetting> {
    let below = format!("{root}/");
    let mut settings = standing.progress.refused.iter().flat_map(|refused| refused.iter());
    settings.find(|(node, _)| *node == root || node.starts_with(&below)).map(|(_, setting)| setting)
}

/// A profile that is not held because it was refused.
pub(super) fn view(address: &ProfileAddress, setting: &RefusedSetting, standing: &Standing) -> ProfileView {
    let at = setting.at.saturating_add(standing.wall_ahead);
    ProfileView {
        kind: address.kind.to_string(),
        scope: scope_name(address.root.scope()).to_owned(),
        name: address.name.clone(),
        summary: "refused, not stored".to_owned(),
        authority: standing.authority.to_string(),
        received: at,
        confirmed: at,
        kept_until: None,
        redundant: false,
        not_in_force: Some(setting.in_words()),
        refused_change: None,
        files: Vec::new(),
        without_effect: Vec::new(),
        content_hash: String::new(),
        address: address.root.to_string(),
    }
}
