//! What a session's commands have requested and what is carried out after them: nothing here has happened yet, so a command
//! that falls takes its part back by restoring what was there before it.

use std::collections::{BTreeMap, BTreeSet};

use mdm_protocol::csp::certificate::ScepInstall;
use mdm_protocol::loc_uri::encode_segment;
use mdm_protocol::syncml::Format;

use crate::engine::certificate_request::RequestStatus;
use crate::engine::claim::Claim;
use crate::engine::refusals::Fates;
use crate::engine::remote::RemoteOrder;
use crate::engine::retries::Retries;
use crate::engine::tree::ABSENT;

/// Nodes by which the state of a certificate request is read.
const REQUEST_NODES: [&str; 4] = ["Status", "ErrorCode", "CertThumbprint", "RespondentServerUrl"];

/// Actions that commands of this session have asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct SessionEffects {
    pub(super) unenroll: bool,
    pub(super) renew_now: bool,
    /// Remote actions.
    pub(super) remote: Vec<RemoteOrder>,
    /// Tokens of wipes that were confirmed.
    pub(super) confirmed: Vec<String>,
    /// Certificates to request, by the address of the profile's own node.
    pub(super) requests: BTreeMap<String, ScepInstall>,
    /// How many requests were accepted, whatever became of them.
    pub(super) requested: usize,
    /// Settings that wait for their place.
    pub(super) claims: Vec<Claim>,
    /// Commands that were refused, and what is applied of them now.
    pub(super) retries: Retries,
    /// What was made of settings of profiles.
    pub(super) fates: Fates,
    /// Profiles that were removed, so that an earlier request of theirs is void.
    pub(super) void: BTreeSet<String>,
}

impl SessionEffects {
    /// Accepts the request of a certificate.
    pub(super) fn request(&mut self, root: String, install: ScepInstall) {
        self.requested += 1;
        self.void.remove(&root);
        self.requests.insert(root, install);
    }

    /// A removed profile takes its request along, of this session or of one before.
    pub(super) fn profile_removed(&mut self, root: &str, has_former: bool) {
        if self.requests.remove(root).is_some() || has_former {
            self.void.insert(root.to_owned());
        }
    }

    /// What can be read of all this before the session ends.
    pub(super) fn nodes(&self) -> Vec<(String, Format, String)> {
        let mut nodes = Vec::new();
        let absent = || Format::Other(ABSENT.to_owned());
        for root in self.void.iter().chain(self.requests.keys()) {
            nodes.extend(REQUEST_NODES.map(|name| (format!("{root}/{name}"), absent(), String::new())));
        }
        for root in self.requests.keys() {
            nodes.push((format!("{root}/Status"), Format::Int, RequestStatus::Pending.number().to_string()));
            nodes.push((format!("{root}/ErrorCode"), Format::Int, "0".to_owned()));
        }
        for action in &self.remote {
            let node = format!("./Device/Vendor/LinuxMDM/Orders/{}", encode_segment(&action.id));
            nodes.push((format!("{node}/Kind"), Format::Chr, action.kind.as_str().to_owned()));
            nodes.push((format!("{node}/State"), Format::Chr, action.state.as_str().to_owned()));
            nodes.push((format!("{node}/Detail"), Format::Chr, action.detail.clone()));
        }
        nodes
    }
}
