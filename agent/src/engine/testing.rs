//! What the engine's tests share: a sample device, and the other side of a session.

mod commands;
#[cfg(feature = "daemon")]
pub(crate) mod issued;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mdm_protocol::csp::dm_client::Poll;
use mdm_protocol::syncml::{Command, Format, Header, Item, Message, Meta, StatusCode};
use mdm_protocol::{Secret, Thumbprint};
use proptest::test_runner::{Config as ProptestConfig, RngSeed};

use super::account::{ACCOUNT_VERSION, Account, StoredCredentials, Trust};
use super::application::{Application, ApplicationOutcome, MachineReport};
use super::certificates::{CertificateTerms, Certificates};
use super::enrolment::KeyKind;
use super::facts::DeviceFacts;
use super::life::Beginning;
use super::profile::{Changes, Owner, RetentionRules, Stored};
use super::progress::Progress;
use super::reply::Reply;
use super::retries::Retries;
use super::session::{LoginStatus, Session, SessionContext, SessionEnd, Step};
use super::tree::{Refusal, Tree};
use super::verdict::{Verdict, Verdicts};
pub(crate) use commands::{add, alert, atomic, delete, exec, get, operation, piece, replace, sequence, status};

pub(crate) const DEVICE: &str = "5F1C-DEVICE";
pub(crate) const SERVER: &str = "https://mdm.example.org/ManagementServer/MDM.svc";
pub(crate) const PROVIDER: &str = "./Device/Vendor/MSFT/DMClient/Provider/Contoso";
pub(crate) const WIFI: &str = "./Device/Vendor/MSFT/WiFi/Profile/Corp/WlanXml";
pub(crate) const NOW: i64 = 1_750_000_000;

/// The same cases in every run unless `PROPTEST_RNG_SEED` says otherwise, and no files left behind.
pub(crate) fn cases(cases: u32) -> ProptestConfig {
    let chosen = ProptestConfig::default();
    let rng_seed = match chosen.rng_seed {
        RngSeed::Random => RngSeed::Fixed(1),
        seed @ RngSeed::Fixed(_) => seed,
    };
    ProptestConfig { cases, rng_seed, failure_persistence: None, ..chosen }
}

pub(crate) fn account() -> Account {
    Account {
        version: ACCOUNT_VERSION,
        provider_id: "Contoso".to_owned(),
        name: "Contoso Ltd".to_owned(),
        management_url: SERVER.to_owned(),
        discovery_url: "https://mdm.example.org/EnrollmentServer/Discovery.svc".to_owned(),
        device_id: DEVICE.to_owned(),
        hardware_id: DEVICE.to_owned(),
        user: Some("ada@example.org".to_owned()),
        local_user: None,
        trust: Trust::default(),
        credentials: None,
        poll: Poll::DEFAULT.into(),
        renew_period_days: 42,
        renew_retry_days: 7,
        renew_url: None,
        initial_backoff_ms: 16_000,
        max_backoff_ms: 3_600_000,
        settings: BTreeMap::from([("EntDMID".to_owned(), "entity-7".to_owned())]),
        enrolled_at: NOW,
        machine_id: "0123456789ABCDEF".to_owned(),
        authority: None,
        enrollment_token: None,
    }
}

pub(crate) const DAY: i64 = 86_400;

/// A certificate whose end is too far away to matter.
pub(crate) fn certificate() -> CertificateTerms {
    certificate_for(20_000)
}

/// A certificate that was issued now for so many days.
pub(crate) fn certificate_for(days: i64) -> CertificateTerms {
    CertificateTerms {
        not_before: NOW,
        not_after: NOW + days * DAY,
        thumbprint: Thumbprint::parse(&"07".repeat(20)).expect("forty digits"),
        key: KeyKind::P256,
    }
}

/// The beginning of a life with that account, or without one.
pub(crate) fn beginning(account: Option<Account>, progress: Progress, seed: u64) -> Beginning {
    let active = account.is_some().then(certificate);
    Beginning {
        account: account.map(Arc::new),
        progress,
        certificates: Certificates { active, pending: None },
        boot: 1,
        retention: RetentionRules::default(),
        seed,
    }
}

pub(crate) fn certificates() -> Certificates {
    Certificates { active: Some(certificate()), pending: None }
}

/// What an authority sets under the name of the sample account.
pub(crate) fn owner() -> Owner {
    Owner { authority: "Contoso".to_owned(), epoch: 0, session: 7 }
}

pub(crate) fn stored_credentials(digest: bool) -> StoredCredentials {
    StoredCredentials { digest, name: "ada".to_owned(), secret: Secret::new("lovelace"), nonce: None }
}

pub(crate) fn facts() -> DeviceFacts {
    DeviceFacts {
        host_name: "babbage".to_owned(),
        manufacturer: "Analytical".to_owned(),
        model: "Engine 2".to_owned(),
        os_name: "Debian GNU/Linux".to_owned(),
        os_version: "13".to_owned(),
        architecture: "x86_64".to_owned(),
        language: "en-GB".to_owned(),
        memory_mb: Some(4096),
        mac_addresses: vec!["00-11-22-33-44-55".to_owned()],
        machine_id: "0123456789ABCDEF".to_owned(),
        ..DeviceFacts::default()
    }
}

pub(crate) fn context() -> SessionContext {
    SessionContext {
        session_id: 7,
        server_url: SERVER.to_owned(),
        device_id: DEVICE.to_owned(),
        provider_id: "Contoso".to_owned(),
        server_initiated: false,
        login: LoginStatus::EnrolledUser,
        alerts: Vec::new(),
        push: super::nodes::PushOffer::default(),
        device_info: super::facts::device_info(&account(), &facts()),
        credentials: account().session_credentials(&Stored::default(), None),
        store_status: None,
        remote: super::session::RemoteContext::default(),
        claims: Vec::new(),
        retries: Retries::default(),
        farewell: false,
    }
}

/// A tree with what the device provides, on top of what is stored.
pub(crate) fn tree(stored: &Stored) -> Tree {
    let mut tree = Tree::new(stored, true).speaking_for(owner());
    super::facts::provide(&mut tree, &account(), &facts());
    tree
}

/// A session and its server.
pub(crate) struct Talk {
    pub(crate) session: Session,
    /// The device's last message.
    pub(crate) message: Message,
    /// Its size on the wire.
    pub(crate) bytes: usize,
    /// What was handed out to be kept.
    pub(crate) kept: Vec<Changes>,
    /// What was handed out to be put in force.
    pub(crate) applied: Vec<Application>,
    /// Verdicts on profiles that are not applicable.
    pub(crate) verdicts: BTreeMap<String, Verdict>,
    /// How many verdicts were asked for.
    pub(crate) asked: usize,
    /// What can be read of applicable profiles.
    pub(crate) nodes: Vec<(String, Format, String)>,
    /// Profiles that cannot be changed on the machine although they are applicable.
    pub(crate) failing: BTreeMap<String, Refusal>,
    /// Profiles that are not applied with the others, because what they need is gone by then.
    pub(crate) waiting: BTreeSet<String>,
    /// What the store says to the next changes.
    pub(crate) store: Result<(), StatusCode>,
    /// The server's limit on messages, announced in every header.
    pub(crate) server_limits: Meta,
    pub(crate) end: Option<SessionEnd>,
    server_message: u32,
}

impl Talk {
    /// A session that has sent its first message.
    pub(crate) fn begin() -> Self {
        Self::begin_with(context(), &Stored::default())
    }

    pub(crate) fn begin_with(context: SessionContext, stored: &Stored) -> Self {
        let mut tree = Tree::new(stored, context.login == LoginStatus::EnrolledUser).speaking_for(owner());
        super::facts::provide(&mut tree, &account(), &facts());
        Self::begin_on(context, tree)
    }

    /// A session on this tree.
    pub(crate) fn begin_on(context: SessionContext, tree: Tree) -> Self {
        let mut talk = Self {
            session: Session::new(context, tree, &MachineReport::default()),
            message: Message::default(),
            bytes: 0,
            kept: Vec::new(),
            applied: Vec::new(),
            verdicts: BTreeMap::new(),
            asked: 0,
            nodes: Vec::new(),
            failing: BTreeMap::new(),
            waiting: BTreeSet::new(),
            store: Ok(()),
            server_limits: Meta::default(),
            end: None,
            server_message: 0,
        };
        let step = talk.session.begin(NOW);
        talk.follow(step);
        talk
    }

    /// The server answers with the usual acceptance of the header and these commands; the device's next message.
    pub(crate) fn say(&mut self, commands: impl IntoIterator<Item = Command>) -> &Message {
        let accepted = status("header-status", self.message.header.message_id, "0", "SyncHdr", 200);
        self.say_only([accepted].into_iter().chain(commands))
    }

    /// The server answers with these commands alone.
    pub(crate) fn say_only(&mut self, commands: impl IntoIterator<Item = Command>) -> &Message {
        self.server_message += 1;
        let header = Header {
            session_id: self.session.context().session_id.to_string(),
            message_id: self.server_message,
            target: DEVICE.to_owned(),
            source: SERVER.to_owned(),
            meta: self.server_limits.clone(),
            ..Header::default()
        };
        let message = Message { header, commands: commands.into_iter().collect(), is_final: true };
        self.answer(&ok(message.encode()))
    }

    /// The server answers with whatever this is.
    pub(crate) fn answer(&mut self, reply: &Reply) -> &Message {
        assert_eq!(self.end, None, "the session is over");
        let step = self.session.received(reply, NOW + i64::from(self.server_message));
        self.follow(step);
        &self.message
    }

    fn follow(&mut self, step: Step) {
        let mut next = Some(step);
        while let Some(step) = next.take() {
            next = self.follow_one(step);
        }
    }

    fn follow_one(&mut self, step: Step) -> Option<Step> {
        Some(match step {
            Step::Send(body) => {
                self.bytes = body.len();
                self.message = Message::decode(&body).expect("the device writes valid messages");
                return None;
            }
            Step::Wait => return None,
            Step::Evaluate(request) => {
                self.asked += 1;
                let verdict = |root: &String| self.verdicts.get(root).cloned().unwrap_or(Verdict::Applicable);
                let verdicts = Verdicts {
                    verdicts: request.named.iter().map(|root| (root.clone(), verdict(root))).collect(),
                    lost: false,
                    nodes: request.wants_nodes.then(|| Arc::new(self.nodes.clone())),
                };
                self.session.evaluated(&verdicts)
            }
            Step::Apply(application) => {
                assert!(!application.profiles.is_empty(), "nothing is applied for nothing");
                let is_failing = |root: &&String| application.profiles.contains_key(*root);
                let failed = self.failing.keys().filter(is_failing);
                let failed = failed.map(|root| (root.clone(), self.failing[root].clone())).collect();
                let present = application.profiles.iter().filter_map(|(root, profile)| Some((root, profile.as_ref()?)));
                let is_applied = present.filter(|(root, _)| !self.waiting.contains(*root));
                let machine = MachineReport {
                    applied: is_applied.map(|(root, profile)| (root.clone(), profile.content_hash.clone())).collect(),
                    ..MachineReport::default()
                };
                let machine = Some(machine).filter(|_| !self.waiting.is_empty());
                self.applied.push(*application);
                self.session.applied(&ApplicationOutcome { failed, machine, ..ApplicationOutcome::default() })
            }
            Step::Keep(changes) => {
                assert!(!changes.is_empty(), "nothing is kept for nothing");
                self.kept.push(*changes);
                self.session.kept(self.store)
            }
            Step::End(end) => {
                self.end = Some(end);
                return None;
            }
        })
    }

    /// The statuses of the last message: CmdRef, Cmd and code.
    pub(crate) fn statuses(&self) -> Vec<(&str, &str, u16)> {
        statuses(&self.message)
    }

    /// The code of the only status for a command.
    pub(crate) fn code(&self, command: &str) -> u16 {
        let codes: Vec<u16> =
            self.statuses().into_iter().filter(|(id, ..)| *id == command).map(|(.., code)| code).collect();
        let [code] = codes[..] else { panic!("{command} has the statuses {codes:?}") };
        code
    }

    /// Address and value of every item of the last message's results.
    pub(crate) fn results(&self) -> Vec<(String, Option<String>)> {
        let results = self.message.commands.iter().filter_map(|command| match command {
            Command::Results(results) => Some(&results.items),
            _ => None,
        });
        results.flatten().map(|item| (item.source.clone().unwrap_or_default(), item.data.clone())).collect()
    }

    /// Codes and addresses of the alerts of the last message.
    pub(crate) fn alerts(&self) -> Vec<(u16, Option<String>)> {
        let alerts = self.message.commands.iter().filter_map(|command| match command {
            Command::Alert(alert) => Some((alert.code.0, alert.items.first().and_then(|item| item.source.clone()))),
            _ => None,
        });
        alerts.collect()
    }

    /// The name of the failure with which the session ended.
    pub(crate) fn failure(&self) -> &'static str {
        match &self.end {
            Some(SessionEnd::Failed(failure)) => failure.name(),
            other => panic!("the session did not fail: {other:?}"),
        }
    }
}

pub(crate) fn statuses(message: &Message) -> Vec<(&str, &str, u16)> {
    let statuses = message.commands.iter().filter_map(|command| match command {
        Command::Status(status) => Some((status.command_ref.0.as_str(), status.command.as_str(), status.code.0)),
        _ => None,
    });
    statuses.collect()
}

pub(crate) fn ok(body: impl Into<Vec<u8>>) -> Reply {
    Reply { status: 200, body: body.into(), ..Reply::default() }
}

/// A Wi-Fi profile with a passphrase.
pub(crate) fn wlan(passphrase: &str) -> String {
    format!(
        "<WLANProfile><name>Corp</name><SSIDConfig><SSID><name>Corp</name></SSID></SSIDConfig><MSM><security>\
         <authEncryption><authentication>WPA2PSK</authentication><encryption>AES</encryption></authEncryption>\
         <sharedKey><keyType>passPhrase</keyType><protected>false</protected>\
         <keyMaterial>{passphrase}</keyMaterial></sharedKey></security></MSM></WLANProfile>"
    )
}

/// The address of a setting of the machine, which takes any text.
pub(crate) fn config(name: &str) -> String {
    format!("./Device/Vendor/LinuxMDM/Config/Test/{name}")
}

/// What is stored after commands on an empty device.
pub(crate) fn stored_after(commands: Vec<Command>) -> Stored {
    let mut talk = Talk::begin();
    talk.say(commands);
    let mut stored = Stored::default();
    talk.kept.iter().for_each(|changes| stored.apply(changes));
    stored
}

/// The format as a name, for comparisons.
pub(crate) fn format_of(item: &Item) -> &str {
    item.meta.format.as_ref().map_or("chr", Format::as_str)
}
