//! Descriptions of mail providers in Thunderbird's form (`clientConfig`, version 1.1).

use mdm_protocol::csp::PayloadError;
use mdm_protocol::csp::active_sync::ExchangeAccount;
use mdm_protocol::csp::email::{EmailAccount, MailServer, ServiceType};
use mdm_protocol::xml::XmlWriter;

use crate::platform::desired::Untranslatable;

/// The description of a mailbox that is reached by IMAP or POP.
pub(super) fn mailbox(account: &EmailAccount, domain: &str) -> Result<String, Untranslatable> {
    let (kind, ports) = match account.service_type {
        ServiceType::Imap => ("imap", (993, 143)),
        ServiceType::Pop => ("pop3", (995, 110)),
    };
    check(&account.incoming, "INSERVER")?;
    check(&account.outgoing, "OUTSERVER")?;
    let user = with_domain(&account.domain, &account.user_name, &account.address);
    let outgoing_user = account
        .outgoing_user
        .as_ref()
        .map_or_else(|| user.clone(), |user| with_domain(&user.domain, &user.name, &account.address));
    Ok(provider(domain, &account.service_name, |xml| {
        xml.element("incomingServer", &[("type", kind)], |xml| {
            server(xml, &account.incoming, ports);
            xml.text_leaf("username", &user);
            xml.text_leaf("authentication", "password-cleartext");
        });
        xml.element("outgoingServer", &[("type", "smtp")], |xml| {
            server(xml, &account.outgoing, (465, 587));
            if account.outgoing_authentication {
                xml.text_leaf("username", &outgoing_user);
                xml.text_leaf("authentication", "password-cleartext");
            } else {
                xml.text_leaf("authentication", "none");
            }
        });
    }))
}

/// The description of an Exchange mailbox, which Thunderbird reaches by Exchange's web services.
pub(super) fn exchange(account: &ExchangeAccount, domain: &str) -> Result<String, Untranslatable> {
    let host = MailServer { host: account.server.clone(), port: None, tls: account.tls };
    check(&host, "ServerName")?;
    if !account.tls {
        return Err(Untranslatable::unsupported("Exchange without encryption is not supported"));
    }
    let user = with_domain(&account.domain, &account.user_name, &account.address);
    let name = if account.name.is_empty() { domain } else { &account.name };
    Ok(provider(domain, name, |xml| {
        xml.element("incomingServer", &[("type", "exchange")], |xml| {
            xml.text_leaf("hostname", &account.server);
            xml.text_leaf("port", "443");
            xml.text_leaf("socketType", "SSL");
            xml.text_leaf("username", &user);
            xml.text_leaf("authentication", "password-cleartext");
            xml.text_leaf("ewsURL", &format!("https://{}/EWS/Exchange.asmx", account.server));
            xml.text_leaf("owaURL", &format!("https://{}/owa/", account.server));
        });
        // Thunderbird takes no description without this, though it sends by Exchange's web services, too.
        xml.element("outgoingServer", &[("type", "smtp")], |xml| {
            xml.text_leaf("hostname", &account.server);
            xml.text_leaf("port", "587");
            xml.text_leaf("socketType", "STARTTLS");
            xml.text_leaf("username", &user);
            xml.text_leaf("authentication", "password-cleartext");
        });
    }))
}

fn provider(domain: &str, name: &str, servers: impl FnOnce(&mut XmlWriter)) -> String {
    let mut xml = XmlWriter::new();
    xml.element("clientConfig", &[("version", "1.1")], |xml| {
        xml.element("emailProvider", &[("id", domain)], |xml| {
            xml.text_leaf("domain", domain);
            xml.text_leaf("displayName", name);
            xml.text_leaf("displayShortName", name);
            servers(xml);
        });
    });
    format!("<!-- Made by mdm-agent from a profile of the MDM server; changes are put back. -->\n{}\n", xml.finish())
}

fn server(xml: &mut XmlWriter, server: &MailServer, (encrypted, open): (u16, u16)) {
    xml.text_leaf("hostname", &server.host);
    let port = server.port.unwrap_or(if server.tls { encrypted } else { open });
    xml.text_leaf("port", &port.to_string());
    let is_implicit = match port {
        993 | 995 | 465 => true,
        143 | 110 | 25 | 587 => false,
        _ => server.tls,
    };
    // Where the connection is not encrypted from the start it has to become so, else the password is in the open.
    xml.text_leaf("socketType", if is_implicit { "SSL" } else { "STARTTLS" });
}

/// What stands for the user in a description that is the same for the whole domain. Addresses are compared as mail
/// servers do, in any case.
fn user_name(name: &str, address: &str) -> String {
    let local = address.split('@').next().unwrap_or_default();
    match name {
        "" => "%EMAILADDRESS%".to_owned(),
        name if name.eq_ignore_ascii_case(address) => "%EMAILADDRESS%".to_owned(),
        name if name.eq_ignore_ascii_case(local) => "%EMAILLOCALPART%".to_owned(),
        name => name.to_owned(),
    }
}

/// The same, in the form `DOMAIN\name` where there is a domain.
fn with_domain(domain: &str, name: &str, address: &str) -> String {
    match (domain, user_name(name, address).as_str()) {
        ("", user) => user.to_owned(),
        (domain, "%EMAILADDRESS%") => format!("{domain}\\%EMAILLOCALPART%"),
        (domain, user) => format!("{domain}\\{user}"),
    }
}

fn check(server: &MailServer, node: &str) -> Result<(), Untranslatable> {
    let sound = server.host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte));
    if sound { Ok(()) } else { Err(PayloadError::format(node, "is not the name of a host").into()) }
}
