//! Chromium, asked by its debugging protocol.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{ChildStdin, ChildStdout};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::documents::{Apart, Documents};

/// Chromium, spoken to by its debugging protocol over a pipe.
pub(crate) struct Chromium {
    _process: Apart,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    count: u64,
    _home: TempDir,
}

impl Chromium {
    pub(crate) fn start(documents: &Documents) -> Self {
        let home = TempDir::new().unwrap();
        let data = format!("--user-data-dir={}", home.path().join("data").display());
        let flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-component-update \
                     --disable-background-networking --disable-sync --remote-debugging-pipe";
        let program: Vec<&str> = ["chromium"].into_iter().chain(flags.split_whitespace()).chain([&*data]).collect();
        let mut process = Apart::start(documents, "3<&0 4>&1 >/dev/null 2>&1", &program, home.path());
        let (orders, answers) = (process.0.stdin.take().unwrap(), BufReader::new(process.0.stdout.take().unwrap()));
        Self { _process: process, orders, answers, count: 0, _home: home }
    }

    pub(crate) fn call(&mut self, session: Option<&str>, method: &str, parameters: &Value) -> Value {
        self.try_to_call(session, method, parameters).unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    fn try_to_call(&mut self, session: Option<&str>, method: &str, parameters: &Value) -> Result<Value, Value> {
        self.count += 1;
        let mut order = json!({"id": self.count, "method": method, "params": parameters});
        if let Some(session) = session {
            order["sessionId"] = json!(session);
        }
        self.orders.write_all(format!("{order}\0").as_bytes()).unwrap();
        loop {
            let mut answer = Vec::new();
            self.answers.read_until(0, &mut answer).unwrap();
            let mut answer: Value = serde_json::from_slice(answer.strip_suffix(&[0]).unwrap()).unwrap();
            if answer["id"] == self.count {
                return match answer.get_mut("error") {
                    Some(error) => Err(error.take()),
                    None => Ok(answer["result"].take()),
                };
            }
        }
    }

    /// Opens a page and answers with its session.
    pub(crate) fn open(&mut self, page: &str) -> String {
        let target = self.call(None, "Target.createTarget", &json!({"url": page}))["targetId"].take();
        let session = self.call(None, "Target.attachToTarget", &json!({"targetId": target, "flatten": true}));
        session["sessionId"].as_str().unwrap().to_owned()
    }

    /// What the browser itself says of every policy, on its own page.
    pub(crate) fn policies(&mut self) -> Value {
        let session = self.open("chrome://policy");
        let script = r#"import("chrome://resources/js/cr.js").then(cr => new Promise(done => {
            cr.addWebUiListener("policies-updated", (names, values) => done(JSON.stringify(values)));
            setTimeout(() => done("null"), 10000);
            chrome.send("listenPoliciesUpdates");
        }))"#;
        let order = json!({"expression": script, "awaitPromise": true, "returnByValue": true});
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            let answer = self.try_to_call(Some(&session), "Runtime.evaluate", &order);
            let said = answer.as_ref().ok().and_then(|answer| answer["result"]["value"].as_str());
            match said {
                Some(text) => {
                    break serde_json::from_str::<Value>(text).unwrap()["policyGroups"]["chrome"]["policies"].take();
                }
                // The page is not there yet, or it takes the place of the empty one just now.
                None => assert!(Instant::now() < until, "{answer:?}"),
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}
