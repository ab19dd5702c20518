//! Machines for tests: one that is well, one of which nothing is known, and one on which everything is wrong.

use mdm_protocol::Thumbprint;

use super::facts::{
    Answers, Facts, Files, Found, IdentityFacts, MachineFacts, Network, Proxy, Service, Space, Target, Unknown,
};
use crate::engine::certificates::{CertificateTerms, Certificates};
use crate::engine::enrolment::KeyKind;
use crate::engine::failure::ConnectionFailure;
use crate::engine::progress::{SessionRecord, Triggers};
use crate::engine::report::{AccountStatus, HistoryView, Status};
use crate::platform::consumer::Consumer;
use crate::platform::machine::Machine;
use crate::shell::http::probe::{Glimpse, Presented, Seen};

/// When it is, seconds since 1970.
pub(super) const NOW: i64 = 1_800_000_000;
/// A day, in seconds.
pub(super) const DAY: i64 = 86_400;

/// A server that answers as it should, with this HTTP status and at this time.
pub(super) fn answering(status: u16, date: i64) -> Seen {
    let presented = Presented {
        subject: "CN=mdm.contoso.example".to_owned(),
        issuer: "CN=Contoso CA".to_owned(),
        not_before: NOW - DAY,
        not_after: NOW + 90 * DAY,
    };
    let glimpse = Glimpse { status, location: None, date: Some(date), is_page: false };
    Seen { answer: Ok(glimpse), presented: Some(presented), trusted: true, asked: true }
}

/// A server that was not reached.
pub(super) fn unanswered(failure: ConnectionFailure) -> Seen {
    Seen { answer: Err(failure), presented: None, trusted: false, asked: false }
}

/// A machine that is well.
pub(super) fn healthy() -> Facts {
    let terms = CertificateTerms {
        not_before: NOW - DAY,
        not_after: NOW + 364 * DAY,
        thumbprint: Thumbprint::of(b"certificate"),
        key: KeyKind::P256,
    };
    let state = Found {
        path: "/var/lib/mdm-agent".into(),
        is_private: false,
        is_public: false,
        mode: 0o700,
        owner: 0,
        size: 0,
        is_directory: true,
    };
    Facts {
        now: NOW,
        answers: Answers {
            service: Service::Answers,
            status: Ok(status()),
            history: Ok(HistoryView { entries: Vec::new(), changed_at: None, damaged_lines: 0 }),
            profiles: Ok(Vec::new()),
        },
        identity: Ok(IdentityFacts {
            certificates: Certificates { active: Some(terms), pending: None },
            renew_period_days: 40,
            enrolled_at: terms.not_before,
            interval_seconds: 8 * 3600,
            machine_id_then: "A".to_owned(),
            machine_id_now: "A".to_owned(),
        }),
        network: Network {
            target: Ok(Target {
                url: "https://mdm.contoso.example/MDM.svc".to_owned(),
                host: "mdm.contoso.example".to_owned(),
                port: 443,
            }),
            proxy: Proxy::None,
            addresses: Ok(Ok(vec!["192.0.2.1".to_owned()])),
            connection: Ok(Ok(())),
            plain: Ok(Err(ConnectionFailure::Unreachable("connection refused".to_owned()))),
            secure: Ok(answering(405, NOW)),
        },
        files: Files {
            state: "/var/lib/mdm-agent".into(),
            owner: 0,
            found: Ok(vec![state]),
            space: Ok(Space { free: 1 << 33, inodes: Some(100_000) }),
            quarantined: Ok(0),
        },
        machine: MachineFacts {
            survey: Ok(Machine { network_manager: true, ..Machine::default() }),
            used: Ok(vec![(Consumer::NetworkManager, "/etc/NetworkManager/x".to_owned())]),
            untold: Ok(Vec::new()),
        },
    }
}

/// A machine of which nothing can be known.
pub(super) fn unknown(why: &Unknown) -> Facts {
    let mut facts = healthy();
    facts.answers.status = Err(why.clone());
    facts.answers.history = Err(why.clone());
    facts.answers.profiles = Err(why.clone());
    facts.identity = Err(why.clone());
    let proxy = Proxy::None;
    let network = Network {
        target: Err(why.clone()),
        proxy,
        addresses: Err(why.clone()),
        connection: Err(why.clone()),
        plain: Err(why.clone()),
        secure: Err(why.clone()),
    };
    facts.network = network;
    facts.files.found = Err(why.clone());
    facts.files.space = Err(why.clone());
    facts.files.quarantined = Err(why.clone());
    facts.machine = MachineFacts { survey: Err(why.clone()), used: Err(why.clone()), untold: Err(why.clone()) };
    facts
}

/// A machine on which everything is wrong.
pub(super) fn broken() -> Facts {
    let mut facts = healthy();
    facts.answers.service = Service::Silent;
    if let Ok(status) = &mut facts.answers.status {
        status.push = "refused".to_owned();
        status.store_problem = Some("there is no room on the disk".to_owned());
        status.expired = true;
        status.cloned = true;
        status.unknown_device = true;
        status.clock_skew = Some(-200_000);
        status.not_in_force.insert("./Device/x".to_owned(), "NetworkManager is not here".to_owned());
    }
    facts.answers.history = Ok(HistoryView { entries: Vec::new(), changed_at: Some(3), damaged_lines: 0 });
    facts.now += 500 * DAY;
    let refused = || "connection refused".to_owned();
    facts.network.proxy = Proxy::Named("proxy.example:3128".to_owned());
    facts.network.connection = Ok(Err(refused()));
    facts.network.addresses = Ok(Err("no such name".to_owned()));
    facts.network.secure = Ok(unanswered(ConnectionFailure::Proxy(refused())));
    facts.files.space = Ok(Space { free: 0, inodes: Some(0) });
    facts.files.found.iter_mut().flatten().for_each(|found| found.mode = 0o755);
    facts.machine.survey = Ok(Machine::default());
    facts
}

fn status() -> Status {
    Status {
        unenrollment_unfinished: false,
        left_behind: Vec::new(),
        version: "0".to_owned(),
        account: Some(AccountStatus {
            provider_id: "Contoso".to_owned(),
            name: "Contoso".to_owned(),
            authority: "Intune".to_owned(),
            server: "https://mdm.contoso.example/MDM.svc".to_owned(),
            device_id: "device".to_owned(),
            user: None,
            enrolled_at: NOW - DAY,
            certificate_ends: Some(NOW + 364 * DAY),
        }),
        activity: "idle".to_owned(),
        next_check_in: Some((NOW + 600, "scheduled check-in".to_owned())),
        last_session: Some(SessionRecord {
            session_id: 1,
            triggers: Triggers::default(),
            started: NOW - 60,
            ended: NOW - 60,
            authority: "Intune".to_owned(),
            completed: true,
            unreachable: false,
            identity_refused: false,
            outcome: "completed".to_owned(),
            detail: "the server had nothing more to say".to_owned(),
            advice: None,
            rounds: 1,
            succeeded: 0,
            refused: 0,
            stray_statuses: 0,
        }),
        last_completed: Some(NOW - 60),
        failures: 0,
        unknown_device: false,
        drift: Vec::new(),
        not_in_force: std::collections::BTreeMap::new(),
        store_problem: None,
        moving: None,
        push: "up".to_owned(),
        first_removal: None,
        renewal: "not started".to_owned(),
        renewal_failures: 0,
        renewal_opens: None,
        expired: false,
        cloned: false,
        compliance: None,
        locked_since: None,
        lock_message: None,
        orders: Vec::new(),
        clock_doubted: None,
        contact_lost_at: None,
        help: Vec::new(),
        clock_skew: Some(0),
    }
}

#[test]
fn an_identity_is_good_unless_it_has_expired_or_was_refused_last() {
    assert!(status().has_good_identity());
    assert!(!Status { expired: true, ..status() }.has_good_identity());
    assert!(!Status { unknown_device: true, ..status() }.has_good_identity());
    let last = |completed, identity_refused| {
        let last = status().last_session.map(|session| SessionRecord { completed, identity_refused, ..session });
        Status { last_session: last, ..status() }.has_good_identity()
    };
    assert!(last(false, false) && !last(false, true));
}
