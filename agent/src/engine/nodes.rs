//! The nodes by which the agent is steered and tells how it stands: authority, renewal, push.

use std::sync::Arc;

use mdm_protocol::LocUri;
use mdm_protocol::csp::authority::{ADDRESS_LIST, CHANGED_AT, NAME, parse_address_list};
use mdm_protocol::csp::{PayloadError, boolean};
use mdm_protocol::syncml::{Format, StatusCode};
use url::Url;

use super::account::Account;
use super::authority::ToldAuthority;
use super::certificates::RenewalTerms;
use super::compliance::standing::Standing;
use super::life::{Life, Told};
use super::push::{LinkState, PushState};
use super::server_settings::{self, ServerSettings};
use super::tree::Tree;

#[cfg(test)]
mod tests;

const RENEW: &str = "./Device/Vendor/MSFT/CertificateStore/MY/WSTEP/Renew";
const THUMBPRINT: &str = "./Device/Vendor/MSFT/CertificateStore/MY/WSTEP/CertThumprint";

/// What the device proves of itself after a renewal: nodes by which a server links the new certificate to the device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RenewalProof {
    /// `SignedEntDMID`: the old key's signature over `EntDMID`, base64.
    pub signed_entity_id: Option<String>,
    /// When the certificate was renewed, seconds since 1970 (`CertRenewTimeStamp`).
    pub renewed: i64,
}

/// Judges a value by which the agent is steered: what it could never follow is refused with the command.
pub fn check(uri: &LocUri, value: &str) -> Result<(), PayloadError> {
    let refuse = |reason: &str| {
        let (node, reason) = (uri.name().to_owned(), reason.to_owned());
        Err(PayloadError { status: StatusCode::NOT_SUPPORTED, node, reason })
    };
    match uri.name() {
        ADDRESS_LIST => match parse_address_list(value) {
            Ok(addresses) if addresses.iter().all(|address| is_https(address)) => Ok(()),
            Ok(_) => refuse("an address of the list is not https, names no host or carries a password"),
            Err(error) => refuse(&error.to_string()),
        },
        "ServerURL" if is_renewal(uri) && !is_https(value.trim()) => {
            refuse("the address for renewals is not https, names no host or carries a password")
        }
        "RenewPeriod" | "RetryInterval" if is_renewal(uri) && days(value).is_none() => {
            refuse("the number of days is not between 1 and 1000")
        }
        "Name" if uri.to_string() == NAME && value.trim().is_empty() => refuse("the authority has no name"),
        _ => server_settings::refuses(uri, value).map_or(Ok(()), |reason| refuse(&reason)),
    }
}

fn is_renewal(uri: &LocUri) -> bool {
    uri.parent().is_some_and(|parent| parent.to_string() == RENEW)
}

/// Days as MS-MDE2 allows them.
fn days(value: &str) -> Option<u32> {
    value.trim().parse().ok().filter(|days| (1..=1000).contains(days))
}

fn is_https(address: &str) -> bool {
    Url::parse(address).is_ok_and(|url| {
        url.scheme() == "https" && url.host_str().is_some() && url.username().is_empty() && url.password().is_none()
    })
}

/// Puts in the nodes that say how renewal, certificate requests and remote actions stand.
pub fn provide(tree: &mut Tree, life: &Life, account: &Account) {
    let mut put = |address: &str, format: &Format, value: &str| {
        if let Ok(uri) = LocUri::parse(address) {
            tree.provide(uri, format, value);
        }
    };
    let progress = life.progress();
    if let Some(active) = life.certificates().active {
        put(THUMBPRINT, &Format::Chr, &active.thumbprint.to_string());
    }
    put(&format!("{RENEW}/Status"), &Format::Int, &progress.renewal.status.number().to_string());
    // A signed 32-bit number on the wire, as HRESULTs are.
    put(&format!("{RENEW}/ErrorCode"), &Format::Int, &progress.renewal.error.cast_signed().to_string());
    if let Some(attempted) = progress.renewal.attempted {
        put(&format!("{RENEW}/LastRenewalAttemptTime"), &Format::Other("time".to_owned()), &oma_time(attempted));
    }
    for (profile, request) in progress.certificate_requests.iter().flat_map(|requests| requests.iter()) {
        put(&format!("{profile}/Status"), &Format::Int, &request.status.number().to_string());
        put(&format!("{profile}/ErrorCode"), &Format::Int, &request.error.cast_signed().to_string());
        if let Some(thumbprint) = &request.thumbprint {
            put(&format!("{profile}/CertThumbprint"), &Format::Chr, thumbprint);
        }
        if let Some(server) = &request.server {
            put(&format!("{profile}/RespondentServerUrl"), &Format::Chr, server);
        }
    }
    for order in progress.remote_orders.iter().flat_map(|orders| orders.iter()) {
        let node = format!("./Device/Vendor/LinuxMDM/Orders/{}", mdm_protocol::loc_uri::encode_segment(&order.id));
        put(&format!("{node}/Kind"), &Format::Chr, order.kind.as_str());
        put(&format!("{node}/State"), &Format::Chr, order.state.as_str());
        put(&format!("{node}/Detail"), &Format::Chr, &order.detail);
    }
    provide_terms(tree, account);
}

/// Puts in the terms of renewal as they were provisioned.
pub fn provide_terms(tree: &mut Tree, account: &Account) {
    let provisioned = [
        ("RenewPeriod", Format::Int, Some(account.renew_period_days.to_string())),
        ("RetryInterval", Format::Int, Some(account.renew_retry_days.to_string())),
        ("ROBOSupport", Format::Bool, Some("true".to_owned())),
        ("ServerURL", Format::Chr, account.renew_url.clone()),
    ];
    for (name, format, value) in provisioned {
        if let (Ok(uri), Some(value)) = (LocUri::parse(&format!("{RENEW}/{name}")), value) {
            tree.provision(uri, &format, value);
        }
    }
}

/// Puts in where the device can be notified, or takes it out where no usable push server is named, and how the link to it
/// stands. A server that names one may read both in the same session.
pub fn provide_channel(tree: &mut Tree, provider: &str, offer: &PushOffer) {
    let Ok(uri) = LocUri::parse(&format!("{provider}/Push/ChannelURI")) else { return };
    let mut state = offer.state.clone();
    // Another channel is connected to after the session.
    let is_other = state.set_name(push_name(tree, provider).as_deref(), &offer.topic);
    let link = if is_other { LinkState::None } else { offer.link };
    match &state.channel {
        Some(channel) => tree.provide(uri, &Format::Chr, channel.uri()),
        None => tree.withdraw(&uri),
    }
    if let Ok(uri) = LocUri::parse(&format!("{provider}/Push/Status")) {
        tree.provide(uri, &Format::Int, state.status(link).to_string());
    }
}

/// Puts in what was found when compliance was last checked.
pub fn provide_compliance(tree: &mut Tree, standing: &Standing) {
    for (address, format, value) in standing.readable() {
        if let Ok(uri) = LocUri::parse(&address) {
            tree.provide(uri, &format, value);
        }
    }
}

/// What a session needs to know of push.
#[derive(Debug, Clone, Default)]
pub struct PushOffer {
    /// How push stands.
    pub state: PushState,
    /// The topic of a channel that the server may ask for.
    pub topic: String,
    /// How the link stands.
    pub link: LinkState,
}

/// Puts in what the device proves of itself after a renewal.
pub fn prove_renewal(tree: &mut Tree, account: &Account, proof: &RenewalProof) {
    let provider = account.provider_address();
    let nodes =
        [("CertRenewTimeStamp", Some(oma_time(proof.renewed))), ("SignedEntDMID", proof.signed_entity_id.clone())];
    for (name, value) in nodes {
        if let (Some(value), Ok(uri)) = (value, LocUri::parse(&format!("{provider}/{name}"))) {
            tree.change_own(uri, &Format::Chr, &value);
        }
    }
}

/// What the server has set, as the tree says it.
pub fn told(tree: &Tree, account: &Account) -> Told {
    let value = |address: &str| {
        let uri = LocUri::parse(address).ok()?;
        tree.value(&uri).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    };
    let addresses = value(&format!("{}/{ADDRESS_LIST}", account.provider_address()));
    let addresses = addresses.and_then(|list| parse_address_list(&list).ok()).unwrap_or_default();
    let days = |name: &str| value(&format!("{RENEW}/{name}")).as_deref().and_then(days);
    let supported = value(&format!("{RENEW}/ROBOSupport")).and_then(|value| boolean(&value)).unwrap_or(true);
    let renewal = days("RenewPeriod").zip(days("RetryInterval"));
    Told {
        poll: Some(account.effective_poll(&tree.settings()).into()),
        authority: ToldAuthority {
            name: value(NAME).map(Arc::from),
            changed_at: value(CHANGED_AT),
            addresses: addresses.into_iter().map(Arc::from).collect(),
        },
        // Without support by the server the window never opens by itself.
        renewal: renewal.map(|(period, retry)| RenewalTerms { period: if supported { period } else { 0 }, retry }),
        renew_now: false,
        settings: ServerSettings::read(tree, account),
    }
}

/// The push server that the server has named (`Push/PFN`).
pub fn push_name(tree: &Tree, provider: &str) -> Option<String> {
    let uri = LocUri::parse(&format!("{provider}/Push/PFN")).ok()?;
    tree.value(&uri).map(ToOwned::to_owned)
}

/// Where renewal asks, if not at the discovery address (`Renew/ServerURL`).
pub fn renewal_address(tree: &Tree) -> Option<String> {
    let uri = LocUri::parse(&format!("{RENEW}/ServerURL")).ok()?;
    tree.value(&uri).map(|value| value.trim().to_owned())
}

/// A moment in the basic format of ISO 8601, as OMA-DM writes times.
pub fn oma_time(seconds: i64) -> String {
    let format = time::macros::format_description!("[year][month][day]T[hour][minute][second]Z");
    let moment = time::OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    moment.format(format).expect("a date and a time of day are all that the format asks for")
}
