//! What the screen shows, as a function of what is known, its size and the time. Nothing on it is wider or higher than
//! the screen.

use super::super::output::{Output, printable};
use super::super::status::describe;
use super::super::time::{countdown, moment};
use crate::engine::history::Entry;
use crate::engine::report::Status;

/// What stands in the place of everything while nobody answers.
pub(super) const NO_SERVICE: &str = "The service does not answer. It is asked again every second.";
/// The lines that events have at least, if there are any.
const LEAST_EVENTS: usize = 3;
const FOOTER: &str = "Ctrl-C ends it.";

/// What is known.
#[derive(Debug, Default)]
pub(super) struct View {
    /// How things stand; `None` while the service does not answer.
    pub(super) status: Option<Status>,
    /// The last events, oldest first.
    pub(super) events: Vec<Entry>,
}

/// The lines of the screen, at most `height` of them and none wider than `width`.
pub(super) fn render(view: &View, width: usize, height: usize, now: i64) -> Vec<String> {
    let mut lines = vec![header(view, width, now), String::new()];
    let Some(status) = &view.status else {
        lines.extend([NO_SERVICE.to_owned(), String::new(), FOOTER.to_owned()]);
        return fit(lines, width, height);
    };
    if let Some((due, reason)) = &status.next_check_in {
        lines.push(format!("{:<14} {} ({reason})", "Countdown", countdown(*due, now)));
    }
    let events = view.events.iter().rev().map(event);
    let heading = [String::new(), "Last events".to_owned()];
    let reserved = if view.events.is_empty() { 0 } else { heading.len() + LEAST_EVENTS.min(view.events.len()) };
    // The footer and the line above it.
    let room = height.saturating_sub(lines.len() + reserved + 2);
    lines.extend(describe(status, &Output::plain(), now).lines().take(room).map(str::to_owned));
    if !view.events.is_empty() {
        lines.extend(heading);
        let room = height.saturating_sub(lines.len() + 2);
        lines.extend(events.take(room));
    }
    lines.extend([String::new(), FOOTER.to_owned()]);
    fit(lines, width, height)
}

/// The program and what it is doing on the left, the time on the right.
fn header(view: &View, width: usize, now: i64) -> String {
    let left = match &view.status {
        Some(status) => printable(&format!("mdm-agent {}: {}", status.version, status.activity)),
        None => "mdm-agent".to_owned(),
    };
    let right = moment(now);
    let gap = width.saturating_sub(left.chars().count() + right.chars().count());
    if gap == 0 { left } else { format!("{left}{:gap$}{right}", "") }
}

fn event(entry: &Entry) -> String {
    let pairs = entry.detail.iter().filter(|(_, value)| !value.is_empty());
    let detail = pairs.map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join(", ");
    printable(&format!("  {}  {}  {detail}", moment(entry.time), entry.what))
}

fn fit(lines: Vec<String>, width: usize, height: usize) -> Vec<String> {
    let clip = |line: String| line.chars().take(width).collect();
    lines.into_iter().take(height).map(clip).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::history::Chain;

    const NOW: i64 = 1_800_000_000;

    fn view(events: usize) -> View {
        let status = serde_json::json!({
            "version": "9.9.9", "activity": "in a session", "failures": 0, "unknown_device": false,
            "account": {
                "provider_id": "Contoso", "name": "Con\u{202e}toso", "authority": "Intune",
                "server": "https://mdm.contoso.example", "device_id": "d", "user": null,
                "enrolled_at": NOW - 86_400, "certificate_ends": NOW + 86_400 * 300
            },
            "next_check_in": [NOW + 299, "scheduled check-in"], "last_session": null, "last_completed": null,
            "store_problem": null
        });
        let mut chain = Chain::default();
        let entry = |number: usize| {
            let detail = [("outcome".to_owned(), format!("number {number}"))].into();
            chain.append(NOW - 60, "session", detail)
        };
        View { status: Some(serde_json::from_value(status).unwrap()), events: (0..events).map(entry).collect() }
    }

    #[test]
    fn the_screen_shows_what_goes_on_how_long_it_takes_and_what_happened_last() {
        let lines = render(&view(40), 100, 30, NOW);
        assert_eq!(lines.len(), 30);
        assert!(lines[0].starts_with("mdm-agent 9.9.9: in a session") && lines[0].ends_with("2027-01-15 08:00 UTC"));
        let all = lines.join("\n");
        for part in ["Countdown      in 4:59 (scheduled check-in)", "Authority      Intune", "number 39"] {
            assert!(all.contains(part), "{part}:\n{all}");
        }
        assert!(all.find("number 39") < all.find("number 38"), "the newest first:\n{all}");
        assert!(render(&view(40), 100, 30, NOW + 1).join("\n").contains("in 4:58"));
    }

    #[test]
    fn nothing_is_wider_or_higher_than_the_screen_and_nothing_steers_it() {
        for (width, height) in [(1, 1), (10, 3), (80, 5), (20, 24), (300, 100)] {
            let lines = render(&view(40), width, height, NOW);
            assert!(lines.len() <= height, "{width}x{height}");
            assert!(lines.iter().all(|line| line.chars().count() <= width), "{width}x{height}: {lines:?}");
            assert!(!lines.concat().contains(['\u{202e}', '\u{1b}']), "{width}x{height}");
        }
    }

    #[test]
    fn a_low_screen_keeps_the_newest_events() {
        let all = render(&view(40), 100, 14, NOW).join("\n");
        assert!(all.contains("number 39") && all.contains("number 37") && all.contains(FOOTER), "{all}");
    }

    #[test]
    fn a_service_that_does_not_answer_is_said_so() {
        assert!(render(&View::default(), 80, 24, NOW).iter().any(|line| line == NO_SERVICE));
    }
}
