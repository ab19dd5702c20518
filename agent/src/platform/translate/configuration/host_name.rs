//! The machine's name: `/etc/hostname`, which comes back as it was.

use mdm_protocol::syncml::{Format, StatusCode};

use super::catalogue::Value;
use crate::platform::consumer::Consumer;
use crate::platform::desired::{DesiredFile, Share, Untranslatable, WhereTaken};
use crate::platform::path::MachinePath;
use crate::platform::translate::{Context, Readable};

/// The file that the name is in.
pub const PATH: &str = "/etc/hostname";
/// The longest name that the kernel takes, in bytes.
const MAX_NAME: usize = 64;

pub(super) fn set(value: &Value, _: &str, _: &Context<'_>) -> Result<Share, Untranslatable> {
    let name = value.text();
    let is_sound = name.len() <= MAX_NAME
        && name.split('.').all(|label| {
            let bytes = label.as_bytes();
            (1..=63).contains(&bytes.len())
                && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
                && bytes[0] != b'-'
                && bytes[bytes.len() - 1] != b'-'
        });
    if !is_sound || name.parse::<std::net::IpAddr>().is_ok() || name.eq_ignore_ascii_case("localhost") {
        let reason = "the value is not a host name: letters, digits and inner hyphens, at most 64 characters";
        return Err(Untranslatable::refused(StatusCode::UNSUPPORTED_FORMAT, reason));
    }
    let file = DesiredFile::public(format!("{name}\n"), Consumer::HostName);
    let file = DesiredFile { where_taken: WhereTaken::PutAside, ..file };
    Ok(Share { files: vec![(MachinePath::new(PATH), file)], nodes: nodes(name), ..Share::default() })
}

/// What the server reads of the machine's name.
pub fn nodes(name: &str) -> Vec<Readable> {
    ["DeviceName", "DNSComputerName"]
        .map(|node| (format!("./DevDetail/Ext/Microsoft/{node}"), Format::Chr, name.to_owned()))
        .to_vec()
}
