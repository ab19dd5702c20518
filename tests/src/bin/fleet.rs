//! `cargo run --release -p mdm-tests --bin fleet -- --devices 1000000 --days 10`: a fleet in virtual time.
//!
//! Lives every device through a change of authority and reports what became of it; the exit code is 1 if anything did
//! not hold that must always hold. `--help` tells what else can be asked.

#![expect(clippy::print_stdout, reason = "the report is its purpose")]

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, anyhow, ensure};
use clap::Parser as _;
use indicatif::{ProgressBar, ProgressStyle};
use mdm_tests::fleet::arguments::Arguments;
use mdm_tests::fleet::report::{self, Measured};
use mdm_tests::fleet::{self, Scenario, Tally, plot};
use serde::{Deserialize, Serialize};

/// What a shard saves.
#[derive(Debug, Serialize, Deserialize)]
struct Saved {
    scenario: String,
    tally: Tally,
}

fn main() -> ExitCode {
    match play(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("failed: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn play(arguments: &Arguments) -> anyhow::Result<bool> {
    if !arguments.merge.is_empty() {
        return merge(arguments);
    }
    let scenario = arguments.scenario().map_err(|reason| anyhow!(reason))?;
    if let Some(device) = arguments.device {
        let (lines, tally) = fleet::replay(&scenario, device);
        lines.iter().for_each(|line| println!("{line}"));
        return Ok(tally.violation.is_none());
    }
    let threads = match arguments.threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    };
    let (tally, seconds) = live(&scenario, threads);
    let measured = Measured { seconds, threads, peak_bytes: report::peak_bytes() };
    let options = arguments.scenario_options();
    if let Some(file) = &arguments.save {
        let saved = Saved { scenario: options.clone(), tally: tally.clone() };
        std::fs::write(file, serde_json::to_vec(&saved)?).with_context(|| file.display().to_string())?;
    }
    tell(arguments, &scenario, &options, &tally, Some(measured))
}

fn live(scenario: &Scenario, threads: usize) -> (Tally, f64) {
    let devices = scenario.shard_devices();
    let style = ProgressStyle::with_template("{wide_bar} {percent} % of {human_len} devices, {per_sec}, {eta} left");
    let bar = ProgressBar::new(devices.end - devices.start);
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let begun = Instant::now();
    let tally = fleet::run(scenario, threads, &|devices| bar.inc(devices));
    bar.finish_and_clear();
    (tally, begun.elapsed().as_secs_f64())
}

/// Reports on what shards have saved. The scenario is theirs.
fn merge(arguments: &Arguments) -> anyhow::Result<bool> {
    let mut whole: Option<Saved> = None;
    for file in &arguments.merge {
        let text = std::fs::read(file).with_context(|| file.display().to_string())?;
        let part: Saved = serde_json::from_slice(&text).with_context(|| file.display().to_string())?;
        match &mut whole {
            None => whole = Some(part),
            Some(whole) => {
                ensure!(whole.scenario == part.scenario, "{} is of another scenario", file.display());
                whole.tally.merge(&part.tally);
            }
        }
    }
    let Saved { scenario: options, tally } = whole.context("there is nothing to merge")?;
    let told = Arguments::try_parse_from(std::iter::once("fleet").chain(options.split(' ')))?;
    let scenario = told.scenario().map_err(|reason| anyhow!(reason))?;
    tell(arguments, &scenario, &options, &tally, None)
}

fn tell(
    arguments: &Arguments,
    scenario: &Scenario,
    options: &str,
    tally: &Tally,
    measured: Option<Measured>,
) -> anyhow::Result<bool> {
    if let Some(file) = &arguments.plot {
        plot::draw(scenario, tally, file)?;
    }
    if arguments.json {
        println!("{:#}", report::json(scenario, options, tally, measured));
    } else {
        print!("{}", report::text(scenario, options, tally, measured));
    }
    Ok(tally.violation.is_none())
}
