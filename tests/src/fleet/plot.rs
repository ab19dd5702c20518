//! Two curves of a run in one SVG file: how many devices have moved since the change, and check-ins by the minute.

use std::path::Path;

use anyhow::anyhow;
use plotters::prelude::*;

use super::scenario::Scenario;
use super::tally::Tally;
use super::time::{DAY_MS, HOUR_MS, MINUTE_MS};

const SIZE: (u32, u32) = (1000, 700);
/// How much of the time since the change is drawn, in hours: who was online has moved within eight.
const MIGRATION_HOURS: f64 = 12.0;
/// Points that a curve has at most: of the minutes of one point, the greatest is drawn.
const POINTS: usize = 2000;

/// Draws both curves.
pub fn draw(scenario: &Scenario, tally: &Tally, file: &Path) -> anyhow::Result<()> {
    let root = SVGBackend::new(file, SIZE).into_drawing_area();
    let failed = |error: &dyn std::fmt::Display| anyhow!("cannot draw {}: {error}", file.display());
    root.fill(&WHITE).map_err(|error| failed(&error))?;
    let (upper, lower) = root.split_vertically(SIZE.1 / 2);
    let hours = |minute: usize| minute as f64 * MINUTE_MS as f64 / HOUR_MS as f64;
    let moved = tally.migration.per_minute.0.iter().scan(0, |sum, count| {
        *sum += count;
        Some(*sum)
    });
    let moved = moved.enumerate().map(|(minute, sum)| (hours(minute + 1), sum));
    let left = (scenario.end().saturating_sub(scenario.change) as f64 / HOUR_MS as f64).min(MIGRATION_HOURS);
    let moved: Vec<(f64, u64)> = std::iter::once((0.0, 0)).chain(moved).filter(|(hour, _)| *hour <= left).collect();
    let title = format!("Devices with {} by hours since the change", scenario.to.name());
    curve(&upper, &title, &thin(&moved), left).map_err(|error| failed(&error))?;
    let days = |minute: usize| minute as f64 * MINUTE_MS as f64 / DAY_MS as f64;
    let minutes = tally.sessions.per_minute.0.iter().enumerate();
    let minutes: Vec<(f64, u64)> = minutes.map(|(minute, count)| (days(minute), *count)).collect();
    curve(&lower, "Check-ins per minute by days", &thin(&minutes), scenario.end() as f64 / DAY_MS as f64)
        .map_err(|error| failed(&error))?;
    root.present().map_err(|error| failed(&error))
}

fn thin(points: &[(f64, u64)]) -> Vec<(f64, u64)> {
    let group = points.len().div_ceil(POINTS).max(1);
    points.chunks(group).filter_map(|chunk| chunk.iter().copied().max_by_key(|(_, count)| *count)).collect()
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

fn curve<'a>(
    area: &Area<'a>,
    title: &str,
    points: &[(f64, u64)],
    width: f64,
) -> Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>> {
    let most = points.iter().map(|(_, count)| *count).max().unwrap_or(0).max(1);
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(28)
        .y_label_area_size(70)
        .build_cartesian_2d(0.0..width.max(0.1), 0..most + most / 20 + 1)?;
    chart.configure_mesh().light_line_style(WHITE).draw()?;
    chart.draw_series(LineSeries::new(points.iter().copied(), &BLUE))?;
    Ok(())
}
