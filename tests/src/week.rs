//! The page "a week, day by day": what a device does from its first missed check-in to its last profile, as it is seen in
//! virtual time. Every time in it is measured; a test holds the page against a new run.

use std::fmt::Write as _;

use mdm_sim_server::tenant::{Authority, TenantMode};

use crate::scenario::{DAY, Trouble, World};

const USER: &str = "ada@tenant.example";
const HOUR: i64 = 3600;
const MINUTE: i64 = 60;
const SETTING: &str = "Profile";

/// The page and its drawing.
#[derive(Debug)]
pub struct Week {
    /// The page, as Markdown.
    pub page: String,
    /// The drawing, as SVG.
    pub drawing: String,
}

/// Something that happened, and when after the last completed check-in, in seconds.
type Event = (i64, String);

/// A life that ends with a removal, or without one.
struct Row {
    what: &'static str,
    removed: Option<i64>,
    note: String,
}

/// Makes both.
pub fn week() -> anyhow::Result<Week> {
    let events = away()?;
    let rows = others()?;
    let mut page = PREFACE.to_owned();
    for (at, what) in &events {
        let _ = writeln!(page, "| {} | {what} |", moment(*at));
    }
    page.push_str(OTHERS);
    for Row { what, removed, note } in &rows {
        let removed = removed.map_or_else(|| "not at all".to_owned(), moment);
        let _ = writeln!(page, "| {what} | {removed} | {note} |");
    }
    page.push_str(END);
    Ok(Week { page, drawing: drawing(&events) })
}

/// A device that has just completed a check-in.
fn world() -> anyhow::Result<(World, i64)> {
    let mut world = World::new(TenantMode::Intune)?;
    world.add_known_user(USER, true)?;
    world.enrol_by_token(USER)?;
    world.assign("profile", Authority::Intune, SETTING, "1")?;
    // The denser schedule of the first hours has been completed.
    world.pass(DAY);
    world.sync(0);
    let last = world.now();
    Ok((world, last))
}

fn is_applied(world: &World) -> bool {
    world.machines[0].value(SETTING).is_some()
}

/// The device stays on and loses its network right after a check-in; it comes back on the ninth day.
fn away() -> anyhow::Result<Vec<Event>> {
    let (mut world, last) = world()?;
    let (records, notes) = (world.machines[0].records.len(), world.machines[0].notes.len());
    world.set_online(0, false);
    world.pass(8 * DAY + 6 * HOUR);
    let machine = &world.machines[0];
    let mut events: Vec<Event> = vec![(0, "the last check-in is completed; then the network fails".to_owned())];
    let missed = &machine.records[records..];
    let after = |seconds: i64| seconds - last;
    if let Some(first) = missed.first() {
        let failed = missed.len();
        events
            .push((after(first.ended), format!("the first check-in is missed; {failed} attempts follow in the week")));
    }
    let last_chance = missed.iter().find(|record| record.triggers.names().contains("last-chance"));
    events.extend(last_chance.map(|record| (after(record.ended), LAST_CHANCE.to_owned())));
    for note in &machine.notes[notes..] {
        match note.what {
            "profile-expires-soon" => events.push((after(note.time), WARNED.to_owned())),
            "profile-removed" => events.push((after(note.time), REMOVED.to_owned())),
            _ => {}
        }
    }
    world.set_online(0, true);
    let back = world.now();
    events.push((after(back), "the network is back".to_owned()));
    while !is_applied(&world) && world.now() < back + HOUR {
        world.pass(1);
    }
    anyhow::ensure!(is_applied(&world), "the profile is not delivered again");
    events.push((after(world.now()), DELIVERED.to_owned()));
    events.sort();
    Ok(events)
}

const LAST_CHANCE: &str = "a last check-in is tried, and repeated for ten minutes";
const WARNED: &str = "the removal is announced in `history`, `status` and on the desktop";
const REMOVED: &str =
    "the profile is removed from the machine, its content from the store; name, owner and reason remain";
const DELIVERED: &str =
    "a check-in is completed: the loss is reported, and the profile is applied again in the same session";

/// The same week in other circumstances.
fn others() -> anyhow::Result<Vec<Row>> {
    let mut rows = vec![
        row(
            "off from the second day to the ninth, network and server there",
            |world| {
                off(world, 8 * DAY);
            },
            "the check-in comes first, and keeps it",
        )?,
        row(
            "off from the second day to the ninth, no network, clock kept by a time service",
            |world| {
                world.set_online(0, false);
                world.machines[0].is_synchronized = true;
                off(world, 8 * DAY);
            },
            "ten minutes after the start",
        )?,
        row(
            "off from the second day to the ninth, no network, nothing confirms the clock",
            |world| {
                world.set_online(0, false);
                off(world, 8 * DAY);
            },
            "an hour after the start",
        )?,
        row(
            "off for an hour, the clock thirty days ahead, no network for fifty minutes",
            |world| {
                world.set_online(0, false);
                world.set_power(0, false);
                world.set_wall_error(0, 30 * DAY);
                world.pass(HOUR);
                world.set_power(0, true);
                world.pass(50 * MINUTE);
                world.set_online(0, true);
            },
            "the server's date takes back what the clock claimed",
        )?,
    ];
    rows.extend(awake()?);
    Ok(rows)
}

/// Where the machine is not off.
fn awake() -> anyhow::Result<Vec<Row>> {
    Ok(vec![
        row(
            "asleep from the second day to the ninth, the server refuses connections",
            |world| {
                world.pass(DAY);
                world.trouble = Trouble::Unreachable;
                world.sleep(0, 8 * DAY);
            },
            "ten minutes after it woke",
        )?,
        row("on, and a captive portal answers in the server's place", |world| world.trouble = Trouble::Portal, "")?,
        row(
            "on, and its clock is set back by a year on the third day; no network",
            |world| {
                world.set_online(0, false);
                world.pass(2 * DAY);
                world.set_wall_error(0, -365 * DAY);
            },
            "a clock that is set moves nothing while the machine runs",
        )?,
        row(
            "another authority takes over at once, the device checks in with it; it has no such profile",
            |world| {
                let _ = world.set_authority(TenantMode::CoManagement);
            },
            "seven days after its owner's last check-in",
        )?,
        row(
            "another authority takes over on the third day; no network",
            |world| {
                world.set_online(0, false);
                world.pass(2 * DAY);
                let _ = world.set_authority(TenantMode::CoManagement);
            },
            "the device need not know",
        )?,
    ])
}

fn off(world: &mut World, seconds: i64) {
    world.pass(DAY);
    world.set_power(0, false);
    world.pass(seconds);
    world.set_power(0, true);
}

/// When the profile is removed in the ten days after the last check-in, if it is.
fn row(what: &'static str, happens: impl FnOnce(&mut World), note: &str) -> anyhow::Result<Row> {
    let (mut world, last) = world()?;
    let before = world.machines[0].notes.len();
    happens(&mut world);
    let rest = last + 12 * DAY - world.now();
    world.pass(rest.max(0));
    let notes = &world.machines[0].notes[before..];
    let kept_by = world.machines[0].records.iter().rev().find(|record| record.completed).map(|record| record.ended);
    let removed =
        notes.iter().find(|note| note.what == "profile-removed").map(|_| removal(&world, last)).transpose()?;
    anyhow::ensure!(removed.is_some() || is_applied(&world), "{what}: {kept_by:?}");
    Ok(Row { what, removed, note: note.to_owned() })
}

/// The true moment of the removal: the device's own time may be another.
fn removal(world: &World, last: i64) -> anyhow::Result<i64> {
    let at = world.machines[0].noted_at("profile-removed");
    Ok(at.ok_or_else(|| anyhow::anyhow!("nothing was removed"))? - last)
}

fn moment(seconds: i64) -> String {
    let rounded = (seconds + MINUTE / 2) / MINUTE * MINUTE;
    format!("day {}, {:02}:{:02}", rounded / DAY, rounded / HOUR % 24, rounded / MINUTE % 60)
}

/// The week as a line, with what happens on it.
fn drawing(events: &[Event]) -> String {
    const WIDTH: i64 = 900;
    const LEFT: i64 = 40;
    let place = |seconds: i64| LEFT + seconds * (WIDTH - 2 * LEFT) / (9 * DAY);
    let at = |what: &str| events.iter().find(|(_, text)| text == what).map_or(0, |(at, _)| *at);
    let (removed, again) = (place(at(REMOVED)), place(at(DELIVERED)));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {}\" font-family=\"sans-serif\" \
         font-size=\"13\">\n<title>A week without a check-in</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        150 + 22 * events.len()
    );
    let bar = |from: i64, to: i64, fill: &str| {
        format!("<rect x=\"{from}\" y=\"50\" width=\"{}\" height=\"24\" fill=\"{fill}\"/>\n", to - from)
    };
    svg.push_str(&bar(place(0), removed, "#2b7a4b"));
    svg.push_str(&bar(removed, again, "#d9d9d9"));
    svg.push_str(&bar(again, place(9 * DAY), "#2b7a4b"));
    let text = |x: i64, y: usize, text: &str| format!("<text x=\"{x}\" y=\"{y}\">{text}</text>\n");
    svg.push_str(&text(place(0), 40, "profile applied"));
    svg.push_str(&text(removed + 6, 40, "removed"));
    for day in 0..=9 {
        let x = place(day * DAY);
        let _ = writeln!(svg, "<line x1=\"{x}\" y1=\"74\" x2=\"{x}\" y2=\"82\" stroke=\"#333\"/>");
        svg.push_str(&text(x - 4, 98, &day.to_string()));
    }
    svg.push_str(&text(WIDTH - LEFT - 30, 114, "days"));
    for (number, (at, what)) in events.iter().enumerate() {
        let (x, y) = (place(*at), 134 + 22 * number);
        let _ = writeln!(svg, "<circle cx=\"{x}\" cy=\"62\" r=\"4\" fill=\"#c2410c\" stroke=\"#fff\"/>");
        svg.push_str(&text(LEFT, y, &format!("{}: {}", moment(*at), what.replace('`', ""))));
    }
    svg.push_str("</svg>\n");
    svg
}

const PREFACE: &str = "# A week, day by day\n\n\
    What a device does from its first missed check-in to its last profile. A profile stays for seven days after the last \
    check-in that was completed with its owner. Made by `cargo run -p mdm-tests --bin week` from a run of the agent and \
    the tenant in virtual time; a test holds the page against a new run.\n\n\
    ![a week without a check-in](a-week.svg)\n\n\
    ## Without a network\n\n| when | what happens |\n|---|---|\n";
const OTHERS: &str = "\n## In other circumstances\n\n\
    Day 0 is the last completed check-in; the machine is on at first.\n\n\
    | what happens | removed | why then |\n|---|---|---|\n";
const END: &str = "\nNo profile is removed before a check-in with the server that could keep it was tried for ten minutes, \
    whatever it failed by. What a machine's clock alone claims to have passed while it was off removes nothing until a \
    server, a time service or an hour of running has confirmed it.\n";
