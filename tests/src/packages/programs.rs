//! The real agent, as a process with its store and a root of its own, managed by a server that says what a test wants.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use mdm_protocol::syncml::{Command, Item, Message, Meta, Operation};
use serde_json::{Value, json};

use super::command::{Package, encode};
use super::device::{Answers, State, answer};
use super::enrolment;
use crate::hostile::{HostileServer, response};
use crate::machine_root::tree;
use crate::processes::{Process, silent};
use crate::world::World;

/// The real agent and its server.
#[derive(Debug)]
pub struct RealDevice {
    world: World,
    server: HostileServer,
    service: Option<Process>,
    script: Arc<Mutex<Script>>,
    /// What was on the machine before anything was managed.
    pristine: BTreeMap<String, String>,
}

/// What the server says in the next session, and what it heard.
#[derive(Debug, Default)]
struct Script {
    /// The commands of its messages.
    messages: VecDeque<Vec<Command>>,
    max_message: Option<u64>,
    answers: Answers,
    number: usize,
}

impl RealDevice {
    /// A device that is enrolled, on a machine as the simulated ones have it.
    pub fn enrolled() -> anyhow::Result<Self> {
        let world = World::enrolled()?;
        let script: Arc<Mutex<Script>> = Arc::default();
        let said = Arc::clone(&script);
        let server = HostileServer::start(Arc::new(move |request| locked(&said).reply(&request.body)))?;
        world.agent.redirect_to(&server)?;
        be_the_same(&world)?;
        super::bare(&world.agent.root)?;
        let pristine = tree(&world.agent.root);
        let service = Some(world.agent.run(&silent())?);
        Ok(Self { world, server, service, script, pristine })
    }

    /// Holds a session in which the server sends these commands: in one message, but for the first value, which may come
    /// in two pieces.
    pub fn run(&mut self, package: &Package, max_message: Option<u64>, in_pieces: bool) -> anyhow::Result<Answers> {
        self.say(package, max_message, in_pieces);
        let record = self.world.agent.json(["sync"])?;
        ensure!(record["completed"] == true, "the session did not come to its end: {record}");
        let mut script = locked(&self.script);
        ensure!(script.messages.is_empty(), "the device did not ask for everything");
        Ok(std::mem::take(&mut script.answers))
    }

    /// The same, killed after some time, started again and brought to rest.
    pub fn run_and_kill(&mut self, package: &Package, after: Duration) -> anyhow::Result<()> {
        self.say(package, None, false);
        let mut command = self.world.agent.command();
        let mut asking = Process::start(command.arg("sync"), &silent())?;
        std::thread::sleep(after);
        if let Some(service) = &mut self.service {
            service.kill();
        }
        asking.kill();
        self.say(&Package::new(), None, false);
        self.service = Some(self.world.agent.run(&silent())?);
        let record = self.world.agent.json(["sync"])?;
        ensure!(record["completed"] == true, "the session after a kill did not come to its end: {record}");
        locked(&self.script).answers = Answers::default();
        Ok(())
    }

    fn say(&self, package: &Package, max_message: Option<u64>, in_pieces: bool) {
        let mut commands = encode(package);
        let first = in_pieces.then(|| cut(&mut commands)).flatten();
        let messages = first.into_iter().chain([commands]).collect();
        *locked(&self.script) = Script { messages, max_message, ..Script::default() };
    }

    /// How the device differs from what it should be, if it does.
    pub fn difference(&self, wanted: &State) -> anyhow::Result<Option<String>> {
        let mut files = self.pristine.clone();
        for (path, (content, _)) in &wanted.files {
            files.insert(path.trim_start_matches('/').to_owned(), content.clone());
        }
        let mut found = tree(&self.world.agent.root);
        for tree in [&mut files, &mut found] {
            tree.retain(|path, _| !path.ends_with('/'));
        }
        if files != found {
            let surplus: Vec<_> = found.iter().filter(|(path, content)| files.get(*path) != Some(content)).collect();
            let missing: Vec<_> = files.iter().filter(|(path, content)| found.get(*path) != Some(content)).collect();
            return Ok(Some(format!("files\n  found  {surplus:?}\n  wanted {missing:?}")));
        }
        let (held, listed) = self.listing()?;
        let present: BTreeSet<String> = wanted.files.keys().cloned().collect();
        if held != wanted.contents {
            return Ok(Some(format!("profiles\n  found  {held:?}\n  wanted {:?}", wanted.contents)));
        }
        let absent: Vec<&String> = listed.difference(&present).collect();
        Ok((!absent.is_empty()).then(|| format!("the listing names files that are not there: {absent:?}")))
    }

    /// The profiles that are held, with the hash of their content, and the files that they are listed with. What was
    /// refused and is not held is listed without a hash.
    fn listing(&self) -> anyhow::Result<(BTreeMap<String, String>, BTreeSet<String>)> {
        let list = self.world.agent.json(["profiles", "list"])?;
        let profiles = list.as_array().context("the list of profiles is none")?;
        let profiles: Vec<&Value> = profiles.iter().filter(|profile| profile["content_hash"] != "").collect();
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let held =
            profiles.iter().filter_map(|profile| Some((text(&profile["address"])?, text(&profile["content_hash"])?)));
        let files = profiles.iter().filter_map(|profile| profile["files"].as_array()).flatten().filter_map(text);
        Ok((held.collect(), files.collect()))
    }

    /// How many requests the server got.
    pub fn requests(&self) -> usize {
        self.server.requests()
    }
}

impl Script {
    fn reply(&mut self, body: &[u8]) -> Vec<u8> {
        let Ok(message) = Message::decode(body) else { return response("400 Bad Request", &[], b"") };
        self.number = if message.header.message_id == 1 { 1 } else { self.number + 1 };
        self.answers.read(&message);
        let commands = match self.messages.pop_front() {
            Some(commands) => commands,
            // A session of the device's own, say because its compliance changed, is confirmed by a message.
            None if message.is_final && message.header.message_id > 1 => return response("200 OK", &[], b""),
            None => Vec::new(),
        };
        let reply = answer(&message, self.number, commands, self.max_message);
        response("200 OK", &[("Content-Type", mdm_protocol::syncml::CONTENT_TYPE)], reply.encode().as_bytes())
    }
}

fn locked(script: &Mutex<Script>) -> MutexGuard<'_, Script> {
    script.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Cuts the first value in two, if it is long enough; the first piece, which is a message of its own.
fn cut(commands: &mut [Command]) -> Option<Vec<Command>> {
    let Some(Command::Operation(operation)) = commands.first_mut() else { return None };
    let [item] = &mut operation.items[..] else { return None };
    let data = item.data.clone().filter(|data| data.len() > 8 && data.is_ascii())?;
    let (head, tail) = data.split_at(data.len() / 2);
    let meta = Meta { size: Some(data.len() as u64), ..item.meta.clone() };
    let first = Item { data: Some(head.to_owned()), more_data: true, meta, ..item.clone() };
    item.data = Some(tail.to_owned());
    item.meta = Meta::default();
    Some(vec![Command::Operation(Operation { items: vec![first], ..operation.clone() })])
}

/// Gives the agent the account of the simulated devices, on the same server.
fn be_the_same(world: &World) -> anyhow::Result<()> {
    let path = world.agent.state.join("identity/account.json");
    let mut account: Value = serde_json::from_slice(&std::fs::read(&path)?)?;
    let simulated = serde_json::to_value(enrolment::account())?;
    for field in ["provider_id", "user", "poll", "settings", "renew_period_days", "renew_retry_days", "renew_url"] {
        account[field] = simulated[field].clone();
    }
    account["credentials"] = json!(null);
    Ok(std::fs::write(&path, serde_json::to_vec(&account)?)?)
}
