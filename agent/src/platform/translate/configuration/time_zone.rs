//! The machine's time zone: the link `/etc/localtime`, which comes back as it was.

use mdm_protocol::syncml::StatusCode;

use super::catalogue::Value;
use super::require;
use crate::platform::consumer::Consumer;
use crate::platform::desired::{DesiredFile, Share, Untranslatable, WhereTaken};
use crate::platform::path::MachinePath;
use crate::platform::translate::Context;

pub(super) fn set(value: &Value, _: &str, context: &Context<'_>) -> Result<Share, Untranslatable> {
    let zone = value.text();
    let is_sound = zone.len() <= 64
        && zone.split('/').all(|part| {
            !part.is_empty()
                && part.starts_with(|first: char| first.is_ascii_alphabetic())
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_+".contains(&byte))
        });
    if !is_sound {
        let reason = "the value is not the name of a time zone in the IANA data base, such as Europe/Berlin";
        return Err(Untranslatable::refused(StatusCode::UNSUPPORTED_FORMAT, reason));
    }
    require(context.machine.time_zones, "this machine has no data base of time zones (tzdata)")?;
    let path = MachinePath::new("/etc/localtime");
    let link = DesiredFile::link(format!("/usr/share/zoneinfo/{zone}"), Consumer::Nobody);
    let link = DesiredFile { where_taken: WhereTaken::PutAside, ..link };
    Ok(Share { files: vec![(path, link)], ..Share::default() })
}
