//! Who manages a device, as both sides tell it on the wire: the nodes of the authority, its names, and the address list
//! through which a device moves from one authority to another (`DMClient/Provider/<id>/ManagementServerAddressList`).

/// The node that names the device's authority.
pub const NAME: &str = "./Device/Vendor/LinuxMDM/Authority/Name";
/// The node that holds when the administrator's change took effect (RFC 3339, UTC).
pub const CHANGED_AT: &str = "./Device/Vendor/LinuxMDM/Authority/ChangedAt";
/// The account's node below `DMClient/Provider/<id>` that holds the addresses of its management server.
pub const ADDRESS_LIST: &str = "ManagementServerAddressList";

/// Intune's name on the wire.
pub const INTUNE: &str = "Intune";
/// The name on the wire of Configuration Manager and Intune together.
pub const CO_MANAGEMENT: &str = "Co-management";
/// The name on the wire of Basic Mobility and Security.
pub const OFFICE_365: &str = "Office 365";

/// The most addresses in a list.
pub const MAX_ADDRESSES: usize = 8;
/// The longest address in a list, in bytes.
pub const MAX_ADDRESS_LENGTH: usize = 2048;

/// An address list that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressListError {
    /// There is no address in it.
    #[error("the address list has no address")]
    Empty,
    /// There are more addresses than [`MAX_ADDRESSES`].
    #[error("the address list has more than {MAX_ADDRESSES} addresses")]
    TooMany,
    /// An address is longer than [`MAX_ADDRESS_LENGTH`].
    #[error("the address list has an address of more than {MAX_ADDRESS_LENGTH} bytes")]
    TooLong,
    /// Angle brackets are missing, or there is something between them that is in none.
    #[error("the address list is not of the form <address><address>")]
    Brackets,
    /// An address has a character in it that no address has.
    #[error("the address list has an address with white space, control characters or angle brackets in it")]
    Character,
}

/// Reads a list of the form `<address><address>`; one single address may stand without brackets.
pub fn parse_address_list(text: &str) -> Result<Vec<String>, AddressListError> {
    let mut rest = text.trim();
    if !rest.is_empty() && !rest.contains(['<', '>']) {
        return checked(rest).map(|address| vec![address]);
    }
    let mut addresses = Vec::new();
    while !rest.is_empty() {
        if addresses.len() == MAX_ADDRESSES {
            return Err(AddressListError::TooMany);
        }
        let inside = rest.strip_prefix('<').ok_or(AddressListError::Brackets)?;
        let (address, after) = inside.split_once('>').ok_or(AddressListError::Brackets)?;
        addresses.push(checked(address.trim())?);
        rest = after.trim_start();
    }
    if addresses.is_empty() { Err(AddressListError::Empty) } else { Ok(addresses) }
}

/// Writes a list in the form `<address><address>`.
pub fn format_address_list<S: AsRef<str>>(addresses: &[S]) -> Result<String, AddressListError> {
    match addresses.len() {
        0 => return Err(AddressListError::Empty),
        count if count > MAX_ADDRESSES => return Err(AddressListError::TooMany),
        _ => {}
    }
    addresses.iter().map(|address| checked(address.as_ref()).map(|address| format!("<{address}>"))).collect()
}

fn checked(address: &str) -> Result<String, AddressListError> {
    if address.is_empty() {
        return Err(AddressListError::Empty);
    }
    if address.len() > MAX_ADDRESS_LENGTH {
        return Err(AddressListError::TooLong);
    }
    if address.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>')) {
        return Err(AddressListError::Character);
    }
    Ok(address.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_as_it_was_written() {
        let addresses = ["https://a.example/MDM.svc?x=1&y=2", "https://[::1]:8443/b"];
        let text = format_address_list(&addresses).unwrap();
        assert_eq!(text, "<https://a.example/MDM.svc?x=1&y=2><https://[::1]:8443/b>");
        assert_eq!(parse_address_list(&text).unwrap(), addresses);
        assert_eq!(parse_address_list(" < https://a > \n <https://b> ").unwrap(), ["https://a", "https://b"]);
    }

    #[test]
    fn a_single_address_needs_no_brackets() {
        assert_eq!(parse_address_list(" https://a.example/ ").unwrap(), ["https://a.example/"]);
    }

    #[test]
    fn what_is_no_list_is_refused_by_name() {
        let cases = [
            ("", AddressListError::Empty),
            ("  ", AddressListError::Empty),
            ("<>", AddressListError::Empty),
            ("<https://a", AddressListError::Brackets),
            ("https://a><https://b>", AddressListError::Brackets),
            ("<https://a>,<https://b>", AddressListError::Brackets),
            ("<https://a<https://b>", AddressListError::Character),
            ("https://a https://b", AddressListError::Character),
            ("<https://a\u{7}>", AddressListError::Character),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_address_list(text), Err(expected), "{text:?}");
        }
        assert_eq!(format_address_list::<&str>(&[]), Err(AddressListError::Empty));
        assert_eq!(format_address_list(&["https://a b"]), Err(AddressListError::Character));
    }

    #[test]
    fn a_list_is_bounded_in_number_and_length() {
        let address = format!("https://{}", "a".repeat(MAX_ADDRESS_LENGTH - 8));
        assert_eq!(parse_address_list(&format!("<{address}>").repeat(MAX_ADDRESSES)).unwrap().len(), MAX_ADDRESSES);
        assert_eq!(parse_address_list(&"<https://a>".repeat(MAX_ADDRESSES + 1)), Err(AddressListError::TooMany));
        assert_eq!(parse_address_list(&format!("<{address}x>")), Err(AddressListError::TooLong));
        assert_eq!(format_address_list(&["https://a"; MAX_ADDRESSES + 1]), Err(AddressListError::TooMany));
        assert_eq!(format_address_list(&[format!("{address}x")]), Err(AddressListError::TooLong));
    }
}
