//! Profiles tried without a server: fragments of SyncML, worked through by the real session on a copy of what is held, up
//! to the point at which it would change something.

use std::collections::BTreeMap;

use mdm_protocol::syncml::{Command, CommandId, Header, Message, StatusCode, Verb, decode_fragment};

use super::application::{Application, ApplicationOutcome, MachineReport};
use super::nodes::PushOffer;
use super::profile::{Owner, Stored};
use super::reply::Reply;
use super::retries::Retries;
use super::session::{LoginStatus, RemoteContext, Session, SessionContext, Step};
use super::tree::Tree;
use super::verdict::{VerdictRequest, Verdicts};

/// The server of the trial.
const SERVER: &str = "https://trial.invalid/";
const DEVICE: &str = "trial";

/// A fragment that cannot be tried.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// It is no SyncML.
    #[error("it is not a fragment of SyncML (commands such as Replace or Atomic): {0}")]
    Malformed(String),
    /// It has a command that changes nothing.
    #[error("it has a command that sets nothing: {0}")]
    NotASetting(String),
}

/// What fragments would come to.
#[derive(Debug, Default)]
pub struct Trial {
    /// What would be applied, if anything would.
    pub application: Application,
    /// Commands that would be refused: the address of the first item, or the name of a group, and the status.
    pub refused: Vec<(String, StatusCode)>,
}

/// Works through the commands of these fragments, on a machine as it was found. `evaluate` gives verdicts beginning with
/// what is stored; `now` is in seconds since 1970.
pub fn try_fragments(
    stored: &Stored,
    machine: &MachineReport,
    fragments: &[String],
    now: i64,
    mut evaluate: impl FnMut(&VerdictRequest) -> Verdicts,
) -> Result<Trial, TrialError> {
    let mut commands = Vec::new();
    for fragment in fragments {
        commands.extend(read(fragment)?);
    }
    check(&commands)?;
    let mut names = BTreeMap::new();
    number(&mut commands, &mut 1, &mut names);
    let mut session = Session::new(context(), Tree::new(stored, true).speaking_for(owner(stored)), machine);
    let mut trial = Trial::default();
    let mut step = session.begin(now);
    let mut commands = Some(commands);
    loop {
        step = match step {
            Step::Send(body) => match commands.take() {
                Some(commands) => session.received(&message(commands), now),
                None => {
                    trial.refused = refused(&body, &names);
                    return Ok(trial);
                }
            },
            Step::Evaluate(request) => session.evaluated(&evaluate(&request)),
            Step::Apply(application) => {
                trial.application = *application;
                session.applied(&ApplicationOutcome::default())
            }
            Step::Keep(_) => session.kept(Ok(())),
            Step::Wait | Step::End(_) => return Ok(trial),
        };
    }
}

/// The server speaks for the authority that has set the latest profiles: a change by it leaves the rest of them as it is.
fn owner(stored: &Stored) -> Owner {
    let latest = stored.profiles.iter().max_by_key(|profile| (profile.epoch, profile.received));
    latest.map_or_else(
        || Owner { authority: DEVICE.to_owned(), epoch: 0, session: 1 },
        |profile| Owner { authority: profile.authority.clone(), epoch: profile.epoch, session: profile.session },
    )
}

fn context() -> SessionContext {
    SessionContext {
        session_id: 1,
        server_url: SERVER.to_owned(),
        device_id: DEVICE.to_owned(),
        provider_id: DEVICE.to_owned(),
        server_initiated: false,
        login: LoginStatus::EnrolledUser,
        alerts: Vec::new(),
        push: PushOffer::default(),
        device_info: Vec::new(),
        credentials: None,
        store_status: None,
        remote: RemoteContext::default(),
        claims: Vec::new(),
        retries: Retries::default(),
        farewell: false,
    }
}

fn read(fragment: &str) -> Result<Vec<Command>, TrialError> {
    let commands = decode_fragment(fragment).map_err(|error| TrialError::Malformed(error.to_string()))?;
    if commands.is_empty() {
        return Err(TrialError::Malformed("there is no command in it".to_owned()));
    }
    Ok(commands)
}

/// Only what sets something can be tried.
fn check(commands: &[Command]) -> Result<(), TrialError> {
    commands.iter().try_for_each(|command| match command {
        Command::Atomic(group) | Command::Sequence(group) => check(&group.commands),
        Command::Operation(operation) if !matches!(operation.verb, Verb::Get | Verb::Exec) => Ok(()),
        other => Err(TrialError::NotASetting(other.name().to_owned())),
    })
}

/// Numbers commands anew, for fragments of several files have the same numbers, and says what each is about.
fn number(commands: &mut [Command], next: &mut u32, names: &mut BTreeMap<CommandId, String>) {
    for command in commands {
        *next += 1;
        let (id, kind) = (CommandId(next.to_string()), command.name().to_owned());
        match command {
            Command::Atomic(group) | Command::Sequence(group) => {
                names.insert(id.clone(), kind);
                group.id = id;
                number(&mut group.commands, next, names);
            }
            Command::Operation(operation) => {
                let target = operation.items.first().and_then(|item| item.target.clone());
                names.insert(id.clone(), target.unwrap_or(kind));
                operation.id = id;
            }
            _ => {}
        }
    }
}

fn message(commands: Vec<Command>) -> Reply {
    let header = Header {
        session_id: "1".to_owned(),
        message_id: 1,
        target: DEVICE.to_owned(),
        source: SERVER.to_owned(),
        ..Header::default()
    };
    let body = Message { header, commands, is_final: true }.encode().into_bytes();
    Reply { status: 200, body, ..Reply::default() }
}

fn refused(body: &[u8], names: &BTreeMap<CommandId, String>) -> Vec<(String, StatusCode)> {
    let commands = Message::decode(body).map(|message| message.commands).unwrap_or_default();
    let statuses = commands.into_iter().filter_map(|command| match command {
        Command::Status(status) if status.command != "SyncHdr" && !status.code.is_success() => {
            let name = status.target_ref.or_else(|| names.get(&status.command_ref).cloned());
            Some((name.unwrap_or(status.command), status.code))
        }
        _ => None,
    });
    statuses.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::verdict::Verdict;

    const SYSCTL: &str = "./Device/Vendor/LinuxMDM/Config/Sysctl/kernel.sysrq";

    fn set(address: &str, value: &str) -> String {
        format!(
            "<Replace><CmdID>1</CmdID><Item><Target><LocURI>{address}</LocURI></Target><Data>{value}</Data></Item></Replace>"
        )
    }

    /// Tries fragments on a machine that refuses the value `bad`.
    fn trial(fragments: &[String]) -> Result<Trial, TrialError> {
        let stored = Stored::default();
        try_fragments(&stored, &MachineReport::default(), fragments, 0, |request| {
            let bad = |(root, profile): &(String, Option<std::sync::Arc<crate::engine::Profile>>)| {
                let is_bad =
                    profile.as_ref().is_some_and(|profile| profile.nodes.values().any(|node| node.value == "bad"));
                let refusal = crate::engine::tree::Refusal { status: StatusCode::NOT_SUPPORTED, reason: String::new() };
                (root.clone(), if is_bad { Verdict::Refused(refusal) } else { Verdict::Applicable })
            };
            Verdicts { verdicts: request.proposed.iter().map(bad).collect(), ..Verdicts::default() }
        })
    }

    fn applied(trial: &Trial) -> Vec<&str> {
        let profiles = trial.application.profiles.values().flatten();
        profiles.map(|profile| profile.nodes[""].value.as_str()).collect()
    }

    #[test]
    fn fragments_are_worked_through_as_a_session_would() {
        let tried = trial(&[set(SYSCTL, "0"), set(SYSCTL, "1")]).unwrap();
        assert_eq!((applied(&tried), tried.refused.len()), (vec!["1"], 0));
        let tried = trial(&[set(SYSCTL, "0"), set(&SYSCTL.replace("sysrq", "other"), "bad")]).unwrap();
        assert_eq!((applied(&tried), tried.refused.len()), (vec!["0"], 1), "{tried:?}");
        let atomic = |members: &str| format!("<?xml version=\"1.0\"?><Atomic><CmdID>0</CmdID>{members}</Atomic>");
        let tried = trial(&[atomic(&set(SYSCTL, "0"))]).unwrap();
        assert_eq!(applied(&tried), ["0"]);
        let members = format!("{}{}", set(SYSCTL, "0"), set(&SYSCTL.replace("sysrq", "other"), "bad"));
        let tried = trial(&[atomic(&members.replace("CmdID>1<", "CmdID>2<"))]).unwrap();
        assert_eq!(applied(&tried), [] as [&str; 0], "nothing of an Atomic that fails is applied");
        let named: Vec<&str> = tried.refused.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(named, ["Atomic", SYSCTL, &SYSCTL.replace("sysrq", "other")]);
        let whole = format!(
            "<?xml version=\"1.0\"?><SyncML xmlns=\"SYNCML:SYNCML1.2\"><SyncHdr/><SyncBody>{}<Final/></SyncBody></SyncML>",
            set(SYSCTL, "2")
        );
        assert_eq!(applied(&trial(&[whole]).unwrap()), ["2"], "a whole message is taken for its body");
        let tried = trial(&[set("./DevInfo/Man", "x")]).unwrap();
        assert_eq!(tried.refused.len(), 1, "{tried:?}");
    }

    #[test]
    fn what_is_no_fragment_is_not_tried() {
        for wrong in ["", "nonsense", "<html/>", "<Replace>", "<Exec><CmdID>1</CmdID></Exec>"] {
            assert!(trial(&[wrong.to_owned()]).is_err(), "{wrong}");
        }
    }
}
