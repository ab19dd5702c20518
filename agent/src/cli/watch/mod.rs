//! `status --watch`: looks once a second and shows what changed: on a terminal as a screen that is drawn in place,
//! elsewhere as a line of JSON or a block of text for each change. It asks the service and nobody else: a command that
//! opened the store every second would be in everybody's way.

mod screen;
mod terminal;

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::timeout;

use self::screen::{View, render};
use self::terminal::Terminal;
use super::output::Output;
use super::status::describe;
use super::{Place, VerbResult};
use crate::engine::report::{HistoryView, Status};
use crate::shell::clock;
use crate::shell::control::{ControlRequest, client};

/// How often the service is asked.
const INTERVAL: Duration = Duration::from_secs(1);
/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many events are asked for.
const EVENTS: usize = 50;
/// How often events are asked for although nothing else has changed, in looks: the whole history is checked for it.
const LOOKS: u32 = 10;
/// By how many seconds the moment of the next check-in differs from look to look, although it is the same.
const JITTER: i64 = 2;

/// Shows until it is interrupted.
pub(super) async fn run(place: &Place, output: &Output) -> VerbResult {
    let mut ends = Ends::new()?;
    let mut resized = signal(SignalKind::window_change())?;
    let mut watch = Watch { view: View::default(), looks: 0 };
    let mut terminal = if output.is_screen() { Some(Terminal::enter()?) } else { None };
    loop {
        let changed = tokio::select! {
            changed = watch.look(place) => changed,
            () = ends.come() => break,
        };
        let shown = match &mut terminal {
            Some(terminal) => {
                let (width, height) = Terminal::size();
                terminal.draw(&render(&watch.view, width, height, clock::now().wall))
            }
            None if changed => print(&watch.view, output),
            None => Ok(()),
        };
        if shown.is_err() {
            // Nobody reads any more.
            break;
        }
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            _ = resized.recv() => terminal.iter_mut().for_each(Terminal::forget),
            () = ends.come() => break,
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What ends the showing.
struct Ends {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Ends {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn come(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }
}

/// What was seen last.
struct Watch {
    view: View,
    looks: u32,
}

impl Watch {
    /// Looks again; whether something is different.
    async fn look(&mut self, place: &Place) -> bool {
        let mut status: Option<Status> = ask(place, ControlRequest::Status).await;
        if let (Some(before), Some(status)) = (&self.view.status, &mut status) {
            steady(before, status);
        }
        let is_first = self.looks == 0;
        let status_changed = is_first || !is_same(self.view.status.as_ref(), status.as_ref());
        let mut changed = status_changed;
        if status.is_some() && (status_changed || self.looks.is_multiple_of(LOOKS)) {
            let history: Option<HistoryView> = ask(place, ControlRequest::History { limit: EVENTS }).await;
            let events = history.map(|history| history.entries).unwrap_or_default();
            changed |= events != self.view.events;
            self.view.events = events;
        }
        self.looks = self.looks.wrapping_add(1).max(1);
        self.view.status = status;
        changed
    }
}

async fn ask<T: DeserializeOwned>(place: &Place, request: ControlRequest) -> Option<T> {
    let stream = client::connect(&place.paths.socket()).await?;
    let answer = timeout(PATIENCE, client::ask(stream, &request)).await.ok()?.ok()?;
    serde_json::from_value(answer).ok()
}

/// Leaves the moment of the next check-in as it was, if it is the same.
fn steady(before: &Status, status: &mut Status) {
    if let (Some((was, _)), Some((is, _))) = (&before.next_check_in, &mut status.next_check_in)
        && (*is - was).abs() <= JITTER
    {
        *is = *was;
    }
}

/// Whether two looks saw the same.
fn is_same(before: Option<&Status>, after: Option<&Status>) -> bool {
    json!(before) == json!(after)
}

/// A change for somebody who reads it later.
fn print(view: &View, output: &Output) -> std::io::Result<()> {
    let now = clock::now().wall;
    let text = if output.is_json() {
        let last = view.events.last();
        let status = view.status.as_ref().map_or(Value::Null, |status| json!(status));
        json!({ "time": now, "status": status, "last_event": last }).to_string()
    } else {
        let status = view.status.as_ref().map(|status| describe(status, output, now));
        format!("{}\n{}\n", super::time::moment(now), status.unwrap_or_else(|| screen::NO_SERVICE.to_owned()))
    };
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{text}").and_then(|()| stdout.flush())
}
