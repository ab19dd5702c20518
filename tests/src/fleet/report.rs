//! What is told of a run, for people and for programs. Everything but the first lines depends on the scenario alone.

use serde_json::{Value, json};

use super::counts::Spread;
use super::incident::Incident;
use super::scenario::Scenario;
use super::tally::{By, Cause, Tally, Unmoved};
use super::time::{DAY_MS, HOUR_MS, MINUTE_MS, clock_text, span_text};

/// How far the change has come is told at these times after it.
const MARKS_MS: [u64; 10] = [
    MINUTE_MS,
    5 * MINUTE_MS,
    10 * MINUTE_MS,
    HOUR_MS,
    2 * HOUR_MS,
    4 * HOUR_MS,
    8 * HOUR_MS,
    DAY_MS,
    3 * DAY_MS,
    7 * DAY_MS,
];
const PERCENTILES: [f64; 4] = [50.0, 90.0, 99.0, 99.9];

/// How it was measured.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// How long the run took.
    pub seconds: f64,
    /// On how many threads.
    pub threads: usize,
    /// The most memory that the process ever had, in bytes.
    pub peak_bytes: Option<u64>,
}

/// The most memory that this process ever had, in bytes.
pub fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

/// The command that tells the life of one device of the run.
pub fn replay_command(options: &str, device: u64) -> String {
    format!("cargo run --release -p mdm-tests --bin fleet -- {options} --device {device}")
}

/// The report in JSON.
pub fn json(scenario: &Scenario, options: &str, tally: &Tally, measured: Option<Measured>) -> Value {
    let (minute, count) = tally.sessions.per_minute.peak();
    let counts = |names: &[&str], counts: &[u64]| -> Value {
        names
            .iter()
            .zip(counts)
            .map(|(name, count)| ((*name).to_owned(), json!(count)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let migration = &tally.migration;
    let (profiles, certificates) = (&tally.profiles, &tally.certificates);
    json!({
        "scenario": options,
        "seed": scenario.seed,
        "days": scenario.days,
        "shard": format!("{}/{}", scenario.shard.0, scenario.shard.1),
        "devices": tally.devices,
        "not_admitted": tally.not_admitted,
        "events": tally.events,
        "check_ins": {
            "begun": tally.sessions.begun,
            "completed": tally.sessions.completed,
            "failed": counts(&Cause::ALL.iter().map(|cause| cause.as_str()).collect::<Vec<_>>(), &tally.sessions.failed),
            "per_minute": { "mean": mean_per_minute(scenario, tally), "peak": count, "peak_minute": minute },
            "delay_ms": spread(&tally.sessions.delay),
        },
        "migration": {
            "from": scenario.from.name(),
            "to": scenario.to.name(),
            "changed_at_ms": scenario.change,
            "rung": migration.rung,
            "moved": moved(tally),
            "moved_by": counts(&By::ALL.iter().map(|by| by.as_str()).collect::<Vec<_>>(), &migration.moved_by),
            "unmoved": counts(&Unmoved::ALL.iter().map(|why| why.as_str()).collect::<Vec<_>>(), &migration.unmoved),
            "online_ms": spread(&migration.online),
            "others_ms": spread(&migration.others),
            "curve": curve(tally).into_iter().map(|(ms, count)| json!({ "after_ms": ms, "moved": count })).collect::<Vec<_>>(),
        },
        "profiles": {
            "received": profiles.received, "confirmed": profiles.confirmed, "replaced": profiles.replaced,
            "expired": profiles.expired, "deleted": profiles.deleted, "warnings": profiles.warnings,
            "held": profiles.held, "redundant": profiles.redundant,
            "age_at_expiry_ms": spread(&profiles.age), "late_ms": spread(&profiles.late),
        },
        "certificates": {
            "renewed": certificates.renewed, "failed": certificates.failed, "lapsed": certificates.lapsed,
            "delisted": certificates.delisted,
        },
        "incidents": counts(&Incident::ALL.iter().map(|what| what.as_str()).collect::<Vec<_>>(), &tally.incidents),
        "state_bytes": tally.state_bytes,
        "violation": tally.violation,
        "measured": measured.map(|measured| json!({
            "seconds": measured.seconds, "threads": measured.threads, "peak_bytes": measured.peak_bytes,
            "events_per_second": (tally.events as f64 / measured.seconds).round(),
        })),
    })
}

fn spread(spread: &Spread) -> Value {
    if spread.is_empty() {
        return Value::Null;
    }
    let [p50, p90, p99, p999] = PERCENTILES.map(|percent| spread.percentile(percent));
    let (least, greatest) = (spread.least(), spread.greatest());
    json!({ "count": spread.len(), "min": least, "p50": p50, "p90": p90, "p99": p99, "p99.9": p999, "max": greatest })
}

fn moved(tally: &Tally) -> u64 {
    tally.migration.moved_by.iter().sum()
}

fn mean_per_minute(scenario: &Scenario, tally: &Tally) -> f64 {
    let minutes = (scenario.end() / MINUTE_MS).max(1);
    (tally.sessions.per_minute.0.iter().sum::<u64>() as f64 / minutes as f64 * 10.0).round() / 10.0
}

/// How many devices had moved by when.
fn curve(tally: &Tally) -> Vec<(u64, u64)> {
    let minutes = &tally.migration.per_minute.0;
    let upto = |ms: u64| minutes.iter().take(usize::try_from(ms / MINUTE_MS).unwrap_or(usize::MAX)).sum();
    MARKS_MS.iter().map(|ms| (*ms, upto(*ms))).collect()
}

/// The report for people.
pub fn text(scenario: &Scenario, options: &str, tally: &Tally, measured: Option<Measured>) -> String {
    let mut lines = Table(String::new());
    let shard =
        if scenario.shard.1 > 1 { format!(", shard {}/{}", scenario.shard.0, scenario.shard.1) } else { String::new() };
    lines.row("scenario", format!("{options}{shard}"));
    lines.row("devices", format!("{} for {} days, seed {}", number(tally.devices), scenario.days, scenario.seed));
    if tally.not_admitted > 0 {
        lines.row("", format!("{} not admitted: their users have no licence", number(tally.not_admitted)));
    }
    if let Some(measured) = measured {
        let rate = number((tally.events as f64 / measured.seconds) as u64);
        let memory =
            measured.peak_bytes.map_or_else(|| "unknown".to_owned(), |bytes| format!("{} MB", bytes / 1_000_000));
        lines.row("measured", format!("{:.1} s on {} threads, {rate} events/s", measured.seconds, measured.threads));
        lines.row("", format!("peak memory {memory}, state of one device {} bytes", number(tally.state_bytes)));
    }
    check_ins(scenario, tally, &mut lines);
    migration(scenario, tally, &mut lines);
    profiles(tally, &mut lines);
    let known = &tally.certificates;
    lines.row("certificates", format!("{} renewed, {} attempts failed", number(known.renewed), number(known.failed)));
    lines.row("", format!("{} ended, {} devices no longer listed", number(known.lapsed), number(known.delisted)));
    for (what, count) in Incident::ALL.iter().zip(tally.incidents).filter(|(_, count)| *count > 0) {
        lines.row("incident", format!("{} {}", number(count), what.as_str()));
    }
    match &tally.violation {
        None => {
            lines.row("invariants", format!("hold at all {} events", number(tally.events)));
            lines.row("replay", replay_command(options, scenario.shard_devices().start));
        }
        Some(violation) => {
            let when = clock_text(violation.moment);
            lines.row("VIOLATION", format!("{when}, device {}: {}", violation.device, violation.what));
            lines.row("replay", replay_command(options, violation.device));
        }
    }
    lines.0
}

fn check_ins(scenario: &Scenario, tally: &Tally, lines: &mut Table) {
    let sessions = &tally.sessions;
    lines.row("check-ins", format!("{} begun, {} completed", number(sessions.begun), number(sessions.completed)));
    let (minute, count) = sessions.per_minute.peak();
    let when = clock_text(minute as u64 * MINUTE_MS);
    lines.row(
        "",
        format!(
            "{} per minute on average, most {} at {}",
            mean_per_minute(scenario, tally),
            number(count),
            &when[..when.len() - 7]
        ),
    );
    lines.row("due to held", percentiles(&sessions.delay));
    for (cause, count) in Cause::ALL.iter().zip(sessions.failed).filter(|(_, count)| *count > 0) {
        lines.row("failed", format!("{} {}", number(count), cause.as_str()));
    }
}

fn migration(scenario: &Scenario, tally: &Tally, lines: &mut Table) {
    if scenario.change >= scenario.end() {
        return;
    }
    let known = &tally.migration;
    let (from, to, day) = (scenario.from.name(), scenario.to.name(), scenario.change / DAY_MS);
    let is_set_back = scenario.change_back < scenario.end();
    let back = if is_set_back { format!(", back on day {}", scenario.change_back / DAY_MS) } else { String::new() };
    lines.row("change", format!("{from} to {to} on day {day}{back}, {} rings heard", number(known.rung)));
    let by = By::ALL.iter().zip(known.moved_by).filter(|(_, count)| *count > 0);
    let by: Vec<String> = by.map(|(by, count)| format!("{} by {}", number(count), by.as_str())).collect();
    lines.row("moved", format!("{} times: {}", number(moved(tally)), by.join(", ")));
    let after: Vec<String> =
        curve(tally).iter().map(|(ms, count)| format!("{}: {}", mark(*ms), number(*count))).collect();
    lines.row("within", after[..5].join(", "));
    lines.row("", after[5..].join(", "));
    lines.row("online ones", percentiles(&known.online));
    lines.row("others", percentiles(&known.others));
    for (why, count) in Unmoved::ALL.iter().zip(known.unmoved).filter(|(_, count)| *count > 0) {
        lines.row("not moved", format!("{} {}", number(count), why.as_str()));
    }
}

fn profiles(tally: &Tally, lines: &mut Table) {
    let known = &tally.profiles;
    let count = |count: u64| number(count);
    lines.row(
        "profiles",
        format!(
            "{} received, {} replaced, {} confirmations",
            count(known.received),
            count(known.replaced),
            count(known.confirmed)
        ),
    );
    lines.row(
        "",
        format!(
            "{} expired, {} deleted by the server, {} warnings",
            count(known.expired),
            count(known.deleted),
            count(known.warnings)
        ),
    );
    lines.row("", format!("{} at the end, of which {} redundant", count(known.held), count(known.redundant)));
    if let (Some(least), Some(most), Some(late)) = (known.age.least(), known.age.greatest(), known.late.greatest()) {
        let (least, most) = (least as f64 / DAY_MS as f64, most as f64 / DAY_MS as f64);
        lines.row("expired after", format!("{least:.5} to {most:.5} days without their owner"));
        lines.row("", format!("at most {} late on a machine that was running", span_text(late)));
    }
}

fn mark(ms: u64) -> String {
    match ms {
        _ if ms >= DAY_MS => format!("{} d", ms / DAY_MS),
        _ if ms >= HOUR_MS => format!("{} h", ms / HOUR_MS),
        _ => format!("{} min", ms / MINUTE_MS),
    }
}

fn percentiles(spread: &Spread) -> String {
    let (Some(least), Some(greatest)) = (spread.least(), spread.greatest()) else { return "none".to_owned() };
    let [p50, p90, p99, p999] = PERCENTILES.map(|percent| span_text(spread.percentile(percent)));
    format!("min {}, p50 {p50}, p90 {p90}, p99 {p99}, p99.9 {p999}, max {}", span_text(least), span_text(greatest))
}

/// A number with its thousands apart.
fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

struct Table(String);

impl Table {
    fn row(&mut self, name: &str, value: impl AsRef<str>) {
        self.0.push_str(&format!("{name:<15}{}\n", value.as_ref()));
    }
}
